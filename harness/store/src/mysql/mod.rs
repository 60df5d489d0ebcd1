//! The client/server protocol of MySQL and MariaDB, from both sides.
//!
//! Source: "Client/Server Protocol" of the MySQL source documentation and "Clients & Utilities: protocol" of the MariaDB
//! knowledge base, read 2026-11.

mod answers;
mod conversation;
mod greeting;
mod packets;
mod parameters;

pub(crate) use conversation::Mysql;
pub(crate) use greeting::greet;
