//! What is the matter with the key somebody believed in.

use serde::{Deserialize, Serialize};

use super::{
    damage::{Damage, mend},
    keys::{Found, Owner, Place, owner_of},
    open::{BLOCK, Payload, unpads},
};
use crate::{AppId, KeyNo, SessionKey, UnixMs, UserId, state::Core, user::User};

/// Why the believed key does not open the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Believed {
    /// It does open it.
    Right,
    /// It is not a session_key: not base64 of 16 bytes.
    NotAKey,
    /// It is the iv.
    IsIv,
    /// It is older than the key that sealed the payload, and was displaced.
    Superseded {
        /// The believed key's number.
        no: KeyNo,
        /// The key that took its place.
        by: KeyNo,
        /// When.
        at: UnixMs,
    },
    /// It is of the right user and newer than the key that sealed the payload.
    Newer {
        /// The believed key's number.
        no: KeyNo,
    },
    /// It belongs to somebody else of the same app.
    OtherUser {
        /// To whom.
        user: UserId,
        /// Its number there.
        no: KeyNo,
    },
    /// It is of another app.
    OtherApp {
        /// Of which.
        app: AppId,
        /// Whose there.
        user: UserId,
        /// Its number there.
        no: KeyNo,
    },
    /// No app of this mock ever issued it.
    Unknown,
    /// It is one of ours, but nothing opens the payload, so the payload is what is wrong.
    PayloadBroken {
        /// To whom it belongs.
        user: UserId,
        /// Its number there.
        no: KeyNo,
    },
}

/// The believed key as it was written down.
#[derive(Debug, Default)]
pub(super) struct Belief {
    /// The key, if the text is one or can be mended to one.
    pub(super) key: Option<SessionKey>,
    /// What had to be undone, or what the text is instead.
    pub(super) damage: Vec<Damage>,
}

impl Belief {
    /// Reads a key, undoing what storage and transports do to one.
    pub(super) fn read(text: &str) -> Self {
        if let Ok(key) = SessionKey::from_base64(text) {
            return Self {
                key: Some(key),
                damage: Vec::new(),
            };
        }
        let mended = mend(text);
        let key = <[u8; BLOCK]>::try_from(mended.bytes.as_slice()).ok();
        Self {
            key: key.map(SessionKey::new),
            damage: mended.damage,
        }
    }
}

/// Judges the believed key against the one that was found.
pub(super) fn judge(
    core: &Core,
    place: Place,
    believed: &Belief,
    payload: &Payload<'_>,
    found: Option<&Found>,
) -> Believed {
    let Some(key) = believed.key else {
        return Believed::NotAKey;
    };
    if found.is_some_and(|found| found.owner == Owner::Stranger) {
        return Believed::Right;
    }
    let Some((app_no, app, user_no, user, no)) = owner_of(core, place, &key) else {
        let is_iv = payload.iv.is_some_and(|iv| iv.bytes() == key.bytes());
        return if is_iv {
            Believed::IsIv
        } else {
            Believed::Unknown
        };
    };
    let name = user.name.clone();
    match found.map(|found| found.owner) {
        Some(Owner::Issued(a, u, opener)) if (a, u) == (app_no, user_no) => {
            if opener == no {
                return Believed::Right;
            }
            let view = user.key_view(no, &app.policy_of(user));
            match view.and_then(|view| view.displaced_by.zip(view.displaced_at)) {
                Some((by, at)) if no < opener => Believed::Superseded { no, by, at },
                _ if no < opener => Believed::Superseded {
                    no,
                    by: opener,
                    at: issued_at(user, opener, no),
                },
                _ => Believed::Newer { no },
            }
        }
        Some(Owner::Issued(a, ..) | Owner::NeverIssued(a, ..)) if a != app_no => {
            Believed::OtherApp {
                app: app.id.clone(),
                user: name,
                no,
            }
        }
        Some(_) => Believed::OtherUser { user: name, no },
        None => Believed::PayloadBroken { user: name, no },
    }
}

/// When the key that sealed was issued: the moment an expired but never displaced key was overtaken.
fn issued_at(user: &User, no: KeyNo, fallback: KeyNo) -> UnixMs {
    let at = |no| user.ring.issued_at(no);
    at(no).or_else(|| at(fallback)).unwrap_or_default()
}

/// Whether the believed key, though it is not the right one, ends in valid padding: what a decrypter that looks at nothing
/// else takes for success. By chance that is one wrong key in 256.
pub(super) fn is_twin(verdict: &Believed, believed: &Belief, payload: &Payload<'_>) -> bool {
    *verdict != Believed::Right && believed.key.is_some_and(|key| unpads(payload, &key))
}
