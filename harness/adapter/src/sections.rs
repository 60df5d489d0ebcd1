//! Reads `[backend]`, `[upstream]` and `[features]`. Knows nothing of operations.

use std::{path::PathBuf, time::Duration};

use url::Url;

use super::{
    adapter::{
        BackendSpec, DuplicateCode, Features, Hook, KeyStorage, MultiDevice, Ready, Refresh,
        Serialises, TrustSpec, UpstreamSpec,
    },
    answer::StatusSet,
    client::RunVars,
    findings::Findings,
    node::{Node, Place, Value},
    outcomes,
    template::{Encode, Scope, Template, Vars},
};

/// How long a started backend may take to become ready, unless `ready.timeout` says otherwise.
const READY_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest accepted duration, in milliseconds: ten minutes.
const LONGEST_MS: i64 = 600_000;

/// `[backend]`; `None` if there is no usable base address.
pub(crate) fn backend(
    root: &Node,
    folder: PathBuf,
    findings: &mut Findings,
) -> Option<BackendSpec> {
    let Some(node) = root.get("backend") else {
        let mut place = root.place.clone();
        place.range = 0..place.source.inner().find('\n').unwrap_or(0);
        findings.error(
            place
                .error("[backend] is missing", "no address is given")
                .help(BASE_HELP),
        );
        return None;
    };
    let base = match node.get("base") {
        Some(base) => {
            let template = findings.template(base, Scope::Process);
            template.filter(|template| check_base(base, template, findings))
        }
        None => {
            findings.error(
                node.place
                    .error("[backend] has no `base`", "where does the backend listen?")
                    .help(BASE_HELP),
            );
            None
        }
    };
    let list = |key: &str, findings: &mut Findings| {
        node.get(key)
            .map_or_else(Vec::new, |list| findings.templates(list, Scope::Process))
    };
    let start = list("start", findings);
    let stop = list("stop", findings);
    for key in ["start", "stop"] {
        if let Some(Node {
            value: Value::List(items),
            place,
        }) = node.get(key)
            && items.is_empty()
        {
            findings.error(
                place
                    .error(format!("`backend.{key}` names no program"), "an empty list")
                    .help("remove it, or write [\"./program\", \"argument\"]"),
            );
        }
    }
    let one = |key: &str, findings: &mut Findings| {
        node.get(key)
            .and_then(|text| findings.template(text, Scope::Process))
    };
    let is_https = base.as_ref().is_some_and(|base| scheme(base) == "https");
    let spec = BackendSpec {
        folder,
        trust: trust(node, is_https, findings),
        start,
        stop,
        cwd: one("cwd", findings),
        log: one("log", findings),
        env: environment(node, findings),
        ready: ready(node.get("ready"), findings),
        base: base?,
    };
    Some(spec)
}

/// `ca` and `insecure`, which say something of https addresses only.
fn trust(node: &Node, is_https: bool, findings: &mut Findings) -> TrustSpec {
    let unchecked = node
        .get("insecure")
        .filter(|given| matches!(given.value, Value::Bool(true)));
    let ca = node.get("ca");
    if let (Some(ca), Some(unchecked)) = (ca, unchecked) {
        let message = "`backend.ca` and `backend.insecure` contradict each other";
        let problem = ca.place.error(message, "checked against this");
        let both = problem.label(unchecked.place.range.clone(), "and not checked at all");
        findings.error(both.help("keep one of them"));
        return TrustSpec::Unchecked;
    }
    for (key, given) in [("ca", ca), ("insecure", unchecked)] {
        if let Some(given) = given.filter(|_| !is_https) {
            let message = format!("`backend.{key}` is about https, and `base` is not that");
            let problem = given.place.error(message, "changes nothing");
            findings.warn(problem.help("write https:// in `base`, or remove this"));
        }
    }
    if let Some(unchecked) = unchecked.filter(|_| is_https) {
        let message = "the certificate of the backend is not checked";
        let problem = unchecked
            .place
            .error(message, "anybody may answer in its place");
        findings.warn(problem.help(
            "`ca = \"FILE.pem\"` checks it against an authority of yours, or against a self-signed certificate itself",
        ));
    }
    let file = ca.and_then(|ca| findings.template(ca, Scope::Process));
    match (file, unchecked) {
        (Some(file), _) => TrustSpec::File(file),
        (None, Some(_)) => TrustSpec::Unchecked,
        (None, None) => TrustSpec::System,
    }
}

const BASE_HELP: &str = "[backend]\nbase = \"http://127.0.0.1:8080\"";

fn environment(node: &Node, findings: &mut Findings) -> Vec<(String, Template)> {
    let Some(env) = node.get("env") else {
        return Vec::new();
    };
    let mut pairs = Vec::new();
    for (name, template) in findings.pairs(env, Scope::Process) {
        if name.text.is_empty() || name.text.contains(['=', '\0']) {
            let message = format!(
                "`{}` is not the name of a variable",
                name.text.escape_debug()
            );
            findings.error(name.place.error(message, "has to be without `=`"));
            continue;
        }
        pairs.push((name.text.clone(), template));
    }
    pairs
}

/// Whether the address, with sample values in its slots, is one we can talk to.
fn check_base(node: &Node, template: &Template, findings: &mut Findings) -> bool {
    if template.stores().next().is_some() {
        let problem = node.place.error(
            "a store's address cannot be the backend's",
            "where does the backend listen?",
        );
        findings.error(problem.help(BASE_HELP));
        return false;
    }
    let run = RunVars::sample();
    let vars = Vars::of(&run);
    let Ok(text) = template.fill_whole(&vars, Encode::Verbatim) else {
        return false;
    };
    let written = findings.text(node).unwrap_or_default().to_owned();
    let problem = match Url::parse(&text) {
        Ok(url) if url.scheme() == "unix" => match socket_problem(&url) {
            None => return true,
            Some(what) => node
                .place
                .error("this names no socket", what)
                .help("write unix:/absolute/path.sock"),
        },
        // `localhost:8080` is, strictly, a URL of scheme `localhost`.
        Ok(url) if !matches!(url.scheme(), "http" | "https") && !text.contains("://") => {
            without_scheme(node, &written)
        }
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            let message = format!("cannot talk to a backend over `{}`", url.scheme());
            node.place
                .error(message, "only http://, https:// and unix: work")
                .help("write http://HOST:PORT, https://HOST:PORT, or unix:/absolute/path.sock")
        }
        Ok(url)
            if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() =>
        {
            node.place
                .error(
                    "a base address is scheme, host, port and perhaps a path",
                    "has a query, a fragment or a user",
                )
                .help("move a query into the operations' `query`, a user into their `headers`")
        }
        Ok(_) => return true,
        Err(url::ParseError::RelativeUrlWithoutBase) => without_scheme(node, &written),
        Err(error) => node
            .place
            .error("this is not a URL", error.to_string())
            .help("write http://HOST:PORT"),
    };
    findings.error(problem);
    false
}

/// The scheme of an address, with sample values in its slots.
fn scheme(base: &Template) -> String {
    let run = RunVars::sample();
    let vars = Vars::of(&run);
    let text = base.fill_whole(&vars, Encode::Verbatim).unwrap_or_default();
    Url::parse(&text).map_or_else(|_| String::new(), |url| url.scheme().to_owned())
}

/// What is wrong with the address of a socket in the file system, if anything is.
fn socket_problem(url: &Url) -> Option<&'static str> {
    let is_plain = !url.has_host() && url.query().is_none() && url.fragment().is_none();
    match (cfg!(unix), is_plain && url.path().starts_with('/')) {
        (true, true) => None,
        (true, false) => Some("not unix: and an absolute path"),
        (false, _) => Some("there are no such sockets on this system"),
    }
}

fn without_scheme(node: &Node, written: &str) -> super::problem::Problem {
    node.place
        .error("this is not a URL", "the scheme is missing")
        .help(format!("did you mean `http://{written}`?"))
}

fn ready(node: Option<&Node>, findings: &mut Findings) -> Ready {
    let mut ready = Ready {
        path: None,
        status: StatusSet(vec![(200, 299)]),
        timeout: READY_TIMEOUT,
    };
    let Some(node) = node else {
        return ready;
    };
    if let Some(status) = node.get("status") {
        if let Some(set) = outcomes::read_status(status, findings) {
            ready.status = set;
        }
        if node.get("get").is_none() {
            findings.error(
                status
                    .place
                    .error(
                        "`backend.ready` has a status but no path",
                        "the answer to what?",
                    )
                    .help("add get = \"/healthz\""),
            );
        }
    }
    if let Some(path) = node.get("get") {
        ready.path = findings.template(path, Scope::Process);
        if ready
            .path
            .as_ref()
            .is_some_and(|path| !path.prefix().starts_with('/'))
        {
            findings.error(
                path.place
                    .error("a path has to start with `/`", "no `/` at the start"),
            );
        }
    }
    if let Some(timeout) = node.get("timeout") {
        match findings.text(timeout).and_then(parse_duration) {
            Some(duration) => ready.timeout = duration,
            None => findings.error(
                timeout
                    .place
                    .error("this is not a duration up to ten minutes", "cannot be read")
                    .help("write \"20s\", \"500ms\" or \"1m 30s\""),
            ),
        }
    }
    ready
}

fn parse_duration(text: &str) -> Option<Duration> {
    let duration = text.parse::<jiff::SignedDuration>().ok()?;
    let duration = Duration::try_from(duration).ok()?;
    (1..=LONGEST_MS)
        .contains(&i64::try_from(duration.as_millis()).ok()?)
        .then_some(duration)
}

/// `[upstream]`, all of which may be left out.
pub(crate) fn upstream(root: &Node, findings: &mut Findings) -> UpstreamSpec {
    let mut spec = UpstreamSpec {
        hook: Hook::BaseUrl,
        port: None,
        appid: None,
        secret: None,
    };
    let Some(node) = root.get("upstream") else {
        return spec;
    };
    spec.hook = match node.get("hook").and_then(|hook| findings.text(hook)) {
        Some("proxy") => Hook::Proxy,
        Some("hosts") => Hook::Hosts,
        // Any other word was refused with the shape of the file.
        _ => Hook::BaseUrl,
    };
    if let Some(port) = node.get("port") {
        spec.port = findings
            .number(port, "upstream.port", 0..=65_535)
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port != 0);
    }
    spec.appid = shaped(
        node.get("appid"),
        "wx",
        16,
        "an appid is `wx` and 16 of 0-9 and a-f",
        findings,
    );
    spec.secret = shaped(
        node.get("secret"),
        "",
        32,
        "an appsecret is 32 of 0-9 and a-f",
        findings,
    );
    spec
}

/// A text of `prefix` and `digits` lower-case hex digits.
fn shaped(
    node: Option<&Node>,
    prefix: &str,
    digits: usize,
    rule: &str,
    findings: &mut Findings,
) -> Option<String> {
    let node = node?;
    let text = findings.text(node)?;
    let rest = text.strip_prefix(prefix).unwrap_or_default();
    if rest.len() == digits
        && rest
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    {
        return Some(text.to_owned());
    }
    let what = if prefix.is_empty() {
        "appsecret"
    } else {
        "appid"
    };
    findings.error(
        node.place
            .error(
                format!("this cannot be an {what}"),
                format!("{} characters", text.chars().count()),
            )
            .help(rule),
    );
    None
}

/// `[features]`, all of which may be left out.
pub(crate) fn features(root: &Node, findings: &mut Findings) -> Features {
    let mut features = Features::default();
    let Some(node) = root.get("features") else {
        return features;
    };
    let word = |key: &str| match node.get(key).map(|node| &node.value) {
        Some(Value::Text(word)) => Some(word.as_str()),
        Some(Value::Bool(false)) => Some("false"),
        _ => None,
    };
    features.multi_device = word("multi_device").map(|word| match word {
        "keep" => MultiDevice::Keep,
        _ => MultiDevice::Replace,
    });
    features.refresh = word("refresh").map(|word| match word {
        "replace" => Refresh::Replace,
        _ => Refresh::Keep,
    });
    features.key_storage = match word("key_storage") {
        Some("none") => KeyStorage::None,
        Some("device") => KeyStorage::Device,
        _ => KeyStorage::Server,
    };
    features.duplicate_code = word("duplicate_code").map(|word| match word {
        "same_session" => DuplicateCode::SameSession,
        _ => DuplicateCode::Reject,
    });
    features.serialises_logins = word("serialises_logins").map(|word| match word {
        "false" => Serialises::No,
        "per_user" => Serialises::PerUser,
        _ => Serialises::Global,
    });
    let mut number = |key: &str, range| {
        let path = format!("features.{key}");
        node.get(key)
            .and_then(|node| findings.number(node, &path, range))
    };
    features.upstream_timeout_ms =
        number("upstream_timeout_ms", 1..=LONGEST_MS).and_then(|n| u64::try_from(n).ok());
    if let Some(bound) =
        number("answer_within_ms", 1..=LONGEST_MS).and_then(|n| u64::try_from(n).ok())
    {
        features.answer_within_ms = bound;
    }
    if let Some(Node {
        value: Value::Bool(distinct),
        ..
    }) = node.get("distinct_tokens")
    {
        features.distinct_tokens = *distinct;
    }
    features
}

/// `schema` and `name`.
pub(crate) fn heading(root: &Node, findings: &mut Findings) -> String {
    if let Some(schema) = root.get("schema")
        && !matches!(schema.value, Value::Integer(1))
    {
        findings.error(
            schema
                .place
                .error("this version of the format is not known", "not 1")
                .help("this release reads schema = 1"),
        );
    }
    match root
        .get("name")
        .map(|node| (node, findings.text(node).unwrap_or_default()))
    {
        Some((_, name)) if !name.trim().is_empty() => name.to_owned(),
        Some((node, _)) => {
            findings.error(
                node.place
                    .error("`name` is empty", "reports show this name")
                    .help("name = \"my-backend\""),
            );
            String::new()
        }
        None => {
            let place = Place {
                source: root.place.source.clone(),
                range: 0..root.place.source.inner().find('\n').unwrap_or(0),
            };
            findings.error(
                place
                    .error("`name` is missing", "reports show the backend's name")
                    .help("name = \"my-backend\""),
            );
            String::new()
        }
    }
}
