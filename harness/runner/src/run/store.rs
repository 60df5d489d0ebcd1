//! What the backend's key store holds, read from the probes of a history: which historical keys it still opens.

use std::collections::BTreeSet;

use wxmock_model::history::{Forgery, History, Operation, Outcome, Phase, Purpose};
use wxmock_model::lang::Say;
use wxmock_model::say;

/// One line for each person who was probed: `the store opens {k3} of A: the newest only`. Empty if nobody was.
pub(crate) fn contents(history: &History) -> Vec<Say> {
    // The login of the stranger, whose payload is a probe of the others, carries a code.
    let probes = || {
        let sent = |o: &&Operation| {
            o.phase == Phase::Probe && o.code.is_none() && o.purpose == Purpose::Scenario
        };
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
                _ if payload.forgery == Some(Forgery::ForeignKey) => accepted.foreign_key = true,
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
    /// A key of another person.
    foreign_key: bool,
    /// A key WeChat never issued.
    invented: bool,
}

impl Accepted {
    fn line(&self, person: &str, newest: Option<u32>) -> Say {
        let keys: Vec<String> = self.keys.iter().map(|no| format!("k{no}")).collect();
        let has_newest = newest.is_some_and(|no| self.keys.contains(&no));
        let mut found = vec![match (self.keys.len(), has_newest) {
            (0, _) => say!("no key is in force", "没有一把 key 生效"),
            (1, true) => say!("the newest only", "只有最新的"),
            (_, true) => say!("the newest and older ones", "最新的和旧的都在"),
            (_, false) => say!("older only, the newest is lost", "只剩旧的，最新的丢了"),
        }];
        if self.foreign {
            found.push(say!(
                "a payload of another person is accepted: isolation is broken",
                "别人的加密数据也解了：用户之间没有隔离"
            ));
        }
        if self.foreign_key {
            found.push(say!(
                "another person's key is in force",
                "生效的是另一个用户的 key"
            ));
        }
        if self.invented {
            found.push(say!(
                "a key WeChat never issued is accepted",
                "微信从未签发过的 key 也接受"
            ));
        }
        say!(
            "the store opens {{{keys}}} of {person}: {found}",
            "后端现在能解 {person} 的 {{{keys}}}：{found}",
            keys = keys.join(", "),
            person = person,
            found = Say::join(found, &say!("; ", "；"))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_histories::Builder;

    fn check(accepted: Accepted, expected: &str) {
        assert_eq!(accepted.line("A", Some(3)).en, expected);
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
    fn keys_issued_after_the_probes_are_no_loss() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.phase(Phase::Probe);
        let p = b.capture("P1", "probe k1", 1);
        b.send_gets("P1", p, "t1", Outcome::Ok);
        let lines = |b: &Builder| contents(&b.history)[0].en.clone();
        assert_eq!(lines(&b), "the store opens {k1} of A: the newest only");
        b.mint("P1", "c2", Some(2));
        assert_eq!(lines(&b), "the store opens {k1} of A: the newest only");
    }

    #[test]
    fn nobody_probed_nothing_said() {
        assert_eq!(contents(&History::default()), Vec::<Say>::new());
    }
}
