//! The causes of a run, gathered order by order: what follows from a cause in the same order is told with it, and what some
//! orders leave open others may settle.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::consequences;
use super::finding::{Cause, Finding, Showing, Sighting, impact_of, place};
use super::orders::each_order;
use crate::run_view::RunView;
use wxmock_model::event::CaseResult;
use wxmock_model::exploration::Forced;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::verdict::{Impact, Level, Violation};

/// What has been seen so far, by cause, in the order of first sight.
#[derive(Default)]
pub(super) struct Gathered<'a> {
    seen: Vec<(Cause<'a>, Seen<'a>)>,
    /// Symptoms that were once seen beside a cause of the same established mechanism.
    follows: HashMap<Cause<'a>, Cause<'a>>,
}

#[derive(Default)]
struct Seen<'a> {
    sightings: Vec<Sighting<'a>>,
    cases: Vec<Showing<'a>>,
    symptoms: Vec<&'a str>,
    /// The worst of what follows from it in other orders.
    brings: Option<(Level, Impact)>,
}

impl<'a> Gathered<'a> {
    pub(super) fn take_case(&mut self, run: &RunView<'a>, case: &'a CaseResult) {
        each_order(run, case, &mut |violations, sighting, counts| {
            self.take_order(violations, sighting, counts);
        });
    }

    /// Takes in one order; `counts` is 0 for an order that was counted already.
    pub(super) fn take_order(
        &mut self,
        violations: &'a [Violation],
        sighting: &dyn Fn(&'a Violation) -> Sighting<'a>,
        counts: usize,
    ) {
        let heads = causes_first(violations);
        for (violation, head) in &heads {
            let cause = Cause::of(head);
            if std::ptr::eq(*violation, *head) {
                self.see(cause, sighting(violation), counts);
                continue;
            }
            let seen = self.entry(cause);
            if violation.rule != cause.rule && !seen.symptoms.contains(&violation.rule.as_str()) {
                seen.symptoms.push(&violation.rule);
            }
            if cause.mechanism != Mechanism::Open {
                self.follows.entry(Cause::of(violation)).or_insert(cause);
            }
        }
    }

    fn entry(&mut self, cause: Cause<'a>) -> &mut Seen<'a> {
        let at = self.seen.iter().position(|(known, _)| *known == cause);
        let at = at.unwrap_or_else(|| {
            self.seen.push((cause, Seen::default()));
            self.seen.len() - 1
        });
        &mut self.seen[at].1
    }

    fn see(&mut self, cause: Cause<'a>, sighting: Sighting<'a>, counts: usize) {
        let seen = self.entry(cause);
        if let Some(case) = sighting.case {
            seen.show(Showing {
                case,
                orders: counts,
            });
        }
        seen.sightings.push(sighting);
    }

    pub(super) fn finish(mut self) -> Vec<Finding<'a>> {
        let mut at = 0;
        while at < self.seen.len() {
            let cause = self.seen[at].0;
            let head = self.follows.get(&cause).copied();
            match head.filter(|head| place(head.rule) < place(cause.rule)) {
                Some(head) => {
                    let (_, symptom) = self.seen.remove(at);
                    let seen = self.entry(head);
                    seen.brings = seen.brings.into_iter().chain(symptom.worst()).min();
                    seen.symptoms.push(cause.rule);
                    seen.symptoms.extend(symptom.symptoms);
                    for showing in symptom.cases {
                        seen.show(showing);
                    }
                }
                None => at += 1,
            }
        }
        self.settle_open();
        self.fold_consequences();
        // What was left between two causes may have one of them left now.
        self.settle_open();
        let mut findings: Vec<Finding<'a>> = self
            .seen
            .into_iter()
            .filter_map(|(cause, seen)| seen.finding(cause))
            .collect();
        findings.sort_by(|a, b| {
            let key = |finding: &Finding<'_>| {
                let cases = Reverse(finding.cases.len());
                let faulty = finding.best.needs_a_fault();
                (
                    finding.level,
                    finding.impact,
                    faulty,
                    cases,
                    place(finding.rule),
                )
            };
            key(a)
                .cmp(&key(b))
                .then_with(|| place(a.rule).cmp(&place(b.rule)))
                .then_with(|| a.id.cmp(&b.id))
        });
        findings
    }

    /// Where one order leaves the mechanism open and others establish it, and only one, it is theirs, be it as what follows
    /// from another cause. A cause that costs more than theirs stays by itself.
    fn settle_open(&mut self) {
        let mut at = 0;
        while at < self.seen.len() {
            match self.established_for(&self.seen[at]) {
                Some(other) => {
                    let (cause, open) = self.seen.remove(at);
                    let seen = self.entry(other);
                    seen.symptoms.extend(open.symptoms);
                    if cause.rule != other.rule {
                        seen.symptoms.push(cause.rule);
                    }
                    for showing in open.cases {
                        seen.show(showing);
                    }
                }
                None => at += 1,
            }
        }
    }

    /// The only established cause that shows, in some order, as an open one shows in others.
    fn established_for(&self, (cause, open): &(Cause<'a>, Seen<'a>)) -> Option<Cause<'a>> {
        let is_alike = |other: &Cause<'_>| {
            let mechanism = Mechanism::Open;
            other.mechanism != mechanism
                && Cause {
                    mechanism,
                    ..*other
                } == *cause
        };
        let followed = self.follows.iter().filter(|(other, _)| is_alike(other));
        let heads: HashSet<Cause<'_>> = followed.map(|(_, head)| *head).collect();
        // What lies in one payload or one request says nothing of another case's.
        let may_reach = |other: &Cause<'_>, seen: &Seen<'_>| {
            !consequences::is_of_its_request(other.mechanism)
                || open.cases.iter().all(|showing| {
                    let mut cases = seen.cases.iter();
                    cases.any(|known| std::ptr::eq(known.case, showing.case))
                })
        };
        let mut alike = self.seen.iter().filter(|(other, seen)| {
            (is_alike(other) || heads.contains(other))
                && seen.worst() <= open.worst()
                && may_reach(other, seen)
        });
        match (alike.next(), alike.next()) {
            (Some((only, _)), None) => Some(*only),
            _ => None,
        }
    }

    /// Tells what follows from an established cause with it.
    fn fold_consequences(&mut self) {
        let rank = |(cause, seen): &(Cause<'a>, Seen<'a>)| (seen.worst(), place(cause.rule));
        self.seen.sort_by_key(rank);
        let mut at = 0;
        while at < self.seen.len() {
            let Some(root) = self.root_of(at) else {
                at += 1;
                continue;
            };
            let (of, consequence) = self.seen.remove(at);
            let seen = self.entry(root);
            seen.brings = seen.brings.into_iter().chain(consequence.worst()).min();
            seen.symptoms.extend(consequence.symptoms);
            if of.rule != root.rule {
                seen.symptoms.push(of.rule);
            }
            for showing in consequence.cases {
                seen.show(showing);
            }
        }
    }

    /// What one follows from; of two that follow from each other the graver one is told.
    fn root_of(&self, at: usize) -> Option<Cause<'a>> {
        let mut roots = (0..self.seen.len()).filter(|root| *root != at && self.brings(*root, at));
        let root = roots.find(|root| *root < at || !self.brings(at, *root))?;
        Some(self.seen[root].0)
    }

    /// Whether one is the cause of another; a MUST is never told with a SHOULD.
    fn brings(&self, root: usize, of: usize) -> bool {
        let ((root, cause), (of, seen)) = (&self.seen[root], &self.seen[of]);
        let level = |seen: &Seen<'_>| seen.worst().map(|(level, _)| level);
        let cases: Vec<&str> = cause.cases.iter().map(|one| &*one.case.path).collect();
        level(cause) <= level(seen) && consequences::follows((root, &cases), (of, &seen.sightings))
    }
}

impl<'a> Seen<'a> {
    /// The worst level it was seen at, and the worst it cost at that level.
    fn worst(&self) -> Option<(Level, Impact)> {
        self.sightings.iter().map(gravity).min()
    }

    fn show(&mut self, showing: Showing<'a>) {
        let known = self.cases.iter_mut();
        match known
            .into_iter()
            .find(|one| std::ptr::eq(one.case, showing.case))
        {
            Some(known) => known.orders += showing.orders,
            None => self.cases.push(showing),
        }
    }

    fn finding(mut self, cause: Cause<'a>) -> Option<Finding<'a>> {
        let (level, impact) = self.worst()?;
        if level == Level::Info {
            return None;
        }
        let best = self
            .sightings
            .iter()
            .filter(|sighting| gravity(sighting) == (level, impact))
            .min_by_key(|sighting| {
                let phones = sighting.history.map_or(0, |history| history.phones.len());
                // An order that was forced shows again what it showed; free rounds may not.
                let forced = match sighting.history.map(|history| &history.forced) {
                    None | Some(Forced::Fully) => 0,
                    Some(Forced::Partly { .. }) => 1,
                    Some(Forced::Free) => 2,
                };
                // Of one order told twice, the one its case shows: more is known of it.
                let repeated = sighting.evidence.is_none();
                let length = (sighting.length(), phones, repeated);
                let alone = sighting.violation.over_the_run;
                (sighting.history.is_none(), alone, forced, length)
            })
            .copied()?;
        let worst = self.brings.into_iter().chain([(level, impact)]).min()?;
        let brings = self.brings.filter(|brings| brings.0 == worst.0);
        self.symptoms.retain(|rule| *rule != cause.rule);
        self.symptoms.sort_by_key(|rule| place(rule));
        self.symptoms.dedup();
        Some(Finding {
            id: cause.id(),
            rule: cause.rule,
            mechanism: cause.mechanism,
            op: cause.op,
            outcome: cause.outcome,
            level: worst.0,
            impact: match brings {
                Some((_, brought)) if worst.0 == level => brought.min(impact),
                Some((_, brought)) => brought,
                None => impact,
            },
            symptoms: self.symptoms,
            cases: self.cases,
            best,
        })
    }
}

/// Every violation of one order with the one it follows from, which is itself if it follows from none.
fn causes_first(violations: &[Violation]) -> Vec<(&Violation, &Violation)> {
    let mut heads: Vec<&Violation> = Vec::new();
    let mut pairs = Vec::new();
    // Whether its case is about a rule says nothing of what the cause is.
    let mut gravest_first: Vec<&Violation> = violations.iter().collect();
    gravest_first.sort_by_key(|one| (one.level, impact_of(one), place(&one.rule)));
    for violation in gravest_first {
        let known = heads
            .iter()
            .find(|head| Cause::of(head) == Cause::of(violation) || follows_from(head, violation));
        match known {
            Some(head) => pairs.push((violation, *head)),
            None => {
                heads.push(violation);
                pairs.push((violation, violation));
            }
        }
    }
    pairs
}

/// Whether one of two violations of one order is what becomes of the other. Without a mechanism only one such pair is
/// known for sure: a lost key shows as a payload that does not open, and as a login that heals nothing.
fn follows_from(cause: &Violation, violation: &Violation) -> bool {
    cause.mechanism == violation.mechanism
        && cause.rule != violation.rule
        && (cause.mechanism != Mechanism::Open
            || cause.rule == "KEY-04" && matches!(&*violation.rule, "KEY-02" | "KEY-03"))
}

fn gravity(sighting: &Sighting<'_>) -> (Level, Impact) {
    (level_of(sighting), impact_of(sighting.violation))
}

/// A case that only describes warns of nothing, so what it shows at SHOULD is no finding.
fn level_of(sighting: &Sighting<'_>) -> Level {
    match (
        sighting.case.map(|case| case.level),
        sighting.violation.level,
    ) {
        (Some(Level::Info), Level::Should) => Level::Info,
        (_, level) => level,
    }
}
