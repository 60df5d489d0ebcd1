//! Finds the handler of a method and a path in a table, and says what is near when there is none.
//! Knows nothing of what the handlers do.

use std::collections::BTreeSet;

use hyper::Method;

use super::error::ApiError;
use crate::names;

/// One line of a route table.
#[derive(Debug)]
pub(crate) struct Route<H> {
    pub(crate) method: Method,
    /// A full path; a segment in braces is a parameter: `/_mock/v1/apps/{app}`.
    pub(crate) path: &'static str,
    pub(crate) handler: H,
}

/// Path parameters by name, percent-decoded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Params(Vec<(&'static str, String)>);

impl Params {
    /// The value of a parameter; empty if the route has none of this name.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    }
}

/// The route for a request.
///
/// # Errors
/// 404 with the nearest paths, or 405 with `Allow`.
pub(crate) fn find<'t, H>(
    table: &'t [Route<H>],
    method: &Method,
    path: &str,
) -> Result<(&'t Route<H>, Params), ApiError> {
    // A trailing slash means the same thing.
    let path = if path.len() > 1 {
        path.trim_end_matches('/')
    } else {
        path
    };
    let mut allowed = BTreeSet::new();
    for route in table {
        let Some(params) = matches(route.path, path) else {
            continue;
        };
        // HEAD is GET without the body, which the connection leaves out.
        if route.method == *method || route.method == Method::GET && *method == Method::HEAD {
            return Ok((route, params));
        }
        allowed.insert(route.method.as_str());
        if route.method == Method::GET {
            allowed.insert(Method::HEAD.as_str());
        }
    }
    if allowed.is_empty() {
        return Err(not_found(table, path));
    }
    let allow = allowed.into_iter().collect::<Vec<_>>().join(", ");
    let mut refusal = ApiError::new(
        405,
        "method-not-allowed",
        format!("{path} does not take {method}"),
    );
    refusal.hint = Some(format!("it takes {allow}"));
    refusal.allow = Some(allow);
    Err(refusal)
}

fn matches(pattern: &'static str, path: &str) -> Option<Params> {
    let mut params = Params::default();
    let mut given = path.split('/');
    for wanted in pattern.trim_end_matches('/').split('/') {
        let segment = given.next()?;
        match wanted
            .strip_prefix('{')
            .and_then(|wanted| wanted.strip_suffix('}'))
        {
            Some(_) if segment.is_empty() => return None,
            Some(name) => params.0.push((name, percent_decode(segment))),
            None if wanted != segment => return None,
            None => {}
        }
    }
    given.next().is_none().then_some(params)
}

fn percent_decode(segment: &str) -> String {
    // In a path a plus is a plus.
    let escaped = segment
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

fn not_found<H>(table: &[Route<H>], path: &str) -> ApiError {
    let mut near: Vec<(usize, &str)> = table
        .iter()
        .map(|route| (distance(route.path, path), route.path))
        .collect();
    near.sort_unstable();
    near.dedup();
    let near: Vec<&str> = near.into_iter().take(3).map(|(_, path)| path).collect();
    ApiError::new(404, "no-such-path", format!("nothing is at {path}")).hint(format!(
        "near it: {}; all paths: /_mock/openapi.json",
        near.join(", ")
    ))
}

/// How far a path is from a pattern: a parameter accepts any segment, a missing segment costs its length.
fn distance(pattern: &str, path: &str) -> usize {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut total = 0;
    loop {
        total += match (wanted.next(), given.next()) {
            (None, None) => return total,
            (Some(wanted), Some(_)) if wanted.starts_with('{') => 0,
            (Some(wanted), Some(given)) if wanted == given => 0,
            (Some(wanted), Some(given)) if names::nearest(given, [wanted]).is_some() => 1,
            (Some(one), Some(other)) => one.len().max(other.len()),
            (Some(rest), None) | (None, Some(rest)) => rest.len(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<Route<&'static str>> {
        let route = |method, path| Route {
            method,
            path,
            handler: path,
        };
        vec![
            route(Method::GET, "/_mock/v1/apps"),
            route(Method::POST, "/_mock/v1/apps"),
            route(Method::GET, "/_mock/v1/apps/{app}"),
            route(Method::POST, "/_mock/v1/apps/{app}/users"),
            route(Method::GET, "/_mock/"),
        ]
    }

    fn check(method: &Method, path: &str, expected: Result<(&str, &str), (u16, &str)>) {
        let table = table();
        match (find(&table, method, path), expected) {
            (Ok((route, params)), Ok((handler, app))) => {
                assert_eq!((route.handler, params.get("app")), (handler, app), "{path}");
            }
            (Err(error), Err((status, hint))) => {
                assert_eq!(error.status, status, "{path}");
                let said = error.hint.unwrap_or_default();
                assert!(said.contains(hint), "{path}: {said}");
            }
            (found, expected) => panic!("{method} {path}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn paths_methods_and_parameters() {
        check(&Method::GET, "/_mock/v1/apps", Ok(("/_mock/v1/apps", "")));
        check(&Method::POST, "/_mock/v1/apps/", Ok(("/_mock/v1/apps", "")));
        check(
            &Method::GET,
            "/_mock/v1/apps/wx%2B1",
            Ok(("/_mock/v1/apps/{app}", "wx+1")),
        );
        check(&Method::HEAD, "/_mock/v1/apps", Ok(("/_mock/v1/apps", "")));
        check(&Method::GET, "/_mock", Ok(("/_mock/", "")));
        check(&Method::GET, "/_mock/", Ok(("/_mock/", "")));
    }

    #[test]
    fn refusals_say_what_is_near() {
        check(
            &Method::DELETE,
            "/_mock/v1/apps",
            Err((405, "GET, HEAD, POST")),
        );
        check(
            &Method::GET,
            "/_mock/v1/aps",
            Err((404, "near it: /_mock/v1/apps")),
        );
        check(
            &Method::GET,
            "/_mock/v1/apps//users",
            Err((404, "/_mock/v1/apps/{app}/users")),
        );
        check(
            &Method::GET,
            "/_mock/v2/nothing/at/all",
            Err((404, "/_mock/openapi.json")),
        );
    }
}
