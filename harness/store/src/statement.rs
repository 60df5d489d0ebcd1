//! One statement on its way from the backend to its store.

use std::sync::Arc;

use crate::access::Access;

/// The number of a statement, from 1, in the order in which they came; one sequence for all stores of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementId(pub u64);

/// One request unit of the store's protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its number.
    pub id: StatementId,
    /// The name of its store in the adapter file.
    pub store: Arc<str>,
    /// The connection it came by, numbered from 1 within its store.
    pub connection: u32,
    /// Whether it may be held.
    pub kind: StatementKind,
    /// What it says, with literal and bound values in place (`SELECT id FROM user WHERE openid = 'o1'`, `SET sess:7 abc`), on
    /// one line, cut at 2 KiB. Raw: whoever shows it masks it.
    pub text: String,
    /// The text without its values (`SELECT id FROM user WHERE openid = ?`, `SET`): the same for the same statement of another person.
    pub shape: String,
    /// What it touches.
    pub access: Access,
    /// What the store answered; `None` while it has not, and for ever where the connection closed.
    pub answer: Option<AnswerSummary>,
}

/// Whether a statement is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementKind {
    /// Held while somebody holds.
    Work,
    /// Set-up, authentication, ping, `SET NAMES`, pub/sub, a blocking pop: always passed at once.
    Passed,
}

/// What a store answered, in few words and without values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerSummary {
    /// `OK`, `nil`, `1 row`, `0 rows`, `1 affected`, `error 1062 Duplicate entry`, at most 120 characters, no value of the data.
    pub text: String,
    /// Whether it is an error.
    pub is_error: bool,
}

/// Codes with which a store says that a statement waited in vain for another one, or lost against it: lock wait timeouts, deadlocks, locks
/// refused at once, snapshots that can no longer be used, statements and transactions that took too long.
///
/// MySQL and MariaDB: <https://mariadb.com/kb/en/mariadb-error-codes/>. PostgreSQL:
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
const GAVE_UP: [&str; 12] = [
    "1020", "1205", "1213", "1969", "3024", "3572", "25P03", "25P04", "40001", "40P01", "55P03",
    "57014",
];

impl AnswerSummary {
    /// Whether the store gave the statement up because of another one: a backend may answer that with an error, or try again.
    #[must_use]
    pub fn gave_up_waiting(&self) -> bool {
        let mut words = self.text.split(' ').skip_while(|word| *word != "error");
        self.is_error && words.nth(1).is_some_and(|code| GAVE_UP.contains(&code))
    }
}

/// A statement that is held.
#[derive(Debug, Clone)]
pub struct Parked {
    /// It.
    pub statement: Statement,
    /// A held statement that came before it by the same connection: it has to be released first, as the answers of a connection
    /// come in the order of its statements. A client that shares one connection between requests makes such rows.
    pub behind: Option<StatementId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_waiting_are_told_from_others() {
        for (text, expected) in [
            ("error 1205 Lock wait timeout exceeded", true),
            ("error 1213 Deadlock found when trying to get lock", true),
            ("error 40P01 deadlock detected", true),
            ("1 row, error 55P03 could not obtain lock on row", true),
            ("error 1062 Duplicate entry for key openid", false),
            ("error 23505 duplicate key value", false),
        ] {
            let answer = AnswerSummary {
                text: text.to_owned(),
                is_error: true,
            };
            assert_eq!(answer.gave_up_waiting(), expected, "{text}");
        }
        let row = AnswerSummary {
            text: "error 1213".to_owned(),
            is_error: false,
        };
        assert!(!row.gave_up_waiting());
    }
}
