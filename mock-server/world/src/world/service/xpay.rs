//! `POST /xpay/query_user_balance` and `/xpay/query_order`: virtual payment, signed by the AppKey and (the balance) by the
//! person's session_key, both over the exact body.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{World, Wx};
use crate::{
    Command, UnixMs, UserId, WxError,
    crypto::pay_signature,
    errcode::{XPAY_FIELD, XPAY_OPENID, XPAY_SESSION_KEY, XPAY_SIGNATURE},
    event::EventKind,
    values,
};

/// Which of the two is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum XpayQueryKind {
    /// `/xpay/query_user_balance`.
    Balance,
    /// `/xpay/query_order`.
    Order,
}

impl XpayQueryKind {
    /// The path, which `pay_sig` signs along with the body.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Balance => "/xpay/query_user_balance",
            Self::Order => "/xpay/query_order",
        }
    }

    const fn call(self) -> &'static str {
        match self {
            Self::Balance => "query_user_balance",
            Self::Order => "query_order",
        }
    }
}

/// The request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct XpayQuery {
    /// Which query.
    pub kind: XpayQueryKind,
    /// `access_token`.
    pub access_token: Option<String>,
    /// `signature`: hex of HMAC-SHA256 over the body, keyed by the *text* of the session_key.
    pub signature: Option<String>,
    /// `pay_sig`: hex of HMAC-SHA256 over path, ampersand and body, keyed by the AppKey.
    pub pay_sig: Option<String>,
    /// The body as it came.
    pub exact: Vec<u8>,
    /// `openid`.
    pub openid: Option<String>,
    /// `env`: 0 live, 1 sandbox. Each has an AppKey of its own.
    pub env: Option<String>,
    /// `user_ip`; the balance needs it.
    pub user_ip: Option<String>,
    /// `order_id` or `wx_order_id`; the order needs one.
    pub order_id: Option<String>,
}

/// A balance. Nobody buys here, so everything is zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The person; not on the wire.
    pub user: UserId,
}

impl World {
    /// Looks up a balance or an order.
    ///
    /// 268490002 for a body without its fields, 268490003 for a wrong `pay_sig` or `signature`, 268490001 for an openid of
    /// nobody here, 268490009 for a person without a valid session_key. The order is inferred: what signs cannot be known before
    /// `env` and `openid` are. No order exists here; what WeChat answers then is unknown, and 268490002 is sent.
    pub fn xpay_query(&mut self, now: UnixMs, q: &XpayQuery) -> Wx<Balance> {
        self.record(now, || Command::XpayQuery(Box::new(q.clone())));
        self.with_token(now, q.kind.call(), &q.access_token, |turn| {
            let is_sandbox = match q.env.as_deref() {
                Some("0") => false,
                Some("1") => true,
                _ => return Err(XPAY_FIELD),
            };
            let needed = match q.kind {
                XpayQueryKind::Balance => &q.user_ip,
                XpayQueryKind::Order => &q.order_id,
            };
            if needed.is_none() || q.openid.is_none() {
                return Err(XPAY_FIELD);
            }
            let app_key = values::pay_app_key(turn.seed, &turn.app.id, is_sandbox);
            check_pay_sig(q, &app_key)?;
            let no = turn.with_openid(q.openid.as_ref()).ok_or(XPAY_OPENID)?;
            if q.kind == XpayQueryKind::Order {
                return Err(XPAY_FIELD);
            }
            if !turn.has_live_key(no) {
                return Err(XPAY_SESSION_KEY);
            }
            let key = turn
                .key_that_signed(no, &q.exact, q.signature.as_ref())
                .ok_or(XPAY_SIGNATURE)?;
            turn.note(Some(no), EventKind::SessionVerified { key });
            Ok(Balance {
                user: turn.user(no).name.clone(),
            })
        })
    }
}

impl World {
    /// Whether the AppKey of the token's app signed it: what a wrong signature is then not about.
    #[must_use]
    pub fn is_pay_signed(&self, q: &XpayQuery) -> bool {
        let token = q.access_token.as_deref().unwrap_or_default();
        let is_sandbox = q.env.as_deref() == Some("1");
        self.owner_of_token(token).is_some_and(|app| {
            let app_key = values::pay_app_key(self.core.seed, &app, is_sandbox);
            check_pay_sig(q, &app_key).is_ok()
        })
    }
}

fn check_pay_sig(q: &XpayQuery, app_key: &str) -> Result<(), WxError> {
    let body = str::from_utf8(&q.exact).map_err(|_| XPAY_FIELD)?;
    let wanted = pay_signature(app_key, q.kind.path(), body);
    let sent = q
        .pay_sig
        .as_deref()
        .unwrap_or_default()
        .to_ascii_lowercase();
    if bool::from(wanted.as_bytes().ct_eq(sent.as_bytes())) {
        Ok(())
    } else {
        Err(XPAY_SIGNATURE)
    }
}
