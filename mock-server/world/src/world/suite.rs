//! What the backend of a third-party app of WeCom ("suite") calls for the companies that authorised it.
//!
//! Requests and the fields of successes are those that published SDKs send and read. WeCom's refusals here have not been captured:
//! the numbers and texts of the constants are those of its official table of return codes; what the wire says beside the
//! number is unknown.

use std::borrow::Cow;

use super::{
    World, Wx,
    backend::{code_in, given},
};
use crate::{
    AppId, AppKind, Command, Effect, JsCode, Refusal, RefusedCall, SessionReply,
    SuiteJscode2Session, SuiteTokenRequest, TokenReply, UnixMs, WxError,
    errcode::{ACCESS_TOKEN_EXPIRED, INVALID_CODE},
    event::TokenKind,
    index::{AppNo, CodeNo},
    values,
};

/// `40080`: the suite_secret is wrong.
const INVALID_SUITE_SECRET: WxError = text(40_080, "不合法的suite_secret");
/// `40082`: the suite_access_token is none, or a newer one took its place.
const INVALID_SUITE_TOKEN: WxError = text(40_082, "不合法的suite_token");
/// `40083`: no third-party app has the suite_id.
const INVALID_SUITE_ID: WxError = text(40_083, "不合法的suite_id");
/// `40085`: the suite_ticket is not the app's. The table has 的 twice.
const INVALID_SUITE_TICKET: WxError = text(40_085, "不合法的的suite_ticket参数");
/// `41021`: no suite_id.
const SUITE_ID_MISSING: WxError = text(41_021, "缺少suite_id参数");
/// `41022`: no suite_access_token.
const SUITE_TOKEN_MISSING: WxError = text(41_022, "缺少suite_access_token参数");
/// `41023`: no suite_ticket.
const SUITE_TICKET_MISSING: WxError = text(41_023, "缺少suite_ticket参数");
/// `41024`: no suite_secret.
const SUITE_SECRET_MISSING: WxError = text(41_024, "缺少secret参数");
/// `42009`: the suite_access_token outlived its expires_in. SDKs fetch a new one at this number.
const SUITE_TOKEN_EXPIRED: WxError = text(42_009, "suite_access_token已过期");
/// `48004`: the company has not authorised the app.
const NOT_AUTHORIZED_BY_CORP: WxError = text(48_004, "授权关系无效");

const fn text(errcode: i64, errmsg: &'static str) -> WxError {
    WxError {
        errcode,
        errmsg: Cow::Borrowed(errmsg),
    }
}

/// What a third-party app is told of whoever's code it exchanged.
#[derive(Debug, Clone, PartialEq)]
pub struct SuiteSessionReply {
    /// The company's id.
    pub corpid: AppId,
    /// Name and key of the person; the name is the userid.
    pub session: SessionReply,
    /// The person's id for this app.
    pub open_userid: String,
}

impl World {
    /// `POST /cgi-bin/service/get_suite_token` of WeCom: a new suite_access_token; the one before it lives on for the overlap, as
    /// a plain access_token does (assumed).
    ///
    /// Checks in this order, which is assumed: suite_id missing (41021), no third-party app's (40083), suite_secret missing
    /// (41024), wrong (40080), suite_ticket missing (41023), wrong (40085).
    pub fn suite_token(&mut self, now: UnixMs, q: &SuiteTokenRequest) -> Wx<TokenReply> {
        self.record(now, || Command::SuiteToken(q.clone()));
        const CALL: &str = "get_suite_token";
        self.begin(now);
        let suite = given(&q.suite_id).ok_or(SUITE_ID_MISSING).and_then(|id| {
            self.account(id, AppKind::WecomSuite)
                .ok_or(INVALID_SUITE_ID)
        });
        match suite {
            Err(error) => self.refuse_nobody(CALL, error),
            Ok(suite) => self.on_app(suite, |turn| {
                let ticket = values::suite_ticket(turn.seed, &turn.app.id);
                given(&q.suite_secret)
                    .ok_or(SUITE_SECRET_MISSING)
                    .and_then(|_| {
                        turn.check_secret(q.suite_secret.as_ref())
                            .map_err(|_| INVALID_SUITE_SECRET)
                    })
                    .and_then(|()| match given(&q.suite_ticket) {
                        None => Err(SUITE_TICKET_MISSING),
                        Some(given) if given == ticket => Ok(()),
                        Some(_) => Err(INVALID_SUITE_TICKET),
                    })
                    .and_then(|()| turn.hand_out(TokenKind::Plain, false))
                    .or_else(|error| turn.refused(CALL, None, error))
            }),
        }
    }

    /// `GET /cgi-bin/service/miniprogram/jscode2session` of WeCom: spends the code of a `wx.qy.login` at a company that authorised
    /// the app, and reveals a session_key.
    ///
    /// Checks in this order, which is assumed: suite_access_token missing (41022), not one (40082), expired (42009), js_code
    /// missing (41008), the code (40029), whether its company authorised the app (48004, which leaves the code alone).
    pub fn suite_jscode2session(
        &mut self,
        now: UnixMs,
        q: &SuiteJscode2Session,
    ) -> Wx<SuiteSessionReply> {
        self.record(now, || Command::SuiteJscode2session(q.clone()));
        let effect = self.exchange_at_suite(now, q);
        let call = RefusedCall {
            access_token: given(&q.suite_access_token),
            js_code: given(&q.js_code),
            ..RefusedCall::default()
        };
        self.explain_exchange(effect, &call)
    }

    fn exchange_at_suite(&mut self, now: UnixMs, q: &SuiteJscode2Session) -> Wx<SuiteSessionReply> {
        self.begin(now);
        let Some(token) = given(&q.suite_access_token) else {
            return self.refuse_nobodys_code(SUITE_TOKEN_MISSING);
        };
        let Some((suite, place)) = self.token_of(token, AppKind::WecomSuite) else {
            return self.refuse_nobodys_code(INVALID_SUITE_TOKEN);
        };
        let asked = self.on_app(suite, |turn| {
            let alive = turn.check_token(place).map_err(|error| {
                if error == ACCESS_TOKEN_EXPIRED {
                    SUITE_TOKEN_EXPIRED
                } else {
                    INVALID_SUITE_TOKEN
                }
            });
            alive
                .and_then(|()| code_in(&q.js_code))
                .or_else(|error| turn.refuse_code(None, None, error))
        });
        match asked.reply {
            Err(error) => Effect {
                reply: Err(error),
                seq: asked.seq,
                at: asked.at,
            },
            Ok(text) => self.spend_for_suite(suite, text),
        }
    }

    /// Why a third-party app of WeCom was refused with a number that only it is answered; `None` for any other number.
    pub(super) fn why_suite(&self, call: &RefusedCall<'_>, refused: i64) -> Option<Refusal> {
        let missing = |parameter| {
            Some(Refusal::Missing {
                parameter: Cow::Borrowed(parameter),
            })
        };
        match refused {
            e if e == SUITE_ID_MISSING.errcode => missing("suite_id"),
            e if e == SUITE_SECRET_MISSING.errcode => missing("suite_secret"),
            e if e == SUITE_TICKET_MISSING.errcode => missing("suite_ticket"),
            e if e == SUITE_TOKEN_MISSING.errcode => missing("suite_access_token"),
            e if e == INVALID_SUITE_ID.errcode => Some(self.why_appid(call)),
            e if e == INVALID_SUITE_SECRET.errcode => Some(self.why_secret(call)),
            e if e == INVALID_SUITE_TICKET.errcode => Some(Refusal::Ticket),
            e if e == INVALID_SUITE_TOKEN.errcode || e == SUITE_TOKEN_EXPIRED.errcode => {
                Some(self.why_token(call.access_token))
            }
            e if e == NOT_AUTHORIZED_BY_CORP.errcode => Some(Refusal::NotAuthorized),
            _ => None,
        }
    }

    /// Spends a code in the company it is of, if that company's codes are the app's to exchange.
    fn spend_for_suite(&mut self, suite: AppNo, text: JsCode) -> Wx<SuiteSessionReply> {
        let found: Option<(CodeNo, AppNo)> = self
            .core
            .login_code(&text)
            .map(|(code, owner)| (code, owner.app));
        let Some((code, owner)) = found else {
            return self.on_app(suite, |turn| turn.refuse_code(None, None, INVALID_CODE));
        };
        let of = |no| self.core.app(no).expect("an app has the token or the code");
        if of(owner).kind != AppKind::Wecom {
            self.on_app(owner, |turn| turn.meet_stranger(code, text));
            return self.on_app(suite, |turn| turn.refuse_code(None, None, INVALID_CODE));
        }
        let (corpid, suite_id) = (of(owner).id.clone(), of(suite).id.clone());
        if !of(suite).may_act_for(&corpid) {
            return self.on_app(suite, |turn| {
                turn.refuse_code(None, Some(text), NOT_AUTHORIZED_BY_CORP)
            });
        }
        let seed = self.core.seed;
        self.on_app(owner, |turn| {
            let session = turn.exchange(code, text)?;
            let open_userid = values::open_userid(seed, &suite_id, &corpid, &session.user);
            Ok(SuiteSessionReply {
                corpid,
                session,
                open_userid,
            })
        })
    }
}
