//! A draft adapter from a curl command line. Knows nothing of running backends.

use std::fmt::Write as _;

use serde_json::Value;
use url::Url;

use super::curl::{self, CurlRequest};
use super::names::METHODS;

/// Why no draft could be made: one sentence that names the word at fault and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DraftError {
    message: String,
}

impl From<String> for DraftError {
    fn from(message: String) -> Self {
        Self { message }
    }
}

/// Drafts an adapter (commented TOML that [`Adapter::parse`](super::Adapter::parse) accepts) from a curl line that logs in.
///
/// `curl` is the words of the line, with or without `curl` itself, or the whole line as one word. `answer` is what the
/// backend answered, if known: JSON in which token, user id and success are looked for.
///
/// # Errors
/// A flag that an adapter cannot express, no URL, no login code to be found, an answer that is not JSON.
pub fn draft(curl: &[String], answer: Option<&str>) -> Result<String, DraftError> {
    let request = curl::parse(curl)?;
    let url = read_url(&request.url)?;
    let answer = answer.map(serde_json::from_str::<Value>).transpose().map_err(|error| {
        format!("the sample answer is not JSON ({error}); leave it out and fill in `capture` by hand")
    })?;
    let mut found = Found::default();
    let base = base(&url, &request);
    let request = describe(&request, &url, &mut found)?;
    if !found.code {
        return Err("no login code was found in this request: name the field that holds it `code`, or paste a code as wx.login gives it (32 letters and digits)".to_owned().into());
    }
    Ok(render(&base, &request, &found, answer.as_ref()))
}

fn read_url(text: &str) -> Result<Url, DraftError> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    match url.scheme() {
        "http" | "https" if url.host_str().is_some() => Ok(url),
        other => {
            Err(format!("cannot talk to a backend over `{other}`: use http:// or https://").into())
        }
    }
}

/// Which of the phone's values were recognised.
#[derive(Default)]
struct Found {
    code: bool,
    payload: bool,
    /// A header that looks like a token against forged requests.
    csrf: Option<String>,
    /// A header that looks like a signature of the request.
    signature: Option<String>,
}

impl Found {
    /// Notes what headers of these names are usually for: their values in a curl line are of yesterday.
    fn note(&mut self, header: &str) {
        let plain = header.to_ascii_lowercase().replace(['_', '-'], "");
        if plain.contains("csrf") || plain.contains("xsrf") {
            self.csrf = Some(header.to_owned());
        } else if plain.ends_with("sign") || plain == "signature" || plain == "xsignature" {
            self.signature = Some(header.to_owned());
        }
    }

    /// What to write for such headers, as comments.
    fn advice(&self, op: &str) -> String {
        let mut out = String::new();
        if let Some(header) = &self.csrf {
            let _ = write!(
                out,
                r#"# {header} is another each time: fetch it before, and write "{{{{prepare.csrf}}}}" for its value above.
# [[ops.{op}.prepare]]
# request = {{ get = "/csrf" }}
# capture = {{ csrf = "$.csrf" }} # or {{ cookie = "csrftoken" }}
"#
            );
        }
        if let Some(header) = &self.signature {
            let _ = write!(
                out,
                r#"# {header} is made of each request: write "{{{{value.sign}}}}" for its value above, and say what it is made of.
# [values]
# plain = "{{{{now.s}}}}{{{{request.body}}}}"
# sign = "{{{{ value.plain | hmac_sha256('the key') }}}}"
"#
            );
        }
        out
    }
}

/// Field names, in lower case without `_` and `-`, that hold a value of the phone.
const FIELDS: &[(&[&str], &str)] = &[
    (
        &[
            "code",
            "jscode",
            "logincode",
            "wxcode",
            "xwxcode",
            "wxlogincode",
            "weixincode",
        ],
        "device.code",
    ),
    (
        &[
            "encrypteddata",
            "encrypted",
            "encryptdata",
            "xwxencrypteddata",
        ],
        "device.encryptedData",
    ),
    (&["iv", "xwxiv"], "device.iv"),
    (&["rawdata"], "device.rawData"),
    (&["signature"], "device.signature"),
    (&["phonecode"], "device.phoneCode"),
    (&["deviceid"], "device.id"),
];

/// The template for a field, if its name or the look of its value says that it comes from the phone.
fn slot(name: &str, value: &str, found: &mut Found) -> Option<String> {
    let plain = name.to_ascii_lowercase().replace(['_', '-'], "");
    let by_name = FIELDS
        .iter()
        .find(|(names, _)| names.contains(&plain.as_str()))
        .map(|(_, slot)| *slot);
    let slot = by_name.or_else(|| looks_like_code(value).then_some("device.code"))?;
    match slot {
        "device.code" => found.code = true,
        "device.encryptedData" => found.payload = true,
        _ => {}
    }
    Some(format!("{{{{{slot}}}}}"))
}

/// Codes of wx.login are 32 letters and digits that start with 0.
fn looks_like_code(value: &str) -> bool {
    value.len() == 32
        && value.starts_with('0')
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The `request` line of the draft.
fn describe(request: &CurlRequest, url: &Url, found: &mut Found) -> Result<String, DraftError> {
    let method = request.method.to_ascii_lowercase();
    if !METHODS.contains(&method.as_str()) {
        let known = METHODS.join(", ");
        return Err(format!(
            "method {} cannot be described: an adapter has {known}",
            request.method
        )
        .into());
    }
    let mut parts = vec![format!("{method} = {}", quote(&escape_braces(url.path())))];
    let query: Vec<_> = url.query_pairs().collect();
    if !query.is_empty() {
        parts.push(format!("query = {}", fields(&query, found)));
    }
    let headers: Vec<_> = request
        .headers
        .iter()
        .filter(|(name, _)| is_worth_keeping(name))
        .collect();
    for (name, _) in &headers {
        found.note(name);
    }
    if !headers.is_empty() {
        let headers = headers.into_iter().map(|(name, value)| {
            let value = slot(name, value, found).unwrap_or_else(|| escape_braces(value));
            format!("{} = {}", key(name), quote(&value))
        });
        parts.push(format!(
            "headers = {{ {} }}",
            headers.collect::<Vec<_>>().join(", ")
        ));
    }
    if let Some(body) = &request.body {
        parts.push(describe_body(body, request.is_form, found));
    }
    Ok(format!("{{ {} }}", parts.join(", ")))
}

/// Browsers copy headers that say nothing about the backend, and the body's type follows from its key.
fn is_worth_keeping(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let noise = [
        "accept",
        "accept-encoding",
        "accept-language",
        "connection",
        "content-length",
        "content-type",
        "host",
        "origin",
        "pragma",
        "cache-control",
        "referer",
        "user-agent",
        "priority",
        "dnt",
        "expect",
    ];
    !noise.contains(&name.as_str()) && !name.starts_with("sec-")
}

fn describe_body(body: &str, is_form: bool, found: &mut Found) -> String {
    if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(body) {
        return format!("json = {}", inline(&value, "", found));
    }
    if is_form {
        let pairs: Vec<_> = form_urlencoded::parse(body.as_bytes()).collect();
        return format!("form = {}", fields(&pairs, found));
    }
    format!("body = {}", quote(&escape_braces(body)))
}

fn fields(
    pairs: &[(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)],
    found: &mut Found,
) -> String {
    let pairs = pairs.iter().map(|(name, value)| {
        let value = slot(name, value, found).unwrap_or_else(|| escape_braces(value));
        format!("{} = {}", key(name), quote(&value))
    });
    format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
}

/// A JSON value as inline TOML with slots. TOML has no null; such members are left out.
fn inline(value: &Value, name: &str, found: &mut Found) -> String {
    match value {
        Value::String(text) => {
            quote(&slot(name, text, found).unwrap_or_else(|| escape_braces(text)))
        }
        Value::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .filter(|item| !item.is_null())
                .map(|item| inline(item, "", found))
                .collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            let members = members
                .map(|(name, value)| format!("{} = {}", key(name), inline(value, name, found)));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// Literal `{{` would be read as a template.
fn escape_braces(text: &str) -> String {
    text.replace("{{", "{ {")
}

fn quote(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn key(name: &str) -> String {
    let bare = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if bare { name.to_owned() } else { quote(name) }
}

/// The lines of `[backend]` that say where it is, and whose certificate it may show.
fn base(url: &Url, request: &CurlRequest) -> String {
    let host = url.host_str().unwrap_or("127.0.0.1");
    let port = url.port_or_known_default().unwrap_or(80);
    let base = format!("base = \"{}://{host}:{port}\"", url.scheme());
    let trust = match (&request.ca, request.insecure) {
        _ if url.scheme() != "https" => return base,
        (_, true) => "insecure = true # its certificate is not looked at; better: ca = \"FILE.pem\"".to_owned(),
        (Some(ca), _) => format!("ca = {}", quote(ca)),
        (None, _) => "# ca = \"FILE.pem\" # if no root of this machine signed its certificate: who did, or a self-signed one itself".to_owned(),
    };
    format!("{base}\n{trust}")
}

fn render(base: &str, request: &str, found: &Found, answer: Option<&Value>) -> String {
    let op = if found.payload {
        "login_profile"
    } else {
        "login"
    };
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        r#"# A draft made from a curl line. `wxmock adapter check` exercises it.
schema = 1
name = "my-backend"

[backend]
{base}
# Let the harness start the backend, with WeChat's address pointed at the mock:
# start = ["./my-backend"]
# ready = {{ get = "/healthz", status = 200 }}
# env = {{ WX_API_BASE = "{{{{mock.base}}}}", WX_APPID = "{{{{run.appid}}}}", WX_SECRET = "{{{{run.secret}}}}" }}

[ops.{op}]
request = {request}
{capture}{advice}
# More operations make more cases run: userinfo, phone_code, phone_cipher, whoami, logout. For example:
# [ops.whoami]
# request = {{ get = "/me", headers = {{ Authorization = "Bearer {{{{session.token}}}}" }} }}
# capture = {{ user_id = "$.id" }}

{outcomes}"#,
        capture = render_capture(answer),
        advice = found.advice(op),
        outcomes = render_outcomes(answer),
    );
    out
}

fn render_capture(answer: Option<&Value>) -> String {
    let Some(answer) = answer else {
        return "# Check these two against a real answer (a sample answer makes a better guess).\n\
                capture = { token = \"$.token\" } # user_id = \"$.user.id\"\n"
            .to_owned();
    };
    let tokens = candidates(answer, &TOKENS, is_opaque);
    let users = candidates(answer, &USERS, |value| {
        value.is_string() || value.is_number()
    });
    let mut out = String::new();
    let user = users
        .first()
        .map(|user| format!(", user_id = {}", quote(user)))
        .unwrap_or_default();
    match tokens.split_first() {
        Some((token, others)) => {
            if !others.is_empty() {
                let _ = writeln!(
                    out,
                    "# Other fields that could be the token: {}",
                    others.join(", ")
                );
            }
            let _ = writeln!(out, "capture = {{ token = {}{user} }}", quote(token));
        }
        None => {
            let _ = writeln!(
                out,
                "# Nothing in the sample answer looks like a token. If it comes in a header or a cookie:\n\
                 # capture = {{ token = {{ cookie = \"sid\" }} }}\ncapture = {{ token = \"$.token\"{user} }}"
            );
        }
    }
    out
}

const TOKENS: [&str; 14] = [
    "token",
    "accesstoken",
    "access",
    "skey",
    "session",
    "sessionid",
    "jwt",
    "sid",
    "thirdsession",
    "3rdsession",
    "authtoken",
    "sessiontoken",
    "idtoken",
    "ticket",
];
const USERS: [&str; 6] = ["userid", "uid", "id", "memberid", "openid", "username"];

/// The fields of a JSON text that may be a session token, as JSONPaths, likeliest first; empty if it is not JSON.
pub fn token_candidates(body: &str) -> Vec<String> {
    serde_json::from_str(body)
        .map_or_else(|_| Vec::new(), |body| candidates(&body, &TOKENS, is_opaque))
}

/// The fields of a JSON text that may say who somebody is, as JSONPaths, likeliest first; empty if it is not JSON.
pub fn user_candidates(body: &str) -> Vec<String> {
    serde_json::from_str(body).map_or_else(
        |_| Vec::new(),
        |body| {
            candidates(&body, &USERS, |value| {
                value.is_string() || value.is_number()
            })
        },
    )
}

/// Every plain value of a JSON body: its path, its name in lower case without `_` and `-`, and itself, in order.
pub fn leaves(body: &Value) -> Vec<(String, String, &Value)> {
    let mut leaves = Vec::new();
    collect(body, "$", "", &mut leaves);
    leaves
}

/// Long enough and dense enough to be a token.
fn is_opaque(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() >= 8 && !text.contains(char::is_whitespace))
}

/// Paths of fields whose name is among `names`, in the order of `names`; then, for strings of 24 characters or more, any
/// other field that fits except the ones WeChat itself names.
fn candidates(answer: &Value, names: &[&str], fits: impl Fn(&Value) -> bool) -> Vec<String> {
    let leaves = leaves(answer);
    let mut ranked: Vec<(usize, String)> = Vec::new();
    for (path, name, value) in leaves {
        if !fits(value) {
            continue;
        }
        match names.iter().position(|known| *known == name) {
            Some(rank) => ranked.push((rank, path)),
            None if names.contains(&"token")
                && value.as_str().is_some_and(|text| text.len() >= 24)
                && ![
                    "openid",
                    "unionid",
                    "sessionkey",
                    "avatarurl",
                    "refreshtoken",
                ]
                .contains(&name.as_str()) =>
            {
                ranked.push((names.len(), path));
            }
            None => {}
        }
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, path)| path).collect()
}

fn collect<'a>(
    value: &'a Value,
    path: &str,
    name: &str,
    leaves: &mut Vec<(String, String, &'a Value)>,
) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let bare = name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                    && !name.starts_with(|c: char| c.is_ascii_digit())
                    && !name.is_empty();
                let path = if bare {
                    format!("{path}.{name}")
                } else {
                    format!("{path}[{}]", Value::from(name.as_str()))
                };
                let plain = name.to_ascii_lowercase().replace(['_', '-'], "");
                collect(member, &path, &plain, leaves);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{path}[{index}]"), name, leaves);
            }
        }
        leaf => leaves.push((path.to_owned(), name.to_owned(), leaf)),
    }
}

/// Outcome rules: if the sample says success in its body (`code = 0`), bodies decide, else statuses.
fn render_outcomes(answer: Option<&Value>) -> String {
    let rule = |when: &str, is: &str| format!("[[outcome]]\nwhen = {{ {when} }}\nis = \"{is}\"\n");
    let mut out =
        "# The first rule that matches decides; an answer that none matches proves nothing.\n"
            .to_owned();
    let flag = answer.and_then(|answer| {
        let names = ["code", "errcode", "errno", "ret", "status", "success"];
        names.iter().find_map(|name| {
            answer
                .get(name)
                .filter(|value| value.is_number() || value.is_boolean())
                .map(|value| (*name, value))
        })
    });
    out.push_str(&rule("status = 401", "relogin"));
    out.push_str(&rule("status = [429, 503]", "retry_later"));
    if let Some((name, value)) = flag {
        out.push_str(&rule(
            &format!("status = \"2xx\", json = {{ \"$.{name}\" = {value} }}"),
            "ok",
        ));
        let _ = write!(
            out,
            "# Say which codes in the body ask for a new login:\n# {}",
            rule(
                &format!("json = {{ \"$.{name}\" = [401, 40029, 40163] }}"),
                "relogin"
            )
            .replace('\n', "\n# ")
            .trim_end_matches("# ")
        );
        out.push_str(&rule("status = \"2xx\"", "invalid"));
    } else {
        out.push_str(&rule("status = \"2xx\"", "ok"));
    }
    out.push_str(&rule("status = 403", "denied"));
    out.push_str(&rule("status = \"4xx\"", "invalid"));
    out.push_str(&rule("status = \"5xx\"", "server_error"));
    out
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
