//! Every name an adapter may use, in one place: the reader, the messages, the environment overrides and the published
//! JSON Schema all follow this table. Knows nothing of values.

use wxmock_model::nearest;

/// What may stand under a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// A string.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of strings.
    Texts,
    /// A table with these keys only.
    Section(&'static [Key]),
    /// A table with keys of the author's choosing.
    Free,
    /// A list of tables with these keys only.
    Sections(&'static [Key]),
    /// Any value, described in words where it is read.
    Any,
    /// A string, or a table with these keys only.
    TextOr(&'static [Key]),
    /// A table with these keys, and others of the author's choosing that are each a string or a table with those keys only.
    Open(&'static [Key], &'static [Key]),
}

/// One accepted key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
}

const fn key(name: &'static str, shape: Shape) -> Key {
    Key { name, shape }
}

/// The top of the file.
pub(crate) const ADAPTER: &[Key] = &[
    key("$schema", Shape::Text),
    key("schema", Shape::Number),
    key("name", Shape::Text),
    key("backend", Shape::Section(BACKEND)),
    key("upstream", Shape::Section(UPSTREAM)),
    key("store", Shape::Sections(STORE)),
    key("values", Shape::Free),
    key("ops", Shape::Section(OPS)),
    key("outcome", Shape::Sections(OUTCOME)),
    key("features", Shape::Section(FEATURES)),
];

/// `[backend]`.
pub(crate) const BACKEND: &[Key] = &[
    key("base", Shape::Text),
    key("ca", Shape::Text),
    key("insecure", Shape::Flag),
    key("start", Shape::Texts),
    key("cwd", Shape::Text),
    key("env", Shape::Free),
    key("ready", Shape::Section(READY)),
    key("stop", Shape::Texts),
    key("log", Shape::Text),
    key("headers", Shape::Free),
];

/// `backend.ready`.
pub(crate) const READY: &[Key] = &[
    key("get", Shape::Text),
    key("status", Shape::Any),
    key("timeout", Shape::Text),
];

/// `[upstream]`.
pub(crate) const UPSTREAM: &[Key] = &[
    key("hook", Shape::Word(HOOKS)),
    key("port", Shape::Number),
    key("appid", Shape::Text),
    key("secret", Shape::Text),
];

/// `upstream.hook`.
pub(crate) const HOOKS: &[&str] = &["base_url", "proxy", "hosts"];

/// `[[store]]`.
pub(crate) const STORE: &[Key] = &[
    key("name", Shape::Text),
    key("protocol", Shape::Word(&wxmock_store::Protocol::WORDS)),
    key("address", Shape::Text),
    key("listen", Shape::Text),
];

/// What a template may name of a store, after `store.NAME.`.
pub(crate) const STORE_PARTS: &[&str] = &["host", "port", "address"];

/// `[ops.*]`: the closed set of operations.
pub(crate) const OPS: &[Key] = &[
    key("login", Shape::Section(OP)),
    key("login_profile", Shape::Section(OP)),
    key("userinfo", Shape::Section(OP)),
    key("phone_cipher", Shape::Section(OP)),
    key("phone_code", Shape::Section(OP)),
    key("whoami", Shape::Section(OP)),
    key("logout", Shape::Section(OP)),
    key("refresh", Shape::Section(OP)),
];

/// One operation.
pub(crate) const OP: &[Key] = &[
    key("prepare", Shape::Sections(PREPARE)),
    key("request", Shape::Section(REQUEST)),
    key("capture", Shape::Open(CAPTURE, CAPTURE_FROM)),
];

/// A request that goes before the one of an operation.
pub(crate) const PREPARE: &[Key] = &[
    key("request", Shape::Section(REQUEST)),
    key("status", Shape::Any),
    key("capture", Shape::Open(&[], CAPTURE_FROM)),
];

/// A request: exactly one method, at most one of `json`, `form`, `body`.
pub(crate) const REQUEST: &[Key] = &[
    key("get", Shape::Text),
    key("post", Shape::Text),
    key("put", Shape::Text),
    key("patch", Shape::Text),
    key("delete", Shape::Text),
    key("head", Shape::Text),
    key("options", Shape::Text),
    key("headers", Shape::Free),
    key("query", Shape::Free),
    key("json", Shape::Any),
    key("form", Shape::Free),
    key("body", Shape::Text),
];

/// The methods among [`REQUEST`].
pub(crate) const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options"];

/// What may be captured and has a meaning; any other name is the author's, for `session.*` of later requests.
pub(crate) const CAPTURE: &[Key] = &[
    key("token", Shape::TextOr(CAPTURE_FROM)),
    key("user_id", Shape::TextOr(CAPTURE_FROM)),
    key("plaintext_nonce", Shape::TextOr(CAPTURE_FROM)),
    key("phone", Shape::TextOr(CAPTURE_FROM)),
    key("session_key", Shape::TextOr(CAPTURE_FROM)),
];

/// Where a capture comes from, when it is not a plain JSONPath.
pub(crate) const CAPTURE_FROM: &[Key] = &[
    key("header", Shape::Text),
    key("cookie", Shape::Text),
    key("regex", Shape::Text),
    key("group", Shape::Number),
];

/// `[[outcome]]`.
pub(crate) const OUTCOME: &[Key] = &[
    key("when", Shape::Section(WHEN)),
    key("is", Shape::Word(OUTCOMES)),
];

/// `outcome.when`.
pub(crate) const WHEN: &[Key] = &[
    key("status", Shape::Any),
    key("header", Shape::Free),
    key("json", Shape::Free),
    key("body", Shape::Any),
];

/// Conditions on a header, a JSON value or a whole body, when it is not a plain value.
pub(crate) const CONDITION: &[Key] = &[
    key("matches", Shape::Text),
    key("in", Shape::Any),
    key("present", Shape::Flag),
    key("absent", Shape::Flag),
];

/// The closed outcome set.
pub(crate) const OUTCOMES: &[&str] = &[
    "ok",
    "relogin",
    "retry_later",
    "denied",
    "invalid",
    "server_error",
];

/// `[features]`.
pub(crate) const FEATURES: &[Key] = &[
    key("multi_device", Shape::Word(MULTI_DEVICE)),
    key("key_storage", Shape::Word(KEY_STORAGE)),
    key("duplicate_code", Shape::Word(DUPLICATE_CODE)),
    key("serialises_logins", Shape::Word(SERIALISES)),
    key("upstream_timeout_ms", Shape::Number),
    key("answer_within_ms", Shape::Number),
    key("distinct_tokens", Shape::Flag),
    key("refresh", Shape::Word(REFRESH)),
];

/// `features.multi_device`.
pub(crate) const MULTI_DEVICE: &[&str] = &["keep", "replace"];
/// `features.refresh`.
pub(crate) const REFRESH: &[&str] = &["replace", "keep"];
/// `features.key_storage`.
pub(crate) const KEY_STORAGE: &[&str] = &["server", "none", "device"];
/// `features.duplicate_code`.
pub(crate) const DUPLICATE_CODE: &[&str] = &["same_session", "reject"];
/// `features.serialises_logins`; `false` may be written without quotes.
pub(crate) const SERIALISES: &[&str] = &["false", "per_user", "global"];

/// Keys of older adapters that nothing ever read: told, and passed over.
pub(crate) const RETIRED: &[&str] = &[
    "backend.replicas",
    "backend.reset",
    "features.retries_on_busy",
];

/// Template names that hold wherever a template may stand.
pub(crate) const RUN_NAMES: &[&str] = &[
    "run.appid",
    "run.secret",
    "run.nonce",
    "run.port",
    "run.dir",
    "mock.base",
    "mock.host",
    "mock.port",
];

/// Template names that hold in requests of operations.
pub(crate) const PHONE_NAMES: &[&str] = &[
    "device.code",
    "device.encryptedData",
    "device.iv",
    "device.rawData",
    "device.signature",
    "device.phoneCode",
    "device.id",
    "device.openid",
    "now.s",
    "now.ms",
    "now.iso",
    "request.uuid",
    "request.method",
    "request.path",
    "request.query",
    "request.body",
    "request.params",
    "session.token",
    "session.user_id",
    "session.plaintext_nonce",
    "session.phone",
    "session.session_key",
];

/// Filters of templates.
pub(crate) const FILTERS: &[&str] = &[
    "json",
    "url",
    "urlencode",
    "urldecode",
    "b64",
    "b64url",
    "hex",
    "lower",
    "upper",
    "md5",
    "sha1",
    "sha256",
    "hmac_md5",
    "hmac_sha1",
    "hmac_sha256",
];

/// How names of the author's own begin: what an earlier answer's captures held, what a prepare request's held, `[values]`. A
/// field that names one without a value is left out.
pub(crate) const FREE_NAMES: &[&str] = &["session.", "prepare.", "value.", "request."];

/// Whether this is a name of the author's own, such as `session.skey`.
pub(crate) fn is_free(found: &str) -> bool {
    let own = FREE_NAMES.iter().find_map(|free| found.strip_prefix(free));
    own.is_some_and(is_word) && !found.starts_with("request.")
}

/// Whether names of this group are made for each request.
pub(crate) fn is_computed(group: &str) -> bool {
    matches!(group, "now" | "request" | "prepare" | "value")
}

/// Whether a template can name it: letters, digits, `_` and `-`.
pub(crate) fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The names of `keys`.
pub(crate) fn names(keys: &'static [Key]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

/// The sentence for a name that is not among `accepted`: the likeliest meant one, then all of them.
pub(crate) fn suggest(found: &str, accepted: &[&str]) -> String {
    let list = accepted.join(", ");
    match nearest(found, accepted.iter().copied()) {
        Some(name) => format!("did you mean `{name}`? accepted here: {list}"),
        None => format!("accepted here: {list}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_near_or_absent() {
        let check = |found: &str, expected: Option<&str>| {
            assert_eq!(nearest(found, names(BACKEND)), expected, "{found}");
        };
        check("bsae", Some("base"));
        check("Ready", Some("ready"));
        check("database", None);
        check("x", None);
    }

    #[test]
    fn every_capture_is_a_session_name() {
        for capture in names(CAPTURE) {
            assert!(PHONE_NAMES.contains(&format!("session.{capture}").as_str()));
        }
    }
}
