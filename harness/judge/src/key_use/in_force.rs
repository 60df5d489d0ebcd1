//! KEY-04: which key is in force when everything has come to rest.

use super::helpfulness::describe;
use super::recovery::opened;
use crate::context::KeyStorage;
use crate::facts::{Facts, honest, is_login, is_look, is_probe, looks, said};
use crate::finding::Finding;
use wxmock_model::history::{KeyRecord, Operation, Outcome, ReloginCause, StepKind, Tick};
use wxmock_model::say;
use wxmock_model::verdict::Level;

/// KEY-04: at rest the newest key is the one in force, provided the backend was ever given it.
pub(crate) fn key_04(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.settled() || facts.context.declared.key_storage != KeyStorage::Server {
        return Vec::new();
    }
    facts
        .history
        .keys
        .iter()
        .filter_map(|key| lost_update(facts, key))
        .collect()
}

/// The finding about `key`, if at some moment of rest it was the newest, had been delivered, and did not open.
fn lost_update(facts: &Facts<'_>, key: &KeyRecord) -> Option<Finding> {
    key.delivered?;
    let trials: Vec<(usize, &Operation)> = facts
        .operations()
        .filter(|(index, op)| tries_newest(facts, *index, op, key))
        .collect();
    if trials.iter().any(|(_, op)| opened(facts, op)) {
        return None;
    }
    let refusals: Vec<(usize, &Operation)> = trials
        .into_iter()
        .filter(|(_, op)| !matches!(op.answer.outcome, Outcome::Ok | Outcome::Indefinite))
        .collect();
    let (index, op) = refusals
        .iter()
        .find(|(_, op)| op.answer.outcome != Outcome::Relogin)
        .or_else(|| refusals.first())?;
    let level = if op.answer.outcome == Outcome::Relogin {
        Level::Should
    } else {
        Level::Must
    };
    let older = older_in_force(facts, key);
    let held = match older {
        Some(no) => say!(
            "the older k{no} is in force instead",
            "生效的却是旧的 k{no}",
            no = no
        ),
        None => say!("it is not in force", "却没有生效"),
    };
    let sentence = say!(
        "At rest, WeChat's newest key of {user} is k{no} and the backend was given it, but {held}: {who} sent {payload} and got {got}.",
        "请求全部结束后，{user} 在微信的最新 session_key 是 k{no}，后端也收到过，{held}：{who} 发送加密数据 {payload}，结果：{got}。",
        user = key.user,
        no = key.no,
        held = held,
        who = facts.who(op),
        payload = facts.payload(op).map(describe).unwrap_or_default(),
        got = said(&op.answer),
    );
    let finding = Finding::must("KEY-04", *index, sentence)
        .at(level)
        .steps(facts.ends_of(*index));
    let finding = looks(facts, op).into_iter().fold(finding, Finding::because);
    Some(explain_lost_update(facts, finding, key, older, op.called))
}

/// Whether `op` asks, at rest, for a payload under `key` with the session of the login that brought `key`.
fn tries_newest(facts: &Facts<'_>, index: usize, op: &Operation, key: &KeyRecord) -> bool {
    let Some(payload) = facts.payload(op) else {
        return false;
    };
    let newest = facts
        .newest_key(&key.user, op.called)
        .is_some_and(|newest| newest.no == key.no);
    let given = facts.last_delivery(&key.user, key.no, op.called).is_some();
    let fits = !is_login(op)
        && honest(payload)
        && payload.user == key.user
        && payload.key_no == Some(key.no)
        && op.token_of.as_deref() == Some(key.user.as_str());
    let calm = facts.at_rest(&key.user, index) && !facts.faulted(index);
    if !(newest && given && fits && calm) {
        return false;
    }
    let session = match facts.login_of_token(op) {
        Some(login) => facts.keys_of_login(login).contains(&key.no),
        None => {
            is_probe(op) && op.token_name.is_none() && anyone_got_in_with(facts, key, op.called)
        }
    };
    let altered = !op.alterations.is_empty();
    // A key that comes into force after the login was answered was not in force.
    session
        && !is_look(op)
        && !altered
        && !op.tried_again
        && !facts.logged_out(op)
        && !facts.key_disturbed(&key.user, key.issued, op.called)
        && !dropped_by_probing(facts, op, key)
        && !facts.is_locked_out(op)
        && !facts.refused_as_replaced(op)
}

/// Whether some login that brought `key` was answered ok: a login the phone was told failed obliges to nothing.
fn anyone_got_in_with(facts: &Facts<'_>, key: &KeyRecord, before: Tick) -> bool {
    facts.logins().any(|(index, login)| {
        login.user == key.user
            && login.answer.outcome == Outcome::Ok
            && login.returned.is_some_and(|at| at < before)
            && facts.keys_of_login(index).contains(&key.no)
    })
}

/// A backend may end a session that sent something it could not open; what follows says nothing about its keys.
fn dropped_by_probing(facts: &Facts<'_>, op: &Operation, key: &KeyRecord) -> bool {
    op.answer.outcome == Outcome::Relogin
        && facts.operations().any(|(_, other)| {
            other.called < op.called
                && other.token_of == op.token_of
                && other.token_name == op.token_name
                && other.answer.outcome != Outcome::Ok
                && facts
                    .payload(other)
                    .is_some_and(|payload| !honest(payload) || payload.key_no != Some(key.no))
        })
}

/// Keys of `key.user` the probes found accepted while `key` was the newest; `None` if nothing was probed.
fn accepted(facts: &Facts<'_>, key: &KeyRecord) -> Option<Vec<u32>> {
    let probes: Vec<_> = facts
        .operations()
        .filter(|(_, op)| is_probe(op) && !is_look(op))
        .filter(|(_, op)| {
            facts
                .newest_key(&key.user, op.called)
                .is_some_and(|newest| newest.no == key.no)
        })
        .filter_map(|(_, op)| {
            facts
                .payload(op)
                .filter(|payload| payload.user == key.user)
                .map(|payload| (op, payload))
        })
        .collect();
    // A dead token says nothing of keys.
    let is_dead = |op: &Operation| {
        op.answer.relogin == Some(ReloginCause::Token) || {
            let mut asked = facts.operations();
            op.token_name.is_some()
                && asked.any(|(_, other)| {
                    other.op == "whoami"
                        && other.token_name == op.token_name
                        && matches!(other.answer.outcome, Outcome::Relogin | Outcome::Denied)
                })
        }
    };
    if probes.iter().all(|(op, _)| is_dead(op)) {
        return None;
    }
    let mut keys: Vec<u32> = probes
        .iter()
        .filter(|(op, _)| opened(facts, op))
        .filter_map(|(_, payload)| payload.key_no)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    Some(keys)
}

/// The older key that probes found in force instead of `key`.
fn older_in_force(facts: &Facts<'_>, key: &KeyRecord) -> Option<u32> {
    accepted(facts, key)?
        .into_iter()
        .filter(|no| *no < key.no)
        .max()
}

/// The older key whose reply came last, if that was after the reply with `key`.
fn delivered_after(facts: &Facts<'_>, key: &KeyRecord, at: Tick) -> Option<u32> {
    let newest = facts.last_delivery(&key.user, key.no, at)?.1.released;
    (1..key.no)
        .filter_map(|no| {
            facts
                .last_delivery(&key.user, no, at)
                .map(|(_, call)| (no, call.released))
        })
        .filter(|(_, released)| *released > newest)
        .max_by_key(|(_, released)| *released)
        .map(|(no, _)| no)
}

fn explain_lost_update(
    facts: &Facts<'_>,
    mut finding: Finding,
    key: &KeyRecord,
    older: Option<u32>,
    at: Tick,
) -> Finding {
    let no = key.no;
    let rival = older
        .or_else(|| delivered_after(facts, key, at))
        .or_else(|| no.checked_sub(1).filter(|no| *no > 0));
    let issued = facts.issue_step(key);
    finding = finding.steps(issued);
    if let Some(before) = rival.and_then(|rival| facts.key(&key.user, rival)) {
        finding = finding.because(say!(
            "k{no} replaced k{before} at WeChat: k{no} was issued at {place}, after k{before} at {earlier}.",
            "在微信那边，k{no} 取代了 k{before}：k{before} 在{earlier}签发，k{no} 随后在{place}签发。",
            no = no,
            before = before.no,
            place = facts.place(issued),
            earlier = facts.place(facts.issue_step(before)),
        ));
    }
    if let Some((newest, newest_call)) = facts.last_delivery(&key.user, no, at) {
        let arrived = facts.call_step(newest, StepKind::Reply);
        let late = rival.and_then(|rival| {
            facts
                .last_delivery(&key.user, rival, at)
                .map(|found| (rival, found))
        });
        finding = finding.steps(arrived);
        finding = match late {
            Some((rival, (call, reply))) if reply.released > newest_call.released => {
                let step = facts.call_step(call, StepKind::Reply);
                finding.steps(step).because(say!(
                    "However, the backend behaves as if k{rival} replaced k{no}: k{rival} reached it at {place}, after k{no} at {earlier}.",
                    "可是后端的表现像是 k{rival} 取代了 k{no}：k{no} 在{earlier}就到了，迟到的 k{rival} 到{place}才到。",
                    rival = rival,
                    no = no,
                    place = facts.place(step),
                    earlier = facts.place(arrived),
                ))
            }
            _ => finding.because(say!(
                "However, the backend does not use k{no}, which reached it last, at {place}.",
                "可是最后到达后端的就是 k{no}（{place}），后端却没有用它。",
                no = no,
                place = facts.place(arrived)
            )),
        };
    }
    match accepted(facts, key) {
        Some(keys) => {
            let list: Vec<String> = keys.iter().map(|no| format!("k{no}")).collect();
            finding.because(say!(
                "Probes: the backend accepts {{{list}}}; it should accept k{no}.",
                "逐把 key 试过：后端能解的是 {{{list}}}，而它应当能解 k{no}。",
                list = list.join(", "),
                no = no
            ))
        }
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JudgeContext;
    use crate::context::Declared;
    use crate::judge;
    use crate::judged::broken;
    use wxmock_histories::{Builder, lost_update};
    use wxmock_model::history::{Ending, History};

    fn check(history: &History, rules: &[&str]) {
        assert_eq!(broken(history, &JudgeContext::default()), rules);
    }

    #[test]
    fn key_04_is_a_must_without_relogin_and_a_should_with_it() {
        let found = judge(
            &lost_update(Outcome::ServerError, &[1]),
            &JudgeContext::default(),
        );
        let rules: Vec<(&str, Level)> = found
            .iter()
            .map(|found| (found.rule.as_str(), found.level))
            .collect();
        assert_eq!(rules, [("KEY-04", Level::Must), ("KEY-02", Level::Must)]);
        let found = judge(
            &lost_update(Outcome::Relogin, &[1]),
            &JudgeContext::default(),
        );
        let rules: Vec<(&str, Level)> = found
            .iter()
            .map(|found| (found.rule.as_str(), found.level))
            .collect();
        assert_eq!(rules, [("KEY-04", Level::Should)]);
    }

    #[test]
    fn key_04_explains_itself_as_a_contradiction() {
        let found = judge(
            &lost_update(Outcome::ServerError, &[1]),
            &JudgeContext::default(),
        );
        insta::assert_json_snapshot!("lost_update", found[0]);
    }

    #[test]
    fn key_04_spares_a_store_that_opens_the_newest_key() {
        check(&lost_update(Outcome::Ok, &[1, 2]), &[]);
        check(&lost_update(Outcome::Ok, &[2]), &[]);
    }

    #[test]
    fn key_04_spares_a_key_the_backend_never_got() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.mint("P1", "c2", Some(2));
        let p = b.capture("P1", "p", 2);
        b.send_gets("P1", p, "t1", Outcome::Relogin);
        check(&b.history, &[]);
    }

    #[test]
    fn key_04_spares_a_login_the_phone_was_told_failed() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let two = b.submit("P1", "c2");
        let call = b.commit(two, 2);
        b.reply(call);
        b.answer(two, Outcome::RetryLater);
        let p = b.capture("P1", "p", 2);
        b.send_gets("P1", p, "t1", Outcome::Relogin);
        check(&b.history, &[]);
    }

    #[test]
    fn key_04_spares_backends_that_keep_no_key_and_orders_not_forced_to_their_end() {
        let history = lost_update(Outcome::Relogin, &[1]);
        let declared = Declared {
            key_storage: KeyStorage::None,
            ..Declared::default()
        };
        assert!(
            judge(
                &history,
                &JudgeContext {
                    declared,
                    ..JudgeContext::default()
                }
            )
            .is_empty()
        );
        assert!(
            judge(
                &history,
                &JudgeContext {
                    control: true,
                    ..JudgeContext::default()
                }
            )
            .is_empty()
        );
        let mut cut = lost_update(Outcome::ServerError, &[1]);
        cut.ending = Ending::HoldBudget { at: "R1".into() };
        check(&cut, &[]);
    }

    #[test]
    fn key_04_spares_a_declared_replacement_but_not_a_crash_under_it() {
        let declared = Declared {
            replaces_sessions: true,
            ..Declared::default()
        };
        let context = JudgeContext {
            declared,
            ..JudgeContext::default()
        };
        assert!(judge(&lost_update(Outcome::Relogin, &[1]), &context).is_empty());
        assert_eq!(
            broken(&lost_update(Outcome::ServerError, &[1]), &context),
            ["KEY-04", "KEY-02"]
        );
    }

    #[test]
    fn key_04_spares_a_session_dropped_after_a_payload_it_could_not_open() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let old = b.capture("P1", "old", 1);
        b.login("P1", "c2", 2, "t2");
        b.send_gets("P1", old, "t2", Outcome::Relogin);
        let new = b.capture("P1", "new", 2);
        b.send_gets("P1", new, "t2", Outcome::Relogin);
        check(&b.history, &[]);
    }

    /// A login and a send under its key that gets relogin, with `between` in between.
    fn relogin_after(between: impl FnOnce(&mut Builder)) -> Vec<Level> {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        between(&mut b);
        let p = b.capture("P1", "p", 1);
        b.send_gets("P1", p, "t1", Outcome::Relogin);
        let found = judge(&b.history, &JudgeContext::default());
        found.iter().map(|found| found.level).collect()
    }

    #[test]
    fn key_04_spares_a_key_the_scenario_ended() {
        assert_eq!(relogin_after(|_| ()), [Level::Should]);
        for verb in ["expire-key A", "reset-key A", "rotate-key A"] {
            let ended = relogin_after(|b| {
                b.world(verb);
            });
            assert_eq!(ended, [], "{verb}");
        }
        let other = relogin_after(|b| {
            b.world("expire-key B");
        });
        assert_eq!(other, [Level::Should]);
    }

    #[test]
    fn key_04_spares_a_session_that_was_logged_out() {
        let out = |token: &'static str| {
            relogin_after(|b| {
                b.login("P1", "c2", 1, "t2");
                let out = b.whoami("P1", token, Outcome::Ok, None);
                b.history.operations[out].op = "logout".into();
            })
        };
        assert_eq!(out("t1"), []);
        assert_eq!(out("t2"), [Level::Should]);
    }

    #[test]
    fn a_declared_replacement_excuses_what_comes_after_it() {
        let context = JudgeContext {
            declared: Declared {
                replaces_sessions: true,
                ..Declared::default()
            },
            ..JudgeContext::default()
        };
        let found = |later_login_first: bool| {
            let mut b = Builder::new();
            if later_login_first {
                b.login("P2", "c2", 1, "t2");
            }
            b.login("P1", "c1", 1, "t1");
            if !later_login_first {
                b.login("P2", "c2", 1, "t2");
            }
            let p = b.capture("P1", "p", 1);
            b.send_gets("P1", p, "t1", Outcome::Relogin);
            judge(&b.history, &context).len()
        };
        assert_eq!(found(false), 0);
        assert_eq!(found(true), 1);
        // Answered after the question: it has replaced nothing yet.
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let p = b.capture("P1", "p", 1);
        b.send_gets("P1", p, "t1", Outcome::Relogin);
        b.login("P2", "c2", 1, "t2");
        assert_eq!(judge(&b.history, &context).len(), 1);
    }

    #[test]
    fn only_an_older_key_is_said_to_be_in_force_instead() {
        let sentence = |accepted: u32| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            b.login("P1", "c2", 2, "t2");
            let p = b.capture("P1", "p", 2);
            b.send_gets("P1", p, "t2", Outcome::ServerError);
            b.phase(wxmock_model::history::Phase::Probe);
            // With the other session, so that it says nothing about this one.
            let probe = b.capture("P1", "probe", accepted);
            b.send_gets("P1", probe, "t1", Outcome::Ok);
            let found = judge(&b.history, &JudgeContext::default());
            let key_04 = found.into_iter().find(|found| found.rule == "KEY-04");
            key_04.map(|found| found.sentence).unwrap_or_default()
        };
        assert!(sentence(1).contains("the older k1 is in force instead"));
        assert!(sentence(2).contains("it is not in force"));
    }

    #[test]
    fn a_call_the_backend_gave_up_on_does_not_keep_it_from_rest() {
        let given_up = |answered: bool| {
            let mut b = Builder::new();
            let one = b.submit("P2", "c1");
            b.commit(one, 1);
            if answered {
                b.answer(one, Outcome::RetryLater);
            }
            b.login("P1", "c2", 2, "t2");
            let p = b.capture("P1", "p", 2);
            b.send_gets("P1", p, "t2", Outcome::Relogin);
            let found = judge(&b.history, &JudgeContext::default());
            found.iter().any(|found| found.rule == "KEY-04")
        };
        assert!(given_up(true));
        assert!(!given_up(false));
    }

    #[test]
    fn a_second_look_explains_a_lost_key_and_does_not_excuse_it() {
        use wxmock_model::history::{Phase, Purpose};
        let found = |looks: [Outcome; 2]| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let p = b.capture("P1", "p", 1);
            b.send_gets("P1", p, "t1", Outcome::Relogin);
            b.phase(Phase::Probe);
            for (purpose, outcome) in [Purpose::SecondTry, Purpose::LaterLook]
                .into_iter()
                .zip(looks)
            {
                let look = b.send_gets("P1", p, "t1", outcome);
                b.history.operations[look].purpose = purpose;
            }
            let found = judge(&b.history, &JudgeContext::default());
            found.iter().for_each(crate::judged::told_alike);
            assert_eq!(found.len(), 1, "{found:?}");
            found[0].because.join(" ")
        };
        assert!(found([Outcome::Relogin, Outcome::Ok]).contains("the key is written after"));
        assert!(found([Outcome::Ok, Outcome::Relogin]).contains("the answers alternate"));
        assert!(found([Outcome::Ok, Outcome::Ok]).contains("Sent again at once it opened"));
        assert!(!found([Outcome::Relogin, Outcome::Relogin]).contains("Sent again"));
    }
}
