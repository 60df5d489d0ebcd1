//! Published SDKs on the endpoints beside login, token and phone number: third-party platforms, WeCom, calls about one person.
//! What each learned is compared with what WeChat knows. How they reach the mock is not the question here; `main.rs` asks it.
//!
//! getpaidunionid, checkencryptedmsg, getpluginopenpid and getuserriskrank are called by silenceper/wechat, api_component_token by it
//! and node-easywechat, component/jscode2session and api_authorizer_token by node-easywechat, WeCom's gettoken and exchange by
//! PowerWeChat and WxJava, which wrap both, and by wechatpy and node-easywechat, which ask for the exchange with their general
//! call; get_suite_token and the exchange of a third-party app of WeCom by WxJava.

use serde_json::{Value, json};

use crate::exec::{Attempt, Exec, source};
use crate::{PLAIN, install, names_from, path, runtime};

/// A mock with a third-party platform and a company beside its mini program, and what phones did for the calls to come.
fn stage() -> Exec {
    let mut exec = Exec::start(&[]);
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let make = |kind: &str| exec.post("/_mock/v1/apps", &json!({ "name": kind, "kind": kind }));
    let (platform, company) = (make("third_party"), make("wecom"));
    let suite = make("wecom_suite");
    let payment = exec.post("/_mock/v1/apps/default/users/alice/payments", &json!({}));
    let plugin = exec.get("/_mock/wx/pluginLogin?user=alice");
    let inside = exec.get("/_mock/wx/qy.login?user=alice");
    let again = exec.get("/_mock/wx/qy.login?user=alice");
    let authorizers = exec.get("/_mock/v1/apps/third_party/authorizers");
    let authorizer = &authorizers["authorizers"][0];
    exec.more = vec![
        ("WX_COMPONENT_APPID", text(&platform["appid"])),
        ("WX_COMPONENT_SECRET", text(&platform["secret"])),
        (
            "WX_COMPONENT_TICKET",
            text(&platform["component_verify_ticket"]),
        ),
        (
            "WX_AUTHORIZER_REFRESH_TOKEN",
            text(&authorizer["authorizer_refresh_token"]),
        ),
        ("WX_CORPID", text(&company["appid"])),
        ("WX_CORPSECRET", text(&company["secret"])),
        ("WX_TRANSACTION_ID", text(&payment["transaction_id"])),
        ("WX_PLUGIN_CODE", text(&plugin["code"])),
        ("WX_QY_CODE", text(&inside["code"])),
        ("WX_QY_CODE_2", text(&again["code"])),
        ("WX_SUITE_ID", text(&suite["appid"])),
        ("WX_SUITE_SECRET", text(&suite["secret"])),
        ("WX_SUITE_TICKET", text(&suite["suite_ticket"])),
    ];
    exec
}

/// That the client ended well, and that WeChat answered each of these endpoints without an error.
fn check(attempt: &Attempt, endpoints: &[&str]) {
    assert!(attempt.worked, "{}", attempt.told);
    for endpoint in endpoints {
        let mut calls = attempt.calls.iter();
        let answered = calls.any(|call| {
            call["endpoint"] == *endpoint && call["errcode"].as_i64().unwrap_or(0) == 0
        });
        assert!(
            answered,
            "{endpoint}: {:?}\n{}",
            attempt.calls, attempt.told
        );
    }
}

fn corpid(exec: &Exec) -> &str {
    let mut more = exec.more.iter();
    let found = more.find(|(name, _)| *name == "WX_CORPID");
    found.map(|(_, corpid)| corpid).expect("a company")
}

/// The key WeCom's phone of Alice encrypts with.
fn company_key(exec: &Exec) -> Value {
    let corpid = corpid(exec);
    let keys = exec.get(&format!("/_mock/v1/apps/{corpid}/users/alice/keys"));
    let mut keys = keys["keys"].as_array().expect("keys").iter();
    keys.find(|key| key["current"] == true).expect("a key")["session_key"].clone()
}

#[test]
fn silenceper_asks_about_one_person() {
    if runtime("Go", &["go", "env", "GOVERSION"], 2, &[1, 23]).is_none() {
        return;
    }
    let folder = install::go(&["./inquiries"]);
    let mut exec = stage();
    let attempt = exec.attempt(&folder, &["./inquiries".to_owned()], PLAIN, "");
    check(
        &attempt,
        &[
            "getpaidunionid",
            "checkencryptedmsg",
            "getpluginopenpid",
            "getuserriskrank",
            "api_component_token",
        ],
    );
    let alice = exec.alice();
    assert_eq!(attempt.facts["openid"], alice["openid"]);
    assert_eq!(attempt.facts["unionid"], alice["unionid"]);
    assert_eq!(attempt.facts["sealed"], true);
    assert_eq!(attempt.facts["risk_rank"], 0);
    let openpid = attempt.facts["openpid"].as_str().expect("a text");
    assert!(openpid.len() == 28 && openpid.starts_with('G'), "{openpid}");
}

#[test]
fn node_easywechat_exchanges_for_a_platform() {
    if runtime("Node", &["node", "--version"], 1, &[20]).is_none() {
        return;
    }
    let folder = install::node(&source("node"), "node-endpoints");
    let mut exec = stage();
    let program = ["node".to_owned(), "platform.js".to_owned()];
    let attempt = exec.attempt(&folder, &program, PLAIN, "");
    check(
        &attempt,
        &[
            "api_component_token",
            "component_jscode2session",
            "api_authorizer_token",
            "getuserphonenumber",
        ],
    );
    let alice = exec.alice();
    assert_eq!(attempt.facts["openid"], alice["openid"]);
    assert_eq!(attempt.facts["phone"], alice["phone"]["pure_number"]);
}

#[test]
fn wechatpy_logs_in_at_wecom() {
    if runtime("Python", &["python3", "--version"], 2, &[3, 10]).is_none() {
        return;
    }
    let folder = install::python();
    let mut exec = stage();
    let program = [
        "venv/bin/python".to_owned(),
        path(source("python/wecom.py")),
    ];
    let attempt = exec.attempt(&folder, &program, PLAIN, "");
    check(&attempt, &["wecom_gettoken", "wecom_jscode2session"]);
    assert_eq!(attempt.facts["userid"], "alice");
    assert_eq!(attempt.facts["corpid"], corpid(&exec));
    assert_eq!(attempt.facts["session_key"], company_key(&exec));
}

#[test]
fn node_easywechat_logs_in_at_wecom() {
    if runtime("Node", &["node", "--version"], 1, &[20]).is_none() {
        return;
    }
    let folder = install::node(&source("node"), "node-endpoints");
    let mut exec = stage();
    let program = ["node".to_owned(), "wecom.js".to_owned()];
    let attempt = exec.attempt(&folder, &program, PLAIN, "");
    check(&attempt, &["wecom_gettoken", "wecom_jscode2session"]);
    assert_eq!(attempt.facts["userid"], "alice");
    assert_eq!(attempt.facts["corpid"], corpid(&exec));
    assert_eq!(attempt.facts["session_key"], company_key(&exec));
}

#[test]
fn powerwechat_logs_in_at_wecom() {
    if runtime("Go", &["go", "env", "GOVERSION"], 2, &[1, 23]).is_none() {
        return;
    }
    let folder = install::go(&["./wecom"]);
    let mut exec = stage();
    let attempt = exec.attempt(&folder, &["./wecom".to_owned()], PLAIN, "");
    check(&attempt, &["wecom_gettoken", "wecom_jscode2session"]);
    assert_eq!(attempt.facts["userid"], "alice");
    assert_eq!(attempt.facts["corpid"], corpid(&exec));
    assert_eq!(attempt.facts["session_key"], company_key(&exec));
}

#[test]
fn wxjava_logs_in_at_wecom_as_a_company_and_as_a_third_party_app() {
    if runtime("Java", &["java", "--version"], 1, &[11]).is_none() || !install::has_maven() {
        return;
    }
    let folder = install::jars("java-cp", &source("java/cp/pom.xml"));
    let mut exec = stage();
    let java = names_from(&source("guard/hosts"));
    let program = path(source("java/cp/WxJavaCp.java"));
    let command = ["java", "-cp", "jars/*", &program].map(str::to_owned);
    let attempt = exec.attempt(&folder, &command, PLAIN, &java);
    check(
        &attempt,
        &[
            "wecom_gettoken",
            "wecom_jscode2session",
            "wecom_get_suite_token",
            "wecom_suite_jscode2session",
        ],
    );
    let facts = &attempt.facts;
    assert_eq!(facts["spent"], 40029, "{}", attempt.told);
    assert_eq!(facts["suite"]["session_key"], company_key(&exec));
    for told in [&facts["company"], &facts["suite"]] {
        assert_eq!(told["userid"], "alice", "{}", attempt.told);
        assert_eq!(told["corpid"], corpid(&exec), "{}", attempt.told);
    }
}
