//! The world against a naive model over long random histories.
//!
//! The model keeps plain lists and looks through all of them each time; it shares no code with the key ring, the code book or
//! the deadlines. Beside the world runs a twin that gets the same calls and is now and then stored and loaded: it must answer
//! every call with the same bytes.

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::*;
use crate::{
    ActivateOn, ExchangeReturns, Iv, KeyNo, KeyScope, Policy, Rotate, SessionKey, SessionKeyPatch,
    UserId, WorldState,
};

const USERS: [&str; 2] = ["alice", "bob"];
const DEVICES: [&str; 2] = ["phone", "tablet"];
const CODE_TTL: i64 = 300_000;
const IDLE: i64 = 3_600_000;
const MAX: i64 = 3 * 3_600_000;

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_world_does_what_the_naive_model_says(sequential 1..60 => Checked);
}

/// The rules the model knows.
#[derive(Debug, Clone, Copy)]
struct Rules {
    rotate: Rotate,
    returns: ExchangeReturns,
    activate: ActivateOn,
    scope: KeyScope,
    min_interval: i64,
    single_use: bool,
    burn: bool,
}

#[derive(Debug, Clone)]
struct ModelKey {
    device: usize,
    issued: i64,
    expires: i64,
    max: i64,
    active: bool,
    gone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ModelCodeState {
    Fresh,
    Used,
    Burnt,
    Expired,
}

#[derive(Debug, Clone)]
struct ModelCode {
    user: usize,
    device: usize,
    key: usize,
    expires: i64,
    state: ModelCodeState,
}

#[derive(Debug, Clone, Default)]
struct ModelUser {
    keys: Vec<ModelKey>,
    /// Phones in the order of their first login.
    devices: Vec<usize>,
    last: Option<usize>,
    last_of_device: [Option<usize>; 2],
}

/// What the last transition must have led to. Keys are numbered from 1, as in the world.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    Login {
        current: usize,
        bound: usize,
    },
    /// The key revealed, or the errcode.
    Exchange(Result<usize, i64>),
    /// The key that sealed; `None` without a live login.
    Captured(Option<usize>),
    Alive(bool),
    Errcode(i64),
    /// The number of the key a lever made or ended; `None` if there was nothing to pull at.
    Lever(Option<usize>),
    Nothing,
}

#[derive(Debug, Clone)]
struct Model {
    rules: Rules,
    now: i64,
    users: [ModelUser; 2],
    codes: Vec<ModelCode>,
    outcome: Outcome,
}

#[derive(Debug, Clone)]
enum Step {
    Login {
        user: usize,
        device: usize,
    },
    Exchange {
        code: usize,
    },
    ExchangeWrongSecret {
        code: usize,
    },
    ExchangeWrongApp {
        code: usize,
    },
    Capture {
        user: usize,
        device: usize,
    },
    CheckSession {
        user: usize,
        device: usize,
    },
    /// checksession signed with this key of the user.
    Verify {
        user: usize,
        key: usize,
    },
    Rotate {
        user: usize,
    },
    Expire {
        user: usize,
    },
    Reset {
        user: usize,
    },
    Wait {
        ms: i64,
    },
    Age {
        user: usize,
        ms: i64,
    },
    Timeout,
    StoreAndLoad,
}

impl Model {
    fn tick(&mut self) {
        for key in self.users.iter_mut().flat_map(|user| &mut user.keys) {
            key.gone |= key.expires <= self.now;
        }
        for code in &mut self.codes {
            if code.state == ModelCodeState::Fresh && code.expires <= self.now {
                code.state = ModelCodeState::Expired;
            }
        }
    }

    fn newest(&self, user: usize, device: usize, active: bool) -> Option<usize> {
        let shares = |key: &ModelKey| self.rules.scope == KeyScope::User || key.device == device;
        let keys = &self.users[user].keys;
        keys.iter()
            .rposition(|key| !key.gone && shares(key) && (key.active || !active))
            .map(|at| at + 1)
    }

    fn issue(
        &mut self,
        user: usize,
        device: usize,
        active: bool,
        heir: Option<(i64, i64)>,
    ) -> usize {
        let (expires, max) = heir.unwrap_or((self.now + IDLE, self.now + MAX));
        self.users[user].keys.push(ModelKey {
            device,
            issued: self.now,
            expires,
            max,
            active: false,
            gone: false,
        });
        let no = self.users[user].keys.len();
        if active {
            self.activate(user, no);
        }
        no
    }

    fn activate(&mut self, user: usize, no: usize) {
        let key = &mut self.users[user].keys[no - 1];
        if key.gone || key.active {
            return;
        }
        key.active = true;
        let device = key.device;
        for older in &mut self.users[user].keys[..no - 1] {
            older.gone |= self.rules.scope == KeyScope::User || older.device == device;
        }
    }

    fn renew(&mut self, user: usize, no: usize) {
        let key = &mut self.users[user].keys[no - 1];
        if !key.gone {
            key.expires = key.expires.max((self.now + IDLE).min(key.max));
        }
    }

    /// The key after a login or exchange, and whether it is new.
    fn occasion(&mut self, user: usize, device: usize, event: Rotate) -> (usize, bool) {
        match self.newest(user, device, false) {
            None => (self.issue(user, device, true, None), true),
            Some(head) => {
                let old_enough =
                    self.now - self.users[user].keys[head - 1].issued >= self.rules.min_interval;
                if self.rules.rotate == event && old_enough {
                    let active =
                        event == Rotate::Exchange || self.rules.activate == ActivateOn::Issue;
                    (self.issue(user, device, active, None), true)
                } else {
                    (head, false)
                }
            }
        }
    }

    fn login(&mut self, user: usize, device: usize) -> Outcome {
        if !self.users[user].devices.contains(&device) {
            self.users[user].devices.push(device);
        }
        let (bound, new) = self.occasion(user, device, Rotate::Login);
        if !new {
            self.renew(user, bound);
        }
        self.users[user].last = Some(bound);
        self.users[user].last_of_device[device] = Some(bound);
        let expires = self.now + CODE_TTL;
        self.codes.push(ModelCode {
            user,
            device,
            key: bound,
            expires,
            state: ModelCodeState::Fresh,
        });
        Outcome::Login {
            current: self.newest(user, device, true).unwrap_or(bound),
            bound,
        }
    }

    fn exchange(&mut self, at: usize) -> Outcome {
        let ModelCode {
            user,
            device,
            key,
            expires,
            state,
        } = self.codes[at].clone();
        match state {
            ModelCodeState::Expired => return Outcome::Exchange(Err(40029)),
            ModelCodeState::Burnt => return Outcome::Exchange(Err(40163)),
            ModelCodeState::Used if self.rules.single_use => return Outcome::Exchange(Err(40163)),
            ModelCodeState::Used if expires <= self.now => return Outcome::Exchange(Err(40029)),
            ModelCodeState::Used | ModelCodeState::Fresh => {}
        }
        self.codes[at].state = ModelCodeState::Used;
        let (no, new) = match (self.rules.rotate, self.rules.returns) {
            (Rotate::Exchange, _) => self.occasion(user, device, Rotate::Exchange),
            (_, ExchangeReturns::Bound) => (key, false),
            (_, ExchangeReturns::Current) => match self.newest(user, device, false) {
                Some(head) => (head, false),
                None => self.occasion(user, device, Rotate::Exchange),
            },
        };
        if new {
            self.users[user].last = Some(no);
            self.users[user].last_of_device[device] = Some(no);
        } else {
            self.activate(user, no);
            self.renew(user, no);
        }
        Outcome::Exchange(Ok(no))
    }

    fn lever(&mut self, user: usize, step: &Step) -> Outcome {
        let Some(at) = self.users[user].keys.iter().rposition(|key| !key.gone) else {
            return Outcome::Lever(None);
        };
        let device = self.users[user].keys[at].device;
        let current = self
            .newest(user, device, true)
            .map(|no| &self.users[user].keys[no - 1]);
        let heir = current.map(|key| (key.expires, key.max));
        match step {
            Step::Expire { .. } => {
                self.users[user]
                    .keys
                    .iter_mut()
                    .for_each(|key| key.gone = true);
                Outcome::Lever(Some(at + 1))
            }
            Step::Reset { .. } => Outcome::Lever(Some(self.issue(user, device, true, heir))),
            _ => Outcome::Lever(Some(self.issue(user, device, true, None))),
        }
    }

    fn take(&mut self, step: &Step) -> Outcome {
        match *step {
            Step::Login { user, device } => self.login(user, device),
            Step::Exchange { code } => self.exchange(code),
            Step::ExchangeWrongSecret { .. } => Outcome::Exchange(Err(40125)),
            Step::ExchangeWrongApp { code } => {
                let code = &mut self.codes[code];
                if self.rules.burn && code.state == ModelCodeState::Fresh {
                    code.state = ModelCodeState::Burnt;
                }
                Outcome::Exchange(Err(40029))
            }
            Step::Capture { user, device } => {
                let stranger = self.rules.scope == KeyScope::Device
                    && !self.users[user].devices.contains(&device);
                let key = if stranger {
                    None
                } else {
                    self.newest(user, device, true)
                };
                if let Some(key) = key {
                    self.renew(user, key);
                }
                Outcome::Captured(key)
            }
            Step::CheckSession { user, device } => {
                let last = match self.rules.scope {
                    KeyScope::User => self.users[user].last,
                    KeyScope::Device => self.users[user].last_of_device[device],
                };
                let alive = last.filter(|no| !self.users[user].keys[no - 1].gone);
                if let Some(no) = alive {
                    self.renew(user, no);
                }
                Outcome::Alive(alive.is_some())
            }
            Step::Verify { user, key } => {
                let device = self.users[user].keys[key].device;
                let valid = self.newest(user, device, true) == Some(key + 1);
                Outcome::Errcode(if valid { 0 } else { 87009 })
            }
            Step::Rotate { user } | Step::Expire { user } | Step::Reset { user } => {
                self.lever(user, step)
            }
            Step::Wait { ms } => {
                self.now += ms;
                Outcome::Nothing
            }
            Step::Age { user, ms } => {
                for key in &mut self.users[user].keys {
                    key.issued -= ms;
                    key.expires -= ms;
                    key.max -= ms;
                }
                // The world does not look at codes again once it has found them over.
                let fresh = |code: &&mut ModelCode| {
                    code.user == user && code.state == ModelCodeState::Fresh
                };
                self.codes
                    .iter_mut()
                    .filter(fresh)
                    .for_each(|code| code.expires -= ms);
                self.tick();
                Outcome::Nothing
            }
            Step::Timeout | Step::StoreAndLoad => Outcome::Nothing,
        }
    }
}

impl Model {
    /// What can always happen, by weight.
    fn steps_of_people() -> Vec<(u32, BoxedStrategy<Step>)> {
        let user = || 0..USERS.len();
        let person = || (user(), 0..DEVICES.len());
        let wait = || prop::sample::select(vec![1, 1000, CODE_TTL - 1, CODE_TTL, IDLE / 2, IDLE]);
        vec![
            (
                6,
                person()
                    .prop_map(|(user, device)| Step::Login { user, device })
                    .boxed(),
            ),
            (
                4,
                person()
                    .prop_map(|(user, device)| Step::Capture { user, device })
                    .boxed(),
            ),
            (
                2,
                person()
                    .prop_map(|(user, device)| Step::CheckSession { user, device })
                    .boxed(),
            ),
            (3, wait().prop_map(|ms| Step::Wait { ms }).boxed()),
            (
                1,
                (user(), wait())
                    .prop_map(|(user, ms)| Step::Age { user, ms })
                    .boxed(),
            ),
            (1, user().prop_map(|user| Step::Rotate { user }).boxed()),
            (1, user().prop_map(|user| Step::Expire { user }).boxed()),
            (1, user().prop_map(|user| Step::Reset { user }).boxed()),
            (1, Just(Step::Timeout).boxed()),
            (1, Just(Step::StoreAndLoad).boxed()),
        ]
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let rotate = prop_oneof![4 => Just(Rotate::Login), 2 => Just(Rotate::Exchange), 1 => Just(Rotate::Never)];
        let returns = prop_oneof![Just(ExchangeReturns::Bound), Just(ExchangeReturns::Current)];
        let activate = prop_oneof![3 => Just(ActivateOn::Issue), 1 => Just(ActivateOn::Exchange)];
        let scope = prop_oneof![3 => Just(KeyScope::User), 1 => Just(KeyScope::Device)];
        let rest = (
            prop_oneof![2 => Just(0), 1 => Just(300_000)],
            prop::bool::weighted(0.8),
            any::<bool>(),
        );
        (rotate, returns, activate, scope, rest)
            .prop_map(
                |(rotate, returns, activate, scope, (min_interval, single_use, burn))| Self {
                    rules: Rules {
                        rotate,
                        returns,
                        activate,
                        scope,
                        min_interval,
                        single_use,
                        burn,
                    },
                    now: T0.0,
                    users: [ModelUser::default(), ModelUser::default()],
                    codes: Vec::new(),
                    outcome: Outcome::Nothing,
                },
            )
            .boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Step> {
        let mut steps = Self::steps_of_people();
        if !state.codes.is_empty() {
            let code = || 0..state.codes.len();
            steps.push((8, code().prop_map(|code| Step::Exchange { code }).boxed()));
            steps.push((
                1,
                code()
                    .prop_map(|code| Step::ExchangeWrongSecret { code })
                    .boxed(),
            ));
            steps.push((
                1,
                code()
                    .prop_map(|code| Step::ExchangeWrongApp { code })
                    .boxed(),
            ));
        }
        for (user, model) in state
            .users
            .iter()
            .enumerate()
            .filter(|(_, user)| !user.keys.is_empty())
        {
            let key = 0..model.keys.len();
            steps.push((
                2,
                key.prop_map(move |key| Step::Verify { user, key }).boxed(),
            ));
        }
        prop::strategy::Union::new_weighted(steps).boxed()
    }

    fn preconditions(state: &Self, step: &Step) -> bool {
        match *step {
            Step::Exchange { code }
            | Step::ExchangeWrongSecret { code }
            | Step::ExchangeWrongApp { code } => code < state.codes.len(),
            Step::Verify { user, key } => key < state.users[user].keys.len(),
            // Ageing a code that may be used again is not modelled.
            Step::Age { .. } => state.rules.single_use,
            _ => true,
        }
    }

    fn apply(mut state: Self, step: &Step) -> Self {
        state.tick();
        state.outcome = state.take(step);
        state
    }
}

/// A payload and the key that must be the only one to open it.
struct Payload {
    user: usize,
    key: usize,
    captured: Captured,
}

/// The world, its twin, and what has been seen.
struct Checked {
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
