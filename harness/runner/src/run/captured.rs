//! What was said while an order ran, raw until the order is over: only then is every secret known by its name.
//!
//! Knows whose each exchange is; leaves to [`super::mask`] how a secret is found.

use std::fmt;

use wxmock_server::{CallInfo, HttpVersion, Route, Spoken};

use super::mask::{Mask, Raw};
use super::payload_store::PayloadStore;
use wxmock_adapter::{Asked, RawAnswer};
use wxmock_model::history::{Exchange, History, Message, Traffic};

/// Most of a phone's answer that is kept raw.
const KEPT: usize = 16 << 10;

/// The exchanges of one order, raw.
#[derive(Default)]
pub(crate) struct CapturedTraffic {
    phones: Vec<(usize, Said)>,
    upstream: Vec<(usize, Said)>,
    /// Session tokens of answers, by value; unnamed until the payload_store names them.
    tokens: Vec<String>,
    /// (secret, name), once the order is over.
    names: Vec<(String, String)>,
}

impl fmt::Debug for CapturedTraffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = self.phones.len() + self.upstream.len();
        write!(f, "CapturedTraffic({said} exchanges withheld)")
    }
}

/// One exchange, raw.
struct Said {
    at_ms: i64,
    took_us: Option<u64>,
    http: &'static str,
    method: String,
    origin: String,
    target: String,
    asked: Raw,
    status: Option<u16>,
    answered: Raw,
    cut: bool,
}

impl CapturedTraffic {
    /// A phone sends a request.
    pub(crate) fn asked(&mut self, operation: usize, asked: Option<Asked>, now_ms: i64) {
        let Some(asked) = asked else { return };
        let said = Said {
            at_ms: now_ms,
            took_us: None,
            http: HttpVersion::Http11.as_str(),
            method: asked.method.to_string(),
            asked: raw(&asked.headers, &asked.body),
            origin: asked.origin,
            target: asked.target,
            status: None,
            answered: Raw::default(),
            cut: true,
        };
        self.phones.push((operation, said));
    }

    /// What it was answered.
    pub(crate) fn answered(&mut self, operation: usize, answer: &RawAnswer, token: Option<&str>) {
        self.tokens.extend(token.map(str::to_owned));
        let asked = self.phones.iter_mut().find(|(at, _)| *at == operation);
        if let Some((_, said)) = asked {
            if let Some(asked) = &answer.asked {
                said.method = asked.method.to_string();
                said.asked = raw(&asked.headers, &asked.body);
                said.target.clone_from(&asked.target);
            }
            said.took_us = u64::try_from(answer.took.as_micros()).ok();
            said.status = answer.status;
            said.answered = raw(&answer.headers, &answer.body);
            said.cut = answer.error.is_some();
        }
    }

    /// A call of the backend and what WeChat answered.
    pub(crate) fn call(&mut self, upstream: usize, info: &CallInfo, spoken: Spoken) {
        let origin = origin(info, &spoken);
        let reply = spoken.reply;
        let cut_after = reply.as_ref().and_then(|reply| reply.cut_after);
        let said = Said {
            at_ms: info.arrived.0,
            took_us: reply
                .as_ref()
                .and_then(|reply| u64::try_from(reply.after.as_micros()).ok()),
            http: info.via.http.as_str(),
            method: spoken.method,
            origin,
            target: spoken.target,
            asked: Raw {
                headers: spoken.headers,
                body: spoken.body.bytes.to_vec(),
                bytes: spoken.body.total,
            },
            status: reply.as_ref().map(|reply| reply.status),
            cut: reply
                .as_ref()
                .is_none_or(|reply| cut_after.is_some_and(|cut| cut < reply.body.total)),
            answered: reply.map_or_else(Raw::default, |reply| Raw {
                headers: reply.headers,
                bytes: cut_after.map_or(reply.body.total, |cut| cut.min(reply.body.total)),
                body: match cut_after {
                    Some(cut) => reply.body.bytes[..cut.min(reply.body.bytes.len())].to_vec(),
                    None => reply.body.bytes.to_vec(),
                },
            }),
        };
        self.upstream.push((upstream, said));
    }

    /// The same with every secret of the order by its name: nothing more will be said.
    pub(crate) fn with_names(self, payload_store: &PayloadStore, history: &History) -> Self {
        let names = self.named(payload_store, history);
        Self { names, ..self }
    }

    /// Every secret of the order, and what to call it; ciphertexts too, which are no secrets but say nothing to a reader.
    pub(crate) fn named(
        &self,
        payload_store: &PayloadStore,
        history: &History,
    ) -> Vec<(String, String)> {
        let mut names: Vec<(String, String)> = Vec::new();
        let alone = history.users.len() == 1;
        for (what, secret) in &history.secrets.known {
            names.push((secret.clone(), short_name(&what.en, alone)));
        }
        for (name, code) in &payload_store.codes {
            names.push((code.js_code.clone(), name.clone()));
        }
        for (name, code) in &payload_store.phone_codes {
            names.push((code.code.clone(), format!("phone code {name}")));
        }
        for (name, held) in &payload_store.payloads {
            let payload = &held.payload;
            let length = payload.encrypted_data.len();
            let what = format!("encryptedData of {name}, {length} characters");
            names.push((payload.encrypted_data.clone(), what));
            names.push((payload.iv.clone(), format!("iv of {name}")));
            if payload.key_no.is_none() {
                names.push((payload.key.clone(), format!("made-up key of {name}")));
            }
        }
        for token in &payload_store.tokens {
            for (capture, value) in &token.session {
                match capture.as_str() {
                    "token" => names.push((value.clone(), token.name.clone())),
                    "user_id" | "plaintext_nonce" | "phone" | "session_key" => {}
                    other => names.push((value.clone(), format!("{other} of {}", token.name))),
                }
            }
        }
        let unnamed = self.tokens.iter();
        names.extend(unnamed.map(|token| (token.clone(), "session token".to_owned())));
        for (_, said) in &self.upstream {
            for token in said.access_tokens() {
                if !names.iter().any(|(known, _)| *known == token) {
                    names.push((token, "access_token".to_owned()));
                }
            }
        }
        names
    }
}

impl Traffic for CapturedTraffic {
    fn write_masked(&self, history: &mut History) {
        let mask = Mask::new(&self.names);
        for (at, said) in &self.phones {
            history.operations[*at].exchange = Some(Box::new(said.masked(&mask)));
        }
        for (at, said) in &self.upstream {
            history.upstream[*at].exchange = Some(Box::new(said.masked(&mask)));
        }
    }
}

impl Said {
    fn masked(&self, mask: &Mask) -> Exchange {
        Exchange {
            at_ms: self.at_ms,
            took_us: self.took_us,
            http: self.http.to_owned(),
            method: self.method.clone(),
            origin: self.origin.clone(),
            target: mask.target(&self.target),
            request: mask.message(&self.asked),
            status: self.status,
            response: match self.status {
                None if self.answered.body.is_empty() => Message::default(),
                _ => mask.message(&self.answered),
            },
            cut: self.cut,
        }
    }

    /// Access tokens a call carried or was given.
    fn access_tokens(&self) -> Vec<String> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let carried = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == "access_token")
            .map(|(_, token)| token.into_owned());
        let given = serde_json::from_slice::<serde_json::Value>(&self.answered.body)
            .ok()
            .and_then(|answer| Some(answer.get("access_token")?.as_str()?.to_owned()));
        carried.chain(given).collect()
    }
}

/// `k2` for `session_key k2 of A`, `A:k2` where there are several people; other names without their article.
fn short_name(what: &str, alone: bool) -> String {
    let key = what
        .strip_prefix("session_key ")
        .and_then(|rest| rest.split_once(" of "));
    match key {
        Some((no, _)) if alone => no.to_owned(),
        Some((no, user)) => format!("{user}:{no}"),
        None => {
            let bare = ["the ", "an ", "a "]
                .iter()
                .find_map(|article| what.strip_prefix(article));
            bare.unwrap_or(what).to_owned()
        }
    }
}

/// Scheme and host a call was made to, as far as the mock can tell.
fn origin(info: &CallInfo, spoken: &Spoken) -> String {
    let secure = info.via.alpn.is_some() || matches!(info.via.route, Route::Tls | Route::Connect);
    let scheme = if secure { "https" } else { "http" };
    let named = spoken.headers.iter().find(|(name, _)| name == "host");
    let host = named.map_or(&*info.via.host, |(_, host)| host.as_str());
    format!("{scheme}://{host}")
}

fn raw(headers: &hyper::HeaderMap, body: &[u8]) -> Raw {
    let pair = |(name, value): (&hyper::header::HeaderName, &hyper::header::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    };
    Raw {
        headers: headers.iter().map(pair).collect(),
        body: body[..body.len().min(KEPT)].to_vec(),
        bytes: body.len(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use hyper::{HeaderMap, Method};

    use super::*;
    use crate::run::payload_store::Code;
    use wxmock_model::history::{Answer, Operation, Outcome, Phase, Tick, UserRecord};
    use wxmock_model::lang::Say;

    const CODE: &str = "0a1bcdefgh1234567890abcdefghijkl";
    const KEY: &str = "ab+/cd0123456789abcdeA==";

    fn operation() -> Operation {
        Operation {
            label: "submit c1".into(),
            op: "login".into(),
            phone: "P1".into(),
            user: "A".into(),
            token_of: None,
            token_name: None,
            code: Some("c1".into()),
            payload: None,
            called: Tick(1),
            returned: Some(Tick(2)),
            took_ms: Some(3),
            answer: Answer {
                outcome: Outcome::Ok,
                ..Answer::default()
            },
            phase: Phase::Race,
            ..Operation::default()
        }
    }

    #[test]
    fn an_exchange_is_told_with_names_for_its_secrets() {
        let mut history = History {
            operations: vec![operation(), operation()],
            users: vec![UserRecord {
                name: "A".into(),
                user: "A-1".into(),
                openid: "o1".into(),
            }],
            ..History::default()
        };
        let key = (Say::same("session_key k1 of A"), KEY.to_owned());
        history.secrets.known.push(key);
        let mut payload_store = PayloadStore::default();
        let code = Code {
            js_code: CODE.into(),
            user: "A".into(),
        };
        payload_store.codes.insert("c1".into(), code);
        let body = format!("{{\"token\":\"tok-1234567890\",\"key\":\"{KEY}\"}}");
        let answer = RawAnswer {
            status: Some(200),
            body: Bytes::from(body),
            took: Duration::from_millis(3),
            ..RawAnswer::default()
        };
        let asked = Asked {
            method: Method::POST,
            origin: "http://127.0.0.1:8080".into(),
            target: "/login".into(),
            headers: HeaderMap::new(),
            body: Bytes::from(format!("{{\"code\":\"{CODE}\"}}")),
        };
        let mut captured = CapturedTraffic::default();
        captured.asked(0, Some(asked.clone()), 1_000);
        captured.asked(1, Some(asked), 1_001);
        captured.answered(0, &answer, Some("tok-1234567890"));
        captured
            .with_names(&payload_store, &history)
            .write_masked(&mut history);
        let told = history.operations[0].exchange.as_ref().unwrap();
        assert_eq!((told.at_ms, told.took_us), (1_000, Some(3_000)));
        assert_eq!(told.request.body, "{\"code\":\"<c1>\"}");
        assert_eq!(
            told.response.body,
            "{\"token\":\"<session token>\",\"key\":\"<k1>\"}"
        );
        assert!(!told.cut);
        let open = history.operations[1].exchange.as_ref().unwrap();
        assert_eq!(open.request, told.request);
        assert!(open.cut && open.status.is_none(), "it was never answered");
    }

    #[test]
    fn keys_have_the_names_of_the_pictures() {
        for (what, alone, expected) in [
            ("session_key k2 of A", true, "k2"),
            ("session_key k2 of A", false, "A:k2"),
            ("the AppSecret", true, "AppSecret"),
            ("an access_token", true, "access_token"),
        ] {
            assert_eq!(short_name(what, alone), expected);
        }
    }
}
