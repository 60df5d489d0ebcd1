//! Reads one step: a few words, the first of which may say who acts. Every mistake is answered at the word itself, with
//! the words that would do.

mod cursor;
mod phone;
mod setting;
mod world;

use std::ops::Range;
use std::time::Duration;

use super::error::Mistake;
use super::located::Located;
use cursor::Cursor;
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

pub(crate) fn read(text: &Located, stage: Stage<'_>) -> Result<Written, Mistake> {
    let mut cursor = Cursor::new(text);
    let Some(first) = cursor.words.first().cloned() else {
        return Err(
            Mistake::new(text.span().clone(), "an empty step", "write a verb here")
                .help(accepted_verbs(stage)),
        );
    };
    let mut actor = None;
    if let Stage::Around { phones, .. } = stage {
        if PHONE_VERBS.contains(&first.text.as_str()) {
            let message = format!("nobody is said to `{}`", first.text);
            return Err(
                Mistake::new(first.span, message, "begin with the phone that does it").help(
                    format!(
                        "for example: {} {}; phones: {}",
                        example_phone(phones),
                        text.as_str(),
                        phones.join(", ")
                    ),
                ),
            );
        }
        if !is_world_verb(&first.text) {
            if !phones.contains(&first.text) {
                let known = phones
                    .iter()
                    .map(String::as_str)
                    .chain(WORLD_VERBS.iter().copied());
                return Err(Mistake::unknown(
                    first.span,
                    "phone or verb",
                    &first.text,
                    known,
                ));
            }
            actor = Some(first);
            cursor.words.remove(0);
        }
    }
    let verb = cursor.verb(stage, actor.is_some())?;
    cursor.finish()?;
    Ok(Written {
        actor,
        verb,
        places: cursor.places,
        words: cursor.words,
        span: text.span().clone(),
    })
}

/// A duration such as `10m`, `301s`, `250ms`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let number: u64 = digits.parse().ok()?;
    let unit_ms = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number
        .checked_mul(unit_ms)
        .filter(|&ms| ms > 0)
        .map(Duration::from_millis)
}

fn is_world_verb(word: &str) -> bool {
    WORLD_VERBS.contains(&word) || HARNESS_VERBS.contains(&word)
}

fn example_phone(phones: &[String]) -> &str {
    phones.first().map_or("P1", String::as_str)
}

fn accepted_verbs(stage: Stage<'_>) -> String {
    let harness: &[&str] = if matches!(stage, Stage::Around { after: true, .. }) {
        HARNESS_VERBS
    } else {
        &[]
    };
    let verbs: Vec<&str> = [PHONE_VERBS, WORLD_VERBS, harness].concat();
    format!("accepted: {}", verbs.join(", "))
}

pub(crate) const PHONE_VERBS: &[&str] = &[
    "mint",
    "alter",
    "claim",
    "forge",
    "resemble",
    "submit",
    "login",
    "submit-profile",
    "store",
    "check",
    "capture",
    "send",
    "phonecode",
    "sendcode",
    "swap",
    "whoami",
    "logout",
    "refresh",
];

pub(crate) const WORLD_VERBS: &[&str] = &[
    "advance",
    "expire-key",
    "reset-key",
    "rotate-key",
    "fault",
    "hold",
    "release",
    "lift",
    "token",
    "shape",
    "wait-idle",
];

pub(crate) const HARNESS_VERBS: &[&str] = &["recover", "probe"];

const RESERVED: &[&str] = &["as", "using", "with", "of", "last", "newest", "none"];

const EFFECTS: &[&str] = &[
    "errcode",
    "status",
    "delay",
    "silent",
    "reset",
    "truncate",
    "body",
    "content_type",
    "when",
    "times",
];

#[cfg(test)]
mod tests;
