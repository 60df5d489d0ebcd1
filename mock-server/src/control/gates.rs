//! Gates over HTTP: hold calls at a point, see who is held, let them go.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use wxmock_world::Span;

use super::call::Call;
use super::error::{ApiError, answer};
use crate::Handle;
use crate::calls::CallId;
use crate::gates::{CallMatch, GateId, GateView, HoldRule, Point};
use crate::http::{Response, ResponseBody};

/// Body of `POST /_mock/v1/gates`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldBody {
    #[serde(default = "default_label")]
    label: String,
    #[serde(default = "default_point")]
    point: Point,
    #[serde(default, rename = "match")]
    matching: CallMatch,
    #[serde(default = "default_limit")]
    limit: Span,
    times: Option<u32>,
    open_when: Option<usize>,
}

fn default_label() -> String {
    "gate".to_owned()
}

/// The point between "state changed" and "answer left", where the lost-key bug lives.
fn default_point() -> Point {
    Point::Committed
}

fn default_limit() -> Span {
    Span::s(30)
}

/// How long `GET /_mock/v1/parked?count=…` waits unless told otherwise.
const DEFAULT_WAIT: Span = Span::s(5);

/// Body of `POST /_mock/v1/gates/release`: exactly one of `call`, `order` and `label`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseBody {
    call: Option<CallId>,
    order: Option<Vec<CallId>>,
    label: Option<String>,
    first: Option<usize>,
}

pub(super) fn list(call: &Call<'_>) -> Result<Response, ApiError> {
    let gates: Vec<Value> = call.handle.gates().rules().iter().map(view).collect();
    Ok(answer(200, &json!({ "gates": gates })))
}

pub(super) fn hold(call: &Call<'_>) -> Result<Response, ApiError> {
    let body: HoldBody = call.body()?;
    super::check_match(call, &body.matching)?;
    if body.limit.is_zero() {
        return Err(
            ApiError::invalid("limit", "a hold needs a limit above 0").hint("for example \"30s\"")
        );
    }
    if body.open_when == Some(0) || body.times == Some(0) {
        let path = if body.times == Some(0) {
            "times"
        } else {
            "open_when"
        };
        return Err(ApiError::invalid(path, "0 would never hold anything")
            .hint("leave it out, or say 1 or more"));
    }
    let rule = HoldRule {
        label: body.label,
        point: body.point,
        matching: body.matching,
        limit: Duration::from_millis(body.limit.0),
        times: body.times,
        open_when: body.open_when,
    };
    let id = call.handle.gates().hold(rule.clone());
    Ok(answer(
        201,
        &view(&GateView {
            id,
            rule,
            taken: 0,
            held: 0,
        }),
    ))
}

pub(super) fn remove(call: &Call<'_>) -> Result<Response, ApiError> {
    let id = GateId(call.number("id")?);
    let gates = call.handle.gates();
    let known: Vec<String> = gates
        .rules()
        .iter()
        .map(|gate| gate.id.0.to_string())
        .collect();
    if !gates.remove(id) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        return Err(ApiError::unknown("gate", "unknown-gate", &id.0.to_string(), &known).at("id"));
    }
    let still_held = gates
        .parked()
        .iter()
        .filter(|parked| parked.gate == id)
        .count();
    Ok(answer(
        200,
        &json!({ "removed": id, "still_held": still_held }),
    ))
}

pub(super) fn release(call: &Call<'_>) -> Result<Response, ApiError> {
    let body: ReleaseBody = call.body()?;
    let gates = call.handle.gates();
    let released = match (body.call, body.order, body.label) {
        (Some(one), None, None) => gates.release_order(&[one]),
        (None, Some(order), None) => gates.release_order(&order),
        (None, None, Some(label)) => gates.release_first(&label, body.first.unwrap_or(usize::MAX)),
        _ => {
            return Err(ApiError::invalid("call", "exactly one of call, order and label says what to release")
                .hint("{\"call\":3} · {\"order\":[5,3,4]} · {\"label\":\"gate\",\"first\":1}; held now: /_mock/v1/parked"));
        }
    };
    Ok(answer(200, &json!({ "released": released })))
}

pub(super) fn open_all(call: &Call<'_>) -> Result<Response, ApiError> {
    let gates = call.handle.gates();
    let released = gates.parked().len();
    gates.open_all();
    Ok(answer(200, &json!({ "released": released })))
}

/// Who is held. With `count`, answers once so many are, or with what is there when `wait` has passed.
pub(super) fn parked(call: &Call<'_>) -> Result<Response, ApiError> {
    call.accept_query(&["label", "count", "wait"])?;
    let label: Option<String> = call.query("label")?;
    let wait = call.query::<Span>("wait")?.unwrap_or(DEFAULT_WAIT);
    let Some(count) = call.query::<usize>("count")? else {
        return Ok(answer(200, &parked_view(call.handle, label.as_deref())));
    };
    let handle = call.handle.clone();
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        // Subscribed before the first look, so that no change falls between look and wait.
        let mut changes = handle.calls().changes();
        let enough = async {
            let n_parked = || handle.gates().n_parked_under(label.as_deref());
            while n_parked() < count && changes.changed().await.is_ok() {}
        };
        // In time or not, the answer says who is there.
        let _ = tokio::time::timeout(Duration::from_millis(wait.0), enough).await;
        let _ = sender
            .send(Bytes::from(format!(
                "{}\n",
                parked_view(&handle, label.as_deref())
            )))
            .await;
    });
    let mut response = Response::new(200, "application/json", Bytes::new());
    response.body = ResponseBody::Stream(receiver);
    Ok(response)
}

fn parked_view(handle: &Handle, label: Option<&str>) -> Value {
    let mut parked = handle.gates().parked();
    parked.retain(|parked| label.is_none_or(|label| parked.label == label));
    json!({ "parked": parked })
}

fn view(gate: &GateView) -> Value {
    let GateView {
        id,
        rule,
        taken,
        held,
    } = gate;
    json!({
        "id": id,
        "label": rule.label,
        "point": rule.point,
        "match": super::match_view(&rule.matching),
        "limit": Span::ms(u64::try_from(rule.limit.as_millis()).unwrap_or(u64::MAX)),
        "times": rule.times,
        "open_when": rule.open_when,
        "taken": taken,
        "held": held,
    })
}
