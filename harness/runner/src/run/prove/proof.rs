//! What the proving showed, and what that means for a run.

use std::collections::BTreeSet;
use std::time::Duration;

use super::decide::{Fault, Problem};
use super::turned_away::TurnedAway;
use crate::run::exit;
use crate::run::refusals::Refusals;
use wxmock_adapter::Backend;
use wxmock_model::lang::Say;
use wxmock_model::proof::ProvedOperation;
use wxmock_model::say;
use wxmock_model::verdict::Violation;

/// What exercising every described operation showed.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    /// Each described operation, in the order it was exercised.
    pub operations: Vec<ProvedOperation>,
    /// What is wrong with the backend already: refusals that were granted, successes that brought nothing.
    pub violations: Vec<Violation>,
    /// Captures, by operation, that nothing in an honest answer comes near: they are left out of what is judged.
    pub(crate) blind: Vec<(String, String)>,
    /// Operations that read signed data of requests that carry sealed data too.
    pub(crate) reads_signed: BTreeSet<String>,
    /// Whether nobody is answered any more since something had to be refused: the backend is to be started again.
    pub(crate) felled: bool,
    /// Whether sealed data is only read where its base64 holds no `+`.
    pub(crate) damages_plus: bool,
    /// Whether a person's token changes with the second and not with the login.
    pub(crate) tokens_by_second: bool,
    /// Whether the first login fetched an access_token before it exchanged its code.
    pub(crate) login_fetches: bool,
    /// What the operations answered to what has to be refused.
    pub(crate) refusals: Refusals,
    /// How long a token was refused after it had been given out, with half as much again for safety; zero if it was good at once.
    pub(crate) token_rests: Duration,
    /// Whether a person's token changes neither with the login nor with the second.
    pub(crate) tokens_fixed: bool,
    /// What everybody is turned away after, if they are.
    pub(crate) turned_away: Option<TurnedAway>,
    pub(super) problems: Vec<Problem>,
    pub(super) proposal: Option<String>,
}

impl Proof {
    /// Whether nobody is answered any more since something was asked that had to be refused.
    #[must_use]
    pub const fn is_felled(&self) -> bool {
        self.felled
    }

    /// Looks whether the backend is still there: one that ended is named as that, before all else.
    pub(crate) async fn look_after(&mut self, backend: &mut Backend) {
        if self.felled && self.problems.is_empty() {
            // It is started again, and what felled it is told.
            let ended = backend.ending().await;
            if let (Some(status), Some(found)) = (ended, self.violations.last_mut()) {
                found.sentence.push_str(&format!(" ({status})"));
                found.sentence_zh.push_str(&format!("（{status}）"));
            }
            return;
        }
        let ended = if self.problems.is_empty() {
            backend.ended()
        } else {
            backend.ending().await
        };
        let Some(status) = ended else { return };
        let text = if status.success() && backend.left_something() {
            say!(
                "`start` returned ({status}) and left the server running: start must stay in the foreground, or be left out, or have a `stop`",
                "`start` 返回了（{status}），服务却留在后台运行：start 要留在前台，或者不写，或者写上 `stop`",
                status = status.to_string()
            )
        } else {
            say!(
                "the backend ended by itself ({status})",
                "后端自己退出了（{status}）",
                status = status.to_string()
            )
        };
        let fault = Fault::Backend;
        self.problems.insert(0, Problem { fault, text });
    }

    /// Where nobody starts the backend again to find out, what everybody is turned away after is told as a problem.
    pub(crate) fn tell_turned_away(&mut self) {
        if let Some(turned_away) = self.turned_away.take() {
            let (fault, text) = (Fault::Backend, turned_away.told());
            self.problems.push(Problem { fault, text });
        }
    }

    /// What the violations alone do to the exit code of a run.
    pub(crate) const fn exit_code(&self) -> i32 {
        if self.violations.is_empty() {
            exit::OK
        } else {
            exit::VIOLATED
        }
    }

    /// Why no case can be judged: the exit code, and a text of several lines. `None` if the senses are proved.
    #[must_use]
    pub fn failure(&self) -> Option<(i32, Say)> {
        let mut code = None;
        let mut parts = Vec::new();
        for problem in &self.problems {
            let (own, word) = match problem.fault {
                Fault::Adapter => (exit::USAGE, exit::REASON_ADAPTER),
                Fault::Backend => (exit::BACKEND, exit::REASON_BASELINE),
            };
            code = Some(code.map_or(own, |known| exit::worst(known, own)));
            parts.push(say!(
                "{word}: {text}",
                "{word}: {text}",
                word = word,
                text = problem.text
            ));
        }
        if let Some(proposal) = &self.proposal {
            parts.push(say!(
                "\nThese rules tell them apart:\n\n{proposal}",
                "\n下面的规则能把它们区分开：\n\n{proposal}",
                proposal = proposal.trim_end()
            ));
        }
        code.map(|code| (code, Say::join(parts, &Say::same("\n"))))
    }
}
