//! `wx.getUserProfile`: a profile whose ciphertext names nobody.

use wxmock_world::{Capture, DeviceFail, OpenDataApi};

use super::api::{Api, Asked, Happened, Run};
use super::open_data;
use super::variation::{ANSWER, PROFILE, SEAL};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "getUserProfile",
    accepts: &[
        &["desc", "lang", "withCredentials", "tap"],
        ANSWER,
        SEAL,
        PROFILE,
    ],
    run: Run::Now(run),
};

/// Most characters of `desc`. Source: official typings.
const DESC_MAX: usize = 30;

/// The two texts are captured. A call from a shell has no `desc`, so only one that is there is judged.
fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let fail = |reason| Ok(asked.failed(DeviceFail::new(API.name, reason)));
    if asked.arguments.flag("tap")? == Some(false) {
        return fail(" can only be invoked by user TAP gesture.");
    }
    let desc = asked.arguments.any_text("desc")?;
    if desc.is_some_and(|desc| !(1..=DESC_MAX).contains(&desc.chars().count())) {
        return fail(" desc length does not meet the requirements");
    }
    open_data::capture(asked, Capture::new(OpenDataApi::GetUserProfile))
}
