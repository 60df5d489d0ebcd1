//! What fitting a case comes to: the case that runs and what was left out of it, or why it cannot say anything.

use std::collections::BTreeSet;

use wxmock_model::lang::Say;
use wxmock_model::say;
use wxmock_scenario::plan::Case;

/// A case that runs.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// What is run.
    pub case: Case,
    /// Operations that are not described and whose steps were left out, sorted.
    pub left_out: BTreeSet<String>,
    /// The operation that carries the case's sealed data, where it is not the one the file names.
    pub carried_by: Option<&'static str>,
}

/// Why a case cannot say anything about a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The adapter does not describe these operations.
    NotDescribed(Vec<String>),
    /// The protocol makes it impossible with the operations that are described.
    NotApplicable(Say),
    /// It is about data that a session_key opens, and the adapter declares that the backend has no use for one.
    NoKeyKept,
}

/// The first word of the reason of [`Unfit::NoKeyKept`].
pub(crate) const NO_KEY_KEPT: &str = "no-key-kept";

impl Fitted {
    /// What is different from the case as its file has it; the same words for every case that lacks the same.
    #[must_use]
    pub fn notes(&self) -> Vec<Say> {
        let carried = self.carried_by.map(|op| {
            say!(
                "sealed data is sent to `{op}`, because `userinfo` is not described",
                "adapter 没有描述 `userinfo`，加密数据改发给 `{op}`",
                op = op
            )
        });
        let left_out = (!self.left_out.is_empty()).then(|| {
            let ops = self.left_out.iter().map(|op| format!("`{op}`"));
            say!(
                "not described: {ops}; steps that only confirm by it were left out",
                "adapter 没有描述 {ops}，只起确认作用的步骤已略去",
                ops = Say::join(ops, &say!(", ", "、"))
            )
        });
        carried.into_iter().chain(left_out).collect()
    }
}

impl Unfit {
    /// The reason of the verdict: its first word is the same in both languages.
    #[must_use]
    pub fn reason(&self) -> Say {
        match self {
            Self::NotDescribed(absent) => say!(
                "not-described: {absent}",
                "not-described: adapter 没有描述 {absent}",
                absent = Say::join(absent, &say!(", ", "、"))
            ),
            Self::NotApplicable(why) => {
                say!("not-applicable: {why}", "not-applicable: {why}", why = why)
            }
            Self::NoKeyKept => say!(
                "{word}: the backend keeps no session_key (features.key_storage = \"none\") and takes no data that one opens",
                "{word}: 后端不保存 session_key（features.key_storage = \"none\"），也不接收要用它解开的数据",
                word = NO_KEY_KEPT
            ),
        }
    }
}
