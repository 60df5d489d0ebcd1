//! What a run found, one finding a cause: many orders of many cases break a rule in one way, and a reader wants to hear of
//! it once. Pure: made from the events of a run, so that a transcript gives the same findings later.
//!
//! A cause is a rule, the mechanism by which it was broken, the operation and how that was answered. What follows from a
//! cause in the same order is told with it. Knows nothing of how a mechanism is established; the judge names it.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::RunView;
use wxmock_judge::{impact_at, rule, rules};
use wxmock_model::event::CaseResult;
use wxmock_model::exploration::{Evidence, Forced};
use wxmock_model::history::{History, Outcome, Phase};
use wxmock_model::lang::Say;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::order::Order;
use wxmock_model::say;
use wxmock_model::verdict::{Impact, Level, Violation};

/// One cause, and where it was seen.
#[derive(Debug, Clone)]
pub struct Finding<'a> {
    /// Stable over runs: `KEY-04/late-reply-overwrites/userinfo/invalid`.
    pub id: String,
    /// The rule that is broken.
    pub rule: &'a str,
    /// How the backend came to break it.
    pub mechanism: Mechanism,
    /// The operation it is about, if it is about one.
    pub op: Option<&'a str>,
    /// How that operation was answered.
    pub outcome: Option<Outcome>,
    /// The worst level it was seen at.
    pub level: Level,
    /// The worst it cost at that level.
    pub impact: Impact,
    /// Rules that were broken by the same cause in the same orders, in the order of the rule table.
    pub symptoms: Vec<&'a str>,
    /// The cases that show it, in the order they ran.
    pub cases: Vec<Showing<'a>>,
    /// What shows it best: the shortest race, with the fewest phones.
    pub best: Sighting<'a>,
}

/// One case that shows a finding.
#[derive(Debug, Clone, Copy)]
pub struct Showing<'a> {
    /// The case.
    pub case: &'a CaseResult,
    /// In how many of its orders; 0 where the transcript does not say.
    pub orders: usize,
}

/// One order in which something was broken.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// What was broken.
    pub violation: &'a Violation,
    /// The case; `None` for what was seen before the first one.
    pub case: Option<&'a CaseResult>,
    /// The order's replay token, if it can be played again.
    pub token: Option<&'a str>,
    /// What happened, if it was kept.
    pub history: Option<&'a History>,
    /// What else is known of the order, if it is the one its case shows.
    pub evidence: Option<&'a Evidence>,
    /// How many steps were forced.
    steps: usize,
}

impl Sighting<'_> {
    /// How much there is to read: the steps of the race; without one, whatever happened before the probes.
    fn length(&self) -> usize {
        let read = |history: &History| {
            let steps = history.steps.iter();
            steps.filter(|step| step.phase != Phase::Probe).count()
        };
        match (self.steps, self.history) {
            (0, Some(history)) => read(history),
            (steps, _) => steps,
        }
    }
}

/// What makes two violations one finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Cause<'a> {
    rule: &'a str,
    mechanism: Mechanism,
    op: Option<&'a str>,
    outcome: Option<Outcome>,
}

impl<'a> Cause<'a> {
    fn of(violation: &'a Violation) -> Self {
        Self {
            rule: &violation.rule,
            mechanism: violation.mechanism,
            op: violation.op.as_deref(),
            outcome: violation.outcome,
        }
    }

    fn id(&self) -> String {
        let mut parts = vec![self.rule.to_owned(), self.mechanism.id().to_owned()];
        parts.extend(self.op.map(str::to_owned));
        parts.extend(self.outcome.as_ref().map(name_of));
        parts.join("/")
    }
}

impl Finding<'_> {
    /// One line: what the backend does, if that is established; else what the rule demands.
    #[must_use]
    pub fn title(&self) -> Say {
        let mechanism = self.mechanism.info();
        let titles = mechanism.map(|info| (info.title, info.title_zh));
        let titles = titles.or_else(|| rule(self.rule).map(|rule| (rule.title, rule.title_zh)));
        titles.map_or_else(|| Say::same(self.rule), |(en, zh)| Say::fixed(en, zh))
    }

    /// `userinfo → server_error`, or nothing if it is about no single operation.
    #[must_use]
    pub fn place(&self) -> String {
        match (self.op, &self.outcome) {
            (Some(op), Some(outcome)) => format!("{op} → {}", name_of(outcome)),
            (Some(op), None) => op.to_owned(),
            (None, _) => String::new(),
        }
    }

    /// "31 cases, 112 orders".
    #[must_use]
    pub fn extent(&self) -> Say {
        let orders: usize = self.cases.iter().map(|showing| showing.orders).sum();
        let cases = match self.cases.len() {
            0 => return say!("before the first case", "第一个用例之前"),
            1 => say!("1 case", "1 个用例"),
            n => say!("{n} cases", "{n} 个用例", n = n),
        };
        match orders {
            0 => cases,
            1 => say!("{cases}, 1 order", "{cases}，1 种顺序", cases = cases),
            n => say!(
                "{cases}, {n} orders",
                "{cases}，{n} 种顺序",
                cases = cases,
                n = n
            ),
        }
    }

    /// Aliases of the cases that show it, each once, in the order they ran.
    #[must_use]
    pub fn aliases(&self) -> Vec<&str> {
        let mut aliases: Vec<&str> = Vec::new();
        for showing in &self.cases {
            if !aliases.contains(&showing.case.alias.as_str()) {
                aliases.push(&showing.case.alias);
            }
        }
        aliases
    }
}

/// The findings of a run, worst first: by level, then by what it costs, then by how many cases show it, causes before symptoms.
#[must_use]
pub fn findings<'a>(run: &RunView<'a>) -> Vec<Finding<'a>> {
    let mut gathered = Gathered::default();
    // What proving the harness's own senses showed, before any case: no order shows it again.
    let before = |violation| Sighting {
        violation,
        case: None,
        token: None,
        history: None,
        evidence: None,
        steps: usize::MAX,
    };
    for violation in run.security {
        gathered.take_order(std::slice::from_ref(violation), &before, 0);
    }
    for case in &run.cases {
        gathered.take_case(run, case);
    }
    gathered.finish()
}

/// Everything one case broke in any of its orders, each kind once, with its shortest order and how many orders show it: a
/// rule that is broken in every order does not hide one that is broken in few.
#[must_use]
pub fn broken_in<'a>(run: &RunView<'a>, case: &'a CaseResult) -> Vec<(Sighting<'a>, usize)> {
    let mut broken: Vec<(Cause<'a>, Sighting<'a>, usize)> = Vec::new();
    each_order(run, case, &mut |violations, sighting, counts| {
        for (at, violation) in violations.iter().enumerate() {
            let cause = Cause::of(violation);
            let counted = violations[..at]
                .iter()
                .any(|other| Cause::of(other) == cause);
            let counts = if counted { 0 } else { counts };
            let sighting = sighting(violation);
            match broken.iter_mut().find(|(known, ..)| *known == cause) {
                Some((_, known, orders)) => {
                    *orders += counts;
                    if sighting.steps < known.steps {
                        *known = sighting;
                    }
                }
                None => broken.push((cause, sighting, counts)),
            }
        }
    });
    broken.sort_by_key(|(cause, sighting, _)| {
        let violation = sighting.violation;
        (violation.level, impact_of(violation), place(cause.rule))
    });
    let told = broken.into_iter();
    told.map(|(_, sighting, orders)| (sighting, orders))
        .collect()
}

type EachOrder<'e, 'a> =
    dyn FnMut(&'a [Violation], &dyn Fn(&'a Violation) -> Sighting<'a>, usize) + 'e;

/// Shows every order of a case that broke something, each with how much it counts: the order a case shows may be a smaller
/// one made of those in the transcript, and then it is none of them; in an old transcript it may be the only one.
fn each_order<'a>(run: &RunView<'a>, case: &'a CaseResult, take: &mut EachOrder<'_, 'a>) {
    let orders = run.progress.get(case.path.as_str());
    let orders = orders.map_or(&[][..], |progress| progress.orders.as_slice());
    for order in orders {
        let sighting = |violation| Sighting {
            violation,
            case: Some(case),
            token: Some(order.token),
            history: order.history,
            evidence: None,
            steps: steps_of(order.order),
        };
        take(order.violations, &sighting, 1);
    }
    let order = case.token.as_deref().and_then(order_of);
    let steps = order.map_or(usize::MAX, steps_of);
    let shown = |violation| Sighting {
        violation,
        case: Some(case),
        token: case.token.as_deref(),
        history: case.history.as_deref(),
        evidence: Some(&case.evidence),
        steps,
    };
    take(&case.violations, &shown, 0);
}

/// What has been seen so far, by cause, in the order of first sight.
#[derive(Default)]
struct Gathered<'a> {
    seen: Vec<(Cause<'a>, Seen<'a>)>,
    /// Symptoms that were once seen beside a cause of the same established mechanism.
    follows: HashMap<Cause<'a>, Cause<'a>>,
}

#[derive(Default)]
struct Seen<'a> {
    sightings: Vec<Sighting<'a>>,
    cases: Vec<Showing<'a>>,
    symptoms: Vec<&'a str>,
}

impl<'a> Gathered<'a> {
    fn take_case(&mut self, run: &RunView<'a>, case: &'a CaseResult) {
        each_order(run, case, &mut |violations, sighting, counts| {
            self.take_order(violations, sighting, counts);
        });
    }

    /// Takes in one order; `counts` is 0 for an order that was counted already.
    fn take_order(
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

    fn finish(mut self) -> Vec<Finding<'a>> {
        let mut at = 0;
        while at < self.seen.len() {
            let cause = self.seen[at].0;
            let head = self.follows.get(&cause).copied();
            match head.filter(|head| place(head.rule) < place(cause.rule)) {
                Some(head) => {
                    let (_, symptom) = self.seen.remove(at);
                    let seen = self.entry(head);
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
        let mut findings: Vec<Finding<'a>> = self
            .seen
            .into_iter()
            .filter_map(|(cause, seen)| seen.finding(cause))
            .collect();
        findings.sort_by(|a, b| {
            let key = |finding: &Finding<'_>| {
                let cases = Reverse(finding.cases.len());
                (finding.level, finding.impact, cases, place(finding.rule))
            };
            key(a)
                .cmp(&key(b))
                .then_with(|| place(a.rule).cmp(&place(b.rule)))
                .then_with(|| a.id.cmp(&b.id))
        });
        findings
    }
}

impl<'a> Gathered<'a> {
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
}

impl<'a> Gathered<'a> {
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
        let mut alike = self.seen.iter().filter(|(other, seen)| {
            (is_alike(other) || heads.contains(other)) && seen.worst() <= open.worst()
        });
        match (alike.next(), alike.next()) {
            (Some((only, _)), None) => Some(*only),
            _ => None,
        }
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
                (sighting.history.is_none(), forced, length)
            })
            .copied()?;
        self.symptoms.sort_by_key(|rule| place(rule));
        self.symptoms.dedup();
        Some(Finding {
            id: cause.id(),
            rule: cause.rule,
            mechanism: cause.mechanism,
            op: cause.op,
            outcome: cause.outcome,
            level,
            impact,
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

pub(crate) fn impact_of(violation: &Violation) -> Impact {
    let of_rule = || rule(&violation.rule).map(|rule| impact_at(rule, violation.level));
    violation.impact.or_else(of_rule).unwrap_or(Impact::Cost)
}

/// Position in the rule table, causes before symptoms.
fn place(id: &str) -> usize {
    let at = rules().iter().position(|rule| rule.id == id);
    at.unwrap_or(usize::MAX)
}

/// The order in a replay token: `wxs1:PATH@SEED:ORDER:CHECK`.
fn order_of(token: &str) -> Option<&str> {
    let (_, rest) = token.rsplit_once('@')?;
    rest.split(':').nth(1)
}

/// How many steps an order forces; more than any for a free run, and for a text that is no order.
fn steps_of(order: &str) -> usize {
    let forced = order.parse::<Order>().ok().filter(|order| !order.is_free());
    forced.map_or(usize::MAX, |order| order.steps().count())
}

/// The name a fact has in transcripts.
pub(crate) fn name_of(fact: &impl serde::Serialize) -> String {
    match serde_json::to_value(fact) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use wxmock_model::event::RunEvent;

    fn violation(rule: &str, op: &str, outcome: Outcome) -> Violation {
        Violation {
            rule: rule.into(),
            op: Some(op.into()),
            outcome: Some(outcome),
            sentence: format!("{rule} of {op}"),
            ..Violation::default()
        }
    }

    /// A run with one case, whose orders broke what is said.
    fn run(orders: &[(&str, Vec<Violation>)]) -> Vec<RunEvent> {
        let mut case = sample::failing("CL-1", "a/b/n:2", sample::two_phones());
        case.violations.clear();
        case.token = None;
        let mut events: Vec<RunEvent> = orders
            .iter()
            .enumerate()
            .map(|(at, (order, violations))| RunEvent::OrderFinished {
                path: case.path.clone(),
                order: (*order).into(),
                index: at + 1,
                of: orders.len(),
                token: format!("wxs1:a/b/n:2@7:{order}:0000"),
                violations: violations.clone(),
                ending: Default::default(),
                history: Some(Box::new(sample::two_phones())),
            })
            .collect();
        events.push(RunEvent::CaseFinished(Box::new(case)));
        events
    }

    fn ids(events: &[RunEvent]) -> Vec<String> {
        let found = findings(&RunView::of(events));
        found.into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn a_symptom_is_told_with_its_cause_and_alone_where_it_stands_alone() {
        let lost = violation("KEY-04", "userinfo", Outcome::ServerError);
        let shown = violation("KEY-02", "userinfo", Outcome::ServerError);
        let both = run(&[("S1.K1.R1", vec![lost.clone(), shown.clone()])]);
        let found = findings(&RunView::of(&both));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, "KEY-04/open/userinfo/server_error");
        assert_eq!(found[0].symptoms, ["KEY-02"]);
        assert_eq!(found[0].extent().en, "1 case, 1 order");
        assert_eq!(found[0].place(), "userinfo → server_error");
        let apart = run(&[
            ("S1.K1.R1", vec![lost, shown.clone()]),
            ("S2.K2.R2", vec![shown]),
        ]);
        assert_eq!(
            ids(&apart),
            [
                "KEY-04/open/userinfo/server_error",
                "KEY-02/open/userinfo/server_error"
            ]
        );
    }

    #[test]
    fn other_answers_and_other_rules_are_other_findings() {
        let events = run(&[(
            "S1.K1.R1",
            vec![
                violation("KEY-02", "userinfo", Outcome::ServerError),
                violation("KEY-02", "userinfo", Outcome::Invalid),
                violation("TOK-03", "userinfo", Outcome::Invalid),
            ],
        )]);
        // Security before a person who is locked out.
        assert_eq!(
            ids(&events),
            [
                "TOK-03/open/userinfo/invalid",
                "KEY-02/open/userinfo/invalid",
                "KEY-02/open/userinfo/server_error"
            ]
        );
    }

    #[test]
    fn the_shortest_race_is_shown() {
        let lost = || vec![violation("KEY-04", "userinfo", Outcome::ServerError)];
        let events = run(&[
            ("S1.S2.S3.K1.K2.K3.R3.R2.R1", lost()),
            ("S1.S2.K1.K2.R2.R1", lost()),
            ("S1.S2.K2.K1.R1.R2", lost()),
        ]);
        let found = findings(&RunView::of(&events));
        assert_eq!(
            found[0].best.token,
            Some("wxs1:a/b/n:2@7:S1.S2.K1.K2.R2.R1:0000")
        );
        assert_eq!(found[0].cases[0].orders, 3);
    }

    #[test]
    fn a_short_race_says_more_than_a_long_preparation_without_one() {
        let lost = || vec![violation("KEY-04", "userinfo", Outcome::ServerError)];
        let events = run(&[("-", lost()), ("S1.S2.K1.K2.R2.R1", lost())]);
        let found = findings(&RunView::of(&events));
        assert_eq!(
            found[0].best.token,
            Some("wxs1:a/b/n:2@7:S1.S2.K1.K2.R2.R1:0000")
        );
    }

    #[test]
    fn must_comes_before_should_and_what_only_describes_is_none() {
        let mut mild = violation("KEY-04", "userinfo", Outcome::Relogin);
        mild.level = Level::Should;
        let hard = violation("KEY-02", "userinfo", Outcome::ServerError);
        let mut events = run(&[("S1.K1.R1", vec![mild.clone()]), ("S2.K2.R2", vec![hard])]);
        assert_eq!(
            ids(&events),
            [
                "KEY-02/open/userinfo/server_error",
                "KEY-04/open/userinfo/relogin"
            ]
        );
        if let Some(RunEvent::CaseFinished(case)) = events.last_mut() {
            case.level = Level::Info;
        }
        assert_eq!(ids(&events), ["KEY-02/open/userinfo/server_error"]);
    }

    #[test]
    fn a_case_without_orders_in_the_transcript_is_known_by_what_it_shows() {
        let events = sample::run();
        let found = findings(&RunView::of(&events));
        assert_eq!(
            found.iter().map(|one| &*one.id).collect::<Vec<_>>(),
            [
                "KEY-04/late-reply-overwrites/userinfo/server_error",
                "KEY-02/unhelpful-refusal/userinfo/server_error",
                "KEY-04/late-reply-overwrites/userinfo/relogin"
            ]
        );
        assert_eq!(found[0].aliases(), ["CL-1"]);
        assert_eq!(found[0].extent().en, "1 case");
        assert!(found[0].best.history.is_some() && found[0].best.token.is_some());
    }

    #[test]
    fn what_one_order_leaves_open_another_may_settle() {
        let open = violation("KEY-04", "userinfo", Outcome::ServerError);
        let by = |mechanism| Violation {
            mechanism,
            ..open.clone()
        };
        let late = by(Mechanism::LateReplyOverwrites);
        let mut orders = vec![
            ("S1.S2.K1.K2.R2.R1", vec![open.clone()]),
            ("S1.S2.K2.K1.R1.R2", vec![late]),
        ];
        let events = run(&orders);
        let found = findings(&RunView::of(&events));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].mechanism, Mechanism::LateReplyOverwrites);
        assert_eq!(found[0].cases[0].orders, 2);
        // Two that were established leave the third open.
        let first = by(Mechanism::RequestOrder);
        orders.push(("S2.S1.K2.K1.R1.R2", vec![first]));
        assert_eq!(ids(&run(&orders)).len(), 3);
    }

    #[test]
    fn what_is_left_open_may_follow_from_an_established_cause_of_another_rule() {
        let opened = |mechanism| Violation {
            mechanism,
            ..violation("KEY-01", "userinfo", Outcome::Ok)
        };
        let lost = |mechanism, level| Violation {
            mechanism,
            level,
            ..violation("KEY-04", "userinfo", Outcome::Relogin)
        };
        let slot = Mechanism::OneKeyForEverybody;
        let late = Mechanism::LateReplyOverwrites;
        let mut orders = vec![
            ("S1.K1.R1", vec![opened(slot), lost(slot, Level::Must)]),
            ("S1.S2.K1.K2", vec![lost(Mechanism::Open, Level::Must)]),
            // What is only a SHOULD settles nothing that is a MUST.
            ("S2.S1.K2.K1", vec![lost(late, Level::Should)]),
        ];
        let told = [
            "KEY-01/one-key-for-everybody/userinfo/ok",
            "KEY-04/late-reply-overwrites/userinfo/relogin",
        ];
        assert_eq!(ids(&run(&orders)), told);
        orders.push(("S2.K2.R2", vec![lost(late, Level::Must)]));
        assert_eq!(ids(&run(&orders)).len(), 3);
    }

    #[test]
    fn a_noisy_rule_does_not_hide_a_race_from_its_case() {
        let noise = violation("TOK-01", "login", Outcome::Ok);
        let lost = violation("KEY-04", "userinfo", Outcome::ServerError);
        let events = run(&[
            ("S1.K1.R1", vec![noise.clone()]),
            ("S1.S2.K1.K2.R2.R1", vec![noise.clone(), lost]),
            ("S1.K1.R1.S2.K2.R2", vec![noise]),
        ]);
        let view = RunView::of(&events);
        let broken = broken_in(&view, view.cases[0]);
        let told: Vec<(&str, usize)> = broken
            .iter()
            .map(|(sighting, orders)| (&*sighting.violation.rule, *orders))
            .collect();
        assert_eq!(told, [("TOK-01", 3), ("KEY-04", 1)]);
        assert_eq!(
            broken[1].0.token,
            Some("wxs1:a/b/n:2@7:S1.S2.K1.K2.R2.R1:0000")
        );
    }

    #[test]
    fn the_order_stands_in_the_token() {
        assert_eq!(
            order_of("wxs1:a/b/rotation:exchange/n:2@7:S1.K1.-busy:7f3a"),
            Some("S1.K1.-busy")
        );
        assert_eq!(steps_of("S1.S2.K1+K2.-busy"), 4);
        assert_eq!(steps_of("free"), usize::MAX);
    }
}
