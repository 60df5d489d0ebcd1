//! Runs case after case; under a time limit in turns, so that every case has had some orders before one has all of its own.

use std::time::{Duration, Instant};

use super::exit;
use super::runner::Runner;
use super::settings::Listener;
use super::tally::{Tally, hopeless, skipped};
use crate::fit::Fit;
use wxmock_model::event::{CaseResult, RunEvent};
use wxmock_model::lang::Say;
use wxmock_model::say;
use wxmock_scenario::plan::Case;
use wxmock_schedule::Listing;

/// After so many cases in a row whose very preparation hung, the backend is taken for dead.
const PATIENCE_CASES: usize = 3;
/// How many orders of each case are over before the next turn begins: most cases have fewer than the second.
const TURNS: [usize; 3] = [1, 32, usize::MAX];

/// A case that has begun.
struct Open {
    /// Its place among the selected ones.
    place: usize,
    /// As it runs under this adapter.
    case: Case,
    notes: Vec<Say>,
    listing: Listing,
    tally: Tally,
    /// How many orders of the list have been taken.
    at: usize,
    took: Duration,
}

impl Runner {
    /// Runs the cases, and gives their results in the same order.
    pub(super) async fn run_cases(
        &mut self,
        cases: &[Case],
        listener: &mut Listener<'_>,
    ) -> Vec<CaseResult> {
        if self.settings.max_time.is_some() {
            return self.run_in_turns(cases, listener).await;
        }
        let mut results = Vec::new();
        for case in cases {
            if self.settings.cancel.is_cancelled() {
                break;
            }
            results.push(self.run_case(case, listener).await);
        }
        results
    }

    /// Runs every order of one case, nearest to first-in-first-out first, each once.
    pub async fn run_case(&mut self, case: &Case, listener: &mut Listener<'_>) -> CaseResult {
        self.look_for_stores().await;
        match self.begin(0, case, listener) {
            Ok(mut open) => {
                self.go_on(&mut open, usize::MAX, listener).await;
                self.end(open, listener).await
            }
            Err(result) => *result,
        }
    }

    /// When the time is over, a case that is not is told to have been stopped early, and one that never began to be skipped.
    async fn run_in_turns(
        &mut self,
        cases: &[Case],
        listener: &mut Listener<'_>,
    ) -> Vec<CaseResult> {
        let mut results: Vec<(usize, CaseResult)> = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        for (place, case) in cases.iter().enumerate() {
            if self.settings.cancel.is_cancelled() {
                break;
            }
            self.look_for_stores().await;
            match self.begin(place, case, listener) {
                Ok(mut begun) => {
                    self.go_on(&mut begun, TURNS[0], listener).await;
                    let spoilt = spoils(&begun.case, &begun.tally);
                    self.revive(&mut begun.tally, spoilt).await;
                    open.push(begun);
                }
                Err(result) => results.push((place, *result)),
            }
        }
        for until in &TURNS[1..] {
            for mut case in std::mem::take(&mut open) {
                self.go_on(&mut case, *until, listener).await;
                if case.at < case.listing.len() && !self.is_done(&case.tally) {
                    let spoilt = spoils(&case.case, &case.tally);
                    self.revive(&mut case.tally, spoilt).await;
                    open.push(case);
                } else {
                    results.push((case.place, self.end(case, listener).await));
                }
            }
        }
        results.sort_by_key(|(place, _)| *place);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Asks for a store that has gone away before a case begins that would only find that out again.
    async fn look_for_stores(&mut self) {
        self.store_gone = match &self.settings.stores {
            Some(stores) => stores.still_gone().await,
            None => None,
        };
    }

    /// Begins a case; its result, if it is not to be run.
    fn begin(
        &mut self,
        place: usize,
        case: &Case,
        listener: &mut Listener<'_>,
    ) -> Result<Open, Box<CaseResult>> {
        let fit = Fit::of(case, &self.described);
        let case = match &fit {
            Fit::Runs(fitted) => &fitted.case,
            Fit::Skips(_) => case,
        };
        let mut listing = case.listing(&self.settings.limits, self.seed());
        if self.settings.free_rounds > 0 && case.runs_free() {
            listing = listing.with_free();
        }
        listener(RunEvent::CaseStarted {
            path: case.path.clone(),
            alias: case.scenario.alias.clone(),
            title: case.scenario.title.clone(),
            title_zh: case.scenario.title_zh.clone(),
            level: case.scenario.level,
            impact: case.scenario.impact,
            axes: case.axes.clone(),
            orders: listing.len(),
        });
        match self.not_to_be_run(case, &fit) {
            Some(result) => {
                listener(RunEvent::CaseFinished(Box::new(result.clone())));
                Err(Box::new(result))
            }
            None => Ok(Open {
                place,
                case: case.clone(),
                notes: match &fit {
                    Fit::Runs(fitted) => fitted.notes(),
                    Fit::Skips(_) => Vec::new(),
                },
                listing,
                tally: Tally::new(case),
                at: 0,
                took: Duration::ZERO,
            }),
        }
    }

    fn not_to_be_run(&self, case: &Case, fit: &Fit) -> Option<CaseResult> {
        let limits = &self.settings.limits;
        let too_many_faults = limits.faults.filter(|most| case.faults() > *most);
        if let Fit::Skips(unfit) = fit {
            return Some(skipped(case, unfit.reason()));
        }
        if let Some(most) = too_many_faults {
            let reason = say!(
                "filtered: it schedules more than {most} faults",
                "filtered: 它安排的故障多于 {most} 个",
                most = most
            );
            return Some(skipped(case, reason));
        }
        if self.is_out_of_time() {
            let reason = say!(
                "filtered: --max-time was over before it began",
                "filtered: 还没轮到它，--max-time 就到了"
            );
            return Some(skipped(case, reason));
        }
        if let Some(gone) = &self.store_gone {
            let reason = say!(
                "{reason}: {gone}",
                "{reason}：{gone}",
                reason = exit::REASON_BASELINE,
                gone = gone.to_string()
            );
            return Some(hopeless(case, reason));
        }
        let reason = say!(
            "unsettled: the backend answers no login any more since an earlier case hung; run this case alone",
            "unsettled: 前面的用例让后端挂起之后，后端不再响应任何登录；请单独运行此用例"
        );
        (self.silent_cases >= PATIENCE_CASES).then(|| hopeless(case, reason))
    }

    /// Runs orders of a case until so many of its list are over.
    async fn go_on(&mut self, open: &mut Open, until: usize, listener: &mut Listener<'_>) {
        let began = Instant::now();
        self.looks.begin();
        let Open {
            case,
            listing,
            tally,
            at,
            ..
        } = open;
        self.explore(case, listing, (at, until), tally, listener)
            .await;
        open.took += began.elapsed();
    }

    /// Ends a case of which no further order is run.
    async fn end(&mut self, open: Open, listener: &mut Listener<'_>) -> CaseResult {
        let began = Instant::now();
        let Open {
            case,
            notes,
            listing,
            mut tally,
            took,
            ..
        } = open;
        self.follow_up(&case, &listing, &mut tally, listener).await;
        notes.into_iter().for_each(|note| tally.note(note));
        let spoilt = spoils(&case, &tally);
        self.revive(&mut tally, spoilt).await;
        if self.waits_told {
            tally.waits_are_told();
        }
        self.waits_told |= tally.knows_locks();
        let declared = self.adapter().features.serialises_logins;
        let took = took + began.elapsed();
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let result = tally.result(&case, Some(&listing), declared, took_ms);
        listener(RunEvent::CaseFinished(Box::new(result.clone())));
        result
    }
}

/// Whether a case has left the backend unfit for others: one that never lets go of a dead access_token would fail every later
/// phone code for it.
fn spoils(case: &Case, tally: &Tally) -> bool {
    case.touches_tokens() && tally.has_failed()
}
