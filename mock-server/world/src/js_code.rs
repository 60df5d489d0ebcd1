//! Codes: minted on a device, exchanged once, dead after a while. Knows nothing of HTTP or keys.
//!
//! Login codes and phone codes live in books of the same kind. A code that is over is remembered, so that a second exchange
//! can be told from garbage, until [`DEAD_KEPT`] younger ones of its app are over too.

use std::{
    collections::{BTreeSet, VecDeque},
    hash::Hash,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    DeviceId, JsCode, KeyNo, PhoneCode, Span, UnixMs, UserId,
    chunks::Chunks,
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
    entries: Entries<C, P>,
    /// Places of forgotten codes, to be given out again.
    free: Vec<CodeNo>,
    by_text: HashIndex,
    /// Whether codes of a user who is gone may still be here, so that a new code may have the text of one of them.
    pub(crate) may_repeat: bool,
}

type Entries<C, P> = Chunks<Option<Entry<C, P>>>;

/// Fresh codes of one app by deadline.
type Due = BTreeSet<(UnixMs, CodeNo)>;

/// The book of login codes.
pub(crate) type LoginCodes = CodeBook<JsCode, LoginPart>;
/// The book of phone codes.
pub(crate) type PhoneCodes = CodeBook<PhoneCode, PhonePart>;

impl<C, P> Default for CodeBook<C, P> {
    fn default() -> Self {
        Self {
            entries: Chunks::default(),
            free: Vec::new(),
            by_text: HashIndex::default(),
            may_repeat: false,
        }
    }
}

impl<C: Hash + Eq + Clone, P: Clone> CodeBook<C, P> {
    /// Adds a fresh code.
    pub(crate) fn mint(&mut self, text: C, code: Code<P>, due: &mut Due) -> CodeNo {
        if self.may_repeat {
            self.make_way(&text, code.app, due);
        }
        let (hash, expires_at) = (hash_of(&text), code.expires_at);
        let entry = Some(Entry { text, code });
        let free = self.free.pop();
        let no = match free.and_then(|no| Some((no, self.entries.get_mut(no.index())?))) {
            Some((no, place)) => {
                *place = entry;
                no
            }
            None => {
                self.entries.push(entry);
                CodeNo::at(self.entries.len() - 1)
            }
        };
        self.by_text.insert(hash, no.0);
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
                self.free.push(oldest);
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

    /// Forgets the code of this text if it is of a user who is gone; says whether it was.
    pub(crate) fn forget_gone(
        &mut self,
        text: &C,
        app: AppNo,
        user: UserNo,
        due: &mut Due,
    ) -> bool {
        let found = self.find(text).filter(|no| {
            let code = self.get(*no);
            code.is_some_and(|code| code.app == app && code.user == user)
        });
        if let Some(no) = found {
            self.forget_of(no, due);
        }
        found.is_some()
    }

    /// Forgets a code of an app that is there. One that is over keeps its place until the app has done with it: the place
    /// stands in the app's list of such codes.
    pub(crate) fn forget_of(&mut self, no: CodeNo, due: &mut Due) {
        let Some(code) = self.get(no) else { return };
        let (is_fresh, expires_at) = (code.state == CodeState::Fresh, code.expires_at);
        self.forget(no);
        if is_fresh {
            due.remove(&(expires_at, no));
            self.free.push(no);
        }
    }

    /// Forgets what is left under the text of a new code.
    fn make_way(&mut self, text: &C, app: AppNo, due: &mut Due) {
        let Some(no) = self.find(text) else { return };
        if self.get(no).is_some_and(|code| code.app == app) {
            self.forget_of(no, due);
        } else {
            self.forget(no);
            self.free.push(no);
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

    /// Forgets codes of an app that is gone, looking at `most` places from `at` on; where to go on, if anywhere.
    pub(crate) fn forget_app(&mut self, app: AppNo, at: usize, most: usize) -> Option<usize> {
        let to = at.saturating_add(most).min(self.entries.len());
        for no in (at..to).map(CodeNo::at) {
            if self.get(no).is_some_and(|code| code.app == app) {
                self.forget(no);
                self.free.push(no);
            }
        }
        (to < self.entries.len()).then_some(to)
    }

    /// Forgets codes of an app that is gone by its list of those that are over.
    pub(crate) fn forget_over(&mut self, over: &mut VecDeque<CodeNo>, most: usize) {
        for no in over.drain(..most.min(over.len())) {
            self.forget(no);
            self.free.push(no);
        }
    }

    /// Every code, by place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CodeNo, &Code<P>)> {
        let numbered = self.entries.iter().enumerate();
        numbered.filter_map(|(at, entry)| entry.as_ref().map(|entry| (CodeNo::at(at), &entry.code)))
    }

    /// Takes a code out; its place is not free yet.
    fn forget(&mut self, no: CodeNo) {
        let Some(text) = self.text(no) else { return };
        self.by_text.remove(hash_of(text), no.0);
        if let Some(place) = self.entries.get_mut(no.index()) {
            *place = None;
        }
    }

    /// The codes without their index: cheap, however many they are.
    pub(crate) fn snapshot(&self) -> Self {
        Self {
            entries: self.entries.clone(),
            free: self.free.clone(),
            ..Self::default()
        }
    }

    /// Rebuilds the index; false if two codes are the same or a free place is not free.
    #[must_use]
    pub(crate) fn index(&mut self) -> bool {
        self.by_text = HashIndex::default();
        for at in 0..self.entries.len() {
            let Some(Some(entry)) = self.entries.get(at) else {
                continue;
            };
            if self.find(&entry.text).is_some() {
                return false;
            }
            self.by_text.insert(hash_of(&entry.text), CodeNo::at(at).0);
        }
        self.free
            .iter()
            .all(|no| matches!(self.entries.get(no.index()), Some(None)))
    }
}

fn entry_at<C, P>(entries: &Entries<C, P>, place: u32) -> Option<&Entry<C, P>> {
    entries.get(place as usize)?.as_ref()
}

impl<C: Serialize, P: Serialize> Serialize for CodeBook<C, P> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        (&self.entries, &self.free).serialize(out)
    }
}

impl<'de, C: Deserialize<'de> + Clone, P: Deserialize<'de> + Clone> Deserialize<'de>
    for CodeBook<C, P>
{
    /// The index is for [`CodeBook::index`] to make.
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let (entries, free) = Deserialize::deserialize(input)?;
        let entries: Vec<_> = entries;
        Ok(Self {
            entries: entries.into_iter().collect(),
            free,
            ..Self::default()
        })
    }
}
