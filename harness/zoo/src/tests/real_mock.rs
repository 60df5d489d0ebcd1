//! The built-in backends in front of the real mock: what the demo relies on.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use wxmock_adapter::Adapter;
use wxmock_server::{CallMatch, HoldRule, MockServer, Point, Settings};
use wxmock_world::{
    AppId, Capture, Captured, DeviceId, NewApp, NewUser, OpenDataApi, PolicyPatch, Rotate, Span,
    UserId, Who,
};

use super::phone::{Answer, call, login, send, whoami};
use crate::{Correct, Design, Mutant, Running, Upstream, Zoo};

/// A mock with one app whose every login makes a new key, and two people.
struct Mock {
    server: MockServer,
    app: AppId,
    secret: String,
}

impl Mock {
    async fn start() -> Self {
        let server = MockServer::start(Settings::default()).await.unwrap();
        let (app, secret) = server.handle().with_world(|world, now| {
            let app = world.create_app(now, NewApp::default()).unwrap().reply;
            let mut patch = PolicyPatch::default();
            patch.session_key.rotate = Some(Rotate::Login);
            patch.session_key.min_interval = Some(Span::ms(0));
            world.set_policy(now, &app.appid, None, &patch).unwrap();
            for name in ["a", "b"] {
                let user = NewUser::named(UserId::parse(name).unwrap());
                world.create_user(now, &app.appid, user).unwrap();
            }
            (app.appid, app.secret.as_ref().to_owned())
        });
        Self {
            server,
            app,
            secret,
        }
    }

    async fn backend(&self, design: impl Into<Design>) -> Running {
        let upstream = Upstream {
            base: self.server.base_url(),
            appid: self.app.to_string(),
            secret: self.secret.clone(),
        };
        Zoo::start(design.into(), upstream).await.unwrap()
    }

    fn who(&self, user: &str) -> Who {
        Who {
            app: self.app.clone(),
            user: UserId::parse(user).unwrap(),
            device: DeviceId::parse("phone").unwrap(),
        }
    }

    fn mint(&self, user: &str) -> String {
        let login = self
            .server
            .handle()
            .with_world(|world, now| world.login(now, &self.who(user)));
        login.reply.unwrap().code.as_ref().to_owned()
    }

    fn captured(&self, user: &str, api: OpenDataApi) -> Captured {
        let capture = Capture::new(api);
        let captured = self
            .server
            .handle()
            .with_world(|world, now| world.capture(now, &self.who(user), &capture));
        captured.reply.unwrap()
    }

    fn capture(&self, user: &str, api: OpenDataApi) -> Value {
        let captured = self.captured(user, api);
        json!({ "encryptedData": captured.encrypted_data, "iv": captured.iv })
    }

    /// Submits two codes; the reply to the first is let go after the second login is done.
    async fn login_twice_late(&self, backend: &Running, codes: [&str; 2]) -> [Answer; 2] {
        let handle = self.server.handle();
        handle.gates().hold(HoldRule {
            label: "late".to_owned(),
            point: Point::Committed,
            matching: CallMatch {
                js_code: Some(codes[0].to_owned()),
                ..CallMatch::default()
            },
            limit: Duration::from_secs(10),
            times: Some(1),
            open_when: None,
        });
        let mut changes = handle.calls().changes();
        let (first, second) = tokio::join!(login(backend, codes[0]), async {
            while handle.gates().parked().is_empty() {
                changes.changed().await.unwrap();
            }
            let second = login(backend, codes[1]).await;
            handle.gates().release_label("late");
            second
        });
        [first, second]
    }
}

#[tokio::test]
async fn every_correct_design_works_with_the_real_mock() {
    let mock = Mock::start().await;
    for &design in Correct::ALL {
        let backend = mock.backend(design).await;
        let token = login(&backend, &mock.mint("a")).await.token();
        let profile = send(
            &backend,
            &token,
            &mock.capture("a", OpenDataApi::GetUserInfo),
        )
        .await;
        assert!(
            profile.body["profile"]["nickName"].is_string(),
            "{design:?} {profile:?}"
        );
        let sealed = mock.capture("a", OpenDataApi::GetPhoneNumber);
        let by_cipher = call(&backend, Method::POST, "/phone", &token, &sealed).await;
        let code = mock
            .captured("a", OpenDataApi::GetPhoneNumber)
            .code
            .unwrap();
        let code = json!({ "code": code.as_ref() });
        let by_code = call(&backend, Method::POST, "/phone/code", &token, &code).await;
        assert!(
            by_cipher.body["phone"].is_string(),
            "{design:?} {by_cipher:?}"
        );
        assert_eq!(by_cipher, by_code, "{design:?}");
        let reused = call(&backend, Method::POST, "/phone/code", &token, &code).await;
        assert_eq!(reused.status, 400, "{design:?} {reused:?}");
        let other = login(&backend, &mock.mint("b")).await.token();
        assert_ne!(
            whoami(&backend, &token).await,
            whoami(&backend, &other).await
        );
    }
}

/// What the newest key's owner is told after the older login's reply came last.
async fn check_late_reply(design: impl Into<Design>, expected: u16) {
    let mock = Mock::start().await;
    let design = design.into();
    let backend = mock.backend(design).await;
    let codes = [mock.mint("a"), mock.mint("a")];
    let answers = mock
        .login_twice_late(&backend, [&codes[0], &codes[1]])
        .await;
    let newest = answers[1].token();
    let sealed = mock.capture("a", OpenDataApi::GetUserInfo);
    assert_eq!(
        send(&backend, &newest, &sealed).await.status,
        expected,
        "{design}"
    );
    assert_eq!(answers[0].body["user"], answers[1].body["user"], "{design}");
}

#[tokio::test]
async fn a_late_reply_breaks_the_racy_backend_only() {
    check_late_reply(Correct::CandidateKeys, 200).await;
    check_late_reply(Correct::PerUser, 401).await;
    check_late_reply(Mutant::Racy, 400).await;
}

#[test]
fn every_design_has_an_adapter_that_is_right() {
    Adapter::parse("zoo", &crate::adapter_toml("http://127.0.0.1:8080")).unwrap();
    let upstream = Upstream {
        base: "http://127.0.0.1:1".to_owned(),
        appid: "wx0011223344556677".to_owned(),
        secret: "00112233445566778899aabbccddeeff".to_owned(),
    };
    for design in Design::all() {
        let text = crate::adapter::for_design(
            design,
            crate::Behaviour::of(design),
            "http://127.0.0.1:8080",
            &upstream,
        );
        let adapter = Adapter::parse("zoo", &text).unwrap();
        assert_eq!(adapter.name, format!("zoo-{design}"));
        assert!(adapter.warnings.is_empty(), "{design}");
    }
}
