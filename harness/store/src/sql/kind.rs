//! Which SQL is never held: set-up of a connection, and questions that touch no data. Told by its first words, without parsing.

use super::functions::{self, Effect};
use crate::statement::StatementKind;

/// Whether `sql` may be held.
pub(crate) fn kind(sql: &str) -> StatementKind {
    if is_passed(sql) {
        StatementKind::Passed
    } else {
        StatementKind::Work
    }
}

/// Whether its answer counts the rows it changed.
pub(crate) fn writes_rows(sql: &str) -> bool {
    let first = words(sql).next().unwrap_or_default();
    [
        "insert", "update", "delete", "replace", "with", "call", "execute", "load",
    ]
    .iter()
    .any(|word| first.eq_ignore_ascii_case(word))
}

fn is_passed(sql: &str) -> bool {
    // A `;` inside a value makes pieces that are nothing known, and so the whole is work.
    sql.len() < 8192 && sql.split(';').all(is_passed_alone)
}

fn is_passed_alone(sql: &str) -> bool {
    let verb = words(sql).next().unwrap_or_default();
    match verb.to_ascii_lowercase().as_str() {
        "set" | "show" | "use" | "discard" | "listen" | "unlisten" | "deallocate" | "prepare"
        | "copy" | "load" | "" => true,
        "select" => asks_no_data(&sql.to_ascii_lowercase()),
        _ => false,
    }
}

/// `SELECT 1`, `SELECT @@version`, `SELECT current_schema()`, and what a driver or ORM asks of the catalogues.
fn asks_no_data(sql: &str) -> bool {
    let named: Vec<&str> = words(sql).collect();
    let sources = named
        .windows(2)
        .filter(|pair| matches!(pair[0], "from" | "join"));
    let mut sources = sources.map(|pair| pair[1]).peekable();
    if sources.peek().is_some() {
        return sources.all(|source| CATALOGUES.contains(&source));
    }
    let mut called = sql.match_indices('(').map(|(at, _)| {
        let before = sql[..at].trim_end();
        let start = before.rfind(|char: char| !(char.is_alphanumeric() || char == '_'));
        let start = start.map_or(0, |at| {
            at + before[at..].chars().next().map_or(1, char::len_utf8)
        });
        &before[start..]
    });
    !named.contains(&"into")
        && called.all(|name| {
            matches!(name, "" | "select" | "varchar" | "decimal" | "numeric")
                || functions::effect(name) == Effect::None
        })
}

/// Where servers keep what they know of themselves.
const CATALOGUES: &[&str] = &[
    "information_schema",
    "pg_catalog",
    "pg_type",
    "pg_class",
    "pg_namespace",
    "pg_database",
    "pg_settings",
    "pg_attribute",
    "pg_index",
    "pg_enum",
    "pg_range",
];

/// The words of `sql` in turns, without comments in front.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    let mut rest = sql.trim_start();
    loop {
        rest = if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, rest)| rest)
        } else if let Some(comment) = rest.strip_prefix("--") {
            comment.split_once('\n').map_or("", |(_, rest)| rest)
        } else {
            break;
        }
        .trim_start();
    }
    rest.split(|char: char| !(char.is_alphanumeric() || char == '_'))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_never_held() {
        for sql in [
            "SET NAMES utf8mb4",
            "set autocommit=1",
            "SELECT 1",
            "SELECT 1;",
            "/* ping */ SELECT 1",
            "SELECT @@max_allowed_packet",
            "select VERSION()",
            "SELECT t.oid FROM pg_type t WHERE t.typname = 'hstore'",
            "SELECT table_name FROM information_schema.tables",
            "SHOW VARIABLES",
            "SET client_min_messages TO warning;SHOW SERVER_VERSION",
            "SELECT CAST('test' AS VARCHAR(60)) AS anon_1",
        ] {
            assert_eq!(kind(sql), StatementKind::Passed, "{sql}");
        }
        for sql in [
            "SELECT id FROM user",
            "SELECT GET_LOCK('a', 1)",
            "SELECT register('o1')",
            "BEGIN",
            "COMMIT",
            "INSERT INTO a VALUES (1)",
            "SET @a = 1; DELETE FROM a",
            "-- note\nDELETE FROM a",
            "SELECT 你好(1)",
            "SELECT id FROM user WHERE note = 'pg_type'",
            "SELECT ';' FROM user",
            "SELECT * FROM pg_type JOIN user ON true",
        ] {
            assert_eq!(kind(sql), StatementKind::Work, "{sql}");
        }
    }
}
