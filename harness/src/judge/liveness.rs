//! LIVE-01: every request is answered once nothing is held any more.

use crate::history::{Ending, Operation, StepKind};
use crate::judge::facts::Facts;
use crate::judge::finding::Finding;
use crate::judge::upstream::silenced;
use crate::lang::{Say, say};

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
    let names = open.iter().map(|(_, op)| {
        say!(
            "`{label}` of phone {phone}",
            "手机 {phone} 的 `{label}`",
            label = op.label,
            phone = op.phone
        )
    });
    let names = Say::join(names, &say!(", ", "、"));
    let sentence = match open.len() {
        1 => say!(
            "Every held reply was let go, and {names} still has no answer.",
            "扣住的回复已全部放行，{names} 仍然没有应答。",
            names = names
        ),
        _ => say!(
            "Every held reply was let go, and {names} still have no answer.",
            "扣住的回复已全部放行，{names} 仍然都没有应答。",
            names = names
        ),
    };
    let mut finding = Finding::must("LIVE-01", *first, sentence);
    for (index, op) in &open {
        let waiting = facts.calls_of(*index);
        let line = match waiting.iter().max_by_key(|(_, call)| call.released) {
            Some((call, _)) => say!(
                "`{label}` had its reply from WeChat at {place} and nothing after it.",
                "`{label}` 在{place}就拿到了微信的回复，之后再无动静。",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{History, Outcome};
    use crate::judge::JudgeContext;
    use crate::judge::builder::{Builder, broken};

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
        });
        assert!(b.history.operations[two].returned.is_none());
        check(&b.history, &["LIVE-01"]);
        b.ending(Ending::Complete);
        check(&b.history, &["LIVE-01"]);
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
