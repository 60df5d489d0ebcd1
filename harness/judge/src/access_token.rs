//! AT-01, AT-03: how often a backend asks WeChat for an access_token, and what it makes of the answer.
//!
//! A call for a token names nobody: it belongs to a request only while that request is the one open. Counts of a whole order
//! need no owner.

use crate::facts::{Facts, failed, is_exchange, said};
use crate::finding::Finding;
use crate::token_stampede::stampede;
use wxmock_model::history::{FaultKind, History, Operation, Outcome, StepKind, UpstreamCall};
use wxmock_model::say;
use wxmock_model::verdict::Level;

/// A backend that asks WeChat the same thing more often than this for one request of a phone asks without end: SDKs that
/// retry a busy system make six calls at most (one and five retries).
pub(crate) const MOST_CALLS: usize = 6;
/// Phone codes of an order from which on "every one of them fetched" says something: fewer may each have met another worker
/// process, with a cache of its own that was empty.
const ENOUGH_CODES: usize = 8;
/// Fetches that each death of the tokens explains: one, and one more of a second worker.
const PER_DEATH: usize = 2;
/// errcodes of a call whose access_token is dead.
pub(crate) const DEAD: [i64; 3] = [40001, 40014, 42001];
/// errcodes of a call whose access_token is none at all: missing, or a text WeChat never made.
const NO_TOKEN: [i64; 2] = [41001, 40014];

/// Whether a call asks for an access_token.
pub(crate) fn is_fetch(call: &UpstreamCall) -> bool {
    matches!(call.endpoint.as_str(), "token" | "stable_token")
}

/// Whether a call is one that an access_token goes with.
pub(crate) fn uses_token(call: &UpstreamCall) -> bool {
    call.endpoint == "getuserphonenumber"
}

/// Whether a fetch brought a token.
pub(crate) fn brought_token(facts: &Facts<'_>, call: &UpstreamCall) -> bool {
    let late = |kind| matches!(kind, Some(FaultKind::LateMs(_)));
    let well = call.fault.is_none() || facts.fault(call).is_some_and(|fault| late(fault.effect));
    is_fetch(call) && !failed(call) && well && call.released.is_some()
}

/// Whether WeChat itself called the access_token of this call dead, and no fault of the scenario.
pub(crate) fn refused_as_dead(call: &UpstreamCall) -> bool {
    uses_token(call)
        && call.fault.is_none()
        && call.errcode.is_some_and(|code| DEAD.contains(&code))
}

/// AT-01: an access_token is fetched once and shared: not fetched for every call, nor by each of several at once.
pub(crate) fn at_01(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.settled() {
        return Vec::new();
    }
    match stampede(facts) {
        Some(stampede) => vec![stampede.finding(facts)],
        None => fetched_every_time(facts).into_iter().collect(),
    }
}

/// As many fetches as phone codes. Those that replace a token kept from before its death do not count: whoever kept one
/// fetches once for each death in each process, and not for every call.
fn fetched_every_time(facts: &Facts<'_>) -> Option<Finding> {
    let upstream = &facts.history.upstream;
    let codes = facts
        .operations()
        .filter(|(_, op)| op.number.is_some())
        .count();
    let fetches: Vec<usize> = (0..upstream.len())
        .filter(|at| brought_token(facts, &upstream[*at]))
        .collect();
    let faulted = upstream
        .iter()
        .filter(|call| uses_token(call) && call.fault.is_some());
    let deaths = token_steps(facts).count() + faulted.count();
    let kept = upstream.iter().filter(|call| carries_a_kept(facts, call));
    let anew = fetches.len().saturating_sub(kept.count());
    if codes < ENOUGH_CODES || anew < codes || fetches.len() <= PER_DEATH * deaths.max(1) {
        return None;
    }
    let steps = fetches
        .iter()
        .filter_map(|at| facts.call_step(*at, StepKind::UpstreamArrived));
    let sentence = say!(
        "{codes} phone codes were sent, and the backend fetched {fetches} access_tokens for them; one serves them all.",
        "提交了 {codes} 个手机号 code，后端为此获取了 {fetches} 次 access_token；一个就够大家用。",
        codes = codes,
        fetches = fetches.len(),
    );
    let finding = Finding::must("AT-01", None, sentence);
    Some(finding.at(Level::Should).steps(steps))
}

/// Whether a call was refused for a token that its maker had kept since before the tokens died: none had come to the backend
/// since.
fn carries_a_kept(facts: &Facts<'_>, call: &UpstreamCall) -> bool {
    let steps = &facts.history.steps;
    let deaths = token_steps(facts).map(|at| steps[at].tick);
    let died = deaths.filter(|tick| *tick < call.arrived).max();
    let mut fetches = facts.history.upstream.iter();
    refused_as_dead(call)
        && !fetches.any(|fetch| {
            brought_token(facts, fetch)
                && fetch.released > died
                && fetch.released < Some(call.arrived)
        })
}

/// Whether an access_token was asked for after every one that had been given was dead.
#[must_use]
pub fn fetched_anew(history: &History) -> bool {
    let mut steps = history.steps.iter().rev();
    let died = steps.find(|step| step.kind == StepKind::World && is_death(&step.text));
    let mut calls = history.upstream.iter();
    died.is_some_and(|died| calls.any(|call| is_fetch(call) && call.arrived > died.tick))
}

/// Whether a step of the world leaves no access_token alive.
pub(crate) fn is_death(text: &str) -> bool {
    matches!(text, "token killed" | "token expired")
}

/// What the scenario did to the tokens: the places of these steps.
pub(crate) fn token_steps<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = usize> + 'a {
    let steps = facts.history.steps.iter().enumerate();
    steps
        .filter(|(_, step)| step.kind == StepKind::World)
        .filter(|(_, step)| {
            let change = step.text.strip_prefix("token ");
            change.is_some_and(|change| !change.starts_with("overlap="))
        })
        .map(|(at, _)| at)
}

/// AT-03: a refused or dead access_token ends in one answer, after a bounded number of calls, and no refusal is kept as a
/// token.
pub(crate) fn at_03(facts: &Facts<'_>) -> Vec<Finding> {
    if !facts.settled() {
        return Vec::new();
    }
    facts
        .operations()
        .filter_map(|(index, op)| {
            endless(facts, index, op)
                .or_else(|| endless_exchange(facts, index, op))
                .or_else(|| kept(facts, index, op))
        })
        .collect()
}

/// How often one request asked for a token, and how often it made a call with one.
pub(crate) fn calls_made(facts: &Facts<'_>, index: usize) -> (usize, usize) {
    let count = |wanted| count_calls(facts, index, wanted);
    (count(is_fetch), count(uses_token))
}

/// How often one request exchanged its code.
pub(crate) fn exchanges_made(facts: &Facts<'_>, index: usize) -> usize {
    count_calls(facts, index, is_exchange)
}

fn count_calls(facts: &Facts<'_>, index: usize, wanted: fn(&UpstreamCall) -> bool) -> usize {
    let calls = facts.calls_of(index);
    calls.iter().filter(|(_, call)| wanted(call)).count()
}

/// The exchange of one login is made again and again: a nuisance to WeChat and to the phone, and nobody else's loss.
fn endless_exchange(facts: &Facts<'_>, index: usize, op: &Operation) -> Option<Finding> {
    let made = exchanges_made(facts, index);
    (made > MOST_CALLS).then(|| {
        let sentence = say!(
            "{who} did `{label}`, and for that one login the backend exchanged the code {made} times; {most} calls are the most.",
            "{who} 执行 `{label}`，就为这一次登录，后端把 code 换取了 {made} 次；最多只能 {most} 次。",
            who = facts.who(op),
            label = op.label,
            made = made,
            most = MOST_CALLS,
        );
        Finding::must("AT-03", index, sentence)
            .at(Level::Should)
            .steps(facts.ends_of(index))
    })
}

fn endless(facts: &Facts<'_>, index: usize, op: &Operation) -> Option<Finding> {
    let (fetches, uses) = calls_made(facts, index);
    if fetches.max(uses) <= MOST_CALLS {
        return None;
    }
    let sentence = say!(
        "{who} did `{label}`, and for that one request the backend asked WeChat for an access_token {fetches} times and for the number {uses} times; {most} calls are the most.",
        "{who} 执行 `{label}`，就为这一个请求，后端向微信获取 access_token {fetches} 次、取手机号 {uses} 次；最多只能 {most} 次。",
        who = facts.who(op),
        label = op.label,
        fetches = fetches,
        uses = uses,
        most = MOST_CALLS,
    );
    let refused = facts.calls_of(index).into_iter().rev().find_map(|(_, call)| {
        let errcode = call.errcode.filter(|code| *code != 0)?;
        Some(say!(
            "The answer was errcode {errcode} each time: asking again at once cannot change it, and each call costs the quota of the whole app.",
            "每次的回答都是 errcode {errcode}：马上再问也不会变，而每次调用都在消耗整个小程序的额度。",
            errcode = errcode
        ))
    });
    let finding = Finding::must("AT-03", index, sentence).steps(facts.ends_of(index));
    Some(match refused {
        Some(line) => finding.because(line),
        None => finding,
    })
}

fn kept(facts: &Facts<'_>, index: usize, op: &Operation) -> Option<Finding> {
    let (place, errcode) = kept_refusal(facts, index, op)?;
    let arrived = facts.call_step(place, StepKind::UpstreamArrived);
    let sentence = say!(
        "{who} did `{label}`; the backend asked without a token WeChat had given (errcode {errcode}) and fetched none, though WeChat would have given one: {got}.",
        "{who} 执行 `{label}`；后端带去的不是微信给过的 token（errcode {errcode}），也没有重新获取，而这时微信是会给的；结果：{got}。",
        who = facts.who(op),
        label = op.label,
        errcode = errcode,
        got = said(&op.answer),
    );
    Some(
        Finding::must("AT-03", index, sentence)
            .because(say!(
                "The call at {place} carries what an earlier refusal left in the cache.",
                "{place}的调用带的是先前被拒时存进缓存的东西。",
                place = facts.place(arrived)
            ))
            .steps(arrived)
            .steps(facts.ends_of(index)),
    )
}

/// The call of a request that came to nothing because its token is none, where an earlier fetch was refused and the request
/// itself fetched nothing.
pub(crate) fn kept_refusal(
    facts: &Facts<'_>,
    index: usize,
    op: &Operation,
) -> Option<(usize, i64)> {
    if op.answer.outcome == Outcome::Ok {
        return None;
    }
    let calls = facts.calls_of(index);
    let (place, call) = calls.iter().copied().find(|(_, call)| {
        uses_token(call)
            && call.fault.is_none()
            && call.errcode.is_some_and(|code| NO_TOKEN.contains(&code))
    })?;
    let refused_before = facts.history.upstream.iter().any(|fetch| {
        is_fetch(fetch) && fetch.arrived < call.arrived && !brought_token(facts, fetch)
    });
    let fetched = calls.iter().any(|(_, call)| is_fetch(call));
    (refused_before && !fetched).then(|| (place, call.errcode.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JudgeContext;
    use crate::judged::told_alike;
    use wxmock_histories::Builder;

    fn check(history: &History, expected: &[(&str, Level)]) {
        let found = crate::judge(history, &JudgeContext::default());
        found.iter().for_each(told_alike);
        let found: Vec<_> = found.iter().map(|v| (v.rule.as_str(), v.level)).collect();
        assert_eq!(found, expected);
    }

    fn asked(n_fetches: usize, n_uses: usize, errcode: i64) -> History {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        let op = b.phone_code("P1", "t1");
        for _ in 0..n_fetches {
            b.ask(op, "token", errcode);
        }
        for _ in 0..n_uses {
            b.ask(op, "getuserphonenumber", errcode);
        }
        b.answer(op, Outcome::RetryLater);
        b.history
    }

    #[test]
    fn at_03_counts_the_calls_of_one_request() {
        check(&asked(6, 0, 40164), &[]);
        check(&asked(7, 0, 40164), &[("AT-03", Level::Must)]);
        check(&asked(0, 6, -1), &[]);
        check(&asked(2, 7, 40001), &[("AT-03", Level::Must)]);
    }

    #[test]
    fn at_03_counts_the_exchanges_of_one_login() {
        let exchanged = |times: usize| {
            let mut b = Builder::new();
            let op = b.submit("P1", "c1");
            for _ in 0..times {
                let call = b.refuse(op, -1);
                b.reply(call);
            }
            b.answer(op, Outcome::RetryLater);
            b.history
        };
        check(&exchanged(6), &[]);
        check(&exchanged(7), &[("AT-03", Level::Should)]);
    }

    #[test]
    fn at_03_catches_a_refusal_kept_as_a_token() {
        let kept = |fetches: bool, errcode: i64| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let first = b.phone_code("P1", "t1");
            b.ask(first, "stable_token", 45009);
            b.answer(first, Outcome::RetryLater);
            let second = b.phone_code("P1", "t1");
            if fetches {
                b.ask(second, "stable_token", 0);
            }
            b.ask(second, "getuserphonenumber", errcode);
            b.answer(second, Outcome::RetryLater);
            b.history
        };
        check(&kept(false, 41001), &[("AT-03", Level::Must)]);
        check(&kept(false, 40014), &[("AT-03", Level::Must)]);
        check(&kept(true, 40014), &[]);
        check(&kept(false, 40029), &[]);
    }

    /// Eight phone codes one after the other; each of the first `n` fetches, after a refusal where it had `kept` a dead one.
    fn one_by_one(n: usize, change: &str, deaths: usize, kept: bool) -> History {
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        for _ in 0..deaths {
            b.world(change);
        }
        for at in 0..ENOUGH_CODES {
            let op = b.phone_code("P1", "t1");
            if kept && at < 4 {
                b.ask(op, "getuserphonenumber", 40001);
            }
            if at < n {
                b.ask(op, "token", 0);
            }
            b.ask(op, "getuserphonenumber", 0);
            b.answer(op, Outcome::Ok).plaintext = Some("13800138000".into());
        }
        b.history
    }

    #[test]
    fn a_token_is_fetched_anew_after_the_last_death_and_not_before() {
        let fetched = |endpoint: &str, change: &str, is_before: bool| {
            let mut b = Builder::new();
            b.login("P1", "c1", 1, "t1");
            let op = b.phone_code("P1", "t1");
            if is_before {
                b.ask(op, endpoint, 0);
                b.world(change);
            } else {
                b.world(change);
                b.ask(op, endpoint, 0);
            }
            fetched_anew(&b.history)
        };
        assert!(fetched("stable_token", "token killed", false));
        assert!(fetched("token", "token expired", false));
        assert!(!fetched("token", "token killed", true));
        assert!(!fetched("token", "token fetched", false));
        assert!(!fetched("getuserphonenumber", "token killed", false));
    }

    #[test]
    fn at_01_wants_fewer_fetches_than_calls_and_knows_what_kills_a_token() {
        let warned = [("AT-01", Level::Should)];
        check(&one_by_one(8, "token killed", 0, false), &warned);
        check(&one_by_one(8, "token killed", 1, false), &warned);
        check(&one_by_one(7, "token killed", 1, false), &[]);
        check(&one_by_one(8, "token fetched", 4, false), &[]);
        check(&one_by_one(8, "token overlap=none", 4, false), &warned);
    }

    #[test]
    fn at_01_spares_processes_that_each_replace_the_dead_token_they_kept() {
        // AT-8 with four workers: each code meets another one.
        let mut b = Builder::new();
        b.login("P1", "c1", 1, "t1");
        for at in 0..4 {
            if at == 1 {
                b.world("token killed");
            }
            let op = b.phone_code("P1", "t1");
            b.ask(op, "getuserphonenumber", 40001);
            b.ask(op, "stable_token", 0);
            b.ask(op, "getuserphonenumber", 0);
            b.answer(op, Outcome::Ok).plaintext = Some("13800138000".into());
        }
        check(&b.history, &[]);
        // The first of eight shows that it had kept one, so that not every call fetches for want of a cache.
        check(&one_by_one(8, "token killed", 1, true), &[]);
    }
}
