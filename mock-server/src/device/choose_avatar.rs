//! The avatar button (`open-type="chooseAvatar"`): the path of a temporary file on the phone. A backend that stores it stores
//! something nobody else can open.

use serde_json::json;

use super::api::{Api, Asked, Happened, Run};
use super::variation::{ANSWER, ANSWERS};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "chooseAvatar",
    accepts: &[ANSWER],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let answer = asked.arguments.word("answer", &ANSWERS)?;
    let effect = asked.with(|world, now, who| world.choose_avatar(now, who, answer));
    Ok(asked.happened(effect, |path| json!({ "avatarUrl": path })))
}
