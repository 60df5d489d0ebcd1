//! Which pairs of events may not be swapped.
//!
//! Two orders are the same trace when one becomes the other by swapping neighbours that are *independent*: nothing
//! anyone could observe tells them apart. What depends on what is known before anything runs:
//!
//! | pair | dependent | because |
//! |---|---|---|
//! | same chain | always | a phone does one thing after another |
//! | S, R, P, X with each other | always | the backend sees them, and what it does with them is unknown |
//! | K, K of one user | `rotation = exchange` | each commit makes a key; the later one is newest |
//! | K, E of one user | `rotation = exchange` | a capture is sealed under the key in force |
//! | L, L and L, E of one user | `rotation = login`, `min_interval` | the mint makes the key |
//! | K, L of one user | the same with `returns = current` | an old code yields whatever key is newest |
//! | K, K of one code | always | a code is exchanged once |
//! | A with A and with P `using last` of one phone | always | the token stored last is the one that is sent |
//! | A with an R of one phone whose token is stored on arrival | always | the same |
//! | X, anything | always | it moves time or keys for everybody |
//!
//! Everything else commutes. Above all a commit commutes with all the backend sees, since it sees nothing of it before
//! the reply; that is where the reduction comes from. Under `rotation = login` and `min_interval` codes minted before
//! the race have their keys already, so commits commute with each other as well.

use std::collections::BTreeMap;

use wxmock_model::history::StepKind;
use wxmock_model::order::Event;
use wxmock_model::program::{Program, Returns, Rotation, Step, Using, Verb};

/// What decides whether an event commutes with another.
pub(super) struct Facts<'p> {
    pub(super) chain: usize,
    kind: StepKind,
    /// Whose key it concerns; `None` if it concerns no key.
    key_of: Option<&'p str>,
    code: Option<&'p str>,
    /// The phone whose stored token it writes or reads.
    storage: Option<usize>,
}

impl<'p> Facts<'p> {
    pub(super) fn of(
        program: &'p Program,
        owners: &BTreeMap<&'p str, &'p str>,
        event: &Event,
    ) -> Self {
        let step = &program.chains[event.chain][event.step];
        let holder = step
            .phone
            .and_then(|phone| program.phones.get(phone))
            .map(|phone| phone.user.as_str());
        let code = code_of(step);
        let key_of = match event.kind {
            StepKind::Commit => code.and_then(|code| owners.get(code).copied()).or(holder),
            StepKind::Mint => holder,
            // A phone code has nothing to do with any session_key.
            StepKind::Capture if !matches!(step.verb, Verb::PhoneCode { .. }) => holder,
            _ => None,
        };
        Self {
            chain: event.chain,
            kind: event.kind,
            key_of,
            code: code.filter(|_| event.kind == StepKind::Commit),
            storage: step.phone.filter(|_| storage(program, step, event.kind)),
        }
    }

    const fn is_visible(&self) -> bool {
        matches!(
            self.kind,
            StepKind::Submit | StepKind::Reply | StepKind::Send | StepKind::World
        )
    }
}

/// Whether an event writes or reads what the phone has stored.
fn storage(program: &Program, step: &Step, kind: StepKind) -> bool {
    match (&step.verb, kind) {
        (Verb::Store { .. }, _) => true,
        (
            Verb::Submit { token, .. }
            | Verb::SubmitProfile { token, .. }
            | Verb::Login { token, .. },
            StepKind::Reply,
        ) => !program.stores(token),
        (
            Verb::Send { using, .. }
            | Verb::SendCode { using, .. }
            | Verb::Whoami { using }
            | Verb::Logout { using },
            _,
        ) => *using == Using::Last,
        // It reads the stored token and stores another one.
        (Verb::Refresh { using, token }, _) => *using == Using::Last || !program.stores(token),
        _ => false,
    }
}

fn code_of(step: &Step) -> Option<&str> {
    match &step.verb {
        Verb::Mint { code }
        | Verb::Submit { code, .. }
        | Verb::Login { code, .. }
        | Verb::SubmitProfile { code, .. } => Some(code),
        _ => None,
    }
}

/// Which person each code logs in: the holder of the phone that minted it, whoever submits it.
pub(super) fn code_owners(program: &Program) -> BTreeMap<&str, &str> {
    let mints = program.before.iter().chain(program.chains.iter().flatten());
    mints
        .filter(|step| matches!(step.verb, Verb::Mint { .. } | Verb::Login { .. }))
        .filter_map(|step| {
            Some((
                code_of(step)?,
                program.phones.get(step.phone?)?.user.as_str(),
            ))
        })
        .collect()
}

/// The table of the module's documentation.
pub(super) fn dependent(
    a: &Facts<'_>,
    b: &Facts<'_>,
    rotation: Rotation,
    returns: Returns,
) -> bool {
    if a.chain == b.chain || (a.is_visible() && b.is_visible()) {
        return true;
    }
    if a.kind == StepKind::World
        || b.kind == StepKind::World
        || (a.code.is_some() && a.code == b.code)
    {
        return true;
    }
    // Two that both ask or answer the backend are told apart already: what is left has an A on one side.
    if a.storage.is_some() && a.storage == b.storage {
        return true;
    }
    if a.key_of.is_none() || a.key_of != b.key_of {
        return false;
    }
    let makes_key = |kind: StepKind| match rotation {
        Rotation::Exchange => kind == StepKind::Commit,
        Rotation::Login | Rotation::MinInterval => kind == StepKind::Mint,
    };
    let reads_key = |kind: StepKind| match kind {
        StepKind::Capture => true,
        StepKind::Commit => rotation != Rotation::Exchange && returns == Returns::Current,
        _ => false,
    };
    let touches = |kind: StepKind| makes_key(kind) || reads_key(kind);
    (makes_key(a.kind) && touches(b.kind)) || (makes_key(b.kind) && touches(a.kind))
}
