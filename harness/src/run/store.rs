//! What the backend's key store holds, read from the probes of a history: which historical keys it still opens.

use std::collections::BTreeSet;

use crate::history::{Forgery, History, Operation, Outcome, Phase};

/// One line for each person who was probed: `the store opens {k3} of A: the newest only`. Empty if nobody was.
pub(crate) fn contents(history: &History) -> Vec<String> {
    // The login of the stranger, whose payload is a probe of the others, carries a code.
    let probes = || {
        let sent = |o: &&Operation| o.phase == Phase::Probe && o.code.is_none();
        history.operations.iter().filter(sent)
    };
    let people: BTreeSet<&str> = probes().map(|operation| operation.user.as_str()).collect();
    let mut lines = Vec::new();
    for person in people {
        let payloads = probes()
            .filter(|operation| operation.user == person && operation.answer.outcome == Outcome::Ok)
            .filter_map(|operation| history.payloads.get(operation.payload?));
        let mut accepted = Accepted::default();
        for payload in payloads {
            match payload.key_no {
                _ if payload.user != person => accepted.foreign = true,
                _ if payload.forgery == Some(Forgery::NeverIssuedKey) => accepted.invented = true,
                None => accepted.invented = true,
                Some(no) => {
                    accepted.keys.insert(no);
                }
            }
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
        lines.push(accepted.line(person, newest));
    }
    lines
}

/// What the probes of one person found accepted.
#[derive(Default)]
struct Accepted {
    /// Numbers of their own keys.
    keys: BTreeSet<u32>,
    /// A payload of another person.
    foreign: bool,
    /// A key WeChat never issued.
    invented: bool,
}

impl Accepted {
    fn line(&self, person: &str, newest: Option<u32>) -> String {
        let keys: Vec<String> = self.keys.iter().map(|no| format!("k{no}")).collect();
        let has_newest = newest.is_some_and(|no| self.keys.contains(&no));
        let mut found = vec![match (self.keys.len(), has_newest) {
            (0, _) => "no key is in force",
            (1, true) => "the newest only",
            (_, true) => "the newest and older ones",
            (_, false) => "older only, the newest is lost",
        }];
        if self.foreign {
            found.push("a payload of another person is accepted: isolation is broken");
        }
        if self.invented {
            found.push("a key WeChat never issued is accepted");
        }
        format!(
            "the store opens {{{}}} of {person}: {}",
            keys.join(", "),
            found.join("; ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accepted: Accepted, expected: &str) {
        assert_eq!(accepted.line("A", Some(3)), expected);
    }

    fn own(keys: &[u32]) -> Accepted {
        Accepted {
            keys: keys.iter().copied().collect(),
            ..Accepted::default()
        }
    }

    #[test]
    fn the_store_is_named_by_what_it_opens() {
        check(own(&[3]), "the store opens {k3} of A: the newest only");
        check(
            own(&[2, 3]),
            "the store opens {k2, k3} of A: the newest and older ones",
        );
        check(
            own(&[2]),
            "the store opens {k2} of A: older only, the newest is lost",
        );
        check(own(&[]), "the store opens {} of A: no key is in force");
    }

    #[test]
    fn another_persons_payload_is_told_from_a_key_nobody_issued() {
        check(
            Accepted {
                foreign: true,
                ..own(&[3])
            },
            "the store opens {k3} of A: the newest only; a payload of another person is accepted: isolation is broken",
        );
        check(
            Accepted {
                invented: true,
                ..own(&[])
            },
            "the store opens {} of A: no key is in force; a key WeChat never issued is accepted",
        );
    }

    #[test]
    fn nobody_probed_nothing_said() {
        assert_eq!(contents(&History::default()), Vec::<String>::new());
    }
}
