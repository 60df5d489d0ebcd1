//! A protocol nobody knows: a statement is what the client wrote until it waited.

use bytes::{Bytes, BytesMut};

use crate::{
    access::Access,
    conversation::{Conversation, Lost, Part, Reading, Said, Unit},
    statement::{AnswerSummary, StatementKind},
    text,
};

/// Bytes of a statement that its text shows.
const SHOWN: usize = 256;

/// A connection whose bytes mean nothing to us.
#[derive(Default)]
pub(crate) struct Tcp {
    /// Statements at the store whose answer has not begun.
    unanswered: usize,
}

impl Tcp {
    /// The rest of a connection that could not be read, with this many statements unanswered.
    pub(crate) fn after(unanswered: usize) -> Self {
        Self { unanswered }
    }
}

impl Conversation for Tcp {
    fn cut(
        &mut self,
        input: &mut BytesMut,
        parts: &mut Vec<Part>,
        listening: bool,
    ) -> Result<(), Lost> {
        if input.is_empty() {
            return Ok(());
        }
        let bytes = input.split().freeze();
        parts.push(Part {
            unit: listening.then(|| Unit {
                kind: StatementKind::Work,
                said: Box::new(Raw {
                    start: Bytes::copy_from_slice(&bytes[..bytes.len().min(SHOWN)]),
                    len: bytes.len(),
                }),
            }),
            bytes,
        });
        Ok(())
    }

    fn look(&mut self, bytes: &[u8], answers: &mut Vec<AnswerSummary>) -> Result<(), Lost> {
        if !bytes.is_empty() {
            for _ in 0..std::mem::take(&mut self.unanswered) {
                answers.push(AnswerSummary {
                    text: "answered".to_owned(),
                    is_error: false,
                });
            }
        }
        Ok(())
    }

    fn sent(&mut self) {
        self.unanswered += 1;
    }
}

struct Raw {
    start: Bytes,
    len: usize,
}

impl Said for Raw {
    fn read(&self) -> Reading {
        let start = text::readable(&self.start);
        let more = if self.len > self.start.len() {
            "…"
        } else {
            ""
        };
        Reading {
            text: text::cut(format!("{start}{more}")),
            shape: "bytes".to_owned(),
            access: Access::Unknown,
        }
    }

    fn size(&self) -> usize {
        self.start.len()
    }
}
