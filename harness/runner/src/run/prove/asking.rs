//! Sends one request of the proving: waits where a rate limiter says so, notes what an answer gives away, and hides from what is
//! shown what no report may show.

use wxmock_server::foreign_line;
use wxmock_world::KeyView;

use super::decide::Seen;
use super::found::leaked;
use super::{Ask, FIRST_PAUSE, LIMITER_REFILLS_WITHIN, Prover, Senses};
use crate::device::{Device, user_view};
use crate::run::again::TOO_MANY;
use crate::run::answers::leaks_of;
use crate::run::mask::{Mask, Raw};
use std::time::Duration;
use wxmock_adapter::{Extra, OpVars, RawAnswer, is_credential};
use wxmock_model::history::{Outcome, Secrets};
use wxmock_model::say;
use wxmock_model::verdict::Violation;

impl Prover<'_, '_> {
    /// Sends one request.
    pub(super) async fn ask(
        &mut self,
        op: &str,
        device: &Device,
        ask: Ask,
    ) -> Result<Seen, String> {
        let Senses {
            client, adapter, ..
        } = self.senses;
        let is_login = matches!(op, "login" | "login_profile");
        self.logins += usize::from(is_login);
        let extra = Extra::default();
        let asked = client.asked(op, &ask.vars, &extra);
        let mut answer = client.call(op, &ask.vars, &extra).await;
        let (mut pause, mut waited) = (FIRST_PAUSE, Duration::ZERO);
        while answer.status == Some(TOO_MANY) && waited < LIMITER_REFILLS_WITHIN {
            tokio::time::sleep(pause).await;
            waited += pause;
            pause *= 2;
            answer = client.call(op, &ask.vars, &extra).await;
        }
        let reading = adapter.read(op, &answer);
        if reading.captures.contains_key("token") && !self.proof.token_rests.is_zero() {
            tokio::time::sleep(self.proof.token_rests).await;
        }
        let token = reading.captures.get("token");
        if let Some(token) = token.filter(|_| is_login && reading.outcome == Outcome::Ok) {
            self.senses.given.note(token);
        }
        let who = device.who();
        let keys = user_view(self.senses.handle, &who.app, &who.user)?.keys;
        self.scan(op, &keys, &answer, reading.outcome);
        let mask = self.mask(&keys, &ask.vars);
        // Where another request went before it, or the clock is in it, what was sent is known only now.
        let asked = answer.asked.take().map_or(asked, |asked| Some(*asked));
        let request = asked.map_or_else(
            || op.to_owned(),
            |asked| format!("{} {}", asked.method, mask.target(&asked.target)),
        );
        let shown = shown(&mask, &answer.body);
        Ok(Seen {
            op: op.to_owned(),
            request,
            answer,
            reading,
            expected: ask.expected,
            shown,
            session: ask
                .vars
                .session
                .contains_key("token")
                .then_some(ask.vars.session),
        })
    }

    /// Notes what an answer gives away, once an operation.
    fn scan(&mut self, op: &str, keys: &[KeyView], answer: &RawAnswer, outcome: Outcome) {
        let Senses { handle, app, .. } = self.senses;
        let secret = (
            say!("the AppSecret", "AppSecret"),
            self.senses.secret.to_owned(),
        );
        let keys = keys.iter().map(|key| {
            (
                say!("a session_key", "session_key"),
                key.session_key.base64(),
            )
        });
        let mut secrets = Secrets {
            known: keys.chain([secret]).collect(),
        };
        let leaks = leaks_of(handle, app, &mut secrets, answer);
        let known = |found: &Violation| found.rule == "TOK-03" && found.op.as_deref() == Some(op);
        if let Some(leak) = leaks.first()
            && !self.proof.violations.iter().any(known)
        {
            self.proof.violations.push(leaked(op, outcome, leak));
        }
    }

    /// Hides what no report may show.
    fn mask(&self, keys: &[KeyView], vars: &OpVars) -> Mask {
        let mut secrets: Vec<(String, String)> = keys
            .iter()
            .map(|key| (key.session_key.base64(), format!("k{}", key.no.0)))
            .collect();
        secrets.push((self.senses.secret.to_owned(), "AppSecret".to_owned()));
        let own = vars.session.iter();
        let own = own.filter(|(name, _)| is_credential(name));
        secrets.extend(own.map(|(name, value)| (value.clone(), name.clone())));
        Mask::new(&secrets)
    }
}

/// The body without its secrets, at most 300 characters of it.
fn shown(mask: &Mask, body: &[u8]) -> String {
    let raw = Raw {
        headers: Vec::new(),
        body: body.to_vec(),
        bytes: body.len(),
    };
    let text = mask.message(&raw).body;
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let text = foreign_line(&text).into_owned();
    match text.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None if text.trim().is_empty() => "(an empty body)".to_owned(),
        None => text,
    }
}
