//! The encryption keys of a person that page and backend share (`getLatestUserKey`, `getuserencryptkey`). They are no
//! session_keys: each lives an hour and has a version.
//!
//! Source: official page on the encrypted network channel, and the sample answer of getuserencryptkey. Unknown: whether a page
//! that asks shortly before the end gets the next version; here it gets the one that is alive.

use serde::{Deserialize, Serialize};

use crate::{AppId, Seed, Span, UnixMs, UserId, values};

/// Life of a key. Source: `expire_in` of the official sample.
const TTL: Span = Span::h(1);
/// How many versions are kept. Source: official page.
const KEPT: usize = 3;

/// A key as page and backend see it. Holds the key: it is for their answers, not for logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserKey {
    /// Base64 of 16 bytes, 24 characters.
    pub encrypt_key: String,
    /// 16 lower-case hex digits. Whether AES takes these as text or what they stand for is not published.
    pub iv: String,
    /// From 1, one more for each key of this person.
    pub version: u32,
    /// When it was made.
    pub created_at: UnixMs,
    /// When its life ends: an hour later.
    pub expires_at: UnixMs,
}

/// The last versions of one person, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserKeys(Vec<(u32, UnixMs)>);

impl UserKeys {
    /// The version that is alive, made now if there is none; and whether it is new.
    pub(crate) fn latest(&mut self, at: UnixMs) -> (u32, bool) {
        if let Some((version, made)) = self.0.last()
            && at < made.plus(TTL)
        {
            return (*version, false);
        }
        let version = self.0.last().map_or(1, |(version, _)| version + 1);
        self.0.push((version, at));
        let surplus = self.0.len().saturating_sub(KEPT);
        self.0.drain(..surplus);
        (version, true)
    }

    /// Those kept, newest first, the expired ones included.
    pub(crate) fn all(&self, seed: Seed, app: &AppId, user: &UserId) -> Vec<UserKey> {
        let view = |(version, created_at): &(u32, UnixMs)| {
            let (encrypt_key, iv) = values::user_key(seed, app, user, *version);
            UserKey {
                encrypt_key,
                iv,
                version: *version,
                created_at: *created_at,
                expires_at: created_at.plus(TTL),
            }
        };
        self.0.iter().rev().map(view).collect()
    }

    /// Makes them older.
    pub(crate) fn age(&mut self, by: Span) {
        for (_, made) in &mut self.0 {
            *made = made.minus(by);
        }
    }
}
