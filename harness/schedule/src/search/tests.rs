use std::collections::BTreeSet;

use super::listing::Orders;
use super::portfolio::pct;
use super::*;
use crate::dice::Dice;
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
