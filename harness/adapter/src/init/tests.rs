use super::*;
use crate::Adapter;

fn check(line: &str, answer: Option<&str>, expected: &[&str]) {
    let text = draft(&[line.to_owned()], answer).unwrap();
    let adapter = Adapter::parse("draft.toml", &text);
    assert!(
        adapter
            .as_ref()
            .is_ok_and(|adapter| adapter.warnings.is_empty()),
        "{adapter:?}\n{text}"
    );
    for part in expected {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn drafts_are_adapters() {
    check(
        "curl -X POST http://127.0.0.1:8080/api/wx/login --json '{\"code\":\"abc\",\"n\":1,\"x\":null}'",
        None,
        &[
            "base = \"http://127.0.0.1:8080\"",
            "json = { code = \"{{device.code}}\", n = 1 }",
            "[ops.login]",
        ],
    );
    check(
        "curl 'http://localhost:5757/weapp/login?v={{2' -H 'X-WX-Code: x' -H 'X-WX-Encrypted-Data: y' -H 'X-WX-IV: z' -H 'Accept: */*'",
        Some(r#"{"code":0,"data":{"skey":"0123456789abcdef","userinfo":{"openId":"o1"}}}"#),
        &[
            "[ops.login_profile]",
            "X-WX-Code = \"{{device.code}}\", X-WX-Encrypted-Data = \"{{device.encryptedData}}\"",
            "token = \"$.data.skey\", user_id = \"$.data.userinfo.openId\"",
            "json = { \"$.code\" = 0 }",
        ],
    );
    check(
        "curl http://h/login -d c=023abcDEF0123456789abcDEF0123456 -d 'a b=1'",
        Some(r#"{"weird key":"0123456789012345678901234567","list":[{"token":"12345678"}]}"#),
        &[
            "form = { c = \"{{device.code}}\", \"a b\" = \"1\" }",
            "token = \"$.list[0].token\"",
            "weird key",
        ],
    );
}

#[test]
fn a_draft_says_what_is_another_each_time() {
    check(
        "curl http://h/login -H 'X-CSRF-Token: abc' -H 'X-Sign: def' -d code=1",
        None,
        &[
            "# X-CSRF-Token is another each time",
            "\n# [[ops.login.prepare]]\n# request = { get = \"/csrf\" }\n",
            "# X-Sign is made of each request",
            "sign = \"{{ value.plain | hmac_sha256('the key') }}\"",
        ],
    );
}

#[test]
fn a_draft_says_whose_certificate_is_accepted() {
    let at = |flags: &str| format!("curl {flags} https://h/login?code=1");
    check(&at(""), None, &["base = \"https://h:443\"", "# ca = "]);
    check(&at("--cacert my.pem"), None, &["\nca = \"my.pem\""]);
    // That one is warned of wherever it stands.
    let text = draft(&[at("-k")], None).unwrap();
    assert_eq!(
        Adapter::parse("draft.toml", &text).unwrap().warnings.len(),
        1
    );
    assert!(text.contains("\ninsecure = true"), "{text}");
}

#[test]
fn what_cannot_be_drafted_is_named() {
    let check = |line: &str, answer: Option<&str>, part: &str| {
        let error = draft(&[line.to_owned()], answer).unwrap_err().to_string();
        assert!(error.contains(part), "{line}: {error}");
    };
    check("curl ftp://h/login?code=1", None, "ftp");
    check("curl http://h/login?x=1", None, "no login code");
    check("curl -X TRACE http://h/login?code=1", None, "TRACE");
    check("curl http://h/login?code=1", Some("<html>"), "not JSON");
}
