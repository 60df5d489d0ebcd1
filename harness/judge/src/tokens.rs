//! TOK-01 to TOK-03: tokens are told apart, cannot be derived, and no secret leaves the backend.
//!
//! Derivations and leaks are found where the raw bytes are at hand; here they become violations.

use crate::facts::Facts;
use crate::finding::Finding;
use crate::rules;
use wxmock_model::history::{Operation, Outcome, StepKind};
use wxmock_model::say;

/// TOK-01: two people never share a token; two logins get two tokens unless the adapter says otherwise.
pub(crate) fn tok_01(facts: &Facts<'_>) -> Vec<Finding> {
    let tokens: Vec<(usize, &Operation, &str)> = facts
        .logins()
        .filter(|(_, op)| op.answer.outcome == Outcome::Ok)
        .filter_map(|(index, op)| {
            op.answer
                .token_hash
                .as_deref()
                .map(|hash| (index, op, hash))
        })
        .collect();
    let mut found = Vec::new();
    for (at, (index, op, hash)) in tokens.iter().enumerate() {
        let clash = tokens[..at]
            .iter()
            .find(|(_, other, known)| known == hash && clashes(facts, other, op));
        let Some((first, other, _)) = clash else {
            continue;
        };
        let sentence = if other.user == op.user {
            say!(
                "Two logins of {user} with two codes got the same token; logging out on one phone would end both.",
                "{user} 用两个 code 登录两次，拿到的却是同一个 token：一台手机退出登录，另一台的登录态也没了。",
                user = op.user
            )
        } else {
            say!(
                "{first} and {second} are two people and were given the same token.",
                "{first} 和 {second} 是两个用户，拿到的却是同一个 token。",
                first = other.user,
                second = op.user
            )
        };
        found.push(
            Finding::must("TOK-01", *index, sentence)
                .because(say!(
                    "It was given out at {place}.",
                    "它在{place}发出。",
                    place = facts.place(facts.step_of(*first, StepKind::Answer))
                ))
                .because(say!(
                    "It was given out again at {place}.",
                    "{place}又发出了同一个。",
                    place = facts.place(facts.step_of(*index, StepKind::Answer))
                ))
                .steps(facts.ends_of(*first))
                .steps(facts.ends_of(*index)),
        );
    }
    found
}

/// Submissions of one code may share a session; other logins may not, unless declared and of one person.
fn clashes(facts: &Facts<'_>, a: &Operation, b: &Operation) -> bool {
    let one_login = a.code.is_some() && a.code == b.code;
    a.user != b.user || (facts.context.declared.distinct_tokens && !one_login)
}

/// TOK-02, TOK-03 and whatever else was found on the raw bytes of an answer.
pub(crate) fn on_raw_bytes(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, op) in facts.operations() {
        for (rule, explanation) in op.answer.explained() {
            let sentence = say!(
                "{who}, answer to `{label}`: {explanation}",
                "{who} 的 `{label}` 收到的回答：{explanation}",
                who = facts.who(op),
                label = op.label,
                explanation = explanation
            );
            let level =
                rules::rule(rule).map_or(wxmock_model::verdict::Level::Must, |rule| rule.level);
            found.push(
                Finding::must(rule, index, sentence)
                    .at(level)
                    .steps(facts.ends_of(index)),
            );
        }
        let leaked = facts.history.secrets.known.iter().find(|(_, secret)| {
            // Shorter texts would be found by chance.
            secret.len() >= 16 && op.answer.excerpt.contains(secret.as_str())
        });
        if let Some((what, _)) = leaked {
            found.push(
                Finding::must(
                    "TOK-03",
                    index,
                    say!(
                        "{who}, answer to `{label}`: it contains {what}.",
                        "{who} 的 `{label}` 收到的回答里含有 {what}。",
                        who = facts.who(op),
                        label = op.label,
                        what = what
                    ),
                )
                .steps(facts.ends_of(index)),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::judged::broken;
    use crate::{Declared, JudgeContext};
    use wxmock_histories::Builder;
    use wxmock_model::history::{History, Outcome};
    use wxmock_model::lang::Say;
    use wxmock_model::say;

    fn check(history: &History, rules: &[&str]) {
        assert_eq!(broken(history, &JudgeContext::default()), rules);
    }

    /// Two whole logins whose tokens are equal.
    fn same_token(first: (&str, &str), second: (&str, &str)) -> Builder {
        let mut b = Builder::new();
        b.login(first.0, first.1, 1, "t");
        let op = b.login(second.0, second.1, 1, "t");
        assert_eq!(
            b.history.operations[op].answer.token_hash.as_deref(),
            Some("hash of t")
        );
        b
    }

    #[test]
    fn tok_01_catches_a_token_shared_by_people_or_by_logins() {
        check(&same_token(("P1", "c1"), ("Q1", "d1")).history, &["TOK-01"]);
        check(&same_token(("P1", "c1"), ("P2", "c2")).history, &["TOK-01"]);
    }

    #[test]
    fn tok_01_spares_one_code_submitted_twice_and_a_declared_design() {
        let same_code = same_token(("P1", "c1"), ("P2", "c1"));
        check(&same_code.history, &[]);
        let declared = Declared {
            distinct_tokens: false,
            ..Declared::default()
        };
        let context = JudgeContext {
            declared,
            ..JudgeContext::default()
        };
        assert!(broken(&same_token(("P1", "c1"), ("P2", "c2")).history, &context).is_empty());
        assert_eq!(
            broken(&same_token(("P1", "c1"), ("Q1", "d1")).history, &context),
            ["TOK-01"]
        );
    }

    #[test]
    fn tok_01_spares_distinct_tokens() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("P2", "c2", 1, "t2");
        b.login("Q1", "d1", 1, "u1");
        check(&b.history, &[]);
    }

    #[test]
    fn tok_02_and_tok_03_repeat_what_the_raw_bytes_showed() {
        for rule in ["TOK-02", "TOK-03"] {
            let mut b = Builder::new();
            let op = b.login("P1", "c1", 1, "t1");
            b.history.operations[op].answer.find(
                rule,
                say!(
                    "the token is sha1(session_key).",
                    "token 就是 sha1(session_key)。"
                ),
            );
            check(&b.history, &[rule]);
        }
    }

    #[test]
    fn tok_03_catches_a_secret_in_an_excerpt_without_repeating_it() {
        let mut b = Builder::new();
        let op = b.login("P1", "c1", 1, "t1");
        let secret = "c2VjcmV0LWtleS0wMDAwMQ==";
        b.history
            .secrets
            .known
            .push((Say::same("the session_key k1 of A"), secret.into()));
        b.history.operations[op].answer.excerpt = format!("{{\"session_key\":\"{secret}\"}}");
        let found = crate::judge(&b.history, &JudgeContext::default());
        assert_eq!(found[0].rule, "TOK-03");
        assert!(!found[0].sentence.contains(secret), "{}", found[0].sentence);
    }

    #[test]
    fn tok_03_spares_answers_without_secrets() {
        let mut b = Builder::new();
        let op = b.login("P1", "c1", 1, "t1");
        b.history
            .secrets
            .known
            .push((Say::same("a short word"), "ok".into()));
        b.history.secrets.known.push((
            Say::same("the AppSecret"),
            "0123456789abcdef0123456789abcdef".into(),
        ));
        b.history.operations[op].answer.excerpt = "{\"ok\":true}".into();
        b.answer(op, Outcome::Ok);
        check(&b.history, &[]);
    }
}
