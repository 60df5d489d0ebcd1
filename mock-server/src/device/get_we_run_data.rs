//! `wx.getWeRunData`: steps of the last 31 days.

use wxmock_world::{Capture, OpenDataApi};

use super::api::{Api, Asked, Happened, Run};
use super::open_data;
use super::variation::{ANSWER, SEAL};
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "getWeRunData",
    accepts: &[&["withCredentials"], ANSWER, SEAL],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    open_data::capture(asked, Capture::new(OpenDataApi::GetWeRunData))
}
