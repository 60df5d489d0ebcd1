//! A WeChat of thirty lines: each code has a scripted reply, and a reply can be held until the test lets it go.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::Upstream;

pub(super) const APPID: &str = "wx0011223344556677";

/// What the fake says about a code.
#[derive(Debug, Clone)]
struct Script {
    status: u16,
    body: String,
    is_held: bool,
}

pub(super) struct FakeWeChat {
    base: String,
    scripts: Arc<Mutex<BTreeMap<String, Script>>>,
    /// Codes in the order they arrived.
    arrived: Arc<watch::Sender<Vec<String>>>,
    released: Arc<watch::Sender<Vec<String>>>,
}

impl FakeWeChat {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self {
            base,
            scripts: Arc::default(),
            arrived: Arc::default(),
            released: Arc::default(),
        };
        let parts = (
            fake.scripts.clone(),
            fake.arrived.clone(),
            fake.released.clone(),
        );
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (scripts, arrived, released) = parts.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let (scripts, arrived, released) =
                        (scripts.clone(), arrived.clone(), released.clone());
                    async move { Ok::<_, Infallible>(answer(request, scripts, arrived, released).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        fake
    }

    pub(super) fn upstream(&self) -> Upstream {
        Upstream {
            base: self.base.clone(),
            appid: APPID.to_owned(),
            secret: "00112233445566778899aabbccddeeff".to_owned(),
        }
    }

    /// The code belongs to a person and yields a key.
    pub(super) fn code(&self, code: &str, openid: &str, session_key: &str) {
        let body = json!({ "session_key": session_key, "openid": openid }).to_string();
        self.script(code, 200, &body);
    }

    /// The code is answered with this status and body.
    pub(super) fn script(&self, code: &str, status: u16, body: &str) {
        let script = Script {
            status,
            body: body.to_owned(),
            is_held: false,
        };
        self.scripts.lock().unwrap().insert(code.to_owned(), script);
    }

    /// The reply to the code waits for [`Self::release`].
    pub(super) fn hold(&self, code: &str) {
        self.scripts.lock().unwrap().get_mut(code).unwrap().is_held = true;
    }

    pub(super) fn release(&self, code: &str) {
        self.released
            .send_modify(|released| released.push(code.to_owned()));
    }

    /// Returns when the code has arrived.
    pub(super) async fn arrival(&self, code: &str) {
        let mut arrived = self.arrived.subscribe();
        arrived
            .wait_for(|codes| codes.iter().any(|seen| seen == code))
            .await
            .unwrap();
    }

    /// How often the code arrived.
    pub(super) fn n_exchanges(&self, code: &str) -> usize {
        self.arrived
            .borrow()
            .iter()
            .filter(|seen| *seen == code)
            .count()
    }
}

async fn answer(
    request: Request<Incoming>,
    scripts: Arc<Mutex<BTreeMap<String, Script>>>,
    arrived: Arc<watch::Sender<Vec<String>>>,
    released: Arc<watch::Sender<Vec<String>>>,
) -> Response<Full<Bytes>> {
    let query = request.uri().query().unwrap_or_default();
    let query: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let code = match request.uri().path() {
        "/sns/jscode2session" => {
            assert_eq!(query["appid"], APPID);
            assert_eq!(query["grant_type"], "authorization_code");
            query["js_code"].clone()
        }
        // Scripted under their paths, the phone endpoint with its token.
        path => format!(
            "{path} {}",
            query.get("access_token").map_or("", String::as_str)
        ),
    };
    arrived.send_modify(|arrived| arrived.push(code.clone()));
    let script = scripts.lock().unwrap().get(&code).cloned();
    let script = script.unwrap_or_else(|| Script {
        status: 200,
        body: r#"{"errcode":40029,"errmsg":"invalid code, rid: 1-2-3"}"#.to_owned(),
        is_held: false,
    });
    if script.is_held {
        let mut released = released.subscribe();
        let _ = released.wait_for(|codes| codes.contains(&code)).await;
    }
    let mut response = Response::new(Full::new(Bytes::from(script.body)));
    *response.status_mut() = script.status.try_into().unwrap();
    response
}
