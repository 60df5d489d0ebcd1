//! Whether an order fits a race, and what is wrong with it if it does not.

use std::collections::BTreeMap;

use thiserror::Error;

use super::Space;
use wxmock_model::history::StepKind;
use wxmock_model::order::{Event, EventName, NotAnEvent, Order};

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

    fn is_placed(&self, step: EventName, placed: u64) -> bool {
        self.rank(step)
            .is_some_and(|rank| placed & (1 << rank) != 0)
    }
}
