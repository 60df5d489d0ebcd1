//! What a history shows about one finding, in the terms that mechanisms are told apart by.

use crate::facts::{Facts, Plaintext, brought_key, honest, is_exchange, is_login, plaintext};
use crate::finding::Finding;
use wxmock_model::history::{
    Alteration, Operation, Outcome, PayloadRecord, ReloginCause, StepKind, Tick, UpstreamCall,
};

/// A finding and the history it is about.
pub(super) struct Evidence<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) rule: &'a str,
    /// The operation it is about, if it is about one.
    pub(super) index: Option<usize>,
    pub(super) op: Option<&'a Operation>,
    pub(super) payload: Option<&'a PayloadRecord>,
}

/// A reply with a key that reached the backend whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) key: u32,
    /// When the login that asked for it was sent.
    pub(super) requested: Tick,
    pub(super) arrived: Tick,
    pub(super) login: Option<usize>,
}

/// An honest payload that was sent and did not open, and what the store had been given by then.
pub(super) struct Unopened<'a> {
    pub(super) op: &'a Operation,
    pub(super) user: &'a str,
    /// The key it is sealed under.
    pub(super) key: u32,
    /// Replies of that person, in the order they arrived, up to the request.
    pub(super) arrivals: Vec<Arrival>,
    /// Keys of that person that opened a payload while the store was in the same state.
    pub(super) opened: Vec<u32>,
    /// Keys that were tried then and opened nothing.
    pub(super) refused: Vec<u32>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(facts: &'a Facts<'a>, finding: &'a Finding) -> Self {
        let op = finding
            .op
            .and_then(|index| facts.history.operations.get(index));
        Self {
            facts,
            rule: &finding.rule,
            index: finding.op,
            op,
            payload: op.and_then(|op| facts.payload(op)),
        }
    }

    /// Whether the finding is about how a payload was refused, and not about whether it should have opened.
    pub(super) fn is_about_wording(&self) -> bool {
        self.rule == "KEY-02"
            && self
                .op
                .is_some_and(|op| is_refusal(op) && op.answer.outcome != Outcome::Relogin)
    }

    /// The honest payload of the token's owner that was refused.
    pub(super) fn unopened(&self) -> Option<Unopened<'a>> {
        let (op, payload) = (self.op?, self.payload?);
        let own = op.token_of.as_deref() == Some(payload.user.as_str());
        if is_login(op) || !is_refusal(op) || !honest(payload) || !own {
            return None;
        }
        let user = payload.user.as_str();
        let arrivals = self.arrivals(user, op.called);
        let (mut opened, mut refused) = (Vec::new(), Vec::new());
        for (_, other) in self.facts.operations() {
            let Some(sent) = self.facts.payload(other).filter(|sent| honest(sent)) else {
                continue;
            };
            let same_state = self.arrivals(user, other.called).len() == arrivals.len();
            if sent.user != user || !same_state || is_login(other) {
                continue;
            }
            let list = if is_right(other, sent) {
                &mut opened
            } else if is_refusal(other) {
                &mut refused
            } else {
                continue;
            };
            list.extend(sent.key_no);
        }
        Some(Unopened {
            op,
            user,
            key: payload.key_no?,
            arrivals,
            opened,
            refused,
        })
    }

    /// The same, if the question is which key is in force: the token is alive, the finding is not about the wording, and no
    /// other login has the same token, which would make two sessions one.
    pub(super) fn unopened_by_the_store(&self) -> Option<Unopened<'a>> {
        let unopened = self.unopened()?;
        let altered = !unopened.op.alterations.is_empty();
        let fits = !self.is_about_wording()
            && !altered
            && !self.is_only_plus_refused()
            && !self.is_token_dead(unopened.op)
            && !self.is_token_shared(unopened.op);
        fits.then_some(unopened)
    }

    /// Whether the payload in question holds a `+`, and so does every other that was refused unaltered, while those that opened
    /// hold none, of which there is one at least: hardly one payload in a hundred has none by chance.
    pub(super) fn is_only_plus_refused(&self) -> bool {
        let in_question = self.payload.is_some_and(|payload| payload.has_plus);
        in_question
            && self.any_sent(false, true)
            && !self.any_sent(true, true)
            && !self.any_sent(false, false)
    }

    /// Whether an honest payload of one's own with or without a `+`, sent unaltered, was opened or refused: one of somebody
    /// else's is refused whatever it holds.
    pub(super) fn any_sent(&self, has_plus: bool, opens: bool) -> bool {
        self.facts.operations().any(|(_, other)| {
            let own = |sent: &&PayloadRecord| honest(sent) && sent.user == other.user;
            let sent = self.facts.payload(other).filter(own);
            sent.is_some_and(|sent| {
                let result = if opens {
                    is_right(other, sent)
                } else {
                    is_refusal(other)
                };
                sent.has_plus == has_plus && other.alterations.is_empty() && result
            })
        })
    }

    /// Replies with a key of `user` that had arrived before `at`.
    pub(super) fn arrivals(&self, user: &str, at: Tick) -> Vec<Arrival> {
        let operations = &self.facts.history.operations;
        let mut arrivals: Vec<Arrival> = self
            .facts
            .history
            .upstream
            .iter()
            .filter(|call| call.user.as_deref() == Some(user) && brought_key(call))
            .filter_map(|call| {
                let login = call
                    .operation
                    .filter(|login| operations.get(*login).is_some_and(is_login));
                Some(Arrival {
                    key: call.key_no?,
                    requested: login.map_or(call.arrived, |login| operations[login].called),
                    arrived: call.released.filter(|done| *done < at)?,
                    login,
                })
            })
            .collect();
        arrivals.sort_by_key(|arrival| arrival.arrived);
        arrivals
    }

    /// When the last reply with a key of anybody but `user` arrived before `at`, if that was after the last of `user`.
    pub(super) fn stranger_after(&self, user: &str, at: Tick) -> Option<&'a str> {
        let own = self.arrivals(user, at).last().map(|last| last.arrived);
        let strangers = self.facts.history.upstream.iter().filter(|call| {
            brought_key(call)
                && call.user.as_deref().is_some_and(|other| other != user)
                && call.released.is_some_and(|done| done < at)
                && call.released > own
        });
        strangers
            .max_by_key(|call| call.released)
            .and_then(|call| call.user.as_deref())
    }

    /// Whether no key of anybody reached the backend between two requests.
    pub(super) fn is_same_store(&self, one: &Operation, other: &Operation) -> bool {
        let (from, to) = (one.called.min(other.called), one.called.max(other.called));
        let mut calls = self.facts.history.upstream.iter();
        !calls.any(|call| brought_key(call) && call.released.is_some_and(|at| at > from && at < to))
    }

    /// Whether two requests were under way at one time.
    pub(super) fn overlap(&self, one: usize, other: usize) -> bool {
        let span = |index: usize| {
            let op = &self.facts.history.operations[index];
            (op.called, self.facts.ended(index).unwrap_or(Tick(u32::MAX)))
        };
        let ((from, to), (other_from, other_to)) = (span(one), span(other));
        from < other_to && other_from < to
    }

    /// Logins of `user` that were under way together with login `index`.
    pub(super) fn together_with(
        &self,
        index: usize,
    ) -> impl Iterator<Item = (usize, &'a Operation)> {
        self.facts
            .logins()
            .filter(move |(other, _)| *other != index && self.overlap(index, *other))
    }

    /// The login of the finding's operation: itself, or the one that gave its token.
    pub(super) fn login(&self) -> Option<usize> {
        let (index, op) = (self.index?, self.op?);
        if is_login(op) {
            Some(index)
        } else {
            self.facts.login_of_token(op)
        }
    }

    /// Requests that presented the same token as `op`.
    pub(super) fn with_the_token_of(
        &self,
        op: &'a Operation,
    ) -> impl Iterator<Item = &'a Operation> {
        self.facts
            .operations()
            .map(|(_, other)| other)
            .filter(move |other| {
                !is_login(other)
                    && other.token_of == op.token_of
                    && other.token_name == op.token_name
                    && (op.token_name.is_some() || other.phone == op.phone)
            })
    }

    /// Whether the token of `op` was refused as such: by its own answer, or by whoami.
    pub(super) fn is_token_dead(&self, op: &'a Operation) -> bool {
        op.answer.relogin == Some(ReloginCause::Token)
            || (is_refusal(op) && op.op == "whoami")
            || self
                .with_the_token_of(op)
                .any(|other| other.op == "whoami" && is_refusal(other))
    }

    /// Whether another login with another key was given the token `op` presents.
    pub(super) fn is_token_shared(&self, op: &Operation) -> bool {
        let Some(login) = self.facts.login_of_token(op) else {
            return false;
        };
        self.twin_of(login).is_some()
    }

    /// Another login with the same token, of another code.
    pub(super) fn twin_of(&self, login: usize) -> Option<usize> {
        let one = &self.facts.history.operations[login];
        let hash = one.answer.token_hash.as_ref()?;
        let twin = self.facts.logins().find(|(index, other)| {
            *index != login
                && other.answer.token_hash.as_ref() == Some(hash)
                && (other.user != one.user || other.code.is_none() || other.code != one.code)
        });
        twin.map(|(index, _)| index)
    }

    /// The person whose account a request's answer names, if that is not the one who asked.
    pub(super) fn named_stranger(&self, op: &Operation) -> Option<&'a str> {
        let id = op.answer.user_id.as_deref()?;
        let asker = if is_login(op) {
            op.user.as_str()
        } else {
            op.token_of.as_deref()?
        };
        let mut owners = self.facts.logins().filter(|(_, login)| {
            login.answer.outcome == Outcome::Ok && login.answer.user_id.as_deref() == Some(id)
        });
        let stranger = owners.find(|(_, login)| login.user != asker)?;
        Some(stranger.1.user.as_str())
    }

    /// The accounts that logins of `user` which claimed nothing ended in, in the order they were sent.
    pub(super) fn accounts_of(&self, user: &str) -> impl Iterator<Item = &'a str> {
        let of_the_person = move |op: &&Operation| {
            op.user == user && op.answer.outcome == Outcome::Ok && !claims_an_identity(op)
        };
        let logins = self.facts.logins().map(|(_, op)| op).filter(of_the_person);
        logins.filter_map(|op| op.answer.user_id.as_deref())
    }

    /// The first login of `user` that got in.
    pub(super) fn first_login(&self, user: &str) -> Option<usize> {
        let mut logins = self.facts.logins();
        let first = logins.find(|(_, op)| op.user == user && op.answer.outcome == Outcome::Ok);
        first.map(|(index, _)| index)
    }

    /// Whether two people who were given one account are given it again when each of them logs in later, alone.
    pub(super) fn keep_one_account(&self, one: &Operation, other: &Operation) -> bool {
        let id = one.answer.user_id.as_deref();
        let again = |of: &Operation| {
            self.again_alone(of)
                .is_some_and(|later| later.answer.user_id.as_deref() == id)
        };
        id.is_some() && again(one) && again(other)
    }

    /// A later login of the same person that got in, named an account, claimed nothing, and with which nobody else's was under way.
    pub(super) fn again_alone(&self, of: &Operation) -> Option<&'a Operation> {
        let mut logins = self.facts.logins();
        let later = logins.find(|(index, op)| {
            op.user == of.user
                && of.returned.is_some_and(|done| op.called > done)
                && op.answer.outcome == Outcome::Ok
                && op.answer.user_id.is_some()
                && !claims_an_identity(op)
                && self.together_with(*index).next().is_none()
        });
        later.map(|(_, op)| op)
    }

    /// Whether the scenario left the unionid out of replies about `user`, or brought it back.
    pub(super) fn is_unionid_shaped(&self, user: &str) -> bool {
        let mut shapes = self.facts.history.shapes.iter();
        shapes.any(|shape| shape.user == user && shape.unionid)
    }

    /// Whether, asked without tricks, the token of `op` is known to act as somebody else.
    pub(super) fn acts_as_a_stranger(&self, op: &'a Operation) -> bool {
        self.with_the_token_of(op).any(|other| {
            other.alterations.is_empty()
                && other.answer.outcome == Outcome::Ok
                && self.named_stranger(other).is_some()
        })
    }

    /// Calls of the finding's operation, the last one that could grant something last.
    pub(super) fn calls(&self) -> Vec<&'a UpstreamCall> {
        let Some(index) = self.index else {
            return Vec::new();
        };
        let mut calls: Vec<&UpstreamCall> = self
            .facts
            .calls_of(index)
            .into_iter()
            .map(|(_, call)| call)
            .filter(|call| is_exchange(call) || call.endpoint.ends_with("getuserphonenumber"))
            .collect();
        calls.sort_by_key(|call| call.arrived);
        calls
    }

    /// Whether time was advanced, keys were expired or the like between two moments.
    pub(super) fn world_changed(&self, from: Tick, to: Tick) -> bool {
        self.facts.history.steps.iter().any(|step| {
            step.kind == StepKind::World && step.tick > from.min(to) && step.tick < from.max(to)
        })
    }
}

impl Unopened<'_> {
    /// The key that arrived last.
    pub(super) fn last(&self) -> Option<Arrival> {
        self.arrivals.last().copied()
    }

    /// The key of the login that was requested last.
    pub(super) fn requested_last(&self) -> Option<Arrival> {
        self.arrivals
            .iter()
            .copied()
            .max_by_key(|arrival| arrival.requested)
    }

    /// The key that arrived first.
    pub(super) fn first(&self) -> Option<Arrival> {
        self.arrivals.first().copied()
    }

    /// How the payload's own key came to the backend, the last time it did.
    pub(super) fn own(&self) -> Option<Arrival> {
        let mut arrivals = self.arrivals.iter().rev();
        arrivals.find(|arrival| arrival.key == self.key).copied()
    }

    /// Whether what was tried agrees with `key` being in force instead.
    pub(super) fn agrees_with(&self, key: u32) -> bool {
        let untried = self.opened.is_empty() && !self.refused.contains(&key);
        !self.opened.contains(&self.key) && (untried || self.opened.contains(&key))
    }
}

/// A definite answer that is no success.
pub(super) fn is_refusal(op: &Operation) -> bool {
    !matches!(op.answer.outcome, Outcome::Ok | Outcome::Indefinite)
}

/// Whether an answer is a success with the payload's own data in it.
pub(crate) fn is_right(op: &Operation, payload: &PayloadRecord) -> bool {
    op.answer.outcome == Outcome::Ok && plaintext(&op.answer, payload) == Plaintext::Right
}

/// Whether a request says by itself whom it is about: in fields that the adapter does not describe, or as another person
/// where it describes some.
pub(super) fn claims_an_identity(op: &Operation) -> bool {
    op.alterations
        .iter()
        .any(|how| matches!(how, Alteration::AddedFields | Alteration::ForeignIdentity))
}
