//! What lives in the zoo: names, and for each mutant the rule that must catch it.

use std::fmt;
use std::str::FromStr;

/// A backend the zoo can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Design {
    /// One that no MUST rule may flag.
    Correct(Correct),
    /// One that is wrong on purpose.
    Mutant(Mutant),
}

/// Designs that hold every MUST rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Correct {
    /// The reference: the token's own key first, then the user's few latest keys, accepted only if the data fits.
    CandidateKeys,
    /// Each token knows the key of its own login and no other; says "log in again" otherwise.
    PerToken,
    /// One key per user, the last written wins, but a payload that does not open is answered "log in again".
    PerUser,
    /// The reference on two replicas in front of one store; connections alternate between them.
    SharedStore,
    /// The reference behind one lock around every login.
    Serialised,
    /// One session per person: a newer login ends the older ones.
    SingleSession,
    /// The reference with nothing described but the login.
    LoginOnly,
    /// The reference with a login and the phone number in ciphertext, and nothing else described.
    PhoneOnly,
    /// A login that takes the profile with the code, and uses the key of that very login and no other.
    SealedLogin,
    /// The reference with plain access_tokens, and nothing described but a login by code and a phone number by code.
    PhoneCode,
}

impl Correct {
    /// Every correct design, the reference first.
    pub const ALL: &[Self] = &[
        Self::CandidateKeys,
        Self::PerToken,
        Self::PerUser,
        Self::SharedStore,
        Self::Serialised,
        Self::SingleSession,
        Self::LoginOnly,
        Self::PhoneOnly,
        Self::SealedLogin,
        Self::PhoneCode,
    ];

    /// Permanent name, in kebab case.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::CandidateKeys => "candidate-keys",
            Self::PerToken => "per-token",
            Self::PerUser => "per-user",
            Self::SharedStore => "shared-store",
            Self::Serialised => "serialised",
            Self::SingleSession => "single-session",
            Self::LoginOnly => "login-only",
            Self::PhoneOnly => "phone-only",
            Self::SealedLogin => "sealed-login",
            Self::PhoneCode => "phone-code",
        }
    }

    /// One sentence about the design.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::CandidateKeys => {
                "tries the token's own key, then the user's latest keys, and checks what it opened"
            }
            Self::PerToken => {
                "knows one key per token and asks for a new login when it does not fit"
            }
            Self::PerUser => {
                "knows one key per user, the last written, asks for a new login when it does not fit, and keeps names without characters of four bytes"
            }
            Self::SharedStore => "is the reference on two replicas in front of one store",
            Self::Serialised => "is the reference with one login at a time",
            Self::SingleSession => {
                "keeps one session per person: a newer login ends the older ones"
            }
            Self::LoginOnly => "is the reference, of which the adapter describes the login alone",
            Self::PhoneOnly => {
                "is the reference, of which the adapter describes the login and the encrypted phone number"
            }
            Self::SealedLogin => {
                "takes the profile with the code and opens it with the key of that very login"
            }
            Self::PhoneCode => {
                "is the reference with plain access_tokens, of which the adapter describes the login and the phone number by code"
            }
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub const fn sentence_zh(self) -> &'static str {
        match self {
            Self::CandidateKeys => "先试 token 自己的 key，再试该用户最近的几把，并核对解出的内容",
            Self::PerToken => "每个 token 一把 key，对不上就要求重新登录",
            Self::PerUser => {
                "每个用户一把 key，存最后写入的，对不上就要求重新登录；昵称里四字节的字符存不下，去掉后再存"
            }
            Self::SharedStore => "参考实现，两个副本共用一个存储",
            Self::Serialised => "参考实现，一次只处理一个登录",
            Self::SingleSession => "一人一个会话，新的登录会让旧的失效",
            Self::LoginOnly => "参考实现，adapter 只描述了登录",
            Self::PhoneOnly => "参考实现，adapter 只描述了登录和加密手机号",
            Self::SealedLogin => "登录请求里同时带 code 和加密的资料，只用这次登录的 key 解密",
            Self::PhoneCode => {
                "参考实现，用普通 access_token，adapter 只描述了登录和用 code 取手机号"
            }
        }
    }

    /// The operations its adapter describes; all of them unless it is about describing less.
    #[must_use]
    pub const fn describes(self) -> Option<&'static [&'static str]> {
        match self {
            Self::LoginOnly => Some(&["login"]),
            Self::PhoneOnly => Some(&["login", "phone_cipher"]),
            Self::SealedLogin => Some(&["login_profile"]),
            Self::PhoneCode => Some(&["login", "phone_code"]),
            _ => None,
        }
    }
}

/// Backends that are wrong on purpose, one bug each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mutant {
    /// KEY-01: one session_key slot for the whole site.
    GlobalSlot,
    /// KEY-01: an UPDATE without WHERE.
    UnscopedUpdate,
    /// KEY-01: what WeChat said waits in a shared field while the login asks its database.
    SharedAwait,
    /// KEY-01: opened data is not compared with the session.
    UncheckedWatermark,
    /// KEY-01: the openid in the body is believed.
    BodyIdentity,
    /// KEY-01: the openid in a header is believed.
    HeaderIdentity,
    /// KEY-01: a JWT is decoded and not verified.
    UnverifiedToken,
    /// KEY-01: whoever has the nickname already is who is asking.
    MergesByName,
    /// KEY-01: openids are compared without regard to upper and lower case.
    FoldedOpenid,
    /// KEY-01: the answer to a profile request is kept by its body.
    CachedByBody,
    /// KEY-01: the answer to a profile request is kept by its iv.
    CachedByIv,
    /// KEY-01: a login whose exchange fails finishes the one in a shared field.
    FinishesAnother,
    /// KEY-01: the phone number waits in a shared field.
    SharedNumber,
    /// KEY-01 at SHOULD: a phone code is exchanged without the openid.
    UnboundNumber,
    /// KEY-01 at SHOULD: the moment in the watermark is not looked at.
    AcceptsOld,
    /// KEY-02: a bare 500 when a payload does not open.
    Opaque500,
    /// KEY-02: no phone number is the empty number.
    EmptyNumber,
    /// KEY-02: a phone number is kept as a number.
    NumberAsInteger,
    /// KEY-02: a refused phone code is remembered under the person.
    KeepsPhoneRefusal,
    /// KEY-02: a nickname that does not fit its column leaves the one of before in place.
    StaleName,
    /// KEY-02: base64 is decoded without a look at what is none.
    LenientBase64,
    /// KEY-02: the age of data is computed without a sign.
    UnsignedAge,
    /// KEY-02: a session_key with `\/` in it is unescaped as a URL, too.
    UnescapesKey,
    /// KEY-03: the first key of a user is kept for ever.
    FirstKeyWins,
    /// KEY-03: no unionid, no login.
    NeedsUnionid,
    /// KEY-04: one key per user, the last response wins, and a failed decrypt is a plain 400.
    Racy,
    /// KEY-04: a whole row is written back over a newer key.
    WritesRowBack,
    /// CODE-01: every submission of a code gets a session of its own.
    SessionPerRequest,
    /// CODE-01: a code is marked after its exchange, and the loser takes the session back.
    LateCodeMark,
    /// CODE-03: a refused code is a 500.
    BadCode500,
    /// CODE-03: a code is used up by the wrong endpoint.
    SpendsCodesAnywhere,
    /// CODE-03: a refused code is exchanged again.
    RetriesCode,
    /// TOK-01: overlapping logins share one context object.
    SharedContext,
    /// TOK-01: the token is a JWT of person and second.
    SecondResolution,
    /// TOK-01: one token per person, and a dead one is a 400.
    TokenSlot,
    /// TOK-01: a login that fails ends everybody's session.
    ClearsSessions,
    /// TOK-01: logins that wait for WeChat take every worker.
    FewWorkers,
    /// TOK-02: the token is a hash of the session_key.
    TokenFromKey,
    /// TOK-03: the login answer carries the session_key.
    LeaksKey,
    /// TOK-06: a logout that does nothing.
    LogoutStub,
    /// TOK-07: a logout that ends every session of the person.
    LogoutEverywhere,
    /// TOK-08: a token that was logged out is refreshed all the same.
    RefreshesTheDead,
    /// TOK-08: a refresh gives a token that it has not stored.
    RefreshNotStored,
    /// TOK-08: a refresh leaves the old token alive, which is declared to be over.
    RefreshKeepsBoth,
    /// ACC-01: looks for the user, then inserts, on a snapshot taken when the request began.
    CheckThenInsert,
    /// ERR-01: looks at the HTTP status only.
    StatusOnly,
    /// ERR-05: an unreadable reply is a 500 with WeChat's text in it.
    UpstreamText500,
    /// ERR-05: a reply without openid or session_key is a login.
    MissingKey,
    /// ERR-06: waits for WeChat without a deadline.
    NoDeadline,
    /// AT-01: fetches an access_token for every call.
    TokenPerCall,
    /// AT-01: each of several requests at once that find the access_token dead fetches another.
    TokenStampede,
    /// AT-02: of two access_tokens fetched at once the one that arrives last is kept.
    LateToken,
    /// AT-03: uses a dead access_token until its time is over.
    KeepsDeadToken,
    /// AT-03: fetches an access_token again and again when it is refused.
    TokenStorm,
    /// AT-03: keeps a refusal as an access_token.
    KeepsTokenError,
    /// AT-05: fetches an access_token before it exchanges a login code.
    LoginNeedsToken,
    /// LIVE-01: applies replies in request order, and a failed login never passes its turn on.
    TurnNeverPassed,
}

impl Mutant {
    /// Every mutant, in the order of the rules they break.
    pub const ALL: &[Self] = &[
        Self::GlobalSlot,
        Self::UnscopedUpdate,
        Self::SharedAwait,
        Self::UncheckedWatermark,
        Self::BodyIdentity,
        Self::HeaderIdentity,
        Self::UnverifiedToken,
        Self::MergesByName,
        Self::FoldedOpenid,
        Self::CachedByBody,
        Self::CachedByIv,
        Self::FinishesAnother,
        Self::SharedNumber,
        Self::UnboundNumber,
        Self::AcceptsOld,
        Self::Opaque500,
        Self::StaleName,
        Self::LenientBase64,
        Self::UnsignedAge,
        Self::UnescapesKey,
        Self::EmptyNumber,
        Self::NumberAsInteger,
        Self::KeepsPhoneRefusal,
        Self::FirstKeyWins,
        Self::NeedsUnionid,
        Self::Racy,
        Self::WritesRowBack,
        Self::SessionPerRequest,
        Self::LateCodeMark,
        Self::BadCode500,
        Self::RetriesCode,
        Self::SpendsCodesAnywhere,
        Self::SharedContext,
        Self::SecondResolution,
        Self::TokenSlot,
        Self::ClearsSessions,
        Self::FewWorkers,
        Self::TokenFromKey,
        Self::LeaksKey,
        Self::LogoutStub,
        Self::LogoutEverywhere,
        Self::RefreshesTheDead,
        Self::RefreshNotStored,
        Self::RefreshKeepsBoth,
        Self::CheckThenInsert,
        Self::StatusOnly,
        Self::UpstreamText500,
        Self::MissingKey,
        Self::NoDeadline,
        Self::TokenPerCall,
        Self::TokenStampede,
        Self::LateToken,
        Self::KeepsDeadToken,
        Self::TokenStorm,
        Self::KeepsTokenError,
        Self::LoginNeedsToken,
        Self::TurnNeverPassed,
    ];

    /// Whether the rule is broken at SHOULD only: the run warns, and does not fail.
    #[must_use]
    pub const fn is_only_warned_about(self) -> bool {
        matches!(
            self,
            Self::UnboundNumber | Self::AcceptsOld | Self::TokenPerCall
        )
    }
}

impl Design {
    /// Every design, the correct ones first.
    pub fn all() -> impl Iterator<Item = Self> {
        let correct = Correct::ALL.iter().copied().map(Self::Correct);
        correct.chain(Mutant::ALL.iter().copied().map(Self::Mutant))
    }

    /// Permanent name, in kebab case; unique over correct designs and mutants.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Correct(correct) => correct.id(),
            Self::Mutant(mutant) => mutant.id(),
        }
    }

    /// One sentence about the design, to be read after its name.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Correct(correct) => correct.sentence(),
            Self::Mutant(mutant) => mutant.sentence(),
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub const fn sentence_zh(self) -> &'static str {
        match self {
            Self::Correct(correct) => correct.sentence_zh(),
            Self::Mutant(mutant) => mutant.sentence_zh(),
        }
    }

    /// How many replicas stand in front of the store.
    pub(crate) const fn n_replicas(self) -> usize {
        if matches!(self, Self::Correct(Correct::SharedStore)) {
            2
        } else {
            1
        }
    }
}

impl From<Correct> for Design {
    fn from(correct: Correct) -> Self {
        Self::Correct(correct)
    }
}

impl From<Mutant> for Design {
    fn from(mutant: Mutant) -> Self {
        Self::Mutant(mutant)
    }
}

impl fmt::Display for Design {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// A name that no design has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown backend {name:?}; known are {}", Design::all().map(Design::id).collect::<Vec<_>>().join(", "))]
pub struct UnknownDesign {
    /// What was asked for.
    pub name: String,
}

impl FromStr for Design {
    type Err = UnknownDesign;

    fn from_str(name: &str) -> Result<Self, UnknownDesign> {
        Self::all()
            .find(|design| design.id() == name)
            .ok_or_else(|| UnknownDesign {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        let names: BTreeSet<_> = Design::all().map(Design::id).collect();
        assert_eq!(names.len(), Correct::ALL.len() + Mutant::ALL.len());
        for design in Design::all() {
            assert_eq!(design.id().parse(), Ok(design));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let text = "raccy".parse::<Design>().map_err(|error| error.to_string());
        let text = text.expect_err("no design has this name");
        assert!(
            text.starts_with("unknown backend \"raccy\"; known are candidate-keys, "),
            "{text}"
        );
    }

    #[test]
    fn every_rule_of_the_first_landing_has_a_mutant() {
        let covered: BTreeSet<_> = Mutant::ALL.iter().map(|mutant| mutant.rule()).collect();
        let wanted = [
            "ACC-01", "AT-01", "AT-02", "AT-03", "AT-05", "CODE-01", "CODE-03", "ERR-01", "ERR-05",
            "ERR-06", "KEY-01", "KEY-02", "KEY-03", "KEY-04", "LIVE-01", "TOK-01", "TOK-02",
            "TOK-03", "TOK-06", "TOK-07", "TOK-08",
        ];
        assert_eq!(covered, BTreeSet::from(wanted));
    }
}
