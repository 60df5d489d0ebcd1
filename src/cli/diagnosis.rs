//! What the routes and the lints say about a backend: which calls came how, what is missing, and what to do. Only text.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use wxmock_model::lang::Lang;
use wxmock_server::{
    AlertCount, LintCount, RefusalCount, Route, RoutesView, Stranger, foreign, foreign_line,
};

use super::expect::{Seen, first};

/// One thing that is not as it should be, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Whether calls are missing because of it; otherwise it is only worth knowing.
    pub(crate) blocks: bool,
    /// What was seen.
    pub(crate) what: String,
    /// What to do, one step each.
    pub(crate) steps: Vec<String>,
}

impl Finding {
    fn new(blocks: bool, what: String, steps: &[&str]) -> Self {
        Self {
            blocks,
            what,
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
        }
    }
}

/// Everything the routes and the lints show, the most urgent first.
pub(crate) fn findings(view: &RoutesView, lints: &[LintCount], lang: Lang) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(view.alerts.iter().map(|failed| alert(failed, lang)));
    if view.calls.is_empty() && view.alerts.is_empty() {
        findings.push(nothing(view, lang));
    }
    findings.extend(paths(view, lang));
    findings.extend(view.refusals.iter().map(|refused| refusal(refused, lang)));
    findings.extend(linted(lints, lang));
    findings.extend(strangers(view, lang));
    findings.extend(unplayed(view, lang));
    findings.extend(in_clear(view, lang));
    findings
}

/// What was seen and hurts later, a finding each.
fn linted(lints: &[LintCount], lang: Lang) -> impl Iterator<Item = Finding> {
    let seen = lints.iter().filter(|lint| lint.count > 0);
    seen.map(move |lint| {
        let (times, title) = (times(lint.count, lang), lint.title(lang));
        let who = first(lint.first.as_ref(), lang);
        Finding::new(
            false,
            format!("{times}{title}{who} [{}]", lint.id),
            &[lint.advice(lang)],
        )
    })
}

fn nothing(view: &RoutesView, lang: Lang) -> Finding {
    let what = if view.unplayed.is_empty() {
        lang.pick("no call has arrived by any route", "没有任何调用到达")
    } else {
        lang.pick(
            "calls for other hosts came through the proxy, but none to WeChat's",
            "代理上有发往其他主机的请求，但没有发往微信的",
        )
    };
    Finding::new(
        true,
        what.to_owned(),
        &[
            lang.pick(
                "has the backend exchanged a code since the mock started? mint one: wxmock code --user alice",
                "mock 启动之后，后端换取过 code 吗？生成一个：wxmock code --user alice",
            ),
            lang.pick(
                "start the backend with `wxmock exec -- CMD`, or with the variables of `wxmock env` in its environment",
                "用 `wxmock exec -- CMD` 启动后端，或在其环境中设置 `wxmock env` 给出的变量",
            ),
            lang.pick(
                "its client may ignore HTTPS_PROXY: Node before 22.21 (use the --require of `wxmock env --for node20`), aiohttp without trust_env and http.client (`wxmock exec --preload`), Java (JAVA_TOOL_OPTIONS), PHP-FPM (clear_env; see `wxmock env --for php-fpm`)",
                "它的客户端可能不理会 HTTPS_PROXY：22.21 之前的 Node（用 `wxmock env --for node20` 的 --require）、没有 trust_env 的 aiohttp 和 http.client（`wxmock exec --preload`）、Java（JAVA_TOOL_OPTIONS）、PHP-FPM（clear_env，见 `wxmock env --for php-fpm`）",
            ),
            lang.pick(
                "if it has a setting for WeChat's base URL, http://HOST:PORT of the mock needs no certificate at all",
                "如果它能配置微信的接口地址，直接写 mock 的 http://HOST:PORT，就不需要证书",
            ),
        ],
    )
}

const TRUST: [[&str; 2]; 5] = [
    [
        "Python requests: REQUESTS_CA_BUNDLE=bundle.pem; httpx, aiohttp and urllib: SSL_CERT_FILE=bundle.pem",
        "Python requests：REQUESTS_CA_BUNDLE=bundle.pem；httpx、aiohttp、urllib：SSL_CERT_FILE=bundle.pem",
    ],
    [
        "Node: NODE_EXTRA_CA_CERTS=root.pem, set before node starts; setting process.env is too late",
        "Node：NODE_EXTRA_CA_CERTS=root.pem，要在 node 启动之前设置；在 process.env 里设置已经太晚",
    ],
    [
        "Java: -Djavax.net.ssl.trustStore=truststore.p12 (a framework with a trust store of its own needs it there)",
        "Java：-Djavax.net.ssl.trustStore=truststore.p12（自带信任库的框架要在它那里设置）",
    ],
    [
        "curl and PHP: CURL_CA_BUNDLE, or curl.cainfo in php.ini; Go, .NET and Ruby on Linux: SSL_CERT_FILE",
        "curl 和 PHP：CURL_CA_BUNDLE，或 php.ini 的 curl.cainfo；Linux 上的 Go、.NET、Ruby：SSL_CERT_FILE",
    ],
    [
        "`wxmock ca` prints where these files are; `wxmock env` prints the variables. A mock started with --ephemeral-ca has other certificates at every start",
        "`wxmock ca` 显示这些文件的位置，`wxmock env` 显示变量。用 --ephemeral-ca 启动的 mock 每次证书都不同",
    ],
];

/// Why a TLS client gave up. One arm a reason, which is what makes this long.
fn alert(alert: &AlertCount, lang: Lang) -> Finding {
    let name = foreign_line(
        alert
            .sni
            .as_deref()
            .unwrap_or_else(|| lang.pick("no name", "未指明的主机")),
    )
    .into_owned();
    let (times, kind) = (times(alert.count, lang), foreign_line(&alert.kind));
    let failed = match lang {
        Lang::En => format!("{times}a TLS client asked for {name} and gave up: {kind}"),
        Lang::Zh => format!("{times}有 TLS 客户端请求 {name} 后放弃：{kind}"),
    };
    let one = |what: String, en: &str, zh: &str| Finding::new(true, what, &[lang.pick(en, zh)]);
    match alert.kind.as_str() {
        "unknown_ca" | "bad_certificate" | "certificate_unknown" => Finding::new(
            true,
            format!(
                "{failed}{}",
                lang.pick(
                    "; it does not trust the mock's root certificate",
                    "；它不信任 mock 的根证书",
                )
            ),
            &TRUST.map(|[en, zh]| lang.pick(en, zh)),
        ),
        "certificate_expired" => one(
            failed,
            "the clock of one of the two machines is wrong, or the authority is old: `wxmock ca` says until when it is valid",
            "两台机器之一的时钟不对，或证书机构太旧：`wxmock ca` 会显示有效期",
        ),
        "no-ca" => one(
            failed,
            "the mock has no certificate authority it can use: start it with --ca-dir DIR or --ephemeral-ca, and see `wxmock ca`",
            "mock 没有可用的证书机构：用 --ca-dir DIR 或 --ephemeral-ca 启动，并查看 `wxmock ca`",
        ),
        "timeout" => one(
            failed,
            "the client connected and did not finish the handshake in time; it may be stopped in a debugger, or wait for another protocol",
            "客户端连上后没有及时完成握手；它可能停在调试器里，或在等另一种协议",
        ),
        "not-tls" => one(
            failed,
            "the client spoke plain HTTP inside a tunnel or garbage on a TLS connection; check the scheme of its URL",
            "客户端在隧道里说的是明文 HTTP，或在 TLS 连接上发了乱码；请检查 URL 的协议",
        ),
        _ => {
            let [en, zh] = TRUST[4];
            Finding::new(
                true,
                failed,
                &[
                    lang.pick(
                        "a client that closes without a word usually does not trust the certificate, or pins another one",
                        "不说原因就断开的客户端，通常是不信任证书，或固定了别的证书",
                    ),
                    lang.pick(en, zh),
                ],
            )
        }
    }
}

fn strangers(view: &RoutesView, lang: Lang) -> impl Iterator<Item = Finding> {
    view.strangers.iter().map(move |stranger| {
        let (times, tail) = (times(stranger.count, lang), foreign_line(&stranger.tail));
        match stranger.what {
            Stranger::Secret => Finding::new(
                false,
                match lang {
                    Lang::En => format!("{times}the AppSecret {tail} was sent, which is not the mock's"),
                    Lang::Zh => format!("{times}收到了不属于 mock 的 AppSecret {tail}"),
                },
                &[
                    lang.pick(
                        "if it is a real one, it has leaked into a test configuration: take it out, and have it reset on mp.weixin.qq.com if it was ever committed",
                        "如果是真实的密钥，它已泄漏到测试配置里：请删除；若曾提交到仓库，请在 mp.weixin.qq.com 重置",
                    ),
                    lang.pick(
                        "give the backend WXMOCK_SECRET, or the mock the backend's own made-up one in [[app]] of wxmock.toml",
                        "把 WXMOCK_SECRET 交给后端，或在 wxmock.toml 的 [[app]] 里写上后端使用的虚构密钥",
                    ),
                ],
            ),
            Stranger::AppId => Finding::new(
                false,
                match lang {
                    Lang::En => format!("{times}the appid {tail} was sent, which no app of the mock has"),
                    Lang::Zh => format!("{times}收到了 mock 里不存在的 appid {tail}"),
                },
                &[lang.pick(
                    "give the backend WXMOCK_APPID, or the mock the backend's appid in [[app]] of wxmock.toml",
                    "把 WXMOCK_APPID 交给后端，或在 wxmock.toml 的 [[app]] 里写上后端的 appid",
                )],
            ),
        }
    })
}

/// Paths that only look answered: 40066 is what WeChat says to a path it does not have.
fn paths(view: &RoutesView, lang: Lang) -> impl Iterator<Item = Finding> {
    view.paths.iter().map(move |path| {
        let (times, who) = (times(path.count, lang), first(path.first.as_ref(), lang));
        let (name, nearest) = (foreign_line(&path.path), &path.nearest);
        let (what, near) = match lang {
            Lang::En => (
                format!("{times}{name} was called, which the mock does not play; it was answered 40066 invalid url{who}"),
                format!("the nearest path it plays is {nearest}"),
            ),
            Lang::Zh => (
                format!("{times}调用了 mock 没有实现的 {name}；应答是 40066 invalid url{who}"),
                format!("它实现的最接近的路径是 {nearest}"),
            ),
        };
        Finding::new(
            true,
            what,
            &[
                &near,
                lang.pick(
                    "if that is what was meant, mend the path in the backend; otherwise what depends on this call cannot be tried here",
                    "如果本意是它，请修正后端的路径；否则依赖这个接口的功能无法在这里测试",
                ),
            ],
        )
    })
}

/// What only the mock knows of a refusal.
fn refusal(refused: &RefusalCount, lang: Lang) -> Finding {
    let (times, who) = (
        times(refused.count, lang),
        first(refused.first.as_ref(), lang),
    );
    let RefusalCount {
        endpoint, errcode, ..
    } = refused;
    let why = foreign_line(lang.pick(&refused.why, &refused.why_zh));
    let what = match lang {
        Lang::En => format!("{times}{endpoint} was refused with {errcode}: {why}{who}"),
        Lang::Zh => format!("{times}{endpoint} 被拒绝，{errcode}：{why}{who}"),
    };
    let advice = lang.pick(&refused.advice, &refused.advice_zh);
    let steps: Vec<&str> = Some(advice)
        .filter(|advice| !advice.is_empty())
        .into_iter()
        .collect();
    Finding::new(false, what, &steps)
}

fn unplayed(view: &RoutesView, lang: Lang) -> Option<Finding> {
    let hosts: Vec<String> = view
        .unplayed
        .iter()
        .map(|host| {
            let name = foreign_line(&host.host);
            match lang {
                Lang::En => format!("{name} ({}, by {})", host.count, host.route),
                Lang::Zh => format!("{name}（{} 次，{}）", host.count, host.route),
            }
        })
        .collect();
    if hosts.is_empty() {
        return None;
    }
    Some(Finding::new(
        false,
        format!(
            "{}{}",
            lang.pick(
                "calls to hosts the mock does not play: ",
                "发往 mock 没有实现的主机的调用：",
            ),
            hosts.join(lang.pick(", ", "、"))
        ),
        &[lang.pick(
            "through the proxy they are carried on with --passthrough tunnel and refused with deny; nothing of them is kept but the name",
            "经过代理时，--passthrough tunnel 会原样转发，deny 会拒绝；除主机名外不保留任何内容",
        )],
    ))
}

fn in_clear(view: &RoutesView, lang: Lang) -> Option<Finding> {
    let clear = view
        .calls
        .iter()
        .find(|call| call.route == Route::AbsoluteForm && !call.host.is_empty())?;
    let client = if clear.user_agent.is_empty() {
        lang.pick("a client", "有客户端").to_owned()
    } else {
        format!("`{}`", foreign_line(&clear.user_agent))
    };
    Some(Finding::new(
        false,
        match lang {
            Lang::En => format!(
                "{client} hands the proxy its https calls in clear (no CONNECT): with a real proxy, the AppSecret crosses the network unencrypted"
            ),
            Lang::Zh => format!(
                "{client} 把 https 调用以明文交给代理（没有 CONNECT）：若用真实代理，AppSecret 会在网络上明文传输"
            ),
        },
        &[lang.pick(
            "axios 0.19 to 0.27 and 1.6 do that; newer ones open a tunnel",
            "axios 0.19 到 0.27 以及 1.6 会这样；更新的版本会建立隧道",
        )],
    ))
}

/// `3 times `, with the space behind it.
fn times(count: u64, lang: Lang) -> String {
    match (lang, count) {
        (Lang::En, 1) => "once ".to_owned(),
        (Lang::En, _) => format!("{count} times "),
        (Lang::Zh, _) => format!("{count} 次："),
    }
}

/// Calls by route, and the findings, as `wxmock doctor` prints them.
pub(crate) fn report(view: &RoutesView, findings: &[Finding], lang: Lang) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for call in &view.calls {
        let host = if call.host.is_empty() {
            lang.pick("(no host)", "（无主机名）")
        } else {
            &call.host
        };
        let alpn = call
            .alpn
            .map_or_else(String::new, |alpn| format!(" over {}", alpn.as_str()));
        let _ = writeln!(
            text,
            "{:>6} {}  {:<17} {}{alpn}  HTTP/{}  {}",
            call.count,
            lang.pick("calls", "次调用"),
            call.route,
            foreign_line(host),
            call.http.as_str(),
            foreign_line(&call.user_agent)
        );
    }
    for finding in findings {
        let mark = if finding.blocks {
            lang.pick("missing: ", "缺失：")
        } else {
            lang.pick("note: ", "提示：")
        };
        let _ = writeln!(text, "\n{mark}{}", foreign(&finding.what));
        for step in &finding.steps {
            let _ = writeln!(text, "  - {step}");
        }
    }
    text
}

/// Some lines for the end of a run: what arrived, and why if something did not.
pub(crate) fn summary(seen: &Seen, lang: Lang) -> String {
    let mut text = String::new();
    text.push_str(&seen_by_route(seen, lang));
    // Told one by one below, whatever else there is to say.
    let told = |finding: &Finding| finding.what.clone();
    let refusals: Vec<String> = seen
        .routes
        .refusals
        .iter()
        .map(|refused| told(&refusal(refused, lang)))
        .chain(linted(&seen.lints, lang).map(|finding| told(&finding)))
        .collect();
    for finding in findings(&seen.routes, &seen.lints, lang)
        .iter()
        .filter(|finding| finding.blocks || seen.calls.is_empty())
        .filter(|finding| !refusals.contains(&finding.what))
    {
        let _ = writeln!(text, "wxmock: {}", foreign_line(&finding.what));
        if let Some(step) = finding
            .steps
            .first()
            .filter(|_| !seen.routes.alerts.is_empty())
        {
            let _ = writeln!(text, "wxmock:   {step}");
        }
    }
    for refused in &refusals {
        let _ = writeln!(text, "wxmock: {}", foreign_line(refused));
    }
    // Where no call arrived, it was among the findings above.
    if let Some(finding) = unplayed(&seen.routes, lang).filter(|_| !seen.calls.is_empty()) {
        let _ = writeln!(text, "wxmock: {}", foreign_line(&finding.what));
    }
    for secret in seen
        .routes
        .strangers
        .iter()
        .filter(|stranger| stranger.what == Stranger::Secret)
    {
        let tail = foreign_line(&secret.tail);
        let _ = match lang {
            Lang::En => writeln!(
                text,
                "wxmock: the AppSecret {tail} was sent, which is not the mock's; if it is a real one, it has leaked into a test"
            ),
            Lang::Zh => writeln!(
                text,
                "wxmock: 收到了不属于 mock 的 AppSecret {tail}；如果它是真实的，说明已泄漏到测试里"
            ),
        };
    }
    text
}

/// Which endpoints were called, and by which routes; nothing if none was.
fn seen_by_route(seen: &Seen, lang: Lang) -> String {
    if seen.calls.is_empty() {
        return String::new();
    }
    let mut endpoints: BTreeMap<String, u64> = BTreeMap::new();
    let mut routes: BTreeMap<Route, u64> = BTreeMap::new();
    for call in &seen.calls {
        *endpoints.entry(call.endpoint.to_string()).or_default() += 1;
        *routes.entry(call.via.route).or_default() += 1;
    }
    let (endpoints, routes) = (counted(&endpoints), counted(&routes));
    match lang {
        Lang::En => format!("wxmock: WeChat saw {endpoints} by {routes}\n"),
        Lang::Zh => format!("wxmock: 微信收到 {endpoints}；路径：{routes}\n"),
    }
}

/// `token 1, code2session 3`.
fn counted(counts: &BTreeMap<impl std::fmt::Display, u64>) -> String {
    let counts = counts.iter().map(|(name, count)| format!("{name} {count}"));
    counts.collect::<Vec<_>>().join(", ")
}
