//! Why WeChat refused a call: what its errcode does not say and only the mock knows.
//!
//! Found out after the refusal by looking at the world as it is then; nothing of it decides an answer. Knows no secret: codes,
//! tokens and AppSecrets are never repeated.

mod words;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{AppId, AppKind, KeyNo, TokenEnd, UnixMs, UserId};

/// The reason of one refusal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Refusal {
    /// No phone of this mock ever minted the code, or it is so old that it is forgotten.
    CodeNeverIssued,
    /// Another app's phone minted it.
    CodeOfAnotherApp {
        /// That app.
        app: AppId,
    },
    /// Its time was over before it came.
    CodeExpired {
        /// Whose code it is.
        user: UserId,
        /// When it was minted, in its app's virtual time.
        minted_at: UnixMs,
        /// When it expired.
        expired_at: UnixMs,
    },
    /// It was exchanged before.
    CodeSpent {
        /// Whose code it is.
        user: UserId,
        /// When it was exchanged.
        at: UnixMs,
        /// The number of the call that did, filled in by whoever numbers calls; `None` if that is forgotten.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<u64>,
    },
    /// An exchange under another appid spent it.
    CodeBurnt {
        /// Whose code it is.
        user: UserId,
        /// When.
        at: UnixMs,
        /// The number of that call, filled in by whoever numbers calls; `None` if that is forgotten.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<u64>,
    },
    /// The code came altered: without the alteration it is one of ours.
    CodeAltered {
        /// What was done to it.
        how: Alteration,
    },
    /// The code of `wx.login` was sent where the phone button's code belongs.
    LoginCodeAtPhone,
    /// The phone button's code was sent where the code of `wx.login` belongs.
    PhoneCodeAtLogin,
    /// The code of `wx.login` was sent to WeCom, which wants that of `wx.qy.login`.
    LoginCodeAtWecom,
    /// The code of `wx.qy.login` was sent to WeChat, which wants that of `wx.login`.
    WecomCodeAtLogin,
    /// The mini program has not authorised the third-party platform.
    NotAuthorized,
    /// The component_access_token is of another third-party platform than the component_appid beside it.
    TokenOfAnotherComponent {
        /// The token's platform.
        token: AppId,
    },
    /// The component_verify_ticket is not the platform's.
    Ticket,
    /// The appid is that of an account of another kind.
    AccountOfAnotherKind {
        /// What it is.
        kind: AppKind,
    },
    /// The code of `wx.login` was sent where the code of `wx.pluginLogin` belongs.
    LoginCodeAtPlugin,
    /// No phone payload of the last three days has the hash.
    PayloadUnknown,
    /// No payment of the user in the last five minutes has the numbers.
    PaymentUnknown,
    /// The user has no unionid: the app is not bound to an Open Platform account, or the user was given none.
    NoUnionId,
    /// The caller's address is not in `caller.ip_whitelist` of the account's policy.
    AddressNotListed,
    /// A quota of the account's policy is spent.
    QuotaSpent,
    /// The user's high risk grade is switched on.
    UserBlocked {
        /// Whose code it is.
        user: UserId,
    },
    /// A required parameter is absent or empty.
    Missing {
        /// Its name on the wire.
        parameter: Cow<'static, str>,
    },
    /// `grant_type` is not the one of this endpoint.
    GrantType,
    /// No app of this mock has the appid.
    AppIdUnknown,
    /// The appid came altered: without the alteration it is an app's.
    AppIdAltered {
        /// The app it nearly is.
        app: AppId,
        /// What was done to it.
        how: Alteration,
    },
    /// The AppSecret is of another app.
    SecretOfAnotherApp {
        /// That app.
        app: AppId,
    },
    /// The AppSecret came altered: without the alteration it is the right one.
    SecretAltered {
        /// What was done to it.
        how: Alteration,
    },
    /// The AppSecret is no app's.
    SecretUnknown,
    /// The access_token was never handed out, or is so old that it is forgotten.
    TokenUnknown,
    /// The access_token does not look like one.
    TokenMalformed,
    /// The access_token stopped working.
    TokenEnded {
        /// Why.
        why: TokenEnd,
        /// When, in its app's virtual time; not known of one killed by hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<UnixMs>,
    },
    /// The access_token is of one app and the code of another.
    TokenOfAnotherApp {
        /// The token's app.
        token: AppId,
    },
    /// The code is another person's than the openid beside it.
    OpenIdOfAnother,
    /// No user of the app has the openid.
    OpenIdUnknown,
    /// `sig_method` is not `hmac_sha256`.
    SigMethod,
    /// The user has no key in force.
    NoKeyInForce {
        /// Whose key it would be.
        user: UserId,
    },
    /// The signature is by a key of that user which is not in force.
    SignedWithOldKey {
        /// Whose key it is.
        user: UserId,
        /// Its number.
        no: KeyNo,
        /// The key that took its place; `None` if it expired.
        by: Option<KeyNo>,
        /// When.
        at: Option<UnixMs>,
    },
    /// The signature is by the right key, but made wrongly.
    SignedWrongly {
        /// How.
        how: SigningMistake,
    },
    /// The signature is by somebody else's key.
    SignedByAnother {
        /// Whose.
        user: UserId,
    },
    /// No key of the app made the signature.
    SignatureUnknown,
    /// A POST of unknown length (`Transfer-Encoding: chunked`): the one answer that is not 200.
    Unmeasured,
    /// The wrong HTTP method.
    Method,
    /// The body is absent, or not the JSON this endpoint wants.
    Body,
    /// A rule of this endpoint is broken.
    Rule {
        /// Which, as a sentence.
        rule: Cow<'static, str>,
        /// The same in Chinese; empty where it is known in English only.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        rule_zh: Cow<'static, str>,
    },
    /// A fault answered it, whatever WeChat would have said.
    Faulted,
    /// WeChat may have such a path; this mock does not play it.
    NotPlayed {
        /// The path nearest to it that is played.
        nearest: Cow<'static, str>,
    },
}

/// What is wrong with a signature by the right key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SigningMistake {
    /// The key was decoded from base64; its text is what signs.
    DecodedKey,
    /// It is SHA-1, which signs rawData.
    Sha1,
    /// The message was `{}`; a call without a body signs the empty text.
    EmptyObject,
}

/// What was done to a text on its way that a comparison does not forgive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alteration {
    /// White space before or behind it.
    WhiteSpace,
    /// Quotation marks around it.
    Quoted,
    /// Percent-encoded once too often.
    PercentEncoded,
}

impl Alteration {
    /// The text without what was done to it; `None` if nothing was.
    pub(crate) fn undone(text: &str) -> Option<(Self, String)> {
        let trimmed = text.trim();
        if trimmed != text {
            return Some((Self::WhiteSpace, trimmed.to_owned()));
        }
        let bare = text.trim_matches(['"', '\'']);
        if bare != text {
            return Some((Self::Quoted, bare.to_owned()));
        }
        let decoded = crate::diagnosis::percent_decode(text)?;
        Some((Self::PercentEncoded, decoded))
    }
}

/// What a call carried, as far as it says whose call it is and why it may have been refused.
#[derive(Debug, Clone, Copy, Default)]
pub struct RefusedCall<'a> {
    /// As sent.
    pub appid: Option<&'a str>,
    /// As sent.
    pub secret: Option<&'a str>,
    /// As sent.
    pub access_token: Option<&'a str>,
    /// `component_access_token`, as sent; empty if the endpoint wants one and it is not there.
    pub component_access_token: Option<&'a str>,
    /// `js_code`, as sent.
    pub js_code: Option<&'a str>,
    /// The code of `wx.pluginLogin`, as sent.
    pub plugin_code: Option<&'a str>,
    /// The phone button's code, as sent.
    pub phone_code: Option<&'a str>,
    /// As sent, where the endpoint wants one.
    pub grant_type: Option<&'a str>,
    /// As sent.
    pub openid: Option<&'a str>,
    /// The signature of a signed request, as sent.
    pub signature: Option<&'a str>,
}
