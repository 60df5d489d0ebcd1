//! What happened, for the journal. Holds no secret: codes and tokens appear by their last four characters, keys by number.

use serde::Serialize;

use crate::{
    AppId, DeviceId, KeyNo, OpenDataApi, PushNo, Refusal, Scope, Seq, Tail, UnixMs, UserId,
    Verdict, session_key::KeyCause,
};

/// One thing that happened. Several may share the number of the command that caused them; they are in order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// The command it belongs to.
    pub seq: Seq,
    /// The app's virtual time; wall time if no app is concerned.
    pub at: UnixMs,
    /// The app concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// The person concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// What it was; its `kind` and fields stand beside the others in JSON.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// Which of the two separate kinds of access_token.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// From `/cgi-bin/token`.
    Plain,
    /// From `/cgi-bin/stable_token`.
    Stable,
    /// A `cloudbase_access_token`, which WeChat hands to a backend it hosts.
    Cloud,
    /// From `/cgi-bin/component/api_authorizer_token`: a third-party platform's, for a mini program that authorised it.
    Authorizer,
}

impl TokenKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Stable, Self::Cloud, Self::Authorizer];
}

/// Why an access_token stopped working.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEnd {
    /// It outlived its `expires_in`: 42001 from then on.
    Expired,
    /// A newer one displaced it and the overlap is over: 40001 from then on.
    Displaced,
    /// It was killed by a lever: 40001 from then on.
    Killed,
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    /// `wx.login` made a code.
    CodeMinted {
        /// The phone.
        device: DeviceId,
        /// Last four characters of the code.
        code: Tail,
        /// The key it is bound to.
        key: KeyNo,
    },
    /// An exchange succeeded.
    CodeExchanged {
        /// Last four characters of the code.
        code: Tail,
        /// The key revealed.
        key: KeyNo,
    },
    /// An exchange was refused.
    CodeRefused {
        /// Last four characters of the code, if it is one of ours.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<Tail>,
        /// The answer.
        errcode: i64,
        /// Whether this refusal spent the code.
        burnt: bool,
        /// Why, where there is more to say than the errcode does.
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<Box<Refusal>>,
    },
    /// A code was not exchanged in time.
    CodeExpired {
        /// Last four characters of the code.
        code: Tail,
    },
    /// A new key exists.
    KeyIssued {
        /// Its number.
        key: KeyNo,
        /// Why.
        cause: KeyCause,
        /// Whether phones encrypt with it already; otherwise it waits for its exchange.
        active: bool,
    },
    /// A waiting key came into force.
    KeyActivated {
        /// Its number.
        key: KeyNo,
    },
    /// A key is no longer valid because a newer one is.
    KeyDisplaced {
        /// The older key.
        key: KeyNo,
        /// The newer key.
        by: KeyNo,
    },
    /// A key's idle expiry moved back.
    KeyRenewed {
        /// Its number.
        key: KeyNo,
        /// The new end.
        expires_at: UnixMs,
    },
    /// A key outlived its time or was expired by a lever.
    KeyExpired {
        /// Its number.
        key: KeyNo,
    },
    /// A phone tested its login.
    SessionChecked {
        /// The phone.
        device: DeviceId,
        /// What it heard.
        alive: bool,
    },
    /// A phone captured open data.
    PayloadSealed {
        /// The phone.
        device: DeviceId,
        /// By which call.
        api: OpenDataApi,
        /// Under which key; absent for one never issued and where there is no ciphertext.
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<KeyNo>,
    },
    /// A `wx.*` call failed.
    DeviceFailed {
        /// The phone.
        device: DeviceId,
        /// What the page heard.
        err_msg: String,
    },
    /// A person allowed or refused what a page asked for.
    ScopeDecided {
        /// The phone.
        device: DeviceId,
        /// For what.
        scope: Scope,
        /// Whether they allowed it.
        allowed: bool,
    },
    /// A phone verified what a backend had signed with the session_key.
    SignatureJudged {
        /// The phone.
        device: DeviceId,
        /// By which call.
        api: &'static str,
        /// The key it was signed with; absent if it is none of this person's.
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<KeyNo>,
        /// Whether that key is in force.
        accepted: bool,
    },
    /// WeChat fetched data ahead for a phone.
    DataPrefetched {
        /// The phone.
        device: DeviceId,
        /// Last four characters of the code sent along; absent if a token of the page's was.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<Tail>,
    },
    /// A phone called the backend through WeChat, which told it who calls.
    ContainerCalled {
        /// The phone.
        device: DeviceId,
    },
    /// A person's encryption key for page and backend has a new version.
    UserKeyIssued {
        /// Which.
        version: u32,
    },
    /// This person is the one logged in to WeChat on a phone from now on.
    AccountSwitched {
        /// The phone.
        device: DeviceId,
    },
    /// A person removed the mini program from a phone.
    Uninstalled {
        /// The phone.
        device: DeviceId,
    },
    /// The phone button made a code.
    PhoneCodeMinted {
        /// Last four characters of the code.
        code: Tail,
    },
    /// A phone code was exchanged for the number.
    PhoneCodeExchanged {
        /// Last four characters of the code.
        code: Tail,
    },
    /// A phone code was not exchanged in time.
    PhoneCodeExpired {
        /// Last four characters of the code.
        code: Tail,
    },
    /// An access_token exists or was handed out again.
    TokenIssued {
        /// Of which kind.
        token: TokenKind,
        /// Last four characters.
        tail: Tail,
        /// Whether it is new; stable tokens are handed out again while they live.
        fresh: bool,
    },
    /// An access_token stopped working.
    TokenEnded {
        /// Of which kind.
        token: TokenKind,
        /// Last four characters.
        tail: Tail,
        /// Why.
        why: TokenEnd,
    },
    /// A server call other than an exchange was refused.
    CallRefused {
        /// Which: the last segment of its path.
        call: &'static str,
        /// The answer.
        errcode: i64,
    },
    /// A backend verified a key.
    SessionVerified {
        /// Which key signed.
        key: KeyNo,
    },
    /// A message is being pushed to the backend; the shell sends it on seeing this.
    PushSent {
        /// Its number.
        push: PushNo,
        /// The event pushed, or `url_verification`.
        event: String,
        /// Which attempt this is, from 1.
        attempt: u32,
    },
    /// The backend answered a push, or did not.
    PushAnswered {
        /// Its number.
        push: PushNo,
        /// The event pushed, or `url_verification`.
        event: String,
        /// Which attempt it was, from 1.
        attempt: u32,
        /// What WeChat makes of it.
        verdict: Verdict,
        /// When it is sent again, in the app's virtual time.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_at: Option<UnixMs>,
    },
    /// An app, a user, a policy or a clock was changed by hand.
    Changed {
        /// What, in words: `app created`, `policy`, `clock advanced 5m`.
        what: String,
    },
    /// The world went back to its baseline.
    Reset,
}

impl EventKind {
    /// Whether a phone did this, so that its person was in the app at that moment.
    pub(crate) const fn is_of_a_phone(&self) -> bool {
        matches!(
            self,
            Self::CodeMinted { .. }
                | Self::SessionChecked { .. }
                | Self::PayloadSealed { .. }
                | Self::DeviceFailed { .. }
                | Self::PhoneCodeMinted { .. }
        )
    }
}
