//! What the orders of a case tell of the backend beside the verdict, and how far they were explored.

use super::Tally;
use crate::run::locks::Locking;
use wxmock_adapter::Serialises;
use wxmock_model::event::NoteKind;
use wxmock_model::exploration::{Exploration, Rate, SearchShare, StatementOrders};
use wxmock_model::lang::Say;
use wxmock_model::say;
use wxmock_scenario::plan::Case;
use wxmock_schedule::{Listing, PairCoverage, Part, Total};

impl Tally {
    /// `DET-01: 2 of 30 failing orders do not fail every time, one of them 3/5`.
    fn unsteady(&self) -> Option<Say> {
        let unsteady: Vec<&Rate> = self
            .rates
            .values()
            .filter(|rate| rate.failed < rate.of)
            .collect();
        let worst = unsteady.iter().min_by_key(|rate| rate.failed)?;
        Some(say!(
            "DET-01: {unsteady} of {failing} failing orders do not fail every time, one of them {failed}/{of}: something beside the order decides",
            "DET-01: {failing} 种失败的顺序里，有 {unsteady} 种不是每次都失败，其中一种是 {failed}/{of}：除了顺序，还有别的因素在起作用",
            unsteady = unsteady.len(),
            failing = self.failing.len(),
            failed = worst.failed,
            of = worst.of
        ))
    }

    pub(super) fn exploration(&self, listing: &Listing) -> Exploration {
        let (total, counted) = match listing.total {
            Total::Exactly(total) => (Some(total), total),
            Total::MoreThan(counted) => (None, counted),
        };
        let planned = listing.parts.iter().filter(|part| !part.search.is_beside());
        let searches = planned.map(|part| SearchShare {
            search: part.search.to_string(),
            orders: part.orders,
            draws: part.draws,
            seed: part.seed.map(|seed| seed.to_string()),
            chance: part.search.chance(),
            draws_for_95_percent: part.search.draws_for_95_percent(),
        });
        let (pairs_seen, pairs) = self
            .coverage
            .as_ref()
            .map(PairCoverage::seen)
            .unwrap_or_default();
        Exploration {
            total,
            counted,
            planned: listing.counted(),
            settled: self.orders_run + self.infeasible,
            pruned: self.pruned,
            exhaustive: total == Some(self.orders_run + self.infeasible),
            together: listing.together_counted(),
            beside: self.beside,
            free: self.free,
            statements: self.statements.clone().map(|orders| StatementOrders {
                run: self.preempted,
                ..orders
            }),
            searches: searches.collect(),
            pairs_seen,
            pairs,
        }
    }

    /// What the adapter says of waiting logins and the backend does not do, in words.
    pub(super) fn contradiction(&self, declared: Option<Serialises>) -> Option<Say> {
        let kind = self.locks.is_known().then(|| self.locks.kind()).flatten();
        let met = |name: &str| self.met.contains(name);
        let word = match declared? {
            Serialises::No => "false",
            Serialises::PerUser => "\"per_user\"",
            Serialises::Global => "\"global\"",
        };
        let seen = match (declared?, kind) {
            (Serialises::No, None | Some(Locking::Pool(_))) => return None,
            (Serialises::PerUser | Serialises::Global, _) if met("two-logins-held-together") => {
                say!(
                    "two logins of one person did not wait for each other",
                    "同一用户的两次登录并没有排队"
                )
            }
            (Serialises::Global, _) if met("two-users-held-together") => {
                say!(
                    "logins of two people did not wait for each other",
                    "两个用户的登录并没有排队"
                )
            }
            (Serialises::PerUser, None | Some(Locking::PerUser))
            | (Serialises::Global, None | Some(Locking::Global | Locking::SingleWorker)) => {
                return None;
            }
            (_, Some(kind)) => kind.words(),
        };
        Some(say!(
            "the adapter declares serialises_logins = {word}, but {seen}",
            "adapter 声明了 serialises_logins = {word}，实际却是：{seen}",
            word = word,
            seen = seen
        ))
    }

    /// What the orders tell of the backend beside the verdict.
    pub(super) fn learned(
        &self,
        case: &Case,
        listing: Option<&Listing>,
        contradiction: Option<&Say>,
    ) -> Vec<(NoteKind, Say)> {
        let orders = listing.map_or(0, Listing::counted);
        // First, because it is all that a case warned about for this has to say.
        let contradiction = contradiction.into_iter().cloned();
        let mut notes: Vec<(NoteKind, Say)> = contradiction
            .map(|note| (NoteKind::Contradiction, note))
            .collect();
        let other = |note| (NoteKind::Other, note);
        notes.extend(self.notes.iter().cloned().map(other));
        let early = self.stopped_early.iter().cloned();
        notes.extend(early.map(|note| (NoteKind::OutOfTime, note)));
        if let Some(wait) = self.waits.first().filter(|_| !self.waits_told) {
            let kind = self.locks.kind().map_or_else(
                || say!("logins wait for each other", "登录互相排队"),
                Locking::words,
            );
            let note = say!(
                "{kind} ({wait}): {infeasible} of {orders} orders cannot happen ({tried} tried, {pruned} ruled out by that)",
                "{kind}（{wait}）：{orders} 种顺序里有 {infeasible} 种不可能发生（试过 {tried} 种，据此排除 {pruned} 种）",
                kind = kind,
                wait = wait,
                infeasible = self.infeasible,
                orders = orders,
                tried = self.infeasible - self.pruned,
                pruned = self.pruned,
            );
            notes.push((NoteKind::Lock, note));
        }
        let done = self.orders_run + self.infeasible;
        if self.hung && done < orders {
            notes.push(other(say!(
                "stopped after a hang: {left} of {orders} orders were not run",
                "后端挂起后没有再跑：{orders} 种顺序里有 {left} 种没有运行",
                left = orders - done,
                orders = orders
            )));
        }
        let counted = |part: &&Part| !part.search.is_beside();
        if let Some(listing) = listing.filter(|listing| {
            !listing.is_exhaustive() && listing.parts.iter().filter(counted).count() > 1
        }) {
            // Notes of all cases stand together: this one is of one case, axes and all.
            let axes = &case.path[case.scenario.id.len()..];
            notes.push(other(say!(
                "{case}: {claim}",
                "{case}：{claim}",
                case = format!("{}{axes}", case.scenario.alias),
                claim = self.exploration(listing).claim()
            )));
        }
        notes.extend(self.unsteady().map(other));
        notes
    }
}
