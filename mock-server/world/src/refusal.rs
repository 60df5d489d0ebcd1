//! Why WeChat refused a call: what its errcode does not say and only the mock knows.
//!
//! Found out after the refusal by looking at the world as it is then; nothing of it decides an answer. Knows no secret: codes,
//! tokens and AppSecrets are never repeated.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{AppId, AppKind, TokenEnd, UnixMs, UserId};

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
    },
    /// An exchange under another appid spent it.
    CodeBurnt {
        /// Whose code it is.
        user: UserId,
        /// When.
        at: UnixMs,
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
    /// The wrong HTTP method.
    Method,
    /// The body is absent, or not the JSON this endpoint wants.
    Body,
    /// A rule of this endpoint is broken.
    Rule {
        /// Which, as a sentence.
        rule: Cow<'static, str>,
    },
    /// WeChat may have such a path; this mock does not play it.
    NotPlayed {
        /// The path nearest to it that is played.
        nearest: Cow<'static, str>,
    },
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

    const fn words(self) -> &'static str {
        match self {
            Self::WhiteSpace => "white space before or behind it",
            Self::Quoted => "quotation marks around it",
            Self::PercentEncoded => "percent-encoded twice",
        }
    }
}

impl Refusal {
    /// The reason in one sentence, without a secret: `the code expired at …`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::CodeNeverIssued => "no phone of this mock minted this code".to_owned(),
            Self::CodeOfAnotherApp { app } => format!("the code was minted in the app {app}"),
            Self::CodeExpired {
                user,
                minted_at,
                expired_at,
            } => format!(
                "the code of {user} expired {} s after it was minted",
                expired_at.since(*minted_at).whole_seconds()
            ),
            Self::CodeSpent { user, .. } => format!("the code of {user} was exchanged before"),
            Self::CodeBurnt { user, .. } => {
                format!("the code of {user} was spent by a call with another appid")
            }
            Self::CodeAltered { how } => format!("the code came with {}", how.words()),
            Self::LoginCodeAtPhone => {
                "this is the code of wx.login (a login code); getuserphonenumber wants the code of the phone button".to_owned()
            }
            Self::PhoneCodeAtLogin => {
                "this is the code of the phone button (a phone code); jscode2session wants the code of wx.login".to_owned()
            }
            Self::LoginCodeAtWecom => {
                "this is the code of wx.login; WeCom wants the code of wx.qy.login".to_owned()
            }
            Self::WecomCodeAtLogin => {
                "this is the code of wx.qy.login; WeChat wants the code of wx.login".to_owned()
            }
            Self::NotAuthorized => {
                "the mini program is not in authorized_by of this third-party platform".to_owned()
            }
            Self::TokenOfAnotherComponent { token } => {
                format!("the component_access_token is of {token}, not of the component_appid")
            }
            Self::Ticket => {
                "the component_verify_ticket is not the platform's; GET /_mock/v1/apps shows it"
                    .to_owned()
            }
            Self::AccountOfAnotherKind { kind } => match kind {
                AppKind::MiniProgram => "this is the appid of a mini program",
                AppKind::ThirdParty => "this is the appid of a third-party platform",
                AppKind::Wecom => "this is a corpid of WeCom, not an appid",
            }
            .to_owned(),
            Self::LoginCodeAtPlugin => {
                "this is the code of wx.login; getpluginopenpid wants the code of wx.pluginLogin"
                    .to_owned()
            }
            Self::PayloadUnknown => {
                "no phone payload of the last three days has this hash (SHA-256 of the base64 text)"
                    .to_owned()
            }
            Self::PaymentUnknown => {
                "this user made no such payment in the last five minutes; POST /_mock/v1/apps/{app}/users/{user}/payments makes one".to_owned()
            }
            Self::NoUnionId => {
                "the user has no unionid: open_platform is off, or unionid is none".to_owned()
            }
            Self::AddressNotListed => {
                "the caller's address is not in policy.caller.ip_whitelist".to_owned()
            }
            Self::QuotaSpent => "a limit of policy.quota is reached".to_owned(),
            Self::UserBlocked { user } => format!("{user} is switched to a high risk grade"),
            Self::Missing { parameter } => format!("{parameter} is absent or empty"),
            Self::GrantType => "grant_type is not the one of this endpoint".to_owned(),
            Self::AppIdUnknown => "no app of this mock has this appid".to_owned(),
            Self::AppIdAltered { app, how } => {
                format!("the appid is {app} with {}", how.words())
            }
            Self::SecretOfAnotherApp { app } => format!("the AppSecret is that of the app {app}"),
            Self::SecretAltered { how } => {
                format!("the AppSecret is the right one with {}", how.words())
            }
            Self::SecretUnknown => "the AppSecret is not this app's".to_owned(),
            Self::TokenUnknown => "this mock never handed out this access_token".to_owned(),
            Self::TokenMalformed => "this is not an access_token".to_owned(),
            Self::TokenEnded { why } => match why {
                TokenEnd::Expired => "the access_token outlived its expires_in",
                TokenEnd::Displaced => "a newer access_token took its place",
                TokenEnd::Killed => "the access_token was killed by hand",
            }
            .to_owned(),
            Self::TokenOfAnotherApp { token } => {
                format!("the access_token is of the app {token}, the code is not")
            }
            Self::OpenIdOfAnother => "the code is another person's than the openid".to_owned(),
            Self::OpenIdUnknown => "no user of this app has this openid".to_owned(),
            Self::Method => "the endpoint wants the other HTTP method".to_owned(),
            Self::Body => "the body is absent, or not the JSON this endpoint wants".to_owned(),
            Self::Rule { rule } => rule.clone().into_owned(),
            Self::NotPlayed { nearest } => {
                format!("this mock does not play this path; the nearest it plays is {nearest}")
            }
        }
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
    /// As sent.
    pub openid: Option<&'a str>,
}
