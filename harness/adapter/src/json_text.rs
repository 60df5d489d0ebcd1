//! JSON with places: serde_json does not say where a value was written, and adapters in JSON deserve carets too.

use super::{
    node::{Name, Node, Place, Value},
    problem::{Problem, Source},
};

/// Nesting beyond this is refused rather than recursed into.
const MAX_DEPTH: usize = 64;

/// Reads a whole JSON document.
pub(crate) fn parse(source: &Source) -> Result<Node, Problem> {
    let mut reader = Reader {
        source,
        text: source.inner(),
        at: 0,
    };
    let node = reader.value(0)?;
    reader.skip_space();
    if reader.at < reader.text.len() {
        return Err(reader.error("nothing may follow the value"));
    }
    Ok(node)
}

struct Reader<'a> {
    source: &'a Source,
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Node, Problem> {
        self.skip_space();
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        let value = match self.peek() {
            Some(b'{') => self.table(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'a'..=b'z') => self.word()?,
            Some(_) => return Err(self.error("expected a value")),
            None => return Err(self.error("the text ends where a value is expected")),
        };
        Ok(Node {
            place: self.place(start),
            value,
        })
    }

    fn table(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut entries: Vec<(Name, Node)> = Vec::new();
        self.at += 1;
        if self.closes(b'}') {
            return Ok(Value::Table(entries));
        }
        loop {
            self.skip_space();
            let start = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a key in double quotes"));
            }
            let text = self.string()?;
            let place = self.place(start);
            if entries.iter().any(|(name, _)| name.text == text) {
                return Err(place.error("not valid JSON", "this key was given before"));
            }
            self.skip_space();
            if self.peek() != Some(b':') {
                return Err(self.error("expected `:` after the key"));
            }
            self.at += 1;
            let node = self.value(depth + 1)?;
            entries.push((Name { text, place }, node));
            if self.closes(b'}') {
                return Ok(Value::Table(entries));
            }
            self.comma("expected `,` or `}`")?;
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Problem> {
        let mut items = Vec::new();
        self.at += 1;
        if self.closes(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.closes(b']') {
                return Ok(Value::List(items));
            }
            self.comma("expected `,` or `]`")?;
        }
    }

    /// Escapes are serde_json's business; only the end of the literal is found here.
    fn string(&mut self) -> Result<String, Problem> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'\\' => end += 2,
                b'"' => {
                    self.at = end + 1;
                    return serde_json::from_str(&self.text[start..=end]).map_err(|_| {
                        self.place(start).error(
                            "not valid JSON",
                            "this string has a wrong escape or a bare control character",
                        )
                    });
                }
                _ => end += 1,
            }
        }
        Err(self.error("this string has no closing quote"))
    }

    fn number(&mut self) -> Result<Value, Problem> {
        let start = self.at;
        while matches!(
            self.peek(),
            Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')
        ) {
            self.at += 1;
        }
        let number: Result<serde_json::Number, _> =
            serde_json::from_str(&self.text[start..self.at]);
        let number = number.map_err(|_| {
            self.place(start)
                .error("not valid JSON", "this is not a number")
        })?;
        Ok(number.as_i64().map_or_else(
            || Value::Float(number.as_f64().unwrap_or(f64::NAN)),
            Value::Integer,
        ))
    }

    fn word(&mut self) -> Result<Value, Problem> {
        let start = self.at;
        while matches!(self.peek(), Some(b'a'..=b'z')) {
            self.at += 1;
        }
        match &self.text[start..self.at] {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            "null" => Ok(Value::Null),
            _ => Err(self
                .place(start)
                .error("not valid JSON", "not a value; strings need double quotes")),
        }
    }

    fn closes(&mut self, bracket: u8) -> bool {
        self.skip_space();
        let closes = self.peek() == Some(bracket);
        if closes {
            self.at += 1;
        }
        closes
    }

    fn comma(&mut self, otherwise: &str) -> Result<(), Problem> {
        if self.peek() == Some(b',') {
            self.at += 1;
            return Ok(());
        }
        Err(self.error(otherwise))
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn place(&self, start: usize) -> Place {
        Place {
            source: self.source.clone(),
            range: start..self.at,
        }
    }

    fn error(&self, label: &str) -> Problem {
        let mut end = self.text.len().min(self.at + 1);
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        let place = Place {
            source: self.source.clone(),
            range: self.at.min(end)..end,
        };
        place.error("not valid JSON", label)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node, Problem> {
        parse(&Place::whole("a.json", text).source)
    }

    #[test]
    fn places_cover_the_written_value() {
        let text = r#"{"a": [1, "x\"y"], "b": {"c": null}}"#;
        let root = read(text).unwrap();
        let Value::List(items) = &root.get("a").unwrap().value else {
            panic!("a is a list");
        };
        assert_eq!(&text[items[1].place.range.clone()], r#""x\"y""#);
        assert!(matches!(&items[1].value, Value::Text(t) if t == "x\"y"));
        assert!(matches!(
            root.get("b").unwrap().get("c").unwrap().value,
            Value::Null
        ));
    }

    #[test]
    fn wrong_texts_are_errors_not_panics() {
        for text in [
            "",
            "{",
            "[1",
            "[1,",
            "{\"a\"",
            "{\"a\":",
            "{\"a\":1,}",
            "\"x",
            "\"\\",
            "tru",
            "1 2",
            "-",
            "é",
            "\"é",
            "{\"a\":1 \"b\":2}",
            "\"\\q\"",
            "{\"a\":1,\"a\":2}",
            "\"\u{1}\"",
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert!(read(&"[".repeat(100_000)).is_err());
    }
}
