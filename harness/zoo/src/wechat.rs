//! WeChat as a backend team would call it: a small HTTP client with a deadline, and the reading of its replies by
//! content. Knows nothing of users or sessions.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::limits::{ANSWER_WITHIN_MS, MAX_BODY_BYTES, UPSTREAM_TIMEOUT, UPSTREAM_TIMEOUT_MS};
use crate::open_data::decode_key;
use crate::upstream::{StartError, Upstream};

/// One mini program's view of WeChat.
#[derive(Debug)]
pub(crate) struct WeChat {
    host: String,
    port: u16,
    prefix: String,
    pub(crate) appid: String,
    secret: String,
    /// Held while a token is fetched, so that concurrent callers share one fetch.
    access_token: Mutex<Option<AccessToken>>,
}

/// An access_token as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct AccessToken {
    pub(crate) text: String,
    pub(crate) good_until: Instant,
}

/// Which endpoint access_tokens are fetched from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenSource {
    /// `POST /cgi-bin/stable_token`: everybody gets the same one.
    Stable,
    /// `GET /cgi-bin/token`: a new one each time, which displaces the one before.
    Plain,
}

/// errcodes of a call whose access_token is dead.
pub(crate) const DEAD_TOKEN: [i64; 3] = [40001, 40014, 42001];

/// A complete reply of WeChat.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// What a successful login reply says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WxLogin {
    pub(crate) openid: String,
    pub(crate) session_key: String,
    pub(crate) unionid: Option<String>,
}

/// Why a call to WeChat brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No complete reply: no connection, a deadline passed, the connection broke. The call may have taken effect.
    Silent,
    /// A reply that is not what the interface promises, with its text.
    Unreadable(String),
    /// An errcode other than 0.
    Refused(i64),
}

impl WeChat {
    pub(crate) fn new(upstream: &Upstream) -> Result<Self, StartError> {
        let wrong = || StartError::Upstream {
            base: upstream.base.clone(),
        };
        let base: Uri = upstream.base.parse().map_err(|_| wrong())?;
        if base.scheme_str() != Some("http") {
            return Err(wrong());
        }
        Ok(Self {
            host: base.host().ok_or_else(wrong)?.to_owned(),
            port: base.port_u16().unwrap_or(80),
            prefix: base.path().trim_end_matches('/').to_owned(),
            appid: upstream.appid.clone(),
            secret: upstream.secret.clone(),
            access_token: Mutex::default(),
        })
    }

    /// `GET /sns/jscode2session`. `patience` is the deadline; `None` waits for ever, as only a mutant does.
    pub(crate) async fn jscode2session(
        &self,
        code: &str,
        patience: Option<Duration>,
    ) -> Result<Reply, Trouble> {
        let query = [
            ("appid", self.appid.as_str()),
            ("secret", self.secret.as_str()),
            ("js_code", code),
            ("grant_type", "authorization_code"),
        ];
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        self.call(
            Method::GET,
            &format!("/sns/jscode2session?{query}"),
            None,
            patience,
        )
        .await
    }

    /// `POST /wxa/business/getuserphonenumber`: WeChat's whole answer, without an error. A dead access token is renewed
    /// once; the openid goes along, so that WeChat refuses somebody else's code.
    pub(crate) async fn phone_number(
        &self,
        source: TokenSource,
        code: &str,
        openid: &str,
    ) -> Result<Value, Trouble> {
        let deadline = Duration::from_millis(ANSWER_WITHIN_MS - UPSTREAM_TIMEOUT_MS);
        timeout(deadline, self.ask_phone_number(source, code, openid))
            .await
            .unwrap_or(Err(Trouble::Silent))
    }

    async fn ask_phone_number(
        &self,
        source: TokenSource,
        code: &str,
        openid: &str,
    ) -> Result<Value, Trouble> {
        let mut token = self.access_token(source).await?;
        let mut answer = self.phone_number_with(&token, code, openid).await;
        if matches!(&answer, Err(Trouble::Refused(code)) if DEAD_TOKEN.contains(code)) {
            self.drop_access_token(&token).await;
            token = self.access_token(source).await?;
            answer = self.phone_number_with(&token, code, openid).await;
        }
        answer
    }

    /// One call with this token; without an openid, as only a mutant asks, WeChat does not look whose code it is.
    pub(crate) async fn phone_number_with(
        &self,
        token: &str,
        code: &str,
        openid: &str,
    ) -> Result<Value, Trouble> {
        let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
        let path = format!("/wxa/business/getuserphonenumber?access_token={token}");
        let mut body = json!({ "code": code });
        if !openid.is_empty() {
            body["openid"] = Value::from(openid);
        }
        read_json(
            &self
                .call(Method::POST, &path, Some(&body), Some(UPSTREAM_TIMEOUT))
                .await?,
        )
    }

    async fn access_token(&self, source: TokenSource) -> Result<String, Trouble> {
        let mut kept = self.access_token.lock().await;
        if let Some(token) = kept
            .as_ref()
            .filter(|token| Instant::now() < token.good_until)
        {
            return Ok(token.text.clone());
        }
        let fetched = self.fetch_access_token(source).await?;
        let text = fetched.text.clone();
        *kept = Some(fetched);
        Ok(text)
    }

    /// One call for a token, kept nowhere.
    pub(crate) async fn fetch_access_token(
        &self,
        source: TokenSource,
    ) -> Result<AccessToken, Trouble> {
        let answer = read_json(&self.ask_access_token(source).await?)?;
        let text = answer.get("access_token").and_then(Value::as_str);
        let text = text
            .ok_or_else(|| Trouble::Unreadable(answer.to_string()))?
            .to_owned();
        // A tenth of its life is left as margin for clocks and slow calls.
        let life_s = answer
            .get("expires_in")
            .and_then(Value::as_u64)
            .unwrap_or(0)
            .min(7_200);
        let good_until = Instant::now() + Duration::from_secs(life_s - life_s / 10);
        Ok(AccessToken { text, good_until })
    }

    /// The reply to one call for a token, unread.
    pub(crate) async fn ask_access_token(&self, source: TokenSource) -> Result<Reply, Trouble> {
        let own = [
            ("grant_type", "client_credential"),
            ("appid", self.appid.as_str()),
            ("secret", self.secret.as_str()),
        ];
        let (method, path, body) = match source {
            TokenSource::Stable => {
                let body: Value = own.into_iter().collect();
                (Method::POST, "/cgi-bin/stable_token".to_owned(), Some(body))
            }
            TokenSource::Plain => {
                let query = form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(own)
                    .finish();
                (Method::GET, format!("/cgi-bin/token?{query}"), None)
            }
        };
        self.call(method, &path, body.as_ref(), Some(UPSTREAM_TIMEOUT))
            .await
    }

    /// Forgets this token, unless somebody has renewed it meanwhile.
    async fn drop_access_token(&self, dead: &str) {
        let mut kept = self.access_token.lock().await;
        if kept.as_ref().is_some_and(|token| token.text == dead) {
            *kept = None;
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        patience: Option<Duration>,
    ) -> Result<Reply, Trouble> {
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        let exchange = self.exchange(method, path, body);
        match patience {
            Some(patience) => timeout(patience, exchange).await.unwrap_or(None),
            None => exchange.await,
        }
        .ok_or(Trouble::Silent)
    }

    /// One request on a connection of its own; `None` if no complete reply came.
    async fn exchange(&self, method: Method, path: &str, body: Bytes) -> Option<Reply> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(HOST, format!("{}:{}", self.host, self.port))
            .header(CONNECTION, "close");
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body)).ok()?;
        let stream = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .ok()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        let reply = async move {
            let response = sender.send_request(request).await.ok()?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), MAX_BODY_BYTES)
                .collect()
                .await
                .ok()?
                .to_bytes();
            Some(Reply { status, body })
        };
        // Both in one task: dropping this future closes the connection.
        tokio::pin!(reply, connection);
        tokio::select! {
            biased;
            reply = &mut reply => reply,
            _ = &mut connection => reply.await,
        }
    }
}

/// The JSON object of a reply whose status is 200 and whose errcode is absent or 0. The content type says nothing:
/// WeChat labels JSON as text.
pub(crate) fn read_json(reply: &Reply) -> Result<Value, Trouble> {
    let unreadable = || Trouble::Unreadable(String::from_utf8_lossy(&reply.body).into_owned());
    if reply.status != 200 {
        return Err(unreadable());
    }
    let answer: Value = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
    match answer.get("errcode") {
        _ if !answer.is_object() => Err(unreadable()),
        None => Ok(answer),
        Some(errcode) => match errcode.as_i64() {
            Some(0) => Ok(answer),
            Some(errcode) => Err(Trouble::Refused(errcode)),
            None => Err(unreadable()),
        },
    }
}

/// A login reply: fields by name, openid and a key of 16 bytes required, everything else optional or ignored.
pub(crate) fn read_login(reply: &Reply) -> Result<WxLogin, Trouble> {
    let answer = read_json(reply)?;
    let text = |name: &str| {
        answer
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let session_key = text("session_key").filter(|key| decode_key(key).is_some());
    match (text("openid"), session_key) {
        (Some(openid), Some(session_key)) => Ok(WxLogin {
            openid,
            session_key,
            unionid: text("unionid"),
        }),
        _ => Err(Trouble::Unreadable(answer.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, expected: Result<&str, Trouble>) {
        let reply = Reply {
            status,
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        assert_eq!(
            read_login(&reply).map(|login| login.openid),
            expected.map(str::to_owned),
            "{body}"
        );
    }

    #[test]
    fn reads_every_legal_shape() {
        check(
            200,
            r#"{"session_key":"tiihtNczf5v6AKRyjwEUhQ==","openid":"oA"}"#,
            Ok("oA"),
        );
        check(
            200,
            r#"{"unionid":"oU","openid":"oA","rid":"x","session_key":"O\/YVQPHxQY18DrsFq+\/bjQ=="}"#,
            Ok("oA"),
        );
        check(
            200,
            r#"{"errcode":0,"errmsg":"ok","session_key":"tiihtNczf5v6AKRyjwEUhQ==","openid":"oA"}"#,
            Ok("oA"),
        );
        check(
            200,
            r#"{"session_key":"tiihtNczf5v6AKRyjwEUhQ==","expires_in":7200,"openid":"oA"}"#,
            Ok("oA"),
        );
    }

    #[test]
    fn an_errcode_is_an_error_whatever_else_is_there() {
        let body = r#"{"errcode":40029,"errmsg":"invalid code, rid: 1-2-3","openid":"oA","session_key":"tiihtNczf5v6AKRyjwEUhQ=="}"#;
        check(200, body, Err(Trouble::Refused(40029)));
    }

    #[test]
    fn anything_else_is_unreadable() {
        for body in [
            "",
            "{",
            "null",
            "[]",
            r#"{"errcode":"40029"}"#,
            r#"{"openid":"oA"}"#,
            r#"{"openid":"","session_key":"x"}"#,
        ] {
            let expected = serde_json::from_str::<Value>(body)
                .ok()
                .filter(Value::is_object)
                .filter(|v| v.get("errcode").is_none());
            let expected = expected.map_or_else(|| body.to_owned(), |value| value.to_string());
            check(200, body, Err(Trouble::Unreadable(expected)));
        }
        check(502, "<html>", Err(Trouble::Unreadable("<html>".to_owned())));
    }

    #[test]
    fn an_address_must_be_plain_http() {
        for base in ["https://api.weixin.qq.com", "127.0.0.1:80", "", "http://"] {
            let upstream = Upstream {
                base: base.to_owned(),
                appid: String::new(),
                secret: String::new(),
            };
            assert!(
                matches!(WeChat::new(&upstream), Err(StartError::Upstream { .. })),
                "{base}"
            );
        }
    }
}
