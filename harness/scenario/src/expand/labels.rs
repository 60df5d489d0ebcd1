//! Which expectation belongs to which step.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::expansion::Expansion;
use crate::frame::ExpectFrame;
use wxmock_model::program::{Expectation, Program};

impl Expansion<'_> {
    /// Matches expectations with steps; returns the places of those that matched.
    ///
    /// A key is the words of a step without `as …`. It may leave out the phone and `using …`, and may name the steps of
    /// repeated phones without numbers. The most exact key wins, and the label of the step is as exact as the key.
    pub(super) fn label(&self, program: &mut Program) -> BTreeSet<usize> {
        let mut used = BTreeSet::new();
        let mut expect: IndexMap<String, Expectation> = IndexMap::new();
        // What `[[when]]` says comes first, the last one that fits foremost.
        let lines: Vec<(String, &ExpectFrame)> = self
            .whens
            .iter()
            .rev()
            .flat_map(|when| &when.expect)
            .chain(&self.frame.expect)
            .map(|line| {
                (
                    line.key
                        .as_str()
                        .split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" "),
                    line,
                )
            })
            .collect();
        let steps = program
            .before
            .iter_mut()
            .chain(program.chains.iter_mut().flatten())
            .chain(&mut program.after);
        for (step, (_, template)) in steps.zip(&self.notes).filter(|(step, _)| step.op.is_some()) {
            let with_using = without_as(&step.text);
            let mut candidates = Vec::new();
            for (label, written) in [
                (&with_using, &template.with_using),
                (&step.label, &template.label),
            ] {
                let name = step
                    .phone
                    .map_or("", |phone| self.phones[phone].name.as_str());
                let star = template.star.as_deref().unwrap_or(name);
                candidates.push((format!("{name} {label}"), format!("{star} {written}")));
            }
            candidates.push((with_using, template.with_using.clone()));
            candidates.push((step.label.clone(), template.label.clone()));
            let found = candidates.into_iter().find_map(|(label, written)| {
                let exact = lines.iter().find(|(key, _)| *key == label);
                let line = exact.or_else(|| lines.iter().find(|(key, _)| *key == written))?;
                Some((label, line.1))
            });
            if let Some((label, line)) = found {
                used.insert(line.key.span().start);
                step.label.clone_from(&label);
                expect.entry(label).or_insert_with(|| Expectation {
                    must: line.must.clone(),
                    should: line.should.clone(),
                    rule: line.rule.as_str().to_owned(),
                });
            }
        }
        program.expect = expect;
        used
    }
}

/// The text without a final `as t1`.
fn without_as(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    match words.iter().position(|&word| word == "as") {
        Some(place) => [&words[..place], words.get(place + 2..).unwrap_or_default()]
            .concat()
            .join(" "),
        None => text.to_owned(),
    }
}
