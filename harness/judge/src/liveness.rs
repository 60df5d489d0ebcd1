//! LIVE-01: every request is answered once nothing is held any more.

use crate::facts::Facts;
use crate::finding::Finding;
use crate::upstream::silenced;
use wxmock_model::history::{Ending, Operation, StepKind, Wait, WaitKnown};
use wxmock_model::lang::Say;
use wxmock_model::say;

/// LIVE-01: no hang in any order. A hang under a silent WeChat is ERR-06's.
pub(crate) fn live_01(facts: &Facts<'_>) -> Vec<Finding> {
    if !matches!(facts.history.ending, Ending::Complete | Ending::Hung { .. }) {
        return Vec::new();
    }
    let open: Vec<(usize, &Operation)> = facts
        .operations()
        .filter(|(index, _)| facts.ended(*index).is_none() && !silenced(facts, *index))
        .collect();
    let Some((first, op)) = open.first() else {
        return Vec::new();
    };
    let names = Say::join(open.iter().map(|(_, op)| name(op)), &say!(", ", "、"));
    let sentence = match open.len() {
        1 => say!(
            "Every held reply was let go, and {names} still has no answer.",
            "拦住的应答已全部放行，{names} 仍然没有应答。",
            names = names
        ),
        _ => say!(
            "Every held reply was let go, and {names} still have no answer.",
            "拦住的应答已全部放行，{names} 仍然都没有应答。",
            names = names
        ),
    };
    let mut finding = Finding::must("LIVE-01", *first, sentence);
    for (index, op) in &open {
        let waiting = facts.calls_of(*index);
        let line = match waiting.iter().max_by_key(|(_, call)| call.released) {
            Some((call, _)) => say!(
                "`{label}` had its reply from WeChat at {place} and nothing after it.",
                "`{label}` 在{place}就拿到了微信的应答，之后再无动静。",
                label = op.label,
                place = facts.place(facts.call_step(*call, StepKind::Reply))
            ),
            None => say!(
                "`{label}` never called WeChat: it waits inside the backend.",
                "`{label}` 根本没有调用微信：它卡在后端内部。",
                label = op.label
            ),
        };
        finding = finding.because(line).steps(facts.ends_of(*index));
    }
    if let Ending::Hung { waits, .. } = &facts.history.ending {
        let known = waits.iter().filter(|wait| !silenced(facts, wait.operation));
        for line in known.filter_map(|wait| chain(facts, waits, wait)) {
            finding = finding.because(line);
        }
    }
    let answered = facts
        .operations()
        .any(|(_, other)| other.returned.is_some_and(|at| at > op.called));
    if answered {
        finding = finding.because(say!(
            "However, later requests were answered: the backend is alive, and these wait for each other or for nothing.",
            "可是别的请求有应答：后端还活着，是这些请求在互相等待，或者在等永远不会来的东西。"
        ));
    }
    vec![finding]
}

/// `submit c2` → waits for → `submit c1` → waits for nobody: its reply left at step 7 and it never answered.
fn chain(facts: &Facts<'_>, waits: &[Wait], first: &Wait) -> Option<Say> {
    let label = |index: usize| facts.history.operations.get(index).map(name);
    let mut line = label(first.operation)?;
    let mut seen = vec![first.operation];
    let mut wait = first;
    while let Some(on) = &wait.on {
        let link = match on.known {
            WaitKnown::Lock | WaitKnown::LeftBehind => say!("waits for", "在等"),
            WaitKnown::CameFirst => say!("probably waits for", "多半在等"),
        };
        line = say!(
            "{line} → {link} → {other}",
            "{line} → {link} → {other}",
            line = line,
            link = link,
            other = label(on.operation)?
        );
        if seen.contains(&on.operation) {
            return Some(say!("{line}: a circle", "{line}：绕成一圈", line = line));
        }
        seen.push(on.operation);
        match waits.iter().find(|next| next.operation == on.operation) {
            Some(next) => wait = next,
            None => {
                let over = facts.place(facts.step_of(on.operation, StepKind::Answer));
                return Some(say!(
                    "{line}, which is over: it failed at {over}, and no login sent after it was answered, as if it took something and never gave it back",
                    "{line}，而后者早已结束：它在{over}失败，此后发出的登录再没有一个得到应答，像是它拿了锁（或轮次、连接）没有归还",
                    line = line,
                    over = over
                ));
            }
        }
    }
    // Nothing else of its order was asked: only what an earlier order left behind can be in its way.
    if facts.history.operations.len() == 1 {
        return Some(say!(
            "{line} → waits for nobody of this order, whose only request it is, but perhaps for what an earlier order left behind: {standing}",
            "{line} → 这一顺序里没有它要等的请求（它是唯一的一个），或许在等更早的顺序留下的东西：{standing}",
            line = line,
            standing = standing(facts, wait)
        ));
    }
    Some(say!(
        "{line} → waits for nobody: {standing}",
        "{line} → 谁也不等：{standing}",
        line = line,
        standing = standing(facts, wait)
    ))
}

fn name(op: &Operation) -> Say {
    say!(
        "`{label}` of phone {phone}",
        "手机 {phone} 的 `{label}`",
        label = op.label,
        phone = op.phone
    )
}

/// Where a request stands that waits for no other.
fn standing(facts: &Facts<'_>, wait: &Wait) -> Say {
    let Some(at) = wait.upstream else {
        return say!(
            "it never called WeChat, and nothing open came before it",
            "它从未调用微信，前面也没有还开着的请求"
        );
    };
    let left = facts.place(facts.call_step(at, StepKind::Reply));
    match facts.history.upstream.get(at).map(|call| call.released) {
        Some(Some(_)) => say!(
            "its reply left at {left} and it never answered",
            "微信的应答在{left}就发给它了，它却一直不回答手机",
            left = left
        ),
        _ => say!(
            "its call to WeChat got no reply",
            "它对微信的调用没有得到应答"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JudgeContext;
    use crate::judged::broken;
    use wxmock_histories::Builder;
    use wxmock_model::history::{History, Outcome, WaitsFor};

    fn check(history: &History, rules: &[&str]) {
        assert_eq!(broken(history, &JudgeContext::default()), rules);
    }

    #[test]
    fn live_01_catches_a_hang_after_everything_was_let_go() {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let two = b.submit("P2", "c2");
        let call = b.commit(one, 1);
        b.reply(call);
        b.ending(Ending::Hung {
            open: vec!["submit c1".into(), "submit c2".into()],
            waits: vec![],
        });
        assert!(b.history.operations[two].returned.is_none());
        check(&b.history, &["LIVE-01"]);
        b.ending(Ending::Complete);
        check(&b.history, &["LIVE-01"]);
    }

    fn wait(operation: usize, upstream: Option<usize>, on: Option<(usize, WaitKnown)>) -> Wait {
        Wait {
            operation,
            request: String::new(),
            upstream,
            on: on.map(|(operation, known)| WaitsFor {
                operation,
                request: String::new(),
                known,
            }),
        }
    }

    /// The lines that draw the graph.
    fn edges(history: &History) -> Vec<String> {
        let violations = crate::judge(history, &JudgeContext::default());
        violations.iter().for_each(crate::judged::told_alike);
        let lines = violations.into_iter().flat_map(|v| v.because);
        lines.filter(|line| line.contains('→')).collect()
    }

    #[test]
    fn live_01_says_who_waits_for_whom() {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let two = b.submit("P2", "c2");
        let call = b.commit(one, 1);
        b.reply(call);
        b.ending(Ending::Hung {
            open: vec![],
            waits: vec![
                wait(one, Some(call), None),
                wait(two, None, Some((one, WaitKnown::Lock))),
            ],
        });
        let lines = edges(&b.history);
        assert!(
            lines[0]
                .starts_with("`submit c1` of phone P1 → waits for nobody: its reply left at step "),
            "{lines:?}"
        );
        assert!(
            lines[1].starts_with("`submit c2` of phone P2 → waits for → `submit c1` of phone P1 → waits for nobody: its reply left at step "),
            "{lines:?}"
        );
    }

    #[test]
    fn live_01_looks_to_earlier_orders_when_a_request_is_alone() {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let call = b.commit(one, 1);
        b.reply(call);
        b.ending(Ending::Hung {
            open: vec![],
            waits: vec![wait(one, Some(call), None)],
        });
        let lines = edges(&b.history);
        assert!(
            lines[0].contains("what an earlier order left behind: its reply left at"),
            "{lines:?}"
        );
    }

    #[test]
    fn live_01_names_a_login_that_left_something_behind_and_ends_in_a_circle() {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let refused = b.refuse(one, 40029);
        b.reply(refused);
        b.answer(one, Outcome::Relogin);
        let two = b.submit("P2", "c2");
        b.ending(Ending::Hung {
            open: vec![],
            waits: vec![wait(two, None, Some((one, WaitKnown::LeftBehind)))],
        });
        let lines = edges(&b.history);
        assert!(
            lines[0].starts_with("`submit c2` of phone P2 → waits for → `submit c1` of phone P1, which is over: it failed at step "),
            "{lines:?}"
        );
        let three = b.submit("P3", "c3");
        b.ending(Ending::Hung {
            open: vec![],
            waits: vec![
                wait(two, None, Some((three, WaitKnown::CameFirst))),
                wait(three, None, Some((two, WaitKnown::CameFirst))),
            ],
        });
        assert!(
            edges(&b.history)
                .iter()
                .all(|line| line.ends_with("a circle")),
            "{:?}",
            edges(&b.history)
        );
    }

    #[test]
    fn live_01_spares_answers_however_bad() {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let call = b.commit(one, 1);
        b.reply(call);
        b.answer(one, Outcome::ServerError);
        check(&b.history, &[]);
    }

    #[test]
    fn live_01_spares_a_broken_connection() {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let call = b.commit(one, 1);
        b.reply(call);
        b.answer(one, Outcome::Indefinite).status = None;
        b.history.operations[one].returned = None;
        check(&b.history, &[]);
    }

    #[test]
    fn live_01_spares_a_lock_that_makes_the_order_impossible() {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        b.submit("P2", "c2");
        b.commit(one, 1);
        b.ending(Ending::Infeasible {
            waiting: "submit c2".into(),
            holder: "submit c1".into(),
        });
        check(&b.history, &[]);
    }
}
