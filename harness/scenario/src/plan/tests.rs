use super::{Selection, cases};
use crate as scenario;
use wxmock_model::verdict::Level;
use wxmock_schedule::{Limits, Listing};

fn paths(pattern: &str) -> Vec<String> {
    let selection = Selection {
        patterns: vec![pattern.to_owned()],
        level: None,
    };
    selection
        .select(scenario::all())
        .expect("a good pattern")
        .into_iter()
        .map(|case| case.path)
        .collect()
}

/// How many orders each case of a family runs.
fn check(pattern: &str, expected: &[(&str, usize)]) {
    let selection = Selection {
        patterns: vec![pattern.to_owned()],
        level: None,
    };
    let cases = cases(scenario::all(), &selection);
    let counted: Vec<(&str, usize)> = cases
        .iter()
        .map(|case| {
            (
                case.path[case.scenario.id.len()..].trim_start_matches('/'),
                case.orders().len(),
            )
        })
        .collect();
    assert_eq!(counted, expected, "{pattern}");
}

#[test]
fn orders_of_every_race_are_pinned() {
    check(
        "CL-1",
        &[
            ("rotation:login/returns:bound/n:2", 6),
            ("rotation:login/returns:bound/n:3", 90),
            ("rotation:login/returns:current/n:2", 3),
            ("rotation:login/returns:current/n:3", 15),
            ("rotation:exchange/n:2", 5),
            ("rotation:exchange/n:3", 57),
            ("rotation:min_interval/n:2", 3),
            ("rotation:min_interval/n:3", 15),
        ],
    );
    check("CL-3", &[("n:5", 5)]);
    // Requests and replies interleave in 6 ways, in 10 with the commits; either token is stored last, which doubles
    // them, and under `exchange` the two logins may trade names, which halves them.
    check("CL-5", &[("rotation:login", 12), ("rotation:exchange", 10)]);
    check(
        "SK-2",
        &[
            ("rotation:login", 6),
            ("rotation:exchange", 5),
            ("rotation:min_interval", 6),
        ],
    );
    check("KI-3", &[("", 6)]);
    check("KI-6", &[("", 2)]);
    check("CC-1", &[("", 5)]);
    check("N1", &[("rotation:min_interval/n:2", 3)]);
    check("N2", &[("rotation:login/returns:current/n:2", 3)]);
    check("N5", &[("", 6)]);
}

#[test]
fn orders_with_steps_taken_together_are_pinned() {
    let cases = cases(scenario::all(), &Selection::default());
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for case in &cases {
        let together = case.together().len();
        match counted
            .iter_mut()
            .find(|(alias, _)| *alias == case.scenario.alias)
        {
            Some((_, sum)) => *sum += together,
            None if together > 0 => counted.push((&case.scenario.alias, together)),
            None => {}
        }
    }
    counted.sort_unstable();
    let expected = [
        ("CC-1", 2),
        ("CL-1", 12),
        ("CL-5", 4),
        ("CL-7", 3),
        ("KI-3", 2),
        ("KI-6", 1),
        ("PN-6", 1),
        ("RF-3", 1),
        ("RF-4", 1),
        ("SK-2", 9),
    ];
    assert_eq!(counted, expected);
    let slow = cases.iter().find(|case| case.scenario.alias == "CL-1");
    let listing = slow
        .map(|case| case.listing(&Limits::default(), 1))
        .unwrap();
    let searches: Vec<String> = listing
        .parts
        .iter()
        .map(|part| part.search.to_string())
        .collect();
    assert_eq!(searches, ["all", "together"]);
    assert_eq!((listing.len(), listing.counted()), (8, 6));
    assert!(listing.is_exhaustive());
    assert_eq!(
        listing.iter().last().unwrap().to_string(),
        "S1+S2.K1.K2.R2+R1"
    );
    let near = Limits {
        inversions: Some(1),
        ..Limits::default()
    };
    let beside = |listing: &Listing| listing.len() - listing.counted();
    assert_eq!(slow.map(|case| beside(&case.listing(&near, 1))), Some(0));
}

#[test]
fn free_runs_are_pinned() {
    let cases = cases(scenario::all(), &Selection::default());
    let free: Vec<&str> = cases
        .iter()
        .filter(|case| case.runs_free())
        .map(|case| case.path.as_str())
        .collect();
    let expected = [
        "code-lifecycle/same-code-twice",
        "concurrent-login/logout-during-a-login",
        "concurrent-login/older-token-stored-last/rotation:exchange",
        "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:3",
        "key-isolation/request-state-in-a-shared-object",
        "key-isolation/session-in-a-shared-object",
        "phone-number/two-people-press-at-once",
        "stale-key/login-and-capture-in-parallel/rotation:exchange",
        "token-refresh/refresh-during-a-logout",
        "token-refresh/two-refreshes-together",
    ];
    let sorted: Vec<&str> = free
        .iter()
        .copied()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!((free.len(), sorted), (expected.len(), expected.to_vec()));
}

#[test]
fn the_whole_suite_stays_small() {
    let cases = cases(scenario::all(), &Selection::default());
    let orders: usize = cases.iter().map(|case| case.orders().len()).sum();
    let steps: usize = cases
        .iter()
        .map(|case| case.orders().len() * (case.program.steps().count() + case.events().len()))
        .sum();
    assert!(orders < 490, "{orders} orders; is an axis pointless?");
    assert!(
        steps < 7_700,
        "{steps} steps at about two milliseconds each"
    );
}

#[test]
fn every_order_fits_its_case_and_survives_a_token() {
    let cases = cases(scenario::all(), &Selection::default());
    for case in &cases {
        for order in case.orders() {
            let token = crate::ReplayToken {
                path: case.path.clone(),
                seed: 7,
                order,
            };
            let read: crate::ReplayToken = token.to_string().parse().expect("a good token");
            assert_eq!(read, token);
            assert_eq!(read.resolve(&cases).expect("fits").path, case.path);
        }
    }
}

#[test]
fn patterns_take_aliases_ids_and_paths() {
    assert_eq!(paths("cl-1").len(), 8);
    assert_eq!(
        paths("concurrent-login/slow-reply-overwrites-newer-key").len(),
        8
    );
    assert_eq!(paths("concurrent-login/**").len(), 16);
    assert_eq!(paths("**/n:3").len(), 4);
    assert_eq!(paths("**/rotation:exchange/**").len(), 5);
    assert_eq!(paths("key-isolation/*").len(), 11);
    let exact = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2";
    assert_eq!(paths(exact), [exact]);
}

#[test]
fn a_pattern_that_selects_nothing_is_a_mistake() {
    let select = |pattern: &str| {
        let selection = Selection {
            patterns: vec![pattern.to_owned()],
            level: None,
        };
        selection
            .select(scenario::all())
            .map(|cases| cases.len())
            .map_err(|error| error.to_string())
    };
    assert_eq!(
        select("CL-11"),
        Err("no case matches `CL-11`; did you mean `CL-1`?".to_owned())
    );
    assert_eq!(
        select("stale-keys/**"),
        Err("no case matches `stale-keys/**`".to_owned())
    );
    assert_eq!(
        select("a[").map_err(|text| text.starts_with("`a[` is not a pattern")),
        Err(true)
    );
}

#[test]
fn an_exclamation_mark_leaves_out() {
    let chosen = |patterns: &[&str]| {
        let selection = Selection {
            patterns: patterns.iter().map(|one| (*one).to_owned()).collect(),
            level: None,
        };
        let chosen = selection.select(scenario::all());
        chosen
            .map(|cases| cases.len())
            .map_err(|error| error.to_string())
    };
    let all = chosen(&[]).expect("all");
    assert_eq!(chosen(&["!cl-1"]), Ok(all - 8));
    let suite = chosen(&["concurrent-login/**"]).expect("a suite");
    assert_eq!(chosen(&["concurrent-login/**", "!CL-1"]), Ok(suite - 8));
    assert_eq!(chosen(&["!**/n:3", "CL-1"]), Ok(4), "wherever it stands");
    assert_eq!(
        chosen(&["!CL-11"]),
        Err("no case matches `CL-11`; did you mean `CL-1`?".to_owned())
    );
}

#[test]
fn levels_narrow() {
    let count = |level| {
        cases(
            scenario::all(),
            &Selection {
                patterns: Vec::new(),
                level,
            },
        )
        .len()
    };
    assert_eq!(count(None), count(Some(Level::Info)));
    assert!(count(Some(Level::Must)) <= count(Some(Level::Should)));
}

#[test]
fn a_token_of_a_case_that_has_changed_says_so() {
    let cases = cases(scenario::all(), &Selection::default());
    let resolve = |path: &str, order: &str| {
        let order = order.parse().expect("a good order");
        let token = crate::ReplayToken {
            path: path.to_owned(),
            seed: 7,
            order,
        };
        token
            .resolve(&cases)
            .map(|case| case.path.clone())
            .map_err(|error| error.to_string())
    };
    let path = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2";
    assert_eq!(resolve(path, "S2.S1.K1.K2.R2.R1"), Ok(path.to_owned()));
    let wrong = |what: &str| Err(format!("the order does not fit `{path}`: {what}"));
    assert_eq!(
        resolve(path, "S1.S2.K1.K2.R2"),
        wrong("the order leaves out R1")
    );
    assert_eq!(resolve(path, "S1.S2.K1.K1.R2.R1"), wrong("K1 stands twice"));
    assert_eq!(
        resolve(path, "S1.S2.K1.K2.R2.R3"),
        wrong("the race has no event R3; it has S1 K1 R1 S2 K2 R2")
    );
    let backwards = "K1 cannot come before S1: both belong to one phone, which does S1 first";
    assert_eq!(resolve(path, "K1.S1.S2.K2.R2.R1"), wrong(backwards));
    let asked = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchnge/n:2";
    assert_eq!(
        resolve(asked, "-"),
        Err(format!(
            "there is no case `{asked}`; did you mean `{path}`?"
        ))
    );
}
