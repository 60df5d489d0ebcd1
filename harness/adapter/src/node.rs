//! A tree of values that remembers where each was written: from TOML, from JSON, from one overriding value.
//!
//! Knows nothing of adapters: which keys and types are right is the reader's business.

use std::{ops::Range, sync::Arc};

use miette::NamedSource;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::{Problem, Source};

/// Where something was written.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) source: Source,
    pub(crate) range: Range<usize>,
}

impl Place {
    /// The whole of a text that is not a file.
    pub(crate) fn whole(name: &str, text: &str) -> Self {
        Self {
            source: Arc::new(NamedSource::new(name, text.to_owned())),
            range: 0..text.len(),
        }
    }

    /// The place of `part` of the decoded string that was written here. Escapes make decoded and written text differ,
    /// so the part is searched for; if it cannot be found the whole string is the place.
    pub(crate) fn within(&self, decoded: &str, part: Range<usize>) -> Self {
        let whole = || self.clone();
        let Some(written) = self.source.inner().get(self.range.clone()) else {
            return whole();
        };
        let Some(wanted) = decoded
            .get(part.clone())
            .filter(|wanted| !wanted.is_empty())
        else {
            return whole();
        };
        let earlier = decoded
            .match_indices(wanted)
            .take_while(|(at, _)| *at < part.start)
            .count();
        match written.match_indices(wanted).nth(earlier) {
            Some((at, _)) => {
                let start = self.range.start + at;
                Self {
                    source: self.source.clone(),
                    range: start..start + wanted.len(),
                }
            }
            None => whole(),
        }
    }

    /// An error here: `message` above, `label` at the caret.
    pub(crate) fn error(&self, message: impl Into<String>, label: impl Into<String>) -> Problem {
        Problem::error(self.source.clone(), message).label(self.range.clone(), label)
    }
}

/// A key and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What was written.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    /// A TOML date or time; no adapter key takes one.
    Date,
    List(Vec<Node>),
    Table(Vec<(Name, Node)>),
}

impl Node {
    /// What kind of value this is, with its article, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a fraction",
            Value::Bool(_) => "a boolean",
            Value::Date => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The entries, if this is a table.
    pub(crate) fn entries(&self) -> &[(Name, Self)] {
        match &self.value {
            Value::Table(entries) => entries,
            _ => &[],
        }
    }

    /// The value under `key`, if this is a table that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|(name, _)| name.text == key)
            .map(|(_, node)| node)
    }

    /// Puts `node` at `path`, making tables on the way and replacing what is there. Keys are compared without regard to
    /// letter case and to `-` or `_`, because environment variables cannot spell them.
    pub(crate) fn put(&mut self, path: &[String], node: Self) {
        let Some((first, rest)) = path.split_first() else {
            *self = node;
            return;
        };
        if !matches!(self.value, Value::Table(_)) {
            self.value = Value::Table(Vec::new());
        }
        let Value::Table(entries) = &mut self.value else {
            return;
        };
        let at = entries
            .iter()
            .position(|(name, _)| fold(&name.text) == fold(first));
        let at = at.unwrap_or_else(|| {
            let place = node.place.clone();
            let name = Name {
                text: first.clone(),
                place: place.clone(),
            };
            let table = Self {
                place,
                value: Value::Table(Vec::new()),
            };
            entries.push((name, table));
            entries.len() - 1
        });
        entries[at].1.put(rest, node);
    }
}

impl Node {
    /// Puts `node` under `key` of item `number` of the list `list`, replacing what is there.
    pub(crate) fn put_in_item(&mut self, list: &str, number: usize, key: &str, node: Self) {
        let Value::Table(entries) = &mut self.value else {
            return;
        };
        let found = entries.iter_mut().find(|(name, _)| name.text == list);
        if let Some((
            _,
            Self {
                value: Value::List(items),
                ..
            },
        )) = found
            && let Some(item) = items.get_mut(number)
        {
            item.put(&[key.to_owned()], node);
        }
    }
}

/// A key as the environment would spell it.
pub(crate) fn fold(key: &str) -> String {
    key.to_ascii_uppercase().replace('-', "_")
}

/// Reads a whole TOML document.
pub(crate) fn from_toml(source: &Source) -> Result<Node, Problem> {
    match DeTable::parse(source.inner()) {
        Ok(table) => {
            let range = table.span();
            Ok(Node {
                place: Place {
                    source: source.clone(),
                    range,
                },
                value: convert_table(source, table.into_inner()),
            })
        }
        Err(error) => Err(toml_problem(source, &error)),
    }
}

/// Reads one TOML value, such as an overriding `["./serve", "--port", "1"]`.
pub(crate) fn from_toml_value(place: &Place) -> Result<Node, Problem> {
    match DeValue::parse(place.source.inner()) {
        Ok(value) => Ok(convert(&place.source, value)),
        Err(error) => Err(toml_problem(&place.source, &error)),
    }
}

fn toml_problem(source: &Source, error: &toml::de::Error) -> Problem {
    let end = source.inner().len();
    let range = error.span().unwrap_or(end..end);
    let mut lines = error.message().lines();
    let first = lines.next().unwrap_or("cannot be read").to_owned();
    let rest: Vec<&str> = lines.collect();
    let problem = Problem::error(source.clone(), "not valid TOML").label(range, first);
    if rest.is_empty() {
        problem
    } else {
        problem.help(rest.join("; "))
    }
}

fn convert_table(source: &Source, table: DeTable<'_>) -> Value {
    let entries = table.into_iter().map(|(key, value)| {
        let place = Place {
            source: source.clone(),
            range: key.span(),
        };
        let name = Name {
            text: key.into_inner().into_owned(),
            place,
        };
        (name, convert(source, value))
    });
    Value::Table(entries.collect())
}

fn convert(source: &Source, value: Spanned<DeValue<'_>>) -> Node {
    let place = Place {
        source: source.clone(),
        range: value.span(),
    };
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Float(f64::INFINITY), Value::Integer),
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(yes) => Value::Bool(yes),
        DeValue::Datetime(_) => Value::Date,
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| convert(source, item))
                .collect(),
        ),
        DeValue::Table(table) => convert_table(source, table),
    };
    Node { place, value }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn toml(text: &str) -> Node {
        from_toml(&Place::whole("a.toml", text).source).unwrap()
    }

    #[test]
    fn places_are_bytes_of_the_source() {
        let text = "a = 1\n[b]\nc = [\"x\", \"yy\"]\n";
        let root = toml(text);
        let Some(Value::List(items)) = root.get("b").and_then(|b| b.get("c")).map(|c| &c.value)
        else {
            panic!("c is a list");
        };
        assert_eq!(&text[items[1].place.range.clone()], "\"yy\"");
    }

    #[test]
    fn a_part_is_found_behind_escapes() {
        let text = r#"a = "\"{{x}} {{x}}""#;
        let root = toml(text);
        let node = root.get("a").unwrap();
        let place = node.place.within("\"{{x}} {{x}}", 9..10);
        assert_eq!(place.range, 15..16);
    }

    #[test]
    fn put_ignores_case_and_hyphens_and_makes_tables() {
        let mut root = toml("[headers]\nX-Token = 'a'\n");
        let node = |text: &str| Node {
            place: Place::whole("WXC", text),
            value: Value::Text(text.to_owned()),
        };
        root.put(&["headers".into(), "X_TOKEN".into()], node("b"));
        root.put(&["features".into(), "key_storage".into()], node("none"));
        let headers = root.get("headers").unwrap();
        assert!(matches!(&headers.get("X-Token").unwrap().value, Value::Text(t) if t == "b"));
        assert_eq!(headers.entries().len(), 1);
        assert!(root.get("features").unwrap().get("key_storage").is_some());
    }
}
