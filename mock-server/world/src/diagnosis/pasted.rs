//! Finds the texts of a payload in whatever was pasted: a phone's whole answer, a HAR entry, a curl line, a form, a query, a
//! log line. Never fails; what is not there is `None`. Work is linear in the length, and nesting is bounded.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::damage::{bare, is_code};

/// Strings inside strings (the JSON in a HAR entry's `text`) are read so deep.
const DEPTH: usize = 4;

/// What was found in a pasted text, each part as it stands there: damage is for the diagnosis to find.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pasted {
    /// `encryptedData`.
    pub encrypted_data: Option<String>,
    /// `iv`.
    pub iv: Option<String>,
    /// `rawData`.
    pub raw_data: Option<String>,
    /// `signature`.
    pub signature: Option<String>,
    /// `session_key`.
    pub session_key: Option<String>,
    /// `errMsg`.
    pub err_msg: Option<String>,
    /// `code`, where it is a login or phone code and nothing else was found: then it is what was sent in the payload's place.
    #[serde(skip)]
    code: Option<String>,
    /// What kind of text it was found in.
    pub from: Option<Found>,
    /// How many payloads there are; the last one is taken.
    pub n_payloads: usize,
}

/// The kinds of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// JSON.
    Json,
    /// A form body, or a query.
    Form,
    /// A multipart form body.
    Multipart,
    /// A curl line.
    Curl,
    /// Names and values in any other text.
    Text,
    /// Bare words: the longest is taken for the data, one of 24 characters for the iv.
    Words,
}

/// The parts, by the names backends give them, in lower case and without underscores.
const NAMES: [(&str, Part); 15] = [
    ("encrypteddata", Part::Data),
    ("encryptdata", Part::Data),
    ("encrypted", Part::Data),
    ("encrypteddatastr", Part::Data),
    ("iv", Part::Iv),
    ("ivstr", Part::Iv),
    ("encryptiv", Part::Iv),
    ("encryptediv", Part::Iv),
    ("rawdata", Part::RawData),
    ("rawdatastr", Part::RawData),
    ("signature", Part::Signature),
    ("sessionkey", Part::SessionKey),
    ("wxsessionkey", Part::SessionKey),
    ("errmsg", Part::ErrMsg),
    ("code", Part::Code),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Data,
    Iv,
    RawData,
    Signature,
    SessionKey,
    ErrMsg,
    Code,
}

impl Part {
    fn named(name: &str) -> Option<Self> {
        // No name is as long as this, and a document may have very long ones.
        if name.len() > 40 {
            return None;
        }
        let plain: String = name
            .chars()
            .filter(|c| !matches!(c, '_' | '-' | ' '))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        NAMES
            .iter()
            .find(|(known, _)| *known == plain)
            .map(|(_, part)| *part)
    }
}

impl Pasted {
    /// Reads whatever was pasted.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').trim();
        let mut found = Self::default();
        let kind = found.take(text);
        if found.is_empty() {
            found.encrypted_data = found.code.take().filter(|code| is_code(code));
        }
        found.from = kind.filter(|_| !found.is_empty());
        found
    }

    /// Whether nothing was found that could be diagnosed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.encrypted_data.is_none() && self.iv.is_none() && self.signature.is_none()
    }

    /// Tries the kinds of texts, the strictest first.
    fn take(&mut self, text: &str) -> Option<Found> {
        if self.json(text, DEPTH) {
            return Some(Found::Json);
        }
        if is_curl(text) {
            self.words_of_a_shell(&shell_words(text));
            return Some(Found::Curl);
        }
        if text.contains("form-data;") && text.contains("name=") {
            self.multipart(text);
            if !self.is_empty() {
                return Some(Found::Multipart);
            }
        }
        if self.form(text) {
            return Some(Found::Form);
        }
        // An answer with its head, or a log line with JSON in it.
        for (at, _) in text.match_indices('{').take(8) {
            if self.json(&text[at..], DEPTH) && !self.is_empty() {
                return Some(Found::Json);
            }
        }
        self.names_and_values(text);
        if !self.is_empty() {
            return Some(Found::Text);
        }
        self.bare_words(text);
        Some(Found::Words)
    }

    fn put(&mut self, part: Part, value: String) {
        let place = match part {
            Part::Data => {
                self.n_payloads += 1;
                &mut self.encrypted_data
            }
            Part::Iv => &mut self.iv,
            Part::RawData => &mut self.raw_data,
            Part::Signature => &mut self.signature,
            Part::SessionKey => &mut self.session_key,
            Part::ErrMsg => &mut self.err_msg,
            Part::Code => &mut self.code,
        };
        *place = Some(value);
    }

    /// Takes what the first JSON document of the text holds; `false` if it does not begin with one.
    fn json(&mut self, text: &str, depth: usize) -> bool {
        if !text.starts_with(['{', '[', '"']) {
            return false;
        }
        let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let Some(Ok(document)) = documents.next() else {
            return false;
        };
        let is_container = document.is_object() || document.is_array();
        self.walk(&document, depth);
        is_container || !self.is_empty()
    }

    fn walk(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Object(fields) => {
                // HAR writes parameters so, and names them beside their values.
                if let (Some(name), Some(value)) = (
                    fields.get("name").and_then(Value::as_str),
                    fields.get("value"),
                ) && let Some(part) = Part::named(name)
                {
                    self.leaf(part, value);
                    return;
                }
                for (name, value) in fields {
                    match Part::named(name) {
                        Some(part) if !value.is_object() && !value.is_array() => {
                            self.leaf(part, value);
                        }
                        _ => self.walk(value, depth),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item, depth)),
            Value::String(text) => self.inside(text, depth),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn leaf(&mut self, part: Part, value: &Value) {
        let text = match value {
            Value::String(text) => text.clone(),
            // As JavaScript writes it into a text.
            other => other.to_string(),
        };
        self.put(part, text);
    }

    /// A string in a document, which may be a document, a form or a URL itself.
    fn inside(&mut self, text: &str, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let text = text.trim();
        if !self.json(text, depth) && mentions(text) {
            if text.contains("form-data;") {
                self.multipart(text);
            } else {
                self.form(text);
            }
        }
    }

    /// A form body or a URL with a query; `false` if nothing of a payload is in it.
    fn form(&mut self, text: &str) -> bool {
        let query =
            text.split_once('?').map_or(
                text,
                |(path, query)| {
                    if path.contains('=') { text } else { query }
                },
            );
        let query = query.split('#').next().unwrap_or_default();
        if query.contains(['\n', '{']) || !query.contains('=') {
            return false;
        }
        let before = self.clone();
        for pair in query.split('&') {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let name = name.trim();
            if let Some(part) = Part::named(
                name.rsplit(['[', '.'])
                    .next()
                    .unwrap_or(name)
                    .trim_end_matches(']'),
            ) {
                // As a server reads it: a plus is a space there, and what nobody encoded is damaged by that.
                let spaced = value.replace('+', " ");
                let decoded = super::percent_decode(&spaced).unwrap_or(spaced);
                self.put(part, decoded);
            }
        }
        // Without an ampersand this may as well be `iv=… encryptedData=…` of a log.
        if !query.contains('&') && places(query).len() > 1 {
            *self = before;
            return false;
        }
        !self.is_empty()
    }

    fn multipart(&mut self, text: &str) {
        for section in text.split("form-data;").skip(1) {
            let head_end = section
                .find("\r\n\r\n")
                .map(|at| (at, 4))
                .or_else(|| section.find("\n\n").map(|at| (at, 2)));
            let Some((at, gap)) = head_end else { continue };
            let (head, value) = (&section[..at], &section[at + gap..]);
            let name = head.split_once("name=").map(|(_, rest)| {
                bare(
                    rest.split(['\r', '\n', ';'])
                        .next()
                        .unwrap_or_default()
                        .trim(),
                )
            });
            let value = value.split("\n--").next().unwrap_or_default();
            let value = value.trim_end_matches('\r');
            if let Some(part) = name.and_then(Part::named) {
                self.put(part, value.to_owned());
            }
        }
    }

    /// The words of a curl line: each may be a body, a URL, or `name=value` of one field.
    fn words_of_a_shell(&mut self, words: &[String]) {
        let mut flag = "";
        for word in words {
            if word.starts_with('-') && !word.contains(['=', '{']) {
                flag = word;
                continue;
            }
            let is_plain = matches!(flag, "--data-urlencode" | "-F" | "--form" | "--form-string");
            let one = word.split_once('=').filter(|_| is_plain);
            match one.and_then(|(name, value)| Some((Part::named(name)?, value))) {
                Some((part, value)) => self.put(part, value.to_owned()),
                None => self.inside(word, DEPTH),
            }
            flag = "";
        }
    }

    /// `name: value`, `name=value`, `'name': 'value'` anywhere in a text.
    fn names_and_values(&mut self, text: &str) {
        let places = places(text);
        for (index, (part, from)) in places.iter().enumerate() {
            let to = places.get(index + 1).map_or(text.len(), |(_, next)| {
                // The next name begins before its own sign.
                name_start(text, *next)
            });
            let value = value_of(text.get(*from..to).unwrap_or_default());
            self.put(*part, value);
        }
    }

    fn bare_words(&mut self, text: &str) {
        let words: Vec<&str> = text
            .split_whitespace()
            .map(|word| bare(word.trim_matches(',')))
            .filter(|word| word.len() >= 22)
            .take(64)
            .collect();
        let data = words.iter().max_by_key(|word| word.len());
        let iv = words
            .iter()
            .find(|word| word.len() <= 24 && Some(*word) != data);
        if let Some(data) = data.filter(|_| words.len() <= 2) {
            self.put(Part::Data, (*data).to_owned());
            if let Some(iv) = iv {
                self.put(Part::Iv, (*iv).to_owned());
            }
        }
    }
}

/// Whether any name of a part is in the text; a cheap question before an expensive one.
fn mentions(text: &str) -> bool {
    text.contains('=') && !places(text).is_empty()
}

/// Where the value of each name begins: behind its `=` or `:`.
fn places(text: &str) -> Vec<(Part, usize)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let mut places = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices() {
        if is_name(character) {
            start.get_or_insert(at);
            continue;
        }
        if let Some(from) = start.take()
            && let Some(part) = Part::named(&text[from..at])
        {
            let rest = text[at..].trim_start_matches(['"', '\'', '`', ' ', '\\']);
            // Not longer than a few marks, so that the whole stays linear.
            let gap = text.len() - at - rest.len();
            if gap <= 4
                && let Some(value) = rest.strip_prefix(['=', ':', '：', '＝'])
            {
                places.push((part, text.len() - value.len()));
            }
        }
    }
    places
}

/// Where the name before the sign that ends at `end` begins.
fn name_start(text: &str, end: usize) -> usize {
    let head = &text[..end];
    let head = head.trim_end_matches(['=', ':', '：', '＝', '"', '\'', '`', ' ', '\\']);
    let name = head
        .bytes()
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        .count();
    head.len() - name
}

/// The value at the beginning of a text, up to what ends it.
fn value_of(text: &str) -> String {
    let text = text.trim_start_matches([' ', '>', '\t', '\\']);
    for quote in ['"', '\'', '`'] {
        if let Some(inner) = text.strip_prefix(quote) {
            let end = inner.find(quote).unwrap_or(inner.len());
            return inner[..end].trim_end_matches('\\').to_owned();
        }
    }
    let end = text
        .find([',', ';', '&', '\n', '}', ')', '，', '；'])
        .unwrap_or(text.len());
    text[..end].trim().to_owned()
}

fn is_curl(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default();
    let first = first.trim_start_matches('$');
    first.ends_with("curl") || first.ends_with("curl.exe") || text.starts_with("$ curl ")
}

/// Words as a shell takes them apart: quotes, `$'…'`, and backslashes. A quote nobody closes goes to the end.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' | '^'
                if letters
                    .peek()
                    .is_some_and(|next| matches!(next, '\n' | '\r')) =>
            {
                while letters
                    .next_if(|next| matches!(next, '\n' | '\r'))
                    .is_some()
                {}
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            '$' if letters.peek() == Some(&'\'') => {
                letters.next();
                ansi_c(&mut letters, word.get_or_insert_default());
            }
            '\'' => {
                let into = word.get_or_insert_default();
                into.extend(letters.by_ref().take_while(|letter| *letter != '\''));
            }
            '"' => {
                let into = word.get_or_insert_default();
                while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
                    match letter {
                        '\\' => match letters.next() {
                            Some(next @ ('"' | '\\' | '$' | '`')) => into.push(next),
                            Some('\n') | None => {}
                            Some(next) => into.extend(['\\', next]),
                        },
                        letter => into.push(letter),
                    }
                }
            }
            letter if letter.is_whitespace() => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// The inside of `$'…'`, which browsers copy bodies with `!` or quotes as.
fn ansi_c(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, into: &mut String) {
    while let Some(letter) = letters.next().filter(|letter| *letter != '\'') {
        if letter != '\\' {
            into.push(letter);
            continue;
        }
        match letters.next() {
            Some('n') => into.push('\n'),
            Some('r') => into.push('\r'),
            Some('t') => into.push('\t'),
            Some(kind @ ('u' | 'x')) => {
                let most = if kind == 'u' { 4 } else { 2 };
                let mut number = 0;
                for _ in 0..most {
                    let Some(digit) = letters.peek().and_then(|digit| digit.to_digit(16)) else {
                        break;
                    };
                    letters.next();
                    number = number * 16 + digit;
                }
                into.extend(char::from_u32(number));
            }
            Some(other) => into.push(other),
            None => {}
        }
    }
}
