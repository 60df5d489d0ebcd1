//! `key=value` within a step, and how a step is cut into words.

use std::ops::Range;

use super::vocabulary::{EFFECTS, duration};
use crate::error::Mistake;
use wxmock_model::program::FaultEffect;

/// `key=value` or `key`.
pub(super) struct Setting {
    pub(super) key: String,
    pub(super) value: Option<String>,
    pub(super) word: usize,
    pub(super) span: Range<usize>,
}

impl Setting {
    pub(super) fn unknown(&self, accepted: &[&str]) -> Mistake {
        Mistake::unknown(
            self.span.clone(),
            "option",
            &self.key,
            accepted.iter().copied(),
        )
    }

    pub(super) fn text(&self, wanted: &str) -> Result<&str, Mistake> {
        self.value.as_deref().ok_or_else(|| {
            Mistake::new(
                self.span.clone(),
                format!("`{}` needs a value", self.key),
                format!("write {wanted}"),
            )
        })
    }

    pub(super) fn choose<T: Copy>(&self, accepted: &[(&str, T)]) -> Result<T, Mistake> {
        let words: Vec<&str> = accepted.iter().map(|&(word, _)| word).collect();
        let text = self.text(&words.join(" or "))?;
        choose(
            text,
            self.span.clone(),
            &format!("value of `{}`", self.key),
            accepted,
        )
    }

    pub(super) fn flag(&self) -> Result<bool, Mistake> {
        if self.value.is_none() {
            Ok(true)
        } else {
            self.choose(&[("true", true), ("false", false)])
        }
    }

    pub(super) fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
        &self,
        from: T,
        to: T,
        what: &str,
    ) -> Result<T, Mistake> {
        let text = self.text(what)?;
        text.parse()
            .ok()
            .filter(|number| *number >= from && *number <= to)
            .ok_or_else(|| {
                let message = format!(
                    "`{}` must be {what} from {from} to {to}, not `{text}`",
                    self.key
                );
                Mistake::new(self.span.clone(), message, "here")
            })
    }

    pub(super) fn effect(&self) -> Result<FaultEffect, Mistake> {
        Ok(match self.key.as_str() {
            "errcode" => FaultEffect::Errcode(self.number(-1_000_000, 100_000_000, "a number")?),
            "status" => FaultEffect::Status {
                status: self.number(200, 599, "an HTTP status")?,
                body: String::new(),
            },
            "delay" => {
                let text = self.text("a duration, such as delay=30s")?;
                FaultEffect::Delay(duration(text).ok_or_else(|| {
                    let message = format!("`{text}` is no duration");
                    Mistake::new(
                        self.span.clone(),
                        message,
                        "a number from 1 and ms, s, m, h or d",
                    )
                })?)
            }
            "truncate" => FaultEffect::Truncate(self.number(0, 1_000_000, "a number of bytes")?),
            "content_type" => {
                FaultEffect::ContentType(match self.text("a content type, or none")? {
                    "none" => None,
                    other => Some(other.to_owned()),
                })
            }
            "silent" | "reset" if self.value.is_some() => {
                return Err(Mistake::new(
                    self.span.clone(),
                    format!("`{}` takes no value", self.key),
                    "only the word",
                ));
            }
            "silent" => FaultEffect::Silent,
            "reset" => FaultEffect::Reset,
            _ => return Err(self.unknown(EFFECTS)),
        })
    }
}

pub(super) fn choose<T: Copy>(
    text: &str,
    span: Range<usize>,
    what: &str,
    accepted: &[(&str, T)],
) -> Result<T, Mistake> {
    let found = accepted.iter().find(|&&(word, _)| word == text);
    found
        .map(|&(_, value)| value)
        .ok_or_else(|| Mistake::unknown(span, what, text, accepted.iter().map(|&(word, _)| word)))
}

/// Words, parted by spaces except within double quotes.
pub(super) fn split(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let (mut start, mut quoted, mut escaped) = (None, false, false);
    for (place, character) in text.char_indices() {
        if character.is_whitespace() && !quoted {
            words.extend(start.take().map(|start| start..place));
            continue;
        }
        start.get_or_insert(place);
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
    }
    words.extend(start.map(|start| start..text.len()));
    words
}

/// The text within quotes: `\"`, `\\` and `\n` are understood. Without quotes, the text as it is.
pub(super) fn unquote(text: &str) -> String {
    let Some(inner) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return text.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => plain.push('\\'),
            },
            other => plain.push(other),
        }
    }
    plain
}
