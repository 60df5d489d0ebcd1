//! What the proving finds wrong with a backend, before any case.

use super::decide::Seen;
use crate::run::leak::Leak;
use wxmock_model::history::Outcome;
use wxmock_model::lang::Say;
use wxmock_model::mechanism::Mechanism;
use wxmock_model::proof::Probe;
use wxmock_model::say;
use wxmock_model::verdict::{Impact, Level, Violation};

pub(super) fn violation(
    rule: &str,
    impact: Impact,
    op: &str,
    outcome: Outcome,
    sentence: Say,
) -> Violation {
    Violation {
        rule: rule.to_owned(),
        level: Level::Must,
        impact: Some(impact),
        op: Some(op.to_owned()),
        outcome: Some(outcome),
        sentence: sentence.en,
        sentence_zh: sentence.zh,
        ..Violation::default()
    }
}

pub(super) fn empty_success(seen: &Seen, asked: Say, missing: &[String]) -> Violation {
    let sentence = say!(
        "`{op}` answers {asked} with a success that holds no {missing}: {body}",
        "`{op}` 对{asked}回答成功，但应答里没有 {missing}：{body}",
        op = seen.op,
        asked = asked,
        missing = Say::join(missing, &say!(", ", "、")),
        body = seen.shown
    );
    let outcome = seen.reading.outcome;
    Violation {
        mechanism: Mechanism::EmptySuccess,
        ..violation("KEY-02", Impact::LockOut, &seen.op, outcome, sentence)
    }
}

pub(super) fn granted(op: &str, probe: Probe) -> Violation {
    let what = spoilt_words(probe);
    let rule = match probe {
        Probe::MadeUpCode => "ERR-01",
        _ => "KEY-01",
    };
    let sentence = say!(
        "`{op}` answers {what} as it answers an honest request, with a success and its data",
        "`{op}` 对{what}的回答和正常请求一样：成功，还带着数据",
        op = op,
        what = what
    );
    let mechanism = if probe.spoils_signature() {
        Mechanism::SignatureNotChecked
    } else {
        Mechanism::Open
    };
    Violation {
        mechanism,
        ..violation(rule, Impact::Security, op, Outcome::Ok, sentence)
    }
}

/// What a probe sends.
pub(super) fn spoilt_words(probe: Probe) -> Say {
    match probe {
        Probe::MadeUpCode => say!(
            "a code that WeChat never issued",
            "一个微信从未签发过的 code"
        ),
        Probe::GarbagePayload => say!(
            "sealed data that no key opens",
            "一段任何 key 都解不开的加密数据"
        ),
        Probe::UndecodablePayload => say!(
            "text that is no sealed data at all",
            "一段根本不是加密数据的文本"
        ),
        Probe::FalseSignature => say!(
            "a signature that no key made",
            "一个任何 key 都算不出来的 signature"
        ),
        Probe::AlteredRawData => say!(
            "rawData that was changed after it was signed",
            "签名之后被改过的 rawData"
        ),
        Probe::UnknownToken => say!(
            "a session token that was never issued",
            "一个从未签发过的会话 token"
        ),
        Probe::NoToken => say!("no session token", "不带会话 token 的请求"),
    }
}

/// A secret in an answer.
pub(super) fn leaked(op: &str, outcome: Outcome, leak: &Leak) -> Violation {
    let sentence = say!(
        "`{op}`: {leak}",
        "`{op}`：{leak}",
        op = op,
        leak = leak.sentence()
    );
    let mechanism = if outcome == Outcome::Ok {
        Mechanism::LeakInAnswer
    } else {
        Mechanism::LeakInErrorPath
    };
    Violation {
        mechanism,
        ..violation("TOK-03", Impact::Security, op, outcome, sentence)
    }
}
