//! A store as an adapter describes it, and why it cannot be stood before.

use std::{fmt, io, net::SocketAddr, str::FromStr};

/// A store, as an adapter describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSpec {
    /// Its name, unique among the stores of a run.
    pub name: String,
    /// What is spoken with it.
    pub protocol: Protocol,
    /// Where the real one is: `host:port`.
    pub address: String,
    /// Where the backend finds us, a loopback address; `None`: 127.0.0.1 and a free port.
    pub listen: Option<SocketAddr>,
}

/// What is spoken with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RESP2 and RESP3: Redis, Valkey, KeyDB.
    Redis,
    /// The client/server protocol of MySQL and MariaDB.
    Mysql,
    /// Version 3 of the frontend/backend protocol of PostgreSQL.
    Postgres,
    /// Anything else: a statement is what the client wrote until it waited.
    Tcp,
}

impl Protocol {
    /// The words of an adapter file.
    pub const WORDS: [&'static str; 4] = ["redis", "mysql", "postgres", "tcp"];

    /// What to change in a backend so that it speaks without TLS.
    pub(crate) fn without_tls(self) -> &'static str {
        match self {
            Self::Redis => {
                "`redis://` instead of `rediss://`, no `tls`/`ssl` option of the client, and a port without TLS as `address`"
            }
            Self::Mysql => {
                "no `ssl` option of the client (`useSSL=false`, `sslMode=DISABLED`, `tls=false`), and `require_secure_transport = OFF` in the server"
            }
            Self::Postgres => {
                "`sslmode=disable` (or `prefer`) in the client's URL, and `host` instead of `hostssl` in pg_hba.conf"
            }
            Self::Tcp => "the TLS option of the client, and a port without TLS as `address`",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "redis",
            Self::Mysql => "mysql",
            Self::Postgres => "postgres",
            Self::Tcp => "tcp",
        })
    }
}

impl FromStr for Protocol {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "redis" => Ok(Self::Redis),
            "mysql" => Ok(Self::Mysql),
            "postgres" => Ok(Self::Postgres),
            "tcp" => Ok(Self::Tcp),
            _ => Err(()),
        }
    }
}

/// Why a store cannot be stood before.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Two stores of one name.
    #[error("two stores are called `{name}`")]
    SameName {
        /// The name.
        name: String,
    },
    /// `listen` is an address that other machines reach.
    #[error(
        "store `{name}`: `listen` is {listen}, which is not a loopback address; only 127.0.0.1 and ::1 are listened on"
    )]
    NotLoopback {
        /// The store.
        name: String,
        /// The address.
        listen: SocketAddr,
    },
    /// Its port cannot be listened on.
    #[error(
        "store `{name}`: {listen} cannot be listened on; choose another `listen`, or leave it out for a free port"
    )]
    Listen {
        /// The store.
        name: String,
        /// The address.
        listen: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system gives no thread to carry connections.
    #[error("no thread can be started to carry the connections of stores: {0}")]
    Thread(io::Error),
    /// Nothing accepts connections at its address.
    #[error(
        "store `{name}`: nothing answers at {address}; start the store first, or change `address` in its [[store]]"
    )]
    Absent {
        /// The store.
        name: String,
        /// The address.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// Something else listens at its address.
    #[error("store `{name}`: what listens at {address} does not speak {protocol}: {found}")]
    WrongProtocol {
        /// The store.
        name: String,
        /// The address.
        address: String,
        /// What the adapter says it speaks.
        protocol: Protocol,
        /// What it seems to be, and what to change.
        found: String,
    },
}
