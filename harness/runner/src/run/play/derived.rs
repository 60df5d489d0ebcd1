//! Whether a token is a public function of what else is known: of the key, the openid, the code, the time.

use super::Play;
use crate::run::derivation::{self, Ingredient};
use crate::run::record::key_name;
use wxmock_model::say;

impl Play<'_> {
    /// TOK-02 is looked at when nothing waits for us any more: the dictionary costs a thousand hashes a token.
    pub(super) fn derivable_tokens(&mut self) {
        self.counted_tokens();
        for at in 0..self.stage.requests.len() {
            let Some(token) = self.stage.requests[at].raw_token.take() else {
                continue;
            };
            let Some(recipe) = derivation::recipe(&token, &self.ingredients(at)) else {
                continue;
            };
            let operation = &mut self.stage.record.history_mut().operations[at];
            let sentence = say!(
                "the token {phone} got is {recipe}",
                "{phone} 拿到的 token 就是 {recipe}",
                phone = operation.phone,
                recipe = recipe
            );
            operation.answer.find("TOK-02", sentence);
        }
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
        ingredients.extend(
            self.stage
                .test_users
                .person(user)
                .map(|p| Ingredient::new("openid", &p.openid)),
        );
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
        let now_s = self.stage.run_context.handle.now().0 / 1000;
        ingredients.extend((now_s - 2..=now_s).map(|s| Ingredient::new("time", &s.to_string())));
        ingredients
    }
}
