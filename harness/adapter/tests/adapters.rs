//! Adapters of real backends' shapes: what they parse to, and what they make of answers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use hyper::{HeaderMap, header::HeaderValue};
use miette::Diagnostic;
use wxmock_adapter::{Adapter, Hook, KeyStorage, MultiDevice, Overrides, RawAnswer, Reading};
use wxmock_model::history::Outcome;

fn text(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/adapters")
        .join(name);
    std::fs::read_to_string(path).unwrap()
}

fn parse(name: &str, text: &str) -> Adapter {
    let adapter =
        Adapter::parse(name, text).unwrap_or_else(|error| panic!("{name}: {:?}", error.problems()));
    assert!(
        adapter.warnings.is_empty(),
        "{name}: {:?}",
        adapter.warnings
    );
    adapter
}

fn answer(status: u16, body: &str) -> RawAnswer {
    RawAnswer {
        status: Some(status),
        body: body.to_owned().into(),
        ..RawAnswer::default()
    }
}

fn check(
    adapter: &Adapter,
    op: &str,
    status: u16,
    body: &str,
    outcome: Outcome,
    captures: &[(&str, &str)],
) {
    let Reading {
        outcome: found,
        captures: kept,
        ..
    } = adapter.read(op, &answer(status, body));
    assert_eq!(found, outcome, "{op} {status} {body}");
    let kept: Vec<(&str, &str)> = kept
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(kept, captures, "{op} {status} {body}");
}

#[test]
fn plain_rest() {
    let adapter = parse("rest.toml", &text("rest.toml"));
    assert_eq!(adapter.name, "shop-api");
    assert_eq!(adapter.features.multi_device, Some(MultiDevice::Keep));
    assert_eq!(adapter.features.answer_within_ms, 10_000);
    assert!(adapter.starts_backend() && adapter.has("phone_code"));
    assert!(adapter.captures("login", "user_id") && !adapter.captures("userinfo", "user_id"));
    assert!(
        adapter.sends("userinfo", "device.iv") && !adapter.sends("userinfo", "device.signature")
    );
    check(
        &adapter,
        "login",
        200,
        r#"{"token":"t","user":{"id":7}}"#,
        Outcome::Ok,
        &[("token", "t"), ("user_id", "7")],
    );
    check(&adapter, "login", 401, "{}", Outcome::Relogin, &[]);
    check(&adapter, "login", 503, "<html>", Outcome::RetryLater, &[]);
    check(&adapter, "login", 404, "", Outcome::Invalid, &[]);
    check(&adapter, "login", 302, "", Outcome::Indefinite, &[]);
}

#[test]
fn each_hook_is_understood() {
    let rest = text("rest.toml");
    assert_eq!(parse("rest.toml", &rest).upstream.hook, Hook::BaseUrl);
    for name in ["wafer2-quickstart.toml", "nideshop.toml"] {
        let text = text(name);
        assert_eq!(parse(name, &text).upstream.hook, Hook::Proxy, "{name}");
        let hosts = text.replace("\"proxy\"", "\"hosts\"");
        assert_eq!(parse(name, &hosts).upstream.hook, Hook::Hosts, "{name}");
    }
}

#[test]
fn everything_is_200() {
    let adapter = parse(
        "wafer2.toml",
        &text("wafer2-quickstart.toml").replace("\"proxy\"", "\"base_url\""),
    );
    let user = r#"{"code":0,"data":{"skey":"s","userinfo":{"openId":"o1","nickName":"n"}}}"#;
    let all = [("plaintext_nonce", "n"), ("token", "s"), ("user_id", "o1")];
    check(&adapter, "login_profile", 200, user, Outcome::Ok, &all);
    check(
        &adapter,
        "whoami",
        200,
        r#"{"code":-1,"error":"ERR_SKEY_INVALID"}"#,
        Outcome::Relogin,
        &[],
    );
    check(
        &adapter,
        "whoami",
        200,
        r#"{"code":-1}"#,
        Outcome::Relogin,
        &[],
    );
    check(
        &adapter,
        "login",
        200,
        r#"{"code":-1,"error":"x ERR_IN_DECRYPT_DATA"}"#,
        Outcome::ServerError,
        &[],
    );
    check(
        &adapter,
        "login",
        200,
        r#"{"code":-1,"error":"other"}"#,
        Outcome::Indefinite,
        &[],
    );
}

#[test]
fn codes_in_the_body() {
    let adapter = parse(
        "nideshop.toml",
        &text("nideshop.toml").replace("\"proxy\"", "\"base_url\""),
    );
    assert_eq!(adapter.features.key_storage, KeyStorage::None);
    check(
        &adapter,
        "whoami",
        200,
        r#"{"errno":401}"#,
        Outcome::Relogin,
        &[],
    );
    check(
        &adapter,
        "whoami",
        200,
        r#"{"errno":40163}"#,
        Outcome::Relogin,
        &[],
    );
    check(
        &adapter,
        "whoami",
        200,
        r#"{"errno":-1.0}"#,
        Outcome::RetryLater,
        &[],
    );
    check(
        &adapter,
        "whoami",
        200,
        r#"{"id":12}"#,
        Outcome::Ok,
        &[("user_id", "12")],
    );
    check(
        &adapter,
        "whoami",
        200,
        r#"{"errno":1000}"#,
        Outcome::Invalid,
        &[],
    );
}

#[test]
fn a_key_held_by_the_phone() {
    let adapter = parse("device.toml", &text("device-held-key.toml"));
    assert_eq!(adapter.features.key_storage, KeyStorage::Device);
    check(
        &adapter,
        "login",
        200,
        r#"{"sessionKey":"k="}"#,
        Outcome::Ok,
        &[("session_key", "k="), ("token", "k=")],
    );
}

#[test]
fn captures_come_from_headers_cookies_and_regexes() {
    let adapter = parse(
        "captures.toml",
        &text("rest.toml").replace(
            "{ token = \"$.token\", user_id = \"$.user.id\" }",
            "{ token = { cookie = \"sid\" }, user_id = { header = \"x-user\", regex = \"^u(\\\\d+)$\" }, phone = { regex = \"phone: (\\\\d+)-(\\\\d+)\", group = 2 } }",
        ),
    );
    let mut headers = HeaderMap::new();
    headers.append("set-cookie", HeaderValue::from_static("a=b; Path=/"));
    headers.append(
        "set-cookie",
        HeaderValue::from_static("sid=\"S=1\"; HttpOnly"),
    );
    headers.append("x-user", HeaderValue::from_static("u42"));
    let full = RawAnswer {
        headers,
        ..answer(200, "\u{feff}phone: 86-139")
    };
    let kept = adapter.read("login", &full).captures;
    let kept: Vec<(&str, &str)> = kept
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        kept,
        [("phone", "139"), ("token", "S=1"), ("user_id", "42")]
    );
    assert!(adapter.read("login", &answer(200, "")).captures.is_empty());
}

#[test]
fn an_incomplete_answer_is_indefinite() {
    let adapter = parse("rest.toml", &text("rest.toml"));
    let cut = RawAnswer {
        error: Some("reset".to_owned()),
        ..answer(200, r#"{"token":"t"}"#)
    };
    let reading = adapter.read("login", &cut);
    assert_eq!(
        (reading.outcome, reading.captures.len(), reading.rule),
        (Outcome::Indefinite, 0, None)
    );
}

#[test]
fn command_line_over_environment_over_file() {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut overrides = Overrides {
        cli: vec![pair("backend.base", "http://127.0.0.1:3")],
        env: vec![
            pair("WXC_BACKEND_BASE", "http://127.0.0.1:2"),
            pair("WXC_FEATURES_ANSWER_WITHIN_MS", "2500"),
            pair("WXC_FEATURES_SERIALISES_LOGINS", "false"),
            pair("WXC_OPS_LOGIN_CAPTURE_TOKEN", "{ cookie = 'sid' }"),
            pair("WXC_OPS_LOGIN_REQUEST_POST", "/v2/login"),
            pair("OTHER", "ignored"),
        ],
    };
    let base = |overrides: &Overrides| {
        let adapter = Adapter::parse_with("rest.toml", &text("rest.toml"), overrides).unwrap();
        assert_eq!(adapter.features.answer_within_ms, 2500);
        format!("{:?}", adapter.backend)
    };
    assert!(base(&overrides).contains("127.0.0.1:3"));
    overrides.cli.clear();
    assert!(base(&overrides).contains("127.0.0.1:2"));
    let plain = parse("rest.toml", &text("rest.toml"));
    let other = Adapter::parse_with("rest.toml", &text("rest.toml"), &overrides).unwrap();
    assert_ne!(plain.fingerprint, other.fingerprint);
}

#[test]
fn a_missing_file_is_answered_with_the_way_to_one() {
    let error =
        Adapter::load_with(Path::new("/nowhere/wxmock.toml"), &Overrides::default()).unwrap_err();
    assert!(error.help().unwrap().to_string().contains("adapter init"));
}

proptest::proptest! {
    /// Whatever is typed into an adapter is answered, not panicked at.
    #[test]
    fn no_text_brings_the_reader_down(at in 0_usize..2000, cut in 0_usize..8, put in "[\\[\\]{}=\"'.$|(*\\\\ \n\u{4f60}a0-]{0,4}") {
        let mut text = text("rest.toml");
        let start = text.floor_char_boundary(at % text.len());
        let end = text.ceil_char_boundary((start + cut).min(text.len()));
        text.replace_range(start..end, &put);
        if let Err(error) = Adapter::parse("a.toml", &text) {
            for problem in error.problems() {
                let mut shown = String::new();
                miette::GraphicalReportHandler::new().render_report(&mut shown, problem).unwrap();
            }
        }
    }
}
