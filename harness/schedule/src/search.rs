//! Which orders of a race are run when there may be too many for all of them.
//!
//! Within the limit every order is listed, nearest to first-in-first-out first. Beyond it a portfolio of four searches
//! shares the limit, each with a seed of its own and none listing an order another has listed:
//!
//! - *nearest*: fewest inversions from first-in-first-out, so that the first failure is a small one;
//! - *PCT, depth 2 and 3* (probabilistic concurrency testing, Burckhardt et al., ASPLOS 2010): phones run by random
//!   priority, and at one or two random steps the running phone falls to the lowest priority. With n phones and k steps a
//!   bug that needs d ordered steps is met by one run with probability at least 1/(n·k^(d-1)), whatever the rest does;
//! - *uniform walk*: every interleaving of the phones' steps is equally likely.
//!
//! Random words are brought to the spelling `enumerate.rs` gives their trace, interchangeable phones renamed, so that two
//! words of one trace count once. It does not know what orders cost or what comes of them.

use std::collections::BTreeSet;

use super::Space;
use super::dice::Dice;
use super::enumerate::Bound;
use wxmock_model::order::{EventName, Order};

/// So many orders of a case are run unless somebody asks for more: three logins and a capture, or four logins.
pub const DEFAULT_MAX_ORDERS: usize = 1_145;

/// A search gives up after so many draws in a row that were listed already.
const STALE_DRAWS: usize = 200;

/// How much of a race is run, as far as the person who runs it cares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// At most so many orders of a case; `None`: what its file says, else [`DEFAULT_MAX_ORDERS`].
    pub max_orders: Option<usize>,
    /// Only orders with at most so many inversions; `None`: what the case's file says, else any.
    pub inversions: Option<u32>,
    /// Only cases that schedule at most so many faults; `None`: any.
    pub faults: Option<usize>,
}

/// The orders to run, and what they are of the whole.
///
/// Orders are kept as short words and spelled out when asked for: 35,505 of them take a megabyte.
#[derive(Debug, Clone)]
pub struct Listing {
    names: Vec<EventName>,
    orders: Orders,
    /// Orders with steps taken together, and the free run, listed behind the others.
    extra: Vec<Order>,
    /// How many orders the race has in which every step is taken alone.
    pub total: Total,
    /// Which searches found them, in the order of the list.
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Orders {
    Words(Vec<Box<[u8]>>),
    Given(Vec<Order>),
}

/// How many orders a race has, one per trace, symmetry removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// So many.
    Exactly(usize),
    /// More than were counted.
    MoreThan(usize),
}

/// What one search added.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The search.
    pub search: Search,
    /// Orders it added.
    pub orders: usize,
    /// How often it drew, listed orders included; 0 for a search that does not draw.
    pub draws: usize,
    /// What it drew with, made from the run's seed; `None` for a search that does not draw.
    pub seed: Option<u64>,
}

/// A way to find orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Every order there is.
    All,
    /// The orders the scenario's file names.
    Named,
    /// Every order with at most so many inversions; `None`: the first so many by inversions.
    Nearest {
        /// The bound, if one was set.
        inversions: Option<u32>,
    },
    /// Probabilistic concurrency testing.
    Pct {
        /// Bug depth: how many steps must come in a certain order for the bug to show.
        depth: u32,
        /// Phones, n.
        chains: usize,
        /// Steps, k.
        steps: usize,
    },
    /// Interleavings drawn uniformly.
    Walk,
    /// A few orders with steps taken together, beside those that are counted.
    Together,
    /// The free run, which is one order of the list however many rounds it has.
    Free,
}

impl Search {
    /// Whether its orders are run beside those that are counted.
    #[must_use]
    pub const fn is_beside(self) -> bool {
        matches!(self, Self::Together | Self::Free)
    }
}

impl Search {
    /// The least probability with which one draw meets a bug of its depth; `None` for searches without such a promise.
    #[must_use]
    pub fn chance(self) -> Option<f64> {
        let Self::Pct {
            depth,
            chains,
            steps,
        } = self
        else {
            return None;
        };
        let power = i32::try_from(depth.saturating_sub(1)).unwrap_or(i32::MAX);
        #[expect(clippy::cast_precision_loss, reason = "at most 64 phones and steps")]
        let (chains, steps) = (chains.max(1) as f64, steps.max(1) as f64);
        Some(1.0 / (chains * steps.powi(power)))
    }

    /// How many draws meet such a bug with 95 % certainty.
    #[must_use]
    pub fn draws_for_95_percent(self) -> Option<u64> {
        let chance = self.chance()?;
        if chance >= 1.0 {
            return Some(1);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and far below 2^53"
        )]
        let draws = (0.05_f64.ln() / (1.0 - chance).ln()).ceil() as u64;
        Some(draws)
    }
}

impl std::fmt::Display for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Named => f.write_str("named"),
            Self::Nearest { inversions: None } => f.write_str("nearest"),
            Self::Nearest {
                inversions: Some(most),
            } => write!(f, "inversions <= {most}"),
            Self::Pct { depth, .. } => write!(f, "pct-{depth}"),
            Self::Walk => f.write_str("walk"),
            Self::Together => f.write_str("together"),
            Self::Free => f.write_str("free"),
        }
    }
}

impl Listing {
    /// Orders somebody wrote down, and how many there would be.
    #[must_use]
    pub fn named(orders: Vec<Order>, total: Total) -> Self {
        let part = Part {
            search: Search::Named,
            orders: orders.len(),
            draws: 0,
            seed: None,
        };
        let parts = vec![part];
        Self {
            names: Vec::new(),
            orders: Orders::Given(orders),
            extra: Vec::new(),
            total,
            parts,
        }
    }

    /// The same list with orders behind it in which steps are taken together.
    #[must_use]
    pub fn with_together(mut self, orders: Vec<Order>) -> Self {
        if !orders.is_empty() {
            self.parts.push(Part {
                search: Search::Together,
                orders: orders.len(),
                draws: 0,
                seed: None,
            });
            self.extra.extend(orders);
        }
        self
    }

    /// The same list with the free run as its last order.
    #[must_use]
    pub fn with_free(mut self) -> Self {
        self.parts.push(Part {
            search: Search::Free,
            orders: 1,
            draws: 0,
            seed: None,
        });
        self.extra.push(Order::free());
        self
    }

    /// How many orders are listed, those with steps taken together and the free run included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counted() + self.extra.len()
    }

    /// How many of them are among those that [`Self::total`] counts, or that a file names. They come first.
    #[must_use]
    pub fn counted(&self) -> usize {
        match &self.orders {
            Orders::Words(words) => words.len(),
            Orders::Given(orders) => orders.len(),
        }
    }

    /// Whether none is. A case without a race has one empty order, not none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The order at a position, from 0.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<Order> {
        if let Some(beyond) = at.checked_sub(self.counted()) {
            return self.extra.get(beyond).cloned();
        }
        match &self.orders {
            Orders::Words(words) => {
                let word = words.get(at)?;
                Some(Order::settled(
                    word.iter().map(|&rank| self.names[usize::from(rank)]),
                ))
            }
            Orders::Given(orders) => orders.get(at).cloned(),
        }
    }

    /// The orders, spelled out one at a time.
    pub fn iter(&self) -> impl Iterator<Item = Order> + '_ {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// How many of the counted ones take steps together, and are therefore not forced to the last.
    #[must_use]
    pub fn together_counted(&self) -> usize {
        match &self.orders {
            Orders::Words(_) => 0,
            Orders::Given(orders) => orders
                .iter()
                .filter(|order| !order.forced().is_fully())
                .count(),
        }
    }

    /// Whether these are all the orders there are in which every step is taken alone.
    #[must_use]
    pub fn is_exhaustive(&self) -> bool {
        self.total == Total::Exactly(self.counted())
    }
}

impl Space {
    /// The orders to run within `max_orders` and, if set, a number of inversions.
    #[must_use]
    pub fn explore(&self, max_orders: usize, inversions: Option<u32>, seed: u64) -> Listing {
        let all = self.words(None, max_orders.saturating_add(1));
        let total = match all.len() > max_orders {
            true => Total::MoreThan(max_orders),
            false => Total::Exactly(all.len()),
        };
        match (total, inversions) {
            (Total::Exactly(_), None) => self.listing(all, total, Search::All),
            (_, Some(most)) => {
                let bound = Bound {
                    inversions,
                    max_orders: Some(max_orders),
                };
                self.listing(
                    self.nearest_words(bound),
                    total,
                    Search::Nearest {
                        inversions: Some(most),
                    },
                )
            }
            (Total::MoreThan(_), None) => Portfolio::new(self, max_orders, seed).run(total),
        }
    }

    /// The orders nearest to first-in-first-out, as a scenario's file bounds them.
    #[must_use]
    pub fn nearest(&self, bound: Bound) -> Listing {
        let words = self.nearest_words(bound);
        let counted = self.words(None, words.len() + 1).len();
        let (total, search) = match counted > words.len() {
            true => (
                Total::MoreThan(words.len()),
                Search::Nearest {
                    inversions: bound.inversions,
                },
            ),
            false => (Total::Exactly(counted), Search::All),
        };
        self.listing(words, total, search)
    }

    /// How many orders the race has, counted no further than `limit`.
    #[must_use]
    pub fn total(&self, limit: usize) -> Total {
        let counted = self.words(None, limit.saturating_add(1)).len();
        if counted > limit {
            Total::MoreThan(limit)
        } else {
            Total::Exactly(counted)
        }
    }

    fn listing(&self, words: Vec<Box<[u8]>>, total: Total, search: Search) -> Listing {
        let parts = vec![Part {
            search,
            orders: words.len(),
            draws: 0,
            seed: None,
        }];
        Listing {
            names: self.names(),
            orders: Orders::Words(words),
            extra: Vec::new(),
            total,
            parts,
        }
    }

    fn names(&self) -> Vec<EventName> {
        self.events.iter().map(|event| event.name).collect()
    }
}

/// The searches that share a limit.
struct Portfolio<'s> {
    space: &'s Space,
    /// Ranks by chain, in the order of each chain.
    chains: Vec<Vec<usize>>,
    max_orders: usize,
    seed: u64,
    listed: BTreeSet<Box<[u8]>>,
    words: Vec<Box<[u8]>>,
    parts: Vec<Part>,
}

impl<'s> Portfolio<'s> {
    fn new(space: &'s Space, max_orders: usize, seed: u64) -> Self {
        let chains = space.chains();
        Self {
            space,
            chains,
            max_orders,
            seed,
            listed: BTreeSet::new(),
            words: Vec::new(),
            parts: Vec::new(),
        }
    }

    fn run(mut self, total: Total) -> Listing {
        let quarter = self.max_orders.div_ceil(4);
        let bound = Bound {
            inversions: None,
            max_orders: Some(quarter),
        };
        for word in self.space.nearest_words(bound) {
            self.add(word);
        }
        let nearest = self.words.len();
        self.parts.push(Part {
            search: Search::Nearest { inversions: None },
            orders: nearest,
            draws: 0,
            seed: None,
        });
        let (chains, steps) = (self.chains.len(), self.space.events.len());
        for (position, depth) in [(1, 2), (2, 3)] {
            let search = Search::Pct {
                depth,
                chains,
                steps,
            };
            self.draw(search, quarter, position, |chains, dice| {
                pct(chains, depth, dice)
            });
        }
        // What the others left goes to the walk.
        self.draw(Search::Walk, self.max_orders, 3, walk);
        Listing {
            names: self.space.names(),
            orders: Orders::Words(self.words),
            extra: Vec::new(),
            total,
            parts: self.parts,
        }
    }

    fn draw(
        &mut self,
        search: Search,
        most: usize,
        stream: u64,
        one: impl Fn(&[Vec<usize>], &mut Dice) -> Vec<usize>,
    ) {
        let mut dice = Dice::new(self.seed, stream);
        let (mut orders, mut draws, mut stale) = (0, 0, 0);
        while orders < most && self.words.len() < self.max_orders && stale < STALE_DRAWS {
            let word = self.space.canonical(&one(&self.chains, &mut dice));
            draws += 1;
            if self.add(word) {
                (orders, stale) = (orders + 1, 0);
            } else {
                stale += 1;
            }
        }
        self.parts.push(Part {
            search,
            orders,
            draws,
            seed: Some(Dice::seed_of(self.seed, stream)),
        });
    }

    fn add(&mut self, word: Box<[u8]>) -> bool {
        let is_new = self.listed.insert(word.clone());
        if is_new {
            self.words.push(word);
        }
        is_new
    }
}

/// One run of PCT: the phone of highest priority goes on; whoever runs at change point i falls to priority i, below every
/// phone that has not fallen.
fn pct(chains: &[Vec<usize>], depth: u32, dice: &mut Dice) -> Vec<usize> {
    let steps: usize = chains.iter().map(Vec::len).sum();
    let change_at: Vec<usize> = (1..depth).map(|_| dice.below(steps.max(1))).collect();
    let mut priority: Vec<usize> = (0..chains.len())
        .map(|chain| chain + change_at.len())
        .collect();
    dice.shuffle(&mut priority);
    let mut taken = vec![0; chains.len()];
    let mut word = Vec::with_capacity(steps);
    let first = |taken: &[usize], priority: &[usize]| {
        let able = (0..chains.len()).filter(|&chain| taken[chain] < chains[chain].len());
        able.max_by_key(|&chain| priority[chain])
    };
    while let Some(running) = first(&taken, &priority) {
        for (low, _) in change_at
            .iter()
            .enumerate()
            .filter(|&(_, &at)| at == word.len())
        {
            priority[running] = low;
        }
        let Some(chain) = first(&taken, &priority) else {
            break;
        };
        word.push(chains[chain][taken[chain]]);
        taken[chain] += 1;
    }
    word
}

/// One interleaving, all equally likely: a phone goes next with the probability of its share of the steps left.
fn walk(chains: &[Vec<usize>], dice: &mut Dice) -> Vec<usize> {
    let mut left: Vec<&[usize]> = chains.iter().map(Vec::as_slice).collect();
    let mut word = Vec::new();
    loop {
        let steps: usize = left.iter().map(|chain| chain.len()).sum();
        if steps == 0 {
            return word;
        }
        let mut drawn = dice.below(steps);
        for chain in &mut left {
            if drawn < chain.len() {
                word.push(chain[0]);
                *chain = &chain[1..];
                break;
            }
            drawn -= chain.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_scenario::Scenario;
    use wxmock_scenario::plan;
    use wxmock_scenario::plan::Selection;

    /// The race of `logins` logins of one person under `rotation = exchange`.
    fn space(logins: u8) -> Space {
        let text = r#"
id = "test/search"
alias = "T-1"
title = "logins"
title_zh = "登录"
level = "MUST"
impact = "lock-out"
rules = ["KEY-04"]
needs = ["login"]
sources = ["a test"]
why = "A test needs it."
before = ["P* mint as c"]
[axes]
rotation = ["exchange"]
n = [2]
[[phone]]
name = "P"
user = "A"
repeat = "n"
do = ["submit c"]
[explore]
orders = "all"
"#;
        let scenario = Scenario::parse_with_logins("test.toml", text, logins)
            .unwrap_or_else(|error| panic!("{}", error.render()));
        let case = plan::cases(&[scenario], &Selection::default()).remove(0);
        Space::of(&case.program, case.rotation(), case.returns()).unwrap()
    }

    #[test]
    fn within_the_limit_every_order_is_listed() {
        let listing = space(3).explore(57, None, 1);
        assert!(listing.is_exhaustive());
        assert_eq!((listing.len(), listing.total), (57, Total::Exactly(57)));
        let by_hand = space(3).orders(Bound::default());
        assert_eq!(listing.iter().collect::<Vec<_>>(), by_hand);
    }

    #[test]
    fn beyond_the_limit_the_portfolio_lists_distinct_orders_that_fit() {
        let space = space(4);
        let listing = space.explore(200, None, 1);
        assert!(!listing.is_exhaustive());
        assert_eq!((listing.len(), listing.total), (200, Total::MoreThan(200)));
        let distinct: BTreeSet<String> = listing.iter().map(|order| order.to_string()).collect();
        assert_eq!(distinct.len(), 200);
        assert!(listing.iter().all(|order| space.check(&order).is_ok()));
        let known: BTreeSet<String> = space
            .orders(Bound::default())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert!(
            distinct.is_subset(&known),
            "a drawn order is not spelled as the enumeration spells it"
        );
        let searches: Vec<String> = listing
            .parts
            .iter()
            .map(|part| part.search.to_string())
            .collect();
        assert_eq!(searches, ["nearest", "pct-2", "pct-3", "walk"]);
        assert_eq!(
            listing.parts.iter().map(|part| part.orders).sum::<usize>(),
            200
        );
        assert!(
            listing.parts.iter().all(|part| part.orders > 0),
            "{:?}",
            listing.parts
        );
        let seeds: BTreeSet<u64> = listing.parts.iter().filter_map(|part| part.seed).collect();
        assert_eq!(seeds.len(), 3, "each search that draws has its own");
    }

    #[test]
    fn a_seed_repeats_itself_and_another_draws_others() {
        let list = |seed| {
            space(4)
                .explore(100, None, seed)
                .iter()
                .map(|order| order.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(list(7), list(7));
        assert_ne!(list(7), list(8));
    }

    #[test]
    fn thirty_five_thousand_orders_take_a_word_each_and_no_more() {
        let listing = space(5).explore(40_000, None, 1);
        assert_eq!(
            (listing.len(), listing.total),
            (35_505, Total::Exactly(35_505))
        );
        let Orders::Words(words) = &listing.orders else {
            panic!("orders of a whole race are kept as words")
        };
        let bytes: usize = words.iter().map(|word| word.len()).sum();
        assert_eq!(bytes, 35_505 * 15);
    }

    #[test]
    fn an_inversion_bound_lists_all_within_it_and_claims_no_more() {
        let listing = space(3).explore(1_145, Some(2), 1);
        assert!(!listing.is_exhaustive());
        assert_eq!(listing.total, Total::Exactly(57));
        assert!(listing.iter().all(|order| space(3).inversions(&order) <= 2));
        assert_eq!(listing.parts[0].search.to_string(), "inversions <= 2");
    }

    #[test]
    fn the_promise_of_pct_is_the_published_one() {
        let pct = |depth| Search::Pct {
            depth,
            chains: 8,
            steps: 24,
        };
        assert_eq!(pct(2).draws_for_95_percent(), Some(574));
        assert_eq!(pct(3).draws_for_95_percent(), Some(13_803));
        assert_eq!(Search::Walk.draws_for_95_percent(), None);
        assert_eq!(
            Search::Pct {
                depth: 1,
                chains: 1,
                steps: 3
            }
            .draws_for_95_percent(),
            Some(1)
        );
    }

    #[test]
    fn pct_of_depth_two_meets_the_swapped_replies_as_often_as_promised() {
        // The lost update of two logins: R2 before R1 though K1 came before K2, n = 2, k = 6.
        let space = space(2);
        let chains = space.chains();
        let mut dice = Dice::new(1, 1);
        let names: Vec<String> = space.names().iter().map(ToString::to_string).collect();
        let met = (0..2_000)
            .filter(|_| {
                let word = space.canonical(&pct(&chains, 2, &mut dice));
                let at = |name: &str| {
                    word.iter()
                        .position(|&rank| names[usize::from(rank)] == name)
                };
                at("K1") < at("K2") && at("R2") < at("R1")
            })
            .count();
        assert!(met >= 2_000 / 12, "{met} of 2000");
    }
}
