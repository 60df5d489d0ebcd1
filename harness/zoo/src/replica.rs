//! One replica: what each path does. The decisions are the policy's, the people are the store's.

use std::sync::Arc;

use hyper::Method;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::backend::Backend;
use crate::limits::MAX_CODE_BYTES;
use crate::policy::{Policy, open_payload};
use crate::request::Request;
use crate::store::Session;
use crate::wechat::Trouble;

/// One replica of a backend, with what decides in it.
pub(crate) struct Replica {
    pub(crate) backend: Backend,
    pub(crate) policy: Arc<dyn Policy>,
}

impl Replica {
    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request) -> Answer {
        let _turn = match self.backend.shared.turns.take(&request).await {
            Ok(turn) => turn,
            Err(busy) => return busy,
        };
        let outcome = match (&request.method, request.path.as_str()) {
            (&Method::POST, "/login") => self.login(&request).await,
            (&Method::POST, "/login/profile") => self.login_profile(&request).await,
            (&Method::POST, "/profile") => self.userinfo(&request),
            (&Method::POST, "/phone") => self.phone_cipher(&request),
            (&Method::POST, "/phone/code") => self.phone_code(&request).await,
            (&Method::GET, "/me") => self.whoami(&request),
            (&Method::POST, "/logout") => self.logout(&request),
            (&Method::POST, "/refresh") => self.refresh(&request),
            _ => Err(Answer::invalid("no_such_endpoint")),
        };
        outcome.map_or_else(|refusal| refusal, Answer::ok)
    }

    async fn login(&self, request: &Request) -> Result<Value, Answer> {
        let grant = self.policy.login(&self.backend, code(request)?).await?;
        Ok(self.policy.login_body(&grant))
    }

    /// Code and payload in one request. If the payload does not open, the phone is told to log in again and gets no
    /// token, so the session made on the way is dropped; the key it brought is true and stays.
    async fn login_profile(&self, request: &Request) -> Result<Value, Answer> {
        let (code, sealed) = (code(request)?, self.policy.sealed(&request.body)?);
        let grant = self.policy.login(&self.backend, code).await?;
        let session = Session {
            user: grant.user,
            key: grant.session_key.clone(),
        };
        match open_payload(&*self.policy, &self.backend, &session, &sealed) {
            Ok(data) => {
                let mut body = self.policy.login_body(&grant);
                body["profile"] = self.profile(&session, &data);
                Ok(body)
            }
            Err(refusal) => {
                self.backend.store().sessions.remove(&grant.token);
                self.backend.once.forget(code);
                Err(refusal)
            }
        }
    }

    fn userinfo(&self, request: &Request) -> Result<Value, Answer> {
        let session = self.session(request)?;
        self.policy.profile_answer(request, &|| {
            let sealed = self.policy.sealed(&request.body)?;
            let data = open_payload(&*self.policy, &self.backend, &session, &sealed)?;
            Ok(json!({ "profile": self.profile(&session, &data) }))
        })
    }

    /// Keeps the nickname and tells what is kept: the public part of a profile, never the openid, never the watermark.
    fn profile(&self, session: &Session, data: &Map<String, Value>) -> Value {
        let avatar = data.get("avatarUrl").cloned().unwrap_or_default();
        let nick_name = data.get("nickName").and_then(Value::as_str);
        let mut store = self.backend.store();
        let policy = &self.policy;
        policy.keep_name(&mut store, session.user, nick_name.unwrap_or_default());
        json!({ "nickName": store.user(session.user).nick_name, "avatarUrl": avatar })
    }

    fn phone_cipher(&self, request: &Request) -> Result<Value, Answer> {
        let session = self.session(request)?;
        let sealed = self.policy.sealed(&request.body)?;
        let data = open_payload(&*self.policy, &self.backend, &session, &sealed)?;
        let number = data.get("purePhoneNumber").and_then(Value::as_str);
        let number = number.ok_or_else(|| Answer::invalid("payload_without_phone"))?;
        Ok(json!({ "phone": number }))
    }

    async fn phone_code(&self, request: &Request) -> Result<Value, Answer> {
        let session = self.session(request)?;
        let openid = self.backend.store().user(session.user).openid.clone();
        let answer = self
            .policy
            .phone_number(&self.backend, code(request)?, &openid)
            .await;
        match answer.and_then(|answer| self.policy.number(&answer)) {
            Ok(number) => Ok(json!({ "phone": number })),
            // Unknown, used or old: the person must press the button again, the login is fine.
            Err(Trouble::Refused(40029 | 40163)) => Err(Answer::invalid("phone_code_rejected")),
            Err(Trouble::Refused(40003 | 40226)) => {
                Err(Answer::denied("phone_code_of_another_person"))
            }
            Err(_) => Err(Answer::retry_later("wechat_unavailable")),
        }
    }

    fn whoami(&self, request: &Request) -> Result<Value, Answer> {
        let session = self.session(request)?;
        Ok(json!({ "user": { "id": session.user.public_id() } }))
    }

    fn logout(&self, request: &Request) -> Result<Value, Answer> {
        self.session(request)?;
        let token = request.token.as_deref().unwrap_or_default();
        self.policy.log_out(&mut self.backend.store(), token);
        Ok(json!({}))
    }

    fn refresh(&self, request: &Request) -> Result<Value, Answer> {
        let token = request.token.as_deref();
        let token = token.ok_or_else(|| Answer::relogin("no_token"))?;
        let fresh = self.policy.refresh(&mut self.backend.store(), token);
        let fresh = fresh.ok_or_else(|| Answer::relogin("unknown_token"))?;
        Ok(json!({ "token": fresh }))
    }

    fn session(&self, request: &Request) -> Result<Session, Answer> {
        self.policy.session(&self.backend, request)
    }
}

fn code(request: &Request) -> Result<&str, Answer> {
    let code = request.body.get("code").and_then(Value::as_str);
    code.filter(|code| (1..=MAX_CODE_BYTES).contains(&code.len()))
        .ok_or_else(|| Answer::invalid("bad_code"))
}
