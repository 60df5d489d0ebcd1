//! The cookies of one operation: what its prepare requests are given goes along with what follows.
//!
//! A mini program keeps no cookies by itself (`wx.request` has no jar), so nothing is kept from one operation to the next but
//! what is captured. Knows nothing of paths and domains: all goes to one backend.

use hyper::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

/// Names and values, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Jar(Vec<(String, String)>);

impl Jar {
    /// Adds the cookies to those a request describes; what a server has set since replaces a described one of that name.
    pub(crate) fn send(&self, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let described = headers.get(COOKIE).map_or_else(String::new, |line| {
            String::from_utf8_lossy(line.as_bytes()).into_owned()
        });
        let own = described.split(';').filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            let set = self.0.iter().any(|(known, _)| known == name);
            (!set).then(|| format!("{name}={value}"))
        });
        let set = self.0.iter().map(|(name, value)| format!("{name}={value}"));
        let line = own.chain(set).collect::<Vec<_>>().join("; ");
        if let Ok(line) = HeaderValue::from_bytes(line.as_bytes()) {
            headers.insert(COOKIE, line);
        }
    }

    /// Takes in what an answer sets, and lets go of what it ends.
    pub(crate) fn receive(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(SET_COOKIE) {
            let line = String::from_utf8_lossy(line.as_bytes()).into_owned();
            let mut parts = line.split(';');
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            let ended = parts.any(|attribute| {
                let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
                name.trim().eq_ignore_ascii_case("max-age")
                    && value.trim().parse::<i64>().is_ok_and(|age| age <= 0)
            });
            self.0.retain(|(known, _)| *known != name);
            if !ended && !value.is_empty() {
                self.0.push((name, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: hyper::header::HeaderName, lines: &[&'static str]) -> HeaderMap {
        let lines = lines.iter().map(|line| HeaderValue::from_static(line));
        lines.map(|line| (name.clone(), line)).collect()
    }

    #[test]
    fn what_was_set_last_is_sent() {
        let mut jar = Jar::default();
        jar.receive(&headers(
            SET_COOKIE,
            &["a=1; Path=/", "b=2; HttpOnly", "c=3"],
        ));
        jar.receive(&headers(SET_COOKIE, &["b=4", "c=; Max-Age=0", "no cookie"]));
        let mut request = headers(COOKIE, &["sid=T; a=old"]);
        jar.send(&mut request);
        assert_eq!(request[COOKIE], "sid=T; a=1; b=4");
        let mut bare = HeaderMap::new();
        Jar::default().send(&mut bare);
        assert!(bare.is_empty());
    }
}
