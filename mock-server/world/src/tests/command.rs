//! Commands as values: every one is recorded, survives being written, and done again to another world has the same outcome.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{listed::variants, *};
use crate::*;

/// Every command by its number; what it is about is drawn from few people and phones, so that things meet.
const N_KINDS: u8 = 76;

#[derive(Debug, Clone, Copy)]
struct Drawn {
    kind: u8,
    user: u8,
    choice: u8,
    later: u16,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    // Logins and exchanges more often than the rest: nearly everything needs what they leave.
    let kind = prop_oneof![3 => Just(25u8), 2 => Just(43u8), 8 => 0..N_KINDS];
    (kind, 0..3u8, 0..12u8, 0..4_000u16).prop_map(|(kind, user, choice, later)| Drawn {
        kind,
        user,
        choice,
        later,
    })
}

/// A world and what one would know who watched it.
struct Scene {
    world: World,
    now: UnixMs,
    app: AppView,
    platform: AppView,
    company: AppView,
    suite: AppView,
}

impl Scene {
    fn new() -> Self {
        let mut world = World::new(Seed(7));
        world.record_commands();
        let of_kind = |kind| NewApp {
            kind,
            ..NewApp::default()
        };
        let mut app = |kind| world.create_app(T0, of_kind(kind)).unwrap().reply;
        let (app, platform, company, suite) = (
            app(AppKind::MiniProgram),
            app(AppKind::ThirdParty),
            app(AppKind::Wecom),
            app(AppKind::WecomSuite),
        );
        for name in ["alice", "bob"] {
            for app in [&app, &company] {
                let new = NewUser::named(name.parse().unwrap());
                world.create_user(T0, &app.appid, new).unwrap();
            }
        }
        Self {
            world,
            now: T0,
            app,
            platform,
            company,
            suite,
        }
    }

    fn token(&mut self, drawn: Drawn) -> Option<String> {
        let ask = TokenRequest {
            grant_type: Some("client_credential".to_owned()),
            appid: Some(self.app.appid.to_string()),
            secret: Some(self.app.secret.to_string()),
        };
        match drawn.choice {
            0 => None,
            1 => Some("bad".to_owned()),
            _ => {
                let reply = self.world.token(self.now, &ask).reply.ok()?;
                Some(reply.access_token.to_string())
            }
        }
    }

    fn openid(&self, user: &UserId) -> Option<String> {
        let user = self.world.user(&self.app.appid, user).ok()?;
        Some(user.openid.to_string())
    }

    fn signature(&self, user: &UserId, body: &[u8]) -> Option<String> {
        let user = self.world.user(&self.app.appid, user).ok()?;
        let key = user.keys.last()?;
        Some(crypto::hmac_signature(&key.session_key, body))
    }

    fn signed(&mut self, drawn: Drawn, user: &UserId, body: &[u8]) -> SignedRequest {
        SignedRequest {
            access_token: self.token(drawn),
            openid: self.openid(user),
            signature: self.signature(user, body),
            sig_method: Some("hmac_sha256".to_owned()),
        }
    }

    fn code(&self, app: &AppId, user: &UserId, drawn: Drawn) -> Option<String> {
        let codes = self.world.codes(app, user).unwrap_or_default();
        let at = codes.len().checked_sub(1 + usize::from(drawn.choice % 3))?;
        Some(codes[at].code.to_string())
    }

    /// A lever of the admin side.
    fn lever(&mut self, drawn: Drawn, user: UserId) -> Command {
        let app = self.app.appid.clone();
        let choice = drawn.choice;
        match drawn.kind {
            0 => Command::HandleTimeout,
            1 => Command::MarkBaseline,
            2 => Command::Reset,
            3 => Command::CreateApp(Box::default()),
            4 => Command::EditApp(
                app,
                EditApp {
                    name: Some("名".to_owned()),
                    ..EditApp::default()
                },
            ),
            5 if choice < 2 => Command::DeleteApp(app),
            5 | 6 => Command::CreateUser(app, Box::new(NewUser::named(user))),
            7 => {
                let edit = EditUser {
                    steps: Some(vec![u32::from(choice)]),
                    ..EditUser::default()
                };
                Command::EditUser(app, user, Box::new(edit))
            }
            8 => Command::DeleteUser(app, user),
            9 => {
                let text = [
                    r#"{"session_key": {"rotate": "exchange", "max_ttl": "9s"}}"#,
                    r#"{"quota": {"calls_per_minute": 2}}"#,
                    r#"{"quota": {"calls_per_minute": null}}"#,
                    r#"{"code": {"ttl": "2s", "single_use": false}}"#,
                ][usize::from(choice % 4)];
                let patch = serde_json::from_str(text).unwrap();
                Command::SetPolicy(app, (choice > 8).then_some(user), patch)
            }
            10 => Command::ClearPolicy(app, (choice > 8).then_some(user)),
            11 => {
                let change = match choice % 6 {
                    0 => ClockChange::Freeze,
                    1 => ClockChange::Unfreeze,
                    2 => ClockChange::Advance(Span::s(u64::from(choice))),
                    3 => ClockChange::Scale(1.0 / f64::from(choice)),
                    4 => ClockChange::Scale(f64::INFINITY),
                    _ => ClockChange::AgeUser(user, Span::s(3)),
                };
                Command::Clock(app, change)
            }
            12 => Command::AdvanceSome(app, Span::m(6), usize::from(choice)),
            13 => Command::ExpireKey(app, user),
            14 => Command::RotateKey(app, user),
            15 => Command::ResetKey(app, user),
            16 => Command::KillAccessToken(app),
            17 => Command::ExpireAccessToken(app),
            18 => Command::Pay(app, user, NewPayment::default()),
            19 => Command::SetApiSignature(app, None),
            20 => Command::SetCloud(app, (choice > 3).then(CloudHosting::default)),
            21 => Command::CloudToken(app),
            22 => {
                let text = r#"{"url": "http://127.0.0.1:9/push", "token": "AAAAA"}"#;
                Command::SetPush(app, serde_json::from_str(text).unwrap())
            }
            23 => Command::Push(app, PushWhat::UrlVerification),
            _ => {
                let heard = match choice % 2 {
                    0 => PushAnswer::Nothing("refused".to_owned()),
                    _ => PushAnswer::Answer {
                        status: 200,
                        body: vec![0, 255, b'x'],
                    },
                };
                Command::PushAnswered(app, PushNo(1), u32::from(choice / 4), heard)
            }
        }
    }

    /// What a phone does.
    fn phone(&mut self, drawn: Drawn, user: UserId) -> Command {
        let choice = drawn.choice;
        let device = ["phone", "tablet"][usize::from(choice % 2)];
        let app = [&self.app, &self.company][usize::from(choice == 11)];
        let who = Who {
            app: app.appid.clone(),
            user: user.clone(),
            device: device.parse().unwrap(),
        };
        let answer = (choice > 4).then_some(Consent::Deny);
        match drawn.kind {
            25 => Command::LoginAs(
                who,
                LoginDemand {
                    key_to_encode: choice > 8,
                    ..LoginDemand::default()
                },
            ),
            26 => Command::FailOnPhone(who, "login".into(), DeviceFail::new("login", " a")),
            27 => Command::CheckSession(who),
            28 => Command::GetSetting(who),
            29 => Command::Prefetch(who),
            30 => Command::GetBackgroundFetchData(who),
            31 => Command::GetBackgroundFetchToken(who),
            32 => Command::SwitchAccount(who),
            33 => Command::Uninstall(who),
            34 => Command::GetLatestUserKey(who),
            35 => Command::PluginLogin(who),
            36 => Command::CallContainer(who),
            37 => {
                let api = [OpenDataApi::GetPhoneNumber, OpenDataApi::GetUserInfo]
                    [usize::from(choice % 2)];
                let variation = Variation {
                    made_at: (choice > 6).then_some(MadeAt::Ago(Span::s(1))),
                    person: NamedPerson::Nobody,
                    watermark: WatermarkApp::Longer,
                    ..Variation::default()
                };
                Command::Capture(who, Box::new(Capture::new(api).with_variation(variation)))
            }
            38 => Command::Authorize(who, Scope::Camera, answer),
            39 => Command::OpenSetting(who, (choice > 2).then_some((Scope::Camera, choice > 6))),
            40 => Command::ChooseAvatar(who, answer),
            41 => {
                let signature = self.signature(&user, b"{}").unwrap_or_default();
                let payment = VirtualPayment {
                    sign_data: "{}".to_owned(),
                    signature,
                    ..VirtualPayment::default()
                };
                Command::RequestVirtualPayment(who, payment, Consent::Allow)
            }
            42 => Command::JoinVoipChat(who, VoipChat::default()),
            44 => {
                let text =
                    r#"{"fetched_data": "d", "at": 1, "path": "p", "query": "", "scene": 1}"#;
                Command::KeepFetched(who, serde_json::from_str(text).unwrap())
            }
            _ => Command::SetBackgroundFetchToken(who, "t".repeat(usize::from(choice))),
        }
    }

    /// What a backend asks with credentials of its own.
    fn backend(&mut self, drawn: Drawn, user: &UserId) -> Command {
        let app = self.app.clone();
        let js_code = self.code(&app.appid, user, drawn);
        let (appid, secret) = (Some(app.appid.to_string()), Some(app.secret.to_string()));
        let grant_type = Some("authorization_code".to_owned());
        let platform = Some(self.platform.appid.to_string());
        match drawn.kind {
            43 => Command::Jscode2session(Jscode2Session {
                appid,
                secret,
                js_code,
                grant_type,
            }),
            46 => Command::Token(TokenRequest {
                appid,
                secret,
                ..TokenRequest::default()
            }),
            47 => {
                let force_refresh = drawn.choice > 6;
                let grant_type = Some("client_credential".to_owned());
                Command::StableToken(StableTokenRequest {
                    grant_type,
                    appid,
                    secret,
                    force_refresh,
                })
            }
            48 => Command::ComponentToken(ComponentTokenRequest {
                component_appid: platform,
                component_appsecret: Some(self.platform.secret.to_string()),
                component_verify_ticket: self.platform.component_verify_ticket.clone(),
            }),
            49 => Command::ComponentJscode2session(ComponentJscode2Session {
                appid,
                js_code,
                grant_type,
                component_appid: platform,
                component_access_token: None,
            }),
            50 => Command::AuthorizerToken(AuthorizerTokenRequest {
                component_appid: platform,
                ..AuthorizerTokenRequest::default()
            }),
            51 => Command::CorpToken(CorpTokenRequest {
                corpid: Some(self.company.appid.to_string()),
                corpsecret: Some(self.company.secret.to_string()),
            }),
            52 => Command::CorpJscode2session(CorpJscode2Session {
                access_token: None,
                js_code,
            }),
            53 => {
                let from = ["127.0.0.1", "::1"][usize::from(drawn.choice % 2)];
                Command::Admit(app.appid, "token".into(), from.parse().unwrap())
            }
            54 => Command::Rid((drawn.choice > 2).then_some(app.appid), self.now),
            55 => Command::DrawAnswer(app.appid),
            56 => Command::ForgetDeparted,
            73 => Command::ResendPushes,
            74 => Command::SuiteToken(SuiteTokenRequest {
                suite_id: Some(self.suite.appid.to_string()),
                suite_secret: Some(self.suite.secret.to_string()),
                suite_ticket: self.suite.suite_ticket.clone(),
            }),
            75 => {
                let ask = SuiteTokenRequest {
                    suite_id: Some(self.suite.appid.to_string()),
                    suite_secret: Some(self.suite.secret.to_string()),
                    suite_ticket: self.suite.suite_ticket.clone(),
                };
                let handed = self.world.suite_token(self.now, &ask).reply.ok();
                Command::SuiteJscode2session(SuiteJscode2Session {
                    suite_access_token: handed.map(|handed| handed.access_token.to_string()),
                    js_code: self.code(&self.company.appid, user, drawn),
                })
            }
            _ => Command::ForgetAllDeparted,
        }
    }

    /// What a backend asks with an access_token.
    fn service(&mut self, drawn: Drawn, user: &UserId) -> Command {
        let access_token = self.token(drawn);
        let openid = self.openid(user);
        let appid = Some(self.app.appid.to_string());
        let code = Some("code".to_owned());
        match drawn.kind {
            58 => Command::Checksession(self.signed(drawn, user, b"")),
            59 => Command::Resetusersessionkey(self.signed(drawn, user, b"")),
            60 => Command::Getuserphonenumber(PhoneNumberRequest {
                access_token,
                code,
                openid,
            }),
            61 => Command::Getpaidunionid(PaidUnionIdRequest {
                access_token,
                openid,
                ..PaidUnionIdRequest::default()
            }),
            62 => Command::Getpluginopenpid(PluginOpenPidRequest { access_token, code }),
            63 => Command::Checkencryptedmsg(CheckEncryptedMsg {
                access_token,
                encrypted_msg_hash: code,
            }),
            64 => {
                let (scene, client_ip) = (Some("1".to_owned()), None);
                Command::Getuserriskrank(RiskRankRequest {
                    access_token,
                    appid,
                    openid,
                    scene,
                    client_ip,
                })
            }
            65 => Command::Getcallbackip(CallbackIp { access_token }),
            66 => Command::ClearQuota(ClearQuota {
                access_token,
                appid,
            }),
            67 => Command::MsgSecCheck(MsgSecCheck {
                access_token,
                texts: vec!["特3456书yuuo莞6543李zxcz蒜7782法fgnv级".to_owned()],
                has_content: true,
                version: Some("2".to_owned()),
                scene: Some("1".to_owned()),
                openid,
            }),
            68 => Command::SubscribeSend(SubscribeSend {
                access_token,
                touser: openid,
                template_id: Some("t".repeat(43)),
                data: Some(vec![
                    ("thing1".to_owned(), Some("a".to_owned())),
                    ("b".to_owned(), None),
                ]),
                miniprogram_state: None,
            }),
            69 => Command::Getuserencryptkey(UserKeysRequest {
                signed: self.signed(drawn, user, b""),
                has_body: drawn.choice == 5,
            }),
            70 => {
                let (exact, read) = (
                    vec![b'{', 200],
                    Some(vec![("k".to_owned(), "v".to_owned())]),
                );
                let signed = self.signed(drawn, user, &exact);
                Command::SetUserStorage(SetUserStorage {
                    signed,
                    body: StorageBody { exact, read },
                })
            }
            71 => {
                let (exact, read) = (b"[]".to_vec(), Some(vec!["k".to_owned()]));
                let signed = self.signed(drawn, user, &exact);
                Command::RemoveUserStorage(RemoveUserStorage {
                    signed,
                    body: StorageBody { exact, read },
                })
            }
            72 if drawn.choice > 5 => Command::Getwxacodeunlimit(WxaCode {
                access_token,
                is_json: true,
                scene: Some("a=1".to_owned()),
                line_color: [None, Some(None), Some(Some([1, 2, 3]))]
                    [usize::from(drawn.choice % 3)],
                ..WxaCode::default()
            }),
            _ => Command::XpayQuery(Box::new(XpayQuery {
                kind: XpayQueryKind::Balance,
                access_token,
                signature: self.signature(user, b"{}"),
                pay_sig: None,
                exact: b"{}".to_vec(),
                openid,
                env: Some("0".to_owned()),
                user_ip: Some("127.0.0.1".to_owned()),
                order_id: None,
            })),
        }
    }

    /// Does what was drawn: its answer and its events.
    fn take(&mut self, drawn: Drawn) -> (String, Vec<Event>) {
        self.now.0 += i64::from(drawn.later);
        let user: UserId = ["alice", "bob", "carol"][usize::from(drawn.user)]
            .parse()
            .unwrap();
        let command = match drawn.kind {
            0..=24 => self.lever(drawn, user),
            25..=42 | 44 | 45 => self.phone(drawn, user),
            43 | 46..=57 | 73..=75 => self.backend(drawn, &user),
            _ => self.service(drawn, &user),
        };
        let answer = self.world.apply(Timed(self.now, command));
        (format!("{answer:?}"), self.world.take_events())
    }
}

fn written(world: &mut World) -> String {
    serde_json::to_string(&world.export()).unwrap()
}

/// Does what was recorded to another world, each command written and read first: the last answer and all events.
fn again(world: &mut World, recorded: &[Timed]) -> (Option<String>, Vec<Event>) {
    let mut answer = None;
    for timed in recorded {
        let text = serde_json::to_string(timed).unwrap();
        let read: Timed = serde_json::from_str(&text).unwrap();
        // Not `==` of the values: infinity is itself, but other numbers that are none are not.
        assert_eq!(format!("{read:?}"), format!("{timed:?}"), "{text}");
        answer = Some(format!("{:?}", world.apply(read)));
    }
    (answer, world.take_events())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn done_again_commands_make_the_same_world_and_the_same_answers(
        drawn in prop::collection::vec(drawn(), 1..80),
        stored_at in 0..80usize,
    ) {
        let mut scene = Scene::new();
        let mut twin = World::new(Seed(7));
        let made: Vec<_> = scene.world.take_recorded().collect();
        prop_assert_eq!(again(&mut twin, &made).1, scene.world.take_events());
        for (at, drawn) in drawn.iter().enumerate() {
            if at == stored_at {
                // Sealing a state and going on from it is no different from having gone on.
                let text = written(&mut scene.world);
                again(&mut twin, &scene.world.take_recorded().collect::<Vec<_>>());
                twin = World::restore(serde_json::from_str(&text).unwrap()).unwrap();
            }
            let (answer, events) = scene.take(*drawn);
            let recorded: Vec<_> = scene.world.take_recorded().collect();
            let (heard, seen) = again(&mut twin, &recorded);
            if let Some(heard) = heard.filter(|_| is_recorded(&recorded, *drawn)) {
                prop_assert_eq!(heard, answer);
            }
            prop_assert_eq!(seen, events);
        }
        let text = written(&mut scene.world);
        again(&mut twin, &scene.world.take_recorded().collect::<Vec<_>>());
        prop_assert_eq!(written(&mut twin), text);
    }
}

/// Whether the last command recorded is the one that was drawn: one that changes nothing is not recorded, but what it was
/// prepared with may be.
fn is_recorded(recorded: &[Timed], drawn: Drawn) -> bool {
    let last = recorded.last().map(|timed| tag(&timed.1));
    let is = |tag: &str| last.as_deref() == Some(tag);
    match drawn.kind {
        53 => is("admit"),
        55 => is("draw_answer"),
        56 => is("forget_departed"),
        57 => is("forget_all_departed"),
        _ => true,
    }
}

fn tag(command: &Command) -> String {
    match serde_json::to_value(command).unwrap() {
        serde_json::Value::String(tag) => tag,
        other => other.as_object().unwrap().keys().next().unwrap().clone(),
    }
}

#[test]
fn every_kind_of_command_is_drawn_and_recorded() {
    let mut seen = BTreeSet::new();
    for choice in 0..12 {
        let mut scene = Scene::new();
        let quota = Drawn {
            kind: 9,
            user: 0,
            choice: 1,
            later: 0,
        };
        scene.take(quota);
        for kind in (0..N_KINDS).filter(|kind| *kind != 2) {
            scene.take(Drawn {
                kind,
                user: choice % 2,
                choice,
                later: 40,
            });
        }
        // Enough of an app's codes that forgetting takes more than one step.
        let login = Drawn {
            kind: 25,
            user: 0,
            choice: 0,
            later: 0,
        };
        for _ in 0..2_000 {
            scene.take(login);
        }
        for kind in [8, 56, 57, 2] {
            scene.take(Drawn { kind, ..login });
        }
        let _ = scene.world.export();
        seen.extend(scene.world.take_recorded().map(|timed| tag(&timed.1)));
    }
    let missing: Vec<_> = variants().difference(&seen).cloned().collect();
    assert!(missing.is_empty(), "never recorded: {missing:?}");
}
