//! AT-01 where requests meet: of several that find the access_token dead in one moment, each fetches another.
//!
//! Several fetches at once are no stampede where several processes each keep a token of their own, and no call says which
//! process made it. The same number of requests in one moment tells, once the token is good again: after one single fetch,
//! only where one cache serves them all does none of them meet the dead token or fetch another.

use crate::access_token::{
    brought_token, is_death, is_fetch, refused_as_dead, token_steps, uses_token,
};
use crate::facts::Facts;
use crate::finding::Finding;
use wxmock_model::history::{StepKind, Tick, UpstreamCall};
use wxmock_model::say;
use wxmock_model::verdict::Level;

/// Fetches that a group is allowed: one, and one more to replace a token that was ended meanwhile.
const PER_GROUP: usize = 2;

/// Requests in one moment from which on a fetch by each is more than a retry.
const SMALLEST_GROUP: usize = 3;

/// Requests with a phone code that were all open in one moment, and the calls made meanwhile.
struct Group<'a> {
    members: Vec<usize>,
    began: Tick,
    calls: Vec<(usize, &'a UpstreamCall)>,
}

/// A group whose members fetched a token each, though one cache serves them.
pub(crate) struct Stampede {
    members: usize,
    /// The fetches, as indices of calls.
    fetches: Vec<usize>,
    /// How many requests in one moment shared a token in this order.
    sharing: usize,
    /// Whether each fetch ended the token that the one before had brought.
    displaces: bool,
}

/// The first stampede of this order.
pub(crate) fn stampede(facts: &Facts<'_>) -> Option<Stampede> {
    let groups = groups(facts);
    let sharing = groups.iter().filter(|group| shares(facts, group));
    let sharing = sharing.map(|group| group.members.len()).max()?;
    groups.iter().find_map(|group| {
        let members = group.members.len();
        let fetches: Vec<usize> = group
            .calls
            .iter()
            .filter(|(_, call)| brought_token(facts, call))
            .map(|(at, _)| *at)
            .collect();
        // One of them may have come late enough to find what another one fetched.
        let is_each =
            members >= SMALLEST_GROUP && fetches.len() > PER_GROUP && fetches.len() + 1 >= members;
        let is_one_cache = members <= sharing && fetched_since_death(facts, group.began) == Some(0);
        (is_each && is_one_cache).then(|| Stampede {
            members,
            sharing,
            displaces: displaces(facts, group, &fetches),
            fetches,
        })
    })
}

impl Stampede {
    /// AT-01: a MUST where the tokens end one another, a warning where they only cost calls.
    pub(crate) fn finding(&self, facts: &Facts<'_>) -> Finding {
        let sentence = say!(
            "{members} phone codes were sent in one moment with the access_token dead, and the backend fetched {fetches} for them; one fetch serves them all.",
            "access_token 失效时，{members} 个手机号 code 同时提交，后端为此获取了 {fetches} 次；取一次就够大家用。",
            members = self.members,
            fetches = self.fetches.len(),
        );
        let steps = self.fetches.iter();
        let steps = steps.filter_map(|at| facts.call_step(*at, StepKind::UpstreamArrived));
        let finding = Finding::must("AT-01", None, sentence)
            .because(say!(
                "With a token that works, {sharing} in one moment used it and fetched none: they share one cache, and what is missing is that one of them fetches and the others wait.",
                "token 有效时，{sharing} 个同时提交的都用它，没有再取：大家用的是同一个缓存，缺的是一个去取、其余等待。",
                sharing = self.sharing,
            ))
            .steps(steps);
        if self.displaces {
            finding.because(say!(
                "Each `token` ends the one before: of {fetches}, only the last still works.",
                "每次 `token` 都让前一个失效：取了 {fetches} 个，只有最后一个还能用。",
                fetches = self.fetches.len(),
            ))
        } else {
            finding.at(Level::Should)
        }
    }
}

fn groups<'a>(facts: &Facts<'a>) -> Vec<Group<'a>> {
    let mut groups: Vec<(Vec<usize>, Tick)> = Vec::new();
    for (index, op) in facts.operations().filter(|(_, op)| op.number.is_some()) {
        let ended = facts.ended(index).unwrap_or(Tick(u32::MAX));
        match groups.last_mut() {
            Some((members, first_end)) if op.called < *first_end => {
                members.push(index);
                *first_end = ended.min(*first_end);
            }
            _ => groups.push((vec![index], ended)),
        }
    }
    let groups = groups.into_iter().map(|(members, _)| {
        let began = facts.history.operations[members[0]].called;
        let ends = members.iter().map(|index| facts.ended(*index));
        let ended = ends.map(|end| end.unwrap_or(Tick(u32::MAX))).max();
        let calls = facts.history.upstream.iter().enumerate();
        let calls = calls
            .filter(|(_, call)| call.arrived > began && Some(call.arrived) < ended)
            .collect();
        Group {
            members,
            began,
            calls,
        }
    });
    groups.collect()
}

/// Whether a group used one token that a single fetch before it had brought after every other was dead.
fn shares(facts: &Facts<'_>, group: &Group<'_>) -> bool {
    let is_used_well = |index: &usize| {
        let calls = facts.calls_of(*index);
        calls.iter().any(|(_, call)| uses_token(call))
    };
    fetched_since_death(facts, group.began) == Some(1)
        && group.members.iter().all(is_used_well)
        && !group
            .calls
            .iter()
            .any(|(_, call)| is_fetch(call) || refused_as_dead(call))
}

/// How many fetches had brought a token between the last death of every token and `at`; `None` if they did not die.
fn fetched_since_death(facts: &Facts<'_>, at: Tick) -> Option<usize> {
    let steps = &facts.history.steps;
    let last = token_steps(facts).map(|place| &steps[place]);
    let last = last.filter(|step| step.tick < at).last()?;
    let died = is_death(&last.text).then_some(last.tick)?;
    let mut fetches = facts.history.upstream.iter().filter(|call| is_fetch(call));
    // What was under way when they died is of either side.
    let straddles = |call: &UpstreamCall| call.arrived < died && call.released > Some(died);
    if fetches.clone().any(straddles) {
        return None;
    }
    let brought = fetches
        .by_ref()
        .filter(|call| call.arrived > died && call.arrived < at && brought_token(facts, call));
    Some(brought.count())
}

/// Whether the fetches of a group were plain ones while nothing of an earlier token overlaps with a later one.
fn displaces(facts: &Facts<'_>, group: &Group<'_>, fetches: &[usize]) -> bool {
    let steps = facts.history.steps.iter();
    let rule = steps
        .filter(|step| step.kind == StepKind::World && step.tick < group.began)
        .filter_map(|step| step.text.strip_prefix("token overlap="))
        .next_back();
    let upstream = &facts.history.upstream;
    rule == Some("none") && fetches.iter().all(|at| upstream[*at].endpoint == "token")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JudgeContext;
    use crate::judged::told_alike;
    use wxmock_histories::Builder;
    use wxmock_model::history::{History, Outcome};
    use wxmock_model::mechanism::Mechanism;

    /// What serves the requests.
    #[derive(Clone, Copy)]
    struct Server {
        endpoint: &'static str,
        overlap: &'static str,
        /// Requests in one moment.
        phones: usize,
        /// Fetches that they make while the token is dead.
        at_once: usize,
        /// Fetches that they make after one request has renewed it.
        renewed: usize,
    }

    const LOCKLESS: Server = Server {
        endpoint: "token",
        overlap: "none",
        phones: 4,
        at_once: 4,
        renewed: 0,
    };

    /// Requests at once after one fetch, then, with the tokens dead again, as many at once.
    fn played(server: Server) -> History {
        let mut b = Builder::new();
        b.world(&format!("token overlap={}", server.overlap));
        b.login("P1", "c1", 1, "t1");
        b.world("token killed");
        let first = b.phone_code("P1", "t1");
        b.ask(first, "getuserphonenumber", 40001);
        b.ask(first, server.endpoint, 0);
        b.ask(first, "getuserphonenumber", 0);
        b.answer(first, Outcome::Ok).plaintext = Some("13800138000".into());
        together(&mut b, server, server.renewed, false);
        b.world("token killed");
        together(&mut b, server, server.at_once, true);
        b.history
    }

    fn together(b: &mut Builder, server: Server, fetches: usize, is_dead: bool) {
        let ops: Vec<usize> = (0..server.phones)
            .map(|_| b.phone_code("P1", "t1"))
            .collect();
        for (at, op) in ops.iter().enumerate() {
            if is_dead || at < fetches {
                b.ask(*op, "getuserphonenumber", 40001);
            }
        }
        for op in ops.iter().cycle().take(fetches) {
            b.ask(*op, server.endpoint, 0);
        }
        for op in ops {
            b.ask(op, "getuserphonenumber", 0);
            b.answer(op, Outcome::Ok).plaintext = Some("13800138000".into());
        }
    }

    fn check(server: Server, expected: Option<Level>) {
        let found = crate::judge(&played(server), &JudgeContext::default());
        found.iter().for_each(told_alike);
        let found: Vec<_> = found.iter().map(|v| (v.rule.as_str(), v.level)).collect();
        let expected: Vec<_> = expected.map(|level| ("AT-01", level)).into_iter().collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn at_01_catches_a_fetch_by_each_of_four_at_once() {
        check(LOCKLESS, Some(Level::Must));
        let overlapping = Server {
            overlap: "5m",
            ..LOCKLESS
        };
        check(overlapping, Some(Level::Should));
        let stable = Server {
            endpoint: "stable_token",
            ..LOCKLESS
        };
        check(stable, Some(Level::Should));
        let one_late = Server {
            at_once: 3,
            ..LOCKLESS
        };
        check(one_late, Some(Level::Must));
    }

    #[test]
    fn at_01_spares_one_fetch_for_all_and_a_cache_in_each_process() {
        for at_once in [1, 2] {
            check(
                Server {
                    at_once,
                    ..LOCKLESS
                },
                None,
            );
        }
        let two_and_a_retry = Server {
            phones: 2,
            at_once: 3,
            ..LOCKLESS
        };
        check(two_and_a_retry, None);
        for endpoint in ["token", "stable_token"] {
            for renewed in [1, 2, 3] {
                let processes = Server {
                    endpoint,
                    renewed,
                    ..LOCKLESS
                };
                check(processes, None);
            }
        }
    }

    #[test]
    fn at_01_needs_a_moment_in_which_as_many_shared_a_token() {
        // The first death is not known: what four found before the second says nothing about them.
        let mut history = played(LOCKLESS);
        let killed = |text: &String| text == "token killed";
        let first = history.steps.iter_mut().find(|step| killed(&step.text));
        first.unwrap().text = "token fetched".into();
        let found = crate::judge(&history, &JudgeContext::default());
        assert_eq!(found.len(), 0, "{found:?}");
    }

    #[test]
    fn a_stampede_has_a_cause_of_its_own() {
        let found = crate::judge(&played(LOCKLESS), &JudgeContext::default());
        assert_eq!(found[0].mechanism, Mechanism::TokenStampede);
    }
}
