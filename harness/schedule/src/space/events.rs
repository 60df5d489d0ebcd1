//! The events of a race, and their names.

use std::collections::BTreeMap;

use thiserror::Error;

use wxmock_model::history::StepKind;
use wxmock_model::order::{Event, EventName};
use wxmock_model::program::{Program, Verb};

/// The most events a race may have: one bit each.
const MAX_EVENTS: usize = 64;

/// The most events of one kind in one chain: `b` to `z` name the later ones.
const MAX_REPEATS: usize = 26;

/// A race that cannot be enumerated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpaceError {
    /// More events than there are bits.
    #[error(
        "the race has {0} events, and {MAX_EVENTS} is the most; let fewer phones race, or move steps out of it"
    )]
    TooManyEvents(usize),
    /// More events of one kind in one chain than there are letters.
    #[error("one phone does {0} things of one kind in the race, and {MAX_REPEATS} is the most")]
    TooManyRepeats(usize),
}

/// The events of a program's race, chain by chain, with their names.
///
/// # Errors
/// [`SpaceError`] when there are more than names or bits.
pub fn events(program: &Program) -> Result<Vec<Event>, SpaceError> {
    let mut events = Vec::new();
    let (mut logins, mut others) = (0_u8, 0_u8);
    let count: usize = program
        .chains
        .iter()
        .flatten()
        .map(|step| kinds(&step.verb).len())
        .sum();
    if count > MAX_EVENTS {
        return Err(SpaceError::TooManyEvents(count));
    }
    for (chain, steps) in program.chains.iter().enumerate() {
        let in_chain: Vec<(usize, StepKind)> = steps
            .iter()
            .enumerate()
            .flat_map(|(step, written)| kinds(&written.verb).iter().map(move |&kind| (step, kind)))
            .collect();
        logins += u8::from(in_chain.iter().any(|&(_, kind)| is_login(kind)));
        others += u8::from(in_chain.iter().any(|&(_, kind)| !is_login(kind)));
        let mut seen: BTreeMap<StepKind, u8> = BTreeMap::new();
        for (step, kind) in in_chain {
            let repeat = seen.entry(kind).or_default();
            if usize::from(*repeat) >= MAX_REPEATS {
                return Err(SpaceError::TooManyRepeats(usize::from(*repeat) + 1));
            }
            let number = if is_login(kind) { logins } else { others };
            events.push(Event {
                chain,
                step,
                kind,
                name: EventName {
                    kind,
                    number,
                    repeat: *repeat,
                },
            });
            *repeat += 1;
        }
    }
    Ok(events)
}

pub(super) fn faults(program: &Program, events: &[Event]) -> BTreeMap<String, Vec<EventName>> {
    let mut faults: BTreeMap<String, Vec<EventName>> = BTreeMap::new();
    for step in program.steps() {
        if let Verb::Fault { label, .. } = &step.verb {
            faults.entry(label.clone()).or_default();
        }
    }
    for event in events {
        if let Verb::Fault { label, .. } = &program.chains[event.chain][event.step].verb {
            faults.entry(label.clone()).or_default().push(event.name);
        }
    }
    faults
}

/// The events one step gives, in the order they happen.
#[must_use]
const fn kinds(verb: &Verb) -> &'static [StepKind] {
    match verb {
        Verb::Mint { .. } => &[StepKind::Mint],
        Verb::Submit { .. } | Verb::SubmitProfile { .. } => {
            &[StepKind::Submit, StepKind::Commit, StepKind::Reply]
        }
        Verb::Login { .. } => &[
            StepKind::Mint,
            StepKind::Submit,
            StepKind::Commit,
            StepKind::Reply,
        ],
        Verb::Store { .. } => &[StepKind::Apply],
        Verb::Check
        | Verb::Capture { .. }
        | Verb::PhoneCode { .. }
        | Verb::Alter { .. }
        | Verb::Swap { .. }
        | Verb::Forge { .. }
        | Verb::Claim { .. }
        | Verb::Resemble { .. } => &[StepKind::Capture],
        Verb::Send { .. }
        | Verb::SendCode { .. }
        | Verb::Whoami { .. }
        | Verb::Logout { .. }
        | Verb::Refresh { .. } => &[StepKind::Send],
        Verb::Advance { .. }
        | Verb::ExpireKey { .. }
        | Verb::ResetKey { .. }
        | Verb::RotateKey { .. }
        | Verb::Fault { .. }
        | Verb::Lift { .. }
        | Verb::Hold { .. }
        | Verb::Release { .. }
        | Verb::AccessToken { .. }
        | Verb::Shape { .. }
        | Verb::Strangers { .. }
        | Verb::WaitIdle
        | Verb::Recover { .. }
        | Verb::Probe { .. } => &[StepKind::World],
    }
}

const fn is_login(kind: StepKind) -> bool {
    matches!(
        kind,
        StepKind::Mint | StepKind::Submit | StepKind::Commit | StepKind::Reply | StepKind::Apply
    )
}
