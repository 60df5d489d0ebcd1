//! A world kept in a directory: a snapshot, and every command since in the order in which it was done.
//!
//! A world is a function of its commands, so replaying them makes it again, to the byte. The files: `lock` belongs to the process
//! that writes; `N.snapshot` is the world after N commands; `N.log`, a segment, begins with command N. A record is its length,
//! its checksum, its position and the command as JSON: the types of the world are written for formats that name their fields
//! (absent, `null` and a value are three things in a policy patch), so a denser format would need types of its own.
//!
//! Knows nothing of what a command does, and nothing of HTTP.

mod directory;
mod durability;
mod earlier;
mod error;
mod folder;
mod frame;
mod writer;

pub use directory::{Opened, Replayed, Torn, compact, create, open, replay};
pub use durability::{Durability, DurabilityError};
pub use earlier::{Migrated, migrate};
pub use error::LogError;
pub use writer::{Log, Stopped};
