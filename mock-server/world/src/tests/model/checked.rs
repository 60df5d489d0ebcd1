//! The world and its twin beside the model: every step is taken by all three, and they must agree.

use super::*;

/// A payload and the key that must be the only one to open it.
struct Payload {
    user: usize,
    key: usize,
    captured: Captured,
}

/// The world, its twin, and what has been seen.
pub(super) struct Checked {
    stage: Stage,
    twin: World,
    stranger: AppView,
    codes: Vec<String>,
    payloads: Vec<Payload>,
    exchanges: Vec<u32>,
    secrets: Vec<String>,
    events: Vec<crate::Event>,
}

impl Checked {
    /// Calls the world and the twin and compares what they say.
    fn both<T: std::fmt::Debug + PartialEq>(
        &mut self,
        call: impl Fn(&mut World, UnixMs) -> T,
    ) -> T {
        let answer = call(&mut self.stage.world, self.stage.now);
        let twin = call(&mut self.twin, self.stage.now);
        assert_eq!(answer, twin, "the twin answers with the same bytes");
        let events = self.stage.world.take_events();
        assert_eq!(events, self.twin.take_events());
        assert_eq!(self.stage.world.next_deadline(), self.twin.next_deadline());
        self.events.extend(events);
        answer
    }

    fn keys(&self, user: usize) -> Vec<crate::KeyView> {
        self.stage
            .world
            .user(&self.stage.app.appid, &USERS[user].parse().unwrap())
            .unwrap()
            .keys
    }

    fn exchange(&mut self, at: usize, edit: impl Fn(&mut Jscode2Session)) -> Outcome {
        let mut request = self.stage.request(&self.codes[at]);
        edit(&mut request);
        let effect = self.both(|world, now| world.jscode2session(now, &request));
        if effect.reply.is_ok() {
            self.exchanges[at] += 1;
        }
        Outcome::Exchange(
            effect
                .reply
                .map(|session| session.key_no.0 as usize)
                .map_err(|error| error.errcode),
        )
    }

    fn lever(&mut self, user: usize, step: &Step) -> Outcome {
        let (app, user): (_, UserId) = (self.stage.app.appid.clone(), USERS[user].parse().unwrap());
        let pulled = self.both(|world, now| match step {
            Step::Rotate { .. } => world.rotate_key(now, &app, &user),
            Step::Expire { .. } => world.expire_key(now, &app, &user),
            _ => world.reset_key(now, &app, &user),
        });
        Outcome::Lever(pulled.ok().map(|effect| effect.reply.no.0 as usize))
    }

    fn take(&mut self, step: &Step) -> Outcome {
        match *step {
            Step::Login { user, device } => self.login(user, device),
            Step::Exchange { code } => self.exchange(code, |_| ()),
            Step::ExchangeWrongSecret { code } => {
                self.exchange(code, |q| q.secret = Some("f".repeat(32)))
            }
            Step::ExchangeWrongApp { code } => {
                let stranger = self.stranger.clone();
                self.exchange(code, |q| {
                    q.appid = Some(stranger.appid.to_string());
                    q.secret = Some(stranger.secret.to_string());
                })
            }
            Step::Capture { user, device } => self.capture(user, device),
            Step::CheckSession { user, device } => {
                let who = self.stage.who(USERS[user], DEVICES[device]);
                Outcome::Alive(
                    self.both(|world, now| world.check_session(now, &who))
                        .reply
                        .is_ok(),
                )
            }
            Step::Verify { user, key } => self.verify(user, key),
            Step::Rotate { user } | Step::Expire { user } | Step::Reset { user } => {
                self.lever(user, step)
            }
            Step::Wait { ms } => {
                self.stage.now.0 += ms;
                Outcome::Nothing
            }
            Step::Age { user, ms } => {
                let (app, by) = (
                    self.stage.app.appid.clone(),
                    Span(u64::try_from(ms).unwrap()),
                );
                let change = ClockChange::AgeUser(USERS[user].parse().unwrap(), by);
                self.both(|world, now| world.clock(now, &app, change.clone()))
                    .unwrap();
                Outcome::Nothing
            }
            Step::Timeout => {
                self.both(World::handle_timeout);
                Outcome::Nothing
            }
            Step::StoreAndLoad => {
                let text = serde_json::to_string(&self.twin.export()).unwrap();
                self.twin =
                    World::import(serde_json::from_str::<WorldState>(&text).unwrap()).unwrap();
                assert_eq!(text, serde_json::to_string(&self.twin.export()).unwrap());
                Outcome::Nothing
            }
        }
    }

    fn login(&mut self, user: usize, device: usize) -> Outcome {
        let who = self.stage.who(USERS[user], DEVICES[device]);
        let login = self
            .both(|world, now| world.login(now, &who))
            .reply
            .unwrap();
        self.codes.push(login.code.to_string());
        self.exchanges.push(0);
        self.secrets.push(login.code.to_string());
        Outcome::Login {
            current: login.key_no.0 as usize,
            bound: login.bound_key_no.0 as usize,
        }
    }

    fn capture(&mut self, user: usize, device: usize) -> Outcome {
        let who = self.stage.who(USERS[user], DEVICES[device]);
        let what = Capture::new(OpenDataApi::GetUserInfo);
        let heard = self
            .both(|world, now| world.capture(now, &who, &what))
            .reply;
        let key = heard
            .as_ref()
            .ok()
            .and_then(|captured| captured.key_no)
            .map(|no| no.0 as usize);
        if let (Ok(captured), Some(key)) = (heard, key) {
            self.payloads.push(Payload {
                user,
                key,
                captured,
            });
        }
        Outcome::Captured(key)
    }

    fn verify(&mut self, user: usize, key: usize) -> Outcome {
        let app = self.stage.app.clone();
        let ask = TokenRequest {
            grant_type: Some("client_credential".into()),
            appid: Some(app.appid.to_string()),
            secret: Some(app.secret.to_string()),
        };
        let token = self
            .both(|world, now| world.token(now, &ask))
            .reply
            .unwrap()
            .access_token
            .to_string();
        self.secrets.push(token.clone());
        let view = self
            .stage
            .world
            .user(&app.appid, &USERS[user].parse().unwrap())
            .unwrap();
        let request = SignedRequest {
            access_token: Some(token),
            openid: Some(view.openid.to_string()),
            signature: Some(crypto::hmac_signature(&view.keys[key].session_key, b"")),
            sig_method: Some("hmac_sha256".into()),
        };
        Outcome::Errcode(errcode(
            self.both(|world, now| world.checksession(now, &request))
                .reply,
        ))
    }

    /// Whether this key makes open data of the payload.
    fn opens(captured: &Captured, key: &SessionKey) -> bool {
        let iv = Iv::from_base64(&captured.iv).unwrap();
        let opened = crypto::open(key, &iv, &captured.encrypted_data);
        opened.is_ok_and(|plain| serde_json::from_slice::<serde_json::Value>(&plain).is_ok())
    }
}

impl StateMachineTest for Checked {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(model: &Model) -> Self {
        let mut stage = Stage::new();
        let Rules {
            rotate,
            returns,
            activate,
            scope,
            min_interval,
            single_use,
            burn,
        } = model.rules;
        let mut patch = PolicyPatch {
            session_key: SessionKeyPatch {
                rotate: Some(rotate),
                exchange_returns: Some(returns),
                activate_on: Some(activate),
                scope: Some(scope),
                min_interval: Some(Span(u64::try_from(min_interval).unwrap())),
                idle_ttl: Some(Span(u64::try_from(IDLE).unwrap())),
                max_ttl: Some(Span(u64::try_from(MAX).unwrap())),
                ..SessionKeyPatch::default()
            },
            ..PolicyPatch::default()
        };
        patch.code.single_use = Some(single_use);
        patch.code.burn_on_wrong_appid = Some(burn);
        stage
            .world
            .set_policy(T0, &stage.app.appid, None, &patch)
            .unwrap();
        let stranger = NewApp {
            policy: Policy::default(),
            ..NewApp::default()
        };
        let stranger = stage.world.create_app(T0, stranger).unwrap().reply;
        let _ = stage.world.take_events();
        let twin = World::import(stage.world.export()).unwrap();
        let secrets = vec![stage.app.secret.to_string(), stranger.secret.to_string()];
        let (codes, payloads, exchanges, events) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self {
            stage,
            twin,
            stranger,
            codes,
            payloads,
            exchanges,
            secrets,
            events,
        }
    }

    fn apply(mut state: Self, model: &Model, step: Step) -> Self {
        let outcome = state.take(&step);
        assert_eq!(outcome, model.outcome, "after {step:?}");
        state
    }

    fn check_invariants(state: &Self, model: &Model) {
        for user in 0..USERS.len() {
            let keys = state.keys(user);
            let current: Vec<_> = keys.iter().filter(|key| key.current).collect();
            for (at, key) in current.iter().enumerate() {
                let same_slot = |other: &&&crate::KeyView| {
                    model.rules.scope == KeyScope::User || other.device == key.device
                };
                assert_eq!(
                    current.iter().filter(same_slot).count(),
                    1,
                    "one valid key at most ({at})"
                );
                assert!(
                    key.displaced_at.is_none()
                        && key.expired_at.is_none()
                        && key.activated_at.is_some()
                );
            }
            assert!(keys.iter().zip(1..).all(|(key, no)| key.no == KeyNo(no)));
        }
        let most = if model.rules.single_use { 1 } else { u32::MAX };
        assert!(
            state.exchanges.iter().all(|n| *n <= most),
            "a code is exchanged at most once"
        );
    }

    fn teardown(state: Self, _: Model) {
        let keys = [state.keys(0), state.keys(1)];
        for payload in &state.payloads {
            let openers = keys
                .iter()
                .enumerate()
                .flat_map(|(user, keys)| keys.iter().map(move |key| (user, key)));
            let openers =
                openers.filter(|(_, key)| Self::opens(&payload.captured, &key.session_key));
            let openers: Vec<_> = openers
                .map(|(user, key)| (user, key.no.0 as usize))
                .collect();
            assert_eq!(
                openers,
                [(payload.user, payload.key)],
                "opens under exactly the key current at capture"
            );
        }
        let log = serde_json::to_string(&state.events).unwrap();
        let keys = keys.iter().flatten().map(|key| key.session_key.base64());
        for secret in state.secrets.iter().cloned().chain(keys) {
            assert!(!log.contains(&secret), "a secret in an event");
        }
        assert!(
            state.events.is_sorted_by_key(|event| event.seq),
            "events come in the order of commands"
        );
    }
}
