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
    let mut first = words(sql);
    let verb = first.next().unwrap_or_default().to_ascii_lowercase();
    // Several statements in one text are work, whatever the first is.
    if sql.trim_end().trim_end_matches(';').contains(';') {
        return false;
    }
    match verb.as_str() {
        "set" | "show" | "use" | "discard" | "listen" | "unlisten" | "deallocate" | "prepare"
        | "copy" | "load" => true,
        "" => true,
        "select" => sql.len() < 4096 && asks_no_data(&sql.to_ascii_lowercase()),
        _ => false,
    }
}

/// `SELECT 1`, `SELECT @@version`, `SELECT current_schema()`, and what a driver or ORM asks of the catalogues.
fn asks_no_data(sql: &str) -> bool {
    let named: Vec<&str> = words(sql).collect();
    if !named.contains(&"from") {
        let called = sql.match_indices('(').map(|(at, _)| {
            let before = sql[..at].trim_end();
            let start = before.rfind(|char: char| !(char.is_alphanumeric() || char == '_'));
            &before[start.map_or(0, |start| start + 1)..]
        });
        return called.into_iter().all(|name| {
            name.is_empty() || name == "select" || functions::effect(name) == Effect::None
        });
    }
    [
        "information_schema",
        "pg_catalog",
        "pg_type",
        "pg_class",
        "pg_namespace",
        "pg_database",
        "pg_settings",
    ]
    .iter()
    .any(|catalogue| named.contains(catalogue))
}

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
        ] {
            assert_eq!(kind(sql), StatementKind::Work, "{sql}");
        }
    }
}
