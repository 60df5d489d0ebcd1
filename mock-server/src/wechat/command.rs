//! What every endpoint file has in common: where it is played, how its request is read, what it does. Knows no endpoint.

use std::fmt::Debug;
use std::net::IpAddr;

use hyper::Method;
use wxmock_world::{
    AppId, Effect, Refusal, RefusedCall, Seq, UnixMs, UserId, World, WxError,
    errcode::{REQUIRE_GET, REQUIRE_POST},
};

use super::render::{self, Dialect, Rendered};
use crate::http::Request;
use crate::net::Platform;

/// One endpoint, as its own file declares it.
pub(super) struct Definition {
    /// Its path, matched to the letter as WeChat does.
    pub(super) path: &'static str,
    /// Whose hosts play it.
    pub(super) platform: Platform,
    /// How it words its errors and names its content.
    pub(super) dialect: Dialect,
    /// The method it wants.
    pub(super) method: Accepts,
    /// Reads a request with the right method into what it asks for. Fails when the body cannot be read.
    pub(super) read: fn(&Request) -> Result<Box<dyn Command>, WxError>,
}

/// The method an endpoint wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepts {
    /// It does not look.
    Any,
    /// GET (or HEAD); else 43001.
    Get,
    /// POST; else 43002.
    Post,
}

impl Accepts {
    /// Refuses another method.
    pub(super) fn check(self, method: &Method) -> Result<(), WxError> {
        match self {
            Self::Get if !matches!(*method, Method::GET | Method::HEAD) => Err(REQUIRE_GET),
            Self::Post if *method != Method::POST => Err(REQUIRE_POST),
            _ => Ok(()),
        }
    }
}

/// What a request asks for, read into the world's own types.
pub(super) trait Command: Debug + Send + Sync {
    /// What it carries that says whose call it is, as sent.
    fn carried(&self) -> RefusedCall<'_>;

    /// Do it. The world decides; this renders.
    fn run(&self, context: &mut CallContext<'_>) -> Rendered;

    /// Refuses a call from an address that may not call, or one too many; `endpoint` is the name quotas count under.
    fn admit(&self, context: &mut CallContext<'_>, endpoint: &'static str) -> Option<Rendered> {
        let app = context.app?;
        let refused = context
            .world
            .admit(context.now, app, endpoint, context.from)
            .err()?;
        Some(context.refuse(refused.at, Some(refused.seq), &refused.reply))
    }

    /// Find out whose app and whose login it is about, before anything happens to either.
    fn attribute(&self, world: &World) -> Subject {
        Subject::of(world, &self.carried())
    }

    /// Why it was refused with `errcode`, as the world stands right after; `None` if the errcode says it all.
    fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        world.why_refused(&self.carried(), errcode)
    }
}

/// A rule of an endpoint's own as the reason of a refusal.
pub(super) fn rule(english: &'static str, chinese: &'static str) -> Option<Refusal> {
    Some(Refusal::Rule {
        rule: english.into(),
        rule_zh: chinese.into(),
    })
}

/// Whose app and whose login a call is about.
#[derive(Debug, Clone, Default)]
pub(super) struct Subject {
    pub(super) app: Option<AppId>,
    pub(super) user: Option<UserId>,
}

impl Subject {
    /// The app is that of the access_token, or else of the appid; one that does not exist keeps its well-formed name. The
    /// user is the owner of the code, or else of the openid.
    fn of(world: &World, sent: &RefusedCall<'_>) -> Self {
        let app = match (sent.access_token, sent.appid) {
            (Some(token), _) => world.owner_of_token(token),
            (None, Some(appid)) => world.app_id(appid).or_else(|| AppId::parse(appid).ok()),
            (None, None) => None,
        };
        let owner = sent
            .js_code
            .and_then(|code| world.owner_of_code(code))
            .or_else(|| world.owner_of_phone_code(sent.phone_code?));
        let named = || world.user_by_openid(app.as_ref()?, sent.openid?);
        let user = owner.map(|(_, user)| user).or_else(named);
        Self { app, user }
    }
}

/// Where an endpoint does its work: the world, the moment, who called, and how its family words things.
pub(super) struct CallContext<'a> {
    pub(super) world: &'a mut World,
    pub(super) now: UnixMs,
    pub(super) app: Option<&'a AppId>,
    pub(super) dialect: Dialect,
    /// The caller's address.
    pub(super) from: IpAddr,
}

impl CallContext<'_> {
    /// Render an effect: its success as `success` says, its refusal in the family's dialect.
    pub(super) fn render<T>(
        &mut self,
        effect: Effect<Result<T, WxError>>,
        success: impl FnOnce(Dialect, Effect<T>) -> Rendered,
    ) -> Rendered {
        let Effect { seq, at, reply } = effect;
        match reply {
            Ok(reply) => success(self.dialect, Effect { seq, at, reply }),
            Err(error) => self.refuse(at, Some(seq), &error),
        }
    }

    /// Render a refusal.
    pub(super) fn refuse(&mut self, at: UnixMs, seq: Option<Seq>, error: &WxError) -> Rendered {
        render::refusal(
            self.world,
            at,
            self.app,
            self.dialect,
            seq,
            self.from,
            error,
        )
    }
}
