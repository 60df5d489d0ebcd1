//! The events of a race and which pairs of them may not be swapped.
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
//!
//! Chains that are interchangeable (the program stays the same when they trade places and names) give orders that
//! differ in names only; [`super::symmetry`] finds them and this module keeps the order in which the first pair of
//! dependent twins appears as in the file.
//!
//! It does not know how the orders are found (`enumerate.rs`) or carried out.

use std::collections::BTreeMap;

use thiserror::Error;

use super::symmetry::{self, Twins};
use wxmock_model::history::StepKind;
use wxmock_model::order::{Event, EventName, NotAnEvent, Order};
use wxmock_model::program::{Program, Step, Using, Verb};
use wxmock_model::program::{Returns, Rotation};

/// The most events a race may have: one bit each.
const MAX_EVENTS: usize = 64;

/// The most events of one kind in one chain: `b` to `z` name the later ones.
const MAX_REPEATS: usize = 26;

/// All orders of a race, not yet listed.
#[derive(Debug, Clone)]
pub struct Space {
    /// Events by rank: kind, then chain, then position. The smallest word by rank stands for its trace.
    pub(super) events: Vec<Event>,
    /// For each event, the events it does not commute with.
    pub(super) dependent: Vec<u64>,
    /// For each event, the events that must come before it: its chain, and the twin before it.
    pub(super) needs: Vec<u64>,
    /// For each event, the events that come later first-in-first-out.
    pub(super) later: Vec<u64>,
    /// Ranks in first-in-first-out order.
    pub(super) fifo: Vec<usize>,
    /// Every fault the scenario sets, by name, with the events that set it: none if it is set outside the race.
    pub(super) faults: BTreeMap<String, Vec<EventName>>,
    /// Interchangeable chains whose order of names is fixed by [`Space::order_twins`].
    pub(super) twin_groups: Vec<TwinGroup>,
}

/// Chains that are interchangeable, as columns of ranks, and the place by which they are told apart.
#[derive(Debug, Clone)]
pub(super) struct TwinGroup {
    pub(super) columns: Vec<Vec<usize>>,
    pub(super) mark: usize,
}

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

/// An order that does not fit a race.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrderError {
    /// A word is no event's name.
    #[error(transparent)]
    NotAnEvent(#[from] NotAnEvent),
    /// No such event in this race.
    #[error("the race has no event {step}; it has {known}")]
    Unknown {
        /// The name.
        step: EventName,
        /// Every name of the race.
        known: String,
    },
    /// An event stands twice.
    #[error("{0} stands twice")]
    Twice(EventName),
    /// A statement of a chain that has sent no request.
    #[error("{0} is a statement of a phone that has not asked the backend anything yet")]
    NotBegun(EventName),
    /// Events are absent.
    #[error("the order leaves out {0}")]
    Missing(String),
    /// It leaves out a fault the scenario does not set.
    #[error("the scenario sets no fault {fault}{}", if known.is_empty() { String::new() } else { format!("; it sets {known}") })]
    UnknownFault {
        /// The name.
        fault: String,
        /// Every fault of the scenario.
        known: String,
    },
    /// It leaves out a fault and sets it too.
    #[error("{step} sets the fault {fault}, which the order leaves out")]
    FaultSet {
        /// What sets it.
        step: EventName,
        /// The name.
        fault: String,
    },
    /// A phone would have to act backwards.
    #[error(
        "{later} cannot come before {earlier}: both belong to one phone, which does {earlier} first"
    )]
    Backwards {
        /// What must come first.
        earlier: EventName,
        /// What the order puts first.
        later: EventName,
    },
}

impl OrderError {
    /// The word of the order that is wrong, if one is.
    #[must_use]
    pub fn word(&self) -> Option<String> {
        match self {
            Self::NotAnEvent(NotAnEvent(word)) => Some(word.clone()),
            Self::Unknown { step, .. }
            | Self::Twice(step)
            | Self::NotBegun(step)
            | Self::FaultSet { step, .. }
            | Self::Backwards { later: step, .. } => Some(step.to_string()),
            Self::UnknownFault { fault, .. } => Some(format!("-{fault}")),
            Self::Missing(_) => None,
        }
    }
}

impl Space {
    /// The space of a program's race.
    ///
    /// # Errors
    /// [`SpaceError`] when the race is too long to be named or enumerated.
    pub fn of(program: &Program, rotation: Rotation, returns: Returns) -> Result<Self, SpaceError> {
        let fifo_events = events(program)?;
        let owners = code_owners(program);
        let facts: Vec<Facts<'_>> = fifo_events
            .iter()
            .map(|event| Facts::of(program, &owners, event))
            .collect();
        let mut ranks: Vec<usize> = (0..fifo_events.len()).collect();
        ranks.sort_by_key(|&position| fifo_events[position].name);
        let mut rank_of = vec![0; ranks.len()];
        for (rank, &position) in ranks.iter().enumerate() {
            rank_of[position] = rank;
        }
        let mut space = Self {
            events: ranks
                .iter()
                .map(|&position| fifo_events[position].clone())
                .collect(),
            dependent: vec![0; ranks.len()],
            needs: vec![0; ranks.len()],
            later: vec![0; ranks.len()],
            fifo: rank_of.clone(),
            faults: faults(program, &fifo_events),
            twin_groups: Vec::new(),
        };
        for (a, fact) in facts.iter().enumerate() {
            for (b, other) in facts.iter().enumerate().skip(a + 1) {
                let (first, second) = (rank_of[a], rank_of[b]);
                space.later[first] |= 1 << second;
                if dependent(fact, other, rotation, returns) {
                    space.dependent[first] |= 1 << second;
                    space.dependent[second] |= 1 << first;
                }
                if fact.chain == other.chain {
                    space.needs[second] |= 1 << first;
                }
            }
        }
        space.order_twins(&symmetry::twins(program, rotation, returns));
        Ok(space)
    }

    /// The events, chain by chain.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.fifo.iter().map(|&rank| &self.events[rank])
    }

    /// First-in-first-out: one chain after the other.
    #[must_use]
    pub fn fifo(&self) -> Order {
        Order::settled(self.events().map(|event| event.name))
    }

    /// How far an order is from first-in-first-out: the pairs of dependent events it takes the other way round. Equal
    /// for every spelling of a trace. Events the race does not have are ignored.
    #[must_use]
    pub fn inversions(&self, order: &Order) -> u32 {
        let mut placed = 0_u64;
        let mut inversions = 0;
        for rank in order.steps().filter_map(|step| self.rank(step)) {
            inversions += (self.dependent[rank] & self.later[rank] & placed).count_ones();
            placed |= 1 << rank;
        }
        inversions
    }

    /// Checks that an order takes every event of the race once and no phone backwards. An order that differs from an
    /// enumerated one by the names of interchangeable phones is good too.
    ///
    /// # Errors
    /// The first thing wrong, from left to right, then what is left out.
    pub fn check(&self, order: &Order) -> Result<(), OrderError> {
        let placed = self.place(order)?;
        if let Some(fault) = order.faults_left_out().next() {
            return Err(OrderError::Missing(format!("the fault {fault}")));
        }
        self.left_out(placed, |_| true)
    }

    /// Checks an order that may leave out the last steps of a phone, or all of them, and faults by name: what shrinking
    /// makes. A step is taken whole or not at all.
    ///
    /// # Errors
    /// As [`Space::check`].
    pub fn check_part(&self, order: &Order) -> Result<(), OrderError> {
        self.check_statements(order)?;
        let order = &order.without_statements();
        let placed = self.place(order)?;
        self.check_faults(order)?;
        // Left out in the middle of a step: some event of the same step is there.
        let begun = |event: &Event| {
            let same_step = |other: &Event| (other.chain, other.step) == (event.chain, event.step);
            self.events()
                .any(|other| same_step(other) && self.is_placed(other.name, placed))
        };
        self.left_out(placed, begun)
    }

    /// The statements of an order belong to chains that have begun, and none of a chain comes before an earlier one. Whether the
    /// backend sends them, only a run can tell.
    fn check_statements(&self, order: &Order) -> Result<(), OrderError> {
        let mut last: BTreeMap<u8, EventName> = BTreeMap::new();
        for step in order.steps() {
            if step.kind != StepKind::Statement {
                if let Some(rank) = self.rank(step) {
                    let chain = u8::try_from(self.events[rank].chain + 1).unwrap_or(u8::MAX);
                    last.entry(chain).or_insert(step);
                }
                continue;
            }
            match last.insert(step.number, step) {
                None => return Err(OrderError::NotBegun(step)),
                Some(other) if other == step => return Err(OrderError::Twice(step)),
                Some(earlier) if earlier.kind == step.kind && earlier.repeat > step.repeat => {
                    return Err(OrderError::Backwards {
                        earlier: step,
                        later: earlier,
                    });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The events an order takes, each once and no phone backwards.
    fn place(&self, order: &Order) -> Result<u64, OrderError> {
        let mut placed = 0_u64;
        for step in order.steps() {
            let rank = self.rank(step).ok_or_else(|| OrderError::Unknown {
                step,
                known: self
                    .events()
                    .map(|event| event.name.to_string())
                    .collect::<Vec<_>>()
                    .join(" "),
            })?;
            if placed & (1 << rank) != 0 {
                return Err(OrderError::Twice(step));
            }
            let earlier = self
                .events()
                .take_while(|event| event.name != step)
                .find(|event| {
                    event.chain == self.events[rank].chain
                        && !self.is_placed(event.name, placed)
                        && !self.sets_left_out(event.name, order)
                });
            if let Some(earlier) = earlier {
                return Err(match order.steps().any(|other| other == earlier.name) {
                    true => OrderError::Backwards {
                        earlier: earlier.name,
                        later: step,
                    },
                    false => OrderError::Missing(earlier.name.to_string()),
                });
            }
            placed |= 1 << rank;
        }
        Ok(placed)
    }

    /// The faults an order leaves out exist, and nothing in it sets them.
    fn check_faults(&self, order: &Order) -> Result<(), OrderError> {
        for fault in order.faults_left_out() {
            let set_by = self
                .faults
                .get(fault)
                .ok_or_else(|| OrderError::UnknownFault {
                    fault: fault.to_owned(),
                    known: self.faults.keys().cloned().collect::<Vec<_>>().join(" "),
                })?;
            if let Some(step) = order.steps().find(|step| set_by.contains(step)) {
                let fault = fault.to_owned();
                return Err(OrderError::FaultSet { step, fault });
            }
        }
        Ok(())
    }

    /// Faults an order still sets, each with the events that set it: none if it is set outside the race.
    pub fn faults_of(&self, order: &Order) -> Vec<(&str, &[EventName])> {
        let is_set = |set_by: &[EventName]| {
            set_by.is_empty() || order.steps().any(|step| set_by.contains(&step))
        };
        self.faults
            .iter()
            .filter(|(fault, set_by)| !order.leaves_out(fault) && is_set(set_by))
            .map(|(fault, set_by)| (fault.as_str(), set_by.as_slice()))
            .collect()
    }

    fn sets_left_out(&self, event: EventName, order: &Order) -> bool {
        order
            .faults_left_out()
            .filter_map(|fault| self.faults.get(fault))
            .any(|set_by| set_by.contains(&event))
    }

    fn left_out(&self, placed: u64, counts: impl Fn(&Event) -> bool) -> Result<(), OrderError> {
        let missing: Vec<String> = self
            .events()
            .filter(|event| !self.is_placed(event.name, placed) && counts(event))
            .map(|event| event.name.to_string())
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(OrderError::Missing(missing.join(" ")))
        }
    }

    /// The number of ways to interleave the chains when every step counts, as a float: it only has to be roughly right,
    /// to refuse a race nobody could wait for.
    #[must_use]
    pub fn linearisations(&self) -> f64 {
        let mut lengths: BTreeMap<usize, u32> = BTreeMap::new();
        let mut total = 0.0;
        let mut ways = 1.0;
        for event in self.events() {
            let length = lengths.entry(event.chain).or_default();
            *length += 1;
            total += 1.0;
            ways *= total / f64::from(*length);
        }
        ways
    }

    pub(super) fn rank(&self, step: EventName) -> Option<usize> {
        self.events
            .binary_search_by_key(&step, |event| event.name)
            .ok()
    }

    fn is_placed(&self, step: EventName, placed: u64) -> bool {
        self.rank(step)
            .is_some_and(|rank| placed & (1 << rank) != 0)
    }

    /// Among interchangeable chains, the first pair of twin events that do not commute keeps the file's order: that
    /// leaves exactly one of all the orders that differ by names.
    fn order_twins(&mut self, groups: &[Twins]) {
        for group in groups {
            let columns: Vec<Vec<usize>> =
                group.iter().map(|&chain| self.ranks_of(chain)).collect();
            let Some(length) = columns.iter().map(Vec::len).min() else {
                continue;
            };
            let mark = (0..length).find(|&place| {
                columns
                    .windows(2)
                    .all(|pair| self.dependent[pair[0][place]] & (1 << pair[1][place]) != 0)
            });
            if let Some(mark) = mark {
                for pair in columns.windows(2) {
                    self.needs[pair[1][mark]] |= 1 << pair[0][mark];
                }
                self.twin_groups.push(TwinGroup { columns, mark });
            }
        }
    }

    fn ranks_of(&self, chain: usize) -> Vec<usize> {
        self.fifo
            .iter()
            .copied()
            .filter(|&rank| self.events[rank].chain == chain)
            .collect()
    }
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

fn faults(program: &Program, events: &[Event]) -> BTreeMap<String, Vec<EventName>> {
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
        | Verb::AccessToken { .. }
        | Verb::Shape { .. }
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

/// What decides whether an event commutes with another.
struct Facts<'p> {
    chain: usize,
    kind: StepKind,
    /// Whose key it concerns; `None` if it concerns no key.
    key_of: Option<&'p str>,
    code: Option<&'p str>,
    /// The phone whose stored token it writes or reads.
    storage: Option<usize>,
}

impl<'p> Facts<'p> {
    fn of(program: &'p Program, owners: &BTreeMap<&'p str, &'p str>, event: &Event) -> Self {
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
fn code_owners(program: &Program) -> BTreeMap<&str, &str> {
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
fn dependent(a: &Facts<'_>, b: &Facts<'_>, rotation: Rotation, returns: Returns) -> bool {
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
