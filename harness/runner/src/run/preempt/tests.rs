//! Orders from runs that are written down by hand.

use std::collections::BTreeSet;

use super::*;
use wxmock_scenario as scenario;
use wxmock_scenario::plan::{self, Case, Selection};
use wxmock_store::{Resource, Row, Statement, StatementId, StatementKind};

fn two_logins() -> Case {
    let path = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2";
    let selection = Selection {
        patterns: vec![path.to_owned()],
        level: None,
    };
    plan::cases(scenario::all(), &selection).remove(0)
}

fn touches(reads: &[(&str, &str)], writes: &[(&str, &str)]) -> Access {
    let set = |of: &[(&str, &str)]| -> BTreeSet<Resource> {
        let rows = of.iter().map(|(table, value)| Resource {
            name: (*table).to_owned(),
            row: Some(Row {
                column: "openid".to_owned(),
                value: (*value).to_owned(),
            }),
        });
        rows.collect()
    };
    Access::Touches {
        reads: set(reads),
        writes: set(writes),
    }
}

/// A run of `order` in which each reply makes its login say `said`, all in one piece.
fn run_of(order: &Order, said: &[(&str, Access)]) -> Trace {
    let mut trace = Trace::default();
    for (moment, step) in order.steps().enumerate() {
        if step.kind != StepKind::Reply {
            continue;
        }
        for (place, (shape, access)) in said.iter().enumerate() {
            let turn = trace.statements.len();
            trace.statements.push(Seen::let_go_at(
                Statement {
                    id: StatementId(u64::try_from(turn).unwrap() + 1),
                    store: "db".into(),
                    connection: u32::from(step.number),
                    kind: StatementKind::Work,
                    text: (*shape).to_owned(),
                    shape: (*shape).to_owned(),
                    access: access.clone(),
                    answer: None,
                },
                (usize::from(step.number) - 1, u8::try_from(place).unwrap()),
                (moment, turn),
            ));
        }
    }
    trace
}

/// The orders that a run of `order` gives rise to.
fn children(order: &str, said: &[(&str, Access)]) -> Vec<String> {
    let case = two_logins();
    let space = case.space();
    let mut search = Preemptions::over(&space);
    let order: Order = order.parse().unwrap();
    let trace = run_of(&order, said);
    assert!(search.ran(&order, &trace));
    let mut found = Vec::new();
    for child in search.children(&order, &trace) {
        if search.worth(&child) == Worth::Run {
            search.begin(&child);
            found.push(child.order.to_string());
        }
    }
    found
}

const ONE_AFTER_THE_OTHER: &str = "S1.S2.K1.K2.R1.R2";

#[test]
fn a_login_is_held_where_the_other_one_writes_what_it_reads_or_writes() {
    let own = [("user", "o1")];
    let said = [
        ("SELECT", touches(&own, &[])),
        ("INSERT", touches(&[], &own)),
    ];
    let select = shape_digest("SELECT");
    let insert = shape_digest("INSERT");
    assert_eq!(
        children(ONE_AFTER_THE_OTHER, &said),
        [
            format!("{ONE_AFTER_THE_OTHER}.D1a~{select:04x}"),
            format!("{ONE_AFTER_THE_OTHER}.D1b~{insert:04x}"),
        ]
    );
}

#[test]
fn what_does_not_meet_is_not_put_into_another_order() {
    let mine = [("user", "o1")];
    let reads = [
        ("SELECT", touches(&mine, &[])),
        ("GET", touches(&mine, &[])),
    ];
    assert_eq!(children(ONE_AFTER_THE_OTHER, &reads), [] as [&str; 0]);
    let begins = [("BEGIN", Access::Transaction(TransactionStep::Begin))];
    assert_eq!(children(ONE_AFTER_THE_OTHER, &begins), [] as [&str; 0]);
    // What cannot be read may be anything.
    let unknown = [("CALL login(?)", Access::Unknown)];
    assert_eq!(children(ONE_AFTER_THE_OTHER, &unknown).len(), 1);
}

#[test]
fn the_end_of_a_transaction_is_what_its_transaction_wrote() {
    let own = [("user", "o1")];
    let said = [
        ("BEGIN", Access::Transaction(TransactionStep::Begin)),
        ("INSERT", touches(&[], &own)),
        ("COMMIT", Access::Transaction(TransactionStep::Commit)),
    ];
    let order: Order = ONE_AFTER_THE_OTHER.parse().unwrap();
    let words = words(&run_of(&order, &said));
    assert_eq!(words[2].access, touches(&[], &own));
    assert!(are_dependent(&words[2], &words[4]));
    // Begun, and not yet ended.
    assert_eq!(in_open_transaction(words[..2].to_vec()).len(), 1);
    assert!(in_open_transaction(words[..3].to_vec()).is_empty());
}

#[test]
fn a_wait_that_was_seen_is_not_tried_again() {
    let case = two_logins();
    let space = case.space();
    let mut search = Preemptions::over(&space);
    let own = [("user", "o1")];
    let said = [
        ("BEGIN", Access::Transaction(TransactionStep::Begin)),
        ("SELECT FOR UPDATE", touches(&own, &own)),
        ("INSERT", touches(&[], &own)),
        ("COMMIT", Access::Transaction(TransactionStep::Commit)),
    ];
    let order: Order = ONE_AFTER_THE_OTHER.parse().unwrap();
    let trace = run_of(&order, &said);
    search.ran(&order, &trace);
    let tried = search.children(&order, &trace);
    let held = |place: u8| {
        let name = statement(0, place);
        tried
            .iter()
            .find(|child| child.order.statements().any(|other| other == name))
            .unwrap()
    };
    assert_eq!(search.worth(held(3)), Worth::Run);
    // Held before its INSERT, the other one's SELECT FOR UPDATE was not answered.
    let mut waited = trace.clone();
    waited.waits.push(StoreWait {
        chain: 1,
        holder: 0,
        statement: Some(5),
        held: Some(2),
        connection: false,
    });
    search.ran(&held(2).order, &waited);
    assert_eq!(search.worth(held(3)), Worth::Infeasible, "still inside");
    assert_eq!(search.worth(held(1)), Worth::Run, "not inside yet");
}

#[test]
fn interchangeable_phones_are_not_told_apart() {
    let case = two_logins();
    let space = case.space();
    let mut search = Preemptions::over(&space);
    let own = [("user", "o1")];
    let said = [("INSERT", touches(&[], &own))];
    let (one, other): (Order, Order) = (
        ONE_AFTER_THE_OTHER.parse().unwrap(),
        "S2.S1.K2.K1.R2.R1".parse().unwrap(),
    );
    assert!(search.ran(&one, &run_of(&one, &said)));
    assert!(!search.ran(&other, &run_of(&other, &said)));
}
