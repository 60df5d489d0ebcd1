//! The harness's own questions when everything is at rest: can this person get back in, which keys are stored, and are
//! people kept apart?

use std::collections::BTreeSet;

use super::asks::Carries;
use super::settle::Need;
use super::stage::{Stage, Stop};
use super::verbs::phone_of;
use wxmock_model::history::{Operation, Outcome, Phase, PhoneRecord, Purpose};
use wxmock_model::program::{CaptureApi, Place, Seal, SealKey, Step, Using, Verb};

impl Stage<'_> {
    /// One clean login on a fresh phone, a new capture, and a send: what every person must be able to fall back on.
    ///
    /// A backend that takes the payload with the code gets both in one request.
    pub(crate) async fn recover(&mut self, step: &Step, user: &str) -> Result<(), Stop> {
        self.ask_who(user).await?;
        self.look_again(user).await?;
        let step = &Step {
            phone: Some(self.fresh_phone(user)?),
            ..step.clone()
        };
        let payload = format!("{} payload", step.text);
        self.log_in(step, &payload, Purpose::Recovery).await?;
        if let Some((api, op)) = self.payload_op() {
            self.capture(step, None, api, &payload, &Seal::default())?;
            let send = Carries {
                payload: Some(&payload),
                using: Some(&Using::Last),
                purpose: Purpose::Recovery,
                ..Carries::default()
            };
            self.ask_alone(step, op, send).await?;
        }
        Ok(())
    }

    /// Asks `whoami` with every token of a person whose payload was answered with `relogin`: is it the session that is over, or
    /// the payload that no key opens? Before the next login, which may end sessions; asking heals nothing.
    async fn ask_who(&mut self, user: &str) -> Result<(), Stop> {
        if !self.run_context.adapter.has("whoami") {
            return Ok(());
        }
        let operations = &self.record.history().operations;
        let doubtful: BTreeSet<String> = operations
            .iter()
            .filter(|o| o.answer.outcome == Outcome::Relogin && o.payload.is_some())
            .filter(|o| o.token_of.as_deref() == Some(user))
            .filter_map(|o| o.token_name.clone())
            .collect();
        for name in doubtful {
            let held = self
                .payload_store
                .tokens
                .iter()
                .find(|token| token.name == name);
            let Some(phone) = held.map(|token| token.phone) else {
                continue;
            };
            let using = Using::Named(name.clone());
            let carries = Carries {
                using: Some(&using),
                purpose: Purpose::Recovery,
                ..Carries::default()
            };
            self.ask(phone, "whoami", &format!("is {name} alive"), None, carries);
            self.settle(Need::Certainty).await?;
        }
        Ok(())
    }

    /// One login of the step's phone, alone. A backend without a login by code gets a `payload` with it.
    async fn log_in(&mut self, step: &Step, payload: &str, purpose: Purpose) -> Result<(), Stop> {
        let (code, token) = (
            format!("{} code", step.text),
            format!("{} token", step.text),
        );
        let login = Carries {
            code: Some(&code),
            keep_as: Some(&token),
            purpose,
            ..Carries::default()
        };
        self.mint(step, None, &code)?;
        if self.run_context.adapter.has("login") {
            return self.ask_alone(step, "login", login).await;
        }
        self.capture(step, None, CaptureApi::UserInfo, payload, &Seal::default())?;
        let login = Carries {
            payload: Some(payload),
            ..login
        };
        self.ask_alone(step, "login_profile", login).await
    }

    /// Sends and waits until everything is at rest again.
    async fn ask_alone(&mut self, step: &Step, op: &str, carries: Carries<'_>) -> Result<(), Stop> {
        let from = self.requests.len();
        self.ask(phone_of(step)?, op, &step.label, None, carries);
        self.settle(Need::Certainty).await?;
        self.try_again(from).await
    }

    /// The operation that takes a payload after the login, if the backend has one.
    fn payload_op(&self) -> Option<(CaptureApi, &'static str)> {
        [
            (CaptureApi::UserInfo, "userinfo"),
            (CaptureApi::Phone, "phone_cipher"),
        ]
        .into_iter()
        .find(|(_, op)| self.run_context.adapter.has(op))
    }

    /// One payload per key this person ever had and one under a key never issued: what is accepted is what is stored.
    pub(crate) async fn probe(&mut self, step: &Step, user: &str) -> Result<(), Stop> {
        let Some((api, op)) = self.payload_op() else {
            self.record.note(format!(
                "{}: the backend takes no payload after login",
                step.text
            ));
            return Ok(());
        };
        let Some(token) = self.payload_store.newest(user) else {
            self.record
                .note(format!("{}: nobody holds a token of {user}", step.text));
            return Ok(());
        };
        let (phone, using) = (token.phone, Using::Named(token.name.clone()));
        self.look_again(user).await?;
        let before = self.record.phase();
        self.record.set_phase(Phase::Probe);
        self.read_keys(user);
        let mut seals: Vec<(String, SealKey)> = self
            .record
            .history()
            .keys
            .iter()
            .filter(|key| key.user == user)
            .map(|key| (format!("k{}", key.no), SealKey::Number(key.no)))
            .collect();
        seals.push(("never-issued".to_owned(), SealKey::NeverIssued));
        for (other, key) in self.keys_of_others(user) {
            seals.push((format!("key of {other}"), SealKey::Foreign(key)));
        }
        for (word, key) in seals {
            let name = format!("{} {word}", step.text);
            let seal = Seal {
                key,
                ..Seal::default()
            };
            match self.seal(phone, api, &name, &seal, None, &step.text) {
                Ok(()) => {}
                Err(error) => {
                    self.record.note(format!("{name}: {error}"));
                    continue;
                }
            }
            let carries = Carries {
                payload: Some(&name),
                using: Some(&using),
                ..Carries::default()
            };
            self.ask(phone, op, &step.label, None, carries);
            self.settle(Need::Certainty).await?;
        }
        self.record.set_phase(before);
        Ok(())
    }

    /// Everybody who was given the account of somebody else of this order by a login logs in once more, alone: does the account
    /// stay shared, or were two requests mixed up?
    pub(crate) async fn log_in_the_mixed_up(&mut self) -> Result<(), Stop> {
        let operations = &self.record.history().operations;
        let given = |operation: &&Operation| {
            operation.code.is_some()
                && operation.alterations.is_empty()
                && operation.answer.outcome == Outcome::Ok
        };
        let accounts: BTreeSet<(&str, &str)> = operations
            .iter()
            .filter(given)
            .filter_map(|login| Some((login.answer.user_id.as_deref()?, login.user.as_str())))
            .collect();
        let is_shared = |(id, user): &(&str, &str)| {
            let mut others = accounts.iter();
            others.any(|(other, by)| other == id && by != user)
        };
        let mixed_up = accounts.iter().filter(|account| is_shared(account));
        let mixed_up: BTreeSet<String> = mixed_up.map(|(_, user)| (*user).to_owned()).collect();
        let before = self.record.phase();
        self.record.set_phase(Phase::Probe);
        for user in mixed_up {
            let text = format!("{user} login alone");
            let step = &Step {
                phone: Some(self.fresh_phone(&user)?),
                text: text.clone(),
                label: text.clone(),
                verb: Verb::WaitIdle,
                op: None,
                place: Place::default(),
            };
            let payload = format!("payload of {text}");
            self.log_in(step, &payload, Purpose::Scenario).await?;
        }
        self.record.set_phase(before);
        Ok(())
    }

    /// The last question of an order: does a session open another person's payload? A stranger logs in at the backend,
    /// and everybody who was probed sends what the stranger captured.
    ///
    /// It comes when all else has been asked: a backend that mixes people up is changed by the stranger's login.
    pub(crate) async fn probe_across(&mut self) -> Result<(), Stop> {
        let probed: BTreeSet<String> = self
            .record
            .history()
            .operations
            .iter()
            .filter(|operation| operation.phase == Phase::Probe)
            .map(|operation| operation.user.clone())
            .collect();
        let Some((api, op)) = self.payload_op().filter(|_| !probed.is_empty()) else {
            return Ok(());
        };
        let before = self.record.phase();
        self.record.set_phase(Phase::Probe);
        if self.test_users.person(STRANGER).is_none() {
            self.test_users.admit(STRANGER).map_err(Stop::Broken)?;
        }
        let step = &Step {
            phone: Some(self.fresh_phone(STRANGER)?),
            text: format!("{STRANGER} login"),
            label: format!("{STRANGER} login"),
            verb: Verb::WaitIdle,
            op: None,
            place: Place::default(),
        };
        let payload = format!("payload of the {STRANGER}");
        self.log_in(step, &payload, Purpose::Scenario).await?;
        self.capture(step, None, api, &payload, &Seal::default())?;
        for person in probed.into_iter().filter(|person| person != STRANGER) {
            let Some(token) = self.payload_store.newest(&person) else {
                continue;
            };
            let (phone, using) = (token.phone, Using::Named(token.name.clone()));
            let send = Carries {
                payload: Some(&payload),
                using: Some(&using),
                ..Carries::default()
            };
            self.ask(phone, op, &format!("probe {person}"), None, send);
            self.settle(Need::Certainty).await?;
        }
        self.record.set_phase(before);
        Ok(())
    }

    fn fresh_phone(&mut self, user: &str) -> Result<usize, Stop> {
        let n = self.record.history().phones.len() + 1;
        let device = self
            .test_users
            .device(user, &format!("fresh-{n}"))
            .map_err(Stop::Broken)?;
        self.phones.push(device);
        let name = format!("F{n}");
        self.record.history_mut().phones.push(PhoneRecord {
            name,
            user: user.to_owned(),
        });
        Ok(self.phones.len() - 1)
    }
}

/// Whose payload the others send.
const STRANGER: &str = "stranger";
