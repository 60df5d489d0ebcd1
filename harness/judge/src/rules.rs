//! The rule table: what each rule demands, what a violation costs, who saw it broken, and which repair fits.
//!
//! Order matters: among violations of one level and one cost, the earlier rule is the headline. KEY-04 names a
//! cause, KEY-02 and KEY-03 its symptoms.

use indexmap::IndexMap;

use wxmock_model::lang::Lang;
use wxmock_model::mechanism::{Mechanism, deciding_tests, mechanisms};
use wxmock_model::verdict::{Impact, Level, Violation};

/// One rule of the suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo {
    /// `KEY-04`; permanent.
    pub id: &'static str,
    /// The worst level it can be violated at.
    pub level: Level,
    /// What a violation costs.
    pub impact: Impact,
    /// One line, English.
    pub title: &'static str,
    /// One line, Chinese.
    pub title_zh: &'static str,
    /// The requirement, as a sentence, English.
    pub statement: &'static str,
    /// The requirement, as a sentence, Chinese.
    pub statement_zh: &'static str,
    /// Public threads and pages that show it broken or demand it.
    pub source: &'static str,
    /// First version of wxmock that checks it.
    pub since: &'static str,
    /// What helps against any cause of a violation, English: the repair of the mechanism comes first, see [`repairs`].
    pub repair: &'static str,
    /// The same in Chinese.
    pub repair_zh: &'static str,
}

/// Every rule, causes before symptoms.
#[must_use]
pub const fn rules() -> &'static [RuleInfo] {
    &RULES
}

/// The rule with this id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static RuleInfo> {
    RULES.iter().find(|rule| rule.id == id)
}

/// Repairs of what `violation` was found to come from, under the axis values of its case. Where no cause was established:
/// the two tests that would decide, then what helps against any cause of this rule.
///
/// Axis `rotation` decides for mechanisms about the order of keys. Numbering logins as they arrive settles the order only if
/// the key was fixed before they left the phone (`rotation` = `login` and phones in order); under `exchange` the backend
/// sees neither order, so it must keep candidates or ask for a new login.
#[must_use]
pub fn repairs(
    violation: &Violation,
    axes: &IndexMap<String, String>,
    lang: Lang,
) -> Vec<&'static str> {
    if let Some(info) = violation.mechanism.info() {
        let mut lines = if is_about_order(violation.mechanism) {
            order_lines(axes, lang)
        } else {
            Vec::new()
        };
        lines.push(lang.pick(info.repair, info.repair_zh));
        return lines;
    }
    let Some(rule) = rule(&violation.rule) else {
        return Vec::new();
    };
    let mut lines = vec![lang.pick(
        "The cause is not established; two tests would decide:",
        "原因还没有确定，下面两个办法可以判定：",
    )];
    lines.extend(deciding_tests(rule.id, lang));
    if rule.id == "KEY-04" {
        lines.extend(order_lines(axes, lang));
    }
    lines.push(lang.pick(rule.repair, rule.repair_zh));
    lines
}

/// Whether the repair of a mechanism depends on when WeChat renews keys.
const fn is_about_order(mechanism: Mechanism) -> bool {
    matches!(
        mechanism,
        Mechanism::LateReplyOverwrites | Mechanism::RequestOrder
    )
}

/// Repairs of `mechanism` that depend on when WeChat renews keys, each under a heading; empty if its repair does not.
#[must_use]
pub fn repairs_of_order(mechanism: Mechanism, lang: Lang) -> Vec<(String, Vec<&'static str>)> {
    if !is_about_order(mechanism) {
        return Vec::new();
    }
    let models = [
        (
            "login",
            "WeChat issues a new key at wx.login",
            "微信在 wx.login 时换 key",
        ),
        (
            "exchange",
            "WeChat issues it when a code is exchanged",
            "微信在换取 code 时换 key",
        ),
    ];
    let under = |(axis, when, when_zh): (&str, &str, &str)| {
        let axes = [("rotation".to_owned(), axis.to_owned())]
            .into_iter()
            .collect();
        let heading = match lang {
            Lang::En => format!("Repair if {when} (rotation:{axis}):"),
            Lang::Zh => format!("修法，若{when_zh}（rotation:{axis}）："),
        };
        (heading, order_lines(&axes, lang))
    };
    models.into_iter().map(under).collect()
}

fn order_lines(axes: &IndexMap<String, String>, lang: Lang) -> Vec<&'static str> {
    let axis = |name: &str| axes.get(name).map(String::as_str);
    let (en, zh) = repair_of_order(axis("rotation"), axis("returns"));
    let mut lines = vec![lang.pick(en, zh)];
    if axis("rotation") == Some("exchange") {
        lines.push(lang.pick(
            "A lock per user is not enough either: whose login it is is known only when the reply arrives. Hold the lock across the exchange per device, or let all exchanges queue.",
            "按用户加锁也不够：等应答到了才知道是谁在登录。要么按设备加锁，整个换取过程都持锁；要么让所有换取排队。",
        ));
    }
    lines
}

/// What keeps the newest key in force when WeChat renews keys as axis `rotation` says and answers with the key axis
/// `returns` says; English and Chinese.
fn repair_of_order(rotation: Option<&str>, returns: Option<&str>) -> (&'static str, &'static str) {
    match rotation {
        Some("exchange") => (
            "Keep the user's few latest keys and try each (own token's key first); accept one only if the JSON parses and watermark.appid matches. \
             A number given to logins on arrival does not help here: the key changes at WeChat, in an order the backend cannot see.",
            "保留该用户最近的几把 key，逐把尝试（先试当前 token 自己的那把）；解出的 JSON 能解析、watermark.appid 也对得上，才算成功。\
             按到达先后给登录编号在这里不管用：key 是在微信那边换的，那个先后后端看不见。",
        ),
        Some("login") if returns == Some("current") => (
            "Any reply now carries the newest key, so store what came last; keep the previous key for captures still on their way.",
            "这时每个应答带回的都是最新的 key，最后到的直接覆盖即可；上一把也留着，给还在路上的加密数据用。",
        ),
        Some("login") => (
            "Number the logins where they begin, on the phone, and ignore replies older than the one stored; with two devices, keep the user's few latest keys and try each.",
            "在登录发起的地方（手机上）给登录编号，迟到的旧应答一律忽略，不得覆盖；同一用户有两台设备时，保留最近的几把 key，逐把尝试。",
        ),
        Some("min_interval") => (
            "Do not count on WeChat's pause between new keys: keep the user's few latest keys and try each, accepting one only if the JSON parses and watermark.appid matches.",
            "不要指望微信隔一段时间才换 key：保留该用户最近的几把 key，逐把尝试，解出的 JSON 能解析、watermark.appid 也对得上，才算成功。",
        ),
        _ => (
            "Keep the user's few latest keys and try each, accepting one only if the JSON parses and watermark.appid matches.",
            "保留该用户最近的几把 key，逐把尝试，解出的 JSON 能解析、watermark.appid 也对得上，才算成功。",
        ),
    }
}

/// The rule in prose, for `wxmock explain`; `None` if there is no such rule.
#[must_use]
pub fn explain(id: &str, lang: Lang) -> Option<String> {
    use std::fmt::Write as _;
    let rule = rule(id)?;
    let head = format!(
        "{}  {} ({})",
        rule.id,
        level_word(rule.level),
        impact_word(rule.impact)
    );
    let (titles, statement) = match lang {
        Lang::En => (format!("{}\n{}", rule.title, rule.title_zh), rule.statement),
        Lang::Zh => (rule.title_zh.to_owned(), rule.statement_zh),
    };
    let mut text = format!("{head}\n{titles}\n\n{statement}\n\n");
    if id == "KEY-04" {
        for (heading, lines) in repairs_of_order(Mechanism::LateReplyOverwrites, lang) {
            let _ = writeln!(text, "{heading}\n  {}", lines.join("\n  "));
        }
    }
    let repair = lang.pick(rule.repair, rule.repair_zh);
    let _ = writeln!(text, "{}{repair}", lang.pick("Repair: ", "修法："));
    let causes: Vec<&str> = mechanisms()
        .filter(|info| info.breaks.contains(&rule.id))
        .map(|info| info.mechanism.id())
        .collect();
    let _ = writeln!(
        text,
        "{}{}{}",
        lang.pick("Causes: ", "成因："),
        causes.join(", "),
        lang.pick(
            " (wxmock explain NAME shows the repair in five languages)",
            "（wxmock explain 名称：五种语言的修法示例）"
        )
    );
    let _ = writeln!(text, "{}{}", lang.pick("Source: ", "出处："), rule.source);
    let _ = writeln!(text, "{}{}", lang.pick("Since:  ", "始于："), rule.since);
    Some(text)
}

/// `MUST`, `SHOULD`, `INFO`.
#[must_use]
pub const fn level_word(level: Level) -> &'static str {
    match level {
        Level::Must => "MUST",
        Level::Should => "SHOULD",
        Level::Info => "INFO",
    }
}

/// What violating `rule` at `level` costs: a lock-out that only a SHOULD forbids is one login too many, since the phone
/// was told what to do.
#[must_use]
pub const fn impact_at(rule: &RuleInfo, level: Level) -> Impact {
    match (rule.impact, level) {
        (Impact::LockOut, Level::Should) => Impact::ExtraLogin,
        (impact, _) => impact,
    }
}

/// `security`, `data-mix-up`, `lock-out`, `extra-login`, `cost`.
#[must_use]
pub const fn impact_word(impact: Impact) -> &'static str {
    match impact {
        Impact::Security => "security",
        Impact::DataMixUp => "data-mix-up",
        Impact::LockOut => "lock-out",
        Impact::ExtraLogin => "extra-login",
        Impact::Cost => "cost",
    }
}

const RULES: [RuleInfo; 21] = [
    RuleInfo {
        id: "KEY-01",
        level: Level::Must,
        impact: Impact::DataMixUp,
        title: "A person's data is only ever shown to that person, and forged payloads are refused",
        title_zh: "一个人的数据只能给本人；伪造的加密数据必须拒绝",
        statement: "A ciphertext of user U is only ever decrypted to U's data, and never succeeds with the token of V. A payload sealed under a key WeChat never \
                    issued, with another app's watermark, with another person's openId or with a bent iv is refused. A token of U acts as U.",
        statement_zh: "用户 U 的加密数据只能解出 U 的数据，拿 V 的 token 来解绝不能成功。加密用的 key 微信从未签发过、watermark 是别的小程序的、里面是别人的 openId、或者 iv 被改过的加密数据，一律拒绝。U 的 token 只代表 U。",
        source: "tencentyun/wafer2-node-sdk#57; cases KI-1 to KI-3, SE-2 to SE-4",
        since: "0.1.0",
        repair: "Look keys and identities up by the token alone, keep request state out of shared objects, and compare watermark.appid and openId with the session after decrypting.",
        repair_zh: "session_key 和身份只按 token 查，请求状态不要放进共享对象（单例、静态变量）；解密后核对 watermark.appid 和 openId 是否与登录态一致。",
    },
    RuleInfo {
        id: "KEY-04",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "When everything has come to rest, the newest key the backend was given is the one in force",
        title_zh: "请求全部结束后，后端收到过的最新 session_key 必须生效",
        statement: "At rest the newest issued key is the one in force: no update is lost because replies or requests overtook each other. MUST if the backend does not \
                    answer relogin, else SHOULD. A key that never reached the backend is not asked for.",
        statement_zh: "请求全部结束后，生效的必须是微信最新签发的 session_key：不能因为应答或请求互相超车，就被旧的覆盖掉。后端不会回答 relogin 时是 MUST，否则是 SHOULD。从未到达后端的 key 不作要求。",
        source: "lanrion/weixin_authorize#81; binarywang/WxJava#359; developers.weixin.qq.com/community/develop/doc/00088a409fc308b765475fa4351000; cases CL-1, CL-2",
        since: "0.1.0",
        repair: "Whatever the order, answer relogin when no key opens a payload: then one more login heals it.",
        repair_zh: "不管什么顺序：没有一把 key 能解开加密数据时就回答 relogin，再登录一次即可恢复。",
    },
    RuleInfo {
        id: "KEY-02",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "A payload that does not open is answered with \"log in again\", nothing else",
        title_zh: "解不开的加密数据只能回答“请重新登录”",
        statement: "Every decrypt request with an honest payload ends in the right plaintext or in relogin; never another 4xx or 5xx, an empty object or garbage.",
        statement_zh: "只要加密数据是正常的，解密请求的结果就只能是解出原文，或者 relogin；不能是别的 4xx、5xx，也不能是空对象或乱码。",
        source: "dspurl/tfshop#78; w7corp/easywechat#1312, #2085; cases SK-1, SK-8, PI-4",
        since: "0.1.0",
        repair: "Catch every way decryption fails (padding, JSON, watermark, no key) in one place and answer relogin; padding that happens to be valid proves nothing.",
        repair_zh: "把解密失败的各种情况（填充、JSON、watermark、没有 key）集中到一处捕获，统一回答 relogin；填充碰巧合法，不能说明解对了。",
    },
    RuleInfo {
        id: "KEY-03",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "After \"log in again\", one clean login and a new capture succeed",
        title_zh: "按提示重新登录并重新获取加密数据后必须成功",
        statement: "After relogin, one clean sequential login and a new capture succeed.",
        statement_zh: "回答 relogin 之后，只要不并发地登录一次、重新取一次数，就必须成功。",
        source: "dspurl/tfshop#78, w7corp/easywechat#1293 (the way out that KEY-02 promises); case SK-8",
        since: "0.1.0",
        repair: "Let every good login replace or join what is stored; keep no state (flag, cache, lock) that outlives the race.",
        repair_zh: "每次成功的登录都要替换或并入已存的内容；不要留下并发结束后还在起作用的状态（标志位、缓存、锁）。",
    },
    RuleInfo {
        id: "ERR-01",
        level: Level::Must,
        impact: Impact::DataMixUp,
        title: "An errcode other than 0 is an error, even under HTTP 200",
        title_zh: "HTTP 200 里的非零 errcode 也是错误",
        statement: "errcode other than 0 inside HTTP 200 is an error, whatever else is in the body.",
        statement_zh: "HTTP 200 里的 errcode 只要不是 0 就是错误，不管返回体里还有什么。",
        source: "overtrue/socialite#289; lanceWan/wxxcx#9; cases LB-1",
        since: "0.1.0",
        repair: "Send every reply through one function that checks errcode before any field is read.",
        repair_zh: "微信的所有应答都经过同一个函数：先查 errcode，再读其他字段。",
    },
    RuleInfo {
        id: "CODE-01",
        level: Level::Must,
        impact: Impact::Security,
        title: "One code yields one session",
        title_zh: "同一个 code 只能产生一个会话",
        statement: "Submissions of one code never yield two different sessions; each gets the same session or relogin or invalid, and the session given out stays good.",
        statement_zh: "同一个 code 提交几次，都不能产生两个不同的会话；每次要么得到同一个会话，要么得到 relogin 或 invalid，而且已经发出的会话要继续有效。",
        source: "lanceWan/wxxcx#9; container-storage-interface/spec#213; cases CC-1",
        since: "0.1.0",
        repair: "Remember the result by code for five minutes (the first request exchanges, others wait for it), or refuse the second and leave the first alone.",
        repair_zh: "按 code 把结果记五分钟（第一个请求去换，其余的等它），或者拒绝第二个请求，但别动第一个的会话。",
    },
    RuleInfo {
        id: "CODE-03",
        level: Level::Must,
        impact: Impact::ExtraLogin,
        title: "A dead code gives no session, no server error and no second try",
        title_zh: "失效的 code：不给会话、不报 5xx、不重试",
        statement: "40029 and 40163 mean no session, are not a 5xx, and are not retried with the same code.",
        statement_zh: "40029 和 40163 就是没有会话：不能报 5xx，也不能拿同一个 code 重试。",
        source: "binarywang/WxJava#1323, #388, #402; cases CC-1, CC-2, CC-5",
        since: "0.1.0",
        repair: "Map 40029 and 40163 to relogin and let the phone mint a fresh code; never repeat an exchange.",
        repair_zh: "把 40029 和 40163 映射成 relogin，让手机重新取 code；换取绝不重试。",
    },
    RuleInfo {
        id: "TOK-01",
        level: Level::Must,
        impact: Impact::Security,
        title: "Two logins do not share a token",
        title_zh: "两次登录不得共用同一个 token",
        statement: "Distinct users never share a token; distinct logins get distinct tokens unless the adapter declares otherwise.",
        statement_zh: "不同用户绝不共用 token；每次登录的 token 都不同，除非 adapter 另有声明。",
        source: "tencentyun/wafer2-node-sdk lib/auth; cases KI-5, SE-7",
        since: "0.1.0",
        repair: "Draw at least 128 random bits per login and store only their hash.",
        repair_zh: "每次登录生成至少 128 位随机数作 token，服务端只存它的哈希。",
    },
    RuleInfo {
        id: "TOK-02",
        level: Level::Must,
        impact: Impact::Security,
        title: "A token cannot be derived from what others may know, or guessed",
        title_zh: "token 不得由 session_key、openid、code 推导得出，也不得猜得到",
        statement: "A token is not derivable from session_key, openid, user id, code or time, nor from other tokens (a counter, Math.random, java.util.Random, a UUID of version 1), is not signed with what is public, and holds at least 40 bits that nobody knows.",
        statement_zh: "token 不能由 session_key、openid、用户 id、code 或时间推导出来，也不能由别的 token 推算出来（递增的号码、Math.random、java.util.Random、版本 1 的 UUID），不能用公开的东西签名，而且至少有 40 比特是别人不知道的。",
        source: "tencentyun/wafer2-node-sdk (hash of session_key); cases KI-5",
        since: "0.1.0",
        repair: "Draw the token from the system's random source; do not hash anything WeChat sent.",
        repair_zh: "token 从系统的随机源生成；不要拿微信给的任何东西做哈希。",
    },
    RuleInfo {
        id: "TOK-03",
        level: Level::Must,
        impact: Impact::Security,
        title: "session_key and AppSecret never reach a phone",
        title_zh: "session_key 与 AppSecret 绝不能下发到手机",
        statement: "session_key, AppSecret and access_token (raw, base64, url-safe, hex, inside a JWT, inside an error) never reach the phone, under any fault.",
        statement_zh: "session_key、AppSecret 和 access_token（原文、base64、URL 安全的 base64、hex、藏在 JWT 里、藏在错误信息里）在任何故障下都不能到达手机。",
        source: "WeChat open-data documentation; binarywang/weixin-java-miniapp-demo; cases SE-1, SE-6",
        since: "0.1.0",
        repair: "Build answers field by field; never pass an upstream body or an exception text on.",
        repair_zh: "回答要逐个字段组装；微信的返回体和异常信息绝不能原样往下传。",
    },
    RuleInfo {
        id: "TOK-06",
        level: Level::Must,
        impact: Impact::Security,
        title: "A token that was logged out is dead",
        title_zh: "退出登录之后，token 必须失效",
        statement: "After its logout a token is refused, also once its person has logged in again.",
        statement_zh: "退出登录之后 token 要被拒绝，同一用户再次登录之后也一样。",
        source: "linlinjava/litemall logout@19ef917; Nicksapp/nAuth-restful-api#8; cases SE-7, CL-7",
        since: "0.1.0",
        repair: "Delete the session of that token on the server.",
        repair_zh: "在服务端删掉这个 token 的会话。",
    },
    RuleInfo {
        id: "TOK-07",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "A logout ends its own session and no other",
        title_zh: "退出登录只结束自己的会话",
        statement: "The logout of one token never ends the session of another, whether that was there before or is being made.",
        statement_zh: "一个 token 退出登录，不能结束别的会话，不管它早就有了还是正在建立。",
        source: "linlinjava/litemall logout@19ef917; Nicksapp/nAuth-restful-api#8; cases CL-7",
        since: "0.1.0",
        repair: "Delete by token, not by person.",
        repair_zh: "按 token 删除，不要按用户删除。",
    },
    RuleInfo {
        id: "TOK-08",
        level: Level::Must,
        impact: Impact::Security,
        title: "A refresh gives a token that works, and only for one that does",
        title_zh: "刷新换来的 token 必须能用，失效的 token 换不到新的",
        statement: "The token a refresh gives opens the same session at once; a token that is over gets none; and the old token is over, or goes on, as the adapter declares.",
        statement_zh: "刷新换来的 token 马上能打开同一个会话；失效的 token 换不到新的；旧 token 是作废还是继续有效，与 adapter 的声明一致。",
        source: "tymondesigns/jwt-auth#1060, tymondesigns/jwt-auth#954, Styria-Digital/django-rest-framework-jwt#36; cases RF-1, RF-2, RF-3, RF-4",
        since: "0.1.0",
        repair: "Replace the token of the session in one statement: the row of the old token becomes that of the new one, or the refresh is refused.",
        repair_zh: "用一条语句替换会话的 token：旧 token 的那一行变成新 token 的，改不到就拒绝刷新。",
    },
    RuleInfo {
        id: "ACC-01",
        level: Level::Must,
        impact: Impact::DataMixUp,
        title: "One openid, one account",
        title_zh: "同一个 openid 只能有一个账号",
        statement: "Concurrent first logins of one openid create exactly one account: every answer names the same user id.",
        statement_zh: "同一个 openid 的几次首次登录并发到来，只能建一个账号：每个回答里的用户 id 都相同。",
        source: "ConnectAI-E/DataChat-API#19 (31 duplicated accounts); cases CL-3",
        since: "0.1.0",
        repair: "Put a unique index on (appid, openid) and insert with upsert; checking first and inserting later is the race.",
        repair_zh: "在 (appid, openid) 上建唯一索引，用 upsert 写入；先查、没有再插，正是竞态所在。",
    },
    RuleInfo {
        id: "ERR-05",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "An unreadable reply is \"try later\" or \"log in again\", never a crash",
        title_zh: "读不懂的应答，要回答“稍后再试”或“重新登录”，不得崩溃",
        statement: "Truncated, non-JSON, wrong-type and missing-field replies end in retry_later or relogin, without a crash and without a leak.",
        statement_zh: "应答被截断、不是 JSON、类型不对、缺字段时，结果只能是 retry_later 或 relogin，不能崩溃，不能泄密。",
        source: "tencentyun/wafer2-node-sdk (reply echoed in the error); cases LB-2, LB-3",
        since: "0.1.0",
        repair: "Parse into a checked type; treat everything that does not fit as \"WeChat is unwell\", and log it without the body.",
        repair_zh: "解析成带校验的类型；凡是对不上的都按“微信暂时有问题”处理，记日志时不要带上返回体。",
    },
    RuleInfo {
        id: "ERR-06",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "A silent WeChat does not make a silent backend",
        title_zh: "微信不回应时，后端也必须按时回答",
        statement: "If WeChat is silent the phone is answered within the declared bound.",
        statement_zh: "微信不应答时，后端也必须在声明的时限内回答手机。",
        source: "binarywang/WxJava#2278; cases UF-1",
        since: "0.1.0",
        repair: "Set a connect and a read timeout on the exchange (a few seconds) and answer retry_later.",
        repair_zh: "给换取请求设连接超时和读超时（几秒即可），超时就回答 retry_later。",
    },
    RuleInfo {
        id: "AT-02",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "An access_token that arrives late does not replace the one fetched after it",
        title_zh: "晚到的旧 access_token 不得覆盖后取的",
        statement: "Two fetches at once leave the token in force that WeChat issued last, in whatever order their replies arrive: the next call works.",
        statement_zh: "同时获取两个 access_token，不管应答谁先到，留下来的都必须是微信后签发的那个：下一次调用要成功。",
        source: "lanrion/weixin_authorize#81; binarywang/WxJava#1222; cases AT-8",
        since: "0.1.0",
        repair: "Let one request fetch while the others wait for it.",
        repair_zh: "由一个请求去取，其余的等它。",
    },
    RuleInfo {
        id: "AT-03",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "A dead access_token is renewed, and a refused one asked for a few times only",
        title_zh: "失效的 access_token 要重新获取；获取被拒，只能试几次",
        statement: "After 40001, 40014 or 42001 a new access_token is fetched and the call made again, at the latest for the next request. One request makes at most six calls of a kind (exchanges of a code: \
                    at SHOULD), and what WeChat answered instead of a token is not kept as one.",
        statement_zh: "遇到 40001、40014、42001，就重新获取 access_token 再调一次，最迟在下一个请求时做到。一个请求里同一种调用最多六次（换取 code 超过六次按 SHOULD 算）；微信没给 token 时的应答，不能当 token 存。",
        source: "silenceper/wechat#641; binarywang/weixin-java-mp-demo#152; binarywang/WxJava#1381; cases AT-1 to AT-6",
        since: "0.1.0",
        repair: "Drop the token that was refused, fetch once, make the call once more; answer retry_later to anything the token endpoint refuses.",
        repair_zh: "去掉被拒的那个 token，获取一次，再调用一次；token 接口拒绝的一律回答 retry_later。",
    },
    RuleInfo {
        id: "AT-05",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "A login does not depend on an access_token",
        title_zh: "登录不依赖 access_token",
        statement: "The exchange of a login code takes no access_token: with none to be had a login works, or says retry_later.",
        statement_zh: "code 换会话不需要 access_token：拿不到它，登录也要成功，至少要回答 retry_later。",
        source: "binarywang/WxJava#1614, #2810; cases AT-7",
        since: "0.1.0",
        repair: "Call jscode2session with appid and secret alone.",
        repair_zh: "调用 jscode2session 只带 appid 和 secret。",
    },
    RuleInfo {
        id: "AT-01",
        level: Level::Must,
        impact: Impact::Cost,
        title: "An access_token is fetched once and shared",
        title_zh: "access_token 取一次，大家共用",
        statement: "Calls share an access_token while it works: it is not fetched for each of them, nor by each of several requests at once. A MUST where the tokens that several fetch at once end one another, else a warning.",
        statement_zh: "access_token 有效期间，各次调用共用一个：不能每次都取，同时来的几个请求也不能各取一个。几个请求同时取来的 token 互相顶掉时是 MUST，否则只是警告。",
        source: "node-webot/wechat#115; binarywang/WxJava#963, #1293; cases AT-2",
        since: "0.1.0",
        repair: "Keep the token for all workers and let one request fetch while the others wait.",
        repair_zh: "token 让所有进程共用，由一个请求去取，其余的等它。",
    },
    RuleInfo {
        id: "LIVE-01",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "Every request is answered once nothing is held",
        title_zh: "放行之后，每个请求都必须有回答",
        statement: "No hang in any ordering; no deadlock after all replies are let go.",
        statement_zh: "任何顺序下都不能挂起；拦住的应答全部放行之后不能死锁。",
        source: "Jepsen and Lincheck both treat a hang as a failure; a lock held across the call to WeChat is the usual cause",
        since: "0.1.0",
        repair: "Do not hold a lock across the call to WeChat, or give lock and call one deadline.",
        repair_zh: "调用微信期间不要持锁；非持不可，就让锁和调用共用一个截止时间。",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(rotation: &str) -> IndexMap<String, String> {
        [("rotation".to_owned(), rotation.to_owned())]
            .into_iter()
            .collect()
    }

    #[test]
    fn ids_are_unique_and_explained() {
        for (at, rule) in RULES.iter().enumerate() {
            assert!(
                RULES[..at].iter().all(|other| other.id != rule.id),
                "{}",
                rule.id
            );
            let text = explain(rule.id, Lang::En).unwrap();
            assert!(
                text.contains(rule.statement) && text.contains(rule.source),
                "{text}"
            );
            let text = explain(rule.id, Lang::Zh).unwrap();
            assert!(
                text.contains(rule.statement_zh) && text.contains(rule.repair_zh),
                "{text}"
            );
        }
        assert_eq!(explain("KEY-99", Lang::En), None);
    }

    fn found(rule: &str, mechanism: Mechanism) -> Violation {
        Violation {
            rule: rule.to_owned(),
            mechanism,
            ..Violation::default()
        }
    }

    #[test]
    fn numbering_is_never_offered_where_the_backend_cannot_see_the_order() {
        let late = found("KEY-04", Mechanism::LateReplyOverwrites);
        let exchange = repairs(&late, &axes("exchange"), Lang::En).join(" ");
        assert!(
            exchange.contains("does not help here") && exchange.contains("latest keys"),
            "{exchange}"
        );
        let login = repairs(&late, &axes("login"), Lang::En).join(" ");
        assert!(
            login.contains("Number the logins where they begin"),
            "{login}"
        );
        assert!(
            repairs(&late, &IndexMap::new(), Lang::En)
                .join(" ")
                .contains("relogin")
        );
    }

    #[test]
    fn the_repair_is_the_mechanisms_and_without_one_two_tests_are_named() {
        let plus = found("KEY-02", Mechanism::DamagedInTransit);
        let lines = repairs(&plus, &axes("login"), Lang::En);
        assert!(
            lines.len() == 1 && lines[0].contains("spaces back into +"),
            "{lines:?}"
        );
        let open = repairs(&found("KEY-02", Mechanism::Open), &axes("login"), Lang::En);
        assert_eq!(open.len(), 4, "{open:?}");
        assert!(open[0].contains("two tests"), "{open:?}");
        assert!(repairs(&found("KEY-99", Mechanism::Open), &axes("login"), Lang::En).is_empty());
    }
}
