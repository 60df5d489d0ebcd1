//! `wx.cloud.callContainer`: a page calls the backend through WeChat, which tells the backend who calls. No login comes before it.
//!
//! Source: official page "variables inside the container". That WeChat's headers win over the page's own, and that
//! `X-Original-Forwarded-For` is loopback on this machine, is inferred; `callID` is the journal's number here.

use std::time::Duration;

use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use wxmock_world::{CloudHosting, ContainerCall, Effect};

use super::api::{Answering, Api, Asked, Happened, Run};
use crate::control::ApiError;
use crate::fetch::{self, Address, Asking};

pub(super) const API: Api = Api {
    name: "cloud.callContainer",
    accepts: &[&["config", "url", "path", "method", "data", "header"]],
    run: Run::Later(run),
};

/// The longest a page may wait. Source: official page of callContainer.
const PATIENCE: Duration = Duration::from_secs(15);
/// What WeChat calls a phone as the source of a call.
const SOURCE: &str = "wx_client";

fn run<'a>(asked: &'a Asked<'a>) -> Answering<'a> {
    Box::pin(call_container(asked))
}

async fn call_container(asked: &Asked<'_>) -> Result<Happened, ApiError> {
    let page = PageCall::read(asked)?;
    let effect = asked.with(|world, now, who| world.call_container(now, who));
    let (seq, at) = (effect.seq, effect.at);
    let told = match effect.reply {
        Ok(told) => told,
        Err(fail) => {
            let reply = Err::<(), _>(fail);
            return Ok(asked.happened(Effect { seq, at, reply }, |()| json!({})));
        }
    };
    let asking = page.asking(&told)?;
    let answered = fetch::ask(asking, PATIENCE).await.map_err(|what| {
        ApiError::new(502, "backend-not-asked", what)
            .at("url")
            .hint("is the backend running, and is this its address?")
    })?;
    let header: Map<String, Value> = answered
        .headers
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)))
        .collect();
    // As a page has it that names no dataType.
    let data = serde_json::from_str(&answered.body).unwrap_or(Value::String(answered.body));
    let status = answered.status;
    let call_id = seq.0.to_string();
    let reply = Ok(());
    Ok(asked.happened(
        Effect { seq, at, reply },
        |()| json!({ "statusCode": status, "data": data, "header": header, "callID": call_id }),
    ))
}

/// What the page asks for.
struct PageCall {
    hosting: CloudHosting,
    url: Option<String>,
    path: String,
    method: Method,
    header: Map<String, Value>,
    data: Option<Value>,
}

impl PageCall {
    fn read(asked: &Asked<'_>) -> Result<Self, ApiError> {
        let said = &asked.arguments;
        let app = &asked.who.app;
        let hosting = asked.handle.with_world(|world, _| {
            let hosting = world.cloud(app).ok().flatten();
            hosting.cloned()
        });
        let hosting = hosting.ok_or_else(|| {
            ApiError::invalid("app", "WeChat does not host the backend of this app")
                .hint("[app.cloud] in wxmock.toml, or PUT /_mock/v1/apps/{app}/cloud")
        })?;
        let config = said.object("config")?;
        let env = config.get("env").and_then(Value::as_str);
        if let Some(env) = env.filter(|env| *env != hosting.env) {
            let wrong = format!("`{env}` is not the environment of this app");
            return Err(ApiError::invalid("config.env", wrong).hint(hosting.env));
        }
        let method = said.text("method")?.unwrap_or_else(|| "GET".to_owned());
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes())
            .map_err(|_| ApiError::invalid("method", format!("`{method}` is no method")))?;
        Ok(Self {
            hosting,
            url: said.text("url")?,
            path: said.text("path")?.unwrap_or_default(),
            method,
            header: said.object("header")?,
            data: said.json("data"),
        })
    }

    fn asking(self, told: &ContainerCall) -> Result<Asking, ApiError> {
        let container = self.url.or(self.hosting.container).ok_or_else(|| {
            ApiError::invalid("url", "where the container is is not said")
                .hint("container = \"http://127.0.0.1:3000\" in [app.cloud], or url= here")
        })?;
        let slash = if self.path.starts_with('/') { "" } else { "/" };
        let mut url = format!("{}{slash}{}", container.trim_end_matches('/'), self.path);
        let mut headers = page_headers(&self.header)?;
        let mut body = String::new();
        match self.data {
            // As wx.request does: what is asked with GET has no body.
            Some(Value::Object(fields)) if self.method == Method::GET => {
                let and = if url.contains('?') { '&' } else { '?' };
                let pairs = fields.iter().map(|(name, value)| (name, spoken(value)));
                let query = form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(pairs)
                    .finish();
                url = format!("{url}{and}{query}");
            }
            Some(Value::String(text)) => body = text,
            Some(other) => body = other.to_string(),
            None => {}
        }
        if !headers.iter().any(|(name, _)| *name == CONTENT_TYPE) {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        headers.extend(identity(told));
        Ok(Asking {
            address: Address::parse(&url)?,
            method: self.method,
            headers,
            body: body.into(),
        })
    }
}

fn spoken(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The page's own headers, without those that say who calls: the backend is to trust them.
fn page_headers(header: &Map<String, Value>) -> Result<Vec<(HeaderName, HeaderValue)>, ApiError> {
    let mut headers = Vec::new();
    for (name, value) in header {
        let lower = name.to_ascii_lowercase();
        let is_identity = lower.starts_with("x-wx-") && lower != "x-wx-service";
        if is_identity
            || [
                "host",
                "content-length",
                "transfer-encoding",
                "connection",
                "x-original-forwarded-for",
            ]
            .contains(&lower.as_str())
        {
            continue;
        }
        let parsed = HeaderName::try_from(lower.as_str())
            .ok()
            .zip(HeaderValue::try_from(spoken(value)).ok());
        headers.push(
            parsed.ok_or_else(|| {
                ApiError::invalid("header", format!("`{name}` cannot be a header"))
            })?,
        );
    }
    Ok(headers)
}

/// What WeChat says of the person and the app.
fn identity(told: &ContainerCall) -> Vec<(HeaderName, HeaderValue)> {
    let own = |name: &'static str, value: &str| {
        let value = HeaderValue::from_str(value).expect("ids are plain letters");
        (HeaderName::from_static(name), value)
    };
    let mut headers = vec![
        own("x-wx-openid", told.openid.as_str()),
        own("x-wx-appid", told.appid.as_str()),
        own("x-wx-env", &told.hosting.env),
        own("x-wx-source", SOURCE),
        own(
            "x-wx-cloudbase-access-token",
            told.cloudbase_access_token.as_ref(),
        ),
        own("x-original-forwarded-for", "127.0.0.1"),
    ];
    let unionid = told.unionid.as_ref();
    headers.extend(unionid.map(|unionid| own("x-wx-unionid", unionid.as_str())));
    headers
}
