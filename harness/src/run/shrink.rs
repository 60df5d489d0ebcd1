//! Smaller orders than a failing one, the most promising first. Pure: whether one still fails is found out elsewhere.

use crate::plan::Case;
use crate::schedule::{Event, EventName, Order, Space};

/// Orders with one thing less, or one step nearer to first-in-first-out: without a person, without a phone, without the
/// last step of a phone, then one adjacent swap back. Faults that are part of the race are steps like others.
pub(crate) fn candidates(case: &Case, space: &Space, order: &Order) -> Vec<Order> {
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
    let mut smaller: Vec<Order> = Vec::new();
    let mut drop = |gone: &dyn Fn(&Event) -> bool| {
        let names: Vec<EventName> = present
            .iter()
            .filter(|event| gone(event))
            .map(|event| event.name)
            .collect();
        let left = order.without(&names);
        if !names.is_empty() && left.steps().next().is_some() && !smaller.contains(&left) {
            smaller.push(left);
        }
    };
    for event in &present {
        let user = person(event);
        drop(&|other| person(other) == user);
    }
    // The latest phone first: names then stay those of the smaller case.
    for event in present.iter().rev() {
        drop(&|other| other.chain == event.chain);
    }
    for event in present.iter().rev() {
        let last = present
            .iter()
            .filter(|other| other.chain == event.chain)
            .map(|other| other.step)
            .max();
        drop(&|other| other.chain == event.chain && Some(other.step) == last);
    }
    let inversions = space.inversions(order);
    let nearer = space.swaps(order).into_iter().map(|swap| swap.order);
    smaller.extend(nearer.filter(|other| space.inversions(other) < inversions));
    smaller
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{self, Selection};
    use crate::scenario;

    fn check(path: &str, order: &str, expected: &[&str]) {
        let selection = Selection {
            patterns: vec![path.to_owned()],
            level: None,
        };
        let case = plan::cases(scenario::all(), &selection).remove(0);
        let found = candidates(&case, &case.space(), &order.parse().unwrap());
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{path}");
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
            "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2",
            "S1.S2.K1.K2.R2.R1",
            &["S1.K1.R1", "S2.K2.R2", "S1.S2.K1.K2.R1.R2"],
        );
    }

    #[test]
    fn what_is_gone_stays_gone() {
        check(
            "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:3",
            "S1.S2.K1.K2.R2.R1",
            &["S1.K1.R1", "S2.K2.R2", "S1.S2.K1.K2.R1.R2"],
        );
    }

    #[test]
    fn the_program_of_a_shrunk_order_has_no_trace_of_what_was_dropped() {
        let selection = Selection {
            patterns: vec![
                "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:3".to_owned(),
            ],
            level: None,
        };
        let case = plan::cases(scenario::all(), &selection).remove(0);
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
