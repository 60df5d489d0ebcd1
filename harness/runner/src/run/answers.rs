//! What the backend answers to phones: read, scanned for secrets while the bytes are at hand, and written down without them.

use std::time::Instant;

use hyper::header::{HeaderName, HeaderValue};
use wxmock_server::{CallState, Handle, foreign_line};
use wxmock_world::AppId;

use super::leak::{self, Leak, Opened};
use super::payload_store::Token;
use super::record::Mark;
use super::stage::{Arrival, RunContext, Sample, Stage};
use wxmock_adapter::{Captures, RawAnswer, Reading};
use wxmock_model::history::{Answer, Outcome, Phase, Secrets, StepKind};
use wxmock_model::say;

impl Stage<'_> {
    /// Takes in one answer.
    pub(crate) fn answered(&mut self, arrival: Arrival) {
        let Arrival {
            request,
            answer,
            at,
        } = arrival;
        self.requests[request].done = true;
        if let Some(gated) = &mut self.gated {
            gated.answered(request);
        }
        self.sample(request, at);
        self.replied_before(request);
        let phone = self.requests[request].phone;
        let op = &self.requests[request].op;
        let reading = self.run_context.adapter.read_proved(op, &answer);
        let refused = self.run_context.refusals.refused(op, &answer);
        let token = reading.captures.get("token").cloned();
        let leaks = self.leaks(&answer);
        let issued_s = token.as_deref().and_then(|token| {
            let opaque = || leak::second_behind(token);
            let by_second = self.run_context.tokens_by_second;
            leak::issued_in_second(token).or_else(|| by_second.then(opaque))
        });
        self.captured.answered(request, &answer, token.as_deref());
        let excerpt = excerpt(&answer, &self.record.history().secrets, token.as_deref());
        let operation = &self.record.history().operations[request];
        let (phone_name, user, label) = (
            operation.phone.clone(),
            operation.user.clone(),
            operation.label.clone(),
        );
        let text = format!("{label}: {}", words(&reading, &answer));
        let mark = Mark {
            text,
            phone: Some(phone_name),
            user: Some(user.clone()),
            operation: Some(request),
            ..Mark::default()
        };
        let tick = self.record.step(StepKind::Answer, mark);
        let kept = self.requests[request]
            .keep_as
            .clone()
            .filter(|_| reading.outcome == Outcome::Ok && token.is_some());
        if let Some(name) = &kept {
            let exchanged = self.exchange(request).and_then(|call| call.info.key_no);
            let (mut session, mut key_no) = (Captures::new(), exchanged.map(|no| no.0));
            if let Some(renewed) = self.renewed(request) {
                // A refresh goes on with the session: what it does not say anew stays as it was.
                session.clone_from(&renewed.session);
                key_no = renewed.key_no;
            }
            session.extend(reading.captures.clone());
            self.payload_store.tokens.push(Token {
                name: name.clone(),
                user,
                phone,
                session,
                key_no,
                received: tick,
                stored: (!self.program.stores(name)).then_some(tick),
                forged: false,
            });
        }
        let operation = &mut self.record.history_mut().operations[request];
        operation.returned = answer.error.is_none().then_some(tick);
        operation.took_ms = Some(u64::try_from(answer.took.as_millis()).unwrap_or(u64::MAX));
        operation.answer = Answer {
            status: answer.status,
            outcome: reading.outcome,
            user_id: reading.captures.get("user_id").cloned(),
            plaintext: reading
                .captures
                .get("plaintext_nonce")
                .or_else(|| reading.captures.get("phone"))
                .cloned(),
            missing: reading.missing,
            unreadable: answer.unreadable.clone(),
            refused,
            excerpt,
            token_hash: token.as_deref().map(leak::fingerprint),
            issued_s,
            token_name: kept,
            ..Answer::default()
        };
        for leak in leaks {
            operation.answer.find("TOK-03", leak.sentence());
        }
        self.requests[request].raw_token = token.filter(|_| self.requests[request].is_login());
        if let Some(token) = &self.requests[request].raw_token {
            self.run_context.given.note(token);
        }
    }

    /// The token a refresh carried.
    fn renewed(&self, request: usize) -> Option<&Token> {
        let carried = &self.record.history().operations[request];
        let name = carried
            .token_name
            .as_ref()
            .filter(|_| carried.op == "refresh")?;
        let mut tokens = self.payload_store.tokens.iter().rev();
        tokens.find(|token| token.name == *name && Some(&token.user) == carried.token_of.as_ref())
    }

    /// The mock notes that a reply has left a moment after its bytes are with the backend, which may have answered by then:
    /// the reply is recorded first all the same. In a race without gates that goes for every reply under way: what one login
    /// has done to another one's session by now must not seem to come before that one had its reply.
    fn replied_before(&mut self, request: usize) {
        for call in 0..self.calls.len() {
            let c = &self.calls[call];
            let leaving = c.info.state == CallState::Committed && c.info.fault.is_none();
            let own = c.request == Some(request);
            if (own || self.free) && leaving && c.parked().is_none() {
                self.reply(call, String::new());
            }
        }
    }

    /// Secrets in an answer, each a finding of TOK-03: every session_key issued so far, the AppSecret, access tokens.
    fn leaks(&mut self, answer: &RawAnswer) -> Vec<Leak> {
        let RunContext { handle, app, .. } = self.run_context;
        leaks_of(handle, app, &mut self.record.history_mut().secrets, answer)
    }

    fn sample(&mut self, request: usize, at: Instant) {
        let sent = self.requests[request].sent;
        let Some(call) = self.requests[request].exchange.map(|at| &self.calls[at]) else {
            return;
        };
        // In the race a request may wait for another one; that says nothing about the backend's pace.
        let alone = self.record.phase() != Phase::Race;
        if alone && !call.held && call.info.fault.is_none() {
            self.samples.push(Sample {
                to_upstream: call.seen.saturating_duration_since(sent),
                to_answer: at.saturating_duration_since(call.changed),
            });
        }
    }
}

fn words(reading: &Reading, answer: &RawAnswer) -> String {
    let outcome = match reading.outcome {
        Outcome::Ok => "ok",
        Outcome::Relogin => "relogin",
        Outcome::RetryLater => "retry_later",
        Outcome::Denied => "denied",
        Outcome::Invalid => "invalid",
        Outcome::ServerError => "server_error",
        Outcome::Indefinite => "indefinite",
    };
    match (answer.status, &answer.error) {
        (_, Some(error)) => format!("no answer ({error})"),
        (Some(status), None) if answer.unreadable.is_some() => format!("unreadable ({status})"),
        (Some(status), None) if !reading.missing.is_empty() => {
            format!("ok ({status}) without {}", reading.missing.join(", "))
        }
        (Some(status), None) => format!("{outcome} ({status})"),
        (None, None) => outcome.to_owned(),
    }
}

/// The first 200 characters of a body, without secrets and without the token; nothing of a body that hides a secret
/// behind an encoding.
fn excerpt(answer: &RawAnswer, secrets: &Secrets, token: Option<&str>) -> String {
    let mut text =
        String::from_utf8_lossy(&answer.body[..answer.body.len().min(16 * 1024)]).into_owned();
    for (what, secret) in &secrets.known {
        for spelling in [secret.as_str(), secret.trim_end_matches('=')] {
            if spelling.len() >= 8 {
                text = text.replace(spelling, &format!("<{}>", what.en));
            }
        }
    }
    if let Some(token) = token.filter(|token| token.len() >= 4) {
        text = text.replace(token, "<token>");
    }
    if !leak::scan(secrets, &[], text.as_bytes()).is_empty() {
        return "<withheld: it holds a secret>".to_owned();
    }
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let text = foreign_line(&text).into_owned();
    match text.char_indices().nth(199) {
        Some((at, _)) if text.chars().count() > 200 => format!("{}…", &text[..at]),
        _ => text,
    }
}

/// Secrets in an answer. Access tokens are not listed anywhere: whatever looks like one is asked about, and known from then on.
pub(crate) fn leaks_of(
    handle: &Handle,
    app: &AppId,
    secrets: &mut Secrets,
    answer: &RawAnswer,
) -> Vec<Leak> {
    // What a backend says while an operation is prepared is said to a phone as well.
    let earlier = answer.prepared.iter();
    let mut found: Vec<Leak> = earlier
        .flat_map(|answer| leaks_of(handle, app, secrets, answer))
        .collect();
    let pair = |(name, value): (&HeaderName, &HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.to_string(), value.into_owned())
    };
    let headers: Vec<(String, String)> = answer.headers.iter().map(pair).collect();
    let opened = Opened::of(&headers, &answer.body);
    for word in leak::token_shaped(&opened) {
        let owner = handle.with_world(|world, _| world.owner_of_token(&word));
        let known = &mut secrets.known;
        if owner.as_ref() == Some(app) && !known.iter().any(|(_, text)| *text == word) {
            known.push((say!("an access_token", "access_token"), word));
        }
    }
    found.extend(leak::scan_opened(secrets, &opened));
    found
}
