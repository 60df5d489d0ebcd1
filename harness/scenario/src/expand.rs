//! Axis values into programs: variants put in place, repeated phones counted, steps read, expectations matched.

mod expansion;
mod labels;
mod orders;
mod points;
mod steps;

use std::collections::BTreeSet;

use super::error::Mistake;
use super::frame::Frame;
use super::scope::{self, Note};
use expansion::Expansion;
use steps::{Actors, set_operations};
use wxmock_model::program::Program;

pub(crate) use points::{Point, points};

/// The program at one point.
pub(crate) fn program(file: &str, frame: &Frame, point: &Point) -> Result<Program, Mistake> {
    Expansion::new(file, frame, point)?.run()
}

impl Expansion<'_> {
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

/// Reports expectations that match no step of any case.
pub(crate) fn check_expectations(
    file: &str,
    frame: &Frame,
    points: &[Point],
) -> Result<(), Mistake> {
    let mut used = BTreeSet::new();
    let mut labels = BTreeSet::new();
    for point in points {
        let expansion = Expansion::new(file, frame, point)?;
        let built = expansion.build()?;
        used.extend(built.used);
        labels.extend(
            built
                .program
                .steps()
                .filter(|step| step.op.is_some())
                .map(|step| step.label.clone()),
        );
    }
    let lines = frame
        .expect
        .iter()
        .chain(frame.whens.iter().flat_map(|when| &when.expect));
    for line in lines {
        if !used.contains(&line.key.span().start) {
            let labels = labels.iter().map(String::as_str);
            let key = line.key.as_str();
            let mut mistake =
                Mistake::unknown(line.key.span().clone(), "step with an answer", key, labels);
            mistake.message = format!("no step that gets an answer is called `{key}`");
            return Err(mistake);
        }
    }
    Ok(())
}

/// A program, and what messages about it need.
struct Built {
    program: Program,
    notes: Vec<Note>,
    /// Places of the expectations it uses.
    used: BTreeSet<usize>,
}

#[cfg(test)]
mod tests;
