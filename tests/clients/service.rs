//! Published SDKs beside the login: each call they wrap of the endpoints around it, and message push and signed calls in their own
//! hands. Which endpoint has no SDK here is said in `docs/endpoints.md`.

use serde_json::Value;

use crate::exec::{Attempt, Exec, source};
use crate::{PLAIN, install, names_from, path, runtime};

/// What one program learned, once it has run to its end.
fn learned(attempt: &Attempt) -> &Value {
    assert!(attempt.worked, "{}", attempt.told);
    &attempt.facts
}

/// How often an endpoint was called with this errcode.
fn answered(attempt: &Attempt, endpoint: &str, errcode: i64) -> usize {
    let is_it = |call: &&Value| {
        call["endpoint"] == endpoint && call["errcode"].as_i64().unwrap_or(0) == errcode
    };
    attempt.calls.iter().filter(is_it).count()
}

#[test]
fn wechatpy_sends_messages_and_opens_what_is_pushed_to_it() {
    if runtime("Python", &["python3", "--version"], 2, &[3, 10]).is_none() {
        return;
    }
    let folder = install::python();
    let mut exec = Exec::start(&[]);
    let command = [
        "venv/bin/python".to_owned(),
        path(source("python/service.py")),
    ];
    let attempt = exec.attempt(&folder, &command, PLAIN, "");
    let facts = learned(&attempt);
    let alice = exec.alice();
    assert_eq!(facts["verified"], "accepted", "{}", attempt.told);
    assert_eq!(facts["pushed"]["is"], "accepted", "{}", attempt.told);
    let received = facts["received"].as_array().unwrap();
    assert_eq!(received.len(), 1, "{}", attempt.told);
    let message = received[0].as_str().unwrap();
    let openid = alice["openid"].as_str().unwrap();
    assert!(
        message.contains("<![CDATA[user_authorization_revoke]]>")
            && message.contains(&format!("<OpenID><![CDATA[{openid}]]></OpenID>"))
            && message.contains("<RevokeInfo><![CDATA[6]]></RevokeInfo>"),
        "{message}"
    );
    // Python's integers have no end, so the whole number arrives.
    assert!(
        facts["msgid"].as_u64().unwrap() > 1 << 53,
        "{}",
        attempt.told
    );
    assert_eq!(facts["refused"], 40003, "{}", attempt.told);
    assert_eq!(facts["picture"], "89504e470d0a1a0a", "{}", attempt.told);
    assert_eq!(facts["ips"], serde_json::json!(["127.0.0.1", "::1"]));
    assert_eq!(
        answered(&attempt, "subscribe_send", 0),
        1,
        "{}",
        attempt.told
    );
    assert_eq!(
        answered(&attempt, "getwxacodeunlimit", 0),
        1,
        "{}",
        attempt.told
    );
}

#[test]
fn wxjava_calls_what_it_wraps_and_signs_what_is_signed() {
    if runtime("Java", &["java", "--version"], 1, &[11]).is_none() {
        return;
    }
    if !install::has_maven() {
        return;
    }
    let folder = install::jars("java", &source("java/pom.xml"));
    let mut exec = Exec::start(&[]);
    let java = names_from(&source("guard/hosts"));
    let program = path(source("java/WxJavaService.java"));
    let command = ["java", "-cp", "jars/*", &program].map(str::to_owned);
    let attempt = exec.attempt(&folder, &command, PLAIN, &java);
    let facts = learned(&attempt);
    let alice = exec.alice();
    for (name, expected) in [
        ("openid", alice["openid"].clone()),
        ("sent", 0.into()),
        ("refused", 40003.into()),
        ("picture", "89PNG".into()),
        ("suggest", "pass".into()),
        ("stored", 0.into()),
        ("stored_under_another_key", 87009.into()),
        ("balance", 0.into()),
        ("balance_under_another_app_key", 268_490_003.into()),
        // Its pay_sig is right, or it would be 268490003; no order exists here.
        ("order", 268_490_002.into()),
        ("quota_cleared", true.into()),
        ("signed_phone", alice["phone"]["pure_number"].clone()),
    ] {
        assert_eq!(facts[name], expected, "{name}: {}", attempt.told);
    }
    assert_eq!(
        answered(&attempt, "getuserphonenumber", 0),
        1,
        "{}",
        attempt.told
    );
}
