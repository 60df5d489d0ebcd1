//! Account switch: the person logs in to WeChat on this phone. From then on calls that name the phone and no user are theirs; codes, keys and whatever a page has stored stay as they are.

use serde_json::json;

use super::api::{Api, Asked, Happened, Run};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "switchAccount",
    accepts: &[],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let effect = asked.with(|world, now, who| world.switch_account(now, who));
    Ok(asked.happened(
        effect,
        |()| json!({ "user": asked.who.user, "device": asked.who.device }),
    ))
}
