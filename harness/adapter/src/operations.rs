//! Reads `[ops.*]`: requests and captures. Knows nothing of how they are sent or applied.

use hyper::{Method, header::HeaderName};
use indexmap::IndexMap;
use regex::Regex;
use serde_json::Value as Json;

use super::{
    adapter::{OpSpec, Prepare, is_credential},
    answer::{Capture, Origin},
    computed::Values,
    filter::Filter,
    findings::Findings,
    named,
    names::{self, METHODS, OPS},
    node::{Name, Node, Value},
    outcomes,
    problem::Problem,
    query::Query,
    request::{Body, JsonTemplate, Request},
    template::{Scope, Template, Vars},
};

/// `backend.headers`: what every request of an operation carries, those that prepare it included.
pub(crate) fn common_headers(root: &Node, findings: &mut Findings) -> Vec<(HeaderName, Template)> {
    let node = root.get("backend").and_then(|node| node.get("headers"));
    node.map_or_else(Vec::new, |node| read_headers(node, Scope::Phone, findings))
}

fn read_headers(node: &Node, scope: Scope, findings: &mut Findings) -> Vec<(HeaderName, Template)> {
    let pairs = findings.pairs(node, scope);
    let named = pairs
        .into_iter()
        .filter_map(|(name, template)| Some((read_header_name(name, findings)?, template)));
    named.collect()
}

/// `[values]`: each may name those above it.
pub(crate) fn values(root: &Node, findings: &mut Findings) -> Values {
    let Some(node) = root.get("values") else {
        return Vec::new();
    };
    let mut values: Values = Vec::new();
    for (name, template) in findings.pairs(node, Scope::Phone) {
        if !names::is_word(&name.text) {
            let message = format!("`{}` cannot be named in a template", name.text);
            let problem = name
                .place
                .error(message, "letters, digits, `_` and `-` only");
            findings.error(problem);
            continue;
        }
        let unknown = template.names().find(|found| {
            let value = found.strip_prefix("value.");
            value.is_some_and(|value| !values.iter().any(|(known, _)| known == value))
        });
        if let Some(unknown) = unknown {
            let place = node.get(&name.text).map_or(&name.place, |node| &node.place);
            let message = format!("`{unknown}` is not given above this");
            let problem = place.error(message, "a value names those above it");
            findings.error(problem.help("[values] is read from top to bottom"));
        }
        values.push((name.text.clone(), template));
    }
    values
}

/// Reads every described operation; `root` is the whole file, `common` what every request carries.
pub(crate) fn read(
    root: &Node,
    common: &[(HeaderName, Template)],
    findings: &mut Findings,
) -> IndexMap<String, OpSpec> {
    let described = root.get("ops");
    let entries = described.map_or(&[][..], Node::entries);
    let mut ops = IndexMap::new();
    let errors_before = findings.errors.len();
    for (name, node) in entries {
        let captures = node
            .get("capture")
            .map_or_else(Vec::new, |capture| read_captures(capture, findings));
        let Some(request) = node.get("request") else {
            let message = format!("[ops.{}] has no `request`", name.text);
            let problem = name.place.error(message, "what does the phone send?");
            findings.error(
                problem
                    .help("request = { post = \"/path\", json = { code = \"{{device.code}}\" } }"),
            );
            continue;
        };
        let path = format!("ops.{}.request", name.text);
        let prepare = read_prepare(node, &name.text, common, findings);
        if let Some(request) = read_request(request, Scope::Phone, &path, findings) {
            let spec = OpSpec {
                request: with_headers(request, common),
                captures,
                prepare,
            };
            ops.insert(name.text.clone(), spec);
        }
    }
    // A misspelt template would come back as a missing one.
    if findings.errors.len() == errors_before {
        check_login(root, entries, findings);
        named::check(root, entries, findings);
        check_refresh(entries, findings);
    }
    ops
}

/// A header of the request's own comes before one that every request carries.
fn with_headers(mut request: Request, common: &[(HeaderName, Template)]) -> Request {
    let own = |name: &HeaderName| request.headers.iter().any(|(known, _)| known == name);
    let others = common.iter().filter(|(name, _)| !own(name)).cloned();
    let mut headers: Vec<_> = others.collect();
    headers.append(&mut request.headers);
    Request { headers, ..request }
}

/// `[[ops.<op>.prepare]]`.
fn read_prepare(
    node: &Node,
    op: &str,
    common: &[(HeaderName, Template)],
    findings: &mut Findings,
) -> Vec<Prepare> {
    let mut all = Vec::new();
    let Some(Value::List(items)) = node.get("prepare").map(|node| &node.value) else {
        return all;
    };
    for item in items {
        let path = format!("ops.{op}.prepare.request");
        let Some(request) = item.get("request") else {
            let message = format!("a `prepare` of [ops.{op}] has no `request`");
            let problem = item.place.error(message, "what is asked first?");
            findings.error(problem.help("request = { get = \"/csrf\" }"));
            continue;
        };
        let request = read_request(request, Scope::Phone, &path, findings);
        let status = item.get("status");
        let status = status.and_then(|status| outcomes::read_status(status, findings));
        let captures = item
            .get("capture")
            .map_or_else(Vec::new, |capture| read_captures(capture, findings));
        all.extend(request.map(|request| Prepare {
            request: with_headers(request, common),
            status,
            captures,
        }));
    }
    all
}

/// A phone has to be able to log in, with its code, and to get a token for it.
fn check_login(root: &Node, entries: &[(Name, Node)], findings: &mut Findings) {
    let mut logins = entries
        .iter()
        .filter(|(name, _)| name.text == "login" || name.text == "login_profile")
        .peekable();
    if logins.peek().is_none() {
        let (place, label) = match entries.first() {
            Some((name, _)) => (
                &name.place,
                "operations are described, but not how to log in",
            ),
            None => (&root.place, "no operation is described"),
        };
        let mut place = place.clone();
        if entries.is_empty() {
            place.range = 0..place.source.inner().find('\n').unwrap_or(0);
        }
        findings.error(place.error("`login` is missing", label).help(LOGIN_HELP));
    }
    for (name, node) in logins {
        let op = &name.text;
        if node
            .get("capture")
            .and_then(|capture| capture.get("token"))
            .is_none()
        {
            let place = node
                .get("capture")
                .map_or(&name.place, |capture| &capture.place);
            let problem = place.error(
                format!("[ops.{op}] captures no `token`"),
                "`token` is missing",
            );
            findings.error(problem.help(
                "say where the answer holds the session: capture = { token = \"$.token\" }, or { header = \"…\" }, or { cookie = \"…\" }",
            ));
        }
        let prepares = node
            .get("prepare")
            .is_some_and(|node| mentions(node, "device.code"));
        if let Some(request) = node.get("request")
            && !mentions(request, "device.code")
            && !prepares
        {
            let message = format!("[ops.{op}] never sends the login code");
            let problem = request
                .place
                .error(message, "{{device.code}} is not used here");
            findings.error(
                problem.help("put {{device.code}} where the backend expects the code of wx.login"),
            );
        }
    }
}

/// A refresh gives a token for the one it carries, or for another value of the session: a refresh token.
fn check_refresh(entries: &[(Name, Node)], findings: &mut Findings) {
    let Some((name, node)) = entries.iter().find(|(name, _)| name.text == "refresh") else {
        return;
    };
    let capture = node.get("capture");
    if capture.and_then(|capture| capture.get("token")).is_none() {
        let place = capture.map_or(&name.place, |capture| &capture.place);
        let problem = place.error("[ops.refresh] captures no `token`", "`token` is missing");
        findings.error(
            problem.help(
                "say where the answer holds the new token: capture = { token = \"$.token\" }",
            ),
        );
    }
    let carries = |node: &Node| {
        let used = named::used(node);
        let mut own = used
            .iter()
            .filter_map(|(name, _)| name.strip_prefix("session."));
        own.any(is_credential)
    };
    if let Some(request) = node.get("request")
        && !carries(request)
        && !node.get("prepare").is_some_and(carries)
    {
        let problem = request.place.error(
            "[ops.refresh] never sends the token it is to renew",
            "neither {{session.token}} nor a refresh token is used here",
        );
        findings.error(problem.help(
            "put {{session.token}} where the backend expects the token of the login; a backend with a refresh token beside it has one more capture, ops.login.capture = { token = \"$.access_token\", refresh_token = \"$.refresh_token\" }, and sends {{session.refresh_token}} here",
        ));
    }
}

const LOGIN_HELP: &str = "add\n[ops.login]\nrequest = { post = \"/login\", json = { code = \"{{device.code}}\" } }\ncapture = { token = \"$.token\" }";

/// Whether some string below `node` uses template name `wanted`.
fn mentions(node: &Node, wanted: &str) -> bool {
    named::used(node).iter().any(|(name, _)| name == wanted)
}

/// Reads a request table.
pub(crate) fn read_request(
    node: &Node,
    scope: Scope,
    path: &str,
    findings: &mut Findings,
) -> Option<Request> {
    let (method, target) = read_target(node, path, findings)?;
    let template = findings.template(target, scope);
    if let Some(template) = &template {
        check_path(target, template, findings);
    }
    let headers = node
        .get("headers")
        .map_or_else(Vec::new, |node| read_headers(node, scope, findings));
    let query = node
        .get("query")
        .map_or_else(Vec::new, |query| read_fields(query, scope, findings));
    let body = read_body(node, scope, path, findings);
    Some(Request {
        method,
        path: template?,
        headers,
        query,
        body,
    })
}

fn read_target<'n>(
    node: &'n Node,
    path: &str,
    findings: &mut Findings,
) -> Option<(Method, &'n Node)> {
    let mut targets = node
        .entries()
        .iter()
        .filter(|(name, _)| METHODS.contains(&name.text.as_str()));
    let Some((name, target)) = targets.next() else {
        let problem = node.place.error(
            format!("`{path}` has no method"),
            "get, post, put, patch, delete, head or options is missing",
        );
        findings.error(problem.help("write request = { post = \"/path\", … }"));
        return None;
    };
    if let Some((second, _)) = targets.next() {
        let message = format!("`{path}` has two methods");
        let problem = second.place.error(message, "the second");
        findings.error(
            problem
                .label(name.place.range.clone(), "the first")
                .help("keep one of them"),
        );
        return None;
    }
    let method = name.text.to_ascii_uppercase();
    Some((method.parse().ok()?, target))
}

fn check_path(node: &Node, template: &Template, findings: &mut Findings) {
    let prefix = template.prefix();
    if prefix.starts_with("http://") || prefix.starts_with("https://") {
        let problem = node
            .place
            .error("a path has to start with `/`", "this is a whole address");
        findings.error(problem.help("keep the path here; the address belongs in [backend] base"));
    } else if !prefix.starts_with('/') {
        let problem = node
            .place
            .error("a path has to start with `/`", "no `/` at the start");
        let help = format!("write \"/{}\"", findings.text(node).unwrap_or_default());
        findings.error(problem.help(help));
    } else if let Ok(sample) = template.fill_whole(
        &Vars::of(&super::client::RunVars::sample()),
        super::template::Encode::Path,
    ) && sample.parse::<hyper::http::uri::PathAndQuery>().is_err()
    {
        let problem = node.place.error(
            "this path cannot travel in a request line",
            "holds a space or another character that has to be encoded",
        );
        findings.error(problem.help("percent-encode it: a space is %20"));
    }
}

fn read_header_name(name: &Name, findings: &mut Findings) -> Option<HeaderName> {
    let parsed = HeaderName::from_bytes(name.text.as_bytes()).ok();
    if parsed.is_none() {
        let message = format!("`{}` is not a header name", name.text);
        findings.error(
            name.place
                .error(message, "letters, digits and hyphens only"),
        );
    }
    parsed
}

/// Query or form fields: encoded as a whole, so an explicit `url` filter would encode twice.
fn read_fields(node: &Node, scope: Scope, findings: &mut Findings) -> Vec<(String, Template)> {
    let pairs = findings.pairs(node, scope);
    let mut fields = Vec::with_capacity(pairs.len());
    for (name, template) in pairs {
        if template.uses(&Filter::Url) {
            let value = node.get(&name.text).unwrap_or(node);
            let problem = value
                .place
                .error("this value is encoded twice", "`url` is not needed here");
            findings.warn(
                problem.help("queries and forms are encoded by construction; remove `| url`"),
            );
        }
        fields.push((name.text.clone(), template));
    }
    fields
}

fn read_body(node: &Node, scope: Scope, path: &str, findings: &mut Findings) -> Body {
    let mut bodies = node
        .entries()
        .iter()
        .filter(|(name, _)| matches!(name.text.as_str(), "json" | "form" | "body"));
    let Some((name, value)) = bodies.next() else {
        return Body::Nothing;
    };
    if let Some((second, _)) = bodies.next() {
        let message = format!("`{path}` has two bodies");
        let problem = second.place.error(message, "the second");
        findings.error(
            problem
                .label(name.place.range.clone(), "the first")
                .help("keep one of json, form, body"),
        );
    }
    match name.text.as_str() {
        "json" => Body::Json(read_json(value, scope, findings)),
        "form" => Body::Form(read_fields(value, scope, findings)),
        _ => findings
            .template(value, scope)
            .map_or(Body::Nothing, Body::Raw),
    }
}

fn read_json(node: &Node, scope: Scope, findings: &mut Findings) -> JsonTemplate {
    match &node.value {
        Value::Text(text) => match findings.template(node, scope) {
            Some(template) if template.names().next().is_some() => JsonTemplate::Text(template),
            _ => JsonTemplate::Fixed(Json::from(text.as_str())),
        },
        Value::List(items) => {
            let items = items.iter().map(|item| read_json(item, scope, findings));
            JsonTemplate::List(items.collect())
        }
        Value::Table(entries) => {
            let members = entries
                .iter()
                .map(|(name, node)| (name.text.clone(), read_json(node, scope, findings)));
            JsonTemplate::Object(members.collect())
        }
        _ => JsonTemplate::Fixed(literal(node, findings)),
    }
}

/// A value without templates, as JSON.
pub(crate) fn literal(node: &Node, findings: &mut Findings) -> Json {
    match &node.value {
        Value::Text(text) => Json::from(text.as_str()),
        Value::Integer(number) => Json::from(*number),
        Value::Float(number) if number.is_finite() => Json::from(*number),
        Value::Bool(yes) => Json::from(*yes),
        Value::Float(_) | Value::Date => {
            let label = "JSON has no such value";
            findings.error(
                node.place
                    .error(format!("{} cannot be sent as JSON", node.kind()), label)
                    .help("write it as a string"),
            );
            Json::Null
        }
        Value::List(items) => {
            Json::Array(items.iter().map(|item| literal(item, findings)).collect())
        }
        Value::Table(entries) => {
            let members = entries
                .iter()
                .map(|(name, node)| (name.text.clone(), literal(node, findings)));
            Json::Object(members.collect())
        }
    }
}

fn read_captures(node: &Node, findings: &mut Findings) -> Vec<(String, Capture)> {
    let mut captures = Vec::new();
    for (name, node) in node.entries() {
        captures.extend(read_capture(node, findings).map(|capture| (name.text.clone(), capture)));
    }
    captures
}

fn read_capture(node: &Node, findings: &mut Findings) -> Option<Capture> {
    if let Value::Text(text) = &node.value {
        return match Query::parse(text, &node.place) {
            Ok(query) => Some(Capture {
                from: Origin::Json(query),
                regex: None,
            }),
            Err(problem) => {
                findings.error(problem);
                None
            }
        };
    }
    let regex = read_group(node, findings);
    let from = match (node.get("header"), node.get("cookie")) {
        (Some(_), Some(_)) => {
            findings.error(node.place.error(
                "a capture comes from one place",
                "`header` and `cookie` are both given",
            ));
            return None;
        }
        (Some(header), None) => {
            let name = Name {
                text: findings.text(header)?.to_owned(),
                place: header.place.clone(),
            };
            Origin::Header(read_header_name(&name, findings)?)
        }
        (None, Some(cookie)) => Origin::Cookie(findings.text(cookie)?.to_owned()),
        (None, None) if node.get("regex").is_some() => Origin::Body,
        (None, None) => {
            let problem = node
                .place
                .error("this captures nothing", "no `header`, `cookie` or `regex`");
            findings.error(problem.help(
                "write \"$.path\", { header = \"…\" }, { cookie = \"…\" } or { regex = \"…\" }",
            ));
            return None;
        }
    };
    Some(Capture { from, regex })
}

/// The `regex` of a capture and the group to keep: the declared one, else the first, else the whole match.
fn read_group(node: &Node, findings: &mut Findings) -> Option<(Regex, usize)> {
    let Some(pattern) = node.get("regex") else {
        if let Some(group) = node.get("group") {
            let problem = group.place.error(
                "`group` needs a `regex`",
                "there is no regex to have groups",
            );
            findings.error(problem.help("add regex = \"…(…)…\" or remove `group`"));
        }
        return None;
    };
    let regex = match parse_regex(pattern) {
        Ok(regex) => regex?,
        Err(problem) => {
            findings.error(problem);
            return None;
        }
    };
    let groups = regex.captures_len() - 1;
    let group = match node.get("group") {
        Some(group) => findings.number(group, "group", 0..=i64::try_from(groups).unwrap_or(0))?,
        None => i64::from(groups > 0),
    };
    Some((regex, usize::try_from(group).unwrap_or(0)))
}

/// Reads a regex; `None` if the node is not a string.
pub(crate) fn parse_regex(node: &Node) -> Result<Option<Regex>, Problem> {
    let Value::Text(text) = &node.value else {
        return Ok(None);
    };
    Regex::new(text).map(Some).map_err(|error| {
        let shown = error.to_string();
        let reason = shown.lines().last().unwrap_or("cannot be read");
        let reason = reason.trim_start_matches("error: ").to_owned();
        let part = caret_of(&shown, text).unwrap_or(0..text.len());
        let place = node.place.within(text, part);
        // The place shows it whole.
        let named = match text.char_indices().nth(80) {
            Some((end, _)) => format!("`{}…`", &text[..end]),
            None => format!("`{text}`"),
        };
        let problem = place.error(format!("{named} is not a regex"), reason);
        problem.help("syntax: https://docs.rs/regex/latest/regex/#syntax")
    })
}

/// The regex crate reports places as a line of carets under the pattern, both indented by four spaces.
fn caret_of(shown: &str, pattern: &str) -> Option<std::ops::Range<usize>> {
    let mut lines = shown
        .lines()
        .skip_while(|line| line.get(4..) != Some(pattern));
    let carets = lines.nth(1)?.get(4..)?;
    let lead = carets.chars().take_while(|c| *c == ' ').count();
    let length = carets.trim().chars().count().max(1);
    let start = pattern.char_indices().nth(lead)?.0;
    let end = pattern
        .char_indices()
        .nth(lead + length)
        .map_or(pattern.len(), |(at, _)| at);
    Some(start..end)
}

/// The names of all operations.
#[must_use]
pub fn op_names() -> Vec<&'static str> {
    names::names(OPS)
}
