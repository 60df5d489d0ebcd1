//! Why a history without a violation still proves nothing.

use crate::history::{Ending, History, Operation, Outcome};

/// The reason for [`Verdict::Inconclusive`](crate::verdict::Verdict::Inconclusive) that this order alone gives.
pub(crate) fn doubt(history: &History) -> Option<String> {
    match &history.ending {
        Ending::Complete => {}
        Ending::Infeasible { waiting, holder } => {
            return Some(format!(
                "serialised: `{waiting}` waits for `{holder}` inside the backend"
            ));
        }
        Ending::Diverged { at, saw } => {
            return Some(format!(
                "diverged: at {at} the backend did something else: {saw}"
            ));
        }
        Ending::Hung { open, .. } => {
            return Some(format!("unsettled: no answer to {}", open.join(", ")));
        }
        Ending::HoldBudget { at } => {
            return Some(format!(
                "hold-budget: the backend gave up waiting while {at} was held"
            ));
        }
    }
    history
        .operations
        .iter()
        .find(|op| op.answer.outcome == Outcome::Indefinite)
        .map(|op| format!("indefinite: {}", indefinite(op)))
}

fn indefinite(op: &Operation) -> String {
    match op.answer.status {
        Some(status) => format!(
            "`{}` of phone {} got HTTP {status}, which no [[outcome]] rule of the adapter matches",
            op.label, op.phone
        ),
        None => format!(
            "`{}` of phone {} got no complete answer",
            op.label, op.phone
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::builder::{Builder, lost_update};
    use crate::judge::{JudgeContext, doubt, judge};

    fn check(history: &History, expected: Option<&str>) {
        let reason = doubt(history);
        let word = reason
            .as_deref()
            .and_then(|reason| reason.split(':').next());
        assert_eq!(word, expected, "{reason:?}");
    }

    #[test]
    fn an_answer_no_rule_matches_never_passes_and_never_fails() {
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        let call = b.commit(op, 1);
        b.reply(call);
        b.answer(op, Outcome::Indefinite);
        assert!(judge(&b.history, &JudgeContext::default()).is_empty());
        check(&b.history, Some("indefinite"));
        assert!(doubt(&b.history).unwrap().contains("HTTP 418"));
    }

    #[test]
    fn endings_have_their_own_words() {
        let cases = [
            (Ending::Complete, None),
            (
                Ending::Infeasible {
                    waiting: "submit c2".into(),
                    holder: "submit c1".into(),
                },
                Some("serialised"),
            ),
            (
                Ending::Diverged {
                    at: "K2".into(),
                    saw: "no call".into(),
                },
                Some("diverged"),
            ),
            (
                Ending::Hung {
                    open: vec!["submit c1".into()],
                    waits: vec![],
                },
                Some("unsettled"),
            ),
            (Ending::HoldBudget { at: "R1".into() }, Some("hold-budget")),
        ];
        for (ending, word) in cases {
            let mut history = lost_update(Outcome::Ok, &[2]);
            for op in &mut history.operations {
                op.answer.outcome = Outcome::Ok;
            }
            history.ending = ending;
            check(&history, word);
        }
    }
}
