//! Whether a backend's answer to a push is one WeChat takes. Knows neither sockets nor how often a push is repeated.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    message::PushWhat,
    seal::{PushOpenError, msg_signature, open_push},
    settings::{PushMode, PushSettings},
};
use crate::AppId;

/// What came back for one attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PushAnswer {
    /// An HTTP answer.
    Answer {
        /// Its status.
        status: u16,
        /// Its body, or the beginning of it.
        body: Vec<u8>,
    },
    /// None: refused, reset, or not in time. The text says which.
    Nothing(String),
}

/// What WeChat makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Verdict {
    /// Taken.
    Accepted,
    /// Not what WeChat wants; it is not told again.
    Wrong {
        /// What is wrong with it, and what is wanted.
        why: String,
    },
    /// As good as no answer: it is told again.
    Failed {
        /// What happened.
        why: String,
    },
}

/// Most characters of a wrong answer that are repeated.
const SHOWN: usize = 80;

/// Judges an answer.
///
/// The URL check wants the `echostr` and nothing else. An event wants an empty body, `success`, or in a mode with a key a
/// sealed reply; an `xpay_*` event wants `{"ErrCode":0,"ErrMsg":"success"}` and is repeated until it gets it. No answer in time
/// is repeated, as documented; that a status other than 200 counts as none is inferred from WeCom's page on the same protocol.
pub(crate) fn judge(
    app: &AppId,
    settings: &PushSettings,
    what: &PushWhat,
    echostr: &str,
    heard: &PushAnswer,
) -> Verdict {
    let (status, body) = match heard {
        PushAnswer::Nothing(why) => return Verdict::Failed { why: why.clone() },
        PushAnswer::Answer { status, body } => (*status, body),
    };
    if status != 200 {
        let why = format!("the backend answered HTTP {status}; WeChat wants 200");
        return match what {
            PushWhat::UrlVerification => Verdict::Wrong { why },
            PushWhat::Event(_) => Verdict::Failed { why },
        };
    }
    let text = String::from_utf8_lossy(body);
    match what {
        PushWhat::UrlVerification => echoed(&text, echostr),
        PushWhat::Event(_) if what.is_xpay() => confirmed(&text),
        PushWhat::Event(_) => replied(app, settings, &text),
    }
}

fn wrong(why: impl Into<String>) -> Verdict {
    Verdict::Wrong { why: why.into() }
}

fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("`{}`", shown.escape_debug())
}

fn echoed(text: &str, echostr: &str) -> Verdict {
    if text == echostr {
        return Verdict::Accepted;
    }
    wrong(if text.is_empty() {
        "the body is empty; answer the echostr as it came".to_owned()
    } else if text.trim() == echostr {
        "the echostr came with white space around it; answer it alone".to_owned()
    } else if text.trim().trim_matches('"') == echostr {
        "the echostr came in quotation marks, as JSON; answer the bare text".to_owned()
    } else {
        format!("the body is {}; answer the echostr alone", shown(text))
    })
}

fn confirmed(text: &str) -> Verdict {
    const WANTED: &str = r#"{"ErrCode":0,"ErrMsg":"success"}"#;
    let errcode = serde_json::from_str::<Value>(text)
        .ok()
        .and_then(|reply| reply.get("ErrCode").and_then(Value::as_i64))
        .or_else(|| element(text, "ErrCode")?.trim().parse().ok());
    match errcode {
        Some(0) => Verdict::Accepted,
        Some(other) => Verdict::Failed {
            why: format!("the backend answered ErrCode {other}; WeChat repeats the event"),
        },
        None => Verdict::Failed {
            why: format!("the body is {}; an xpay event wants {WANTED}", shown(text)),
        },
    }
}

fn replied(app: &AppId, settings: &PushSettings, text: &str) -> Verdict {
    if text.is_empty() || text == "success" {
        return Verdict::Accepted;
    }
    if text.trim() == "success" || text.trim().is_empty() {
        return wrong(
            "white space around the reply; answer an empty body or the bare word success",
        );
    }
    if text.trim() == "\"success\"" {
        return wrong("success came in quotation marks, as JSON; answer the bare word");
    }
    let Some(sealed) = Sealed::read(text) else {
        return wrong(format!(
            "the body is {}; answer an empty body or the bare word success",
            shown(text)
        ));
    };
    let key = settings
        .encoding_aes_key
        .as_ref()
        .filter(|_| settings.mode != PushMode::Plaintext);
    let Some(key) = key else {
        return wrong("the reply is sealed, but the push was in plaintext mode");
    };
    let signed = msg_signature(
        &settings.token,
        &sealed.timestamp,
        &sealed.nonce,
        &sealed.encrypt,
    );
    if signed != sealed.msg_signature {
        return wrong(
            "-40001: MsgSignature is not the SHA-1 of token, TimeStamp, Nonce and Encrypt, sorted and joined",
        );
    }
    match open_push(key, app, &sealed.encrypt) {
        Ok(_) => Verdict::Accepted,
        Err(error) => {
            let number = match error {
                PushOpenError::Base64 => -40010,
                PushOpenError::Decrypt => -40007,
                PushOpenError::Buffer => -40008,
                PushOpenError::AppId => -40005,
            };
            wrong(format!("{number}: {error}"))
        }
    }
}

/// A sealed reply: `Encrypt`, `MsgSignature`, `TimeStamp`, `Nonce`.
struct Sealed {
    encrypt: String,
    msg_signature: String,
    timestamp: String,
    nonce: String,
}

impl Sealed {
    fn read(text: &str) -> Option<Self> {
        let json = serde_json::from_str::<Value>(text).ok();
        let field = |name: &str| match &json {
            Some(reply) => match reply.get(name)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            },
            None => element(text, name),
        };
        Some(Self {
            encrypt: field("Encrypt")?,
            msg_signature: field("MsgSignature")?,
            timestamp: field("TimeStamp")?,
            nonce: field("Nonce")?,
        })
    }
}

/// The text of an element of a flat XML reply. A reader for four names of one document needs no parser; whatever it does not
/// understand is a wrong answer, and is said to be.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once(&format!("</{name}>"))?;
    let content = content.trim();
    let bare = content
        .strip_prefix("<![CDATA[")
        .and_then(|content| content.strip_suffix("]]>"));
    Some(bare.unwrap_or(content).to_owned())
}
