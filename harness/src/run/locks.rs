//! Locks of the backend: which orders they make impossible, and of which kind they are. Pure, but for the probe's program.
//!
//! A lock is inferred by the player ("the login of P2 does not reach WeChat while that of P1 is held"). The probe then
//! asks the same of logins of *different* people, and what gets through says what waits for what.

use std::collections::BTreeMap;

use super::play::Lock;
use crate::history::{History, StepKind};
use crate::lang::{Say, say};
use crate::plan::Case;
use crate::scenario::{Phone, Place, Program, Step, Using, Verb};
use crate::schedule::{EventName, Order};

/// What waits for what inside the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locking {
    /// Logins of one person wait for each other; those of different people do not.
    PerUser,
    /// Every login waits for every other.
    Global,
    /// Every request waits for every other.
    SingleWorker,
    /// At most so many calls to WeChat are open at once.
    Pool(usize),
}

impl Locking {
    /// In words for people.
    pub(crate) fn words(self) -> Say {
        match self {
            Self::PerUser => say!(
                "logins of one person wait for each other",
                "同一用户的登录互相排队"
            ),
            Self::Global => say!("all logins wait for each other", "所有登录互相排队"),
            Self::SingleWorker => say!(
                "the backend does one thing at a time",
                "后端同一时间只处理一个请求"
            ),
            Self::Pool(n) => say!(
                "the backend has no more than {n} calls to WeChat open at once",
                "后端同时最多有 {n} 个对微信的调用",
                n = n
            ),
        }
    }

    /// Whether orders of different people disturb each other.
    pub(crate) const fn reaches_others(self) -> bool {
        !matches!(self, Self::PerUser)
    }
}

/// The locks seen in one case.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    pairs: Vec<Lock>,
    kind: Option<Locking>,
    /// Whose login each number is; empty where two logins share a code and may be joined instead of waiting.
    people: BTreeMap<u8, String>,
}

impl Locks {
    /// For the logins of a case.
    pub(crate) fn of(case: &Case) -> Self {
        let mut people = BTreeMap::new();
        let mut codes: Vec<&str> = Vec::new();
        for event in case
            .events()
            .iter()
            .filter(|event| event.kind == StepKind::Submit)
        {
            let step = &case.program.chains[event.chain][event.step];
            let (
                Some(phone),
                Verb::Submit { code, .. }
                | Verb::Login { code, .. }
                | Verb::SubmitProfile { code, .. },
            ) = (step.phone, &step.verb)
            else {
                continue;
            };
            if codes.contains(&code.as_str()) || event.name.repeat > 0 {
                return Self::default();
            }
            codes.push(code);
            people.insert(event.name.number, case.program.phones[phone].user.clone());
        }
        Self {
            people,
            ..Self::default()
        }
    }

    /// Whether any was seen.
    pub(crate) fn is_known(&self) -> bool {
        !self.pairs.is_empty()
    }

    /// Takes a lock into account.
    pub(crate) fn add(&mut self, lock: Lock, kind: Option<Locking>) {
        self.pairs.push(lock);
        self.kind = self.kind.or(kind);
    }

    /// What waits for what, if it is known.
    pub(crate) const fn kind(&self) -> Option<Locking> {
        self.kind
    }

    /// Whether an order needs what a lock forbids.
    pub(crate) fn forbids(&self, order: &Order) -> bool {
        self.pairs.iter().any(|lock| lock.forbids(order))
            || (self.is_known() && !self.lets_through(order))
    }

    /// Walks through an order under a lock of the known kind: who holds it, who waits. After a release with several
    /// waiting nobody knows who is next, so whoever the order commits next may be.
    fn lets_through(&self, order: &Order) -> bool {
        let shared = match self.kind {
            Some(Locking::PerUser) => false,
            Some(Locking::Global | Locking::SingleWorker) => true,
            Some(Locking::Pool(_)) | None => return true,
        };
        let mut queues: BTreeMap<&str, Queue> = BTreeMap::new();
        for EventName { kind, number, .. } in order.steps() {
            let Some(person) = self.people.get(&number) else {
                continue;
            };
            let queue = queues.entry(if shared { "" } else { person }).or_default();
            match kind {
                StepKind::Submit => queue.enter(number),
                StepKind::Commit if !queue.is_turn_of(number) => return false,
                StepKind::Reply => queue.leave(number),
                _ => {}
            }
        }
        true
    }
}

/// One lock while an order is walked through.
#[derive(Default)]
struct Queue {
    holder: Option<u8>,
    waiting: Vec<u8>,
}

impl Queue {
    fn enter(&mut self, number: u8) {
        if self.holder.is_none() && self.waiting.is_empty() {
            self.holder = Some(number);
        } else {
            self.waiting.push(number);
        }
    }

    fn is_turn_of(&mut self, number: u8) -> bool {
        if self.holder.is_none() && self.waiting.contains(&number) {
            self.take(number);
        }
        self.holder == Some(number)
    }

    fn leave(&mut self, number: u8) {
        if self.holder == Some(number) {
            self.holder = None;
            if let [only] = self.waiting[..] {
                self.take(only);
            }
        }
    }

    fn take(&mut self, number: u8) {
        self.waiting.retain(|other| *other != number);
        self.holder = Some(number);
    }
}

/// So many people log in at once in the probe: a pool of that many or more is not told from none.
const PROBED: usize = 8;

/// Logins of different people held together, and one request of somebody who logged in before, if the backend has
/// `whoami`. Every login is sent before the first is let go.
pub(crate) fn probe(asks: bool) -> (Program, Vec<EventName>) {
    let step = |phone: usize, label: &str, verb: Verb, op: Option<&'static str>| Step {
        phone: Some(phone),
        text: label.to_owned(),
        label: label.to_owned(),
        verb,
        op,
        place: Place::default(),
    };
    let mut program = Program::default();
    for n in 1..=PROBED + usize::from(asks) {
        let name = format!("P{n}");
        program.users.push(format!("U{n}"));
        program.phones.push(Phone {
            name: name.clone(),
            user: format!("U{n}"),
            device: name,
        });
        let (code, token, phone) = (format!("c{n}"), format!("t{n}"), n - 1);
        if n > PROBED {
            program.before.push(step(
                phone,
                "login",
                Verb::Login { code, token },
                Some("login"),
            ));
            program.chains.push(vec![step(
                phone,
                "whoami",
                Verb::Whoami { using: Using::Last },
                Some("whoami"),
            )]);
        } else {
            program
                .before
                .push(step(phone, "mint", Verb::Mint { code: code.clone() }, None));
            program.chains.push(vec![step(
                phone,
                "submit",
                Verb::Submit { code, token },
                Some("login"),
            )]);
        }
    }
    let event = |kind, number: usize| EventName {
        kind,
        number: u8::try_from(number).unwrap_or(u8::MAX),
        repeat: 0,
    };
    let mut order: Vec<EventName> = (1..=PROBED).map(|n| event(StepKind::Submit, n)).collect();
    order.extend(asks.then(|| event(StepKind::Send, 1)));
    order
        .extend((1..=PROBED).flat_map(|n| [event(StepKind::Commit, n), event(StepKind::Reply, n)]));
    (program, order)
}

/// What a played probe says about a lock that was inferred between logins of one person.
pub(crate) fn classify(history: &History) -> Locking {
    // The preparation has commits of its own; the race's logins are those called after the last of its answers.
    let race = |at: usize| history.operations[at].phase == crate::history::Phase::Race;
    let first_commit = history
        .upstream
        .iter()
        .filter(|call| call.operation.is_some_and(race))
        .filter_map(|call| call.committed)
        .min();
    let early = |tick| first_commit.is_none_or(|first| tick < first);
    let reached = history
        .upstream
        .iter()
        .filter(|call| call.operation.is_some_and(race) && early(call.arrived))
        .count();
    let mut questions = history
        .operations
        .iter()
        .filter(|operation| operation.op == "whoami");
    let asked_in_vain = questions.any(|operation| !operation.returned.is_some_and(early));
    match reached {
        0 | 1 if asked_in_vain => Locking::SingleWorker,
        0 | 1 => Locking::Global,
        n if n < PROBED => Locking::Pool(n),
        _ => Locking::PerUser,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Answer, Operation, Phase, Tick, UpstreamCall};
    use crate::plan::{self, Selection};
    use crate::scenario;

    fn case(n: usize) -> Case {
        let selection = Selection {
            patterns: vec![format!(
                "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:{n}"
            )],
            level: None,
        };
        plan::cases(scenario::all(), &selection).remove(0)
    }

    fn lock(waiting: &str, holder: &str) -> Lock {
        Lock {
            waiting: waiting.parse().unwrap(),
            holder: holder.parse().unwrap(),
        }
    }

    #[test]
    fn a_lock_per_person_leaves_only_orders_in_which_logins_take_turns() {
        let case = case(3);
        let mut locks = Locks::of(&case);
        let count = |locks: &Locks| {
            case.orders()
                .iter()
                .filter(|order| locks.forbids(order))
                .count()
        };
        assert_eq!(count(&locks), 0);
        locks.add(lock("S2", "S1"), None);
        let one_pair = count(&locks);
        locks.add(lock("S2", "S1"), Some(Locking::PerUser));
        let whole = count(&locks);
        assert!(one_pair < whole && whole < 57, "{one_pair} {whole}");
        let feasible: Vec<String> = case
            .orders()
            .iter()
            .filter(|order| !locks.forbids(order))
            .map(ToString::to_string)
            .collect();
        assert!(feasible.contains(&case.space().fifo().to_string()));
        assert!(
            !feasible.contains(&"S1.S2.K1.K2.R1.R2.S3.K3.R3".to_owned()),
            "{feasible:?}"
        );
    }

    #[test]
    fn a_trace_is_forbidden_only_if_its_latest_commits_are() {
        let case = case(2);
        let mut locks = Locks::of(&case);
        locks.add(lock("S2", "S1"), Some(Locking::PerUser));
        let space = case.space();
        let feasible: Vec<String> = case
            .orders()
            .iter()
            .map(|order| space.late_commits(order))
            .filter(|order| !locks.forbids(order))
            .map(|order| order.to_string())
            .collect();
        assert_eq!(feasible, ["S1.K1.R1.S2.K2.R2", "S1.S2.K1.R1.K2.R2"]);
    }

    #[test]
    fn a_pool_forbids_nothing_that_was_not_seen() {
        let case = case(2);
        let mut locks = Locks::of(&case);
        locks.add(lock("S2", "S1"), Some(Locking::Pool(2)));
        let forbidden = case
            .orders()
            .iter()
            .filter(|order| locks.forbids(order))
            .count();
        assert_eq!(forbidden, 4, "all but first-in-first-out need K2 before R1");
    }

    fn operation(op: &str, called: usize, returned: usize) -> Operation {
        Operation {
            label: op.to_owned(),
            op: op.to_owned(),
            phone: "P".to_owned(),
            user: "U".to_owned(),
            token_of: None,
            token_name: None,
            code: None,
            payload: None,
            called: tick(called),
            returned: Some(tick(returned)),
            took_ms: None,
            answer: Answer::default(),
            phase: Phase::Race,
            exchange: None,
        }
    }

    fn call(operation: usize, arrived: usize, committed: usize) -> UpstreamCall {
        UpstreamCall {
            endpoint: "jscode2session".to_owned(),
            operation: Some(operation),
            code: None,
            user: None,
            arrived: tick(arrived),
            committed: Some(tick(committed)),
            released: None,
            key_no: None,
            errcode: None,
            fault: None,
            delivered: true,
            exchange: None,
        }
    }

    fn tick(n: usize) -> Tick {
        Tick(u32::try_from(n).unwrap())
    }

    fn probed(reached: usize, answered: Option<bool>) -> History {
        let mut history = History::default();
        for n in 0..PROBED {
            history.operations.push(operation("login", n, 90));
            let arrived = if n < reached { n } else { 60 };
            history.upstream.push(call(n, arrived, 50 + n));
        }
        let at = |answered| if answered { 11 } else { 80 };
        history
            .operations
            .extend(answered.map(|answered| operation("whoami", 10, at(answered))));
        history
    }

    #[test]
    fn what_gets_through_says_what_waits_for_what() {
        for (reached, answered, expected) in [
            (PROBED, Some(true), Locking::PerUser),
            (1, Some(true), Locking::Global),
            (1, None, Locking::Global),
            (1, Some(false), Locking::SingleWorker),
            (3, Some(true), Locking::Pool(3)),
        ] {
            assert_eq!(classify(&probed(reached, answered)), expected);
        }
    }

    #[test]
    fn the_probe_holds_every_login_before_it_lets_one_go() {
        let (program, order) = probe(true);
        let events = crate::schedule::events(&program).unwrap();
        assert_eq!(events.len(), order.len());
        assert!(events.iter().all(|event| order.contains(&event.name)));
    }
}
