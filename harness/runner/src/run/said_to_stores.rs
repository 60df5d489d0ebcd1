//! Writes down what a race said to the stores so that it can be shown: values by their names (o1, k2, t1), every other value masked.
//!
//! Pure: statements and names in, records out.

use sha2::{Digest, Sha256};
use wxmock_model::history::{DataRecord, StatementRecord, TransactionMark};
use wxmock_store::{Access, Resource, TransactionStep};

use super::statements::{Seen, Trace};

/// What stands for a value nobody has a name for.
const MASKED: &str = "…";
/// Names of values shorter than this are not looked for inside longer ones: they would be found by accident.
const SHORTEST: usize = 6;
/// Fields of hashes that are words of every login backend and no values.
const FIELDS: &str = "key session_key sessionKey openid openId unionid unionId token tokens user user_id userId id phone mobile nick nickname nickName avatar code";
/// The longest text that is written down, in characters.
const LONGEST: usize = 400;

/// Values that have names: openids, keys, codes, tokens.
pub(crate) struct Names {
    /// (value, name), longest value first.
    known: Vec<(String, String)>,
}

impl Names {
    /// Of these values, each with its name.
    pub(crate) fn of(known: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut known: Vec<(String, String)> = known
            .into_iter()
            .filter(|(value, _)| value.len() >= SHORTEST)
            .collect();
        known.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        known.dedup_by(|(a, _), (b, _)| a == b);
        Self { known }
    }

    /// A value by its name, what is not known masked: `o1`, `sess:t1`, `…`.
    fn value(&self, value: &str) -> String {
        let found = self.known.iter().find_map(|(known, name)| {
            let at = value.find(known.as_str())?;
            Some((&value[..at], name, &value[at + known.len()..]))
        });
        match found {
            Some((before, name, after)) => {
                format!("{}{name}{}", self.around(before), self.around(after))
            }
            None if !value.is_empty()
                && value.len() <= 2
                && value.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                value.to_owned()
            }
            None => MASKED.to_owned(),
        }
    }

    /// What stands before or after a name: words with a colon, as keys have; the rest is masked.
    fn around(&self, text: &str) -> String {
        match text {
            "" => String::new(),
            text if is_prefix(text) => text.to_owned(),
            text => self.value(text),
        }
    }

    /// A key of Redis: words and colons stay, values go.
    fn key(&self, key: &str) -> String {
        let masked = self.value(key);
        if masked != MASKED {
            return masked;
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in key.split_inclusive(':') {
            parts.push(if is_prefix(part) { part } else { MASKED });
        }
        parts.dedup();
        parts.concat()
    }

    /// A statement of SQL: what the shape has question marks for are values. Where text and shape do not fit, no value is shown.
    fn sql(&self, text: &str, shape: &str) -> String {
        let mut pieces = shape.split('?');
        let first = pieces.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else {
            return shape.replace('?', MASKED);
        };
        let mut shown = first.to_owned();
        let pieces: Vec<&str> = pieces.collect();
        for (at, piece) in pieces.iter().enumerate() {
            let is_last = at + 1 == pieces.len();
            let end = match (is_last, piece.is_empty()) {
                (true, _) => rest.strip_suffix(piece).map(str::len),
                (false, true) => None,
                (false, false) => rest.find(piece),
            };
            let Some(end) = end else {
                return shape.replace('?', MASKED);
            };
            shown.push_str(&self.value(rest[..end].trim_matches(['\'', '"'])));
            shown.push_str(piece);
            rest = &rest[end + piece.len()..];
        }
        shown
    }

    /// A command of Redis: its name, its keys, and the words among its arguments.
    fn command(&self, text: &str, keys: &[&str]) -> String {
        let has_fields = text.starts_with('H');
        let words = text.split(' ').enumerate().map(|(at, word)| {
            let is_word = word.len() <= 12 && word.bytes().all(|byte| byte.is_ascii_uppercase());
            match word {
                word if at == 0 || is_word => word.to_owned(),
                word if has_fields && FIELDS.split(' ').any(|field| field == word) => {
                    word.to_owned()
                }
                word if keys.contains(&word) => self.key(word),
                word => self.value(word),
            }
        });
        let mut words: Vec<String> = words.collect();
        words.dedup_by(|a, b| a == MASKED && b == MASKED);
        words.join(" ")
    }

    /// What a statement touches.
    fn data(&self, resource: &Resource, is_sql: bool) -> DataRecord {
        if is_sql {
            let row = resource.row.as_ref();
            return DataRecord {
                name: resource.name.clone(),
                row: row.map(|row| (row.column.clone(), self.told_apart(&row.value))),
                field: None,
            };
        }
        let field = resource.row.as_ref();
        DataRecord {
            name: self.key(&resource.name),
            row: Some((String::new(), self.told_apart(&resource.name))),
            field: field.map(|field| self.told_apart(&field.value)),
        }
    }

    /// A value by its name, or by what tells it from others and gives nothing away.
    fn told_apart(&self, value: &str) -> String {
        let whole = self.known.iter().find(|(known, _)| known == value);
        match whole {
            Some((_, name)) => name.clone(),
            None => format!("#{}", &hex::encode(Sha256::digest(value))[..8]),
        }
    }
}

/// The statements of a race, in the order in which they came.
pub(crate) fn records(
    trace: &Trace,
    names: &Names,
    is_sql: impl Fn(&str) -> bool,
) -> Vec<StatementRecord> {
    trace
        .statements
        .iter()
        .map(|seen| record(seen, names, is_sql(&seen.statement.store)))
        .collect()
}

fn record(seen: &Seen, names: &Names, is_sql: bool) -> StatementRecord {
    let said = &seen.statement;
    let mut record = StatementRecord {
        name: seen.name().map(|name| name.to_string()).unwrap_or_default(),
        store: said.store.to_string(),
        connection: said.connection,
        operation: seen.request,
        shape: said.shape.clone(),
        answer: said
            .answer
            .as_ref()
            .map(|answer| answer.text.clone())
            .unwrap_or_default(),
        failed: said.answer.as_ref().is_some_and(|answer| answer.is_error),
        waited: seen.waited,
        ..StatementRecord::default()
    };
    let mut keys: Vec<&str> = Vec::new();
    match &said.access {
        Access::Touches { reads, writes } => {
            keys.extend(
                reads
                    .iter()
                    .chain(writes)
                    .map(|resource| resource.name.as_str()),
            );
            let data = |resource: &Resource| names.data(resource, is_sql);
            record.reads = reads.iter().map(data).collect();
            record.writes = writes.iter().map(data).collect();
        }
        Access::Transaction(step) => record.transaction = Some(mark(*step)),
        Access::Unknown => record.unknown = true,
    }
    let text = match is_sql {
        true => names.sql(&said.text, &said.shape),
        false => names.command(&said.text, &keys),
    };
    record.text = match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}{MASKED}", &text[..cut]),
        None => text,
    };
    record
}

const fn mark(step: TransactionStep) -> TransactionMark {
    match step {
        TransactionStep::Begin => TransactionMark::Begin,
        TransactionStep::Commit => TransactionMark::Commit,
        TransactionStep::Rollback => TransactionMark::Rollback,
    }
}

/// Whether this is the kind of word keys begin with: letters and a colon.
fn is_prefix(text: &str) -> bool {
    let word = |part: &str| {
        part.len() <= 16
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || "_-".contains(c))
    };
    text.contains([':', '.', '/']) && text.split([':', '.', '/']).all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let known = [
            ("oABCDEFGH", "o1"),
            ("key+base64==", "k2"),
            ("tok-12345", "t1"),
        ];
        Names::of(known.map(|(value, name)| (value.to_owned(), name.to_owned())))
    }

    #[test]
    fn values_of_sql_are_named_or_masked() {
        let check = |text: &str, shape: &str, expected: &str| {
            assert_eq!(names().sql(text, shape), expected);
        };
        check(
            "SELECT id FROM user WHERE openid = 'oABCDEFGH' LIMIT 1",
            "SELECT id FROM user WHERE openid = ? LIMIT ?",
            "SELECT id FROM user WHERE openid = o1 LIMIT 1",
        );
        check(
            "INSERT INTO user (a, b) VALUES ('it's; 'DROP', 12345, 'key+base64==')",
            "INSERT INTO user (a, b) VALUES (?, ?, ?)",
            "INSERT INTO user (a, b) VALUES (…, …, k2)",
        );
        check(
            "SELECT 'cut he…",
            "SELECT ? FROM user",
            "SELECT … FROM user",
        );
        check("COMMIT", "COMMIT", "COMMIT");
    }

    #[test]
    fn values_of_redis_are_named_or_masked() {
        let check = |text: &str, keys: &[&str], expected: &str| {
            assert_eq!(names().command(text, keys), expected);
        };
        check("GET sess:tok-12345", &["sess:tok-12345"], "GET sess:t1");
        check(
            "SET user:oABCDEFGH 17 NX PX 30000",
            &["user:oABCDEFGH"],
            "SET user:o1 17 NX PX …",
        );
        check(
            "SET lock:login:99182 abc def",
            &["lock:login:99182"],
            "SET lock:login:… …",
        );
        check("HSET u:1 phone 13800138000", &["u:1"], "HSET u:… phone …");
        check("HSET u:1 alice 17654", &["u:1"], "HSET u:… …");
    }

    #[test]
    fn a_field_of_a_hash_hides_its_key() {
        let field = |key: &str, field: &str| {
            let row = wxmock_store::Row {
                column: "field".to_owned(),
                value: field.to_owned(),
            };
            let resource = Resource {
                name: key.to_owned(),
                row: Some(row),
            };
            names().data(&resource, false)
        };
        let nick = field("profile:99182", "nick");
        assert_eq!(nick.name, "profile:…");
        assert!(nick.is_key());
        assert!(nick.overlaps(&field("profile:99182", "nick")));
        assert!(!nick.overlaps(&field("profile:99182", "phone")));
        assert!(!nick.overlaps(&field("profile:99183", "nick")));
        let whole = Resource {
            name: "profile:99182".to_owned(),
            row: None,
        };
        assert!(nick.overlaps(&names().data(&whole, false)));
    }

    #[test]
    fn rows_are_told_apart_without_their_values() {
        let row = |value: &str| names().told_apart(value);
        assert_eq!(row("oABCDEFGH"), "o1");
        assert_ne!(row("17"), row("18"));
        assert!(!row("13800138000").contains("138001"));
    }
}
