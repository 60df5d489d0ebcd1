//! What a request shows beside what it asks: read once, when the request is there.

use hyper::header::{HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER};

use crate::http::Request;
use crate::wechat::Endpoint;

/// Marks of a request. They cost nothing to keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signs {
    /// It has an AppSecret in it and comes out of a browser, or a mini-program page.
    pub is_from_page: bool,
    /// `grant_type` is absent or empty where the query must have it.
    pub lacks_grant_type: bool,
    /// A session_key is in its query.
    pub has_key_in_url: bool,
}

impl Signs {
    /// Reads the marks of a request, whose grant_type has been read already where it has one.
    pub(crate) fn of(endpoint: Endpoint, request: &Request, grant_type: Option<&str>) -> Self {
        let query = request.uri.query().unwrap_or_default();
        let in_query = matches!(endpoint, Endpoint::Jscode2session | Endpoint::Token);
        let has_secret = in_query || endpoint == Endpoint::StableToken;
        Self {
            is_from_page: has_secret && is_from_page(&request.headers),
            lacks_grant_type: in_query
                && grant_type.is_none()
                && request.param("grant_type").is_none(),
            has_key_in_url: has_key(query),
        }
    }
}

/// Looked for in every call, so not read anew each time.
static SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Browsers send `Origin` across origins and `Sec-Fetch-Site` always; servers' clients send neither. (`Sec-Fetch-Mode` proves
/// nothing: Node's own `fetch` sends it.) A mini-program page has a Referer of its own.
fn is_from_page(headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
    let origin = headers.get(ORIGIN).map(text).unwrap_or_default();
    let referer = headers.get(REFERER).map(text).unwrap_or_default();
    origin.starts_with("http://")
        || origin.starts_with("https://")
        || headers.contains_key(&SEC_FETCH_SITE)
        || referer.starts_with("https://servicewechat.com/")
}

/// Whether a parameter is called session_key, or is base64 of 16 bytes, which nothing else is that belongs into a query.
fn has_key(query: &str) -> bool {
    // Nearly every query has neither, and this looks at each call: `==`, `y=` or `%3` is in every one that has.
    let mut before = None;
    let is_suspect = query.split('=').any(|piece| {
        let last = before.replace(piece.as_bytes().last().copied());
        last.is_some_and(|last| piece.is_empty() || matches!(last, Some(b'y' | b'Y')))
    });
    if !is_suspect && !query.contains("%3") {
        return false;
    }
    form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        let name = name.replace(['_', '-'], "");
        let is_named = name.eq_ignore_ascii_case("sessionkey") && !value.is_empty();
        is_named || is_shaped(&value)
    })
}

fn is_shaped(value: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b' ');
    value
        .strip_suffix("==")
        .is_some_and(|digits| digits.len() == 22 && digits.bytes().all(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_seen_by_name_and_by_shape() {
        let check = |query: &str, expected: bool| assert_eq!(has_key(query), expected, "{query}");
        check("session_key=tiihtNczf5v6AKRyjwEUhQ%3D%3D", true);
        check("sessionKey=x", true);
        check("k=tiihtNczf5v6AKRyjwEUhQ==", true);
        check("k=tiihtNczf5v6AKRyjwEUh%2B%3d%3d", true);
        check("k=tiihtNczf5v6AKRyjwEU/+==", true);
        check("session_key=&a=b", false);
        check(
            "appid=wx1&secret=s&js_code=c&grant_type=authorization_code",
            false,
        );
        check(
            "signature=46e043c5525c2d817c44be603d30837a808a1d930d038f6fdc3e62a201fed128&openid=o",
            false,
        );
        check("", false);
    }

    #[test]
    fn pages_are_told_from_servers() {
        let check = |name: &'static str, value: &'static str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            assert_eq!(is_from_page(&headers), expected, "{name}: {value}");
        };
        check("origin", "http://localhost:5173", true);
        check("origin", "null", false);
        check("sec-fetch-site", "cross-site", true);
        check("sec-fetch-mode", "cors", false);
        check(
            "referer",
            "https://servicewechat.com/wx1/devtools/page-frame.html",
            true,
        );
        check("referer", "https://shop.example/", false);
        check("user-agent", "node", false);
    }
}
