//! The world against a naive model over long random histories.
//!
//! The model keeps plain lists and looks through all of them each time; it shares no code with the key ring, the code book or
//! the deadlines. Beside the world runs a twin that gets the same calls and is now and then stored and loaded: it must answer
//! every call with the same bytes.

mod checked;

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::*;
use crate::{
    ActivateOn, ExchangeReturns, Iv, KeyNo, KeyScope, Policy, Rotate, SessionKey, SessionKeyPatch,
    UserId, WorldState,
};
use checked::Checked;

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
