//! `wx.getUserCryptoManager().getLatestUserKey`: the encryption key that page and backend share.
//!
//! Field names and types: official typings. Unknown: whether `expireTime` counts seconds or milliseconds; seconds here, as
//! `create_time` of the backend's twin does.

use serde_json::json;

use super::api::{Api, Asked, Happened, Run};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "getLatestUserKey",
    accepts: &[],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let effect = asked.with(|world, now, who| world.get_latest_user_key(now, who));
    Ok(asked.happened(effect, |key| {
        json!({
            "encryptKey": key.encrypt_key,
            "iv": key.iv,
            "version": key.version,
            "expireTime": key.expires_at.seconds(),
        })
    }))
}
