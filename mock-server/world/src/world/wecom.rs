//! What a company's backend calls at WeCom. A company is an account whose appid is its corpid and whose users' names are userids.
//!
//! Texts and order are from captures of 2020 to 2026 of `qyapi.weixin.qq.com`; they differ from WeChat's where a constant is here.

use std::borrow::Cow;

use super::{
    World, Wx,
    backend::{code_in, given},
};
use crate::{
    AppKind, Command, CorpJscode2Session, CorpTokenRequest, RefusedCall, SessionReply, TokenReply,
    UnixMs, WxError,
    errcode::{ACCESS_TOKEN_EXPIRED, ACCESS_TOKEN_MISSING, INVALID_ACCESS_TOKEN},
    event::TokenKind,
    index::AppNo,
};

/// `41002`, WeCom's text.
const CORPID_MISSING: WxError = text(41_002, "corpid missing");
/// `41004`, WeCom's text. Captured: asked for before the corpid.
const CORPSECRET_MISSING: WxError = text(41_004, "corpsecret missing");
/// `40013`, WeCom's text. Captured.
const INVALID_CORPID: WxError = text(40_013, "invalid corpid");
/// `40001`, WeCom's text: the corpsecret is wrong. Captured.
const INVALID_CORPSECRET: WxError = text(40_001, "invalid credential");

const fn text(errcode: i64, errmsg: &'static str) -> WxError {
    WxError {
        errcode,
        errmsg: Cow::Borrowed(errmsg),
    }
}

impl World {
    /// `GET /cgi-bin/gettoken` of WeCom: the same token while it lives, then a new one.
    ///
    /// Checks in this order, as captured: corpsecret missing (41004), corpid missing (41002), unknown (40013), corpsecret wrong
    /// (40001).
    pub fn corp_token(&mut self, now: UnixMs, q: &CorpTokenRequest) -> Wx<TokenReply> {
        self.record(now, || Command::CorpToken(q.clone()));
        const CALL: &str = "gettoken";
        self.begin(now);
        match self.corp_of(q) {
            Err(error) => self.refuse_nobody(CALL, error),
            Ok(corp) => self.on_app(corp, |turn| {
                turn.check_secret(q.corpsecret.as_ref())
                    .map_err(|_| INVALID_CORPSECRET)
                    .and_then(|()| turn.hand_out(TokenKind::Stable, false))
                    .or_else(|error| turn.refused(CALL, None, error))
            }),
        }
    }

    /// `GET /cgi-bin/miniprogram/jscode2session` of WeCom: spends the code of a `wx.qy.login` and reveals a session_key.
    ///
    /// Checks in this order, as captured for other endpoints of WeCom: access_token missing (41001), not one (40014), expired
    /// (42001), then js_code missing (41008) and the code: unknown, expired, spent and `wx.login`'s are all 40029.
    pub fn corp_jscode2session(&mut self, now: UnixMs, q: &CorpJscode2Session) -> Wx<SessionReply> {
        self.record(now, || Command::CorpJscode2session(q.clone()));
        let effect = self.exchange_at_corp(now, q);
        let call = RefusedCall {
            access_token: given(&q.access_token),
            js_code: given(&q.js_code),
            ..RefusedCall::default()
        };
        self.explain_exchange(effect, &call)
    }

    fn exchange_at_corp(&mut self, now: UnixMs, q: &CorpJscode2Session) -> Wx<SessionReply> {
        self.begin(now);
        let Some(token) = given(&q.access_token) else {
            return self.refuse_nobodys_code(ACCESS_TOKEN_MISSING);
        };
        let Some((corp, place)) = self.token_of(token, AppKind::Wecom) else {
            return self.refuse_nobodys_code(INVALID_ACCESS_TOKEN);
        };
        self.spend_code(corp, |turn| {
            let alive = turn.check_token(place).map_err(|error| {
                if error == ACCESS_TOKEN_EXPIRED {
                    error
                } else {
                    INVALID_ACCESS_TOKEN
                }
            });
            let checked = alive.and_then(|()| code_in(&q.js_code));
            checked.or_else(|error| turn.refuse_code(None, None, error))
        })
    }

    fn corp_of(&self, q: &CorpTokenRequest) -> Result<AppNo, WxError> {
        given(&q.corpsecret).ok_or(CORPSECRET_MISSING)?;
        let id = given(&q.corpid).ok_or(CORPID_MISSING)?;
        self.account(id, AppKind::Wecom).ok_or(INVALID_CORPID)
    }
}
