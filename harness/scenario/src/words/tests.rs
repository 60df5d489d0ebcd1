use std::time::Duration;

use super::{Stage, Written, read};
use crate::error::Mistake;
use crate::located::Located;
use wxmock_model::program::{
    CaptureApi, Differs, Extra, FaultEffect, FaultWhen, FieldOrder, KeyText, MadeAt, Nick, Seal,
    SealKey, ShapeChange, TokenChange, TokenForgery, Transport, Using, Verb, Watermark,
};

fn read_in_race(text: &str) -> Result<Written, Mistake> {
    // As if the text were the whole file, between quotes.
    let file = format!("'{text}'");
    read(&Located::new(text, 0..file.len(), &file), Stage::Race)
}

fn check(text: &str, expected: Verb) {
    let written =
        read_in_race(text).unwrap_or_else(|mistake| panic!("{text}: {}", mistake.message));
    assert_eq!(written.verb, expected, "{text}");
    let mut verb = written.verb.clone();
    assert_eq!(
        verb.names_mut().len(),
        written.places.len(),
        "{text}: every name has a place"
    );
}

/// The message, and the words it points at.
fn check_mistake(text: &str, message: &str, at: &str) {
    let mistake = read_in_race(text).expect_err(text);
    let file = format!("'{text}'");
    assert_eq!(
        (mistake.message.as_str(), &file[mistake.span]),
        (message, at),
        "{text}"
    );
}

fn named(name: &str) -> String {
    name.to_owned()
}

#[test]
fn what_attackers_do() {
    check(
        r#"alter c1 suffix="&x=1""#,
        Verb::Alter {
            code: named("c1"),
            suffix: "&x=1".into(),
        },
    );
    check_mistake(
        "alter c1",
        "the step ends where `suffix=` and a text should follow",
        "c1",
    );
    check("claim B", Verb::Claim { user: named("B") });
    let forge = |how| Verb::Forge {
        token: named("t"),
        forged: named("f"),
        how,
    };
    check("forge t as f how=end", forge(TokenForgery::End));
    check(
        "forge t as f how=claims-of:B",
        forge(TokenForgery::ClaimsOf(named("B"))),
    );
    check_mistake(
        "forge t as f",
        "the step ends where `how=` should follow",
        "f",
    );
    check_mistake("forge t as f how=well", "unknown way `well`", "how=well");
    check(
        "resemble B differs=end",
        Verb::Resemble {
            user: named("B"),
            differs: Differs::End,
        },
    );
    check(
        "capture userinfo as p iv=of:B watermark=longer nick=emoji",
        Verb::Capture {
            api: CaptureApi::UserInfo,
            payload: named("p"),
            seal: Seal {
                iv_of: Some(named("B")),
                watermark: Watermark::Longer,
                nick: Nick::Emoji,
                ..Seal::default()
            },
        },
    );
    check(
        "send p using none transport=short-iv",
        Verb::Send {
            payload: named("p"),
            using: Using::Nothing,
            extra: None,
            transport: Transport::ShortIv,
        },
    );
}

#[test]
fn data_of_another_time() {
    for (words, made) in [
        (
            "capture phone as p made=7d-ago",
            MadeAt::Ago(Duration::from_secs(604_800)),
        ),
        (
            "capture phone as p made=20s-ahead",
            MadeAt::Ahead(Duration::from_secs(20)),
        ),
    ] {
        check(
            words,
            Verb::Capture {
                api: CaptureApi::Phone,
                payload: named("p"),
                seal: Seal {
                    made: Some(made),
                    ..Seal::default()
                },
            },
        );
    }
    for wrong in ["7d", "7d-before", "-ago", "0s-ago"] {
        check_mistake(
            &format!("capture phone as p made={wrong}"),
            &format!("`{wrong}` is no time before or after now"),
            &format!("made={wrong}"),
        );
    }
}

#[test]
fn what_phones_do() {
    check("mint as c1", Verb::Mint { code: named("c1") });
    check(
        "submit c1",
        Verb::Submit {
            code: named("c1"),
            token: String::new(),
        },
    );
    check(
        "  submit   c1 as t1 ",
        Verb::Submit {
            code: named("c1"),
            token: named("t1"),
        },
    );
    check(
        "login",
        Verb::Login {
            code: String::new(),
            token: String::new(),
        },
    );
    check(
        "submit-profile c with p as t",
        Verb::SubmitProfile {
            code: named("c"),
            payload: named("p"),
            token: named("t"),
        },
    );
    check("check", Verb::Check);
    check(
        "phonecode as f",
        Verb::PhoneCode {
            phone_code: named("f"),
            country: None,
        },
    );
    check(
        "phonecode as f country=39",
        Verb::PhoneCode {
            phone_code: named("f"),
            country: Some(named("39")),
        },
    );
    check_mistake(
        "phonecode as f country=it",
        "`it` is no country code",
        "country=it",
    );
    check(
        "swap c f",
        Verb::Swap {
            code: named("c"),
            phone_code: named("f"),
        },
    );
    check(
        "sendcode f using none",
        Verb::SendCode {
            phone_code: named("f"),
            using: Using::Nothing,
        },
    );
    check("store t1", Verb::Store { token: "t1".into() });
    check("whoami", Verb::Whoami { using: Using::Last });
    check(
        "refresh using t1 as t2",
        Verb::Refresh {
            using: Using::Named(named("t1")),
            token: named("t2"),
        },
    );
    check(
        "refresh",
        Verb::Refresh {
            using: Using::Last,
            token: String::new(),
        },
    );
    check(
        "logout using t1",
        Verb::Logout {
            using: Using::Named(named("t1")),
        },
    );
}

#[test]
fn payloads_honest_and_forged() {
    let capture = |api, seal| Verb::Capture {
        api,
        payload: named("p"),
        seal,
    };
    check(
        "capture userinfo as p",
        capture(CaptureApi::UserInfo, Seal::default()),
    );
    check(
        "capture phone as p key=k3",
        capture(
            CaptureApi::Phone,
            Seal {
                key: SealKey::Number(3),
                ..Seal::default()
            },
        ),
    );
    check(
        "capture profile as p key=previous iv=bent watermark=other-app openid=B alphabet=plus-slash twin=previous",
        capture(
            CaptureApi::Profile,
            Seal {
                key: SealKey::Previous,
                watermark: Watermark::OtherApp,
                bent_iv: true,
                openid_of: Some(named("B")),
                plus_slash: true,
                padding_twin: true,
                ..Seal::default()
            },
        ),
    );
    check(
        "send p using newest extra=identity-of:B transport=raw-plus",
        Verb::Send {
            payload: named("p"),
            using: Using::Newest,
            extra: Some(Extra::IdentityOf(named("B"))),
            transport: Transport::RawPlus,
        },
    );
}

#[test]
fn what_the_world_does() {
    check(
        "advance 301s",
        Verb::Advance {
            by: Duration::from_secs(301),
        },
    );
    check("rotate-key A", Verb::RotateKey { user: named("A") });
    check("wait-idle", Verb::WaitIdle);
    check("strangers 30", Verb::Strangers { count: 30 });
    check("lift f", Verb::Lift { label: named("f") });
    check(
        "hold h getuserphonenumber of A",
        Verb::Hold {
            label: named("h"),
            endpoint: named("getuserphonenumber"),
            user: named("A"),
        },
    );
    check("release h", Verb::Release { label: named("h") });
    for (words, change) in [
        ("token killed", TokenChange::Killed),
        ("token expired", TokenChange::Expired),
        ("token fetched", TokenChange::Fetched),
        ("token forced", TokenChange::Forced),
        ("token overlap=none", TokenChange::Overlap(Duration::ZERO)),
        ("token life=60s", TokenChange::Life(Duration::from_secs(60))),
    ] {
        check(words, Verb::AccessToken { change });
    }
    let change = ShapeChange {
        errcode_zero: Some(true),
        no_unionid: Some(false),
        field_order: Some(FieldOrder::Sorted),
        ..ShapeChange::default()
    };
    check(
        "shape A errcode_zero no_unionid=false field_order=sorted",
        Verb::Shape {
            user: named("A"),
            change,
        },
    );
}

#[test]
fn what_the_text_of_a_key_holds() {
    for (words, key) in [
        ("shape A key=plain", KeyText::Plain),
        ("shape A key=plus-slash", KeyText::PlusSlash),
    ] {
        let change = ShapeChange {
            key: Some(key),
            ..ShapeChange::default()
        };
        check(
            words,
            Verb::Shape {
                user: named("A"),
                change,
            },
        );
    }
    check_mistake(
        "shape A key=short",
        "unknown value `short` of `key`",
        "key=short",
    );
}

#[test]
fn faults() {
    let fault = |effect, when, times| Verb::Fault {
        label: named("f"),
        endpoint: named("jscode2session"),
        user: named("A"),
        effect,
        when,
        times,
    };
    let once = |effect| fault(effect, FaultWhen::BeforeCommit, Some(1));
    check(
        "fault f jscode2session of A: errcode=-1",
        once(FaultEffect::Errcode(-1)),
    );
    check(
        "fault f jscode2session of A: silent times=all",
        fault(FaultEffect::Silent, FaultWhen::BeforeCommit, None),
    );
    check(
        "fault f jscode2session of A: reset when=after",
        fault(FaultEffect::Reset, FaultWhen::AfterCommit, Some(1)),
    );
    check(
        "fault f jscode2session of A: truncate=0 times=3",
        fault(FaultEffect::Truncate(0), FaultWhen::BeforeCommit, Some(3)),
    );
    check(
        "fault f jscode2session of A: delay=30s",
        once(FaultEffect::Delay(Duration::from_secs(30))),
    );
    check(
        "fault f jscode2session of A: content_type=none",
        once(FaultEffect::ContentType(None)),
    );
    check(
        r#"fault f jscode2session of A: status=502 body="<h1>no \"good\" \\</h1>\n""#,
        once(FaultEffect::Status {
            status: 502,
            body: named("<h1>no \"good\" \\</h1>\n"),
        }),
    );
    check(
        r#"fault f jscode2session of A: body="""#,
        once(FaultEffect::Body(String::new())),
    );
}

#[test]
fn mistakes_point_at_the_word() {
    check_mistake("token dead", "unknown change `dead`", "dead");
    check_mistake("token life=long", "`long` is no duration", "life=long");
    check_mistake(
        "submit",
        "the step ends where a code should follow",
        "submit",
    );
    check_mistake("submit 1c", "`1c` cannot be a code", "1c");
    check_mistake("mint c1", "`mint` must give its result a name", "c1");
    check_mistake(
        "send p using",
        "the step ends where a token should follow",
        "using",
    );
    check_mistake(
        "send p extra=identity-of:",
        "`` cannot be a user",
        "extra=identity-of:",
    );
    check_mistake("capture userinfo as p key=k0", "unknown key `k0`", "key=k0");
    check_mistake(
        "capture userinfo as p iv=bent iv=bent",
        "`iv` is said twice",
        "iv=bent",
    );
    check_mistake("advance 0s", "`0s` is no duration", "0s");
    check_mistake(
        "advance 99999999999999999999d",
        "`99999999999999999999d` is no duration",
        "99999999999999999999d",
    );
    check_mistake(
        "fault f jscode2session of A: silent reset",
        "a fault does one thing",
        "reset",
    );
    check_mistake(
        "fault f jscode2session of A: silent=1",
        "`silent` takes no value",
        "silent=1",
    );
    check_mistake(
        "probe A",
        "`probe` looks at the backend from outside, when all is at rest",
        "probe",
    );
}
