//! Two statements that came between each other: what a store saw in an order that no two requests one after the other could make.
//!
//! It reads the statements of a history, which there are only where the adapter declares a store. A pattern is a read and a write of
//! one request with a write of another between them, a deletion that takes what another one just wrote, or a lock let go that is
//! somebody else's.

use crate::facts::Facts;
use crate::finding::Finding;
use wxmock_model::history::{DataRecord, History, StatementRecord};
use wxmock_model::lang::Say;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::say;

/// Statements of two requests that crossed.
pub(crate) struct Crossing {
    pub(crate) mechanism: Mechanism,
    /// `P2's INSERT (wx_user) came between P1's SELECT (wx_user) and P1's INSERT (wx_user); both saw no row`.
    pub(crate) sentence: Say,
    /// The repair, with the table and the column or the key.
    pub(crate) repair: Say,
    /// Steps of the statements.
    pub(crate) steps: Vec<usize>,
}

/// One statement of somebody's request, at its step.
#[derive(Clone, Copy)]
struct Said<'h> {
    step: usize,
    record: &'h StatementRecord,
    operation: usize,
    phone: &'h str,
}

/// The crossing that explains a finding; `None` if no statements crossed, or the finding is about the bytes of an answer.
pub(crate) fn crossing(facts: &Facts<'_>, finding: &Finding) -> Option<Crossing> {
    if matches!(finding.rule.as_str(), "TOK-02" | "TOK-03") || finding.rule.starts_with("SEC") {
        return None;
    }
    let said = said(facts.history);
    let took_effect: Vec<Said<'_>> = said
        .iter()
        .copied()
        .filter(|said| !said.record.failed)
        .collect();
    // Only a token that is dead is explained by a deletion.
    let deleted = || deleted_by_user(&took_effect).filter(|_| finding.rule.starts_with("TOK"));
    deleted()
        .or_else(|| foreign_lock(&took_effect))
        .or_else(|| looked_then_wrote(&said, &finding.rule))
}

fn said(history: &History) -> Vec<Said<'_>> {
    let steps = history.steps.iter().enumerate();
    steps
        .filter_map(|(step, record)| {
            let said = history.statements.get(record.statement?)?;
            let operation = said.operation?;
            let phone = history.operations.get(operation)?.phone.as_str();
            (!said.name.is_empty()).then_some(Said {
                step,
                record: said,
                operation,
                phone,
            })
        })
        .collect()
}

/// The data both touch, as the one that reads or writes it more narrowly names it.
fn meeting<'h>(ours: &'h [DataRecord], theirs: &[DataRecord]) -> Option<&'h DataRecord> {
    ours.iter()
        .find(|own| theirs.iter().any(|other| own.overlaps(other)))
}

/// A read, a write of another request to the same data, and a write that rests on the read.
fn looked_then_wrote(said: &[Said<'_>], rule: &str) -> Option<Crossing> {
    for (at, look) in said.iter().enumerate() {
        for (between, other) in said.iter().enumerate().skip(at + 1) {
            let foreign = !other.record.failed
                && other.operation != look.operation
                && other.record.store == look.record.store;
            let Some(data) = meeting(&look.record.reads, &other.record.writes).filter(|_| foreign)
            else {
                continue;
            };
            let acts = said.iter().skip(between + 1).find(|act| {
                act.operation == look.operation
                    && act.record.store == look.record.store
                    && meeting(&act.record.writes, &look.record.reads).is_some()
            });
            if let Some(act) = acts {
                let blind = found_nothing(look.record)
                    && said.iter().any(|their_look| {
                        their_look.operation == other.operation
                            && their_look.step < other.step
                            && found_nothing(their_look.record)
                            && meeting(&their_look.record.reads, &other.record.writes).is_some()
                    });
                return Some(told(*look, *other, *act, data, blind, rule));
            }
        }
    }
    None
}

fn told(
    look: Said<'_>,
    other: Said<'_>,
    act: Said<'_>,
    data: &DataRecord,
    blind: bool,
    rule: &str,
) -> Crossing {
    let saw = match blind {
        true => say!("; both saw no row", "；两边都没有查到"),
        false => Say::default(),
    };
    let sentence = say!(
        "{theirs} came between {look} and {act}{saw}",
        "{theirs} 插在了 {look} 与 {act} 之间{saw}",
        theirs = name(other),
        look = name(look),
        act = name(act),
        saw = saw
    );
    let creates = found_nothing(look.record);
    let mechanism = match (creates, rule) {
        (true, rule) if rule.starts_with("ACC") || rule.starts_with("ERR") => {
            Mechanism::LookThenInsert
        }
        (true, rule) if rule.starts_with("CODE") => Mechanism::CodeSpentTwice,
        (true, _) => Mechanism::CheckThenAct,
        (false, rule) if rule.starts_with("CODE") => Mechanism::CodeSpentTwice,
        (false, rule) if rule.starts_with("KEY") => Mechanism::RowWrittenBack,
        (false, _) => Mechanism::ReadModifyWrite,
    };
    Crossing {
        mechanism,
        sentence,
        repair: repair(act.record, creates, rule, data),
        steps: vec![look.step, other.step, act.step],
    }
}

/// The repair of a read and of the write `act` that something came between, with the data they meet in.
fn repair(act: &StatementRecord, creates: bool, rule: &str, data: &DataRecord) -> Say {
    let (place, redis) = (place(data), is_command(act));
    // What came between the two statements of a fetch is another fetch: the store cannot merge two access_tokens.
    if rule.starts_with("AT") {
        return match redis {
            true => say!(
                "Repair here: let one request fetch, the one whose SET {key}:lock … NX is answered OK, while the others read {key} again; or ask cgi-bin/stable_token, which gives them all the same access_token.",
                "这里的修法：只让 SET {key}:lock … NX 成功的那个请求去获取，其他请求等着再读 {key}；或者改用 cgi-bin/stable_token，大家拿到的是同一个 access_token。",
                key = data.name
            ),
            false => say!(
                "Repair here: SELECT … FOR UPDATE of {place} around the fetch; or ask cgi-bin/stable_token, which gives everybody the same access_token.",
                "这里的修法：获取期间用 SELECT … FOR UPDATE 锁住 {place}；或者改用 cgi-bin/stable_token，大家拿到的是同一个 access_token。",
                place = place
            ),
        };
    }
    match (creates, redis) {
        (true, true) => say!(
            "Repair here: SET {key} … NX, and read what is there when it answers nil.",
            "这里的修法：SET {key} … NX；返回 nil 时再读已有的值。",
            key = data.name
        ),
        (true, false) if is_duplicate(act) => say!(
            "Repair here: the unique index on {place} is there, and its error is news: take it for \"somebody was faster\" and read the row, or insert with an upsert.",
            "这里的修法：{place} 上的唯一索引已经有了，它报的错就是消息：当作“别人先到了”，再读那一行；或者用 upsert 插入。",
            place = place
        ),
        (true, false) => say!(
            "Repair here: a unique index on {place}, and one upsert in place of the two statements.",
            "这里的修法：在 {place} 上建唯一索引，把两条语句合成一条 upsert。",
            place = place
        ),
        (false, true) => say!(
            "Repair here: one Lua script, or WATCH and MULTI, over {key}; or HSET of the one field that changes.",
            "这里的修法：对 {key} 用一个 Lua 脚本，或 WATCH + MULTI；或者只 HSET 真正变化的那个字段。",
            key = data.name
        ),
        (false, false) => say!(
            "Repair here: SELECT … FOR UPDATE and the write in one transaction over {place}, or UPDATE only the column that changes with a version in its WHERE.",
            "这里的修法：对 {place} 在同一个事务里 SELECT … FOR UPDATE 再写；或者只 UPDATE 变化的列，并在 WHERE 里带上版本号。",
            place = place
        ),
    }
}

/// A deletion that takes what another request has just inserted, by something wider than what was inserted.
fn deleted_by_user(said: &[Said<'_>]) -> Option<Crossing> {
    for (at, insert) in said.iter().enumerate() {
        let made = matches!(
            verb(insert.record),
            "INSERT" | "REPLACE" | "SET" | "HSET" | "HMSET" | "SADD"
        );
        let swept = said.iter().skip(at + 1).find(|delete| {
            matches!(verb(delete.record), "DELETE" | "DEL" | "UNLINK")
                && delete.operation != insert.operation
                && delete.record.store == insert.record.store
                && meeting(&delete.record.writes, &insert.record.writes).is_some()
        });
        let Some(delete) = swept.filter(|_| made) else {
            continue;
        };
        let begun = said
            .iter()
            .take(at)
            .any(|before| before.operation == delete.operation);
        let Some(data) = meeting(&delete.record.writes, &insert.record.writes).filter(|_| begun)
        else {
            continue;
        };
        return Some(Crossing {
            mechanism: Mechanism::DeleteByUser,
            sentence: say!(
                "{delete} took what {insert} had just written",
                "{delete} 把 {insert} 刚写入的删掉了",
                delete = name(*delete),
                insert = name(*insert)
            ),
            repair: say!(
                "Repair here: delete from {place} by the token that logs out, not by its person.",
                "这里的修法：在 {place} 里按退出登录的那个 token 删除，而不是按用户删除。",
                place = place(data)
            ),
            steps: vec![insert.step, delete.step],
        });
    }
    None
}

/// A lock that is let go by somebody who does not hold it any more.
fn foreign_lock(said: &[Said<'_>]) -> Option<Crossing> {
    let takes = |lock: &Said<'_>| {
        let words = || lock.record.text.split(' ');
        let nx = words().next() == Some("SETNX") || words().any(|word| word == "NX");
        nx && is_command(lock.record) && !found_nothing(lock.record)
    };
    for (at, first) in said.iter().enumerate().filter(|(_, lock)| takes(lock)) {
        let rest = &said[at + 1..];
        let second = rest.iter().position(|lock| {
            takes(lock)
                && lock.operation != first.operation
                && meeting(&lock.record.writes, &first.record.writes).is_some()
        });
        let Some(second) = second else { continue };
        let release = rest[second + 1..].iter().find(|release| {
            verb(release.record) == "DEL"
                && release.operation == first.operation
                && meeting(&release.record.writes, &first.record.writes).is_some()
        });
        if let Some(release) = release {
            let lock = &rest[second];
            return Some(Crossing {
                mechanism: Mechanism::LockWithoutFence,
                sentence: say!(
                    "{release} let go the lock that {lock} holds",
                    "{release} 释放的是 {lock} 持有的锁",
                    release = name(*release),
                    lock = name(*lock)
                ),
                repair: say!(
                    "Repair here: keep a random value in {key} and delete it by a script that compares it first.",
                    "这里的修法：在 {key} 里放一个随机值，用脚本先比较再删除。",
                    key = release
                        .record
                        .writes
                        .first()
                        .map(|data| data.name.clone())
                        .unwrap_or_default()
                ),
                steps: vec![first.step, lock.step, release.step],
            });
        }
    }
    None
}

/// The first word of a statement.
fn verb(record: &StatementRecord) -> &str {
    record.text.split([' ', '(']).next().unwrap_or_default()
}

/// Whether it is a command of Redis: its data are keys.
fn is_command(record: &StatementRecord) -> bool {
    let mut data = record.reads.iter().chain(&record.writes);
    data.any(DataRecord::is_key)
}

/// Whether the store refused it because a row of that value is there: MySQL's 1062, PostgreSQL's 23505.
fn is_duplicate(record: &StatementRecord) -> bool {
    let mut words = record.answer.split(' ').skip_while(|word| *word != "error");
    record.failed && matches!(words.nth(1), Some("1062" | "23505"))
}

/// Whether the store answered that there is nothing.
fn found_nothing(record: &StatementRecord) -> bool {
    matches!(
        record.answer.as_str(),
        "nil" | "0 rows" | "(nil)" | "0" | "empty" | "0 items" | "empty array"
    )
}

/// `P2's INSERT (wx_user)`, `P1's GET user:o1`.
fn name(said: Said<'_>) -> Say {
    let record = said.record;
    let mut data = record.writes.iter().chain(&record.reads);
    let what = match (is_command(record), data.next()) {
        (true, Some(data)) => format!("{} {}", verb(record), data.name),
        (false, Some(data)) => format!("{} ({})", verb(record), data.name),
        (_, None) => verb(record).to_owned(),
    };
    say!(
        "{phone}'s {what}",
        "{phone} 的 {what}",
        phone = said.phone,
        what = what
    )
}

/// `wx_user (openid)`, `user:o1`.
fn place(data: &DataRecord) -> String {
    match &data.row {
        Some((column, _)) if !data.is_key() => format!("{} ({column})", data.name),
        _ => data.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::JudgeContext;
    use wxmock_model::history::{Operation, StepKind, StepRecord};

    /// Whose, what, the data it reads, the data it writes, the answer. Data are `table`, `table.column=value` or `key:…`.
    type Line = (
        usize,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    );

    fn data(text: &str) -> Vec<DataRecord> {
        let one = |text: &str| match text.split_once('.') {
            Some((name, row)) => {
                let (column, value) = row.split_once('=').unwrap();
                DataRecord {
                    name: name.to_owned(),
                    row: Some((column.to_owned(), value.to_owned())),
                    field: None,
                }
            }
            None if text.contains(':') => DataRecord {
                name: text.to_owned(),
                row: Some((String::new(), text.to_owned())),
                field: None,
            },
            None => DataRecord {
                name: text.to_owned(),
                ..DataRecord::default()
            },
        };
        text.split(' ')
            .filter(|text| !text.is_empty())
            .map(one)
            .collect()
    }

    fn of(rule: &str, lines: &[Line]) -> Option<(Mechanism, String, String)> {
        let mut history = History::default();
        for phone in ["P1", "P2"] {
            history.operations.push(Operation {
                phone: phone.to_owned(),
                ..Operation::default()
            });
        }
        for (at, (operation, text, reads, writes, answer)) in lines.iter().enumerate() {
            history.statements.push(StatementRecord {
                name: format!("D{}a", operation + 1),
                store: "db".to_owned(),
                operation: Some(*operation),
                text: (*text).to_owned(),
                reads: data(reads),
                writes: data(writes),
                answer: (*answer).to_owned(),
                failed: answer.starts_with("error"),
                ..StatementRecord::default()
            });
            history.steps.push(StepRecord {
                kind: StepKind::Statement,
                statement: Some(at),
                operation: Some(*operation),
                ..StepRecord::default()
            });
        }
        let context = JudgeContext::default();
        let facts = Facts::new(&history, &context);
        let found = crossing(&facts, &Finding::must(rule, 0, say!("x", "x")))?;
        assert_eq!(
            found.steps.len(),
            if found.mechanism == Mechanism::DeleteByUser {
                2
            } else {
                3
            }
        );
        Some((found.mechanism, found.sentence.en, found.repair.en))
    }

    const LOOK: &str = "SELECT id FROM user WHERE openid = o1";
    const INSERT: &str = "INSERT INTO user (openid) VALUES (o1)";

    #[test]
    fn both_looked_and_both_inserted() {
        let lines: [Line; 4] = [
            (0, LOOK, "user.openid=o1", "", "0 rows"),
            (1, LOOK, "user.openid=o1", "", "0 rows"),
            (1, INSERT, "", "user", "1 affected"),
            (0, INSERT, "", "user", "1 affected"),
        ];
        let (mechanism, sentence, repair) = of("ACC-01", &lines).unwrap();
        assert_eq!(mechanism, Mechanism::LookThenInsert);
        assert_eq!(
            sentence,
            "P2's INSERT (user) came between P1's SELECT (user) and P1's INSERT (user); both saw no row"
        );
        assert!(
            repair.contains("a unique index on user (openid)"),
            "{repair}"
        );
        assert_eq!(of("CODE-01", &lines).unwrap().0, Mechanism::CodeSpentTwice);
        assert_eq!(of("KEY-04", &lines).unwrap().0, Mechanism::CheckThenAct);
        let (mechanism, _, repair) = of("AT-02", &lines).unwrap();
        assert_eq!(mechanism, Mechanism::CheckThenAct);
        assert!(repair.contains("cgi-bin/stable_token"), "{repair}");
        let mut refused = lines;
        refused[3].4 = "error 1062 Duplicate entry for key openid";
        let (_, _, repair) = of("ERR-05", &refused).unwrap();
        assert!(repair.contains("user (openid) is there"), "{repair}");
        assert_eq!(
            of("TOK-03", &lines),
            None,
            "it is about the bytes of an answer"
        );
    }

    #[test]
    fn one_after_the_other_nothing_crosses() {
        let lines: [Line; 3] = [
            (0, LOOK, "user.openid=o1", "", "0 rows"),
            (0, INSERT, "", "user", "1 affected"),
            (1, LOOK, "user.openid=o1", "", "1 row"),
        ];
        assert_eq!(of("ACC-01", &lines), None);
        // Another person's row.
        let others: [Line; 3] = [
            (0, LOOK, "user.openid=o1", "", "0 rows"),
            (1, INSERT, "", "user.openid=o2", "1 affected"),
            (0, INSERT, "", "user.openid=o1", "1 affected"),
        ];
        assert_eq!(of("ACC-01", &others), None);
    }

    #[test]
    fn a_row_is_written_back_over_a_newer_key() {
        let lines: [Line; 3] = [
            (0, "HGETALL profile:7", "profile:7", "", "4 items"),
            (1, "HSET profile:7 key k2", "", "profile:7", "0"),
            (0, "HSET profile:7 key k1 nick …", "", "profile:7", "1"),
        ];
        let (mechanism, sentence, repair) = of("KEY-04", &lines).unwrap();
        assert_eq!(mechanism, Mechanism::RowWrittenBack);
        assert_eq!(
            sentence,
            "P2's HSET profile:7 came between P1's HGETALL profile:7 and P1's HSET profile:7"
        );
        assert!(repair.contains("over profile:7"), "{repair}");
        assert_eq!(of("TOK-01", &lines).unwrap().0, Mechanism::ReadModifyWrite);
    }

    #[test]
    fn a_logout_takes_a_new_login_along() {
        let lines: [Line; 3] = [
            (
                0,
                "SELECT user_id FROM session WHERE token = t0",
                "session.token=t0",
                "",
                "1 row",
            ),
            (
                1,
                "INSERT INTO session VALUES (t1, …)",
                "",
                "session",
                "1 affected",
            ),
            (
                0,
                "DELETE FROM session WHERE user_id = …",
                "",
                "session.user_id=#1",
                "2 affected",
            ),
        ];
        // What the logout read is the row of its own token, which the insert does not touch.
        let mut narrow = lines;
        narrow[1].3 = "session.token=t1";
        let (mechanism, sentence, repair) = of("TOK-01", &narrow).unwrap();
        assert_eq!(mechanism, Mechanism::DeleteByUser);
        assert_eq!(
            sentence,
            "P1's DELETE (session) took what P2's INSERT (session) had just written"
        );
        assert!(repair.contains("session (user_id)"), "{repair}");
    }

    #[test]
    fn a_lock_is_let_go_by_somebody_else() {
        let lines: [Line; 3] = [
            (0, "SET lock:o1 … NX PX …", "", "lock:o1", "OK"),
            (1, "SET lock:o1 … NX PX …", "", "lock:o1", "OK"),
            (0, "DEL lock:o1", "", "lock:o1", "1"),
        ];
        let (mechanism, sentence, _) = of("ACC-01", &lines).unwrap();
        assert_eq!(mechanism, Mechanism::LockWithoutFence);
        assert_eq!(
            sentence,
            "P1's DEL lock:o1 let go the lock that P2's SET lock:o1 holds"
        );
    }
}
