//! What an api of the phone is, what it is given, and what its callback receives.

use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value, json};
use wxmock_world::{DeviceFail, Effect, KeyNo, Seq, Who, World};

use super::arguments::{Arguments, WrongType};
use crate::Handle;
use crate::control::{ApiError, answer};
use crate::http::Response;

/// An api of the phone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    /// The name, as in `wx.<name>`.
    pub(crate) name: &'static str,
    /// The parameters it takes beside [`Api::COMMON`], in groups. Those of a page that change nothing here are among them.
    pub(super) accepts: &'static [&'static [&'static str]],
    pub(super) run: Run,
}

/// How an api comes to its answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Run {
    /// At once.
    Now(fn(&Asked<'_>) -> Result<Happened, ApiError>),
    /// After it asked somebody else.
    Later(for<'a> fn(&'a Asked<'a>) -> Answering<'a>),
}

/// An answer that is being made.
pub(super) type Answering<'a> =
    Pin<Box<dyn Future<Output = Result<Happened, ApiError>> + Send + 'a>>;

impl Api {
    /// What every api takes.
    pub(super) const COMMON: [&'static str; 4] = ["app", "user", "device", "pick"];

    /// Every parameter it takes.
    pub(crate) fn parameters(&self) -> Vec<&'static str> {
        let own = self.accepts.iter().copied().flatten();
        Self::COMMON.iter().chain(own).copied().collect()
    }

    pub(super) async fn answer(&self, asked: &Asked<'_>) -> Result<Happened, ApiError> {
        match self.run {
            Run::Now(run) => run(asked),
            Run::Later(run) => run(asked).await,
        }
    }
}

/// One call.
pub(super) struct Asked<'a> {
    pub(super) handle: &'a Handle,
    pub(super) api: &'static str,
    pub(super) who: Who,
    pub(super) arguments: Arguments,
}

impl Asked<'_> {
    /// What the success callback receives beside `errMsg`, or the fail callback.
    pub(super) fn happened<T>(
        &self,
        effect: Effect<Result<T, DeviceFail>>,
        success: impl FnOnce(T) -> Value,
    ) -> Happened {
        self.happened_under(effect, |reply| (None, success(reply)))
    }

    /// The same, with the number of the key it was done with.
    pub(super) fn happened_under<T>(
        &self,
        effect: Effect<Result<T, DeviceFail>>,
        success: impl FnOnce(T) -> (Option<KeyNo>, Value),
    ) -> Happened {
        let (key_no, fields) = match effect.reply {
            Ok(reply) => {
                let (key_no, fields) = success(reply);
                let mut detail = json!({ "errMsg": format!("{}:ok", self.spoken()) });
                if let (Some(detail), Value::Object(fields)) = (detail.as_object_mut(), fields) {
                    detail.extend(fields);
                }
                (key_no, detail)
            }
            Err(fail) => {
                let err_msg = format!("{}{}", self.inner(), fail.err_msg);
                (None, json!(DeviceFail { err_msg, ..fail }))
            }
        };
        Happened {
            seq: effect.seq,
            key_no,
            detail: fields,
        }
    }

    /// What stands before the name of an api of WeCom's: its client calls its own by their inner names.
    fn inner(&self) -> &'static str {
        if self.api.starts_with("qy.") {
            "qy__"
        } else {
            ""
        }
    }

    /// The api's name as it stands in `errMsg`.
    fn spoken(&self) -> String {
        self.api.replacen("qy.", self.inner(), 1)
    }

    /// What a page hears that passed a parameter of the wrong type.
    pub(super) fn wrong_type(&self, wrong: &WrongType) -> Happened {
        let fail = DeviceFail::wrong_parameter(self.api, wrong.name, wrong.wanted, wrong.got);
        self.failed(fail)
    }

    /// What a page hears whose call failed before WeChat was asked.
    pub(super) fn failed(&self, fail: DeviceFail) -> Happened {
        let effect = self.with(|world, now, who| world.fail_on_phone(now, who, self.api, fail));
        self.happened(effect, |()| json!({}))
    }

    /// Does something with the world as this phone.
    pub(super) fn with<T>(
        &self,
        act: impl FnOnce(&mut World, wxmock_world::UnixMs, &Who) -> T,
    ) -> T {
        self.handle
            .with_world(|world, now| act(world, now, &self.who))
    }
}

/// What the callback receives, and the numbers that go into headers.
pub(super) struct Happened {
    pub(super) seq: Seq,
    pub(super) key_no: Option<KeyNo>,
    pub(super) detail: Value,
}

impl Happened {
    pub(super) fn response(self, pick: Option<&str>) -> Result<Response, ApiError> {
        let response = match pick {
            None => answer(200, &self.detail),
            Some(field) => match self.detail.get(field) {
                Some(Value::String(text)) => {
                    Response::new(200, "text/plain; charset=utf-8", format!("{text}\n"))
                }
                Some(other) => answer(200, other),
                None => return Err(self.no_such_field(field)),
            },
        };
        let response = response.seq(self.seq);
        Ok(match self.key_no {
            Some(key_no) => response.header("X-Wxmock-Key", key_no.to_string()),
            None => response,
        })
    }

    fn no_such_field(&self, field: &str) -> ApiError {
        let none = Map::new();
        let detail = self.detail.as_object().unwrap_or(&none);
        let said = detail.get("errMsg").and_then(Value::as_str);
        let has: Vec<&str> = detail.keys().map(String::as_str).collect();
        ApiError::new(
            404,
            "no-such-field",
            format!("the answer has no `{field}`: {}", said.unwrap_or_default()),
        )
        .at("pick")
        .hint(format!("it has: {}", has.join(", ")))
    }
}
