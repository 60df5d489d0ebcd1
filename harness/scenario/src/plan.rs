//! Scenarios times axes: the list of cases, each with a path that names it for good.

mod selection;

use std::sync::Arc;

use indexmap::IndexMap;

use crate::{Pattern, Scenario};
use wxmock_model::history::StepKind;
use wxmock_model::order::{Event, Order};
use wxmock_model::program::{Explore, Program, Returns, Rotation, Step, Verb};
use wxmock_schedule::{Bound, DEFAULT_MAX_ORDERS, Limits, Listing, Space};

pub use selection::{Selection, SelectionError, cases};

/// One case: a scenario with a value for every axis.
#[derive(Debug, Clone)]
pub struct Case {
    /// The scenario.
    pub scenario: Arc<Scenario>,
    /// Axis to value, in file order: `rotation` to `exchange`.
    pub axes: IndexMap<String, String>,
    /// The scenario's id and its axes: `concurrent-login/slow-reply/rotation:exchange/n:2`.
    pub path: String,
    /// What to do.
    pub program: Program,
}

impl Case {
    /// When keys rotate; [`Rotation::Login`] for a scenario without that axis.
    #[must_use]
    pub fn rotation(&self) -> Rotation {
        match self.axes.get("rotation").map(String::as_str) {
            Some("exchange") => Rotation::Exchange,
            Some("min_interval") => Rotation::MinInterval,
            _ => Rotation::Login,
        }
    }

    /// The operation that has to carry the data; `None` for a scenario without the axis `payload`.
    #[must_use]
    pub fn payload(&self) -> Option<&str> {
        self.axes.get("payload").map(String::as_str)
    }

    /// What an older code yields; [`Returns::Bound`] for a scenario without that axis.
    #[must_use]
    pub fn returns(&self) -> Returns {
        match self.axes.get("returns").map(String::as_str) {
            Some("current") => Returns::Current,
            _ => Returns::Bound,
        }
    }

    /// All orders of the race, not yet listed.
    ///
    /// # Panics
    /// Never for a case made by [`cases`]: a race too long to enumerate is refused when its file is read.
    #[must_use]
    pub fn space(&self) -> Space {
        Space::of(&self.program, self.rotation(), self.returns())
            .expect("the race was checked when the file was read")
    }

    /// The events of the race, chain by chain: also the first-in-first-out order.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        self.space().events().cloned().collect()
    }

    /// The orders to run, nearest to first-in-first-out first. A case without a race has one empty order.
    #[must_use]
    pub fn orders(&self) -> Vec<Order> {
        match &self.program.explore {
            Explore::Fifo => vec![self.space().fifo()],
            Explore::Named(orders) => orders.clone(),
            &Explore::All {
                inversions,
                max_orders,
            } => self.space().orders(Bound {
                inversions,
                max_orders,
            }),
        }
    }

    /// The orders to run within `limits`, and what they are of the whole, with [`Case::together`] behind them; `seed` is for
    /// the searches that draw.
    #[must_use]
    pub fn listing(&self, limits: &Limits, seed: u64) -> Listing {
        let mut together = self.together();
        together.truncate(limits.max_orders.unwrap_or(usize::MAX));
        if limits.inversions.is_some() {
            together.clear();
        }
        self.one_by_one(limits, seed).with_together(together)
    }

    /// The orders with steps taken together that are run beside the others: of a race whose every order is run, unless it is
    /// a control, which asks about the harness and not about the backend.
    #[must_use]
    pub fn together(&self) -> Vec<Order> {
        match self.program.explore {
            Explore::All { .. } if !self.scenario.control => self.space().together(),
            _ => Vec::new(),
        }
    }

    /// Whether its race is also run without gates: one whose every order is run, so that its file expects nothing of any one
    /// order, in which phones of their own do nothing but talk to the backend and WeChat, and which is no control. Of the
    /// axes of a scenario those are taken that show most: most phones, and a new key with every exchange.
    #[must_use]
    pub fn runs_free(&self) -> bool {
        let shows = |program: &Program, axes: &IndexMap<String, String>| {
            let exchange = axes
                .get("rotation")
                .is_some_and(|value| value == "exchange");
            (program.chains.len(), exchange)
        };
        let own = shows(&self.program, &self.axes);
        let programs = self.scenario.programs();
        let first = programs
            .filter(|(axes, program)| shows(program, axes) >= own)
            .map(|(axes, program)| (shows(program, axes), axes))
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        let all = matches!(self.program.explore, Explore::All { .. });
        let shared = self
            .events()
            .iter()
            .any(|event| event.kind == StepKind::World);
        let several = self.program.chains.len() > 1;
        let richest = first.is_some_and(|(_, axes)| *axes == self.axes);
        all && several && !shared && !self.scenario.control && self.faults() == 0 && richest
    }

    fn one_by_one(&self, limits: &Limits, seed: u64) -> Listing {
        let space = self.space();
        match &self.program.explore {
            Explore::Fifo => Listing::named(vec![space.fifo()], space.total(DEFAULT_MAX_ORDERS)),
            Explore::Named(orders) => {
                Listing::named(orders.clone(), space.total(DEFAULT_MAX_ORDERS))
            }
            // A file's own bound asks for the nearest orders, not for a sample.
            &Explore::All {
                inversions,
                max_orders: Some(max),
            } if limits.max_orders.is_none() => {
                let inversions = limits.inversions.or(inversions);
                space.nearest(Bound {
                    inversions,
                    max_orders: Some(max),
                })
            }
            &Explore::All { inversions, .. } => {
                let max = limits.max_orders.unwrap_or(DEFAULT_MAX_ORDERS);
                space.explore(max, limits.inversions.or(inversions), seed)
            }
        }
    }

    /// How many faults the case schedules at WeChat.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.program
            .steps()
            .filter(|step| matches!(step.verb, Verb::Fault { .. }))
            .count()
    }

    /// Whether its orders must not run beside others: they use what the whole app shares, the access_token.
    #[must_use]
    pub fn runs_alone(&self) -> bool {
        self.program.steps().any(|step| match &step.verb {
            Verb::SendCode { .. } | Verb::PhoneCode { .. } | Verb::AccessToken { .. } => true,
            Verb::Fault { endpoint, .. } => endpoint != "jscode2session",
            _ => false,
        })
    }

    /// Whether a pattern names it.
    #[must_use]
    pub fn is_named(&self, pattern: &Pattern) -> bool {
        pattern.takes(&self.scenario.alias, &self.scenario.id, &self.path)
    }

    /// Whether it does something to the access_tokens that outlives its orders: a token killed stays dead.
    #[must_use]
    pub fn touches_tokens(&self) -> bool {
        let mut steps = self.program.steps();
        steps.any(|step| matches!(step.verb, Verb::AccessToken { .. }))
    }

    /// The program an order asks for: whole, or without the steps and faults it leaves out, the phones that then race with
    /// nobody, and whatever uses a code, token or payload that is not made any more.
    #[must_use]
    pub fn part(&self, order: &Order) -> Program {
        let mut program = self.program.clone();
        if order.is_free() {
            return program;
        }
        let events = self.events();
        let without = |step: &Step| matches!(&step.verb, Verb::Fault { label, .. } if order.leaves_out(label));
        program.before.retain(|step| !without(step));
        program.after.retain(|step| !without(step));
        if order.without_statements().steps().count() == events.len() {
            return program;
        }
        let mut lost: Vec<String> = Vec::new();
        let mut gone: Vec<Option<usize>> = Vec::new();
        for (chain, steps) in program.chains.iter_mut().enumerate() {
            let taken = |step: usize| {
                let mut of_step = events
                    .iter()
                    .filter(|event| (event.chain, event.step) == (chain, step));
                of_step.any(|event| order.steps().any(|name| name == event.name))
            };
            // A fault that is left out keeps its place among the steps, and no event carries it out.
            let goes_on = |step: &usize| taken(*step) || without(&steps[*step]);
            let kept = (0..steps.len()).take_while(goes_on).count();
            if kept == 0 {
                gone.extend(steps.first().map(|step| step.phone));
            }
            lost.extend(steps.split_off(kept).iter().flat_map(made));
        }
        let mut keep = |step: &Step| {
            let its_phone = step.phone.is_some() && gone.contains(&step.phone);
            let mut verb = step.verb.clone();
            let uses_lost = verb.names_mut().iter().any(|(_, name)| lost.contains(name));
            if its_phone || uses_lost {
                lost.extend(made(step));
            }
            !its_phone && !uses_lost
        };
        program.before.retain(&mut keep);
        program.after.retain(&mut keep);
        program
    }
}

/// The names a step makes.
fn made(step: &Step) -> Vec<String> {
    match &step.verb {
        Verb::Mint { code } => vec![code.clone()],
        Verb::Submit { token, .. } | Verb::SubmitProfile { token, .. } => vec![token.clone()],
        Verb::Refresh { token, .. } => vec![token.clone()],
        Verb::Forge { forged, .. } => vec![forged.clone()],
        Verb::Login { code, token } => vec![code.clone(), token.clone()],
        Verb::Capture { payload, .. } => vec![payload.clone()],
        Verb::PhoneCode { phone_code, .. } => vec![phone_code.clone()],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
