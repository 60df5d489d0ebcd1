//! KEY-01: whose data a ciphertext opens to, and as whom a session acts.

use crate::facts::{Facts, is_exchange, is_login, is_probe, shows};
use crate::finding::Finding;
use wxmock_model::history::{Alteration, Forgery, Operation, Outcome, PayloadRecord, StepKind};
use wxmock_model::lang::Say;
use wxmock_model::say;

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
    found.extend(forged_tokens(facts));
    found.extend(sessions_from_nowhere(facts));
    found.extend(strange_accounts(facts));
    found.extend(accounts_of_earlier_orders(facts));
    found
}

/// Requests with a token that nobody issued which were answered as if somebody had.
fn forged_tokens(facts: &Facts<'_>) -> Vec<Finding> {
    let accepted = facts.operations().filter(|(_, op)| {
        op.answer.outcome == Outcome::Ok && op.alterations.contains(&Alteration::ForgedToken)
    });
    accepted
        .map(|(index, op)| {
            let sentence = say!(
                "{who} did `{label}` with the token {token}, which nobody issued; the backend answered ok.",
                "{who} 用从未签发过的 token {token} 执行 `{label}`，后端照样回答 ok。",
                who = facts.who(op),
                label = op.label,
                token = op.token_name.as_deref().unwrap_or_default(),
            );
            Finding::must("KEY-01", index, sentence).steps(facts.ends_of(index))
        })
        .collect()
}

/// Answers that name an account which somebody of an earlier order was given: nobody of this one was known to the backend before.
fn accounts_of_earlier_orders(facts: &Facts<'_>) -> Vec<Finding> {
    let named = facts.operations().filter_map(|(index, op)| {
        let id = op.answer.user_id.as_deref()?;
        let known = facts
            .owner_elsewhere(id)
            .filter(|_| op.answer.outcome == Outcome::Ok)?;
        Some((index, op, id, known))
    });
    named
        .map(|(index, op, id, known)| {
            let sentence = match (is_login(op), op.token_of.as_deref()) {
                (true, _) => say!(
                    "{who} logged in and was given the account {id:?}, which {other} of {case}, another person, had been given before.",
                    "{who} 登录后进了账号 {id:?}，而它之前已经给了用例 {case} 里的另一个人 {other}。",
                    who = facts.who(op),
                    id = id,
                    other = known.user,
                    case = known.case
                ),
                (false, Some(owner)) => say!(
                    "{who} asked with a token of {owner}; the backend answered with the account {id:?} of {other} of {case}, another person.",
                    "{who} 拿 {owner} 的 token 来请求，后端回答的却是用例 {case} 里另一个人 {other} 的账号 {id:?}。",
                    who = facts.who(op),
                    owner = owner,
                    id = id,
                    other = known.user,
                    case = known.case
                ),
                (false, None) => say!(
                    "{who} asked without any token; the backend answered with the account {id:?} of {other} of {case}.",
                    "{who} 没有带任何 token 来请求，后端回答的是用例 {case} 里 {other} 的账号 {id:?}。",
                    who = facts.who(op),
                    id = id,
                    other = known.user,
                    case = known.case
                ),
            };
            Finding::must("KEY-01", index, sentence)
                .because(say!(
                    "Every order has people of its own, whom the backend has never seen: who was given the account before is none of them.",
                    "每种顺序里的人都是新的，后端从没见过：之前得到这个账号的不是他们中的任何一个。"
                ))
                .steps(facts.ends_of(index))
                .over_the_run()
        })
        .collect()
}

/// Logins that got a session though nobody told the backend whose code they came with.
fn sessions_from_nowhere(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.settled() {
        return Vec::new();
    }
    let logins = facts
        .logins()
        .filter(|(index, _)| facts.is_session_from_nowhere(*index));
    logins
        .map(|(index, op)| {
            let code = op.code.as_deref().unwrap_or_default();
            let asked = facts.history.upstream.iter().enumerate().find(|(_, call)| {
                is_exchange(call) && call.code.as_deref() == Some(code)
            });
            let step = asked.and_then(|(place, _)| {
                facts
                    .call_step(place, StepKind::UpstreamArrived)
                    .or_else(|| facts.call_step(place, StepKind::Commit))
            });
            let unheard = match asked {
                Some(_) => say!(
                    "WeChat was asked about {code} at {place} and gave no reply.",
                    "{place}拿 {code} 去问了微信，没有得到应答。",
                    code = code,
                    place = facts.place(step)
                ),
                None => say!(
                    "WeChat was never asked about {code}.",
                    "从未拿 {code} 去问过微信。",
                    code = code
                ),
            };
            Finding::must(
                "KEY-01",
                index,
                say!(
                    "{who} submitted the code {code} and got a session, though no reply of WeChat's says whose code it is.",
                    "{who} 提交 code {code}，拿到了会话，可是微信没有任何应答说明这个 code 是谁的。",
                    who = facts.who(op),
                    code = code
                ),
            )
            .because(unheard)
            .because(say!(
                "However, at {place} the phone was given a session: it is a session of whoever the backend had at hand.",
                "可是{place}手机拿到了会话：后端手头有谁的，就给了谁的。",
                place = facts.place(facts.step_of(index, StepKind::Answer))
            ))
            .steps(step)
            .steps(facts.ends_of(index))
        })
        .collect()
}

fn accepted_wrongly(
    facts: &Facts<'_>,
    index: usize,
    op: &Operation,
    payload: &PayloadRecord,
) -> Option<Finding> {
    let holder = session_owner(op);
    let forged = payload.forgery.and_then(forgery_words);
    let sentence = if let Some(what) = forged {
        say!(
            "{who} sent {payload}: {what}; the backend answered ok.",
            "{who} 发送加密数据 {payload}：{what}；后端照样回答 ok。",
            who = facts.who(op),
            payload = payload.name,
            what = what
        )
    } else if holder.is_some_and(|holder| holder != payload.user) {
        say!(
            "{who} sent {payload}, which holds data of {owner}, with a session of {holder}; the backend answered ok.",
            "{who} 发送加密数据 {payload}，里面是 {owner} 的数据，用的却是 {holder} 的登录态；后端照样回答 ok。",
            who = facts.who(op),
            payload = payload.name,
            owner = payload.user,
            holder = holder.unwrap_or_default(),
        )
    } else if holder.is_none() && op.token_name.is_none() && !is_probe(op) {
        say!(
            "{who} sent {payload}, which holds data of {owner}, without any session token; the backend answered ok.",
            "{who} 发送加密数据 {payload}，里面是 {owner} 的数据，没有带任何 token；后端照样回答 ok。",
            who = facts.who(op),
            payload = payload.name,
            owner = payload.user,
        )
    } else {
        let seen = op.answer.plaintext.as_deref()?.trim();
        let other = facts.history.payloads.iter().find(|other| {
            other.user != payload.user && shows(seen, &other.mark) && !shows(seen, &payload.mark)
        })?;
        say!(
            "{who} sent {payload}, which holds data of {owner}; the backend answered with the data of {other}.",
            "{who} 发送加密数据 {payload}，里面是 {owner} 的数据，后端返回的却是 {other} 的数据。",
            who = facts.who(op),
            payload = payload.name,
            owner = payload.user,
            other = other.user,
        )
    };
    Some(Finding::must("KEY-01", index, sentence).steps(facts.ends_of(index)))
}

/// What is wrong with a payload that nobody may accept; `None` where how old it may be is the backend's own affair.
fn forgery_words(forgery: Forgery) -> Option<Say> {
    Some(match forgery {
        Forgery::OtherTime => return None,
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
        Forgery::ForeignKey => say!(
            "it is sealed under another person's key, which is in force for this session",
            "加密用的是另一个用户的 key，这个会话却能解"
        ),
        Forgery::ForeignOpenid => say!(
            "the openId inside is another person's",
            "里面的 openId 是别人的"
        ),
        Forgery::AlteredRawData => say!(
            "its rawData was changed after it was signed",
            "rawData 在签名之后被改过"
        ),
    })
}

/// Whose session an operation acts in: the token's owner, or the person who logs in.
pub(super) fn session_owner(op: &Operation) -> Option<&str> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JudgeContext;
    use crate::judged::broken;
    use wxmock_histories::Builder;
    use wxmock_model::history::History;
    use wxmock_model::mechanism::Mechanism;
    use wxmock_model::program::FaultEffect;
    use wxmock_model::verdict::Impact;

    fn check(history: &History, rules: &[&str]) {
        assert_eq!(broken(history, &JudgeContext::default()), rules);
    }

    #[test]
    fn key_01_catches_a_token_that_nobody_issued_and_spares_its_refusal() {
        for (outcome, rules) in [(Outcome::Ok, &["KEY-01"][..]), (Outcome::Relogin, &[])] {
            let mut b = two_people();
            let op = b.whoami("P1", "unsigned", outcome, Some("id-A"));
            let record = &mut b.history.operations[op];
            record.token_of = None;
            record.alterations = vec![Alteration::ForgedToken];
            check(&b.history, rules);
            let found = crate::judge(&b.history, &JudgeContext::default());
            for found in found {
                assert_eq!(found.impact, Some(Impact::Security));
                assert_eq!(found.mechanism, Mechanism::TokenNotVerified);
            }
        }
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
    fn key_01_catches_data_given_to_a_request_without_a_token() {
        for (outcome, rules) in [(Outcome::Ok, &["KEY-01"][..]), (Outcome::Relogin, &[])] {
            let mut b = two_people();
            let p = b.capture("P1", "p", 1);
            let op = b.send("P1", p, "t1");
            b.history.operations[op].token_of = None;
            b.history.operations[op].token_name = None;
            b.answer(op, outcome);
            check(&b.history, rules);
        }
    }

    #[test]
    fn key_01_catches_every_forgery_that_is_accepted() {
        for forgery in [
            Forgery::NeverIssuedKey,
            Forgery::OtherAppWatermark,
            Forgery::BentIv,
            Forgery::ForeignOpenid,
            Forgery::ForeignKey,
            Forgery::AlteredRawData,
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

    /// A login whose exchange is hit by `effect`, answered with a session.
    fn let_in_after(effect: &FaultEffect) -> (Builder, usize) {
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        let call = b.fault(op, "f", effect);
        b.reply(call);
        b.welcome(op, "t1");
        (b, op)
    }

    #[test]
    fn key_01_catches_a_session_that_no_exchange_backs() {
        for effect in [FaultEffect::Silent, FaultEffect::Reset] {
            let (b, _) = let_in_after(&effect);
            check(&b.history, &["KEY-01"]);
            let found = crate::judge(&b.history, &JudgeContext::default());
            assert_eq!(found[0].impact, Some(Impact::Security));
            assert_eq!(found[0].mechanism, Mechanism::SessionWithoutExchange);
        }
        // Not even asked, though others are.
        let mut b = two_people();
        let op = b.submit("P2", "c2");
        b.welcome(op, "t2");
        check(&b.history, &["KEY-01"]);
    }

    #[test]
    fn key_01_spares_a_session_out_of_a_retry_and_out_of_an_exchange_of_the_same_person() {
        let (mut b, op) = let_in_after(&FaultEffect::Silent);
        let again = b.commit(op, 1);
        b.reply(again);
        check(&b.history, &[]);
        // Two logins of one phone, one exchange.
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let two = b.submit("P1", "c2");
        let call = b.commit(one, 1);
        b.reply(call);
        b.welcome(one, "t1");
        b.welcome(two, "t2");
        check(&b.history, &[]);
        // A backend that asks WeChat about no code logs in by something else.
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        b.welcome(op, "t1");
        check(&b.history, &[]);
        let (mut b, op) = let_in_after(&FaultEffect::Silent);
        b.history.operations[op].answer.outcome = Outcome::RetryLater;
        check(&b.history, &[]);
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
}
