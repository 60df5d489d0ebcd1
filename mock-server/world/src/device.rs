//! What a page asks of the phone (`wx.*`) and what its callbacks hear. Knows nothing of HTTP or of how a key is chosen.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AppId, DeviceId, JsCode, KeyNo, PhoneCode, UserId};

/// Whose hand holds which phone, inside which mini program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// What the fail callback of a `wx.*` call gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{err_msg}")]
pub struct DeviceFail {
    /// `errMsg`: `<api>:fail <reason>`.
    #[serde(rename = "errMsg")]
    pub err_msg: String,
    /// `errno`, where the base library sends one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<i64>,
}

/// The `wx.*` calls that hand out open data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OpenDataApi {
    /// `wx.getUserProfile`: ciphertext without openId and unionId.
    GetUserProfile,
    /// `wx.getUserInfo`: ciphertext with openId, if a login is alive.
    GetUserInfo,
    /// The phone button: a code, and the older encrypted form beside it.
    GetPhoneNumber,
    /// `wx.getWeRunData`: steps of the last 31 days.
    GetWeRunData,
}

impl OpenDataApi {
    /// The name as in `wx.<name>` and before the colon of `errMsg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GetUserProfile => "getUserProfile",
            Self::GetUserInfo => "getUserInfo",
            Self::GetPhoneNumber => "getPhoneNumber",
            Self::GetWeRunData => "getWeRunData",
        }
    }
}

impl fmt::Display for OpenDataApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which key seals a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyChoice {
    /// The key in force, as a phone does.
    #[default]
    Current,
    /// A key of this user by its number, in force or not.
    Number(KeyNo),
    /// A key WeChat never issued; different numbers give different keys.
    NeverIssued(u32),
}

/// Which iv seals a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IvChoice {
    /// The next one of this user's stream, as a phone does.
    #[default]
    Next,
    /// One that makes both the iv and the ciphertext contain `+` and `/`, the characters transports damage.
    PlusSlash,
    /// One under which opening the payload with this other key of the user meets valid padding (chance does that one time in
    /// 256): the garbage then passes for a decryption.
    ValidPaddingUnder(KeyNo),
}

/// A request for open data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// Which `wx.*` call.
    pub api: OpenDataApi,
    /// Which key seals it.
    pub key: KeyChoice,
    /// `withCredentials` of getUserInfo; without it the answer has no ciphertext and needs no login. The other calls ignore it.
    pub with_credentials: bool,
    /// Which iv seals it.
    pub iv: IvChoice,
}

impl Capture {
    /// What a phone does: the key in force, with credentials.
    #[must_use]
    pub const fn new(api: OpenDataApi) -> Self {
        Self {
            api,
            key: KeyChoice::Current,
            with_credentials: true,
            iv: IvChoice::Next,
        }
    }

    /// The same with another key.
    #[must_use]
    pub const fn with_key(self, key: KeyChoice) -> Self {
        Self { key, ..self }
    }

    /// The same with another iv.
    #[must_use]
    pub const fn with_iv(self, iv: IvChoice) -> Self {
        Self { iv, ..self }
    }
}

/// Open data as the page gets it, and what it was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    /// Which `wx.*` call.
    pub api: OpenDataApi,
    /// The key that sealed it; `None` for a key never issued, or if there is no ciphertext.
    pub key_no: Option<KeyNo>,
    /// `rawData`, for getUserInfo and getUserProfile.
    pub raw_data: Option<String>,
    /// `signature` over it, 40 lower-case hex digits.
    pub signature: Option<String>,
    /// `userInfo`, an object.
    pub user_info: Option<serde_json::Value>,
    /// `encryptedData`, base64; empty if there is no ciphertext (no credentials asked for, or the phone button before any login).
    pub encrypted_data: String,
    /// `iv`, 24 characters of base64; empty with the ciphertext.
    pub iv: String,
    /// `code` of the phone button.
    pub code: Option<PhoneCode>,
    /// What was sealed; not on the wire.
    pub plaintext: String,
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
    /// What the fail callback gets; `None` if the call goes on.
    ///
    /// The texts of a denied profile, a denied phone button, missing permission and missing privacy consent are captured. The
    /// errno of a plain denial is read from the official table (103), and the text of a spent quota is ours: only its number is known.
    #[must_use]
    pub fn refusal(self, api: OpenDataApi) -> Option<DeviceFail> {
        let phone = api == OpenDataApi::GetPhoneNumber;
        let (reason, errno) = match self {
            Self::Allow => return None,
            Self::Deny if phone => (" user deny", 103),
            Self::DenyAndroid if phone => (":user deny", 103),
            Self::Deny | Self::DenyAndroid => (" auth deny", 103),
            Self::Privacy => (" privacy permission is not authorized", 104),
            Self::NoPermission => (" operateWXData:fail jsapi has no permission", 102),
            Self::NoQuota => (" no quota", 1_400_001),
        };
        Some(DeviceFail {
            err_msg: format!("{api}:fail{reason}"),
            errno: Some(errno),
        })
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
            errno: Some(errno),
        })
    }
}

/// What a phone says when no login is alive. Captured for checkSession; the other calls are assumed to word it alike.
pub(crate) fn no_live_login(api: &str) -> DeviceFail {
    DeviceFail {
        err_msg: format!("{api}:fail session time out, need relogin"),
        errno: None,
    }
}

/// What a phone says about a person, app or key this world does not have: a mistake of whoever drives the phone.
pub(crate) fn no_such(api: &str, what: &str) -> DeviceFail {
    DeviceFail {
        err_msg: format!("{api}:fail {what}"),
        errno: Some(101),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(consent: Consent, api: OpenDataApi, err_msg: &str, errno: i64) {
        let fail = consent.refusal(api);
        assert_eq!(
            fail,
            Some(DeviceFail {
                err_msg: err_msg.to_owned(),
                errno: Some(errno)
            })
        );
    }

    #[test]
    fn refusals_use_the_captured_words() {
        use OpenDataApi::{GetPhoneNumber, GetUserInfo, GetUserProfile, GetWeRunData};
        check(
            Consent::Deny,
            GetUserInfo,
            "getUserInfo:fail auth deny",
            103,
        );
        check(
            Consent::Deny,
            GetUserProfile,
            "getUserProfile:fail auth deny",
            103,
        );
        check(
            Consent::DenyAndroid,
            GetWeRunData,
            "getWeRunData:fail auth deny",
            103,
        );
        check(
            Consent::Deny,
            GetPhoneNumber,
            "getPhoneNumber:fail user deny",
            103,
        );
        check(
            Consent::DenyAndroid,
            GetPhoneNumber,
            "getPhoneNumber:fail:user deny",
            103,
        );
        check(
            Consent::Privacy,
            GetPhoneNumber,
            "getPhoneNumber:fail privacy permission is not authorized",
            104,
        );
        check(
            Consent::NoPermission,
            GetPhoneNumber,
            "getPhoneNumber:fail operateWXData:fail jsapi has no permission",
            102,
        );
        assert_eq!(Consent::Allow.refusal(GetUserInfo), None);
        assert_eq!(
            no_live_login("checkSession").err_msg,
            "checkSession:fail session time out, need relogin"
        );
    }

    #[test]
    fn a_fail_callback_is_json_as_wechat_writes_it() {
        let json = |fail: &DeviceFail| serde_json::to_string(fail).unwrap_or_default();
        assert_eq!(
            json(&no_live_login("checkSession")),
            r#"{"errMsg":"checkSession:fail session time out, need relogin"}"#
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
