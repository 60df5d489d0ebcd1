//! What the proving sends: honest requests, and the same with one thing wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Ask, Guest, Prover};
use crate::device::{Device, altered, false_signature};
use crate::fit::DataForm;
use wxmock_adapter::{Captures, OpVars};
use wxmock_model::program::{CaptureApi, Seal};
use wxmock_model::proof::Probe;

impl Prover<'_, '_> {
    /// What a phone sends to log in by `op`.
    pub(super) fn login_ask(&mut self, op: &str, device: &Device) -> Result<Ask, String> {
        let login = device.login().map_err(|error| error.to_string())?;
        let wants_payload =
            op == "login_profile" || DataForm::sent_by(self.senses.adapter, op).is_some();
        let mut ask = if wants_payload {
            self.sealed(CaptureApi::UserInfo, device, None)?
        } else {
            Ask {
                vars: vars(device),
                expected: Vec::new(),
            }
        };
        ask.vars
            .device
            .insert("code".to_owned(), login.code.as_ref().to_owned());
        if self.senses.adapter.sends(op, "device.phoneCode") {
            let code = device.phone_code().map_err(|error| error.to_string())?;
            ask.vars.device.insert("phoneCode".to_owned(), code);
        }
        Ok(ask)
    }

    /// What a logged-in phone sends for any other operation.
    pub(super) fn honest_ask(&mut self, op: &str, guest: &Guest) -> Result<Ask, String> {
        let device = &guest.device;
        let mut ask = match op {
            "userinfo" => self.sealed(CaptureApi::UserInfo, device, None)?,
            "phone_cipher" => self.sealed(CaptureApi::Phone, device, None)?,
            "phone_code" => {
                let number = self.mark(CaptureApi::Phone);
                // A payload with this number in it gives the person that number.
                device
                    .capture(CaptureApi::Phone, &Seal::default(), &number, None)
                    .map_err(|error| error.to_string())?;
                let code = device.phone_code().map_err(|error| error.to_string())?;
                let mut vars = vars(device);
                vars.device.insert("phoneCode".to_owned(), code);
                Ask {
                    vars,
                    expected: vec![("phone", number)],
                }
            }
            _ => Ask {
                vars: vars(device),
                expected: Vec::new(),
            },
        };
        if op == "whoami" {
            let known = guest.session.get("user_id").cloned();
            ask.expected.extend(known.map(|known| ("user_id", known)));
        }
        ask.vars.session.clone_from(&guest.session);
        Ok(ask)
    }

    /// A fresh payload, and the request that carries it.
    pub(super) fn sealed(
        &mut self,
        api: CaptureApi,
        device: &Device,
        session: Option<&Captures>,
    ) -> Result<Ask, String> {
        let mark = self.mark(api);
        let payload = device
            .capture(api, &Seal::default(), &mark, None)
            .map_err(|error| error.to_string())?;
        let mut vars = vars(device);
        let mut put =
            |name: &str, text: &str| drop(vars.device.insert(name.to_owned(), text.to_owned()));
        put("encryptedData", &payload.encrypted_data);
        put("iv", &payload.iv);
        put("rawData", payload.raw_data.as_deref().unwrap_or_default());
        put(
            "signature",
            payload.signature.as_deref().unwrap_or_default(),
        );
        vars.session = session.cloned().unwrap_or_default();
        let name = if api == CaptureApi::Phone {
            "phone"
        } else {
            "plaintext_nonce"
        };
        let expected = vec![(name, mark)];
        Ok(Ask { vars, expected })
    }

    /// A nickname or phone number that no other payload of the run carries.
    fn mark(&mut self, api: CaptureApi) -> String {
        self.marks += 1;
        let prefix = self.test_users.prefix();
        if api == CaptureApi::Phone {
            let digest = Sha256::digest(format!("proving {prefix} {}", self.marks));
            let number = digest[..7]
                .iter()
                .fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
            return format!("1{:010}", number % 10_000_000_000);
        }
        format!("nick-{prefix}-s{}", self.marks)
    }

    /// An honest request with one thing wrong; `None` if the adapter cannot express it.
    pub(super) fn spoilt(
        &mut self,
        op: &str,
        probe: Probe,
        guest: &Guest,
    ) -> Result<Option<Ask>, String> {
        let mut ask = match op {
            "login" | "login_profile" => self.login_ask(op, &guest.device)?,
            _ => self.honest_ask(op, guest)?,
        };
        let vars = &mut ask.vars;
        match probe {
            Probe::MadeUpCode => {
                for name in ["code", "phoneCode"] {
                    if let Some(code) = vars.device.get_mut(name) {
                        *code = never_issued(code);
                    }
                }
            }
            // A refresh token beside the token lets its holder in, too.
            Probe::UnknownToken => {
                for name in self.senses.adapter.credentials(op) {
                    if let Some(own) = vars.session.get_mut(&name) {
                        *own = never_issued(own);
                    }
                }
            }
            Probe::NoToken => {
                for name in self.senses.adapter.credentials(op) {
                    vars.session.remove(&name);
                }
            }
            Probe::GarbagePayload => {
                for name in ["encryptedData", "iv"] {
                    if let Some(text) = vars.device.get_mut(name) {
                        *text = garbage(text);
                    }
                }
            }
            Probe::UndecodablePayload => {
                for name in ["encryptedData", "iv"] {
                    vars.device
                        .insert(name.to_owned(), "this is not base64!".to_owned());
                }
            }
            Probe::FalseSignature => {
                if let Some(signature) = vars.device.get_mut("signature") {
                    *signature = false_signature(signature);
                }
            }
            Probe::AlteredRawData => {
                if let Some(raw_data) = vars.device.get_mut("rawData") {
                    *raw_data = altered(raw_data);
                }
            }
        }
        Ok(Some(ask))
    }
}

fn vars(device: &Device) -> OpVars {
    let who = device.who();
    let id = format!("{}-{}", who.user, who.device);
    let mut vars = OpVars {
        device: [("id".to_owned(), id)].into(),
        ..OpVars::default()
    };
    let openid = device.openid().map(|openid| ("openid".to_owned(), openid));
    vars.device.extend(openid);
    vars
}

/// A word of the same shape that was never issued: letters stay letters and digits digits, none keeps its place.
fn never_issued(word: &str) -> String {
    let turned = |c: char| {
        let turn =
            |first: u8, count: u8, by: u8| char::from(first + (c as u8 - first + by) % count);
        match c {
            'a'..='z' => turn(b'a', 26, 13),
            'A'..='Z' => turn(b'A', 26, 13),
            // A code of wx.login begins with 0.
            '1'..='9' => turn(b'1', 9, 4),
            other => other,
        }
    };
    let made_up: String = word.chars().map(turned).collect();
    if made_up == word {
        format!("{word}x")
    } else {
        made_up
    }
}

/// Base64 of as many bytes as `text` stands for, none of them its own.
fn garbage(text: &str) -> String {
    let length = STANDARD.decode(text).map_or(32, |bytes| bytes.len());
    let blocks = (0_u32..).flat_map(|n| Sha256::digest(format!("garbage {n} {text}")));
    STANDARD.encode(blocks.take(length).collect::<Vec<u8>>())
}
