//! A case while its axis values are put in: the file, the point, its phones, and what is learnt on the way.

use std::collections::BTreeSet;

use super::points::Point;
use crate::error::Mistake;
use crate::frame::{Frame, PhoneFrame, WhenFrame};
use crate::scope::Note;
use wxmock_model::program::{NameKind, Phone};

/// What is known of one case so far.
pub(super) struct Expansion<'f> {
    pub(super) file: &'f str,
    pub(super) frame: &'f Frame,
    pub(super) point: &'f Point,
    pub(super) whens: Vec<&'f WhenFrame>,
    pub(super) phones: Vec<Phone>,
    /// For each phone, its entry in the file and its number if it is repeated.
    pub(super) origin: Vec<(usize, Option<u32>)>,
    /// Names somebody gives without a number: these stay as they are in the steps of repeated phones.
    pub(super) plain: BTreeSet<(NameKind, String)>,
    pub(super) generated: u32,
    /// For each step made, in order: where it is written, and its words as written.
    pub(super) notes: Vec<(Note, Template)>,
}

impl<'f> Expansion<'f> {
    pub(super) fn new(file: &'f str, frame: &'f Frame, point: &'f Point) -> Result<Self, Mistake> {
        let fits = |when: &&WhenFrame| {
            when.axes.iter().all(|(axis, values)| {
                point
                    .get(axis.as_str())
                    .is_some_and(|value| values.iter().any(|known| known.as_str() == value))
            })
        };
        let whens = frame.whens.iter().filter(fits).collect();
        let mut expansion = Self {
            file,
            frame,
            point,
            whens,
            phones: Vec::new(),
            origin: Vec::new(),
            plain: BTreeSet::new(),
            generated: 0,
            notes: Vec::new(),
        };
        for (entry, phone) in frame.phones.iter().enumerate() {
            expansion.add_phone(entry, phone)?;
        }
        Ok(expansion)
    }

    fn add_phone(&mut self, entry: usize, phone: &PhoneFrame) -> Result<(), Mistake> {
        let numbers: Vec<Option<u32>> = match &phone.repeat {
            None => vec![None],
            Some(axis) if axis.as_str() != "n" => {
                return Err(Mistake::unknown(
                    axis.span().clone(),
                    "axis to repeat by",
                    axis.as_str(),
                    ["n"],
                ));
            }
            Some(axis) => {
                let count = self
                    .point
                    .get("n")
                    .and_then(|value| value.parse::<u32>().ok())
                    .ok_or_else(|| {
                        let message =
                            "this phone is repeated by an axis the scenario does not have";
                        Mistake::new(axis.span().clone(), message, "no `n` in [axes]")
                            .help("for example: [axes] n = [2, 3]")
                    })?;
                (1..=count).map(Some).collect()
            }
        };
        for number in numbers {
            let name = numbered(phone.name.as_str(), number);
            if !name.starts_with(|c: char| c.is_ascii_uppercase())
                || !name.bytes().all(|byte| byte.is_ascii_alphanumeric())
            {
                let message = format!("`{name}` cannot be a phone's name");
                let label = "a capital letter, then letters and digits, such as P1";
                return Err(Mistake::new(phone.name.span().clone(), message, label));
            }
            if self.phones.iter().any(|known| known.name == name) {
                let message = format!("there are two phones called `{name}`");
                return Err(Mistake::new(
                    phone.name.span().clone(),
                    message,
                    "the second one",
                ));
            }
            let device = phone
                .device
                .as_ref()
                .map_or_else(|| name.clone(), |device| device.as_str().to_owned());
            self.phones.push(Phone {
                name,
                user: phone.user.as_str().to_owned(),
                device,
            });
            self.origin.push((entry, number));
        }
        Ok(())
    }
}

/// The words of a step before phones are counted: what an expectation's key may say.
pub(super) struct Template {
    /// `P*`, for the steps of a repeated phone.
    pub(super) star: Option<String>,
    /// Without `as …`.
    pub(super) with_using: String,
    /// Without `as …` and `using …`.
    pub(super) label: String,
}

/// The name of a phone, with its number if it is repeated.
pub(super) fn numbered(name: &str, number: Option<u32>) -> String {
    number.map_or_else(|| name.to_owned(), |number| format!("{name}{number}"))
}
