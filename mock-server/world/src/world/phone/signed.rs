//! Calls whose parameters a backend has signed with the session_key: virtual payment and voice chats.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::{
    Command, Consent, DeviceFail, EventKind, KeyNo, SessionKey, UnixMs, Who,
    crypto::{hmac_signature, pay_signature, voip_signature},
    index::UserNo,
    values,
    world::{PageResult, World, turn::Turn},
};

/// The name of `wx.requestVirtualPayment`, which is also the uri that `paySig` signs.
const REQUEST_VIRTUAL_PAYMENT: &str = "requestVirtualPayment";
const JOIN_VOIP_CHAT: &str = "joinVoIPChat";

/// What a page passes to `wx.requestVirtualPayment`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualPayment {
    /// `signData`: JSON, as the very text that was signed.
    pub sign_data: String,
    /// `mode`: `short_series_goods` or `short_series_coin`.
    pub mode: String,
    /// `paySig`: [`pay_signature`] over `sign_data`; hex of either case.
    pub pay_sig: String,
    /// `signature`: [`hmac_signature`] over `sign_data`; hex of either case.
    pub signature: String,
}

/// What a page passes to `wx.joinVoIPChat`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoipChat {
    /// `groupId`: of the room.
    pub group_id: String,
    /// `nonceStr`.
    pub nonce_str: String,
    /// `timeStamp`, as the text that was signed.
    pub time_stamp: String,
    /// `signature`: [`voip_signature`] over these and the appid; hex of either case.
    pub signature: String,
}

/// With what something was signed.
enum Signer {
    /// With a key that is in force.
    Accepted(KeyNo),
    /// With a key of this person that no longer is.
    Stale(KeyNo),
    /// With no key of this person.
    Nobody,
}

impl World {
    /// `wx.requestVirtualPayment`: verifies what the backend signed; no money is asked for. `answer` that denies is a person who
    /// cancels at the till.
    ///
    /// The numbers are the official ones, the texts captured except where the code says otherwise. Signature comes before
    /// paySig; what WeChat looks at first when both are wrong is unknown. Order numbers are not remembered, so -15002 never comes.
    pub fn request_virtual_payment(
        &mut self,
        now: UnixMs,
        who: &Who,
        payment: &VirtualPayment,
        answer: Consent,
    ) -> PageResult<KeyNo> {
        self.record(now, || {
            Command::RequestVirtualPayment(who.clone(), payment.clone(), answer)
        });
        self.on_phone(now, who, REQUEST_VIRTUAL_PAYMENT, |turn, no| {
            let sandbox = check_sign_data(payment)?;
            let fail = |code, reason| Err(pay_fail(code, reason));
            let message = payment.sign_data.as_bytes();
            let signer = turn.signer(
                no,
                who,
                REQUEST_VIRTUAL_PAYMENT,
                &payment.signature,
                |key| hmac_signature(key, message),
            );
            let key = match signer {
                Signer::Accepted(key) => key,
                // The text is unknown; the official meaning of the number is "session_key expired".
                Signer::Stale(_) => return fail(-15007, ""),
                Signer::Nobody => return fail(-15005, " SIGNATURE_INVALID"),
            };
            let app_key = values::pay_app_key(turn.seed, &turn.app.id, sandbox);
            let right = pay_signature(&app_key, REQUEST_VIRTUAL_PAYMENT, &payment.sign_data);
            if !same(&right, &payment.pay_sig) {
                return fail(-15006, " PAY_SIG_INVALID");
            }
            if answer != Consent::Allow {
                return fail(-2, " cancel");
            }
            Ok(key)
        })
    }

    /// `wx.joinVoIPChat`: verifies what the backend signed. Rooms are not kept.
    ///
    /// How a phone words a wrong signature is unknown; here it is the official number for a system error without a text.
    pub fn join_voip_chat(&mut self, now: UnixMs, who: &Who, chat: &VoipChat) -> PageResult<KeyNo> {
        self.record(now, || Command::JoinVoipChat(who.clone(), chat.clone()));
        self.on_phone(now, who, JOIN_VOIP_CHAT, |turn, no| {
            let app = turn.app.id.clone();
            let signer = turn.signer(no, who, JOIN_VOIP_CHAT, &chat.signature, |key| {
                let VoipChat {
                    group_id,
                    nonce_str,
                    time_stamp,
                    ..
                } = chat;
                voip_signature(key, [app.as_str(), group_id, nonce_str, time_stamp])
            });
            match signer {
                Signer::Accepted(key) => Ok(key),
                Signer::Stale(_) | Signer::Nobody => Err(DeviceFail {
                    err_code: Some(-1000),
                    ..DeviceFail::new(JOIN_VOIP_CHAT, "")
                }),
            }
        })
    }
}

impl Turn<'_> {
    /// Which key of the person made this signature.
    fn signer(
        &mut self,
        no: UserNo,
        who: &Who,
        api: &'static str,
        signature: &str,
        sign: impl Fn(&SessionKey) -> String,
    ) -> Signer {
        let policy = self.policy_of(no);
        let rules = &policy.session_key;
        let ring = &self.user(no).ring;
        let accepted = ring
            .accepted(rules.scope, rules.grace, self.at)
            .find(|(_, key)| same(&sign(&key.session_key), signature))
            .map(|(key, _)| key);
        let signer = match accepted {
            Some(key) => Signer::Accepted(key),
            None => ring
                .all()
                .find(|(_, key)| same(&sign(&key.session_key), signature))
                .map_or(Signer::Nobody, |(key, _)| Signer::Stale(key)),
        };
        let kind = EventKind::SignatureJudged {
            device: who.device.clone(),
            api,
            key: match signer {
                Signer::Accepted(key) | Signer::Stale(key) => Some(key),
                Signer::Nobody => None,
            },
            accepted: matches!(signer, Signer::Accepted(_)),
        };
        self.note(Some(no), kind);
        signer
    }
}

/// Whether two signatures in hex are the same, in letters of either case.
fn same(right: &str, given: &str) -> bool {
    let given = given.to_ascii_lowercase();
    right.as_bytes().ct_eq(given.as_bytes()).into()
}

/// What a phone finds wrong with the signed data before it looks at signatures; else whether it names the sandbox.
fn check_sign_data(payment: &VirtualPayment) -> Result<bool, DeviceFail> {
    let goods = match payment.mode.as_str() {
        "short_series_goods" => true,
        "short_series_coin" => false,
        // The text is ours; the number is official for wrong parameters.
        _ => return Err(pay_fail(1001, " mode")),
    };
    // The text is unknown; the official meaning of the number is "signData has a wrong format".
    let malformed = || pay_fail(-15016, "");
    let data: Value = serde_json::from_str(&payment.sign_data).map_err(|_| malformed())?;
    if !data.is_object() {
        return Err(malformed());
    }
    let sandbox = match data.get("env").map(|env| env.as_u64()) {
        None | Some(Some(0)) => false,
        Some(Some(1)) => true,
        Some(_) => return Err(malformed()),
    };
    if data["currencyType"] != "CNY" {
        // The text is unknown; officially nothing but CNY is accepted.
        return Err(pay_fail(-15004, ""));
    }
    if goods && data["productId"].as_str().is_none_or(str::is_empty) {
        return Err(pay_fail(-15001, " PRODUCT_ID_EMPTY"));
    }
    Ok(sandbox)
}

fn pay_fail(code: i64, reason: &str) -> DeviceFail {
    DeviceFail {
        err_code: Some(code),
        ..DeviceFail::new(REQUEST_VIRTUAL_PAYMENT, reason)
    }
}
