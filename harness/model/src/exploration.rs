//! What was explored of a case, how far its orders were forced, and what is known about its first failing order beside the
//! history.
//!
//! Plain data for events and reports; the runner fills it in.

use serde::{Deserialize, Serialize};

pub use crate::forced::{Forced, Rate};
use crate::history::History;
use crate::lang::Say;
use crate::say;

/// How much of a case's orders was run, and by which searches.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Exploration {
    /// Orders the race has, one per trace, symmetry removed; `None` if it has more than [`Self::counted`].
    pub total: Option<usize>,
    /// How far orders were counted.
    pub counted: usize,
    /// Orders listed to be run.
    pub planned: usize,
    /// Of those, orders forced to their end, or found or known to be impossible.
    pub settled: usize,
    /// Of the infeasible orders, those never tried because a lock already seen forbids them.
    pub pruned: usize,
    /// Whether every order there is was run or cannot happen.
    pub exhaustive: bool,
    /// Orders beside the planned ones that were run with steps taken together; 0 in transcripts of older versions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub beside: usize,
    /// Rounds in which nothing was held; left out when there were none, and by older versions.
    #[serde(default, skip_serializing_if = "FreeRounds::is_none")]
    pub free: FreeRounds,
    /// The orders of the statements to the backend's stores; `None` without `[[store]]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements: Option<StatementOrders>,
    /// Of the planned orders, those in which steps are taken together ([`Forced::Partly`]); 0 in transcripts of older versions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub together: usize,
    /// The searches, in the order of the list.
    pub searches: Vec<SearchShare>,
    /// Pairs of dependent steps of different phones that were seen in both orders.
    pub pairs_seen: usize,
    /// How many such pairs there are.
    pub pairs: usize,
}

/// What one search added to the list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SearchShare {
    /// `all`, `named`, `nearest`, `inversions <= 2`, `pct-2`, `pct-3`, `walk`.
    pub search: String,
    /// Orders it added.
    pub orders: usize,
    /// How often it drew; 0 for a search that does not draw.
    pub draws: usize,
    /// What it drew with, decimal, made from the run's seed; left out for a search that does not draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
    /// The least probability with which one draw meets a bug of its depth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<f64>,
    /// Draws that meet such a bug with 95 % certainty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draws_for_95_percent: Option<u64>,
}

/// How the orders of the statements were explored that the race's chains send to the backend's stores.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementOrders {
    /// The stores that were gated.
    pub stores: Vec<String>,
    /// The most statements that one order's race sent; 0: no store saw any.
    pub most: usize,
    /// A chain was held at a statement at most so often in an order.
    pub bound: usize,
    /// Orders of the statements that were run to their end, those without a preemption included.
    pub executed: usize,
    /// Orders that were run for the sake of the statements, beside the planned ones.
    pub run: usize,
    /// Orders that cannot happen, as a chain waits in a store for another one.
    pub infeasible: usize,
    /// Of those, orders that were not tried, as a wait already seen makes them impossible.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub pruned: usize,
    /// Orders below the bound that were not begun, as there was no time for them or there are too many; at least so many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left: usize,
    /// Orders in which the backend sent other statements than it had before, or failed and did not fail again: they prove nothing.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsteady: usize,
    /// Whether statements of nobody in the race touched the same data in some order.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
    /// Whether more than two phones race: these are then the orders of two of them, the others left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_two: bool,
}

impl StatementOrders {
    /// Those of several cases as one; `None` without any.
    pub fn total<'a>(of: impl Iterator<Item = &'a Self>) -> Option<Self> {
        of.cloned().reduce(|sum, next| Self {
            stores: if sum.stores.is_empty() {
                next.stores
            } else {
                sum.stores
            },
            most: sum.most.max(next.most),
            bound: sum.bound.max(next.bound),
            executed: sum.executed + next.executed,
            run: sum.run + next.run,
            infeasible: sum.infeasible + next.infeasible,
            pruned: sum.pruned + next.pruned,
            left: sum.left + next.left,
            unsteady: sum.unsteady + next.unsteady,
            background: sum.background || next.background,
            of_two: sum.of_two || next.of_two,
        })
    }

    /// What may be claimed of them: `all orders of the statements with at most two preemptions: 38 executed, 0 infeasible`.
    #[must_use]
    pub fn claim(&self) -> Say {
        let stores = self.stores.join(", ");
        if self.most == 0 {
            return say!(
                "the store saw no statement of this race ({stores}): nothing is said of its order",
                "存储没有看到这个竞争里的任何语句（{stores}）：对其先后不作任何断言",
                stores = stores
            );
        }
        let whole = match (self.left, self.unsteady) {
            (0, 0) => say!("all orders", "全部顺序"),
            (0, _) => say!("orders", "顺序"),
            (left, _) => say!(
                "not all orders ({left} or more were not begun)",
                "并非全部顺序（至少 {left} 种没有开始）",
                left = left
            ),
        };
        let whose = match self.of_two {
            false => Say::default(),
            true => say!(" of two phones", "（取其中两部手机）"),
        };
        let claim = say!(
            "{whole} of the statements{whose} with at most {bound}: {executed} executed, {infeasible} infeasible",
            "语句{whose}的{whole}，最多{bound}：执行了 {executed} 种，{infeasible} 种不可能发生",
            whole = whole,
            whose = whose,
            bound = preemptions(self.bound),
            executed = self.executed,
            infeasible = self.infeasible
        );
        let claim = match self.unsteady {
            0 => claim,
            unsteady => say!(
                "{claim}; in {unsteady} more the backend sent other statements than before or failed once only, and they prove nothing",
                "{claim}；另有 {unsteady} 种里，后端发出的语句与之前不同，或只失败了一次，不能证明什么",
                claim = claim,
                unsteady = unsteady
            ),
        };
        match self.background {
            false => claim,
            true => say!(
                "{claim}; statements of nobody in the race touched the same data: not fully controlled",
                "{claim}；有不属于竞争任何一方的语句碰了同样的数据：没有完全受控",
                claim = claim
            ),
        }
    }
}

/// `two preemptions`.
fn preemptions(bound: usize) -> Say {
    match bound {
        1 => say!("one preemption", "一次抢占"),
        2 => say!("two preemptions", "两次抢占"),
        more => say!("{more} preemptions", "{more} 次抢占", more = more),
    }
}

/// Rounds of a race in which nothing was held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeRounds {
    /// How many were run.
    pub run: usize,
    /// In how many something was broken that no forced order broke.
    pub failed: usize,
}

impl FreeRounds {
    const fn is_none(&self) -> bool {
        self.run == 0
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Exploration {
    /// What may be claimed, in one sentence: `all 57 orders executed`, and how many of them are not forced to the last.
    #[must_use]
    pub fn claim(&self) -> Say {
        self.with_limits(self.orders_claimed())
    }

    /// A claim about these orders, and how far it goes.
    pub fn with_limits(&self, claim: Say) -> Say {
        let claim = match self.beside {
            0 => claim,
            beside => say!(
                "{claim}, and {beside} more with steps taken together: what happens between those inside the backend is not forced",
                "{claim}，另有 {beside} 种把若干步骤同时放行：它们在后端内部的先后没有被强制",
                claim = claim,
                beside = beside
            ),
        };
        let claim = match self.free.run {
            0 => claim,
            rounds => say!(
                "{claim}; {rounds} rounds more with nothing held",
                "{claim}；另跑了 {rounds} 轮，什么都不拦住",
                claim = claim,
                rounds = rounds
            ),
        };
        let claim = match &self.statements {
            None => claim,
            Some(statements) => say!(
                "{claim}; {statements}",
                "{claim}；{statements}",
                claim = claim,
                statements = statements.claim()
            ),
        };
        match self.together {
            0 => claim,
            together => say!(
                "{claim}; in {together} of them steps were taken together, and what happens between those inside the backend is not forced",
                "{claim}；其中 {together} 种有若干步骤是同时放行的，它们在后端内部的先后没有被强制",
                claim = claim,
                together = together
            ),
        }
    }

    fn orders_claimed(&self) -> Say {
        if self.exhaustive {
            return match self.total {
                Some(1) => say!("the only order was run", "唯一的一种顺序已经跑过"),
                Some(total) => say!(
                    "all {total} orders were run or cannot happen",
                    "全部 {total} 种顺序都已跑过，或不可能发生",
                    total = total
                ),
                None => say!(
                    "every order was run or cannot happen",
                    "每一种顺序都已跑过，或不可能发生"
                ),
            };
        }
        let whole = match self.total {
            Some(total) => say!("of {total}", "共 {total} 种顺序", total = total),
            None => say!(
                "of more than {counted}",
                "共有超过 {counted} 种顺序",
                counted = self.counted
            ),
        };
        let searches = self.searches.iter().map(SearchShare::words);
        let pairs = match self.pairs {
            0 => Say::default(),
            pairs => say!(
                "; {seen} of {pairs} dependent pairs of steps seen in both orders",
                "；{pairs} 对相互影响的步骤里，{seen} 对的两种先后都出现过",
                seen = self.pairs_seen,
                pairs = pairs
            ),
        };
        let cut = match self.settled < self.planned {
            true => say!(
                "only {settled} of ",
                "，只跑完 {settled} 种",
                settled = self.settled
            ),
            false => Say::default(),
        };
        say!(
            "{cut}{planned} orders {whole}: {searches}{pairs}",
            "{whole}，选出 {planned} 种{cut}：{searches}{pairs}",
            cut = cut,
            planned = self.planned,
            whole = whole,
            searches = Say::join(searches, &say!(", ", "，")),
            pairs = pairs
        )
    }
}

impl SearchShare {
    fn words(&self) -> Say {
        let promise = self.chance.zip(self.draws_for_95_percent).map(|(chance, draws)| {
            say!(
                " (a draw meets a bug of that depth with at least {chance} %, {draws} draws make it 95 %, {drawn} drawn)",
                "（每抽一次，碰上该深度的 bug 的概率至少 {chance} %，抽 {draws} 次可达 95 %，实际抽了 {drawn} 次）",
                chance = format!("{:.3}", chance * 100.0),
                draws = draws,
                drawn = self.draws
            )
        });
        say!(
            "{orders} by {search}{promise}",
            "{search} 选出 {orders} 种{promise}",
            orders = self.orders,
            search = self.search,
            promise = promise.unwrap_or_default()
        )
    }
}

/// What else is known about the first failing order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// How far the order was forced.
    #[serde(default, skip_serializing_if = "Forced::is_fully")]
    pub forced: Forced,
    /// How often it fails when it is run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The order as it was first found, if shrinking made a smaller one of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shrunk_from: Option<String>,
    /// What the same steps do one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<Twin>,
    /// What the key store holds at the end of the order, a line for each person who was probed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub store: Vec<String>,
    /// The same lines in Chinese; empty in transcripts of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub store_zh: Vec<String>,
    /// The nearest order that passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub neighbour: Option<PassingNeighbour>,
}

impl Evidence {
    /// Whether nothing is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.store.is_empty()
            && self.forced.is_fully()
            && self.rate.is_none()
            && self.shrunk_from.is_none()
            && self.twin.is_none()
            && self.neighbour.is_none()
    }

    /// The lines of it, for people: `fails 5/5 under this order`.
    #[must_use]
    pub fn lines(&self) -> Vec<Say> {
        let mut lines = Vec::new();
        let rate = self.rate.unwrap_or(Rate { failed: 1, of: 1 });
        match self.forced.worth(rate) {
            Some(worth) => lines.push(worth),
            None if self.rate.is_none() => {}
            None => lines.push(say!(
                "fails {failed}/{of} under this order",
                "按此顺序重跑，失败 {failed}/{of} 次",
                failed = rate.failed,
                of = rate.of
            )),
        }
        if let Some(from) = &self.shrunk_from {
            lines.push(say!(
                "shrunk from {from}",
                "由 {from} 缩减而来",
                from = from
            ));
        }
        lines.extend(self.store.iter().enumerate().map(|(at, en)| {
            let zh = self.store_zh.get(at).unwrap_or(en);
            Say::fixed(en, zh)
        }));
        lines.extend(self.twin.map(Twin::words));
        if let Some(neighbour) = &self.neighbour {
            lines.push(say!(
                "passes if {first} comes before {second}: {order}",
                "只要 {first} 先于 {second} 就通过：{order}",
                first = neighbour.first,
                second = neighbour.second,
                order = neighbour.order
            ));
        }
        lines
    }
}

/// What the sequential twin of a failing order does: the same steps first-in-first-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Twin {
    /// It passes: an ordering bug.
    Passes,
    /// It breaks the same rule: a logic bug.
    FailsToo,
}

impl Twin {
    fn words(self) -> Say {
        match self {
            Self::Passes => say!(
                "the same steps one after the other pass: an ordering bug",
                "同样的步骤依次执行则通过：这是顺序问题（竞态），不是逻辑错误"
            ),
            Self::FailsToo => say!(
                "the same steps one after the other fail too: a logic bug, not a race",
                "同样的步骤依次执行也失败：这是逻辑错误，不是竞态"
            ),
        }
    }
}

/// A passing order one adjacent swap away from the failing one: the race itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PassingNeighbour {
    /// The order.
    pub order: String,
    /// Its replay token.
    pub token: String,
    /// What comes first in it, and second in the failing order.
    pub first: String,
    /// What comes second in it.
    pub second: String,
    /// What happened in it.
    pub history: Box<History>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_forced_is_said_with_what_it_is_worth() {
        let together = Forced::Partly {
            together: vec!["R1+R2".into()],
        };
        let evidence = |forced, rate| Evidence {
            forced,
            rate,
            ..Evidence::default()
        };
        let rate = Rate { failed: 3, of: 5 };
        let line = |evidence: Evidence| evidence.lines().remove(0).en;
        assert_eq!(
            line(evidence(together.clone(), Some(rate))),
            "R1+R2 were taken together; what happens between them inside the backend is not forced: seen in 3 of 5 runs"
        );
        assert!(line(evidence(Forced::Free, None)).ends_with("seen in 1 of 1 runs"));
        assert_eq!(
            line(evidence(Forced::Fully, Some(rate))),
            "fails 3/5 under this order"
        );
        assert!(evidence(Forced::Fully, None).is_empty());
        assert!(!evidence(together, None).is_empty());
        let some = Exploration {
            total: Some(9),
            planned: 9,
            exhaustive: true,
            together: 4,
            ..Exploration::default()
        };
        let more = Exploration {
            total: Some(57),
            exhaustive: true,
            beside: 2,
            ..Exploration::default()
        };
        assert!(more.claim().en.starts_with(
            "all 57 orders were run or cannot happen, and 2 more with steps taken together: "
        ));
        assert!(some.claim().en.starts_with(
            "all 9 orders were run or cannot happen; in 4 of them steps were taken together"
        ));
    }

    #[test]
    fn a_claim_says_no_more_than_was_done() {
        let all = Exploration {
            total: Some(57),
            planned: 57,
            exhaustive: true,
            ..Exploration::default()
        };
        assert_eq!(all.claim().en, "all 57 orders were run or cannot happen");
        let pct = SearchShare {
            search: "pct-2".into(),
            orders: 25,
            draws: 30,
            seed: Some("7".into()),
            chance: Some(1.0 / 192.0),
            draws_for_95_percent: Some(574),
        };
        let walk = SearchShare {
            search: "walk".into(),
            orders: 75,
            draws: 80,
            ..SearchShare::default()
        };
        let some = Exploration {
            total: None,
            counted: 100,
            planned: 100,
            settled: 100,
            searches: vec![pct, walk],
            pairs_seen: 9,
            pairs: 12,
            ..Exploration::default()
        };
        let cut = Exploration {
            settled: 7,
            ..some.clone()
        };
        assert!(
            cut.claim()
                .en
                .starts_with("only 7 of 100 orders of more than 100: ")
        );
        assert_eq!(
            some.claim().en,
            "100 orders of more than 100: 25 by pct-2 (a draw meets a bug of that depth with at least 0.521 %, 574 draws \
             make it 95 %, 30 drawn), 75 by walk; 9 of 12 dependent pairs of steps seen in both orders"
        );
    }
}
