//! Why WeChat refused a call: what its errcode does not say and only the mock knows.
//!
//! Found out after the refusal by looking at the world as it is then; nothing of it decides an answer. Knows no secret: codes,
//! tokens and AppSecrets are never repeated.

mod words;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{AppId, AppKind, KeyNo, TokenEnd, UnixMs, UserId, ids::is_invisible};

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
    /// A text that was to be replaced by a value, or that a language makes of nothing (`undefined`), came instead.
    NotFilledIn {
        /// Its name on the wire.
        parameter: Cow<'static, str>,
        /// What came: one of a few known texts, or `a placeholder`.
        said: Cow<'static, str>,
    },
    /// What the developer tools hand to a page as a code when the project has no appid.
    DevtoolsCode,
    /// An AppSecret was sent as the appid.
    AppIdIsSecret,
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
    Body {
        /// What is wrong with it; `None` if that is not known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        how: Option<BodyMistake>,
    },
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

/// What is wrong with a body that is not the JSON an endpoint wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyMistake {
    /// There is none.
    Empty,
    /// It is a form.
    Form,
    /// It is XML.
    Xml,
    /// It begins like JSON and breaks off, or goes on behind the end.
    Broken,
    /// It is JSON, but no object.
    NotAnObject,
    /// It is JSON written into a JSON string: serialized twice.
    Twice,
    /// The access_token is in it; the query has none.
    TokenInside,
    /// It is an object, and a member of it has not the type the endpoint wants.
    Member,
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
    /// Characters before or behind it that nobody sees: a byte order mark, a zero-width space, a control character.
    Invisible,
    /// It stands in a JSON object.
    InJson,
    /// In upper case.
    UpperCase,
}

impl Alteration {
    /// What the text is without what was done to it, if that `is_known`, and the first thing that was done.
    ///
    /// One thing after another is undone, as they come on top of one another: quotation marks, percent-encoded.
    pub(crate) fn undone(text: &str, is_known: impl Fn(&str) -> bool) -> Option<(Self, String)> {
        let mut first = None;
        let mut text = text.to_owned();
        for _ in 0..MOST_UNDONE {
            let (how, bare) = Self::outermost(&text)?;
            let first = *first.get_or_insert(how);
            if is_known(&bare) {
                return Some((first, bare));
            }
            text = bare;
        }
        None
    }

    /// The outermost thing that was done to a text, and what is left without it.
    fn outermost(text: &str) -> Option<(Self, String)> {
        let trims: [(Self, IsCharacter); 3] = [
            (Self::WhiteSpace, char::is_whitespace),
            (Self::Invisible, is_invisible),
            (Self::Quoted, |character| QUOTES.contains(character)),
        ];
        for (how, belongs) in trims {
            let bare = text.trim_matches(belongs);
            if bare != text {
                return Some((how, bare.to_owned()));
            }
        }
        if text.starts_with('{') {
            let object: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(text).ok()?;
            let mut texts = object.values().filter_map(serde_json::Value::as_str);
            return Some((Self::InJson, texts.next()?.to_owned()));
        }
        if let Some(decoded) = crate::diagnosis::percent_decode(text) {
            return Some((Self::PercentEncoded, decoded));
        }
        let lower = text.to_ascii_lowercase();
        (lower != text).then_some((Self::UpperCase, lower))
    }
}

/// Tells the characters that belong to something that was done to a text.
type IsCharacter = fn(char) -> bool;

/// So many things done to a text on top of one another are undone.
const MOST_UNDONE: usize = 6;

/// Quotation marks as languages, editors and keyboards have them, and the backslash before one.
const QUOTES: &str = "\"'`\\\u{2018}\u{2019}\u{201c}\u{201d}\u{300c}\u{300d}\u{ab}\u{bb}";

/// Texts that stand where a value was to be filled in.
const NOT_A_VALUE: [&str; 11] = [
    "undefined",
    "null",
    "nil",
    "None",
    "NaN",
    "true",
    "false",
    "[object Object]",
    "[object Promise]",
    "[object Undefined]",
    "[object Null]",
];

/// What was sent in the place of a value that was never filled in: one of the texts that languages make of nothing, or a
/// placeholder (`${WX_APPID}`, `{{code}}`, `<appid>`, `%s`, `your-appid`). `None` of any other text.
pub(crate) fn not_filled_in(text: &str) -> Option<&'static str> {
    let bare = text.trim_matches(|character| QUOTES.contains(character) || character == ' ');
    if let Some(said) = NOT_A_VALUE.iter().find(|said| **said == bare) {
        return Some(said);
    }
    let within = |from: &str, to: &str| bare.starts_with(from) && bare.ends_with(to);
    let is_template = within("${", "}")
        || within("{{", "}}")
        || within("#{", "}")
        || within("<", ">")
        || within("%", "%") && bare.len() > 1
        || matches!(bare, "%s" | "{}" | "{0}" | ":code");
    let lower = bare.to_ascii_lowercase();
    let is_reminder = ["your", "xxx", "你的", "请填"]
        .iter()
        .any(|start| lower.starts_with(start));
    (is_template || is_reminder).then_some("a placeholder")
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
