//! The closed set of verbs a scenario may use, typed. It knows no spelling; `words.rs` reads the words.

use std::time::Duration;

use super::{FaultEffect, FaultWhen};

/// One thing a phone, the world or the harness does.
///
/// Names (`code`, `token`, `payload`) are scenario names, unique within a [`super::Program`]. Steps that omit
/// `as …` get a generated name, so every code, token and payload has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// `mint as c`: `wx.login`, nothing sent to the backend.
    Mint {
        /// The code's name.
        code: String,
    },
    /// `alter c suffix="&x=1"`: the phone holds the minted code with more behind it, a code WeChat never made, as an
    /// attacker would send it to a backend that pastes codes into a URL.
    Alter {
        /// The code's name.
        code: String,
        /// What stands behind it.
        suffix: String,
    },
    /// `claim B`: from here on every request of the phone says it is B's, in every identity field that the adapter
    /// describes and in those that backends are known to read.
    Claim {
        /// Who it claims to be (scenario name).
        user: String,
    },
    /// `forge t as f how=unsigned`: a token that nobody issued, made of one that somebody holds. Of a token that the way does
    /// not apply to, nothing is made, and steps that use `f` are left out.
    Forge {
        /// The token it is made of.
        token: String,
        /// Name of what is made.
        forged: String,
        /// What is changed.
        how: TokenForgery,
    },
    /// `resemble A differs=case`: WeChat has given the phone's person an openid that a careless comparison takes for A's.
    Resemble {
        /// Whose openid it resembles (scenario name).
        user: String,
        /// How the two differ.
        differs: Differs,
    },
    /// `submit c [as t]`: the backend's `login` operation with a code minted earlier.
    Submit {
        /// The code's name.
        code: String,
        /// Name for the token that comes back.
        token: String,
    },
    /// `login [as t]`: mint and submit in one step; in a race the mint is an event of its own.
    Login {
        /// Generated name of the code.
        code: String,
        /// Name for the token that comes back.
        token: String,
    },
    /// `submit-profile c with p [as t]`: the backend's `login_profile` operation, code and payload in one request.
    SubmitProfile {
        /// The code's name.
        code: String,
        /// The payload's name.
        payload: String,
        /// Name for the token that comes back.
        token: String,
    },
    /// `store t`: the phone writes the token into its storage, where `using last` finds it. A token no step stores is
    /// stored when it arrives; a slow page stores it later, perhaps over a newer one.
    Store {
        /// The token's name.
        token: String,
    },
    /// `check`: `wx.checkSession`. Asks WeChat only; the answer is recorded and judged by nobody.
    Check,
    /// `capture userinfo|profile|phone|werun as p […]`: encrypted data under a key of the phone's user.
    Capture {
        /// Which `wx` call makes it.
        api: CaptureApi,
        /// The payload's name.
        payload: String,
        /// What is unusual about it; the default is what a phone makes.
        seal: Seal,
    },
    /// `send p [using t] […]`: the payload goes to the backend.
    Send {
        /// The payload's name.
        payload: String,
        /// Which token goes with it.
        using: Using,
        /// Fields added to the request that an honest phone would not send.
        extra: Option<Extra>,
        /// How the payload's base64 is put on the wire.
        transport: Transport,
    },
    /// `phonecode as f`: the phone button's one-time code.
    PhoneCode {
        /// The phone code's name.
        phone_code: String,
        /// `country=39`: from here on the person has a number of that country, which begins with 0.
        country: Option<String>,
    },
    /// `sendcode f [using t]`: the backend's `phone_code` operation.
    SendCode {
        /// The phone code's name.
        phone_code: String,
        /// Which token goes with it.
        using: Using,
    },
    /// `swap c f`: a page that mixes up its two kinds of code: what the phone sends as login code `c` is the phone button's
    /// code and the other way round, until it is said again.
    Swap {
        /// The login code's name.
        code: String,
        /// The phone code's name.
        phone_code: String,
    },
    /// `whoami [using t]`: any authenticated call that tells the user.
    Whoami {
        /// Which token.
        using: Using,
    },
    /// `logout [using t]`.
    Logout {
        /// Which token.
        using: Using,
    },
    /// `refresh [using t] [as u]`: a token for a new one of the same session.
    Refresh {
        /// Which token it carries.
        using: Using,
        /// The new token's name.
        token: String,
    },
    /// `advance 10m`: this order's users grow older by that much; nobody else does.
    Advance {
        /// How much, at least one millisecond.
        by: Duration,
    },
    /// `expire-key A`: the key in force dies now.
    ExpireKey {
        /// Scenario name of the user.
        user: String,
    },
    /// `reset-key A`: WeChat's own reset, as `resetusersessionkey` does it.
    ResetKey {
        /// Scenario name of the user.
        user: String,
    },
    /// `rotate-key A`: a newer key takes over, as if another surface had called `wx.login`.
    RotateKey {
        /// Scenario name of the user.
        user: String,
    },
    /// `fault <label> <endpoint> of A: <effect> [when=…] [times=n]`.
    Fault {
        /// The fault's name, unique in the program.
        label: String,
        /// Endpoint, as WeChat's last path segment: `jscode2session`, `getuserphonenumber`, `token`, …; `access_token` is both
        /// that hand out access_tokens.
        endpoint: String,
        /// Whose calls it hits (scenario name).
        user: String,
        /// What happens to the call.
        effect: FaultEffect,
        /// Before or after WeChat carries the call out.
        when: FaultWhen,
        /// How many calls it hits; `None`: all until the end of the order. One unless written.
        times: Option<u32>,
    },
    /// `hold <label> <endpoint> of A`: WeChat carries these calls out and keeps their replies until `release` says so, or the race
    /// is over.
    Hold {
        /// The hold's name.
        label: String,
        /// Endpoint, as in [`Self::Fault`].
        endpoint: String,
        /// Whose calls (scenario name).
        user: String,
    },
    /// `release number`: the replies that this hold keeps are let go, and it keeps no more.
    Release {
        /// The hold's name.
        label: String,
    },
    /// `lift busy`: the fault of this name strikes no more.
    Lift {
        /// The fault's name.
        label: String,
    },
    /// `token killed`, `token overlap=none`, …: something happens to the app's access_tokens, or a rule of theirs changes until
    /// the end of the order.
    AccessToken {
        /// What.
        change: TokenChange,
    },
    /// `shape A errcode_zero …`: legal but surprising success bodies for one user.
    Shape {
        /// Scenario name of the user.
        user: String,
        /// What changes.
        change: ShapeChange,
    },
    /// `strangers 30`: so many people who have no other part in the order log in, one after the other.
    Strangers {
        /// 1 to 255.
        count: u8,
    },
    /// `wait-idle`: go on when no request is open.
    WaitIdle,
    /// `recover A`: a fresh phone logs in once, captures and sends; the answer must be ok (KEY-03).
    Recover {
        /// Scenario name of the user.
        user: String,
    },
    /// `probe A`: one payload per historical key and one under a key never issued, sent with the newest token; when the
    /// order is over, also one of another person.
    Probe {
        /// Scenario name of the user.
        user: String,
    },
}

/// What happens to the access_tokens of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenChange {
    /// `killed`: every token is dead (40001), as when the AppSecret was reset or another server fetched one.
    Killed,
    /// `expired`: the time of every token is over (42001).
    Expired,
    /// `fetched`: another server of the same app asks `cgi-bin/token` for one of its own, which displaces the plain token.
    Fetched,
    /// `forced`: another server asks `cgi-bin/stable_token` with `force_refresh`, which ends the stable token.
    Forced,
    /// `overlap=none`, `overlap=5m`: how long a displaced plain token still works.
    Overlap(Duration),
    /// `life=60s`: how long tokens live that are issued from now on; `expires_in` of the replies.
    Life(Duration),
}

/// The `wx` call that makes a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CaptureApi {
    /// `wx.getUserInfo`.
    UserInfo,
    /// `wx.getUserProfile`.
    Profile,
    /// The phone button's encrypted form.
    Phone,
    /// `wx.getWeRunData`; no adapter operation takes it, so it can be captured but not sent.
    WeRun,
}

/// How a payload is sealed. `Seal::default()` is what a phone makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seal {
    /// Under which key.
    pub key: SealKey,
    /// `watermark=other-app|shorter|longer`: the watermark names another mini program.
    pub watermark: Watermark,
    /// `iv=bent`: the iv is changed so that the first block reads differently.
    pub bent_iv: bool,
    /// `openid=B`: the data names this user's openid (scenario name).
    pub openid_of: Option<String>,
    /// `alphabet=plus-slash`: iv and data contain both `+` and `/`.
    pub plus_slash: bool,
    /// `twin=previous`: opening it with the previous key still gives valid padding.
    pub padding_twin: bool,
    /// `iv=of:B`: the iv is that of the payload which this user captured last (scenario name).
    pub iv_of: Option<String>,
    /// `nick=emoji|chinese|twelve|anonymous`: what the nickname is made of.
    pub nick: Nick,
    /// `country=39`: the phone number is one of that country, and begins with 0.
    pub country: Option<String>,
    /// `made=1d-ago`, `made=1d-ahead`: the watermark says another moment than now.
    pub made: Option<MadeAt>,
    /// `rawData` was changed after it was signed: what `bent_iv` becomes where an operation sends signed data and no sealed.
    pub altered_raw_data: bool,
}

/// The moment a payload's watermark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeAt {
    /// So long ago.
    Ago(Duration),
    /// So far ahead.
    Ahead(Duration),
}

/// Which mini program a payload's watermark names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Watermark {
    /// The one it was captured in.
    #[default]
    Own,
    /// One whose appid looks like any other.
    OtherApp,
    /// One whose appid is the beginning of ours.
    Shorter,
    /// One whose appid begins with ours.
    Longer,
}

/// What a nickname is made of. No other payload of the run carries the same, unless it is the one that everybody has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Nick {
    /// Latin letters, digits and hyphens.
    #[default]
    Plain,
    /// Letters and characters that take four bytes in UTF-8.
    Emoji,
    /// Chinese characters.
    Chinese,
    /// Twelve letters and digits.
    Twelve,
    /// The name and picture that WeChat has given for everybody since 2022.
    Anonymous,
}

/// Which key seals a payload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SealKey {
    /// The key in force at capture.
    #[default]
    Current,
    /// `key=previous`: the one before it.
    Previous,
    /// `key=k3`: by number, from 1.
    Number(u32),
    /// `key=never-issued`: one WeChat never made.
    NeverIssued,
    /// Another person's, in base64; no word of a scenario means it, only the harness's own probes do.
    Foreign(String),
}

/// Which token a request carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Using {
    /// `using last`, and the default: the token the phone stored last, which is the one it received last unless a step
    /// says when it is stored.
    #[default]
    Last,
    /// `using newest`: the token of the login whose key is the newest issued, whichever phone of the user got it.
    Newest,
    /// `using none`: no token.
    Nothing,
    /// `using t1`: the token kept under this name.
    Named(String),
}

/// What is changed of a token that the backend gave out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenForgery {
    /// `how=first`: the first character that a look-up has to look at.
    First,
    /// `how=middle`: a character in the middle.
    Middle,
    /// `how=end`: the last character.
    End,
    /// `how=signature`: of a JWT, a character of the signature.
    Signature,
    /// `how=unsigned`: of a JWT, the signature is left out and the header says `alg: none`.
    Unsigned,
    /// `how=claims-of:B`: of a JWT, the claims are those of this user's newest token (scenario name), under the signature of
    /// the own ones.
    ClaimsOf(String),
}

/// How two openids differ that resemble each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differs {
    /// `differs=case`: by upper and lower case alone.
    Case,
    /// `differs=end`: by the last character alone.
    End,
}

/// Fields an attacker adds to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extra {
    /// `extra=attacker-key`: the key the payload was sealed under, in every field name backends are known to read.
    AttackerKey,
    /// `extra=identity-of:B`: openid and user id of this user (scenario name).
    IdentityOf(String),
}

/// How base64 is put on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// As the adapter describes.
    #[default]
    Adapter,
    /// `transport=raw-plus`: as a form or query decoder leaves an unescaped `+`, that is, with spaces.
    RawPlus,
    /// `transport=escaped`: percent-encoded once more than the adapter describes, as by a page that escapes what its library
    /// escapes again.
    Escaped,
    /// `transport=absent`: neither data nor iv, as from a page whose user refused.
    Absent,
    /// `transport=empty`: both are empty texts.
    Empty,
    /// `transport=undefined`: both are the word that a page makes of a value it does not have.
    Undefined,
    /// `transport=short-iv`: the iv is one byte short.
    ShortIv,
    /// `transport=swapped`: the data stands where the iv belongs, and the iv where the data does.
    Swapped,
    /// `transport=garbage`: both are valid base64 of the right length and nothing WeChat made.
    Garbage,
    /// The signature has the right shape and is nobody's: what `garbage` becomes where an operation sends signed data and no
    /// sealed.
    FalseSignature,
}

impl Transport {
    /// Whether what arrives cannot be opened by anybody.
    #[must_use]
    pub const fn spoils(self) -> bool {
        !matches!(self, Self::Adapter | Self::RawPlus | Self::Escaped)
    }
}

/// Order of fields in a success body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldOrder {
    /// WeChat's own.
    Wechat,
    /// Backwards.
    Reversed,
    /// By name.
    Sorted,
}

/// A change of the success bodies one user gets; what is not mentioned stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShapeChange {
    /// `errcode_zero`: `errcode: 0` on success.
    pub errcode_zero: Option<bool>,
    /// `extra_fields`: fields no documentation mentions.
    pub extra_fields: Option<bool>,
    /// `field_order=sorted`.
    pub field_order: Option<FieldOrder>,
    /// `content_type=application/json`.
    pub content_type: Option<String>,
    /// `no_unionid`, or `no_unionid=false` to bring it back.
    pub no_unionid: Option<bool>,
    /// `legacy_expires_in`: the field old replies carried.
    pub legacy_expires_in: Option<bool>,
    /// `slash_escape=false`: `/` instead of `\/`.
    pub slash_escape: Option<bool>,
    /// `key=plus-slash`: the base64 of the session_keys that the person's logins bring from here on.
    pub key: Option<KeyText>,
}

/// Which characters the base64 of a session_key holds, beside letters, digits and the `==` at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyText {
    /// `key=plus-slash`: both `+` and `/`.
    PlusSlash,
    /// `key=plain`: neither.
    Plain,
}

/// What a name stands for; names of different kinds never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameKind {
    /// A login code: `c1`.
    Code,
    /// A session token: `t1`.
    Token,
    /// A payload of a phone: `p1`.
    Payload,
    /// A code of the phone button.
    PhoneCode,
    /// A person.
    User,
    /// A fault rule.
    Fault,
    /// Replies that are held.
    Hold,
}

impl Verb {
    /// Whether the harness itself asks (`recover`, `probe`).
    #[must_use]
    pub const fn is_harness(&self) -> bool {
        matches!(self, Self::Recover { .. } | Self::Probe { .. })
    }

    /// Every name the verb makes or uses, in the order they are written. One arm a verb, which is what makes this long.
    pub fn names_mut(&mut self) -> Vec<(NameKind, &mut String)> {
        fn token(using: &mut Using) -> Option<(NameKind, &mut String)> {
            match using {
                Using::Named(name) => Some((NameKind::Token, name)),
                Using::Last | Using::Newest | Using::Nothing => None,
            }
        }
        match self {
            Self::Mint { code } => vec![(NameKind::Code, code)],
            Self::Alter { code, .. } => vec![(NameKind::Code, code)],
            Self::Forge { token, forged, how } => {
                let mut names = vec![(NameKind::Token, token), (NameKind::Token, forged)];
                if let TokenForgery::ClaimsOf(user) = how {
                    names.push((NameKind::User, user));
                }
                names
            }
            Self::Claim { user } | Self::Resemble { user, .. } => vec![(NameKind::User, user)],
            Self::Submit { code, token } | Self::Login { code, token } => {
                vec![(NameKind::Code, code), (NameKind::Token, token)]
            }
            Self::SubmitProfile {
                code,
                payload,
                token,
            } => {
                vec![
                    (NameKind::Code, code),
                    (NameKind::Payload, payload),
                    (NameKind::Token, token),
                ]
            }
            Self::Store { token } => vec![(NameKind::Token, token)],
            Self::Capture { payload, seal, .. } => {
                let mut names = vec![(NameKind::Payload, payload)];
                names.extend(seal.openid_of.as_mut().map(|user| (NameKind::User, user)));
                names.extend(seal.iv_of.as_mut().map(|user| (NameKind::User, user)));
                names
            }
            Self::Send {
                payload,
                using,
                extra,
                ..
            } => {
                let mut names = vec![(NameKind::Payload, payload)];
                names.extend(token(using));
                if let Some(Extra::IdentityOf(user)) = extra {
                    names.push((NameKind::User, user));
                }
                names
            }
            Self::PhoneCode { phone_code, .. } => vec![(NameKind::PhoneCode, phone_code)],
            Self::Swap { code, phone_code } => {
                vec![(NameKind::Code, code), (NameKind::PhoneCode, phone_code)]
            }
            Self::SendCode { phone_code, using } => {
                let mut names = vec![(NameKind::PhoneCode, phone_code)];
                names.extend(token(using));
                names
            }
            Self::Whoami { using } | Self::Logout { using } => token(using).into_iter().collect(),
            Self::Refresh {
                using,
                token: refreshed,
            } => {
                let mut names: Vec<_> = token(using).into_iter().collect();
                names.push((NameKind::Token, refreshed));
                names
            }
            Self::Fault { label, user, .. } => {
                vec![(NameKind::Fault, label), (NameKind::User, user)]
            }
            Self::ExpireKey { user }
            | Self::ResetKey { user }
            | Self::RotateKey { user }
            | Self::Shape { user, .. }
            | Self::Recover { user }
            | Self::Probe { user } => vec![(NameKind::User, user)],
            Self::Lift { label } => vec![(NameKind::Fault, label)],
            Self::Hold { label, user, .. } => {
                vec![(NameKind::Hold, label), (NameKind::User, user)]
            }
            Self::Release { label } => vec![(NameKind::Hold, label)],
            Self::Check
            | Self::Advance { .. }
            | Self::AccessToken { .. }
            | Self::Strangers { .. }
            | Self::WaitIdle => Vec::new(),
        }
    }
}
