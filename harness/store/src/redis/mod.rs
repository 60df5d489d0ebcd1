//! RESP2 and RESP3, from both sides.

mod commands;
mod conversation;
mod replies;
mod request;

pub(crate) use conversation::Redis;
