//! The person removes the mini program from this phone: what they allowed is forgotten, and what was fetched ahead. A page's storage is the page's; who plays it clears it as well.

use serde_json::json;

use super::api::{Api, Asked, Happened, Run};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "uninstall",
    accepts: &[],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let effect = asked.with(|world, now, who| world.uninstall(now, who));
    Ok(asked.happened(
        effect,
        |()| json!({ "user": asked.who.user, "device": asked.who.device }),
    ))
}
