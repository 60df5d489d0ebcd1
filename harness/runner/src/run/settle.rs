//! When has the backend done all it can do before the next step? Decided here, from what is known; waited for elsewhere.
//!
//! Pure. From outside a process "blocked" can only be guessed from silence, so every guess has a measured length
//! ([`Pace`]), and nobody guesses while a certain answer is still possible: with nothing held at a gate, an open
//! request has no reason to be blocked and is waited for as long as the backend may take.

use std::time::Duration;

/// How long silence must last to mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// T: silence after which an open request counts as blocked while another is held. 30 ms to 2 s.
    pub quiet: Duration,
    /// What is added to every silence because the machine is loaded at the moment: nothing on an idle one.
    pub slack: Duration,
    /// The longest a call may be held: half of the backend's own patience with WeChat, or it gives up on the held calls
    /// and the order proves nothing. Guesses take what is left of it, but never less than T: an order whose holds last
    /// longer all the same is good as long as the backend does not give up.
    pub budget: Duration,
    /// How long a request may stay unanswered while nothing is held; longer is a hang (LIVE-01).
    pub answer_within: Duration,
}

/// The shortest T, unless the settings say otherwise. Below it, a scheduler hiccup looks like a lock.
pub const QUIET_FLOOR: Duration = Duration::from_millis(30);
/// The longest T. Above it, a suite over a slow backend would never end.
pub const QUIET_CEILING: Duration = Duration::from_secs(2);
/// How many times T a guess that matters waits: before a lock is inferred, or a released reply is called unanswered.
pub const INSISTENCE: u32 = 5;

impl Pace {
    /// T from measured waits ("request sent to upstream seen", "reply released to answer seen"): eight times the
    /// 99th percentile, between `floor` and [`QUIET_CEILING`].
    #[must_use]
    pub fn calibrated(
        samples: impl IntoIterator<Item = Duration>,
        floor: Duration,
        budget: Duration,
        answer_within: Duration,
    ) -> Self {
        let mut sorted: Vec<Duration> = samples.into_iter().collect();
        sorted.sort_unstable();
        let rank = (sorted.len() * 99).div_ceil(100);
        let p99 = sorted
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default();
        Self {
            quiet: (p99 * 8).clamp(floor.min(QUIET_CEILING), QUIET_CEILING),
            slack: Duration::ZERO,
            budget,
            answer_within,
        }
    }

    /// Silence after which an open request counts as blocked, by how much depends on the guess and on how much of the
    /// budget is left.
    fn silence(&self, insist: bool, left: Duration) -> Duration {
        let wish = if insist {
            self.quiet * INSISTENCE
        } else {
            self.quiet
        };
        // T follows the load, the backend's patience does not: what a hold has used up is topped up by little.
        (wish + self.slack).min(left.max(self.quiet.min(self.budget / 4)))
    }

    /// Silence after which a request has joined the queue of a known lock: it only has to reach the backend.
    fn queueing(&self) -> Duration {
        (self.quiet + self.slack).min(self.budget / 8)
    }

    /// The same pace on a machine that needs so much longer.
    pub(crate) const fn with_slack(self, slack: Duration) -> Self {
        Self { slack, ..self }
    }
}

/// What is known of one open request of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// A call it caused is held at a gate and nothing else it caused is under way.
    pub(crate) parked: bool,
    /// The call that matters for it has been seen at WeChat (or it needs none), so that it cannot be waiting to make it.
    pub(crate) reached: bool,
    /// A lock already known, or a transaction that is open at a store, makes it wait for what is held.
    pub(crate) queued: bool,
}

/// How sure the next step needs us to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Go on after T: the next step does not depend on requests that have not reached WeChat.
    Rest,
    /// Go on after [`INSISTENCE`] times T: the next step needs a request that has not reached WeChat.
    Certainty,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Every open request is parked, or there is none.
    Settled,
    /// Some open requests are neither answered nor parked, and waiting longer would be guessing the same.
    Blocked,
    /// Something may still happen by itself within this time.
    Wait(Duration),
    /// Nothing is held and still something was not answered in time.
    Hung,
}

/// Decides from the standings of all open requests, how long nothing has moved, how long nothing has been held, and how
/// long the oldest call now held has been held.
pub(crate) fn decide(
    open: &[Standing],
    quiet: Duration,
    free: Duration,
    held: Duration,
    need: Need,
    pace: &Pace,
) -> Decision {
    let moving: Vec<&Standing> = open.iter().filter(|o| !o.parked).collect();
    if moving.is_empty() {
        return Decision::Settled;
    }
    let someone_held = moving.len() < open.len();
    let (passed, limit, then) = if someone_held {
        let insist = need == Need::Certainty || moving.iter().any(|o| o.reached);
        // What was left when the silence began: the hold has grown with it.
        let left = (pace.budget + quiet).saturating_sub(held);
        let expected = need == Need::Rest && moving.iter().all(|o| o.queued);
        let limit = match expected {
            true => pace.queueing(),
            false => pace.silence(insist, left),
        };
        (quiet, limit, Decision::Blocked)
    } else {
        (free, pace.answer_within + pace.slack, Decision::Hung)
    };
    match limit.checked_sub(passed) {
        Some(left) if !left.is_zero() => Decision::Wait(left),
        _ => then,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        quiet: Duration::from_millis(40),
        slack: Duration::ZERO,
        budget: Duration::from_secs(1),
        answer_within: Duration::from_secs(10),
    };
    const PARKED: Standing = Standing {
        parked: true,
        reached: true,
        queued: false,
    };
    const BEFORE: Standing = Standing {
        parked: false,
        reached: false,
        queued: false,
    };
    const RELEASED: Standing = Standing {
        parked: false,
        reached: true,
        queued: false,
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn check(open: &[Standing], quiet_ms: u64, free_ms: u64, need: Need, expected: Decision) {
        assert_eq!(
            decide(open, ms(quiet_ms), ms(free_ms), ms(quiet_ms), need, &PACE),
            expected,
            "{open:?} {quiet_ms} {free_ms} {need:?}"
        );
    }

    #[test]
    fn answered_or_parked_is_settled_at_once() {
        check(&[], 0, 0, Need::Rest, Decision::Settled);
        check(&[PARKED, PARKED], 0, 0, Need::Certainty, Decision::Settled);
    }

    #[test]
    fn silence_counts_only_while_something_is_held() {
        check(&[PARKED, BEFORE], 0, 0, Need::Rest, Decision::Wait(ms(40)));
        check(&[PARKED, BEFORE], 40, 0, Need::Rest, Decision::Blocked);
        check(
            &[PARKED, BEFORE],
            40,
            0,
            Need::Certainty,
            Decision::Wait(ms(160)),
        );
        check(
            &[PARKED, BEFORE],
            200,
            0,
            Need::Certainty,
            Decision::Blocked,
        );
        check(
            &[BEFORE],
            9_000,
            9_000,
            Need::Rest,
            Decision::Wait(ms(1_000)),
        );
        check(&[BEFORE], 0, 10_000, Need::Rest, Decision::Hung);
    }

    #[test]
    fn a_released_reply_is_waited_for_longer() {
        check(
            &[PARKED, RELEASED],
            40,
            0,
            Need::Rest,
            Decision::Wait(ms(160)),
        );
        check(&[PARKED, RELEASED], 200, 0, Need::Rest, Decision::Blocked);
    }

    #[test]
    fn no_guess_outlasts_the_patience_of_the_backend() {
        let hasty = Pace {
            budget: ms(100),
            ..PACE
        };
        let at = |quiet_ms| {
            decide(
                &[PARKED, RELEASED],
                ms(quiet_ms),
                ms(0),
                ms(quiet_ms),
                Need::Certainty,
                &hasty,
            )
        };
        assert_eq!(at(40), Decision::Wait(ms(60)));
        assert_eq!(at(100), Decision::Blocked);
    }

    #[test]
    fn what_a_hold_has_used_up_is_not_waited_for_again_but_t_is() {
        let at = |held_ms| {
            let open = [PARKED, BEFORE];
            decide(&open, ms(0), ms(0), ms(held_ms), Need::Certainty, &PACE)
        };
        assert_eq!(at(0), Decision::Wait(ms(200)));
        assert_eq!(at(900), Decision::Wait(ms(100)));
        assert_eq!(at(5_000), Decision::Wait(ms(40)));
    }

    #[test]
    fn a_loaded_machine_makes_every_guess_wait_longer_but_none_outlast_the_budget() {
        let at = |slack_ms, quiet_ms, need| {
            let open = [PARKED, BEFORE];
            let pace = PACE.with_slack(ms(slack_ms));
            decide(&open, ms(quiet_ms), ms(0), ms(quiet_ms), need, &pace)
        };
        assert_eq!(at(100, 40, Need::Rest), Decision::Wait(ms(100)));
        assert_eq!(at(100, 140, Need::Rest), Decision::Blocked);
        assert_eq!(at(100, 200, Need::Certainty), Decision::Wait(ms(100)));
        assert_eq!(at(5_000, 200, Need::Certainty), Decision::Wait(ms(800)));
        let alone = PACE.with_slack(ms(300));
        let hung = |free_ms| decide(&[BEFORE], ms(0), ms(free_ms), ms(0), Need::Rest, &alone);
        assert_eq!(hung(10_100), Decision::Wait(ms(200)));
        assert_eq!(hung(10_300), Decision::Hung);
    }

    #[test]
    fn what_a_known_lock_explains_is_not_waited_for_until_the_backend_loses_patience() {
        let slow = Pace {
            quiet: ms(700),
            budget: ms(800),
            ..PACE
        };
        let queued = Standing {
            queued: true,
            ..BEFORE
        };
        let at = |open: &[Standing], held, need| decide(open, ms(0), ms(0), ms(held), need, &slow);
        let rest = Need::Rest;
        assert_eq!(at(&[PARKED, queued], 0, rest), Decision::Wait(ms(100)));
        assert_eq!(
            at(&[PARKED, queued, BEFORE], 0, rest),
            Decision::Wait(ms(700))
        );
        let certainty = at(&[PARKED, queued], 0, Need::Certainty);
        assert_eq!(certainty, Decision::Wait(ms(800)));
        assert_eq!(
            at(&[PARKED, BEFORE], 800, rest),
            Decision::Wait(ms(200)),
            "T has grown with the load, and the patience has not"
        );
    }

    #[test]
    fn t_is_eight_times_the_99th_percentile_within_bounds() {
        let pace = |samples: &[u64]| {
            Pace::calibrated(samples.iter().copied().map(ms), QUIET_FLOOR, ms(1), ms(1)).quiet
        };
        assert_eq!(pace(&[]), QUIET_FLOOR);
        assert_eq!(pace(&[1, 1, 2]), QUIET_FLOOR);
        assert_eq!(pace(&[5, 1, 20]), ms(160));
        assert_eq!(pace(&[900]), QUIET_CEILING);
        let mut many = vec![1; 199];
        many.push(500);
        assert_eq!(
            pace(&many),
            QUIET_FLOOR,
            "one outlier in two hundred is beyond the 99th percentile"
        );
    }
}
