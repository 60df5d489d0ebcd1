//! Message push: what WeChat sends to a backend of its own accord. How it is signed and sealed, what it says, whether the
//! backend's answer is one WeChat takes, and how often it is sent again. Knows no socket: the shell sends and reports.
//!
//! Source: official page on message push of mini programs, with its vectors in `scenarios/vectors/message-push.json`.

mod answer;
mod book;
mod message;
mod seal;
mod settings;

pub use answer::{PushAnswer, Verdict};
pub use book::{PushNo, PushRequest, PushState, PushView};
pub use message::{PushEvent, PushWhat, REVOKE_INFO};
pub use seal::{
    EncodingAesKey, PushOpenError, PushToken, msg_signature, open_push, push_signature, seal_push,
};
pub use settings::{PushFormat, PushMode, PushSettings, PushUrl, PushUrlError};

pub(crate) use answer::judge;
pub(crate) use book::{Push, PushBook};
pub(crate) use message::Addressed;
