//! The scenario's own `[expect]` lists: which answers an operation may get.

use crate::history::Outcome;
use crate::judge::facts::{Facts, said, word};
use crate::judge::finding::Finding;
use crate::lang::{Say, say};
use crate::verdict::Level;

/// Answers outside the lists. What no adapter rule matches is left to [`doubt`](crate::judge::doubt).
pub(crate) fn expectations(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.settled() {
        return Vec::new();
    }
    facts
        .operations()
        .filter(|(_, op)| !op.tried_again)
        .filter_map(|(index, op)| {
            let expected = facts.context.expectations.get(&op.label)?;
            let outcome = op.answer.outcome;
            let (level, list) = match &expected.should {
                _ if outcome == Outcome::Indefinite => return None,
                _ if !expected.must.is_empty() && !expected.must.contains(&outcome) => {
                    (Level::Must, &expected.must)
                }
                Some(wish) if !wish.contains(&outcome) => (Level::Should, wish),
                _ => return None,
            };
            let words = list.iter().map(|outcome| word(*outcome));
            let binds = if level == Level::Must {
                say!("must", "必须")
            } else {
                say!("should", "应当")
            };
            Some(
                Finding::must(
                    &expected.rule,
                    index,
                    say!(
                        "{who} did `{label}` and got {got}; in this order it {binds} be {words}.",
                        "{who} 执行 `{label}`，结果：{got}；按这种顺序{binds}是 {words}。",
                        who = facts.who(op),
                        label = op.label,
                        got = said(&op.answer),
                        binds = binds,
                        words = Say::join(words, &say!(" or ", " 或 ")),
                    ),
                )
                .at(level)
                .steps(facts.ends_of(index)),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::builder::Builder;
    use crate::judge::{Expectation, JudgeContext, judge};

    fn check(
        outcome: Outcome,
        must: &[Outcome],
        should: Option<&[Outcome]>,
        expected: Option<Level>,
    ) {
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        let call = b.commit(op, 1);
        b.reply(call);
        b.answer(op, outcome);
        let expectation = Expectation {
            must: must.to_vec(),
            should: should.map(<[Outcome]>::to_vec),
            rule: "KEY-02".into(),
        };
        let context = JudgeContext {
            expectations: [("submit c1".to_owned(), expectation)]
                .into_iter()
                .collect(),
            ..JudgeContext::default()
        };
        let found: Vec<Level> = judge(&b.history, &context)
            .iter()
            .map(|found| found.level)
            .collect();
        assert_eq!(
            found,
            expected.into_iter().collect::<Vec<_>>(),
            "{outcome:?}"
        );
    }

    #[test]
    fn answers_outside_the_lists_break_the_rule_at_the_lists_level() {
        let (ok, relogin) = (Outcome::Ok, Outcome::Relogin);
        check(
            Outcome::ServerError,
            &[ok, relogin],
            Some(&[ok]),
            Some(Level::Must),
        );
        check(relogin, &[ok, relogin], Some(&[ok]), Some(Level::Should));
        check(relogin, &[ok, relogin], None, None);
        check(ok, &[ok, relogin], Some(&[ok]), None);
        check(relogin, &[], Some(&[ok]), Some(Level::Should));
    }

    #[test]
    fn an_unclassified_answer_is_doubt_not_violation() {
        check(
            Outcome::Indefinite,
            &[Outcome::Ok],
            Some(&[Outcome::Ok]),
            None,
        );
    }
}
