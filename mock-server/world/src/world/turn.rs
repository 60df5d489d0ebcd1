//! One command on one app: its time, its number, and the parts of the world it may touch.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    AccessToken, Event, EventKind, KeyNo, Policy, RenewOn, Rotate, Seed, Seq, SessionKey, UnixMs,
    WxError,
    access_token::TokenChange,
    app::App,
    deadline::Due,
    departed::Departed,
    event::TokenKind,
    ids::Tail,
    index::{AppNo, CodeNo, UserNo},
    js_code::{CodeState, LoginCodes, PhoneCodes},
    policy::ActivateOn,
    session_key::{KeyCause, KeyChange, KeyRing, NewKey, Slot},
    state::TokenPlace,
    user::User,
    values,
};

/// See the module.
pub(super) struct Turn<'a> {
    pub(super) seed: Seed,
    pub(super) seq: Seq,
    /// The app's virtual time.
    pub(super) at: UnixMs,
    pub(super) no: AppNo,
    pub(super) app: &'a mut App,
    pub(super) login_codes: &'a mut LoginCodes,
    pub(super) phone_codes: &'a mut PhoneCodes,
    pub(super) tokens: &'a mut BTreeMap<AccessToken, TokenPlace>,
    pub(super) departed: &'a mut VecDeque<Departed>,
    pub(super) events: &'a mut Vec<Event>,
}

/// An event that may rotate a key: a login or an exchange, by the phone and number of its code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion {
    pub(super) event: Rotate,
    pub(super) device: u32,
    pub(super) number: u32,
    pub(super) repeat: u32,
}

impl Turn<'_> {
    /// Records everything that has expired by now, in the order of the deadlines.
    pub(super) fn settle(&mut self) {
        self.settle_some(self.at, usize::MAX);
    }

    /// Records at most so many expiries that are due at `until`; the moment of the last one.
    pub(super) fn settle_some(&mut self, until: UnixMs, most: usize) -> Option<UnixMs> {
        let mut last = None;
        for _ in 0..most {
            let (due, what) = self.app.deadlines.pop(until)?;
            self.end(due, what);
            last = Some(due);
        }
        last
    }

    /// Records one expiry.
    fn end(&mut self, due: UnixMs, what: Due) {
        match what {
            Due::Key(user, no) => {
                self.key_step_at(due, user, |ring, changes| ring.expire(due, no, changes))
            }
            Due::Code(no) => self.expire_code(due, no),
            Due::PhoneCode(no) => self.expire_phone_code(due, no),
            Due::Push(no) => self.send_push(due, no),
            Due::Token => {
                for kind in TokenKind::ALL {
                    self.token_step_at(due, kind, |app, changes| {
                        tokens_mut(app, kind).drop_dead(due, changes)
                    });
                }
            }
        }
    }

    /// Notes that something happened now.
    pub(super) fn note(&mut self, user: Option<UserNo>, kind: EventKind) {
        self.note_at(self.at, user, kind);
    }

    pub(super) fn note_at(&mut self, at: UnixMs, user: Option<UserNo>, kind: EventKind) {
        if let Some(user) = user.and_then(|no| self.app.users.get_mut(no))
            && kind.is_of_a_phone()
        {
            user.visited_at = Some(at);
        }
        let user = user
            .and_then(|no| self.app.users.get(no))
            .map(|user| user.name.clone());
        self.events.push(Event {
            seq: self.seq,
            at,
            app: Some(self.app.id.clone()),
            user,
            kind,
        });
    }

    /// Notes a refused server call and hands its answer on.
    pub(super) fn refused<T>(
        &mut self,
        call: &'static str,
        user: Option<UserNo>,
        error: WxError,
    ) -> Result<T, WxError> {
        self.note(
            user,
            EventKind::CallRefused {
                call,
                errcode: error.errcode,
            },
        );
        Err(error)
    }

    /// A user whom the caller has just looked up.
    pub(super) fn user(&self, no: UserNo) -> &User {
        self.app.users.get(no).expect("looked up in this turn")
    }

    /// A user whom the caller has just looked up.
    pub(super) fn user_mut(&mut self, no: UserNo) -> &mut User {
        self.app.users.get_mut(no).expect("looked up in this turn")
    }

    /// The rules such a user lives under.
    pub(super) fn policy_of(&self, no: UserNo) -> Arc<Policy> {
        self.app.policy_of(self.user(no))
    }

    /// Does something to a user's keys, and keeps deadlines and events in step.
    pub(super) fn key_step<R>(
        &mut self,
        user: UserNo,
        step: impl FnOnce(&mut KeyRing, &mut Vec<KeyChange>) -> R,
    ) -> R {
        let mut changes = Vec::new();
        let result = step(&mut self.user_mut(user).ring, &mut changes);
        self.follow_keys(self.at, user, &changes);
        result
    }

    /// The same for a user who may be gone, at the moment of a deadline.
    fn key_step_at(
        &mut self,
        at: UnixMs,
        user: UserNo,
        step: impl FnOnce(&mut KeyRing, &mut Vec<KeyChange>),
    ) {
        let mut changes = Vec::new();
        if let Some(user) = self.app.users.get_mut(user) {
            step(&mut user.ring, &mut changes);
        }
        self.follow_keys(at, user, &changes);
    }

    fn follow_keys(&mut self, at: UnixMs, user: UserNo, changes: &[KeyChange]) {
        let deadlines = &mut self.app.deadlines.keys;
        for change in changes {
            match *change {
                KeyChange::Issued { no, expires_at, .. } => {
                    deadlines.insert((expires_at, user, no));
                    self.app.n_keys += 1;
                }
                KeyChange::Displaced { no, expires_at, .. }
                | KeyChange::Expired { no, expires_at } => {
                    deadlines.remove(&(expires_at, user, no));
                }
                KeyChange::Renewed {
                    no,
                    was,
                    expires_at,
                } => {
                    deadlines.remove(&(was, user, no));
                    deadlines.insert((expires_at, user, no));
                }
                KeyChange::Activated { .. } => {}
            }
        }
        for change in changes {
            let kind = match *change {
                KeyChange::Issued {
                    no, cause, active, ..
                } => EventKind::KeyIssued {
                    key: no,
                    cause,
                    active,
                },
                KeyChange::Activated { no } => EventKind::KeyActivated { key: no },
                KeyChange::Displaced { no, by, .. } => EventKind::KeyDisplaced { key: no, by },
                KeyChange::Renewed { no, expires_at, .. } => EventKind::KeyRenewed {
                    key: no,
                    expires_at,
                },
                KeyChange::Expired { no, .. } => EventKind::KeyExpired { key: no },
            };
            self.note_at(at, Some(user), kind);
        }
    }

    /// Does something to a shelf of tokens, and keeps deadlines, directory and events in step.
    pub(super) fn token_step<R>(
        &mut self,
        kind: TokenKind,
        step: impl FnOnce(&mut App, &mut Vec<TokenChange>) -> R,
    ) -> R {
        self.token_step_at(self.at, kind, step)
    }

    fn token_step_at<R>(
        &mut self,
        at: UnixMs,
        kind: TokenKind,
        step: impl FnOnce(&mut App, &mut Vec<TokenChange>) -> R,
    ) -> R {
        let mut changes = Vec::new();
        let result = step(self.app, &mut changes);
        for change in changes {
            let deadlines = &mut self.app.deadlines.tokens;
            match change {
                TokenChange::Issued {
                    number,
                    text,
                    dies_at,
                } => {
                    deadlines.insert((dies_at, kind, number));
                    self.tokens.insert(
                        text,
                        TokenPlace {
                            app: self.no,
                            kind,
                            number,
                        },
                    );
                }
                TokenChange::Moved {
                    number,
                    was,
                    dies_at,
                } => {
                    deadlines.remove(&(was, kind, number));
                    deadlines.insert((dies_at, kind, number));
                }
                TokenChange::Ended {
                    number,
                    text,
                    why,
                    was,
                } => {
                    deadlines.remove(&(was, kind, number));
                    self.note_at(
                        at,
                        None,
                        EventKind::TokenEnded {
                            token: kind,
                            tail: Tail::of(text.as_str()),
                            why,
                        },
                    );
                }
                TokenChange::Forgotten { text } => {
                    self.tokens.remove(&text);
                }
            }
        }
        result
    }

    /// Adds a key to a user's ring.
    pub(super) fn issue_key(
        &mut self,
        user: UserNo,
        device: u32,
        cause: KeyCause,
        active: bool,
        inherits: Option<KeyNo>,
    ) -> KeyNo {
        let of = self.user(user);
        let session_key =
            values::session_key(self.seed, &self.app.id, &of.name, of.ring.next_no().0);
        self.add_key(user, device, cause, active, inherits, session_key)
    }

    /// Adds this key to a user's ring.
    pub(super) fn add_key(
        &mut self,
        user: UserNo,
        device: u32,
        cause: KeyCause,
        active: bool,
        inherits: Option<KeyNo>,
        session_key: SessionKey,
    ) -> KeyNo {
        let policy = self.policy_of(user);
        let slot = Slot {
            scope: policy.session_key.scope,
            device,
        };
        let at = self.at;
        let new = NewKey {
            session_key,
            cause,
            active,
            inherits,
        };
        self.key_step(user, |ring, changes| {
            ring.issue(at, slot, &policy.session_key, new, changes)
        })
    }

    /// The key after an event that may rotate it, and whether that key is new.
    pub(super) fn rotate_or_keep(&mut self, user: UserNo, occasion: Occasion) -> (KeyNo, bool) {
        let policy = self.policy_of(user);
        let rules = &policy.session_key;
        let cause = if occasion.event == Rotate::Exchange {
            KeyCause::Exchange
        } else {
            KeyCause::Login
        };
        let slot = Slot {
            scope: rules.scope,
            device: occasion.device,
        };
        let Some(head) = self.user(user).ring.head(slot) else {
            // Without a live key there is nothing to keep, whatever the policy, and nothing an older key could still do.
            return (
                self.issue_key(user, occasion.device, cause, true, None),
                true,
            );
        };
        if rules.rotate == occasion.event && self.rotation_is_due(user, head, &policy, occasion) {
            let active =
                occasion.event == Rotate::Exchange || rules.activate_on == ActivateOn::Issue;
            return (
                self.issue_key(user, occasion.device, cause, active, None),
                true,
            );
        }
        (head, false)
    }

    fn rotation_is_due(
        &self,
        user: UserNo,
        head: KeyNo,
        policy: &Policy,
        occasion: Occasion,
    ) -> bool {
        let user = self.user(user);
        let age = user
            .ring
            .issued_at(head)
            .map(|issued| self.at.since(issued))
            .unwrap_or_default();
        let names = (
            &self.app.id,
            &user.name,
            &user.handsets[occasion.device as usize].device,
        );
        let event = if occasion.event == Rotate::Exchange {
            "exchange"
        } else {
            "login"
        };
        let number = (occasion.number, occasion.repeat);
        age >= policy.session_key.min_interval
            && values::rotates(
                self.seed,
                names,
                event,
                number,
                policy.session_key.probability,
            )
    }

    /// Pushes a key's idle expiry back if the policy says this is use.
    pub(super) fn renew_key(&mut self, user: UserNo, no: KeyNo, use_of_it: RenewOn) {
        let policy = self.policy_of(user);
        if policy.session_key.renew_on.contains(&use_of_it) {
            let (at, idle_ttl) = (self.at, policy.session_key.idle_ttl);
            self.key_step(user, |ring, changes| ring.renew(at, no, idle_ttl, changes));
        }
    }

    /// Ends a login code of this app.
    pub(super) fn end_code(&mut self, no: CodeNo, at: UnixMs, state: CodeState) {
        let app = &mut *self.app;
        self.login_codes
            .end(no, at, state, &mut app.deadlines.codes, &mut app.dead_codes);
    }

    /// Ends a phone code of this app.
    pub(super) fn end_phone_code(&mut self, no: CodeNo, at: UnixMs, state: CodeState) {
        let app = &mut *self.app;
        self.phone_codes.end(
            no,
            at,
            state,
            &mut app.deadlines.phone_codes,
            &mut app.dead_phone_codes,
        );
    }

    fn expire_code(&mut self, due: UnixMs, no: CodeNo) {
        let Some((code, text)) = self
            .login_codes
            .get(no)
            .copied()
            .zip(self.login_codes.text(no).copied())
        else {
            return;
        };
        if self.app.users.get(code.user).is_none() {
            // A user who is gone: see `departed`.
            return self
                .login_codes
                .forget_of(no, &mut self.app.deadlines.codes);
        }
        self.end_code(no, due, CodeState::Expired);
        self.note_at(
            due,
            Some(code.user),
            EventKind::CodeExpired {
                code: Tail::of(text.as_str()),
            },
        );
    }

    fn expire_phone_code(&mut self, due: UnixMs, no: CodeNo) {
        let Some((code, text)) = self
            .phone_codes
            .get(no)
            .copied()
            .zip(self.phone_codes.text(no).copied())
        else {
            return;
        };
        if self.app.users.get(code.user).is_none() {
            let due = &mut self.app.deadlines.phone_codes;
            return self.phone_codes.forget_of(no, due);
        }
        self.end_phone_code(no, due, CodeState::Expired);
        self.note_at(
            due,
            Some(code.user),
            EventKind::PhoneCodeExpired {
                code: Tail::of(text.as_str()),
            },
        );
    }
}

/// The shelf of one kind.
pub(super) fn tokens_mut(app: &mut App, kind: TokenKind) -> &mut crate::access_token::TokenList {
    match kind {
        TokenKind::Plain => &mut app.plain,
        TokenKind::Stable => &mut app.stable,
        TokenKind::Cloud => &mut app.cloud_tokens,
        TokenKind::Authorizer => &mut app.authorizer_tokens,
    }
}
