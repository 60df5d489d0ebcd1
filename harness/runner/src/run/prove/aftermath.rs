//! What is left of a backend after it was sent what has to be refused: nobody is answered any more, or everybody is turned
//! away.

use std::time::Duration;

use super::found::{spoilt_words, violation};
use super::turned_away::TurnedAway;
use super::{Prover, Senses};
use crate::run::again::TOO_MANY;
use wxmock_model::history::Outcome;
use wxmock_model::lang::Say;
use wxmock_model::say;
use wxmock_model::verdict::Impact;

impl TurnedAway {
    /// Whether the backend, started again, answers as many honest logins as it had been asked for: then it was no limit that
    /// turned everybody away, but what was refused.
    pub(crate) async fn is_no_limit(&self, senses: Senses<'_>) -> bool {
        let Ok(test_users) = senses.test_users() else {
            return false;
        };
        let mut proof = super::Proof::default();
        let mut prover = Prover::new(&senses, test_users, &mut proof);
        let Ok(device) = prover.person() else {
            return false;
        };
        // A backend that has just started may turn its first logins away.
        let mut within = super::WARMS_UP_WITHIN;
        for _ in 0..self.logins {
            let seen = prover.welcome(&self.op, &device, within).await;
            if !seen.is_ok_and(|seen| seen.reading.outcome == Outcome::Ok) {
                return false;
            }
            within = Duration::ZERO;
        }
        true
    }
}

impl Prover<'_, '_> {
    /// A login at the end: it is answered, or what became of the backend is noted. `None` if it was not answered `ok`.
    pub(super) async fn log_in_afterwards(
        &mut self,
        op: &str,
    ) -> Result<Option<super::Guest>, String> {
        let device = self.person()?;
        let calls = self.calls();
        let seen = self.welcome(op, &device, super::REOPENS_WITHIN).await?;
        let outcome = seen.reading.outcome;
        if outcome == Outcome::Ok {
            let session = seen.reading.captures;
            return Ok(Some(super::Guest { device, session }));
        }
        if seen.answer.error.is_some() {
            self.felled();
        } else if matches!(outcome, Outcome::RetryLater | Outcome::ServerError)
            && seen.answer.status != Some(TOO_MANY)
            && self.suspect.is_some()
            && self.calls() == calls
        {
            self.proof.turned_away = Some(TurnedAway {
                op: op.to_owned(),
                cause: self.cause(),
                status: seen.answer.status,
                took: seen.answer.took,
                logins: self.logins,
            });
        }
        Ok(None)
    }

    /// Nobody is answered any more since something was asked that had to be refused.
    pub(super) fn felled(&mut self) {
        self.proof.felled = true;
        let sentence = say!(
            "after {cause}, the backend answers nobody any more: it ended, or something was taken and it never gave it back",
            "{cause}之后，后端不再响应任何人：要么已经退出，要么占用了什么东西没有归还",
            cause = self.cause()
        );
        let op = self.suspect.as_ref().map_or("login", |(op, _)| op);
        let found = violation(
            "LIVE-01",
            Impact::LockOut,
            op,
            Outcome::Indefinite,
            sentence,
        );
        self.proof.violations.push(found);
    }

    /// What was asked that may have done harm.
    fn cause(&self) -> Say {
        self.suspect.as_ref().map_or_else(
            || say!("what has to be refused", "那些本该拒绝的请求"),
            |(op, probe)| {
                let what = spoilt_words(*probe);
                say!(
                    "`{op}` was sent {what}",
                    "`{op}` 收到{what}",
                    op = op,
                    what = what
                )
            },
        )
    }
}
