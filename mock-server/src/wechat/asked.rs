//! One request on its way through an endpoint: its outer shape (path, method, length, body), and the command inside.

use std::borrow::Cow;
use std::net::IpAddr;

use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use wxmock_world::{
    AppId, BodyMistake, Refusal, UnixMs, World, WxError,
    errcode::{self, INVALID_URL, REQUIRE_GET, REQUIRE_POST},
};

use super::command::{CallContext, Command, Subject, rule};
use super::endpoint::Endpoint;
use super::post;
use super::render::{Dialect, Rendered};
use crate::calls::CallInfo;
use crate::foreign::kept;
use crate::http::Request;
use crate::net::Platform;

/// What a request asks for, if it asks for anything.
#[derive(Debug)]
enum Wanted {
    Command(Box<dyn Command>),
    /// Answered before it reaches the world.
    Refused(WxError),
    /// A status without a body: 412 to a POST of unknown length, 404 to a path WeCom does not have (captured).
    Nothing(StatusCode),
}

/// A request with the endpoint and the dialect of its path.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) endpoint: Endpoint,
    pub(super) dialect: Dialect,
    wanted: Wanted,
    /// The caller's address.
    pub(super) from: IpAddr,
    /// The reason where it is known before the world is asked.
    why: Option<Refusal>,
    /// The number under which the open API service of cloud hosting made the call, if it did.
    pub(super) seqid: Option<HeaderValue>,
    /// For a path the mock does not play: the one nearest to it that it plays.
    nearest: Option<&'static str>,
    /// What is wrong with a body that could not be read.
    body: Option<BodyMistake>,
}

impl Asked {
    /// Read a request. Never fails: a request nobody can read is a refusal like any other.
    pub(super) fn read(request: &Request) -> Self {
        let endpoint = Endpoint::of(&request.via.host, request.path());
        let definition = endpoint.definition();
        let platform = Platform::of(&request.via.host);
        let is_unmeasured = request.chunked && request.method == Method::POST;
        let wanted = match definition {
            _ if is_unmeasured => Wanted::Nothing(StatusCode::PRECONDITION_FAILED),
            None if platform == Some(Platform::Wecom) => Wanted::Nothing(StatusCode::NOT_FOUND),
            // That a path under no known prefix is answered as one under a known prefix is our choice: no capture exists, and
            // WeChat answers everything else with 200 and an errcode.
            None => Wanted::Refused(INVALID_URL),
            Some(definition) => definition
                .method
                .check(&request.method)
                .and_then(|()| (definition.read)(request))
                .map_or_else(Wanted::Refused, Wanted::Command),
        };
        let is_unknown = definition.is_none() && !is_unmeasured;
        let is_unreadable = definition.is_some() && matches!(wanted, Wanted::Refused(_));
        Self {
            endpoint,
            dialect: definition.map_or_else(
                || Dialect::of_prefix(request.path()),
                |definition| definition.dialect,
            ),
            wanted,
            from: request.peer.ip(),
            why: None,
            seqid: None,
            nearest: is_unknown.then(|| nearest(platform, request.path())),
            body: is_unreadable.then(|| post::mistake(request)).flatten(),
        }
    }

    /// The same request, refused before its endpoint reads it.
    pub(super) fn refused(self, error: WxError, rule: [&'static str; 2]) -> Self {
        Self {
            wanted: Wanted::Refused(error),
            ..self.because(rule)
        }
    }

    /// The same request; if it is refused, this is why.
    pub(super) fn because(self, [english, chinese]: [&'static str; 2]) -> Self {
        Self {
            why: rule(english, chinese),
            ..self
        }
    }

    /// The same request, made by the open API service of cloud hosting.
    pub(super) fn by_service(self, seqid: HeaderValue) -> Self {
        Self {
            seqid: Some(seqid),
            ..self
        }
    }

    /// Whether its endpoint could read it.
    pub(super) fn is_readable(&self) -> bool {
        self.command().is_some()
    }

    fn command(&self) -> Option<&dyn Command> {
        match &self.wanted {
            Wanted::Command(command) => Some(command.as_ref()),
            Wanted::Refused(_) | Wanted::Nothing(_) => None,
        }
    }

    /// Write down what the request says of itself.
    pub(super) fn describe(&self, call: &mut CallInfo) {
        let Some(command) = self.command() else {
            return;
        };
        let sent = command.carried();
        let own = |text: &str| kept(text).to_owned();
        call.js_code = sent.js_code.map(own);
        call.phone_code = sent.phone_code.map(own);
        call.openid = sent.openid.map(own);
    }

    /// Write down whom it turned out to be about: the appid as sent, whether there is such an app or not.
    pub(super) fn attribute_to(&self, subject: &Subject, call: &mut CallInfo) {
        call.user.clone_from(&subject.user);
        call.appid = match (&subject.app, self.credentials().0) {
            (Some(app), _) => Some(app.clone().into()),
            (None, sent) => sent.map(|appid| kept(appid).into()),
        };
    }

    /// Why it was answered with `errcode`, as the world stands right after; `None` if that is no refusal, or says it all.
    pub(super) fn why(&self, world: &World, errcode: Option<i64>) -> Option<Refusal> {
        if let Some(nearest) = self.nearest {
            return Some(Refusal::NotPlayed {
                nearest: Cow::Borrowed(nearest),
            });
        }
        if self.is_unmeasured() {
            return Some(Refusal::Unmeasured);
        }
        let errcode = errcode.filter(|errcode| *errcode != 0)?;
        if let Some(why) = &self.why {
            return Some(why.clone());
        }
        match &self.wanted {
            // An errcode of the table says at least when it is answered.
            Wanted::Command(command) => command.why_refused(world, errcode).or_else(|| {
                let info = errcode::info(errcode)?;
                Some(Refusal::Rule {
                    rule: info.when.into(),
                    // The table of errcodes is in English.
                    rule_zh: Cow::default(),
                })
            }),
            Wanted::Refused(error) if *error == REQUIRE_GET || *error == REQUIRE_POST => {
                Some(Refusal::Method)
            }
            Wanted::Refused(_) => Some(Refusal::Body { how: self.body }),
            Wanted::Nothing(_) => None,
        }
    }

    /// Whether it is a POST of unknown length.
    fn is_unmeasured(&self) -> bool {
        matches!(
            self.wanted,
            Wanted::Nothing(StatusCode::PRECONDITION_FAILED)
        )
    }

    /// The login, plugin or phone code it carries, as sent.
    pub(super) fn code(&self) -> Option<&str> {
        let sent = self.command()?.carried();
        sent.js_code.or(sent.phone_code).or(sent.plugin_code)
    }

    /// The grant_type it carries, as sent.
    pub(super) fn grant_type(&self) -> Option<&str> {
        self.command()?.carried().grant_type
    }

    /// The appid and AppSecret it carries, as sent.
    pub(super) fn credentials(&self) -> (Option<&str>, Option<&str>) {
        self.command().map_or((None, None), |command| {
            let sent = command.carried();
            (sent.appid, sent.secret)
        })
    }

    /// Find out whose app and whose login the request is about, before anything happens to either.
    pub(super) fn attribute(&self, world: &World) -> Subject {
        self.command()
            .map_or_else(Subject::default, |command| command.attribute(world))
    }

    /// Do it.
    pub(super) fn run(&self, world: &mut World, now: UnixMs, app: Option<&AppId>) -> Rendered {
        let mut context = CallContext {
            world,
            now,
            app,
            dialect: self.dialect,
            from: self.from,
        };
        match &self.wanted {
            Wanted::Command(command) => command
                .admit(&mut context, self.endpoint.as_str())
                .unwrap_or_else(|| command.run(&mut context)),
            Wanted::Refused(error) => context.refuse(now, None, error),
            Wanted::Nothing(status) => Rendered::empty(*status, now),
        }
    }
}

/// The path played on the same hosts that is nearest to one that is not.
fn nearest(platform: Option<Platform>, path: &str) -> &'static str {
    // The comparison costs length times length, and no path of WeChat's is as long as this.
    let shown: String = path.chars().take(128).collect();
    let played = Endpoint::ALL
        .into_iter()
        .filter_map(Endpoint::definition)
        .filter(|definition| platform.is_none_or(|platform| platform == definition.platform))
        .map(|definition| definition.path);
    // A path of the same family first: who calls `/wxa/…` did not mean `/cgi-bin/…`.
    let family = |path: &str| path.split('/').nth(1).map(str::to_owned);
    let own = family(&shown);
    played
        .min_by_key(|known| {
            let is_other = family(known) != own;
            (is_other, strsim::damerau_levenshtein(&shown, known))
        })
        .unwrap_or_default()
}
