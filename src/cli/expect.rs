//! Expectations about what WeChat saw: `exchanges_per_code <= 1`. A closed grammar, `METRIC OP NUMBER`, read with the place
//! of every mistake and judged over the calls a run made. Knows nothing of processes or terminals.

mod metric;
mod mistake;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use wxmock_model::lang::Lang;

pub(crate) use self::metric::{Metric, Seen, first};
use self::mistake::Mistake;

/// How the number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Comparison {
    const ALL: [(Self, &'static str); 6] = [
        (Self::AtMost, "<="),
        (Self::AtLeast, ">="),
        (Self::Equal, "=="),
        (Self::NotEqual, "!="),
        (Self::Less, "<"),
        (Self::More, ">"),
    ];

    fn holds(self, seen: u64, wanted: u64) -> bool {
        match self {
            Self::Equal => seen == wanted,
            Self::NotEqual => seen != wanted,
            Self::Less => seen < wanted,
            Self::AtMost => seen <= wanted,
            Self::More => seen > wanted,
            Self::AtLeast => seen >= wanted,
        }
    }
}

/// One `--assert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expectation {
    metric: Metric,
    comparison: Comparison,
    number: u64,
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = Comparison::ALL
            .iter()
            .find(|(comparison, _)| *comparison == self.comparison)
            .map_or("", |(_, sign)| sign);
        write!(f, "{} {sign} {}", self.metric.name(), self.number)
    }
}

/// An expectation that does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Expected and seen.
    pub(crate) headline: String,
    /// The calls the number is made of.
    pub(crate) lines: Vec<String>,
}

/// Lines of evidence shown; the journal has the rest.
const SHOWN: usize = 12;

impl Expectation {
    /// Reads `METRIC OP NUMBER`.
    pub(crate) fn parse(text: &str) -> Result<Self, Mistake> {
        let (name, rest) = word(text, 0, |letter| {
            letter.is_alphanumeric() || letter == '_' || letter == '-'
        });
        let (sign, rest) = word(text, rest, |letter| "<>=!~".contains(letter));
        let (number, rest) = word(text, rest, |letter| !letter.is_whitespace());
        let (more, _) = word(text, rest, |_| true);
        let mistake = |range: &Range<usize>, message: String, help: String| {
            Mistake::new(text, range.clone(), message, help)
        };
        let metric = Metric::all().find(|(_, known, _)| *known == &text[name.clone()]);
        let Some((metric, ..)) = metric else {
            return Err(mistake(
                &name,
                format!("`{}` is nothing that is counted", &text[name.clone()]),
                accepted(&text[name.clone()]),
            ));
        };
        let Some((comparison, _)) = Comparison::ALL
            .iter()
            .find(|(_, known)| *known == &text[sign.clone()])
        else {
            let found = if sign.is_empty() {
                "a comparison is missing".to_owned()
            } else {
                format!("`{}` is not a comparison", &text[sign.clone()])
            };
            return Err(mistake(
                &sign,
                found,
                "accepted: <=, >=, ==, !=, <, >".to_owned(),
            ));
        };
        let Ok(value) = text[number.clone()].parse() else {
            let found = if number.is_empty() {
                "a number is missing".to_owned()
            } else {
                format!("`{}` is not a whole number", &text[number.clone()])
            };
            return Err(mistake(
                &number,
                found,
                format!("write for example --assert '{} <= 1'", &text[name]),
            ));
        };
        if !more.is_empty() {
            return Err(mistake(
                &more,
                "one comparison an expectation".to_owned(),
                "give --assert more than once instead".to_owned(),
            ));
        }
        Ok(Self {
            metric,
            comparison: *comparison,
            number: value,
        })
    }

    /// Whether forgotten calls leave its number uncertain.
    pub(crate) fn needs_every_call(&self) -> bool {
        !self.metric.is_counted_as_it_comes()
    }

    /// Whether it holds; if not, what was seen.
    pub(crate) fn judge(&self, seen: &Seen, lang: Lang) -> Result<(), Violation> {
        let (count, mut lines) = self.metric.count(seen, lang);
        if self.comparison.holds(count, self.number) {
            return Ok(());
        }
        if lines.len() > SHOWN {
            let hidden = lines.len() - SHOWN;
            lines.truncate(SHOWN);
            lines.push(match lang {
                Lang::En => format!("and {hidden} more"),
                Lang::Zh => format!("还有 {hidden} 行"),
            });
        }
        let headline = match lang {
            Lang::En => format!("expected {self}, saw {count}"),
            Lang::Zh => format!("应满足 {self}，实际是 {count}"),
        };
        Err(Violation { headline, lines })
    }
}

/// The bytes of the next word whose letters are `wanted`, after white space, and where to go on.
fn word(text: &str, from: usize, wanted: impl Fn(char) -> bool) -> (Range<usize>, usize) {
    let rest = &text[from..];
    let start = from + (rest.len() - rest.trim_start().len());
    let length = text[start..]
        .find(|letter: char| !wanted(letter))
        .unwrap_or(text.len() - start);
    (start..start + length, start + length)
}

fn accepted(wrong: &str) -> String {
    let names: Vec<&str> = Metric::all().map(|(_, name, _)| name).collect();
    let near = names.iter().find(|name| {
        !wrong.is_empty() && strsim::damerau_levenshtein(name, wrong) <= 1 + wrong.len() / 4
    });
    let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    format!("{near}accepted: {}", names.join(", "))
}
