//! A scenario file as its author wrote it.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::ScenarioError;
use super::error::Mistake;
use super::expand::{self, Point};
use super::frame::{Frame, IMPACTS};
use super::located::Located;
use wxmock_model::program::Program;
use wxmock_model::verdict::{Impact, Level};

/// One case family, as read from a file.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Permanent id, `suite/slug`.
    pub id: String,
    /// Short name of the catalogue: `CL-1`.
    pub alias: String,
    /// One line of English.
    pub title: String,
    /// The same in Chinese.
    pub title_zh: String,
    /// The worst level it can show.
    pub level: Level,
    /// What a failure costs.
    pub impact: Impact,
    /// Rules it exercises.
    pub rules: Vec<String>,
    /// Adapter operations all of its cases need; [`Program::needs`] has those of one case.
    pub needs: Vec<String>,
    /// Adapter operations that only confirm what its cases show without them.
    pub confirms: Vec<String>,
    /// Where the failure was seen.
    pub sources: Vec<String>,
    /// Words of the file's own to select it by.
    pub own_tags: Vec<String>,
    /// Prose for `explain`, English.
    pub why: String,
    /// The same in Chinese; empty if the file has none.
    pub why_zh: String,
    /// A control must never be flagged.
    pub control: bool,
    /// Axis to its values, in the order of a case's path.
    pub axes: IndexMap<String, Vec<String>>,
    /// The file's name, for messages.
    pub file: String,
    /// One program for each combination of axis values, in file order.
    programs: Vec<(Point, Program)>,
}

impl Scenario {
    /// Reads a file's text; `name` is what messages call it.
    ///
    /// # Errors
    /// The first mistake found, with its place. A scenario that reads without one can be run in every case: names
    /// exist when they are used, orders fit, expectations have a step.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        Self::read(name, text, None).map_err(|mistake| mistake.in_file(name, text))
    }

    /// Reads a file's text with `logins` as the only value of its axis `n`, if it has that axis.
    ///
    /// # Errors
    /// As [`Scenario::parse`]; also when the file cannot be had with so many.
    pub fn parse_with_logins(name: &str, text: &str, logins: u8) -> Result<Self, ScenarioError> {
        Self::read(name, text, Some(logins)).map_err(|mistake| mistake.in_file(name, text))
    }

    /// One program for each combination of axis values, in file order.
    pub fn programs(&self) -> impl Iterator<Item = (&IndexMap<String, String>, &Program)> {
        self.programs
            .iter()
            .map(|(point, program)| (point, program))
    }

    /// Words to select it by: its own, its suite, what a failure costs, the operations it needs, and `control` if it is one.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        let suite = self.id.split('/').next().unwrap_or_default();
        let impact = IMPACTS.iter().find(|(_, impact)| *impact == self.impact);
        let listed = self.own_tags.iter().chain(&self.needs).map(String::as_str);
        listed
            .chain([suite])
            .chain(impact.map(|(word, _)| *word))
            .chain(self.control.then_some("control"))
    }

    fn read(name: &str, text: &str, logins: Option<u8>) -> Result<Self, Mistake> {
        let mut frame = Frame::read(text)?;
        if let (Some(logins), Some(values)) = (logins, frame.axes.get_mut("n")) {
            let span = values
                .first()
                .map(|value| value.span().clone())
                .unwrap_or_default();
            *values = vec![Located::new(&logins.to_string(), span, text)];
            frame.may_be_large = true;
        }
        let points = expand::points(&frame.axes);
        let programs = points
            .iter()
            .map(|point| Ok((point.clone(), expand::program(text, &frame, point)?)))
            .collect::<Result<Vec<_>, Mistake>>()?;
        expand::check_expectations(text, &frame, &points)?;
        check_needs(&frame, &programs)?;
        let texts = |list: &[Located]| list.iter().map(|text| text.as_str().to_owned()).collect();
        Ok(Self {
            id: frame.id.as_str().to_owned(),
            alias: frame.alias.as_str().to_owned(),
            title: frame.title.as_str().to_owned(),
            title_zh: frame.title_zh.as_str().to_owned(),
            level: frame.level,
            impact: frame.impact,
            rules: texts(&frame.rules),
            needs: texts(&frame.needs),
            confirms: texts(&frame.confirms),
            sources: texts(&frame.sources),
            own_tags: texts(&frame.tags),
            why: frame.why.as_str().trim().to_owned(),
            why_zh: frame
                .why_zh
                .as_ref()
                .map_or_else(String::new, |text| text.as_str().trim().to_owned()),
            control: frame.control,
            axes: frame
                .axes
                .iter()
                .map(|(axis, values)| ((*axis).to_owned(), texts(values)))
                .collect(),
            file: name.to_owned(),
            programs,
        })
    }
}

/// Reports an operation the file lists and no step calls: its cases would be skipped for nothing.
fn check_needs(frame: &Frame, programs: &[(Point, Program)]) -> Result<(), Mistake> {
    let mut called: BTreeSet<&str> = programs
        .iter()
        .flat_map(|(_, program)| program.steps())
        .filter_map(|step| step.op)
        .collect();
    let looks_from_outside = programs
        .iter()
        .flat_map(|(_, program)| program.steps())
        .any(|step| step.verb.is_harness());
    if looks_from_outside {
        called.extend(["login", "userinfo"]);
    }
    let needs = frame
        .needs
        .iter()
        .chain(&frame.confirms)
        .chain(frame.whens.iter().flat_map(|when| &when.needs));
    match needs
        .into_iter()
        .find(|need| !called.contains(need.as_str()))
    {
        None => Ok(()),
        Some(need) => {
            let message = format!("no step calls the adapter operation `{}`", need.as_str());
            Err(Mistake::new(
                need.span().clone(),
                message,
                "a backend without it would be skipped for nothing",
            ))
        }
    }
}
