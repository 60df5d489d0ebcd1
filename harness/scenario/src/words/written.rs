//! A step as it is written, and where it stands.

use std::ops::Range;

use wxmock_model::program::Verb;

/// A step as written, before phones are counted.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// The word that says who acts, for steps outside the race.
    pub(crate) actor: Option<Word>,
    pub(crate) verb: Verb,
    /// Where each name of [`Verb::names_mut`] is written; `None` for a name nobody gave.
    pub(crate) places: Vec<Option<NamePlace>>,
    /// The words after the actor.
    pub(crate) words: Vec<Word>,
    /// The whole step in the file.
    pub(crate) span: Range<usize>,
}

/// A name within a step.
#[derive(Debug, Clone)]
pub(crate) struct NamePlace {
    /// Index of its word in [`Written::words`].
    pub(crate) word: usize,
    /// In the file.
    pub(crate) span: Range<usize>,
}

/// One word of a step.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// In the file.
    pub(crate) span: Range<usize>,
    pub(crate) part: Part,
}

/// What a word belongs to; decides which words make a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Body,
    /// `as t1`
    As,
    /// `using t1`
    Using,
}

/// Who may act where the step stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage<'a> {
    /// In a phone's own list: the phone acts.
    Race,
    /// Before or after the race: the first word names one of these phones, or the verb is the world's.
    Around {
        phones: &'a [String],
        /// `recover` and `probe` are allowed.
        after: bool,
    },
}
