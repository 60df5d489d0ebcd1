//! What pictures say of a request, an answer, a call to WeChat and what a fault did to it: the same words in the terminal, the
//! SVG, the Mermaid text and the page. Knows nothing of columns, but that some places have few.

use crate::width;
use wxmock_model::history::{
    Answer, BodyLook, FaultKind, Forgery, History, Operation, Outcome, PayloadRecord, Phase,
    UpstreamCall,
};
use wxmock_model::lang::{Lang, Say};
use wxmock_model::say;

/// A statement and its answer: `SELECT id FROM user WHERE openid = o1 → 0 rows`.
pub(crate) fn stated(said: &wxmock_model::history::StatementRecord) -> String {
    let who = if said.name.is_empty() { "? " } else { "" };
    match said.answer.as_str() {
        "" => format!("{who}{}", said.text),
        answer => format!("{who}{} → {answer}", said.text),
    }
}

/// Whether what reached the backend is an errcode of WeChat's, whole.
pub(super) fn failed(history: &History, call: &UpstreamCall) -> bool {
    call.errcode.is_some_and(|code| code != 0) && !is_spoiled(history, call)
}

/// Whether neither data nor an errcode reached the backend whole.
pub(super) fn lost(history: &History, call: &UpstreamCall) -> bool {
    !call.delivered && !failed(history, call)
}

/// Whether a fault took the reply, or put something else in its place: then what WeChat would have said is not what came.
fn is_spoiled(history: &History, call: &UpstreamCall) -> bool {
    let spoils = |effect| {
        matches!(
            effect,
            FaultKind::Status(..)
                | FaultKind::Body(_)
                | FaultKind::Silent
                | FaultKind::Reset
                | FaultKind::CutAt(_)
        )
    };
    !call.delivered && effect(history, call).is_some_and(spoils)
}

/// Under which key a payload is sealed.
pub(super) fn sealed(key_no: Option<u32>) -> Say {
    match key_no {
        Some(no) => say!("under k{no}", "用 k{no} 加密", no = no),
        None => say!("own key", "用自造的 key 加密"),
    }
}

/// The same in 13 columns.
pub(super) fn sealed_in_few_columns(key_no: Option<u32>) -> Say {
    match key_no {
        Some(_) => sealed(key_no),
        None => say!("own key", "用自造的 key"),
    }
}

/// What the rows of a phase are, above the first of them.
pub(super) fn phase(phase: Phase) -> Say {
    match phase {
        Phase::Before => say!("before the race", "并发之前"),
        Phase::Race => say!("the race, in the forced order", "并发，按强制的顺序"),
        Phase::After => say!("at rest", "请求全部结束后"),
        Phase::Probe => say!("probes: what the store opens", "探测：后端还能解开什么"),
    }
}

/// What the mark of overtaken replies means.
pub(super) fn overtaken() -> Say {
    say!(
        "these replies overtook each other: the older key arrived last",
        "这些应答互相超车：旧的 key 最后才到"
    )
}

/// A name the scenario gave; names the harness makes up for its own steps are phrases and only fill the row.
pub(super) fn single_word(name: &str) -> Option<&str> {
    Some(name).filter(|name| !name.contains(' '))
}

/// "code c1", from what a mint's step says: "wx.login gives c1", "P1 mint as c1".
pub(super) fn minted(text: &str) -> String {
    let name = [" gives ", " as "]
        .iter()
        .find_map(|word| text.split_once(word));
    match name.and_then(|(_, name)| single_word(name)) {
        Some(name) => format!("code {name}"),
        None => "code".to_owned(),
    }
}

/// "code2session c1".
pub(super) fn short(call: &UpstreamCall) -> String {
    let endpoint = call
        .endpoint
        .rsplit('/')
        .next()
        .unwrap_or(&call.endpoint)
        .trim_start_matches("jscode");
    let endpoint = if endpoint == "2session" {
        "code2session"
    } else {
        endpoint
    };
    match call.code.as_deref().and_then(single_word) {
        Some(code) => format!("{endpoint} {code}"),
        None => endpoint.to_owned(),
    }
}

pub(super) fn reply_word(call: &UpstreamCall) -> String {
    match (call.errcode.filter(|code| *code != 0), call.key_no) {
        (Some(code), _) => code.to_string(),
        (None, Some(no)) => format!("k{no}"),
        (None, None) => "ok".to_owned(),
    }
}

/// "P1 send p (k2), t2".
pub(super) fn asks(history: &History, op: &Operation) -> String {
    let payload = op.payload.and_then(|payload| history.payloads.get(payload));
    let sealed = payload
        .and_then(|payload| payload.key_no)
        .map_or_else(String::new, |no| format!(" (k{no})"));
    let probe = op.phase == Phase::Probe;
    let label = match payload {
        Some(payload) if probe && payload.user != op.user => {
            format!("probe, payload of {}", payload.user)
        }
        Some(payload) if probe && op.code.is_none() => format!("probe{}", probed_key(payload)),
        _ => format!("{}{sealed}", op.label),
    };
    let token = match op.token_name.as_deref().and_then(single_word) {
        Some(name) if !probe => format!(", {name}"),
        _ => String::new(),
    };
    // Steps outside the race are written with their phone.
    let label = label
        .strip_prefix(&format!("{} ", op.phone))
        .unwrap_or(&label);
    format!("{} {label}{token}", op.phone)
}

/// Under which key a probe is sealed: " k2", ", key of B", ", key never issued".
fn probed_key(payload: &PayloadRecord) -> String {
    match (payload.key_no, &payload.key_of, payload.forgery) {
        (Some(no), ..) => format!(" k{no}"),
        (None, Some(other), _) => format!(", key of {other}"),
        // A transcript of an older version does not say whose.
        (None, None, Some(Forgery::ForeignKey)) => ", key of another".to_owned(),
        (None, None, _) => ", key never issued".to_owned(),
    }
}

/// "200 ok, token t2".
pub(super) fn answered(answer: &Answer) -> String {
    let token = answer.token_name.as_deref().and_then(single_word);
    let token = token.map_or_else(String::new, |name| format!(", token {name}"));
    match (answer.status, answer.outcome) {
        (None, _) => "no answer".to_owned(),
        (Some(status), Outcome::Ok) => format!("{status} ok{token}"),
        (Some(status), Outcome::Relogin) => format!("{status} relogin"),
        (Some(status), Outcome::RetryLater) => format!("{status} retry_later"),
        (Some(status), Outcome::Denied) => format!("{status} denied"),
        (Some(status), Outcome::Invalid) => format!("{status} invalid"),
        (Some(status), Outcome::ServerError) => format!("{status} server_error"),
        (Some(status), Outcome::Indefinite) => format!("{status} unclassified"),
    }
}

/// What a fault did to a call, as far as the history says.
pub(super) fn effect(history: &History, call: &UpstreamCall) -> Option<FaultKind> {
    history.fault_of(call)?.effect
}

/// Whether something that looks like an answer reached the backend, be it the wrong one.
pub(super) fn arrives(history: &History, call: &UpstreamCall) -> bool {
    let answers = matches!(
        effect(history, call),
        Some(
            FaultKind::Errcode(_)
                | FaultKind::Status(..)
                | FaultKind::Body(_)
                | FaultKind::OtherType
                | FaultKind::NoType
        )
    );
    !lost(history, call) || answers && call.released.is_some()
}

/// What came back of a call, in at most so many columns where it can be said in them: `k1`, `errcode -1`, `silent`.
pub(super) fn came_back(
    history: &History,
    call: &UpstreamCall,
    columns: usize,
    lang: Lang,
) -> String {
    if failed(history, call) {
        let code = reply_word(call);
        let full = format!("errcode {code}");
        return if width::of(&full) <= columns {
            full
        } else {
            code
        };
    }
    let told = effect(history, call).map(in_few_columns);
    let told = told.as_ref().map(|words| words.in_lang(lang));
    match (lost(history, call), told, &call.fault) {
        (true, Some(told), _) => told.to_owned(),
        (true, None, Some(label)) => label.clone(),
        (false, Some(told), _) => format!("{}, {told}", reply_word(call)),
        _ => reply_word(call),
    }
}

/// What a fault does to a reply.
pub(super) fn in_full(effect: FaultKind) -> Say {
    match effect {
        FaultKind::Errcode(code) => say!("errcode {code}", "errcode {code}", code = code),
        FaultKind::Status(status, look) => say!(
            "HTTP {status}, {look}",
            "HTTP {status}，{look}",
            status = u32::from(status),
            look = body(look)
        ),
        FaultKind::Body(look) => body(look),
        FaultKind::LateMs(ms) => say!("late by {span}", "迟到 {span}", span = seconds(ms)),
        FaultKind::Silent => say!("silent, never answered", "一直不回应"),
        FaultKind::Reset => say!("connection reset", "连接被重置"),
        FaultKind::CutAt(bytes) => say!(
            "cut at {bytes} bytes",
            "在第 {bytes} 字节处截断",
            bytes = bytes
        ),
        FaultKind::OtherType => say!("another Content-Type", "Content-Type 不对"),
        FaultKind::NoType => say!("no Content-Type", "没有 Content-Type"),
    }
}

fn body(look: BodyLook) -> Say {
    match look {
        BodyLook::Empty => say!("an empty body", "返回体为空"),
        BodyLook::Html => say!("an HTML page", "返回的是网页"),
        BodyLook::Json => say!("JSON with other contents", "JSON 内容不对"),
        BodyLook::Keyless => say!("no session_key", "没有 session_key"),
        BodyLook::Text => say!("text that is no JSON", "返回的不是 JSON"),
    }
}

/// The same in ten columns.
pub(super) fn in_few_columns(effect: FaultKind) -> Say {
    match effect {
        FaultKind::Status(status, look) => say!(
            "{status} {look}",
            "{status} {look}",
            status = u32::from(status),
            look = match look {
                BodyLook::Empty => say!("empty", "空"),
                BodyLook::Html => say!("HTML", "网页"),
                BodyLook::Json | BodyLook::Keyless => say!("JSON", "JSON"),
                BodyLook::Text => say!("text", "文本"),
            }
        ),
        FaultKind::Body(look) => match look {
            BodyLook::Empty => say!("empty body", "空返回体"),
            BodyLook::Html => say!("HTML page", "网页"),
            BodyLook::Json => say!("wrong JSON", "JSON 不对"),
            BodyLook::Keyless => say!("no session_key", "无 session_key"),
            BodyLook::Text => say!("not JSON", "非 JSON"),
        },
        FaultKind::LateMs(ms) => say!("late {span}", "迟 {span}", span = seconds(ms)),
        FaultKind::Silent => say!("silent", "不回应"),
        FaultKind::Reset => say!("reset", "连接重置"),
        FaultKind::CutAt(bytes) => say!("cut at {bytes}B", "截断 {bytes}B", bytes = bytes),
        FaultKind::OtherType => say!("wrong type", "类型不对"),
        FaultKind::NoType => say!("no type", "无类型"),
        FaultKind::Errcode(_) => in_full(effect),
    }
}

/// "6 s", "0.5 s".
fn seconds(ms: u64) -> String {
    match ms % 1000 {
        0 => format!("{} s", ms / 1000),
        rest => format!("{}.{} s", ms / 1000, rest / 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_effect_fits_in_ten_columns_and_says_what_happened() {
        for (effect, few, full) in [
            (FaultKind::Errcode(-1), "errcode -1", "errcode -1"),
            (
                FaultKind::Status(502, BodyLook::Html),
                "502 HTML",
                "HTTP 502, an HTML page",
            ),
            (FaultKind::CutAt(24), "cut at 24B", "cut at 24 bytes"),
            (FaultKind::Silent, "silent", "silent, never answered"),
            (FaultKind::LateMs(6_500), "late 6.5 s", "late by 6.5 s"),
            (FaultKind::Reset, "reset", "connection reset"),
            (
                FaultKind::Body(BodyLook::Empty),
                "empty body",
                "an empty body",
            ),
            (FaultKind::NoType, "no type", "no Content-Type"),
        ] {
            assert_eq!(in_few_columns(effect).en, few);
            assert_eq!(in_full(effect).en, full);
            for text in [&in_few_columns(effect).en, &in_few_columns(effect).zh] {
                assert!(width::of(text) <= 10, "{text}");
            }
        }
    }

    #[test]
    fn a_probe_says_whose_key_it_is_sealed_under() {
        let mut b = wxmock_histories::Builder::new();
        b.login("P1", "c1", 1, "t1");
        b.phase(Phase::Probe);
        for (forgery, said) in [
            (Forgery::ForeignKey, "P1 probe, key of B"),
            (Forgery::NeverIssuedKey, "P1 probe, key never issued"),
        ] {
            let p = b.forge("P1", "p", forgery);
            let op = b.send("P1", p, "t1");
            assert_eq!(asks(&b.history, &b.history.operations[op]), said);
        }
    }

    #[test]
    fn a_body_is_known_by_its_look() {
        for (text, look) in [
            ("", BodyLook::Empty),
            ("<html>", BodyLook::Html),
            (r#"{"openid":1}"#, BodyLook::Json),
            (r#"{"openid":"o"}"#, BodyLook::Keyless),
            (r#"{"openid":"o","session_key":"k"}"#, BodyLook::Json),
            (r#"{"openid":"o","errcode":1}"#, BodyLook::Json),
            ("oops", BodyLook::Text),
        ] {
            assert_eq!(BodyLook::of(text), look, "{text}");
        }
    }
}
