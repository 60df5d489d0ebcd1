//! One connection of Redis: commands in, replies out. A pipeline sent in one piece is one statement, and so is `MULTI … EXEC`.

use std::collections::{BTreeSet, VecDeque};

use bytes::{Bytes, BytesMut};

use super::{
    commands::{self, Class},
    replies::{self, Replies, Reply},
    request,
};
use crate::{
    access::Access,
    conversation::{Conversation, Lost, Part, Reading, Said, Unit},
    statement::{AnswerSummary, StatementKind},
    text,
};

/// Bytes of a transaction that are remembered until `EXEC`.
const REMEMBERED: usize = 1 << 20;

/// A connection of Redis.
#[derive(Default)]
pub(crate) struct Redis {
    /// The commands since `MULTI`, if they came before the part that is cut.
    transaction: Option<Vec<Bytes>>,
    /// The `WATCH` commands that the next `EXEC` looks at.
    watched: Vec<Bytes>,
    expected: VecDeque<Expected>,
    replies: Replies,
    subscribed: bool,
    /// The password was refused with these words; told once.
    refused: Option<String>,
    /// The client has sent `QUIT`.
    leaves: bool,
}

/// What is expected for one part.
struct Expected {
    /// Whether a statement waits for it.
    told: bool,
    commands: VecDeque<Await>,
    text: String,
    is_error: bool,
}

/// What is expected for one command.
enum Await {
    /// One reply each for so many commands.
    Replies(usize),
    /// This many confirmations.
    Confirmations(usize),
    /// Confirmations until no subscription is left.
    Unsubscribed,
}

impl Conversation for Redis {
    fn cut(
        &mut self,
        input: &mut BytesMut,
        parts: &mut Vec<Part>,
        listening: bool,
    ) -> Result<(), Lost> {
        let mut piece = Piece::default();
        let mut end = 0;
        let mut lost = None;
        {
            let (mut ranges, mut words): (_, Vec<&[u8]>) = (Vec::new(), Vec::new());
            loop {
                match request::first(&input[end..], &mut ranges) {
                    Ok(Some(len)) => {
                        let command = &input[end..end + len];
                        words.clear();
                        words.extend(ranges.iter().map(|range| &command[range.clone()]));
                        if let Err(error) = self.command(&words, command, &mut piece) {
                            lost = Some(error);
                            break;
                        }
                        end += len;
                    }
                    Ok(None) => break,
                    Err(error) => {
                        lost = Some(error);
                        break;
                    }
                }
            }
        }
        if end > 0 {
            parts.push(self.part(input.split_to(end).freeze(), piece, listening));
        }
        lost.map_or(Ok(()), Err)
    }

    fn look(&mut self, mut bytes: &[u8], answers: &mut Vec<AnswerSummary>) -> Result<(), Lost> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            self.skip_untold(&mut bytes);
            // After a reply that is more than a line, the next may be skipped again.
            let one = self.replies.read_one(&mut bytes, &mut found);
            for reply in found.drain(..) {
                self.reply(&reply, answers);
            }
            one?;
        }
        Ok(())
    }

    fn has_taken_leave(&self) -> bool {
        self.leaves
    }

    fn refused(&mut self) -> Option<String> {
        self.refused.take()
    }
}

/// The commands of one part, as far as they are read.
#[derive(Default)]
struct Piece {
    awaits: VecDeque<Await>,
    held: bool,
    /// Commands queued before this part, and keys watched, that an `EXEC` in it carries out.
    before: Vec<Bytes>,
    watched: Vec<Bytes>,
    /// Commands of this part that are remembered for an `EXEC` in a later one.
    queued: usize,
}

impl Redis {
    fn command(&mut self, words: &[&[u8]], bytes: &[u8], piece: &mut Piece) -> Result<(), Lost> {
        if words.is_empty() {
            return Ok(());
        }
        let class = commands::class(words);
        let mut awaited = Await::Replies(1);
        match class {
            Class::Stream => return Err(Lost::Stream),
            Class::Multi => {
                self.transaction = Some(Vec::new());
                piece.queued = 0;
            }
            Class::Exec => {
                piece.held = true;
                let mut queued = self.transaction.take().unwrap_or_default();
                let here = std::mem::take(&mut piece.queued);
                queued.truncate(queued.len().saturating_sub(here));
                piece.before.extend(queued);
                piece.watched.append(&mut self.watched);
            }
            Class::Discard => {
                self.transaction = None;
                piece.queued = 0;
                self.watched.clear();
            }
            Class::Unwatch => self.watched.clear(),
            Class::Subscribe => {
                self.subscribed = true;
                awaited = Await::Confirmations(words.len() - 1);
            }
            Class::Unsubscribe if words.len() > 1 => {
                awaited = Await::Confirmations(words.len() - 1);
            }
            Class::Unsubscribe => awaited = Await::Unsubscribed,
            Class::Work | Class::Watch | Class::Passed => {
                if class == Class::Watch {
                    self.watched.push(Bytes::copy_from_slice(bytes));
                }
                self.leaves |= class == Class::Passed && words[0].eq_ignore_ascii_case(b"QUIT");
                match &mut self.transaction {
                    // It is queued at the store; what it does, it does at EXEC.
                    Some(queued) => {
                        let size: usize = queued.iter().map(Bytes::len).sum();
                        if size + bytes.len() <= REMEMBERED {
                            queued.push(Bytes::copy_from_slice(bytes));
                            piece.queued += 1;
                        }
                    }
                    None => piece.held |= class != Class::Passed,
                }
            }
        }
        match (piece.awaits.back_mut(), &awaited) {
            (Some(Await::Replies(count)), Await::Replies(_)) => *count += 1,
            _ => piece.awaits.push_back(awaited),
        }
        Ok(())
    }

    /// Passes over replies that nobody waits for and that say nothing of the connection.
    fn skip_untold(&mut self, bytes: &mut &[u8]) {
        if self.subscribed || !self.replies.is_between() {
            return;
        }
        while let Some(expected) = self.expected.front_mut().filter(|one| !one.told) {
            let Some(Await::Replies(left)) = expected.commands.front_mut() else {
                return;
            };
            let (len, count) = replies::simple(bytes, *left);
            *bytes = &bytes[len..];
            *left -= count;
            if *left > 0 {
                return;
            }
            expected.commands.pop_front();
            if expected.commands.is_empty() {
                self.expected.pop_front();
            }
        }
    }

    fn part(&mut self, bytes: Bytes, piece: Piece, listening: bool) -> Part {
        if piece.awaits.is_empty() {
            return Part::plain(bytes);
        }
        self.expected.push_back(Expected {
            told: listening,
            commands: piece.awaits,
            text: String::new(),
            is_error: false,
        });
        if !listening {
            return Part::plain(bytes);
        }
        let kind = if piece.held {
            StatementKind::Work
        } else {
            StatementKind::Passed
        };
        let said = Box::new(Commands {
            before: piece.before,
            watched: piece.watched,
            bytes: bytes.clone(),
        });
        let unit = Some(Unit { kind, said });
        Part { bytes, unit }
    }

    fn reply(&mut self, reply: &Reply, answers: &mut Vec<AnswerSummary>) {
        let word = reply.word.as_str();
        let confirms = matches!(reply.kind, b'>' | b'*') && word.ends_with("subscribe");
        let unasked = match reply.kind {
            b'>' => !confirms,
            b'*' => self.subscribed && matches!(word, "message" | "pmessage" | "smessage"),
            _ => false,
        };
        let Some(expected) = self.expected.front_mut().filter(|_| !unasked) else {
            return;
        };
        let is_error = matches!(reply.kind, b'-' | b'!');
        if is_error && is_refusal(&reply.line) {
            self.refused = reply.line.split(' ').next().map(str::to_owned);
        }
        let complete = match expected.commands.front_mut() {
            Some(Await::Confirmations(left)) if confirms => {
                *left = left.saturating_sub(1);
                *left == 0
            }
            Some(Await::Unsubscribed) if confirms => reply.last == Some(0),
            Some(Await::Replies(left)) => {
                *left = left.saturating_sub(1);
                *left == 0
            }
            _ => true,
        };
        let confirming = matches!(
            expected.commands.front(),
            Some(Await::Confirmations(_) | Await::Unsubscribed)
        );
        if !complete && confirming {
            return;
        }
        if expected.told {
            if !expected.text.is_empty() {
                expected.text.push_str(", ");
            }
            expected.text.push_str(&summary(reply));
        }
        expected.is_error |= is_error;
        if !complete {
            return;
        }
        expected.commands.pop_front();
        if expected.commands.is_empty()
            && let Some(expected) = self.expected.pop_front()
            && expected.told
        {
            answers.push(AnswerSummary {
                text: text::summary(&expected.text),
                is_error: expected.is_error,
            });
        }
    }
}

fn is_refusal(message: &str) -> bool {
    ["WRONGPASS", "NOAUTH", "NOPERM", "ERR invalid password"]
        .iter()
        .any(|start| message.starts_with(start))
}

/// A reply in few words and without data.
fn summary(reply: &Reply) -> String {
    let word = |text: &str| text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    match reply.kind {
        b'+' if word(&reply.line) => reply.line.clone(),
        b'+' => "status".to_owned(),
        // The message may quote the command after its first words.
        b'-' => {
            let message = reply.line.split(['\'', '"', '`', ':']).next();
            format!("error {}", message.unwrap_or_default().trim())
        }
        b'!' => "error".to_owned(),
        b':' if reply.line.len() <= 2 => reply.line.clone(),
        b':' | b',' | b'(' => "number".to_owned(),
        b'_' => "nil".to_owned(),
        b'#' => if reply.line == "t" { "true" } else { "false" }.to_owned(),
        _ if reply.len() < 0 => "nil".to_owned(),
        b'$' | b'=' if reply.len() == 0 => "empty value".to_owned(),
        b'$' | b'=' => "value".to_owned(),
        b'%' => format!("{} fields", reply.len()),
        _ if reply.len() == 1 => "1 item".to_owned(),
        _ => format!("{} items", reply.len()),
    }
}

/// One part of what a client sent, and what an `EXEC` in it carries out besides.
struct Commands {
    before: Vec<Bytes>,
    watched: Vec<Bytes>,
    bytes: Bytes,
}

impl Said for Commands {
    fn read(&self) -> Reading {
        let mut said = Spoken::default();
        for bytes in &self.watched {
            each(bytes, |words| said.touch(commands::access(words)));
        }
        if !self.before.is_empty() {
            said.say(&[b"MULTI"]);
        }
        for bytes in self.before.iter().chain([&self.bytes]) {
            each(bytes, |words| {
                said.say(words);
                said.touch(commands::access(words));
            });
        }
        Reading {
            text: text::cut(said.text),
            shape: text::cut(said.shape),
            access: if said.unknown {
                Access::Unknown
            } else {
                Access::Touches {
                    reads: said.reads,
                    writes: said.writes,
                }
            },
        }
    }

    fn size(&self) -> usize {
        let before = self.before.iter().chain(&self.watched);
        self.bytes.len() + before.map(Bytes::len).sum::<usize>()
    }
}

/// Calls `then` with the words of each command in `bytes`, which are complete.
fn each(bytes: &[u8], mut then: impl FnMut(&[&[u8]])) {
    let (mut at, mut ranges) = (0, Vec::new());
    while let Ok(Some(len)) = request::first(&bytes[at..], &mut ranges) {
        let command = &bytes[at..at + len];
        let words: Vec<&[u8]> = ranges.iter().map(|range| &command[range.clone()]).collect();
        if !words.is_empty() {
            then(&words);
        }
        at += len;
    }
}

#[derive(Default)]
struct Spoken {
    text: String,
    shape: String,
    reads: BTreeSet<crate::Resource>,
    writes: BTreeSet<crate::Resource>,
    unknown: bool,
}

impl Spoken {
    fn say(&mut self, words: &[&[u8]]) {
        // What is cut off is not made first.
        if self.text.len() > 4096 {
            return;
        }
        if !self.text.is_empty() {
            self.text.push_str("; ");
            self.shape.push_str("; ");
        }
        let name = text::readable(words[0]).to_ascii_uppercase();
        self.text.push_str(&name);
        self.shape.push_str(&name);
        if commands::is_private(words) {
            self.text.push_str(" …");
            return;
        }
        // Which script it is belongs to the shape; its keys and arguments do not.
        if name.starts_with("EVAL") || name.starts_with("FCALL") {
            let script = words.get(1).map(|script| text::readable(script));
            let script = text::one_line(&script.unwrap_or_default());
            self.shape.push(' ');
            self.shape.extend(script.chars().take(200));
        }
        for word in &words[1..] {
            let word = text::readable(&word[..word.len().min(2048)]);
            self.text.push(' ');
            if word.is_empty() || word.contains(' ') {
                self.text.push_str(&format!("\"{word}\""));
            } else {
                self.text.push_str(&word);
            }
        }
    }

    fn touch(&mut self, access: Access) {
        match access {
            Access::Touches { reads, writes } => {
                self.reads.extend(reads);
                self.writes.extend(writes);
            }
            Access::Unknown | Access::Transaction(_) => self.unknown = true,
        }
    }
}
