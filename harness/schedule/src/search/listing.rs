//! The list of orders to run, which searches found them, and what that promises.

use wxmock_model::order::{EventName, Order};

/// The orders to run, and what they are of the whole.
///
/// Orders are kept as short words and spelled out when asked for: 35,505 of them take a megabyte.
#[derive(Debug, Clone)]
pub struct Listing {
    names: Vec<EventName>,
    pub(super) orders: Orders,
    /// Orders with steps taken together, and the free run, listed behind the others.
    extra: Vec<Order>,
    /// How many orders the race has in which every step is taken alone.
    pub total: Total,
    /// Which searches found them, in the order of the list.
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone)]
pub(super) enum Orders {
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

impl Part {
    /// What a search that does not draw added.
    pub(super) const fn listed(search: Search, orders: usize) -> Self {
        Self {
            search,
            orders,
            draws: 0,
            seed: None,
        }
    }
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
    /// Orders as words of ranks, `names` by rank.
    pub(super) const fn of_words(
        names: Vec<EventName>,
        words: Vec<Box<[u8]>>,
        total: Total,
        parts: Vec<Part>,
    ) -> Self {
        Self {
            names,
            orders: Orders::Words(words),
            extra: Vec::new(),
            total,
            parts,
        }
    }

    /// Orders somebody wrote down, and how many there would be.
    #[must_use]
    pub fn named(orders: Vec<Order>, total: Total) -> Self {
        let parts = vec![Part::listed(Search::Named, orders.len())];
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
            self.parts
                .push(Part::listed(Search::Together, orders.len()));
            self.extra.extend(orders);
        }
        self
    }

    /// The same list with the free run as its last order.
    #[must_use]
    pub fn with_free(mut self) -> Self {
        self.parts.push(Part::listed(Search::Free, 1));
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
