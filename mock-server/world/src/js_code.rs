//! Codes: minted on a device, exchanged once, dead after a while. Knows nothing of HTTP or keys.
//!
//! Login codes and phone codes live in books of the same kind. A code that is over is remembered, so that a second exchange
//! can be told from garbage, until [`DEAD_KEPT`] younger ones of its app are over too.

use std::{
    collections::{BTreeSet, VecDeque},
    hash::Hash,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    DeviceId, JsCode, KeyNo, PhoneCode, Span, UnixMs, UserId,
    index::{AppNo, CodeNo, HashIndex, UserNo, hash_of},
};

/// How many codes that are over an app remembers. A code forgotten is answered as garbage (40029).
pub(crate) const DEAD_KEPT: usize = 1 << 18;

/// Where a code stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeState {
    /// It can be exchanged.
    Fresh,
    /// It was exchanged.
    Exchanged,
    /// A refused exchange spent it.
    Burnt,
    /// Nobody exchanged it in time.
    Expired,
}

/// A code as people see it. Holds the code: it is for the admin side, not for logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CodeView {
    /// The code itself.
    pub code: JsCode,
    /// Whose it is.
    pub user: UserId,
    /// The phone that minted it.
    pub device: DeviceId,
    /// The key it is bound to.
    pub key: KeyNo,
    /// When it was minted.
    pub minted_at: UnixMs,
    /// When it expires, or would have.
    pub expires_at: UnixMs,
    /// Where it stands.
    pub state: CodeState,
    /// When it left the fresh state; when it was last exchanged, if codes may be exchanged again.
    pub ended_at: Option<UnixMs>,
}

/// What only login codes carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoginPart {
    /// Index of the phone among its user's.
    pub(crate) device: u32,
    /// Number of the code on that phone, from 1.
    pub(crate) number: u32,
    /// The key it is bound to.
    pub(crate) key: KeyNo,
    /// How often it was exchanged.
    pub(crate) n_exchanges: u32,
}

/// What only phone codes carry: nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PhonePart {}

/// One code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code<P> {
    pub(crate) minted_at: UnixMs,
    pub(crate) expires_at: UnixMs,
    /// Meaningful once the state is not fresh.
    pub(crate) ended_at: UnixMs,
    pub(crate) app: AppNo,
    pub(crate) user: UserNo,
    pub(crate) state: CodeState,
    pub(crate) part: P,
}

impl<P> Code<P> {
    pub(crate) fn new(app: AppNo, user: UserNo, minted_at: UnixMs, ttl: Span, part: P) -> Self {
        Self {
            minted_at,
            expires_at: minted_at.plus(ttl),
            ended_at: minted_at,
            app,
            user,
            state: CodeState::Fresh,
            part,
        }
    }

    /// Whether the code can be exchanged. Used wins over expired: 40163 is answered also after five minutes (assumed).
    pub(crate) fn check(&self, at: UnixMs, single_use: bool) -> Result<(), ExchangeError> {
        match self.state {
            CodeState::Fresh => Ok(()),
            CodeState::Exchanged if !single_use && at < self.expires_at => Ok(()),
            CodeState::Exchanged if !single_use => Err(ExchangeError::Expired),
            CodeState::Exchanged | CodeState::Burnt => Err(ExchangeError::Used),
            CodeState::Expired => Err(ExchangeError::Expired),
        }
    }
}

/// Why a code cannot be exchanged. What the caller hears depends on the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExchangeError {
    /// It was exchanged or burnt, however long ago.
    Used,
    /// Its time is over.
    Expired,
}

/// A code where it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Entry<C, P> {
    text: C,
    code: Code<P>,
}

/// All codes of one kind, of all apps: a code of another app must be recognised as such.
#[derive(Debug, Clone)]
pub(crate) struct CodeBook<C, P> {
    entries: Vec<Option<Entry<C, P>>>,
    /// Places of forgotten codes, to be given out again.
    free: Vec<CodeNo>,
    by_text: HashIndex,
}

/// Fresh codes of one app by deadline.
type Due = BTreeSet<(UnixMs, CodeNo)>;

/// The book of login codes.
pub(crate) type LoginCodes = CodeBook<JsCode, LoginPart>;
/// The book of phone codes.
pub(crate) type PhoneCodes = CodeBook<PhoneCode, PhonePart>;

impl<C, P> Default for CodeBook<C, P> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            by_text: HashIndex::default(),
        }
    }
}

impl<C: Hash + Eq, P> CodeBook<C, P> {
    /// Adds a fresh code.
    pub(crate) fn mint(&mut self, text: C, code: Code<P>, due: &mut Due) -> CodeNo {
        let (hash, expires_at) = (hash_of(&text), code.expires_at);
        let entry = Some(Entry { text, code });
        let no = match self.free.pop() {
            Some(no) => {
                self.entries[no.index()] = entry;
                no
            }
            None => {
                self.entries.push(entry);
                CodeNo::at(self.entries.len() - 1)
            }
        };
        let entries = &self.entries;
        self.by_text
            .insert(hash, no.0, |place| hash_at(entries, place));
        due.insert((expires_at, no));
        no
    }

    /// Takes a code out of the fresh state, or notes one more exchange of a code that may be exchanged again. A code that is
    /// over is remembered, and the one that has been over longest is forgotten.
    pub(crate) fn end(
        &mut self,
        no: CodeNo,
        at: UnixMs,
        state: CodeState,
        due: &mut Due,
        dead: &mut VecDeque<CodeNo>,
    ) {
        let Some(code) = self.get_mut(no) else { return };
        let was_fresh = code.state == CodeState::Fresh;
        code.state = state;
        code.ended_at = at;
        if was_fresh {
            due.remove(&(code.expires_at, no));
            dead.push_back(no);
            if dead.len() > DEAD_KEPT
                && let Some(oldest) = dead.pop_front()
            {
                self.forget(oldest);
            }
        }
    }

    /// Makes a code older; says whether it is still fresh.
    pub(crate) fn age(&mut self, no: CodeNo, by: Span, due: &mut Due) -> bool {
        let Some(code) = self.get_mut(no) else {
            return false;
        };
        let (fresh, was) = (code.state == CodeState::Fresh, code.expires_at);
        for at in [
            &mut code.minted_at,
            &mut code.expires_at,
            &mut code.ended_at,
        ] {
            *at = at.minus(by);
        }
        if fresh {
            due.remove(&(was, no));
            due.insert((code.expires_at, no));
        }
        fresh
    }

    /// Forgets codes of a user who is gone.
    pub(crate) fn forget_all(
        &mut self,
        gone: &BTreeSet<CodeNo>,
        due: &mut Due,
        dead: &mut VecDeque<CodeNo>,
    ) {
        dead.retain(|no| !gone.contains(no));
        for no in gone {
            if let Some(code) = self.get(*no) {
                due.remove(&(code.expires_at, *no));
            }
            self.forget(*no);
        }
    }

    pub(crate) fn find(&self, text: &C) -> Option<CodeNo> {
        let is_it = |place| entry_at(&self.entries, place).is_some_and(|entry| entry.text == *text);
        self.by_text.find(hash_of(text), is_it).map(CodeNo)
    }

    pub(crate) fn get(&self, no: CodeNo) -> Option<&Code<P>> {
        entry_at(&self.entries, no.0).map(|entry| &entry.code)
    }

    pub(crate) fn get_mut(&mut self, no: CodeNo) -> Option<&mut Code<P>> {
        self.entries
            .get_mut(no.index())?
            .as_mut()
            .map(|entry| &mut entry.code)
    }

    pub(crate) fn text(&self, no: CodeNo) -> Option<&C> {
        entry_at(&self.entries, no.0).map(|entry| &entry.text)
    }

    /// Forgets every code of an app that is gone.
    pub(crate) fn forget_app(&mut self, app: AppNo) {
        let of_app: Vec<CodeNo> = self
            .iter()
            .filter(|(_, code)| code.app == app)
            .map(|(no, _)| no)
            .collect();
        for no in of_app {
            self.forget(no);
        }
    }

    /// Every code, by place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CodeNo, &Code<P>)> {
        let numbered = self.entries.iter().enumerate();
        numbered.filter_map(|(at, entry)| entry.as_ref().map(|entry| (CodeNo::at(at), &entry.code)))
    }

    fn forget(&mut self, no: CodeNo) {
        let Some(text) = self.text(no) else { return };
        let (hash, entries) = (hash_of(text), &self.entries);
        self.by_text
            .remove(hash, no.0, |place| hash_at(entries, place));
        self.entries[no.index()] = None;
        self.free.push(no);
    }

    /// Rebuilds what is not stored; false if two codes are the same or a free place is not free.
    #[must_use]
    fn index(&mut self) -> bool {
        for at in 0..self.entries.len() {
            let Some(entry) = &self.entries[at] else {
                continue;
            };
            if self.find(&entry.text).is_some() {
                return false;
            }
            let (hash, entries) = (hash_of(&entry.text), &self.entries);
            self.by_text
                .insert(hash, CodeNo::at(at).0, |place| hash_at(entries, place));
        }
        self.free
            .iter()
            .all(|no| matches!(self.entries.get(no.index()), Some(None)))
    }
}

fn entry_at<C, P>(entries: &[Option<Entry<C, P>>], place: u32) -> Option<&Entry<C, P>> {
    entries.get(place as usize)?.as_ref()
}

fn hash_at<C: Hash, P>(entries: &[Option<Entry<C, P>>], place: u32) -> u64 {
    entry_at(entries, place).map_or(0, |entry| hash_of(&entry.text))
}

impl<C: Serialize, P: Serialize> Serialize for CodeBook<C, P> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        (&self.entries, &self.free).serialize(out)
    }
}

impl<'de, C: Deserialize<'de> + Hash + Eq, P: Deserialize<'de>> Deserialize<'de>
    for CodeBook<C, P>
{
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let (entries, free) = Deserialize::deserialize(input)?;
        let mut book = Self {
            entries,
            free,
            by_text: HashIndex::default(),
        };
        if book.index() {
            Ok(book)
        } else {
            Err(D::Error::custom(
                "two codes are the same, or a free place is not free",
            ))
        }
    }
}
