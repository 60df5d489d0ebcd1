//! Whether a token is a public function of what else is known (of the key, the openid, the code, the time), says nothing else, is
//! signed with what is no secret, comes from a generator that can be computed, or is short enough to be found by trying.

use std::ops::RangeInclusive;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Play;
use crate::run::derivation::{self, Contents, Generator, Ingredient, Known, Public};
use crate::run::record::key_name;
use wxmock_model::lang::Say;
use wxmock_model::say;

/// How far the clock of the backend may be from ours, on one machine.
const CLOCK_MS: u64 = 2;
/// A request that took longer than this many milliseconds has too many moments to try.
const MOST_MOMENTS: usize = 250;
const MOMENT: &str = "time in milliseconds";

impl Play<'_> {
    /// TOK-02 is looked at when nothing waits for us any more: the dictionary costs a thousand hashes a token.
    pub(super) fn derivable_tokens(&mut self) {
        self.counted_tokens();
        let given = self.stage.run_context.given.all();
        let bound = derivation::bound(&given);
        let generator = self.stage.run_context.given.generator();
        for at in 0..self.stage.requests.len() {
            let Some(token) = self.stage.requests[at].raw_token.take() else {
                continue;
            };
            let secret = self.public_secret(at, &token);
            let found = secret
                .clone()
                .or_else(|| self.recipe(at, &token).map(Say::same))
                .or_else(|| Some(self.contents(at, &token, &given)?.words()))
                .or_else(|| generator.map(Generator::words));
            let operation = &mut self.stage.record.history_mut().operations[at];
            let phone = operation.phone.clone();
            let sentence = match (&secret, found, &bound) {
                (Some(secret), _, _) => say!(
                    "the token {phone} got is a JWT that anybody can sign: {secret}",
                    "{phone} 拿到的 token 是谁都能签的 JWT：{secret}",
                    phone = phone,
                    secret = secret
                ),
                (None, Some(what), _) => say!(
                    "the token {phone} got is {what}",
                    "{phone} 拿到的 token 就是 {what}",
                    phone = phone,
                    what = what
                ),
                (None, None, Some(bound)) => say!(
                    "the token {phone} got can be found by trying: {n} tokens of this run differ in {bound}",
                    "{phone} 拿到的 token 试得出来：本次运行的 {n} 个 token 只在这里不同：{bound}",
                    phone = phone,
                    n = given.len(),
                    bound = bound.words()
                ),
                (None, None, None) => continue,
            };
            operation.answer.signed_with = secret.map(|secret| secret.en);
            operation.answer.find("TOK-02", sentence);
        }
    }

    /// What the token was computed from.
    fn recipe(&self, request: usize, token: &str) -> Option<String> {
        let mut ingredients = self.ingredients(request);
        let found = derivation::recipe(token, &ingredients);
        if found.is_some() || !self.stage.run_context.given.may_be_timed() {
            return found;
        }
        let moments = self.answered_ms(request);
        let moments = moments.start().saturating_sub(CLOCK_MS)..=moments.end() + CLOCK_MS;
        let moments = moments.take(MOST_MOMENTS);
        if derivation::seeded_with(token, moments.clone()) {
            self.stage.run_context.given.timed();
            return Some(format!("new java.util.Random({MOMENT})"));
        }
        ingredients.extend(moments.map(|ms| Ingredient::new(MOMENT, &ms.to_string())));
        let found = derivation::recipe(token, &ingredients)?;
        self.stage.run_context.given.timed();
        Some(found)
    }

    /// Why anybody can sign the token, if it is a JWT that they can.
    fn public_secret(&self, request: usize, token: &str) -> Option<Say> {
        let operation = &self.stage.record.history().operations[request];
        let openid = self.openid(request);
        let person: Vec<&str> = openid
            .into_iter()
            .chain(operation.answer.user_id.as_deref())
            .collect();
        let public = Public {
            app_id: self.stage.run_context.app.as_ref(),
            backend: &self.stage.run_context.adapter.name,
            openid,
            person: &person,
        };
        derivation::public_secret(token, &public)
    }

    /// What the token says, if that is all there is to it.
    fn contents(&self, request: usize, token: &str, given: &[String]) -> Option<Contents> {
        let operation = &self.stage.record.history().operations[request];
        let mut texts = Vec::new();
        texts.extend(self.openid(request).map(|openid| ("openid", openid)));
        let code = self.stage.requests[request].js_code.as_deref();
        texts.extend(code.map(|code| ("code", code)));
        texts.push(("appid", self.stage.run_context.app.as_ref()));
        let known = Known {
            user_id: operation.answer.user_id.as_deref(),
            texts,
            answered_ms: self.answered_ms(request),
        };
        derivation::contents(token, &known, given)
    }

    /// From when to when the request was under way, by the clock that the backend has too: the mock's may have been moved.
    fn answered_ms(&self, request: usize) -> RangeInclusive<u64> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let since = self.stage.requests[request].sent.elapsed();
        let sent = now.unwrap_or_default().saturating_sub(since);
        let sent_ms = u64::try_from(sent.as_millis()).unwrap_or(u64::MAX / 2);
        let took_ms = self.stage.record.history().operations[request].took_ms;
        sent_ms..=sent_ms + took_ms.unwrap_or(0)
    }

    fn openid(&self, request: usize) -> Option<&str> {
        let user = &self.stage.record.history().operations[request].user;
        let person = self.stage.test_users.person(user)?;
        Some(person.openid.as_str())
    }

    /// Tokens of this order that only count up are known to whoever has one of them.
    fn counted_tokens(&mut self) {
        let mut given: Vec<usize> = (0..self.stage.requests.len())
            .filter(|at| self.stage.requests[*at].raw_token.is_some())
            .collect();
        let operations = &self.stage.record.history().operations;
        given.sort_by_key(|at| operations[*at].returned);
        let requests = &self.stage.requests;
        let tokens = given.iter().map(|at| requests[*at].raw_token.as_deref());
        let tokens: Vec<&str> = tokens.flatten().collect();
        let Some(last) = given
            .last()
            .copied()
            .filter(|_| derivation::counts_up(&tokens))
        else {
            return;
        };
        let operation = &mut self.stage.record.history_mut().operations[last];
        let sentence = say!(
            "the tokens of {n} logins only count up, so the one that {phone} got can be told from any other",
            "{n} 次登录的 token 只是依次加一，从任何一个都能推出 {phone} 拿到的那个",
            n = tokens.len(),
            phone = operation.phone
        );
        operation.answer.find("TOK-02", sentence);
    }

    fn ingredients(&self, request: usize) -> Vec<Ingredient> {
        let history = self.stage.record.history();
        let user = &history.operations[request].user;
        let mut ingredients = Vec::new();
        let key_no = self
            .stage
            .exchange(request)
            .and_then(|call| call.info.key_no);
        if let Some(no) = key_no {
            let what = key_name(user, no);
            for (_, text) in history
                .secrets
                .known
                .iter()
                .filter(|(known, _)| *known == what)
            {
                ingredients.push(Ingredient::new("session_key", text));
                ingredients.extend(Ingredient::base64("bytes of session_key", text));
            }
        }
        let openid = self.openid(request);
        ingredients.extend(openid.map(|openid| Ingredient::new("openid", openid)));
        ingredients.extend(
            self.stage.requests[request]
                .js_code
                .as_deref()
                .map(|code| Ingredient::new("code", code)),
        );
        ingredients.push(Ingredient::new(
            "appid",
            self.stage.run_context.app.as_ref(),
        ));
        // By the clock of the mock, which may have been moved, and by that of the backend.
        let mocks = u64::try_from(self.stage.run_context.handle.now().0).unwrap_or(0);
        let answered = *self.answered_ms(request).end();
        for now_s in [mocks, answered].map(|ms| ms / 1000) {
            let seconds = now_s.saturating_sub(2)..=now_s;
            ingredients.extend(seconds.map(|s| Ingredient::new("time", &s.to_string())));
        }
        ingredients
    }
}
