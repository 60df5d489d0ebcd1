//! What backends do that works in a test and hurts later, counted as calls come. Counts are exact however many calls the
//! books have forgotten, and each names the first call.
//!
//! To add a lint: one entry in [`LINTS`], and if it needs to know more than one call, one field of [`Look`].

mod signs;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use wxmock_world::{Lang, Refusal, Span, UnixMs, UserId, errcode};

use crate::caller::Caller;
use crate::calls::CallInfo;
use crate::wechat::Endpoint;

pub use signs::Signs;

/// One thing to look for.
#[derive(Debug, Clone, Copy)]
pub struct LintInfo {
    /// Its name, in `exec --assert` and in JSON; what is counted, in the plural.
    pub id: &'static str,
    /// What was seen, for the middle of a sentence behind a count: English, Chinese.
    pub title: [&'static str; 2],
    /// Exactly what is counted: English, Chinese.
    pub counts: [&'static str; 2],
    /// Why it hurts and what to do: English, Chinese.
    pub advice: [&'static str; 2],
    saw: fn(&Look<'_>) -> bool,
}

/// One ended call, as lints look at it.
#[derive(Debug)]
struct Look<'a> {
    call: &'a CallInfo,
    /// Another exchange of the same person was open at the same time.
    is_beside: bool,
    /// An access_token was fetched though the one before was new and hardly used.
    is_wasted: bool,
}

/// Every lint. `/_mock/v1/lints`, `doctor` and `exec --assert` are renderings of this table.
pub static LINTS: [LintInfo; 6] = [
    LintInfo {
        id: "codes_sent_again",
        title: [
            "a code was sent that an earlier call had spent",
            "有调用再次发送了已经用过的 code",
        ],
        counts: [
            "calls with a login or phone code that was spent before",
            "带着已用过的登录 code 或手机号 code 的调用次数",
        ],
        advice: [
            "a code works once: look for retries, double taps and two handlers of one request; on failure ask the page for a new code",
            "code 只能用一次：检查重试、重复点击，以及同一请求被处理两次；失败时应让页面重新获取 code",
        ],
        saw: |look| {
            matches!(
                look.call.why.as_deref(),
                Some(Refusal::CodeSpent { .. } | Refusal::CodeBurnt { .. })
            )
        },
    },
    LintInfo {
        id: "parallel_exchanges",
        title: [
            "exchanges of one person ran side by side",
            "同一个人的换取并行进行",
        ],
        counts: [
            "jscode2session calls that were open together with an earlier one of the same person",
            "与同一个人更早的 jscode2session 调用同时进行的次数",
        ],
        advice: [
            "the slower answer may overwrite the newer session_key: let one login of a person wait for the other, or keep the newest key by a number of your own; `wxmock explain CL-1`",
            "较慢的应答可能覆盖较新的 session_key：同一个人的登录应排队，或用自己的序号保留最新的 key；见 `wxmock explain CL-1`",
        ],
        saw: |look| look.is_beside,
    },
    LintInfo {
        id: "wasted_tokens",
        title: [
            "an access_token was fetched though the last one was new",
            "刚获取过 access_token 又重新获取",
        ],
        counts: [
            "token and stable_token calls within five minutes of the last one, which had served at most one call and was not refused",
            "距上次获取不到五分钟、上一个最多用过一次且未被拒绝时，又调用 token 或 stable_token 的次数",
        ],
        advice: [
            "an access_token lives two hours and a fetch kills the one before: keep it, shared among processes, and fetch on 40001, 40014 or 42001",
            "access_token 有效两小时，重新获取会使旧的失效：应缓存并在进程间共享，遇到 40001、40014、42001 再获取",
        ],
        saw: |look| look.is_wasted,
    },
    LintInfo {
        id: "browser_exchanges",
        title: [
            "a call with the AppSecret came out of a browser or a mini-program page",
            "带 AppSecret 的调用来自浏览器或小程序页面",
        ],
        counts: [
            "jscode2session, token and stable_token calls with an Origin, a Sec-Fetch-Site, or a Referer of servicewechat.com",
            "带有 Origin、Sec-Fetch-Site 或 servicewechat.com 的 Referer 的 jscode2session、token、stable_token 调用次数",
        ],
        advice: [
            "who has the page has the AppSecret: exchange codes in the backend, and have the secret reset on mp.weixin.qq.com if the page was ever published",
            "拿到页面就拿到了 AppSecret：应由后端换取 code；页面若已发布，请在 mp.weixin.qq.com 重置密钥",
        ],
        saw: |look| look.call.signs.is_from_page,
    },
    LintInfo {
        id: "missing_grant_types",
        title: ["a call came without grant_type", "调用缺少 grant_type"],
        counts: [
            "jscode2session and token calls without grant_type, or with an empty one",
            "没有 grant_type 或其为空的 jscode2session、token 调用次数",
        ],
        advice: [
            "send grant_type=authorization_code to jscode2session and client_credential to token; WeChat answers 40002 without it",
            "jscode2session 要带 grant_type=authorization_code，token 要带 client_credential；缺少时微信返回 40002",
        ],
        saw: |look| look.call.signs.lacks_grant_type,
    },
    LintInfo {
        id: "keys_in_urls",
        title: ["a session_key stood in a URL", "URL 里出现了 session_key"],
        counts: [
            "calls whose query has a parameter called session_key, or a value shaped like one",
            "查询参数名为 session_key 或值形如 session_key 的调用次数",
        ],
        advice: [
            "URLs end in the logs of every proxy on the way: sign with the key and send the signature, never the key",
            "URL 会留在沿途每个代理的日志里：用 key 签名并发送签名，不要发送 key 本身",
        ],
        saw: |look| look.call.signs.has_key_in_url,
    },
];

/// How often one thing was seen. The same as JSON at `/_mock/v1/lints`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LintCount {
    /// Which: [`LintInfo::id`].
    pub id: String,
    /// [`LintInfo::title`], English.
    pub title: String,
    /// The same in Chinese.
    pub title_zh: String,
    /// [`LintInfo::advice`], English.
    pub advice: String,
    /// The same in Chinese.
    pub advice_zh: String,
    /// How many calls.
    pub count: u64,
    /// The first of them.
    pub first: Option<Caller>,
}

impl LintCount {
    /// What was seen, in a language.
    pub fn title(&self, lang: Lang) -> &str {
        lang.pick(&self.title, &self.title_zh)
    }

    /// What to do, in a language.
    pub fn advice(&self, lang: Lang) -> &str {
        lang.pick(&self.advice, &self.advice_zh)
    }
}

/// When a call began, among all that happened to calls.
#[derive(Debug)]
pub(crate) struct Began(u64);

/// Counts of everything in [`LINTS`].
#[derive(Debug, Default)]
pub struct Lints {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    now: u64,
    seen: [(u64, Option<Caller>); LINTS.len()],
    /// Exchanges that have begun and not left, oldest first: mostly one, so that a set would be a waste.
    open: VecDeque<u64>,
    /// When the last exchange of each person left; only while any is open that began before that.
    left: HashMap<(Arc<str>, UserId), u64>,
    tokens: HashMap<(Arc<str>, Endpoint), Token>,
}

/// The last access_token of an app from one endpoint.
#[derive(Debug)]
struct Token {
    at: UnixMs,
    n_uses: u32,
    is_refused: bool,
}

/// Tokens renewed later than this after the last one are nobody's fault.
const WASTED_WITHIN: Span = Span::m(5);
/// Apps whose tokens are watched; beyond, nothing is wasted.
const APPS_WATCHED: usize = 4_096;

impl Lints {
    /// Every lint in the order of [`LINTS`], those never seen with a count of 0.
    pub fn view(&self) -> Vec<LintCount> {
        let book = self.lock();
        let row = |(info, (count, first)): (&LintInfo, &(u64, Option<Caller>))| LintCount {
            id: info.id.to_owned(),
            title: info.title[0].to_owned(),
            title_zh: info.title[1].to_owned(),
            advice: info.advice[0].to_owned(),
            advice_zh: info.advice[1].to_owned(),
            count: *count,
            first: first.clone(),
        };
        LINTS.iter().zip(&book.seen).map(row).collect()
    }

    /// Forget everything; exchanges that are open stay open.
    pub fn clear(&self) {
        let mut book = self.lock();
        *book = Book {
            now: book.now,
            open: std::mem::take(&mut book.open),
            ..Book::default()
        };
    }

    /// A call has begun.
    pub(crate) fn begin(&self, endpoint: Endpoint) -> Began {
        let mut book = self.lock();
        book.now += 1;
        let began = book.now;
        if endpoint.is_exchange() {
            book.open.push_back(began);
        }
        Began(began)
    }

    /// Its answer is about to leave, or never will.
    pub(crate) fn leave(&self, call: &CallInfo, began: Began) {
        let mut book = self.lock();
        book.now += 1;
        let look = Look {
            call,
            is_beside: call.endpoint.is_exchange() && book.is_beside(call, began.0),
            is_wasted: book.is_wasted(call),
        };
        for (info, (count, first)) in LINTS.iter().zip(&mut book.seen) {
            if (info.saw)(&look) {
                *count += 1;
                first.get_or_insert_with(|| Caller::of(call));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Whether another exchange of this person left while this one was open. So of several side by side all but the first to
    /// leave are counted, whatever order they began in.
    fn is_beside(&mut self, call: &CallInfo, began: u64) -> bool {
        if let Ok(at) = self.open.binary_search(&began) {
            self.open.remove(at);
        }
        let Some(oldest) = self.open.front().copied() else {
            // Nobody is open who could be beside this one. It may itself be beside one that left before it.
            let is_beside = !self.left.is_empty()
                && whose(call)
                    .is_some_and(|whose| self.left.get(&whose).is_some_and(|left| *left > began));
            self.left.clear();
            return is_beside;
        };
        let Some(whose) = whose(call) else {
            return false;
        };
        let before = self.left.insert(whose, self.now);
        // The oldest open one cannot be beside what left before it began; looked at now and then, because it is a walk.
        if self.left.len().is_power_of_two() && self.left.len() > 64 {
            self.left.retain(|_, left| *left > oldest);
        }
        before.is_some_and(|left| left > began)
    }

    /// Follows the life of access_tokens; whether this call fetched one for nothing.
    fn is_wasted(&mut self, call: &CallInfo) -> bool {
        let Some(appid) = &call.appid else {
            return false;
        };
        let refused = call.errcode.is_some_and(|errcode| errcode != 0);
        if is_fetch(call.endpoint) {
            if refused || call.errcode.is_none() && call.seq.is_none() {
                return false;
            }
            let token = Token {
                at: call.arrived,
                n_uses: 0,
                is_refused: false,
            };
            let key = (Arc::clone(appid), call.endpoint);
            if self.tokens.len() >= APPS_WATCHED && !self.tokens.contains_key(&key) {
                return false;
            }
            let last = self.tokens.insert(key, token);
            return last.is_some_and(|last| {
                last.n_uses <= 1 && !last.is_refused && call.arrived.since(last.at) < WASTED_WITHIN
            });
        }
        if !call.endpoint.is_exchange() {
            let is_token_bad = call.errcode.is_some_and(|errcode| {
                [
                    errcode::INVALID_CREDENTIAL.errcode,
                    errcode::INVALID_ACCESS_TOKEN.errcode,
                    errcode::ACCESS_TOKEN_EXPIRED.errcode,
                ]
                .contains(&errcode)
            });
            for endpoint in [Endpoint::Token, Endpoint::StableToken] {
                if let Some(token) = self.tokens.get_mut(&(Arc::clone(appid), endpoint)) {
                    token.is_refused |= is_token_bad;
                    token.n_uses += u32::from(!is_token_bad);
                }
            }
        }
        false
    }
}

/// The person a call is about.
fn whose(call: &CallInfo) -> Option<(Arc<str>, UserId)> {
    let (appid, user) = (call.appid.as_ref()?, call.user.as_ref()?);
    Some((Arc::clone(appid), user.clone()))
}

const fn is_fetch(endpoint: Endpoint) -> bool {
    matches!(endpoint, Endpoint::Token | Endpoint::StableToken)
}

#[cfg(test)]
mod tests;
