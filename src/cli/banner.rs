//! What `wxmock serve` says first: where it is, who exists, and three lines to paste. Only text; printing is the caller's.

use std::fmt::Write;

use wxmock_model::lang::Lang;

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
pub(crate) fn text(facts: &Facts<'_>, lang: Lang) -> String {
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
    let _ = match lang {
        Lang::En => writeln!(
            out,
            "wxmock {version} listens on {url}   (a mock of WeChat; for tests only)\n"
        ),
        Lang::Zh => writeln!(
            out,
            "wxmock {version} 正在监听 {url}   （微信的 mock，仅供测试）\n"
        ),
    };
    if let Some(address) = &facts.exposed {
        let _ = match lang {
            Lang::En => writeln!(
                out,
                "  WARNING  listening on {address}, not only on loopback. Whoever reaches this port can log in\n           \
                 as anybody. Use --listen 127.0.0.1 unless a container needs this.\n"
            ),
            Lang::Zh => writeln!(
                out,
                "  警告     监听的是 {address}，不只是本机回环地址。能访问这个端口的人可以用任何用户登录。\n           \
                 除非容器需要，请用 --listen 127.0.0.1。\n"
            ),
        };
    }
    if let Some(token) = facts.token {
        let _ = match lang {
            Lang::En => writeln!(
                out,
                "  token    {token}   for {url}/_mock/v1: Authorization: Bearer …, or ?token=…; WXMOCK_TOKEN sets it\n"
            ),
            Lang::Zh => writeln!(
                out,
                "  token    {token}   访问 {url}/_mock/v1 时带上：Authorization: Bearer … 或 ?token=…；可用 WXMOCK_TOKEN 指定\n"
            ),
        };
    }
    let (users, policy) = (facts.users.join(", "), lang.pick("policy", "策略"));
    let _ = writeln!(out, "  appid    {appid}");
    let _ = writeln!(out, "  secret   {secret}");
    let _ = writeln!(out, "  {}    {users}", lang.pick("users", "用户 "));
    let _ = writeln!(
        out,
        "  {}     {seed}   {policy} {preset}",
        lang.pick("seed", "种子")
    );
    out.push_str(&more_apps(facts, lang));
    if let Some(user) = facts.users.first() {
        let [mint, exchange, capture] = curl_lines(facts, user);
        let _ = writeln!(
            out,
            "\n{}\n",
            lang.pick(
                "Paste these: a login code, its exchange, and a payload the exchanged key opens.",
                "可以直接粘贴：取一个登录 code，用它换取 session_key，再取一份用这个 key 能解开的加密数据。"
            )
        );
        let _ = writeln!(out, "{mint}\n{exchange}\n{capture}");
    }
    out.push_str(&next(facts, lang));
    out
}

/// How to see the apps the banner does not show, if there are any.
fn more_apps(facts: &Facts<'_>, lang: Lang) -> String {
    let Facts { url, more_apps, .. } = facts;
    let token = query(facts);
    match (lang, more_apps) {
        (_, 0) => String::new(),
        (Lang::En, _) => format!("  and {more_apps} more: curl -s '{url}/_mock/v1/apps{token}'\n"),
        (Lang::Zh, _) => {
            format!("  另有 {more_apps} 个应用：curl -s '{url}/_mock/v1/apps{token}'\n")
        }
    }
}

/// The query with the token, where one is wanted.
fn query(facts: &Facts<'_>) -> String {
    facts
        .token
        .map_or_else(String::new, |token| format!("?token={token}"))
}

/// What to do with the mock, and where to look at it.
fn next(facts: &Facts<'_>, lang: Lang) -> String {
    let (url, token) = (facts.url, query(facts));
    match lang {
        Lang::En => format!(
            "\nIn your backend's settings, {url} takes the place of https://api.weixin.qq.com.\n\
             If that address is hard-coded, start the backend with the variables of `wxmock env`; this port also speaks TLS and is a proxy.\n\
             Console, in a browser: {url}/_mock/{token}   Stop: Ctrl-C\n\n"
        ),
        Lang::Zh => format!(
            "\n在后端的配置里，用 {url} 代替 https://api.weixin.qq.com。\n\
             如果地址写死在代码里，用 `wxmock env` 打印的环境变量启动后端；这个端口同时支持 TLS 和代理。\n\
             控制台（浏览器打开）：{url}/_mock/{token}   停止：Ctrl-C\n\n"
        ),
    }
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
        let banner = text(&facts(&users), Lang::En);
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
        let exposed = Facts {
            exposed: Some("0.0.0.0:8910".to_owned()),
            token: Some("t0k"),
            ..facts(&[])
        };
        let banner = text(&exposed, Lang::En);
        assert!(
            banner.contains("WARNING  listening on 0.0.0.0:8910"),
            "{banner}"
        );
        assert!(banner.contains("token    t0k "), "{banner}");
        assert!(
            !banner.contains("CODE="),
            "nobody can log in, so there is nothing to paste: {banner}"
        );
        let chinese = text(&exposed, Lang::Zh);
        assert!(
            chinese.contains("警告     监听的是 0.0.0.0:8910") && chinese.contains("?token=t0k"),
            "{chinese}"
        );
    }
}
