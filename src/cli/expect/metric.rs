//! What can be counted of the calls a mock has taken, and the calls that are counted.

use std::collections::BTreeMap;

use wxmock_model::lang::Lang;
use wxmock_server::{
    CallInfo, CallState, Caller, Endpoint, LINTS, LintCount, RoutesView, Stranger, Tally,
    foreign_line, local_time_of_day,
};

/// What a run made of the mock.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Every remembered call, in order of arrival.
    pub(crate) calls: Vec<CallInfo>,
    /// Calls by endpoint; exact, however many were forgotten.
    pub(crate) tallies: Vec<(Endpoint, Tally)>,
    /// Calls that were made and forgotten again; then no number that needs each of them is certain.
    pub(crate) forgotten: u64,
    /// Exchanges of the busiest code before the last reset.
    pub(crate) busiest_before: u64,
    /// The routes.
    pub(crate) routes: RoutesView,
    /// What backends should not do, in the order of [`LINTS`].
    pub(crate) lints: Vec<LintCount>,
}

/// What can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    Calls,
    Exchanges,
    ExchangesFailed,
    ExchangesPerCode,
    ForeignSecrets,
    PhoneExchanges,
    TokensIssued,
    UnknownHosts,
    Unplayed,
    /// A lint, by its place in [`LINTS`].
    Lint(usize),
}

impl Metric {
    /// Name, and what it counts.
    pub(super) const OWN: [(Self, &'static str, &'static str); 9] = [
        (
            Self::Calls,
            "calls",
            "calls to WeChat's paths, unknown ones included",
        ),
        (Self::Exchanges, "exchanges", "jscode2session calls"),
        (
            Self::ExchangesFailed,
            "exchanges_failed",
            "jscode2session calls without a session in the answer",
        ),
        (
            Self::ExchangesPerCode,
            "exchanges_per_code",
            "jscode2session calls with the same code, for the code with most",
        ),
        (
            Self::ForeignSecrets,
            "foreign_secrets",
            "calls with an AppSecret that is not the mock's",
        ),
        (
            Self::PhoneExchanges,
            "phone_exchanges",
            "getuserphonenumber calls",
        ),
        (
            Self::TokensIssued,
            "tokens_issued",
            "token and stable_token calls answered with an access_token",
        ),
        (
            Self::UnknownHosts,
            "unknown_hosts",
            "proxy requests for hosts the mock does not play",
        ),
        (
            Self::Unplayed,
            "unplayed",
            "calls to paths of WeChat's hosts that the mock does not play",
        ),
    ];

    /// Every metric: its name, and what it counts.
    pub(crate) fn all() -> impl Iterator<Item = (Self, &'static str, &'static str)> {
        let lints = LINTS.iter().enumerate();
        let lints = lints.map(|(at, info)| (Self::Lint(at), info.id, info.counts[0]));
        Self::OWN.into_iter().chain(lints)
    }

    pub(super) fn name(self) -> &'static str {
        Self::all()
            .find(|(metric, ..)| *metric == self)
            .map_or("", |(_, name, _)| name)
    }

    /// Whether its number is exact however many calls were forgotten.
    pub(super) fn is_counted_as_it_comes(self) -> bool {
        self != Self::ExchangesPerCode
    }

    /// The number, and the lines that make it up. One arm a metric, which is what makes this long.
    pub(super) fn count(self, seen: &Seen, lang: Lang) -> (u64, Vec<String>) {
        // The number is of all calls, the lines are of those that are remembered.
        let calls = |of: &dyn Fn(Endpoint) -> bool,
                     number: &dyn Fn(&Tally) -> u64,
                     shown: &dyn Fn(&CallInfo) -> bool| {
            let counted = seen.tallies.iter().filter(|(endpoint, _)| of(*endpoint));
            let wanted = |call: &&CallInfo| of(call.endpoint) && shown(call);
            let lines = seen.calls.iter().filter(wanted).map(line).collect();
            (counted.map(|(_, tally)| number(tally)).sum(), lines)
        };
        let begun = |tally: &Tally| tally.begun;
        match self {
            Self::Calls => calls(&|_| true, &begun, &|_| true),
            Self::Exchanges => calls(&Endpoint::is_exchange, &begun, &|_| true),
            Self::ExchangesFailed => calls(
                &Endpoint::is_exchange,
                &|tally| tally.begun - tally.succeeded,
                &|call| !call.succeeded(),
            ),
            Self::ExchangesPerCode => {
                let (count, lines) = busiest_code(&seen.calls);
                (count.max(seen.busiest_before), lines)
            }
            Self::PhoneExchanges => calls(
                &|endpoint| endpoint == Endpoint::Getuserphonenumber,
                &begun,
                &|_| true,
            ),
            Self::TokensIssued => calls(
                &|endpoint| matches!(endpoint, Endpoint::Token | Endpoint::StableToken),
                &|tally| tally.succeeded,
                &CallInfo::succeeded,
            ),
            Self::UnknownHosts => sum(seen.routes.unplayed.iter().map(|host| {
                let (name, route, count) = (&host.host, host.route, host.count);
                let line = match lang {
                    Lang::En => format!("{name} by {route}, {count} times"),
                    Lang::Zh => format!("{name}，路径 {route}，{count} 次"),
                };
                (count, line)
            })),
            Self::Unplayed => sum(seen.routes.paths.iter().map(|path| {
                let (asked, count, nearest) = (foreign_line(&path.path), path.count, &path.nearest);
                let first = first(path.first.as_ref(), lang);
                let line = match lang {
                    Lang::En => {
                        format!("{asked}, {count} times; the nearest played is {nearest}{first}")
                    }
                    Lang::Zh => {
                        format!("{asked}，{count} 次；最接近的已模拟路径是 {nearest}{first}")
                    }
                };
                (count, line)
            })),
            Self::Lint(at) => seen.lints.get(at).map_or_else(
                || (0, Vec::new()),
                |lint| {
                    let line = format!(
                        "{}{}{}{}",
                        lint.title(lang),
                        first(lint.first.as_ref(), lang),
                        lang.pick("; ", "；"),
                        lint.advice(lang)
                    );
                    (lint.count, vec![line])
                },
            ),
            Self::ForeignSecrets => {
                let secrets = seen
                    .routes
                    .strangers
                    .iter()
                    .filter(|stranger| stranger.what == Stranger::Secret);
                sum(secrets.map(|secret| {
                    let (tail, count) = (&secret.tail, secret.count);
                    let line = match lang {
                        Lang::En => format!("secret {tail}, {count} times"),
                        Lang::Zh => format!("secret {tail}，{count} 次"),
                    };
                    (count, line)
                }))
            }
        }
    }
}

/// `; first call #3 at 13:55:47.123, axios/1.7`.
pub(crate) fn first(caller: Option<&Caller>, lang: Lang) -> String {
    let Some(caller) = caller else {
        return String::new();
    };
    let agent = match &*caller.user_agent {
        "" => String::new(),
        agent => format!("{}{}", lang.pick(", ", "，"), foreign_line(agent)),
    };
    let (call, at) = (caller.call, local_time_of_day(caller.at));
    match lang {
        Lang::En => format!("; first call {call} at {at}{agent}"),
        Lang::Zh => format!("；首次是调用 {call}（{at}{agent}）"),
    }
}

fn sum(rows: impl Iterator<Item = (u64, String)>) -> (u64, Vec<String>) {
    rows.fold((0, Vec::new()), |(total, mut lines), (count, line)| {
        lines.push(line);
        (total + count, lines)
    })
}

fn busiest_code(calls: &[CallInfo]) -> (u64, Vec<String>) {
    let mut by_code: BTreeMap<&str, Vec<&CallInfo>> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.endpoint.is_exchange()) {
        by_code
            .entry(call.js_code.as_deref().unwrap_or_default())
            .or_default()
            .push(call);
    }
    let busiest = by_code
        .into_values()
        .max_by_key(Vec::len)
        .unwrap_or_default();
    (
        busiest.len() as u64,
        busiest.into_iter().map(line).collect(),
    )
}

/// One call for a person: `#2 jscode2session …ijkl alice → 40163 by connect`.
fn line(call: &CallInfo) -> String {
    let mut line = format!("{} {}", call.id, call.endpoint);
    let code = call.js_code.as_deref().or(call.phone_code.as_deref());
    if let Some(code) = code {
        let tail: String = code
            .chars()
            .skip(code.chars().count().saturating_sub(4))
            .collect();
        line.push_str(&format!(" …{tail}"));
    }
    if let Some(user) = &call.user {
        line.push_str(&format!(" {user}"));
    }
    let answer = match (call.state, call.errcode, call.status) {
        (CallState::Answered, Some(errcode), _) if errcode != 0 => format!("errcode {errcode}"),
        (CallState::Answered, _, Some(200)) => "ok".to_owned(),
        (CallState::Answered, _, Some(status)) => format!("status {status}"),
        _ => "no whole answer".to_owned(),
    };
    format!("{line} → {answer}, by {}", call.via.route)
}
