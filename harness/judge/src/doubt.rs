//! Why a history without a violation still proves nothing.

use wxmock_model::history::{Ending, History, Operation, Outcome};
use wxmock_model::lang::Say;
use wxmock_model::say;

/// The reason for [`Verdict::Inconclusive`](wxmock_model::verdict::Verdict::Inconclusive) that this order alone gives.
pub(crate) fn doubt(history: &History) -> Option<Say> {
    match &history.ending {
        Ending::Complete => {}
        Ending::Infeasible { waiting, holder } => {
            return Some(say!(
                "serialised: `{waiting}` waits for `{holder}` inside the backend",
                "serialised: `{waiting}` 在后端内部排队，等的是 `{holder}`",
                waiting = waiting,
                holder = holder
            ));
        }
        Ending::Diverged { at, saw } => {
            return Some(say!(
                "diverged: at {at} the backend did something else: {saw}",
                "diverged: 到 {at} 这一步，后端的行为与预定顺序不符：{saw}",
                at = at,
                saw = saw
            ));
        }
        Ending::Hung { open, .. } => {
            return Some(say!(
                "unsettled: no answer to {open}",
                "unsettled: {open} 没有应答",
                open = Say::join(open, &say!(", ", "、"))
            ));
        }
        Ending::HoldBudget { at } => {
            return Some(say!(
                "hold-budget: the backend gave up waiting while {at} was held",
                "hold-budget: 拦住 {at} 的时候，后端等不及，自己放弃了",
                at = at
            ));
        }
    }
    history
        .operations
        .iter()
        .find(|op| op.answer.outcome == Outcome::Indefinite)
        .map(indefinite)
}

fn indefinite(op: &Operation) -> Say {
    if let Some(why) = &op.answer.unreadable {
        return say!(
            "indefinite: the body of the answer to `{label}` of phone {phone} could not be read: {why}",
            "indefinite: 手机 {phone} 的 `{label}` 的应答正文无法读取：{why}",
            label = op.label,
            phone = op.phone,
            why = why
        );
    }
    if !op.answer.missing.is_empty() {
        return say!(
            "indefinite: `{label}` of phone {phone} is ok by its outcome rule, but the capture {missing} found nothing in: {excerpt}",
            "indefinite: 按 outcome 规则，手机 {phone} 的 `{label}` 是 ok，但 capture 中的 {missing} 在应答里什么也没找到：{excerpt}",
            label = op.label,
            phone = op.phone,
            missing = Say::join(&op.answer.missing, &say!(", ", "、")),
            excerpt = op.answer.excerpt
        );
    }
    match op.answer.status {
        Some(status) => say!(
            "indefinite: `{label}` of phone {phone} got HTTP {status}, which no [[outcome]] rule of the adapter matches",
            "indefinite: 手机 {phone} 的 `{label}` 得到 HTTP {status}，adapter 里没有哪条 [[outcome]] 规则匹配它",
            label = op.label,
            phone = op.phone,
            status = u32::from(status)
        ),
        None => say!(
            "indefinite: `{label}` of phone {phone} got no complete answer",
            "indefinite: 手机 {phone} 的 `{label}` 没有得到完整的应答",
            label = op.label,
            phone = op.phone
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{JudgeContext, doubt, judge};
    use wxmock_histories::{Builder, lost_update};

    fn check(history: &History, expected: Option<&str>) {
        let reason = doubt(history);
        let word =
            |text: fn(&Say) -> &str| reason.as_ref().and_then(|say| text(say).split(':').next());
        assert_eq!(word(|say| &say.en), expected, "{reason:?}");
        assert_eq!(word(|say| &say.zh), expected, "{reason:?}");
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
        assert!(doubt(&b.history).unwrap().en.contains("HTTP 418"));
    }

    #[test]
    fn what_was_not_seen_is_named() {
        let said = |change: fn(&mut wxmock_model::history::Answer), parts: &[&str]| {
            let mut b = Builder::new();
            let op = b.submit("P1", "c1");
            b.answer(op, Outcome::Indefinite);
            let answer = &mut b.history.operations[op].answer;
            answer.status = Some(200);
            change(answer);
            check(&b.history, Some("indefinite"));
            let reason = doubt(&b.history).unwrap();
            for part in parts {
                assert!(reason.en.contains(part), "{}", reason.en);
            }
        };
        said(
            |answer| {
                answer.missing = vec!["token".into(), "user_id".into()];
                answer.excerpt = r#"{"tokn":"<t1>"}"#.into();
            },
            &["capture token, user_id found nothing", "tokn"],
        );
        said(
            |answer| answer.unreadable = Some("its charset is `x`".into()),
            &["could not be read: its charset is `x`"],
        );
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
