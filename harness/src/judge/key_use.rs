//! KEY-01 to KEY-04: whose data a ciphertext opens to, what a phone is told when it does not open, whether a new
//! login heals, and which key is in force when everything has come to rest.

use crate::history::{
    Alteration, Forgery, KeyRecord, Operation, Outcome, PayloadRecord, Purpose, StepKind, Tick,
};
use crate::judge::context::KeyStorage;
use crate::judge::facts::{
    Facts, Plaintext, failed, honest, is_login, is_probe, plaintext, said, shows, word,
};
use crate::judge::finding::Finding;
use crate::lang::{Say, say};
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
        forgery_accepted(facts, op, payload, forgery)
    } else if payload.key_no.is_none() {
        forgery_accepted(facts, op, payload, Forgery::NeverIssuedKey)
    } else if holder.is_some_and(|holder| holder != payload.user) {
        say!(
            "{who} sent {payload}, which holds data of {owner}, with a session of {holder}; the backend answered ok.",
            "{who} 发送密文 {payload}，里面是 {owner} 的数据，用的却是 {holder} 的登录态；后端照样回答 ok。",
            who = facts.who(op),
            payload = payload.name,
            owner = payload.user,
            holder = holder.unwrap_or_default(),
        )
    } else {
        let seen = op.answer.plaintext.as_deref()?.trim();
        let other = facts.history.payloads.iter().find(|other| {
            other.user != payload.user && shows(seen, &other.mark) && !shows(seen, &payload.mark)
        })?;
        say!(
            "{who} sent {payload}, which holds data of {owner}; the backend answered with the data of {other}.",
            "{who} 发送密文 {payload}，里面是 {owner} 的数据，后端返回的却是 {other} 的数据。",
            who = facts.who(op),
            payload = payload.name,
            owner = payload.user,
            other = other.user,
        )
    };
    Some(Finding::must("KEY-01", index, sentence).steps(facts.ends_of(index)))
}

fn forgery_accepted(
    facts: &Facts<'_>,
    op: &Operation,
    payload: &PayloadRecord,
    forgery: Forgery,
) -> Say {
    let what = match forgery {
        Forgery::NeverIssuedKey => say!(
            "it is sealed under a key WeChat never issued",
            "加密用的 key 微信从未签发过"
        ),
        Forgery::OtherAppWatermark => say!(
            "its watermark names another mini program",
            "watermark 里是另一个小程序的 appid"
        ),
        Forgery::BentIv => say!(
            "its iv was bent so that the openId reads differently",
            "iv 被改过，解出来的 openId 会变成另一个"
        ),
        Forgery::ForeignOpenid => say!(
            "the openId inside is another person's",
            "里面的 openId 是别人的"
        ),
    };
    say!(
        "{who} sent {payload}: {what}; the backend answered ok.",
        "{who} 发送密文 {payload}：{what}；后端照样回答 ok。",
        who = facts.who(op),
        payload = payload.name,
        what = what
    )
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
                    say!(
                        "{other} and {user} are two people, and both logins ended in the account {id:?}.",
                        "{other} 和 {user} 是两个用户，登录后却进了同一个账号 {id:?}。",
                        other = other,
                        user = op.user,
                        id = id
                    ),
                )
                .because(got_the_account(facts, other, *first))
                .because(got_the_account(facts, &op.user, index))
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
                    say!(
                        "{who} asked with a token of {owner}; the backend answered as {other}.",
                        "{who} 拿 {owner} 的 token 来请求，后端却把它当成 {other}。",
                        who = facts.who(op),
                        owner = owner,
                        other = other
                    ),
                )
                .because(say!(
                    "The account {id:?} was given to {other} at {place}.",
                    "账号 {id:?} 是在{place}给 {other} 的。",
                    id = id,
                    other = other,
                    place = facts.place(facts.step_of(*first, StepKind::Answer))
                ))
                .steps(facts.ends_of(index)),
            );
        }
    }
    found
}

fn got_the_account(facts: &Facts<'_>, user: &str, login: usize) -> Say {
    say!(
        "{user} got it at {place}.",
        "{user} 在{place}得到这个账号。",
        user = user,
        place = facts.place(facts.step_of(login, StepKind::Answer))
    )
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
            say!(
                "{who} sent {payload}; the backend answered ok with something that is not in it.",
                "{who} 发送密文 {payload}，后端回答 ok，返回的内容却不是密文里的。",
                who = facts.who(op),
                payload = payload.name
            )
        }
        Outcome::RetryLater | Outcome::Denied | Outcome::Invalid | Outcome::ServerError => {
            if excused(facts, index, op) || facts.gave_way(index, op) {
                return None;
            }
            say!(
                "{who} sent {payload} and got {got}; an honest payload ends in its plaintext or in relogin.",
                "{who} 发送密文 {payload}，结果：{got}；正常的密文要么解出原文，要么回答 relogin 让手机重新登录。",
                who = facts.who(op),
                payload = describe(payload),
                got = said(&op.answer),
            )
        }
    };
    let mut finding = Finding::must("KEY-02", index, sentence).steps(facts.ends_of(index));
    if let Some(no) = payload.key_no {
        finding = finding.because(key_history(facts, payload, no, op.called));
    }
    if outcome != Outcome::Ok {
        finding = finding.because(say!(
            "Only relogin tells the phone to log in and capture again; {word} leaves it with a payload that will never open.",
            "只有 relogin 能让手机重新登录、重新取数；回答 {word}，手机就只能一直拿着这份永远解不开的密文。",
            word = word(outcome)
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
    let altered = !op.alterations.is_empty();
    let refused = matches!(op.answer.outcome, Outcome::Invalid | Outcome::Denied);
    upstream_failed || facts.logged_out(op) || (altered && refused)
}

fn describe(payload: &PayloadRecord) -> Say {
    match payload.key_no {
        Some(no) => say!(
            "{name} (sealed under k{no})",
            "{name}（用 k{no} 加密）",
            name = payload.name,
            no = no
        ),
        None => Say::same(&payload.name),
    }
}

/// Whether and when the key of a payload had reached the backend.
fn key_history(facts: &Facts<'_>, payload: &PayloadRecord, no: u32, at: Tick) -> Say {
    match facts.last_delivery(&payload.user, no, at) {
        Some((call, _)) => say!(
            "{name} was sealed under k{no}, and k{no} had reached the backend at {place}.",
            "{name} 用 k{no} 加密，而 k{no} 在{place}就到了后端手里。",
            name = payload.name,
            no = no,
            place = facts.place(facts.call_step(call, StepKind::Reply)),
        ),
        None => say!(
            "{name} was sealed under k{no}, and k{no} never reached the backend; it cannot decrypt, but it can say relogin.",
            "{name} 用 k{no} 加密，而 k{no} 从未到过后端：后端解不开，但完全可以回答 relogin。",
            name = payload.name,
            no = no
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
        let recovery = op.purpose == Purpose::Recovery;
        if is_login(op) {
            if recovery && refused_recovery(facts, index, op) {
                found.push(
                    Finding::must(
                        "KEY-03",
                        index,
                        say!(
                            "{who} logged in alone with a fresh code after the race and got {got}.",
                            "并发结束后，{who} 拿新 code 单独登录，结果：{got}。",
                            who = facts.who(op),
                            got = said(&op.answer)
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
                say!(
                    "{who} logged in again, alone, captured anew and sent; it got {got} instead of its data.",
                    "{who} 单独重新登录、重新取数后再发送，仍没拿到数据，结果：{got}。",
                    who = facts.who(op),
                    got = said(&op.answer)
                ),
            )
            .steps(facts.ends_of(index));
            if let Some(first) = relogin {
                finding = finding.because(say!(
                    "The backend asked for a new login at {place}.",
                    "后端在{place}要求重新登录。",
                    place = facts.place(facts.step_of(first, StepKind::Answer))
                ));
            }
            found.push(finding.because(say!(
                "That login ended at {place}, with nothing else of {user} in flight, and brought the key the new payload is sealed under.",
                "那次登录在{place}完成，期间 {user} 没有别的请求在途；新密文正是用它换来的 session_key 加密的。",
                place = facts.place(facts.step_of(login, StepKind::Answer)),
                user = op.user,
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
        && !op.alterations.contains(&Alteration::PlusAsSpace);
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
        Some(no) => say!(
            "the older k{no} is in force instead",
            "生效的却是旧的 k{no}",
            no = no
        ),
        None => say!("it is not in force", "却没有生效"),
    };
    let sentence = say!(
        "At rest, WeChat's newest key of {user} is k{no} and the backend was given it, but {held}: {who} sent {payload} and got {got}.",
        "静止之后，{user} 在微信的最新 session_key 是 k{no}，后端也收到过，{held}：{who} 发送密文 {payload}，结果：{got}。",
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
        b.history.operations[op].alterations = vec![Alteration::PlusAsSpace];
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
        b.history.operations[op].purpose = Purpose::Recovery;
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
