//! `wx.getShareInfo`: which group a share went to. The ticket is any text, and names the group.

use wxmock_world::{Capture, Chat, OpenDataApi};

use super::api::{Api, Asked, Happened, Run};
use super::open_data;
use super::variation::SEAL;
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "getShareInfo",
    accepts: &[&["shareTicket", "timeout"], SEAL],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let ticket = match asked.arguments.page_string("shareTicket") {
        Ok(ticket) => ticket,
        Err(wrong) => return Ok(asked.wrong_type(&wrong)),
    };
    let usual = Capture {
        chat: Chat::Group(ticket),
        ..Capture::new(OpenDataApi::GetShareInfo)
    };
    open_data::capture(asked, usual)
}
