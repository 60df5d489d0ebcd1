use super::*;
use crate::{StableTokenRequest, TokenReply};

fn stable(stage: &mut Stage, force_refresh: bool) -> TokenReply {
    let request = StableTokenRequest {
        grant_type: Some("client_credential".into()),
        appid: Some(stage.app.appid.to_string()),
        secret: Some(stage.app.secret.to_string()),
        force_refresh,
    };
    stage.world.stable_token(stage.now, &request).reply.unwrap()
}

/// What a call with this token hears, but for the openid it lacks.
fn works(stage: &mut Stage, token: &str) -> i64 {
    let request = SignedRequest {
        access_token: Some(token.to_owned()),
        ..SignedRequest::default()
    };
    match errcode(stage.world.checksession(stage.now, &request).reply) {
        40003 => 0,
        refused => refused,
    }
}

#[test]
fn the_two_kinds_know_nothing_of_each_other() {
    let mut stage = Stage::new();
    let plain = stage.token();
    let first = stable(&mut stage, false);
    assert_eq!(first.expires_in, 7200);
    stage.token();
    stage.wait(Span::m(5));
    assert_eq!(works(&mut stage, &plain), 40001);
    assert_eq!(works(&mut stage, first.access_token.as_str()), 0);
    let forced = stable(&mut stage, true);
    let plain = stage.token();
    assert_eq!(works(&mut stage, first.access_token.as_str()), 40001);
    assert_eq!(
        (
            works(&mut stage, forced.access_token.as_str()),
            works(&mut stage, &plain)
        ),
        (0, 0)
    );
}

#[test]
fn killed_tokens_are_not_latest() {
    let mut stage = Stage::new();
    let (plain, stable) = (stage.token(), stable(&mut stage, false));
    let app = stage.app.appid.clone();
    assert_eq!(
        stage
            .world
            .kill_access_token(stage.now, &app)
            .unwrap()
            .reply,
        2
    );
    for token in [plain.as_str(), stable.access_token.as_str()] {
        assert_eq!(works(&mut stage, token), 40001);
    }
    let next = stage.token();
    assert_eq!(works(&mut stage, &next), 0);
}

#[test]
fn parameters_are_checked_as_on_the_exchange() {
    let mut stage = Stage::new();
    let good = TokenRequest {
        grant_type: Some("client_credential".into()),
        appid: Some(stage.app.appid.to_string()),
        secret: Some(stage.app.secret.to_string()),
    };
    let mut check = |request: TokenRequest, want: i64| {
        assert_eq!(
            errcode(stage.world.token(stage.now, &request).reply),
            want,
            "{request:?}"
        );
    };
    check(TokenRequest::default(), 41002);
    check(
        TokenRequest {
            appid: Some("wx0000000000000000".into()),
            ..good.clone()
        },
        40013,
    );
    check(
        TokenRequest {
            secret: None,
            ..good.clone()
        },
        41004,
    );
    check(
        TokenRequest {
            secret: Some("x".into()),
            ..good.clone()
        },
        40125,
    );
    check(
        TokenRequest {
            grant_type: Some("authorization_code".into()),
            ..good.clone()
        },
        40002,
    );
    check(good, 0);
}

#[test]
fn without_overlap_the_old_token_dies_at_once() {
    let mut stage = Stage::with(r#"{"access_token":{"overlap":"0s"}}"#);
    let old = stage.token();
    let new = stage.token();
    assert_eq!(
        (works(&mut stage, &old), works(&mut stage, &new)),
        (40001, 0)
    );
}
