//! Faults: named, scheduled, never random. A rule says which of the next calls go wrong, where on their way and how.
//! Knows nothing of sockets; the server carries the effects out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::calls::{CallId, CallInfo, Calls};
use crate::gates::CallMatch;
use crate::journal::{FaultRecord, Journal, What};

/// Number of one fault rule, from 1, in order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultId(pub u64);

/// On which side of the command a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The command does not run: a code stays unspent. (After a [`FaultEffect::Delay`] it does run, late.)
    BeforeCommit,
    /// The command has run: a code is spent, whatever the backend gets to see.
    AfterCommit,
}

/// What goes wrong.
///
/// `Truncate`, `ContentType` and `Drip` spoil an answer. After the commit that is the real one; before it there is none, and they
/// spoil WeChat's `-1 system error` instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultEffect {
    /// Answer this errcode in the endpoint's own error dialect.
    Errcode {
        /// The errcode.
        errcode: i64,
        /// The text before the rid; `None` takes WeChat's own text for the code.
        #[serde(default)]
        errmsg: Option<String>,
    },
    /// Answer this HTTP status.
    Status {
        /// 200 to 599.
        status: u16,
        /// The whole body.
        #[serde(default)]
        body: String,
        /// Content type; `None` keeps the endpoint's own.
        #[serde(default)]
        content_type: Option<String>,
    },
    /// Wait, in real time, then go on; later rules may strike as well.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// Reset the connection (TCP RST) instead of answering.
    Reset,
    /// Send the head with the full `Content-Length`, the first bytes of the body, then close.
    Truncate {
        /// How many bytes of the body are sent; at most the whole body.
        keep_bytes: usize,
    },
    /// Answer 200 with this body instead, malformed or not.
    Body {
        /// The whole body.
        body: String,
        /// Content type; `None` keeps the endpoint's own.
        #[serde(default)]
        content_type: Option<String>,
    },
    /// Send the answer under another content type.
    ContentType {
        /// The content type; `None` sends no such header at all.
        content_type: Option<String>,
    },
    /// Say nothing; after five minutes, or when the server stops, close without an answer.
    Silent,
    /// Send the body byte by byte.
    Drip {
        /// Milliseconds of real time before each byte.
        byte_ms: u64,
    },
}

/// Which calls go wrong, how often, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Name, repeated in the call, the journal and the log.
    pub label: String,
    /// Which calls.
    #[serde(default)]
    pub matching: CallMatch,
    /// Only the next so many calls; `None` until the rule is removed.
    #[serde(default)]
    pub times: Option<u32>,
    /// Before or after the command.
    pub when: When,
    /// What goes wrong.
    pub effect: FaultEffect,
}

/// Every fault rule.
///
/// At each side of the command the rules are tried in order of creation: delays add up, the first other effect decides.
#[derive(Debug)]
pub struct Faults {
    rules: Mutex<Rules>,
    /// Number of rules, read without the lock.
    n_rules: AtomicUsize,
    calls: Arc<Calls>,
    journal: Arc<Journal>,
}

#[derive(Debug, Default)]
struct Rules {
    next: u64,
    list: Vec<(FaultId, Arc<FaultRule>, u32)>,
}

/// What a call met on one side of its command.
#[derive(Debug, Default)]
pub(crate) struct Struck {
    /// Sum of all delays, in milliseconds.
    pub(crate) delay_ms: u64,
    /// The effect that decides the answer; never a delay.
    pub(crate) decides: Option<Arc<FaultRule>>,
}

impl Faults {
    pub(crate) fn new(calls: Arc<Calls>, journal: Arc<Journal>) -> Self {
        Self {
            rules: Mutex::new(Rules::default()),
            n_rules: AtomicUsize::new(0),
            calls,
            journal,
        }
    }

    /// Schedule a fault.
    pub fn add(&self, rule: FaultRule) -> FaultId {
        let mut rules = self.lock();
        rules.next += 1;
        let id = FaultId(rules.next);
        rules.list.push((id, Arc::new(rule), 0));
        self.n_rules.store(rules.list.len(), Ordering::Release);
        id
    }

    /// Take a rule away. False when there is no such rule.
    pub fn remove(&self, id: FaultId) -> bool {
        let mut rules = self.lock();
        let before = rules.list.len();
        rules.list.retain(|(each, _, _)| *each != id);
        self.n_rules.store(rules.list.len(), Ordering::Release);
        rules.list.len() < before
    }

    /// Take every rule away.
    pub fn clear(&self) {
        self.lock().list.clear();
        self.n_rules.store(0, Ordering::Release);
    }

    /// Every rule with the number of calls it has hit, oldest first; used-up rules stay listed until they are removed.
    pub fn rules(&self) -> Vec<(FaultId, FaultRule, u32)> {
        let rules = self.lock();
        rules
            .list
            .iter()
            .map(|(id, rule, hits)| (*id, FaultRule::clone(rule), *hits))
            .collect()
    }

    /// Whether any rule exists, so that matching a call is worth its price.
    pub(crate) fn any(&self) -> bool {
        self.n_rules.load(Ordering::Acquire) > 0
    }

    /// Strike a call: count the hits, put the label on the call, tell the journal.
    pub(crate) fn strike(&self, when: When, call: CallId) -> Struck {
        let mut struck = Struck::default();
        if !self.any() {
            return struck;
        }
        let Some(info) = self.calls.get(call) else {
            return struck;
        };
        let hit = self.hit(when, &info);
        for rule in hit {
            self.calls
                .update(call, |call| call.fault = Some(rule.label.clone()));
            self.journal.push(|| {
                What::Fault(FaultRecord {
                    call,
                    label: rule.label.clone(),
                    when,
                    effect: rule.effect.name(),
                })
            });
            match rule.effect {
                FaultEffect::Delay { ms } => struck.delay_ms = struck.delay_ms.saturating_add(ms),
                _ => struck.decides = Some(rule),
            }
        }
        struck
    }

    fn hit(&self, when: When, info: &CallInfo) -> Vec<Arc<FaultRule>> {
        let mut hit = Vec::new();
        for (_, rule, hits) in &mut self.lock().list {
            let used_up = rule.times.is_some_and(|times| *hits >= times);
            if rule.when != when || used_up || !rule.matching.matches(info) {
                continue;
            }
            *hits = hits.saturating_add(1);
            hit.push(Arc::clone(rule));
            if !matches!(rule.effect, FaultEffect::Delay { .. }) {
                break;
            }
        }
        hit
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FaultEffect {
    /// Whether the call gets any answer at all.
    pub(crate) const fn answers(&self) -> bool {
        !matches!(self, Self::Reset | Self::Silent)
    }

    /// The effect's name as serde writes it: `errcode`, `status`, …
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Errcode { .. } => "errcode",
            Self::Status { .. } => "status",
            Self::Delay { .. } => "delay",
            Self::Reset => "reset",
            Self::Truncate { .. } => "truncate",
            Self::Body { .. } => "body",
            Self::ContentType { .. } => "content_type",
            Self::Silent => "silent",
            Self::Drip { .. } => "drip",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wechat::Endpoint;
    use wxmock_world::UnixMs;

    fn rule(label: &str, times: Option<u32>, effect: FaultEffect) -> FaultRule {
        FaultRule {
            label: label.to_owned(),
            matching: CallMatch::default(),
            times,
            when: When::BeforeCommit,
            effect,
        }
    }

    fn faults() -> (Faults, CallId) {
        let calls = Arc::new(Calls::new());
        let id = calls.begin(CallInfo::new(Endpoint::Token, UnixMs(0)));
        (
            Faults::new(
                Arc::clone(&calls),
                Arc::new(Journal::new(10, crate::RealClock::System)),
            ),
            id,
        )
    }

    #[test]
    fn delays_add_up_and_the_first_other_effect_decides() {
        let (faults, call) = faults();
        faults.add(rule("slow", None, FaultEffect::Delay { ms: 5 }));
        faults.add(rule("slower", None, FaultEffect::Delay { ms: 7 }));
        faults.add(rule("cut", None, FaultEffect::Reset));
        faults.add(rule("never", None, FaultEffect::Silent));
        let struck = faults.strike(When::BeforeCommit, call);
        assert_eq!(struck.delay_ms, 12);
        assert_eq!(
            struck.decides.map(|rule| rule.label.clone()).as_deref(),
            Some("cut")
        );
        assert_eq!(
            faults.calls.get(call).unwrap().fault.as_deref(),
            Some("cut")
        );
        assert_eq!(
            faults
                .rules()
                .into_iter()
                .map(|(_, _, hits)| hits)
                .collect::<Vec<_>>(),
            [1, 1, 1, 0]
        );
        assert!(faults.strike(When::AfterCommit, call).decides.is_none());
    }

    #[test]
    fn a_rule_strikes_as_often_as_it_says() {
        let (faults, call) = faults();
        let id = faults.add(rule("once", Some(1), FaultEffect::Reset));
        assert!(faults.strike(When::BeforeCommit, call).decides.is_some());
        assert!(faults.strike(When::BeforeCommit, call).decides.is_none());
        assert!(faults.remove(id));
        assert!(!faults.remove(id));
        assert!(!faults.any());
    }

    #[test]
    fn rules_read_as_json() {
        let text =
            r#"{"label":"x","when":"after_commit","effect":{"kind":"errcode","errcode":-1}}"#;
        let rule: FaultRule = serde_json::from_str(text).unwrap();
        assert_eq!(
            rule.effect,
            FaultEffect::Errcode {
                errcode: -1,
                errmsg: None
            }
        );
        assert!(
            serde_json::from_str::<FaultRule>(
                r#"{"label":"x","when":"after","effect":{"kind":"reset"}}"#
            )
            .is_err()
        );
    }
}
