//! The variables themselves, one row each, with what they reach. Knows no files but their paths.

use std::path::Path;

use super::bypass::Bypass;
use super::files::{Files, TRUSTSTORE_PASSWORD};
use super::inherited::Inherited;

/// What a child has to know of the mock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Host name or address; IPv6 without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// AppID the mock knows; empty if it has no app.
    pub appid: String,
    /// Its AppSecret.
    pub secret: String,
}

/// By which route the child's HTTPS calls are to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// The mock is the HTTPS proxy.
    Proxy,
    /// WeChat's names resolve to the mock, which listens on port 443: only certificates are needed.
    Hosts,
}

/// Whether interpreters get a script that redirects clients which ignore proxy variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preload {
    /// Node only: one `--require`, which leaves other hosts alone.
    Node,
    /// Node, and Python through a `sitecustomize`.
    NodeAndPython,
}

/// A family of backends that reads its own selection of the variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// Node up to 22.20 and 24.4: no proxy of its own.
    Node20,
    /// Node from 22.21 and 24.5: `NODE_USE_ENV_PROXY`.
    Node22,
    /// Python.
    Python,
    /// Java, Kotlin and the rest of the JVM.
    Jvm,
    /// Go.
    Go,
    /// PHP, on the command line or as FPM.
    Php,
    /// .NET on Linux.
    Dotnet,
}

use Stack::{Dotnet, Go, Jvm, Node20, Node22, Php, Python};

const EVERY: &[Stack] = &[Node20, Node22, Python, Jvm, Go, Php, Dotnet];

/// One variable for the child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its value, with what was there before where values can be joined.
    pub value: String,
    /// Who reads it, and who does not.
    pub covers: &'static str,
    /// The stacks it matters to.
    pub stacks: &'static [Stack],
}

/// The variables of one child, and what its owner should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// In the order they are shown.
    pub variables: Vec<Variable>,
    /// What was there before and does not hold any more for the child.
    pub remarks: Vec<String>,
}

impl Facts {
    /// `http://HOST:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        if self.host.contains(':') {
            format!("http://[{}]:{}", self.host, self.port)
        } else {
            format!("http://{}:{}", self.host, self.port)
        }
    }
}

impl Environment {
    /// Name and value, as a process is given them.
    pub fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.variables
            .iter()
            .map(|variable| (variable.name, variable.value.as_str()))
    }
}

/// The variables that bring a child's calls to WeChat to the mock by `route`, with `files` written where they say.
///
/// `HTTP_PROXY` is left as it is: WeChat is called by HTTPS only, and a proxy for plain HTTP would catch every call
/// between the child's own services.
#[must_use]
pub fn environment(
    facts: &Facts,
    files: &Files,
    inherited: &Inherited,
    route: Route,
    preload: Preload,
) -> Environment {
    let mut rows = Rows::default();
    let inherited_bypass = inherited.get_in_any_case("NO_PROXY");
    let bypass = match route {
        Route::Proxy => Bypass::around_the_mock(inherited_bypass),
        Route::Hosts => Bypass::around_every_proxy(inherited_bypass),
    };
    if route == Route::Proxy {
        proxy(&mut rows, facts);
    }
    rows.pair(
        "NO_PROXY",
        "no_proxy",
        &bypass.variable(),
        EVERY,
        "hosts that go past the proxy: the loopback, and what was there",
    );
    certificates(&mut rows, files);
    if route == Route::Proxy {
        preloads(&mut rows, files, inherited, preload);
    }
    let jvm = jvm_options(facts, files, &bypass, route);
    rows.add(
        "JAVA_TOOL_OPTIONS",
        joined(inherited.get("JAVA_TOOL_OPTIONS"), ' ', &jvm),
        &[Jvm],
        JVM,
    );
    let scan = format!(
        "{}:{}",
        inherited.get("PHP_INI_SCAN_DIR").unwrap_or_default(),
        files.php_folder.display()
    );
    rows.add(
        "PHP_INI_SCAN_DIR",
        scan,
        &[Php],
        "PHP: curl.cainfo and openssl.cafile; PHP's own folder is still read first",
    );
    rows.add(
        "WXMOCK_URL",
        facts.url(),
        EVERY,
        "where the mock is: login codes, payloads and the base URL for whoever wants it",
    );
    rows.add(
        "WXMOCK_SERVER",
        facts.url(),
        EVERY,
        "the same for `wxmock code`, `wxmock decrypt` and the other commands",
    );
    // A mock may have no app yet.
    if !facts.appid.is_empty() {
        rows.add(
            "WXMOCK_APPID",
            facts.appid.clone(),
            EVERY,
            "the app the mock knows",
        );
        rows.add(
            "WXMOCK_SECRET",
            facts.secret.clone(),
            EVERY,
            "its AppSecret",
        );
    }
    Environment {
        variables: rows.0,
        remarks: remarks(inherited, &bypass, route),
    }
}

#[derive(Default)]
struct Rows(Vec<Variable>);

impl Rows {
    fn add(
        &mut self,
        name: &'static str,
        value: String,
        stacks: &'static [Stack],
        covers: &'static str,
    ) {
        self.0.push(Variable {
            name,
            value,
            covers,
            stacks,
        });
    }

    /// Clients disagree about the letter case, and those that read both must not find two answers.
    fn pair(
        &mut self,
        upper: &'static str,
        lower: &'static str,
        value: &str,
        stacks: &'static [Stack],
        covers: &'static str,
    ) {
        self.add(upper, value.to_owned(), stacks, covers);
        self.add(
            lower,
            value.to_owned(),
            stacks,
            "the same, for clients that read lower case (curl, libcurl in PHP)",
        );
    }
}

const NOT_THE_JVM: &[Stack] = &[Node20, Node22, Python, Go, Php, Dotnet];

fn proxy(rows: &mut Rows, facts: &Facts) {
    let covers = "curl, Python requests, httpx and urllib, axios, Go, PHP's curl, .NET, Ruby, reqwest; not aiohttp without \
                  trust_env, not http.client, not Java, not Node before 22.21";
    rows.pair(
        "HTTPS_PROXY",
        "https_proxy",
        &facts.url(),
        NOT_THE_JVM,
        covers,
    );
}

fn certificates(rows: &mut Rows, files: &Files) {
    let bundle = files.bundle.display().to_string();
    rows.add("SSL_CERT_FILE", bundle.clone(), &[Python, Go, Php, Dotnet], "OpenSSL: Python's ssl, httpx and aiohttp, Ruby, Go and .NET on Linux, Rust's native roots; not Python requests");
    rows.add(
        "REQUESTS_CA_BUNDLE",
        bundle.clone(),
        &[Python],
        "Python requests, and so wechatpy",
    );
    rows.add("CURL_CA_BUNDLE", bundle, &[Python], "curl itself");
    rows.add(
        "NODE_EXTRA_CA_CERTS",
        files.root.display().to_string(),
        &[Node20, Node22],
        "every TLS client of Node; adds to Node's own list",
    );
}

fn preloads(rows: &mut Rows, files: &Files, inherited: &Inherited, preload: Preload) {
    rows.add(
        "NODE_USE_ENV_PROXY",
        "1".to_owned(),
        &[Node22],
        "Node from 22.21 and 24.5: https and fetch follow HTTPS_PROXY",
    );
    let require = format!("--require {}", quoted(&files.node_preload, &['"', '\\']));
    rows.add("NODE_OPTIONS", joined(inherited.get("NODE_OPTIONS"), ' ', &require), &[Node20, Node22], "every client of every Node: sockets to WeChat's hosts go to the mock, all others stay as they are");
    if preload == Preload::NodeAndPython {
        let folder = files.python_folder.display().to_string();
        let path = inherited
            .get("PYTHONPATH")
            .map_or_else(|| folder.clone(), |others| format!("{folder}:{others}"));
        rows.add("PYTHONPATH", path, &[Python], "a sitecustomize for clients that ignore the proxy (aiohttp, http.client, urllib3); not `python -I`, `-E` or `-S`, not uvloop");
    }
}

const JVM: &str = "URLConnection, java.net.http and what is built on them; not a client with sockets of its own. The other \
                   route: -Djdk.net.hosts.file=FILE with the mock on port 443";

fn jvm_options(facts: &Facts, files: &Files, bypass: &Bypass, route: Route) -> String {
    let store = format!(
        "-Djavax.net.ssl.trustStore={} -Djavax.net.ssl.trustStorePassword={TRUSTSTORE_PASSWORD} -Djavax.net.ssl.trustStoreType=PKCS12",
        quoted(&files.truststore, &[])
    );
    match route {
        Route::Hosts => store,
        Route::Proxy => format!(
            "-Dhttps.proxyHost={} -Dhttps.proxyPort={} -Dhttp.nonProxyHosts={} {store}",
            facts.host,
            facts.port,
            bypass.java()
        ),
    }
}

/// A path as one word of `NODE_OPTIONS` or `JAVA_TOOL_OPTIONS`: in double quotes if it has a space.
fn quoted(path: &Path, escaped: &[char]) -> String {
    let path = path.display().to_string();
    if !path.contains(char::is_whitespace) {
        return path;
    }
    let mut word = String::from("\"");
    for letter in path.chars() {
        if escaped.contains(&letter) {
            word.push('\\');
        }
        word.push(letter);
    }
    word + "\""
}

/// What was there and ours behind it, once: an environment may be built on top of one of ours.
fn joined(before: Option<&str>, separator: char, ours: &str) -> String {
    match before {
        None => ours.to_owned(),
        Some(before) if before.contains(ours) => before.to_owned(),
        Some(before) => format!("{before}{separator}{ours}"),
    }
}

fn remarks(inherited: &Inherited, bypass: &Bypass, route: Route) -> Vec<String> {
    let mut remarks = Vec::new();
    let proxies = ["HTTPS_PROXY", "ALL_PROXY"];
    let replaced = proxies
        .iter()
        .find(|name| !inherited.get_in_any_case(name).is_empty());
    if let (Route::Proxy, Some(name)) = (route, replaced) {
        remarks.push(format!("the {name} set here does not hold for the child: hosts that are not WeChat's are reached without it"));
    }
    if !bypass.dropped.is_empty() {
        remarks.push(format!(
            "NO_PROXY had {}, which leads past the mock; it does not hold for the child",
            bypass.dropped.join(" and ")
        ));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn facts() -> Facts {
        Facts {
            host: "127.0.0.1".to_owned(),
            port: 8910,
            appid: "wx00".to_owned(),
            secret: "s".to_owned(),
        }
    }

    fn value(environment: &Environment, name: &str) -> Option<String> {
        environment
            .variables
            .iter()
            .find(|variable| variable.name == name)
            .map(|variable| variable.value.clone())
    }

    fn of(inherited: &[(&str, &str)], folder: &str) -> Environment {
        let inherited = Inherited::default().with(inherited.iter().copied());
        environment(
            &facts(),
            &Files::below(Path::new(folder)),
            &inherited,
            Route::Proxy,
            Preload::NodeAndPython,
        )
    }

    #[test]
    fn what_can_be_joined_is_joined_and_the_rest_is_replaced() {
        let check = |inherited: &[(&str, &str)], name: &str, expected: &str| {
            assert_eq!(
                value(&of(inherited, "/d"), name).as_deref(),
                Some(expected),
                "{inherited:?}"
            );
        };
        check(&[], "NODE_OPTIONS", "--require /d/preload.cjs");
        check(
            &[("NODE_OPTIONS", "--require /d/preload.cjs")],
            "NODE_OPTIONS",
            "--require /d/preload.cjs",
        );
        check(
            &[("NODE_OPTIONS", "--trace-warnings")],
            "NODE_OPTIONS",
            "--trace-warnings --require /d/preload.cjs",
        );
        check(&[("PYTHONPATH", "/a:/b")], "PYTHONPATH", "/d/python:/a:/b");
        check(&[], "PYTHONPATH", "/d/python");
        check(&[], "PHP_INI_SCAN_DIR", ":/d/php");
        check(
            &[("PHP_INI_SCAN_DIR", "/etc/php")],
            "PHP_INI_SCAN_DIR",
            "/etc/php:/d/php",
        );
        check(
            &[("HTTPS_PROXY", "http://corp:3128")],
            "https_proxy",
            "http://127.0.0.1:8910",
        );
        check(
            &[("no_proxy", "db")],
            "NO_PROXY",
            "db,localhost,127.0.0.1,::1",
        );
        check(
            &[("JAVA_TOOL_OPTIONS", "-Xmx1g")],
            "JAVA_TOOL_OPTIONS",
            "-Xmx1g -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8910 -Dhttp.nonProxyHosts=127.*|[::1]|localhost \
             -Djavax.net.ssl.trustStore=/d/truststore.p12 -Djavax.net.ssl.trustStorePassword=changeit -Djavax.net.ssl.trustStoreType=PKCS12",
        );
    }

    #[test]
    fn a_folder_with_a_space_stays_one_word() {
        let environment = of(&[], "/my dir");
        assert_eq!(
            value(&environment, "NODE_OPTIONS").as_deref(),
            Some("--require \"/my dir/preload.cjs\"")
        );
        assert!(
            value(&environment, "JAVA_TOOL_OPTIONS")
                .unwrap()
                .contains("trustStore=\"/my dir/truststore.p12\"")
        );
    }

    #[test]
    fn names_are_given_once_and_http_proxy_never() {
        let environment = of(&[("HTTP_PROXY", "http://corp")], "/d");
        let names: BTreeSet<&str> = environment.pairs().map(|(name, _)| name).collect();
        assert_eq!(names.len(), environment.variables.len());
        assert!(!names.contains("HTTP_PROXY") && !names.contains("http_proxy"));
    }

    #[test]
    fn python_is_preloaded_only_when_asked() {
        let inherited = Inherited::default();
        let environment = environment(
            &facts(),
            &Files::below(Path::new("/d")),
            &inherited,
            Route::Proxy,
            Preload::Node,
        );
        assert_eq!(value(&environment, "PYTHONPATH"), None);
    }

    #[test]
    fn the_hosts_route_needs_certificates_only() {
        let inherited = Inherited::default().with([("HTTPS_PROXY", "http://corp")]);
        let environment = environment(
            &facts(),
            &Files::below(Path::new("/d")),
            &inherited,
            Route::Hosts,
            Preload::Node,
        );
        for absent in [
            "HTTPS_PROXY",
            "https_proxy",
            "NODE_OPTIONS",
            "NODE_USE_ENV_PROXY",
        ] {
            assert_eq!(value(&environment, absent), None, "{absent}");
        }
        assert!(
            value(&environment, "NO_PROXY")
                .unwrap()
                .contains("api.weixin.qq.com")
        );
        assert!(
            !value(&environment, "JAVA_TOOL_OPTIONS")
                .unwrap()
                .contains("proxy")
        );
        assert!(environment.remarks.is_empty());
    }

    #[test]
    fn what_does_not_hold_any_more_is_said() {
        let remarks = of(
            &[("https_proxy", "http://user:pw@corp"), ("NO_PROXY", "*")],
            "/d",
        )
        .remarks;
        assert_eq!(remarks.len(), 2, "{remarks:?}");
        assert!(
            !remarks.concat().contains("pw"),
            "a proxy's password is nobody's business: {remarks:?}"
        );
    }

    #[test]
    fn ipv6_gets_brackets_in_urls_only() {
        let facts = Facts {
            host: "::1".to_owned(),
            ..facts()
        };
        assert_eq!(facts.url(), "http://[::1]:8910");
    }
}
