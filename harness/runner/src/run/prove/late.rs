//! A token that is refused right after it was given out, and good a little later: what it stands for is stored only after the
//! answer.

use std::time::Duration;

use super::decide::Seen;
use super::found::violation;
use super::{Ask, Prover};
use crate::device::Device;
use wxmock_model::history::Outcome;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::say;
use wxmock_model::verdict::{Impact, Violation};

/// The pauses before the same request is made again: a write that nobody waits for is over by then.
const PAUSES: [Duration; 7] = [
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(40),
    Duration::from_millis(80),
    Duration::from_millis(150),
    Duration::from_millis(300),
    Duration::from_millis(400),
];

impl Prover<'_, '_> {
    /// The answer to the same request a little later, if it was refused at first and nothing of it had reached WeChat; `None`
    /// unless it is good then. That is told, and phones wait for their tokens from here on.
    pub(super) async fn a_little_later(
        &mut self,
        device: &Device,
        refused: &Seen,
        ask: &Ask,
    ) -> Result<Option<Seen>, String> {
        let op = refused.op.clone();
        let is_elsewhere = matches!(refused.answer.status, Some(404 | 405 | 415));
        let may_be_the_session = refused.session.is_some()
            && !is_elsewhere
            && matches!(
                refused.reading.outcome,
                Outcome::Relogin | Outcome::Denied | Outcome::Invalid
            );
        // Where phones wait already, it is something else.
        if !may_be_the_session || !self.proof.token_rests.is_zero() {
            return Ok(None);
        }
        let mut waited = Duration::ZERO;
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            waited += pause;
            let seen = self.ask(&op, device, ask.clone()).await?;
            if seen.reading.outcome == Outcome::Ok {
                self.proof.token_rests = waited + waited / 2;
                let found = written_late(refused, waited);
                self.proof.violations.push(found);
                return Ok(Some(seen));
            }
        }
        Ok(None)
    }
}

fn written_late(refused: &Seen, waited: Duration) -> Violation {
    let status = refused.answer.status;
    let status = status.map_or_else(|| "-".to_owned(), |status| status.to_string());
    let sentence = say!(
        "`{op}` refuses ({status}) a session right after the login that gave its token out, and answers the same request {waited} ms later: the session is stored only after the login is answered",
        "登录刚给出 token，`{op}` 就拒绝了它（{status}）；{waited} ms 之后，同样的请求却成功了：会话是在登录应答之后才存进去的",
        op = refused.op,
        status = status,
        waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX)
    );
    Violation {
        mechanism: Mechanism::WrittenLate,
        ..violation(
            "TOK-01",
            Impact::LockOut,
            &refused.op,
            refused.reading.outcome,
            sentence,
        )
    }
}
