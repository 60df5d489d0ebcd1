//! The names of the causes, and what an entry says of one.

use serde::{Deserialize, Serialize};

/// The cause of a violation. Names are permanent.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mechanism {
    /// The newest key is overwritten by an older one whose reply came later.
    LateReplyOverwrites,
    /// The login that was requested last wins, whatever key it brought.
    RequestOrder,
    /// The first key of a person is kept for ever.
    FirstKeyKept,
    /// Only the newest key is kept, so that what was sealed before does not open.
    PreviousKeyDropped,
    /// The key is looked up by the wrong thing.
    WrongKeyLookup,
    /// There is one key for the whole site.
    OneKeyForEverybody,
    /// Each process remembers its own sessions and keys.
    PrivateMemory,
    /// `+` of the base64 becomes a space.
    DamagedInTransit,
    /// Valid padding is taken for a right decryption.
    PaddingAsProof,
    /// Watermark and openId of opened data are not compared with the session.
    WatermarkNotChecked,
    /// The signature over `rawData` is not checked.
    SignatureNotChecked,
    /// A phone code is exchanged without the openid of the session.
    PhoneCodeUnbound,
    /// The key comes from the request.
    KeyFromPhone,
    /// Who is asking is read from the request instead of from the token.
    IdentityFromRequest,
    /// An answer is kept and given again to another request.
    AnswerCache,
    /// An answer is read from where answers are kept, and not from the payload that was sent.
    StoredAnswer,
    /// An answer says ok and holds nothing.
    EmptySuccess,
    /// A failure the phone could heal is answered with something it cannot act on.
    UnhelpfulRefusal,
    /// A person has one place for a token, and each login takes it.
    OneTokenSlot,
    /// A new login ends the older session, and the adapter does not say so.
    SessionReplaced,
    /// A logout ends the sessions of others too.
    LogoutOfOthers,
    /// Payloads that did not open lock their person out.
    LockedOut,
    /// The token depends on person and second only.
    SecondResolutionToken,
    /// The token can be computed from what others may know, or guessed.
    DerivedToken,
    /// The token is signed with a secret that is none.
    PublicSigningSecret,
    /// What belongs to one request lives in an object that requests share.
    SharedRequestState,
    /// A phone number is kept as a number, which loses the zeros it begins with.
    NumberAsInteger,
    /// A login ends the sessions of other people.
    LoginEndsOthers,
    /// A session is stored only after the login that gave its token out was answered.
    WrittenLate,
    /// Two people with the same name or picture are taken for one.
    MergedByProfile,
    /// A token is read without a look at whether the backend has issued it.
    TokenNotVerified,
    /// Two people whose openids resemble each other are taken for one.
    OpenidConfused,
    /// A login writes into the sessions of others.
    UnscopedWrite,
    /// Accounts are looked for first and inserted later.
    LookThenInsert,
    /// Each login makes an account.
    AccountPerLogin,
    /// A unionid is counted on.
    UnionidMandatory,
    /// One code serves several logins.
    ReusedCode,
    /// A code is marked as used after its exchange.
    CodeMarkedLate,
    /// A code is pasted into the query of the exchange as it is.
    CodeUnescaped,
    /// A session is given without a reply that says whose it is.
    SessionWithoutExchange,
    /// A refused code is exchanged again.
    DeadCodeRetried,
    /// A code is exchanged again after a call that failed, and the refusal of the spent code is passed on.
    CodeSentAgain,
    /// A failing exchange is made again without end.
    ExchangeRetriedWithoutEnd,
    /// A body with an errcode is taken for a login.
    ErrorBodyAsSuccess,
    /// A reply without openid or session_key is taken for a login.
    NoOpenid,
    /// WeChat's failure is passed on as the backend's own.
    UpstreamErrorPassedOn,
    /// The reply is decoded by its content type.
    ContentTypeStrict,
    /// A legal reply of another shape is refused.
    ShapeStrict,
    /// A failed exchange is remembered.
    ErrorKept,
    /// WeChat is waited for without a deadline.
    NoDeadline,
    /// A logout does nothing.
    LogoutDoesNothing,
    /// A refresh gives a new token for one that is over.
    DeadTokenRefreshed,
    /// A refresh gives a token that opens nothing.
    RefreshNotKept,
    /// A refresh leaves the old token alive, or ends it, against what the adapter says.
    RefreshUndeclared,
    /// A dead access_token is used until its time is over.
    DeadTokenKept,
    /// A refused call for an access_token is made again without end.
    TokenRetriedWithoutEnd,
    /// A refusal is kept as an access_token.
    TokenErrorKept,
    /// An access_token is fetched for every call.
    TokenFetchedEveryTime,
    /// Each of several requests at once fetches an access_token.
    TokenStampede,
    /// A newer access_token is overwritten by an older one whose reply came later.
    LateTokenOverwrites,
    /// A login fetches an access_token, which it does not need.
    LoginNeedsToken,
    /// Something was taken and never given back.
    LockNeverReleased,
    /// A good answer carries a secret.
    LeakInAnswer,
    /// A secret reaches the phone when something fails.
    LeakInErrorPath,
    /// The store is asked first and written later.
    CheckThenAct,
    /// A whole row is read, changed in memory, and written back.
    RowWrittenBack,
    /// A value is read, computed with, and written back.
    ReadModifyWrite,
    /// A logout deletes by the person, and takes a new login along.
    DeleteByUser,
    /// A lock in the store is let go by somebody who no longer holds it.
    LockWithoutFence,
    /// Whether a code was used is asked first and noted later.
    CodeSpentTwice,
    /// Several people share one account, whoever logs in when.
    AccountShared,
    /// A person who is known already is given the account that was made last.
    NewestAccountGiven,
    /// Two people who register at once are given one number.
    IdGivenTwice,
    /// A request without a session is answered as whoever was served last.
    IdentityLeftBehind,
    /// A person has the same token at every login.
    TokenFixedPerPerson,
    /// A login that fails ends sessions that were good.
    FailedLoginEndsSessions,
    /// A session knows the key of its own login and tries no other.
    OwnKeyOnly,
    /// The key is written after the login is answered.
    KeyWrittenLate,
    /// A name with characters of four bytes is refused.
    NameRefused,
    /// The text of a session_key is changed where it holds `+` or `/`.
    KeyTextMangled,
    /// What is no base64 is decoded all the same.
    LenientBase64,
    /// The moment in the watermark is not looked at.
    TimestampIgnored,
    /// A moment in the watermark that is not quite now fails the request.
    TimestampMisread,
    /// Logins that wait for WeChat take what everybody else's requests need.
    StarvedByWaiting,
    /// Not established: no cause, or more than one, fits what was seen.
    #[default]
    Open,
}

/// What is known about a mechanism.
#[derive(Debug, Clone, Copy)]
pub struct MechanismInfo {
    /// Which one.
    pub mechanism: Mechanism,
    /// Rules it is known to break, the one it is usually found by first.
    pub breaks: &'static [&'static str],
    /// One line, English: what the backend does.
    pub title: &'static str,
    /// The same in Chinese.
    pub title_zh: &'static str,
    /// One or two sentences, English: how it comes about and what follows.
    pub what: &'static str,
    /// The same in Chinese.
    pub what_zh: &'static str,
    /// The concrete means that ends it, English.
    pub repair: &'static str,
    /// The same in Chinese.
    pub repair_zh: &'static str,
    /// The section of the sketches that shows the means.
    pub means: &'static str,
    /// Where it was reported or read in published code.
    pub source: &'static str,
}

impl Mechanism {
    /// Whether it takes requests that are under way together: what goes wrong one after the other too is another cause.
    #[must_use]
    pub const fn needs_overlap(self) -> bool {
        matches!(
            self,
            Self::LateReplyOverwrites
                | Self::RequestOrder
                | Self::SharedRequestState
                | Self::LookThenInsert
                | Self::CodeMarkedLate
                | Self::IdGivenTwice
        )
    }

    /// Permanent name: `late-reply-overwrites`. One line a mechanism, which is what makes this long.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::LateReplyOverwrites => "late-reply-overwrites",
            Self::RequestOrder => "request-order",
            Self::FirstKeyKept => "first-key-kept",
            Self::PreviousKeyDropped => "previous-key-dropped",
            Self::WrongKeyLookup => "wrong-key-lookup",
            Self::OneKeyForEverybody => "one-key-for-everybody",
            Self::PrivateMemory => "private-memory",
            Self::DamagedInTransit => "damaged-in-transit",
            Self::PaddingAsProof => "padding-as-proof",
            Self::WatermarkNotChecked => "watermark-not-checked",
            Self::SignatureNotChecked => "signature-not-checked",
            Self::PhoneCodeUnbound => "phone-code-unbound",
            Self::KeyFromPhone => "key-from-phone",
            Self::IdentityFromRequest => "identity-from-request",
            Self::AnswerCache => "answer-cache",
            Self::StoredAnswer => "stored-answer",
            Self::EmptySuccess => "empty-success",
            Self::UnhelpfulRefusal => "unhelpful-refusal",
            Self::OneTokenSlot => "one-token-slot",
            Self::SessionReplaced => "session-replaced",
            Self::LogoutOfOthers => "logout-of-others",
            Self::LockedOut => "locked-out",
            Self::SecondResolutionToken => "second-resolution-token",
            Self::DerivedToken => "derived-token",
            Self::PublicSigningSecret => "public-signing-secret",
            Self::SharedRequestState => "shared-request-state",
            Self::NumberAsInteger => "number-as-integer",
            Self::LoginEndsOthers => "login-ends-others",
            Self::WrittenLate => "written-late",
            Self::MergedByProfile => "merged-by-profile",
            Self::TokenNotVerified => "token-not-verified",
            Self::OpenidConfused => "openid-confused",
            Self::UnscopedWrite => "unscoped-write",
            Self::LookThenInsert => "look-then-insert",
            Self::AccountPerLogin => "account-per-login",
            Self::UnionidMandatory => "unionid-mandatory",
            Self::ReusedCode => "reused-code",
            Self::CodeMarkedLate => "code-marked-late",
            Self::CodeUnescaped => "code-unescaped",
            Self::SessionWithoutExchange => "session-without-exchange",
            Self::DeadCodeRetried => "dead-code-retried",
            Self::CodeSentAgain => "code-sent-again",
            Self::ExchangeRetriedWithoutEnd => "exchange-retried-without-end",
            Self::ErrorBodyAsSuccess => "error-body-as-success",
            Self::NoOpenid => "no-openid",
            Self::UpstreamErrorPassedOn => "upstream-error-passed-on",
            Self::ContentTypeStrict => "content-type-strict",
            Self::ShapeStrict => "shape-strict",
            Self::ErrorKept => "error-kept",
            Self::NoDeadline => "no-deadline",
            Self::LogoutDoesNothing => "logout-does-nothing",
            Self::DeadTokenRefreshed => "dead-token-refreshed",
            Self::RefreshNotKept => "refresh-not-kept",
            Self::RefreshUndeclared => "refresh-undeclared",
            Self::DeadTokenKept => "dead-token-kept",
            Self::TokenRetriedWithoutEnd => "token-retried-without-end",
            Self::TokenErrorKept => "token-error-kept",
            Self::TokenFetchedEveryTime => "token-fetched-every-time",
            Self::TokenStampede => "token-stampede",
            Self::LateTokenOverwrites => "late-token-overwrites",
            Self::LoginNeedsToken => "login-needs-token",
            Self::LockNeverReleased => "lock-never-released",
            Self::LeakInAnswer => "leak-in-answer",
            Self::LeakInErrorPath => "leak-in-error-path",
            Self::CheckThenAct => "check-then-act",
            Self::RowWrittenBack => "row-written-back",
            Self::ReadModifyWrite => "read-modify-write",
            Self::DeleteByUser => "delete-by-user",
            Self::LockWithoutFence => "lock-without-fence",
            Self::CodeSpentTwice => "code-spent-twice",
            Self::AccountShared => "account-shared",
            Self::NewestAccountGiven => "newest-account-given",
            Self::IdGivenTwice => "id-given-twice",
            Self::IdentityLeftBehind => "identity-left-behind",
            Self::TokenFixedPerPerson => "token-fixed-per-person",
            Self::FailedLoginEndsSessions => "failed-login-ends-sessions",
            Self::OwnKeyOnly => "own-key-only",
            Self::KeyWrittenLate => "key-written-late",
            Self::NameRefused => "name-refused",
            Self::KeyTextMangled => "key-text-mangled",
            Self::LenientBase64 => "lenient-base64",
            Self::TimestampIgnored => "timestamp-ignored",
            Self::TimestampMisread => "timestamp-misread",
            Self::StarvedByWaiting => "starved-by-waiting",
            Self::Open => "open",
        }
    }

    /// Whether a cause was established.
    #[must_use]
    pub fn is_established(self) -> bool {
        self != Self::Open
    }
}
