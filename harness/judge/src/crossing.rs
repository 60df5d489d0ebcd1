//! Requests of one person that are inside the backend at the same time: a backend may let one of them through and tell the
//! others to try later.
//!
//! It knows when requests were sent and answered, not whether the backend has a lock.

use crate::facts::Facts;
use wxmock_model::history::{Operation, Outcome, Phase, Tick};

impl Facts<'_> {
    /// Whether `op` was told to try later while another request of the same person was open, in the race. What a backend
    /// that lets one request of a person in at a time says to the others is no failure; what comes of trying again is
    /// another operation's business.
    pub(crate) fn gave_way(&self, index: usize, op: &Operation) -> bool {
        let end = |index: usize| self.ended(index).unwrap_or(Tick(u32::MAX));
        op.answer.outcome == Outcome::RetryLater
            && op.phase == Phase::Race
            && self.operations().any(|(other, o)| {
                other != index
                    && o.user == op.user
                    && o.called < end(index)
                    && end(other) > op.called
            })
    }
}

#[cfg(test)]
mod tests {
    use crate::judged::broken;
    use crate::{Expectation, JudgeContext};
    use wxmock_histories::Builder;
    use wxmock_model::history::{Outcome, Phase};

    /// Two logins of A, one inside the other or one after the other; the second is told `outcome`.
    fn check(crossing: bool, phase: Phase, outcome: Outcome, broken_rules: &[&str]) {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let call = b.commit(one, 1);
        if !crossing {
            b.reply(call);
            b.welcome(one, "t1");
        }
        let two = b.submit("P2", "c2");
        b.answer(two, outcome);
        if crossing {
            b.reply(call);
            b.welcome(one, "t1");
        }
        b.history.operations[two].phase = phase;
        let wish = Expectation {
            must: vec![Outcome::Ok, Outcome::Relogin],
            should: None,
            rule: "KEY-02".to_owned(),
        };
        let context = JudgeContext {
            expectations: [("submit c2".to_owned(), wish)].into_iter().collect(),
            ..JudgeContext::default()
        };
        assert_eq!(broken(&b.history, &context), broken_rules);
    }

    #[test]
    fn who_gives_way_to_another_request_of_the_same_person_is_spared() {
        check(true, Phase::Race, Outcome::RetryLater, &[]);
    }

    #[test]
    fn who_is_sent_away_alone_or_fails_otherwise_is_not() {
        check(false, Phase::Race, Outcome::RetryLater, &["KEY-02"]);
        check(true, Phase::After, Outcome::RetryLater, &["KEY-02"]);
        check(true, Phase::Race, Outcome::ServerError, &["KEY-02"]);
    }
}
