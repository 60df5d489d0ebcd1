//! What a phone does: `wx.login`, `wx.checkSession`, and in the other files the calls that hand out open data, that ask for
//! permission, that verify what a backend signed, and what the person or WeChat does without the page.

mod capture;
mod permission;
mod signed;
mod unasked;

pub use signed::{VirtualPayment, VoipChat};

use std::borrow::Cow;

use super::{
    PageResult, World,
    turn::{Occasion, Turn},
};
use crate::{
    Command, DeviceFail, Effect, Event, EventKind, KeyNo, KeyScope, Login, LoginDemand, RenewOn,
    Rotate, UnixMs, Who,
    app::App,
    device::{no_live_login, no_such},
    ids::Tail,
    index::{AppNo, UserNo},
    js_code::{Code, LoginPart},
    session_key::{KeyCause, Slot},
    values,
};

impl World {
    /// `wx.login`: mints a code, and a new key if the policy says so or none is alive.
    ///
    /// A person or app this world does not have is a failed callback with errno 101 and a text that names what is missing.
    pub fn login(&mut self, now: UnixMs, who: &Who) -> PageResult<Login> {
        self.login_as(now, who, LoginDemand::default())
    }

    /// The same, with a code and a key that are to be hard on transports.
    pub fn login_as(&mut self, now: UnixMs, who: &Who, demand: LoginDemand) -> PageResult<Login> {
        self.record(now, || Command::LoginAs(who.clone(), demand));
        self.on_phone(now, who, "login", |turn, no| {
            match turn.user(no).switches().login.refusal() {
                Some(fail) => Err(fail),
                None => Ok(turn.obtain_code(no, who, demand)),
            }
        })
    }

    /// A `wx.*` call that failed on the phone before WeChat was asked, such as one with a parameter of the wrong type.
    pub fn fail_on_phone(
        &mut self,
        now: UnixMs,
        who: &Who,
        api: &'static str,
        fail: DeviceFail,
    ) -> PageResult<()> {
        self.record(now, || {
            Command::FailOnPhone(who.clone(), Cow::Borrowed(api), fail.clone())
        });
        self.on_phone(now, who, api, |_, _| Err(fail))
    }

    /// `wx.checkSession`: whether the key of the last operation that obtained a code is alive. Says nothing about what a
    /// backend holds.
    pub fn check_session(&mut self, now: UnixMs, who: &Who) -> PageResult<()> {
        self.record(now, || Command::CheckSession(who.clone()));
        self.on_phone(now, who, "checkSession", |turn, no| {
            turn.check_session(no, who)
        })
    }

    pub(super) fn on_phone<T>(
        &mut self,
        now: UnixMs,
        who: &Who,
        api: &'static str,
        act: impl FnOnce(&mut Turn<'_>, UserNo) -> Result<T, DeviceFail>,
    ) -> PageResult<T> {
        let at = self.begin(now);
        match self.find_person(who) {
            Ok((app, no)) => self.on_app(app, |turn| {
                let heard = act(turn, no);
                if let Err(fail) = &heard {
                    let kind = EventKind::DeviceFailed {
                        device: who.device.clone(),
                        err_msg: fail.err_msg.clone(),
                    };
                    turn.note(Some(no), kind);
                }
                heard
            }),
            Err(error) => {
                let fail = no_such(api, &error.to_string());
                let kind = EventKind::DeviceFailed {
                    device: who.device.clone(),
                    err_msg: fail.err_msg.clone(),
                };
                self.events.push(Event {
                    seq: self.seq,
                    at,
                    app: None,
                    user: None,
                    kind,
                });
                Effect {
                    seq: self.seq,
                    at,
                    reply: Err(fail),
                }
            }
        }
    }

    fn find_person(&self, who: &Who) -> Result<(AppNo, UserNo), crate::ControlError> {
        let (app, _, user) = self.find_user(&who.app, &who.user)?;
        Ok((app, user))
    }
}

impl Turn<'_> {
    /// What `wx.login` and a prefetch with a code have in common: a new code, and a new key if the policy says so, none is
    /// alive, or one is demanded.
    fn obtain_code(&mut self, no: UserNo, who: &Who, demand: LoginDemand) -> Login {
        let App {
            users,
            device_names,
            ..
        } = &mut *self.app;
        let device = users
            .get_mut(no)
            .expect("looked up in this turn")
            .handset(&who.device, device_names);
        let handset = &mut self.user_mut(no).handsets[device as usize];
        handset.n_codes += 1;
        let number = handset.n_codes;
        let occasion = Occasion {
            event: Rotate::Login,
            device,
            number,
            repeat: 0,
        };
        let (key, new) = self.key_of_login(no, who, occasion, demand);
        if !new {
            self.renew_key(no, key, RenewOn::Login);
        }
        let user = self.user_mut(no);
        user.last_login = Some(key);
        user.handsets[device as usize].last_login = Some(key);

        let (at, policy) = (self.at, self.policy_of(no));
        let mut text = values::js_code(self.seed, &self.app.id, &who.user, &who.device, number);
        if demand.code_to_encode {
            text = values::js_code_to_encode(&text);
        }
        let part = LoginPart {
            device,
            number,
            key,
            n_exchanges: 0,
        };
        let code = Code::new(self.no, no, at, policy.code.ttl, part);
        self.login_codes
            .mint(text, code, &mut self.app.deadlines.codes);
        let kind = EventKind::CodeMinted {
            device: who.device.clone(),
            code: Tail::of(text.as_str()),
            key,
        };
        self.note(Some(no), kind);

        let current = self.user(no).ring.current(Slot {
            scope: policy.session_key.scope,
            device,
        });
        Login {
            code: text,
            key_no: current.unwrap_or(key),
            bound_key_no: key,
        }
    }

    /// The key a new code is bound to, and whether it is new.
    fn key_of_login(
        &mut self,
        no: UserNo,
        who: &Who,
        occasion: Occasion,
        demand: LoginDemand,
    ) -> (KeyNo, bool) {
        if !demand.key_to_encode {
            return self.rotate_or_keep(no, occasion);
        }
        let next = self.user(no).ring.next_no();
        let key =
            values::session_key_with_plus_and_slash(self.seed, &self.app.id, &who.user, next.0);
        let no = self.add_key(no, occasion.device, KeyCause::Login, true, None, key);
        (no, true)
    }

    fn check_session(&mut self, no: UserNo, who: &Who) -> Result<(), DeviceFail> {
        let user = self.user(no);
        let last_login = match self.policy_of(no).session_key.scope {
            KeyScope::User => user.last_login,
            KeyScope::Device => user
                .handsets
                .iter()
                .find(|handset| handset.device == who.device)
                .and_then(|handset| handset.last_login),
        };
        let alive = last_login.filter(|key| user.ring.is_alive(*key));
        let kind = EventKind::SessionChecked {
            device: who.device.clone(),
            alive: alive.is_some(),
        };
        self.note(Some(no), kind);
        let key = alive.ok_or_else(|| no_live_login("checkSession"))?;
        self.renew_key(no, key, RenewOn::Activity);
        Ok(())
    }
}
