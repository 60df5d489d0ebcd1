//! Steps of the file into steps of phones: variants put in place, names of repeated phones counted.

use std::collections::BTreeMap;
use std::ops::Range;

use super::expansion::{Expansion, Template, numbered};
use crate::error::Mistake;
use crate::located::Located;
use crate::scope::{self, Note};
use crate::words::{self, Part, Stage, Written};
use wxmock_model::program::{CaptureApi, NameKind, Place, Program, Step, Verb};

impl Expansion<'_> {
    pub(super) fn around(
        &self,
        texts: &[Located],
        after: bool,
    ) -> Result<Vec<(Actors, Written)>, Mistake> {
        let mut names: Vec<String> = self.phones.iter().map(|phone| phone.name.clone()).collect();
        let repeated = self
            .frame
            .phones
            .iter()
            .filter(|phone| phone.repeat.is_some());
        names.extend(repeated.map(|phone| format!("{}*", phone.name.as_str())));
        let mut steps = Vec::new();
        for text in self.with_variant(texts)? {
            let written = words::read(
                &text,
                Stage::Around {
                    phones: &names,
                    after,
                },
            )?;
            let actors = match &written.actor {
                None => Actors::World,
                Some(word) => match self.phones.iter().position(|phone| phone.name == word.text) {
                    Some(phone) => Actors::One(phone),
                    None => Actors::Every(self.copies(&word.text)),
                },
            };
            steps.push((actors, written));
        }
        Ok(steps)
    }

    /// The phones `P*` stands for.
    pub(super) fn copies(&self, star: &str) -> Vec<usize> {
        let name = star.trim_end_matches('*');
        let is_copy = |phone: &usize| {
            let (entry, number) = self.origin[*phone];
            number.is_some() && self.frame.phones[entry].name.as_str() == name
        };
        (0..self.phones.len()).filter(is_copy).collect()
    }

    pub(super) fn race(&self, texts: &[Located]) -> Result<Vec<Written>, Mistake> {
        self.with_variant(texts)?
            .iter()
            .map(|text| words::read(text, Stage::Race))
            .collect()
    }

    /// Puts the variant's text where `{variant}` stands; a step that is nothing else becomes the variant's steps.
    pub(super) fn with_variant(&self, texts: &[Located]) -> Result<Vec<Located>, Mistake> {
        let mut steps = Vec::new();
        for text in texts {
            let Some(start) = text.as_str().find(VARIANT) else {
                steps.push(text.clone());
                continue;
            };
            let place = start..start + VARIANT.len();
            let Some(value) = self.point.get("variant") else {
                let message = "there is no axis `variant` to fill this in";
                return Err(Mistake::new(text.place(&place), message, "here")
                    .help(r#"for example: [axes] variant = ["one", "two"]"#));
            };
            let Some(replacement) = self.frame.variants.get(value) else {
                let message = format!("variant `{value}` has no text to put here");
                return Err(
                    Mistake::new(text.place(&place), message, "filled in from [variant]")
                        .help(format!("write: [variant] {value} = \"…\"")),
                );
            };
            match replacement.as_slice() {
                several if text.as_str().trim() == VARIANT => steps.extend(several.iter().cloned()),
                [one] => steps.push(text.replace(&place, one)),
                _ => {
                    let message =
                        format!("variant `{value}` is a list of steps, and stands inside one");
                    return Err(Mistake::new(
                        text.place(&place),
                        message,
                        "let it stand alone, or give one text",
                    ));
                }
            }
        }
        Ok(steps)
    }

    pub(super) fn learn_plain_names<'w>(
        &mut self,
        around: impl Iterator<Item = &'w Written>,
        tasks: &'w [(usize, Vec<Written>)],
    ) {
        let in_race = tasks
            .iter()
            .filter(|(phone, _)| self.origin[*phone].1.is_none())
            .flat_map(|(_, task)| task);
        let around = around.filter(|written| {
            !written
                .actor
                .as_ref()
                .is_some_and(|word| word.text.ends_with('*'))
        });
        let names: Vec<(NameKind, String)> = around
            .chain(in_race)
            .flat_map(|written| {
                let mut verb = written.verb.clone();
                let gives = scope::gives(&written.verb);
                let names = verb.names_mut().into_iter().zip(gives);
                names
                    .filter(|(_, gives)| *gives)
                    .map(|((kind, name), _)| (kind, name.clone()))
                    .collect::<Vec<_>>()
            })
            .collect();
        self.plain.extend(names);
    }

    pub(super) fn steps(&mut self, actors: &Actors, written: &Written) -> Vec<Step> {
        match actors {
            Actors::World => vec![self.step(None, written)],
            Actors::One(phone) => vec![self.step(Some(*phone), written)],
            Actors::Every(phones) => phones
                .iter()
                .map(|&phone| self.step(Some(phone), written))
                .collect(),
        }
    }

    /// One step of one phone. In the steps of a repeated phone, names get the phone's number.
    pub(super) fn step(&mut self, phone: Option<usize>, written: &Written) -> Step {
        let counted = written
            .actor
            .as_ref()
            .is_none_or(|word| word.text.ends_with('*'));
        let number = phone
            .filter(|_| counted)
            .and_then(|phone| self.origin[phone].1);
        let mut verb = written.verb.clone();
        let mut words: Vec<String> = written.words.iter().map(|word| word.text.clone()).collect();
        for ((kind, name), place) in verb.names_mut().into_iter().zip(&written.places) {
            let Some(place) = place else {
                self.generated += 1;
                *name = format!(
                    "{}#{}",
                    if kind == NameKind::Code { "c" } else { "t" },
                    self.generated
                );
                continue;
            };
            let stays = kind == NameKind::User || self.plain.contains(&(kind, name.clone()));
            if number.is_some() && !stays {
                *name = numbered(name, number);
                words[place.word].clone_from(name);
            }
        }
        let op = operation(&verb);
        let place = Place {
            bytes: written.span.clone(),
            line: line_of(self.file, &written.span),
        };
        let join = |without: &[Part]| -> String {
            let kept = words
                .iter()
                .zip(&written.words)
                .filter(|(_, word)| !without.contains(&word.part));
            kept.map(|(text, _)| text.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let as_written = |without: &[Part]| -> String {
            let kept = written
                .words
                .iter()
                .filter(|word| !without.contains(&word.part));
            kept.map(|word| word.text.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        let star = phone
            .filter(|_| number.is_some())
            .map(|phone| self.frame.phones[self.origin[phone].0].name.as_str());
        let template = Template {
            star: star.map(|name| format!("{name}*")),
            with_using: as_written(&[Part::As]),
            label: as_written(&[Part::As, Part::Using]),
        };
        let note = Note {
            names: written
                .places
                .iter()
                .map(|place| place.as_ref().map(|place| place.span.clone()))
                .collect(),
            verb: written
                .words
                .first()
                .map_or_else(|| written.span.clone(), |word| word.span.clone()),
        };
        let step = Step {
            phone,
            text: join(&[]),
            label: join(&[Part::As, Part::Using]),
            verb,
            op,
            place,
        };
        self.notes.push((note, template));
        step
    }
}

/// Who does a step.
pub(super) enum Actors {
    World,
    One(usize),
    Every(Vec<usize>),
}

/// The adapter operation a verb calls; [`set_operations`] corrects it for payloads of the phone button.
fn operation(verb: &Verb) -> Option<&'static str> {
    match verb {
        Verb::Submit { .. } | Verb::Login { .. } => Some("login"),
        Verb::SubmitProfile { .. } => Some("login_profile"),
        Verb::Send { .. } => Some("userinfo"),
        Verb::SendCode { .. } => Some("phone_code"),
        Verb::Whoami { .. } => Some("whoami"),
        Verb::Logout { .. } => Some("logout"),
        Verb::Refresh { .. } => Some("refresh"),
        _ => None,
    }
}

fn line_of(file: &str, span: &Range<usize>) -> usize {
    file.bytes()
        .take(span.start)
        .filter(|&byte| byte == b'\n')
        .count()
        + 1
}

const VARIANT: &str = "{variant}";

/// Sets the operation of every `send` by the kind of payload it sends.
pub(super) fn set_operations(program: &mut Program) {
    let kinds: BTreeMap<String, CaptureApi> = program
        .steps()
        .filter_map(|step| match &step.verb {
            Verb::Capture { api, payload, .. } => Some((payload.clone(), *api)),
            _ => None,
        })
        .collect();
    let steps = program
        .before
        .iter_mut()
        .chain(program.chains.iter_mut().flatten())
        .chain(&mut program.after);
    for step in steps {
        if let Verb::Send { payload, .. } = &step.verb
            && kinds.get(payload) == Some(&CaptureApi::Phone)
        {
            step.op = Some("phone_cipher");
        }
    }
}
