//! Values that take precedence over an adapter file: `WXC_*` variables and `--set` arguments.
//!
//! Knows nothing of what the values mean; they become part of the tree before it is read.

use super::{
    names::{self, ADAPTER, Key, Shape},
    node::{self, Node, Place, Value},
    problem::Problem,
    stores,
};
use wxmock_model::nearest;

/// Values that take precedence over the file: `cli` over `env` over file over default.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// (dotted path, value) from the command line: `("backend.base", "http://127.0.0.1:9000")`.
    pub cli: Vec<(String, String)>,
    /// (variable, value) from the environment: `("WXC_BACKEND_BASE", "http://127.0.0.1:9000")`. Variables that do not
    /// start with `WXC_` are ignored.
    pub env: Vec<(String, String)>,
}

const PREFIX: &str = "WXC_";
/// A key of one `[[store]]`, found by the store's name.
const STORE: &str = "STORE_";

impl Overrides {
    /// The variables of this process, and no command line.
    #[must_use]
    pub fn from_env() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name
                .into_string()
                .ok()
                .filter(|name| name.starts_with(PREFIX))?;
            Some((name, value.to_string_lossy().into_owned()))
        });
        let mut env: Vec<_> = variables.collect();
        // The system's order is arbitrary; messages should not be.
        env.sort();
        Self {
            cli: Vec::new(),
            env,
        }
    }

    /// Puts every override into the tree, the strongest last.
    pub(crate) fn apply(&self, root: &mut Node, problems: &mut Vec<Problem>) {
        for (name, value) in &self.env {
            let Some(path) = name.strip_prefix(PREFIX) else {
                continue;
            };
            let place = Place::whole(&format!("environment variable {name}"), value);
            if path.starts_with(STORE) {
                put_in_store(root, path, &place, PREFIX, name, problems);
                continue;
            }
            match resolve(path, Shape::Section(ADAPTER)) {
                Some((path, shape)) => put(root, &path, shape, &place, value, problems),
                None => {
                    let accepted: Vec<String> = paths()
                        .iter()
                        .map(|path| format!("{PREFIX}{}", path.join("_").to_uppercase()))
                        .collect();
                    problems.push(unknown(name, &accepted, "environment"));
                }
            }
        }
        for (name, value) in &self.cli {
            let place = Place::whole(&format!("--set {name}"), value);
            let path = node::fold(&name.replace('.', "_"));
            if path.starts_with(STORE) {
                put_in_store(root, &path, &place, "", name, problems);
                continue;
            }
            match resolve(&path, Shape::Section(ADAPTER)) {
                Some((path, shape)) => put(root, &path, shape, &place, value, problems),
                None => {
                    let accepted: Vec<String> = paths().iter().map(|path| path.join(".")).collect();
                    problems.push(unknown(name, &accepted, "command line"));
                }
            }
        }
    }

    /// Everything that was overridden, for the fingerprint.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let env = self.env.iter().filter(|(name, _)| name.starts_with(PREFIX));
        env.chain(&self.cli)
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Overrides one key of a store that the file describes.
fn put_in_store(
    root: &mut Node,
    path: &str,
    place: &Place,
    prefix: &str,
    name: &str,
    problems: &mut Vec<Problem>,
) {
    let node = Node {
        place: place.clone(),
        value: Value::Text(place.source.inner().clone()),
    };
    match stores::resolve(root, path) {
        Ok((number, key)) => root.put_in_item("store", number, key, node),
        Err(accepted) => {
            let accepted: Vec<String> = accepted
                .iter()
                .map(|path| format!("{prefix}{path}"))
                .collect();
            let accepted: Vec<&str> = accepted.iter().map(String::as_str).collect();
            let problem = Place::whole("override", name).error(
                format!("`{name}` overrides nothing"),
                "no store of the adapter has this name and key",
            );
            problems.push(problem.help(if accepted.is_empty() {
                "the adapter has no [[store]]; the word after STORE is a store's name".to_owned()
            } else {
                names::suggest(name, &accepted)
            }));
        }
    }
}

fn unknown(name: &str, accepted: &[String], source: &str) -> Problem {
    let place = Place::whole(source, name);
    let accepted: Vec<&str> = accepted.iter().map(String::as_str).collect();
    let help = match nearest(name, accepted.iter().copied()) {
        Some(meant) => format!(
            "did you mean `{meant}`? every key of the adapter can be given, such as {}",
            accepted[..4].join(", ")
        ),
        None => format!(
            "every key of the adapter can be given, such as {}",
            accepted[..4].join(", ")
        ),
    };
    place
        .error(
            format!("`{name}` overrides nothing"),
            "no adapter key has this path",
        )
        .help(help)
}

/// Finds the path whose keys, joined by `_` and in upper case, are `name`.
fn resolve(name: &str, shape: Shape) -> Option<(Vec<String>, Shape)> {
    if name.is_empty() {
        return Some((Vec::new(), shape));
    }
    let keys: &[Key] = match shape {
        Shape::Section(keys) | Shape::TextOr(keys) => keys,
        Shape::Open(keys, _) if keys.iter().any(|key| node::fold(key.name) == name) => keys,
        Shape::Free => return Some((vec![name.to_owned()], Shape::Text)),
        _ => return None,
    };
    keys.iter().find_map(|key| {
        let rest = name.strip_prefix(node::fold(key.name).as_str())?;
        let rest = match rest.strip_prefix('_') {
            Some("") => return None,
            Some(rest) => rest,
            None if rest.is_empty() => "",
            None => return None,
        };
        let (mut path, shape) = resolve(rest, key.shape)?;
        path.insert(0, key.name.to_owned());
        Some((path, shape))
    })
}

fn put(
    root: &mut Node,
    path: &[String],
    shape: Shape,
    place: &Place,
    value: &str,
    problems: &mut Vec<Problem>,
) {
    let text = || Node {
        place: place.clone(),
        value: Value::Text(value.to_owned()),
    };
    let node = match shape {
        Shape::Text | Shape::Word(_) => Ok(text()),
        // `401` is a number, `2xx` and `$.token` are texts, `["a"]` and `{ header = "x" }` are what they look like.
        Shape::Any | Shape::TextOr(_) => {
            Ok(node::from_toml_value(place).unwrap_or_else(|_| text()))
        }
        Shape::Number
        | Shape::Flag
        | Shape::Texts
        | Shape::Section(_)
        | Shape::Sections(_)
        | Shape::Open(..)
        | Shape::Free => node::from_toml_value(place),
    };
    match node {
        Ok(node) => root.put(path, node),
        Err(problem) => problems
            .push(problem.help(
                "the value is read as TOML: 8080, true, [\"a\", \"b\"], { key = \"value\" }",
            )),
    }
}

/// Every closed path, for suggestions.
fn paths() -> Vec<Vec<&'static str>> {
    fn walk(keys: &'static [Key], prefix: &[&'static str], out: &mut Vec<Vec<&'static str>>) {
        for key in keys {
            let mut path = prefix.to_vec();
            path.push(key.name);
            if let Shape::Section(inner) = key.shape {
                walk(inner, &path, out);
            } else {
                out.push(path);
            }
        }
    }
    let mut out = Vec::new();
    for key in ADAPTER {
        if let Shape::Section(inner) = key.shape {
            walk(inner, &[key.name], &mut out);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_resolve_through_names_with_underscores() {
        let check = |name: &str, expected: Option<&[&str]>| {
            let found = resolve(name, Shape::Section(ADAPTER)).map(|(path, _)| path);
            let expected =
                expected.map(|path| path.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
            assert_eq!(found, expected, "{name}");
        };
        check("BACKEND_BASE", Some(&["backend", "base"]));
        check(
            "FEATURES_UPSTREAM_TIMEOUT_MS",
            Some(&["features", "upstream_timeout_ms"]),
        );
        check(
            "BACKEND_ENV_WX_APPID",
            Some(&["backend", "env", "WX_APPID"]),
        );
        check(
            "OPS_LOGIN_PROFILE_REQUEST_POST",
            Some(&["ops", "login_profile", "request", "post"]),
        );
        check(
            "OPS_LOGIN_CAPTURE_TOKEN",
            Some(&["ops", "login", "capture", "token"]),
        );
        check("BACKEND", Some(&["backend"]));
        check("BACKEND_", None);
        check("BACKEND_BSAE", None);
        check("NAME_X", None);
    }
}
