//! What `wxmock serve` says first: where it is, who exists, and three lines to paste. Only text; printing is the caller's.

use std::fmt::Write;

/// What the banner needs to know.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    /// `http://127.0.0.1:8910`; an address one can connect to, also when we listen on all of them.
    pub(crate) url: &'a str,
    /// The addresses listened on that are not loopback.
    pub(crate) exposed: Option<String>,
    /// What callers of the admin API must send.
    pub(crate) token: Option<&'a str>,
    pub(crate) appid: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) users: &'a [String],
    /// Apps besides the one shown.
    pub(crate) more_apps: usize,
    pub(crate) seed: u64,
    pub(crate) preset: &'a str,
}

/// The banner, many lines, with a newline at the end. The first line holds the URL.
pub(crate) fn text(facts: &Facts<'_>) -> String {
    let Facts {
        url,
        appid,
        secret,
        seed,
        preset,
        ..
    } = facts;
    let version = env!("CARGO_PKG_VERSION");
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        out,
        "wxmock {version} listens on {url}   (a mock of WeChat; for tests only)\n"
    );
    if let Some(address) = &facts.exposed {
        let _ = writeln!(
            out,
            "  WARNING  listening on {address}, not only on loopback. Whoever reaches this port can log in\n           \
             as anybody. Use --listen 127.0.0.1 unless a container needs this.\n"
        );
    }
    if let Some(token) = facts.token {
        let _ = writeln!(
            out,
            "  token    {token}   for {url}/_mock/v1: Authorization: Bearer …, or ?token=…; WXMOCK_TOKEN sets it\n"
        );
    }
    let _ = writeln!(out, "  appid    {appid}");
    let _ = writeln!(out, "  secret   {secret}");
    let _ = writeln!(out, "  users    {}", facts.users.join(", "));
    let _ = writeln!(out, "  seed     {seed}   policy {preset}");
    if facts.more_apps > 0 {
        let _ = writeln!(
            out,
            "  and {} more: curl -s '{url}/_mock/v1/apps{}'",
            facts.more_apps,
            facts
                .token
                .map_or_else(String::new, |token| format!("?token={token}"))
        );
    }
    if let Some(user) = facts.users.first() {
        let [mint, exchange, capture] = curl_lines(facts, user);
        let _ = writeln!(
            out,
            "\nPaste these: a login code, its exchange, and a payload the exchanged key opens.\n"
        );
        let _ = writeln!(out, "{mint}\n{exchange}\n{capture}");
    }
    out.push_str(&next(facts));
    out
}

/// What to do with the mock, and where to look at it.
fn next(facts: &Facts<'_>) -> String {
    let url = facts.url;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "\nIn your backend's settings, {url} takes the place of https://api.weixin.qq.com."
    );
    let _ = writeln!(
        out,
        "If that address is hard-coded, start the backend with the variables of `wxmock env`; this port also speaks TLS and is a proxy."
    );
    let token = facts
        .token
        .map_or_else(String::new, |token| format!("?token={token}"));
    let _ = writeln!(
        out,
        "Console, in a browser: {url}/_mock/{token}   Stop: Ctrl-C\n"
    );
    out
}

/// The three lines; the second uses `CODE`, which the first sets.
pub(crate) fn curl_lines(facts: &Facts<'_>, user: &str) -> [String; 3] {
    let Facts {
        url,
        appid,
        secret,
        more_apps,
        ..
    } = facts;
    let app = if *more_apps > 0 {
        format!("&app={appid}")
    } else {
        String::new()
    };
    [
        format!(
            "CODE=$(curl -s '{url}/_mock/wx/login?user={user}{app}&pick=code'); echo \"$CODE\""
        ),
        format!(
            "curl -s \"{url}/sns/jscode2session?appid={appid}&secret={secret}&js_code=$CODE&grant_type=authorization_code\"; echo"
        ),
        format!("curl -s '{url}/_mock/wx/getUserProfile?user={user}{app}'"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(users: &[String]) -> Facts<'_> {
        Facts {
            url: "http://127.0.0.1:8910",
            exposed: None,
            token: None,
            appid: "wx0123456789abcdef",
            secret: "0123456789abcdef0123456789abcdef",
            users,
            more_apps: 0,
            seed: 1,
            preset: "documented",
        }
    }

    #[test]
    fn the_first_line_holds_the_url() {
        let users = ["alice".to_owned(), "bob".to_owned()];
        let banner = text(&facts(&users));
        assert!(
            banner
                .lines()
                .next()
                .is_some_and(|line| line.contains("http://127.0.0.1:8910")),
            "{banner}"
        );
        assert!(banner.contains("alice, bob"), "{banner}");
        assert!(!banner.contains("WARNING"), "{banner}");
    }

    #[test]
    fn another_bind_is_warned_about() {
        let banner = text(&Facts {
            exposed: Some("0.0.0.0:8910".to_owned()),
            token: Some("t0k"),
            ..facts(&[])
        });
        assert!(
            banner.contains("WARNING  listening on 0.0.0.0:8910"),
            "{banner}"
        );
        assert!(banner.contains("token    t0k "), "{banner}");
        assert!(
            !banner.contains("CODE="),
            "nobody can log in, so there is nothing to paste: {banner}"
        );
    }
}
