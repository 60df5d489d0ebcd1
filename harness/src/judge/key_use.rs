//! KEY-01 to KEY-04: whose data a ciphertext opens to, what a phone is told when it does not open, whether a new
//! login heals, and which key is in force when everything has come to rest.

use crate::history::{Forgery, KeyRecord, Operation, Outcome, PayloadRecord, StepKind, Tick};
use crate::judge::context::KeyStorage;
use crate::judge::facts::{
    Facts, Plaintext, failed, honest, is_login, is_probe, plaintext, said, shows, word,
};
use crate::judge::finding::Finding;
use crate::verdict::Level;

/// KEY-01: nobody gets another person's data, and nothing forged is accepted.
pub(crate) fn key_01(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, op) in facts
        .operations()
        .filter(|(_, op)| op.answer.outcome == Outcome::Ok)
    {
        if let Some(payload) = facts.payload(op) {
            found.extend(accepted_wrongly(facts, index, op, payload));
        }
    }
    found.extend(strange_accounts(facts));
    found
}

fn accepted_wrongly(
    facts: &Facts<'_>,
    index: usize,
    op: &Operation,
    payload: &PayloadRecord,
) -> Option<Finding> {
    let holder = session_owner(op);
    let sentence = if let Some(forgery) = payload.forgery {
        format!(
            "{} sent {}: {}; the backend answered ok.",
            facts.who(op),
            payload.name,
            forged(forgery)
        )
    } else if payload.key_no.is_none() {
        format!(
            "{} sent {}: {}; the backend answered ok.",
            facts.who(op),
            payload.name,
            forged(Forgery::NeverIssuedKey)
        )
    } else if holder.is_some_and(|holder| holder != payload.user) {
        format!(
            "{} sent {}, which holds data of {}, with a session of {}; the backend answered ok.",
            facts.who(op),
            payload.name,
            payload.user,
            holder.unwrap_or_default(),
        )
    } else {
        let seen = op.answer.plaintext.as_deref()?.trim();
        let other = facts.history.payloads.iter().find(|other| {
            other.user != payload.user && shows(seen, &other.mark) && !shows(seen, &payload.mark)
        })?;
        format!(
            "{} sent {}, which holds data of {}; the backend answered with the data of {}.",
            facts.who(op),
            payload.name,
            payload.user,
            other.user,
        )
    };
    Some(Finding::must("KEY-01", index, sentence).steps(facts.ends_of(index)))
}

const fn forged(forgery: Forgery) -> &'static str {
    match forgery {
        Forgery::NeverIssuedKey => "it is sealed under a key WeChat never issued",
        Forgery::OtherAppWatermark => "its watermark names another mini program",
        Forgery::BentIv => "its iv was bent so that the openId reads differently",
        Forgery::ForeignOpenid => "the openId inside is another person's",
    }
}

/// Whose session an operation acts in: the token's owner, or the person who logs in.
fn session_owner(op: &Operation) -> Option<&str> {
    if is_login(op) {
        Some(op.user.as_str())
    } else {
        op.token_of.as_deref()
    }
}

/// Answers that name an account which logins gave to somebody else, and logins of two people into one account.
fn strange_accounts(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut owners: Vec<(&str, &str, usize)> = Vec::new();
    for (index, op) in facts
        .logins()
        .filter(|(_, op)| op.answer.outcome == Outcome::Ok)
    {
        let Some(id) = op.answer.user_id.as_deref() else {
            continue;
        };
        match owners.iter().find(|(known, user, _)| *known == id && *user != op.user) {
            Some((_, other, first)) => found.push(
                Finding::must(
                    "KEY-01",
                    index,
                    format!("{other} and {} are two people, and both logins ended in the account {id:?}.", op.user),
                )
                .because(format!("{other} got it at {}.", facts.place(facts.step_of(*first, StepKind::Answer))))
                .because(format!("{} got it at {}.", op.user, facts.place(facts.step_of(index, StepKind::Answer))))
                .steps(facts.ends_of(*first))
                .steps(facts.ends_of(index)),
            ),
            None => owners.push((id, &op.user, index)),
        }
    }
    for (index, op) in facts
        .operations()
        .filter(|(_, op)| op.answer.outcome == Outcome::Ok && !is_login(op))
    {
        let (Some(id), Some(owner)) = (op.answer.user_id.as_deref(), op.token_of.as_deref()) else {
            continue;
        };
        let own = owners
            .iter()
            .any(|(known, user, _)| *known == id && *user == owner);
        let other = owners
            .iter()
            .find(|(known, user, _)| *known == id && *user != owner);
        if let (false, Some((_, other, first))) = (own, other) {
            found.push(
                Finding::must(
                    "KEY-01",
                    index,
                    format!(
                        "{} asked with a token of {owner}; the backend answered as {other}.",
                        facts.who(op)
                    ),
                )
                .because(format!(
                    "The account {id:?} was given to {other} at {}.",
                    facts.place(facts.step_of(*first, StepKind::Answer))
                ))
                .steps(facts.ends_of(index)),
            );
        }
    }
    found
}

/// KEY-02: every honest ciphertext ends in its own plaintext or in `relogin`.
///
/// The harness's probes are left out: they ask what the store holds, and a store may well hold one key.
pub(crate) fn key_02(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.settled() {
        return Vec::new();
    }
    facts
        .operations()
        .filter(|(_, op)| !is_probe(op))
        .filter_map(|(index, op)| {
            let payload = facts.payload(op).filter(|payload| honest(payload))?;
            (session_owner(op) == Some(payload.user.as_str())).then_some(())?;
            unhelpful(facts, index, op, payload)
        })
        .collect()
}

fn unhelpful(
    facts: &Facts<'_>,
    index: usize,
    op: &Operation,
    payload: &PayloadRecord,
) -> Option<Finding> {
    let outcome = op.answer.outcome;
    let sentence = match outcome {
        Outcome::Relogin | Outcome::Indefinite => return None,
        Outcome::Ok => {
            let seen = op.answer.plaintext.as_deref()?;
            if plaintext(&op.answer, payload) == Plaintext::Right
                || is_someone_elses(facts, seen, payload)
            {
                return None;
            }
            format!(
                "{} sent {}; the backend answered ok with something that is not in it.",
                facts.who(op),
                payload.name
            )
        }
        Outcome::RetryLater | Outcome::Denied | Outcome::Invalid | Outcome::ServerError => {
            if excused(facts, index, op) {
                return None;
            }
            format!(
                "{} sent {} and got {}; an honest payload ends in its plaintext or in relogin.",
                facts.who(op),
                describe(payload),
                said(&op.answer),
            )
        }
    };
    let mut finding = Finding::must("KEY-02", index, sentence).steps(facts.ends_of(index));
    if let Some(no) = payload.key_no {
        finding = finding.because(key_history(facts, payload, no, op.called));
    }
    if outcome != Outcome::Ok {
        finding = finding.because(format!(
            "Only relogin tells the phone to log in and capture again; {} leaves it with a payload that will never open.",
            word(outcome)
        ));
    }
    Some(finding)
}

/// KEY-01 reports this one.
fn is_someone_elses(facts: &Facts<'_>, seen: &str, payload: &PayloadRecord) -> bool {
    facts
        .history
        .payloads
        .iter()
        .any(|other| other.user != payload.user && shows(seen.trim(), &other.mark))
}

/// A refusal that another fact of the history explains.
fn excused(facts: &Facts<'_>, index: usize, op: &Operation) -> bool {
    let upstream_failed = facts
        .calls_of(index)
        .iter()
        .any(|(_, call)| failed(call) || call.fault.is_some());
    let altered = op.label.contains("transport=") || op.label.contains("extra=");
    let refused = matches!(op.answer.outcome, Outcome::Invalid | Outcome::Denied);
    upstream_failed || facts.logged_out(op) || (altered && refused)
}

fn describe(payload: &PayloadRecord) -> String {
    match payload.key_no {
        Some(no) => format!("{} (sealed under k{no})", payload.name),
        None => payload.name.clone(),
    }
}

/// Whether and when the key of a payload had reached the backend.
fn key_history(facts: &Facts<'_>, payload: &PayloadRecord, no: u32, at: Tick) -> String {
    match facts.last_delivery(&payload.user, no, at) {
        Some((call, _)) => format!(
            "{} was sealed under k{no}, and k{no} had reached the backend at {}.",
            payload.name,
            facts.place(facts.call_step(call, StepKind::Reply)),
        ),
        None => format!(
            "{} was sealed under k{no}, and k{no} never reached the backend; it cannot decrypt, but it can say relogin.",
            payload.name
        ),
    }
}

/// KEY-03: after `relogin`, one clean login and a new capture succeed.
pub(crate) fn key_03(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.settled() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, op) in facts.operations().filter(|(_, op)| !is_probe(op)) {
        let recovery = op.label.starts_with("recover");
        if is_login(op) {
            if recovery && refused_recovery(facts, index, op) {
                found.push(
                    Finding::must(
                        "KEY-03",
                        index,
                        format!(
                            "{} logged in alone with a fresh code after the race and got {}.",
                            facts.who(op),
                            said(&op.answer)
                        ),
                    )
                    .steps(facts.ends_of(index)),
                );
            }
            continue;
        }
        let Some(login) = clean_login_of(facts, index, op) else {
            continue;
        };
        let relogin = asked_to_login(facts, op, login);
        if (recovery || relogin.is_some())
            && !opened(facts, op)
            && op.answer.outcome != Outcome::Indefinite
        {
            let mut finding = Finding::must(
                "KEY-03",
                index,
                format!(
                    "{} logged in again, alone, captured anew and sent; it got {} instead of its data.",
                    facts.who(op),
                    said(&op.answer)
                ),
            )
            .steps(facts.ends_of(index));
            if let Some(first) = relogin {
                finding = finding.because(format!(
                    "The backend asked for a new login at {}.",
                    facts.place(facts.step_of(first, StepKind::Answer))
                ));
            }
            found.push(finding.because(format!(
                "That login ended at {}, with nothing else of {} in flight, and brought the key the new payload is sealed under.",
                facts.place(facts.step_of(login, StepKind::Answer)),
                op.user,
            )));
        }
    }
    found
}

fn refused_recovery(facts: &Facts<'_>, index: usize, op: &Operation) -> bool {
    let upstream_failed = facts
        .calls_of(index)
        .iter()
        .any(|(_, call)| failed(call) || call.fault.is_some());
    let stale_payload = facts.payload(op).is_some_and(|payload| {
        let newest = facts
            .newest_key(&op.user, op.returned.unwrap_or(op.called))
            .map(|key| key.no);
        payload.key_no != newest
    });
    !matches!(op.answer.outcome, Outcome::Ok | Outcome::Indefinite)
        && !upstream_failed
        && !stale_payload
}

fn opened(facts: &Facts<'_>, op: &Operation) -> bool {
    op.answer.outcome == Outcome::Ok
        && facts
            .payload(op)
            .is_none_or(|payload| plaintext(&op.answer, payload) == Plaintext::Right)
}

/// The login behind `op`, if it ran alone, brought the newest key, and `op` sends a payload captured under it.
fn clean_login_of(facts: &Facts<'_>, index: usize, op: &Operation) -> Option<usize> {
    let payload = facts
        .payload(op)
        .filter(|payload| honest(payload) && payload.user == op.user)?;
    let login = facts.login_of_token(op)?;
    let begun = facts.history.operations[login].called;
    let newest = facts.newest_key(&op.user, op.called)?.no;
    let alone = facts.at_rest(&op.user, login)
        && facts.operations().all(|(other, o)| {
            other == login
                || other == index
                || o.user != op.user
                || o.called < begun
                || o.called > op.called
        });
    let fresh = payload.key_no == Some(newest) && facts.keys_of_login(login).contains(&newest);
    let calm = !facts.faulted(login)
        && !facts.faulted(index)
        && !facts.logged_out(op)
        && !op.label.contains("transport=");
    (alone && fresh && calm && op.token_of.as_deref() == Some(op.user.as_str())).then_some(login)
}

/// The operation that was answered `relogin` before `login` began.
fn asked_to_login(facts: &Facts<'_>, op: &Operation, login: usize) -> Option<usize> {
    let begun = facts.history.operations[login].called;
    facts
        .operations()
        .filter(|(_, o)| o.user == op.user && o.answer.outcome == Outcome::Relogin)
        .filter(|(_, o)| o.returned.is_some_and(|at| at < begun))
        .map(|(index, _)| index)
        .last()
}

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
        Some(no) => format!("the older k{no} is in force instead"),
        None => "it is not in force".to_owned(),
    };
    let sentence = format!(
        "At rest, WeChat's newest key of {} is k{} and the backend was given it, but {held}: {} sent {} and got {}.",
        key.user,
        key.no,
        facts.who(op),
        facts.payload(op).map_or_else(String::new, describe),
        said(&op.answer),
    );
    let finding = Finding::must("KEY-04", *index, sentence)
        .at(level)
        .steps(facts.ends_of(*index));
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
    let altered = op.label.contains("transport=") || op.label.contains("extra=");
    session
        && !altered
        && !facts.logged_out(op)
        && !facts.key_disturbed(&key.user, key.issued, op.called)
        && !dropped_by_probing(facts, op, key)
        && !replaced_by_declaration(facts, op)
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

/// With `multi_device = "replace"` the session of a login ends when another login of that person is answered later;
/// relogin is then what was declared.
fn replaced_by_declaration(facts: &Facts<'_>, op: &Operation) -> bool {
    let own = facts.login_of_token(op);
    let begun = own.and_then(|login| facts.history.operations[login].returned);
    facts.context.declared.replaces_sessions
        && op.answer.outcome == Outcome::Relogin
        && facts.logins().any(|(index, other)| {
            Some(index) != own
                && Some(other.user.as_str()) == op.token_of.as_deref()
                && other.answer.outcome == Outcome::Ok
                && other.returned > begun
                && other.returned < Some(op.called)
        })
}

/// Keys of `key.user` the probes found accepted while `key` was the newest; `None` if nothing was probed.
fn accepted(facts: &Facts<'_>, key: &KeyRecord) -> Option<Vec<u32>> {
    let probes: Vec<_> = facts
        .operations()
        .filter(|(_, op)| is_probe(op))
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
    if probes.is_empty() {
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
        finding = finding.because(format!(
            "k{no} replaced k{} at WeChat: k{no} was issued at {}, after k{} at {}.",
            before.no,
            facts.place(issued),
            before.no,
            facts.place(facts.issue_step(before)),
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
                finding.steps(step).because(format!(
                    "However, the backend behaves as if k{rival} replaced k{no}: k{rival} reached it at {}, after k{no} at {}.",
                    facts.place(step),
                    facts.place(arrived),
                ))
            }
            _ => finding.because(format!(
                "However, the backend does not use k{no}, which reached it last, at {}.",
                facts.place(arrived)
            )),
        };
    }
    match accepted(facts, key) {
        Some(keys) => {
            let list: Vec<String> = keys.iter().map(|no| format!("k{no}")).collect();
            finding.because(format!(
                "Probes: the backend accepts {{{}}}; it should accept k{no}.",
                list.join(", ")
            ))
        }
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Ending, History, Phase};
    use crate::judge::builder::{Builder, broken, lost_update};
    use crate::judge::context::{Declared, JudgeContext};
    use crate::judge::judge;
    use crate::scenario::FaultEffect;

    fn check(history: &History, rules: &[&str]) {
        assert_eq!(broken(history, &JudgeContext::default()), rules);
    }

    /// A logs in, B logs in.
    fn two_people() -> Builder {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.login("Q1", "d1", 1, "u1");
        b
    }

    #[test]
    fn key_01_catches_the_data_of_another_person() {
        let mut b = two_people();
        b.capture("Q1", "q", 1);
        let p = b.capture("P1", "p", 1);
        let op = b.send("P1", p, "t1");
        b.answer(op, Outcome::Ok).plaintext = Some("mark-q".into());
        check(&b.history, &["KEY-01"]);
    }

    #[test]
    fn key_01_catches_a_payload_opened_in_another_persons_session() {
        let mut b = two_people();
        let p = b.capture("P1", "p", 1);
        b.send_gets("P1", p, "u1", Outcome::Ok);
        check(&b.history, &["KEY-01"]);
    }

    #[test]
    fn key_01_catches_every_forgery_that_is_accepted() {
        for forgery in [
            Forgery::NeverIssuedKey,
            Forgery::OtherAppWatermark,
            Forgery::BentIv,
            Forgery::ForeignOpenid,
        ] {
            for (outcome, rules) in [
                (Outcome::Ok, &["KEY-01"][..]),
                (Outcome::Relogin, &[]),
                (Outcome::Invalid, &[]),
            ] {
                let mut b = two_people();
                let p = b.forge("P1", "p", forgery);
                b.send_gets("P1", p, "t1", outcome);
                check(&b.history, rules);
            }
        }
    }

    #[test]
    fn key_01_catches_a_token_that_acts_as_somebody_else_and_a_shared_account() {
        let mut b = two_people();
        b.whoami("P1", "t1", Outcome::Ok, Some("id-B"));
        check(&b.history, &["KEY-01"]);
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let op = b.submit("Q1", "d1");
        let call = b.commit(op, 1);
        b.reply(call);
        b.welcome(op, "u1").user_id = Some("id-A".into());
        check(&b.history, &["KEY-01"]);
    }

    #[test]
    fn key_01_spares_right_data_in_any_rendering_and_refusals() {
        let mut b = two_people();
        let p = b.capture("P1", "p", 1);
        b.history.payloads[p].mark = "13800138000".into();
        for seen in ["13800138000", "+86 138 0013 8000", "138****8000"] {
            let op = b.send("P1", p, "t1");
            b.answer(op, Outcome::Ok).plaintext = Some(seen.into());
        }
        b.send_gets("P1", p, "u1", Outcome::Denied);
        b.whoami("P1", "t1", Outcome::Ok, Some("id-A"));
        check(&b.history, &[]);
    }

    #[test]
    fn key_02_catches_an_answer_a_phone_cannot_act_on() {
        for outcome in [
            Outcome::ServerError,
            Outcome::Invalid,
            Outcome::Denied,
            Outcome::RetryLater,
        ] {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let old = b.capture("P1", "p", 1);
            b.login("P1", "c2", 2, "t2");
            b.send_gets("P1", old, "t2", outcome);
            check(&b.history, &["KEY-02"]);
        }
    }

    #[test]
    fn key_02_catches_garbage_called_data() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let p = b.capture("P1", "p", 1);
        let op = b.send("P1", p, "t1");
        b.answer(op, Outcome::Ok).plaintext = Some("\u{fffd}\u{1}x".into());
        check(&b.history, &["KEY-02"]);
    }

    #[test]
    fn key_02_spares_relogin_the_right_data_and_what_a_fault_explains() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let old = b.capture("P1", "p", 1);
        b.login("P1", "c2", 2, "t2");
        b.send_gets("P1", old, "t2", Outcome::Relogin);
        let new = b.capture("P1", "p2", 2);
        let op = b.send("P1", new, "t2");
        b.answer(op, Outcome::Ok).plaintext = Some("mark-p2".into());
        let op = b.send("P1", old, "t2");
        let call = b.fault(op, "f", &FaultEffect::Silent);
        b.history.upstream[call].endpoint = "checksession".into();
        b.answer(op, Outcome::ServerError);
        b.send_gets("P1", old, "t2", Outcome::Indefinite);
        check(&b.history, &[]);
    }

    #[test]
    fn key_02_spares_a_damaged_transport_and_probes() {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let p = b.capture("P1", "p", 1);
        let op = b.send("P1", p, "t1");
        b.history.operations[op].label = "send p transport=raw-plus".into();
        b.answer(op, Outcome::Invalid);
        b.login("P1", "c2", 2, "t2");
        b.phase(Phase::Probe);
        b.send_gets("P1", p, "t2", Outcome::ServerError);
        check(&b.history, &[]);
    }

    /// A relogin, then a clean login, a new capture and a send that gets `outcome`.
    fn recovery(outcome: Outcome) -> Builder {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let lost = b.capture("P1", "p", 2);
        b.send_gets("P1", lost, "t1", Outcome::Relogin);
        b.login("P1", "c3", 3, "t3");
        let p = b.capture("P1", "p3", 3);
        b.send_gets("P1", p, "t3", outcome);
        b
    }

    #[test]
    fn key_03_catches_a_login_that_does_not_heal() {
        let rules = broken(
            &recovery(Outcome::Relogin).history,
            &JudgeContext::default(),
        );
        assert!(rules.contains(&"KEY-03".to_owned()), "{rules:?}");
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        b.history.operations[op].label = "recover A".into();
        let call = b.commit(op, 1);
        b.reply(call);
        b.answer(op, Outcome::ServerError);
        check(&b.history, &["KEY-03"]);
    }

    #[test]
    fn key_03_spares_a_recovery_that_works_and_one_that_was_not_clean() {
        check(&recovery(Outcome::Ok).history, &[]);
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let lost = b.capture("P1", "p", 2);
        b.send_gets("P1", lost, "t1", Outcome::Relogin);
        let one = b.submit("P1", "c3");
        let call = b.commit(one, 3);
        b.reply(call);
        b.welcome(one, "t3");
        let other = b.submit("P2", "c4");
        let p = b.capture("P1", "p3", 3);
        b.send_gets("P1", p, "t3", Outcome::Relogin);
        b.answer(other, Outcome::Relogin);
        check(&b.history, &[]);
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
}
