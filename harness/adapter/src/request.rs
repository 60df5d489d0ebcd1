//! A described request, and the bytes it becomes for one phone. Knows nothing of connections.

use std::collections::BTreeSet;

use bytes::Bytes;
use hyper::{
    HeaderMap, Method,
    header::{CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde_json::{Map, Value};

use super::{
    client::{Extra, Transport},
    template::{Encode, Template, Unset, Vars, percent},
};

/// A request of the adapter, with slots.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub method: Method,
    pub(crate) path: Template,
    pub headers: Vec<(HeaderName, Template)>,
    pub(crate) query: Vec<(String, Template)>,
    pub body: Body,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Nothing,
    Json(JsonTemplate),
    Form(Vec<(String, Template)>),
    Raw(Template),
}

/// A JSON tree whose strings are templates; keys are literal.
#[derive(Debug, Clone)]
pub(crate) enum JsonTemplate {
    Fixed(Value),
    Text(Template),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// A request ready to be written.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub method: Method,
    pub(crate) path_and_query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why a request cannot be built from what the phone holds.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error(transparent)]
    Unset(#[from] Unset),
    #[error("the value of header {0} cannot travel in a header")]
    Header(String),
    #[error("`{0}` is not a header name")]
    HeaderName(String),
}

impl Request {
    /// Every template of the request.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        let mut all = vec![&self.path];
        all.extend(self.headers.iter().map(|(_, template)| template));
        all.extend(self.query.iter().map(|(_, template)| template));
        match &self.body {
            Body::Nothing => {}
            Body::Json(tree) => tree.collect(&mut all),
            Body::Form(pairs) => all.extend(pairs.iter().map(|(_, template)| template)),
            Body::Raw(template) => all.push(template),
        }
        all
    }

    /// The names used where a server decodes a form or a query, and a bare `+` becomes a space.
    pub(crate) fn names_in_forms(&self) -> BTreeSet<&str> {
        let mut all = vec![&self.path];
        all.extend(self.query.iter().map(|(_, template)| template));
        match &self.body {
            Body::Form(pairs) => all.extend(pairs.iter().map(|(_, template)| template)),
            Body::Raw(template) if self.is_called_a_form() => all.push(template),
            Body::Nothing | Body::Json(_) | Body::Raw(_) => {}
        }
        all.into_iter().flat_map(Template::names).collect()
    }

    fn is_called_a_form(&self) -> bool {
        let mut headers = self.headers.iter();
        headers.any(|(name, value)| {
            *name == CONTENT_TYPE && value.prefix().to_ascii_lowercase().starts_with(FORM)
        })
    }

    /// Whether some template names this, or something of this group (`request.`).
    pub(crate) fn mentions(&self, wanted: &str) -> bool {
        let mut all = self.templates().into_iter().flat_map(Template::names);
        all.any(|name| name == wanted || wanted.ends_with('.') && name.starts_with(wanted))
    }

    /// Fills the slots, adds what the scenario adds.
    pub(crate) fn build(&self, vars: &Vars<'_>, extra: &Extra) -> Result<Exchange, BuildError> {
        let raw_plus = extra.transport == Transport::RawPlus;
        let encode = if raw_plus {
            Encode::PathRawPlus
        } else {
            Encode::Path
        };
        let mut path = self.path.fill_whole(vars, encode)?;
        let mut query = fill_pairs(&self.query, vars)?;
        query.extend(extra.query.iter().cloned());
        let carries_object = matches!(self.body, Body::Json(JsonTemplate::Object(_)));
        let carries_form = matches!(self.body, Body::Form(_));
        let loose = |goes: bool| if goes { extra.fields.as_slice() } else { &[] };
        query.extend(loose(!carries_object && !carries_form).iter().map(as_pair));
        if !query.is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            path.push_str(&encode_pairs(&query, raw_plus));
        }
        let (body, kind) = match &self.body {
            Body::Nothing if extra.json.is_empty() && extra.form.is_empty() => (Vec::new(), None),
            Body::Nothing if extra.json.is_empty() => {
                (encode_pairs(&extra.form, raw_plus).into_bytes(), Some(FORM))
            }
            Body::Nothing => (
                json_body(Value::Object(Map::new()), &extra.json, &[]),
                Some(JSON),
            ),
            Body::Json(tree) => {
                let value = tree.fill(vars)?.unwrap_or(Value::Null);
                (
                    json_body(value, &extra.json, loose(carries_object)),
                    Some(JSON),
                )
            }
            Body::Form(pairs) => {
                let mut pairs = fill_pairs(pairs, vars)?;
                pairs.extend(extra.form.iter().cloned());
                pairs.extend(loose(true).iter().map(as_pair));
                (encode_pairs(&pairs, raw_plus).into_bytes(), Some(FORM))
            }
            Body::Raw(template) => (
                template.fill_whole(vars, Encode::Verbatim)?.into_bytes(),
                None,
            ),
        };
        Ok(Exchange {
            method: self.method.clone(),
            path_and_query: path,
            headers: self.build_headers(vars, extra, kind)?,
            body: body.into(),
        })
    }

    fn build_headers(
        &self,
        vars: &Vars<'_>,
        extra: &Extra,
        kind: Option<&'static str>,
    ) -> Result<HeaderMap, BuildError> {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        for (name, template) in &self.headers {
            if let Some(value) = template.fill(vars, Encode::Verbatim)? {
                headers.insert(name.clone(), header_value(name.as_str(), &value)?);
            }
        }
        for (name, value) in &extra.headers {
            let parsed = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| BuildError::HeaderName(name.clone()))?;
            headers.insert(parsed, header_value(name, value)?);
        }
        Ok(headers)
    }
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn header_value(name: &str, value: &str) -> Result<HeaderValue, BuildError> {
    HeaderValue::from_bytes(value.as_bytes()).map_err(|_| BuildError::Header(name.to_owned()))
}

fn as_pair((name, value): &(String, Value)) -> (String, String) {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    (name.clone(), text)
}

fn json_body(mut value: Value, members: &[(String, Value)], fields: &[(String, Value)]) -> Vec<u8> {
    if let Value::Object(object) = &mut value {
        for (name, member) in members.iter().chain(fields) {
            match (object.get_mut(name), member) {
                // What the request says in there itself stays.
                (Some(Value::Object(own)), Value::Object(added)) => own.extend(added.clone()),
                (Some(_), Value::Object(_)) => {}
                _ => {
                    object.insert(name.clone(), member.clone());
                }
            }
        }
    }
    value.to_string().into_bytes()
}

fn fill_pairs(
    pairs: &[(String, Template)],
    vars: &Vars<'_>,
) -> Result<Vec<(String, String)>, Unset> {
    let mut out = Vec::with_capacity(pairs.len());
    for (name, template) in pairs {
        if let Some(value) = template.fill(vars, Encode::Verbatim)? {
            out.push((name.clone(), value));
        }
    }
    Ok(out)
}

fn encode_pairs(pairs: &[(String, String)], raw_plus: bool) -> String {
    if raw_plus {
        let pairs = pairs
            .iter()
            .map(|(name, value)| format!("{}={}", percent(name, ""), percent(value, "+")));
        return pairs.collect::<Vec<_>>().join("&");
    }
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

impl JsonTemplate {
    fn collect<'a>(&'a self, all: &mut Vec<&'a Template>) {
        match self {
            Self::Fixed(_) => {}
            Self::Text(template) => all.push(template),
            Self::List(items) => items.iter().for_each(|item| item.collect(all)),
            Self::Object(members) => members.iter().for_each(|(_, member)| member.collect(all)),
        }
    }

    /// The value; `None` if it needs a `session.*` value the phone does not have.
    fn fill(&self, vars: &Vars<'_>) -> Result<Option<Value>, Unset> {
        Ok(Some(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) if template.is_typed_slot() => {
                match template
                    .without_last_filter()
                    .fill(vars, Encode::Verbatim)?
                {
                    Some(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
                    None => return Ok(None),
                }
            }
            Self::Text(template) => match template.fill(vars, Encode::Verbatim)? {
                Some(text) => Value::String(text),
                None => return Ok(None),
            },
            Self::List(items) => {
                let items = items
                    .iter()
                    .map(|item| Ok(item.fill(vars)?.unwrap_or(Value::Null)));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Object(members) => {
                let mut object = Map::new();
                for (name, member) in members {
                    if let Some(value) = member.fill(vars)? {
                        object.insert(name.clone(), value);
                    }
                }
                Value::Object(object)
            }
        }))
    }
}
