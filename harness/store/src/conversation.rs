//! How one connection is read: what every protocol does for the connection that carries it.

use bytes::{Bytes, BytesMut};

use crate::{
    access::Access,
    statement::{AnswerSummary, StatementKind},
};

/// Longest statement that is looked at, in bytes: 16 MiB, the largest packet of MySQL.
pub(crate) const LARGEST: usize = 16 << 20;

/// One connection of one protocol, both directions. It looks on and never changes a byte.
pub(crate) trait Conversation: Send {
    /// Cuts complete parts off the front of what the client sent. What is left in `input` is the beginning of the next part.
    /// `input` holds everything that could be read without waiting. Where nobody listens, what is cut are bytes without a
    /// statement, as few parts as can be, and their answers are not told either.
    fn cut(
        &mut self,
        input: &mut BytesMut,
        parts: &mut Vec<Part>,
        listening: bool,
    ) -> Result<(), Lost>;

    /// Looks at the next bytes of the store, however they are split, and pushes the answer of each statement that they complete, in
    /// the order of the statements.
    fn look(&mut self, bytes: &[u8], answers: &mut Vec<AnswerSummary>) -> Result<(), Lost>;

    /// One more statement was written to the store.
    fn sent(&mut self) {}

    /// Whether the client has said that it leaves: the store closes the connection then, and is none the worse for it.
    fn has_taken_leave(&self) -> bool {
        false
    }

    /// The store's code for a password or user it refused, if it did since the last call.
    fn refused(&mut self) -> Option<String> {
        None
    }
}

/// Bytes that go to the store in one write.
pub(crate) struct Part {
    pub(crate) bytes: Bytes,
    /// The statement that they are; `None`: part of a longer exchange, such as a password or rows of `COPY`.
    pub(crate) unit: Option<Unit>,
}

impl Part {
    /// Bytes without a statement.
    pub(crate) fn plain(bytes: Bytes) -> Self {
        Self { bytes, unit: None }
    }
}

/// A statement before it has a number.
pub(crate) struct Unit {
    pub(crate) kind: StatementKind,
    pub(crate) said: Box<dyn Said>,
}

/// What was said, kept raw until somebody asks for it: most statements are never looked at.
pub(crate) trait Said: Send {
    /// Text, shape and access.
    fn read(&self) -> Reading;

    /// About how much memory it takes, in bytes.
    fn size(&self) -> usize;
}

/// What a statement says, in the terms of [`Statement`](crate::Statement).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) text: String,
    pub(crate) shape: String,
    pub(crate) access: Access,
}

/// Why a connection can no longer be read by its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// These bytes are not of the protocol.
    Strange,
    /// A greeting of TLS.
    Tls,
    /// A statement over [`LARGEST`].
    TooLarge,
    /// The connection turns into a stream that is no exchange of statements: replication, `MONITOR`, replies turned off.
    Stream,
}
