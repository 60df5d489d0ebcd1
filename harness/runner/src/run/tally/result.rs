//! The verdict of a case, and the order it is shown by.

use super::Tally;
use crate::run::store;
use wxmock_adapter::Serialises;
use wxmock_model::event::{CaseResult, NoteKind};
use wxmock_model::exploration::Evidence;
use wxmock_model::history::History;
use wxmock_model::lang::Say;
use wxmock_model::say;
use wxmock_model::verdict::{Level, Verdict, Violation};
use wxmock_scenario::plan::Case;
use wxmock_schedule::Listing;

/// What a case is shown by.
#[derive(Default)]
struct Shown {
    token: Option<String>,
    violations: Vec<Violation>,
    history: Option<History>,
    evidence: Evidence,
}

impl Tally {
    /// The result; `listing` is what was to be run, `declared` what the adapter says of logins that wait for each other.
    /// Long because it fills in one record of many fields.
    pub(crate) fn result(
        mut self,
        case: &Case,
        listing: Option<&Listing>,
        declared: Option<Serialises>,
        took_ms: u64,
    ) -> CaseResult {
        let exploration = listing
            .map(|listing| self.exploration(listing))
            .unwrap_or_default();
        let obligations = case.program.obligations.iter().cloned();
        let (met, missing): (Vec<String>, Vec<String>) =
            obligations.partition(|name| self.met.contains(name));
        let contradiction = self.contradiction(declared);
        let notes = self.learned(case, listing, contradiction.as_ref());
        let (verdict, reason_zh) = match self.verdict(case, &missing, declared) {
            (Verdict::Pass, none) if contradiction.is_some() => (Verdict::Warn, none),
            verdict => verdict,
        };
        let (note_kinds, notes): (Vec<NoteKind>, Vec<Say>) = notes.into_iter().unzip();
        let (notes, notes_zh) = notes.into_iter().map(|note| (note.en, note.zh)).unzip();
        let shown = matches!(
            verdict,
            Verdict::Inconclusive { .. } | Verdict::Error { .. }
        );
        let rules = std::mem::take(&mut self.rules).into_iter().collect();
        let orders_run = self.orders_run + self.beside + self.preempted;
        let (orders_failed, infeasible) = (self.orders_failed, self.infeasible);
        let shown = self.order_to_show(shown);
        CaseResult {
            path: case.path.clone(),
            id: case.scenario.id.clone(),
            alias: case.scenario.alias.clone(),
            title: case.scenario.title.clone(),
            title_zh: case.scenario.title_zh.clone(),
            level: case.scenario.level,
            impact: case.scenario.impact,
            control: case.scenario.control,
            axes: case.axes.clone(),
            verdict,
            reason_zh,
            rules,
            orders_run,
            orders_failed,
            infeasible,
            obligations_met: met,
            obligations_missing: missing,
            token: shown.token,
            violations: shown.violations,
            history: shown.history.map(|mut history| {
                history.unfold_traffic();
                Box::new(history)
            }),
            notes,
            notes_zh,
            note_kinds,
            exploration,
            evidence: shown.evidence,
            took_ms,
        }
    }

    /// The first failing order with all that is known of it; else, if one `is_told`, the history that tells why nothing is proved.
    fn order_to_show(self, is_told: bool) -> Shown {
        let found = self.found.filter(|(at, _)| *at == self.first_failing_at);
        let rate = self.rates.get(&self.first_failing_at).copied();
        let rate = rate.or_else(|| found.map(|(_, rate)| rate));
        let Some(first) = self.first_failing else {
            let doubtful = self.doubt.map(|(_, history)| history);
            let telling = if self.error.is_some() || self.interrupted {
                self.last
            } else {
                doubtful.or(self.last)
            };
            return Shown {
                history: telling.filter(|_| is_told),
                ..Shown::default()
            };
        };
        let mut evidence = first.evidence;
        let store = store::contents(&first.history).into_iter();
        (evidence.store, evidence.store_zh) = store.map(|line| (line.en, line.zh)).unzip();
        evidence.rate = evidence.rate.or(rate);
        evidence.forced = first.history.forced.clone();
        Shown {
            token: Some(first.token),
            violations: first.violations,
            history: Some(first.history),
            evidence,
        }
    }

    /// The verdict, and its reason in Chinese where there is one.
    fn verdict(
        &self,
        case: &Case,
        missing: &[String],
        declared: Option<Serialises>,
    ) -> (Verdict, String) {
        let serialises = matches!(declared, Some(Serialises::PerUser | Serialises::Global));
        let worst = self.worst.map(|(level, ..)| level);
        if worst == Some(Level::Must) {
            return (Verdict::Fail, String::new());
        }
        if let Some(reason) = &self.error {
            let reason = reason.clone();
            return (Verdict::Error { reason }, String::new());
        }
        if self.doubt.is_none() && !self.interrupted && self.never_together(missing) {
            let Say { en, zh } = say!(
                "not-applicable: while one login of a person is under way the next is told to try later, so that no two are ever under way",
                "not-applicable: 同一用户的一次登录还没完成时，下一次会被要求稍后再试，不会有两次登录同时进行"
            );
            return (Verdict::Skip { reason: en }, zh);
        }
        if let Some(Say { en, zh }) = self.proves_nothing(missing, serialises) {
            return (Verdict::Inconclusive { reason: en }, zh);
        }
        let verdict = match (worst, case.scenario.level) {
            (_, Level::Info) => Verdict::Info,
            (Some(Level::Should), _) => Verdict::Warn,
            _ => Verdict::Pass,
        };
        (verdict, String::new())
    }

    /// Whether the case is about two logins of one person under way at once, and the backend turned the second one away,
    /// retryable, in every order that sent both.
    fn never_together(&self, missing: &[String]) -> bool {
        let wanted = missing
            .iter()
            .any(|name| name == "two-logins-held-together");
        wanted && self.turned_away > 0 && self.both_taken == 0
    }

    /// Why the orders of this case prove nothing; `None` if they do prove something.
    fn proves_nothing(&self, missing: &[String], serialises: bool) -> Option<Say> {
        if self.interrupted {
            return Some(say!(
                "interrupted: the run was cut short",
                "interrupted: 运行中途被打断"
            ));
        }
        if let Some((reason, _)) = &self.doubt {
            return Some(reason.clone());
        }
        let locked_out = self.infeasible > 0 && (self.orders_run == 0 || !missing.is_empty());
        if locked_out && !serialises {
            let wait = match self.waits.first() {
                Some(wait) => wait.clone(),
                None => say!("a lock of the backend", "后端有锁"),
            };
            return Some(say!(
                "serialised: {wait}, so that no racing order can happen; declare serialises_logins if it is meant",
                "serialised: {wait}，并发的顺序因此都不可能发生；如果这是有意的设计，请在 adapter 里声明 serialises_logins",
                wait = wait
            ));
        }
        let unmet = !missing.is_empty() && !locked_out;
        if unmet && self.out_of_time {
            return Some(say!(
                "unfinished: --max-time was over before an order met {missing}; those that were played held",
                "unfinished: --max-time 到了，还没跑到出现 {missing} 的顺序；跑过的都成立",
                missing = Say::join(missing, &say!(", ", "、"))
            ));
        }
        unmet.then(|| {
            say!(
                "vacuous: no order met {missing}",
                "vacuous: 没有一种顺序出现过 {missing}",
                missing = Say::join(missing, &say!(", ", "、"))
            )
        })
    }
}

/// A case that is not run, and why.
pub(crate) fn skipped(case: &Case, reason: Say) -> CaseResult {
    not_run(case, Verdict::Skip { reason: reason.en }, reason.zh)
}

/// A case of which no order was played because that would prove nothing, and why.
pub(crate) fn hopeless(case: &Case, reason: Say) -> CaseResult {
    not_run(case, Verdict::Inconclusive { reason: reason.en }, reason.zh)
}

fn not_run(case: &Case, verdict: Verdict, reason_zh: String) -> CaseResult {
    CaseResult {
        verdict,
        reason_zh,
        obligations_missing: Vec::new(),
        ..Tally::default().result(case, None, None, 0)
    }
}
