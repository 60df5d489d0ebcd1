//! The world as a whole: what endpoints and phones answer, and properties over long random histories.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod backend;
mod command;
mod control;
mod device;
mod diagnosis;
mod keys;
mod large;
mod listed;
mod model;
mod payload;
mod phone;
mod push;
mod refusal;
mod tokens;

use crate::{
    AppView, Capture, Captured, ClockChange, DeviceFail, EventKind, Jscode2Session, Login, NewApp,
    NewUser, OpenDataApi, PolicyPatch, Seed, SessionReply, SignedRequest, Span, TokenRequest,
    UnixMs, Who, World, WxError, crypto,
};

/// 2023-11-14 22:13:20 UTC.
const T0: UnixMs = UnixMs(1_700_000_000_000);

/// A world with one app and the users alice and bob, whose wall clock moves only by hand.
struct Stage {
    world: World,
    now: UnixMs,
    app: AppView,
}

impl Stage {
    fn new() -> Self {
        Self::with("{}")
    }

    /// With a policy patch in JSON over the documented policy.
    fn with(patch: &str) -> Self {
        let mut world = World::new(Seed(42));
        let app = world.create_app(T0, NewApp::default()).unwrap().reply;
        let patch: PolicyPatch = serde_json::from_str(patch).unwrap();
        world.set_policy(T0, &app.appid, None, &patch).unwrap();
        for name in ["alice", "bob"] {
            world
                .create_user(T0, &app.appid, NewUser::named(name.parse().unwrap()))
                .unwrap();
        }
        let _ = world.take_events();
        Self {
            world,
            now: T0,
            app,
        }
    }

    fn who(&self, user: &str, device: &str) -> Who {
        Who {
            app: self.app.appid.clone(),
            user: user.parse().unwrap(),
            device: device.parse().unwrap(),
        }
    }

    fn wait(&mut self, span: Span) {
        self.now = self.now.plus(span);
    }

    fn login(&mut self, user: &str) -> Login {
        let who = self.who(user, "phone");
        self.world.login(self.now, &who).reply.unwrap()
    }

    fn request(&self, js_code: &str) -> Jscode2Session {
        Jscode2Session {
            appid: Some(self.app.appid.to_string()),
            secret: Some(self.app.secret.to_string()),
            js_code: Some(js_code.to_owned()),
            grant_type: Some("authorization_code".to_owned()),
        }
    }

    fn exchange(&mut self, login: &Login) -> Result<SessionReply, WxError> {
        let request = self.request(login.code.as_str());
        self.world.jscode2session(self.now, &request).reply
    }

    fn capture(&mut self, user: &str, what: Capture) -> Result<Captured, DeviceFail> {
        let who = self.who(user, "phone");
        self.world.capture(self.now, &who, &what).reply
    }

    fn user_info(&mut self, user: &str) -> Captured {
        self.capture(user, Capture::new(OpenDataApi::GetUserInfo))
            .unwrap()
    }

    fn check_session(&mut self, user: &str) -> Result<(), DeviceFail> {
        let who = self.who(user, "phone");
        self.world.check_session(self.now, &who).reply
    }

    fn token(&mut self) -> String {
        let request = TokenRequest {
            grant_type: Some("client_credential".to_owned()),
            appid: Some(self.app.appid.to_string()),
            secret: Some(self.app.secret.to_string()),
        };
        self.world
            .token(self.now, &request)
            .reply
            .unwrap()
            .access_token
            .to_string()
    }

    /// A signed request as a correct backend makes it.
    fn signed(&mut self, session: &SessionReply) -> SignedRequest {
        SignedRequest {
            access_token: Some(self.token()),
            openid: Some(session.openid.to_string()),
            signature: Some(crypto::hmac_signature(&session.session_key, b"")),
            sig_method: Some("hmac_sha256".to_owned()),
        }
    }

    fn age(&mut self, user: &str, by: Span) {
        let change = ClockChange::AgeUser(user.parse().unwrap(), by);
        self.world.clock(self.now, &self.app.appid, change).unwrap();
    }

    fn kinds(&mut self) -> Vec<EventKind> {
        self.world
            .take_events()
            .into_iter()
            .map(|event| event.kind)
            .collect()
    }
}

fn errcode<T>(reply: Result<T, WxError>) -> i64 {
    reply.map_or_else(|error| error.errcode, |_| 0)
}
