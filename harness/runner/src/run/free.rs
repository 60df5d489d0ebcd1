//! Free runs: the phones of a race all at once and without a gate, in the wire's own time, again and again with new people.
//!
//! Forced orders say what happens when the backend sees one thing after the other; here it decides itself what comes
//! between what. What is found here only is looked for in a forced order near to it, which repeats better. Rounds are
//! counted, not timed; this module does not know why a round came out as it did.

use super::judged::Judged;
use super::play::Piece;
use super::runner::Runner;
use super::settings::Listener;
use super::settle::Need;
use super::stage::{Stage, Stop};
use super::tally::Tally;
use wxmock_model::event::RunEvent;
use wxmock_model::exploration::{FreeRounds, Rate};
use wxmock_model::history::{Ending, History, Phase, StepKind};
use wxmock_model::order::{Event, EventName, Order};
use wxmock_model::say;
use wxmock_model::verdict::Level;
use wxmock_scenario::plan::Case;
use wxmock_schedule::{Listing, Space};

/// After the first failing round so many more are run, for the rate.
const ROUNDS_FOR_THE_RATE: usize = 10;
/// So often an order is tried that may show what a free round showed.
const TRIES: usize = 5;

/// What the rounds of one case came to.
#[derive(Default)]
struct Found {
    rounds: FreeRounds,
    /// The first failing round and the rule it is shown for.
    first: Option<(String, Judged)>,
}

impl Runner {
    /// Runs the race of a case without gates, as often as the settings ask. What breaks a MUST that no forced order broke
    /// counts as a failing order; a SHOULD does not, because the wire's timing alone may break it.
    pub(super) async fn run_free(
        &self,
        case: &Case,
        listing: &Listing,
        tally: &mut Tally,
        listener: &mut Listener<'_>,
    ) {
        let Found { rounds, mut first } = self.rounds(case, tally).await;
        tally.free(rounds);
        if let Some((_, judged)) = &mut first {
            judged.played.history.unfold_traffic();
        }
        listener(self.free_finished(case, listing, first.as_ref().map(|(_, judged)| judged)));
        let Some((rule, first)) = first else { return };
        let FreeRounds { run, failed } = rounds;
        tally.note(say!(
            "{rule} was broken in {failed} of {run} free rounds, in which nothing is held",
            "自由运行（什么都不拦住）{run} 轮，其中 {failed} 轮违反了 {rule}",
            rule = rule,
            failed = failed,
            run = run
        ));
        let history = &first.played.history;
        let forced = match history.ending {
            Ending::Complete => self.forced_like(case, tally, &rule, history).await,
            _ => None,
        };
        let (judged, rate) = forced.unwrap_or((first, Rate { failed, of: run }));
        tally.add_found(listing.len(), judged, rate);
    }

    async fn rounds(&self, case: &Case, tally: &Tally) -> Found {
        let mut found = Found::default();
        let mut left = self.settings.free_rounds;
        while left > 0 && !self.settings.cancel.is_cancelled() && !self.is_out_of_time() {
            left -= 1;
            let mut judged = self.judged(case, &Order::free(), self.pace()).await;
            if judged.played.cut.is_some() {
                break;
            }
            found.rounds.run += 1;
            judged
                .violations
                .retain(|v| v.level == Level::Must && !tally.broke(&v.rule));
            let complete = judged.played.history.ending.is_complete();
            match (&found.first, judged.violations.first()) {
                (None, Some(worst)) => {
                    found.rounds.failed = 1;
                    found.first = Some((worst.rule.clone(), judged));
                    left = left.min(ROUNDS_FOR_THE_RATE);
                }
                (Some((rule, _)), Some(_)) if judged.breaks(rule) => found.rounds.failed += 1,
                _ => {}
            }
            if !complete {
                break;
            }
        }
        found
    }

    /// The free rounds of a case as one order of it, the last.
    fn free_finished(&self, case: &Case, listing: &Listing, failing: Option<&Judged>) -> RunEvent {
        let history = failing.map(|judged| &judged.played.history);
        RunEvent::OrderFinished {
            path: case.path.clone(),
            order: Order::free().to_string(),
            index: listing.len(),
            of: listing.len(),
            token: self.token(case, &Order::free()),
            violations: failing
                .map(|judged| judged.violations.clone())
                .unwrap_or_default(),
            ending: history
                .map(|history| history.ending.clone())
                .unwrap_or_default(),
            history: history.map(|history| Box::new(history.clone())),
        }
    }

    /// A forced order that breaks the same rule as a free round did, and how often it does: first as the round was seen to
    /// go, one step after the other, then with its steps taken together.
    async fn forced_like(
        &self,
        case: &Case,
        tally: &Tally,
        rule: &str,
        history: &History,
    ) -> Option<(Judged, Rate)> {
        let orders = like(&case.space(), history).into_iter();
        for order in orders.filter(|order| !tally.forbids(order)) {
            let tries = if order.forced().is_fully() { 1 } else { TRIES };
            let mut first: Option<Judged> = None;
            let mut rate = Rate { failed: 0, of: 0 };
            while rate.of < tries || (first.is_some() && rate.of < TRIES) {
                if self.settings.cancel.is_cancelled() {
                    return None;
                }
                let judged = self.judged(case, &order, self.pace()).await;
                let whole =
                    judged.played.cut.is_none() && judged.played.history.ending.is_complete();
                rate.of += 1;
                if whole && judged.breaks(rule) {
                    rate.failed += 1;
                    first.get_or_insert(judged);
                }
            }
            if let Some(judged) = first {
                return Some((judged, rate));
            }
        }
        None
    }
}

/// Forced orders near to what a free round was seen to do, nearest first.
fn like(space: &Space, history: &History) -> Vec<Order> {
    let race = history
        .steps
        .iter()
        .filter(|step| step.phase == Phase::Race);
    let names = race.filter_map(|step| step.name.parse::<EventName>().ok());
    let observed = Order::settled(names);
    let mut orders = Vec::new();
    if space.check(&observed).is_ok() {
        orders.push(observed.clone());
        orders.extend(space.together_like(&observed));
    }
    for order in space.together() {
        if !orders.contains(&order) {
            orders.push(order);
        }
    }
    orders
}

/// One chain of a race that nobody orders.
struct Line<'e> {
    /// The steps it takes itself, first to last: what WeChat does in between comes by itself.
    steps: Vec<&'e Event>,
    next: usize,
    /// The request it waits for.
    open: Option<usize>,
}

impl Stage<'_> {
    /// The race of a free run: every chain begins at once, and goes on whenever its own request is answered.
    pub(crate) async fn race_freely(&mut self, piece: &Piece<'_>) -> Result<(), Stop> {
        self.free = true;
        let mut lines: Vec<Line<'_>> = Vec::new();
        for chain in 0..piece.program.chains.len() {
            let own = |event: &&Event| {
                event.chain == chain && !matches!(event.kind, StepKind::Commit | StepKind::Reply)
            };
            let steps = piece.events.iter().filter(own).collect();
            lines.push(Line {
                steps,
                next: 0,
                open: None,
            });
        }
        // Not the same phone first in every round, and the same again in the same round.
        let turn = piece.prefix.bytes().map(usize::from).sum::<usize>();
        if !lines.is_empty() {
            let first = turn % lines.len();
            lines.rotate_left(first);
        }
        loop {
            let mut going = false;
            for line in &mut lines {
                self.advance_line(piece, line).await?;
                going |= line.open.is_some();
            }
            if !going {
                break;
            }
            self.until_answered().await?;
        }
        self.settle(Need::Certainty).await?;
        self.free = false;
        Ok(())
    }

    /// Takes the steps of one chain up to its next request.
    async fn advance_line(&mut self, piece: &Piece<'_>, line: &mut Line<'_>) -> Result<(), Stop> {
        line.open = line.open.filter(|&request| !self.requests[request].done);
        while line.open.is_none() {
            let Some(event) = line.steps.get(line.next) else {
                return Ok(());
            };
            if self.run_context.cancel.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            line.next += 1;
            let requests = self.requests.len();
            let step = &piece.program.chains[event.chain][event.step];
            self.perform(step, Some(event.name)).await?;
            line.open = (self.requests.len() > requests).then_some(requests);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_model::history::StepRecord;
    use wxmock_scenario as scenario;
    use wxmock_scenario::plan;
    use wxmock_scenario::plan::Selection;

    /// A round seen to go like this.
    fn seen(order: &str) -> History {
        let steps = order.split('.').map(|name| StepRecord {
            name: name.to_owned(),
            phase: Phase::Race,
            ..StepRecord::default()
        });
        History {
            steps: steps.collect(),
            ..History::default()
        }
    }

    fn check(alias: &str, round: &str, expected: &[&str]) {
        let selection = Selection {
            patterns: vec![alias.to_owned()],
            level: None,
        };
        let case = plan::cases(scenario::all(), &selection).remove(0);
        let orders: Vec<String> = like(&case.space(), &seen(round))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(orders, expected);
    }

    #[test]
    fn a_round_is_looked_for_as_it_was_seen_and_then_with_its_steps_together() {
        check(
            "KI-3",
            "S2.S1.K1.R1.K2.R2",
            &[
                "S2.S1.K1.R1.K2.R2",
                "S2+S1.K1.K2.R1+R2",
                "S1+S2.K1.K2.R1+R2",
                "S1+S2.K1.K2.R2+R1",
            ],
        );
    }

    #[test]
    fn a_round_in_which_a_login_asked_nobody_leaves_the_fixed_orders() {
        check(
            "KI-3",
            "S1.S2.K1.R1",
            &["S1+S2.K1.K2.R1+R2", "S1+S2.K1.K2.R2+R1"],
        );
    }
}
