//! Lists the orders of a [`Space`], one spelling per trace, nearest to first-in-first-out first.
//!
//! A trace is the set of orders that only differ by swapping independent neighbours. Its spelling here is the smallest
//! one by rank (kind, then chain), its *lexicographic normal form*: a word is in normal form exactly if no event could
//! move left past independent events to stand before a bigger one. That can be seen while the word grows, so a
//! depth-first walk that refuses such events meets every trace once and never has to remember which it has seen.

use super::Space;
use wxmock_model::order::Order;

/// How much of a space is listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bound {
    /// Only orders with at most so many inversions from first-in-first-out; `None`: all.
    pub inversions: Option<u32>,
    /// Only the first so many; `None`: all.
    pub max_orders: Option<usize>,
}

impl Space {
    /// The orders within a bound: by inversions, then lexicographically by rank. The first is first-in-first-out.
    #[must_use]
    pub fn orders(&self, bound: Bound) -> Vec<Order> {
        let words = match bound {
            Bound {
                inversions: None,
                max_orders: None,
            } => self.words(None, usize::MAX),
            bounded => self.nearest_words(bounded),
        };
        let spell = |word: &[u8]| {
            Order::settled(word.iter().map(|&rank| self.events[usize::from(rank)].name))
        };
        words.iter().map(|word| spell(word)).collect()
    }

    /// Words by inversions, then lexicographically; at most `stop` of them, and then not the nearest ones.
    pub(super) fn words(&self, inversions: Option<u32>, stop: usize) -> Vec<Box<[u8]>> {
        let most = inversions.unwrap_or(u32::MAX).min(self.most_inversions());
        let mut words = Walk::new(self, 0, most, stop).run();
        // The walk meets words in lexicographic order, so a stable sort is enough.
        words.sort_by_key(|&(inversions, _)| inversions);
        words.into_iter().map(|(_, word)| word).collect()
    }

    /// The words within a bound, level by level, so that a huge space costs no more than the levels it gives.
    pub(super) fn nearest_words(&self, bound: Bound) -> Vec<Box<[u8]>> {
        let Some(max) = bound.max_orders else {
            return self.words(bound.inversions, usize::MAX);
        };
        let most = bound
            .inversions
            .unwrap_or(u32::MAX)
            .min(self.most_inversions());
        let mut words = Vec::new();
        for level in 0..=most {
            if words.len() >= max {
                break;
            }
            words.extend(
                Walk::new(self, level, level, usize::MAX)
                    .run()
                    .into_iter()
                    .map(|(_, word)| word),
            );
        }
        words.truncate(max);
        words
    }

    fn most_inversions(&self) -> u32 {
        self.dependent
            .iter()
            .zip(&self.later)
            .map(|(dependent, later)| (dependent & later).count_ones())
            .sum()
    }
}

/// A word of ranks and its inversions.
type Word = (u32, Box<[u8]>);

struct Walk<'s> {
    space: &'s Space,
    fewest: u32,
    most: u32,
    /// No more words than this.
    stop: usize,
    word: Vec<u8>,
    placed: u64,
    inversions: u32,
    found: Vec<Word>,
}

impl<'s> Walk<'s> {
    fn new(space: &'s Space, fewest: u32, most: u32, stop: usize) -> Self {
        let word = Vec::with_capacity(space.events.len());
        Self {
            space,
            fewest,
            most,
            stop,
            word,
            placed: 0,
            inversions: 0,
            found: Vec::new(),
        }
    }

    fn run(mut self) -> Vec<Word> {
        self.extend();
        self.found
    }

    fn extend(&mut self) {
        let count = self.space.events.len();
        if self.word.len() == count {
            if self.inversions >= self.fewest {
                self.found
                    .push((self.inversions, self.word.clone().into_boxed_slice()));
            }
            return;
        }
        for (event, letter) in (0..count).zip(0_u8..) {
            if self.found.len() >= self.stop {
                return;
            }
            let bit = 1 << event;
            if self.placed & bit != 0
                || self.space.needs[event] & !self.placed != 0
                || !self.stays_normal(event)
            {
                continue;
            }
            // Never fewer when the word grows, so a branch over the bound is dead.
            let added =
                (self.space.dependent[event] & self.space.later[event] & self.placed).count_ones();
            if self.inversions + added > self.most {
                continue;
            }
            self.word.push(letter);
            self.placed |= bit;
            self.inversions += added;
            self.extend();
            self.inversions -= added;
            self.placed &= !bit;
            self.word.pop();
        }
    }

    /// Whether the word with `event` appended is the smallest spelling of its trace.
    fn stays_normal(&self, event: usize) -> bool {
        for earlier in self.word.iter().rev().map(|&letter| usize::from(letter)) {
            if self.space.dependent[event] & (1 << earlier) != 0 {
                return true;
            }
            if earlier > event {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use wxmock_model::history::StepKind;
    use wxmock_model::order::EventName;
    use wxmock_model::program::{
        CaptureApi, Explore, Phone, Place, Program, Seal, Step, Transport, Using, Verb,
    };
    use wxmock_model::program::{Returns, Rotation};

    /// One person's part of a race: logins with a code minted before it, and capture-then-send pairs.
    struct Part {
        user: &'static str,
        logins: usize,
        encrypts: usize,
    }

    const fn part(user: &'static str, logins: usize, encrypts: usize) -> Part {
        Part {
            user,
            logins,
            encrypts,
        }
    }

    fn program(parts: &[Part]) -> Program {
        let mut program = Program {
            explore: Explore::All {
                inversions: None,
                max_orders: None,
            },
            ..Program::default()
        };
        for part in parts {
            for number in 0..part.logins + part.encrypts {
                let phone = program.phones.len();
                let name = format!("{}{number}", part.user);
                program.phones.push(Phone {
                    name: name.clone(),
                    user: part.user.to_owned(),
                    device: name.clone(),
                });
                let step = |verb| Step {
                    phone: Some(phone),
                    text: String::new(),
                    label: format!("step of {name}"),
                    verb,
                    op: None,
                    place: Place::default(),
                };
                if number < part.logins {
                    let (code, token) = (format!("c{name}"), format!("t{name}"));
                    program.before.push(step(Verb::Mint { code: code.clone() }));
                    program
                        .chains
                        .push(vec![step(Verb::Submit { code, token })]);
                } else {
                    let payload = format!("p{name}");
                    let (api, seal) = (CaptureApi::UserInfo, Seal::default());
                    let send = Verb::Send {
                        payload: payload.clone(),
                        using: Using::Newest,
                        extra: None,
                        transport: Transport::Adapter,
                    };
                    program
                        .chains
                        .push(vec![step(Verb::Capture { api, payload, seal }), step(send)]);
                }
            }
        }
        program
    }

    fn space(parts: &[Part], rotation: Rotation, returns: Returns) -> Space {
        Space::of(&program(parts), rotation, returns).expect("small enough")
    }

    /// The same space without looking at symmetry: every person's logins get a chain of a person of their own name.
    fn traces(parts: &[Part], rotation: Rotation) -> usize {
        let mut space = space(parts, rotation, Returns::Bound);
        let chain_of: Vec<usize> = space.events.iter().map(|event| event.chain).collect();
        for (event, needs) in space.needs.iter_mut().enumerate() {
            for (other, chain) in chain_of.iter().enumerate() {
                if *chain != chain_of[event] {
                    *needs &= !(1 << other);
                }
            }
        }
        space.orders(Bound::default()).len()
    }

    fn check(parts: &[Part], expected: usize) {
        let orders = space(parts, Rotation::Exchange, Returns::Bound).orders(Bound::default());
        assert_eq!(orders.len(), expected);
        let distinct: BTreeSet<String> = orders.iter().map(ToString::to_string).collect();
        assert_eq!(distinct.len(), expected, "an order is listed twice");
    }

    #[test]
    fn the_table_of_counts() {
        check(&[part("a", 2, 0)], 5);
        check(&[part("a", 3, 0)], 57);
        check(&[part("a", 4, 0)], 1_145);
        check(&[part("a", 2, 1)], 57);
        check(&[part("a", 3, 1)], 1_145);
        check(&[part("a", 1, 0), part("b", 1, 0)], 6);
        check(&[part("a", 1, 1), part("b", 1, 1)], 500);
        check(&[part("a", 2, 0), part("b", 2, 0)], 1_750);
    }

    #[test]
    fn four_logins_and_an_encrypt() {
        check(&[part("a", 4, 1)], 35_505);
    }

    #[test]
    fn the_table_of_counts_without_symmetry() {
        assert_eq!(traces(&[part("a", 2, 0)], Rotation::Exchange), 10);
        assert_eq!(traces(&[part("a", 3, 0)], Rotation::Exchange), 342);
        assert_eq!(traces(&[part("a", 4, 0)], Rotation::Exchange), 27_480);
        assert_eq!(traces(&[part("a", 2, 1)], Rotation::Exchange), 114);
        assert_eq!(traces(&[part("a", 3, 1)], Rotation::Exchange), 6_870);
        assert_eq!(
            traces(&[part("a", 2, 0), part("b", 2, 0)], Rotation::Exchange),
            7_000
        );
    }

    #[test]
    fn the_table_of_linearisations() {
        for (parts, expected) in [
            (vec![part("a", 2, 0)], 20.0),
            (vec![part("a", 3, 0)], 1_680.0),
            (vec![part("a", 4, 0)], 369_600.0),
            (vec![part("a", 4, 1)], 33_633_600.0),
            (vec![part("a", 1, 1), part("b", 1, 1)], 25_200.0),
        ] {
            let counted = space(&parts, Rotation::Exchange, Returns::Bound).linearisations();
            assert!(
                (counted - expected).abs() < 0.5,
                "{counted} instead of {expected}"
            );
        }
    }

    #[test]
    fn codes_minted_before_a_race_have_their_keys_unless_the_exchange_makes_them() {
        let count = |logins, rotation, returns| {
            space(&[part("a", logins, 0)], rotation, returns)
                .orders(Bound::default())
                .len()
        };
        // Which code holds the older key matters, so logins trade no places; but commits commute.
        assert_eq!(count(2, Rotation::Login, Returns::Bound), 6);
        assert_eq!(count(3, Rotation::Login, Returns::Bound), 90);
        // Every code yields one key: they do trade places.
        for (rotation, returns) in [
            (Rotation::Login, Returns::Current),
            (Rotation::MinInterval, Returns::Bound),
        ] {
            assert_eq!(count(2, rotation, returns), 3);
            assert_eq!(count(3, rotation, returns), 15);
            assert_eq!(count(4, rotation, returns), 105);
        }
    }

    /// Every interleaving of the chains, by brute force.
    fn linearisations(chains: &[Vec<EventName>]) -> Vec<Vec<EventName>> {
        if chains.iter().all(Vec::is_empty) {
            return vec![Vec::new()];
        }
        let mut all = Vec::new();
        for (position, chain) in chains
            .iter()
            .enumerate()
            .filter(|(_, chain)| !chain.is_empty())
        {
            let mut rest = chains.to_vec();
            rest[position].remove(0);
            for mut tail in linearisations(&rest) {
                tail.insert(0, chain[0]);
                all.push(tail);
            }
        }
        all
    }

    /// The order of every dependent pair: equal for the spellings of one trace and for no others. Written from the
    /// words of the design, not from the code under test.
    fn fingerprint(word: &[EventName]) -> BTreeSet<(String, String)> {
        let visible =
            |e: EventName| matches!(e.kind, StepKind::Submit | StepKind::Reply | StepKind::Send);
        let key = |e: EventName| matches!(e.kind, StepKind::Commit | StepKind::Capture);
        let mut pairs = BTreeSet::new();
        for (position, &first) in word.iter().enumerate() {
            for &second in &word[position + 1..] {
                let (commit, both_keys) = (StepKind::Commit, key(first) && key(second));
                if (visible(first) && visible(second))
                    || (both_keys && (first.kind == commit || second.kind == commit))
                    || (first.number == second.number && is_login(first) == is_login(second))
                {
                    pairs.insert((first.to_string(), second.to_string()));
                }
            }
        }
        pairs
    }

    fn is_login(event: EventName) -> bool {
        matches!(
            event.kind,
            StepKind::Submit | StepKind::Commit | StepKind::Reply
        )
    }

    /// The same trace with its logins numbered in the order their requests were sent.
    fn renumbered(word: &[EventName]) -> Vec<EventName> {
        let mut numbers = BTreeMap::new();
        for event in word.iter().filter(|event| event.kind == StepKind::Submit) {
            let next = u8::try_from(numbers.len() + 1).expect("few logins");
            numbers.insert(event.number, next);
        }
        let number = |event: &EventName| {
            if is_login(*event) {
                numbers[&event.number]
            } else {
                event.number
            }
        };
        word.iter()
            .map(|event| EventName {
                number: number(event),
                ..*event
            })
            .collect()
    }

    fn hits_every_trace_once(parts: &[Part], linear: usize, unreduced: usize, reduced: usize) {
        let space = space(parts, Rotation::Exchange, Returns::Bound);
        let mut chains: BTreeMap<usize, Vec<EventName>> = BTreeMap::new();
        for event in space.events() {
            chains.entry(event.chain).or_default().push(event.name);
        }
        let words = linearisations(&chains.into_values().collect::<Vec<_>>());
        assert_eq!(words.len(), linear);
        let traces: BTreeSet<_> = words.iter().map(|word| fingerprint(word)).collect();
        assert_eq!(traces.len(), unreduced);
        let classes: BTreeSet<_> = words
            .iter()
            .map(|word| fingerprint(&renumbered(word)))
            .collect();
        assert_eq!(classes.len(), reduced);

        let orders = space.orders(Bound::default());
        assert_eq!(orders.len(), reduced);
        let listed: BTreeSet<_> = orders
            .iter()
            .map(|order| fingerprint(&order.steps().collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            listed, classes,
            "some trace has no order, or an order is of a trace already listed"
        );
    }

    #[test]
    fn brute_force_agrees_on_two_logins() {
        hits_every_trace_once(&[part("a", 2, 0)], 20, 10, 5);
    }

    #[test]
    fn brute_force_agrees_on_three_logins() {
        hits_every_trace_once(&[part("a", 3, 0)], 1_680, 342, 57);
    }

    #[test]
    fn brute_force_agrees_on_two_logins_and_an_encrypt() {
        hits_every_trace_once(&[part("a", 2, 1)], 560, 114, 57);
    }

    #[test]
    fn nearest_to_sequential_comes_first_and_nothing_changes_between_runs() {
        let space = space(&[part("a", 2, 0)], Rotation::Exchange, Returns::Bound);
        let orders: Vec<String> = space
            .orders(Bound::default())
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            orders,
            [
                "S1.K1.R1.S2.K2.R2",
                "S1.S2.K1.K2.R1.R2",
                "S1.S2.K1.K2.R2.R1",
                "S1.S2.K2.K1.R1.R2",
                "S1.S2.K2.K1.R2.R1",
            ]
        );
        let inversions: Vec<u32> = space
            .orders(Bound::default())
            .iter()
            .map(|order| space.inversions(order))
            .collect();
        assert_eq!(inversions, [0, 1, 2, 2, 3]);
        assert_eq!(space.fifo().to_string(), orders[0]);
    }

    #[test]
    fn inversions_belong_to_the_trace_not_to_its_spelling() {
        let space = space(&[part("a", 2, 1)], Rotation::Exchange, Returns::Bound);
        let mut chains: BTreeMap<usize, Vec<EventName>> = BTreeMap::new();
        for event in space.events() {
            chains.entry(event.chain).or_default().push(event.name);
        }
        let mut by_trace = BTreeMap::new();
        for word in linearisations(&chains.into_values().collect::<Vec<_>>()) {
            let inversions = space.inversions(&Order::settled(word.iter().copied()));
            assert_eq!(
                *by_trace.entry(fingerprint(&word)).or_insert(inversions),
                inversions
            );
        }
    }

    #[test]
    fn bounds_cut_the_same_list_short() {
        let space = space(&[part("a", 3, 0)], Rotation::Exchange, Returns::Bound);
        let all = space.orders(Bound::default());
        let near = space.orders(Bound {
            inversions: Some(3),
            max_orders: None,
        });
        assert!(!near.is_empty() && near.len() < all.len());
        assert_eq!(near, all[..near.len()]);
        for max in [0, 1, 20, 57, 1_000] {
            let some = space.orders(Bound {
                inversions: None,
                max_orders: Some(max),
            });
            assert_eq!(some, all[..max.min(57)]);
        }
    }

    #[test]
    fn a_bound_makes_a_huge_race_cheap() {
        let space = space(&[part("a", 7, 1)], Rotation::Exchange, Returns::Bound);
        assert!(space.linearisations() > 1e15);
        assert_eq!(
            space
                .orders(Bound {
                    inversions: None,
                    max_orders: Some(50)
                })
                .len(),
            50
        );
    }

    #[test]
    fn a_race_of_nobody_has_one_empty_order() {
        assert_eq!(
            space(&[], Rotation::Exchange, Returns::Bound).orders(Bound::default()),
            [Order::default()]
        );
    }

    proptest::proptest! {
        #[test]
        fn every_order_listed_fits_the_race(a in 0_usize..3, e in 0_usize..2, b in 0_usize..2, max in 0_usize..200) {
            for rotation in [Rotation::Login, Rotation::Exchange, Rotation::MinInterval] {
                let space = space(&[part("a", a, e), part("b", b, 0)], rotation, Returns::Bound);
                for order in space.orders(Bound { inversions: None, max_orders: Some(max) }) {
                    proptest::prop_assert_eq!(space.check(&order), Ok(()));
                    proptest::prop_assert_eq!(order.to_string().parse::<Order>(), Ok(order));
                }
            }
        }
    }
}
