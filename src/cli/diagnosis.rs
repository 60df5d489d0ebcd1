//! What the roads say about a backend: which calls came how, what is missing, and what to do. Only text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use wxmock_server::{AlertCount, RefusalCount, Road, RoadsView, Stranger};

use super::expect::Seen;

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

/// Everything the roads show, the most urgent first.
pub(crate) fn findings(view: &RoadsView) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(view.alerts.iter().map(alert));
    if view.calls.is_empty() && view.alerts.is_empty() {
        findings.push(nothing(view));
    }
    findings.extend(paths(view));
    findings.extend(view.refusals.iter().map(refusal));
    findings.extend(strangers(view));
    findings.extend(unplayed(view));
    findings.extend(in_clear(view));
    findings
}

fn nothing(view: &RoadsView) -> Finding {
    let what = if view.unplayed.is_empty() {
        "no call has arrived by any road"
    } else {
        "calls for other hosts came through the proxy, but none to WeChat's"
    };
    Finding::new(
        true,
        what.to_owned(),
        &[
            "has the backend exchanged a code since the mock started? mint one: wxmock code --user alice",
            "start the backend with `wxmock exec -- CMD`, or with the variables of `wxmock env` in its environment",
            "its client may ignore HTTPS_PROXY: Node before 22.21 (use the --require of `wxmock env --for node20`), aiohttp without trust_env and http.client (`wxmock exec --preload`), Java (JAVA_TOOL_OPTIONS), PHP-FPM (clear_env; see `wxmock env --for php-fpm`)",
            "if it has a setting for WeChat's base URL, http://HOST:PORT of the mock needs no certificate at all",
        ],
    )
}

const TRUST: [&str; 5] = [
    "Python requests: REQUESTS_CA_BUNDLE=bundle.pem; httpx, aiohttp and urllib: SSL_CERT_FILE=bundle.pem",
    "Node: NODE_EXTRA_CA_CERTS=root.pem, set before node starts; setting process.env is too late",
    "Java: -Djavax.net.ssl.trustStore=truststore.p12 (a framework with a trust store of its own needs it there)",
    "curl and PHP: CURL_CA_BUNDLE, or curl.cainfo in php.ini; Go, .NET and Ruby on Linux: SSL_CERT_FILE",
    "`wxmock ca` prints where these files are; `wxmock env` prints the variables. A mock started with --ephemeral-ca has other certificates at every start",
];

fn alert(alert: &AlertCount) -> Finding {
    let name = alert.sni.as_deref().unwrap_or("no name");
    let times = times(alert.count);
    let failed = format!(
        "{times} a TLS client asked for {name} and gave up: {}",
        alert.kind
    );
    match alert.kind.as_str() {
        "unknown_ca" | "bad_certificate" | "certificate_unknown" => Finding::new(
            true,
            format!("{failed}; it does not trust the mock's root certificate"),
            &TRUST,
        ),
        "certificate_expired" => Finding::new(
            true,
            failed,
            &[
                "the clock of one of the two machines is wrong, or the authority is old: `wxmock ca` says until when it is valid",
            ],
        ),
        "no-ca" => Finding::new(
            true,
            failed,
            &[
                "the mock has no certificate authority it can use: start it with --ca-dir DIR or --ephemeral-ca, and see `wxmock ca`",
            ],
        ),
        "timeout" => Finding::new(
            true,
            failed,
            &[
                "the client connected and did not finish the handshake in time; it may be stopped in a debugger, or wait for another protocol",
            ],
        ),
        "not-tls" => Finding::new(
            true,
            failed,
            &[
                "the client spoke plain HTTP inside a tunnel or garbage on a TLS connection; check the scheme of its URL",
            ],
        ),
        _ => Finding::new(
            true,
            failed,
            &[
                "a client that closes without a word usually does not trust the certificate, or pins another one",
                TRUST[4],
            ],
        ),
    }
}

fn strangers(view: &RoadsView) -> impl Iterator<Item = Finding> {
    view.strangers.iter().map(|stranger| match stranger.what {
        Stranger::Secret => Finding::new(
            false,
            format!("{} the AppSecret {} was sent, which is not the mock's", times(stranger.count), stranger.tail),
            &[
                "if it is a real one, it has leaked into a test configuration: take it out, and have it reset on mp.weixin.qq.com if it was ever committed",
                "give the backend WXMOCK_SECRET, or the mock the backend's own made-up one in [[app]] of wxmock.toml",
            ],
        ),
        Stranger::AppId => Finding::new(
            false,
            format!("{} the appid {} was sent, which no app of the mock has", times(stranger.count), stranger.tail),
            &["give the backend WXMOCK_APPID, or the mock the backend's appid in [[app]] of wxmock.toml"],
        ),
    })
}

/// Paths that only look answered: 40066 is what WeChat says to a path it does not have.
fn paths(view: &RoadsView) -> impl Iterator<Item = Finding> {
    view.paths.iter().map(|path| {
        Finding::new(
            true,
            format!(
                "{} {} was called, which the mock does not play; it was answered 40066 invalid url",
                times(path.count),
                path.path
            ),
            &[
                &format!("the nearest path it plays is {}", path.nearest),
                "if that is what was meant, mend the path in the backend; otherwise what depends on this call cannot be tried here",
            ],
        )
    })
}

/// What only the mock knows of a refusal.
fn refusal(refused: &RefusalCount) -> Finding {
    Finding::new(
        false,
        format!(
            "{} {} was refused with {}: {}",
            times(refused.count),
            refused.endpoint,
            refused.errcode,
            refused.why
        ),
        &[],
    )
}

fn unplayed(view: &RoadsView) -> Option<Finding> {
    let hosts: Vec<String> = view
        .unplayed
        .iter()
        .map(|host| format!("{} ({}, by {})", host.host, host.count, host.road))
        .collect();
    if hosts.is_empty() {
        return None;
    }
    Some(Finding::new(
        false,
        format!(
            "calls to hosts the mock does not play: {}",
            hosts.join(", ")
        ),
        &[
            "through the proxy they are carried on with --passthrough tunnel and refused with deny; nothing of them is kept but the name",
        ],
    ))
}

fn in_clear(view: &RoadsView) -> Option<Finding> {
    let clear = view
        .calls
        .iter()
        .find(|call| call.road == Road::AbsoluteForm && !call.host.is_empty())?;
    let client = if clear.user_agent.is_empty() {
        "a client".to_owned()
    } else {
        format!("`{}`", clear.user_agent)
    };
    Some(Finding::new(
        false,
        format!(
            "{client} hands the proxy its https calls in clear (no CONNECT): with a real proxy, the AppSecret crosses the network unencrypted"
        ),
        &["axios 0.19 to 0.27 and 1.6 do that; newer ones open a tunnel"],
    ))
}

fn times(count: u64) -> String {
    if count == 1 {
        "once".to_owned()
    } else {
        format!("{count} times")
    }
}

/// Calls by road, and the findings, as `wxmock doctor` prints them.
pub(crate) fn report(view: &RoadsView, findings: &[Finding]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for call in &view.calls {
        let host = if call.host.is_empty() {
            "(no host)"
        } else {
            &call.host
        };
        let alpn = call
            .alpn
            .map_or_else(String::new, |alpn| format!(" over {}", alpn.as_str()));
        let _ = writeln!(
            text,
            "{:>6} calls  {:<17} {host}{alpn}  HTTP/{}  {}",
            call.count,
            call.road,
            call.http.as_str(),
            call.user_agent
        );
    }
    for finding in findings {
        let mark = if finding.blocks { "missing" } else { "note" };
        let _ = writeln!(text, "\n{mark}: {}", finding.what);
        for step in &finding.steps {
            let _ = writeln!(text, "  - {step}");
        }
    }
    text
}

/// Two or three lines for the end of a run: what arrived, and why if something did not.
pub(crate) fn summary(seen: &Seen) -> String {
    let mut text = String::new();
    let mut endpoints: BTreeMap<String, u64> = BTreeMap::new();
    let mut roads: BTreeMap<Road, u64> = BTreeMap::new();
    for call in &seen.calls {
        *endpoints.entry(call.endpoint.to_string()).or_default() += 1;
        *roads.entry(call.via.road).or_default() += 1;
    }
    let listed = |counts: Vec<String>| counts.join(", ");
    if !seen.calls.is_empty() {
        let _ = writeln!(
            text,
            "wxmock: WeChat saw {} by {}",
            listed(
                endpoints
                    .iter()
                    .map(|(name, count)| format!("{name} {count}"))
                    .collect()
            ),
            listed(
                roads
                    .iter()
                    .map(|(road, count)| format!("{road} {count}"))
                    .collect()
            ),
        );
    }
    // Told one by one below, whatever else there is to say.
    let refusals: Vec<String> = seen
        .roads
        .refusals
        .iter()
        .map(|refused| refusal(refused).what)
        .collect();
    for finding in findings(&seen.roads)
        .iter()
        .filter(|finding| finding.blocks || seen.calls.is_empty())
        .filter(|finding| !refusals.contains(&finding.what))
    {
        let _ = writeln!(text, "wxmock: {}", finding.what);
        if let Some(step) = finding
            .steps
            .first()
            .filter(|_| !seen.roads.alerts.is_empty())
        {
            let _ = writeln!(text, "wxmock:   {step}");
        }
    }
    for refused in &refusals {
        let _ = writeln!(text, "wxmock: {refused}");
    }
    for secret in seen
        .roads
        .strangers
        .iter()
        .filter(|stranger| stranger.what == Stranger::Secret)
    {
        let _ = writeln!(
            text,
            "wxmock: the AppSecret {} was sent, which is not the mock's; if it is a real one, it has leaked into a test",
            secret.tail
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use wxmock_server::{HostCount, HttpVersion, PathCount, RoadCount, StrangerCount};

    use super::*;

    fn call(road: Road, user_agent: &str) -> RoadCount {
        RoadCount {
            road,
            host: "api.weixin.qq.com".to_owned(),
            user_agent: user_agent.to_owned(),
            alpn: None,
            http: HttpVersion::Http11,
            count: 2,
        }
    }

    #[test]
    fn a_silent_backend_is_told_which_roads_there_are() {
        let findings = findings(&RoadsView::default());
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0].blocks && findings[0].steps.concat().contains("wxmock exec"),
            "{findings:?}"
        );
    }

    #[test]
    fn a_healthy_road_has_no_finding() {
        let view = RoadsView {
            calls: vec![call(Road::Connect, "curl/8")],
            ..RoadsView::default()
        };
        assert_eq!(findings(&view), []);
        assert!(
            report(&view, &[]).contains("2 calls  connect"),
            "{}",
            report(&view, &[])
        );
    }

    #[test]
    fn each_alert_names_its_way_out() {
        let check = |kind: &str, step: &str| {
            let view = RoadsView {
                alerts: vec![AlertCount {
                    kind: kind.to_owned(),
                    sni: Some("api.weixin.qq.com".to_owned()),
                    count: 1,
                }],
                ..RoadsView::default()
            };
            let findings = findings(&view);
            assert_eq!(findings.len(), 1, "{kind}");
            assert!(
                findings[0].blocks
                    && findings[0].what.contains(kind)
                    && findings[0].steps.concat().contains(step),
                "{findings:?}"
            );
        };
        check("unknown_ca", "REQUESTS_CA_BUNDLE");
        check("certificate_unknown", "trustStore");
        check("no-ca", "--ephemeral-ca");
        check("certificate_expired", "clock");
        check("closed", "does not trust");
    }

    #[test]
    fn secrets_hosts_and_clear_calls_are_worth_knowing() {
        let view = RoadsView {
            calls: vec![call(Road::AbsoluteForm, "axios/0.27.2")],
            alerts: Vec::new(),
            unplayed: vec![HostCount {
                host: "mp.weixin.qq.com".to_owned(),
                road: Road::Connect,
                count: 1,
            }],
            strangers: vec![
                StrangerCount {
                    what: Stranger::Secret,
                    tail: "…beef".to_owned(),
                    count: 3,
                },
                StrangerCount {
                    what: Stranger::AppId,
                    tail: "…0001".to_owned(),
                    count: 1,
                },
            ],
            ..RoadsView::default()
        };
        let findings = findings(&view);
        assert_eq!(findings.len(), 4, "{findings:?}");
        assert!(findings.iter().all(|finding| !finding.blocks));
        let text = report(&view, &findings);
        for said in [
            "…beef",
            "…0001",
            "mp.weixin.qq.com",
            "axios/0.27.2",
            "3 times",
        ] {
            assert!(text.contains(said), "{said} in {text}");
        }
    }

    #[test]
    fn a_path_that_is_not_played_blocks_and_a_refusal_says_why() {
        let view = RoadsView {
            calls: vec![call(Road::Plain, "curl/8")],
            paths: vec![PathCount {
                path: "/cgi-bin/message/subscribe/send".to_owned(),
                nearest: "/cgi-bin/stable_token".to_owned(),
                count: 2,
            }],
            refusals: vec![RefusalCount {
                endpoint: "jscode2session".to_owned(),
                errcode: 40163,
                why: "the code of alice was exchanged before".to_owned(),
                count: 1,
            }],
            ..RoadsView::default()
        };
        let findings = findings(&view);
        assert!(findings[0].blocks && !findings[1].blocks, "{findings:?}");
        let text = report(&view, &findings);
        for said in [
            "2 times /cgi-bin/message/subscribe/send was called, which the mock does not play",
            "once jscode2session was refused with 40163: the code of alice was exchanged before",
        ] {
            assert!(text.contains(said), "{said} in {text}");
        }
    }
}
