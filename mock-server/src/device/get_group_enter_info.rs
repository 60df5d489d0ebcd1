//! `wx.getGroupEnterInfo`: which chat the mini program was opened from. `entered` and `chat` say which one that was.

use wxmock_world::{Capture, Chat, OpenDataApi};

use super::api::{Api, Asked, Happened, Run};
use super::open_data;
use super::variation::SEAL;
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "getGroupEnterInfo",
    accepts: &[
        &["allowSingleChat", "needGroupOpenID", "entered", "chat"],
        SEAL,
    ],
    run: Run::Now(run),
};

#[derive(Clone, Copy)]
enum Entered {
    Group,
    Single,
    Elsewhere,
    Left,
}

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let said = &asked.arguments;
    let words = [
        ("group", Entered::Group),
        ("single", Entered::Single),
        ("elsewhere", Entered::Elsewhere),
        ("left", Entered::Left),
    ];
    let entered = said.word("entered", &words)?.unwrap_or(Entered::Group);
    let name = said.text("chat")?.unwrap_or_else(|| "group".to_owned());
    let chat = match entered {
        Entered::Group => Chat::Group(name),
        // Official: a chat of two is told only to who allows for one. What who does not hears is unknown; taken for a wrong scene.
        Entered::Single if said.flag("allowSingleChat")? == Some(true) => Chat::Single(name),
        Entered::Single | Entered::Elsewhere => Chat::Elsewhere,
        Entered::Left => Chat::Left,
    };
    let usual = Capture {
        chat,
        need_group_openid: said.flag("needGroupOpenID")?.unwrap_or(false),
        ..Capture::new(OpenDataApi::GetGroupEnterInfo)
    };
    open_data::capture(asked, usual)
}
