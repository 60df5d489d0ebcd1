//! The table of endpoints: which file plays which, and what it is called in rules, records and reports.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::command::Definition;
use super::{
    api_authorizer_token, api_component_token, checkencryptedmsg, checksession, clear_quota,
    component_jscode2session, getcallbackip, getpaidunionid, getpluginopenpid, getuserencryptkey,
    getuserphonenumber, getuserriskrank, getwxacodeunlimit, jscode2session, msg_sec_check,
    remove_user_storage, resetusersessionkey, set_user_storage, stable_token, subscribe_send,
    token, wecom_get_suite_token, wecom_gettoken, wecom_jscode2session, wecom_suite_jscode2session,
    xpay,
};
use crate::net::Platform;

macro_rules! endpoints {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $definition:expr; )*) => {
        /// Which of WeChat's endpoints was called. `Display` and serde write its name, which is the last path segment where
        /// that names only one (`jscode2session`).
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum Endpoint {
            $( $(#[$doc])* #[serde(rename = $name)] $variant, )*
            /// Any other path outside `/_mock/`.
            #[serde(rename = "unknown")]
            Unknown,
        }

        impl Endpoint {
            /// Every endpoint, the unknown one last.
            pub const ALL: [Self; [$( $name, )* "unknown"].len()] =
                [$( Self::$variant, )* Self::Unknown];

            /// Its name: `jscode2session`; `unknown` for [`Endpoint::Unknown`].
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $name, )*
                    Self::Unknown => "unknown",
                }
            }

            /// What its own file says of it; `None` for [`Endpoint::Unknown`].
            pub(super) fn definition(self) -> Option<&'static Definition> {
                match self {
                    $( Self::$variant => Some(&$definition), )*
                    Self::Unknown => None,
                }
            }
        }
    };
}

endpoints! {
    /// `GET /sns/jscode2session`
    Jscode2session = "jscode2session", jscode2session::ENDPOINT;
    /// `GET /cgi-bin/token`
    Token = "token", token::ENDPOINT;
    /// `POST /cgi-bin/stable_token`
    StableToken = "stable_token", stable_token::ENDPOINT;
    /// `GET /wxa/checksession`
    Checksession = "checksession", checksession::ENDPOINT;
    /// `GET /wxa/resetusersessionkey`
    Resetusersessionkey = "resetusersessionkey", resetusersessionkey::ENDPOINT;
    /// `POST /wxa/business/getuserphonenumber`
    Getuserphonenumber = "getuserphonenumber", getuserphonenumber::ENDPOINT;
    /// `GET /sns/component/jscode2session`
    ComponentJscode2session = "component_jscode2session", component_jscode2session::ENDPOINT;
    /// `POST /cgi-bin/component/api_component_token`
    ApiComponentToken = "api_component_token", api_component_token::ENDPOINT;
    /// `POST /cgi-bin/component/api_authorizer_token`
    ApiAuthorizerToken = "api_authorizer_token", api_authorizer_token::ENDPOINT;
    /// `GET /wxa/getpaidunionid`
    Getpaidunionid = "getpaidunionid", getpaidunionid::ENDPOINT;
    /// `POST /wxa/business/checkencryptedmsg`
    Checkencryptedmsg = "checkencryptedmsg", checkencryptedmsg::ENDPOINT;
    /// `POST /wxa/getpluginopenpid`
    Getpluginopenpid = "getpluginopenpid", getpluginopenpid::ENDPOINT;
    /// `POST /wxa/getuserriskrank`
    Getuserriskrank = "getuserriskrank", getuserriskrank::ENDPOINT;
    /// `GET /wxa/business/getuserencryptkey`
    Getuserencryptkey = "getuserencryptkey", getuserencryptkey::ENDPOINT;
    /// `GET /cgi-bin/gettoken` of WeCom
    WecomGettoken = "wecom_gettoken", wecom_gettoken::ENDPOINT;
    /// `GET /cgi-bin/miniprogram/jscode2session` of WeCom
    WecomJscode2session = "wecom_jscode2session", wecom_jscode2session::ENDPOINT;
    /// `POST /cgi-bin/service/get_suite_token` of WeCom
    WecomGetSuiteToken = "wecom_get_suite_token", wecom_get_suite_token::ENDPOINT;
    /// `GET /cgi-bin/service/miniprogram/jscode2session` of WeCom
    WecomSuiteJscode2session = "wecom_suite_jscode2session", wecom_suite_jscode2session::ENDPOINT;
    /// `POST /cgi-bin/message/subscribe/send`
    SubscribeSend = "subscribe_send", subscribe_send::ENDPOINT;
    /// `POST /wxa/getwxacodeunlimit`
    Getwxacodeunlimit = "getwxacodeunlimit", getwxacodeunlimit::ENDPOINT;
    /// `POST /wxa/msg_sec_check`
    MsgSecCheck = "msg_sec_check", msg_sec_check::ENDPOINT;
    /// `POST /wxa/set_user_storage`
    SetUserStorage = "set_user_storage", set_user_storage::ENDPOINT;
    /// `POST /wxa/remove_user_storage`
    RemoveUserStorage = "remove_user_storage", remove_user_storage::ENDPOINT;
    /// `POST /xpay/query_user_balance`
    QueryUserBalance = "query_user_balance", xpay::QUERY_USER_BALANCE;
    /// `POST /xpay/query_order`
    QueryOrder = "query_order", xpay::QUERY_ORDER;
    /// `GET /cgi-bin/getcallbackip`
    Getcallbackip = "getcallbackip", getcallbackip::ENDPOINT;
    /// `POST /cgi-bin/clear_quota`
    ClearQuota = "clear_quota", clear_quota::ENDPOINT;
}

impl Endpoint {
    /// The endpoint that a host plays under a path without its query; paths are matched to the letter, as WeChat does. A
    /// host that is no platform's (the mock's own address, an alias) plays every path.
    pub(crate) fn of(host: &str, path: &str) -> Self {
        let platform = Platform::of(host);
        Self::ALL
            .into_iter()
            .find(|endpoint| {
                endpoint.definition().is_some_and(|definition| {
                    definition.path == path && platform.is_none_or(|it| it == definition.platform)
                })
            })
            .unwrap_or(Self::Unknown)
    }

    /// Whether it exchanges login codes.
    pub const fn is_exchange(self) -> bool {
        matches!(
            self,
            Self::Jscode2session
                | Self::ComponentJscode2session
                | Self::WecomJscode2session
                | Self::WecomSuiteJscode2session
        )
    }

    /// Whether it is called in the name of a mini program, by its access_token.
    pub(super) const fn takes_access_token(self) -> bool {
        !matches!(
            self,
            Self::Jscode2session
                | Self::Token
                | Self::StableToken
                | Self::ComponentJscode2session
                | Self::ApiComponentToken
                | Self::ApiAuthorizerToken
                | Self::WecomGettoken
                | Self::WecomJscode2session
                | Self::WecomGetSuiteToken
                | Self::WecomSuiteJscode2session
                | Self::Unknown
        )
    }

    /// Its path; `None` for [`Endpoint::Unknown`].
    pub fn path(self) -> Option<&'static str> {
        self.definition().map(|definition| definition.path)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no endpoint's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown endpoint `{0}`, expected one of {names}", names = Endpoint::ALL.map(Endpoint::as_str).join(", "))]
pub struct UnknownEndpoint(pub String);

impl FromStr for Endpoint {
    type Err = UnknownEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.as_str() == text)
            .ok_or_else(|| UnknownEndpoint(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_found_by_path_and_known_by_name() {
        for endpoint in Endpoint::ALL {
            assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
            assert_eq!(serde_json::to_value(endpoint).unwrap(), endpoint.as_str());
            let path = endpoint.path().unwrap_or("/elsewhere");
            assert_eq!(Endpoint::of("127.0.0.1", path), endpoint);
        }
        assert_eq!(Endpoint::of("", "/sns/JSCODE2SESSION"), Endpoint::Unknown);
        let error = "jscode".parse::<Endpoint>().unwrap_err().to_string();
        assert!(
            error.contains("getuserphonenumber, ") && error.ends_with(", unknown"),
            "{error}"
        );
    }

    #[test]
    fn a_platforms_host_plays_its_own_endpoints_only() {
        let check =
            |host: &str, path: &str, endpoint| assert_eq!(Endpoint::of(host, path), endpoint);
        let wecom = "/cgi-bin/miniprogram/jscode2session";
        check("qyapi.weixin.qq.com", wecom, Endpoint::WecomJscode2session);
        check("api.weixin.qq.com", wecom, Endpoint::Unknown);
        check("localhost", wecom, Endpoint::WecomJscode2session);
        check("qyapi.weixin.qq.com", "/cgi-bin/token", Endpoint::Unknown);
        check("sh.api.weixin.qq.com", "/cgi-bin/token", Endpoint::Token);
    }
}
