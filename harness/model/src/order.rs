//! Events of a race, their names, and an order of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::exploration::Forced;
use crate::history::StepKind;

/// One event of a race.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Index into [`crate::program::Program::chains`].
    pub chain: usize,
    /// Index of the step within the chain. A `submit` gives three events (S, K, R), a `login` four (L, S, K, R).
    pub step: usize,
    /// L, S, K, R, E, P or X.
    pub kind: StepKind,
    /// Its name, unique in the program.
    pub name: EventName,
}

/// The name of an event in tokens and pictures: `S1`, `K2`, `P1b`.
///
/// The letter says the kind. L, S, K and R are numbered by the chains that mint or submit, E, P and X by the chains
/// that do any of these, both from 1 in file order; a second event of its kind in a chain gets `b`, a third `c`.
///
/// `D2a` is the first statement the race's second chain has its backend send to a store: numbered by the chains themselves, and
/// always with its letter, `z` followed by `aa`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventName {
    /// The kind.
    pub kind: StepKind,
    /// Number of the chain, from 1.
    pub number: u8,
    /// 0 for the first event of its kind in the chain, at most 25; more for statements.
    pub repeat: u8,
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.letter(), self.number)?;
        if self.kind == StepKind::Statement {
            return f.write_str(&letters(self.repeat));
        }
        if self.repeat > 0 {
            write!(f, "{}", char::from(b'a' + self.repeat.min(25)))?;
        }
        Ok(())
    }
}

/// `a` to `z`, then `aa`.
fn letters(place: u8) -> String {
    let letter = |place: u8| char::from(b'a' + place % LETTERS);
    match place.checked_sub(LETTERS) {
        None => letter(place).to_string(),
        Some(rest) => format!("{}{}", letters(rest / LETTERS), letter(rest)),
    }
}

/// What [`letters`] writes.
fn place(letters: &[u8]) -> Option<u8> {
    let place = letters.iter().try_fold(0_u16, |place, letter| {
        let next = place * u16::from(LETTERS) + u16::from(letter - b'a') + 1;
        (next <= 1 + u16::from(u8::MAX)).then_some(next)
    })?;
    u8::try_from(place.checked_sub(1)?).ok()
}

const LETTERS: u8 = 26;

/// A word that is no event's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not an event: an event is one of the letters L S K R E P X and the number of its chain, such as S1 or P2b"
)]
pub struct NotAnEvent(pub String);

impl FromStr for EventName {
    type Err = NotAnEvent;

    fn from_str(text: &str) -> Result<Self, NotAnEvent> {
        let wrong = || NotAnEvent(text.to_owned());
        let mut letters = text.chars();
        let letter = letters.next().ok_or_else(wrong)?;
        let kind = RACE_KINDS
            .into_iter()
            .find(|kind| kind.letter() == letter)
            .ok_or_else(wrong)?;
        let rest = letters.as_str();
        let digits = rest.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let number: u8 = digits.parse().map_err(|_| wrong())?;
        let repeat = match &rest.as_bytes()[digits.len()..] {
            word if kind == StepKind::Statement => place(word).ok_or_else(wrong)?,
            [] => 0,
            [letter @ b'b'..=b'z'] => letter - b'a',
            _ => return Err(wrong()),
        };
        let name = Self {
            kind,
            number,
            repeat,
        };
        // `S01` and `S+1` read as numbers; a token has one spelling.
        if number == 0 || name.to_string() != text {
            Err(wrong())
        } else {
            Ok(name)
        }
    }
}

/// The kinds that can race, in the order that decides which spelling of a trace is shown.
pub const RACE_KINDS: [StepKind; 9] = [
    StepKind::Mint,
    StepKind::Submit,
    StepKind::Commit,
    StepKind::Reply,
    StepKind::Apply,
    StepKind::Capture,
    StepKind::Send,
    StepKind::World,
    StepKind::Statement,
];

/// An order of a race: every event once.
///
/// Displays as `S1.S2.K1.K2.R2.R1`; `+` joins events that are taken without waiting for the backend in between:
/// `R1+R2`. The order of an empty race displays as `-`. A shrunk order may leave out faults of the scenario, wherever
/// they are set; it ends in their names: `S1.K1.R1.-busy`. `free` leaves every order to the backend.
///
/// `R1.R2.D1b` holds the second statement of chain 1 until the reply of chain 2 has had its effect: a chain waits at the statements
/// the rest of the order names, and at no others. `D1b~3fa1` says too which statement that is ([`shape_digest`]).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Order {
    moments: Vec<Vec<EventName>>,
    /// Nothing is forced, and every event happens when it happens; there are no moments then.
    free: bool,
    /// Names of faults that are not set, in alphabetical order.
    left_out: BTreeSet<String>,
    /// What statements are expected to be, by their shapes.
    shapes: BTreeMap<EventName, u16>,
}

/// A short name for the shape of a statement, that is for its text without values.
#[must_use]
pub fn shape_digest(shape: &str) -> u16 {
    // FNV-1a, folded: the same on every machine, and four hex digits in a token.
    let hash = shape.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let [a, b, c, d] = hash.to_be_bytes();
    u16::from_be_bytes([a ^ c, b ^ d])
}

impl Order {
    /// An order in which the backend settles after every event.
    #[must_use]
    pub fn settled(steps: impl IntoIterator<Item = EventName>) -> Self {
        Self {
            moments: steps.into_iter().map(|step| vec![step]).collect(),
            ..Self::default()
        }
    }

    /// An order in which the backend settles after every group; empty groups are left out.
    #[must_use]
    pub fn grouped(moments: impl IntoIterator<Item = Vec<EventName>>) -> Self {
        Self {
            moments: moments
                .into_iter()
                .filter(|moment| !moment.is_empty())
                .collect(),
            ..Self::default()
        }
    }

    /// No order at all: all phones at once, and nothing is held.
    #[must_use]
    pub fn free() -> Self {
        Self {
            free: true,
            ..Self::default()
        }
    }

    /// Whether nothing is forced.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        self.free
    }

    /// This order, leaving out the faults `other` leaves out.
    #[must_use]
    pub fn with_faults_of(mut self, other: &Self) -> Self {
        self.left_out.clone_from(&other.left_out);
        self
    }

    /// The order without the fault of this name, and without the events that set it.
    #[must_use]
    pub fn without_fault(&self, fault: &str, set_by: &[EventName]) -> Self {
        let mut order = self.without(set_by);
        order.left_out.insert(fault.to_owned());
        order
    }

    /// Names of the faults it leaves out.
    pub fn faults_left_out(&self) -> impl Iterator<Item = &str> {
        self.left_out.iter().map(String::as_str)
    }

    /// Whether it leaves out the fault of this name.
    #[must_use]
    pub fn leaves_out(&self, fault: &str) -> bool {
        self.left_out.contains(fault)
    }

    /// The events, in order.
    pub fn steps(&self) -> impl Iterator<Item = EventName> + '_ {
        self.moments.iter().flatten().copied()
    }

    /// The order without some of its events; groups stay groups.
    #[must_use]
    pub fn without(&self, gone: &[EventName]) -> Self {
        let left = |moment: &Vec<EventName>| -> Vec<EventName> {
            moment
                .iter()
                .copied()
                .filter(|step| !gone.contains(step))
                .collect()
        };
        let moments = self
            .moments
            .iter()
            .map(left)
            .filter(|moment| !moment.is_empty());
        Self {
            moments: moments.collect(),
            free: self.free,
            left_out: self.left_out.clone(),
            shapes: self
                .shapes
                .iter()
                .filter(|(name, _)| !gone.contains(name))
                .map(|(name, shape)| (*name, *shape))
                .collect(),
        }
    }

    /// The statements chains are held at, in the order in which they are let go.
    pub fn statements(&self) -> impl Iterator<Item = EventName> + '_ {
        self.steps().filter(|step| step.kind == StepKind::Statement)
    }

    /// How often a chain is held at a statement.
    #[must_use]
    pub fn preemptions(&self) -> usize {
        self.statements().count()
    }

    /// The order without its statements: every chain's are let through in one piece.
    #[must_use]
    pub fn without_statements(&self) -> Self {
        let statements: Vec<EventName> = self.statements().collect();
        self.without(&statements)
    }

    /// The order in which `statement`, whose shape has this digest, is let go after the first `moments` moments.
    #[must_use]
    pub fn with_statement(&self, moments: usize, statement: EventName, digest: u16) -> Self {
        let mut order = self.clone();
        let at = moments.min(order.moments.len());
        order.moments.insert(at, vec![statement]);
        order.shapes.insert(statement, digest);
        order
    }

    /// What the shape of a statement is expected to be, as [`shape_digest`] makes it.
    #[must_use]
    pub fn shape_of(&self, statement: EventName) -> Option<u16> {
        self.shapes.get(&statement).copied()
    }

    /// The same events in groups: the backend settles after each group, and the events of a group are taken together.
    /// No group is empty.
    #[must_use]
    pub fn moments(&self) -> &[Vec<EventName>] {
        &self.moments
    }

    /// How far the order can be forced: what is taken together is carried out in an order of the backend's own.
    #[must_use]
    pub fn forced(&self) -> Forced {
        let several = self.moments.iter().filter(|moment| moment.len() > 1);
        let together: Vec<String> = several
            .map(|moment| {
                let names: Vec<String> = moment.iter().map(ToString::to_string).collect();
                names.join("+")
            })
            .collect();
        match together.is_empty() {
            true if self.free => Forced::Free,
            true => Forced::Fully,
            false => Forced::Partly { together },
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.free {
            true => f.write_str(FREE)?,
            false if self.moments.is_empty() => f.write_str("-")?,
            false => {}
        }
        for (position, moment) in self.moments.iter().enumerate() {
            if position > 0 {
                f.write_str(".")?;
            }
            for (place, step) in moment.iter().enumerate() {
                if place > 0 {
                    f.write_str("+")?;
                }
                write!(f, "{step}")?;
                if let Some(shape) = self.shapes.get(step) {
                    write!(f, "~{shape:04x}")?;
                }
            }
        }
        self.left_out
            .iter()
            .try_for_each(|fault| write!(f, ".-{fault}"))
    }
}

impl FromStr for Order {
    type Err = NotAnEvent;

    /// Reads what `Display` writes; spaces serve as well as full stops, for scenario files.
    fn from_str(text: &str) -> Result<Self, NotAnEvent> {
        if text == FREE {
            return Ok(Self::free());
        }
        let mut order = Self::default();
        let empty_race = text == "-" || text.starts_with("-.");
        for word in text.split(['.', ' ']).skip(usize::from(empty_race)) {
            match word.strip_prefix('-') {
                Some(fault) if is_fault_name(fault) => {
                    order.left_out.insert(fault.to_owned());
                }
                // What is left out comes last, and there is one spelling.
                _ if empty_race || !order.left_out.is_empty() => {
                    return Err(NotAnEvent(word.to_owned()));
                }
                _ => {
                    let moment: Result<Vec<_>, _> =
                        word.split('+').map(|name| order.read(name)).collect();
                    order.moments.push(moment?);
                }
            }
        }
        Ok(order)
    }
}

impl Order {
    /// One event of a written order, with the shape of a statement if it has one.
    fn read(&mut self, word: &str) -> Result<EventName, NotAnEvent> {
        let Some((name, shape)) = word.split_once('~') else {
            return word.parse();
        };
        let wrong = || NotAnEvent(word.to_owned());
        let event: EventName = name.parse()?;
        let digest = u16::from_str_radix(shape, 16).map_err(|_| wrong())?;
        if event.kind != StepKind::Statement || format!("{digest:04x}") != shape {
            return Err(wrong());
        }
        self.shapes.insert(event, digest);
        Ok(event)
    }
}

/// How an order is written that leaves every order to the backend.
const FREE: &str = "free";

/// Whether a scenario could have a fault of this name.
fn is_fault_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        let got = text.parse::<Order>().map(|order| order.to_string());
        let expected = expected
            .map(str::to_owned)
            .map_err(|word| NotAnEvent(word.to_owned()));
        assert_eq!(got, expected, "{text}");
    }

    #[test]
    fn reads_what_it_writes() {
        check("S1.S2.K1.K2.R2.R1", Ok("S1.S2.K1.K2.R2.R1"));
        check("S1 S2 K1+K2 R1+R2", Ok("S1.S2.K1+K2.R1+R2"));
        check("L12.P1b.X1z", Ok("L12.P1b.X1z"));
        check("-", Ok("-"));
        check("S1.K1.R1.-busy", Ok("S1.K1.R1.-busy"));
        check("S1.-late.-busy-2", Ok("S1.-busy-2.-late"));
        check("-.-busy", Ok("-.-busy"));
        check("free", Ok("free"));
        check("S1.R1.R2.D1b~3fa1.D2a", Ok("S1.R1.R2.D1b~3fa1.D2a"));
        check("D1z.D1aa.D2iv", Ok("D1z.D1aa.D2iv"));
    }

    #[test]
    fn a_statement_is_put_in_and_taken_out_again() {
        let order: Order = "S1.R1.S2".parse().expect("a good order");
        let name: EventName = "D1b".parse().expect("a statement");
        let held = order.with_statement(3, name, shape_digest("INSERT INTO user VALUES (?)"));
        assert_eq!(held.preemptions(), 1);
        assert_eq!(held.shape_of(name), Some(0xeb5a));
        assert_eq!(held.without_statements(), order);
        assert_eq!(held.to_string().parse(), Ok(held.clone()));
    }

    #[test]
    fn names_the_word_it_cannot_read() {
        for (text, word) in [
            ("", ""),
            ("S1.s2", "s2"),
            ("S1..K1", ""),
            ("S0", "S0"),
            ("S01", "S01"),
            ("S+1", "S"),
            ("S256", "S256"),
            ("Q1", "Q1"),
            ("P1a", "P1a"),
            ("P1bc", "P1bc"),
            ("P１", "P１"),
            ("钥1", "钥1"),
            ("S1.-", "-"),
            ("S1.-2", "-2"),
            ("-busy.S1", "S1"),
            ("-.S1", "S1"),
            ("free.S1", "free"),
            ("D1", "D1"),
            ("D1iw", "D1iw"),
            ("D1b~3f", "D1b~3f"),
            ("S1~3fa1", "S1~3fa1"),
        ] {
            check(text, Err(word));
        }
    }

    #[test]
    fn groups_stay_groups() {
        let order: Order = "S1+S2.K1".parse().expect("a good order");
        assert_eq!(order.moments().len(), 2);
        assert_eq!(order.steps().count(), 3);
        let together = vec!["S1+S2".to_owned()];
        assert_eq!(order.forced(), Forced::Partly { together });
        let one_left = order.without(&["S2".parse().expect("a step")]);
        assert_eq!(one_left.forced(), Forced::Fully);
        assert_eq!(Order::free().forced(), Forced::Free);
        assert_ne!(Order::free(), Order::default());
    }
}
