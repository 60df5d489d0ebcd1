//! Reads one step: a few words, the first of which may say who acts. Every mistake is answered at the word itself, with
//! the words that would do.

mod cursor;
mod phone;
mod setting;
mod vocabulary;
mod world;
mod written;

use super::error::Mistake;
use super::located::Located;
use cursor::Cursor;
use vocabulary::is_world_verb;
pub(crate) use vocabulary::{HARNESS_VERBS, PHONE_VERBS, WORLD_VERBS};
pub(crate) use written::{Part, Stage, Written};

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

#[cfg(test)]
mod tests;
