//! What went wrong between a backend and a store, in a sentence for the person who wrote the adapter.

use std::{fmt, sync::Arc};

use crate::{conversation::LARGEST, spec::Protocol};

/// Something a person should know about a store; the run goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreEvent {
    /// The store's name in the adapter file.
    pub store: Arc<str>,
    /// The connection, if it is about one.
    pub connection: Option<u32>,
    /// What happened.
    pub trouble: Trouble,
}

/// What happened at a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The backend connected, and the store could not be reached.
    Unreachable {
        /// Address of the store.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The backend wants TLS to its store.
    Tls {
        /// The protocol of the store.
        protocol: Protocol,
    },
    /// What the backend sent is not of the protocol; it is held by the rules of `tcp` from here on. Told once per store.
    NotTheProtocol {
        /// The protocol that the adapter names.
        protocol: Protocol,
    },
    /// A statement over 16 MiB; its connection is passed on unseen from here on.
    TooLarge,
    /// The connection turned into a stream (replication, `MONITOR`, replies turned off); it is passed on unseen.
    Stream,
    /// The store refused the backend's user or password; the refusal was passed on.
    Refused {
        /// The store's code of the error, such as `WRONGPASS`, `1045`, `28P01`.
        code: String,
    },
    /// The store closed a connection, whether something was said by it or not, and nothing answers at its address any more.
    Gone {
        /// Address of the store.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The store closed a connection while statements of it were held or not answered; the held ones are gone.
    Closed {
        /// How many statements of the connection were held.
        held: usize,
        /// How many were released and not answered.
        unanswered: usize,
    },
}

impl Trouble {
    /// Whether it is told once per store, and not each time.
    pub(crate) fn once(&self) -> bool {
        !matches!(self, Self::Closed { .. })
    }

    /// Whether the store is away, or a statement of the backend came to nothing as it closed the connection.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::Closed { .. } | Self::Unreachable { .. } | Self::Gone { .. }
        )
    }

    pub(crate) fn alike(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for StoreEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "store `{}`: {}", self.store, self.trouble)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { address, reason } => write!(
                f,
                "the backend connected, but nothing answers at {address} ({reason}); start the store, or change `address` in its [[store]]"
            ),
            Self::Tls { protocol } => write!(
                f,
                "the backend wants TLS to its store, and an encrypted statement cannot be told from another; turn it off for tests: {}",
                protocol.without_tls()
            ),
            Self::NotTheProtocol { protocol } => write!(
                f,
                "what the backend sends is not the {protocol} protocol; its connections are held write by write, as `protocol = \"tcp\"` would"
            ),
            Self::TooLarge => write!(
                f,
                "a statement is larger than {} MiB; its connection is passed on and not held from there on",
                LARGEST >> 20
            ),
            Self::Stream => write!(
                f,
                "a connection turned into a stream (replication, MONITOR, or replies turned off); it is passed on and not held"
            ),
            Self::Refused { code } => write!(
                f,
                "it refused the backend's user or password ({code}); the proxy passes them on unchanged, so they are wrong without it too"
            ),
            Self::Gone { address, reason } => write!(
                f,
                "it has gone away: it closed its connections, and nothing answers at {address} any more ({reason}); start it and run again"
            ),
            Self::Closed { held, unanswered } => write!(
                f,
                "it closed a connection with {held} held and {unanswered} unanswered statement{}; the held are gone",
                if held + unanswered == 1 { "" } else { "s" }
            ),
        }
    }
}
