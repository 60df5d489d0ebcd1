//! `GET /cgi-bin/getcallbackip`: the addresses message pushes come from.

use serde::{Deserialize, Serialize};

use super::{World, Wx};
use crate::{Command, UnixMs};

/// The request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackIp {
    /// `access_token`.
    pub access_token: Option<String>,
}

impl World {
    /// The addresses a backend may see as the sender of a push: those of this machine, for nothing else sends here.
    pub fn getcallbackip(&mut self, now: UnixMs, q: &CallbackIp) -> Wx<Vec<&'static str>> {
        self.record(now, || Command::Getcallbackip(q.clone()));
        self.with_token(now, "getcallbackip", &q.access_token, |_| {
            Ok(vec!["127.0.0.1", "::1"])
        })
    }
}
