//! Writes a history: hands out ticks, keeps indexes straight, notices new and displaced keys.
//!
//! Knows no socket and no gate: the executor tells it what took effect, in the order it took effect.

use std::collections::HashMap;

use wxmock_world::{KeyCause, KeyNo, KeyView};

use wxmock_model::history::{
    FaultRecord, History, KeyRecord, Operation, PayloadRecord, Phase, StepKind, StepRecord, Tick,
    UpstreamCall,
};
use wxmock_model::lang::Say;
use wxmock_model::say;

/// A history being written.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    history: History,
    phase: Option<Phase>,
    /// Person to the number of the key in force, as last read.
    current: HashMap<String, Option<u32>>,
}

/// One step as the executor describes it; the recorder adds tick, phase and key.
#[derive(Debug, Default)]
pub(crate) struct Mark {
    /// Event name in the race; empty otherwise.
    pub(crate) name: String,
    pub(crate) text: String,
    /// Phone, by scenario name.
    pub(crate) phone: Option<String>,
    /// Person, by scenario name.
    pub(crate) user: Option<String>,
    pub(crate) operation: Option<usize>,
    pub(crate) upstream: Option<usize>,
    pub(crate) payload: Option<usize>,
    pub(crate) fault: Option<FaultRecord>,
    /// Index into the history's statements.
    pub(crate) statement: Option<usize>,
}

/// What a session_key is called in findings: `session_key k1 of A`.
pub(crate) fn key_name(user: &str, no: KeyNo) -> Say {
    say!(
        "session_key {no} of {user}",
        "{user} 的 session_key {no}",
        no = no.to_string(),
        user = user
    )
}

impl Recorder {
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    pub(crate) fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    pub(crate) fn into_history(self) -> History {
        self.history
    }

    pub(crate) fn set_phase(&mut self, phase: Phase) {
        self.phase = Some(phase);
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.unwrap_or(Phase::Before)
    }

    /// The tick the next step will get.
    pub(crate) fn next_tick(&self) -> Tick {
        Tick(u32::try_from(self.history.steps.len() + 1).unwrap_or(u32::MAX))
    }

    /// Adds a step and returns its tick. Call [`Recorder::keys`] for the person first when the step touched keys.
    pub(crate) fn step(&mut self, kind: StepKind, mark: Mark) -> Tick {
        let tick = self.next_tick();
        let key_in_force = mark
            .user
            .as_deref()
            .and_then(|user| self.key_in_force(user));
        let phase = self.phase();
        self.history.steps.push(StepRecord {
            tick,
            name: mark.name,
            text: mark.text,
            kind,
            phone: mark.phone,
            user: mark.user,
            operation: mark.operation,
            upstream: mark.upstream,
            payload: mark.payload,
            key_in_force,
            phase,
            fault: mark.fault,
            statement: mark.statement,
        });
        tick
    }

    /// Adds a plain remark.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.step(
            StepKind::Note,
            Mark {
                text: text.into(),
                ..Mark::default()
            },
        );
    }

    /// Adds an operation and returns its index.
    pub(crate) fn operation(&mut self, operation: Operation) -> usize {
        self.history.operations.push(operation);
        self.history.operations.len() - 1
    }

    /// Adds an upstream call and returns its index.
    pub(crate) fn upstream(&mut self, call: UpstreamCall) -> usize {
        self.history.upstream.push(call);
        self.history.upstream.len() - 1
    }

    /// Adds a payload and returns its index.
    pub(crate) fn payload(&mut self, payload: PayloadRecord) -> usize {
        self.history.payloads.push(payload);
        self.history.payloads.len() - 1
    }

    /// Compares the keys WeChat holds for `user` (scenario name) with what is written, and writes what is new: keys
    /// issued or displaced take the tick of the step about to be added.
    pub(crate) fn keys(&mut self, user: &str, views: &[KeyView]) {
        let tick = self.next_tick();
        let current = views.iter().find(|view| view.current).map(|view| view.no.0);
        self.current.insert(user.to_owned(), current);
        for view in views {
            let known = self
                .history
                .keys
                .iter()
                .position(|k| k.user == user && k.no == view.no.0);
            let at = known.unwrap_or_else(|| {
                let what = key_name(user, view.no);
                self.history
                    .secrets
                    .known
                    .push((what, view.session_key.base64()));
                self.history.keys.push(KeyRecord {
                    user: user.to_owned(),
                    no: view.no.0,
                    issued: tick,
                    cause: cause(view.cause).to_owned(),
                    displaced: None,
                    delivered: None,
                    escapable: view.session_key.base64().contains(['+', '/']),
                });
                self.history.keys.len() - 1
            });
            let record = &mut self.history.keys[at];
            if view.displaced_at.is_some() && record.displaced.is_none() {
                record.displaced = Some(tick);
            }
        }
    }

    /// Notes that the backend was handed key `no` of `user` at `tick`; the first time counts.
    pub(crate) fn delivered(&mut self, user: &str, no: u32, tick: Tick) {
        if let Some(key) = self
            .history
            .keys
            .iter_mut()
            .find(|k| k.user == user && k.no == no)
        {
            key.delivered.get_or_insert(tick);
        }
    }

    fn key_in_force(&self, user: &str) -> Option<u32> {
        self.current.get(user).copied().flatten()
    }
}

const fn cause(cause: KeyCause) -> &'static str {
    match cause {
        KeyCause::Login => "login",
        KeyCause::Exchange => "exchange",
        KeyCause::Rotate => "rotate",
        KeyCause::Reset => "reset",
    }
}
