//! A second and a third look at a payload that did not open, before anything heals what is wrong.
//!
//! A store that is written after the answer, and two workers that each know their own logins, look like a lost key at first.
//! It knows no rule: whether the looks mean anything is the judge's business.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::settle::Need;
use super::stage::{Stage, Stop};
use crate::device::user_view;
use wxmock_model::history::{Operation, Outcome, Phase, Purpose};
use wxmock_model::program::{Place, Step, Verb};

/// How long a store is given that writes after the answer.
const LATER: Duration = Duration::from_millis(300);

/// How many looks in a row may show nothing new before a case does without them.
const VAIN_LOOKS: usize = 6;

/// How looking again has gone in this case.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    in_vain: AtomicUsize,
}

impl Looks {
    /// Begins a case: what was in vain in another says nothing of this one.
    pub(crate) fn begin(&self) {
        self.in_vain.store(0, Ordering::Relaxed);
    }

    fn are_in_vain(&self) -> bool {
        self.in_vain.load(Ordering::Relaxed) >= VAIN_LOOKS
    }

    fn ended(&self, opened: bool) {
        if opened {
            self.begin();
        } else {
            self.in_vain.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Stage<'_> {
    /// Sends what a person sent last once more, at once and after a pause, if it was sealed under the key in force and did
    /// not open all the same. A case whose looks have shown nothing so far does without: a look in vain changes no verdict.
    pub(crate) async fn look_again(&mut self, user: &str) -> Result<(), Stop> {
        let Some(at) = self.unopened(user) else {
            return Ok(());
        };
        if self.run_context.looks.are_in_vain() {
            return Ok(());
        }
        let before = self.record.history().operations.len();
        for purpose in [Purpose::SecondTry, Purpose::LaterLook] {
            if purpose == Purpose::LaterLook {
                self.pause(LATER).await?;
            }
            self.send_again(at, Phase::Probe, |operation| operation.purpose = purpose);
            self.settle(Need::Certainty).await?;
        }
        let mut looks = self.record.history().operations[before..].iter();
        let opened = looks.any(|look| look.answer.outcome == Outcome::Ok);
        self.run_context.looks.ended(opened);
        Ok(())
    }

    /// Looks at the store of everybody whose last payload did not open and whom no step has probed.
    pub(crate) async fn probe_the_unopened(&mut self) -> Result<(), Stop> {
        let people: Vec<String> = self
            .test_users
            .people()
            .iter()
            .map(|p| p.name.clone())
            .collect();
        for user in people {
            let probed = |operation: &Operation| {
                operation.phase == Phase::Probe
                    && operation.user == user
                    && operation.purpose == Purpose::Scenario
            };
            let history = self.record.history();
            if history.operations.iter().any(probed) || self.unopened(&user).is_none() {
                continue;
            }
            self.look_again(&user).await?;
            let text = format!("probe {user}");
            let step = Step {
                phone: None,
                text: text.clone(),
                label: text,
                verb: Verb::Probe { user: user.clone() },
                op: None,
                place: Place::default(),
            };
            self.probe(&step, &user).await?;
        }
        Ok(())
    }

    /// The person's last request with a payload, if the payload is honest and under the key in force, the login of its session
    /// brought that key, and the answer is a refusal.
    fn unopened(&self, user: &str) -> Option<usize> {
        let history = self.record.history();
        let at = history.operations.iter().rposition(|operation| {
            operation.user == user && operation.payload.is_some() && operation.code.is_none()
        })?;
        let operation = &history.operations[at];
        let payload = history.payloads.get(operation.payload?)?;
        let mut keys = history.keys.iter().filter(|key| key.user == user);
        let in_force = keys.all(|key| Some(key.no) <= payload.key_no);
        // A session of an older login need not open it.
        let login = history.operations.iter().position(|login| {
            login.code.is_some()
                && login.answer.token_name.is_some()
                && login.answer.token_name == operation.token_name
        });
        let given = history.upstream.iter().any(|call| {
            login.is_some()
                && call.operation == login
                && call.delivered
                && call.key_no == payload.key_no
        });
        let refused = !matches!(
            operation.answer.outcome,
            Outcome::Ok | Outcome::Indefinite | Outcome::RetryLater
        );
        let own = payload.user == user && operation.token_of.as_deref() == Some(user);
        let honest = payload.forgery.is_none() && operation.alterations.is_empty();
        let asked = operation.phase != Phase::Probe;
        (in_force && given && refused && own && honest && asked).then_some(at)
    }

    /// The newest key of each other person of the scenario, in base64.
    pub(crate) fn keys_of_others(&self, user: &str) -> Vec<(String, String)> {
        let history = self.record.history();
        let others = history.users.iter().filter(|other| other.name != user);
        others
            .filter_map(|other| {
                let person = self.test_users.person(&other.name)?;
                let view =
                    user_view(self.run_context.handle, self.run_context.app, &person.user).ok()?;
                let key = view.keys.iter().find(|key| key.current)?;
                Some((other.name.clone(), key.session_key.base64()))
            })
            .collect()
    }
}
