//! What is found out about the first failing order of a case: a smaller one, its sequential twin, its passing neighbour.

use super::first_failing::FirstFailing;
use super::meaning::{Failure, stray};
use super::runner::Runner;
use super::shrink;
use super::tally::Tally;
use wxmock_model::exploration::{PassingNeighbour, Rate, Twin};
use wxmock_model::history::Ending;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::order::{EventName, Order};
use wxmock_model::verdict::Violation;
use wxmock_scenario::plan::Case;
use wxmock_schedule::{Space, Swap};

/// Shrinking ends after so many orders.
const SHRINK_ORDERS: usize = 40;
/// So many neighbours are tried before it is said that none passes.
const NEIGHBOURS: usize = 12;

impl Runner {
    /// Shrinks the first failing order, then runs its twin and its neighbours. A hang is left as it is: every further
    /// order would cost the whole time an answer may take.
    pub(super) async fn explain(&self, case: &Case, tally: &mut Tally) {
        let Some(mut failing) = tally.first_failing().cloned() else {
            return;
        };
        if !matches!(failing.history.ending, Ending::Complete) || failing.order.is_free() {
            return;
        }
        let has_race = failing.order.steps().next().is_some();
        let space = case.space();
        if self.settings.shrink {
            failing = self.shrink(case, &space, failing).await;
        }
        let Some(shown) = Failure::of(case, &failing.violations, &failing.history) else {
            return;
        };
        if failing.evidence.shrunk_from.is_some() {
            failing.evidence.rate = Some(self.rate(case, &failing, &shown).await);
        }
        if self.settings.explain && has_race {
            let (twin, causes) = self.twin(case, &space, &failing, &shown).await.unzip();
            failing.evidence.twin = twin;
            if twin == Some(Twin::FailsToo) {
                take_back_races(
                    &mut failing.violations,
                    shown.rule(),
                    &causes.unwrap_or_default(),
                );
            }
            failing.evidence.neighbour = self.neighbour(case, &space, &failing, tally).await;
        }
        tally.replace_first_failing(failing);
    }

    /// The smallest order found that still shows the same failure.
    async fn shrink(&self, case: &Case, space: &Space, failing: FirstFailing) -> FirstFailing {
        let mut smallest = failing;
        let Some(shown) = Failure::of(case, &smallest.violations, &smallest.history) else {
            return smallest;
        };
        let mut left = SHRINK_ORDERS;
        loop {
            let mut found = None;
            let candidates = shrink::candidates(case, space, &smallest.order, &smallest.involved());
            for candidate in candidates
                .into_iter()
                .filter(|candidate| stray(case, candidate).is_none())
            {
                if left == 0 || self.settings.cancel.is_cancelled() {
                    return smallest;
                }
                left -= 1;
                let judged = self.judged(case, &candidate, self.pace()).await;
                if matches!(judged.played.history.ending, Ending::Hung { .. }) {
                    return smallest;
                }
                if judged.shows(case, &shown) {
                    found = Some(judged);
                    break;
                }
            }
            let Some(judged) = found else {
                return smallest;
            };
            let mut evidence = smallest.evidence.clone();
            evidence
                .shrunk_from
                .get_or_insert_with(|| smallest.order.to_string());
            smallest = FirstFailing {
                order: judged.order,
                token: judged.token,
                violations: judged.violations,
                history: judged.played.history,
                evidence,
            };
        }
    }

    /// How often a shrunk order shows its failure: the runs of the order it was made from say nothing about it.
    async fn rate(&self, case: &Case, failing: &FirstFailing, shown: &Failure) -> Rate {
        let mut rate = Rate { failed: 1, of: 1 };
        while rate.of < self.settings.repeat_failing && !self.settings.cancel.is_cancelled() {
            let judged = self.judged(case, &failing.order, self.pace()).await;
            rate.of += 1;
            rate.failed += usize::from(judged.shows(case, shown));
        }
        rate
    }

    /// Whether the same steps one after the other show the same failure, and the causes of it there. `None` if they could not
    /// be run, or fail in another way.
    async fn twin(
        &self,
        case: &Case,
        space: &Space,
        failing: &FirstFailing,
        shown: &Failure,
    ) -> Option<(Twin, Vec<Mechanism>)> {
        let causes = |violations: &[Violation]| {
            let of_the_rule = violations.iter().filter(|v| v.rule == shown.rule());
            of_the_rule.map(|v| v.mechanism).collect()
        };
        let fifo = in_sequence(space, &failing.order);
        if fifo == failing.order {
            return Some((Twin::FailsToo, causes(&failing.violations)));
        }
        let judged = self.judged(case, &fifo, self.pace()).await;
        if judged.breaks_alike(case, shown) {
            return Some((Twin::FailsToo, causes(&judged.violations)));
        }
        let passes = judged.violations.is_empty()
            && judged.played.cut.is_none()
            && judged.played.history.ending.is_complete();
        passes.then(|| (Twin::Passes, Vec::new()))
    }

    /// A passing order one adjacent swap away, nearest to first-in-first-out first.
    async fn neighbour(
        &self,
        case: &Case,
        space: &Space,
        failing: &FirstFailing,
        tally: &Tally,
    ) -> Option<PassingNeighbour> {
        let mut swaps = match failing.order.statements().last() {
            Some(held) => unheld(&failing.order, held).into_iter().collect(),
            None => space.swaps(&failing.order),
        };
        swaps.sort_by_key(|swap| space.inversions(&swap.order));
        for Swap {
            order,
            first,
            second,
        } in swaps
            .into_iter()
            .filter(|swap| !tally.forbids(&tally.spelling(swap.order.clone())))
            .take(NEIGHBOURS)
        {
            if self.settings.cancel.is_cancelled() {
                return None;
            }
            let judged = self.judged(case, &order, self.pace()).await;
            let mut played = judged.played;
            if judged.violations.is_empty()
                && played.cut.is_none()
                && played.history.ending.is_complete()
            {
                played.history.unfold_traffic();
                return Some(PassingNeighbour {
                    order: order.to_string(),
                    token: judged.token,
                    first: first.to_string(),
                    second: second.to_string(),
                    history: Box::new(played.history),
                });
            }
        }
        None
    }
}

/// The order in which the statement is not held: it comes before what it was held for.
fn unheld(order: &Order, held: EventName) -> Option<Swap> {
    let steps: Vec<EventName> = order.steps().collect();
    let at = steps.iter().position(|step| *step == held)?;
    Some(Swap {
        order: order.without(&[held]),
        first: held,
        second: *steps.get(at.checked_sub(1)?)?,
    })
}

/// The steps of an order, phone after phone.
fn in_sequence(space: &Space, order: &Order) -> Order {
    Order::settled(
        space
            .fifo()
            .steps()
            .filter(|step| order.steps().any(|other| other == *step)),
    )
    .with_faults_of(order)
}

/// Takes back the causes of `rule` that need requests under way together and that the same steps one after the other, whose
/// causes are `in_sequence`, do without.
fn take_back_races(violations: &mut [Violation], rule: &str, in_sequence: &[Mechanism]) {
    for violation in violations.iter_mut().filter(|found| found.rule == rule) {
        if !in_sequence.contains(&violation.mechanism) {
            violation.take_back_race();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of `mechanism`, found for `rule`, when a twin breaks KEY-01 by `in_sequence`.
    fn left(mechanism: Mechanism, rule: &str, in_sequence: &[Mechanism]) -> Mechanism {
        let mut violations = [Violation {
            rule: rule.into(),
            mechanism,
            ..Violation::default()
        }];
        take_back_races(&mut violations, "KEY-01", in_sequence);
        violations[0].mechanism
    }

    #[test]
    fn a_race_is_no_cause_of_what_the_steps_in_turn_break_without_it() {
        let race = Mechanism::SharedRequestState;
        assert_eq!(left(race, "KEY-01", &[Mechanism::Open]), Mechanism::Open);
        assert_eq!(left(race, "KEY-01", &[]), Mechanism::Open);
    }

    #[test]
    fn a_cause_stays_that_the_twin_has_that_needs_no_race_or_of_another_rule() {
        let race = Mechanism::SharedRequestState;
        assert_eq!(left(race, "KEY-01", &[race]), race);
        assert_eq!(left(race, "KEY-02", &[Mechanism::Open]), race);
        let single = Mechanism::FirstKeyKept;
        assert_eq!(left(single, "KEY-01", &[Mechanism::Open]), single);
    }
}
