//! `wx.authorize`: asks the person for a scope. `answer` is what they say, else their switches decide.

use serde_json::json;
use wxmock_world::{DeviceFail, Scope};

use super::api::{Api, Asked, Happened, Run};
use super::variation::{ANSWER, ANSWERS};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "authorize",
    accepts: &[&["scope"], ANSWER],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let answer = asked.arguments.word("answer", &ANSWERS)?;
    let scope = match asked.arguments.page_string("scope") {
        Ok(scope) => scope,
        Err(wrong) => return Ok(asked.wrong_type(&wrong)),
    };
    let Some(scope) = Scope::named(&scope) else {
        // How a phone words a scope it does not know is unknown; the text is ours.
        let reason = format!(" unknown scope {scope}");
        return Ok(asked.failed(DeviceFail::new(asked.api, &reason)));
    };
    let effect = asked.with(|world, now, who| world.authorize(now, who, scope, answer));
    Ok(asked.happened(effect, |()| json!({})))
}
