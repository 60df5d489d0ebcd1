//! Reads a curl command line. Knows nothing of adapters.

/// A request as curl would send it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CurlRequest {
    pub method: String,
    pub(crate) url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    /// Whether curl would label the body a form by itself.
    pub(crate) is_form: bool,
    /// Whether the certificate of an https server is left unchecked.
    pub(crate) insecure: bool,
    /// The file of certificates it is checked against, if one is named.
    pub(crate) ca: Option<String>,
}

/// Flags without a value that change nothing an adapter can say.
const SILENT: &[&str] = &[
    "-s",
    "--silent",
    "-S",
    "--show-error",
    "-sS",
    "-i",
    "--include",
    "-v",
    "--verbose",
    "-L",
    "--location",
    "--compressed",
    "-g",
    "--globoff",
    "-f",
    "--fail",
    "-N",
    "--no-buffer",
    "--http1.1",
    "-#",
    "--progress-bar",
];
/// Flags with a value that change nothing an adapter can say.
const SILENT_WITH_VALUE: &[&str] = &[
    "-o",
    "--output",
    "-m",
    "--max-time",
    "--connect-timeout",
    "-w",
    "--write-out",
    "-A",
    "--user-agent",
    "-e",
    "--referer",
    "--retry",
];
/// Flags whose one letter may be followed by the value without a space.
const GLUED: &[char] = &['X', 'H', 'd', 'b', 'u', 'F', 'o', 'm', 'w', 'A', 'e'];

/// Reads the words of a curl line; one word with spaces in it is taken apart as a shell would.
pub(crate) fn parse(words: &[String]) -> Result<CurlRequest, String> {
    let mut words = match words {
        [line] if line.contains(char::is_whitespace) => split(line)?,
        words => words.to_vec(),
    };
    if words
        .first()
        .is_some_and(|word| word == "curl" || word.ends_with("/curl"))
    {
        words.remove(0);
    }
    if words.is_empty() {
        return Err(
            "no curl line was given: wxmock adapter init -- curl -X POST http://…".to_owned(),
        );
    }
    let mut line = Line::default();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (flag, glued) = unglue(word);
        line.take(&flag, || glued.or_else(|| words.next()))?;
    }
    line.finish()
}

/// `-XPOST` and `--request=POST` as flag and value.
fn unglue(word: String) -> (String, Option<String>) {
    if word.starts_with("--") {
        return match word.split_once('=') {
            Some((flag, value)) => (flag.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
    }
    let mut letters = word.chars();
    match (letters.next(), letters.next()) {
        (Some('-'), Some(letter)) if GLUED.contains(&letter) && !letters.as_str().is_empty() => {
            (format!("-{letter}"), Some(letters.as_str().to_owned()))
        }
        _ => (word, None),
    }
}

#[derive(Default)]
struct Line {
    method: Option<String>,
    url: Option<String>,
    headers: Vec<(String, String)>,
    data: Vec<String>,
    is_json: bool,
    is_get: bool,
    insecure: bool,
    ca: Option<String>,
}

impl Line {
    fn take(&mut self, flag: &str, value: impl FnOnce() -> Option<String>) -> Result<(), String> {
        let value = || value().ok_or_else(|| format!("`{flag}` needs a value after it"));
        match flag {
            "-X" | "--request" => self.method = Some(value()?.to_ascii_uppercase()),
            "-H" | "--header" => {
                let header = value()?;
                let Some((name, value)) = header.split_once(':') else {
                    return Err(format!(
                        "header `{header}` has no colon: write -H 'Name: value'"
                    ));
                };
                self.headers
                    .push((name.trim().to_owned(), value.trim().to_owned()));
            }
            "-d" | "--data" | "--data-ascii" | "--data-binary" => {
                let data = value()?;
                if let Some(file) = data.strip_prefix('@') {
                    return Err(format!(
                        "`{flag} @{file}` reads a file: paste its content instead"
                    ));
                }
                self.data.push(data);
            }
            "--data-raw" => self.data.push(value()?),
            "--data-urlencode" => self.data.push(urlencode(&value()?)?),
            "--json" => {
                self.data.push(value()?);
                self.is_json = true;
            }
            "-G" | "--get" => self.is_get = true,
            "-k" | "--insecure" => self.insecure = true,
            "--cacert" => self.ca = Some(value()?),
            "-b" | "--cookie" => {
                let cookie = value()?;
                if !cookie.contains('=') {
                    return Err(format!(
                        "`{flag} {cookie}` reads a file: paste the cookie as name=value"
                    ));
                }
                self.headers.push(("Cookie".to_owned(), cookie));
            }
            "-u" | "--user" => {
                use base64::{Engine as _, engine::general_purpose::STANDARD};
                let basic = format!("Basic {}", STANDARD.encode(value()?));
                self.headers.push(("Authorization".to_owned(), basic));
            }
            "-F" | "--form" | "--form-string" => {
                return Err(format!(
                    "`{flag}` sends multipart/form-data, which an adapter cannot describe; \
                    if the backend takes JSON or an ordinary form, draft from that"
                ));
            }
            "-I" | "--head" | "-T" | "--upload-file" | "-K" | "--config" | "-x" | "--proxy"
            | "--unix-socket" => {
                return Err(format!("`{flag}` cannot be expressed in an adapter"));
            }
            "--url" => self.set_url(value()?)?,
            flag if SILENT.contains(&flag) => {}
            flag if SILENT_WITH_VALUE.contains(&flag) => {
                value()?;
            }
            flag if flag.starts_with('-') && flag.len() > 1 => {
                return Err(format!(
                    "curl flag `{flag}` is not understood; understood: -X -H -d --data --data-raw \
                    --data-urlencode --json -G -b -u --url -k --cacert, and flags that only change what curl prints"
                ));
            }
            url => self.set_url(url.to_owned())?,
        }
        Ok(())
    }

    fn set_url(&mut self, url: String) -> Result<(), String> {
        if let Some(first) = &self.url {
            return Err(format!(
                "two URLs are given, `{first}` and `{url}`: is a quote missing?"
            ));
        }
        self.url = Some(url);
        Ok(())
    }

    fn finish(mut self) -> Result<CurlRequest, String> {
        let Some(mut url) = self.url else {
            return Err("the curl line has no URL".to_owned());
        };
        if !url.contains("://") {
            url.insert_str(0, "http://");
        }
        let mut body =
            (!self.data.is_empty()).then(|| self.data.join(if self.is_json { "" } else { "&" }));
        if self.is_get
            && let Some(query) = body.take()
        {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&query);
        }
        if self.is_json
            && !self
                .headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        {
            self.headers
                .push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        let typed = self
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let is_form = body.is_some()
            && typed
                .is_none_or(|(_, value)| value.starts_with("application/x-www-form-urlencoded"));
        let method = self.method.unwrap_or_else(|| {
            if body.is_some() {
                "POST".to_owned()
            } else {
                "GET".to_owned()
            }
        });
        Ok(CurlRequest {
            method,
            url,
            headers: self.headers,
            body,
            is_form,
            insecure: self.insecure,
            ca: self.ca,
        })
    }
}

/// `name=value`, `=value` or `value`: only the value is encoded. `name@file` reads a file.
fn urlencode(data: &str) -> Result<String, String> {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    match data.split_once('=') {
        Some(("", value)) => Ok(encode(value)),
        Some((name, value)) => Ok(format!("{name}={}", encode(value))),
        None if data.contains('@') => Err(format!(
            "`--data-urlencode {data}` reads a file: paste its content as name=value"
        )),
        None => Ok(encode(data)),
    }
}

/// Takes a line apart as a POSIX shell does, with bash's `$'…'` (browsers write it) and continued lines.
fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => word
                .get_or_insert_default()
                .push_str(&until_quote(&mut chars)?),
            '"' => word
                .get_or_insert_default()
                .push_str(&double_quoted(&mut chars)?),
            '$' if chars.peek() == Some(&'\'') => {
                chars.next();
                word.get_or_insert_default()
                    .push_str(&dollar_quoted(&mut chars)?);
            }
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some('\r') => {
                    chars.next_if_eq(&'\n');
                }
                Some(c) => word.get_or_insert_default().push(c),
            },
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn unclosed(quote: char) -> String {
    format!("the curl line has an opening {quote} without its closing one")
}

fn until_quote(chars: &mut Chars<'_>) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match chars.next() {
            Some('\'') => return Ok(text),
            Some(c) => text.push(c),
            None => return Err(unclosed('\'')),
        }
    }
}

fn double_quoted(chars: &mut Chars<'_>) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match chars.next() {
            Some('"') => return Ok(text),
            Some('\\') => match chars.next() {
                Some(c @ ('"' | '\\' | '$' | '`')) => text.push(c),
                Some('\n') => {}
                Some(c) => text.extend(['\\', c]),
                None => return Err(unclosed('"')),
            },
            Some(c) => text.push(c),
            None => return Err(unclosed('"')),
        }
    }
}

fn dollar_quoted(chars: &mut Chars<'_>) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match chars.next() {
            Some('\'') => return Ok(text),
            Some('\\') => match chars.next() {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some('u') => {
                    let digits: String = (0..4)
                        .map_while(|_| chars.next_if(char::is_ascii_hexdigit))
                        .collect();
                    let code = u32::from_str_radix(&digits, 16)
                        .ok()
                        .and_then(char::from_u32);
                    text.push(code.ok_or_else(|| format!("`\\u{digits}` is not a character"))?);
                }
                Some(c) => text.push(c),
                None => return Err(unclosed('\'')),
            },
            Some(c) => text.push(c),
            None => return Err(unclosed('\'')),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<CurlRequest, String> {
        parse(&[line.to_owned()])
    }

    #[test]
    fn lines_become_requests() {
        let check = |line: &str, method: &str, url: &str, body: Option<&str>| {
            let request = read(line).unwrap();
            assert_eq!(
                (request.method.as_str(), request.url.as_str()),
                (method, url),
                "{line}"
            );
            assert_eq!(request.body.as_deref(), body, "{line}");
        };
        check(
            "curl localhost:8080/a",
            "GET",
            "http://localhost:8080/a",
            None,
        );
        check(
            "curl -d a=1 -d b=2 http://h/a",
            "POST",
            "http://h/a",
            Some("a=1&b=2"),
        );
        check(
            "curl -XPUT http://h/a --data-raw '@x'",
            "PUT",
            "http://h/a",
            Some("@x"),
        );
        check(
            "curl -G http://h/a --data-urlencode 'c=a+b'",
            "GET",
            "http://h/a?c=a%2Bb",
            None,
        );
        check(
            "curl \\\n 'http://h/a' \\\n  --json '{\"a\": \"it'\\''s\"}'",
            "POST",
            "http://h/a",
            Some("{\"a\": \"it's\"}"),
        );
        check(
            "curl http://h/a --data $'{\"a\":\"\\u4f60\\'\"}'",
            "POST",
            "http://h/a",
            Some("{\"a\":\"\u{4f60}'\"}"),
        );
        check(
            "curl http://h/a -d \"{\\\"a\\\":1}\" -s",
            "POST",
            "http://h/a",
            Some("{\"a\":1}"),
        );
    }

    #[test]
    fn a_user_and_a_cookie_become_headers() {
        let request = read("curl -u me:pw -b sid=1 http://h/").unwrap();
        let expected = [("Authorization", "Basic bWU6cHc="), ("Cookie", "sid=1")];
        assert_eq!(
            request.headers,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let check = |line: &str, part: &str| {
            let error = read(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        };
        check("curl -F a=1 http://h/", "multipart");
        check("curl -d @login.json http://h/", "login.json");
        check("curl -X", "needs a value");
        check("curl -d a=1 -s", "no URL");
        check("curl http://h/ http://i/", "two URLs");
        check("curl 'http://h/", "closing");
        check("curl --http3-only http://h/", "--http3-only");
        check("curl -H X http://h/", "colon");
    }
}
