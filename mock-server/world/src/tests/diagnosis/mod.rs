//! What became of a payload: every damage is made here by code, undone and named.

mod pasted;
mod signature;
mod words;

use proptest::prelude::*;

use super::*;
use crate::{
    Believed, Damage, Evidence, KeyCause, KeyChoice, KeyFinding, KeyNo, Lang, Opener, Wording,
};

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
        self.examine(&Evidence {
            encrypted_data: Some(data),
            iv: Some(iv),
            believed,
            ..Evidence::default()
        })
    }

    fn examine(&self, evidence: &Evidence<'_>) -> KeyFinding {
        let alice = "alice".parse().unwrap();
        let app = &self.stage.app.appid;
        let world = &self.stage.world;
        world.which_key(Some(app), Some(&alice), evidence).unwrap()
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

fn said(finding: &KeyFinding) -> String {
    finding.words(Wording::default()).join(" ")
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
        assert_eq!(finding.believed, Some(want), "{}", said(&finding));
        assert!(
            !said(&finding).contains(&case.key("alice", 2)),
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
        assert!(finding.opener.is_some(), "{want:?}: {}", said(&finding));
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
    for lost in [4, 5, 40, 61] {
        check(&case.data[lost..], &[Damage::BeginningMissing]);
    }
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
        said(&finding)
    );
    assert!(finding.opener.is_some());
    let finding = case.ask(&case.data, "AAAA", None);
    assert_eq!(finding.iv_damage, [Damage::IvLength]);
    assert!(finding.opener.is_some(), "{}", said(&finding));
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
        let evidence = Evidence {
            encrypted_data: Some(&captured.encrypted_data),
            iv: Some(&captured.iv),
            ..Evidence::default()
        };
        world.which_key(Some(&app), user, &evidence).unwrap()
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
        "../../../../../scenarios/vectors/open-data-aes.json"
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
            said(&finding).contains("no payload was sent"),
            "{}",
            said(&finding)
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

#[test]
fn what_programs_do_to_base64_is_undone_and_named() {
    let case = Case::new();
    let engine = base64::engine::general_purpose::STANDARD;
    let twice = base64::Engine::encode(&engine, &case.data);
    let bytes = base64::Engine::decode(&engine, &case.data).unwrap();
    let gson = case.data.replace('=', "\\u003d").replace('+', "\\u002b");
    let html = case.data.replace('=', "&#x3D;").replace('+', "&#43;");
    let table: [(String, &[Damage]); 6] = [
        (gson, &[Damage::JsonEscaped]),
        (html, &[Damage::HtmlEscaped]),
        (format!("\"{}\"", case.data), &[Damage::Quoted]),
        (twice, &[Damage::Base64Twice]),
        (hex::encode(&bytes), &[Damage::Hex]),
        (
            format!("'{}'\n", case.data.replace('+', " ")),
            &[Damage::Whitespace, Damage::Quoted, Damage::PlusBecameSpace],
        ),
    ];
    for (data, want) in table {
        let finding = case.ask(&data, &case.iv, None);
        assert!(finding.opener.is_some(), "{want:?}: {}", said(&finding));
        assert_eq!(finding.data_damage, want);
    }
    let iv = base64::Engine::encode(&engine, &case.iv);
    assert_eq!(
        case.ask(&case.data, &iv, None).iv_damage,
        [Damage::Base64Twice]
    );
}

#[test]
fn texts_that_stand_where_others_belong_are_recognised() {
    let mut case = Case::new();
    let swapped = case.ask(&case.iv, &case.data, None);
    assert_eq!(swapped.data_damage, [Damage::Swapped]);
    assert!(swapped.opener.is_some() && swapped.iv_damage.is_empty());
    let iv_is_key = case.ask(&case.data, &case.key("alice", 1), None);
    assert_eq!(iv_is_key.iv_damage, [Damage::IsSessionKey]);
    assert!(iv_is_key.opener.is_some(), "the rest opens all the same");
    let login = case.stage.login("alice").code.to_string();
    let phone = case
        .stage
        .capture("alice", Capture::new(OpenDataApi::GetPhoneNumber))
        .unwrap()
        .code
        .unwrap();
    let captured = case.stage.user_info("alice");
    let token = case.stage.token();
    for (data, want) in [
        (phone.as_str(), Damage::IsPhoneCode),
        (login.as_str(), Damage::IsLoginCode),
        (&case.key("alice", 2), Damage::IsSessionKey),
        (captured.raw_data.as_deref().unwrap(), Damage::IsClearText),
        (captured.signature.as_deref().unwrap(), Damage::IsSignature),
        (&token, Damage::IsAccessToken),
    ] {
        let finding = case.ask(data, &case.iv, None);
        assert_eq!(finding.data_damage, [want], "{}", said(&finding));
        assert!(said(&finding).starts_with("There is nothing to decrypt."));
    }
}

#[test]
fn a_cut_says_how_much_is_missing() {
    let case = Case::new();
    let whole = base64_len(&case.data);
    for kept in [255, 256, 400] {
        let finding = case.ask(&case.data[..kept], &case.iv, None);
        let cut = finding.cut.unwrap();
        assert_eq!(cut.bytes + cut.missing, whole, "{kept}: {cut:?}");
        assert_eq!(cut.whole_characters(), Some(case.data.len()), "{kept}");
        assert_eq!((cut.characters, cut.is_exact), (kept, true));
        assert_eq!(cut.is_usual_width(), kept != 400);
    }
    let unknown = case.ask(&case.data[80..151], &case.iv, None).cut.unwrap();
    assert_eq!((unknown.bytes, unknown.missing), (53, 11));
    assert!(!unknown.is_exact);
    assert_eq!(case.ask(&case.data, &case.iv, None).cut, None);
}

fn base64_len(text: &str) -> usize {
    text.trim_end_matches('=').len() * 3 / 4
}

#[test]
fn keys_of_other_apps_and_people_are_found_and_said_to_be_theirs() {
    let mut case = Case::new();
    let other = case
        .stage
        .world
        .create_app(T0, NewApp::default())
        .unwrap()
        .reply
        .appid;
    let carol: crate::UserId = "carol".parse().unwrap();
    case.stage
        .world
        .create_user(T0, &other, NewUser::named(carol.clone()))
        .unwrap();
    let who = Who {
        app: other.clone(),
        user: carol,
        device: "phone".parse().unwrap(),
    };
    let now = case.stage.now;
    case.stage.world.login(now, &who).reply.unwrap();
    let what = Capture::new(OpenDataApi::GetUserInfo);
    let captured = case.stage.world.capture(now, &who, &what).reply.unwrap();
    let own = case.key("alice", 1);
    let finding = case.ask(&captured.encrypted_data, &captured.iv, Some(&own));
    assert!(
        matches!(&finding.opener, Some(Opener::Issued { app, other_app: true, .. }) if *app == other)
    );
    assert!(
        matches!(&finding.believed, Some(Believed::OtherApp { app, .. }) if *app == case.stage.app.appid)
    );
    let bobs = case.stage.user_info("bob");
    let finding = case.ask(&bobs.encrypted_data, &bobs.iv, None);
    assert!(matches!(
        &finding.opener,
        Some(Opener::Issued {
            other_user: true,
            other_app: false,
            ..
        })
    ));
    let nowhere = case.stage.world.which_key(
        None,
        None,
        &Evidence {
            encrypted_data: Some(&bobs.encrypted_data),
            iv: Some(&bobs.iv),
            ..Evidence::default()
        },
    );
    assert!(
        matches!(
            nowhere.unwrap().opener,
            Some(Opener::Issued {
                other_user: false,
                other_app: false,
                ..
            })
        ),
        "nobody was asked about, so nobody is somebody else"
    );
}

#[test]
fn what_displaced_a_key_is_said() {
    let case = Case::new();
    let finding = case.ask(&case.data, &case.iv, None);
    let Some(Opener::Issued {
        displaced_because,
        displaced_from,
        displaced_at,
        ..
    }) = finding.opener
    else {
        panic!("{finding:?}")
    };
    assert_eq!(displaced_because, Some(KeyCause::Login));
    assert_eq!(displaced_from, Some("phone".parse().unwrap()));
    assert_eq!(displaced_at, Some(T0.plus(Span::s(30))));
}

#[test]
fn a_believed_key_that_was_spoilt_in_storage_is_right_and_yet_not_good() {
    let case = Case::new();
    let key = case.key("alice", 2);
    let right = case.ask(&case.data, &case.iv, Some(&key));
    assert!(right.is_good());
    for (text, want) in [
        (format!("{key}\n"), Damage::Whitespace),
        (format!("\"{key}\""), Damage::Quoted),
        (key.replace('=', "%3D"), Damage::UrlEncoded),
        (key.trim_end_matches('=').to_owned(), Damage::PaddingLost),
    ] {
        let finding = case.ask(&case.data, &case.iv, Some(&text));
        assert_eq!(finding.believed, Some(Believed::Right), "{want:?}");
        assert_eq!(finding.believed_damage, [want]);
        assert!(!finding.is_good());
    }
    let iv = case.ask(&case.data, &case.iv, Some(&case.iv));
    assert_eq!(iv.believed, Some(Believed::IsIv));
    let undefined = case.ask(&case.data, &case.iv, Some("undefined"));
    assert_eq!(undefined.believed, Some(Believed::NotAKey));
    assert_eq!(undefined.believed_damage, [Damage::NeverSent]);
}

#[test]
fn a_stale_key_that_ends_in_valid_padding_is_called_out() {
    // Which of the keys never issued does so is a matter of the seed; one in 256 does.
    let mut case = Case::new();
    let mut seen = (0, 0);
    for _ in 0..600 {
        let captured = case.stage.user_info("bob");
        let believed = case.key("alice", 1);
        let finding = case.ask(&captured.encrypted_data, &captured.iv, Some(&believed));
        let iv = crate::Iv::from_base64(&captured.iv).unwrap();
        let key = crate::SessionKey::from_base64(&believed).unwrap();
        let unpads = crypto::open(&key, &iv, &captured.encrypted_data).is_ok();
        assert_eq!(finding.believed_unpads, unpads);
        assert_eq!(said(&finding).contains("valid padding"), unpads);
        seen = (seen.0 + u32::from(unpads), seen.1 + 1);
    }
    assert!(seen.0 > 0, "none of {} payloads", seen.1);
}

/// Any text at all, and texts that nearly are what they should be.
fn foreign() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[A-Za-z0-9+/=_ %…\\\\\"'&#;é密😀-]{0,120}",
        "\\{?\"?(encryptedData|iv|rawData|signature)\"?[:=&? ]{0,3}[\"'A-Za-z0-9+/=%…\\\\{}-]{0,80}",
        "(curl|\\$curl|POST) .{0,120}",
        Just("{\"a\":[".repeat(2000)),
        Just("((((".repeat(2000)),
    ]
}

proptest! {
    #[test]
    fn no_text_makes_the_diagnosis_panic(
        data in foreign(),
        iv in foreign(),
        key in foreign(),
        raw in foreign(),
        signature in prop_oneof![foreign(), "[0-9a-fA-F]{40}", "[0-9a-f]{64}"],
        lang in prop_oneof![Just(Lang::En), Just(Lang::Zh)],
    ) {
        let case = Case::new();
        let clock = |at: UnixMs| at.to_string();
        for (data, iv) in [(&data, &iv), (&case.data, &iv), (&data, &case.iv)] {
            let finding = case.examine(&Evidence {
                encrypted_data: Some(data),
                iv: Some(iv),
                believed: Some(&key),
                raw_data: Some(&raw),
                signature: Some(&signature),
            });
            let words = finding.words(Wording { lang, moment: Some(&clock) });
            prop_assert!(!words.is_empty());
            let json = serde_json::to_string(&finding).unwrap();
            prop_assert_eq!(serde_json::from_str::<KeyFinding>(&json).unwrap(), finding);
        }
        for text in [data, iv, key, raw] {
            let _ = crate::Pasted::read(&text);
        }
    }

    /// What is cut anywhere is never said to be whole, and what it says is a beginning of what it was.
    #[test]
    fn a_cut_anywhere_is_noticed(kept in 70_usize..300) {
        let case = Case::new();
        prop_assume!(kept < case.data.trim_end_matches('=').len());
        let finding = case.ask(&case.data[..kept], &case.iv, None);
        prop_assert!(finding.data_damage.contains(&Damage::Truncated), "{}", said(&finding));
        prop_assert!(finding.opener.is_some());
    }
}
