//! Smaller orders than a failing one, the most promising first. Pure: whether one still fails is found out elsewhere.

use std::collections::HashSet;

use super::statements::chain_of;
use wxmock_model::order::{Event, EventName, Order};
use wxmock_scenario::plan::Case;
use wxmock_schedule::Space;

/// Orders with one thing less, or one step nearer to first-in-first-out: without holding a chain at a statement, without a person, without a phone, without a
/// fault, without the last step of a phone, then one adjacent swap back, then without all that the `involved` events do
/// not depend on.
pub(crate) fn candidates(
    case: &Case,
    space: &Space,
    order: &Order,
    involved: &[EventName],
) -> Vec<Order> {
    let present: Vec<Event> = case
        .events()
        .into_iter()
        .filter(|event| order.steps().any(|step| step == event.name))
        .collect();
    let person = |event: &Event| {
        let step = &case.program.chains[event.chain][event.step];
        step.phone
            .map(|phone| case.program.phones[phone].user.clone())
    };
    let without = |gone: &dyn Fn(&Event) -> bool| -> Option<Order> {
        let names: Vec<EventName> = present
            .iter()
            .filter(|event| gone(event))
            .map(|event| event.name)
            .collect();
        let left = of_chains_left(space, &order.without(&names));
        (!names.is_empty() && left.steps().next().is_some()).then_some(left)
    };
    let mut smaller: Vec<Order> = Vec::new();
    let held: Vec<EventName> = order.statements().collect();
    smaller.extend(
        held.iter()
            .rev()
            .map(|statement| order.without(&[*statement])),
    );
    for event in &present {
        let user = person(event);
        smaller.extend(without(&|other| person(other) == user));
    }
    // The latest phone first: names then stay those of the smaller case.
    for event in present.iter().rev() {
        smaller.extend(without(&|other| other.chain == event.chain));
    }
    let faults = space.faults_of(order).into_iter();
    smaller.extend(faults.map(|(fault, set_by)| order.without_fault(fault, set_by)));
    for event in present.iter().rev() {
        let last = present
            .iter()
            .filter(|other| other.chain == event.chain)
            .map(|other| other.step)
            .max();
        smaller.extend(without(&|other| {
            other.chain == event.chain && Some(other.step) == last
        }));
    }
    if !held.is_empty() {
        // A swap would ask for statements in an order nobody has seen.
        smaller.retain(|smaller| smaller != order);
        return unique(smaller);
    }
    let inversions = space.inversions(order);
    let nearer = space.swaps(order).into_iter().map(|swap| swap.order);
    smaller.extend(nearer.filter(|other| space.inversions(other) < inversions));
    smaller.extend(slice(space, order, involved));
    unique(smaller)
}

fn unique(mut orders: Vec<Order>) -> Vec<Order> {
    let mut seen = HashSet::new();
    orders.retain(|order| seen.insert(order.clone()));
    orders
}

/// The order without statements of chains that do nothing in it.
fn of_chains_left(space: &Space, order: &Order) -> Order {
    let chains: HashSet<usize> = order
        .steps()
        .filter_map(|step| space.chain_of(step))
        .collect();
    let gone: Vec<EventName> = order
        .statements()
        .filter(|statement| !chains.contains(&chain_of(*statement)))
        .collect();
    order.without(&gone)
}

/// The order reduced to the causal past of some events; `None` if that is no less.
fn slice(space: &Space, order: &Order, involved: &[EventName]) -> Option<Order> {
    let past = space.past(order, involved);
    let gone: Vec<EventName> = order.steps().filter(|step| !past.contains(step)).collect();
    (!past.is_empty() && !gone.is_empty()).then(|| order.without(&gone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_scenario as scenario;
    use wxmock_scenario::plan;
    use wxmock_scenario::plan::Selection;

    fn case(path: &str) -> Case {
        let selection = Selection {
            patterns: vec![path.to_owned()],
            level: None,
        };
        plan::cases(scenario::all(), &selection).remove(0)
    }

    /// A case with a fault before the race and one in a chain of two steps.
    fn faulty() -> Case {
        let text = r#"
id = "test/faults"
alias = "T-1"
title = "two people and two faults"
title_zh = "两个人与两处故障"
level = "MUST"
impact = "lock-out"
rules = ["KEY-04"]
needs = ["login", "whoami"]
sources = ["a test"]
why = "A test needs it."
before = ["fault busy jscode2session of B: errcode=-1", "P mint as c1", "Q mint as c2"]
[[phone]]
name = "P"
user = "A"
do = ["submit c1", "whoami"]
[[phone]]
name = "Q"
user = "B"
do = ["submit c2"]
[[phone]]
name = "R"
user = "B"
do = ["fault late jscode2session of A: delay=1s", "advance 10m"]
[explore]
orders = "all"
"#;
        let scenario =
            scenario::Scenario::parse("t.toml", text).unwrap_or_else(|e| panic!("{}", e.render()));
        plan::cases(&[scenario], &Selection::default()).remove(0)
    }

    fn check(case: &Case, order: &str, involved: &[&str], expected: &[&str]) {
        let involved: Vec<EventName> = involved.iter().map(|name| name.parse().unwrap()).collect();
        let found = candidates(case, &case.space(), &order.parse().unwrap(), &involved);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected);
        for smaller in &found {
            assert_eq!(
                case.space().check_part(&smaller.parse().unwrap()),
                Ok(()),
                "{smaller}"
            );
        }
    }

    #[test]
    fn logins_go_before_swaps() {
        check(
            &case("concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2"),
            "S1.S2.K1.K2.R2.R1",
            &[],
            &["S1.K1.R1", "S2.K2.R2", "S1.S2.K1.K2.R1.R2"],
        );
    }

    #[test]
    fn people_logins_faults_last_steps_swaps_and_what_the_violation_does_not_depend_on_go_in_that_order()
     {
        check(
            &faulty(),
            "X2.X2b.S1.K1.R1.P1.S2.K2.R2",
            &["R1"],
            &[
                "X2.X2b.S2.K2.R2",
                "S1.K1.R1.P1",
                "S1.K1.R1.P1.S2.K2.R2",
                "X2.X2b.S1.K1.R1.P1",
                "X2.X2b.S1.K1.R1.P1.S2.K2.R2.-busy",
                "X2b.S1.K1.R1.P1.S2.K2.R2.-late",
                "X2.S1.K1.R1.P1.S2.K2.R2",
                "X2.X2b.S1.K1.R1.S2.K2.R2",
                "X2.S1.X2b.K1.R1.P1.S2.K2.R2",
                "X2.X2b.S1.K1.R1",
            ],
        );
    }

    #[test]
    fn a_fault_once_left_out_stays_out_and_is_not_tried_again() {
        check(
            &faulty(),
            "X2b.S1.K1.R1.-busy.-late",
            &[],
            &[
                "X2b.-busy.-late",
                "S1.K1.R1.-busy.-late",
                "S1.X2b.K1.R1.-busy.-late",
            ],
        );
    }

    #[test]
    fn the_program_of_an_order_without_a_fault_never_sets_it() {
        let case = faulty();
        let part = case.part(&"X2b.S1.K1.R1.P1.S2.K2.R2.-busy.-late".parse().unwrap());
        assert!(part.before.iter().all(|step| step.text.starts_with("mint")));
        assert_eq!(part.chains, case.program.chains, "no event sets it");
        let wrong = |order: &str| {
            let found = case.space().check_part(&order.parse().unwrap());
            found.unwrap_err().to_string()
        };
        assert_eq!(
            wrong("S1.K1.R1.-busi"),
            "the scenario sets no fault busi; it sets busy late"
        );
        assert_eq!(
            wrong("X2.S1.K1.R1.-late"),
            "X2 sets the fault late, which the order leaves out"
        );
        assert_eq!(wrong("X2b.S1.K1.R1"), "the order leaves out X2");
    }

    #[test]
    fn what_is_held_at_a_store_is_let_through_first() {
        check(
            &case("concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2"),
            "S1.S2.K1.K2.R1.R2.D1b~3fa1.D2c",
            &[],
            &[
                "S1.S2.K1.K2.R1.R2.D1b~3fa1",
                "S1.S2.K1.K2.R1.R2.D2c",
                "S1.K1.R1.D1b~3fa1",
                "S2.K2.R2.D2c",
            ],
        );
    }

    #[test]
    fn what_is_gone_stays_gone() {
        check(
            &case("concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:3"),
            "S1.S2.K1.K2.R2.R1",
            &[],
            &["S1.K1.R1", "S2.K2.R2", "S1.S2.K1.K2.R1.R2"],
        );
    }

    #[test]
    fn the_program_of_a_shrunk_order_has_no_trace_of_what_was_dropped() {
        let case = case("concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:3");
        let part = case.part(&"S1.S2.K1.K2.R2.R1".parse().unwrap());
        let texts: Vec<&str> = part.before.iter().map(|step| step.text.as_str()).collect();
        assert_eq!(
            texts.iter().filter(|text| text.starts_with("mint")).count(),
            2,
            "{texts:?}"
        );
        assert_eq!(
            part.chains.iter().map(Vec::len).collect::<Vec<_>>(),
            [1, 1, 0]
        );
        assert_eq!(part.after.len(), case.program.after.len());
        let whole = case.part(&case.space().fifo());
        assert_eq!(whole, case.program);
    }
}
