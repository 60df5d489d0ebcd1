//! Third-party platforms and WeCom: what a backend of either receives, byte for byte, and why it was refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{APPID, DATE, Mock, head};
use wxmock_server::CallId;
use wxmock_world::AppView;

/// Make an app as `POST /_mock/v1/apps` does.
async fn make(mock: &Mock, app: Value) -> AppView {
    let answer = mock.post("/_mock/v1/apps", &app.to_string()).await;
    let made: Value = serde_json::from_str(&answer.body).unwrap();
    let appid = made["appid"].as_str().expect(&answer.body).parse().unwrap();
    mock.handle
        .with_world(|world, _| world.app(&appid).unwrap())
}

/// The reason on record of the last call.
fn why(mock: &Mock) -> String {
    let calls = mock.handle.calls().since(CallId(0));
    let last = calls.last().unwrap();
    last.why
        .as_ref()
        .map(|why| why.words(wxmock_world::Wording::default()))
        .unwrap_or_default()
}

async fn component_token(mock: &Mock, platform: &AppView, ticket: &str) -> Value {
    let body = json!({
        "component_appid": platform.appid,
        "component_appsecret": platform.secret.to_string(),
        "component_verify_ticket": ticket,
    });
    let path = "/cgi-bin/component/api_component_token";
    let answer = mock.post(path, &body.to_string()).await;
    serde_json::from_str(&answer.body).unwrap()
}

fn component_exchange(code: &str, component: &str, token: &str) -> String {
    format!(
        "/sns/component/jscode2session?appid={APPID}&js_code={code}&grant_type=authorization_code&component_appid={component}&component_access_token={token}"
    )
}

async fn check(mock: &Mock, path: &str, expected: &str, reason: &str) {
    let answer = mock.get(path).await;
    assert_eq!(answer.masked().body, expected, "{path}");
    assert_eq!(why(mock), reason, "{path}");
}

#[tokio::test]
async fn a_platform_exchanges_the_code_of_a_mini_program_that_authorised_it() {
    let mock = Mock::start().await;
    let platform = make(&mock, json!({ "name": "saas", "kind": "third_party" })).await;
    assert_eq!(platform.n_users, 0);
    let ticket = platform.component_verify_ticket.clone().unwrap();
    let token = component_token(&mock, &platform, &ticket).await;
    assert_eq!(token["expires_in"], 7_200);
    let token = token["component_access_token"].as_str().unwrap();

    let code = mock.mint("alice");
    let path = component_exchange(&code, platform.appid.as_str(), token);
    let answer = mock.get(&path).await;
    let (alice, key) = (mock.user("alice"), mock.session_key("alice"));
    let (key, unionid) = (key.replace('/', "\\/"), alice.unionid.unwrap());
    let openid = alice.openid;
    let expected =
        format!(r#"{{"session_key":"{key}","openid":"{openid}","unionid":"{unionid}"}}"#);
    assert_eq!(answer.body, expected);
    assert_eq!(answer.head, head("text/plain", expected.len()));
    let used = r#"{"errcode":40163,"errmsg":"code been used, rid: RID"}"#;
    check(&mock, &path, used, "the code of alice was exchanged before").await;
}

#[tokio::test]
async fn every_refusal_of_a_platform_has_its_bytes_and_its_reason() {
    let mock = Mock::start().await;
    let platform = make(&mock, json!({ "name": "saas", "kind": "third_party" })).await;
    let other = make(
        &mock,
        json!({ "name": "stranger", "kind": "third_party", "authorized_by": [] }),
    )
    .await;
    let id = platform.appid.as_str();
    let mut tokens = Vec::new();
    for platform in [&platform, &other] {
        let ticket = platform.component_verify_ticket.clone().unwrap();
        let token = component_token(&mock, platform, &ticket).await;
        tokens.push(token["component_access_token"].as_str().unwrap().to_owned());
    }
    let code = mock.mint("alice");

    // As the public report sent it: names of its own, and a token that is none.
    let bad = r#"{"errcode":40094,"errmsg":"invalid component credential, rid: RID"}"#;
    let unknown = "this mock never handed out this access_token";
    check(&mock, &component_exchange(&code, "wx0", "t"), bad, unknown).await;
    let path = component_exchange(&code, id, &tokens[1]);
    let reason = format!(
        "the component_access_token is of {}, not of the component_appid",
        other.appid
    );
    check(&mock, &path, bad, &reason).await;
    let path = component_exchange(&code, other.appid.as_str(), &tokens[1]);
    let refused =
        r#"{"errcode":61003,"errmsg":"component is not authorized by this account, rid: RID"}"#;
    let reason =
        "the mini program or company is not in authorized_by of this third-party platform or app";
    check(&mock, &path, refused, reason).await;
    let path = component_exchange(&code, "", "");
    let refused = r#"{"errcode":41004,"errmsg":"appsecret missing, rid: RID"}"#;
    let reason = "component_appid or component_access_token is absent or empty";
    check(&mock, &path, refused, reason).await;
    let path = component_exchange("0a1b", id, &tokens[0]);
    let refused = r#"{"errcode":40029,"errmsg":"invalid code, rid: RID"}"#;
    check(
        &mock,
        &path,
        refused,
        "no phone of this mock minted this code",
    )
    .await;
    // Nothing of all this has spent the code.
    let answer = mock.get(&component_exchange(&code, id, &tokens[0])).await;
    assert_eq!(answer.errcode(), None, "{}", answer.body);

    let refused = component_token(&mock, &platform, "ticket@@@x").await;
    assert_eq!(refused["errcode"], 61006);
    assert!(why(&mock).contains("component_verify_ticket"));
    let path = format!(
        "/cgi-bin/token?grant_type=client_credential&appid={id}&secret={}",
        platform.secret
    );
    let refused = r#"{"errcode":61024,"errmsg":"must use api(api_component_token) to get token for component acct rid: RID"}"#;
    let reason = "this is the appid of a third-party platform";
    check(&mock, &path, refused, reason).await;
    let refused = mock
        .post(&format!("/_mock/v1/apps/{id}/users"), r#"{"name":"eve"}"#)
        .await;
    assert!(refused.body.contains("no users"), "{}", refused.body);
}

/// A call to WeCom's host.
async fn wecom(mock: &Mock, path: &str) -> support::Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: qyapi.weixin.qq.com\r\n\r\n");
    mock.send(request).await
}

/// Compare an error of WeCom's: its body, its headers, the address in it.
async fn check_wecom(mock: &Mock, path: &str, errcode: i64, errmsg: &str, reason: &str) {
    let answer = wecom(mock, path).await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let said = body["errmsg"].as_str().unwrap().to_owned();
    let hint = said.split(['[', ']']).nth(1).unwrap();
    assert_eq!((hint.len(), &hint[..10]), (25, "1724289297"), "{said}");
    assert!(hint.bytes().all(|byte| byte.is_ascii_digit()), "{said}");
    let whole = format!(
        "{errmsg}, hint: [{hint}], from ip: 127.0.0.1, more info at https://open.work.weixin.qq.com/devtool/query?e={errcode}"
    );
    let expected = format!(r#"{{"errcode":{errcode},"errmsg":"{whole}"}}"#);
    assert_eq!(answer.body, expected, "{path}");
    let length = expected.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Type: application/json; charset=UTF-8\r\nDate: {DATE}\r\nError-Code: {errcode}\r\nError-Msg: {whole}\r\nContent-Length: {length}\r\n\r\n"
    );
    assert_eq!(answer.head, head);
    assert_eq!(why(mock), reason, "{path}");
}

/// What `wx.qy.login` hands to a page.
async fn qy_login(mock: &Mock, corp: &AppView) -> String {
    let path = format!("/_mock/wx/qy.login?app={}&user=alice", corp.appid);
    let answer = mock.get(&path).await;
    let heard: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(heard["errMsg"], "qy__login:ok", "{heard}");
    heard["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn wecom_answers_its_own_code_with_corpid_and_userid() {
    let mock = Mock::start().await;
    let corp = make(&mock, json!({ "name": "corp", "kind": "wecom" })).await;
    let (corpid, secret) = (&corp.appid, &corp.secret);
    assert!(corpid.as_str().starts_with("ww"));
    let gettoken = format!("/cgi-bin/gettoken?corpid={corpid}&corpsecret={secret}");
    let first = wecom(&mock, &gettoken).await.body;
    assert_eq!(
        wecom(&mock, &gettoken).await.body,
        first,
        "it stays the same while it lives"
    );
    let token: Value = serde_json::from_str(&first).unwrap();
    let token = token["access_token"].as_str().unwrap();
    let expected =
        format!(r#"{{"errcode":0,"errmsg":"ok","access_token":"{token}","expires_in":7200}}"#);
    assert_eq!(first, expected);

    let exchange = |code: &str| {
        format!(
            "/cgi-bin/miniprogram/jscode2session?access_token={token}&js_code={code}&grant_type=authorization_code"
        )
    };
    let code = qy_login(&mock, &corp).await;
    let answer = wecom(&mock, &exchange(&code)).await;
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let key = body["session_key"].as_str().unwrap();
    let expected = format!(
        r#"{{"corpid":"{corpid}","userid":"alice","session_key":"{key}","errcode":0,"errmsg":"ok"}}"#
    );
    assert_eq!(answer.body, expected);

    let invalid = "invalid code";
    let spent = "the code of alice was exchanged before";
    check_wecom(&mock, &exchange(&code), 40029, invalid, spent).await;
    // The report: the page called wx.login where it had to call wx.qy.login.
    let theirs = mock.mint("alice");
    let reason = "this is the code of wx.login; WeCom wants the code of wx.qy.login";
    check_wecom(&mock, &exchange(&theirs), 40029, invalid, reason).await;
    let answer = mock
        .get(&mock.exchange(&qy_login(&mock, &corp).await))
        .await;
    assert_eq!(answer.errcode(), Some(40029));
    let reason = "this is the code of wx.qy.login; WeChat wants the code of wx.login";
    assert_eq!(why(&mock), reason);
}

#[tokio::test]
async fn every_refusal_of_wecom_has_its_bytes_and_its_reason() {
    let mock = Mock::start().await;
    let corp = make(&mock, json!({ "name": "corp", "kind": "wecom" })).await;
    let (corpid, secret) = (corp.appid.as_str(), corp.secret.to_string());
    let gettoken = |corpid: &str, secret: &str| {
        format!("/cgi-bin/gettoken?corpid={corpid}&corpsecret={secret}")
    };
    let exchange = "/cgi-bin/miniprogram/jscode2session?grant_type=authorization_code";
    let missing = |name: &str| format!("{name} is absent or empty");
    for (path, errcode, errmsg, reason) in [
        (
            "/cgi-bin/gettoken".to_owned(),
            41004,
            "corpsecret missing",
            missing("corpsecret"),
        ),
        (
            gettoken("", &secret),
            41002,
            "corpid missing",
            missing("corpid"),
        ),
        (
            gettoken("ww0", &secret),
            40013,
            "invalid corpid",
            "no app of this mock has this appid".to_owned(),
        ),
        (
            gettoken(APPID, &secret),
            40013,
            "invalid corpid",
            "this is the appid of a mini program".to_owned(),
        ),
        (
            gettoken(corpid, &"0".repeat(32)),
            40001,
            "invalid credential",
            "the AppSecret is not this app's".to_owned(),
        ),
        (
            exchange.to_owned(),
            41001,
            "access_token missing",
            missing("access_token"),
        ),
        (
            format!("{exchange}&access_token=x&js_code=y"),
            40014,
            "invalid access_token",
            "this is not an access_token".to_owned(),
        ),
    ] {
        check_wecom(&mock, &path, errcode, errmsg, &reason).await;
    }
    // Captured: an unknown path of WeCom's is no JSON.
    let answer = wecom(&mock, "/cgi-bin/user/get?access_token=x").await;
    assert!(
        answer.head.starts_with("HTTP/1.1 404 Not Found\r\n"),
        "{}",
        answer.head
    );
    assert_eq!(answer.body, "");
    let nearest = "this mock does not play this path; the nearest it plays is /cgi-bin/gettoken";
    assert_eq!(why(&mock), nearest);
    // A path of the other platform is unknown to either host.
    let answer = mock.get(&gettoken(corpid, &secret)).await;
    assert_eq!(answer.errcode(), Some(40066));
}

#[tokio::test]
async fn at_wecom_the_key_of_a_second_login_holds_from_its_exchange() {
    let mock = Mock::start().await;
    let policy = json!({ "session_key": { "min_interval": "0s" } });
    let corp = make(
        &mock,
        json!({ "name": "corp", "kind": "wecom", "policy": policy }),
    )
    .await;
    let path = format!(
        "/cgi-bin/gettoken?corpid={}&corpsecret={}",
        corp.appid, corp.secret
    );
    let token: Value = serde_json::from_str(&wecom(&mock, &path).await.body).unwrap();
    let exchange = async |code: String| {
        let token = token["access_token"].as_str().unwrap();
        let path =
            format!("/cgi-bin/miniprogram/jscode2session?access_token={token}&js_code={code}");
        let body: Value = serde_json::from_str(&wecom(&mock, &path).await.body).unwrap();
        body["session_key"].as_str().unwrap().to_owned()
    };
    let current = || {
        let user = support::user("alice");
        let keys = mock
            .handle
            .with_world(|world, _| world.user(&corp.appid, &user).unwrap().keys);
        keys.iter()
            .find(|key| key.current)
            .unwrap()
            .session_key
            .base64()
    };
    let first = exchange(qy_login(&mock, &corp).await).await;
    let again = qy_login(&mock, &corp).await;
    assert_eq!(current(), first, "the second login alone changes nothing");
    let second = exchange(again).await;
    assert_ne!(first, second);
    assert_eq!(current(), second);
}

#[tokio::test]
async fn wecoms_phone_has_wecoms_apis_only() {
    let mock = Mock::start().await;
    let corp = make(&mock, json!({ "name": "corp", "kind": "wecom" })).await;
    let refused = mock
        .get(&format!("/_mock/wx/login?app={}&user=alice", corp.appid))
        .await;
    assert!(refused.body.contains("wx.qy.login"), "{}", refused.body);
    let refused = mock
        .get(&format!("/_mock/wx/qy.login?app={APPID}&user=alice"))
        .await;
    assert!(refused.head.starts_with("HTTP/1.1 400"), "{}", refused.body);
    let path = format!("/_mock/wx/qy.checkSession?app={}&user=alice", corp.appid);
    let heard: Value = serde_json::from_str(&mock.get(&path).await.body).unwrap();
    let failed = heard["errMsg"].as_str().unwrap();
    assert!(failed.starts_with("qy__checkSession:fail"), "{failed}");
}

#[tokio::test]
async fn a_call_from_an_address_that_is_not_listed_is_refused_as_each_platform_does() {
    let mock = Mock::start().await;
    let policy = json!({ "caller": { "ip_whitelist": ["203.0.113.7"] } });
    mock.policy(&policy.to_string());
    let code = mock.mint("alice");
    let reason = "the caller's address is not in policy.caller.ip_whitelist";
    let refused = r#"{"errcode":40164,"errmsg":"invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist, rid: RID"}"#;
    check(&mock, &mock.exchange(&code), refused, reason).await;

    let platform = make(
        &mock,
        json!({ "name": "saas", "kind": "third_party", "policy": policy }),
    )
    .await;
    let refused = component_token(&mock, &platform, "").await;
    assert_eq!(refused["errcode"], 61004);
    let path = component_exchange(&code, platform.appid.as_str(), "t");
    let refused = r#"{"errcode":40090,"errmsg":"invalid request source (bad client ip), requestIP: 127.0.0.1, rid: RID"}"#;
    check(&mock, &path, refused, reason).await;
    let corp = make(
        &mock,
        json!({ "name": "corp", "kind": "wecom", "policy": policy }),
    )
    .await;
    let path = format!("/cgi-bin/gettoken?corpid={}&corpsecret=x", corp.appid);
    check_wecom(
        &mock,
        &path,
        60020,
        "not allow to access from your ip",
        reason,
    )
    .await;

    mock.policy(r#"{"caller":{"ip_whitelist":["127.0.0.1","::1"]}}"#);
    let answer = mock.get(&mock.exchange(&code)).await;
    assert_eq!(
        answer.errcode(),
        None,
        "the code is left alone: {}",
        answer.body
    );
}

#[tokio::test]
async fn calls_to_one_endpoint_have_a_quota() {
    let mock = Mock::start().await;
    mock.policy(r#"{"quota":{"calls_per_minute":2,"calls_per_day":3}}"#);
    let exchange = async || {
        let path = mock.exchange(&mock.mint("alice"));
        mock.get(&path).await.errcode()
    };
    assert_eq!([exchange().await, exchange().await], [None, None]);
    let path = mock.exchange(&mock.mint("alice"));
    let refused = r#"{"errcode":45011,"errmsg":"api minute-quota reach limit, must slower, retry next minute, rid: RID"}"#;
    check(&mock, &path, refused, "a limit of policy.quota is reached").await;
    let other = format!(
        "/cgi-bin/token?grant_type=client_credential&appid={APPID}&secret={}",
        support::SECRET
    );
    assert_eq!(
        mock.get(&other).await.errcode(),
        None,
        "another endpoint has its own"
    );
    let later = |span| {
        let change = wxmock_world::ClockChange::Advance(span);
        mock.handle
            .with_world(|world, now| world.clock(now, &support::app(), change).unwrap());
    };
    later(wxmock_world::Span::m(1));
    assert_eq!(exchange().await, None);
    assert_eq!(exchange().await, Some(45009));
    later(wxmock_world::Span::d(1));
    assert_eq!(exchange().await, None);
}

#[tokio::test]
async fn a_platform_calls_for_a_mini_program_with_an_authorizer_token() {
    let mock = Mock::start().await;
    let platform = make(&mock, json!({ "name": "saas", "kind": "third_party" })).await;
    let other = make(&mock, json!({ "name": "other", "kind": "third_party" })).await;
    let ticket = platform.component_verify_ticket.clone().unwrap();
    let token = component_token(&mock, &platform, &ticket).await;
    let component = token["component_access_token"].as_str().unwrap();
    let list = mock.get("/_mock/v1/apps/saas/authorizers").await;
    let list: Value = serde_json::from_str(&list.body).unwrap();
    let authorizer = &list["authorizers"][0];
    assert_eq!(authorizer["authorizer_appid"], APPID);
    let refresh = authorizer["authorizer_refresh_token"].as_str().unwrap();
    let ask = async |component: &str, id: &str, app: &str, refresh: &str| {
        let body = json!({
            "component_appid": id,
            "authorizer_appid": app,
            "authorizer_refresh_token": refresh,
        });
        let path =
            format!("/cgi-bin/component/api_authorizer_token?component_access_token={component}");
        mock.post(&path, &body.to_string()).await
    };
    let id = platform.appid.as_ref();
    let answer = ask(component, id, APPID, refresh).await;
    let handed: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(handed["expires_in"], 7_200, "{}", answer.body);
    assert_eq!(handed["authorizer_refresh_token"], refresh);
    let authorizer_token = handed["authorizer_access_token"].as_str().unwrap();
    let code = json!({ "code": mock.phone_code("alice") }).to_string();
    let path = format!("/wxa/business/getuserphonenumber?access_token={authorizer_token}");
    let answer = mock.post(&path, &code).await;
    assert_eq!(answer.errcode(), Some(0), "{}", answer.body);
    for (answer, errcode, reason) in [
        (ask("", id, APPID, refresh).await, 41001, "access_token"),
        (
            ask("78_a", id, APPID, refresh).await,
            40001,
            "never handed out",
        ),
        (
            ask(authorizer_token, id, APPID, refresh).await,
            40001,
            "never handed out",
        ),
        (
            ask(component, other.appid.as_ref(), APPID, refresh).await,
            40013,
            "another third-party platform",
        ),
        (
            ask(component, id, "wxfedcba9876543210", refresh).await,
            40013,
            "no app of this mock",
        ),
        (
            ask(component, id, "", refresh).await,
            41002,
            "authorizer_appid",
        ),
        (ask(component, id, APPID, "x").await, 61023, "authorizers"),
    ] {
        assert_eq!(answer.errcode(), Some(errcode), "{}", answer.body);
        let whys: Vec<String> = mock
            .handle
            .calls()
            .since(CallId(0))
            .iter()
            .filter(|call| call.errcode == Some(errcode))
            .filter_map(|call| call.why.as_ref())
            .map(|why| why.words(wxmock_world::Wording::default()))
            .collect();
        assert!(
            whys.iter().any(|why| why.contains(reason)),
            "{errcode}: {whys:?}"
        );
    }
    let closed = json!({ "name": "closed", "kind": "third_party", "authorized_by": [] });
    let closed = make(&mock, closed).await;
    let ticket = closed.component_verify_ticket.clone().unwrap();
    let token = component_token(&mock, &closed, &ticket).await;
    let component = token["component_access_token"].as_str().unwrap();
    let answer = ask(component, closed.appid.as_ref(), APPID, refresh).await;
    assert_eq!(answer.errcode(), Some(61003), "{}", answer.body);
    assert!(why(&mock).contains("authorized_by"), "{}", why(&mock));
}
