//! `wx.joinVoIPChat`: verifies the backend's signature. Rooms are not kept, so the list of members is the caller alone.

use serde_json::json;
use wxmock_world::VoipChat;

use super::api::{Api, Asked, Happened, Run};
use super::arguments::WrongType;
use crate::control::ApiError;

pub(super) const API: Api = Api {
    name: "joinVoIPChat",
    accepts: &[&[
        "groupId",
        "nonceStr",
        "timeStamp",
        "signature",
        "roomType",
        "muteConfig",
        "forceCellularNetwork",
    ]],
    run: Run::Now(run),
};

fn run(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let chat = match chat(asked) {
        Ok(chat) => chat,
        Err(wrong) => return Ok(asked.wrong_type(&wrong)),
    };
    let effect = asked.with(|world, now, who| world.join_voip_chat(now, who, &chat));
    let view = asked.with(|world, _, who| world.user(&who.app, &who.user))?;
    Ok(asked.happened_under(effect, |key| {
        (
            Some(key),
            json!({ "errCode": 0, "openIdList": [view.openid] }),
        )
    }))
}

fn chat(asked: &Asked<'_>) -> Result<VoipChat, WrongType> {
    let said = &asked.arguments;
    Ok(VoipChat {
        group_id: said.page_string("groupId")?,
        nonce_str: said.page_string("nonceStr")?,
        time_stamp: said.page_number("timeStamp")?,
        signature: said.page_string("signature")?,
    })
}
