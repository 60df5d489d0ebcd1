//! Carries out one verb of a scenario: what a phone, the world or the harness itself does.
//!
//! It starts things and writes them down; waiting for the backend is the stage's business.

use sha2::{Digest, Sha256};

use super::asks::Carries;
use super::obligations::mint_text;
use super::payload_store::{Code, HeldPayload, PhoneCode};
use super::record::Mark;
use super::settle::Need;
use super::stage::{Stage, Stop};
use crate::device::DeviceError;
use wxmock_model::history::{PayloadRecord, PhoneNumber, StepKind, Tick};
use wxmock_model::order::EventName;
use wxmock_model::program::{CaptureApi, Nick, Seal, SealKey, Step, Using, Verb};

impl Stage<'_> {
    /// Starts a step. `event` is its name in the race; a `login` in a race is two events, told apart by their kind.
    pub(crate) async fn perform(
        &mut self,
        step: &Step,
        event: Option<EventName>,
    ) -> Result<(), Stop> {
        match &step.verb {
            Verb::Mint { code } => self.mint(step, event, code),
            Verb::Login { code, .. } => {
                let kind = event.map(|event| event.kind);
                if kind != Some(StepKind::Submit) {
                    self.mint(step, event, code)?;
                }
                if kind == Some(StepKind::Mint) {
                    return Ok(());
                }
                self.request(step, event).await
            }
            Verb::Alter { code, suffix } => self.alter(step, code, suffix),
            Verb::Claim { user } => self.claim(step, user),
            // These people were made so; here it is told.
            Verb::Resemble { .. } => {
                self.mark(StepKind::Note, None, step.text.clone(), phone_of(step)?);
                Ok(())
            }
            Verb::Swap { code, phone_code } => self.swap(step, code, phone_code),
            Verb::Forge { token, forged, how } => self.forge(step, token, forged, how),
            Verb::Submit { .. }
            | Verb::SubmitProfile { .. }
            | Verb::Send { .. }
            | Verb::SendCode { .. }
            | Verb::Whoami { .. }
            | Verb::Logout { .. }
            | Verb::Refresh { .. } => self.request(step, event).await,
            Verb::Store { token } => self.store(step, event, token).await,
            Verb::Check => self.check(step, event),
            Verb::Capture { api, payload, seal } => self.capture(step, event, *api, payload, seal),
            Verb::PhoneCode {
                phone_code,
                country,
            } => self.phone_code(step, event, phone_code, country.as_deref()),
            Verb::WaitIdle => self.settle(Need::Certainty).await.map(|_| ()),
            Verb::Strangers { count } => self.strangers(*count).await,
            Verb::Recover { user } => self.recover(step, user).await,
            Verb::Probe { user } => self.probe(step, user).await,
            Verb::Advance { .. }
            | Verb::ExpireKey { .. }
            | Verb::ResetKey { .. }
            | Verb::RotateKey { .. }
            | Verb::Fault { .. }
            | Verb::Lift { .. }
            | Verb::Hold { .. }
            | Verb::Release { .. }
            | Verb::AccessToken { .. }
            | Verb::Shape { .. } => self.change_world(step, event),
        }
    }

    /// Sends what a step says, once the phone has the token for it.
    async fn request(&mut self, step: &Step, event: Option<EventName>) -> Result<(), Stop> {
        let phone = phone_of(step)?;
        let op = step
            .op
            .ok_or_else(|| Stop::Broken(format!("step `{}` names no operation", step.text)))?;
        let carries = Carries::of(&step.verb);
        if matches!(carries.using, Some(Using::Named(name)) if self.payload_store.unmade.contains(name))
        {
            return Ok(());
        }
        self.await_token(phone, event, carries.using).await?;
        self.ask(phone, op, &step.label, event, carries);
        Ok(())
    }

    pub(crate) fn mint(
        &mut self,
        step: &Step,
        event: Option<EventName>,
        code: &str,
    ) -> Result<(), Stop> {
        let phone = phone_of(step)?;
        let user = self.holder(phone);
        let device = &self.phones[phone];
        let login = match self.key_texts.get(&user) {
            Some(text) => device.login_with(*text),
            None => device.login(),
        };
        match login {
            Ok(login) => {
                self.keep_code(code, login.code.as_ref(), &user);
                self.read_keys(&user);
                let text = mint_text(code);
                self.mark(
                    StepKind::Mint,
                    event.filter(|e| e.kind == StepKind::Mint),
                    text,
                    phone,
                );
            }
            Err(error) => self.could_not(phone, step, &error.to_string()),
        }
        Ok(())
    }

    /// Puts more behind a code the phone holds.
    fn alter(&mut self, step: &Step, code: &str, suffix: &str) -> Result<(), Stop> {
        let phone = phone_of(step)?;
        match self.payload_store.codes.get_mut(code) {
            Some(held) => {
                held.js_code.push_str(suffix);
                self.mark(StepKind::Note, None, step.text.clone(), phone);
            }
            None => self.could_not(phone, step, &format!("it never got code {code}")),
        }
        Ok(())
    }

    /// From here on the phone says it is another person's; its own person's name takes that back.
    fn claim(&mut self, step: &Step, user: &str) -> Result<(), Stop> {
        let phone = phone_of(step)?;
        if self.holder(phone) == user {
            self.claims.remove(&phone);
        } else {
            self.claims.insert(phone, user.to_owned());
        }
        let text = format!("{} says it is {user}'s", self.phone_name(phone));
        self.mark(StepKind::Note, None, text, phone);
        Ok(())
    }

    /// Writes a token into the phone's storage, once the login that brings it is answered.
    async fn store(
        &mut self,
        step: &Step,
        event: Option<EventName>,
        token: &str,
    ) -> Result<(), Stop> {
        let phone = phone_of(step)?;
        let named = Using::Named(token.to_owned());
        self.await_token(phone, event, Some(&named)).await?;
        let user = self.holder(phone);
        if let Err(why) = self.payload_store.token(&named, phone, &user) {
            self.could_not(phone, step, &why);
            return Ok(());
        }
        let text = format!("{} stores {token}", self.phone_name(phone));
        let tick = self.mark(StepKind::Apply, event, text, phone);
        self.payload_store.store(token, tick);
        Ok(())
    }

    fn check(&mut self, step: &Step, event: Option<EventName>) -> Result<(), Stop> {
        let phone = phone_of(step)?;
        let word = if self.phones[phone].check() {
            "the session is alive"
        } else {
            "the session is over"
        };
        let kind = event.map_or(StepKind::Note, |event| event.kind);
        self.mark(kind, event, format!("wx.checkSession: {word}"), phone);
        Ok(())
    }

    fn swap(&mut self, step: &Step, code: &str, phone_code: &str) -> Result<(), Stop> {
        let phone = phone_of(step)?;
        let store = &mut self.payload_store;
        let held = store
            .codes
            .get_mut(code)
            .zip(store.phone_codes.get_mut(phone_code));
        match held {
            Some((login, button)) => {
                std::mem::swap(&mut login.js_code, &mut button.code);
                self.witnessed.insert("codes-swapped");
                self.mark(StepKind::Note, None, step.text.clone(), phone);
            }
            None => self.could_not(phone, step, "one of the codes was never made"),
        }
        Ok(())
    }

    fn phone_code(
        &mut self,
        step: &Step,
        event: Option<EventName>,
        name: &str,
        country: Option<&str>,
    ) -> Result<(), Stop> {
        let phone = phone_of(step)?;
        let number = country.map(|_| abroad(&self.new_mark(CaptureApi::Phone, Nick::Plain)));
        let button = &self.phones[phone];
        let moved = match (country, number) {
            (Some(country), Some(number)) => button.have_number(country, &number),
            _ => Ok(()),
        };
        let made = moved
            .and_then(|()| button.phone_code())
            .and_then(|code| Ok((code, button.number()?)));
        match made {
            Ok((code, number)) => {
                let number = PhoneNumber {
                    user: self.holder(phone),
                    pure: number,
                    code: name.to_owned(),
                };
                let made = PhoneCode {
                    code,
                    number: Some(number),
                };
                self.payload_store.phone_codes.insert(name.to_owned(), made);
                self.mark(StepKind::Capture, event, step.text.clone(), phone);
            }
            Err(error) => self.could_not(phone, step, &error.to_string()),
        }
        Ok(())
    }

    pub(crate) fn capture(
        &mut self,
        step: &Step,
        event: Option<EventName>,
        api: CaptureApi,
        name: &str,
        seal: &Seal,
    ) -> Result<(), Stop> {
        let phone = phone_of(step)?;
        match self.seal(phone, api, name, seal, event, &step.text) {
            Ok(()) => {}
            Err(error @ DeviceError::Mock(_)) => {
                return Err(Stop::Broken(format!("{}: {error}", step.text)));
            }
            Err(error) => self.could_not(phone, step, &error.to_string()),
        }
        Ok(())
    }

    /// Whose key a payload of `user` is sealed under, if it is another person's.
    fn other_owner(&self, key: &SealKey, user: &str) -> Option<String> {
        let SealKey::Foreign(key) = key else {
            return None;
        };
        let mut others = self.keys_of_others(user).into_iter();
        others.find(|(_, theirs)| theirs == key).map(|(of, _)| of)
    }

    /// Captures a payload with a mark nobody else's has, and keeps it under `name`.
    pub(crate) fn seal(
        &mut self,
        phone: usize,
        api: CaptureApi,
        name: &str,
        seal: &Seal,
        event: Option<EventName>,
        text: &str,
    ) -> Result<(), DeviceError> {
        let mut mark = self.new_mark(api, seal.nick);
        if let (Some(country), CaptureApi::Phone) = (&seal.country, api) {
            mark = abroad(&mark);
            self.phones[phone].have_number(country, &mark)?;
        }
        let foreign = seal
            .openid_of
            .as_deref()
            .and_then(|name| self.test_users.person(name))
            .map(|p| p.openid.clone());
        let mut payload = self.phones[phone].capture(api, seal, &mark, foreign.as_deref())?;
        if let Some(other) = &seal.iv_of {
            let iv = self.payload_store.last_iv(other, self.record.history());
            payload = payload.sealed_with(&iv.ok_or_else(|| {
                DeviceError::Refused(format!("{other} has captured nothing by now"))
            })?)?;
        }
        let user = self.holder(phone);
        self.read_keys(&user);
        let key_of = self.other_owner(&seal.key, &user);
        let key = match (payload.key_no, &key_of) {
            (Some(no), _) => format!("k{no}"),
            (None, Some(other)) => format!("the key of {other}"),
            (None, None) => "a key never issued".to_owned(),
        };
        let record = self.record.payload(PayloadRecord {
            name: name.to_owned(),
            user: user.clone(),
            key_no: payload.key_no,
            key_of,
            was_current: payload.was_current,
            api: api_word(api).to_owned(),
            mark,
            forgery: payload.forgery,
            plus_on_purpose: seal.plus_slash,
            has_plus: payload.has_plus(),
            captured: self.record.next_tick(),
        });
        let mark = Mark {
            name: event.map(|e| e.to_string()).unwrap_or_default(),
            text: format!("{text}: sealed under {key}"),
            phone: Some(self.phone_name(phone)),
            user: Some(user),
            payload: Some(record),
            ..Mark::default()
        };
        self.record.step(StepKind::Capture, mark);
        let twin = seal.padding_twin;
        self.payload_store.payloads.insert(
            name.to_owned(),
            HeldPayload {
                payload,
                record,
                twin,
            },
        );
        Ok(())
    }

    pub(crate) fn could_not(&mut self, phone: usize, step: &Step, why: &str) {
        self.record.note(format!(
            "{} could not `{}`: {why}",
            self.phone_name(phone),
            step.text
        ));
    }

    /// Keeps a code under `name`.
    pub(crate) fn keep_code(&mut self, name: &str, js_code: &str, user: &str) {
        let code = Code {
            js_code: js_code.to_owned(),
            user: user.to_owned(),
        };
        self.payload_store.codes.insert(name.to_owned(), code);
    }

    pub(crate) fn mark(
        &mut self,
        kind: StepKind,
        event: Option<EventName>,
        text: String,
        phone: usize,
    ) -> Tick {
        let mark = Mark {
            name: event.map(|e| e.to_string()).unwrap_or_default(),
            text,
            phone: Some(self.phone_name(phone)),
            user: Some(self.holder(phone)),
            ..Mark::default()
        };
        self.record.step(kind, mark)
    }

    /// A nickname or phone number no other payload of the run carries.
    fn new_mark(&mut self, api: CaptureApi, nick: Nick) -> String {
        self.marks += 1;
        if api == CaptureApi::Phone {
            let digest = Sha256::digest(format!("{} {}", self.test_users.prefix(), self.marks));
            let number = digest
                .iter()
                .take(7)
                .fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
            return format!("1{:010}", number % 10_000_000_000);
        }
        nickname(nick, self.test_users.prefix(), self.marks)
    }

    pub(crate) fn phone_name(&self, phone: usize) -> String {
        self.record.history().phones[phone].name.clone()
    }

    /// Scenario name of the person who holds a phone.
    pub(crate) fn holder(&self, phone: usize) -> String {
        self.record.history().phones[phone].user.clone()
    }
}

/// A number of eleven digits as one of a country whose numbers begin with 0, such as Italy's of fixed lines.
fn abroad(number: &str) -> String {
    format!("06{}", number.get(3..).unwrap_or_default())
}

/// A nickname made of what `nick` says, which belongs to the `n`th payload of the order called `prefix`.
fn nickname(nick: Nick, prefix: &str, n: u32) -> String {
    let digest = Sha256::digest(format!("nickname {prefix} {n}"));
    let drawn = |from: &[char], count: usize| -> String {
        let drawn = digest.iter().take(count);
        drawn
            .map(|byte| from[usize::from(*byte) % from.len()])
            .collect()
    };
    match nick {
        Nick::Plain => format!("nick-{prefix}-{n}"),
        // The letters tell payloads apart also where the store has lost the rest.
        Nick::Emoji => format!(
            "{}{}\u{1f469}\u{200d}\u{1f680}",
            drawn(&LETTERS, 10),
            drawn(&EMOJI, 4)
        ),
        Nick::Chinese => drawn(&CHINESE, 10),
        Nick::Twelve => drawn(&LETTERS, 12),
        Nick::Anonymous => "微信用户".to_owned(),
    }
}

/// What names are drawn from: sixteen of each kind, so that ten of them tell 10^12 payloads apart.
const EMOJI: [char; 16] = [
    '\u{1f600}',
    '\u{1f60e}',
    '\u{1f680}',
    '\u{1f408}',
    '\u{1f436}',
    '\u{1f33b}',
    '\u{1f355}',
    '\u{1f3c0}',
    '\u{1f3b8}',
    '\u{1f697}',
    '\u{1f4a1}',
    '\u{1f319}',
    '\u{1f525}',
    '\u{1f340}',
    '\u{1f427}',
    '\u{1f98a}',
];
const CHINESE: [char; 16] = [
    '春', '江', '花', '月', '夜', '山', '水', '云', '风', '雨', '雪', '松', '竹', '梅', '兰', '菊',
];
const LETTERS: [char; 16] = [
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', '0', '1', '2', '3', '4', '5', '6', '7',
];

/// The phone a step is about.
pub(crate) fn phone_of(step: &Step) -> Result<usize, Stop> {
    step.phone
        .ok_or_else(|| Stop::Broken(format!("step `{}` names no phone", step.text)))
}

const fn api_word(api: CaptureApi) -> &'static str {
    match api {
        CaptureApi::UserInfo => "userinfo",
        CaptureApi::Profile => "profile",
        CaptureApi::Phone => "phone",
        CaptureApi::WeRun => "werun",
    }
}
