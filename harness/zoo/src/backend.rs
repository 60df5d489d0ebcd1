//! One replica: what each path does. The decisions are the policy's, the people are the store's.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::Method;
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::behaviour::Behaviour;
use crate::limits::MAX_CODE_BYTES;
use crate::once::OncePerCode;
use crate::open_data::Sealed;
use crate::policy::{Grant, Policy, open_payload};
use crate::store::{Session, Store};
use crate::turns::Turns;
use crate::wechat::{Trouble, WeChat};

/// One replica of a backend.
pub(crate) struct Backend {
    pub(crate) wechat: WeChat,
    pub(crate) once: OncePerCode<Grant>,
    pub(crate) behaviour: Behaviour,
    policy: Arc<dyn Policy>,
    shared: Arc<Shared>,
}

/// What replicas have in common.
pub(crate) struct Shared {
    pub(crate) store: Mutex<Store>,
    pub(crate) turns: Turns,
}

/// A request of a phone, as far as the backend cares.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The bearer token, if one was sent.
    pub(crate) token: Option<String>,
    /// The device the phone says it is, as `account-device`. Good for queueing, proof of nothing.
    pub(crate) device: Option<String>,
    /// The header `X-WX-OPENID`: in front of a cloud-hosted backend the platform sets it, elsewhere anybody can.
    pub(crate) wx_openid: Option<String>,
    /// The JSON body; null if there was none.
    pub(crate) body: Value,
}

impl Request {
    /// Whether it submits a code of `wx.login`.
    pub(crate) fn is_login(&self) -> bool {
        matches!(self.path.as_str(), "/login" | "/login/profile")
    }
}

impl Backend {
    pub(crate) fn new(
        wechat: WeChat,
        policy: Arc<dyn Policy>,
        behaviour: Behaviour,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            wechat,
            once: OncePerCode::default(),
            behaviour,
            policy,
            shared,
        }
    }

    /// The store, for a moment: never across an await.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        let store = self.shared.store.lock();
        store.unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request) -> Answer {
        let _turn = match self.shared.turns.take(&request).await {
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
        let grant = self.policy.login(self, code(request)?).await?;
        Ok(self.policy.login_body(&grant))
    }

    /// Code and payload in one request. If the payload does not open, the phone is told to log in again and gets no
    /// token, so the session made on the way is dropped; the key it brought is true and stays.
    async fn login_profile(&self, request: &Request) -> Result<Value, Answer> {
        let (code, sealed) = (code(request)?, Sealed::from_request(&request.body)?);
        let grant = self.policy.login(self, code).await?;
        let session = Session {
            user: grant.user,
            key: grant.session_key.clone(),
        };
        match open_payload(&*self.policy, self, &session, &sealed) {
            Ok(data) => {
                let mut body = self.policy.login_body(&grant);
                body["profile"] = self.profile(&session, &data);
                Ok(body)
            }
            Err(refusal) => {
                self.store().sessions.remove(&grant.token);
                self.once.forget(code);
                Err(refusal)
            }
        }
    }

    fn userinfo(&self, request: &Request) -> Result<Value, Answer> {
        let session = self.session(request)?;
        self.policy.profile_answer(request, &|| {
            let sealed = Sealed::from_request(&request.body)?;
            let data = open_payload(&*self.policy, self, &session, &sealed)?;
            Ok(json!({ "profile": self.profile(&session, &data) }))
        })
    }

    /// Keeps the nickname and tells what is kept: the public part of a profile, never the openid, never the watermark.
    fn profile(&self, session: &Session, data: &Map<String, Value>) -> Value {
        let avatar = data.get("avatarUrl").cloned().unwrap_or_default();
        let nick_name = data.get("nickName").and_then(Value::as_str);
        let mut store = self.store();
        let policy = &self.policy;
        policy.keep_name(&mut store, session.user, nick_name.unwrap_or_default());
        json!({ "nickName": store.user(session.user).nick_name, "avatarUrl": avatar })
    }

    fn phone_cipher(&self, request: &Request) -> Result<Value, Answer> {
        let session = self.session(request)?;
        let sealed = Sealed::from_request(&request.body)?;
        let data = open_payload(&*self.policy, self, &session, &sealed)?;
        let number = data.get("purePhoneNumber").and_then(Value::as_str);
        let number = number.ok_or_else(|| Answer::invalid("payload_without_phone"))?;
        Ok(json!({ "phone": number }))
    }

    async fn phone_code(&self, request: &Request) -> Result<Value, Answer> {
        let session = self.session(request)?;
        let openid = self.store().user(session.user).openid.clone();
        let answer = self
            .policy
            .phone_number(self, code(request)?, &openid)
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
        self.policy.log_out(&mut self.store(), token);
        Ok(json!({}))
    }

    fn refresh(&self, request: &Request) -> Result<Value, Answer> {
        let token = request.token.as_deref();
        let token = token.ok_or_else(|| Answer::relogin("no_token"))?;
        let fresh = self.policy.refresh(&mut self.store(), token);
        let fresh = fresh.ok_or_else(|| Answer::relogin("unknown_token"))?;
        Ok(json!({ "token": fresh }))
    }

    fn session(&self, request: &Request) -> Result<Session, Answer> {
        self.policy.session(self, request)
    }
}

fn code(request: &Request) -> Result<&str, Answer> {
    let code = request.body.get("code").and_then(Value::as_str);
    code.filter(|code| (1..=MAX_CODE_BYTES).contains(&code.len()))
        .ok_or_else(|| Answer::invalid("bad_code"))
}
