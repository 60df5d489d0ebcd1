//! What a run learned about the backend beside any verdict: what a login asks of WeChat, how long a step takes, how long
//! the backend waits for WeChat, and what waits for what inside it.
//!
//! All of it was seen from outside and holds for this run on this machine. Pure; it knows no rule, and not how anything
//! here was measured.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::lang::Say;
use crate::say;

/// What was learned. Left out of transcripts of runs that made no fault-free login.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Characterisation {
    /// Fault-free logins this was learned from; 0 if there was none.
    pub logins: usize,
    /// How many calls one of them made, by endpoint of WeChat. An endpoint none of them called is not listed.
    #[serde(default)]
    pub calls_per_login: BTreeMap<String, CallCount>,
    /// How long one step takes.
    #[serde(default)]
    pub step: StepTimes,
    /// How long the backend waits for WeChat.
    #[serde(default)]
    pub patience: Patience,
    /// What waits for what inside the backend; `None` if no lock was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locking: Option<Locking>,
}

/// The fewest and the most calls one login made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCount {
    /// The fewest.
    pub least: usize,
    /// The most.
    pub most: usize,
}

/// How long the latest steps took that nothing held up, in microseconds: "request sent to call seen at WeChat" and "reply
/// written to answer here", taken together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTimes {
    /// Half of the steps took no longer.
    pub median_us: u64,
    /// 99 of 100 steps took no longer.
    pub p99_us: u64,
    /// T, in milliseconds: silence after which an open request counts as waiting for another.
    pub quiet_ms: u64,
}

/// How long the backend waits for one answer of WeChat before it gives up, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "known", rename_all = "snake_case")]
pub enum Patience {
    /// Nobody said and nothing was measured.
    Assumed {
        /// What common clients do.
        ms: u64,
    },
    /// The adapter says so (`features.upstream_timeout_ms`).
    Declared {
        /// What it says.
        ms: u64,
    },
    /// One login's reply was held until the backend gave up.
    Measured {
        /// How long that took.
        ms: u64,
        /// How often it then asked WeChat again, for the same login, before it answered its phone.
        retries: usize,
    },
    /// One login's reply was held, and the backend did not give up.
    Endless {
        /// How long it was held.
        at_least_ms: u64,
    },
}

/// How long a backend is taken to wait for WeChat when nobody says: common clients wait five seconds.
pub const ASSUMED_PATIENCE_MS: u64 = 5_000;

impl Default for Patience {
    fn default() -> Self {
        Self::Assumed {
            ms: ASSUMED_PATIENCE_MS,
        }
    }
}

impl Patience {
    /// The longest a reply is held: half of the backend's patience, so that a hold never decides what an order shows.
    #[must_use]
    pub const fn hold_budget(self) -> Duration {
        let ms = match self {
            Self::Assumed { ms } | Self::Declared { ms } | Self::Measured { ms, .. } => ms,
            Self::Endless { at_least_ms } => at_least_ms,
        };
        Duration::from_millis(ms / 2)
    }

    /// In words for people, with what to write into the adapter.
    #[must_use]
    pub fn words(self) -> Say {
        let under = say!(
            "replies are held for {budget} at most",
            "每个应答最多拦住 {budget}",
            budget = seconds(self.hold_budget())
        );
        let span = |ms| seconds(Duration::from_millis(ms));
        match self {
            Self::Assumed { ms } => say!(
                "the backend is taken to wait {span} for WeChat, as most clients do; {under} (upstream_timeout_ms in the adapter says it, --measure-patience measures it)",
                "姑且认为后端等微信 {span}，多数客户端如此；{under}（可在 adapter 里写明 upstream_timeout_ms，或用 --measure-patience 实测）",
                span = span(ms),
                under = under
            ),
            Self::Declared { ms } => say!(
                "the adapter says that the backend waits {span} for WeChat; {under}",
                "adapter 声明后端等微信 {span}；{under}",
                span = span(ms),
                under = under
            ),
            Self::Measured { ms, retries } => {
                let then = match retries {
                    0 => say!("gives up", "放弃"),
                    1 => say!("retries once", "重试一次"),
                    n => say!("retries {n} times", "重试 {n} 次", n = n),
                };
                say!(
                    "the backend waits {span} for WeChat and then {then}; {under} (write upstream_timeout_ms = {ms} into the adapter)",
                    "后端等微信 {span}，之后{then}；{under}（可在 adapter 里写上 upstream_timeout_ms = {ms}）",
                    span = span(ms),
                    then = then,
                    under = under,
                    ms = round(ms)
                )
            }
            Self::Endless { at_least_ms } => say!(
                "the backend was still waiting for WeChat after {span}: it has no timeout, or a longer one; {under}",
                "过了 {span} 后端还在等微信：没有设超时，或者设得更长；{under}",
                span = span(at_least_ms),
                under = under
            ),
        }
    }
}

/// What waits for what inside the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Locking {
    /// Logins of one person wait for each other; those of different people do not.
    PerUser,
    /// Every login waits for every other.
    Global,
    /// Every request waits for every other.
    SingleWorker,
    /// At most so many calls to WeChat are open at once.
    Pool(usize),
}

impl Locking {
    /// In words for people.
    #[must_use]
    pub fn words(self) -> Say {
        match self {
            Self::PerUser => say!(
                "logins of one person wait for each other",
                "同一用户的登录互相排队"
            ),
            Self::Global => say!("all logins wait for each other", "所有登录互相排队"),
            Self::SingleWorker => say!(
                "the backend does one thing at a time",
                "后端同一时间只处理一个请求"
            ),
            Self::Pool(n) => say!(
                "the backend has no more than {n} calls to WeChat open at once",
                "后端同时最多有 {n} 个对微信的调用",
                n = n
            ),
        }
    }

    /// Whether orders of different people disturb each other.
    #[must_use]
    pub const fn reaches_others(self) -> bool {
        !matches!(self, Self::PerUser)
    }
}

impl Characterisation {
    /// Whether nothing was learned.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.logins == 0
    }

    /// A line each for people. What waits for what is told with the case that shows it.
    #[must_use]
    pub fn lines(&self) -> Vec<Say> {
        if self.is_empty() {
            return Vec::new();
        }
        let calls = self.calls_per_login.iter().map(|(endpoint, count)| {
            let CallCount { least, most } = count;
            let times = match (least == most, *most) {
                (true, 1) => say!("1 call", "1 次"),
                (true, _) => say!("{most} calls", "{most} 次", most = most),
                (false, 1) => say!("{least} to 1 call", "{least} 到 1 次", least = least),
                (false, _) => say!(
                    "{least} to {most} calls",
                    "{least} 到 {most} 次",
                    least = least,
                    most = most
                ),
            };
            say!(
                "{times} to {endpoint}",
                "{endpoint} {times}",
                times = times,
                endpoint = endpoint
            )
        });
        let ms = |us| seconds(Duration::from_micros(us));
        let StepTimes {
            median_us,
            p99_us,
            quiet_ms,
        } = self.step;
        vec![
            say!(
                "a login makes {calls} (counted over {logins}); a step takes {median}, 99 of 100 within {p99}, so that {quiet} ms of silence mean waiting",
                "一次登录调用微信：{calls}（统计自 {logins} 次登录）；一步用时 {median}，100 步里有 99 步不超过 {p99}，因此超过 {quiet} ms 没有动静就视为在等待",
                calls = Say::join(calls, &say!(" and ", "、")),
                logins = self.logins,
                median = ms(median_us),
                p99 = ms(p99_us),
                quiet = quiet_ms,
            ),
            self.patience.words(),
        ]
    }
}

/// A measured time as somebody would have chosen it: 1998 ms are 2000.
const fn round(ms: u64) -> u64 {
    let unit = match ms {
        0..100 => 1,
        100..1_000 => 10,
        _ => 100,
    };
    (ms + unit / 2) / unit * unit
}

/// `3.0 s`, `150 ms`, `0.4 ms`.
fn seconds(span: Duration) -> String {
    match span.as_millis() {
        0..10 => format!("{:.1} ms", span.as_secs_f64() * 1_000.0),
        10..1_000 => format!("{} ms", span.as_millis()),
        _ => format!("{:.1} s", span.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_backend_waits_is_said_with_what_to_write_down() {
        for (patience, budget_ms, words) in [
            (Patience::default(), 2_500, "--measure-patience measures it"),
            (Patience::Declared { ms: 1_500 }, 750, "the adapter says"),
            (
                Patience::Measured {
                    ms: 3_000,
                    retries: 1,
                },
                1_500,
                "waits 3.0 s for WeChat and then retries once; replies are held for 1.5 s at most (write upstream_timeout_ms = 3000",
            ),
            (
                Patience::Measured {
                    ms: 203,
                    retries: 0,
                },
                101,
                "waits 203 ms for WeChat and then gives up; replies are held for 101 ms at most (write upstream_timeout_ms = 200 into",
            ),
            (
                Patience::Endless {
                    at_least_ms: 30_000,
                },
                15_000,
                "still waiting for WeChat after 30.0 s",
            ),
        ] {
            assert_eq!(patience.hold_budget(), Duration::from_millis(budget_ms));
            let said = patience.words();
            assert!(said.en.contains(words), "{}", said.en);
        }
    }

    #[test]
    fn a_transcript_without_it_reads_and_one_with_it_reads_back() {
        let learned = Characterisation {
            logins: 9,
            calls_per_login: BTreeMap::from([
                ("jscode2session".to_owned(), CallCount { least: 1, most: 1 }),
                ("token".to_owned(), CallCount { least: 0, most: 1 }),
            ]),
            step: StepTimes {
                median_us: 400,
                p99_us: 1_200,
                quiet_ms: 30,
            },
            patience: Patience::Measured {
                ms: 200,
                retries: 2,
            },
            locking: Some(Locking::Pool(2)),
        };
        let text = serde_json::to_string(&learned).unwrap();
        assert_eq!(
            serde_json::from_str::<Characterisation>(&text).unwrap(),
            learned
        );
        assert_eq!(
            learned.lines()[0].en,
            "a login makes 1 call to jscode2session and 0 to 1 call to token (counted over 9); a step takes 0.4 ms, 99 of 100 within 1.2 ms, so that 30 ms of silence mean waiting"
        );
        assert_eq!(Characterisation::default().lines(), Vec::<Say>::new());
    }
}
