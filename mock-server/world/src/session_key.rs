//! The key ring of one user: every session_key ever issued, which one is in force, and how each came and went.
//!
//! Knows nothing of seeds, events or deadlines: each step reports its [`KeyChange`]s and the world draws the conclusions.

use serde::{Deserialize, Serialize};

use crate::{
    DeviceId, KeyNo, SessionKey, Span, UnixMs,
    few::Few,
    policy::{KeyScope, SessionKeyPolicy},
};

/// Why a key was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyCause {
    /// A `wx.login`.
    Login,
    /// An exchange at jscode2session.
    Exchange,
    /// A lever.
    Rotate,
    /// resetusersessionkey, or the lever of the same name: the key inherits its predecessor's expiry.
    Reset,
}

/// A key as people see it. Holds the key: it is for the admin side and for oracles, not for logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyView {
    /// Its number.
    pub no: KeyNo,
    /// Why it was issued.
    pub cause: KeyCause,
    /// The phone whose login or exchange caused it.
    pub device: DeviceId,
    /// The key itself.
    pub session_key: SessionKey,
    /// When it was issued.
    pub issued_at: UnixMs,
    /// When use last pushed its idle expiry back; a reset key takes over its predecessor's.
    pub renewed_at: UnixMs,
    /// When phones began to encrypt with it; `None` while it waits for its exchange.
    pub activated_at: Option<UnixMs>,
    /// When a newer key took its place.
    pub displaced_at: Option<UnixMs>,
    /// Which key that was.
    pub displaced_by: Option<KeyNo>,
    /// When it expires, or would have.
    pub expires_at: UnixMs,
    /// When it did expire; a displaced key no longer can.
    pub expired_at: Option<UnixMs>,
    /// Whether it is in force: what phones encrypt with and servers accept.
    pub current: bool,
}

/// A moment that may not have come, in eight bytes: a million users have a million keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<UnixMs>", into = "Option<UnixMs>")]
struct Perhaps(i64);

impl Perhaps {
    const NEVER: Self = Self(i64::MIN);

    fn get(self) -> Option<UnixMs> {
        (self != Self::NEVER).then_some(UnixMs(self.0))
    }

    fn minus(self, span: Span) -> Self {
        // The smallest moment means never, so ageing stops one short of it.
        self.get()
            .map(|at| at.minus(span).max(UnixMs(Self::NEVER.0 + 1)))
            .into()
    }
}

impl From<Option<UnixMs>> for Perhaps {
    fn from(at: Option<UnixMs>) -> Self {
        at.map_or(Self::NEVER, |at| Self(at.0))
    }
}

impl From<Perhaps> for Option<UnixMs> {
    fn from(at: Perhaps) -> Self {
        at.get()
    }
}

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) session_key: SessionKey,
    issued_at: UnixMs,
    renewed_at: UnixMs,
    /// End of its absolute life.
    max_at: UnixMs,
    expires_at: UnixMs,
    activated_at: Perhaps,
    displaced_at: Perhaps,
    expired_at: Perhaps,
    /// 0 while it is not displaced.
    displaced_by: u32,
    /// Index of the phone among its user's.
    pub(crate) device: u32,
    cause: KeyCause,
}

impl Key {
    /// Neither displaced nor expired; it may still wait for its exchange.
    fn alive(&self) -> bool {
        self.displaced_at == Perhaps::NEVER && self.expired_at == Perhaps::NEVER
    }

    fn active(&self) -> bool {
        self.activated_at != Perhaps::NEVER
    }
}

/// What a step did to a key. `expires_at` is what its deadline was or is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyChange {
    Issued {
        no: KeyNo,
        cause: KeyCause,
        active: bool,
        expires_at: UnixMs,
    },
    Activated {
        no: KeyNo,
    },
    Displaced {
        no: KeyNo,
        by: KeyNo,
        expires_at: UnixMs,
    },
    Renewed {
        no: KeyNo,
        was: UnixMs,
        expires_at: UnixMs,
    },
    Expired {
        no: KeyNo,
        expires_at: UnixMs,
    },
}

/// Whose key: the user's, or that of one phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) scope: KeyScope,
    pub(crate) device: u32,
}

impl Slot {
    fn holds(self, key: &Key) -> bool {
        self.scope == KeyScope::User || key.device == self.device
    }
}

/// All keys of one user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyRing {
    keys: Few<Key>,
    /// No key before this index is alive, so that looking for the newest live one need not go through a long history.
    alive_from: u32,
}

/// A key to be added to a ring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewKey {
    pub(crate) session_key: SessionKey,
    pub(crate) cause: KeyCause,
    pub(crate) active: bool,
    /// The key whose expiry it takes over.
    pub(crate) inherits: Option<KeyNo>,
}

impl KeyRing {
    /// The number the next key will have.
    pub(crate) fn next_no(&self) -> KeyNo {
        KeyNo(u32::try_from(self.keys.len() + 1).unwrap_or(u32::MAX))
    }

    pub(crate) fn get(&self, no: KeyNo) -> Option<&Key> {
        self.keys.get(index(no)?)
    }

    /// The last key ever issued.
    pub(crate) fn newest(&self) -> Option<KeyNo> {
        (self.keys.len() > 0).then(|| KeyNo(self.next_no().0 - 1))
    }

    /// The newest live key of the slot, waiting or active.
    pub(crate) fn head(&self, slot: Slot) -> Option<KeyNo> {
        self.find_alive(|key| slot.holds(key))
    }

    /// The key in force in the slot.
    pub(crate) fn current(&self, slot: Slot) -> Option<KeyNo> {
        self.find_alive(|key| slot.holds(key) && key.active())
    }

    /// Whether this key is neither displaced nor expired.
    pub(crate) fn is_alive(&self, no: KeyNo) -> bool {
        self.get(no).is_some_and(Key::alive)
    }

    /// When the newest live key of the slot was issued.
    pub(crate) fn issued_at(&self, no: KeyNo) -> Option<UnixMs> {
        self.get(no).map(|key| key.issued_at)
    }

    /// The keys a server accepts at `at`, newest first: those in force, and displaced ones in their grace.
    pub(crate) fn accepted(
        &self,
        scope: KeyScope,
        grace: Span,
        at: UnixMs,
    ) -> impl Iterator<Item = (KeyNo, &Key)> {
        // Displaced keys may lie before `alive_from`; without grace nobody needs to look at them.
        let from = if grace.is_zero() {
            self.alive_from as usize
        } else {
            0
        };
        self.numbered(from).rev().filter(move |(no, key)| {
            let in_force = self.current(Slot {
                scope,
                device: key.device,
            }) == Some(*no);
            let in_grace = key
                .displaced_at
                .get()
                .is_some_and(|since| at < since.plus(grace))
                && key.active();
            in_force || (in_grace && !grace.is_zero())
        })
    }

    /// The slot each live key is in force in: the keys a user has now. One under scope user, one a phone under scope device.
    pub(crate) fn in_force(&self, scope: KeyScope) -> impl Iterator<Item = KeyNo> {
        self.numbered(self.alive_from as usize)
            .filter(move |(no, key)| {
                self.current(Slot {
                    scope,
                    device: key.device,
                }) == Some(*no)
            })
            .map(|(no, _)| no)
    }

    /// Every key with its number, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (KeyNo, &Key)> {
        self.numbered(0)
    }

    /// The same from a number on.
    pub(crate) fn all_from(&self, from: KeyNo) -> impl Iterator<Item = (KeyNo, &Key)> {
        self.numbered(index(from).unwrap_or(0))
    }

    /// How many keys were ever issued.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Live keys with their expiry: the deadlines of this ring.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = (KeyNo, UnixMs)> {
        self.numbered(self.alive_from as usize)
            .filter(|(_, key)| key.alive())
            .map(|(no, key)| (no, key.expires_at))
    }

    /// Adds a key; an active one displaces every older live key of its slot.
    pub(crate) fn issue(
        &mut self,
        at: UnixMs,
        slot: Slot,
        policy: &SessionKeyPolicy,
        new: NewKey,
        changes: &mut Vec<KeyChange>,
    ) -> KeyNo {
        let no = self.next_no();
        let heir = new
            .inherits
            .and_then(|no| self.get(no))
            .map(|key| (key.renewed_at, key.max_at, key.expires_at));
        let max_at = at.plus(policy.max_ttl);
        let (renewed_at, max_at, expires_at) =
            heir.unwrap_or_else(|| (at, max_at, max_at.min(at.plus(policy.idle_ttl))));
        self.keys.push(Key {
            session_key: new.session_key,
            issued_at: at,
            renewed_at,
            max_at,
            expires_at,
            activated_at: new.active.then_some(at).into(),
            displaced_at: Perhaps::NEVER,
            expired_at: Perhaps::NEVER,
            displaced_by: 0,
            device: slot.device,
            cause: new.cause,
        });
        changes.push(KeyChange::Issued {
            no,
            cause: new.cause,
            active: new.active,
            expires_at,
        });
        if new.active {
            self.displace_older(at, slot, no, changes);
        }
        no
    }

    /// Brings a waiting key into force; a key that is dead or active already stays as it is.
    pub(crate) fn activate(
        &mut self,
        at: UnixMs,
        scope: KeyScope,
        no: KeyNo,
        changes: &mut Vec<KeyChange>,
    ) {
        let Some(key) = index(no).and_then(|i| self.keys.get_mut(i)) else {
            return;
        };
        if !key.alive() || key.active() {
            return;
        }
        key.activated_at = Some(at).into();
        let slot = Slot {
            scope,
            device: key.device,
        };
        changes.push(KeyChange::Activated { no });
        self.displace_older(at, slot, no, changes);
    }

    /// Pushes the idle expiry of a live key back.
    pub(crate) fn renew(
        &mut self,
        at: UnixMs,
        no: KeyNo,
        idle_ttl: Span,
        changes: &mut Vec<KeyChange>,
    ) {
        let Some(key) = index(no).and_then(|i| self.keys.get_mut(i)) else {
            return;
        };
        if !key.alive() {
            return;
        }
        key.renewed_at = at;
        let (was, expires_at) = (key.expires_at, at.plus(idle_ttl).min(key.max_at));
        if expires_at > was {
            key.expires_at = expires_at;
            changes.push(KeyChange::Renewed {
                no,
                was,
                expires_at,
            });
        }
    }

    /// Ends a live key.
    pub(crate) fn expire(&mut self, at: UnixMs, no: KeyNo, changes: &mut Vec<KeyChange>) {
        let Some(key) = index(no).and_then(|i| self.keys.get_mut(i)) else {
            return;
        };
        if key.alive() {
            key.expired_at = Some(at).into();
            changes.push(KeyChange::Expired {
                no,
                expires_at: key.expires_at,
            });
            self.tidy();
        }
    }

    /// Makes every key older; the caller moves the deadlines.
    pub(crate) fn age(&mut self, by: Span) {
        for index in 0..self.keys.len() {
            let key = &mut self.keys[index];
            for at in [
                &mut key.issued_at,
                &mut key.renewed_at,
                &mut key.max_at,
                &mut key.expires_at,
            ] {
                *at = at.minus(by);
            }
            for at in [
                &mut key.activated_at,
                &mut key.displaced_at,
                &mut key.expired_at,
            ] {
                *at = at.minus(by);
            }
        }
    }

    /// A key as people see it, but for the phone's name.
    pub(crate) fn view(
        &self,
        no: KeyNo,
        scope: KeyScope,
        device: impl Fn(u32) -> DeviceId,
    ) -> Option<KeyView> {
        let key = self.get(no)?;
        Some(KeyView {
            no,
            cause: key.cause,
            device: device(key.device),
            session_key: key.session_key,
            issued_at: key.issued_at,
            renewed_at: key.renewed_at,
            activated_at: key.activated_at.get(),
            displaced_at: key.displaced_at.get(),
            displaced_by: (key.displaced_by != 0).then_some(KeyNo(key.displaced_by)),
            expires_at: key.expires_at,
            expired_at: key.expired_at.get(),
            current: self.current(Slot {
                scope,
                device: key.device,
            }) == Some(no),
        })
    }

    fn displace_older(&mut self, at: UnixMs, slot: Slot, by: KeyNo, changes: &mut Vec<KeyChange>) {
        let from = self.alive_from as usize;
        let to = index(by).unwrap_or(from);
        for i in from..to {
            let key = &mut self.keys[i];
            if key.alive() && slot.holds(key) {
                key.displaced_at = Some(at).into();
                key.displaced_by = by.0;
                changes.push(KeyChange::Displaced {
                    no: number(i),
                    by,
                    expires_at: key.expires_at,
                });
            }
        }
        self.tidy();
    }

    fn tidy(&mut self) {
        let mut from = self.alive_from as usize;
        while self.keys.get(from).is_some_and(|key| !key.alive()) {
            from += 1;
        }
        self.alive_from = u32::try_from(from).unwrap_or(u32::MAX);
    }

    fn find_alive(&self, wanted: impl Fn(&Key) -> bool) -> Option<KeyNo> {
        self.numbered(self.alive_from as usize)
            .rev()
            .find(|(_, key)| key.alive() && wanted(key))
            .map(|(no, _)| no)
    }

    fn numbered(&self, from: usize) -> impl DoubleEndedIterator<Item = (KeyNo, &Key)> {
        (from..self.keys.len()).map(|index| (number(index), &self.keys[index]))
    }
}

fn index(no: KeyNo) -> Option<usize> {
    (no.0 as usize).checked_sub(1)
}

fn number(index: usize) -> KeyNo {
    KeyNo(u32::try_from(index + 1).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
