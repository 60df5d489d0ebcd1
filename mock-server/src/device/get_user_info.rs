//! `wx.getUserInfo`: a profile whose ciphertext names the person.

use wxmock_world::{Capture, OpenDataApi};

use super::api::{Api, Asked, Happened, Run};
use super::open_data;
use super::variation::{ANSWER, PROFILE, SEAL};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "getUserInfo",
    accepts: &[
        &["lang", "timeout", "withCredentials"],
        ANSWER,
        SEAL,
        PROFILE,
    ],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let with_credentials = asked.arguments.flag("withCredentials")?.unwrap_or(true);
    let usual = Capture {
        with_credentials,
        ..Capture::new(OpenDataApi::GetUserInfo)
    };
    open_data::capture(asked, usual)
}
