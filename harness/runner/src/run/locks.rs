//! Locks of the backend: which orders they make impossible, and of which kind they are. Pure, but for the probe's program.
//!
//! A lock is inferred by the player ("the login of P2 does not reach WeChat while that of P1 is held"). The probe then
//! asks the same of logins of *different* people, and what gets through says what waits for what.

use std::collections::BTreeMap;

use super::play::Lock;
pub(crate) use wxmock_model::characterisation::Locking;
use wxmock_model::history::{History, StepKind};
use wxmock_model::order::{EventName, Order};
use wxmock_model::program::{Phone, Place, Program, Step, Using, Verb};
use wxmock_scenario::plan::Case;

/// The locks seen in one case.
#[derive(Debug, Default)]
pub(crate) struct Locks {
    pairs: Vec<Lock>,
    kind: Option<Locking>,
    /// Whoever waits longest is next.
    in_turn: bool,
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

    /// Takes into account that `order` ran into a lock.
    pub(crate) fn add(&mut self, lock: Lock, kind: Option<Locking>, order: &Order) {
        // Possible if anybody might be next, and it was not: then whoever waits longest is.
        self.in_turn |= self.kind.is_some_and(|kind| self.lets_through(kind, order));
        self.pairs.push(lock);
        self.kind = self.kind.or(kind);
    }

    /// What waits for what, if it is known.
    pub(crate) const fn kind(&self) -> Option<Locking> {
        self.kind
    }

    /// Whether an order needs what a lock forbids. What is known of the kind of lock decides; without that, or where logins
    /// share a code, only what was seen of pairs does.
    pub(crate) fn forbids(&self, order: &Order) -> bool {
        match self.kind {
            Some(kind) if self.is_known() && !self.people.is_empty() => {
                !self.lets_through(kind, order)
            }
            _ => self.pairs.iter().any(|lock| lock.forbids(order)),
        }
    }

    /// Walks through an order under a lock: who holds it, who waits. After a release with several waiting nobody knows who
    /// is next, unless they are known to be served in turn, so whoever the order commits next may be.
    fn lets_through(&self, kind: Locking, order: &Order) -> bool {
        let (places, shared) = match kind {
            Locking::PerUser => (1, false),
            Locking::Global | Locking::SingleWorker => (1, true),
            Locking::Pool(places) => (places, true),
        };
        let mut queues: BTreeMap<&str, Queue> = BTreeMap::new();
        for EventName { kind, number, .. } in order.steps() {
            let Some(person) = self.people.get(&number) else {
                continue;
            };
            let whose = if shared { "" } else { person };
            let queue = queues.entry(whose).or_insert_with(|| Queue {
                places,
                in_turn: self.in_turn,
                ..Queue::default()
            });
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
    places: usize,
    in_turn: bool,
    holders: Vec<u8>,
    waiting: Vec<u8>,
}

impl Queue {
    fn room(&self) -> usize {
        self.places.saturating_sub(self.holders.len())
    }

    fn enter(&mut self, number: u8) {
        self.waiting.push(number);
        self.admit();
    }

    /// Those who are certain to be next go in.
    fn admit(&mut self) {
        if self.in_turn || self.waiting.len() <= self.room() {
            let next = self.room().min(self.waiting.len());
            self.holders.extend(self.waiting.drain(..next));
        }
    }

    fn is_turn_of(&mut self, number: u8) -> bool {
        if self.room() > 0 && self.waiting.contains(&number) {
            self.waiting.retain(|other| *other != number);
            self.holders.push(number);
        }
        self.holders.contains(&number)
    }

    fn leave(&mut self, number: u8) {
        self.holders.retain(|other| *other != number);
        self.admit();
    }
}

/// So many people log in at once in the probe: a pool of that many or more is not told from none.
const PROBED: usize = 8;

/// Logins of different people held together, then one request of somebody who logged in before, if the backend has
/// `whoami`. The first login is at WeChat before the others are sent; none is let go before the end.
pub(crate) fn probe(asks: bool) -> (Program, Order) {
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
    let submit = |n| event(StepKind::Submit, n);
    let mut moments = vec![vec![submit(1)], (2..=PROBED).map(submit).collect()];
    moments.extend(asks.then(|| vec![event(StepKind::Send, 1)]));
    (program, Order::grouped(moments))
}

/// What a played probe says about a lock that was inferred between logins of one person.
pub(crate) fn classify(history: &History) -> Locking {
    // The preparation has commits of its own; the race's logins are those called after the last of its answers.
    let race = |at: usize| history.operations[at].phase == wxmock_model::history::Phase::Race;
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
    use wxmock_model::history::{Answer, Operation, Phase, Tick, UpstreamCall};
    use wxmock_scenario as scenario;
    use wxmock_scenario::plan;
    use wxmock_scenario::plan::Selection;

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
        locks.add(lock("S2", "S1"), None, &Order::default());
        let one_pair = count(&locks);
        locks.add(lock("S2", "S1"), Some(Locking::PerUser), &Order::default());
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
        locks.add(lock("S2", "S1"), Some(Locking::PerUser), &Order::default());
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
    fn a_pool_forbids_only_what_needs_one_more_than_it_has() {
        let case = case(3);
        let mut locks = Locks::of(&case);
        let whole: Order = "S1.S2.S3.K1.K2.K3.R1.R2.R3".parse().unwrap();
        locks.add(lock("S3", "S1"), Some(Locking::Pool(2)), &whole);
        assert!(locks.forbids(&whole));
        for possible in [
            "S1.S2.S3.K1.K2.R2.K3.R1.R3",
            "S1.S2.S3.K1.K2.R1.K3.R3.R2",
            "S1.S2.K1.K2.R2.R1.S3.K3.R3",
        ] {
            assert!(!locks.forbids(&possible.parse().unwrap()), "{possible}");
        }
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
            ..Operation::default()
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
            ..UpstreamCall::default()
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

    /// Orders of the list that some spelling makes possible when at most `places` logins are under way and whoever waits
    /// longest is next, found by trying every sequence of events there is.
    fn possible(case: &Case, places: usize) -> usize {
        let space = case.space();
        let mut found = std::collections::BTreeSet::new();
        let mut partial = vec![Vec::<EventName>::new()];
        while let Some(taken) = partial.pop() {
            let done = |event: EventName| taken.contains(&event);
            let next: Vec<EventName> = space
                .events()
                .filter(|event| {
                    let earlier = space.events().take_while(|other| other.name != event.name);
                    !done(event.name)
                        && earlier
                            .filter(|other| other.chain == event.chain)
                            .all(|other| done(other.name))
                })
                .map(|event| event.name)
                .collect();
            if next.is_empty() {
                found.insert(
                    space
                        .late_commits(&Order::settled(taken.clone()))
                        .to_string(),
                );
            }
            let count = |kind| taken.iter().filter(|event| event.kind == kind).count();
            let replies = count(StepKind::Reply);
            let turn = |number: u8| {
                let submits = taken.iter().filter(|event| event.kind == StepKind::Submit);
                submits
                    .map(|event| event.number)
                    .take(places + replies)
                    .any(|in_turn| in_turn == number)
            };
            for event in next {
                if event.kind != StepKind::Commit || turn(event.number) {
                    partial.push([taken.as_slice(), &[event]].concat());
                }
            }
        }
        let orders = case.orders();
        let spelled = orders.iter().map(|order| space.late_commits(order));
        spelled
            .filter(|order| found.contains(&order.to_string()))
            .count()
    }

    #[test]
    fn the_orders_ruled_out_are_exactly_those_that_no_sequence_of_events_makes_possible() {
        for (kind, places, [of_5, of_57]) in [
            (Locking::PerUser, 1, [2, 5]),
            (Locking::Global, 1, [2, 5]),
            (Locking::SingleWorker, 1, [2, 5]),
            (Locking::Pool(2), 2, [5, 33]),
            (Locking::Pool(3), 3, [5, 57]),
        ] {
            for (n, expected) in [(2, of_5), (3, of_57)] {
                let case = case(n);
                let space = case.space();
                let locks = Locks {
                    in_turn: true,
                    kind: Some(kind),
                    pairs: vec![lock("S2", "S1")],
                    ..Locks::of(&case)
                };
                let orders = case.orders();
                let spelled = orders.iter().map(|order| space.late_commits(order));
                let left = spelled.filter(|order| !locks.forbids(order)).count();
                assert_eq!(left, expected, "{kind:?} n:{n}");
                assert_eq!(left, possible(&case, places), "{kind:?} n:{n}");
            }
        }
    }

    #[test]
    fn an_order_that_should_have_been_possible_shows_that_logins_are_served_in_turn() {
        let case = case(3);
        let mut locks = Locks::of(&case);
        let late: Order = "S1.S2.S3.K1.R1.K3.R3.K2.R2".parse().unwrap();
        locks.add(
            lock("S2", "S1"),
            Some(Locking::Global),
            &"S1.S2.K1.K2.R1.R2".parse().unwrap(),
        );
        assert!(!locks.forbids(&late), "nobody knows who is next");
        locks.add(lock("S3", "S2"), None, &late);
        assert!(locks.forbids(&late));
        assert!(!locks.forbids(&"S1.S2.S3.K1.R1.K2.R2.K3.R3".parse().unwrap()));
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
    fn the_probe_sends_every_login_and_then_asks() {
        let (program, order) = probe(true);
        let events = wxmock_schedule::events(&program).unwrap();
        let sent = |event: &&wxmock_model::order::Event| {
            matches!(event.kind, StepKind::Submit | StepKind::Send)
        };
        assert_eq!(events.iter().filter(sent).count(), order.steps().count());
        assert!(
            order
                .steps()
                .all(|step| events.iter().any(|e| e.name == step))
        );
        assert_eq!(order.to_string(), "S1.S2+S3+S4+S5+S6+S7+S8.P1");
        assert_eq!(probe(false).1.to_string(), "S1.S2+S3+S4+S5+S6+S7+S8");
    }
}
