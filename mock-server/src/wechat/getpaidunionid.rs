//! `GET /wxa/getpaidunionid`: the unionid of somebody who has just paid, without their consent to be asked for.

use wxmock_world::{PaidUnionIdRequest, RefusedCall};

use super::command::{Accepts, CallContext, Command, Definition};
use super::json::Object;
use super::render::{Dialect, Rendered};
use crate::net::Platform;

pub(super) static ENDPOINT: Definition = Definition {
    path: "/wxa/getpaidunionid",
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Get,
    read: |request| {
        let [access_token, openid, transaction_id, mch_id, out_trade_no] = request.params([
            "access_token",
            "openid",
            "transaction_id",
            "mch_id",
            "out_trade_no",
        ]);
        Ok(Box::new(PaidUnionIdRequest {
            access_token,
            openid,
            transaction_id,
            mch_id,
            out_trade_no,
        }))
    },
};

impl Command for PaidUnionIdRequest {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.access_token.as_deref(),
            openid: self.openid.as_deref(),
            ..RefusedCall::default()
        }
    }

    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.getpaidunionid(context.now, self);
        context.render(effect, |dialect, effect| {
            let object = Object::new()
                .text("unionid", effect.reply.unionid.as_ref())
                .number("errcode", 0)
                .text("errmsg", "ok");
            Rendered::new(dialect, &effect, None, &object).with_errcode(0)
        })
    }
}
