//! What the admin and device APIs answer when they refuse: a status, a code, a sentence, a way out.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use wxmock_world::ControlError;

use crate::http::Response;
use crate::names;

/// A refusal. Rendered as `{"error":{"code","message","hint","path"}}`; absent parts are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    /// A word for programs, such as `unknown-user`.
    pub(crate) code: &'static str,
    /// A sentence for people.
    pub(crate) message: String,
    /// What to do instead.
    pub(crate) hint: Option<String>,
    /// The field or parameter that is wrong.
    pub(crate) path: Option<String>,
    /// Methods this path has, for a 405.
    pub(crate) allow: Option<String>,
}

impl ApiError {
    /// A refusal with no hint yet.
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            hint: None,
            path: None,
            allow: None,
        }
    }

    /// A value that cannot be used: 400.
    pub(crate) fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(400, "invalid", message).at(path)
    }

    /// A name that does not exist among `known`: 404.
    pub(crate) fn unknown(
        what: &'static str,
        code: &'static str,
        wrong: &str,
        known: &[&str],
    ) -> Self {
        Self::new(404, code, format!("no {what} is called `{wrong}`"))
            .hint(names::hint(wrong, known))
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    #[must_use]
    pub(crate) fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The refusal as JSON.
    pub(crate) fn response(self) -> Response {
        let mut error = Map::new();
        error.insert("code".to_owned(), json!(self.code));
        error.insert("message".to_owned(), json!(self.message));
        for (name, part) in [("hint", self.hint), ("path", self.path)] {
            if let Some(part) = part {
                error.insert(name.to_owned(), json!(part));
            }
        }
        let response = answer(self.status, &json!({ "error": Value::Object(error) }));
        match self.allow {
            Some(allow) => response.header("Allow", allow),
            None => response,
        }
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        let message = error.to_string();
        match error {
            ControlError::NoSuchApp(_) => Self::new(404, "unknown-app", message)
                .at("app")
                .hint("GET /_mock/v1/apps lists them"),
            ControlError::NoSuchUser { .. } => Self::new(404, "unknown-user", message)
                .at("user")
                .hint("GET /_mock/v1/apps/{app}/users lists them"),
            ControlError::AppExists(_) => Self::new(409, "app-exists", message)
                .at("appid")
                .hint("leave appid out to get a fresh one"),
            ControlError::AppIdOfAnotherKind { .. } => Self::invalid("appid", message),
            ControlError::NoPeople(_) => Self::invalid("user", message),
            ControlError::UserExists { .. } => Self::new(409, "user-exists", message)
                .at("name")
                .hint("PATCH …/users/{user} edits one that exists"),
            ControlError::OpenidTaken { .. } => Self::new(409, "openid-taken", message)
                .at("openid")
                .hint("leave openid out to get one from the seed"),
            ControlError::NoLiveKey { .. } => Self::new(409, "no-live-key", message)
                .hint("POST /_mock/wx/login, then exchange the code"),
            ControlError::NoSuchKey { .. } => Self::new(404, "unknown-key", message)
                .at("key")
                .hint("GET …/keys lists them"),
            ControlError::NoSuchPush(_) => Self::new(404, "unknown-push", message)
                .at("id")
                .hint("GET /_mock/v1/apps/{app}/push lists them"),
            ControlError::Push { field, .. } | ControlError::Cloud { field, .. } => {
                Self::invalid(field, message)
            }
            ControlError::Policy(policy) => Self::invalid(policy.knob, message),
            ControlError::BadUser { field, .. } => Self::invalid(field, message),
            _ => Self::new(400, "invalid", message),
        }
    }
}

/// A JSON answer; ends in a newline, because people read these in a terminal.
pub(crate) fn answer(status: u16, document: &Value) -> Response {
    Response::new(status, "application/json", format!("{document}\n"))
}

const AN_OBJECT: &str = "send a JSON object, such as {\"user\":\"alice\"}";

/// Reads a JSON body, naming the field that is wrong. An empty body is `{}`.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.iter().all(u8::is_ascii_whitespace) {
        b"{}"
    } else {
        body
    };
    // The decoder would take a list for an object whose fields all have defaults.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(
            ApiError::new(400, "not-json", "the body is not a JSON object").hint(AN_OBJECT),
        );
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        // What the decoder calls "." is the whole body; that is no place to point at.
        let path = Some(path).filter(|path| path != ".");
        let inner = error.into_inner();
        let at = format!(" at line {} column {}", inner.line(), inner.column());
        let text = inner.to_string();
        let text = text.strip_suffix(&at).unwrap_or(&text);
        let (message, hint) = names::explain(text);
        match inner.classify() {
            serde_json::error::Category::Data => ApiError {
                path,
                hint,
                ..ApiError::new(400, "invalid", message)
            },
            _ => ApiError::new(400, "not-json", format!("the body is not JSON: {text}{at}"))
                .hint(AN_OBJECT),
        }
    })?;
    reader.end().map_err(|_| {
        ApiError::new(
            400,
            "not-json",
            "something follows the JSON document in the body",
        )
        .hint("send one JSON object")
    })?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its decoding is tested")]
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its decoding is tested")]
        count: u32,
    }

    fn check(body: &str, code: &str, path: Option<&str>, message: &str, hint: Option<&str>) {
        let error = decode::<Outer>(body.as_bytes()).expect_err(body);
        assert_eq!((error.code, error.path.as_deref()), (code, path), "{body}");
        assert_eq!(
            (error.message.as_str(), error.hint.as_deref()),
            (message, hint),
            "{body}"
        );
    }

    #[test]
    fn the_wrong_field_is_named() {
        check(
            r#"{"inner":{"cuont":1}}"#,
            "invalid",
            Some("inner.cuont"),
            "unknown key `cuont`",
            Some("did you mean `count`? accepted: count"),
        );
        check(
            r#"{"inner":{"count":"1"}}"#,
            "invalid",
            Some("inner.count"),
            "invalid type: string \"1\", expected a whole number from 0 to 4294967295",
            None,
        );
        check(
            r#"{"inner":{}}"#,
            "invalid",
            Some("inner"),
            "the key `count` is missing",
            None,
        );
        check(
            "{",
            "not-json",
            None,
            "the body is not JSON: EOF while parsing an object at line 1 column 1",
            Some("send a JSON object, such as {\"user\":\"alice\"}"),
        );
        check(
            "{} {}",
            "not-json",
            None,
            "something follows the JSON document in the body",
            Some("send one JSON object"),
        );
    }

    #[test]
    fn an_empty_body_is_an_empty_object() {
        decode::<Outer>(b"").expect("nothing is required");
        decode::<Outer>(b" \r\n").expect("nothing is required");
    }
}
