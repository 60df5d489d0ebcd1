//! What the backend's key store holds, read from the probes of a history: which historical keys it still opens.

use std::collections::BTreeSet;

use crate::history::{Forgery, History, Outcome, Phase};
use crate::lang::{Say, say};

/// One line for each person who was probed: `the store holds k3 of A: the newest only`. Empty if nobody was.
pub(crate) fn contents(history: &History) -> Vec<Say> {
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

fn line(person: &str, opened: &BTreeSet<u32>, newest: Option<u32>, strange: bool) -> Say {
    let keys: Vec<String> = opened.iter().map(|no| format!("k{no}")).collect();
    let has_newest = newest.is_some_and(|no| opened.contains(&no));
    let what = match (strange, opened.len(), has_newest) {
        (true, ..) => say!(
            "a key that is not theirs is accepted",
            "不属于该用户的 key 也被接受"
        ),
        (_, 0, _) => say!("no key is in force", "没有一把 key 生效"),
        (_, 1, true) => say!("the newest only", "只有最新的"),
        (_, _, true) => say!("the newest and older ones", "最新的和旧的都在"),
        (_, _, false) => say!("older only, the newest is lost", "只剩旧的，最新的丢了"),
    };
    say!(
        "the store opens {{{keys}}} of {person}: {what}",
        "后端现在能解 {person} 的 {{{keys}}}：{what}",
        keys = keys.join(", "),
        person = person,
        what = what
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_is_named_by_what_it_opens() {
        let check = |opened: &[u32], strange, expected: &str| {
            assert_eq!(
                line("A", &opened.iter().copied().collect(), Some(3), strange).en,
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
        assert_eq!(contents(&History::default()), Vec::<Say>::new());
    }
}
