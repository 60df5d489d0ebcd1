use super::*;
use crate::{Alteration, Capture, OpenDataApi, PhoneNumberRequest, Refusal, RefusedCall, TokenEnd};

/// Exchanges `js_code` with what `change` makes of an honest request, and says why that was refused.
fn why(
    stage: &mut Stage,
    js_code: &str,
    change: impl FnOnce(&mut Jscode2Session),
) -> Option<Refusal> {
    let mut request = stage.request(js_code);
    change(&mut request);
    let refused = errcode(stage.world.jscode2session(stage.now, &request).reply);
    let call = RefusedCall {
        appid: request.appid.as_deref(),
        secret: request.secret.as_deref(),
        js_code: request.js_code.as_deref(),
        ..RefusedCall::default()
    };
    stage.world.why_refused(&call, refused)
}

fn code(stage: &mut Stage) -> String {
    stage.login("alice").code.to_string()
}

#[test]
fn a_code_tells_when_it_died() {
    let mut stage = Stage::new();
    let (used, old) = (code(&mut stage), code(&mut stage));
    assert_eq!(why(&mut stage, &used, |_| ()), None);
    let again = why(&mut stage, &used, |_| ());
    assert!(
        matches!(&again, Some(Refusal::CodeSpent { at, .. }) if *at == T0),
        "{again:?}"
    );
    stage.wait(Span::s(301));
    let late = why(&mut stage, &old, |_| ()).unwrap();
    assert_eq!(
        late.words(),
        "the code of alice expired 300 s after it was minted"
    );
    assert_eq!(
        why(&mut stage, "0a1bcdefgh1234567890abcdefghijkl", |_| ()),
        Some(Refusal::CodeNeverIssued)
    );
}

#[test]
fn a_code_that_was_altered_on_its_way_is_recognised() {
    for (altered, how) in [
        (" {} ", Alteration::WhiteSpace),
        ("\"{}\"", Alteration::Quoted),
    ] {
        let mut stage = Stage::new();
        let text = altered.replace("{}", &code(&mut stage));
        assert_eq!(
            why(&mut stage, &text, |_| ()),
            Some(Refusal::CodeAltered { how }),
            "{text}"
        );
    }
}

#[test]
fn a_code_at_the_wrong_endpoint_is_named_and_not_spent() {
    let mut stage = Stage::new();
    let login = code(&mut stage);
    let phone = stage
        .capture("alice", Capture::new(OpenDataApi::GetPhoneNumber))
        .unwrap()
        .code
        .unwrap();
    let swapped = why(&mut stage, phone.as_str(), |_| ());
    assert_eq!(swapped, Some(Refusal::PhoneCodeAtLogin));
    let request = PhoneNumberRequest {
        access_token: Some(stage.token()),
        code: Some(login.clone()),
        openid: None,
    };
    let refused = errcode(stage.world.getuserphonenumber(stage.now, &request).reply);
    let call = RefusedCall {
        access_token: request.access_token.as_deref(),
        phone_code: Some(&login),
        ..RefusedCall::default()
    };
    assert_eq!(
        stage.world.why_refused(&call, refused),
        Some(Refusal::LoginCodeAtPhone)
    );
    assert_eq!(why(&mut stage, &login, |_| ()), None, "it is still good");
}

#[test]
fn credentials_are_judged_as_a_pair() {
    let mut stage = Stage::new();
    let other = stage.world.create_app(T0, NewApp::default()).unwrap().reply;
    let own = stage.app.appid.clone();
    let login = code(&mut stage);
    let blank = why(&mut stage, &login, |q| {
        q.appid = q.appid.take().map(|appid| appid + " ");
    });
    let how = Alteration::WhiteSpace;
    assert_eq!(blank, Some(Refusal::AppIdAltered { app: own, how }));
    let foreign = why(&mut stage, &login, |q| {
        q.secret = Some(other.secret.to_string())
    });
    let app = other.appid.clone();
    assert_eq!(foreign, Some(Refusal::SecretOfAnotherApp { app }));
    let made_up = why(&mut stage, &login, |q| q.secret = Some("0".repeat(32)));
    assert_eq!(made_up, Some(Refusal::SecretUnknown));
    let elsewhere = why(&mut stage, &login, |q| {
        q.appid = Some(other.appid.to_string());
        q.secret = Some(other.secret.to_string());
    });
    let app = stage.app.appid.clone();
    assert_eq!(elsewhere, Some(Refusal::CodeOfAnotherApp { app }));
}

#[test]
fn a_token_tells_how_it_ended() {
    let mut stage = Stage::new();
    let token = stage.token();
    let app = stage.app.appid.clone();
    let why = |stage: &Stage, token: &str| {
        let call = RefusedCall {
            access_token: Some(token),
            ..RefusedCall::default()
        };
        stage.world.why_refused(&call, 40001)
    };
    stage.world.kill_access_token(stage.now, &app).unwrap();
    let killed = TokenEnd::Killed;
    assert_eq!(
        why(&stage, &token),
        Some(Refusal::TokenEnded { why: killed })
    );
    assert_eq!(why(&stage, "never-handed-out"), Some(Refusal::TokenUnknown));
}
