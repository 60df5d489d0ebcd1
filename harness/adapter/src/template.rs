//! `{{ name | filter }}` in adapter texts. The names are a closed set; there is no scripting.
//!
//! Knows where a template stands only as an [`Encode`]: what makes a value safe there.

use std::{borrow::Cow, ops::Range};

use super::{
    client::{OpVars, RunVars},
    computed::Computed,
    filter::{self, Filter, Key},
    names::{self, FREE_NAMES, PHONE_NAMES, RUN_NAMES, STORE_PARTS},
    node::Place,
    problem::Problem,
};

/// Where a template stands, which decides the names it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The backend's process: no phone exists yet.
    Process,
    /// A request of a phone.
    Phone,
}

/// A text with slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Slot {
        name: String,
        filters: Vec<Filter>,
    },
    /// `store.NAME.host`, `.port` or `.address`.
    Store {
        name: String,
        part: &'static str,
        filters: Vec<Filter>,
    },
}

/// What the place of a template asks of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encode {
    /// Nothing: the text is encoded as a whole later, or not at all.
    Verbatim,
    /// Percent-encoding, unless a filter did that already: paths.
    Path,
    /// As `Path`, with `+` left bare.
    PathRawPlus,
}

/// A value that cannot be left out is not there: `device.phoneCode` of a phone that has none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the phone has no {0}")]
pub(crate) struct Unset(pub(crate) String);

/// The values of one request or one start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vars<'a> {
    pub(crate) run: &'a RunVars,
    pub(crate) phone: Option<&'a OpVars>,
    /// What one request is made with beside that; `None` while an adapter is read or a backend starts.
    pub(crate) computed: Option<&'a Computed<'a>>,
}

impl<'a> Vars<'a> {
    /// The values of a start, or of a request that is only looked at.
    pub(crate) const fn of(run: &'a RunVars) -> Self {
        Self {
            run,
            phone: None,
            computed: None,
        }
    }

    /// Whether a field that names this is left out where there is no value.
    fn may_be_left_out(&self, name: &str) -> bool {
        let device = name.strip_prefix("device.");
        name.starts_with("session.")
            || self.computed.is_some() && FREE_NAMES.iter().any(|free| name.starts_with(free))
            || self
                .phone
                .is_some_and(|phone| device.is_some_and(|name| phone.absent.contains(name)))
    }

    /// The value of a name; `None` if a field that names it is left out.
    pub(crate) fn value(&self, name: &str) -> Result<Option<Cow<'_, str>>, Unset> {
        let found = match (name.split_once('.'), self.computed) {
            (Some(("value", value)), Some(computed)) => {
                return Ok(computed.value(self, value)?.map(Cow::Owned));
            }
            (Some((group, part)), Some(computed)) if names::is_computed(group) => {
                computed.get(group, part)
            }
            _ => self.get(name),
        };
        match found {
            None if !self.may_be_left_out(name) => Err(Unset(name.to_owned())),
            found => Ok(found),
        }
    }

    fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let run = self.run;
        let base = run.mock_base.as_str();
        let address = base.split_once("://").map_or(base, |(_, rest)| rest);
        let (host, port) = address.rsplit_once(':').unwrap_or((address, "80"));
        Some(match name {
            "run.appid" => run.appid.as_str().into(),
            "run.secret" => run.secret.as_str().into(),
            "run.nonce" => run.nonce.as_str().into(),
            "run.port" => run.port.to_string().into(),
            "run.dir" => run.dir.to_string_lossy(),
            "mock.base" => base.into(),
            "mock.host" => host.into(),
            "mock.port" => port.into(),
            _ => {
                let phone = self.phone?;
                let held = match name.split_once('.')? {
                    ("device", name) => phone.device.get(name),
                    ("session", name) => phone.session.get(name),
                    _ => None,
                };
                held?.as_str().into()
            }
        })
    }
}

impl Template {
    /// A text without slots.
    pub(crate) fn literal(text: impl Into<String>) -> Self {
        Self {
            parts: vec![Part::Text(text.into())],
        }
    }

    /// Reads `text`, which was written at `place`; each wrong name, filter or brace is a problem of its own.
    pub(crate) fn parse(text: &str, place: &Place, scope: Scope) -> Result<Self, Vec<Problem>> {
        let mut parts = Vec::new();
        let mut problems = Vec::new();
        let mut at = 0;
        while let Some(open) = text[at..].find("{{") {
            let open = at + open;
            if open > at {
                parts.push(Part::Text(text[at..open].to_owned()));
            }
            let inner = open + 2;
            let Some(length) = text[inner..].find("}}") else {
                let caret = place.within(text, open..inner);
                let problem = caret.error("template is not closed", "`}}` is missing after this");
                problems.push(problem.help("write {{ name }} or {{ name | filter }}"));
                return Err(problems);
            };
            match parse_slot(text, inner..inner + length, place, scope) {
                Ok(slot) => parts.push(slot),
                Err(problem) => problems.push(problem),
            }
            at = inner + length + 2;
        }
        if at < text.len() {
            parts.push(Part::Text(text[at..].to_owned()));
        }
        if problems.is_empty() {
            Ok(Self { parts })
        } else {
            Err(problems)
        }
    }

    /// The names used.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(|part| {
            let (name, filters) = match part {
                Part::Slot { name, filters } => (Some(name.as_str()), filters.as_slice()),
                Part::Store { .. } | Part::Text(_) => (None, &[][..]),
            };
            let keys = filters.iter().filter_map(|filter| match filter {
                Filter::Hmac(_, Key::Named(key)) => Some(key.as_str()),
                _ => None,
            });
            name.into_iter().chain(keys)
        })
    }

    /// The stores named.
    pub(crate) fn stores(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Store { name, .. } => Some(name.as_str()),
            Part::Slot { .. } | Part::Text(_) => None,
        })
    }

    /// The text in front of the first slot.
    pub(crate) fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether `filter` is used anywhere.
    pub(crate) fn uses(&self, filter: &Filter) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, Part::Slot { filters, .. } if filters.contains(filter)))
    }

    /// Whether this is one slot and nothing else, ending in `| json`: in a JSON tree that asks for a typed value.
    pub(crate) fn is_typed_slot(&self) -> bool {
        matches!(self.parts.as_slice(), [Part::Slot { filters, .. }] if filters.last() == Some(&Filter::Json))
    }

    /// The same template without its last filter.
    pub(crate) fn without_last_filter(&self) -> Self {
        let mut parts = self.parts.clone();
        if let Some(Part::Slot { filters, .. }) = parts.last_mut() {
            filters.pop();
        }
        Self { parts }
    }

    /// The text with every slot filled; `None` if a value that may be absent is, so that the whole field is left out.
    pub(crate) fn fill(&self, vars: &Vars<'_>, encode: Encode) -> Result<Option<String>, Unset> {
        let mut out = String::new();
        for part in &self.parts {
            match part.filled(vars, encode)? {
                Some(text) => out.push_str(&text),
                None => return Ok(None),
            }
        }
        Ok(Some(out))
    }

    /// The text with every slot filled, where nothing can be left out: absent values are empty.
    pub(crate) fn fill_whole(&self, vars: &Vars<'_>, encode: Encode) -> Result<String, Unset> {
        let mut out = String::new();
        for part in &self.parts {
            out.push_str(&part.filled(vars, encode)?.unwrap_or_default());
        }
        Ok(out)
    }
}

impl Part {
    fn filled(&self, vars: &Vars<'_>, encode: Encode) -> Result<Option<Cow<'_, str>>, Unset> {
        match self {
            Self::Text(text) => Ok(Some(text.into())),
            Self::Slot { name, filters } => {
                let Some(value) = vars.value(name)? else {
                    return Ok(None);
                };
                encoded(&value, filters, vars, encode).map(|text| Some(text.into()))
            }
            Self::Store {
                name,
                part,
                filters,
            } => {
                let store = vars.run.stores.get(name);
                let address = store.ok_or_else(|| Unset("store".to_owned()))?;
                let value = match *part {
                    "host" => address.ip().to_string(),
                    "port" => address.port().to_string(),
                    _ => address.to_string(),
                };
                encoded(&value, filters, vars, encode).map(|text| Some(text.into()))
            }
        }
    }
}

fn parse_slot(
    text: &str,
    inner: Range<usize>,
    place: &Place,
    scope: Scope,
) -> Result<Part, Problem> {
    let mut words = split_trimmed(text, inner.clone());
    let name = words.remove(0);
    let found = &text[name.clone()];
    if found.is_empty() {
        let caret = place.within(text, inner.start - 2..inner.end + 2);
        return Err(caret.error("template names nothing", "a name is missing here"));
    }
    let caret = place.within(text, name);
    let store = found.strip_prefix("store.");
    if scope == Scope::Phone && store.is_some() {
        let problem = caret.error(
            format!("`{found}` is not known in a request"),
            "only [backend] is told where its stores are",
        );
        return Err(problem.help("write it in `env` or `start` of [backend]"));
    }
    let filters = read_filters(text, words, place, scope);
    if let Some(store) = store {
        let (name, part) = store.rsplit_once('.').unwrap_or((store, ""));
        let Some(part) = STORE_PARTS.iter().find(|known| **known == part) else {
            let problem = caret.error(
                format!("unknown template name `{found}`"),
                "a store has a host, a port and an address",
            );
            let accepted = STORE_PARTS
                .iter()
                .map(|part| format!("store.{name}.{part}"));
            let accepted: Vec<String> = accepted.collect();
            let accepted: Vec<&str> = accepted.iter().map(String::as_str).collect();
            return Err(problem.help(names::suggest(found, &accepted)));
        };
        return Ok(Part::Store {
            name: name.to_owned(),
            part,
            filters: filters?,
        });
    }
    check_name(found, &caret, scope)?;
    Ok(Part::Slot {
        name: found.to_owned(),
        filters: filters?,
    })
}

/// Whether a template may use `found` there. Names of the author's own are looked for where they are given.
fn check_name(found: &str, caret: &Place, scope: Scope) -> Result<(), Problem> {
    let of_a_phone = PHONE_NAMES.contains(&found) || names::is_free(found);
    if RUN_NAMES.contains(&found) || scope == Scope::Phone && of_a_phone {
        return Ok(());
    }
    let accepted: Vec<&'static str> = match scope {
        Scope::Process => RUN_NAMES.to_vec(),
        Scope::Phone => [PHONE_NAMES, RUN_NAMES].concat(),
    };
    let problem = if of_a_phone {
        let message = format!("`{found}` is not known while the backend starts");
        caret.error(message, "no phone exists yet")
    } else {
        caret.error(format!("unknown template name `{found}`"), "no such name")
    };
    Err(problem.help(names::suggest(found, &accepted)))
}

/// The filters that these words of `text` name.
fn read_filters(
    text: &str,
    words: Vec<Range<usize>>,
    place: &Place,
    scope: Scope,
) -> Result<Vec<Filter>, Problem> {
    let filters = filter::read(text, words, place)?.into_iter();
    let checked = filters.map(|(filter, at)| {
        if let Filter::Hmac(_, Key::Named(key)) = &filter {
            let at = at.start + text[at.clone()].find(key.as_str()).unwrap_or(0);
            let caret = place.within(text, at..at + key.len());
            check_name(key, &caret, scope).map_err(|problem| {
                problem.help(format!("a key that is a text stands in quotes: ('{key}')"))
            })?;
        }
        Ok(filter)
    });
    checked.collect()
}

/// The ranges of the words between `|`, without the spaces around them; at least one, possibly empty.
fn split_trimmed(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut start = range.start;
    // A key in quotes may hold a `|`.
    let mut quote = None;
    let pieces = text[range].split(|letter: char| {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            _ => {}
        }
        quote.is_none() && letter == '|'
    });
    let pieces = pieces.map(|piece| {
        let lead = piece.len() - piece.trim_start().len();
        let word = start + lead..start + lead + piece.trim().len();
        start += piece.len() + 1;
        word
    });
    pieces.collect()
}

fn encoded(
    value: &str,
    filters: &[Filter],
    vars: &Vars<'_>,
    encode: Encode,
) -> Result<String, Unset> {
    let filtered = filter::apply(value, filters, |key| {
        Ok(vars.value(key)?.unwrap_or_default().into_owned())
    })?;
    let is_encoded = filters
        .iter()
        .any(|filter| matches!(filter, Filter::Url | Filter::UrlEncode));
    Ok(match encode {
        _ if is_encoded => filtered,
        Encode::Verbatim => filtered,
        Encode::Path => percent(&filtered, ""),
        Encode::PathRawPlus => percent(&filtered, "+"),
    })
}

/// Percent-encodes everything but RFC 3986's unreserved characters and those of `keep`.
pub(crate) fn percent(value: &str, keep: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric()
            || b"-._~".contains(&byte)
            || keep.as_bytes().contains(&byte)
        {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn run_vars() -> RunVars {
        RunVars {
            appid: "wx0123456789abcdef".into(),
            secret: "0123456789abcdef0123456789abcdef".into(),
            nonce: "n1".into(),
            port: 4000,
            dir: "/tmp/x".into(),
            mock_base: "http://127.0.0.1:40123".into(),
            stores: [("db".to_owned(), ([127, 0, 0, 1], 40_003).into())].into(),
        }
    }

    fn phone() -> OpVars {
        OpVars {
            device: [("code", "0a+/="), ("rawData", "{\"n\":\"\u{4f60}\"}")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            session: [("token".to_owned(), "T 1".to_owned())].into(),
            ..OpVars::default()
        }
    }

    fn parse(text: &str) -> Result<Template, Vec<Problem>> {
        Template::parse(text, &Place::whole("t", text), Scope::Phone)
    }

    #[test]
    fn slots_are_filled_and_encoded_for_their_place() {
        let check = |text: &str, encode: Encode, expected: &str| {
            let run = run_vars();
            let phone = phone();
            let vars = Vars {
                run: &run,
                phone: Some(&phone),
                computed: None,
            };
            let filled = parse(text).unwrap().fill(&vars, encode).unwrap();
            assert_eq!(filled.as_deref(), Some(expected), "{text}");
        };
        check("no slot", Encode::Verbatim, "no slot");
        check("Bearer {{session.token}}", Encode::Verbatim, "Bearer T 1");
        check("{{ device.code | b64url }}", Encode::Verbatim, "0a-_");
        check("{{device.code|url}}", Encode::Verbatim, "0a%2B%2F%3D");
        check("/a/{{device.code}}", Encode::Path, "/a/0a%2B%2F%3D");
        check("/a/{{device.code | url}}", Encode::Path, "/a/0a%2B%2F%3D");
        check("/a/{{device.code}}", Encode::PathRawPlus, "/a/0a+%2F%3D");
        check(
            "{{device.rawData | json}}",
            Encode::Verbatim,
            "\"{\\\"n\\\":\\\"\u{4f60}\\\"}\"",
        );
        check("{{session.token | lower}}", Encode::Verbatim, "t 1");
        check(
            "{{mock.host}} {{mock.port}} {{run.port}}",
            Encode::Verbatim,
            "127.0.0.1 40123 4000",
        );
    }

    #[test]
    fn absent_session_values_leave_the_field_out_absent_device_values_are_errors() {
        let run = run_vars();
        let phone = phone();
        let vars = Vars {
            run: &run,
            phone: Some(&phone),
            computed: None,
        };
        let fill = |text: &str| parse(text).unwrap().fill(&vars, Encode::Verbatim);
        assert_eq!(fill("Bearer {{session.phone}}"), Ok(None));
        assert_eq!(fill("{{device.iv}}"), Err(Unset("device.iv".to_owned())));
    }

    #[test]
    fn the_caret_is_on_the_name_itself() {
        let text = "x {{ device.cdoe }} {{device.iv|uper}} {{}} {{";
        let problems = parse(text).unwrap_err();
        let carets: Vec<&str> = problems
            .iter()
            .map(|problem| {
                let label = miette::Diagnostic::labels(problem).unwrap().next().unwrap();
                &text[label.offset()..label.offset() + label.len()]
            })
            .collect();
        assert_eq!(carets, ["device.cdoe", "uper", "{{}}", "{{"]);
    }
}
