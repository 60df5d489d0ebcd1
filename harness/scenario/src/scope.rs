//! Names: who makes one, who may use it, and when it exists.
//!
//! Steps before the race run one after the other, so a name is there once its step has run. In the race a chain sees
//! what was made before the race and what it made itself: what another chain makes may or may not be there yet. After
//! the race everything is there.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::error::{Mistake, article};
use wxmock_model::program::{CaptureApi, NameKind, Using, Verb};
use wxmock_model::program::{Program, Step};

/// What a step's places are, beside the step itself.
#[derive(Debug, Clone)]
pub(crate) struct Note {
    /// Where each name of `Verb::names_mut` is written; `None` for a generated one.
    pub(crate) names: Vec<Option<Range<usize>>>,
    /// Where the verb is written.
    pub(crate) verb: Range<usize>,
}

/// For each of [`Verb::names_mut`], in that order, whether the verb gives the name; the others it uses.
pub(crate) fn gives(verb: &Verb) -> Vec<bool> {
    let mut named = verb.clone();
    let names = named.names_mut();
    let last = names.len().saturating_sub(1);
    let kinds = defined_kinds(verb);
    names
        .iter()
        .enumerate()
        .map(|(at, (kind, _))| match verb {
            // Of its two tokens each uses the first and gives the second.
            Verb::Forge { .. } => at == 1,
            Verb::Refresh { .. } => at == last,
            _ => kinds.contains(kind),
        })
        .collect()
}

/// The kinds of names a verb gives.
const fn defined_kinds(verb: &Verb) -> &'static [NameKind] {
    match verb {
        Verb::Mint { .. } => &[NameKind::Code],
        Verb::Submit { .. }
        | Verb::SubmitProfile { .. }
        | Verb::Refresh { .. }
        | Verb::Forge { .. } => &[NameKind::Token],
        Verb::Login { .. } => &[NameKind::Code, NameKind::Token],
        Verb::Capture { .. } => &[NameKind::Payload],
        Verb::PhoneCode { .. } => &[NameKind::PhoneCode],
        Verb::Fault { .. } => &[NameKind::Fault],
        Verb::Hold { .. } => &[NameKind::Hold],
        _ => &[],
    }
}

/// Checks names, tokens and operations. `notes` stand in the order of [`Program::steps`].
pub(crate) fn check(program: &Program, notes: &[Note]) -> Result<(), Mistake> {
    let mut scope = Scope {
        program,
        made: BTreeMap::new(),
        logged_in: BTreeSet::new(),
    };
    let mut notes = notes.iter();
    for step in &program.before {
        scope.step(step, notes.next(), Stretch::Before)?;
    }
    let before = scope.logged_in.clone();
    let mut in_race = before.clone();
    for (chain, steps) in program.chains.iter().enumerate() {
        scope.logged_in.clone_from(&before);
        for step in steps {
            scope.step(step, notes.next(), Stretch::Race(chain))?;
        }
        in_race.append(&mut scope.logged_in);
    }
    scope.logged_in = in_race;
    for step in &program.after {
        scope.step(step, notes.next(), Stretch::After)?;
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stretch {
    Before,
    Race(usize),
    After,
}

/// A name that has been given.
struct Made {
    stretch: Stretch,
    line: usize,
    /// The phone that makes it.
    phone: Option<usize>,
    api: Option<CaptureApi>,
}

struct Scope<'p> {
    program: &'p Program,
    made: BTreeMap<(NameKind, String), Made>,
    /// Phones that have sent a login request by now.
    logged_in: BTreeSet<usize>,
}

impl Scope<'_> {
    fn step(&mut self, step: &Step, note: Option<&Note>, stretch: Stretch) -> Result<(), Mistake> {
        let whole = || step.place.bytes.clone();
        let verb_span = note.map_or_else(whole, |note| note.verb.clone());
        let mut verb = step.verb.clone();
        let gives = gives(&step.verb);
        let places = note.map_or(&[][..], |note| &note.names);
        let names: Vec<_> = verb
            .names_mut()
            .into_iter()
            .map(|(kind, name)| (kind, name.clone()))
            .collect();
        for (place, (kind, name)) in names.iter().enumerate() {
            let span = places.get(place).cloned().flatten().unwrap_or_else(whole);
            if gives[place] {
                self.define(*kind, name, span, step, stretch)?;
            } else {
                self.need(*kind, name, span, step, stretch)?;
            }
        }
        self.check_token(step, &verb_span)?;
        self.check_operation(step, &verb_span)?;
        if let (
            Some(phone),
            Verb::Submit { .. } | Verb::Login { .. } | Verb::SubmitProfile { .. },
        ) = (step.phone, &step.verb)
        {
            self.logged_in.insert(phone);
        }
        Ok(())
    }

    fn define(
        &mut self,
        kind: NameKind,
        name: &str,
        span: Range<usize>,
        step: &Step,
        stretch: Stretch,
    ) -> Result<(), Mistake> {
        if let Some(first) = self.made.get(&(kind, name.to_owned())) {
            let noun = noun(kind);
            let message = format!("`{name}` already names {} {noun}", article(noun));
            return Err(Mistake::new(span, message, "the second one")
                .help(format!("the first is in line {}", first.line)));
        }
        let api = match &step.verb {
            Verb::Capture { api, .. } => Some(*api),
            _ => None,
        };
        self.made.insert(
            (kind, name.to_owned()),
            Made {
                stretch,
                line: step.place.line,
                phone: step.phone,
                api,
            },
        );
        Ok(())
    }

    fn need(
        &self,
        kind: NameKind,
        name: &str,
        span: Range<usize>,
        step: &Step,
        stretch: Stretch,
    ) -> Result<(), Mistake> {
        if kind == NameKind::User {
            let users = &self.program.users;
            return match users.iter().any(|user| user == name) {
                true => Ok(()),
                false => Err(Mistake::unknown(
                    span,
                    "user",
                    name,
                    users.iter().map(String::as_str),
                )),
            };
        }
        let Some(made) = self.made.get(&(kind, name.to_owned())) else {
            return Err(self.unknown(kind, name, span));
        };
        if let (Stretch::Race(mine), Stretch::Race(other)) = (stretch, made.stretch)
            && mine != other
        {
            let message = format!(
                "`{name}` may not be there yet: it is made in line {}, which races with this",
                made.line
            );
            return Err(Mistake::new(span, message, "used here")
                .help("make it in `before`, or in the same list of steps, or use it in `after`"));
        }
        if let (Verb::Store { .. }, Some(owner)) = (&step.verb, made.phone)
            && step.phone != made.phone
        {
            let message = format!(
                "`{name}` is {}'s token: no other phone can store it",
                self.program.phones[owner].name
            );
            return Err(Mistake::new(span, message, "stored here")
                .help("let the phone that logs in store it"));
        }
        if made.api == Some(CaptureApi::WeRun)
            && matches!(step.verb, Verb::Send { .. } | Verb::SubmitProfile { .. })
        {
            let message =
                format!("`{name}` holds step counts, and no adapter operation takes those");
            return Err(Mistake::new(span, message, "sent here")
                .help("capture userinfo, profile or phone to send it"));
        }
        Ok(())
    }

    /// A name nobody has given by now: perhaps another name was meant, perhaps it comes too late.
    fn unknown(&self, kind: NameKind, name: &str, span: Range<usize>) -> Mistake {
        let noun = noun(kind);
        let later = self.program.steps().find(|step| {
            let mut verb = step.verb.clone();
            let gives = gives(&step.verb);
            let mut names = verb.names_mut().into_iter().zip(gives);
            names.any(|((other, known), gives)| other == kind && gives && *known == name)
        });
        if let Some(step) = later {
            let message = format!("the {noun} `{name}` does not exist yet");
            return Mistake::new(
                span,
                message,
                format!("made only in line {}", step.place.line),
            );
        }
        let known: Vec<&str> = self
            .made
            .keys()
            .filter(|(other, known)| *other == kind && !known.contains('#'))
            .map(|(_, known)| known.as_str())
            .collect();
        if known.is_empty() {
            let message = format!("unknown {noun} `{name}`");
            return Mistake::new(span, message, format!("no {noun} has been made by now"))
                .help(format!("for example: {}", example(kind)));
        }
        Mistake::unknown(span, noun, name, known)
    }

    /// `using last`, said or not, needs a login of that phone.
    fn check_token(&self, step: &Step, span: &Range<usize>) -> Result<(), Mistake> {
        let (Verb::Send { using, .. }
        | Verb::SendCode { using, .. }
        | Verb::Whoami { using }
        | Verb::Logout { using }
        | Verb::Refresh { using, .. }) = &step.verb
        else {
            return Ok(());
        };
        let Some(phone) = step
            .phone
            .filter(|phone| *using == Using::Last && !self.logged_in.contains(phone))
        else {
            return Ok(());
        };
        let message = format!(
            "{} has received no token by now",
            self.program.phones[phone].name
        );
        Err(Mistake::new(span.clone(), message, "needs a token")
            .help("say which: using newest, using none, or using a token's name"))
    }

    fn check_operation(&self, step: &Step, span: &Range<usize>) -> Result<(), Mistake> {
        let ops: &[&str] = match (&step.verb, step.op) {
            (Verb::Recover { .. } | Verb::Probe { .. }, _) => &["login", "userinfo"],
            (_, Some(op)) => &[op],
            _ => &[],
        };
        let Some(absent) = ops.iter().find(|op| {
            let mut listed = self.program.needs.iter().chain(&self.program.confirms);
            !listed.any(|known| known == *op)
        }) else {
            return Ok(());
        };
        let message = format!(
            "this step calls the adapter operation `{absent}`, which neither `needs` nor `confirms` lists"
        );
        let mut needs = self.program.needs.clone();
        needs.push((*absent).to_owned());
        let help = format!(
            "write: needs = [{}], or confirms = [\"{absent}\"] if the case says something without this step",
            needs
                .iter()
                .map(|need| format!("\"{need}\""))
                .collect::<Vec<_>>()
                .join(", ")
        );
        Err(Mistake::new(span.clone(), message, "called here").help(help))
    }
}

const fn noun(kind: NameKind) -> &'static str {
    match kind {
        NameKind::Code => "code",
        NameKind::Token => "token",
        NameKind::Payload => "payload",
        NameKind::PhoneCode => "phone code",
        NameKind::User => "user",
        NameKind::Fault => "fault",
        NameKind::Hold => "hold",
    }
}

const fn example(kind: NameKind) -> &'static str {
    match kind {
        NameKind::Code => "P1 mint as c1",
        NameKind::Token => "P1 login as t1",
        NameKind::Payload => "P1 capture userinfo as p1",
        NameKind::PhoneCode => "P1 phonecode as f1",
        NameKind::User => r#"[[phone]] user = "A""#,
        NameKind::Fault => "fault f1 jscode2session of A: errcode=40029",
        NameKind::Hold => "hold h1 getuserphonenumber of A",
    }
}
