//! What a page asks of the phone (`wx.*`) and what its callbacks hear. Knows nothing of HTTP or of how a key is chosen.

use serde::{Deserialize, Serialize};

use crate::{AppId, DeviceId, JsCode, KeyNo, UserId};

/// Whose hand holds which phone, inside which mini program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Who {
    /// The mini program.
    pub app: AppId,
    /// The person logged in to WeChat on the phone.
    pub user: UserId,
    /// The phone; made by its first use.
    pub device: DeviceId,
}

/// A successful `wx.login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Login {
    /// What the page gets, good for one exchange.
    pub code: JsCode,
    /// The key phones encrypt with right after the mint. Under `rotate = "exchange"` the exchange may reveal a newer one.
    pub key_no: KeyNo,
    /// The key this code is bound to; newer than `key_no` only while a key waits for its exchange (`activate_on = "exchange"`).
    pub bound_key_no: KeyNo,
}

/// What a `wx.login` is to bring that phones do not choose; the default is what a phone does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LoginDemand {
    /// The code has `+`, `/` and `=` in it.
    pub code_to_encode: bool,
    /// A new key is issued in any case, and its base64 has `+` and `/` in it.
    pub key_to_encode: bool,
}

/// What WeChat sends along when it fetches data ahead: a token of the page's or a code, never both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Prefetch {
    /// What `wx.setBackgroundFetchToken` set on this phone.
    pub token: Option<String>,
    /// Else a login code that no page asked for; it may have rotated the key.
    pub code: Option<JsCode>,
    /// The key the code is bound to.
    pub key_no: Option<KeyNo>,
}

/// What the fail callback of a `wx.*` call gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error, Deserialize)]
#[error("{err_msg}")]
pub struct DeviceFail {
    /// `errMsg`: `<api>:fail <reason>`.
    #[serde(rename = "errMsg")]
    pub err_msg: String,
    /// `errCode`, where the api has error codes of its own.
    #[serde(rename = "errCode", skip_serializing_if = "Option::is_none")]
    pub err_code: Option<i64>,
    /// `errno`, where the base library sends one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<i64>,
}

impl DeviceFail {
    /// A failure of `api` with nothing but its text; `reason` begins with what stands behind `fail`, a blank or a colon.
    #[must_use]
    pub fn new(api: &str, reason: &str) -> Self {
        Self {
            err_msg: format!("{api}:fail{reason}"),
            err_code: None,
            errno: None,
        }
    }

    /// A page called `api` with a parameter of the wrong type: errno 1001. `wanted` and `got` are names of types as the base
    /// library writes them: `String`, `Undefined`. Source: captures of `uploadFile` and `copyFile` on phones; other calls are
    /// assumed to word it alike.
    #[must_use]
    pub fn wrong_parameter(api: &str, name: &str, wanted: &str, got: &str) -> Self {
        let reason =
            format!(" parameter error: parameter.{name} should be {wanted} instead of {got};");
        Self {
            errno: Some(1001),
            ..Self::new(api, &reason)
        }
    }
}

/// Whether a person lets a page have one kind of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Yes.
    #[default]
    Allow,
    /// No, in the words of iOS and the developer tools.
    Deny,
    /// No, in the words of Android, which differ for the phone button only.
    DenyAndroid,
    /// The page's privacy agreement was not accepted: errno 104.
    Privacy,
    /// The mini program has no permission for the call: errno 102.
    NoPermission,
    /// The mini program's quota for the call is spent: errno 1400001.
    NoQuota,
}

impl Consent {
    /// What the fail callback of `api` gets; `None` if the call goes on.
    ///
    /// The texts of a denied profile, scope, phone button and avatar, of missing permission and missing privacy consent are
    /// captured. The errno of a plain denial is read from the official table (103), and the text of a spent quota is ours: only
    /// its number is known.
    #[must_use]
    pub fn refusal(self, api: &str) -> Option<DeviceFail> {
        let (reason, errno) = match (self, api) {
            (Self::Allow, _) => return None,
            (Self::Deny, "getPhoneNumber") => (" user deny", Some(103)),
            (Self::DenyAndroid, "getPhoneNumber") => (":user deny", Some(103)),
            // Captured without an errno, from all systems.
            (Self::Deny | Self::DenyAndroid, "chooseAvatar") => (" cancel", None),
            (Self::Deny | Self::DenyAndroid, _) => (" auth deny", Some(103)),
            (Self::Privacy, _) => (" privacy permission is not authorized", Some(104)),
            (Self::NoPermission, _) => (" operateWXData:fail jsapi has no permission", Some(102)),
            (Self::NoQuota, _) => (" no quota", Some(1_400_001)),
        };
        Some(DeviceFail {
            errno,
            ..DeviceFail::new(api, reason)
        })
    }

    /// Whether the person says no.
    #[must_use]
    pub const fn denies(self) -> bool {
        matches!(self, Self::Deny | Self::DenyAndroid)
    }
}

/// How `wx.login` goes for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginSwitch {
    /// It works.
    #[default]
    Works,
    /// It times out: errno 5. The text is ours, from the official table.
    Timeout,
    /// It is blocked: errno 1402101. The text is ours, from the official table.
    Blocked,
}

impl LoginSwitch {
    /// What the fail callback gets; `None` if the call goes on.
    #[must_use]
    pub fn refusal(self) -> Option<DeviceFail> {
        let (err_msg, errno) = match self {
            Self::Works => return None,
            Self::Timeout => ("login:fail time out", 5),
            Self::Blocked => ("login:fail login blocked", 1_402_101),
        };
        Some(DeviceFail {
            err_msg: err_msg.to_owned(),
            err_code: None,
            errno: Some(errno),
        })
    }
}

/// What a phone says when no login is alive. Captured for checkSession; the other calls are assumed to word it alike.
pub(crate) fn no_live_login(api: &str) -> DeviceFail {
    DeviceFail::new(api, " session time out, need relogin")
}

/// What a phone says about a person, app or key this world does not have: a mistake of whoever drives the phone.
pub(crate) fn no_such(api: &str, what: &str) -> DeviceFail {
    DeviceFail {
        errno: Some(101),
        ..DeviceFail::new(api, &format!(" {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(consent: Consent, api: &str, err_msg: &str, errno: impl Into<Option<i64>>) {
        let fail = consent.refusal(api);
        assert_eq!(
            fail,
            Some(DeviceFail {
                err_msg: err_msg.to_owned(),
                err_code: None,
                errno: errno.into()
            })
        );
    }

    #[test]
    fn refusals_use_the_captured_words() {
        check(
            Consent::Deny,
            "getUserInfo",
            "getUserInfo:fail auth deny",
            103,
        );
        check(
            Consent::Deny,
            "getUserProfile",
            "getUserProfile:fail auth deny",
            103,
        );
        check(
            Consent::DenyAndroid,
            "getWeRunData",
            "getWeRunData:fail auth deny",
            103,
        );
        check(
            Consent::Deny,
            "getPhoneNumber",
            "getPhoneNumber:fail user deny",
            103,
        );
        check(
            Consent::DenyAndroid,
            "getPhoneNumber",
            "getPhoneNumber:fail:user deny",
            103,
        );
        check(
            Consent::Privacy,
            "getPhoneNumber",
            "getPhoneNumber:fail privacy permission is not authorized",
            104,
        );
        check(
            Consent::NoPermission,
            "getPhoneNumber",
            "getPhoneNumber:fail operateWXData:fail jsapi has no permission",
            102,
        );
        assert_eq!(Consent::Allow.refusal("getUserInfo"), None);
        assert_eq!(
            no_live_login("checkSession").err_msg,
            "checkSession:fail session time out, need relogin"
        );
    }

    #[test]
    fn scopes_and_avatars_are_refused_in_the_captured_words() {
        check(Consent::Deny, "authorize", "authorize:fail auth deny", 103);
        check(
            Consent::DenyAndroid,
            "chooseAvatar",
            "chooseAvatar:fail cancel",
            None,
        );
        check(
            Consent::Privacy,
            "chooseAvatar",
            "chooseAvatar:fail privacy permission is not authorized",
            104,
        );
    }

    #[test]
    fn a_fail_callback_is_json_as_wechat_writes_it() {
        let json = |fail: &DeviceFail| serde_json::to_string(fail).unwrap_or_default();
        assert_eq!(
            json(&no_live_login("checkSession")),
            r#"{"errMsg":"checkSession:fail session time out, need relogin"}"#
        );
        assert_eq!(
            json(&DeviceFail::wrong_parameter(
                "uploadFile",
                "filePath",
                "String",
                "Undefined"
            )),
            r#"{"errMsg":"uploadFile:fail parameter error: parameter.filePath should be String instead of Undefined;","errno":1001}"#
        );
        let timeout = LoginSwitch::Timeout
            .refusal()
            .unwrap_or_else(|| no_live_login("login"));
        assert_eq!(
            json(&timeout),
            r#"{"errMsg":"login:fail time out","errno":5}"#
        );
    }
}
