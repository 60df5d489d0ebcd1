//! A whole world as a value that can be cloned, stored and loaded.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{
    AccessToken, AppId, ImportError, Seed, Seq, UnixMs,
    app::App,
    deadline::Deadlines,
    departed::Departed,
    event::TokenKind,
    index::AppNo,
    js_code::{CodeState, LoginCodes, PhoneCodes},
};

/// The format of [`WorldState`]; raised when it changes.
pub const STATE_VERSION: u32 = 1;

/// A whole world, baseline included: everything its future depends on. Holds every secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorldState {
    pub(crate) version: u32,
    pub(crate) seq: Seq,
    pub(crate) wall: UnixMs,
    pub(crate) core: Core,
    pub(crate) baseline: Option<Core>,
}

/// Where an access_token is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TokenPlace {
    pub(crate) app: AppNo,
    pub(crate) kind: TokenKind,
    pub(crate) number: u32,
}

/// Everything a reset takes back: all of a world but the count of its commands and the wall clock.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Core {
    pub(crate) seed: Seed,
    /// A place is never given to another app, so that whatever still names it finds nobody.
    pub(crate) apps: Vec<Option<Box<App>>>,
    pub(crate) login_codes: LoginCodes,
    pub(crate) phone_codes: PhoneCodes,
    /// Request ids of answers that concern no app.
    pub(crate) n_rids: u64,
    /// The rest are indexes, rebuilt on import.
    #[serde(skip)]
    pub(crate) by_id: BTreeMap<AppId, AppNo>,
    #[serde(skip)]
    pub(crate) tokens: BTreeMap<AccessToken, TokenPlace>,
    /// The next deadline of each app that has one, by wall time.
    #[serde(skip)]
    pub(crate) agenda: BTreeSet<(UnixMs, AppNo)>,
    /// Whose codes are still to be forgotten. Never stored: see [`World::export`](crate::World::export).
    #[serde(skip)]
    pub(crate) departed: VecDeque<Departed>,
}

impl Core {
    pub(crate) fn new(seed: Seed) -> Self {
        Self {
            seed,
            apps: Vec::new(),
            login_codes: LoginCodes::default(),
            phone_codes: PhoneCodes::default(),
            n_rids: 0,
            by_id: BTreeMap::new(),
            tokens: BTreeMap::new(),
            agenda: BTreeSet::new(),
            departed: VecDeque::new(),
        }
    }

    /// Everything but the indexes: cheap, however large the world is. Nothing of it is changed.
    pub(crate) fn snapshot(&mut self) -> Self {
        let snapshot = |app: &mut Option<Box<App>>| Some(Box::new(app.as_mut()?.snapshot()));
        Self {
            apps: self.apps.iter_mut().map(snapshot).collect(),
            login_codes: self.login_codes.snapshot(),
            phone_codes: self.phone_codes.snapshot(),
            n_rids: self.n_rids,
            ..Self::new(self.seed)
        }
    }

    pub(crate) fn app(&self, no: AppNo) -> Option<&App> {
        self.apps.get(no.index())?.as_deref()
    }

    pub(crate) fn app_mut(&mut self, no: AppNo) -> Option<&mut App> {
        self.apps.get_mut(no.index())?.as_deref_mut()
    }

    /// Puts the app's next deadline into the agenda.
    pub(crate) fn replan(&mut self, no: AppNo) {
        let Some(app) = self.apps.get_mut(no.index()).and_then(Option::as_deref_mut) else {
            return;
        };
        let next = app
            .deadlines
            .first()
            .and_then(|due| app.clock.wall_time_of(due));
        if next == app.agenda_at {
            return;
        }
        if let Some(was) = app.agenda_at {
            self.agenda.remove(&(was, no));
        }
        if let Some(next) = next {
            self.agenda.insert((next, no));
        }
        app.agenda_at = next;
    }

    /// Rebuilds what is not stored, refusing parts that contradict each other.
    pub(crate) fn index(&mut self) -> Result<(), ImportError> {
        // A state that was never written as text still has its indexes.
        self.by_id.clear();
        self.tokens.clear();
        self.agenda.clear();
        self.departed.clear();
        if !self.login_codes.index() || !self.phone_codes.index() {
            return Err(ImportError::Inconsistent(
                "two codes are the same, or a free place is not free".to_owned(),
            ));
        }
        for (no, app) in (0..).map(AppNo).zip(&mut self.apps) {
            let Some(app) = app else { continue };
            app.deadlines = Deadlines::default();
            app.agenda_at = None;
            if self.by_id.insert(app.id.clone(), no).is_some() {
                return Err(ImportError::Inconsistent(format!(
                    "two apps are {}",
                    app.id
                )));
            }
            if !app.clock.is_sound() || app.policy.check().is_err() {
                return Err(ImportError::Inconsistent(format!(
                    "the clock or policy of {} is out of range",
                    app.id
                )));
            }
            let settings = app.push.settings.as_ref();
            if settings.is_some_and(|settings| settings.check().is_err()) {
                return Err(ImportError::Inconsistent(format!(
                    "the push settings of {} cannot be used",
                    app.id
                )));
            }
            app.deadlines.pushes.extend(app.push.deadlines());
            index_users(app)?;
            for (kind, list) in [
                (TokenKind::Plain, &app.plain),
                (TokenKind::Stable, &app.stable),
                (TokenKind::Cloud, &app.cloud_tokens),
                (TokenKind::Authorizer, &app.authorizer_tokens),
            ] {
                for token in list.tokens() {
                    self.tokens.insert(
                        token.text.clone(),
                        TokenPlace {
                            app: no,
                            kind,
                            number: token.number,
                        },
                    );
                }
                app.deadlines
                    .tokens
                    .extend(list.deadlines().map(|(number, due)| (due, kind, number)));
            }
        }
        self.index_codes()?;
        for no in 0..self.apps.len() {
            self.replan(AppNo::at(no));
        }
        Ok(())
    }

    fn index_codes(&mut self) -> Result<(), ImportError> {
        let nobody = |what: &str| {
            ImportError::Inconsistent(format!("a {what} belongs to an app that is not there"))
        };
        for (no, code) in self.login_codes.iter() {
            let app = self
                .apps
                .get_mut(code.app.index())
                .and_then(Option::as_deref_mut);
            let app = app.ok_or_else(|| nobody("login code"))?;
            let user = app.users.get(code.user);
            if user.is_some_and(|user| {
                user.handsets.len() <= code.part.device as usize
                    || user.ring.get(code.part.key).is_none()
            }) {
                return Err(ImportError::Inconsistent(
                    "a login code names a phone or key that is not there".to_owned(),
                ));
            }
            if code.state == CodeState::Fresh {
                app.deadlines.codes.insert((code.expires_at, no));
            }
        }
        for (no, code) in self.phone_codes.iter() {
            let app = self
                .apps
                .get_mut(code.app.index())
                .and_then(Option::as_deref_mut);
            let app = app.ok_or_else(|| nobody("phone code"))?;
            if code.state == CodeState::Fresh {
                app.deadlines.phone_codes.insert((code.expires_at, no));
            }
        }
        Ok(())
    }
}

fn index_users(app: &mut App) -> Result<(), ImportError> {
    let mut n_users = 0;
    app.users.index_all();
    app.n_keys = 0;
    for (no, user) in app.users.iter() {
        n_users += 1;
        app.n_keys += user.ring.len();
        let key_without_phone = user
            .ring
            .all()
            .any(|(_, key)| key.device as usize >= user.handsets.len());
        if key_without_phone {
            return Err(ImportError::Inconsistent(format!(
                "a key of {} names a phone that is not there",
                user.name
            )));
        }
        app.deadlines
            .keys
            .extend(user.ring.deadlines().map(|(key, due)| (due, no, key)));
    }
    if n_users == app.users.len() {
        Ok(())
    } else {
        Err(ImportError::Inconsistent(format!(
            "two users of {} share a name",
            app.id
        )))
    }
}
