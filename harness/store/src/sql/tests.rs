//! What is made of SQL: text, shape, tables and rows.

use std::collections::BTreeSet;

use super::{Bound, Dialect, Sql, read};
use crate::access::{Access, Resource};

fn show(access: &Access) -> String {
    let list = |set: &BTreeSet<Resource>| {
        let one = |resource: &Resource| match &resource.row {
            Some(row) => format!("{}.{}={}", resource.name, row.column, row.value),
            None => resource.name.clone(),
        };
        set.iter().map(one).collect::<Vec<_>>().join(",")
    };
    match access {
        Access::Touches { reads, writes } => format!("{}/{}", list(reads), list(writes)),
        Access::Unknown => "unknown".to_owned(),
        Access::Transaction(step) => format!("{step:?}"),
    }
}

fn check(sql: &str, expected: &str) {
    for dialect in [Dialect::Mysql, Dialect::Postgres] {
        let sql = Sql {
            text: sql.into(),
            bound: Vec::new(),
        };
        assert_eq!(
            show(&read(dialect, &sql).access),
            expected,
            "{dialect:?}: {}",
            sql.text
        );
    }
}

#[test]
fn tables_and_rows_are_found() {
    check("SELECT id FROM user WHERE openid = 'o1'", "user.openid=o1/");
    check(
        "SELECT id FROM shop.User u WHERE u.openid = 'O1' AND u.deleted = 0",
        "user.openid=o1/",
    );
    check("SELECT * FROM user", "user/");
    check("SELECT * FROM user WHERE openid = 'a' OR id = 2", "user/");
    check(
        "SELECT * FROM a JOIN b ON a.id = b.a_id WHERE a.id = 3",
        "a.id=3,b/",
    );
    check(
        "SELECT * FROM a WHERE id IN (SELECT a_id FROM b WHERE openid = 'x')",
        "a,b.openid=x/",
    );
    check(
        "SELECT id FROM user WHERE id = 7 FOR UPDATE",
        "user.id=7/user.id=7",
    );
    check(
        "INSERT INTO user (openid, nick) VALUES ('o1', 'n')",
        "/user.openid=o1",
    );
    check(
        "INSERT INTO user (openid) VALUES ('o1'), ('o2')",
        "/user.openid=o1,user.openid=o2",
    );
    check(
        "INSERT INTO log SELECT * FROM user WHERE id = 1",
        "user.id=1/log",
    );
    check(
        "UPDATE user SET session_key = 'k' WHERE id = 7",
        "user.id=7/user.id=7",
    );
    check("UPDATE user SET id = 8 WHERE id = 7", "user/user");
    check(
        "DELETE FROM session WHERE user_id = 7",
        "session.user_id=7/session.user_id=7",
    );
    check("BEGIN", "Begin");
    check("START TRANSACTION", "Begin");
    check("COMMIT", "Commit");
    check("ROLLBACK", "Rollback");
    check("SAVEPOINT a", "/");
    check(
        "BEGIN; UPDATE a SET x = 1 WHERE id = 2; COMMIT",
        "a.id=2/a.id=2",
    );
    check("SELECT now()", "/");
    check("SELECT register_user('o1')", "unknown");
    check("CREATE TABLE a (id INT)", "unknown");
    check("not SQL at all", "unknown");
}

#[test]
fn what_only_one_of_them_says() {
    let check = |dialect, sql: &str, expected: &str| {
        let sql = Sql {
            text: sql.into(),
            bound: Vec::new(),
        };
        assert_eq!(show(&read(dialect, &sql).access), expected, "{}", sql.text);
    };
    check(
        Dialect::Mysql,
        "INSERT INTO `user` SET `openid` = 'o1'",
        "/user.openid=o1",
    );
    check(
        Dialect::Mysql,
        "INSERT INTO user (openid) VALUES ('o1') ON DUPLICATE KEY UPDATE nick = VALUES(nick)",
        "user.openid=o1/user.openid=o1",
    );
    check(
        Dialect::Mysql,
        "REPLACE INTO user (openid) VALUES ('o1')",
        "user.openid=o1/user.openid=o1",
    );
    check(Dialect::Mysql, "SELECT GET_LOCK('a', 1)", "/lock a");
    check(Dialect::Mysql, "SET autocommit = 0", "Begin");
    check(
        Dialect::Postgres,
        "INSERT INTO \"user\" (openid) VALUES ('o1') ON CONFLICT DO NOTHING RETURNING id",
        "user.openid=o1/user.openid=o1",
    );
    check(
        Dialect::Postgres,
        "SELECT pg_advisory_xact_lock(7)",
        "/lock 7",
    );
    check(
        Dialect::Postgres,
        "WITH x AS (INSERT INTO a (id) VALUES (1) RETURNING id) SELECT * FROM x",
        "x/a.id=1",
    );
    check(
        Dialect::Postgres,
        "UPDATE \"user\" SET n = $1 WHERE id = $2::int",
        "user/user",
    );
}

#[test]
fn bound_values_stand_in_text_and_rows() {
    let bound = vec![Bound::Text("k".into()), Bound::Number("7".into())];
    for (dialect, text) in [
        (
            Dialect::Mysql,
            "UPDATE  `user` SET k = ?\n WHERE id = ? -- note",
        ),
        (
            Dialect::Postgres,
            "UPDATE \"user\" SET k = $1 WHERE id = $2",
        ),
    ] {
        let reading = read(
            dialect,
            &Sql {
                text: text.into(),
                bound: bound.clone(),
            },
        );
        assert_eq!(reading.text, "UPDATE user SET k = 'k' WHERE id = 7");
        assert_eq!(reading.shape, "UPDATE user SET k = ? WHERE id = ?");
        assert_eq!(show(&reading.access), "user.id=7/user.id=7");
    }
}

#[test]
fn a_very_deep_statement_is_given_up_not_crashed_on() {
    let deep = format!("SELECT * FROM a WHERE {}", vec!["id = 1"; 240].join(" OR "));
    check(&deep, "a/");
    let deeper = format!(
        "SELECT * FROM a WHERE {}",
        vec!["id = 1"; 20_000].join(" OR ")
    );
    check(&deeper, "unknown");
    check(
        &format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000)),
        "unknown",
    );
}
