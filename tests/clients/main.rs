//! Published clients and SDKs, unmodified, under `wxmock exec`: that each reaches the mock, by which route, and which of the
//! variables are enough for it. What was seen is the table in `docs/reach.md`; there is no row without a run.
//!
//! A runtime that is missing is said and passed over, unless `REQUIRE_RUNTIMES=1` insists on it. Packages are
//! installed below `target/`. Nothing here is to call the real WeChat: Python, Node and the JVM get a resolver for which
//! WeChat's names lead nowhere (`guard/`) wherever they might go past the mock; curl, PHP and Go are run with a proxy only.

#![expect(
    clippy::unwrap_used,
    reason = "a step that fails should fail the test where it stands"
)]

mod endpoints;
mod exec;
mod install;
mod service;
mod table;
mod wafer;

use std::path::{Path, PathBuf};
use std::process::Command;

use exec::{Attempt, Exec, source};
use table::{Row, Rows};

/// One client program, as it stands in the table.
struct Client {
    name: &'static str,
    command: Vec<String>,
}

impl Client {
    fn new<S: Into<String>>(name: &'static str, command: impl IntoIterator<Item = S>) -> Self {
        Self {
            name,
            command: command.into_iter().map(Into::into).collect(),
        }
    }
}

/// Clients that share a runtime and an installation.
struct Matrix<'a> {
    /// Name and version, as in the table.
    runtime: String,
    folder: PathBuf,
    /// What `JDK_JAVA_OPTIONS` is to hold; empty for other runtimes.
    java: String,
    /// Sets of variables to try, smaller ones first. Empty: all of them together are what is needed.
    ways: &'a [&'a [&'a str]],
}

/// Whether a missing runtime is a failure.
fn runtimes_are_required() -> bool {
    std::env::var_os("REQUIRE_RUNTIMES").is_some_and(|value| value == "1")
}

/// Name and version of a runtime, the version cut after `places` numbers; `None`, said aloud, if it is not here or too old.
fn runtime(name: &str, command: &[&str], places: usize, at_least: &[u32]) -> Option<String> {
    let found = Command::new(command[0])
        .args(&command[1..])
        .output()
        .ok()
        .filter(|output| output.status.success());
    let version = found.and_then(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let start = text.find(|letter: char| letter.is_ascii_digit())?;
        let number = text[start..]
            .split(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .next()?;
        Some(
            number
                .split('.')
                .filter_map(|part| part.parse().ok())
                .collect::<Vec<u32>>(),
        )
    });
    match version {
        Some(version) if version.as_slice() >= at_least => {
            let parts: Vec<String> = version.iter().take(places).map(u32::to_string).collect();
            Some(format!("{name} {}", parts.join(".")))
        }
        Some(version) => passed_over(name, &format!("{version:?} is older than {at_least:?}")),
        None => passed_over(name, "it is not installed"),
    }
}

/// Says that something is not here, or fails where it has to be.
fn passed_over<T>(name: &str, why: &str) -> Option<T> {
    assert!(!runtimes_are_required(), "{name} is required: {why}");
    eprintln!("not run: the clients of {name}: {why}");
    None
}

/// Everything `wxmock exec` sets without `--preload`, and with it.
const PLAIN: &[&str] = &[
    "HTTPS_PROXY",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "NODE_USE_ENV_PROXY",
    "NODE_OPTIONS",
    "JAVA_TOOL_OPTIONS",
    "PHP_INI_SCAN_DIR",
];

impl Matrix<'_> {
    /// Runs every client under everything, then with less, and compares what was seen with the table.
    fn check(&self, clients: &[Client], absent: &[&str]) {
        let mut exec = Exec::start(&[]);
        let rows: Vec<Row> = clients
            .iter()
            .map(|client| self.row(&mut exec, client))
            .collect();
        table::compare(&self.runtime, &rows, Rows::AllBut(absent));
    }

    fn row(&self, exec: &mut Exec, client: &Client) -> Row {
        let mut attempt =
            |keep: &[&str]| exec.attempt(&self.folder, &client.command, keep, &self.java);
        let plain = attempt(PLAIN);
        let (whole, flag) = if plain.worked {
            (plain, "")
        } else {
            let preloaded = attempt(&[PLAIN, &["PYTHONPATH"]].concat());
            assert!(
                preloaded.worked,
                "{} does not reach the mock:\n{}\n{}",
                client.name, plain.told, preloaded.told
            );
            (preloaded, " (`--preload`)")
        };
        let mut enough: Vec<&[&str]> = Vec::new();
        for way in self.ways {
            let is_more = enough
                .iter()
                .any(|less| less.iter().all(|name| way.contains(name)));
            if !is_more && attempt(way).worked {
                enough.push(way);
            }
        }
        let done = done(&whole, &exec.alice());
        Row {
            client: client.name.to_owned(),
            version: whole.version.clone(),
            runtime: self.runtime.clone(),
            route: format!("{}{flag}", route(&whole)),
            enough: phrase(&enough),
            result: done,
        }
    }
}

/// The route of every call of an attempt.
fn route(attempt: &Attempt) -> String {
    let mut routes: Vec<&str> = attempt
        .calls
        .iter()
        .map(|call| call["road"].as_str().unwrap())
        .collect();
    routes.dedup();
    assert!(!routes.is_empty(), "WeChat saw nothing of {}", attempt.told);
    routes.join(" and ")
}

/// `HTTPS_PROXY` + `A`, or `HTTPS_PROXY` + `B`.
fn phrase(ways: &[&[&str]]) -> String {
    let way = |names: &&[&str]| {
        names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(" + ")
    };
    match ways {
        [] => "all together".to_owned(),
        [[]] => "nothing".to_owned(),
        ways => ways.iter().map(way).collect::<Vec<_>>().join(" or "),
    }
}

/// What a client did, each part checked against what WeChat knows: what the client holds, and what WeChat answered it.
fn done(attempt: &Attempt, alice: &serde_json::Value) -> String {
    let answered = |endpoints: &[&str]| {
        attempt.calls.iter().any(|call| {
            endpoints.contains(&call["endpoint"].as_str().unwrap())
                && call["status"] == 200
                && call["errcode"].as_i64().unwrap_or(0) == 0
        })
    };
    let facts = &attempt.facts;
    assert_eq!(facts["openid"], alice["openid"], "{}", attempt.told);
    assert!(answered(&["jscode2session"]), "{}", attempt.told);
    let mut done = vec!["login".to_owned()];
    if let Some(token) = facts["access_token"].as_str() {
        assert!(
            !token.is_empty() && answered(&["token", "stable_token"]),
            "{}",
            attempt.told
        );
        done.push("token".to_owned());
    }
    let number = &alice["phone"]["pure_number"];
    if facts.get("phone").is_some() {
        assert!(
            facts["phone"] == *number && answered(&["getuserphonenumber"]),
            "{}",
            attempt.told
        );
        done.push("phone number".to_owned());
    }
    if facts.get("opened_phone").is_some() {
        assert_eq!(facts["opened_phone"], *number, "{}", attempt.told);
        assert_eq!(
            facts["opened_nickname"], alice["profile"]["nickName"],
            "{}",
            attempt.told
        );
        done.push("decryption".to_owned());
    }
    if let Some(check) = attempt
        .calls
        .iter()
        .find(|call| call["endpoint"] == "checksession")
    {
        let errcode = check["errcode"].as_i64().unwrap();
        done.push(if errcode == 0 {
            "checksession".to_owned()
        } else {
            format!("checksession: {errcode}")
        });
    }
    done.join(", ")
}

fn path(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}

#[test]
fn curl_reaches_the_mock() {
    let Some(runtime) = runtime("curl", &["curl", "--version"], 2, &[7, 52]) else {
        return;
    };
    let ways: &[&[&str]] = &[
        &["HTTPS_PROXY"],
        &["HTTPS_PROXY", "CURL_CA_BUNDLE"],
        &["HTTPS_PROXY", "SSL_CERT_FILE"],
    ];
    let matrix = Matrix {
        runtime,
        folder: install::nothing("curl"),
        java: String::new(),
        ways,
    };
    matrix.check(
        &[Client::new(
            "curl",
            ["sh".to_owned(), path(source("curl.sh"))],
        )],
        &[],
    );
}

/// Optional even where runtimes are required: PHP is the one that is often not there.
#[test]
fn php_curl_reaches_the_mock() {
    let has_curl = Command::new("php")
        .args(["-r", "exit(extension_loaded('curl') ? 0 : 1);"])
        .status();
    if !has_curl.is_ok_and(|status| status.success()) {
        eprintln!("not run: PHP, which is not installed, or has no curl");
        return;
    }
    let Some(runtime) = runtime("PHP", &["php", "--version"], 2, &[7]) else {
        return;
    };
    let ways: &[&[&str]] = &[
        &["HTTPS_PROXY"],
        &["HTTPS_PROXY", "PHP_INI_SCAN_DIR"],
        &["HTTPS_PROXY", "SSL_CERT_FILE"],
    ];
    let matrix = Matrix {
        runtime,
        folder: install::nothing("php"),
        java: String::new(),
        ways,
    };
    matrix.check(
        &[Client::new(
            "PHP curl",
            ["php".to_owned(), path(source("php/curl.php"))],
        )],
        &[],
    );
}

#[test]
fn python_clients_reach_the_mock() {
    let Some(runtime) = runtime("Python", &["python3", "--version"], 2, &[3, 10]) else {
        return;
    };
    let ways: &[&[&str]] = &[
        &["HTTPS_PROXY"],
        &["PYTHONPATH"],
        &["HTTPS_PROXY", "SSL_CERT_FILE"],
        &["HTTPS_PROXY", "REQUESTS_CA_BUNDLE"],
        &["HTTPS_PROXY", "CURL_CA_BUNDLE"],
    ];
    let matrix = Matrix {
        runtime,
        folder: install::python(),
        java: String::new(),
        ways,
    };
    let python = |name, program: &str, argument: &str| {
        Client::new(
            name,
            [
                "venv/bin/python".to_owned(),
                path(source(program)),
                argument.to_owned(),
            ],
        )
    };
    let plain = |name, argument| python(name, "python/http_clients.py", argument);
    matrix.check(
        &[
            plain("urllib.request", "urllib"),
            plain("urllib3", "urllib3"),
            plain("requests", "requests"),
            plain("httpx", "httpx"),
            plain("aiohttp", "aiohttp"),
            plain("aiohttp, `trust_env=True`", "aiohttp-trust-env"),
            python("wechatpy", "python/wechatpy_sdk.py", ""),
        ],
        &[],
    );
}

#[test]
fn node_clients_reach_the_mock() {
    let Some(runtime) = runtime("Node", &["node", "--version"], 1, &[20]) else {
        return;
    };
    let ways: &[&[&str]] = &[
        &["HTTPS_PROXY"],
        &["NODE_OPTIONS"],
        &["HTTPS_PROXY", "NODE_EXTRA_CA_CERTS"],
        &["HTTPS_PROXY", "NODE_EXTRA_CA_CERTS", "NODE_USE_ENV_PROXY"],
        &["NODE_OPTIONS", "NODE_EXTRA_CA_CERTS"],
    ];
    let matrix = Matrix {
        runtime,
        folder: install::node(&source("node"), "node"),
        java: String::new(),
        ways,
    };
    let plain = |name, argument| Client::new(name, ["node", "http_clients.js", argument]);
    matrix.check(
        &[
            plain("https", "https"),
            plain("fetch", "fetch"),
            plain("axios", "axios-0.21"),
            plain("axios", "axios-0.27"),
            plain("axios", "axios"),
            plain("got", "got"),
            plain("superagent", "superagent"),
            Client::new("node-easywechat", ["node", "easywechat.js"]),
            Client::new("co-wechat-api", ["node", "co_wechat_api.js"]),
        ],
        &[],
    );
}

#[test]
fn go_clients_reach_the_mock() {
    let Some(runtime) = runtime("Go", &["go", "env", "GOVERSION"], 2, &[1, 23]) else {
        return;
    };
    let ways: &[&[&str]] = &[&["HTTPS_PROXY"], &["HTTPS_PROXY", "SSL_CERT_FILE"]];
    let folder = install::go(&["./nethttp", "./silenceper", "./powerwechat"]);
    let matrix = Matrix {
        runtime,
        folder,
        java: String::new(),
        ways,
    };
    matrix.check(
        &[
            Client::new("net/http", ["./nethttp"]),
            Client::new("silenceper/wechat", ["./silenceper"]),
            Client::new("PowerWeChat", ["./powerwechat"]),
        ],
        &[],
    );
}

#[test]
fn java_clients_reach_the_mock() {
    let Some(runtime) = runtime("Java", &["java", "--version"], 1, &[11]) else {
        return;
    };
    let ways: &[&[&str]] = &[&["JAVA_TOOL_OPTIONS"], &["HTTPS_PROXY"]];
    let mut matrix = Matrix {
        runtime,
        folder: install::nothing("java"),
        java: names_from(&source("guard/hosts")),
        ways,
    };
    let plain = |name| {
        Client::new(
            name,
            [
                "java".to_owned(),
                path(source("java/HttpClients.java")),
                name.to_owned(),
            ],
        )
    };
    let mut clients = vec![plain("HttpURLConnection"), plain("java.net.http")];
    if install::has_maven() {
        matrix.folder = install::jars("java", &source("java/pom.xml"));
        clients.push(wxjava(WITH_OKHTTP, "okhttp", ""));
        clients.push(wxjava(WITH_PROXY_SETTING, "apache", "own-proxy-setting"));
        matrix.check(&clients, &[BY_HOSTS]);
        wxjava_by_hosts(&matrix);
    } else {
        matrix.check(&clients, &[WITH_OKHTTP, WITH_PROXY_SETTING, BY_HOSTS]);
    }
}

const WITH_OKHTTP: &str = "WxJava, OkHttp";
const WITH_PROXY_SETTING: &str = "WxJava, its own `httpProxyHost` set";
const BY_HOSTS: &str = "WxJava";

fn wxjava(name: &'static str, client: &str, more: &str) -> Client {
    let words = [
        "java",
        "-cp",
        "jars/*",
        &path(source("java/WxJava.java")),
        client,
        more,
    ];
    Client::new(name, words)
}

/// For `JDK_JAVA_OPTIONS`: the JVM resolves names from a file and no other.
fn names_from(file: &Path) -> String {
    format!("-Djdk.net.hosts.file=\"{}\"", file.display())
}

/// `WxJava`'s default client has sockets of its own, on which the proxy settings of the JVM have no effect. What is left
/// without touching its settings is the hosts route, for which the mock must have port 443 of some loopback address.
fn wxjava_by_hosts(matrix: &Matrix<'_>) {
    const ADDRESS: &str = "127.43.89.11";
    if let Err(error) = std::net::TcpListener::bind((ADDRESS, 443)) {
        eprintln!("not run: WxJava's default client, which needs port 443 of {ADDRESS}: {error}");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let hosts = scratch.path().join("hosts");
    std::fs::write(&hosts, format!("{ADDRESS} api.weixin.qq.com\n")).unwrap();
    let ways: &[&[&str]] = &[&[], &["JAVA_TOOL_OPTIONS"]];
    let matrix = Matrix {
        runtime: matrix.runtime.clone(),
        folder: matrix.folder.clone(),
        java: names_from(&hosts),
        ways,
    };
    let mut exec = Exec::start(&["--listen", ADDRESS, "--port", "443"]);
    let mut row = matrix.row(&mut exec, &wxjava(BY_HOSTS, "apache", ""));
    // The file is the test's own doing, not one of the variables.
    row.enough = format!(
        "`-Djdk.net.hosts.file` and port 443{}",
        if row.enough == "nothing" {
            String::new()
        } else {
            format!(", {}", row.enough)
        }
    );
    table::compare(&matrix.runtime, &[row], Rows::Of(&[BY_HOSTS]));
}
