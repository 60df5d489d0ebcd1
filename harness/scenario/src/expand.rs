//! Axis values into programs: variants put in place, repeated phones counted, steps read, expectations matched.

mod labels;
mod orders;
mod points;
mod steps;

use std::collections::BTreeSet;

use super::error::Mistake;
use super::frame::{Frame, PhoneFrame, WhenFrame};
use super::scope::{self, Note};
use labels::Template;
use steps::{Actors, set_operations};
use wxmock_model::program::{NameKind, Phone, Program};

pub(crate) use labels::check_expectations;
pub(crate) use points::{Point, points};

/// The program at one point.
pub(crate) fn program(file: &str, frame: &Frame, point: &Point) -> Result<Program, Mistake> {
    Expansion::new(file, frame, point)?.run()
}

struct Expansion<'f> {
    file: &'f str,
    frame: &'f Frame,
    point: &'f Point,
    whens: Vec<&'f WhenFrame>,
    phones: Vec<Phone>,
    /// For each phone, its entry in the file and its number if it is repeated.
    origin: Vec<(usize, Option<u32>)>,
    /// Names somebody gives without a number: these stay as they are in the steps of repeated phones.
    plain: BTreeSet<(NameKind, String)>,
    generated: u32,
    /// For each step made, in order: where it is written, and its words as written.
    notes: Vec<(Note, Template)>,
}

impl<'f> Expansion<'f> {
    fn new(file: &'f str, frame: &'f Frame, point: &'f Point) -> Result<Self, Mistake> {
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

    fn run(self) -> Result<Program, Mistake> {
        let (point, frame) = (self.point, self.frame);
        let built = self.build()?;
        scope::check(&built.program, &built.notes)?;
        let program = built.program;
        orders::check_orders(&program, frame, point)?;
        Ok(program)
    }

    fn build(mut self) -> Result<Built, Mistake> {
        let frame = self.frame;
        let before = self
            .whens
            .iter()
            .rev()
            .find_map(|when| when.before.as_ref())
            .unwrap_or(&frame.before);
        let after = self
            .whens
            .iter()
            .rev()
            .find_map(|when| when.after.as_ref())
            .unwrap_or(&frame.after);
        let before = self.around(before, false)?;
        let after = self.around(after, true)?;
        let mut tasks = Vec::new();
        for phone in 0..self.phones.len() {
            for task in &frame.phones[self.origin[phone].0].tasks {
                tasks.push((phone, self.race(task)?));
            }
        }
        self.learn_plain_names(
            before.iter().chain(&after).map(|(_, written)| written),
            &tasks,
        );

        let mut program = Program {
            phones: self.phones.clone(),
            ..Program::default()
        };
        for phone in &program.phones {
            if !program.users.contains(&phone.user) {
                program.users.push(phone.user.clone());
            }
        }
        program.before = before
            .into_iter()
            .flat_map(|(phones, written)| self.steps(&phones, &written))
            .collect();
        for (phone, task) in tasks {
            program.chains.push(
                task.iter()
                    .flat_map(|written| self.steps(&Actors::One(phone), written))
                    .collect(),
            );
        }
        program.after = after
            .into_iter()
            .flat_map(|(phones, written)| self.steps(&phones, &written))
            .collect();
        set_operations(&mut program);
        let used = self.label(&mut program);
        program.needs = self.needs();
        let confirms = self.frame.confirms.iter();
        program.confirms = confirms.map(|op| op.as_str().to_owned()).collect();
        program.obligations = self.obligations();
        program.explore = orders::explore(frame)?;
        Ok(Built {
            program,
            notes: self.notes.into_iter().map(|(note, _)| note).collect(),
            used,
        })
    }

    fn needs(&self) -> Vec<String> {
        let mut needs: Vec<String> = Vec::new();
        for need in self
            .frame
            .needs
            .iter()
            .chain(self.whens.iter().flat_map(|when| &when.needs))
        {
            if !needs.iter().any(|known| known == need.as_str()) {
                needs.push(need.as_str().to_owned());
            }
        }
        needs
    }

    fn obligations(&self) -> Vec<String> {
        let chosen = self
            .whens
            .iter()
            .rev()
            .find_map(|when| when.obligations.as_ref());
        chosen
            .unwrap_or(&self.frame.obligations)
            .iter()
            .map(|name| name.as_str().to_owned())
            .collect()
    }
}

/// A program, and what messages about it need.
struct Built {
    program: Program,
    notes: Vec<Note>,
    /// Places of the expectations it uses.
    used: BTreeSet<usize>,
}

fn numbered(name: &str, number: Option<u32>) -> String {
    number.map_or_else(|| name.to_owned(), |number| format!("{name}{number}"))
}

#[cfg(test)]
mod tests;
