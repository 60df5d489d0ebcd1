//! What an adapter can say of how a backend is reached: over TLS, behind a CSRF token, with a ticket, with signed requests.
//!
//! `be.mjs` is correct in each of these forms; an adapter that describes the form must see it pass, and one that does not must
//! be told what is missing.

use super::{ADAPTER, Check, TWO_LOGINS};
use rcgen::{CertificateParams, KeyPair};

const PASSING: [&str; 2] = [TWO_LOGINS, "N6"];

/// A check of `be.mjs` in `mode`.
fn check(mode: &str) -> Option<Check> {
    let check = Check::of("be.mjs", ADAPTER)?;
    Some(check.with("M = \"\"", &format!("M = \"{mode}\"")))
}

fn passes(check: Check) {
    let run = check.args(&PASSING).run();
    assert_eq!(run.code, 0, "{}", run.text);
    assert_eq!(run.with_verdict("PASS"), ["CL-1", "N6"], "{}", run.text);
}

/// A folder with `key.pem` and `cert.pem` for `name`.
fn certificate(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let made = params.self_signed(&key).unwrap();
    std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::write(folder.path().join("cert.pem"), made.pem()).unwrap();
    folder
}

/// A check of `be.mjs` behind https, with these lines in `[backend]`.
fn https(folder: &tempfile::TempDir, lines: &str) -> Option<Check> {
    let base = "base = \"http://127.0.0.1:{{run.port}}\"";
    let folder = folder.path().to_str().unwrap();
    let https = base.replace("http:", "https:");
    let lines = lines.replace("FOLDER", folder);
    let check = check(&format!("tls={folder}"))?;
    Some(check.with(base, &format!("{https}\n{lines}")))
}

#[test]
fn a_backend_behind_https_is_checked_against_its_certificate() {
    let folder = certificate("127.0.0.1");
    let Some(check) = https(&folder, "ca = \"FOLDER/cert.pem\"") else {
        return;
    };
    passes(check);
    let unchecked = https(&folder, "insecure = true").unwrap();
    let run = unchecked.args(&[TWO_LOGINS]).run();
    assert_eq!(run.code, 0, "{}", run.text);
    assert!(
        run.text
            .contains("The backend's certificate was not checked"),
        "{}",
        run.text
    );
    assert_eq!(run.json["certificate_unchecked"], true);
}

#[test]
fn a_certificate_that_is_not_accepted_says_what_to_write() {
    let (ours, other) = (certificate("127.0.0.1"), certificate("shop.test"));
    for (folder, lines, part) in [
        (&ours, "", "write `ca = \"FILE.pem\"` in [backend]"),
        (
            &other,
            "ca = \"FOLDER/cert.pem\"",
            "is for shop.test, not for",
        ),
        (
            &ours,
            "ca = \"FOLDER/key.pem\"",
            "holds no certificate in PEM",
        ),
    ] {
        let Some(check) = https(folder, lines) else {
            return;
        };
        let run = check.command(&["adapter", "check"], &[]);
        // A terminal's width breaks sentences.
        let text = run.text.replace("\n  | ", " ");
        assert_eq!(run.code, 3, "{text}");
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn the_wrong_scheme_is_named_in_both_directions() {
    let Some(plain) = check("") else { return };
    let plain = plain.with("base = \"http:", "base = \"https:");
    let folder = certificate("127.0.0.1");
    let tls = check(&format!("tls={}", folder.path().display())).unwrap();
    let soon = "status = 200, timeout = \"2s\"";
    for (check, part) in [
        (plain, "with http:// instead of https://"),
        (
            tls.with("status = 200", soon),
            "with https:// instead of http://",
        ),
    ] {
        let run = check.command(&["adapter", "check"], &[]);
        let text = run.text.replace("\n  | ", " ");
        assert_eq!(run.code, 3, "{text}");
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

/// Each POST of the adapter with `X-CSRF-Token`, and the request that fetches one before it.
fn with_csrf(check: Check) -> Check {
    let header = "X-CSRF-Token = \"{{prepare.csrf}}\"";
    let fetch = |op: &str| {
        format!(
            "[[ops.{op}.prepare]]\nrequest = {{ get = \"/csrf\" }}\ncapture = {{ csrf = \"$.csrf\" }}\n"
        )
    };
    check
        .with(
            "post = \"/login\", ",
            &format!("post = \"/login\", headers = {{ {header} }}, "),
        )
        .with(
            "headers = { X-Token = \"{{session.token}}\" }, json",
            &format!("headers = {{ X-Token = \"{{{{session.token}}}}\", {header} }}, json"),
        )
        .with(
            "post = \"/logout\", headers = { X-Token = \"{{session.token}}\" }",
            &format!(
                "post = \"/logout\", headers = {{ X-Token = \"{{{{session.token}}}}\", {header} }}"
            ),
        )
        .with(
            "[ops.userinfo]",
            &format!("{}[ops.userinfo]", fetch("login")),
        )
        .with(
            "[ops.whoami]",
            &format!("{}[ops.whoami]", fetch("userinfo")),
        )
        .with(
            "[[outcome]]\nwhen = { status = 401 }",
            &format!("{}[[outcome]]\nwhen = {{ status = 401 }}", fetch("logout")),
        )
}

#[test]
fn a_csrf_token_is_fetched_with_its_cookie_before_each_post() {
    let Some(check) = check("kind=csrf") else {
        return;
    };
    passes(with_csrf(check));
}

#[test]
fn a_prepare_request_that_fails_is_named() {
    let Some(csrf) = check("kind=csrf") else {
        return;
    };
    for (from, to, parts) in [
        (
            "get = \"/csrf\"",
            "get = \"/nowhere\"",
            [
                "the prepare request GET /nowhere was answered with",
                "adapter",
            ],
        ),
        (
            "csrf = \"$.csrf\"",
            "csrf = \"$.data.csrf\"",
            [
                "its capture `csrf` finds nothing",
                "GET /csrf was answered with 200",
            ],
        ),
    ] {
        let run = with_csrf(check("kind=csrf").unwrap())
            .with(from, to)
            .command(&["adapter", "check"], &[]);
        assert_eq!(run.code, 3, "{}", run.text);
        for part in parts {
            assert!(run.text.contains(part), "{part} is not in {}", run.text);
        }
    }
    // Not described at all, it is the login that is refused.
    let run = csrf.command(&["adapter", "check"], &[]);
    assert_eq!(run.code, 3, "{}", run.text);
    assert!(run.text.contains("POST /login"), "{}", run.text);
}

#[test]
fn a_ticket_is_fetched_with_the_code_and_used() {
    let Some(check) = check("kind=ticket") else {
        return;
    };
    let described = check
        .with(
            "request = { post = \"/login\", json = { code = \"{{device.code}}\" } }",
            "request = { post = \"/login/confirm\", json = { ticket = \"{{prepare.ticket}}\" } }",
        )
        .with(
            "[ops.userinfo]",
            "[[ops.login.prepare]]\nrequest = { post = \"/login\", json = { code = \"{{device.code}}\" } }\ncapture = { ticket = \"$.ticket\" }\n[ops.userinfo]",
        );
    let proved = described.command(&["adapter", "check"], &[]);
    assert_eq!(proved.code, 0, "{}", proved.text);
    // The code is refused where it is sent, and that is the login's answer.
    assert!(
        proved.text.contains("made-up-code         401 → relogin"),
        "{}",
        proved.text
    );
    passes(described);
}

#[test]
fn requests_are_signed_with_the_clock_and_their_own_body() {
    let Some(check) = check("kind=sign") else {
        return;
    };
    let headers = "headers = { X-Timestamp = \"{{now.s}}\", X-Sign = \"{{value.sign}}\" }\n";
    let values = "[values]\nplain = \"{{now.s}}{{request.body}}\"\nsign = \"{{ value.plain | hmac_sha256('appkey') }}\"\n";
    passes(
        check
            .with("ready = {", &format!("{headers}ready = {{"))
            .with("[ops.login]", &format!("{values}[ops.login]")),
    );
}
