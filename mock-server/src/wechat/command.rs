//! What a request asks for, once its outer shape is in order: method, length, body. Knows which file knows the rest.

use std::borrow::Cow;

use hyper::{Method, StatusCode};
use wxmock_world::{
    AppId, Effect, Jscode2Session, PhoneNumberRequest, Refusal, RefusedCall, Seq, SignedRequest,
    StableTokenRequest, TokenRequest, UnixMs, UserId, World, WxError,
    errcode::{INVALID_URL, REQUIRE_GET, REQUIRE_POST},
};

use super::render::{self, Dialect, Rendered};
use super::{
    checksession, getuserphonenumber, jscode2session, resetusersessionkey, stable_token, token,
};
use crate::calls::{CallInfo, Endpoint};
use crate::http::Request;

/// A request read into the world's own types.
#[derive(Debug)]
pub(super) enum Command {
    Jscode2session(Jscode2Session),
    Token(TokenRequest),
    StableToken(StableTokenRequest),
    Checksession(SignedRequest),
    Resetusersessionkey(SignedRequest),
    Getuserphonenumber(PhoneNumberRequest),
    /// Answered before it reaches the world.
    Refused(WxError),
    /// A POST of unknown length: 412 without a body, the one answer that is not 200.
    Unmeasured,
}

/// A request's command and the dialect of its path.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) dialect: Dialect,
    pub(super) command: Command,
    pub(super) endpoint: Endpoint,
    /// For a path the mock does not play: the one nearest to it that it plays.
    pub(super) nearest: Option<&'static str>,
}

impl Asked {
    /// Read a request. Never fails: a request nobody can read is a refusal like any other.
    pub(super) fn read(endpoint: Endpoint, request: &Request) -> Self {
        let dialect = Dialect::of_path(request.path());
        if request.chunked && request.method == Method::POST {
            return Self {
                dialect,
                command: Command::Unmeasured,
                endpoint,
                nearest: None,
            };
        }
        let command = match endpoint {
            Endpoint::Jscode2session => Ok(Command::Jscode2session(jscode2session::read(request))),
            Endpoint::Token => token::read(request).map(Command::Token),
            Endpoint::StableToken => stable_token::read(request).map(Command::StableToken),
            Endpoint::Checksession => Ok(Command::Checksession(checksession::read(request))),
            Endpoint::Resetusersessionkey => {
                Ok(Command::Resetusersessionkey(checksession::read(request)))
            }
            Endpoint::Getuserphonenumber => {
                getuserphonenumber::read(request).map(Command::Getuserphonenumber)
            }
            // That a path under no known prefix is answered as one under a known prefix is our choice: no capture exists, and
            // WeChat answers everything else with 200 and an errcode.
            Endpoint::Unknown => Err(INVALID_URL),
        };
        Self {
            dialect,
            command: command.unwrap_or_else(Command::Refused),
            endpoint,
            nearest: (endpoint == Endpoint::Unknown).then(|| nearest(request.path())),
        }
    }

    /// Write down what the request says of itself.
    pub(super) fn describe(&self, call: &mut CallInfo) {
        match &self.command {
            Command::Jscode2session(q) => call.js_code.clone_from(&q.js_code),
            Command::Checksession(q) | Command::Resetusersessionkey(q) => {
                call.openid.clone_from(&q.openid)
            }
            Command::Getuserphonenumber(q) => {
                call.phone_code.clone_from(&q.code);
                call.openid.clone_from(&q.openid);
            }
            Command::Token(_)
            | Command::StableToken(_)
            | Command::Refused(_)
            | Command::Unmeasured => {}
        }
    }

    /// Write down whom it turned out to be about: the appid as sent, whether there is such an app or not.
    pub(super) fn attribute_to(&self, subject: &Subject, call: &mut CallInfo) {
        call.user.clone_from(&subject.user);
        call.appid = match (&subject.app, self.credentials().0) {
            (Some(app), _) => Some(app.clone().into()),
            (None, sent) => sent.map(Into::into),
        };
    }

    /// Why it was refused with `errcode`, as the world stands right after; `None` if the errcode says it all.
    pub(super) fn why_refused(&self, world: &World, errcode: i64) -> Option<Refusal> {
        if let Some(nearest) = self.nearest {
            return Some(Refusal::NotPlayed {
                nearest: Cow::Borrowed(nearest),
            });
        }
        let (appid, secret) = self.credentials();
        let credentials = RefusedCall {
            appid,
            secret,
            ..RefusedCall::default()
        };
        let call = match &self.command {
            Command::Jscode2session(q) => RefusedCall {
                js_code: q.js_code.as_deref(),
                ..credentials
            },
            Command::Token(_) | Command::StableToken(_) => credentials,
            Command::Checksession(q) | Command::Resetusersessionkey(q) => RefusedCall {
                access_token: q.access_token.as_deref(),
                ..credentials
            },
            Command::Getuserphonenumber(q) => RefusedCall {
                access_token: q.access_token.as_deref(),
                phone_code: q.code.as_deref(),
                ..credentials
            },
            Command::Refused(error) if *error == REQUIRE_GET || *error == REQUIRE_POST => {
                return Some(Refusal::Method);
            }
            Command::Refused(_) => return Some(Refusal::Body),
            Command::Unmeasured => return None,
        };
        world.why_refused(&call, errcode)
    }

    /// The appid and AppSecret it carries, as sent.
    pub(super) fn credentials(&self) -> (Option<&str>, Option<&str>) {
        match &self.command {
            Command::Jscode2session(q) => (q.appid.as_deref(), q.secret.as_deref()),
            Command::Token(q) => (q.appid.as_deref(), q.secret.as_deref()),
            Command::StableToken(q) => (q.appid.as_deref(), q.secret.as_deref()),
            _ => (None, None),
        }
    }

    /// Find out whose app and whose login the request is about, before anything happens to either.
    pub(super) fn attribute(&self, world: &World) -> Subject {
        match &self.command {
            Command::Jscode2session(q) => Subject {
                app: app(world, q.appid.as_deref()),
                user: q
                    .js_code
                    .as_deref()
                    .and_then(|code| world.owner_of_code(code))
                    .map(|(_, user)| user),
            },
            Command::Token(q) => Subject {
                app: app(world, q.appid.as_deref()),
                user: None,
            },
            Command::StableToken(q) => Subject {
                app: app(world, q.appid.as_deref()),
                user: None,
            },
            Command::Checksession(q) | Command::Resetusersessionkey(q) => {
                Subject::of_token(world, q.access_token.as_deref(), q.openid.as_deref())
            }
            Command::Getuserphonenumber(q) => {
                let subject =
                    Subject::of_token(world, q.access_token.as_deref(), q.openid.as_deref());
                let owner = q
                    .code
                    .as_deref()
                    .and_then(|code| world.owner_of_phone_code(code));
                Subject {
                    user: owner.map(|(_, user)| user).or(subject.user),
                    ..subject
                }
            }
            Command::Refused(_) | Command::Unmeasured => Subject::default(),
        }
    }

    /// Do it.
    pub(super) fn run(&self, world: &mut World, now: UnixMs, app: Option<&AppId>) -> Rendered {
        let mut desk = Desk {
            world,
            app,
            dialect: self.dialect,
        };
        match &self.command {
            Command::Jscode2session(q) => jscode2session::run(&mut desk, now, q),
            Command::Token(q) => token::run(&mut desk, now, q),
            Command::StableToken(q) => stable_token::run(&mut desk, now, q),
            Command::Checksession(q) => checksession::run(&mut desk, now, q),
            Command::Resetusersessionkey(q) => resetusersessionkey::run(&mut desk, now, q),
            Command::Getuserphonenumber(q) => getuserphonenumber::run(&mut desk, now, q),
            Command::Refused(error) => desk.refuse(now, None, error),
            Command::Unmeasured => Rendered::empty(StatusCode::PRECONDITION_FAILED, now),
        }
    }
}

/// The played path that is nearest to one that is not.
fn nearest(path: &str) -> &'static str {
    // The comparison costs length times length, and no path of WeChat's is as long as this.
    let shown: String = path.chars().take(128).collect();
    let played = Endpoint::ALL.into_iter().filter_map(Endpoint::path);
    played
        .min_by_key(|known| strsim::damerau_levenshtein(&shown, known))
        .unwrap_or_default()
}

/// The app of an appid as sent; one that does not exist keeps its well-formed name.
fn app(world: &World, appid: Option<&str>) -> Option<AppId> {
    let appid = appid?;
    world.app_id(appid).or_else(|| AppId::parse(appid).ok())
}

/// Whose app and whose login a call is about.
#[derive(Debug, Clone, Default)]
pub(super) struct Subject {
    pub(super) app: Option<AppId>,
    pub(super) user: Option<UserId>,
}

impl Subject {
    fn of_token(world: &World, access_token: Option<&str>, openid: Option<&str>) -> Self {
        let app = access_token.and_then(|token| world.owner_of_token(token));
        let user = app
            .as_ref()
            .zip(openid)
            .and_then(|(app, openid)| world.user_by_openid(app, openid));
        Self { app, user }
    }
}

/// Where an endpoint does its work: the world, and how its family words things.
pub(super) struct Desk<'a> {
    pub(super) world: &'a mut World,
    pub(super) app: Option<&'a AppId>,
    pub(super) dialect: Dialect,
}

impl Desk<'_> {
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

    fn refuse(&mut self, at: UnixMs, seq: Option<Seq>, error: &WxError) -> Rendered {
        render::refusal(self.world, at, self.app, self.dialect, seq, error)
    }
}
