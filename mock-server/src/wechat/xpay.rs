//! `POST /xpay/query_user_balance` and `POST /xpay/query_order`: virtual payment. Both signatures are over the exact body.

use wxmock_world::errcode::DATA_FORMAT;
use wxmock_world::{Refusal, RefusedCall, World, WxError, XpayQuery, XpayQueryKind};

use super::command::{Accepts, CallContext, Command, Definition, rule};
use super::json::Object;
use super::post;
use super::render::{Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

pub(super) static QUERY_USER_BALANCE: Definition = Definition {
    path: XpayQueryKind::Balance.path(),
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request, XpayQueryKind::Balance)?)),
};

pub(super) static QUERY_ORDER: Definition = Definition {
    path: XpayQueryKind::Order.path(),
    platform: Platform::WeChat,
    dialect: Dialect::Plain,
    method: Accepts::Post,
    read: |request| Ok(Box::new(read(request, XpayQueryKind::Order)?)),
};

fn read(request: &Request, kind: XpayQueryKind) -> Result<XpayQuery, WxError> {
    let fields = post::read(request)?.map_err(|_| DATA_FORMAT)?;
    let [access_token, signature, pay_sig] =
        request.params(["access_token", "signature", "pay_sig"]);
    Ok(XpayQuery {
        kind,
        access_token,
        signature,
        pay_sig,
        exact: request.body.to_vec(),
        openid: fields.text("openid")?,
        env: fields.text("env")?,
        user_ip: fields.text("user_ip")?,
        order_id: fields.text("order_id")?.or(fields.text("wx_order_id")?),
    })
}

impl Command for XpayQuery {
    fn carried(&self) -> RefusedCall<'_> {
        RefusedCall {
            access_token: self.access_token.as_deref(),
            openid: self.openid.as_deref(),
            ..RefusedCall::default()
        }
    }

    /// The fields of the official page in its order; no capture is known.
    fn run(&self, context: &mut CallContext<'_>) -> Rendered {
        let effect = context.world.xpay_query(context.now, self);
        context.render(effect, |dialect, effect| {
            let object = Object::new()
                .number("errcode", 0)
                .text("errmsg", "ok")
                .number("balance", 0)
                .number("present_balance", 0)
                .number("sum_save", 0)
                .number("sum_present", 0)
                .number("sum_balance", 0)
                .number("sum_cost", 0)
                .json("first_save_flag", "false");
            Rendered::new(dialect, &effect, None, &object).with_errcode(0)
        })
    }

    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        match errcode {
            268_490_001 => rule(
                "no user of this app has this openid",
                "这个小程序里没有这个 openid",
            ),
            268_490_002 if self.kind == XpayQueryKind::Order && self.order_id.is_some() => rule(
                "no order exists here, or a field is absent: openid, env 0 or 1, order_id or wx_order_id",
                "这里没有任何订单，或缺少字段：openid、env（0 或 1）、order_id 或 wx_order_id",
            ),
            268_490_002 => rule(
                "a field is absent or out of range: openid, env 0 or 1, user_ip",
                "字段缺失或超出范围：openid、env（0 或 1）、user_ip",
            ),
            268_490_003 if world.is_pay_signed(self) => rule(
                "the signature is not by a valid session_key of this person over exactly these bytes",
                "signature 不是用这个用户有效的 session_key 对这份原样的字节生成的",
            ),
            268_490_003 => rule(
                "pay_sig is not by the AppKey of this env over the path, & and exactly these bytes",
                "pay_sig 不是用这个 env 的 AppKey 对“路径&原样的字节”生成的",
            ),
            268_490_009 => rule(
                "the person has no valid session_key; log in again",
                "这个用户没有有效的 session_key；请重新登录",
            ),
            _ => world.why_refused(&self.carried(), errcode),
        }
    }
}
