//! CODE-01 and CODE-03: what a login code may yield when it comes twice, and when WeChat says it is dead.

use crate::facts::{Facts, is_exchange, said};
use crate::finding::Finding;
use wxmock_model::history::{Operation, Outcome, StepKind, UpstreamCall};
use wxmock_model::lang::Say;
use wxmock_model::say;

/// errcodes that mean "this code yields nothing any more": invalid, already used.
const DEAD_CODE: [i64; 2] = [40029, 40163];

/// CODE-01: submissions of one code never yield two sessions, and one that did yield a session keeps it.
pub(crate) fn code_01(facts: &Facts<'_>) -> Vec<Finding> {
    let mut seen: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for (_, op) in facts.logins() {
        let Some(code) = op.code.as_deref() else {
            continue;
        };
        if seen.contains(&code) {
            continue;
        }
        seen.push(code);
        let group = facts.submissions(code);
        if group.len() > 1 {
            found.extend(two_sessions(facts, code, &group));
            found.extend(no_session(facts, code, &group));
            found.extend(lost_session(facts, code, &group));
        }
    }
    found
}

/// KEY-01 and CODE-01: what is exchanged for a login is the code that this login submitted.
pub(crate) fn exchanged_code(facts: &Facts<'_>) -> Vec<Finding> {
    let exchanges = |code: &str| {
        let calls = &facts.history.upstream;
        calls
            .iter()
            .any(|call| is_exchange(call) && call.code.as_deref() == Some(code))
    };
    // Who is let go with "try later" may have waited for a turn that never came; its calls are then hard to tell apart.
    let told = |index: &usize, login: &Operation| {
        facts.ended(*index).is_some() && login.answer.outcome != Outcome::RetryLater
    };
    facts
        .logins()
        .filter(|(index, login)| told(index, login))
        .filter_map(|(index, login)| {
            let own = login.code.as_deref().filter(|own| !exchanges(own))?;
            let mut calls = facts.history.upstream.iter().enumerate();
            let (place, call) = calls.find(|(_, call)| {
                is_exchange(call)
                    && call.operation == Some(index)
                    && call.code.as_deref() != Some(own)
            })?;
            Some(other_code(facts, index, place, call))
        })
        .collect()
}

fn other_code(facts: &Facts<'_>, index: usize, place: usize, call: &UpstreamCall) -> Finding {
    let login = op(facts, index);
    let own = login.code.as_deref().unwrap_or_default();
    let submitter = call
        .code
        .as_deref()
        .and_then(|code| facts.submissions(code).first().copied())
        .map(|other| op(facts, other));
    let (rule, sentence) = match (&call.code, submitter) {
        (Some(other), Some(by)) => (
            if by.user == login.user {
                "CODE-01"
            } else {
                "KEY-01"
            },
            say!(
                "{who} submitted the code {own}; the backend exchanged {other}, the code of {by}, in its place.",
                "{who} 提交的 code 是 {own}，后端拿去换的却是 {other}，那是{by}提交的 code。",
                who = facts.who(login),
                own = own,
                other = other,
                by = facts.who(by)
            ),
        ),
        _ => (
            "CODE-01",
            say!(
                "{who} submitted the code {own}; the backend exchanged another one, which nobody submitted.",
                "{who} 提交的 code 是 {own}，后端拿去换的却是另一个没有人提交过的 code。",
                who = facts.who(login),
                own = own
            ),
        ),
    };
    let step = facts
        .call_step(place, StepKind::UpstreamArrived)
        .or_else(|| facts.call_step(place, StepKind::Commit));
    Finding::must(rule, index, sentence)
        .because(say!(
            "The request came in at {place}.",
            "请求在{place}到达。",
            place = facts.place(facts.step_of(index, StepKind::Submit))
        ))
        .because(say!(
            "However, at {place} WeChat was asked for {asked}, and for {own} it never was: requests that are open at once share what holds the code, or it is spoilt on its way.",
            "可是{place}向微信换取的是{asked}，{own} 从未拿去换过：同时在途的请求共用了存放 code 的变量，或者 code 在途中变了样。",
            place = facts.place(step),
            asked = match &call.code {
                Some(other) => Say::same(format!(" {other}")),
                None => say!("another code", "另一个 code"),
            },
            own = own
        ))
        .steps(step)
        .steps(facts.ends_of(index))
}

fn op<'a>(facts: &Facts<'a>, index: usize) -> &'a Operation {
    &facts.history.operations[index]
}

fn two_sessions(facts: &Facts<'_>, code: &str, group: &[usize]) -> Option<Finding> {
    let good: Vec<usize> = group
        .iter()
        .copied()
        .filter(|&index| op(facts, index).answer.outcome == Outcome::Ok)
        .collect();
    let (&first, rest) = good.split_first()?;
    let a = &op(facts, first).answer;
    let second = rest.iter().copied().find(|&index| {
        let b = &op(facts, index).answer;
        let differ =
            |x: &Option<String>, y: &Option<String>| matches!((x, y), (Some(x), Some(y)) if x != y);
        differ(&a.token_hash, &b.token_hash) || differ(&a.user_id, &b.user_id)
    })?;
    Some(
        Finding::must(
            "CODE-01",
            second,
            say!(
                "The code {code} was submitted {times} times and yielded two different sessions, to phone {first} and to phone {second}.",
                "同一个 code（{code}）提交了 {times} 次，换来两个不同的会话：一个给了手机 {first}，一个给了手机 {second}。",
                code = code,
                times = group.len(),
                first = op(facts, first).phone,
                second = op(facts, second).phone,
            ),
        )
        .because(say!(
            "The first session was given out at {place}.",
            "第一个会话在{place}发出。",
            place = facts.place(facts.step_of(first, StepKind::Answer))
        ))
        .because(say!(
            "However, at {place} a second one was given out; {promise}.",
            "可是{place}又发出了第二个；{promise}。",
            place = facts.place(facts.step_of(second, StepKind::Answer)),
            promise = if facts.context.declared.joins_duplicate_codes {
                say!(
                    "the adapter declares duplicate_code = \"same_session\"",
                    "adapter 声明了 duplicate_code = \"same_session\""
                )
            } else {
                say!(
                    "a code is good for one login, and a duplicate gets the same session or a refusal",
                    "一个 code 只能登录一次，重复提交要么得到同一个会话，要么被拒绝"
                )
            },
        ))
        .steps(facts.ends_of(first))
        .steps(facts.ends_of(second)),
    )
}

/// WeChat accepted the code and told the backend so, yet no submission got in.
fn no_session(facts: &Facts<'_>, code: &str, group: &[usize]) -> Option<Finding> {
    let refused = group.iter().all(|&index| {
        !matches!(
            op(facts, index).answer.outcome,
            Outcome::Ok | Outcome::Indefinite
        )
    });
    let faulted = facts
        .history
        .upstream
        .iter()
        .any(|call| call.code.as_deref() == Some(code) && call.fault.is_some());
    let waits = group.iter().any(|&index| op(facts, index).tried_again);
    // A login that carries a payload can fail for the payload's sake.
    let plain = group
        .iter()
        .all(|&index| op(facts, index).payload.is_none());
    if !(refused && plain && !waits && facts.settled() && facts.exchanged(code)) || faulted {
        return None;
    }
    let answers = group.iter().map(|&index| said(&op(facts, index).answer));
    Some(
        Finding::must(
            "CODE-01",
            group[0],
            say!(
                "The code {code} was submitted {times} times, WeChat accepted it once, and no submission got a session: {answers}.",
                "同一个 code（{code}）提交了 {times} 次，微信接受了一次，却没有哪次提交拿到会话：{answers}。",
                code = code,
                times = group.len(),
                answers = Say::join(answers, &say!(", ", "、")),
            ),
        )
        .steps(group.iter().flat_map(|&index| facts.ends_of(index))),
    )
}

/// The session of the good submission stopped working though nobody logged out or in since.
fn lost_session(facts: &Facts<'_>, code: &str, group: &[usize]) -> Option<Finding> {
    if !facts.settled() {
        return None;
    }
    let user = &op(facts, group[0]).user;
    let begun = group.iter().map(|&index| op(facts, index).called).min()?;
    facts.operations().find_map(|(index, later)| {
        let login = facts.login_of_token(later)?;
        let disturbed = facts
            .logins()
            .any(|(other, o)| &o.user == user && !group.contains(&other) && o.called > begun && o.called < later.called);
        let dead = matches!(later.answer.outcome, Outcome::Relogin | Outcome::Denied | Outcome::Invalid);
        let fair = later.op == "whoami" && group.contains(&login) && !disturbed && !facts.logged_out(later);
        (fair && dead).then(|| {
            Finding::must(
                "CODE-01",
                index,
                say!(
                    "The code {code} gave phone {phone} a session; after the other submission of the same code that session answers {got}.",
                    "手机 {phone} 凭 code（{code}）拿到了会话；同一个 code 再次提交之后，用这个会话请求，结果：{got}。",
                    code = code,
                    phone = later.phone,
                    got = said(&later.answer),
                ),
            )
            .because(say!(
                "The session was given out at {place}.",
                "这个会话在{place}发出。",
                place = facts.place(facts.step_of(login, StepKind::Answer))
            ))
            .because(say!(
                "However, a refused duplicate changes nothing: the session that was given out stays good.",
                "可是重复提交被拒绝时什么都不该变：已经发出的会话必须继续有效。"
            ))
            .steps(facts.ends_of(login))
            .steps(facts.ends_of(index))
        })
    })
}

/// CODE-03: a dead code gives no session, no server error and no second try.
pub(crate) fn code_03(facts: &Facts<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, login) in facts.logins() {
        let calls = facts.calls_of(index);
        let dead = calls.iter().find(|(_, call)| {
            is_exchange(call)
                && call.errcode.is_some_and(|code| DEAD_CODE.contains(&code))
                && !facts.is_mixed_up(call)
        });
        let Some((place, call)) = dead else { continue };
        let refusal = Refusal::of(facts, login, *place, call);
        found.extend(refusal.passed_on(facts, index, login));
        let retry = calls.iter().find(|(_, later)| {
            is_exchange(later)
                && later.code == call.code
                && call.released.is_some_and(|at| later.arrived > at)
        });
        found.extend(retry.map(|(again, _)| refusal.disregarded(facts, *again)));
    }
    found
}

/// WeChat says that a code is dead.
struct Refusal {
    /// The code's name.
    code: Say,
    errcode: i64,
    /// The step of the reply.
    reply: Option<usize>,
    told: Say,
}

impl Refusal {
    fn of(facts: &Facts<'_>, login: &Operation, place: usize, call: &UpstreamCall) -> Self {
        let code = match login.code.as_deref() {
            Some(code) => Say::same(code),
            None => say!("the code", "该 code"),
        };
        let errcode = call.errcode.unwrap_or_default();
        let reply = facts.call_step(place, StepKind::Reply);
        let told = say!(
            "WeChat answered {errcode} for {code} at {place}.",
            "微信在{place}对 {code} 答复 {errcode}。",
            errcode = errcode,
            code = code,
            place = facts.place(reply)
        );
        Self {
            code,
            errcode,
            reply,
            told,
        }
    }

    /// The phone is told that all is well, or that the backend is broken.
    fn passed_on(&self, facts: &Facts<'_>, index: usize, login: &Operation) -> Option<Finding> {
        let code = login.code.as_deref();
        let redeemed = code.is_some_and(|code| facts.exchanged(code));
        let wrong = match login.answer.outcome {
            Outcome::Ok if !redeemed => {
                say!("logged the phone in all the same", "照样让手机登录成功")
            }
            Outcome::ServerError => say!(
                "passed it on as a failure of its own",
                "把它当成自己的故障报给手机"
            ),
            _ => return None,
        };
        let sentence = say!(
            "WeChat refused {code} with {errcode}; the backend {wrong}: {who} got {got}.",
            "微信以 {errcode} 拒绝了 {code}，后端却{wrong}；{who} 的结果：{got}。",
            code = self.code,
            errcode = self.errcode,
            wrong = wrong,
            who = facts.who(login),
            got = said(&login.answer)
        );
        let finding = Finding::must("CODE-03", index, sentence)
            .because(self.told.clone())
            .because(say!(
                "However, only a fresh code helps now, so the answer is relogin or invalid, and no session.",
                "可是这时只有换新 code 才管用，所以应当回答 relogin 或 invalid，不给会话。"
            ));
        Some(finding.steps(self.reply).steps(facts.ends_of(index)))
    }

    /// The same code is exchanged again.
    fn disregarded(&self, facts: &Facts<'_>, again: usize) -> Finding {
        let step = facts
            .call_step(again, StepKind::Commit)
            .or_else(|| facts.call_step(again, StepKind::UpstreamArrived));
        let sentence = say!(
            "WeChat refused {code} with {errcode}; the backend sent the same code again.",
            "微信以 {errcode} 拒绝了 {code}，后端又拿同一个 code 去换。",
            code = self.code,
            errcode = self.errcode
        );
        Finding::must("CODE-03", None, sentence)
            .because(self.told.clone())
            .because(say!(
                "However, at {place} it asked WeChat for {code} once more; a dead code stays dead.",
                "可是{place}它又拿 {code} 去问微信；失效的 code 不会复活。",
                place = facts.place(step),
                code = self.code
            ))
            .steps(self.reply)
            .steps(step)
    }
}

#[cfg(test)]
mod tests {
    use crate::JudgeContext;
    use crate::judged::broken;
    use wxmock_histories::Builder;
    use wxmock_model::history::{Ending, History, Outcome};
    use wxmock_model::program::FaultEffect;

    fn check(history: &History, rules: &[&str]) {
        assert_eq!(broken(history, &JudgeContext::default()), rules);
    }

    /// c1 is submitted twice; WeChat accepts the first exchange. Returns both operations, unanswered.
    fn twice() -> (Builder, usize, usize) {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let two = b.submit("P2", "c1");
        let call = b.commit(one, 1);
        b.reply(call);
        (b, one, two)
    }

    #[test]
    fn code_01_catches_two_sessions_from_one_code() {
        let (mut b, one, two) = twice();
        b.welcome(one, "t1");
        b.welcome(two, "t2");
        check(&b.history, &["CODE-01"]);
    }

    #[test]
    fn code_01_catches_a_code_nobody_got_in_with() {
        let (mut b, one, two) = twice();
        b.answer(one, Outcome::Invalid);
        b.answer(two, Outcome::Invalid);
        check(&b.history, &["CODE-01"]);
    }

    #[test]
    fn code_01_catches_a_session_killed_by_the_duplicate() {
        let (mut b, one, two) = twice();
        b.welcome(one, "t1");
        let again = b.refuse(two, 40163);
        b.reply(again);
        b.answer(two, Outcome::Invalid);
        b.whoami("P1", "t1", Outcome::Relogin, None);
        check(&b.history, &["CODE-01"]);
    }

    #[test]
    fn code_01_spares_one_session_and_a_refusal() {
        let (mut b, one, two) = twice();
        b.welcome(one, "t1");
        b.answer(two, Outcome::Relogin);
        b.whoami("P1", "t1", Outcome::Ok, Some("id-A"));
        check(&b.history, &[]);
    }

    #[test]
    fn code_01_spares_the_same_session_twice() {
        let (mut b, one, two) = twice();
        b.welcome(one, "t1");
        b.welcome(two, "t1");
        check(&b.history, &[]);
    }

    #[test]
    fn code_01_spares_a_failure_a_fault_explains_and_an_unclassified_answer() {
        let (mut b, one, two) = twice();
        b.fault(two, "f", &FaultEffect::Reset);
        b.answer(one, Outcome::RetryLater);
        b.answer(two, Outcome::RetryLater);
        check(&b.history, &[]);
        let (mut b, one, two) = twice();
        b.answer(one, Outcome::Indefinite);
        b.answer(two, Outcome::Invalid);
        check(&b.history, &[]);
    }

    #[test]
    fn code_01_catches_two_accounts_from_one_code() {
        let (mut b, one, two) = twice();
        b.welcome(one, "t1");
        b.welcome(two, "t1").user_id = Some("another account".into());
        let rules = broken(&b.history, &JudgeContext::default());
        assert!(rules.contains(&"CODE-01".to_owned()), "{rules:?}");
    }

    #[test]
    fn code_01_spares_a_code_that_came_with_a_payload_and_one_tried_again() {
        let (mut b, one, two) = twice();
        b.answer(one, Outcome::Invalid);
        b.answer(two, Outcome::Invalid);
        b.history.operations[two].tried_again = true;
        check(&b.history, &[]);
        b.history.operations[two].tried_again = false;
        check(&b.history, &["CODE-01"]);
        let p = b.forge("P1", "p", wxmock_model::history::Forgery::OtherAppWatermark);
        b.history.operations[one].payload = Some(p);
        check(&b.history, &[]);
    }

    /// Two open logins, of which the first is exchanged with `code`.
    fn exchanged_with(code: Option<&str>, second: (&str, &str)) -> History {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let two = b.submit(second.0, second.1);
        let first = b.commit(one, 1);
        b.history.upstream[first].code = code.map(str::to_owned);
        b.reply(first);
        let call = b.commit(two, 1);
        b.reply(call);
        b.welcome(one, "t1");
        b.welcome(two, "t2");
        b.history
    }

    #[test]
    fn exchanged_code_catches_the_code_of_another_request_and_one_of_nobody() {
        check(&exchanged_with(Some("d1"), ("Q1", "d1")), &["KEY-01"]);
        check(&exchanged_with(Some("c2"), ("P2", "c2")), &["CODE-01"]);
        check(&exchanged_with(None, ("Q1", "d1")), &["CODE-01"]);
    }

    #[test]
    fn what_another_code_brings_is_no_second_fault_of_the_login() {
        let mut b = Builder::new();
        let one = b.submit("P1", "c1");
        let two = b.submit("Q1", "d1");
        let call = b.commit(one, 1);
        b.reply(call);
        let call = b.refuse(two, 40163);
        b.history.upstream[call].code = Some("c1".into());
        b.reply(call);
        b.welcome(one, "t1");
        b.welcome(two, "t2");
        check(&b.history, &["KEY-01"]);
    }

    #[test]
    fn exchanged_code_spares_a_login_with_its_own_code_and_a_call_that_is_nobodys() {
        check(&exchanged_with(Some("c1"), ("Q1", "d1")), &[]);
        let mut history = exchanged_with(Some("c1"), ("Q1", "d1"));
        let mut stray = history.upstream[0].clone();
        (stray.code, stray.operation) = (Some("d1".into()), None);
        history.upstream.push(stray);
        check(&history, &[]);
    }

    #[test]
    fn code_03_catches_a_session_a_server_error_and_a_retry() {
        let (mut b, op) = Builder::refused(40029);
        b.answer(op, Outcome::ServerError);
        check(&b.history, &["CODE-03"]);
        let (mut b, op) = Builder::refused(40163);
        b.welcome(op, "t1");
        check(&b.history, &["ERR-01", "CODE-03"]);
        let (mut b, op) = Builder::refused(40029);
        let again = b.refuse(op, 40029);
        b.reply(again);
        b.answer(op, Outcome::Relogin);
        check(&b.history, &["CODE-03"]);
    }

    #[test]
    fn code_03_spares_relogin_invalid_and_other_errcodes() {
        for (errcode, outcome) in [
            (40029, Outcome::Relogin),
            (40163, Outcome::Invalid),
            (-1, Outcome::ServerError),
        ] {
            let (mut b, op) = Builder::refused(errcode);
            b.answer(op, outcome);
            check(&b.history, &[]);
        }
    }

    #[test]
    fn code_03_spares_a_retry_after_a_lost_reply_and_a_second_phone() {
        let mut b = Builder::new();
        let op = b.submit("P1", "c1");
        let lost = b.fault(op, "f", &FaultEffect::Reset);
        b.reply(lost);
        let again = b.refuse(op, 40163);
        b.reply(again);
        b.answer(op, Outcome::Relogin);
        check(&b.history, &[]);
        let (mut b, op) = Builder::refused(40029);
        b.answer(op, Outcome::Relogin);
        let two = b.submit("P2", "c1");
        let call = b.refuse(two, 40029);
        b.reply(call);
        b.answer(two, Outcome::Relogin);
        check(&b.history, &[]);
    }

    #[test]
    fn code_rules_say_nothing_about_silence_in_an_order_that_was_cut() {
        let (mut b, one, two) = twice();
        b.answer(one, Outcome::ServerError);
        b.answer(two, Outcome::ServerError);
        b.ending(Ending::HoldBudget { at: "R1".into() });
        check(&b.history, &[]);
    }
}
