//! Scenarios times axes: the list of cases, each with a path that names it for good.

use std::sync::Arc;

use indexmap::IndexMap;
use thiserror::Error;

use crate::{Pattern, Scenario};
use wxmock_model::history::StepKind;
use wxmock_model::nearest;
use wxmock_model::order::{Event, Order};
use wxmock_model::program::{Explore, Program, Returns, Rotation, Step, Verb};
use wxmock_model::verdict::Level;
use wxmock_schedule::{Bound, DEFAULT_MAX_ORDERS, Limits, Listing, Space};

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
        Verb::Login { code, token } => vec![code.clone(), token.clone()],
        Verb::Capture { payload, .. } => vec![payload.clone()],
        Verb::PhoneCode { phone_code } => vec![phone_code.clone()],
        _ => Vec::new(),
    }
}

/// Which cases a person asked for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Aliases (`CL-1`), ids, or patterns of paths: `*` is within one segment, `**` is any number of segments. A
    /// pattern that matches an id takes all of its cases. One that begins with `!` leaves out what it matches, wherever it
    /// stands. Without any other: every case.
    pub patterns: Vec<String>,
    /// Only scenarios of this level or a stricter one; `None`: all.
    pub level: Option<Level>,
}

/// A pattern that selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelectionError {
    /// Not a pattern.
    #[error("`{pattern}` is not a pattern: {reason}")]
    Pattern {
        /// As given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No such case.
    #[error("no case matches `{pattern}`{}", suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Nothing {
        /// As given.
        pattern: String,
        /// The nearest alias or id.
        suggestion: Option<String>,
    },
}

impl Selection {
    /// The selected cases, as [`cases`] gives them.
    ///
    /// # Errors
    /// [`SelectionError`] for the first pattern that is wrong or matches nothing at all; a level that leaves nothing is
    /// an empty list.
    pub fn select(&self, scenarios: &[Scenario]) -> Result<Vec<Case>, SelectionError> {
        let every = cases(scenarios, &Self::default());
        for given in &self.patterns {
            let pattern = given.strip_prefix('!').unwrap_or(given);
            let matcher = Pattern::parse(pattern).map_err(|reason| SelectionError::Pattern {
                pattern: pattern.to_owned(),
                reason,
            })?;
            if !every.iter().any(|case| case.is_named(&matcher)) {
                let names = scenarios
                    .iter()
                    .flat_map(|scenario| [scenario.alias.as_str(), scenario.id.as_str()]);
                let suggestion = nearest(pattern, names).map(str::to_owned);
                return Err(SelectionError::Nothing {
                    pattern: pattern.to_owned(),
                    suggestion,
                });
            }
        }
        Ok(cases(scenarios, self))
    }
}

/// The selected cases, in the order of scenarios and then of axis values as written. Patterns that match nothing, or
/// cannot be read, select nothing; [`Selection::select`] reports them.
#[must_use]
pub fn cases(scenarios: &[Scenario], selection: &Selection) -> Vec<Case> {
    let patterns = |out: bool| -> Vec<Pattern> {
        let given = selection.patterns.iter();
        let of_kind = given.filter(|pattern| pattern.starts_with('!') == out);
        of_kind
            .filter_map(|pattern| Pattern::parse(pattern.trim_start_matches('!')).ok())
            .collect()
    };
    let (taken, left_out) = (patterns(false), patterns(true));
    let takes_all = !selection.patterns.iter().any(|one| !one.starts_with('!'));
    let mut cases = Vec::new();
    for scenario in scenarios {
        // Levels are ordered from strict to lax.
        if selection.level.is_some_and(|level| scenario.level > level) {
            continue;
        }
        let shared = Arc::new(scenario.clone());
        for (axes, program) in scenario.programs() {
            let segments = axes.iter().map(|(axis, value)| format!("/{axis}:{value}"));
            let path = std::iter::once(scenario.id.clone())
                .chain(segments)
                .collect();
            let case = Case {
                scenario: Arc::clone(&shared),
                axes: axes.clone(),
                path,
                program: program.clone(),
            };
            let is_taken = takes_all || taken.iter().any(|pattern| case.is_named(pattern));
            if is_taken && !left_out.iter().any(|pattern| case.is_named(pattern)) {
                cases.push(case);
            }
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate as scenario;

    fn paths(pattern: &str) -> Vec<String> {
        let selection = Selection {
            patterns: vec![pattern.to_owned()],
            level: None,
        };
        selection
            .select(scenario::all())
            .expect("a good pattern")
            .into_iter()
            .map(|case| case.path)
            .collect()
    }

    /// How many orders each case of a family runs.
    fn check(pattern: &str, expected: &[(&str, usize)]) {
        let selection = Selection {
            patterns: vec![pattern.to_owned()],
            level: None,
        };
        let cases = cases(scenario::all(), &selection);
        let counted: Vec<(&str, usize)> = cases
            .iter()
            .map(|case| {
                (
                    case.path[case.scenario.id.len()..].trim_start_matches('/'),
                    case.orders().len(),
                )
            })
            .collect();
        assert_eq!(counted, expected, "{pattern}");
    }

    #[test]
    fn orders_of_every_race_are_pinned() {
        check(
            "CL-1",
            &[
                ("rotation:login/returns:bound/n:2", 6),
                ("rotation:login/returns:bound/n:3", 90),
                ("rotation:login/returns:current/n:2", 3),
                ("rotation:login/returns:current/n:3", 15),
                ("rotation:exchange/n:2", 5),
                ("rotation:exchange/n:3", 57),
                ("rotation:min_interval/n:2", 3),
                ("rotation:min_interval/n:3", 15),
            ],
        );
        check("CL-3", &[("n:5", 5)]);
        // Requests and replies interleave in 6 ways, in 10 with the commits; either token is stored last, which doubles
        // them, and under `exchange` the two logins may trade names, which halves them.
        check("CL-5", &[("rotation:login", 12), ("rotation:exchange", 10)]);
        check(
            "SK-2",
            &[
                ("rotation:login", 6),
                ("rotation:exchange", 5),
                ("rotation:min_interval", 6),
            ],
        );
        check("KI-3", &[("", 6)]);
        check("KI-6", &[("", 2)]);
        check("CC-1", &[("", 5)]);
        check("N1", &[("rotation:min_interval/n:2", 3)]);
        check("N2", &[("rotation:login/returns:current/n:2", 3)]);
        check("N5", &[("", 6)]);
    }

    #[test]
    fn orders_with_steps_taken_together_are_pinned() {
        let cases = cases(scenario::all(), &Selection::default());
        let mut counted: Vec<(&str, usize)> = Vec::new();
        for case in &cases {
            let together = case.together().len();
            match counted
                .iter_mut()
                .find(|(alias, _)| *alias == case.scenario.alias)
            {
                Some((_, sum)) => *sum += together,
                None if together > 0 => counted.push((&case.scenario.alias, together)),
                None => {}
            }
        }
        counted.sort_unstable();
        let expected = [
            ("CC-1", 2),
            ("CL-1", 12),
            ("CL-5", 4),
            ("CL-7", 3),
            ("KI-3", 2),
            ("KI-6", 1),
            ("PN-6", 1),
            ("SK-2", 9),
        ];
        assert_eq!(counted, expected);
        let slow = cases.iter().find(|case| case.scenario.alias == "CL-1");
        let listing = slow
            .map(|case| case.listing(&Limits::default(), 1))
            .unwrap();
        let searches: Vec<String> = listing
            .parts
            .iter()
            .map(|part| part.search.to_string())
            .collect();
        assert_eq!(searches, ["all", "together"]);
        assert_eq!((listing.len(), listing.counted()), (8, 6));
        assert!(listing.is_exhaustive());
        assert_eq!(
            listing.iter().last().unwrap().to_string(),
            "S1+S2.K1.K2.R2+R1"
        );
        let near = Limits {
            inversions: Some(1),
            ..Limits::default()
        };
        let beside = |listing: &Listing| listing.len() - listing.counted();
        assert_eq!(slow.map(|case| beside(&case.listing(&near, 1))), Some(0));
    }

    #[test]
    fn free_runs_are_pinned() {
        let cases = cases(scenario::all(), &Selection::default());
        let free: Vec<&str> = cases
            .iter()
            .filter(|case| case.runs_free())
            .map(|case| case.path.as_str())
            .collect();
        let expected = [
            "code-lifecycle/same-code-twice",
            "concurrent-login/logout-during-a-login",
            "concurrent-login/older-token-stored-last/rotation:exchange",
            "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:3",
            "key-isolation/request-state-in-a-shared-object",
            "key-isolation/session-in-a-shared-object",
            "phone-number/two-people-press-at-once",
            "stale-key/login-and-capture-in-parallel/rotation:exchange",
        ];
        let sorted: Vec<&str> = free
            .iter()
            .copied()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect();
        assert_eq!((free.len(), sorted), (expected.len(), expected.to_vec()));
    }

    #[test]
    fn the_whole_suite_stays_small() {
        let cases = cases(scenario::all(), &Selection::default());
        let orders: usize = cases.iter().map(|case| case.orders().len()).sum();
        let steps: usize = cases
            .iter()
            .map(|case| case.orders().len() * (case.program.steps().count() + case.events().len()))
            .sum();
        assert!(orders < 420, "{orders} orders; is an axis pointless?");
        assert!(
            steps < 6_400,
            "{steps} steps at about two milliseconds each"
        );
    }

    #[test]
    fn every_order_fits_its_case_and_survives_a_token() {
        let cases = cases(scenario::all(), &Selection::default());
        for case in &cases {
            for order in case.orders() {
                let token = crate::ReplayToken {
                    path: case.path.clone(),
                    seed: 7,
                    order,
                };
                let read: crate::ReplayToken = token.to_string().parse().expect("a good token");
                assert_eq!(read, token);
                assert_eq!(read.resolve(&cases).expect("fits").path, case.path);
            }
        }
    }

    #[test]
    fn patterns_take_aliases_ids_and_paths() {
        assert_eq!(paths("cl-1").len(), 8);
        assert_eq!(
            paths("concurrent-login/slow-reply-overwrites-newer-key").len(),
            8
        );
        assert_eq!(paths("concurrent-login/**").len(), 15);
        assert_eq!(paths("**/n:3").len(), 4);
        assert_eq!(paths("**/rotation:exchange/**").len(), 5);
        assert_eq!(paths("key-isolation/*").len(), 7);
        let exact = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2";
        assert_eq!(paths(exact), [exact]);
    }

    #[test]
    fn a_pattern_that_selects_nothing_is_a_mistake() {
        let select = |pattern: &str| {
            let selection = Selection {
                patterns: vec![pattern.to_owned()],
                level: None,
            };
            selection
                .select(scenario::all())
                .map(|cases| cases.len())
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            select("CL-11"),
            Err("no case matches `CL-11`; did you mean `CL-1`?".to_owned())
        );
        assert_eq!(
            select("stale-keys/**"),
            Err("no case matches `stale-keys/**`".to_owned())
        );
        assert_eq!(
            select("a[").map_err(|text| text.starts_with("`a[` is not a pattern")),
            Err(true)
        );
    }

    #[test]
    fn an_exclamation_mark_leaves_out() {
        let chosen = |patterns: &[&str]| {
            let selection = Selection {
                patterns: patterns.iter().map(|one| (*one).to_owned()).collect(),
                level: None,
            };
            let chosen = selection.select(scenario::all());
            chosen
                .map(|cases| cases.len())
                .map_err(|error| error.to_string())
        };
        let all = chosen(&[]).expect("all");
        assert_eq!(chosen(&["!cl-1"]), Ok(all - 8));
        let suite = chosen(&["concurrent-login/**"]).expect("a suite");
        assert_eq!(chosen(&["concurrent-login/**", "!CL-1"]), Ok(suite - 8));
        assert_eq!(chosen(&["!**/n:3", "CL-1"]), Ok(4), "wherever it stands");
        assert_eq!(
            chosen(&["!CL-11"]),
            Err("no case matches `CL-11`; did you mean `CL-1`?".to_owned())
        );
    }

    #[test]
    fn levels_narrow() {
        let count = |level| {
            cases(
                scenario::all(),
                &Selection {
                    patterns: Vec::new(),
                    level,
                },
            )
            .len()
        };
        assert_eq!(count(None), count(Some(Level::Info)));
        assert!(count(Some(Level::Must)) <= count(Some(Level::Should)));
    }

    #[test]
    fn a_token_of_a_case_that_has_changed_says_so() {
        let cases = cases(scenario::all(), &Selection::default());
        let resolve = |path: &str, order: &str| {
            let order = order.parse().expect("a good order");
            let token = crate::ReplayToken {
                path: path.to_owned(),
                seed: 7,
                order,
            };
            token
                .resolve(&cases)
                .map(|case| case.path.clone())
                .map_err(|error| error.to_string())
        };
        let path = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2";
        assert_eq!(resolve(path, "S2.S1.K1.K2.R2.R1"), Ok(path.to_owned()));
        let wrong = |what: &str| Err(format!("the order does not fit `{path}`: {what}"));
        assert_eq!(
            resolve(path, "S1.S2.K1.K2.R2"),
            wrong("the order leaves out R1")
        );
        assert_eq!(resolve(path, "S1.S2.K1.K1.R2.R1"), wrong("K1 stands twice"));
        assert_eq!(
            resolve(path, "S1.S2.K1.K2.R2.R3"),
            wrong("the race has no event R3; it has S1 K1 R1 S2 K2 R2")
        );
        let backwards = "K1 cannot come before S1: both belong to one phone, which does S1 first";
        assert_eq!(resolve(path, "K1.S1.S2.K2.R2.R1"), wrong(backwards));
        let asked = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchnge/n:2";
        assert_eq!(
            resolve(asked, "-"),
            Err(format!(
                "there is no case `{asked}`; did you mean `{path}`?"
            ))
        );
    }
}
