//! Expectations about what WeChat saw: `exchanges_per_code <= 1`. A closed grammar, `METRIC OP NUMBER`, read with the place
//! of every mistake and judged over the calls a run made. Knows nothing of processes or terminals.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use wxmock_server::{
    CallInfo, CallState, Caller, Endpoint, LINTS, LintCount, RoutesView, Stranger, Tally,
    foreign_line, local_time_of_day,
};
use wxmock_world::Lang;

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
    const OWN: [(Self, &'static str, &'static str); 9] = [
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

    fn name(self) -> &'static str {
        Self::all()
            .find(|(metric, ..)| *metric == self)
            .map_or("", |(_, name, _)| name)
    }

    /// Whether its number is exact however many calls were forgotten.
    fn is_counted_as_it_comes(self) -> bool {
        self != Self::ExchangesPerCode
    }

    /// The number, and the lines that make it up.
    fn count(self, seen: &Seen) -> (u64, Vec<String>) {
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
                (
                    host.count,
                    format!("{} by {}, {} times", host.host, host.route, host.count),
                )
            })),
            Self::Unplayed => sum(seen.routes.paths.iter().map(|path| {
                (
                    path.count,
                    format!(
                        "{}, {} times; the nearest played is {}{}",
                        foreign_line(&path.path),
                        path.count,
                        path.nearest,
                        first(path.first.as_ref(), Lang::En)
                    ),
                )
            })),
            Self::Lint(at) => seen.lints.get(at).map_or_else(
                || (0, Vec::new()),
                |lint| {
                    let line = format!(
                        "{}{}; {}",
                        lint.title,
                        first(lint.first.as_ref(), Lang::En),
                        lint.advice
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
                    (
                        secret.count,
                        format!("secret {}, {} times", secret.tail, secret.count),
                    )
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

/// How the number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Comparison {
    const ALL: [(Self, &'static str); 6] = [
        (Self::AtMost, "<="),
        (Self::AtLeast, ">="),
        (Self::Equal, "=="),
        (Self::NotEqual, "!="),
        (Self::Less, "<"),
        (Self::More, ">"),
    ];

    fn holds(self, seen: u64, wanted: u64) -> bool {
        match self {
            Self::Equal => seen == wanted,
            Self::NotEqual => seen != wanted,
            Self::Less => seen < wanted,
            Self::AtMost => seen <= wanted,
            Self::More => seen > wanted,
            Self::AtLeast => seen >= wanted,
        }
    }
}

/// One `--assert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expectation {
    metric: Metric,
    comparison: Comparison,
    number: u64,
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = Comparison::ALL
            .iter()
            .find(|(comparison, _)| *comparison == self.comparison)
            .map_or("", |(_, sign)| sign);
        write!(f, "{} {sign} {}", self.metric.name(), self.number)
    }
}

/// An expectation that does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// Expected and seen.
    pub(crate) headline: String,
    /// The calls the number is made of.
    pub(crate) lines: Vec<String>,
}

/// Lines of evidence shown; the journal has the rest.
const SHOWN: usize = 12;

impl Expectation {
    /// Reads `METRIC OP NUMBER`.
    pub(crate) fn parse(text: &str) -> Result<Self, Mistake> {
        let (name, rest) = word(text, 0, |letter| {
            letter.is_alphanumeric() || letter == '_' || letter == '-'
        });
        let (sign, rest) = word(text, rest, |letter| "<>=!~".contains(letter));
        let (number, rest) = word(text, rest, |letter| !letter.is_whitespace());
        let (more, _) = word(text, rest, |_| true);
        let mistake = |range: &Range<usize>, message: String, help: String| {
            Mistake::new(text, range.clone(), message, help)
        };
        let metric = Metric::all().find(|(_, known, _)| *known == &text[name.clone()]);
        let Some((metric, ..)) = metric else {
            return Err(mistake(
                &name,
                format!("`{}` is nothing that is counted", &text[name.clone()]),
                accepted(&text[name.clone()]),
            ));
        };
        let Some((comparison, _)) = Comparison::ALL
            .iter()
            .find(|(_, known)| *known == &text[sign.clone()])
        else {
            let found = if sign.is_empty() {
                "a comparison is missing".to_owned()
            } else {
                format!("`{}` is not a comparison", &text[sign.clone()])
            };
            return Err(mistake(
                &sign,
                found,
                "accepted: <=, >=, ==, !=, <, >".to_owned(),
            ));
        };
        let Ok(value) = text[number.clone()].parse() else {
            let found = if number.is_empty() {
                "a number is missing".to_owned()
            } else {
                format!("`{}` is not a whole number", &text[number.clone()])
            };
            return Err(mistake(
                &number,
                found,
                format!("write for example --assert '{} <= 1'", &text[name]),
            ));
        };
        if !more.is_empty() {
            return Err(mistake(
                &more,
                "one comparison an expectation".to_owned(),
                "give --assert more than once instead".to_owned(),
            ));
        }
        Ok(Self {
            metric,
            comparison: *comparison,
            number: value,
        })
    }

    /// Whether forgotten calls leave its number uncertain.
    pub(crate) fn needs_every_call(&self) -> bool {
        !self.metric.is_counted_as_it_comes()
    }

    /// Whether it holds; if not, what was seen.
    pub(crate) fn judge(&self, seen: &Seen) -> Result<(), Violation> {
        let (count, mut lines) = self.metric.count(seen);
        if self.comparison.holds(count, self.number) {
            return Ok(());
        }
        if lines.len() > SHOWN {
            let hidden = lines.len() - SHOWN;
            lines.truncate(SHOWN);
            lines.push(format!("and {hidden} more"));
        }
        Err(Violation {
            headline: format!("expected {self}, saw {count}"),
            lines,
        })
    }
}

/// The bytes of the next word whose letters are `wanted`, after white space, and where to go on.
fn word(text: &str, from: usize, wanted: impl Fn(char) -> bool) -> (Range<usize>, usize) {
    let rest = &text[from..];
    let start = from + (rest.len() - rest.trim_start().len());
    let length = text[start..]
        .find(|letter: char| !wanted(letter))
        .unwrap_or(text.len() - start);
    (start..start + length, start + length)
}

fn accepted(wrong: &str) -> String {
    let names: Vec<&str> = Metric::all().map(|(_, name, _)| name).collect();
    let near = names.iter().find(|name| {
        !wrong.is_empty() && strsim::damerau_levenshtein(name, wrong) <= 1 + wrong.len() / 4
    });
    let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    format!("{near}accepted: {}", names.join(", "))
}

/// An expectation that cannot be read, as a caret under the wrong word.
#[derive(Debug)]
pub(crate) struct Mistake {
    message: String,
    help: String,
    span: Range<usize>,
    source: Box<NamedSource<String>>,
}

impl Mistake {
    fn new(text: &str, span: Range<usize>, message: String, help: String) -> Self {
        // A caret needs a place to stand on, also behind the last letter.
        let source = if span.is_empty() && span.end == text.len() {
            format!("{text} ")
        } else {
            text.to_owned()
        };
        Self {
            message,
            help,
            span,
            source: Box::new(NamedSource::new("--assert", source)),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl Diagnostic for Mistake {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(
            Some("here".to_owned()),
            self.span.clone(),
        ))))
    }
}

#[cfg(test)]
mod tests {
    use wxmock_server::{HostCount, PathCount, Route, StrangerCount};
    use wxmock_world::UnixMs;

    use super::*;

    #[test]
    fn the_exchanges_of_a_platform_and_of_wecom_count_too() {
        for (endpoint, is) in [
            (Endpoint::ComponentJscode2session, true),
            (Endpoint::WecomJscode2session, true),
            (Endpoint::WecomGettoken, false),
        ] {
            assert_eq!(endpoint.is_exchange(), is, "{endpoint}");
        }
    }

    fn call(endpoint: Endpoint, code: Option<&str>, errcode: Option<i64>) -> CallInfo {
        CallInfo {
            js_code: code.map(str::to_owned),
            errcode,
            state: CallState::Answered,
            status: Some(200),
            ..CallInfo::new(endpoint, UnixMs(0))
        }
    }

    fn tallies(calls: &[CallInfo]) -> Vec<(Endpoint, Tally)> {
        let tally = |endpoint| {
            let of = calls.iter().filter(move |call| call.endpoint == endpoint);
            let tally = Tally {
                begun: of.clone().count() as u64,
                succeeded: of.filter(|call| call.succeeded()).count() as u64,
            };
            (endpoint, tally)
        };
        Endpoint::ALL.map(tally).to_vec()
    }

    fn seen() -> Seen {
        let exchange = |code, errcode| call(Endpoint::Jscode2session, Some(code), errcode);
        let gone = CallInfo {
            state: CallState::Gone,
            status: None,
            ..exchange("code-three", None)
        };
        let calls = vec![
            exchange("code-one", None),
            exchange("code-two", None),
            exchange("code-two", Some(40163)),
            gone,
            call(Endpoint::Token, None, None),
            call(Endpoint::Token, None, Some(40125)),
            call(Endpoint::Getuserphonenumber, None, Some(0)),
            call(Endpoint::Unknown, None, None),
        ];
        let routes = RoutesView {
            paths: vec![PathCount {
                path: "/wxa/msg_sec_check".to_owned(),
                nearest: "/wxa/checksession".to_owned(),
                count: 3,
                first: None,
            }],
            unplayed: vec![HostCount {
                host: "example.com".to_owned(),
                route: Route::Connect,
                count: 4,
            }],
            strangers: vec![
                StrangerCount {
                    what: Stranger::AppId,
                    tail: "…0000".to_owned(),
                    count: 7,
                },
                StrangerCount {
                    what: Stranger::Secret,
                    tail: "…beef".to_owned(),
                    count: 2,
                },
            ],
            ..RoutesView::default()
        };
        Seen {
            tallies: tallies(&calls),
            calls,
            forgotten: 0,
            busiest_before: 0,
            routes,
            lints: LINTS.iter().map(|info| lint(info.id)).collect(),
        }
    }

    #[test]
    fn each_metric_counts_what_it_says() {
        let check = |metric: &str, count: u64| {
            let held = |text: String| Expectation::parse(&text).expect("it reads").judge(&seen());
            assert_eq!(held(format!("{metric} == {count}")), Ok(()), "{metric}");
            let violation = held(format!("{metric}!={count}")).expect_err(metric);
            assert_eq!(
                violation.headline,
                format!("expected {metric} != {count}, saw {count}")
            );
            assert!(!violation.lines.is_empty(), "{metric}");
        };
        check("calls", 8);
        check("exchanges", 4);
        check("exchanges_failed", 2);
        check("exchanges_per_code", 2);
        check("tokens_issued", 1);
        check("phone_exchanges", 1);
        check("unknown_hosts", 4);
        check("unplayed", 3);
        check("foreign_secrets", 2);
        for info in &LINTS {
            check(info.id, 5);
        }
    }

    fn lint(id: &str) -> LintCount {
        LintCount {
            id: id.to_owned(),
            title: "seen".to_owned(),
            title_zh: String::new(),
            advice: "mend it".to_owned(),
            advice_zh: String::new(),
            count: 5,
            first: None,
        }
    }

    #[test]
    fn only_what_is_counted_as_it_comes_is_certain_when_calls_were_forgotten() {
        let needs = |text: &str| {
            Expectation::parse(text)
                .expect("it reads")
                .needs_every_call()
        };
        assert!(needs("exchanges_per_code <= 1"));
        assert!(!needs("exchanges >= 17000") && !needs("codes_sent_again == 0"));
    }

    #[test]
    fn nothing_seen_counts_nothing() {
        for (_, name, _) in Metric::all() {
            let expectation = Expectation::parse(&format!("  {name}   <= 0 ")).expect("it reads");
            assert_eq!(expectation.judge(&Seen::default()), Ok(()), "{name}");
        }
    }

    #[test]
    fn comparisons() {
        for (sign, below, at, above) in [
            ("<=", true, true, false),
            ("<", true, false, false),
            ("==", false, true, false),
            ("!=", true, false, true),
            (">=", false, true, true),
            (">", false, false, true),
        ] {
            for (wanted, holds) in [(9, below), (8, at), (7, above)] {
                let expectation =
                    Expectation::parse(&format!("calls {sign} {wanted}")).expect("it reads");
                assert_eq!(
                    expectation.judge(&seen()).is_ok(),
                    holds,
                    "8 {sign} {wanted}"
                );
            }
        }
    }

    #[test]
    fn the_evidence_names_the_calls_and_no_secret() {
        let expectation = Expectation::parse("exchanges_per_code <= 1").expect("it reads");
        let violation = expectation.judge(&seen()).expect_err("two were made");
        assert_eq!(violation.lines.len(), 2);
        assert!(
            violation.lines[1].contains("jscode2session …-two → errcode 40163, by plain"),
            "{violation:?}"
        );
        assert!(!violation.lines.concat().contains("code-two"));
    }

    #[test]
    fn mistakes_have_a_place_and_a_way_out() {
        let check = |text: &str, place: &str, message: &str, help: &str| {
            let mistake = Expectation::parse(text).expect_err(text);
            assert_eq!(
                text.get(mistake.span.clone()).unwrap_or_default(),
                place,
                "{text}"
            );
            assert!(
                mistake.message.contains(message),
                "{text}: {}",
                mistake.message
            );
            assert!(mistake.help.contains(help), "{text}: {}", mistake.help);
        };
        check(
            "exchange_per_code <= 1",
            "exchange_per_code",
            "nothing that is counted",
            "did you mean `exchanges_per_code`?",
        );
        check(
            "logins <= 1",
            "logins",
            "nothing that is counted",
            "accepted: calls, exchanges,",
        );
        check("", "", "nothing that is counted", "accepted: calls,");
        check("calls", "", "a comparison is missing", "<=");
        check("calls = 1", "=", "`=` is not a comparison", "==");
        check("calls <=", "", "a number is missing", "calls <= 1");
        check("calls <= many", "many", "not a whole number", "calls <= 1");
        check("calls <= -1", "-1", "not a whole number", "calls <= 1");
        check(
            "calls <= 1 && exchanges > 0",
            "&& exchanges > 0",
            "one comparison",
            "more than once",
        );
        check("接口 <= 1", "接口", "nothing that is counted", "accepted");
    }
}
