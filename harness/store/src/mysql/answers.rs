//! Answers of a server: which packets belong to one statement, and what they say in few words.

use std::{
    fmt::{self, Write},
    sync::Arc,
};

use super::packets::{FULL, Fields, Packet};
use crate::{statement::AnswerSummary, text};

/// More results of the same statement follow.
const MORE_RESULTS: u64 = 0x0008;
/// The rows are fetched later.
const CURSOR: u64 = 0x0040;

/// What is expected of a server.
#[derive(Debug)]
pub(super) enum Await {
    /// One packet.
    One,
    /// Results of a query.
    Query { counts: bool },
    /// A statement made ready from this text.
    Prepare(Arc<str>),
    /// Rows, or columns, up to an end.
    Rows,
    /// An exchange about a password, up to yes or no.
    Login,
}

/// What a packet means to the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More packets of this answer follow.
    More,
    /// The client is asked for the contents of a file.
    File,
    /// A statement is ready under this number, with so many parameters; its answer may go on.
    Ready { id: u32, parameters: u16 },
    /// The answer is complete.
    Done,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    First,
    /// Descriptions that are left, and whether an end packet follows them.
    Columns(u64),
    ColumnsEnd,
    Rows,
    /// Packets that are left of a statement made ready.
    Skip(u64),
}

/// Reads the answer of one statement after the other.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Whether results end in an OK packet instead of an EOF packet.
    pub(super) deprecate_eof: bool,
    phase: Phase,
    rows: u64,
    /// Whether somebody waits for what is said.
    pub(super) told: bool,
    said: String,
    is_error: bool,
    /// The code of the last error.
    pub(super) code: u64,
}

impl Answers {
    /// Takes the next packet of the answer to `awaited`.
    pub(super) fn read(&mut self, awaited: &Await, packet: &Packet<'_>) -> Step {
        let first = packet.start.first().copied().unwrap_or(0);
        if first == 0xff && !matches!(self.phase, Phase::Skip(_)) {
            return self.error(packet);
        }
        match self.phase {
            Phase::First => match awaited {
                Await::Query { counts } => self.result(*counts, first, packet),
                Await::Prepare(_) => self.ready(packet),
                Await::Rows => self.row(first, packet),
                Await::One | Await::Login => {
                    self.say(format_args!("OK"));
                    Step::Done
                }
            },
            Phase::Columns(left) => {
                self.phase = match (left, self.deprecate_eof) {
                    (2.., _) => Phase::Columns(left - 1),
                    (_, true) => Phase::Rows,
                    (_, false) => Phase::ColumnsEnd,
                };
                Step::More
            }
            Phase::ColumnsEnd if self.status(packet) & CURSOR != 0 => {
                self.phase = Phase::First;
                self.say(format_args!("cursor"));
                Step::Done
            }
            Phase::ColumnsEnd => {
                self.phase = Phase::Rows;
                Step::More
            }
            Phase::Rows => self.row(first, packet),
            Phase::Skip(left) => {
                if left > 1 {
                    self.phase = Phase::Skip(left - 1);
                    return Step::More;
                }
                self.phase = Phase::First;
                Step::Done
            }
        }
    }

    /// What the complete answer said.
    pub(super) fn take(&mut self) -> AnswerSummary {
        self.phase = Phase::First;
        self.rows = 0;
        AnswerSummary {
            text: text::summary(&std::mem::take(&mut self.said)),
            is_error: std::mem::take(&mut self.is_error),
        }
    }

    fn result(&mut self, counts: bool, first: u8, packet: &Packet<'_>) -> Step {
        match first {
            0x00 => {
                let mut fields = packet.after_head();
                let affected = fields.lenenc().unwrap_or(0);
                fields.lenenc();
                if counts || affected > 0 {
                    self.say(format_args!("{affected} affected"));
                } else {
                    self.say(format_args!("OK"));
                }
                self.more(fields.number(2).unwrap_or(0))
            }
            0xfb => Step::File,
            _ => {
                let columns = Fields(packet.start).lenenc().unwrap_or(1);
                self.phase = Phase::Columns(columns);
                Step::More
            }
        }
    }

    fn row(&mut self, first: u8, packet: &Packet<'_>) -> Step {
        let ends = if self.deprecate_eof { FULL } else { 9 };
        if first != 0xfe || packet.len >= ends {
            self.rows += 1;
            return Step::More;
        }
        let rows = std::mem::take(&mut self.rows);
        let status = self.status(packet);
        if rows == 0 && status & CURSOR != 0 {
            self.say(format_args!("cursor"));
        } else {
            self.say(format_args!(
                "{rows} row{}",
                if rows == 1 { "" } else { "s" }
            ));
        }
        self.more(status)
    }

    fn more(&mut self, status: u64) -> Step {
        self.phase = Phase::First;
        if status & MORE_RESULTS == 0 {
            Step::Done
        } else {
            Step::More
        }
    }

    /// The status flags of an end packet.
    fn status(&self, packet: &Packet<'_>) -> u64 {
        let mut fields = packet.after_head();
        if self.deprecate_eof {
            fields.lenenc();
            fields.lenenc();
        } else {
            fields.number(2);
        }
        fields.number(2).unwrap_or(0)
    }

    fn ready(&mut self, packet: &Packet<'_>) -> Step {
        let mut fields = packet.after_head();
        let id = fields.number(4).and_then(|id| u32::try_from(id).ok());
        let columns = fields.number(2).unwrap_or(0);
        let parameters = fields.number(2).unwrap_or(0);
        let ends = u64::from(columns > 0) + u64::from(parameters > 0);
        let left = columns + parameters + if self.deprecate_eof { 0 } else { ends };
        self.say(format_args!("OK"));
        self.phase = Phase::Skip(left);
        Step::Ready {
            id: id.unwrap_or(0),
            parameters: u16::try_from(parameters).unwrap_or(0),
        }
    }

    /// Whether a statement that was made ready has nothing more to say.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Skip(0))
    }

    fn error(&mut self, packet: &Packet<'_>) -> Step {
        let mut fields = packet.after_head();
        self.code = fields.number(2).unwrap_or(0);
        let code = self.code;
        if self.told {
            let message = String::from_utf8_lossy(fields.0);
            let message = match message.strip_prefix('#') {
                Some(state) => state.get(5..).unwrap_or_default(),
                None => &message,
            };
            self.say(format_args!("error {code} {}", without_values(message)));
        }
        self.is_error = true;
        self.phase = Phase::First;
        Step::Done
    }

    fn say(&mut self, words: fmt::Arguments<'_>) {
        if self.told && self.said.len() < 256 {
            if !self.said.is_empty() {
                self.said.push_str(", ");
            }
            let _ = self.said.write_fmt(words);
        }
    }
}

/// A message up to its first quoted value, with the name of a key that it ends in.
fn without_values(message: &str) -> String {
    let start = message.split(['\'', '"', '`', ';', '(']).next();
    let start = start.unwrap_or_default().trim();
    match message.rsplit_once("for key '") {
        Some((_, key)) => format!("{start} for key {}", key.trim_end_matches('\'')),
        None => start.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_lose_their_values() {
        for (message, expected) in [
            (
                "Duplicate entry 'o1' for key 'user.openid'",
                "Duplicate entry for key user.openid",
            ),
            (
                "Deadlock found when trying to get lock; try restarting transaction",
                "Deadlock found when trying to get lock",
            ),
            ("Table 'shop.x' doesn't exist", "Table"),
        ] {
            assert_eq!(without_values(message), expected);
        }
    }
}
