//! What is known about each mutant: a table. Knows nothing of how one runs.

use crate::design::Mutant;

impl Mutant {
    /// Permanent name, in kebab case; also the name of its file in `mutants/`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        card(self).id
    }

    /// Id of the rule that must catch it, such as `KEY-04`. Other rules may fire too.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        card(self).rule
    }

    /// Name of the mechanism its violations come from, such as `late-reply-overwrites`.
    #[must_use]
    pub const fn mechanism(self) -> &'static str {
        card(self).mechanism
    }

    /// One sentence: what this backend does wrong.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        card(self).sentence
    }

    /// The same in Chinese.
    #[must_use]
    pub const fn sentence_zh(self) -> &'static str {
        card(self).sentence_zh
    }

    /// Where this bug was reported or read in published code.
    #[must_use]
    pub const fn imitates(self) -> &'static str {
        card(self).imitates
    }

    /// The shortest cases of the suite that show it: aliases or path patterns, as a selection takes them.
    #[must_use]
    pub const fn cases(self) -> &'static [&'static str] {
        card(self).cases
    }
}

/// What is known about a mutant: name, rule, bug, and where the bug was seen in the world.
struct Card {
    pub(crate) id: &'static str,
    pub(crate) rule: &'static str,
    pub(crate) mechanism: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) sentence_zh: &'static str,
    pub(crate) imitates: &'static str,
    pub(crate) cases: &'static [&'static str],
}

/// What is known about `mutant`.
const fn card(mutant: Mutant) -> Card {
    match mutant {
        Mutant::GlobalSlot => Card {
            id: "global-slot",
            rule: "KEY-01",
            mechanism: "one-key-for-everybody",
            sentence: "keeps the session_key of whoever logged in last in one slot for the whole site",
            sentence_zh: "全站只有一个 session_key，谁最后登录就存谁的",
            imitates: "blog.csdn.net/chenabin_/article/details/86540748, developers.weixin.qq.com/community/develop/doc/00088a409fc308b765475fa4351000",
            cases: &["SE-3", "KI-1", "MM-5"],
        },
        Mutant::UnscopedUpdate => Card {
            id: "unscoped-update",
            rule: "KEY-01",
            mechanism: "unscoped-write",
            sentence: "writes each login to every session row, because the UPDATE lacks its WHERE",
            sentence_zh: "UPDATE 漏了 WHERE，每次登录都写进所有会话的行",
            imitates: "tencentyun/wafer2-node-sdk AuthDbService@4fcc26d",
            cases: &["KI-2"],
        },
        Mutant::SharedAwait => Card {
            id: "shared-await",
            rule: "KEY-01",
            mechanism: "shared-request-state",
            sentence: "keeps WeChat's reply in a shared field over a query of the database, so that of two replies at once both logins save the second",
            sentence_zh: "把微信的应答放在共享字段里再去查库，两个应答同时到，两次登录存下的都是后一个",
            imitates: "binarywang/WxJava#2012, blog.csdn.net/keke24/article/details/79259935",
            cases: &["KI-3"],
        },
        Mutant::UncheckedWatermark => Card {
            id: "unchecked-watermark",
            rule: "KEY-01",
            mechanism: "watermark-not-checked",
            sentence: "takes whatever its key opens, whoever and whichever app it belongs to",
            sentence_zh: "解开了就收，不看是哪个小程序、哪个用户的",
            imitates: "silenceper/wechat encryptor@0999882, w7corp/easywechat Decryptor@0306cb7",
            cases: &["SE-4"],
        },
        Mutant::BodyIdentity => Card {
            id: "body-identity",
            rule: "KEY-01",
            mechanism: "identity-from-request",
            sentence: "believes the openid in the request body, whatever the token says",
            sentence_zh: "请求体里写了 openid 就信，不管 token 是谁的",
            imitates: "guchengwuyue/yshop-drink#21, jas0ncn/szushudong#8",
            cases: &["security/identity-from-the-request/variant:foreign"],
        },
        Mutant::UnverifiedToken => Card {
            id: "unverified-token",
            rule: "KEY-01",
            mechanism: "token-not-verified",
            sentence: "decodes its JWTs and verifies none, so that anybody can write the token of anybody else",
            sentence_zh: "JWT 只解码不验签，任何人都能写出别人的 token",
            imitates: "auth0.com/blog/critical-vulnerabilities-in-json-web-token-libraries",
            cases: &["SE-8"],
        },
        Mutant::MergesByName => Card {
            id: "merges-by-name",
            rule: "KEY-01",
            mechanism: "merged-by-profile",
            sentence: "takes whoever sends a nickname that is known already for the person who has it",
            sentence_zh: "昵称已经有人用，就当成是那个人",
            imitates: "a backend of this project's own trials; no public report known",
            cases: &["key-isolation/two-people-of-one-name/variant:whoami"],
        },
        Mutant::FoldedOpenid => Card {
            id: "folded-openid",
            rule: "KEY-01",
            mechanism: "openid-confused",
            sentence: "compares openids without regard to upper and lower case, so that two people have one account",
            sentence_zh: "比较 openid 时不分大小写，两个人共用一个账号",
            imitates: "a backend of this project's own trials on a column with MySQL's default collation; no public report known",
            cases: &["KI-8"],
        },
        Mutant::Opaque500 => Card {
            id: "opaque-500",
            rule: "KEY-02",
            mechanism: "unhelpful-refusal",
            sentence: "answers a bare 500 when a payload does not open, so that the phone cannot know what to do",
            sentence_zh: "加密数据解不开时只回一个 500，手机不知道该怎么办",
            imitates: "w7corp/easywechat#1293, dspurl/tfshop#78",
            cases: &["SK-3", "SK-6", "SK-7"],
        },
        Mutant::EmptyNumber => Card {
            id: "empty-number",
            rule: "KEY-02",
            mechanism: "empty-success",
            sentence: "answers a phone code with an empty number when WeChat's reply has no phone_info",
            sentence_zh: "微信的应答里没有 phone_info 时，手机号 code 也回答成功，号码是空的",
            imitates: "binarywang/WxJava WxMaUserServiceImpl@701070b, ArtisanCloud/PowerWeChat#716",
            cases: &["PN-3"],
        },
        Mutant::HeaderIdentity => Card {
            id: "header-identity",
            rule: "KEY-01",
            mechanism: "identity-from-request",
            sentence: "believes the openid in the header X-WX-OPENID, whatever the token says",
            sentence_zh: "请求头 X-WX-OPENID 里写了 openid 就信，不管 token 是谁的",
            imitates: "a backend of this project's own trials that was written for cloud hosting; no public report known",
            cases: &["security/identity-from-the-request/variant:foreign"],
        },
        Mutant::StaleName => Card {
            id: "stale-name",
            rule: "KEY-02",
            mechanism: "stored-answer",
            sentence: "keeps the nickname of before when the new one has characters of four bytes, and answers with that",
            sentence_zh: "新昵称里有四字节的字符就存不进去，回答里还是原来的昵称",
            imitates: "linlinjava/litemall#119, jasony62/xinxintong#598",
            cases: &["LB-5"],
        },
        Mutant::FirstKeyWins => Card {
            id: "first-key-wins",
            rule: "KEY-03",
            mechanism: "first-key-kept",
            sentence: "stores a key only for a user who has none, so that a new login does not help",
            sentence_zh: "用户还没有 key 时才存 key，重新登录也没用",
            imitates: "userlily/shop util/redis.js: a session_key cached without a working expiry",
            cases: &[
                "MM-1",
                "MM-6",
                "concurrent-login/slow-reply-overwrites-newer-key/rotation:login/returns:bound/n:2",
            ],
        },
        Mutant::NeedsUnionid => Card {
            id: "needs-unionid",
            rule: "KEY-03",
            mechanism: "unionid-mandatory",
            sentence: "cannot log in a person whose reply has no unionid",
            sentence_zh: "应答里没有 unionid 的用户登录不了",
            imitates: "WYQilin/remove-water-mark-server#3, liyiorg/weixin-popular#124",
            cases: &["LB-4"],
        },
        Mutant::Racy => Card {
            id: "racy",
            rule: "KEY-04",
            mechanism: "late-reply-overwrites",
            sentence: "keeps one key per user, the last reply to arrive wins, and a failed decrypt is a plain 400",
            sentence_zh: "每个用户一把 key，最后到的应答覆盖前面的，解密失败只回 400",
            imitates: "IvinWu/weRequest#36, linlinjava/litemall WxAuthController@19ef917, developers.weixin.qq.com/community/develop/doc/00088a409fc308b765475fa4351000",
            cases: &[
                "concurrent-login/slow-reply-overwrites-newer-key/rotation:login/returns:bound/n:2",
            ],
        },
        Mutant::SessionPerRequest => Card {
            id: "session-per-request",
            rule: "CODE-01",
            mechanism: "reused-code",
            sentence: "caches WeChat's reply by code and opens a new session for every request that carries the code",
            sentence_zh: "按 code 缓存微信的应答，带着这个 code 的每个请求都新开一个会话",
            imitates: "lanceWan/wxxcx#9, CFETeam/weapp-session#5",
            cases: &["CC-1"],
        },
        Mutant::LateCodeMark => Card {
            id: "late-code-mark",
            rule: "CODE-01",
            mechanism: "code-marked-late",
            sentence: "marks a code as used after its exchange, and takes the session back when the other exchange is refused",
            sentence_zh: "换取之后才标记 code 已用，另一次换取被拒时又把会话收回",
            imitates: "lanceWan/wxxcx#9, container-storage-interface/spec#213",
            cases: &["CC-1", "CC-3"],
        },
        Mutant::BadCode500 => Card {
            id: "bad-code-500",
            rule: "CODE-03",
            mechanism: "upstream-error-passed-on",
            sentence: "answers 500 when WeChat says that a code is unknown, expired or used",
            sentence_zh: "微信说 code 无效、过期或已用过时，回 500",
            imitates: "binarywang/WxJava#388, #402",
            cases: &["CC-5"],
        },
        Mutant::RetriesCode => Card {
            id: "retries-code",
            rule: "CODE-03",
            mechanism: "dead-code-retried",
            sentence: "exchanges the same code again after WeChat refused it",
            sentence_zh: "微信拒绝了 code，还拿同一个 code 再去换",
            imitates: "binarywang/WxJava#1323",
            cases: &["LB-1", "CC-4"],
        },
        Mutant::SharedContext => Card {
            id: "shared-context",
            rule: "TOK-01",
            mechanism: "shared-request-state",
            sentence: "keeps the token of the login in hand in a shared object, so that overlapping logins share one",
            sentence_zh: "把正在登录的 token 放在共享对象里，登录一重叠就共用一个",
            imitates: "binarywang/WxJava#2012, tencentyun/wafer2-node-sdk#57",
            cases: &["KI-3"],
        },
        Mutant::SecondResolution => Card {
            id: "second-resolution",
            rule: "TOK-01",
            mechanism: "second-resolution-token",
            sentence: "gives out a JWT of the person and the whole second, without a jti",
            sentence_zh: "token 是只含用户和整秒时间的 JWT，没有 jti",
            imitates: "RFC 7519 section 4.1.7 asks for a jti against this",
            cases: &["MM-1"],
        },
        Mutant::TokenSlot => Card {
            id: "token-slot",
            rule: "TOK-01",
            mechanism: "one-token-slot",
            sentence: "keeps one token per person, and answers the one before with a plain 400",
            sentence_zh: "每个用户只有一个 token，旧的一律回 400",
            imitates: "tencentyun/wafer2-node-sdk AuthDbService@4fcc26d, ScienJus/spring-restful-authorization#4",
            cases: &["CL-4"],
        },
        Mutant::TokenFromKey => Card {
            id: "token-from-key",
            rule: "TOK-02",
            mechanism: "derived-token",
            sentence: "uses the SHA-256 of the session_key as the token",
            sentence_zh: "用 session_key 的 SHA-256 当 token",
            imitates: "tencentyun/wafer2-node-sdk lib/auth, wulanyyc/backend open.php",
            cases: &["SE-1", "KI-5"],
        },
        Mutant::LeaksKey => Card {
            id: "leaks-key",
            rule: "TOK-03",
            mechanism: "leak-in-answer",
            sentence: "returns the session_key to the phone in the login answer",
            sentence_zh: "登录的回答里把 session_key 发给手机",
            imitates: "tencentyun/wafer2-client-sdk#62, binarywang/weixin-java-miniapp-demo@acb9574",
            cases: &["SE-1"],
        },
        Mutant::LogoutStub => Card {
            id: "logout-stub",
            rule: "TOK-06",
            mechanism: "logout-does-nothing",
            sentence: "answers a logout with ok and does nothing",
            sentence_zh: "退出登录只回 ok，什么也不做",
            imitates: "linlinjava/litemall logout@19ef917, tumobi/nideshop@787146b",
            cases: &["SE-7"],
        },
        Mutant::LogoutEverywhere => Card {
            id: "logout-everywhere",
            rule: "TOK-07",
            mechanism: "logout-of-others",
            sentence: "ends every session of a person when one device logs out",
            sentence_zh: "一台设备退出登录，就把这个用户的会话全删了",
            imitates: "Nicksapp/nAuth-restful-api#8",
            cases: &["CL-7"],
        },
        Mutant::RefreshesTheDead => Card {
            id: "refreshes-the-dead",
            rule: "TOK-08",
            mechanism: "dead-token-refreshed",
            sentence: "refreshes a token that was logged out, because its signature is still good",
            sentence_zh: "退出登录的 token 签名还对，照样能刷新",
            imitates: "tymondesigns/jwt-auth#1060, Styria-Digital/django-rest-framework-jwt#36",
            cases: &["RF-2"],
        },
        Mutant::RefreshNotStored => Card {
            id: "refresh-not-stored",
            rule: "TOK-08",
            mechanism: "refresh-not-kept",
            sentence: "answers a refresh with a token that opens nothing, and ends the old one",
            sentence_zh: "刷新发出的 token 没有存下来，旧的却已经作废",
            imitates: "inferred from the mechanism; no public report known",
            cases: &["RF-1"],
        },
        Mutant::RefreshKeepsBoth => Card {
            id: "refresh-keeps-both",
            rule: "TOK-08",
            mechanism: "refresh-undeclared",
            sentence: "leaves the old token alive at a refresh, and declares that it is over",
            sentence_zh: "刷新之后旧 token 还能用，却声明它已经作废",
            imitates: "tymondesigns/jwt-auth#954",
            cases: &["RF-1"],
        },
        Mutant::CheckThenInsert => Card {
            id: "check-then-insert",
            rule: "ACC-01",
            mechanism: "look-then-insert",
            sentence: "looks for the user in a snapshot taken when the request began, then inserts without a unique index",
            sentence_zh: "在请求开始时的快照里查用户，查不到就插入，没有唯一索引",
            imitates: "ConnectAI-E/DataChat-API#19 (31 duplicated accounts), steedos/mini-vip#373",
            cases: &["CL-3"],
        },
        Mutant::StatusOnly => Card {
            id: "status-only",
            rule: "ERR-01",
            mechanism: "error-body-as-success",
            sentence: "looks at the HTTP status only, and makes a session out of an errcode body",
            sentence_zh: "只看 HTTP 状态码，从 errcode 返回体里造出会话",
            imitates: "overtrue/socialite#289, lanceWan/wxxcx#9",
            cases: &["LB-1", "LB-7", "UF-6"],
        },
        Mutant::UpstreamText500 => Card {
            id: "upstream-text-500",
            rule: "ERR-05",
            mechanism: "upstream-error-passed-on",
            sentence: "answers 500 with WeChat's own text when the reply cannot be read",
            sentence_zh: "微信的应答读不懂时回 500，还带上微信的原文",
            imitates: "Eric-Guo/wechat#184, node-webot/co-wechat-api#64",
            cases: &["UF-5"],
        },
        Mutant::MissingKey => Card {
            id: "missing-key",
            rule: "ERR-05",
            mechanism: "no-openid",
            sentence: "makes a session of a reply that lacks openid or session_key",
            sentence_zh: "应答里缺 openid 或 session_key 也照样开会话",
            imitates: "wulanyyc/backend app/controllers/open.php",
            cases: &["upstream-faults/garbled-reply/variant:no-session-key"],
        },
        Mutant::NoDeadline => Card {
            id: "no-deadline",
            rule: "ERR-06",
            mechanism: "no-deadline",
            sentence: "waits for WeChat without a deadline",
            sentence_zh: "等微信应答，没有超时",
            imitates: "binarywang/WxJava#2278",
            cases: &["UF-1"],
        },
        Mutant::TokenPerCall => Card {
            id: "token-per-call",
            rule: "AT-01",
            mechanism: "token-fetched-every-time",
            sentence: "fetches an access_token for every phone code",
            sentence_zh: "每个手机号 code 都去取一次 access_token",
            imitates: "node-webot/wechat#115, Eric-Guo/wechat#76",
            cases: &["AT-2"],
        },
        Mutant::TokenStampede => Card {
            id: "token-stampede",
            rule: "AT-01",
            mechanism: "token-stampede",
            sentence: "locks around the fetch of an access_token and does not look again whether another request has fetched it",
            sentence_zh: "获取 access_token 时加了锁，拿到锁后却不再看别的请求是否已经取到",
            imitates: "Eric-Guo/wechat#76, w7corp/easywechat#129",
            cases: &["AT-2"],
        },
        Mutant::LateToken => Card {
            id: "late-token",
            rule: "AT-02",
            mechanism: "late-token-overwrites",
            sentence: "fetches an access_token with every refusal and keeps the one that arrives last",
            sentence_zh: "每次被拒都去取 access_token，谁后到就存谁",
            imitates: "lanrion/weixin_authorize#81",
            cases: &["AT-8"],
        },
        Mutant::KeepsDeadToken => Card {
            id: "keeps-dead-token",
            rule: "AT-03",
            mechanism: "dead-token-kept",
            sentence: "uses an access_token until its time is over, though WeChat calls it dead",
            sentence_zh: "微信已经说 access_token 失效，还一直用到过期",
            imitates: "silenceper/wechat#791, ArtisanCloud/PowerWeChat#580",
            cases: &["AT-3"],
        },
        Mutant::TokenStorm => Card {
            id: "token-storm",
            rule: "AT-03",
            mechanism: "token-retried-without-end",
            sentence: "fetches an access_token again for as long as WeChat refuses it",
            sentence_zh: "获取 access_token 被拒，就一直重试",
            imitates: "binarywang/weixin-java-mp-demo#152, binarywang/WxJava#1381",
            cases: &["access-token/refused-tokens-without-end/variant:whitelist"],
        },
        Mutant::KeepsTokenError => Card {
            id: "keeps-token-error",
            rule: "AT-03",
            mechanism: "token-error-kept",
            sentence: "keeps what WeChat answered instead of an access_token as the token",
            sentence_zh: "微信没给 access_token，却把那个应答当 token 存起来",
            imitates: "royalrick/weapp#105",
            cases: &["access-token/refused-tokens-without-end/variant:quota"],
        },
        Mutant::LoginNeedsToken => Card {
            id: "login-needs-token",
            rule: "AT-05",
            mechanism: "login-needs-token",
            sentence: "fetches an access_token before it exchanges a login code, and fails without one",
            sentence_zh: "换取 code 之前先取 access_token，取不到就登录失败",
            imitates: "binarywang/WxJava#1614, #2810",
            cases: &["AT-7"],
        },
        Mutant::CachedByBody => Card {
            id: "cached-by-body",
            rule: "KEY-01",
            mechanism: "answer-cache",
            sentence: "keeps the answer to a profile request by its body, and gives it to whoever sends the same",
            sentence_zh: "按请求体缓存用户信息的回答，谁发同样的请求体就给谁",
            imitates: "backends of this project's own trials that cached answers by body; no public report known",
            cases: &[
                "security/identity-from-the-request/variant:same-body",
                "security/identity-from-the-request/variant:owner-first",
            ],
        },
        Mutant::CachedByIv => Card {
            id: "cached-by-iv",
            rule: "KEY-01",
            mechanism: "answer-cache",
            sentence: "keeps the answer to a profile request by its iv",
            sentence_zh: "按 iv 缓存用户信息的回答",
            imitates: "backends of this project's own trials that cached answers by iv; no public report known",
            cases: &["security/identity-from-the-request/variant:same-iv"],
        },
        Mutant::FinishesAnother => Card {
            id: "finishes-another",
            rule: "KEY-01",
            mechanism: "shared-request-state",
            sentence: "finishes whatever login is in a shared field when its own exchange fails",
            sentence_zh: "自己的换取失败时，把共享字段里别人的登录当成自己的完成了",
            imitates: "binarywang/WxJava#2012, #2278",
            cases: &["KI-7"],
        },
        Mutant::SharedNumber => Card {
            id: "shared-number",
            rule: "KEY-01",
            mechanism: "shared-request-state",
            sentence: "keeps WeChat's phone number in a shared field over a query, so that of two people who press at once both get the second's",
            sentence_zh: "把微信给的手机号放在共享字段里再去查库，两个人同时授权，拿到的都是后一个人的号码",
            imitates: "binarywang/WxJava#1218",
            cases: &["PN-6"],
        },
        Mutant::AcceptsOld => Card {
            id: "accepts-old",
            rule: "KEY-01",
            mechanism: "timestamp-ignored",
            sentence: "does not look at the moment in the watermark, so that what somebody kept for a week is taken",
            sentence_zh: "不看 watermark 里的时间，别人存了一周的数据也收",
            imitates: "wxappclub.com/topic/725",
            cases: &["SE-5"],
        },
        Mutant::UnsignedAge => Card {
            id: "unsigned-age",
            rule: "KEY-02",
            mechanism: "timestamp-misread",
            sentence: "computes the age of data without a sign, so that a moment ahead of now is an exception",
            sentence_zh: "用无符号数算数据的年龄，时间比现在快就抛异常",
            imitates: "muzhuangnet.com/show/120625/2.html; no public report of the crash known",
            cases: &["SE-5"],
        },
        Mutant::LenientBase64 => Card {
            id: "lenient-base64",
            rule: "KEY-02",
            mechanism: "lenient-base64",
            sentence: "skips what is no base64 and looks at no length, so that escaped data is an exception of the cipher",
            sentence_zh: "跳过不是 base64 的字符，也不查长度，转义过的数据让解密抛异常",
            imitates: "binarywang/WxJava#359; blog.csdn.net/HDdgut/article/details/103215751",
            cases: &["PI-2"],
        },
        Mutant::UnescapesKey => Card {
            id: "unescapes-key",
            rule: "KEY-02",
            mechanism: "key-text-mangled",
            sentence: "unescapes a session_key with an escaped slash as a URL too, so that its plus signs are lost",
            sentence_zh: "session_key 里有转义的斜杠，就连 URL 转义一起还原，加号没了",
            imitates: "w7corp/easywechat#1346; binarywang/weixin-java-miniapp-demo#64",
            cases: &["PI-5"],
        },
        Mutant::FewWorkers => Card {
            id: "few-workers",
            rule: "TOK-01",
            mechanism: "starved-by-waiting",
            sentence: "has four workers, and a login keeps one while WeChat is slow, so that others find none",
            sentence_zh: "只有四个工作线程，登录等微信时一直占着，别的请求拿不到",
            imitates: "binarywang/WxJava#1614; Eric-Guo/wechat#76",
            cases: &["UF-2"],
        },
        Mutant::UnboundNumber => Card {
            id: "unbound-number",
            rule: "KEY-01",
            mechanism: "phone-code-unbound",
            sentence: "exchanges a phone code without the openid of the session",
            sentence_zh: "用手机号 code 换号码时不带会话的 openid",
            imitates: "developers.weixin.qq.com/minigame/dev/api-backend/open-api/phonenumber/phonenumber.getPhoneNumber.html",
            cases: &["PN-4"],
        },
        Mutant::NumberAsInteger => Card {
            id: "number-as-integer",
            rule: "KEY-02",
            mechanism: "number-as-integer",
            sentence: "keeps a phone number as a number, so that the 0 it begins with is lost",
            sentence_zh: "手机号当成数字保存，开头的 0 丢了",
            imitates: "a backend of this project's own trials; github.com/google/libphonenumber FALSEHOODS.md",
            cases: &["phone-number/number-that-begins-with-zero/variant:code"],
        },
        Mutant::WritesRowBack => Card {
            id: "writes-row-back",
            rule: "KEY-04",
            mechanism: "row-written-back",
            sentence: "writes the person's whole row back when a phone number arrives, with the keys of before the call",
            sentence_zh: "拿到手机号后把用户的整行写回，连同调用之前的旧 key",
            imitates: "linlinjava/litemall WxAuthController bindPhone@19ef917",
            cases: &["CL-6"],
        },
        Mutant::ClearsSessions => Card {
            id: "clears-sessions",
            rule: "TOK-01",
            mechanism: "failed-login-ends-sessions",
            sentence: "clears all sessions when a login fails, so that one bad code throws everybody out",
            sentence_zh: "登录失败就清空所有会话：一个无效的 code，所有人都被踢下线",
            imitates: "a backend of this project's own trials; no public report known",
            cases: &["login-basic/refused-login-leaves-others-alone/variant:refused"],
        },
        Mutant::KeepsPhoneRefusal => Card {
            id: "keeps-phone-refusal",
            rule: "KEY-02",
            mechanism: "error-kept",
            sentence: "remembers a refused phone code under the person, who is never given a number again",
            sentence_zh: "把手机号 code 被拒记在用户名下，此后再也不给号码",
            imitates: "the same shape as w7corp/easywechat#1293, at the phone button",
            cases: &["PN-2", "PN-5"],
        },
        Mutant::SpendsCodesAnywhere => Card {
            id: "spends-codes-anywhere",
            rule: "CODE-03",
            mechanism: "error-kept",
            sentence: "marks a code as used wherever it is submitted, before WeChat is asked what it is",
            sentence_zh: "code 提交到哪个接口都先记为已用，再去问微信",
            imitates: "kuif/xcx#1",
            cases: &["PN-1"],
        },
        Mutant::TurnNeverPassed => Card {
            id: "turn-never-passed",
            rule: "LIVE-01",
            mechanism: "lock-never-released",
            sentence: "applies replies in request order, and a login that fails never passes its turn on",
            sentence_zh: "按请求的先后处理应答，某次登录失败后不把顺序交给下一个",
            imitates: "the tempting repair of CL-1, a sequence number per login, without its error path",
            cases: &[
                "login-basic/errcode-inside-http-200/variant:invalid-code",
                "UF-3",
            ],
        },
    }
}
