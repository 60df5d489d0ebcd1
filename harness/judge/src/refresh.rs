//! TOK-08, as far as the adapter decides it: what a refresh does to the token it carried. That the new token works, and that a
//! dead one gets none, is expected by the cases that ask.

use crate::facts::Facts;
use crate::finding::Finding;
use wxmock_model::history::{Operation, Outcome, StepKind};
use wxmock_model::say;

/// TOK-08: a token that was refreshed is over, or goes on, as declared. Nothing is demanded where nothing is declared, of a
/// token that was logged out, or of one that a newer login may have ended.
pub(crate) fn tok_08(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(keeps) = facts.context.declared.refresh_keeps else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (refresh_at, refresh) in facts.operations() {
        let Some(done) = refresh.returned.filter(|_| gave_a_token(refresh)) else {
            continue;
        };
        for (index, op) in facts.operations().filter(|(_, op)| {
            op.called > done
                && op.token_name == refresh.token_name
                && op.token_of == refresh.token_of
        }) {
            let over = matches!(op.answer.outcome, Outcome::Relogin | Outcome::Denied);
            let excused = facts.logged_out(op) || (keeps && facts.displaced_by(op).is_some());
            // A payload that does not open is answered `relogin` too: only what carries none tells of the session.
            let tells = op.payload.is_none() && op.number.is_none() && op.op != "logout";
            let broken = match keeps {
                true => over && tells,
                false => op.answer.outcome == Outcome::Ok && op.op != "logout",
            };
            if !broken || excused {
                continue;
            }
            let token = op.token_name.clone().unwrap_or_default();
            let sentence = if keeps {
                say!(
                    "{who}, `{label}`: the token {token} was refused after its refresh, and features.refresh = \"keep\" says that it goes on.",
                    "{who} 的 `{label}`：token {token} 刷新之后被拒绝，而 features.refresh = \"keep\" 说它继续有效。",
                    who = facts.who(op),
                    label = op.label,
                    token = token
                )
            } else {
                say!(
                    "{who}, `{label}`: the token {token} is taken after its refresh, and features.refresh = \"replace\" says that it is over.",
                    "{who} 的 `{label}`：token {token} 刷新之后还能用，而 features.refresh = \"replace\" 说它已经作废。",
                    who = facts.who(op),
                    label = op.label,
                    token = token
                )
            };
            found.push(
                Finding::must("TOK-08", index, sentence)
                    .because(say!(
                        "The new token was given out at {place}.",
                        "新的 token 在{place}发出。",
                        place = facts.place(facts.step_of(refresh_at, StepKind::Answer))
                    ))
                    .steps(facts.ends_of(refresh_at))
                    .steps(facts.ends_of(index)),
            );
        }
    }
    found
}

/// Whether a refresh brought a token, and another one than it carried: some backends only prolong the old one.
fn gave_a_token(op: &Operation) -> bool {
    op.op == "refresh"
        && op.answer.outcome == Outcome::Ok
        && op.token_name.is_some()
        && op.answer.token_name.is_some()
}

#[cfg(test)]
mod tests {
    use crate::judged::broken;
    use crate::{Declared, JudgeContext, judge};
    use wxmock_histories::Builder;
    use wxmock_model::history::{History, Outcome};
    use wxmock_model::mechanism::Mechanism;

    fn declared(keeps: Option<bool>) -> JudgeContext {
        JudgeContext {
            declared: Declared {
                refresh_keeps: keeps,
                ..Declared::default()
            },
            ..JudgeContext::default()
        }
    }

    /// A login, its token refreshed, and then `whoami` with the old one.
    fn asked_with_the_old(outcome: Outcome, logged_out: bool) -> History {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.refresh("P1", "t1", "t2");
        if logged_out {
            let out = b.whoami("P1", "t1", Outcome::Ok, None);
            b.history.operations[out].op = "logout".into();
        }
        b.whoami("P1", "t1", outcome, None);
        b.history
    }

    fn check(keeps: Option<bool>, outcome: Outcome, rules: &[&str]) {
        let history = asked_with_the_old(outcome, false);
        assert_eq!(broken(&history, &declared(keeps)), rules);
    }

    #[test]
    fn the_old_token_goes_the_way_that_is_declared() {
        check(Some(false), Outcome::Ok, &["TOK-08"]);
        check(Some(false), Outcome::Relogin, &[]);
        check(Some(true), Outcome::Ok, &[]);
        assert!(
            broken(
                &asked_with_the_old(Outcome::Relogin, false),
                &declared(Some(true))
            )
            .contains(&"TOK-08".to_owned())
        );
        assert!(
            !broken(&asked_with_the_old(Outcome::Ok, false), &declared(None))
                .contains(&"TOK-08".to_owned())
        );
    }

    #[test]
    fn what_was_logged_out_is_another_rule_s_business() {
        for keeps in [true, false] {
            let history = asked_with_the_old(Outcome::Ok, true);
            assert!(!broken(&history, &declared(Some(keeps))).contains(&"TOK-08".to_owned()));
        }
    }

    #[test]
    fn the_cause_is_what_nobody_declared() {
        let found = judge(
            &asked_with_the_old(Outcome::Ok, false),
            &declared(Some(false)),
        );
        let cause = found.iter().find(|found| found.rule == "TOK-08");
        assert_eq!(cause.unwrap().mechanism, Mechanism::RefreshUndeclared);
    }
}
