//! One request to a backend on this machine, as its mini program would send it: the console has no other way to press its login.

use bytes::Bytes;
use hyper::Method;
use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use wxmock_world::Span;

use super::call::Call;
use super::error::ApiError;
use crate::fetch::{Address, Asking, ask};
use crate::http::{Response, ResponseBody};

/// Body of `POST /_mock/v1/backend`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskBody {
    url: String,
    #[serde(default = "post")]
    method: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
    /// How long the backend may take.
    #[serde(default = "default_wait")]
    wait: Span,
}

fn post() -> String {
    Method::POST.to_string()
}

/// Longer than a person needs to release what a gate holds.
fn default_wait() -> Span {
    Span::s(120)
}

/// Answers when the backend has, with `status`, `headers` and `body`, or with `error` where it gave no answer.
pub(super) fn send(call: &Call<'_>) -> Result<Response, ApiError> {
    let body: AskBody = call.body()?;
    let wait = std::time::Duration::from_millis(body.wait.0);
    let asking = asking(body)?;
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let view = tokio::select! {
            answered = ask(asking, wait) => view(answered),
            // Whoever asked has gone, and the request goes with them.
            () = sender.closed() => return,
        };
        let _ = sender.send(Bytes::from(format!("{view}\n"))).await;
    });
    let mut response = Response::new(200, "application/json", Bytes::new());
    response.body = ResponseBody::Stream(receiver);
    Ok(response)
}

fn asking(body: AskBody) -> Result<Asking, ApiError> {
    let address = Address::parse(&body.url)?;
    let method = body.method.parse::<Method>().map_err(|_| {
        ApiError::invalid("method", format!("`{}` is no HTTP method", body.method))
            .hint("GET or POST")
    })?;
    let header = |(name, value): (String, String)| {
        let wrong = || {
            ApiError::invalid("headers", format!("`{name}: {value}` is no header"))
                .hint("[[\"authorization\", \"Bearer …\"]]")
        };
        Ok((
            name.parse::<HeaderName>().map_err(|_| wrong())?,
            HeaderValue::from_str(&value).map_err(|_| wrong())?,
        ))
    };
    Ok(Asking {
        method,
        headers: body
            .headers
            .into_iter()
            .map(header)
            .collect::<Result<_, ApiError>>()?,
        body: body.body.into(),
        address,
    })
}

fn view(answered: Result<crate::fetch::Answered, String>) -> Value {
    match answered {
        Ok(answered) => json!({
            "status": answered.status,
            "headers": answered.headers,
            "body": answered.body,
        }),
        Err(error) => json!({ "error": error }),
    }
}
