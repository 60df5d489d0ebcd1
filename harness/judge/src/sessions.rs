//! Sessions that another login of the same person may have ended.
//!
//! It knows what was asked and answered, not what the backend keeps: whether a session was ended, or merely could have been,
//! shows in the answers alone.

use crate::context::JudgeContext;
use crate::facts::{Facts, is_exchange, is_login};
use wxmock_model::history::{History, Operation, Outcome, ReloginCause, Tick};
use wxmock_model::lang::Say;
use wxmock_model::say;

/// Writes into a history what every `relogin` was about, as far as it can be told.
pub(crate) fn name_relogins(history: &mut History, context: &JudgeContext) {
    let facts = Facts::new(history, context);
    let causes: Vec<Option<ReloginCause>> = (0..history.operations.len())
        .map(|index| facts.relogin_cause(index))
        .collect();
    for (operation, cause) in history.operations.iter_mut().zip(causes) {
        operation.answer.relogin = cause;
    }
}

impl Facts<'_> {
    /// A login that may have ended the session `op` was sent with: of the same person, answered ok with another token, at
    /// WeChat before `op` was answered, and not over before the session itself began.
    pub(crate) fn displaced_by(&self, op: &Operation) -> Option<usize> {
        let own = self.login_of_token(op)?;
        let session = &self.history.operations[own];
        let begun = self.learned_identity(own);
        let end = op.returned.unwrap_or(Tick(u32::MAX));
        self.logins()
            .find(|&(index, other)| {
                let same_token = other.answer.token_hash.is_some()
                    && other.answer.token_hash == session.answer.token_hash;
                index != own
                    && op.token_of.as_deref() == Some(other.user.as_str())
                    && other.answer.outcome == Outcome::Ok
                    && !same_token
                    && other.returned.is_some_and(|at| at > begun)
                    && self.learned_identity(index) < end
            })
            .map(|(index, _)| index)
    }

    /// Whether the backend refused `op` because, as its adapter declares, a newer login ends the older sessions.
    pub(crate) fn refused_as_replaced(&self, op: &Operation) -> bool {
        self.context.declared.replaces_sessions && self.refused_after_another_login(op)
    }

    /// Whether a token that was good is refused since a login of somebody else was answered, or refused, and no login or logout
    /// of its own person lies between.
    pub(crate) fn ended_by_a_strangers_login(&self, op: &Operation) -> bool {
        self.strangers_logins_that_ended(op).is_some()
    }

    /// Those logins of somebody else; `None` if the token was not good before, is not refused, or its own person may have ended it.
    pub(crate) fn strangers_logins_that_ended<'s>(
        &'s self,
        op: &'s Operation,
    ) -> Option<impl Iterator<Item = &'s Operation>> {
        let refused = matches!(
            op.answer.outcome,
            Outcome::Relogin | Outcome::Denied | Outcome::Invalid
        );
        let owner = op.token_of.as_deref().filter(|_| refused)?;
        let good = self.operations().filter(|(_, other)| {
            other.token_name.is_some()
                && other.token_name == op.token_name
                && other.token_of == op.token_of
                && other.answer.outcome == Outcome::Ok
                && other.returned < Some(op.called)
        });
        let since = good.filter_map(|(_, other)| other.returned).max()?;
        let between = move |other: &Operation| {
            other.returned > Some(since) && other.called < op.called && other.returned.is_some()
        };
        let own = self.operations().any(|(_, other)| {
            let asker = other.token_of.as_deref().unwrap_or(&other.user);
            asker == owner && between(other) && (is_login(other) || other.op == "logout")
        });
        let dead = op.op == "whoami"
            || self.operations().any(|(_, other)| {
                other.op == "whoami"
                    && other.token_name == op.token_name
                    && other.called > since
                    && !matches!(
                        other.answer.outcome,
                        Outcome::Ok | Outcome::Indefinite | Outcome::RetryLater
                    )
            });
        let strangers = self
            .logins()
            .map(|(_, login)| login)
            .filter(move |login| login.user != owner && between(login));
        let mut strangers = strangers.peekable();
        let ended = dead && !own && strangers.peek().is_some();
        ended.then_some(strangers)
    }

    fn refused_after_another_login(&self, op: &Operation) -> bool {
        matches!(op.answer.outcome, Outcome::Relogin | Outcome::Denied)
            && self.displaced_by(op).is_some()
    }

    /// What the `relogin` of operation `index` was about; `None` for other answers.
    ///
    /// A session that was ended by a newer login, as declared, or that was logged out, asks for itself. Else it is the word of
    /// `whoami` with the same token: refused before, or after with no other login in between, it is the session; accepted
    /// after, it is the payload. Where whoami says nothing of it, the answer itself may be like that to a token that is none.
    pub(crate) fn relogin_cause(&self, index: usize) -> Option<ReloginCause> {
        let op = &self.history.operations[index];
        if op.answer.outcome != Outcome::Relogin {
            return None;
        }
        if op.op == "whoami" || self.logged_out(op) || self.refused_as_replaced(op) {
            return Some(ReloginCause::Token);
        }
        let by_its_words = op.answer.refused.or(Some(ReloginCause::Unknown));
        if op.token_name.is_none() {
            return by_its_words;
        }
        let asked = self.operations().filter(|(_, other)| {
            other.op == "whoami"
                && other.token_name == op.token_name
                && other.token_of == op.token_of
                && other.returned.is_some()
        });
        for (_, whoami) in asked {
            let after = whoami.called > op.called;
            match whoami.answer.outcome {
                Outcome::Ok if after && op.payload.is_some() => return Some(ReloginCause::Key),
                Outcome::Relogin | Outcome::Denied if !after || !self.login_between(op, whoami) => {
                    return Some(ReloginCause::Token);
                }
                _ => {}
            }
        }
        by_its_words
    }

    /// Whether a login of the token's person was under way between two requests with that token.
    fn login_between(&self, first: &Operation, second: &Operation) -> bool {
        self.logins().any(|(_, login)| {
            first.token_of.as_deref() == Some(login.user.as_str())
                && login.called < second.called
                && login.returned.is_none_or(|at| at > first.called)
        })
    }

    /// The line of the adapter that would make this refusal right, where one session per person is what was meant.
    pub(crate) fn undeclared_replacement(&self, op: &Operation) -> Option<Say> {
        let token_alone = op.payload.is_none()
            || op.answer.outcome == Outcome::Denied
            || op.answer.relogin == Some(ReloginCause::Token);
        let told = !self.context.declared.replaces_sessions
            && token_alone
            && self.refused_after_another_login(op);
        told.then(|| {
            say!(
                "Another login of {user} came in between: if one session per person is meant, declare features.multi_device = \"replace\".",
                "其间 {user} 又登录过一次：如果本来就是一人一个会话，请在 adapter 里声明 features.multi_device = \"replace\"。",
                user = op.user
            )
        })
    }

    /// When a login could first tell whose it is: when WeChat's reply was let go, else when it was sent.
    fn learned_identity(&self, login: usize) -> Tick {
        let replies = self.calls_of(login);
        replies
            .into_iter()
            .filter(|(_, call)| is_exchange(call))
            .filter_map(|(_, call)| call.released)
            .min()
            .unwrap_or(self.history.operations[login].called)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judged::broken;
    use crate::{Declared, Expectation, judge};
    use wxmock_histories::Builder;
    use wxmock_model::mechanism::Mechanism;
    use wxmock_model::verdict::Impact;

    fn replacing(must: &[Outcome]) -> JudgeContext {
        let wish = Expectation {
            must: must.to_vec(),
            should: None,
            rule: "KEY-02".to_owned(),
        };
        JudgeContext {
            expectations: [("send p".to_owned(), wish)].into_iter().collect(),
            declared: Declared {
                replaces_sessions: true,
                ..Declared::default()
            },
            ..JudgeContext::default()
        }
    }

    /// Two logins of A, and a payload under the newest key sent with `token`.
    fn sent_with(token: &str, outcome: Outcome) -> History {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("P2", "c2", 1, "t2");
        let payload = b.capture("P1", "p", 1);
        b.send_gets("P1", payload, token, outcome);
        b.history
    }

    #[test]
    fn a_declared_replacement_may_be_refused_either_way() {
        let context = replacing(&[Outcome::Ok]);
        for outcome in [Outcome::Ok, Outcome::Relogin, Outcome::Denied] {
            assert!(broken(&sent_with("t1", outcome), &context).is_empty());
        }
    }

    #[test]
    fn the_newest_session_and_other_failures_are_not_excused() {
        let context = replacing(&[Outcome::Ok]);
        let rules = broken(&sent_with("t2", Outcome::Relogin), &context);
        assert!(rules.contains(&"KEY-02".to_owned()), "{rules:?}");
        let rules = broken(&sent_with("t1", Outcome::ServerError), &context);
        assert!(rules.contains(&"KEY-02".to_owned()), "{rules:?}");
    }

    #[test]
    fn a_login_whose_reply_is_still_held_ends_no_session() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let two = b.submit("P2", "c2");
        let call = b.commit(two, 1);
        let payload = b.capture("P1", "p", 1);
        b.send_gets("P1", payload, "t1", Outcome::Denied);
        b.reply(call);
        b.welcome(two, "t2");
        assert!(!broken(&b.history, &replacing(&[])).is_empty());
    }

    /// A and B log in, whoami of B is good, `who` submits a code and gets `answered`, and whoami of B gets `then`.
    fn after_a_login(who: &str, answered: Outcome, then: Outcome) -> History {
        let mut b = Builder::new();
        b.login("Q1", "d1", 1, "u1");
        b.login("P1", "c1", 1, "t1");
        b.whoami("Q1", "u1", Outcome::Ok, Some("id-B"));
        let op = b.submit(who, "c9");
        b.answer(op, answered);
        let whoami = b.whoami(
            "Q1",
            "u1",
            then,
            Some("id-B").filter(|_| then == Outcome::Ok),
        );
        b.history.operations[whoami].label = "whoami".into();
        b.history
    }

    #[test]
    fn a_login_that_ends_a_strangers_session_is_no_matter_of_another_phone() {
        let wish = Expectation {
            must: vec![Outcome::Ok],
            should: None,
            rule: "TOK-01".to_owned(),
        };
        let context = JudgeContext {
            expectations: [("whoami".to_owned(), wish)].into_iter().collect(),
            ..JudgeContext::default()
        };
        let found = |who: &str, answered, then| {
            let history = after_a_login(who, answered, then);
            let found = judge(&history, &context);
            let found = found.into_iter().find(|found| found.rule == "TOK-01");
            found.map(|found| (found.mechanism, found.impact))
        };
        let lock_out = Some(Impact::LockOut);
        assert_eq!(
            found("P1", Outcome::Relogin, Outcome::Relogin),
            Some((Mechanism::FailedLoginEndsSessions, lock_out))
        );
        assert_eq!(
            found("P1", Outcome::Ok, Outcome::Relogin),
            Some((Mechanism::LoginEndsOthers, lock_out))
        );
        assert_eq!(found("P1", Outcome::Relogin, Outcome::Ok), None);
        let own = found("Q2", Outcome::Ok, Outcome::Relogin);
        assert!(own.is_some_and(|(mechanism, _)| mechanism != Mechanism::LoginEndsOthers));
    }

    /// A payload sent with t1 gets `relogin`, then whoami is asked with it; `again`: a login comes in between.
    fn cause(whoami: Option<Outcome>, again: bool) -> Option<ReloginCause> {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let payload = b.capture("P1", "p", 1);
        let sent = b.send_gets("P1", payload, "t1", Outcome::Relogin);
        if again {
            b.login("P2", "c2", 2, "t2");
        }
        if let Some(outcome) = whoami {
            b.whoami("P1", "t1", outcome, None);
        }
        name_relogins(&mut b.history, &JudgeContext::default());
        assert_eq!(b.history.operations[0].answer.relogin, None);
        b.history.operations[sent].answer.relogin
    }

    #[test]
    fn whoami_tells_a_dead_session_from_a_payload_that_does_not_open() {
        let (key, token) = (Some(ReloginCause::Key), Some(ReloginCause::Token));
        let unknown = Some(ReloginCause::Unknown);
        assert_eq!(cause(Some(Outcome::Ok), false), key);
        assert_eq!(cause(Some(Outcome::Ok), true), key);
        assert_eq!(cause(Some(Outcome::Relogin), false), token);
        assert_eq!(cause(Some(Outcome::Denied), false), token);
        assert_eq!(cause(Some(Outcome::Relogin), true), unknown);
        assert_eq!(cause(Some(Outcome::ServerError), false), unknown);
        assert_eq!(cause(None, false), unknown);
    }

    #[test]
    fn an_answer_like_that_to_no_token_tells_a_dead_session_where_whoami_says_nothing() {
        for (refused, whoami, expected) in [
            (ReloginCause::Token, None, ReloginCause::Token),
            (ReloginCause::Key, None, ReloginCause::Key),
            (ReloginCause::Token, Some(Outcome::Ok), ReloginCause::Key),
            (
                ReloginCause::Key,
                Some(Outcome::Relogin),
                ReloginCause::Token,
            ),
        ] {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let payload = b.capture("P1", "p", 1);
            let sent = b.send_gets("P1", payload, "t1", Outcome::Relogin);
            b.history.operations[sent].answer.refused = Some(refused);
            if let Some(outcome) = whoami {
                b.whoami("P1", "t1", outcome, None);
            }
            name_relogins(&mut b.history, &JudgeContext::default());
            let cause = b.history.operations[sent].answer.relogin;
            assert_eq!(cause, Some(expected), "{refused:?} {whoami:?}");
        }
    }

    #[test]
    fn without_the_declaration_the_line_is_named() {
        let mut history = sent_with("t1", Outcome::Denied);
        let context = JudgeContext {
            declared: Declared::default(),
            ..replacing(&[Outcome::Ok])
        };
        let hinted = |history: &History| {
            let found = judge(history, &context);
            let mut lines = found.iter().flat_map(|found| &found.because);
            lines.any(|line| line.contains("multi_device = \"replace\""))
        };
        assert!(hinted(&history));
        let last = history.operations.len() - 1;
        history.operations[last].token_name = Some("t2".to_owned());
        assert!(!hinted(&history), "nobody logged in after t2");
    }
}
