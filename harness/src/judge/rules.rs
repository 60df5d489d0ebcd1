//! The rule table: what each rule demands, what a violation costs, who saw it broken, and which repair fits.
//!
//! Order matters: among violations of one level and one cost, the earlier rule is the headline. KEY-04 names a
//! cause, KEY-02 and KEY-03 its symptoms.

use indexmap::IndexMap;

use crate::verdict::{Impact, Level};

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
    /// The requirement, as a sentence.
    pub statement: &'static str,
    /// Public threads and pages that show it broken or demand it.
    pub source: &'static str,
    /// First version of wxmock that checks it.
    pub since: &'static str,
    /// Repairs that help whenever the key rotates. Rules about the order of keys add some per axis: see [`repairs`].
    pub repair: &'static str,
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

/// Repairs for `id` that hold under the axis values of a case; axis `rotation` decides for the rules about keys.
///
/// Numbering logins as they arrive settles the order only if the key was fixed before they left the phone
/// (`rotation` = `login` and phones in order); under `exchange` the backend sees neither order, so it must keep
/// candidates or ask for a new login.
#[must_use]
pub fn repairs(id: &str, axes: &IndexMap<String, String>) -> Vec<&'static str> {
    let Some(rule) = rule(id) else {
        return Vec::new();
    };
    let rotation = axes.get("rotation").map(String::as_str);
    let returns_current = axes
        .get("returns")
        .is_some_and(|returns| returns == "current");
    let mut lines = Vec::new();
    if id == "KEY-04" {
        lines.push(match rotation {
            Some("exchange") => {
                "Keep the user's few latest keys and try each (own token's key first); accept one only if the JSON parses and watermark.appid matches. \
                 A number given to logins on arrival does not help here: the key changes at WeChat, in an order the backend cannot see."
            }
            Some("login") if returns_current => {
                "Any reply now carries the newest key, so store what came last; keep the previous key for captures still on their way."
            }
            Some("login") => {
                "Number the logins where they begin, on the phone, and ignore replies older than the one stored; with two devices, keep the user's few latest keys and try each."
            }
            Some("min_interval") => {
                "Do not count on WeChat's pause between new keys: keep the user's few latest keys and try each, accepting one only if the JSON parses and watermark.appid matches."
            }
            _ => {
                "Keep the user's few latest keys and try each, accepting one only if the JSON parses and watermark.appid matches."
            }
        });
        if rotation == Some("exchange") {
            lines.push("A lock per user is not enough either: whose login it is is known only when the reply arrives. Hold the lock across the exchange per device, or let all exchanges queue.");
        }
    }
    lines.push(rule.repair);
    lines
}

/// The rule in prose, for `wxmock explain`; `None` if there is no such rule.
#[must_use]
pub fn explain(id: &str) -> Option<String> {
    use std::fmt::Write as _;
    let rule = rule(id)?;
    let mut text = format!(
        "{}  {} ({})\n{}\n{}\n\n{}\n\n",
        rule.id,
        level_word(rule.level),
        impact_word(rule.impact),
        rule.title,
        rule.title_zh,
        rule.statement
    );
    let models = [
        ("login", "WeChat issues a new key at wx.login"),
        ("exchange", "WeChat issues it when a code is exchanged"),
    ];
    if id == "KEY-04" {
        for (axis, when) in models {
            let axes = [("rotation".to_owned(), axis.to_owned())]
                .into_iter()
                .collect();
            let _ = writeln!(
                text,
                "Repair if {when} (rotation:{axis}):\n  {}",
                repairs(id, &axes).join("\n  ")
            );
        }
    } else {
        let _ = writeln!(text, "Repair: {}", rule.repair);
    }
    let _ = write!(text, "Source: {}\nSince:  {}\n", rule.source, rule.since);
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

const RULES: [RuleInfo; 14] = [
    RuleInfo {
        id: "KEY-01",
        level: Level::Must,
        impact: Impact::DataMixUp,
        title: "A person's data is only ever shown to that person, and forged payloads are refused",
        title_zh: "一个人的数据只能给本人；伪造的密文必须拒绝",
        statement: "A ciphertext of user U is only ever decrypted to U's data, and never succeeds with the token of V. A payload sealed under a key WeChat never \
                    issued, with another app's watermark, with another person's openId or with a bent iv is refused. A token of U acts as U.",
        source: "tencentyun/wafer2-node-sdk#57; cases KI-1 to KI-3, SE-2 to SE-4",
        since: "0.1.0",
        repair: "Look keys and identities up by the token alone, keep request state out of shared objects, and compare watermark.appid and openId with the session after decrypting.",
    },
    RuleInfo {
        id: "KEY-04",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "When everything has come to rest, the newest key the backend was given is the one in force",
        title_zh: "全部静止后，后端收到过的最新 session_key 必须生效",
        statement: "At rest the newest issued key is the one in force: no update is lost because replies or requests overtook each other. MUST if the backend does not \
                    answer relogin, else SHOULD. A key that never reached the backend is not asked for.",
        source: "lanrion/weixin_authorize#81; binarywang/WxJava#359; developers.weixin.qq.com/community/develop/doc/00088a409fc308b765475fa4351000; cases CL-1, CL-2",
        since: "0.1.0",
        repair: "Whatever the order, answer relogin when no key opens a payload: then one more login heals it.",
    },
    RuleInfo {
        id: "KEY-02",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "A payload that does not open is answered with \"log in again\", nothing else",
        title_zh: "解不开的密文只能回答“请重新登录”",
        statement: "Every decrypt request with an honest payload ends in the right plaintext or in relogin; never another 4xx or 5xx, an empty object or garbage.",
        source: "dspurl/tfshop#78; w7corp/easywechat#1312, #2085; cases SK-1, SK-8, PI-4",
        since: "0.1.0",
        repair: "Catch every way decryption fails (padding, JSON, watermark, no key) in one place and answer relogin; padding that happens to be valid proves nothing.",
    },
    RuleInfo {
        id: "KEY-03",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "After \"log in again\", one clean login and a new capture succeed",
        title_zh: "按提示重新登录并重新取数后必须成功",
        statement: "After relogin, one clean sequential login and a new capture succeed.",
        source: "dspurl/tfshop#78, w7corp/easywechat#1293 (the way out that KEY-02 promises); case SK-8",
        since: "0.1.0",
        repair: "Let every good login replace or join what is stored; keep no state (flag, cache, lock) that outlives the race.",
    },
    RuleInfo {
        id: "CODE-01",
        level: Level::Must,
        impact: Impact::Security,
        title: "One code yields one session",
        title_zh: "同一个 code 只能产生一个会话",
        statement: "Submissions of one code never yield two different sessions; each gets the same session or relogin or invalid, and the session given out stays good.",
        source: "lanceWan/wxxcx#9; container-storage-interface/spec#213; cases CC-1",
        since: "0.1.0",
        repair: "Remember the result by code for five minutes (the first request exchanges, others wait for it), or refuse the second and leave the first alone.",
    },
    RuleInfo {
        id: "CODE-03",
        level: Level::Must,
        impact: Impact::ExtraLogin,
        title: "A dead code gives no session, no server error and no second try",
        title_zh: "失效的 code：不给会话、不报 5xx、不重试",
        statement: "40029 and 40163 mean no session, are not a 5xx, and are not retried with the same code.",
        source: "binarywang/WxJava#1323, #388, #402; cases CC-1, CC-2, CC-5",
        since: "0.1.0",
        repair: "Map 40029 and 40163 to relogin and let the phone mint a fresh code; never repeat an exchange.",
    },
    RuleInfo {
        id: "TOK-01",
        level: Level::Must,
        impact: Impact::Security,
        title: "Two logins do not share a token",
        title_zh: "两次登录不得共用同一个令牌",
        statement: "Distinct users never share a token; distinct logins get distinct tokens unless the adapter declares otherwise.",
        source: "tencentyun/wafer2-node-sdk lib/auth; cases KI-5, SE-7",
        since: "0.1.0",
        repair: "Draw at least 128 random bits per login and store only their hash.",
    },
    RuleInfo {
        id: "TOK-02",
        level: Level::Must,
        impact: Impact::Security,
        title: "A token cannot be derived from what others may know",
        title_zh: "令牌不得由 session_key、openid、code 推导得出",
        statement: "A token is not derivable from session_key, openid, code or time.",
        source: "tencentyun/wafer2-node-sdk (hash of session_key); cases KI-5",
        since: "0.1.0",
        repair: "Draw the token from the system's random source; do not hash anything WeChat sent.",
    },
    RuleInfo {
        id: "TOK-03",
        level: Level::Must,
        impact: Impact::Security,
        title: "session_key and AppSecret never reach a phone",
        title_zh: "session_key 与 AppSecret 绝不能下发到手机",
        statement: "session_key, AppSecret and access_token (raw, base64, url-safe, hex, inside a JWT, inside an error) never reach the phone, under any fault.",
        source: "WeChat open-data documentation; binarywang/weixin-java-miniapp-demo; cases SE-1, SE-6",
        since: "0.1.0",
        repair: "Build answers field by field; never pass an upstream body or an exception text on.",
    },
    RuleInfo {
        id: "ACC-01",
        level: Level::Must,
        impact: Impact::DataMixUp,
        title: "One openid, one account",
        title_zh: "同一个 openid 只能有一个账号",
        statement: "Concurrent first logins of one openid create exactly one account: every answer names the same user id.",
        source: "ConnectAI-E/DataChat-API#19 (31 duplicated accounts); cases CL-3",
        since: "0.1.0",
        repair: "Put a unique index on (appid, openid) and insert with upsert; checking first and inserting later is the race.",
    },
    RuleInfo {
        id: "ERR-01",
        level: Level::Must,
        impact: Impact::DataMixUp,
        title: "An errcode other than 0 is an error, even under HTTP 200",
        title_zh: "HTTP 200 里的非零 errcode 也是错误",
        statement: "errcode other than 0 inside HTTP 200 is an error, whatever else is in the body.",
        source: "overtrue/socialite#289; lanceWan/wxxcx#9; cases LB-1",
        since: "0.1.0",
        repair: "Send every reply through one function that checks errcode before any field is read.",
    },
    RuleInfo {
        id: "ERR-05",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "An unreadable reply is \"try later\" or \"log in again\", never a crash",
        title_zh: "读不懂的回复应答“稍后再试”或“重新登录”，不得崩溃",
        statement: "Truncated, non-JSON, wrong-type and missing-field replies end in retry_later or relogin, without a crash and without a leak.",
        source: "tencentyun/wafer2-node-sdk (reply echoed in the error); cases LB-2, LB-3",
        since: "0.1.0",
        repair: "Parse into a checked type; treat everything that does not fit as \"WeChat is unwell\", and log it without the body.",
    },
    RuleInfo {
        id: "ERR-06",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "A silent WeChat does not make a silent backend",
        title_zh: "微信不回应时，后端也必须按时回答",
        statement: "If WeChat is silent the phone is answered within the declared bound.",
        source: "binarywang/WxJava#2278; cases UF-1",
        since: "0.1.0",
        repair: "Set a connect and a read timeout on the exchange (a few seconds) and answer retry_later.",
    },
    RuleInfo {
        id: "LIVE-01",
        level: Level::Must,
        impact: Impact::LockOut,
        title: "Every request is answered once nothing is held",
        title_zh: "放行之后，每个请求都必须有回答",
        statement: "No hang in any ordering; no deadlock after all replies are let go.",
        source: "Jepsen and Lincheck both treat a hang as a failure; a lock held across the call to WeChat is the usual cause",
        since: "0.1.0",
        repair: "Do not hold a lock across the call to WeChat, or give lock and call one deadline.",
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
            let text = explain(rule.id).unwrap();
            assert!(
                text.contains(rule.statement) && text.contains(rule.source),
                "{text}"
            );
        }
        assert_eq!(explain("KEY-99"), None);
    }

    #[test]
    fn numbering_is_never_offered_where_the_backend_cannot_see_the_order() {
        let exchange = repairs("KEY-04", &axes("exchange")).join(" ");
        assert!(
            exchange.contains("does not help here") && exchange.contains("latest keys"),
            "{exchange}"
        );
        let login = repairs("KEY-04", &axes("login")).join(" ");
        assert!(
            login.contains("Number the logins where they begin"),
            "{login}"
        );
        assert!(
            repairs("KEY-04", &IndexMap::new())
                .join(" ")
                .contains("relogin")
        );
    }
}
