//! The levers: making and changing apps and people, rules, clocks and keys by hand.

use std::sync::Arc;

use super::{Pulled, World, turn::Turn};
use crate::{
    AppId, AppView, ClockChange, ClockView, Command, ControlError, EditApp, EditUser, Effect,
    EventKind, KeyView, NewApp, NewUser, Policy, PolicyPatch, Span, UnixMs, UserId, UserView,
    app::App,
    departed::{Departed, DepartedApp, DepartedUser, FORGOTTEN_AT_ONCE},
    event::TokenKind,
    index::{AppNo, UserNo},
    session_key::{KeyCause, Slot},
    user::User,
    users::UserClash,
    values,
    world::turn::tokens_mut,
};

impl World {
    /// Makes an app.
    ///
    /// # Errors
    /// [`ControlError::AppExists`], [`ControlError::AppIdOfAnotherKind`], [`ControlError::Policy`].
    pub fn create_app(&mut self, now: UnixMs, new: NewApp) -> Pulled<AppView> {
        self.record(now, || Command::CreateApp(Box::new(new.clone())));
        new.policy.check()?;
        let want = new.kind.id_prefix();
        let id = new.appid.clone().unwrap_or_else(|| self.next_appid(want));
        if !id.as_str().starts_with(want) {
            return Err(ControlError::AppIdOfAnotherKind { app: id, want });
        }
        if self.core.by_id.contains_key(&id) {
            return Err(ControlError::AppExists(id));
        }
        let wall = self.begin(now);
        let secret = new
            .secret
            .unwrap_or_else(|| values::app_secret(self.core.seed, &id));
        let no = AppNo::at(self.core.apps.len());
        self.core
            .apps
            .push(Some(Box::new(App::new(wall, id.clone(), secret, new))));
        self.core.by_id.insert(id, no);
        Ok(self.changed(no, None, "app created", |turn, wall| {
            turn.app.view(turn.seed, wall)
        }))
    }

    /// Changes an app.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn edit_app(&mut self, now: UnixMs, app: &AppId, edit: EditApp) -> Pulled<AppView> {
        self.record(now, || Command::EditApp(app.clone(), edit.clone()));
        let (no, _) = self.find_app(app)?;
        self.begin(now);
        Ok(self.changed(no, None, "app edited", |turn, wall| {
            let EditApp {
                secret,
                name,
                open_platform,
            } = edit;
            turn.app.secret = secret.unwrap_or(turn.app.secret);
            turn.app.open_platform = open_platform.unwrap_or(turn.app.open_platform);
            if let Some(name) = name {
                turn.app.name = name;
            }
            turn.app.view(turn.seed, wall)
        }))
    }

    /// Deletes an app with its users, codes and tokens.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn delete_app(&mut self, now: UnixMs, app: &AppId) -> Pulled<()> {
        self.record(now, || Command::DeleteApp(app.clone()));
        let (no, _) = self.find_app(app)?;
        self.begin(now);
        let effect = self.changed(no, None, "app deleted", |_, _| ());
        self.core.by_id.remove(app);
        if let Some(at) = self.core.app(no).and_then(|app| app.agenda_at) {
            self.core.agenda.remove(&(at, no));
        }
        if let Some(mut app) = self.core.apps[no.index()].take() {
            for token in app.plain.tokens().chain(app.stable.tokens()) {
                self.core.tokens.remove(&token.text);
            }
            let departed = DepartedApp::new(no, &mut app);
            self.core.depart(Departed::App(departed));
            self.discard(app);
        }
        self.core.forget_departed(FORGOTTEN_AT_ONCE);
        Ok(effect)
    }

    /// Makes a person in an app.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoPeople`], [`ControlError::UserExists`], [`ControlError::OpenidTaken`],
    /// [`ControlError::BadUser`].
    pub fn create_user(&mut self, now: UnixMs, app: &AppId, new: NewUser) -> Pulled<UserView> {
        self.record(now, || {
            Command::CreateUser(app.clone(), Box::new(new.clone()))
        });
        let (no, found) = self.find_app(app)?;
        if !found.kind.has_users() {
            return Err(ControlError::NoPeople(app.clone()));
        }
        let user = User::new(self.core.seed, &found.id, new)?;
        let name = user.name.clone();
        let users = &mut self.core.app_mut(no).expect("just found").users;
        let user_no = users.insert(user).map_err(|clash| match clash {
            UserClash::Name => ControlError::UserExists {
                app: app.clone(),
                user: name,
            },
            UserClash::Openid(owner) => ControlError::OpenidTaken { owner },
        })?;
        self.begin(now);
        Ok(self.changed(no, Some(user_no), "user created", |turn, _| {
            turn.user_view(user_no)
        }))
    }

    /// Changes a person.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`], [`ControlError::BadUser`].
    pub fn edit_user(
        &mut self,
        now: UnixMs,
        app: &AppId,
        user: &UserId,
        edit: EditUser,
    ) -> Pulled<UserView> {
        self.record(now, || {
            Command::EditUser(app.clone(), user.clone(), Box::new(edit.clone()))
        });
        let (no, _, user_no) = self.find_user(app, user)?;
        let users = &mut self.core.app_mut(no).expect("just found").users;
        users.get_mut(user_no).expect("just found").edit(edit)?;
        self.begin(now);
        Ok(self.changed(no, Some(user_no), "user edited", |turn, _| {
            turn.user_view(user_no)
        }))
    }

    /// Deletes a person with their codes and keys. Making them again starts their counters again.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`].
    pub fn delete_user(&mut self, now: UnixMs, app: &AppId, user: &UserId) -> Pulled<()> {
        self.record(now, || Command::DeleteUser(app.clone(), user.clone()));
        let (no, _, user_no) = self.find_user(app, user)?;
        self.begin(now);
        let effect = self.changed(no, Some(user_no), "user deleted", |turn, _| {
            turn.delete_user(user_no)
        });
        self.core.forget_departed(FORGOTTEN_AT_ONCE);
        self.core.replan(no);
        Ok(effect)
    }

    /// Lays a patch over the rules of an app, or over those of one user; returns the rules then in effect.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`], [`ControlError::Policy`].
    pub fn set_policy(
        &mut self,
        now: UnixMs,
        app: &AppId,
        user: Option<&UserId>,
        patch: &PolicyPatch,
    ) -> Pulled<Policy> {
        self.record(now, || {
            Command::SetPolicy(app.clone(), user.cloned(), Box::new(patch.clone()))
        });
        let policy = self.policy(app, user)?.with(patch);
        policy.check()?;
        let (no, found) = self.find_app(app)?;
        let user_no = user.and_then(|user| found.users.named(user));
        self.begin(now);
        Ok(
            self.changed(no, user_no, "policy changed", |turn, _| match user_no {
                None => {
                    turn.app.set_policy(Arc::new(policy.clone()));
                    policy
                }
                Some(user_no) => {
                    let mut whole = turn
                        .user(user_no)
                        .rules
                        .as_ref()
                        .map(|rules| rules.patch.clone())
                        .unwrap_or_default();
                    whole.merge(patch);
                    turn.app.set_user_rules(user_no, Some(whole));
                    policy
                }
            }),
        )
    }

    /// Takes an app back to the rules it was made with, or takes a user's own rules away; returns the rules then in effect.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`].
    pub fn clear_policy(
        &mut self,
        now: UnixMs,
        app: &AppId,
        user: Option<&UserId>,
    ) -> Pulled<Policy> {
        self.record(now, || Command::ClearPolicy(app.clone(), user.cloned()));
        let (no, _) = self.find_app(app)?;
        let user_no = user
            .map(|user| self.find_user(app, user))
            .transpose()?
            .map(|(_, _, user_no)| user_no);
        self.begin(now);
        Ok(
            self.changed(no, user_no, "policy cleared", |turn, _| match user_no {
                None => {
                    turn.app.clear_policy();
                    (*turn.app.policy).clone()
                }
                Some(user_no) => {
                    turn.app.set_user_rules(user_no, None);
                    (*turn.policy_of(user_no)).clone()
                }
            }),
        )
    }

    /// Changes an app's clock, or makes one user's keys and codes older. Returns after every expiry this caused is recorded.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`], [`ControlError::Clock`].
    pub fn clock(&mut self, now: UnixMs, app: &AppId, change: ClockChange) -> Pulled<ClockView> {
        self.record(now, || Command::Clock(app.clone(), change.clone()));
        self.change_clock(now, app, change)
    }

    fn change_clock(&mut self, now: UnixMs, app: &AppId, change: ClockChange) -> Pulled<ClockView> {
        let (no, found) = self.find_app(app)?;
        let wall = self.wall.max(now);
        let mut clock = found.clock.clone();
        let mut aged = None;
        let what = match change {
            ClockChange::Freeze => {
                clock.freeze(wall);
                "clock frozen".to_owned()
            }
            ClockChange::Unfreeze => {
                clock.unfreeze(wall);
                "clock runs".to_owned()
            }
            ClockChange::Advance(by) => {
                clock.advance(wall, by);
                format!("clock advanced {by}")
            }
            ClockChange::Scale(scale) => {
                clock.scale(wall, scale).map_err(ControlError::Clock)?;
                format!("clock runs {scale} times as fast")
            }
            ClockChange::AgeUser(user, by) => {
                aged = Some((self.find_user(app, &user)?.2, by));
                format!("aged {by}")
            }
        };
        self.begin(now);
        let user_no = aged.map(|(user_no, _)| user_no);
        self.changed(no, user_no, &what, |turn, _| {
            turn.app.clock = clock;
            if let Some((user_no, by)) = aged {
                turn.age_user(user_no, by);
            }
        });
        // A second step of the same command, at the new time: whatever is due is recorded before we return.
        let view = self.on_app(no, |_| ());
        let clock = self.core.app(no).expect("just found").clock.view(wall);
        Ok(view.map(|()| clock))
    }

    /// Advances an app's clock as [`ClockChange::Advance`] does, by as much as ends at most `most` codes and keys; how much
    /// is left. Where more than that end at one moment, they end while the clock is a millisecond short of it.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn advance_some(
        &mut self,
        now: UnixMs,
        app: &AppId,
        by: Span,
        most: usize,
    ) -> Pulled<(ClockView, Option<Span>)> {
        self.record(now, || Command::AdvanceSome(app.clone(), by, most));
        let (no, found) = self.find_app(app)?;
        let at = found.clock.read(self.wall.max(now));
        let until = at.plus(by);
        if found.deadlines.count(until, most) <= most {
            let effect = self.change_clock(now, app, ClockChange::Advance(by))?;
            return Ok(effect.map(|clock| (clock, None)));
        }
        self.begin(now);
        let ended = self.on_app(no, |turn| turn.settle_some(until, most));
        let before = |last: UnixMs| last.minus(Span::ms(1)).since(at);
        let moved = ended.reply.map_or(Span::ZERO, before);
        let left = Some(Span::ms(by.0 - moved.0));
        if moved.is_zero() {
            let clock = self.clock_view(now, app)?;
            return Ok(ended.map(|_| (clock, left)));
        }
        let effect = self.change_clock(now, app, ClockChange::Advance(moved))?;
        Ok(effect.map(|clock| (clock, left)))
    }

    /// Expires every key a user has in force (one, unless phones have keys of their own); shows the newest of them.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`], [`ControlError::NoLiveKey`].
    pub fn expire_key(&mut self, now: UnixMs, app: &AppId, user: &UserId) -> Pulled<KeyView> {
        self.record(now, || Command::ExpireKey(app.clone(), user.clone()));
        self.on_key(now, app, user, "key expired by hand", |turn, no, _| {
            let newest = turn.user(no).ring.newest();
            let (at, alive) = (
                turn.at,
                turn.user(no)
                    .ring
                    .deadlines()
                    .map(|(key, _)| key)
                    .collect::<Vec<_>>(),
            );
            for key in &alive {
                turn.key_step(no, |ring, changes| ring.expire(at, *key, changes));
            }
            alive.last().copied().or(newest)
        })
    }

    /// Gives a user a new key in the place of the newest, as an unseen login elsewhere would. No code belongs to it.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`], [`ControlError::NoLiveKey`].
    pub fn rotate_key(&mut self, now: UnixMs, app: &AppId, user: &UserId) -> Pulled<KeyView> {
        self.record(now, || Command::RotateKey(app.clone(), user.clone()));
        self.on_key(now, app, user, "key rotated by hand", |turn, no, device| {
            Some(turn.issue_key(no, device, KeyCause::Rotate, true, None))
        })
    }

    /// Gives a user a new key that inherits the expiry of the newest, as resetusersessionkey does.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`], [`ControlError::NoSuchUser`], [`ControlError::NoLiveKey`].
    pub fn reset_key(&mut self, now: UnixMs, app: &AppId, user: &UserId) -> Pulled<KeyView> {
        self.record(now, || Command::ResetKey(app.clone(), user.clone()));
        self.on_key(now, app, user, "key reset by hand", |turn, no, device| {
            let scope = turn.policy_of(no).session_key.scope;
            let current = turn.user(no).ring.current(Slot { scope, device });
            Some(turn.issue_key(no, device, KeyCause::Reset, true, current))
        })
    }

    /// Kills every access_token of an app, of every kind: 40001 from then on. Says how many were alive.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn kill_access_token(&mut self, now: UnixMs, app: &AppId) -> Pulled<usize> {
        self.record(now, || Command::KillAccessToken(app.clone()));
        let (no, _) = self.find_app(app)?;
        self.begin(now);
        Ok(self.changed(no, None, "access tokens killed", |turn, _| {
            TokenKind::ALL
                .map(|kind| {
                    turn.token_step(kind, |app, changes| tokens_mut(app, kind).kill(changes))
                })
                .iter()
                .sum()
        }))
    }

    /// Lets the time of every access_token of an app, of every kind, be over: 42001 from then on. Says how many were alive.
    ///
    /// # Errors
    /// [`ControlError::NoSuchApp`].
    pub fn expire_access_token(&mut self, now: UnixMs, app: &AppId) -> Pulled<usize> {
        self.record(now, || Command::ExpireAccessToken(app.clone()));
        let (no, _) = self.find_app(app)?;
        self.begin(now);
        Ok(self.changed(no, None, "access tokens expired", |turn, _| {
            let at = turn.at;
            TokenKind::ALL
                .map(|kind| {
                    turn.token_step(kind, |app, changes| {
                        tokens_mut(app, kind).expire(at, changes)
                    })
                })
                .iter()
                .sum()
        }))
    }

    /// The request id of one answer: eight hex digits of the time in seconds, then two groups from the seed.
    pub fn rid(&mut self, app: Option<&AppId>, at: UnixMs) -> String {
        self.record(self.wall, || Command::Rid(app.cloned(), at));
        let seed = self.core.seed;
        let no = app.and_then(|app| self.core.by_id.get(app).copied());
        let counter = match no.and_then(|no| self.core.apps.get_mut(no.index())?.as_deref_mut()) {
            Some(app) => &mut app.n_rids,
            None => &mut self.core.n_rids,
        };
        *counter += 1;
        let known = no.and(app);
        // The wire has room for 32 bits of seconds, as 8 hex digits.
        format!(
            "{:08x}-{}",
            at.seconds() as u32,
            values::rid_tail(seed, known, *counter)
        )
    }

    /// Does something to an app by hand, and notes it.
    pub(super) fn changed<T>(
        &mut self,
        no: AppNo,
        user: Option<UserNo>,
        what: &str,
        act: impl FnOnce(&mut Turn<'_>, UnixMs) -> T,
    ) -> Effect<T> {
        let wall = self.wall;
        self.on_app(no, |turn| {
            turn.note(
                user,
                EventKind::Changed {
                    what: what.to_owned(),
                },
            );
            act(turn, wall)
        })
    }

    /// Does something to the keys of a user who has one; the phone is that of the newest live key.
    fn on_key(
        &mut self,
        now: UnixMs,
        app: &AppId,
        user: &UserId,
        what: &'static str,
        act: impl FnOnce(&mut Turn<'_>, UserNo, u32) -> Option<crate::KeyNo>,
    ) -> Pulled<KeyView> {
        let (no, _, user_no) = self.find_user(app, user)?;
        self.begin(now);
        let effect = self.on_app(no, |turn| {
            let ring = &turn.user(user_no).ring;
            let newest = ring.deadlines().map(|(key, _)| key).last()?;
            let device = ring.get(newest)?.device;
            turn.note(
                Some(user_no),
                EventKind::Changed {
                    what: what.to_owned(),
                },
            );
            let key = act(turn, user_no, device)?;
            turn.user(user_no).key_view(key, &turn.policy_of(user_no))
        });
        let Effect { seq, at, reply } = effect;
        reply
            .map(|reply| Effect { seq, at, reply })
            .ok_or_else(|| ControlError::NoLiveKey { user: user.clone() })
    }

    /// The first appid of the seed that is free.
    fn next_appid(&self, prefix: &str) -> AppId {
        let mut ids = (0..).map(|n| values::appid(self.core.seed, prefix, n));
        ids.find(|id| !self.core.by_id.contains_key(id))
            .expect("there are more appids than apps")
    }
}

impl Turn<'_> {
    fn user_view(&self, no: UserNo) -> UserView {
        self.user(no)
            .view(self.seed, self.app.open_platform, &self.policy_of(no))
    }

    fn delete_user(&mut self, no: UserNo) {
        let Some(user) = self.app.remove_user(no) else {
            return;
        };
        for (key, due) in user.ring.deadlines() {
            self.app.deadlines.keys.remove(&(due, no, key));
        }
        let departed = DepartedUser::new(self.no, self.app.id.clone(), no, *user);
        self.departed.push_back(Departed::User(Box::new(departed)));
        (self.login_codes.may_repeat, self.phone_codes.may_repeat) = (true, true);
    }

    /// Makes a user's keys and fresh codes older.
    fn age_user(&mut self, no: UserNo, by: Span) {
        for (key, due) in self.user(no).ring.deadlines().collect::<Vec<_>>() {
            self.app.deadlines.keys.remove(&(due, no, key));
        }
        self.user_mut(no).ring.age(by);
        for (key, due) in self.user(no).ring.deadlines().collect::<Vec<_>>() {
            self.app.deadlines.keys.insert((due, no, key));
        }
        for at in 0..self.user(no).handsets.len() {
            self.age_codes_of(no, at, by);
        }
        if let Some(installed) = &mut self.user_mut(no).installed {
            installed.user_keys.age(by);
        }
        self.age_phone_codes(no, by);
    }

    fn age_codes_of(&mut self, no: UserNo, handset_at: usize, by: Span) {
        let user = self.user(no);
        let (handset, name) = (user.handsets[handset_at].clone(), user.name.clone());
        let mut first_fresh = None;
        for number in handset.n_codes_over + 1..=handset.n_codes {
            let texts = values::js_codes(self.seed, &self.app.id, &name, &handset.device, number);
            let Some(code) = texts.iter().find_map(|text| self.login_codes.find(text)) else {
                continue;
            };
            if self
                .login_codes
                .age(code, by, &mut self.app.deadlines.codes)
            {
                first_fresh = first_fresh.or(Some(number));
            }
        }
        let over = first_fresh.map_or(handset.n_codes, |number| number - 1);
        self.user_mut(no).handsets[handset_at].n_codes_over = over;
    }

    fn age_phone_codes(&mut self, no: UserNo, by: Span) {
        let user = self.user(no);
        let (name, over, all) = (
            user.name.clone(),
            user.n_phone_codes_over,
            user.n_phone_codes,
        );
        let mut first_fresh = None;
        for number in over + 1..=all {
            let text = values::phone_code(self.seed, &self.app.id, &name, number);
            let Some(code) = self.phone_codes.find(&text) else {
                continue;
            };
            if self
                .phone_codes
                .age(code, by, &mut self.app.deadlines.phone_codes)
            {
                first_fresh = first_fresh.or(Some(number));
            }
        }
        self.user_mut(no).n_phone_codes_over = first_fresh.map_or(all, |number| number - 1);
    }
}
