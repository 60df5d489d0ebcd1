//! How far an order was forced, and what a failure seen in it is therefore worth.

use serde::{Deserialize, Serialize};

use crate::lang::Say;
use crate::say;

/// How far what happened was decided from outside the backend, and not by the backend's own timing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forced {
    /// Every step was taken alone, and the backend came to rest before the next one: the same order shows the same again.
    #[default]
    Fully,
    /// Some steps were taken together. Which of them is carried out first inside the backend is the backend's business, so
    /// that one run proves nothing by passing.
    Partly {
        /// The steps of each such moment: `R1+R2`.
        together: Vec<String>,
    },
    /// Nothing was held: every order is the backend's own.
    Free,
}

impl Forced {
    /// Whether every step was taken alone.
    #[must_use]
    pub const fn is_fully(&self) -> bool {
        matches!(self, Self::Fully)
    }

    /// What was not forced, as the caption of a picture; `None` if there is nothing of the kind.
    #[must_use]
    pub fn caption(&self) -> Option<Say> {
        match self {
            Self::Fully => None,
            Self::Partly { together } => Some(say!(
                "{steps} were taken together; what happens between them inside the backend is not forced",
                "{steps} 是同时放行的；它们在后端内部的先后没有被强制",
                steps = Say::join(together, &say!(" and ", " 以及 "))
            )),
            Self::Free => Some(say!(
                "nothing was held: the order is the backend's own, and not forced",
                "没有拦住任何一步：顺序由后端自己决定，没有被强制"
            )),
        }
    }

    /// What a failure seen at `rate` is worth.
    pub(crate) fn worth(&self, rate: Rate) -> Option<Say> {
        self.caption().map(|caption| {
            say!(
                "{caption}: seen in {failed} of {of} runs",
                "{caption}：{of} 次运行中出现 {failed} 次",
                caption = caption,
                failed = rate.failed,
                of = rate.of
            )
        })
    }
}

/// How often an order fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Runs that failed.
    pub failed: usize,
    /// Runs.
    pub of: usize,
}
