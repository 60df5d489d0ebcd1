//! Walks the words of one step and answers a word that does not fit at the word itself.

use std::ops::Range;

use super::setting::{Setting, choose, split, unquote};
use super::vocabulary::{HARNESS_VERBS, PHONE_VERBS, RESERVED, WORLD_VERBS, is_world_verb};
use super::written::{NamePlace, Part, Stage, Word};
use crate::error::{self, Mistake};
use crate::located::Located;
use wxmock_model::program::{Using, Verb};

/// Walks the words of one step.
pub(super) struct Cursor<'t> {
    source: &'t Located,
    /// The words left after the actor.
    pub(super) words: Vec<Word>,
    /// Index of the word to read next.
    pub(super) next: usize,
    pub(super) places: Vec<Option<NamePlace>>,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(source: &'t Located) -> Self {
        let words = split(source.as_str())
            .into_iter()
            .map(|range| Word {
                text: source.as_str()[range.clone()].to_owned(),
                span: source.place(&range),
                part: Part::Body,
            })
            .collect();
        Self {
            source,
            words,
            next: 0,
            places: Vec::new(),
        }
    }

    /// The place just after the last word, for something that is missing.
    pub(super) fn end(&self) -> Range<usize> {
        self.words
            .last()
            .map_or_else(|| self.source.span().clone(), |word| word.span.clone())
    }

    pub(super) fn peek(&self) -> Option<&str> {
        self.words.get(self.next).map(|word| word.text.as_str())
    }

    pub(super) fn take(&mut self, wanted: &str, example: &str) -> Result<Word, Mistake> {
        let Some(word) = self.words.get(self.next) else {
            return Err(Mistake::new(
                self.end(),
                format!("the step ends where {wanted} should follow"),
                "after this",
            )
            .help(format!("for example: {example}")));
        };
        self.next += 1;
        Ok(word.clone())
    }

    /// The next word as a name of the scenario's own.
    pub(super) fn name(&mut self, wanted: &str, example: &str) -> Result<String, Mistake> {
        let word = self.take(wanted, example)?;
        self.push_name(&word.text, self.next - 1, word.span, wanted)
    }

    pub(super) fn push_name(
        &mut self,
        name: &str,
        word: usize,
        span: Range<usize>,
        wanted: &str,
    ) -> Result<String, Mistake> {
        let mut bytes = name.bytes();
        let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if !starts
            || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        {
            let message = format!("`{name}` cannot be {wanted}");
            return Err(Mistake::new(
                span,
                message,
                "a name is a letter, then letters, digits, `-` or `_`",
            ));
        }
        if RESERVED.contains(&name) {
            let message = format!("`{name}` is a word of the language and cannot be {wanted}");
            return Err(Mistake::new(span, message, "choose another name")
                .help(format!("reserved: {}", RESERVED.join(", "))));
        }
        self.places.push(Some(NamePlace { word, span }));
        Ok(name.to_owned())
    }

    /// `as t1`, if it is there.
    pub(super) fn as_name(&mut self, example: &str) -> Result<String, Mistake> {
        if self.peek() != Some("as") {
            self.places.push(None);
            return Ok(String::new());
        }
        self.next += 1;
        let name = self.name("a name", example)?;
        self.mark(Part::As);
        Ok(name)
    }

    /// `as p`, which must be there.
    pub(super) fn named(&mut self, verb: &str, example: &str) -> Result<String, Mistake> {
        let word = self.take("`as` and a name", example)?;
        if word.text != "as" {
            let message = format!("`{verb}` must give its result a name");
            return Err(
                Mistake::new(word.span, message, "write `as` and a name here")
                    .help(format!("for example: {example}")),
            );
        }
        let name = self.name("a name", example)?;
        self.mark(Part::As);
        Ok(name)
    }

    /// `using t1`, if it is there.
    pub(super) fn using(&mut self) -> Result<Using, Mistake> {
        if self.peek() != Some("using") {
            return Ok(Using::Last);
        }
        self.next += 1;
        let word = self.take("a token", "send p using newest")?;
        let using = match word.text.as_str() {
            "last" => Using::Last,
            "newest" => Using::Newest,
            "none" => Using::Nothing,
            name => {
                Using::Named(self.push_name(name, self.next - 1, word.span, "a token's name")?)
            }
        };
        self.mark(Part::Using);
        Ok(using)
    }

    /// The last two words belong together.
    pub(super) fn mark(&mut self, part: Part) {
        for word in &mut self.words[self.next - 2..self.next] {
            word.part = part;
        }
    }

    pub(super) fn user(&mut self, example: &str) -> Result<String, Mistake> {
        self.name("a user", example)
    }

    /// A word out of a closed set.
    pub(super) fn choice<T: Copy>(
        &mut self,
        what: &str,
        accepted: &[(&str, T)],
        example: &str,
    ) -> Result<T, Mistake> {
        let word = self.take(&format!("{} {what}", error::article(what)), example)?;
        choose(&word.text, word.span, what, accepted)
    }

    /// The options left: `key=value`, `key="some text"` or `key`.
    pub(super) fn options(&mut self) -> Result<Vec<Setting>, Mistake> {
        let mut settings = Vec::new();
        while let Some(word) = self.words.get(self.next).cloned() {
            let (key, value) = match word.text.split_once('=') {
                Some((key, value)) => (key.to_owned(), Some(unquote(value))),
                None => (word.text.clone(), None),
            };
            if settings.iter().any(|known: &Setting| known.key == key) {
                return Err(Mistake::new(
                    word.span,
                    format!("`{key}` is said twice"),
                    "the second time",
                ));
            }
            settings.push(Setting {
                key,
                value,
                word: self.next,
                span: word.span,
            });
            self.next += 1;
        }
        Ok(settings)
    }

    pub(super) fn finish(&self) -> Result<(), Mistake> {
        let Some(word) = self.words.get(self.next) else {
            return Ok(());
        };
        let message = format!("the step is complete before `{}`", word.text);
        Err(Mistake::new(
            word.span.clone(),
            message,
            "nothing may follow here",
        ))
    }

    pub(super) fn verb(&mut self, stage: Stage<'_>, has_actor: bool) -> Result<Verb, Mistake> {
        let word = self.take("a verb", "P1 mint as c1")?;
        let world_allowed = !has_actor;
        let after = matches!(stage, Stage::Around { after: true, .. });
        match word.text.as_str() {
            verb if WORLD_VERBS.contains(&verb) && !world_allowed => Err(Mistake::new(
                word.span,
                format!("no phone can `{verb}`; the world does"),
                "leave the phone's name out",
            )),
            verb if HARNESS_VERBS.contains(&verb) && (!world_allowed || !after) => {
                Err(Mistake::new(
                    word.span,
                    format!("`{verb}` looks at the backend from outside, when all is at rest"),
                    "only in `after`, and without a phone",
                ))
            }
            verb if PHONE_VERBS.contains(&verb) => self.phone_verb(verb),
            verb if is_world_verb(verb) => self.world_verb(verb),
            other => {
                let harness: &[&str] = if after { HARNESS_VERBS } else { &[] };
                let accepted = match (has_actor, stage) {
                    (true, _) => PHONE_VERBS.to_vec(),
                    (false, Stage::Race) => [PHONE_VERBS, WORLD_VERBS].concat(),
                    (false, Stage::Around { .. }) => [WORLD_VERBS, harness].concat(),
                };
                Err(Mistake::unknown(word.span, "verb", other, accepted))
            }
        }
    }
}
