//! Sessions that another login of the same person may have ended.
//!
//! It knows what was asked and answered, not what the backend keeps: whether a session was ended, or merely could have been,
//! shows in the answers alone.

use crate::history::{Operation, Outcome, Tick};
use crate::judge::facts::{Facts, is_exchange};
use crate::lang::{Say, say};

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

    fn refused_after_another_login(&self, op: &Operation) -> bool {
        matches!(op.answer.outcome, Outcome::Relogin | Outcome::Denied)
            && self.displaced_by(op).is_some()
    }

    /// The line of the adapter that would make this refusal right, where one session per person is what was meant.
    pub(crate) fn undeclared_replacement(&self, op: &Operation) -> Option<Say> {
        let token_alone = op.payload.is_none() || op.answer.outcome == Outcome::Denied;
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
    use crate::history::History;
    use crate::judge::builder::{Builder, broken};
    use crate::judge::{Declared, Expectation, JudgeContext, judge};

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
