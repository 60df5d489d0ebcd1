//! The decisions of a login backend, one method each. The default of every method is the reference; a mutant
//! overrides the one it gets wrong.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::backend::Backend;
use crate::behaviour::Behaviour;
use crate::limits::FRESH_FOR_S;
use crate::open_data::{Sealed, is_of_app, is_of_person, made_at};
use crate::request::Request;
use crate::store::{Grant, Session, Store, UserNo};
use crate::wechat::{Reply, TokenSource, Trouble, WxLogin, read_login};

/// A future behind a pointer, so that policies can be chosen at run time.
pub(crate) type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The decisions.
pub(crate) trait Policy: Send + Sync + 'static {
    /// A whole login. The reference does it once per code, whoever submits it.
    fn login<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<Grant, Answer>> {
        Box::pin(reference_login(self, backend, code))
    }

    /// The code exchange with WeChat. The reference tries once, unless its behaviour say that it asks again after silence.
    fn exchange<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<WxLogin, Answer>> {
        Box::pin(async move {
            let patience = self.patience(&backend.behaviour);
            let mut reply = backend.wechat.jscode2session(code, patience).await;
            for _ in 0..backend.behaviour.retries {
                if reply.as_ref().err() != Some(&Trouble::Silent) {
                    break;
                }
                reply = backend.wechat.jscode2session(code, patience).await;
            }
            reply
                .and_then(|reply| self.read(&reply))
                .map_err(|trouble| self.trouble(&trouble))
        })
    }

    /// How long to wait for WeChat.
    fn patience(&self, behaviour: &Behaviour) -> Option<Duration> {
        Some(behaviour.upstream_timeout)
    }

    /// What a complete reply to the exchange means.
    fn read(&self, reply: &Reply) -> Result<WxLogin, Trouble> {
        read_login(reply)
    }

    /// What the phone is told when the exchange brought nothing.
    fn trouble(&self, trouble: &Trouble) -> Answer {
        reference_trouble(trouble)
    }

    /// In whose session a request acts. The reference looks at the token and at nothing else in the request.
    fn session(&self, backend: &Backend, request: &Request) -> Result<Session, Answer> {
        session_of_token(backend, request)
    }

    /// Makes the session of a login.
    fn open_session(&self, store: &mut Store, user: UserNo, login: &WxLogin) -> Grant {
        reference_session(self, store, user, login)
    }

    /// Stores the key a login brought. The reference appends to the user's latest keys and overwrites nothing.
    fn keep_key(&self, store: &mut Store, user: UserNo, key: &str) {
        store.remember_key(user, key);
    }

    /// The session token.
    fn token(&self, store: &mut Store, _login: &WxLogin) -> String {
        store.fresh_token()
    }

    /// What the phone learns from a login.
    fn login_body(&self, grant: &Grant) -> Value {
        json!({ "token": grant.token, "user": { "id": grant.user.public_id() } })
    }

    /// The keys to try on a payload, the likeliest first. The reference never looks at another person's.
    fn candidates(&self, store: &Store, session: &Session) -> Vec<String> {
        let others = store
            .user(session.user)
            .keys
            .iter()
            .filter(|key| **key != session.key);
        std::iter::once(&session.key)
            .chain(others)
            .cloned()
            .collect()
    }

    /// Whether opened data belongs to this app and this person.
    fn is_own(&self, data: &Map<String, Value>, appid: &str, openid: &str) -> bool {
        is_of_app(data, appid) && is_of_person(data, openid)
    }

    /// Reads the two texts of a payload. The reference takes base64 and nothing else.
    fn sealed(&self, body: &Value) -> Result<Sealed, Answer> {
        Sealed::from_request(body)
    }

    /// What is said of data whose watermark has this age, in seconds; negative: it was made after now. The reference refuses
    /// what was kept, and knows that two clocks differ.
    fn aged(&self, age_s: i64) -> Result<(), Answer> {
        if age_s.abs() <= FRESH_FOR_S {
            Ok(())
        } else {
            Err(Answer::invalid("payload_too_old"))
        }
    }

    /// The answer to a profile request of a session. The reference opens what was sent and keeps no answer.
    fn profile_answer(
        &self,
        _request: &Request,
        open: &dyn Fn() -> Result<Value, Answer>,
    ) -> Result<Value, Answer> {
        open()
    }

    /// Ends a session. The reference ends the one with this token and no other.
    fn log_out(&self, store: &mut Store, token: &str) {
        store.sessions.remove(token);
    }

    /// A new token for the session of this one; `None` if it has none. The reference replaces the token: the old one is over.
    fn refresh(&self, store: &mut Store, token: &str) -> Option<String> {
        let session = store.sessions.remove(token)?;
        let fresh = store.fresh_token();
        store.sessions.insert(fresh.clone(), session);
        Some(fresh)
    }

    /// Where access_tokens come from.
    fn token_source(&self) -> TokenSource {
        TokenSource::Stable
    }

    /// WeChat's answer to a phone code. The reference keeps an access_token, fetches one at a time, and renews it once for a
    /// request when WeChat calls it dead.
    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        let source = self.token_source();
        Box::pin(backend.wechat.phone_number(source, code, openid))
    }

    /// The number in WeChat's answer to a phone code, without its country code.
    fn number(&self, answer: &Value) -> Result<String, Trouble> {
        let number = number_of(answer).filter(|number| !number.is_empty());
        number
            .map(str::to_owned)
            .ok_or_else(|| Trouble::Unreadable(answer.to_string()))
    }

    /// Stores the nickname of an opened profile. The reference's column takes every character.
    fn keep_name(&self, store: &mut Store, user: UserNo, nick_name: &str) {
        store.rename(user, nick_name);
    }

    /// What the phone is told when no key opens a payload.
    fn unopened(&self) -> Answer {
        Answer::relogin("login_and_capture_again")
    }
}

/// The number in an answer to a phone code, if there is one.
pub(crate) fn number_of(answer: &Value) -> Option<&str> {
    answer.pointer("/phone_info/purePhoneNumber")?.as_str()
}

/// What a phone can do about each trouble with WeChat.
pub(crate) fn reference_trouble(trouble: &Trouble) -> Answer {
    match trouble {
        Trouble::Silent | Trouble::Unreadable(_) => Answer::retry_later("wechat_unavailable"),
        // Unknown, expired or used, and "missing": only a new code helps.
        Trouble::Refused(40029 | 40163 | 41008) => Answer::relogin("code_rejected"),
        Trouble::Refused(40226) => Answer::denied("user_blocked"),
        // Our appid, secret, address or grant type: no phone can repair it.
        Trouble::Refused(40002 | 40013 | 40125 | 40164 | 41002 | 41004) => {
            Answer::server_error("wechat_configuration")
        }
        Trouble::Refused(_) => Answer::retry_later("wechat_unavailable"),
    }
}

/// The reference session of a request: its token's.
pub(crate) fn session_of_token(backend: &Backend, request: &Request) -> Result<Session, Answer> {
    let token = request
        .token
        .as_deref()
        .ok_or_else(|| Answer::relogin("no_token"))?;
    let known = backend.store().sessions.get(token).cloned();
    known.ok_or_else(|| Answer::relogin("unknown_token"))
}

/// The reference login: one exchange and one session per code.
pub(crate) async fn reference_login<P: Policy + ?Sized>(
    policy: &P,
    backend: &Backend,
    code: &str,
) -> Result<Grant, Answer> {
    let work = async {
        let login = policy.exchange(backend, code).await?;
        Ok(admit(policy, backend, &login))
    };
    backend.once.run(code, work).await
}

/// Finds or makes the user of a login and opens a session, in one hold of the store's lock.
pub(crate) fn admit<P: Policy + ?Sized>(policy: &P, backend: &Backend, login: &WxLogin) -> Grant {
    let mut store = backend.store();
    let user = store.upsert(&login.openid, login.unionid.as_deref());
    policy.open_session(&mut store, user, login)
}

/// The reference session: a token of its own that remembers the key of its own login.
pub(crate) fn reference_session<P: Policy + ?Sized>(
    policy: &P,
    store: &mut Store,
    user: UserNo,
    login: &WxLogin,
) -> Grant {
    policy.keep_key(store, user, &login.session_key);
    let token = policy.token(store, login);
    store.sessions.insert(
        token.clone(),
        Session {
            user,
            key: login.session_key.clone(),
        },
    );
    Grant {
        token,
        user,
        session_key: login.session_key.clone(),
    }
}

/// Opens a payload with the first candidate that fits.
pub(crate) fn open_payload(
    policy: &dyn Policy,
    backend: &Backend,
    session: &Session,
    sealed: &Sealed,
) -> Result<Map<String, Value>, Answer> {
    let (keys, openid) = {
        let store = backend.store();
        (
            policy.candidates(&store, session),
            store.user(session.user).openid.clone(),
        )
    };
    let data = keys
        .iter()
        .find_map(|key| sealed.open(key))
        .ok_or_else(|| policy.unopened())?;
    if !policy.is_own(&data, &backend.wechat.appid, &openid) {
        return Err(Answer::invalid("payload_of_another_app_or_person"));
    }
    if let Some(made_s) = made_at(&data) {
        policy.aged(now_s().saturating_sub(made_s))?;
    }
    Ok(data)
}

/// Seconds since 1970.
pub(crate) fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}
