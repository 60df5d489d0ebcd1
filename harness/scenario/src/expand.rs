//! Axis values into programs: variants put in place, repeated phones counted, steps read, expectations matched.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use indexmap::IndexMap;

use super::error::Mistake;
use super::frame::{ExpectFrame, Frame, OrdersFrame, PhoneFrame, WhenFrame};
use super::located::Located;
use super::scope::{self, Note};
use super::words::{self, Part, Stage, Written};
use wxmock_model::order::Order;
use wxmock_model::program::{CaptureApi, NameKind, Verb};
use wxmock_model::program::{Expectation, Explore, Phone, Place, Program, Step};
use wxmock_model::program::{Returns, Rotation};
use wxmock_schedule::Space;

/// Axis to value.
pub(crate) type Point = IndexMap<String, String>;

/// Every combination of axis values, in file order, the last axis changing fastest. `returns` only multiplies
/// `rotation = login`: elsewhere an old code cannot yield an older key.
pub(crate) fn points(axes: &IndexMap<&'static str, Vec<Located>>) -> Vec<Point> {
    let mut points = vec![Point::new()];
    for (&axis, values) in axes {
        let mut longer = Vec::new();
        for point in points {
            if axis == "returns"
                && point
                    .get("rotation")
                    .is_some_and(|rotation| rotation != "login")
            {
                longer.push(point);
                continue;
            }
            for value in values {
                let mut next = point.clone();
                next.insert(axis.to_owned(), value.as_str().to_owned());
                longer.push(next);
            }
        }
        points = longer;
    }
    points
}

/// When keys rotate and what old codes yield, at a point.
pub(crate) fn policy(point: &Point) -> (Rotation, Returns) {
    let rotation = match point.get("rotation").map(String::as_str) {
        Some("exchange") => Rotation::Exchange,
        Some("min_interval") => Rotation::MinInterval,
        _ => Rotation::Login,
    };
    let current = point.get("returns").is_some_and(|value| value == "current");
    (
        rotation,
        if current {
            Returns::Current
        } else {
            Returns::Bound
        },
    )
}

/// The program at one point.
pub(crate) fn program(file: &str, frame: &Frame, point: &Point) -> Result<Program, Mistake> {
    Expansion::new(file, frame, point)?.run()
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

/// The words of a step before phones are counted: what an expectation's key may say.
struct Template {
    /// `P*`, for the steps of a repeated phone.
    star: Option<String>,
    /// Without `as …`.
    with_using: String,
    /// Without `as …` and `using …`.
    label: String,
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
        check_orders(&program, frame, point)?;
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
        program.explore = self.explore()?;
        Ok(Built {
            program,
            notes: self.notes.into_iter().map(|(note, _)| note).collect(),
            used,
        })
    }

    fn around(&self, texts: &[Located], after: bool) -> Result<Vec<(Actors, Written)>, Mistake> {
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
    fn copies(&self, star: &str) -> Vec<usize> {
        let name = star.trim_end_matches('*');
        let is_copy = |phone: &usize| {
            let (entry, number) = self.origin[*phone];
            number.is_some() && self.frame.phones[entry].name.as_str() == name
        };
        (0..self.phones.len()).filter(is_copy).collect()
    }

    fn race(&self, texts: &[Located]) -> Result<Vec<Written>, Mistake> {
        self.with_variant(texts)?
            .iter()
            .map(|text| words::read(text, Stage::Race))
            .collect()
    }

    /// Puts the variant's text where `{variant}` stands; a step that is nothing else becomes the variant's steps.
    fn with_variant(&self, texts: &[Located]) -> Result<Vec<Located>, Mistake> {
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

    fn learn_plain_names<'w>(
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
                let defined = scope::defined_kinds(&written.verb);
                let names = verb
                    .names_mut()
                    .into_iter()
                    .filter(|(kind, _)| defined.contains(kind));
                names
                    .map(|(kind, name)| (kind, name.clone()))
                    .collect::<Vec<_>>()
            })
            .collect();
        self.plain.extend(names);
    }

    fn steps(&mut self, actors: &Actors, written: &Written) -> Vec<Step> {
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
    fn step(&mut self, phone: Option<usize>, written: &Written) -> Step {
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

    /// Matches expectations with steps; returns the places of those that matched.
    ///
    /// A key is the words of a step without `as …`. It may leave out the phone and `using …`, and may name the steps of
    /// repeated phones without numbers. The most exact key wins, and the label of the step is as exact as the key.
    fn label(&self, program: &mut Program) -> BTreeSet<usize> {
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

    fn explore(&self) -> Result<Explore, Mistake> {
        let explore = &self.frame.explore;
        Ok(match &explore.orders {
            OrdersFrame::All => Explore::All {
                inversions: explore.inversions,
                max_orders: explore.max_orders,
            },
            OrdersFrame::Fifo => Explore::Fifo,
            OrdersFrame::Named(texts) => {
                let read = |text: &Located| {
                    let spaced = text
                        .as_str()
                        .split_whitespace()
                        .collect::<Vec<_>>()
                        .join(" ");
                    spaced
                        .parse::<Order>()
                        .map_err(|error| order_mistake(text, &error.0, &error.to_string()))
                };
                Explore::Named(texts.iter().map(read).collect::<Result<_, _>>()?)
            }
        })
    }
}

/// A program, and what messages about it need.
struct Built {
    program: Program,
    notes: Vec<Note>,
    /// Places of the expectations it uses.
    used: BTreeSet<usize>,
}

/// Who does a step.
enum Actors {
    World,
    One(usize),
    Every(Vec<usize>),
}

/// Checks that the race can be enumerated and that named orders fit it.
fn check_orders(program: &Program, frame: &Frame, point: &Point) -> Result<(), Mistake> {
    let (rotation, returns) = policy(point);
    let race = frame.phones.iter().find(|phone| !phone.tasks.is_empty());
    let race_span = || race.map_or(0..0, |phone| phone.name.span().clone());
    let space = Space::of(program, rotation, returns)
        .map_err(|error| Mistake::new(race_span(), error.to_string(), "the race starts here"))?;
    match (&program.explore, &frame.explore.orders) {
        (Explore::Named(orders), OrdersFrame::Named(texts)) => {
            for (order, text) in orders.iter().zip(texts) {
                if let Err(error) = space.check(order) {
                    return Err(order_mistake(
                        text,
                        error.word().as_deref().unwrap_or_default(),
                        &error.to_string(),
                    ));
                }
            }
        }
        (
            Explore::All {
                inversions: None,
                max_orders: None,
            },
            _,
        ) if !frame.may_be_large && space.linearisations() > MOST_LINEARISATIONS => {
            let message = format!(
                "this race has about {:.0e} interleavings",
                space.linearisations()
            );
            let span = if frame.explore.span.is_empty() {
                race_span()
            } else {
                frame.explore.span.clone()
            };
            return Err(Mistake::new(span, message, "too many to run them all")
                .help("bound it: [explore] max_orders = 200, or inversions = 3"));
        }
        _ => {}
    }
    Ok(())
}

fn order_mistake(text: &Located, word: &str, message: &str) -> Mistake {
    let is_word = |part: &Range<usize>| {
        text.as_str()[part.clone()]
            .split('+')
            .any(|name| name == word)
    };
    let place = word_ranges(text.as_str()).into_iter().find(is_word);
    let span = place.map_or_else(|| text.span().clone(), |part| text.place(&part));
    Mistake::new(span, message, "this order")
}

fn word_ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for word in text.split([' ', '.']) {
        ranges.push(start..start + word.len());
        start += word.len() + 1;
    }
    ranges
}

fn numbered(name: &str, number: Option<u32>) -> String {
    number.map_or_else(|| name.to_owned(), |number| format!("{name}{number}"))
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

/// The adapter operation a verb calls; [`set_operations`] corrects it for payloads of the phone button.
fn operation(verb: &Verb) -> Option<&'static str> {
    match verb {
        Verb::Submit { .. } | Verb::Login { .. } => Some("login"),
        Verb::SubmitProfile { .. } => Some("login_profile"),
        Verb::Send { .. } => Some("userinfo"),
        Verb::SendCode { .. } => Some("phone_code"),
        Verb::Whoami { .. } => Some("whoami"),
        Verb::Logout { .. } => Some("logout"),
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

/// Four logins and an encrypt, the largest race worth running whole, have 33.6 million.
const MOST_LINEARISATIONS: f64 = 5e7;

/// Sets the operation of every `send` by the kind of payload it sends.
fn set_operations(program: &mut Program) {
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

#[cfg(test)]
mod tests {
    use crate::Scenario;
    use wxmock_model::history::Outcome;
    use wxmock_model::program::Program;

    const HEAD: &str = r#"
        id = "suite/example"
        alias = "EX-1"
        title = "An example"
        title_zh = "示例"
        level = "MUST"
        impact = "lock-out"
        why = "To test."
    "#;

    fn programs(body: &str) -> Vec<(String, Program)> {
        programs_needing(r#""login", "userinfo""#, body)
    }

    fn programs_needing(needs: &str, body: &str) -> Vec<(String, Program)> {
        let scenario = Scenario::parse(
            "example.toml",
            &format!("{HEAD}\nneeds = [{needs}]\n{body}"),
        );
        let scenario = scenario.unwrap_or_else(|error| panic!("{}", error.render()));
        let path = |(point, program): (&super::Point, &Program)| {
            let segments: Vec<String> = point
                .iter()
                .map(|(axis, value)| format!("{axis}:{value}"))
                .collect();
            (segments.join("/"), program.clone())
        };
        scenario.programs().map(path).collect()
    }

    /// Who does what, in words.
    fn story(program: &Program) -> Vec<String> {
        let words = |step: &wxmock_model::program::Step| match step.phone {
            Some(phone) => format!("{} {}", program.phones[phone].name, step.text),
            None => step.text.clone(),
        };
        program.steps().map(words).collect()
    }

    #[test]
    fn repeated_phones_get_numbers_and_so_do_their_names() {
        let cases = programs(
            r#"
            before = ["Q login as t", "Q mint as c", "P* mint as d"]
            after = ["P* capture userinfo as p", "P2 send p2 using t", "Q send p1 using last"]
            [axes]
            n = [2]
            [[phone]]
            name = "P"
            user = "A"
            repeat = "n"
            do = ["submit d as s", "submit c"]
            [[phone]]
            name = "Q"
            user = "A"
            "#,
        );
        assert_eq!(
            story(&cases[0].1),
            [
                "Q login as t",
                "Q mint as c",
                "P1 mint as d1",
                "P2 mint as d2",
                "P1 submit d1 as s1",
                "P1 submit c",
                "P2 submit d2 as s2",
                "P2 submit c",
                "P1 capture userinfo as p1",
                "P2 capture userinfo as p2",
                "P2 send p2 using t",
                "Q send p1 using last",
            ]
        );
    }

    #[test]
    fn returns_only_multiplies_keys_made_at_login() {
        let cases = programs(
            r#"
            before = ["P login", "P capture userinfo as p", "P send p"]
            [axes]
            n = [1, 2]
            returns = ["bound", "current"]
            rotation = ["exchange", "login"]
            [[phone]]
            name = "P"
            user = "A"
            "#,
        );
        let paths: Vec<&str> = cases.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "rotation:exchange/n:1",
                "rotation:exchange/n:2",
                "rotation:login/returns:bound/n:1",
                "rotation:login/returns:bound/n:2",
                "rotation:login/returns:current/n:1",
                "rotation:login/returns:current/n:2",
            ]
        );
    }

    #[test]
    fn variants_fill_a_word_or_a_list_of_steps() {
        let cases = programs(
            r#"
            before = ["P login", "P capture userinfo as p {variant}", "P send p"]
            [axes]
            variant = ["plain", "bent"]
            [variant]
            plain = ""
            bent = "iv=bent"
            [[phone]]
            name = "P"
            user = "A"
            "#,
        );
        assert_eq!(story(&cases[0].1)[1], "P capture userinfo as p");
        assert_eq!(story(&cases[1].1)[1], "P capture userinfo as p iv=bent");
        let cases = programs(
            r#"
            before = ["P login", "P capture userinfo as p", "{variant}"]
            [axes]
            variant = ["once", "twice"]
            [variant]
            once = "P send p"
            twice = ["P send p", "P send p"]
            [[phone]]
            name = "P"
            user = "A"
            "#,
        );
        assert_eq!((story(&cases[0].1).len(), story(&cases[1].1).len()), (3, 4));
    }

    #[test]
    fn the_most_exact_expectation_wins_and_when_goes_first() {
        let cases = programs(
            r#"
            before = ["P login as t1", "P capture userinfo as p", "P send p", "P send p using t1", "Q login", "Q send p"]
            [axes]
            rotation = ["login", "exchange"]
            [[phone]]
            name = "P"
            user = "A"
            [[phone]]
            name = "Q"
            user = "A"
            [expect]
            "send p" = { must = ["ok"], rule = "KEY-02" }
            "send p using t1" = { must = ["relogin"], rule = "KEY-03" }
            "Q send p" = { must = ["denied"], rule = "KEY-01" }
            [[when]]
            axes = { rotation = "exchange" }
            expect = { "send p" = { must = ["invalid"], rule = "KEY-04" } }
            "#,
        );
        let answers = |program: &Program| -> Vec<(String, Vec<Outcome>)> {
            let sends = program.steps().filter(|step| step.op == Some("userinfo"));
            sends
                .map(|step| (step.label.clone(), program.expect[&step.label].must.clone()))
                .collect()
        };
        let line = |label: &str, outcome| (label.to_owned(), vec![outcome]);
        let exact = [
            line("send p using t1", Outcome::Relogin),
            line("Q send p", Outcome::Denied),
        ];
        assert_eq!(
            answers(&cases[0].1),
            [[line("send p", Outcome::Ok)].as_slice(), &exact].concat()
        );
        assert_eq!(
            answers(&cases[1].1),
            [[line("send p", Outcome::Invalid)].as_slice(), &exact].concat()
        );
    }

    #[test]
    fn one_expectation_serves_every_copy_of_a_phone() {
        let cases = programs(
            r#"
            before = ["P* mint as c"]
            after = ["P1 capture userinfo as p", "P1 send p"]
            [axes]
            n = [2]
            [[phone]]
            name = "P"
            user = "A"
            repeat = "n"
            do = ["submit c"]
            [expect]
            "submit c" = { must = ["ok"], rule = "KEY-03" }
            "P2 submit c2" = { must = ["relogin"], rule = "KEY-03" }
            "#,
        );
        let expect = &cases[0].1.expect;
        assert_eq!(expect["submit c1"].must, [Outcome::Ok]);
        assert_eq!(expect["P2 submit c2"].must, [Outcome::Relogin]);
    }

    #[test]
    fn the_phone_button_s_payload_goes_to_its_own_operation() {
        let cases = programs_needing(
            r#""login", "userinfo", "phone_cipher""#,
            r#"
            before = ["P login", "P capture userinfo as p", "P send p", "P capture phone as q", "P send q"]
            [[phone]]
            name = "P"
            user = "A"
            "#,
        );
        let ops: Vec<_> = cases[0].1.steps().filter_map(|step| step.op).collect();
        assert_eq!(ops, ["login", "userinfo", "phone_cipher"]);
    }
}
