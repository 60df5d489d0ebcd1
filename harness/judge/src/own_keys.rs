//! Which keys sessions open, counted over the orders of a run: by the key of their own login, and by keys of other logins of the
//! same person. One order rarely holds all of it.

use crate::JudgeContext;
use crate::facts::{Facts, honest, is_login};
use crate::mechanism::is_right;
use wxmock_model::history::{History, Outcome, ReloginCause};

/// How often sessions opened, or asked for a login over, a payload of their own person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnKeys {
    /// Sealed under the key of the session's own login, after another login of the person had brought a newer key: opened.
    pub older_own_opened: usize,
    /// The same: refused.
    pub own_refused: usize,
    /// Sealed under a key that another login had brought: opened.
    pub other_opened: usize,
    /// The same: refused.
    pub other_refused: usize,
}

impl OwnKeys {
    /// What an order shows.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let context = JudgeContext::default();
        let facts = Facts::new(history, &context);
        let mut seen = Self::default();
        for (_, op) in facts.operations().filter(|(_, op)| !is_login(op)) {
            let Some(payload) = facts.payload(op).filter(|sent| honest(sent)) else {
                continue;
            };
            let own_person = op.token_of.as_deref() == Some(payload.user.as_str());
            let (Some(login), Some(key)) = (facts.login_of_token(op), payload.key_no) else {
                continue;
            };
            if !own_person || !op.alterations.is_empty() {
                continue;
            }
            let opened = is_right(op, payload);
            let refused = op.answer.outcome == Outcome::Relogin
                && op.answer.relogin != Some(ReloginCause::Token);
            // A session that another has the token of has two keys of its own.
            let hash = history.operations[login].answer.token_hash.as_ref();
            let shared = facts.logins().any(|(other, twin)| {
                other != login && hash.is_some() && twin.answer.token_hash.as_ref() == hash
            });
            if shared || !(opened || refused) {
                continue;
            }
            let delivered = |no: u32| facts.last_delivery(&payload.user, no, op.called).is_some();
            let keys = facts.keys_of_login(login);
            let newest = facts
                .newest_key(&payload.user, op.called)
                .map(|newest| newest.no);
            match (keys.contains(&key), opened) {
                (true, true) => {
                    let newer_came = newest.is_some_and(|newest| newest > key && delivered(newest));
                    seen.older_own_opened += usize::from(newer_came);
                }
                (true, false) => seen.own_refused += 1,
                (false, _) if keys.is_empty() || !delivered(key) => {}
                (false, true) => seen.other_opened += 1,
                (false, false) => seen.other_refused += 1,
            }
        }
        seen
    }

    /// What this and another order show together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            older_own_opened: self.older_own_opened + other.older_own_opened,
            own_refused: self.own_refused + other.own_refused,
            other_opened: self.other_opened + other.other_opened,
            other_refused: self.other_refused + other.other_refused,
        }
    }

    /// Whether sessions open what their own login's key sealed, newer ones or not, and nothing else of their person.
    #[must_use]
    pub const fn are_all_that_opens(&self) -> bool {
        self.older_own_opened > 0
            && self.other_refused > 0
            && self.own_refused == 0
            && self.other_opened == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_histories::Builder;

    /// Two logins of A; each token sends a payload under each key, and is answered like this.
    fn matrix(answers: [[Outcome; 2]; 2]) -> OwnKeys {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("P2", "c2", 2, "t2");
        for (token, row) in answers.iter().enumerate() {
            for (key, outcome) in row.iter().enumerate() {
                let phone = ["P1", "P2"][token];
                let p = b.capture(phone, &format!("p{token}{key}"), [1, 2][key]);
                b.send_gets(phone, p, ["t1", "t2"][token], *outcome);
            }
        }
        OwnKeys::of(&b.history)
    }

    #[test]
    fn only_the_whole_matrix_says_that_a_session_opens_its_own_key_alone() {
        let (ok, no) = (Outcome::Ok, Outcome::Relogin);
        assert!(matrix([[ok, no], [no, ok]]).are_all_that_opens());
        // The newest key for every token; every key of the person; the first one kept.
        assert!(!matrix([[no, ok], [no, ok]]).are_all_that_opens());
        assert!(!matrix([[ok, ok], [ok, ok]]).are_all_that_opens());
        assert!(!matrix([[ok, no], [ok, no]]).are_all_that_opens());
        let (one, other) = (matrix([[ok, no], [no, ok]]), matrix([[ok, ok], [ok, ok]]));
        assert!(!one.and(other).are_all_that_opens());
        assert!(!OwnKeys::default().are_all_that_opens());
    }
}
