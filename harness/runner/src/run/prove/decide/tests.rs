use super::*;

const ADAPTER: &str = r#"
name = "a"
[backend]
base = "http://h"
[ops.login]
request = { post = "/login", json = { code = "{{device.code}}" } }
capture = { token = "$.token", user_id = "$.id" }
[ops.userinfo]
request = { post = "/profile", headers = { X-Token = "{{session.token}}" }, json = { d = "{{device.encryptedData}}" } }
capture = { plaintext_nonce = "$.nick" }
[ops.whoami]
request = { get = "/me", headers = { X-Token = "{{session.token}}" } }
capture = { user_id = "$.id" }
[ops.logout]
request = { post = "/logout" }
[[outcome]]
when = { status = 401 }
is = "relogin"
[[outcome]]
when = { status = 503 }
is = "retry_later"
[[outcome]]
when = { status = "2xx" }
is = "ok"
"#;

fn adapter() -> Adapter {
    Adapter::parse("a.toml", ADAPTER).unwrap()
}

fn answer(status: u16, body: &str) -> RawAnswer {
    RawAnswer {
        status: Some(status),
        body: body.to_owned().into(),
        ..RawAnswer::default()
    }
}

fn seen(op: &str, answer: RawAnswer) -> Seen {
    let expected = match op {
        "userinfo" => vec![("plaintext_nonce", "mark".to_owned())],
        "whoami" => vec![("user_id", "u1".to_owned())],
        _ => Vec::new(),
    };
    Seen {
        op: op.to_owned(),
        request: "POST /x".to_owned(),
        reading: adapter().read(op, &answer),
        shown: String::from_utf8_lossy(&answer.body).into_owned(),
        answer,
        expected,
        session: None,
    }
}

fn decided(op: &str, answer: RawAnswer) -> Honest {
    let login = self::answer(200, r#"{"token":"t","id":"u1"}"#);
    let people = ["u0".to_owned(), "u1".to_owned()];
    honest(&adapter(), &seen(op, answer), Some(&login), &people)
}

fn wrong(op: &str, answer: RawAnswer, fault: Fault, parts: &[&str]) {
    let Honest::Wrong(problem) = decided(op, answer.clone()) else {
        panic!("{op} {answer:?} was taken for honest");
    };
    let Say { en, zh } = &problem.text;
    assert_eq!(problem.fault, fault, "{en}");
    for part in parts.iter().chain(&["POST /x"]) {
        assert!(en.contains(part), "{part} is not in {en}");
    }
    // The first line and what is likely are told in Chinese too, over the same request and answer.
    assert!(zh.contains("POST /x"), "{zh}");
    assert_eq!(en.lines().count(), zh.lines().count(), "{en}\n{zh}");
    for (nth, line) in zh.lines().enumerate() {
        let likely = en
            .lines()
            .nth(nth)
            .is_some_and(|line| line.starts_with("  likely "));
        let is_chinese = line.contains(|c| c >= '\u{4e00}');
        assert!(is_chinese || nth > 0 && !likely, "{zh}");
    }
}

#[test]
fn an_honest_answer_that_brings_what_it_should_is_fine() {
    let fine =
        |op: &str, body: &str| assert_eq!(decided(op, answer(200, body)), Honest::Fine, "{body}");
    fine("login", r#"{"token":"t","id":"u1"}"#);
    fine("userinfo", r#"{"nick":"mark"}"#);
    fine("whoami", r#"{"id":"u1"}"#);
    fine("logout", "");
    // Somebody else's data is the backend's mistake: the cases tell it.
    fine("userinfo", r#"{"nick":"nobody"}"#);
    fine("whoami", r#"{"id":"u0"}"#);
}

#[test]
fn whose_fault_a_refusal_of_an_honest_request_is() {
    wrong(
        "userinfo",
        answer(404, "nope"),
        Fault::Adapter,
        &[
            "userinfo answers 404 to an honest payload",
            "nope",
            "the path in [ops.userinfo]",
        ],
    );
    wrong("userinfo", answer(405, ""), Fault::Adapter, &["the method"]);
    wrong(
        "userinfo",
        answer(415, ""),
        Fault::Adapter,
        &["json, form or body"],
    );
    wrong(
        "userinfo",
        answer(401, ""),
        Fault::Adapter,
        &["rule 1 calls relogin"],
    );
    wrong(
        "userinfo",
        answer(400, ""),
        Fault::Adapter,
        &["no [[outcome]] rule matches"],
    );
    wrong("login", answer(302, ""), Fault::Adapter, &["redirect"]);
    wrong(
        "login",
        answer(500, "oops"),
        Fault::Backend,
        &["login answers 500 to an honest login", "oops"],
    );
    wrong(
        "login",
        answer(503, ""),
        Fault::Backend,
        &["try again later"],
    );
    let silent = RawAnswer {
        error: Some("no complete answer within 10 ms".to_owned()),
        ..RawAnswer::default()
    };
    wrong(
        "login",
        silent,
        Fault::Backend,
        &["no complete answer", "hangs"],
    );
    let unreadable = RawAnswer {
        unreadable: Some("its charset is `x`".to_owned()),
        ..answer(200, "")
    };
    wrong(
        "login",
        unreadable,
        Fault::Backend,
        &["cannot be read: its charset is `x`"],
    );
}

#[test]
fn a_capture_in_the_wrong_place_is_shown_the_right_one() {
    wrong(
        "login",
        answer(200, r#"{"tokn":"0123456789","id":"u1"}"#),
        Fault::Adapter,
        &["token = $.token found nothing; the body has $.tokn"],
    );
    wrong(
        "userinfo",
        answer(200, r#"{"data":{"nickName":"mark"}}"#),
        Fault::Adapter,
        &["$.nick found nothing; the body has $.data.nickName"],
    );
    wrong(
        "userinfo",
        answer(200, r#"{"data":{"nickName":"nobody"}}"#),
        Fault::Adapter,
        &["the body has $.data.nickName"],
    );
    wrong(
        "userinfo",
        answer(200, r#"{"nick":"old","new":"mark"}"#),
        Fault::Adapter,
        &["stands at $.new", "plaintext_nonce = \"$.new\""],
    );
    wrong(
        "whoami",
        answer(200, r#"{"id":7}"#),
        Fault::Adapter,
        &["do not name the same thing"],
    );
    wrong(
        "whoami",
        answer(200, r#"{"id":7,"uid":"u1"}"#),
        Fault::Adapter,
        &["stands at $.uid"],
    );
    wrong(
        "login",
        answer(200, "{}"),
        Fault::Adapter,
        &["found nothing"],
    );
}

#[test]
fn a_success_without_data_is_no_mistake_of_the_adapter() {
    let empty = Honest::Empty(vec!["plaintext_nonce".to_owned()]);
    assert_eq!(decided("userinfo", answer(200, "{}")), empty);
    assert_eq!(decided("userinfo", answer(200, r#"{"nick":""}"#)), empty);
    assert_eq!(
        decided("userinfo", answer(200, r#"{"nick":null,"avatar":null}"#)),
        empty
    );
    // An error that only its body tells is a refusal the rules do not see.
    wrong(
        "userinfo",
        answer(200, r#"{"error":"no such path"}"#),
        Fault::Adapter,
        &["found nothing", "no such path"],
    );
}

#[test]
fn an_identity_that_is_nowhere_is_not_judged() {
    let blind = Honest::Blind(vec!["user_id".to_owned()]);
    assert_eq!(decided("whoami", answer(200, r#"{"ok":1}"#)), blind);
    assert_eq!(decided("whoami", answer(200, "<r><ok>1</ok></r>")), blind);
    let adapter = ADAPTER.replace(
        "capture = { user_id = \"$.id\" }",
        "capture = { user_id = { regex = \"<uid>(.+)</uid>\" } }",
    );
    assert_ne!(adapter, ADAPTER);
    let adapter = Adapter::parse("a.toml", &adapter).unwrap();
    assert!(is_text_in_json(
        adapter.capture("whoami", "user_id"),
        &answer(200, r#"{"user":{"id":"u1"}}"#)
    ));
    assert!(!is_text_in_json(
        adapter.capture("whoami", "user_id"),
        &answer(200, "<r><id>u1</id></r>")
    ));
    wrong(
        "whoami",
        answer(200, r#"{"user":{"id":"u1"}}"#),
        Fault::Adapter,
        &["the body has $.user.id"],
    );
}

#[test]
fn refusals_are_told_from_grants() {
    let check = |op: &str, honest: &str, status: u16, body: &str, expected: Refused| {
        let honest = seen(op, answer(200, honest));
        let seen = seen(op, answer(status, body));
        assert_eq!(
            refused(op, &seen, &honest),
            expected,
            "{op} {status} {body}"
        );
    };
    let login = r#"{"token":"t","id":"u1"}"#;
    check("login", login, 401, "{}", Refused::Yes);
    check("login", login, 500, "{}", Refused::Yes);
    check("login", login, 200, r#"{"code":401}"#, Refused::Unseen);
    check(
        "login",
        login,
        200,
        r#"{"token":"x","id":"u2"}"#,
        Refused::Granted,
    );
    check("login", login, 200, r#"{"token":"x"}"#, Refused::Granted);
    check(
        "userinfo",
        r#"{"nick":"a"}"#,
        200,
        r#"{"nick":"a"}"#,
        Refused::Granted,
    );
    check(
        "userinfo",
        r#"{"nick":""}"#,
        200,
        r#"{"nick":""}"#,
        Refused::Untold,
    );
    check(
        "userinfo",
        r#"{"nick":""}"#,
        200,
        r#"{"error":"x"}"#,
        Refused::Unseen,
    );
    check(
        "logout",
        r#"{"code":0}"#,
        200,
        r#"{"code":0}"#,
        Refused::Untold,
    );
    check(
        "logout",
        r#"{"code":0}"#,
        200,
        r#"{"code":401}"#,
        Refused::Unseen,
    );
}

#[test]
fn what_a_refusal_asks_for_is_named() {
    let check = |op: &str, status: u16, body: &str, expected: Option<&str>| {
        let found = wanted(op, status, body);
        match expected {
            None => assert_eq!(found, None, "{body}"),
            Some(part) => {
                let found = found.unwrap().en;
                assert!(found.contains(part), "{found}");
            }
        }
    };
    check(
        "login",
        403,
        "{\"error\":\"CSRF cookie\"}",
        Some("[[ops.login.prepare]]"),
    );
    check("login", 419, "Page Expired", Some("CSRF"));
    check(
        "login",
        200,
        "{\"code\":1,\"msg\":\"请输入验证码\"}",
        Some("captcha"),
    );
    check("whoami", 403, "bad sign", Some("[values]"));
    check("login", 200, "签名错误", Some("[values]"));
    check("userinfo", 400, "signature mismatch", None);
    check("login", 500, "csrf", None);
    check("login", 403, "forbidden", None);
}

#[test]
fn a_prepare_request_that_fails_is_the_adapters() {
    let failed = RawAnswer {
        error: Some("the prepare request GET /csrf was answered with 404".to_owned()),
        unprepared: true,
        ..RawAnswer::default()
    };
    let parts = ["GET /csrf", "[[ops.login.prepare]]"];
    wrong("login", failed, Fault::Adapter, &parts);
}
