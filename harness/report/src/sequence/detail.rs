//! What the history holds about a row, line by line, for whoever clicks on it. Never a secret: the history has none.

use crate::phrases::{answered, sealed};
use wxmock_judge::steps;
use wxmock_model::history::{History, Operation, PayloadRecord, Tick, UpstreamCall};

/// (what, value).
pub(super) type Detail = Vec<(&'static str, String)>;

pub(super) fn asked(history: &History, op: &Operation) -> Detail {
    let mut detail = vec![
        ("operation", op.op.clone()),
        ("phone", format!("{} ({})", op.phone, op.user)),
    ];
    detail.extend(op.code.iter().map(|code| ("code", code.clone())));
    let token = op.token_name.as_deref().or(op.token_of.as_deref());
    detail.extend(token.map(|name| ("token", name.to_owned())));
    if let Some(payload) = op.payload.and_then(|payload| history.payloads.get(payload)) {
        detail.push((
            "payload",
            format!("{} {}", payload.name, sealed(payload.key_no).en),
        ));
    }
    detail
}

pub(super) fn told(op: &Operation) -> Detail {
    let answer = &op.answer;
    let mut detail = vec![("answer", answered(answer))];
    detail.extend(op.took_ms.map(|took| ("took", format!("{took} ms"))));
    detail.extend(answer.user_id.iter().map(|id| ("user", id.clone())));
    detail.extend(
        answer
            .plaintext
            .iter()
            .map(|seen| ("plaintext", seen.clone())),
    );
    detail.extend(
        answer
            .token_hash
            .iter()
            .map(|hash| ("token_hash", hash.clone())),
    );
    detail.extend(Some(("body", answer.excerpt.clone())).filter(|(_, body)| !body.is_empty()));
    detail.extend(
        answer
            .findings
            .iter()
            .map(|(rule, why)| ("finding", format!("{rule}: {why}"))),
    );
    detail
}

pub(super) fn called(history: &History, call: &UpstreamCall) -> Detail {
    let numbers = steps::numbers(history);
    let row = |tick: Tick| {
        let step = history.steps.iter().position(|step| step.tick == tick)?;
        numbers.get(step).map(ToString::to_string)
    };
    let mut detail = vec![("call", call.endpoint.clone())];
    detail.extend(call.code.iter().map(|code| ("code", code.clone())));
    detail.extend(call.key_no.map(|no| ("key", format!("k{no}"))));
    detail.extend(
        call.errcode
            .filter(|code| *code != 0)
            .map(|code| ("errcode", code.to_string())),
    );
    detail.extend(call.fault.iter().map(|fault| ("fault", fault.clone())));
    if let (Some(from), Some(to)) = (call.committed.and_then(row), call.released.and_then(row)) {
        detail.push(("held", format!("{from} → {to}")));
    }
    if !call.delivered {
        detail.push(("delivered", "no".to_owned()));
    }
    detail
}

pub(super) fn captured(payload: &PayloadRecord) -> Detail {
    vec![
        ("payload", payload.name.clone()),
        ("data", payload.api.clone()),
        ("sealed", sealed(payload.key_no).en),
        ("mark", payload.mark.clone()),
    ]
}
