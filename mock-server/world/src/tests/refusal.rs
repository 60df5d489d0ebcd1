use super::*;
use crate::{
    Alteration, Capture, KeyNo, Lang, OpenDataApi, PhoneNumberRequest, Refusal, RefusedCall,
    SigningMistake, TokenEnd, Wording,
};

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
        late.words(Wording::default()),
        "the code of alice expired, 300 s after it was minted"
    );
    let clock = |at: UnixMs| format!("T+{}", at.since(T0).whole_seconds());
    let told = |lang| {
        let moment: Option<&dyn Fn(UnixMs) -> String> = Some(&clock);
        late.words(Wording { lang, moment })
    };
    assert_eq!(
        told(Lang::En),
        "the code of alice expired at T+300, 300 s after it was minted"
    );
    assert_eq!(
        told(Lang::Zh),
        "alice 的 code 已过期（T+300），距生成 300 秒"
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
        ("{}\n", Alteration::WhiteSpace),
        ("\u{feff}{}", Alteration::Invisible),
        ("\"{}\"", Alteration::Quoted),
        ("\u{201c}{}\u{201d}", Alteration::Quoted),
        ("`{}`", Alteration::Quoted),
        ("\\\"{}\\\"", Alteration::Quoted),
        // One thing on top of another: the outermost is named.
        (" \"{}\" ", Alteration::WhiteSpace),
        ("%22{}%22", Alteration::PercentEncoded),
        ("{}%20", Alteration::PercentEncoded),
        (r#"{"code":"{}"}"#, Alteration::InJson),
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
fn a_text_in_the_place_of_a_code_is_named_for_what_it_is() {
    let mut stage = Stage::new();
    for (text, said) in [
        ("undefined", "undefined"),
        ("\"null\"", "null"),
        ("[object Object]", "[object Object]"),
        ("${code}", "a placeholder"),
        ("{{code}}", "a placeholder"),
        ("your_code_here", "a placeholder"),
    ] {
        let expected = Refusal::NotFilledIn {
            parameter: "js_code".into(),
            said: said.into(),
        };
        assert_eq!(why(&mut stage, text, |_| ()), Some(expected), "{text}");
    }
    let devtools = why(&mut stage, "the code is a mock one", |_| ());
    assert_eq!(devtools, Some(Refusal::DevtoolsCode));
    // Neither a strange code nor one that was cut is taken for a text of that kind.
    for text in ["0a1bcdefgh1234567890abcdefghijkl", "nullified", "100%"] {
        let strange = why(&mut stage, text, |_| ());
        assert_eq!(strange, Some(Refusal::CodeNeverIssued), "{text}");
    }
    let phone = stage
        .capture("alice", Capture::new(OpenDataApi::GetPhoneNumber))
        .unwrap()
        .code
        .unwrap();
    let quoted = why(&mut stage, &format!("\"{phone}\""), |_| ());
    assert_eq!(quoted, Some(Refusal::PhoneCodeAtLogin));
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
    let (own_secret, other_secret) = (stage.app.secret.to_string(), other.secret.to_string());
    for (secret, expected) in [
        (
            own_secret.to_uppercase(),
            Refusal::SecretAltered {
                how: Alteration::UpperCase,
            },
        ),
        (
            format!("\u{200b}{own_secret}"),
            Refusal::SecretAltered {
                how: Alteration::Invisible,
            },
        ),
        (
            format!("{other_secret} "),
            Refusal::SecretOfAnotherApp {
                app: other.appid.clone(),
            },
        ),
    ] {
        assert!(
            stage.world.is_credential(&secret),
            "{secret} has not leaked"
        );
        let told = why(&mut stage, &login, |q| q.secret = Some(secret));
        assert_eq!(told, Some(expected));
    }
    let swapped = why(&mut stage, &login, |q| {
        q.appid = Some(own_secret);
    });
    assert_eq!(swapped, Some(Refusal::AppIdIsSecret));
    assert!(!stage.world.is_credential(&"0".repeat(32)));
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
        Some(Refusal::TokenEnded {
            why: killed,
            at: None
        })
    );
    assert_eq!(why(&stage, "never-handed-out"), Some(Refusal::TokenUnknown));
}

#[test]
fn a_refused_exchange_says_why_in_its_event() {
    let mut stage = Stage::new();
    let used = code(&mut stage);
    why(&mut stage, &used, |_| ());
    let _ = stage.kinds();
    why(&mut stage, &used, |_| ());
    let reasons: Vec<_> = stage
        .kinds()
        .into_iter()
        .filter_map(|kind| match kind {
            EventKind::CodeRefused { why, .. } => Some(why.map(|why| *why)),
            _ => None,
        })
        .collect();
    assert!(
        matches!(&reasons[..], [Some(Refusal::CodeSpent { at, .. })] if *at == T0),
        "{reasons:?}"
    );
}

#[test]
fn a_missing_grant_type_is_told_from_a_wrong_one() {
    let mut stage = Stage::new();
    for (sent, want) in [
        (
            None,
            Refusal::Missing {
                parameter: "grant_type".into(),
            },
        ),
        (Some("client_credential"), Refusal::GrantType),
    ] {
        let call = RefusedCall {
            grant_type: sent,
            ..RefusedCall::default()
        };
        assert_eq!(stage.world.why_refused(&call, 40002), Some(want));
    }
    let _ = code(&mut stage);
}

#[test]
fn a_refused_signature_says_whose_it_is_and_what_is_wrong_with_it() {
    let mut stage = Stage::with(r#"{"session_key":{"min_interval":"0s"}}"#);
    let session = |stage: &mut Stage, user| {
        let login = stage.login(user);
        stage.exchange(&login).unwrap()
    };
    let old = session(&mut stage, "alice");
    stage.wait(Span::s(10));
    let new = session(&mut stage, "alice");
    let bob = session(&mut stage, "bob");
    let at = stage.now;
    let mut why = |signature: String| {
        let mut request = stage.signed(&new);
        request.signature = Some(signature);
        let refused = errcode(stage.world.checksession(stage.now, &request).reply);
        let call = RefusedCall {
            access_token: request.access_token.as_deref(),
            openid: request.openid.as_deref(),
            signature: request.signature.as_deref(),
            ..RefusedCall::default()
        };
        stage.world.why_refused(&call, refused)
    };
    let signed = |key| crypto::hmac_signature(key, b"");
    assert_eq!(
        why(signed(&old.session_key)),
        Some(Refusal::SignedWithOldKey {
            user: "alice".parse().unwrap(),
            no: KeyNo(1),
            by: Some(KeyNo(2)),
            at: Some(at),
        })
    );
    assert_eq!(
        why(signed(&bob.session_key)),
        Some(Refusal::SignedByAnother {
            user: "bob".parse().unwrap()
        })
    );
    let key = &new.session_key;
    for (signature, how) in [
        (
            crypto::hmac_sha256(key.bytes(), b""),
            SigningMistake::DecodedKey,
        ),
        (crypto::sign_raw_data("", key), SigningMistake::Sha1),
        (
            crypto::hmac_signature(key, b"{}"),
            SigningMistake::EmptyObject,
        ),
    ] {
        assert_eq!(why(signature), Some(Refusal::SignedWrongly { how }));
    }
    assert_eq!(why("0".repeat(64)), Some(Refusal::SignatureUnknown));
}
