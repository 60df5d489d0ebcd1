//! One connection of MySQL or MariaDB: one command, one statement.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use bytes::BytesMut;

use super::{
    answers::{Answers, Await, Step},
    greeting::{DEPRECATE_EOF, PROTOCOL_41, SSL},
    packets::{self, Fields, HEAD, Stream},
    parameters,
};
use crate::{
    access::Access,
    conversation::{Conversation, Lost, Part, Said, Unit},
    sql::{self, Bound, Dialect, Named, PREPARE, Spoken, Sql},
    statement::{AnswerSummary, StatementKind},
};

/// Prepared statements of a connection that are remembered (the server's own default limit).
const MOST_PREPARED: usize = 16_382;
/// MariaDB's number for the statement that was made ready last.
const NEWEST: u32 = u32::MAX;

/// A connection of MySQL or MariaDB, after its greeting.
pub(crate) struct Mysql {
    offered: u32,
    stage: Stage,
    prepared: HashMap<u32, Prepared>,
    newest: Option<Arc<str>>,
    expected: VecDeque<Expected>,
    stream: Stream,
    answers: Answers,
    refused: Option<String>,
    /// The client has sent `COM_QUIT`.
    leaves: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The client says who it is and what it can.
    Response,
    /// Passwords go to and fro.
    Login,
    Commands,
    /// The contents of a file, of whose packet so much is left.
    File(usize),
}

/// What is expected for one command.
struct Expected {
    awaited: Await,
    /// Whether a statement waits for it.
    told: bool,
}

struct Prepared {
    sql: Arc<str>,
    parameters: u16,
    types: Vec<u16>,
    /// Parameters that were sent ahead.
    long: BTreeSet<u16>,
}

impl Mysql {
    /// Behind a greeting that offered these flags.
    pub(crate) fn new(offered: u32) -> Self {
        Self {
            offered,
            stage: Stage::Response,
            prepared: HashMap::new(),
            newest: None,
            expected: VecDeque::new(),
            stream: Stream::default(),
            answers: Answers::default(),
            refused: None,
            leaves: false,
        }
    }
}

impl Conversation for Mysql {
    fn cut(
        &mut self,
        input: &mut BytesMut,
        parts: &mut Vec<Part>,
        listening: bool,
    ) -> Result<(), Lost> {
        loop {
            if let Stage::File(left) = self.stage {
                let Some(take) = self.of_file(input, left) else {
                    return Ok(());
                };
                parts.push(Part::plain(input.split_to(take).freeze()));
                continue;
            }
            let Some(payload) = packets::first(input)? else {
                return Ok(());
            };
            let unit = match self.stage {
                Stage::Response => {
                    self.respond(payload)?;
                    None
                }
                Stage::Login | Stage::File(_) => None,
                Stage::Commands => self.command(payload, listening)?,
            };
            let bytes = input.split_to(HEAD + payload.len()).freeze();
            parts.push(Part { bytes, unit });
        }
    }

    fn look(&mut self, mut bytes: &[u8], answers: &mut Vec<AnswerSummary>) -> Result<(), Lost> {
        let mut stream = std::mem::take(&mut self.stream);
        let mut looked = Ok(());
        while let (Ok(()), Some(packet)) = (&looked, stream.next(&mut bytes)) {
            looked = self.packet(&packet, answers);
        }
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

impl Mysql {
    /// Takes a packet of the server.
    fn packet(
        &mut self,
        packet: &packets::Packet<'_>,
        answers: &mut Vec<AnswerSummary>,
    ) -> Result<(), Lost> {
        let Some(Expected { awaited, told }) = self.expected.front() else {
            if matches!(self.stage, Stage::Response | Stage::Login) {
                self.login(packet)?;
            }
            return Ok(());
        };
        if let Await::Login = awaited
            && matches!(packet.start.first(), Some(0x01 | 0xfe))
        {
            return Ok(());
        }
        self.answers.told = *told;
        match self.answers.read(awaited, packet) {
            Step::More => return Ok(()),
            Step::File => {
                self.stage = Stage::File(0);
                return Ok(());
            }
            Step::Ready { id, parameters } => {
                if let Await::Prepare(sql) = awaited {
                    let sql = Arc::clone(sql);
                    self.remember(id, sql, parameters);
                }
                if !self.answers.is_over() {
                    return Ok(());
                }
            }
            Step::Done => {}
        }
        let over = self.expected.pop_front();
        if let Some(Expected {
            awaited: Await::Login,
            ..
        }) = over
        {
            self.stage = Stage::Commands;
        }
        let answer = self.answers.take();
        if answer.is_error {
            self.note_refusal();
        }
        if over.is_some_and(|over| over.told) {
            answers.push(answer);
        }
        Ok(())
    }

    /// How many bytes of `input` belong to a file; `None`: more are needed.
    fn of_file(&mut self, input: &[u8], left: usize) -> Option<usize> {
        if left > 0 {
            let take = left.min(input.len());
            self.stage = Stage::File(left - take);
            return (take > 0).then_some(take);
        }
        let len = packets::payload_len(input)?;
        self.stage = if len == 0 {
            Stage::Commands
        } else {
            Stage::File(len)
        };
        Some(HEAD)
    }

    fn respond(&mut self, payload: &[u8]) -> Result<(), Lost> {
        let mut fields = Fields(payload);
        let flags = fields.number(4).and_then(|flags| u32::try_from(flags).ok());
        let flags = flags.ok_or(Lost::Strange)?;
        if flags & SSL != 0 {
            return Err(Lost::Tls);
        }
        if flags & PROTOCOL_41 == 0 {
            return Err(Lost::Strange);
        }
        self.answers.deprecate_eof = flags & self.offered & DEPRECATE_EOF != 0;
        self.stage = Stage::Login;
        Ok(())
    }

    /// A packet of the server while the client logs in.
    fn login(&mut self, packet: &packets::Packet<'_>) -> Result<(), Lost> {
        match packet.start.first() {
            Some(0x00) => self.stage = Stage::Commands,
            Some(0xff) => {
                self.answers.read(&Await::Login, packet);
                self.answers.take();
                // Connections without TLS are prohibited.
                if self.answers.code == 3159 {
                    return Err(Lost::Tls);
                }
                self.note_refusal();
            }
            _ => {}
        }
        Ok(())
    }

    fn note_refusal(&mut self) {
        if matches!(self.answers.code, 1044 | 1045 | 1130 | 1251 | 1698 | 2061) {
            self.refused = Some(self.answers.code.to_string());
        }
    }

    fn remember(&mut self, id: u32, sql: Arc<str>, parameters: u16) {
        if self.prepared.len() >= MOST_PREPARED {
            self.prepared.clear();
        }
        let prepared = Prepared {
            sql,
            parameters,
            types: Vec::new(),
            long: BTreeSet::new(),
        };
        self.prepared.insert(id, prepared);
    }

    fn command(&mut self, payload: &[u8], listening: bool) -> Result<Option<Unit>, Lost> {
        let (&command, rest) = payload.split_first().ok_or(Lost::Strange)?;
        let passed = |name: &'static str| {
            listening.then(|| Unit {
                kind: StatementKind::Passed,
                said: Box::new(Named::harmless(name)),
            })
        };
        let (awaited, unit) = match command {
            0x03 if !listening => (Await::Query { counts: false }, None),
            0x03 => {
                let text = String::from_utf8_lossy(rest);
                let awaited = Await::Query {
                    counts: sql::writes_rows(&text),
                };
                let unit = said(sql::kind(&text), "", &text, Vec::new());
                (awaited, Some(unit))
            }
            0x16 => {
                let text: Arc<str> = String::from_utf8_lossy(rest).into();
                self.newest = Some(Arc::clone(&text));
                let unit =
                    listening.then(|| said(StatementKind::Passed, PREPARE, &text, Vec::new()));
                (Await::Prepare(text), unit)
            }
            0x17 => self.execute(rest, listening),
            0xfa if !listening => (Await::Query { counts: false }, None),
            0xfa => self.execute_many(rest),
            0x18 => {
                self.sent_ahead(rest);
                return Ok(None);
            }
            0x19 => {
                if let Some(id) = number(rest) {
                    self.prepared.remove(&id);
                }
                return Ok(None);
            }
            0x1a => {
                if let Some(prepared) = number(rest).and_then(|id| self.prepared.get_mut(&id)) {
                    prepared.long.clear();
                }
                (Await::One, passed("STMT_RESET"))
            }
            0x1c => (Await::Rows, passed("FETCH")),
            0x0e => (Await::One, passed("PING")),
            0x02 => (Await::One, passed("USE")),
            0x04 => (Await::Rows, passed("FIELD_LIST")),
            0x0a => (Await::Query { counts: false }, passed("PROCESS_INFO")),
            0x11 => {
                self.stage = Stage::Login;
                self.prepared.clear();
                (Await::Login, passed("CHANGE_USER"))
            }
            0x1f => {
                self.prepared.clear();
                (Await::One, passed("RESET_CONNECTION"))
            }
            0x07..=0x09 | 0x0c | 0x0d | 0x1b => (Await::One, passed("SERVER COMMAND")),
            0x01 => {
                self.leaves = true;
                return Ok(None);
            }
            0x12 | 0x15 | 0x1e => return Err(Lost::Stream),
            _ => return Err(Lost::Strange),
        };
        self.expected.push_back(Expected {
            awaited,
            told: unit.is_some(),
        });
        Ok(unit)
    }

    /// `COM_STMT_EXECUTE`: the statement with its values.
    fn execute(&mut self, rest: &[u8], listening: bool) -> (Await, Option<Unit>) {
        let mut fields = Fields(rest);
        let id = fields.number(4).and_then(|id| u32::try_from(id).ok());
        // Flags, and a count that is always one.
        fields.bytes(5);
        let Some(prepared) = id.and_then(|id| self.prepared.get_mut(&id)) else {
            return match listening {
                true => self.execute_unseen(id),
                false => (Await::Query { counts: false }, None),
            };
        };
        let count = usize::from(prepared.parameters);
        // Where nobody listens, only the types are kept: later executions may leave them out.
        let wanted = if listening { count } else { 0 };
        let bound = parameters::read(
            &mut fields,
            (count, wanted),
            &mut prepared.types,
            &prepared.long,
        );
        prepared.long.clear();
        if !listening {
            return (Await::Query { counts: false }, None);
        }
        let sql = Arc::clone(&prepared.sql);
        executed(&sql, bound)
    }

    /// A statement whose number has not come back yet, or that nobody made ready here.
    fn execute_unseen(&self, id: Option<u32>) -> (Await, Option<Unit>) {
        match &self.newest {
            Some(sql) if id == Some(NEWEST) => executed(sql, Vec::new()),
            _ => {
                let said = Named {
                    name: "EXECUTE",
                    access: Access::Unknown,
                };
                let unit = Unit {
                    kind: StatementKind::Work,
                    said: Box::new(said),
                };
                (Await::Query { counts: true }, Some(unit))
            }
        }
    }

    /// `COM_STMT_BULK_EXECUTE` of MariaDB: many rows of values, which are not read.
    fn execute_many(&self, rest: &[u8]) -> (Await, Option<Unit>) {
        let prepared = number(rest).and_then(|id| self.prepared.get(&id));
        match prepared {
            Some(prepared) => executed(&prepared.sql, Vec::new()),
            None => self.execute_unseen(number(rest)),
        }
    }

    fn sent_ahead(&mut self, rest: &[u8]) {
        let mut fields = Fields(rest);
        let id = fields.number(4).and_then(|id| u32::try_from(id).ok());
        let parameter = fields.number(2).and_then(|n| u16::try_from(n).ok());
        let prepared = id.and_then(|id| self.prepared.get_mut(&id));
        if let (Some(prepared), Some(parameter)) = (prepared, parameter) {
            prepared.long.insert(parameter);
        }
    }
}

fn executed(text: &Arc<str>, bound: Vec<Bound>) -> (Await, Option<Unit>) {
    let awaited = Await::Query {
        counts: sql::writes_rows(text),
    };
    (awaited, Some(said(sql::kind(text), "", text, bound)))
}

fn said(kind: StatementKind, verb: &'static str, text: &str, bound: Vec<Bound>) -> Unit {
    let spoken = Spoken {
        dialect: Dialect::Mysql,
        verb,
        parts: vec![Sql {
            text: text.into(),
            bound,
        }],
    };
    let said: Box<dyn Said> = Box::new(spoken);
    Unit { kind, said }
}

fn number(bytes: &[u8]) -> Option<u32> {
    u32::try_from(Fields(bytes).number(4)?).ok()
}
