//! What has been seen on every route, counted: for the reader who wonders why a backend's calls do not arrive.
//! Knows no secret: of an appid or AppSecret that is not ours it is given the last four characters.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use wxmock_world::{Lang, Refusal, Tail, Wording};

use crate::caller::Caller;
use crate::foreign::kept;

use super::route::{Alpn, HttpVersion, Route};

/// Counts of what came in, by route. Each list keeps its first [`Routes::CAPACITY`] different lines and drops what comes new
/// after that, so that a flood of made-up names costs no memory.
#[derive(Debug, Default)]
pub struct Routes {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    calls: BTreeMap<CallKey, Arc<AtomicU64>>,
    alerts: BTreeMap<(String, Option<String>), u64>,
    unplayed: BTreeMap<(String, Route), u64>,
    strangers: BTreeMap<(Stranger, String), u64>,
    refusals: BTreeMap<(&'static str, i64, String), Refused>,
    paths: BTreeMap<(String, String), (u64, Option<Caller>)>,
}

/// Calls refused for one reason.
#[derive(Debug)]
struct Refused {
    count: u64,
    why_zh: String,
    advice: [&'static str; 2],
    first: Option<Caller>,
}

/// What calls are counted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallKey {
    pub(crate) route: Route,
    pub(crate) host: Arc<str>,
    pub(crate) user_agent: Arc<str>,
    pub(crate) alpn: Option<Alpn>,
    pub(crate) http: HttpVersion,
}

/// Everything counted so far, in a fixed order. The same as JSON at `/_mock/v1/roads`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutesView {
    /// Calls to WeChat's paths, by route, host and client.
    pub calls: Vec<RouteCount>,
    /// TLS handshakes that failed, by reason and name.
    pub alerts: Vec<AlertCount>,
    /// Requests for hosts the mock does not play, by host and route.
    pub unplayed: Vec<HostCount>,
    /// Credentials that belong to none of the mock's apps.
    pub strangers: Vec<StrangerCount>,
    /// Calls that were refused, by endpoint, errcode and reason.
    #[serde(default)]
    pub refusals: Vec<RefusalCount>,
    /// Paths of WeChat's hosts that the mock does not play.
    #[serde(default)]
    pub paths: Vec<PathCount>,
}

/// Calls refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalCount {
    /// The endpoint: the last segment of its path.
    pub endpoint: String,
    /// What it answered.
    pub errcode: i64,
    /// Why, in one sentence without a secret.
    pub why: String,
    /// The same in Chinese.
    #[serde(default)]
    pub why_zh: String,
    /// What to do about it.
    #[serde(default)]
    pub advice: String,
    /// The same in Chinese.
    #[serde(default)]
    pub advice_zh: String,
    /// How many.
    pub count: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Caller>,
}

/// Calls to one path that is not played. They are answered 40066, as WeChat answers a path it does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathCount {
    /// The path, at most 256 bytes of it.
    pub path: String,
    /// The played path that is nearest to it.
    pub nearest: String,
    /// How many.
    pub count: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Caller>,
}

/// Calls of one client to one host by one route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteCount {
    /// The route; `road` in documents, as it always was.
    #[serde(rename = "road")]
    pub route: Route,
    /// The host the client meant; empty when it named none.
    pub host: String,
    /// Its `User-Agent`; empty when it sent none.
    pub user_agent: String,
    /// What was agreed on inside TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<Alpn>,
    /// The version of HTTP.
    pub http: HttpVersion,
    /// How many.
    pub count: u64,
}

/// TLS handshakes that failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertCount {
    /// The alert the client sent, in RFC 8446's words (`unknown_ca`, `bad_certificate` …), or what else ended the
    /// handshake: `closed`, `reset`, `timeout`, `no-ca`, `not-tls`, `failed`.
    pub kind: String,
    /// The name the client asked for; `None` when it asked for none, or did not come that far.
    pub sni: Option<String>,
    /// How many.
    pub count: u64,
}

/// Requests for a host we do not play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCount {
    /// The host.
    pub host: String,
    /// The route; `road` in documents, as it always was.
    #[serde(rename = "road")]
    pub route: Route,
    /// How many.
    pub count: u64,
}

/// A kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stranger {
    /// An appid of no app here.
    AppId,
    /// An AppSecret that is not its app's; perhaps a real one that leaked into a test.
    Secret,
}

/// A credential that belongs to none of the mock's apps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrangerCount {
    /// What it was sent as.
    pub what: Stranger,
    /// Its last four characters behind an ellipsis; of a short one only the ellipsis.
    pub tail: String,
    /// How many times.
    pub count: u64,
}

impl Routes {
    /// How many different lines each list keeps.
    pub const CAPACITY: usize = 1_024;

    /// Everything counted so far.
    pub fn view(&self) -> RoutesView {
        let book = self.lock();
        let calls = book.calls.iter().map(|(key, count)| RouteCount {
            route: key.route,
            host: key.host.to_string(),
            user_agent: key.user_agent.to_string(),
            alpn: key.alpn,
            http: key.http,
            count: count.load(Ordering::Relaxed),
        });
        let alerts = book.alerts.iter().map(|((kind, sni), count)| AlertCount {
            kind: kind.clone(),
            sni: sni.clone(),
            count: *count,
        });
        let unplayed = book
            .unplayed
            .iter()
            .map(|((host, route), count)| HostCount {
                host: host.clone(),
                route: *route,
                count: *count,
            });
        let strangers = book
            .strangers
            .iter()
            .map(|((what, tail), count)| StrangerCount {
                what: *what,
                tail: tail.clone(),
                count: *count,
            });
        let refusals = book
            .refusals
            .iter()
            .map(|((endpoint, errcode, why), refused)| RefusalCount {
                endpoint: (*endpoint).to_owned(),
                errcode: *errcode,
                why: why.clone(),
                why_zh: refused.why_zh.clone(),
                advice: refused.advice[0].to_owned(),
                advice_zh: refused.advice[1].to_owned(),
                count: refused.count,
                first: refused.first.clone(),
            });
        let paths = book
            .paths
            .iter()
            .map(|((path, nearest), (count, first))| PathCount {
                path: path.clone(),
                nearest: nearest.clone(),
                count: *count,
                first: first.clone(),
            });
        RoutesView {
            refusals: refusals.collect(),
            paths: paths.collect(),
            calls: calls.collect(),
            alerts: alerts.collect(),
            unplayed: unplayed.collect(),
            strangers: strangers.collect(),
        }
    }

    /// Forget everything.
    pub fn clear(&self) {
        *self.lock() = Book::default();
    }

    /// The counter of a client's calls, which a connection keeps so that a call costs one addition.
    ///
    /// When the list is full the counter is nobody's. One kept over a [`Routes::clear`] counts into the void until its
    /// connection ends.
    pub(crate) fn counter(&self, key: CallKey) -> Arc<AtomicU64> {
        let mut book = self.lock();
        if let Some(counter) = book.calls.get(&key) {
            return Arc::clone(counter);
        }
        let counter = Arc::new(AtomicU64::new(0));
        if book.calls.len() < Self::CAPACITY {
            book.calls.insert(key, Arc::clone(&counter));
        }
        counter
    }

    /// A TLS handshake failed.
    pub(crate) fn alert(&self, kind: impl Into<String>, sni: Option<&str>) {
        bump(
            &mut self.lock().alerts,
            (kind.into(), sni.map(|sni| kept(sni).to_owned())),
        );
    }

    /// Somebody wanted a host we do not play.
    pub(crate) fn unplayed(&self, host: &str, route: Route) {
        bump(
            &mut self.lock().unplayed,
            (kept(host).to_ascii_lowercase(), route),
        );
    }

    /// Somebody sent a credential that is not ours.
    pub(crate) fn stranger(&self, what: Stranger, credential: &str) {
        bump(
            &mut self.lock().strangers,
            (what, Tail::of(credential).to_string()),
        );
    }

    /// A call was refused.
    pub(crate) fn refused(
        &self,
        endpoint: &'static str,
        errcode: i64,
        why: &Refusal,
        caller: impl FnOnce() -> Option<Caller>,
    ) {
        // Without moments, so that alike reasons are one line.
        let words = |lang| why.words(Wording { lang, moment: None });
        let key = (endpoint, errcode, words(Lang::En));
        bump_with(
            &mut self.lock().refusals,
            key,
            |refused| refused.count += 1,
            || Refused {
                count: 1,
                why_zh: words(Lang::Zh),
                advice: [why.advice(Lang::En), why.advice(Lang::Zh)],
                first: caller(),
            },
        );
    }

    /// Somebody called a path we do not play.
    pub(crate) fn path_not_played(
        &self,
        path: &str,
        nearest: &str,
        caller: impl FnOnce() -> Option<Caller>,
    ) {
        let key = (kept(path).to_owned(), nearest.to_owned());
        bump_with(
            &mut self.lock().paths,
            key,
            |(count, _)| *count += 1,
            || (1, caller()),
        );
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bump<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    bump_with(counts, key, |count| *count += 1, || 1);
}

/// Changes the line of `key`, or begins one while there is room.
fn bump_with<K: Ord, V>(
    lines: &mut BTreeMap<K, V>,
    key: K,
    again: impl FnOnce(&mut V),
    first: impl FnOnce() -> V,
) {
    let has_room = lines.len() < Routes::CAPACITY;
    if let Some(line) = lines.get_mut(&key) {
        again(line);
    } else if has_room {
        lines.insert(key, first());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(user_agent: &str) -> CallKey {
        CallKey {
            route: Route::Connect,
            host: "api.weixin.qq.com".into(),
            user_agent: user_agent.into(),
            alpn: Some(Alpn::H2),
            http: HttpVersion::H2,
        }
    }

    #[test]
    fn what_is_counted_is_seen_and_reads_back() {
        let routes = Routes::default();
        for _ in 0..3 {
            routes
                .counter(key("curl/8"))
                .fetch_add(1, Ordering::Relaxed);
        }
        routes.alert("unknown_ca", Some("api.weixin.qq.com"));
        routes.alert("unknown_ca", Some("api.weixin.qq.com"));
        routes.unplayed("Example.COM", Route::Connect);
        routes.stranger(Stranger::Secret, "0123456789abcdef0123456789abcdef");
        let view = routes.view();
        assert_eq!((view.calls.len(), view.calls[0].count), (1, 3));
        assert_eq!(view.alerts[0].count, 2);
        assert_eq!(view.unplayed[0].host, "example.com");
        assert_eq!(view.strangers[0].tail, "…cdef");
        let text = serde_json::to_string(&view).unwrap();
        assert_eq!(serde_json::from_str::<RoutesView>(&text).unwrap(), view);
        routes.clear();
        assert_eq!(routes.view(), RoutesView::default());
    }

    #[test]
    fn a_flood_of_names_is_bounded() {
        let routes = Routes::default();
        for n in 0..2 * Routes::CAPACITY {
            routes
                .counter(key(&n.to_string()))
                .fetch_add(1, Ordering::Relaxed);
            routes.unplayed(&n.to_string(), Route::Plain);
        }
        let view = routes.view();
        assert_eq!(
            (view.calls.len(), view.unplayed.len()),
            (Routes::CAPACITY, Routes::CAPACITY)
        );
        routes.unplayed("0", Route::Plain);
        assert_eq!(routes.view().unplayed[0].count, 2);
    }
}
