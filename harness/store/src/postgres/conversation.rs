//! One connection of PostgreSQL: a simple query is a statement, and so is all of the extended protocol up to its `Sync`.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use bytes::BytesMut;

use super::{
    answers,
    messages::{self, Fields, HEAD, Stream},
    parameters::{self, Bind},
};
use crate::{
    access::Access,
    conversation::{Conversation, LARGEST, Lost, Part, Said, Unit},
    sql::{self, Bound, Dialect, Named, PREPARE, Spoken, Sql},
    statement::{AnswerSummary, StatementKind},
    text,
};

/// Names of a connection that are remembered.
const MOST_NAMES: usize = 16_384;
/// Statements of one cycle whose text is kept.
const MOST_SAID: usize = 1024;

/// A connection of PostgreSQL, from its startup message on.
#[derive(Default)]
pub(crate) struct Postgres {
    started: bool,
    /// Whether the server takes statements: its first `ReadyForQuery` came.
    ready: bool,
    cycle: Cycle,
    prepared: HashMap<String, Prepared>,
    portals: HashMap<String, Sql>,
    /// Statements whose parameter types were asked for, oldest first.
    described: VecDeque<String>,
    expected: VecDeque<Expected>,
    stream: Stream,
    refused: Option<String>,
    copy: Copy,
    /// The client has sent `Terminate`.
    leaves: bool,
}

/// Rows that the client sends in the extended protocol: the server passes over the `Sync` that came before them, and answers the one
/// behind them.
#[derive(Default, PartialEq, Eq)]
enum Copy {
    #[default]
    No,
    /// The server wants rows.
    Wanted,
    /// The client has sent its last.
    Sent,
}

struct Prepared {
    sql: Arc<str>,
    types: Vec<u32>,
}

/// What came since the last `Sync`.
#[derive(Default)]
struct Cycle {
    /// Its bytes.
    len: usize,
    executed: Vec<Sql>,
    executions: usize,
    prepared: Vec<Sql>,
    /// Statements made ready, told or not.
    parses: usize,
    work: bool,
}

/// What is expected for one part.
struct Expected {
    /// Whether a statement waits for it.
    told: bool,
    /// Whether `ReadyForQuery` ends it; else so many executions do.
    until_ready: bool,
    executions: usize,
    said: String,
    is_error: bool,
}

impl Conversation for Postgres {
    fn cut(
        &mut self,
        input: &mut BytesMut,
        parts: &mut Vec<Part>,
        listening: bool,
    ) -> Result<(), Lost> {
        if !self.started {
            let Some(len) = input.get(..4) else {
                return Ok(());
            };
            let len = u32::from_be_bytes([len[0], len[1], len[2], len[3]]);
            let len = usize::try_from(len).map_err(|_| Lost::Strange)?;
            if input.len() < len {
                return Ok(());
            }
            self.started = true;
            parts.push(Part::plain(input.split_to(len).freeze()));
        }
        loop {
            if self.cycle.len > LARGEST {
                return Err(Lost::TooLarge);
            }
            let at = self.cycle.len;
            let Some((kind, body)) = messages::first(&input[at..])? else {
                return Ok(());
            };
            let len = at + HEAD + body.len();
            let unit = match kind {
                b'Q' => Some(self.query(body, listening)),
                b'P' => self.parse(body, listening),
                b'B' => self.bind(body, listening),
                b'E' => self.execute(body, listening),
                b'D' => self.describe(body),
                b'C' => self.forget(body),
                b'S' => Some(self.end_cycle(true, listening)),
                b'H' => Some(self.end_cycle(false, listening)),
                b'F' => Some(self.call(listening)),
                // A password, rows of a COPY.
                b'c' | b'f' if self.copy == Copy::Wanted => {
                    self.copy = Copy::Sent;
                    Some(None)
                }
                b'X' => {
                    self.leaves = true;
                    Some(None)
                }
                b'p' | b'd' | b'c' | b'f' => Some(None),
                _ => return Err(Lost::Strange),
            };
            match unit {
                None => self.cycle.len = len,
                Some(unit) => {
                    self.cycle = Cycle::default();
                    let bytes = input.split_to(len).freeze();
                    parts.push(Part { bytes, unit });
                }
            }
        }
    }

    fn look(&mut self, mut bytes: &[u8], answers: &mut Vec<AnswerSummary>) -> Result<(), Lost> {
        let mut stream = std::mem::take(&mut self.stream);
        let looked = loop {
            match stream.next(&mut bytes) {
                Ok(Some((kind, body))) => self.message(kind, body, answers),
                Ok(None) => break Ok(()),
                Err(lost) => break Err(lost),
            }
        };
        self.stream = stream;
        looked
    }

    fn has_taken_leave(&self) -> bool {
        self.leaves
    }

    fn refused(&mut self) -> Option<String> {
        self.refused.take()
    }
}

/// What the client says. A method gives `None` while the cycle goes on, `Some` with or without a statement where a part ends.
impl Postgres {
    fn query(&mut self, body: &[u8], listening: bool) -> Option<Unit> {
        self.expect(listening, true, 0);
        if !listening {
            return None;
        }
        let text = Fields(body).text().unwrap_or_default();
        let sql = Sql {
            text: text.as_str().into(),
            bound: Vec::new(),
        };
        Some(said(sql::kind(&text), "", vec![sql]))
    }

    fn parse(&mut self, body: &[u8], listening: bool) -> Option<Option<Unit>> {
        let mut fields = Fields(body);
        let (name, sql) = (fields.text()?, fields.text()?);
        let count = fields.short().unwrap_or(0);
        let types = (0..count).map_while(|_| fields.long()).collect();
        let sql: Arc<str> = sql.into();
        let text = Arc::clone(&sql);
        if self.prepared.len() >= MOST_NAMES {
            self.prepared.clear();
        }
        self.prepared.insert(name, Prepared { sql, types });
        self.cycle.parses += 1;
        if listening && self.cycle.prepared.len() < MOST_SAID {
            let bound = Vec::new();
            self.cycle.prepared.push(Sql { text, bound });
        }
        None
    }

    fn bind(&mut self, body: &[u8], listening: bool) -> Option<Option<Unit>> {
        if !listening {
            // Whatever the portal stood for, it stands for it no longer.
            if !self.portals.is_empty() {
                self.portals.remove(&Fields(body).text()?);
            }
            return None;
        }
        let Bind {
            portal,
            statement,
            values,
        } = parameters::bind(body)?;
        let sql = self.prepared.get(&statement).map(|prepared| Sql {
            text: Arc::clone(&prepared.sql),
            bound: bound(&values, &prepared.types),
        });
        if self.portals.len() >= MOST_NAMES {
            self.portals.clear();
        }
        match sql {
            Some(sql) => self.portals.insert(portal, sql),
            None => self.portals.remove(&portal),
        };
        None
    }

    fn execute(&mut self, body: &[u8], listening: bool) -> Option<Option<Unit>> {
        if !listening {
            self.cycle.executions += 1;
            return None;
        }
        let portal = Fields(body).text().unwrap_or_default();
        let unread = || Sql {
            text: "EXECUTE of an unread statement".into(),
            bound: Vec::new(),
        };
        let sql = self.portals.get(&portal).cloned().unwrap_or_else(unread);
        self.cycle.executions += 1;
        self.cycle.work |= sql::kind(&sql.text) == StatementKind::Work;
        if self.cycle.executed.len() < MOST_SAID {
            self.cycle.executed.push(sql);
        } else {
            // What is not kept is not known.
            self.cycle.executed[MOST_SAID - 1] = unread();
        }
        None
    }

    fn describe(&mut self, body: &[u8]) -> Option<Option<Unit>> {
        if body.first() == Some(&b'S') {
            let name = Fields(&body[1..]).text().unwrap_or_default();
            self.described.push_back(name);
        }
        None
    }

    fn forget(&mut self, body: &[u8]) -> Option<Option<Unit>> {
        let (kind, rest) = body.split_first()?;
        let name = Fields(rest).text().unwrap_or_default();
        if *kind == b'S' {
            self.prepared.remove(&name);
        } else {
            self.portals.remove(&name);
        }
        None
    }

    /// `Sync` or `Flush`: what came since the last is one part.
    fn end_cycle(&mut self, until_ready: bool, listening: bool) -> Option<Unit> {
        let cycle = std::mem::take(&mut self.cycle);
        if until_ready && std::mem::take(&mut self.copy) == Copy::Sent && cycle.is_bare() {
            return None;
        }
        let unit = if !listening {
            None
        } else if cycle.executions > 0 {
            let kind = if cycle.work {
                StatementKind::Work
            } else {
                StatementKind::Passed
            };
            Some(said(kind, "", cycle.executed))
        } else if until_ready && !cycle.prepared.is_empty() {
            Some(said(StatementKind::Passed, PREPARE, cycle.prepared))
        } else {
            None
        };
        if until_ready || cycle.executions > 0 {
            self.expect(unit.is_some(), until_ready, cycle.executions);
        }
        unit
    }

    fn call(&mut self, listening: bool) -> Option<Unit> {
        self.expect(listening, true, 0);
        listening.then(|| Unit {
            kind: StatementKind::Work,
            said: Box::new(Named {
                name: "FUNCTION CALL",
                access: Access::Unknown,
            }),
        })
    }

    fn expect(&mut self, told: bool, until_ready: bool, executions: usize) {
        self.expected.push_back(Expected {
            told,
            until_ready,
            executions,
            said: String::new(),
            is_error: false,
        });
    }
}

/// What the server says.
impl Postgres {
    fn message(&mut self, kind: u8, body: &[u8], answers: &mut Vec<AnswerSummary>) {
        match kind {
            b'C' => self.executed(|| answers::completed(body), answers),
            b'I' => self.executed(|| "OK".to_owned(), answers),
            b's' => self.executed(|| "rows".to_owned(), answers),
            b'E' => self.failed(body, answers),
            b't' => self.typed(body),
            b'G' => self.wants_rows(),
            b'Z' => self.became_ready(answers),
            _ => {}
        }
    }

    fn executed(&mut self, words: impl FnOnce() -> String, answers: &mut Vec<AnswerSummary>) {
        let Some(expected) = self.expected.front_mut() else {
            return;
        };
        if expected.told {
            expected.say(&words());
        }
        if !expected.until_ready {
            expected.executions = expected.executions.saturating_sub(1);
            if expected.executions == 0 {
                self.answer(answers);
            }
        }
    }

    fn failed(&mut self, body: &[u8], answers: &mut Vec<AnswerSummary>) {
        let (code, words) = answers::error(body);
        if answers::is_refusal(&code) {
            self.refused = Some(code);
        }
        // Whatever was asked of statements that were skipped is not answered.
        self.described.clear();
        if self.copy == Copy::Wanted {
            self.copy = Copy::Sent;
        }
        if let Some(expected) = self.expected.front_mut() {
            expected.say(&words);
            expected.is_error = true;
            if !expected.until_ready {
                self.answer(answers);
            }
        }
    }

    fn wants_rows(&mut self) {
        if self.expected.front().is_some_and(|one| one.executions > 0) {
            self.copy = Copy::Wanted;
        }
    }

    fn typed(&mut self, body: &[u8]) {
        let Some(name) = self.described.pop_front() else {
            return;
        };
        let mut fields = Fields(body);
        let count = fields.short().unwrap_or(0);
        let types: Vec<u32> = (0..count).map_while(|_| fields.long()).collect();
        if let Some(prepared) = self.prepared.get_mut(&name) {
            prepared.types = types;
        }
    }

    /// `ReadyForQuery` ends everything up to the `Sync` or query it answers.
    fn became_ready(&mut self, answers: &mut Vec<AnswerSummary>) {
        // The first follows the password.
        if !std::mem::replace(&mut self.ready, true) {
            return;
        }
        while let Some(expected) = self.expected.front() {
            let ends = expected.until_ready;
            self.answer(answers);
            if ends {
                return;
            }
        }
    }

    fn answer(&mut self, answers: &mut Vec<AnswerSummary>) {
        if let Some(expected) = self.expected.pop_front()
            && expected.told
        {
            let empty = expected.said.is_empty();
            answers.push(AnswerSummary {
                text: text::summary(if empty { "OK" } else { &expected.said }),
                is_error: expected.is_error,
            });
        }
    }
}

impl Cycle {
    fn is_bare(&self) -> bool {
        self.executions == 0 && self.parses == 0
    }
}

impl Expected {
    fn say(&mut self, words: &str) {
        if self.said.len() < 256 {
            if !self.said.is_empty() {
                self.said.push_str(", ");
            }
            self.said.push_str(words);
        }
    }
}

fn bound(values: &[parameters::Value], types: &[u32]) -> Vec<Bound> {
    let types = types.iter().copied().chain(std::iter::repeat(0));
    values
        .iter()
        .zip(types)
        .map(|(value, kind)| value.bound(kind))
        .collect()
}

fn said(kind: StatementKind, verb: &'static str, parts: Vec<Sql>) -> Unit {
    let said: Box<dyn Said> = Box::new(Spoken {
        dialect: Dialect::Postgres,
        verb,
        parts,
    });
    Unit { kind, said }
}
