//! What the backend's key store holds, read from the probes of a history: which historical keys it still opens.

use std::collections::BTreeSet;

use crate::history::{Forgery, History, Outcome, Phase};

/// One line for each person who was probed: `the store holds k3 of A: the newest only`. Empty if nobody was.
pub(crate) fn contents(history: &History) -> Vec<String> {
    let probes = || {
        history
            .operations
            .iter()
            .filter(|operation| operation.phase == Phase::Probe)
    };
    let people: BTreeSet<&str> = probes().map(|operation| operation.user.as_str()).collect();
    let mut lines = Vec::new();
    for person in people {
        let payloads = probes()
            .filter(|operation| operation.user == person && operation.answer.outcome == Outcome::Ok)
            .filter_map(|operation| history.payloads.get(operation.payload?));
        let (mut opened, mut strange) = (BTreeSet::new(), false);
        for payload in payloads {
            strange |= payload.forgery == Some(Forgery::NeverIssuedKey) || payload.user != person;
            opened.extend(payload.key_no);
        }
        // Keys issued after the probes are of no account to them.
        let asked = probes()
            .filter(|operation| operation.user == person)
            .map(|operation| operation.called)
            .min();
        let known = history
            .keys
            .iter()
            .filter(|key| key.user == person && asked.is_none_or(|asked| key.issued < asked));
        let newest = known.map(|key| key.no).max();
        lines.push(line(person, &opened, newest, strange));
    }
    lines
}

fn line(person: &str, opened: &BTreeSet<u32>, newest: Option<u32>, strange: bool) -> String {
    let keys: Vec<String> = opened.iter().map(|no| format!("k{no}")).collect();
    let has_newest = newest.is_some_and(|no| opened.contains(&no));
    let what = match (strange, opened.len(), has_newest) {
        (true, ..) => "a key that is not theirs is accepted",
        (_, 0, _) => "no key is in force",
        (_, 1, true) => "the newest only",
        (_, _, true) => "the newest and older ones",
        (_, _, false) => "older only, the newest is lost",
    };
    format!(
        "the store opens {{{}}} of {person}: {what}",
        keys.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_named_by_what_it_opens() {
        let check = |opened: &[u32], strange, expected: &str| {
            assert_eq!(
                line("A", &opened.iter().copied().collect(), Some(3), strange),
                expected
            );
        };
        check(&[3], false, "the store opens {k3} of A: the newest only");
        check(
            &[2, 3],
            false,
            "the store opens {k2, k3} of A: the newest and older ones",
        );
        check(
            &[2],
            false,
            "the store opens {k2} of A: older only, the newest is lost",
        );
        check(&[], false, "the store opens {} of A: no key is in force");
        check(
            &[3],
            true,
            "the store opens {k3} of A: a key that is not theirs is accepted",
        );
    }

    #[test]
    fn nobody_probed_nothing_said() {
        assert_eq!(contents(&History::default()), Vec::<String>::new());
    }
}
