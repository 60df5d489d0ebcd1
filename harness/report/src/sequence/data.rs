//! Rows and arrows as painters and the page take them: serialised for the page, in both languages. Knows no history.

use serde::Serialize;

use crate::layout::Lane;
use wxmock_model::history::{Exchange, Phase, StepKind};

/// A whole picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Sequence {
    /// Names of the phones.
    pub(crate) phones: Vec<String>,
    /// How many replies are held at once at most.
    pub(crate) lanes: usize,
    /// Whether a store of the backend takes part.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) store: bool,
    /// Rows in the order they took effect.
    pub(crate) rows: Vec<Row>,
    /// What of the order was not forced; empty if all of it was.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) caption: String,
    /// The same in Chinese.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) caption_zh: String,
    /// What was said; rows refer to it by position.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) exchanges: Vec<Said>,
}

/// One request and its answer, and between whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Said {
    /// Who asked: a phone, or the backend.
    pub(crate) from: Place,
    /// Who was asked.
    pub(crate) to: Place,
    /// The phone's name; empty if the backend asked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) phone: String,
    /// What was said, masked.
    #[serde(flatten)]
    pub(crate) exchange: Exchange,
}

/// Which side of an exchange a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    /// The answer is yet to come.
    Request,
    /// Both: the answer is there.
    Whole,
}

/// One row: a step, or an operation of the preparation or the probes that nothing interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Row {
    /// Its number as the judge's sentences use it: `5`, or `5b` where a row has several steps.
    pub(crate) label: String,
    /// Name in a replay token; empty outside the race.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    /// Which part of the scenario.
    pub(crate) phase: Phase,
    /// What kind of step its first one is.
    pub(crate) kind: StepKind,
    /// The steps' texts.
    pub(crate) text: String,
    /// The phone that acts, as an index into [`Sequence::phones`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<usize>,
    /// What is drawn; empty for remarks.
    pub(crate) arrows: Vec<Arrow>,
    /// The key in force afterwards: `k2`, `A:k2` with several people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// Whether the key is another than before.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) key_changed: bool,
    /// Replies held while this row happens, opened before it and closed after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) held: Vec<Lane>,
    /// The reply whose hold begins here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) opens: Option<Lane>,
    /// The reply let go here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) closes: Option<Lane>,
    /// Whether the first violation is about this row.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) pointed: bool,
    /// What the history holds about the steps: (what, value). Never a secret: the history has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) detail: Vec<(&'static str, String)>,
    /// What is said here: positions in [`Sequence::exchanges`], and how much of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) said: Vec<(usize, Side)>,
}

/// One arrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Arrow {
    /// Where it begins.
    pub(crate) from: Place,
    /// Where it ends.
    pub(crate) to: Place,
    /// What it carries.
    pub(crate) text: String,
    /// The same in Chinese; empty where that is the same.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) text_zh: String,
    /// How good the news is.
    pub(crate) tone: Tone,
    /// Whether it stands for a question and its answer.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) both: bool,
    /// Whether what it carries never arrived whole.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) lost: bool,
    /// Whether this reply overtook another or was overtaken.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) crossed: bool,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// The phones.
    Phone,
    /// The backend under test.
    Backend,
    /// WeChat, that is the mock.
    Wechat,
    /// The backend's store, between the backend and WeChat.
    Store,
}

/// How good the news of an arrow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tone {
    /// A question, or a reply like any other.
    Plain,
    /// Success.
    Good,
    /// Log in again, try later.
    Warn,
    /// Refused, failed, or not understood.
    Bad,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Sequence {
    /// Leaves out what was said; whether there was anything.
    pub(crate) fn hush(&mut self) -> bool {
        for row in &mut self.rows {
            row.said.clear();
        }
        !std::mem::take(&mut self.exchanges).is_empty()
    }

    /// Whether some reply overtook another.
    #[must_use]
    pub(crate) fn has_crossing(&self) -> bool {
        self.rows
            .iter()
            .any(|row| row.closes.is_some_and(|lane| lane.crossed))
    }
}
