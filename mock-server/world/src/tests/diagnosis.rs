use super::*;
use crate::{Believed, Damage, KeyChoice, KeyFinding, KeyNo, Opener};

/// A payload of alice's second of three keys.
struct Case {
    stage: Stage,
    data: String,
    iv: String,
}

impl Case {
    fn new() -> Self {
        let mut stage = Stage::with(r#"{"session_key":{"min_interval":"0s"}}"#);
        for _ in 0..3 {
            stage.wait(Span::s(10));
            stage.login("alice");
        }
        stage.login("bob");
        let what = Capture::new(OpenDataApi::GetUserInfo)
            .with_key(KeyChoice::Number(KeyNo(2)))
            .with_iv(crate::IvChoice::PlusSlash);
        let captured = stage.capture("alice", what).unwrap();
        Self {
            stage,
            data: captured.encrypted_data,
            iv: captured.iv,
        }
    }

    fn ask(&self, data: &str, iv: &str, believed: Option<&str>) -> KeyFinding {
        self.stage
            .world
            .which_key(
                &self.stage.app.appid,
                Some(&"alice".parse().unwrap()),
                data,
                iv,
                believed,
            )
            .unwrap()
    }

    fn key(&self, user: &str, no: usize) -> String {
        self.stage
            .world
            .user(&self.stage.app.appid, &user.parse().unwrap())
            .unwrap()
            .keys[no - 1]
            .session_key
            .base64()
    }
}

#[test]
fn the_key_is_named_and_the_believed_one_explained() {
    let case = Case::new();
    let check = |believed: &str, want: Believed| {
        let finding = case.ask(&case.data, &case.iv, Some(believed));
        assert!(matches!(
            finding.opener,
            Some(Opener::Issued {
                no: KeyNo(2),
                current: false,
                ..
            })
        ));
        assert_eq!(finding.believed, Some(want), "{}", finding.explanation);
        assert!(
            !finding.explanation.contains(&case.key("alice", 2)),
            "no secret in the sentences"
        );
    };
    check(&case.key("alice", 2), Believed::Right);
    check(
        &case.key("alice", 1),
        Believed::Superseded {
            no: KeyNo(1),
            by: KeyNo(2),
            at: T0.plus(Span::s(20)),
        },
    );
    check(&case.key("alice", 3), Believed::Newer { no: KeyNo(3) });
    check(
        &case.key("bob", 1),
        Believed::OtherUser {
            user: "bob".parse().unwrap(),
            no: KeyNo(1),
        },
    );
    check("tiihtNczf5v6AKRyjwEUhQ==", Believed::Unknown);
    check("not a key", Believed::NotAKey);
    let finding = case.ask(&case.data, &case.iv, None);
    assert!(
        finding.plaintext.unwrap().starts_with("{\"openId\":\"o") && finding.believed.is_none()
    );
}

#[test]
fn damage_in_transit_is_undone_and_named() {
    let case = Case::new();
    let encode = |text: &str| {
        text.replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D")
    };
    let check = |data: &str, want: &[Damage]| {
        let finding = case.ask(data, &case.iv, None);
        assert!(
            finding.opener.is_some(),
            "{want:?}: {}",
            finding.explanation
        );
        assert_eq!(finding.data_damage, want);
    };
    check(&case.data, &[]);
    check(&case.data.replace('+', " "), &[Damage::PlusBecameSpace]);
    check(&encode(&case.data), &[Damage::UrlEncoded]);
    check(
        &encode(&case.data).replace('%', "%25"),
        &[Damage::UrlEncodedTwice],
    );
    check(&case.data.replace('/', "\\/"), &[Damage::JsonEscaped]);
    check(
        &case.data.replace('+', "-").replace('/', "_"),
        &[Damage::UrlSafeAlphabet],
    );
    check(
        &format!("{}\r\n{}\n", &case.data[..76], &case.data[76..]),
        &[Damage::Whitespace],
    );
    check(&case.data[..255], &[Damage::Truncated]);
    check(&case.data[..256], &[Damage::Truncated]);
    let unpadded = case.data.trim_end_matches('=');
    if unpadded != case.data {
        check(unpadded, &[Damage::PaddingLost]);
    }
}

#[test]
fn a_wrong_iv_is_told_from_a_wrong_key() {
    let mut case = Case::new();
    let other = case.stage.user_info("alice").iv;
    let finding = case.ask(&case.data, &other, None);
    assert_eq!(
        finding.iv_damage,
        [Damage::IvOfAnotherPayload],
        "{}",
        finding.explanation
    );
    assert!(finding.opener.is_some());
    let finding = case.ask(&case.data, "AAAA", None);
    assert_eq!(finding.iv_damage, [Damage::IvLength]);
    assert!(finding.opener.is_some(), "{}", finding.explanation);
    let finding = case.ask(&case.data, &case.iv.replace('+', " "), None);
    assert_eq!(finding.iv_damage, [Damage::PlusBecameSpace]);
    assert!(finding.opener.is_some());
}

#[test]
fn what_nothing_opens_is_said_to_be_broken() {
    let case = Case::new();
    let finding = case.ask("!!!", &case.iv, Some(&case.key("alice", 1)));
    assert_eq!(
        (finding.opener, finding.data_damage),
        (None, vec![Damage::NotBase64])
    );
    assert!(matches!(
        finding.believed,
        Some(Believed::PayloadBroken { no: KeyNo(1), .. })
    ));
    for data in ["", "AAAA", "%", "%2", "\\/", "=", "汉字"] {
        assert!(case.ask(data, "", Some("")).opener.is_none(), "{data}");
    }
}

#[test]
fn keys_never_issued_and_strangers_are_recognised() {
    let mut case = Case::new();
    let what = Capture::new(OpenDataApi::GetPhoneNumber).with_key(KeyChoice::NeverIssued(3));
    let captured = case.stage.capture("bob", what).unwrap();
    let app = case.stage.app.appid.clone();
    let ask = |user: Option<&crate::UserId>| {
        let world = &case.stage.world;
        world
            .which_key(&app, user, &captured.encrypted_data, &captured.iv, None)
            .unwrap()
    };
    assert_eq!(ask(Some(&"bob".parse().unwrap())), ask(None));
    let finding = ask(None);
    assert_eq!(
        finding.opener,
        Some(Opener::NeverIssued {
            user: "bob".parse().unwrap(),
            number: 3
        })
    );
    let key = "tiihtNczf5v6AKRyjwEUhQ==";
    let vector: serde_json::Value = serde_json::from_str(include_str!(
        "../../../../scenarios/vectors/open-data-aes.json"
    ))
    .unwrap();
    let case_of = |field: &str| vector["cases"][0][field].as_str().unwrap().to_owned();
    let finding = case.ask(&case_of("encrypted_data"), &case_of("iv"), Some(key));
    assert_eq!(
        (finding.opener, finding.believed),
        (Some(Opener::Stranger), Some(Believed::Right))
    );
}

#[test]
fn what_is_no_payload_is_said_to_be_none_and_foreign_text_is_never_cut_inside_a_character() {
    let case = Case::new();
    for nothing in ["undefined", "null", "", "[object Object]"] {
        let finding = case.ask(nothing, nothing, None);
        assert_eq!(finding.data_damage, [Damage::NeverSent], "{nothing}");
        assert_eq!(finding.iv_damage, [Damage::NeverSent], "{nothing}");
        assert!(
            finding.explanation.contains("no payload was sent"),
            "{}",
            finding.explanation
        );
    }
    let pasted = format!("{}…", &case.data[..40]);
    let finding = case.ask(&pasted, &case.iv, None);
    assert_eq!(finding.data_damage, [Damage::Abridged]);
    for foreign in ["é", "ab密文", "CiyLU1é", "😀😀😀😀😀", "%e5%af%86"] {
        let finding = case.ask(foreign, foreign, Some(foreign));
        assert_eq!(finding.opener, None, "{foreign}");
    }
}
