//! What lives in the zoo: names, and for each mutant the rule that must catch it.

use std::fmt;
use std::str::FromStr;

use crate::policy::Policy;
use crate::{correct, mutants};

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
                "knows one key per user, the last written, and asks for a new login when it does not fit"
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
        }
    }

    /// The same in Chinese.
    #[must_use]
    pub const fn sentence_zh(self) -> &'static str {
        match self {
            Self::CandidateKeys => "先试 token 自己的 key，再试该用户最近的几把，并核对解出的内容",
            Self::PerToken => "每个 token 一把 key，对不上就要求重新登录",
            Self::PerUser => "每个用户一把 key，存最后写入的，对不上就要求重新登录",
            Self::SharedStore => "参考实现，两个副本共用一个存储",
            Self::Serialised => "参考实现，一次只处理一个登录",
            Self::SingleSession => "一人一个会话，新的登录会让旧的失效",
            Self::LoginOnly => "参考实现，adapter 只描述了登录",
            Self::PhoneOnly => "参考实现，adapter 只描述了登录和加密手机号",
            Self::SealedLogin => "登录请求里同时带 code 和资料密文，只用这次登录的 key 解密",
        }
    }

    /// The operations its adapter describes; all of them unless it is about describing less.
    #[must_use]
    pub const fn describes(self) -> Option<&'static [&'static str]> {
        match self {
            Self::LoginOnly => Some(&["login"]),
            Self::PhoneOnly => Some(&["login", "phone_cipher"]),
            Self::SealedLogin => Some(&["login_profile"]),
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
    /// KEY-02: a bare 500 when a payload does not open.
    Opaque500,
    /// KEY-03: the first key of a user is kept for ever.
    FirstKeyWins,
    /// KEY-03: no unionid, no login.
    NeedsUnionid,
    /// KEY-04: one key per user, the last response wins, and a failed decrypt is a plain 400.
    Racy,
    /// CODE-01: every submission of a code gets a session of its own.
    SessionPerRequest,
    /// CODE-01: a code is marked after its exchange, and the loser takes the session back.
    LateCodeMark,
    /// CODE-03: a refused code is a 500.
    BadCode500,
    /// CODE-03: a refused code is exchanged again.
    RetriesCode,
    /// TOK-01: overlapping logins share one context object.
    SharedContext,
    /// TOK-01: the token is a JWT of person and second.
    SecondResolution,
    /// TOK-01: one token per person, and a dead one is a 400.
    TokenSlot,
    /// TOK-02: the token is a hash of the session_key.
    TokenFromKey,
    /// TOK-03: the login answer carries the session_key.
    LeaksKey,
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
    /// LIVE-01: applies replies in request order, and a failed login never passes its turn on.
    TurnNeverPassed,
}

/// What is known about a mutant: name, rule, bug, and where the bug was seen in the world.
struct Card {
    id: &'static str,
    rule: &'static str,
    mechanism: &'static str,
    sentence: &'static str,
    sentence_zh: &'static str,
    imitates: &'static str,
    cases: &'static [&'static str],
}

impl Mutant {
    /// Every mutant, in the order of the rules they break.
    pub const ALL: &[Self] = &[
        Self::GlobalSlot,
        Self::UnscopedUpdate,
        Self::SharedAwait,
        Self::UncheckedWatermark,
        Self::Opaque500,
        Self::FirstKeyWins,
        Self::NeedsUnionid,
        Self::Racy,
        Self::SessionPerRequest,
        Self::LateCodeMark,
        Self::BadCode500,
        Self::RetriesCode,
        Self::SharedContext,
        Self::SecondResolution,
        Self::TokenSlot,
        Self::TokenFromKey,
        Self::LeaksKey,
        Self::CheckThenInsert,
        Self::StatusOnly,
        Self::UpstreamText500,
        Self::MissingKey,
        Self::NoDeadline,
        Self::TurnNeverPassed,
    ];

    /// Permanent name, in kebab case; also the name of its file in `mutants/`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        self.card().id
    }

    /// Id of the rule that must catch it, such as `KEY-04`. Other rules may fire too.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        self.card().rule
    }

    /// Name of the mechanism its violations come from, such as `late-reply-overwrites`.
    #[must_use]
    pub const fn mechanism(self) -> &'static str {
        self.card().mechanism
    }

    /// One sentence: what this backend does wrong.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        self.card().sentence
    }

    /// The same in Chinese.
    #[must_use]
    pub const fn sentence_zh(self) -> &'static str {
        self.card().sentence_zh
    }

    /// Where this bug was reported or read in published code.
    #[must_use]
    pub const fn imitates(self) -> &'static str {
        self.card().imitates
    }

    /// The shortest cases of the suite that show it: aliases or path patterns, as a selection takes them.
    #[must_use]
    pub const fn cases(self) -> &'static [&'static str] {
        self.card().cases
    }

    const fn card(self) -> Card {
        match self {
            Self::GlobalSlot => Card {
                id: "global-slot",
                rule: "KEY-01",
                mechanism: "one-key-for-everybody",
                sentence: "keeps the session_key of whoever logged in last in one slot for the whole site",
                sentence_zh: "全站只有一个 session_key，谁最后登录就存谁的",
                imitates: "blog.csdn.net/chenabin_/article/details/86540748, developers.weixin.qq.com/community/develop/doc/00088a409fc308b765475fa4351000",
                cases: &["SE-3", "KI-1"],
            },
            Self::UnscopedUpdate => Card {
                id: "unscoped-update",
                rule: "KEY-01",
                mechanism: "unscoped-write",
                sentence: "writes each login to every session row, because the UPDATE lacks its WHERE",
                sentence_zh: "UPDATE 漏了 WHERE，每次登录都写进所有会话的行",
                imitates: "tencentyun/wafer2-node-sdk AuthDbService@4fcc26d",
                cases: &["KI-2"],
            },
            Self::SharedAwait => Card {
                id: "shared-await",
                rule: "KEY-01",
                mechanism: "shared-request-state",
                sentence: "keeps WeChat's reply in a shared field over a query of the database, so that of two replies at once both logins save the second",
                sentence_zh: "把微信的回复放在共享字段里再去查库，两个回复同时到，两次登录存下的都是后一个",
                imitates: "binarywang/WxJava#2012, blog.csdn.net/keke24/article/details/79259935",
                cases: &["KI-3"],
            },
            Self::UncheckedWatermark => Card {
                id: "unchecked-watermark",
                rule: "KEY-01",
                mechanism: "watermark-not-checked",
                sentence: "takes whatever its key opens, whoever and whichever app it belongs to",
                sentence_zh: "解开了就收，不看是哪个小程序、哪个用户的",
                imitates: "silenceper/wechat encryptor@0999882, w7corp/easywechat Decryptor@0306cb7",
                cases: &["SE-4"],
            },
            Self::Opaque500 => Card {
                id: "opaque-500",
                rule: "KEY-02",
                mechanism: "unhelpful-refusal",
                sentence: "answers a bare 500 when a payload does not open, so that the phone cannot know what to do",
                sentence_zh: "密文解不开时只回一个 500，手机不知道该怎么办",
                imitates: "w7corp/easywechat#1293, dspurl/tfshop#78",
                cases: &["SK-3"],
            },
            Self::FirstKeyWins => Card {
                id: "first-key-wins",
                rule: "KEY-03",
                mechanism: "first-key-kept",
                sentence: "stores a key only for a user who has none, so that a new login does not help",
                sentence_zh: "用户还没有 key 时才存 key，重新登录也没用",
                imitates: "userlily/shop util/redis.js: a session_key cached without a working expiry",
                cases: &[
                    "MM-1",
                    "concurrent-login/slow-reply-overwrites-newer-key/rotation:login/returns:bound/n:2",
                ],
            },
            Self::NeedsUnionid => Card {
                id: "needs-unionid",
                rule: "KEY-03",
                mechanism: "unionid-mandatory",
                sentence: "cannot log in a person whose reply has no unionid",
                sentence_zh: "回复里没有 unionid 的用户登录不了",
                imitates: "WYQilin/remove-water-mark-server#3, liyiorg/weixin-popular#124",
                cases: &["LB-4"],
            },
            Self::Racy => Card {
                id: "racy",
                rule: "KEY-04",
                mechanism: "late-reply-overwrites",
                sentence: "keeps one key per user, the last reply to arrive wins, and a failed decrypt is a plain 400",
                sentence_zh: "每个用户一把 key，最后到的回复覆盖前面的，解密失败只回 400",
                imitates: "IvinWu/weRequest#36, linlinjava/litemall WxAuthController@19ef917, developers.weixin.qq.com/community/develop/doc/00088a409fc308b765475fa4351000",
                cases: &[
                    "concurrent-login/slow-reply-overwrites-newer-key/rotation:login/returns:bound/n:2",
                ],
            },
            Self::SessionPerRequest => Card {
                id: "session-per-request",
                rule: "CODE-01",
                mechanism: "reused-code",
                sentence: "caches WeChat's reply by code and opens a new session for every request that carries the code",
                sentence_zh: "按 code 缓存微信的回复，带着这个 code 的每个请求都新开一个会话",
                imitates: "lanceWan/wxxcx#9, CFETeam/weapp-session#5",
                cases: &["CC-1"],
            },
            Self::LateCodeMark => Card {
                id: "late-code-mark",
                rule: "CODE-01",
                mechanism: "code-marked-late",
                sentence: "marks a code as used after its exchange, and takes the session back when the other exchange is refused",
                sentence_zh: "换取之后才标记 code 已用，另一次换取被拒时又把会话收回",
                imitates: "lanceWan/wxxcx#9, container-storage-interface/spec#213",
                cases: &["CC-1"],
            },
            Self::BadCode500 => Card {
                id: "bad-code-500",
                rule: "CODE-03",
                mechanism: "upstream-error-passed-on",
                sentence: "answers 500 when WeChat says that a code is unknown, expired or used",
                sentence_zh: "微信说 code 无效、过期或已用过时，回 500",
                imitates: "binarywang/WxJava#388, #402",
                cases: &["CC-5"],
            },
            Self::RetriesCode => Card {
                id: "retries-code",
                rule: "CODE-03",
                mechanism: "dead-code-retried",
                sentence: "exchanges the same code again after WeChat refused it",
                sentence_zh: "微信拒绝了 code，还拿同一个 code 再去换",
                imitates: "binarywang/WxJava#1323",
                cases: &["LB-1"],
            },
            Self::SharedContext => Card {
                id: "shared-context",
                rule: "TOK-01",
                mechanism: "shared-request-state",
                sentence: "keeps the token of the login in hand in a shared object, so that overlapping logins share one",
                sentence_zh: "把正在登录的 token 放在共享对象里，登录一重叠就共用一个",
                imitates: "binarywang/WxJava#2012, tencentyun/wafer2-node-sdk#57",
                cases: &["KI-3"],
            },
            Self::SecondResolution => Card {
                id: "second-resolution",
                rule: "TOK-01",
                mechanism: "second-resolution-token",
                sentence: "gives out a JWT of the person and the whole second, without a jti",
                sentence_zh: "token 是只含用户和整秒时间的 JWT，没有 jti",
                imitates: "RFC 7519 section 4.1.7 asks for a jti against this",
                cases: &["MM-1"],
            },
            Self::TokenSlot => Card {
                id: "token-slot",
                rule: "TOK-01",
                mechanism: "one-token-slot",
                sentence: "keeps one token per person, and answers the one before with a plain 400",
                sentence_zh: "每个用户只有一个 token，旧的一律回 400",
                imitates: "tencentyun/wafer2-node-sdk AuthDbService@4fcc26d, ScienJus/spring-restful-authorization#4",
                cases: &["CL-4"],
            },
            Self::TokenFromKey => Card {
                id: "token-from-key",
                rule: "TOK-02",
                mechanism: "derived-token",
                sentence: "uses the SHA-256 of the session_key as the token",
                sentence_zh: "用 session_key 的 SHA-256 当 token",
                imitates: "tencentyun/wafer2-node-sdk lib/auth, wulanyyc/backend open.php",
                cases: &["SE-1"],
            },
            Self::LeaksKey => Card {
                id: "leaks-key",
                rule: "TOK-03",
                mechanism: "leak-in-answer",
                sentence: "returns the session_key to the phone in the login answer",
                sentence_zh: "登录的回答里把 session_key 发给手机",
                imitates: "tencentyun/wafer2-client-sdk#62, binarywang/weixin-java-miniapp-demo@acb9574",
                cases: &["SE-1"],
            },
            Self::CheckThenInsert => Card {
                id: "check-then-insert",
                rule: "ACC-01",
                mechanism: "look-then-insert",
                sentence: "looks for the user in a snapshot taken when the request began, then inserts without a unique index",
                sentence_zh: "在请求开始时的快照里查用户，查不到就插入，没有唯一索引",
                imitates: "ConnectAI-E/DataChat-API#19 (31 duplicated accounts), steedos/mini-vip#373",
                cases: &["CL-3"],
            },
            Self::StatusOnly => Card {
                id: "status-only",
                rule: "ERR-01",
                mechanism: "error-body-as-success",
                sentence: "looks at the HTTP status only, and makes a session out of an errcode body",
                sentence_zh: "只看 HTTP 状态码，从 errcode 返回体里造出会话",
                imitates: "overtrue/socialite#289, lanceWan/wxxcx#9",
                cases: &["LB-1"],
            },
            Self::UpstreamText500 => Card {
                id: "upstream-text-500",
                rule: "ERR-05",
                mechanism: "upstream-error-passed-on",
                sentence: "answers 500 with WeChat's own text when the reply cannot be read",
                sentence_zh: "微信的回复读不懂时回 500，还带上微信的原文",
                imitates: "Eric-Guo/wechat#184, node-webot/co-wechat-api#64",
                cases: &["UF-5"],
            },
            Self::MissingKey => Card {
                id: "missing-key",
                rule: "ERR-05",
                mechanism: "no-openid",
                sentence: "makes a session of a reply that lacks openid or session_key",
                sentence_zh: "回复里缺 openid 或 session_key 也照样开会话",
                imitates: "wulanyyc/backend app/controllers/open.php",
                cases: &["upstream-faults/garbled-reply/variant:no-session-key"],
            },
            Self::NoDeadline => Card {
                id: "no-deadline",
                rule: "ERR-06",
                mechanism: "no-deadline",
                sentence: "waits for WeChat without a deadline",
                sentence_zh: "等微信回复，没有超时",
                imitates: "binarywang/WxJava#2278",
                cases: &["UF-1"],
            },
            Self::TurnNeverPassed => Card {
                id: "turn-never-passed",
                rule: "LIVE-01",
                mechanism: "lock-never-released",
                sentence: "applies replies in request order, and a login that fails never passes its turn on",
                sentence_zh: "按请求的先后处理回复，某次登录失败后不把顺序交给下一个",
                imitates: "the tempting repair of CL-1, a sequence number per login, without its error path",
                cases: &["login-basic/errcode-inside-http-200/variant:invalid-code"],
            },
        }
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

    /// The decisions of this design.
    pub(crate) fn policy(self) -> Box<dyn Policy> {
        match self {
            // What the others have besides, replicas, a queue or less in the adapter, is no decision about sessions or keys.
            Self::Correct(
                Correct::CandidateKeys
                | Correct::SharedStore
                | Correct::Serialised
                | Correct::LoginOnly
                | Correct::PhoneOnly,
            ) => Box::new(correct::CandidateKeys),
            Self::Correct(Correct::SingleSession) => Box::new(correct::SingleSession),
            Self::Correct(Correct::PerToken | Correct::SealedLogin) => Box::new(correct::PerToken),
            Self::Correct(Correct::PerUser) => Box::new(correct::PerUser),
            Self::Mutant(mutant) => mutants::policy(mutant),
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
            "ACC-01", "CODE-01", "CODE-03", "ERR-01", "ERR-05", "ERR-06", "KEY-01", "KEY-02",
            "KEY-03", "KEY-04", "LIVE-01", "TOK-01", "TOK-02", "TOK-03",
        ];
        assert_eq!(covered, BTreeSet::from(wanted));
    }
}
