//! Access tokens of one app: plain ones displace each other with an overlap, the stable one is handed out again until its
//! last minutes. The two kinds know nothing of each other.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{
    AccessToken, Span, UnixMs, WxError,
    errcode::{ACCESS_TOKEN_EXPIRED, DAILY_QUOTA, INVALID_CREDENTIAL},
    event::{TokenEnd, TokenKind},
    policy::{AccessTokenPolicy, QuotaPolicy},
};

/// How many tokens of one kind an app remembers; a forgotten one is answered as unknown (40001).
const KEPT: usize = 256;

/// One token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) text: AccessToken,
    /// Number among its kind, from 1.
    pub(crate) number: u32,
    expires_at: UnixMs,
    /// When it stops working: its expiry, or earlier the end of the overlap with its successor.
    pub(crate) dies_at: UnixMs,
    ended: Option<TokenEnd>,
}

/// Calls counted in one day of WeChat's own time zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DayCount {
    day: i64,
    n: u32,
}

impl DayCount {
    /// Counts one call, or refuses it.
    pub(crate) fn take(&mut self, at: UnixMs, limit: Option<u32>) -> Result<(), WxError> {
        let day = at.plus(Span::h(8)).0.div_euclid(86_400_000);
        if self.day != day {
            *self = Self { day, n: 0 };
        }
        if limit.is_some_and(|limit| self.n >= limit) {
            return Err(DAILY_QUOTA);
        }
        self.n = self.n.saturating_add(1);
        Ok(())
    }
}

/// What a request for a token leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handed {
    pub(crate) text: AccessToken,
    /// Life left.
    pub(crate) left: Span,
    pub(crate) fresh: bool,
}

/// What a step did to a token, for deadlines and events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenChange {
    /// A new one, which dies then.
    Issued {
        number: u32,
        text: AccessToken,
        dies_at: UnixMs,
    },
    /// It will die earlier than it would have.
    Moved {
        number: u32,
        was: UnixMs,
        dies_at: UnixMs,
    },
    /// It stopped working.
    Ended {
        number: u32,
        text: AccessToken,
        why: TokenEnd,
        was: UnixMs,
    },
    /// It is remembered no longer.
    Forgotten { text: AccessToken },
}

/// All tokens of one kind of one app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenList {
    kind: TokenKind,
    /// How many were ever issued.
    n_issued: u32,
    /// The youngest, oldest first, numbered without gaps.
    tokens: VecDeque<Token>,
    today: DayCount,
    last_forced_at: Option<UnixMs>,
}

impl TokenList {
    pub(crate) const fn new(kind: TokenKind) -> Self {
        Self {
            kind,
            n_issued: 0,
            tokens: VecDeque::new(),
            today: DayCount { day: 0, n: 0 },
            last_forced_at: None,
        }
    }

    /// `/cgi-bin/token`: always a new token; the one before it lives on for the overlap. `make` names token number n.
    pub(crate) fn plain(
        &mut self,
        at: UnixMs,
        policy: &AccessTokenPolicy,
        quota: &QuotaPolicy,
        make: impl FnOnce(u32) -> AccessToken,
        changes: &mut Vec<TokenChange>,
    ) -> Result<Handed, WxError> {
        self.today.take(at, quota.token_per_day)?;
        if let Some(last) = self.tokens.back_mut().filter(|last| last.ended.is_none()) {
            last.displace(at.plus(policy.overlap), changes);
        }
        self.drop_dead(at, changes);
        Ok(self.issue(at, policy.ttl, make, changes))
    }

    /// `/cgi-bin/stable_token`: the same token until its last minutes, unless a new one is forced.
    pub(crate) fn stable(
        &mut self,
        at: UnixMs,
        force: bool,
        policy: &AccessTokenPolicy,
        quota: &QuotaPolicy,
        make: impl FnOnce(u32) -> AccessToken,
        changes: &mut Vec<TokenChange>,
    ) -> Result<Handed, WxError> {
        let too_soon = self
            .last_forced_at
            .is_some_and(|last| at < last.plus(policy.force_gap));
        let live = self.tokens.back().filter(|last| last.ended.is_none());
        if force && !too_soon {
            self.today.take(at, quota.force_refresh_per_day)?;
            self.last_forced_at = Some(at);
            // "The previous one dies": without overlap, and with it the one before that may still be in its own.
            self.end_all(TokenEnd::Displaced, changes);
        } else if let Some(last) = live
            && last.expires_at.since(at) > policy.overlap
        {
            return Ok(Handed {
                text: last.text.clone(),
                left: last.expires_at.since(at),
                fresh: false,
            });
        }
        // A token renewed in its last minutes lives on to its own end, which is the overlap.
        Ok(self.issue(at, policy.ttl, make, changes))
    }

    /// A new token beside those there are, each of which lives to its own end.
    pub(crate) fn side_by_side(
        &mut self,
        at: UnixMs,
        policy: &AccessTokenPolicy,
        make: impl FnOnce(u32) -> AccessToken,
        changes: &mut Vec<TokenChange>,
    ) -> Result<Handed, WxError> {
        self.drop_dead(at, changes);
        Ok(self.issue(at, policy.ttl, make, changes))
    }

    /// Ends every token whose time is over.
    pub(crate) fn drop_dead(&mut self, at: UnixMs, changes: &mut Vec<TokenChange>) {
        for token in self
            .tokens
            .iter_mut()
            .filter(|token| token.ended.is_none() && token.dies_at <= at)
        {
            let why = if token.dies_at < token.expires_at {
                TokenEnd::Displaced
            } else {
                TokenEnd::Expired
            };
            token.end(why, changes);
        }
    }

    /// Kills every live token; says how many.
    pub(crate) fn kill(&mut self, changes: &mut Vec<TokenChange>) -> usize {
        self.end_all(TokenEnd::Killed, changes)
    }

    /// The time of every live token is over now; says how many.
    pub(crate) fn expire(&mut self, at: UnixMs, changes: &mut Vec<TokenChange>) -> usize {
        let mut expired = 0;
        for token in &mut self.tokens {
            if token.end(TokenEnd::Expired, changes) {
                (token.expires_at, token.dies_at) = (at, at);
                expired += 1;
            }
        }
        expired
    }

    /// The day's calls start again.
    pub(crate) fn clear_day(&mut self) {
        self.today.n = 0;
    }

    /// Why a token stopped working, and when if its time was over; `None` while it works and once it is forgotten.
    pub(crate) fn ended(&self, number: u32) -> Option<(TokenEnd, Option<UnixMs>)> {
        let token = self.tokens.iter().find(|token| token.number == number)?;
        let why = token.ended?;
        // A forced refresh ends a token long before its own time, and nobody wrote down when.
        let at = (why == TokenEnd::Expired).then_some(token.dies_at);
        Some((why, at))
    }

    /// What a call with this token hears.
    pub(crate) fn check(&self, number: u32) -> Result<(), WxError> {
        let first = self.tokens.front().map_or(0, |token| token.number);
        let token = number
            .checked_sub(first)
            .and_then(|i| self.tokens.get(i as usize));
        match token.map(|token| token.ended) {
            Some(None) => Ok(()),
            Some(Some(TokenEnd::Expired)) => Err(ACCESS_TOKEN_EXPIRED),
            Some(Some(TokenEnd::Displaced | TokenEnd::Killed)) | None => Err(INVALID_CREDENTIAL),
        }
    }

    /// Every token remembered, oldest first.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter()
    }

    /// Live tokens with their deadlines.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = (u32, UnixMs)> {
        self.tokens
            .iter()
            .filter(|token| token.ended.is_none())
            .map(|token| (token.number, token.dies_at))
    }

    fn issue(
        &mut self,
        at: UnixMs,
        ttl: Span,
        make: impl FnOnce(u32) -> AccessToken,
        changes: &mut Vec<TokenChange>,
    ) -> Handed {
        self.n_issued += 1;
        let (number, text, dies_at) = (self.n_issued, make(self.n_issued), at.plus(ttl));
        let token = Token {
            text: text.clone(),
            number,
            expires_at: dies_at,
            dies_at,
            ended: None,
        };
        self.tokens.push_back(token);
        changes.push(TokenChange::Issued {
            number,
            text: text.clone(),
            dies_at,
        });
        if self.tokens.len() > KEPT
            && let Some(mut oldest) = self.tokens.pop_front()
        {
            oldest.end(TokenEnd::Displaced, changes);
            changes.push(TokenChange::Forgotten { text: oldest.text });
        }
        Handed {
            text,
            left: ttl,
            fresh: true,
        }
    }

    fn end_all(&mut self, why: TokenEnd, changes: &mut Vec<TokenChange>) -> usize {
        self.tokens
            .iter_mut()
            .map(|token| usize::from(token.end(why, changes)))
            .sum()
    }
}

impl Token {
    /// Lets the token die at `end` at the latest.
    fn displace(&mut self, end: UnixMs, changes: &mut Vec<TokenChange>) {
        if end < self.dies_at {
            changes.push(TokenChange::Moved {
                number: self.number,
                was: self.dies_at,
                dies_at: end,
            });
            self.dies_at = end;
        }
    }

    /// Says whether it was alive.
    fn end(&mut self, why: TokenEnd, changes: &mut Vec<TokenChange>) -> bool {
        let alive = self.ended.is_none();
        if alive {
            self.ended = Some(why);
            changes.push(TokenChange::Ended {
                number: self.number,
                text: self.text.clone(),
                why,
                was: self.dies_at,
            });
        }
        alive
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;
    use crate::{Seed, values};

    const T0: UnixMs = UnixMs(1_700_000_000_000);

    struct Bench {
        list: TokenList,
        policy: AccessTokenPolicy,
        quota: QuotaPolicy,
    }

    impl Bench {
        fn new(kind: TokenKind) -> Self {
            Self {
                list: TokenList::new(kind),
                policy: AccessTokenPolicy::default(),
                quota: QuotaPolicy::default(),
            }
        }

        fn call(&mut self, s: u64, force: bool) -> Result<Handed, WxError> {
            let at = T0.plus(Span::s(s));
            let kind = self.list.kind;
            let make = |n| values::access_token(Seed(1), &values::appid(Seed(1), "wx", 0), kind, n);
            self.list.drop_dead(at, &mut Vec::new());
            match kind {
                TokenKind::Plain => {
                    self.list
                        .plain(at, &self.policy, &self.quota, make, &mut Vec::new())
                }
                TokenKind::Stable | TokenKind::Cloud | TokenKind::Authorizer => {
                    self.list
                        .stable(at, force, &self.policy, &self.quota, make, &mut Vec::new())
                }
            }
        }

        fn check(&mut self, s: u64, number: u32) -> i64 {
            self.list.drop_dead(T0.plus(Span::s(s)), &mut Vec::new());
            self.list
                .check(number)
                .map_or_else(|error| error.errcode, |()| 0)
        }
    }

    #[test]
    fn a_plain_token_survives_its_successor_for_the_overlap_only() {
        let mut bench = Bench::new(TokenKind::Plain);
        assert_eq!(bench.call(0, false).unwrap().left, Span::h(2));
        bench.call(100, false).unwrap();
        assert_eq!((bench.check(399, 1), bench.check(399, 2)), (0, 0));
        assert_eq!((bench.check(400, 1), bench.check(400, 2)), (40001, 0));
        assert_eq!(
            bench.check(7300, 2),
            42001,
            "nobody displaced it: it expired"
        );
    }

    #[test]
    fn a_stable_token_is_handed_out_again_with_what_is_left() {
        let mut bench = Bench::new(TokenKind::Stable);
        let first = bench.call(0, false).unwrap();
        let again = bench.call(6855, false).unwrap();
        assert_eq!(
            (again.text, again.left, again.fresh),
            (first.text.clone(), Span::s(345), false)
        );
        let renewed = bench.call(6900, false).unwrap();
        assert_ne!(
            renewed.text, first.text,
            "the last five minutes belong to the next one"
        );
        assert_eq!((bench.check(7199, 1), bench.check(7199, 2)), (0, 0));
        assert_eq!((bench.check(7200, 1), bench.check(7200, 2)), (42001, 0));
    }

    #[test]
    fn a_forced_refresh_kills_the_previous_token_but_not_within_thirty_seconds() {
        let mut bench = Bench::new(TokenKind::Stable);
        bench.call(0, false).unwrap();
        let forced = bench.call(10, true).unwrap();
        assert_eq!((bench.check(10, 1), bench.check(10, 2)), (40001, 0));
        assert_eq!(
            bench.call(39, true).unwrap().text,
            forced.text,
            "too soon: nothing changes"
        );
        assert!(bench.call(40, true).unwrap().fresh);
    }

    #[test]
    fn a_token_whose_time_is_declared_over_is_expired_and_not_displaced() {
        for kind in [TokenKind::Plain, TokenKind::Stable] {
            let mut bench = Bench::new(kind);
            bench.call(0, false).unwrap();
            let at = T0.plus(Span::s(9));
            assert_eq!(bench.list.expire(at, &mut Vec::new()), 1);
            assert_eq!(bench.list.expire(at, &mut Vec::new()), 0);
            assert_eq!(bench.check(9, 1), 42001);
            assert_eq!(bench.list.ended(1), Some((TokenEnd::Expired, Some(at))));
            assert!(bench.call(10, false).unwrap().fresh);
            assert_eq!(bench.check(10, 2), 0);
        }
    }

    #[test]
    fn quotas_end_at_midnight_in_shanghai() {
        let mut bench = Bench::new(TokenKind::Plain);
        bench.quota.token_per_day = Some(2);
        bench.call(0, false).unwrap();
        bench.call(1, false).unwrap();
        assert_eq!(bench.call(2, false).unwrap_err().errcode, 45009);
        // T0 is 2023-11-14 22:13:20 UTC, 06:13:20 in Shanghai: 17 h 46 min 40 s to midnight.
        assert_eq!(bench.call(63_999, false).unwrap_err().errcode, 45009);
        assert!(bench.call(64_000, false).is_ok());
        let mut bench = Bench::new(TokenKind::Stable);
        for n in 0..20 {
            assert!(bench.call(n * 30, true).unwrap().fresh);
        }
        assert_eq!(bench.call(600, true).unwrap_err().errcode, 45009);
        assert!(
            bench.call(600, false).is_ok(),
            "the normal mode has no daily limit here"
        );
    }

    #[test]
    fn the_shelf_forgets_the_oldest() {
        let mut bench = Bench::new(TokenKind::Plain);
        for s in 0..=KEPT as u64 {
            bench.call(s, false).unwrap();
        }
        assert_eq!(bench.list.tokens.len(), KEPT);
        assert_eq!(bench.check(KEPT as u64, 1), 40001);
        assert_eq!(bench.check(KEPT as u64, 2), 0, "still in its overlap");
    }
}
