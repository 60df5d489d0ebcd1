//! Puts together what a phone sends to the backend, from what it holds.

use wxmock_world::{CodeState, Handover};

use super::payload_store::{PhoneCode, Token};
use super::record::Mark;
use super::settle::Need;
use super::stage::{Sending, Stage, Stop};
use crate::device::{Payload, false_signature, user_view};
use crate::fit::DataForm;
use wxmock_adapter::{Extra, OpVars};
use wxmock_model::history::{Alteration, Answer, Operation, PhoneNumber, Purpose, StepKind};
use wxmock_model::order::EventName;
use wxmock_model::program;
use wxmock_model::program::{CaptureApi, Seal, Transport, Using, Verb};

/// What a phone's request to the backend carries, by scenario names.
#[derive(Default)]
pub(crate) struct Carries<'v> {
    pub(crate) code: Option<&'v str>,
    pub(crate) payload: Option<&'v str>,
    pub(crate) phone_code: Option<&'v str>,
    pub(crate) using: Option<&'v Using>,
    /// Name for the token of the answer; set for logins and refreshes.
    pub(crate) keep_as: Option<&'v str>,
    pub(crate) extra: Option<&'v program::Extra>,
    pub(crate) transport: Transport,
    pub(crate) purpose: Purpose,
}

impl<'v> Carries<'v> {
    /// How the request differs from what an honest phone sends.
    fn alterations(&self) -> Vec<Alteration> {
        let plus = self.transport == Transport::RawPlus;
        let foreign = matches!(self.extra, Some(program::Extra::IdentityOf(_)));
        [
            plus.then_some(Alteration::PlusAsSpace),
            (self.transport == Transport::Escaped).then_some(Alteration::EscapedAgain),
            self.transport
                .spoils()
                .then_some(Alteration::SpoiledPayload),
            (self.transport == Transport::FalseSignature).then_some(Alteration::FalseSignature),
            self.extra.is_some().then_some(Alteration::AddedFields),
            foreign.then_some(Alteration::ForeignIdentity),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What the request of a verb carries; nothing for verbs that send none.
    pub(crate) fn of(verb: &'v Verb) -> Self {
        let nothing = Self::default();
        match verb {
            Verb::Login { code, token } | Verb::Submit { code, token } => Self {
                code: Some(code),
                keep_as: Some(token),
                ..nothing
            },
            Verb::SubmitProfile {
                code,
                payload,
                token,
            } => Self {
                code: Some(code),
                payload: Some(payload),
                keep_as: Some(token),
                ..nothing
            },
            Verb::Send {
                payload,
                using,
                extra,
                transport,
            } => Self {
                payload: Some(payload),
                using: Some(using),
                extra: extra.as_ref(),
                transport: *transport,
                ..nothing
            },
            Verb::SendCode { phone_code, using } => Self {
                phone_code: Some(phone_code),
                using: Some(using),
                ..nothing
            },
            Verb::Whoami { using } | Verb::Logout { using } => Self {
                using: Some(using),
                ..nothing
            },
            Verb::Refresh { using, token } => Self {
                using: Some(using),
                keep_as: Some(token),
                ..nothing
            },
            _ => nothing,
        }
    }
}

/// The things themselves, as far as the phone holds them.
#[derive(Default)]
struct Held {
    vars: OpVars,
    token: Option<Token>,
    js_code: Option<String>,
    phone_code: Option<String>,
    /// What WeChat gives for it.
    number: Option<PhoneNumber>,
    /// Index of the payload's record.
    payload: Option<usize>,
    /// The key that sealed it, base64.
    sealing_key: Option<String>,
}

impl Stage<'_> {
    /// A phone does not use a token before the login that brings it is answered.
    pub(crate) async fn await_token(
        &mut self,
        phone: usize,
        event: Option<EventName>,
        using: Option<&Using>,
    ) -> Result<(), Stop> {
        let Some(using) = using else { return Ok(()) };
        let user = self.holder(phone);
        let missing = self.payload_store.token(using, phone, &user).is_err();
        let own_login_open = self
            .open()
            .any(|(_, r)| r.phone == phone && r.keep_as.is_some());
        if event.is_some() && missing && own_login_open {
            self.settle(Need::Certainty).await?;
        }
        Ok(())
    }

    /// Sends a request, unless the phone lacks the token, code or payload for it (noted).
    pub(crate) fn ask(
        &mut self,
        phone: usize,
        op: &str,
        label: &str,
        event: Option<EventName>,
        carries: Carries<'_>,
    ) {
        let claim = self.claims.get(&phone).cloned();
        let claim = claim.map(program::Extra::IdentityOf);
        let carries = Carries {
            extra: carries.extra.or(claim.as_ref()),
            ..carries
        };
        let held = match self.gather(phone, op, &carries) {
            Ok(held) => held,
            Err(why) => {
                let name = self.phone_name(phone);
                self.record.note(format!("{name} cannot `{label}`: {why}"));
                return;
            }
        };
        self.witness(phone, &held, &carries);
        let extra = self.extra(carries.extra, held.sealing_key.as_deref());
        if let (Some(code), true) = (&held.js_code, event.is_some() && !self.free) {
            self.test_users.hold(code, self.run_context.hold_limit);
        }
        let token = held.token.as_ref();
        let operation = Operation {
            label: label.to_owned(),
            op: op.to_owned(),
            phone: self.phone_name(phone),
            user: self.holder(phone),
            // Nobody's session is behind a token that nobody issued.
            token_of: token.filter(|t| !t.forged).map(|t| t.user.clone()),
            token_name: token.map(|t| t.name.clone()),
            code: carries.code.map(str::to_owned),
            payload: held.payload,
            signed: held.payload.is_some()
                && DataForm::sent_by(self.run_context.adapter, op) == Some(DataForm::Signed),
            number: held.number,
            called: self.record.next_tick(),
            returned: None,
            took_ms: None,
            answer: Answer::default(),
            phase: self.record.phase(),
            purpose: carries.purpose,
            alterations: self.alterations(&carries, token),
            tried_again: false,
            exchange: None,
        };
        let mark = Mark {
            name: event.map(|e| e.to_string()).unwrap_or_default(),
            text: token.map_or_else(|| label.to_owned(), |t| format!("{label} with {}", t.name)),
            phone: Some(operation.phone.clone()),
            user: Some(operation.user.clone()),
            operation: Some(self.requests.len()),
            payload: held.payload,
            ..Mark::default()
        };
        let is_login = carries.code.is_some() && carries.keep_as.is_some();
        let kind = if is_login {
            StepKind::Submit
        } else {
            StepKind::Send
        };
        self.record.step(kind, mark);
        self.send(Sending {
            operation,
            phone,
            js_code: held.js_code,
            phone_code: held.phone_code,
            keep_as: carries.keep_as.map(str::to_owned),
            event,
            vars: held.vars,
            extra,
        });
    }

    /// Looks up everything a request carries.
    ///
    /// # Errors
    /// In words, what the phone does not have.
    fn gather(&mut self, phone: usize, op: &str, carries: &Carries<'_>) -> Result<Held, String> {
        let lacks = |what: &str, name: &str| format!("it never got {what} {name}");
        let mut held = Held::default();
        let vars = &mut held.vars;
        let who = self.phones[phone].who();
        vars.device
            .insert("id".into(), format!("{}-{}", who.user, who.device));
        if let Some(using) = carries.using {
            let user = self.holder(phone);
            held.token = self.payload_store.token(using, phone, &user)?.cloned();
        }
        if let Some(token) = &held.token {
            vars.session.clone_from(&token.session);
        }
        self.identify(vars, phone, carries.extra);
        if let Some(name) = carries.code {
            let code = self.payload_store.codes.get(name);
            let code = code.ok_or_else(|| lacks("code", name))?.js_code.clone();
            vars.device.insert("code".into(), code.clone());
            held.js_code = Some(code);
        }
        if let Some(name) = carries.phone_code {
            let code = self.payload_store.phone_codes.get(name);
            let code = code.ok_or_else(|| lacks("phone code", name))?.clone();
            vars.device.insert("phoneCode".into(), code.code.clone());
            held.phone_code = Some(code.code);
            held.number = code.number;
        } else if let Some(code) = carries.code
            && self.run_context.adapter.sends(op, "device.phoneCode")
        {
            let pressed = self.pressed(phone, code)?;
            vars.device.insert("phoneCode".into(), pressed.clone());
            held.phone_code = Some(pressed);
        }
        if let Some(name) = carries.payload {
            let payload = self.payload_store.payloads.get(name);
            let payload = payload.ok_or_else(|| lacks("payload", name))?;
            payload_vars(vars, &payload.payload, carries.transport);
            held.payload = Some(payload.record);
            held.sealing_key = Some(payload.payload.key.clone());
        } else if carries.code.is_some() && self.login_wants_payload() {
            // The page of such a backend captures right before it sends.
            let mark = format!("nick-{}-login", self.test_users.prefix());
            let fresh = self.phones[phone]
                .capture(CaptureApi::UserInfo, &Seal::default(), &mark, None)
                .map_err(|error| error.to_string())?;
            payload_vars(vars, &fresh, carries.transport);
        }
        Ok(held)
    }

    /// The phone code of a login that sends one beside its js_code. The page has the button pressed once for each mint, and sends
    /// both again when it sends the login again.
    fn pressed(&mut self, phone: usize, js_code: &str) -> Result<String, String> {
        let name = format!("of {js_code}");
        if let Some(code) = self.payload_store.phone_codes.get(&name) {
            return Ok(code.code.clone());
        }
        let code = self.phones[phone]
            .phone_code()
            .map_err(|error| error.to_string())?;
        let pressed = PhoneCode {
            code: code.clone(),
            number: None,
        };
        self.payload_store.phone_codes.insert(name, pressed);
        Ok(code)
    }

    /// Who the phone says it is, where the adapter describes fields for that.
    fn identify(&self, vars: &mut OpVars, phone: usize, extra: Option<&program::Extra>) {
        let own = self.holder(phone);
        let claimed = match extra {
            Some(program::Extra::IdentityOf(user)) => Some(user.as_str()),
            _ => None,
        };
        let person = self.test_users.person(claimed.unwrap_or(&own));
        if let Some(person) = person {
            vars.device.insert("openid".into(), person.openid.clone());
        }
        let id = claimed.and_then(|user| self.known_id(user));
        if let Some(id) = id {
            vars.session.insert("user_id".into(), id);
        }
    }

    /// The user id under which the backend knows a person, if a login has told it.
    fn known_id(&self, user: &str) -> Option<String> {
        self.payload_store
            .newest(user)?
            .session
            .get("user_id")
            .cloned()
    }

    /// The unionid of a person, if the mock gives them one.
    fn unionid(&self, user: &str) -> Option<String> {
        let person = self.test_users.person(user)?;
        let app = &self.phones.first()?.who().app;
        let view = user_view(self.run_context.handle, app, &person.user).ok()?;
        view.unionid.map(|unionid| unionid.to_string())
    }

    /// Whether the backend has no login by code alone: it takes the code and sealed data in one request.
    fn login_wants_payload(&self) -> bool {
        let adapter = self.run_context.client.adapter();
        DataForm::sent_by(adapter, "login").is_some()
    }

    /// How a request differs from what an honest phone sends.
    fn alterations(&self, carries: &Carries<'_>, token: Option<&Token>) -> Vec<Alteration> {
        let mut alterations = carries.alterations();
        if token.is_some_and(|token| token.forged) {
            alterations.push(Alteration::ForgedToken);
        }
        if carries.payload.is_some_and(|name| self.reuses_an_iv(name)) {
            alterations.push(Alteration::ReusedIv);
        }
        alterations
    }

    /// Whether a payload has the iv of another one.
    fn reuses_an_iv(&self, name: &str) -> bool {
        self.payload_store.payloads.get(name).is_some_and(|sent| {
            let mut all = self.payload_store.payloads.values();
            all.any(|other| other.record < sent.record && other.payload.iv == sent.payload.iv)
        })
    }

    /// Notes the obligations that sending this meets and that no history shows.
    fn witness(&mut self, phone: usize, held: &Held, carries: &Carries<'_>) {
        if held
            .js_code
            .as_deref()
            .is_some_and(|code| self.is_expired(phone, code))
        {
            self.witnessed.insert("code-expired");
        }
        if let Some(sent) = carries
            .payload
            .and_then(|name| self.payload_store.payloads.get(name))
        {
            if sent.twin {
                self.witnessed.insert("wrong-padding-twin-submitted");
            }
            if carries.payload.is_some_and(|name| self.reuses_an_iv(name)) {
                self.witnessed.insert("iv-sent-before");
            }
            if carries.transport.spoils() {
                self.witnessed.insert("spoiled-payload-submitted");
            }
            let wire = [
                sent.payload.encrypted_data.as_str(),
                sent.payload.iv.as_str(),
            ];
            let has = |c: char| wire.iter().any(|text| text.contains(c));
            if has('+') && has('/') {
                self.witnessed.insert("plus-and-slash-submitted");
            }
        }
        if matches!(carries.extra, Some(program::Extra::IdentityOf(_))) {
            self.witnessed.insert("foreign-identity-submitted");
        }
    }

    /// Whether WeChat would no longer take a code because of its age.
    fn is_expired(&self, phone: usize, js_code: &str) -> bool {
        let who = self.phones[phone].who();
        let codes = self
            .run_context
            .handle
            .with_world(|world, _| world.codes(&who.app, &who.user));
        let code = codes
            .ok()
            .and_then(|codes| codes.into_iter().find(|code| code.code.as_ref() == js_code));
        code.is_some_and(|code| code.state == CodeState::Expired)
    }

    /// Fields an attacker adds, under every name backends are known to read.
    fn extra(&self, extra: Option<&program::Extra>, sealing_key: Option<&str>) -> Extra {
        // A held request may stay open longer than the backend promises to take: the stage decides what is a hang.
        let deadline = Some(self.run_context.hold_limit + self.run_context.pace.answer_within * 2);
        let mut fields: Vec<(String, serde_json::Value)> = Vec::new();
        let mut headers: Vec<(String, String)> = Vec::new();
        match extra {
            None => {}
            Some(program::Extra::AttackerKey) => {
                for name in ["session_key", "sessionKey", "sessionkey", "key"] {
                    fields.extend(sealing_key.map(|key| (name.to_owned(), key.into())));
                }
            }
            Some(program::Extra::IdentityOf(name)) => {
                let openid = self
                    .test_users
                    .person(name)
                    .map(|p| p.openid.clone())
                    .unwrap_or_default();
                for field in ["openid", "openId", "open_id"] {
                    fields.push((field.to_owned(), openid.as_str().into()));
                }
                let user_id = self.known_id(name);
                let user_id = user_id.unwrap_or_else(|| openid.clone());
                for field in ["user_id", "userId", "uid", "id", "memberId"] {
                    fields.push((field.to_owned(), user_id.as_str().into()));
                }
                fields.push(("user".to_owned(), serde_json::json!({ "openid": openid })));
                headers.push(("X-WX-OPENID".to_owned(), openid));
                headers.push(("X-User-Id".to_owned(), user_id));
                if let Some(unionid) = self.unionid(name) {
                    fields.push(("unionid".to_owned(), unionid.as_str().into()));
                    headers.push(("X-WX-UNIONID".to_owned(), unionid));
                }
            }
        }
        Extra {
            fields,
            headers,
            deadline,
            ..Extra::default()
        }
    }
}

/// Puts a payload where a request takes it from.
pub(crate) fn payload_vars(vars: &mut OpVars, payload: &Payload, transport: Transport) {
    let handover = match transport {
        Transport::Adapter | Transport::FalseSignature => Handover::AsMade,
        // What an unescaped `+` is by the time a form or query decoder is done with it, whatever the adapter's format.
        Transport::RawPlus => Handover::PlusBecameSpace,
        Transport::Escaped => Handover::Escaped,
        Transport::Absent => Handover::Absent,
        Transport::Empty => Handover::Empty,
        Transport::Undefined => Handover::Undefined,
        Transport::ShortIv => Handover::ShortIv,
        Transport::Swapped => Handover::Swapped,
        Transport::Garbage => Handover::Garbage,
    };
    let Some((data, iv)) = handover.apply(&payload.encrypted_data, &payload.iv, None) else {
        let names = ["encryptedData", "iv", "rawData", "signature"];
        vars.absent.extend(names.map(str::to_owned));
        return;
    };
    vars.device.insert("encryptedData".into(), data);
    vars.device.insert("iv".into(), iv);
    // A page that has no payload has none of its four texts.
    let missing = match transport {
        Transport::Empty => Some(""),
        Transport::Undefined => Some("undefined"),
        _ => None,
    };
    if let Some(raw) = missing.or(payload.raw_data.as_deref()) {
        vars.device.insert("rawData".into(), raw.to_owned());
    }
    if let Some(signature) = missing.or(payload.signature.as_deref()) {
        let signature = match transport {
            Transport::FalseSignature => false_signature(signature),
            _ => signature.to_owned(),
        };
        vars.device.insert("signature".into(), signature);
    }
}
