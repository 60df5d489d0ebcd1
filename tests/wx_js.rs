//! `/_mock/wx.js` and the npm package: what the mock serves, what a page from elsewhere may not do, and the package's own tests in
//! Node, jsdom, happy-dom, Jest and Chromium.
//!
//! Where Node is missing its tests say so and pass, unless `REQUIRE_RUNTIMES=1` insists on it.

#[path = "support/npm.rs"]
mod npm;
#[expect(dead_code, reason = "the tests of `serve` use the rest of it")]
mod support;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use npm::{installed, run};
use serde_json::json;
use support::{Answer, Mock};

/// The sources of the package.
fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packages/wxmock")
}

impl Mock {
    /// A request as a browser sends it from a page of `origin`.
    fn send_as_page(&self, origin: &str, method: &str, path: &str, body: &str) -> Answer {
        self.send_raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nOrigin: {origin}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        ))
    }
}

/// Right value of the field report 31: a page or a test gets a `wx` with login, checkSession and request.
#[test]
fn the_script_is_served_to_pages_of_this_machine() {
    let mock = Mock::start(&[]);
    let (appid, secret) = mock.app();
    let first_line = |answer: &Answer| answer.body.lines().next().unwrap_or_default().to_owned();
    for (number, path) in [
        (1, "/_mock/wx.js"),
        (2, "/_mock/wx.mjs?app=demo&user=alice"),
    ] {
        let answer = mock.send_as_page("http://localhost:5173", "GET", path, "");
        assert_eq!(answer.status, 200, "{path}");
        for (name, value) in [
            ("content-type", "text/javascript; charset=utf-8"),
            ("access-control-allow-origin", "http://localhost:5173"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        let known =
            format!(r#"globalThis.__wxmock = {{"appid":"{appid}","device":"tab-{number}"}};"#);
        assert_eq!(
            first_line(&answer),
            known,
            "each page has a phone of its own"
        );
        for api in ["login", "checkSession", "request"] {
            assert!(answer.body.contains(api), "{api} in {path}");
        }
        assert!(!answer.body.contains(&secret), "a page learns no secret");
    }
    let types = mock.get("/_mock/wx.d.ts");
    assert_eq!(
        types.header("content-type"),
        Some("application/typescript; charset=utf-8")
    );
    assert!(
        types.body.contains("Pick<\n  WechatMiniprogram.Wx,"),
        "{}",
        types.body
    );

    let preflight = mock.send_as_page("http://localhost:5173", "OPTIONS", "/_mock/phone", "");
    assert_eq!(
        (
            preflight.status,
            preflight.header("access-control-allow-origin")
        ),
        (204, Some("http://localhost:5173"))
    );
    let wrong = mock.request("POST", "/_mock/wx.js", "");
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (405, Some("GET, OPTIONS"))
    );
}

#[test]
fn an_app_that_is_not_named_is_left_to_the_first_call() {
    let mock = Mock::start(&[]);
    mock.ok("POST", "/_mock/v1/apps", r#"{"name":"shop"}"#);
    let line = mock.get("/_mock/wx.js").body;
    assert!(
        line.starts_with(r#"globalThis.__wxmock = {"device":"tab-1"};"#),
        "{}",
        &line[..80]
    );
    let shop = mock.get("/_mock/wx.js?app=shop").body;
    assert!(
        shop.starts_with(r#"globalThis.__wxmock = {"appid":"wx"#),
        "{}",
        &shop[..80]
    );
}

#[test]
fn a_page_from_elsewhere_plays_no_phone_and_decides_for_nobody() {
    let mock = Mock::start(&[]);
    let decide = r#"{"user":"alice","switches":{"phone":"deny"}}"#;
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1.evil.example:8910",
    ] {
        for (method, path, body) in [
            ("POST", "/_mock/phone", decide),
            ("GET", "/_mock/phone", ""),
            ("POST", "/_mock/phone/expireKey", "{}"),
            ("POST", "/_mock/phone/rotateKey", "{}"),
        ] {
            let refusal = mock.send_as_page(origin, method, path, body);
            assert_eq!(refusal.status, 403, "{origin} {path}");
            assert_eq!(refusal.json()["error"]["code"], "foreign-origin");
        }
        let login = mock.send_as_page(origin, "POST", "/_mock/wx/login", r#"{"user":"alice"}"#);
        assert_eq!(
            (login.status, login.header("access-control-allow-origin")),
            (403, None)
        );
    }
    let told = mock
        .send_as_page("http://localhost:5173", "POST", "/_mock/phone", decide)
        .json();
    assert_eq!(told["switches"]["phone"], "deny", "{told}");
    assert_eq!(
        mock.ok("GET", "/_mock/phone?user=alice", "")["switches"]["phone"],
        "deny"
    );
    let fields: Vec<&String> = told.as_object().expect("an object").keys().collect();
    assert_eq!(
        fields,
        ["appid", "app", "user", "switches"],
        "no key, no secret"
    );
}

#[test]
fn a_test_ages_the_key_of_its_person() {
    let mock = Mock::start(&[]);
    let none = mock.request("POST", "/_mock/phone/expireKey", r#"{"user":"bob"}"#);
    assert_eq!(
        (none.status, &none.json()["error"]["code"]),
        (409, &json!("no-live-key"))
    );
    mock.exchange(&mock.code("alice"));
    let check = || mock.ok("GET", "/_mock/wx/checkSession?user=alice", "")["errMsg"].clone();
    assert_eq!(check(), "checkSession:ok");
    let expired = mock.ok("POST", "/_mock/phone/expireKey", r#"{"user":"alice"}"#);
    assert_eq!(expired["user"], "alice", "{expired}");
    assert_eq!(check(), "checkSession:fail session time out, need relogin");
    let wrong = mock.request("POST", "/_mock/phone", r#"{"user":"alice","swiches":{}}"#);
    assert_eq!(
        (wrong.status, &wrong.json()["error"]["hint"]),
        (
            400,
            &json!("did you mean `switches`? accepted: app, user, switches")
        )
    );
}

/// The package, built once for all tests here.
fn built() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    // The types of the fixture come from the description of the API.
    let openapi = Path::new(env!("CARGO_MANIFEST_DIR")).join("mock-server/openapi.json");
    BUILT
        .get_or_init(|| npm::built(&package(), "wxmock-package", &[&openapi]))
        .as_deref()
}

/// One test, because its steps share one installation: what is served is what the sources give, the types hold, every environment
/// passes, and the packed package works in an empty folder.
#[test]
fn the_package_is_what_is_served_and_passes_in_every_environment() {
    let Some(folder) = built() else { return };
    let mock = Mock::start(&[]);
    for name in ["wx.js", "wx.mjs", "wx.d.ts"] {
        let built = std::fs::read_to_string(folder.join("served").join(name)).expect(name);
        let served = mock.get(&format!("/_mock/{name}")).body;
        assert!(
            served.ends_with(&built),
            "/_mock/{name} is not what packages/wxmock/src gives; there: npm run build"
        );
    }
    run(folder, "npm", &["run", "--silent", "check"], None);
    let vitest = run(folder, "npx", &["vitest", "run"], Some(&mock));
    for environment in ["|node|", "|jsdom|", "|happy-dom|", "|server|", "|chromium|"] {
        assert!(vitest.contains(environment), "{environment} in {vitest}");
    }
    run(folder, "npx", &["jest"], Some(&mock));
    // Alone: it expires the key of the person everybody is by default.
    let example = [example("README.md"), example("README.zh-CN.md")];
    assert_eq!(example[0], example[1]);
    support::write(folder, "test/readme.test.ts", &example[0]);
    let vitest = ["vitest", "run", "test/readme.test.ts", "--project", "jsdom"];
    run(folder, "npx", &vitest, Some(&mock));
    packed(folder, &mock);
}

/// The TypeScript of a README.
fn example(readme: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(readme);
    let text = std::fs::read_to_string(path).expect("the README");
    let (_, rest) = text.split_once("```ts\n").expect("an example");
    rest.split_once("```").expect("its end").0.to_owned()
}

/// `npm pack`, installed into an empty folder, used as the README says.
fn packed(folder: &Path, mock: &Mock) {
    let empty = tempfile::tempdir().expect("a scratch folder");
    let pack = ["pack", "--silent", "--ignore-scripts", "--pack-destination"];
    let to = empty.path().display().to_string();
    let name = run(folder, "npm", &[&pack[..], &[&to]].concat(), None);
    let install = [
        "install",
        "--offline",
        "--no-audit",
        "--no-fund",
        "--omit=peer",
    ];
    let archive = format!("./{}", name.trim());
    run(
        empty.path(),
        "npm",
        &[&install[..], &[&archive]].concat(),
        None,
    );
    support::write(
        empty.path(),
        "page.mjs",
        "import 'wxmock/setup'; import { phone } from 'wxmock'; console.log((await wx.login()).errMsg, phone.calls('login').length)",
    );
    assert_eq!(
        run(empty.path(), "node", &["page.mjs"], Some(mock)).trim(),
        "login:ok 1"
    );
}

/// A page built by a framework from npm, tapped in Chromium: its calls reach the phone, once each.
fn framework(name: &str, build: &[&str], out: &str) {
    let Some(package) = built() else { return };
    if !Path::new("/usr/bin/chromium").exists() {
        eprintln!(
            "not run: {name} in a browser: no chromium here; on Debian: apt-get install chromium"
        );
        return;
    }
    // Not `ci`: Taro names binaries for other systems that the registry does not have, which `ci` misses in the lock file.
    let from = package.join("test/h5").join(name);
    let folder = installed(&from, &format!("wxmock-h5-{name}"), "install");
    let plugin = folder.join("node_modules/wxmock");
    std::fs::create_dir_all(plugin.join("dist")).expect("a folder below target/");
    std::fs::copy(package.join("package.json"), plugin.join("package.json")).expect("the manifest");
    for file in std::fs::read_dir(package.join("dist"))
        .expect("the built package")
        .flatten()
    {
        std::fs::copy(file.path(), plugin.join("dist").join(file.file_name())).expect("a bundle");
    }
    let mock = Mock::start(&[]);
    let built = run(&folder, "npx", build, Some(&mock));
    let page = folder.join(out).display().to_string();
    let said = run(package, "node", &["test/h5/drive.mjs", &page], Some(&mock));
    let expected = "login: login:ok 32\ncheck: checkSession:ok\nphone: getPhoneNumber:ok\n\
                    calls: login ok, checkSession ok, getPhoneNumber ok";
    assert_eq!(said.trim(), expected, "{built}");
}

#[test]
fn a_uni_app_page_built_for_h5_has_the_phone() {
    framework("uni", &["uni", "build"], "dist/build/h5");
}

#[test]
fn a_taro_page_built_for_h5_has_the_phone() {
    framework("taro", &["taro", "build", "--type", "h5"], "dist");
}
