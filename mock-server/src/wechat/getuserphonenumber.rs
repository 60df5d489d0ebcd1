//! `POST /wxa/business/getuserphonenumber`: the phone button's code for the number.

use wxmock_world::errcode::DATA_FORMAT;
use wxmock_world::{PhoneInfo, PhoneNumberRequest, RefusedCall, WxError};

use super::command::{Accepts, CallContext, Command, Definition};
use super::json::Object;
use super::post;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/wxa/business/getuserphonenumber",
    platform: Platform::WeChat,
    dialect: Dialect::Hinted,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request)?)),
};

fn read(request: &Request) -> Result<PhoneNumberRequest, WxError> {
    let access_token = request.param("access_token");
    // A form body, broken JSON and an access_token sent in the body are all answered 47001 (captured).
    let Ok(fields) = post::read(request)? else {
        return Err(DATA_FORMAT);
    };
    if access_token.is_none() && fields.text("access_token")?.is_some() {
        return Err(DATA_FORMAT);
    }
    Ok(PhoneNumberRequest {
        access_token,
        code: fields.text("code")?,
        openid: fields.text("openid")?,
    })
}

impl Command for PhoneNumberRequest {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.access_token.as_deref(),
            phone_code: self.code.as_deref(),
            openid: self.openid.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.getuserphonenumber(context.now, self);
        context.render(effect, |dialect, effect| {
            let info = &effect.reply;
            let phone_info = phone_info(info);
            let object = Object::new()
                .number("errcode", 0)
                .text("errmsg", "ok")
                .json("phone_info", &phone_info);
            Rendered::new(dialect, &effect, None, &object).with_errcode(0)
        })
    }
}

/// Field order as captured: the watermark's timestamp comes before its appid, and `countryCode` is a string.
fn phone_info(info: &PhoneInfo) -> String {
    let watermark = Object::new()
        .number("timestamp", info.timestamp_s)
        .text("appid", info.appid.as_ref())
        .into_text();
    Object::new()
        .text("phoneNumber", &info.phone_number)
        .text("purePhoneNumber", &info.pure_phone_number)
        .text("countryCode", &info.country_code)
        .json("watermark", &watermark)
        .into_text()
}
