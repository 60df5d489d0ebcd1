//! Open data a page asks for: which call, under which key and iv, and how the payload differs from what a phone makes.
//!
//! What a phone makes is the default of everything here. The rest are payloads as they come in life and as attackers make
//! them, on demand.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AppId, KeyNo, OpenId, PhoneCode, SessionKey, Span, device::Consent};

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
    /// `wx.getShareInfo`: which group a share went to. Deprecated from base library 2.17.3.
    GetShareInfo,
    /// `wx.getGroupEnterInfo`: which chat the mini program was opened from.
    GetGroupEnterInfo,
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
            Self::GetShareInfo => "getShareInfo",
            Self::GetGroupEnterInfo => "getGroupEnterInfo",
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
    /// The same, and both end in `=`. A ciphertext whose length needs no `=` becomes a block longer, by white space in its JSON.
    PlusSlashEquals,
    /// One under which opening the payload with this other key of the user meets valid padding (chance does that one time in
    /// 256): the garbage then passes for a decryption.
    ValidPaddingUnder(KeyNo),
}

/// Which mini program a payload's watermark names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatermarkApp {
    /// The one it was captured in.
    #[default]
    Own,
    /// One that exists nowhere: `wx0000000000000bad`.
    Other,
    /// One whose appid is the beginning of ours.
    Shorter,
    /// One whose appid begins with ours.
    Longer,
    /// This one.
    Named(AppId),
}

impl WatermarkApp {
    /// The appid as the payload says it.
    pub(crate) fn text(&self, own: &AppId) -> String {
        let own = own.as_str();
        match self {
            Self::Own => own.to_owned(),
            Self::Other => "wx0000000000000bad".to_owned(),
            Self::Shorter => own[..own.len() - 1].to_owned(),
            Self::Longer => format!("{own}0"),
            Self::Named(app) => app.to_string(),
        }
    }
}

/// Whom the ciphertext names in `openId` (and `unionId`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamedPerson {
    /// Whom the call names by itself: the person in getUserInfo, nobody elsewhere.
    #[default]
    ByApi,
    /// Nobody, as getUserProfile does, and as old code that reads `openId` does not expect.
    Nobody,
    /// This openid, and the unionid the call names by itself; only where the payload has a profile.
    Openid(OpenId),
}

/// A moment other than now that the watermark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MadeAt {
    /// So long ago.
    Ago(Span),
    /// So far ahead.
    Ahead(Span),
}

/// Which chat the mini program was opened from, or a share went to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Chat {
    /// A chat of several people, by a name for people: the same name is the same group in all of an app.
    Group(String),
    /// A chat of two, by a name for people.
    Single(String),
    /// None: 40097.
    Elsewhere,
    /// A group this person has left: 65206.
    Left,
}

impl Default for Chat {
    fn default() -> Self {
        Self::Group("group".to_owned())
    }
}

/// How a payload differs from what a phone makes by itself; the default is no difference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variation {
    /// The person's answer to this very call, whatever they answer else.
    pub consent: Option<Consent>,
    /// Whether the profile is the anonymous one (`is_demote`), whatever the person's switch says.
    pub anonymous: Option<bool>,
    /// `nickName`, any text.
    pub nick_name: Option<String>,
    /// Whom the ciphertext names.
    pub person: NamedPerson,
    /// Which app the watermark names.
    pub watermark: WatermarkApp,
    /// Which moment the watermark says, if not now.
    pub made_at: Option<MadeAt>,
    /// How many bytes of PKCS#7 padding the ciphertext has, 1 to 16. Reached by white space in its JSON, before `"watermark"`:
    /// WeChat writes none, and what is read stays the same.
    pub padding: Option<u8>,
    /// Which key makes `signature`, if not the one that seals.
    pub signing_key: Option<KeyChoice>,
}

/// A request for open data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// Which `wx.*` call.
    pub api: OpenDataApi,
    /// Which key seals it.
    pub key: KeyChoice,
    /// `withCredentials` of getUserInfo; without it the answer has no ciphertext and needs no login. The other calls ignore it.
    pub with_credentials: bool,
    /// Which iv seals it.
    pub iv: IvChoice,
    /// Which chat getShareInfo and getGroupEnterInfo are about. The other calls ignore it.
    pub chat: Chat,
    /// `needGroupOpenID` of getGroupEnterInfo.
    pub need_group_openid: bool,
    /// How it differs from what a phone makes.
    pub variation: Variation,
}

impl Capture {
    /// What a phone does: the key in force, with credentials.
    #[must_use]
    pub fn new(api: OpenDataApi) -> Self {
        Self {
            api,
            key: KeyChoice::Current,
            with_credentials: true,
            iv: IvChoice::Next,
            chat: Chat::default(),
            need_group_openid: false,
            variation: Variation::default(),
        }
    }

    /// The same with another key.
    #[must_use]
    pub fn with_key(self, key: KeyChoice) -> Self {
        Self { key, ..self }
    }

    /// The same with another iv.
    #[must_use]
    pub fn with_iv(self, iv: IvChoice) -> Self {
        Self { iv, ..self }
    }

    /// The same with another variation.
    #[must_use]
    pub fn with_variation(self, variation: Variation) -> Self {
        Self { variation, ..self }
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
    /// The key that sealed it, issued or not; not on the wire.
    pub sealing_key: Option<SessionKey>,
}
