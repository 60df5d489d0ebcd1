//! Which key made a signature, and over exactly which text.

use super::*;
use crate::{Profile, RawDataChange, Recipe, SignatureFinding};

/// A profile with everything in it that libraries write differently.
fn colourful() -> Profile {
    Profile {
        nick_name: "张三 😀 \"Tom\" %41".to_owned(),
        gender: 1,
        language: "zh_CN".to_owned(),
        city: String::new(),
        province: "广东".to_owned(),
        country: "CN".to_owned(),
        avatar_url: "https://thirdwx.qlogo.cn/mmopen/vi_32/a/132".to_owned(),
    }
}

/// alice's payload under her second of three keys, with rawData and signature.
fn signed() -> (Case, String, String) {
    let mut case = Case::new();
    let app = case.stage.app.appid.clone();
    let edit = crate::EditUser {
        profile: Some(colourful()),
        ..crate::EditUser::default()
    };
    case.stage
        .world
        .edit_user(case.stage.now, &app, &"alice".parse().unwrap(), edit)
        .unwrap();
    let what = Capture::new(OpenDataApi::GetUserInfo).with_key(KeyChoice::Number(KeyNo(2)));
    let captured = case.stage.capture("alice", what).unwrap();
    (
        case,
        captured.raw_data.unwrap(),
        captured.signature.unwrap(),
    )
}

fn look(case: &Case, raw: &str, signature: &str, believed: Option<&str>) -> SignatureFinding {
    let finding = case.examine(&Evidence {
        raw_data: Some(raw),
        signature: Some(signature),
        believed,
        ..Evidence::default()
    });
    assert!(!finding.has_payload && finding.opener.is_none());
    finding.signature.unwrap()
}

/// What Python's `json.dumps` makes of parsed JSON by default.
fn python(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    let fields = value.as_object().unwrap().iter();
    let fields: Vec<String> = fields
        .map(|(name, value)| format!("\"{name}\": {value}"))
        .collect();
    escaped(&format!("{{{}}}", fields.join(", ")))
}

/// Every character beyond ASCII as `\uXXXX`.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(byte) if byte.is_ascii() => out.push(char::from(byte)),
            _ => out.push_str(&format!("\\u{unit:04x}")),
        }
    }
    out
}

#[test]
fn what_libraries_do_to_raw_data_is_undone_and_named() {
    use RawDataChange::*;
    let (case, raw, signature) = signed();
    let check = |text: String, want: &[RawDataChange]| {
        assert!(want.is_empty() || text != raw, "{want:?} changed nothing");
        match look(&case, &text, &signature, None) {
            SignatureFinding::Made {
                signer: Opener::Issued { no, user, .. },
                recipe: Recipe::Sha1,
                changes,
                ..
            } => {
                assert_eq!((no, user.as_ref()), (KeyNo(2), "alice"));
                assert_eq!(changes, want, "{text}");
            }
            other => panic!("{want:?}: {other:?} over {text}"),
        }
    };
    check(raw.clone(), &[]);
    check(format!(" {raw}\n"), &[Trimmed]);
    check(serde_json::to_string(&raw).unwrap(), &[Unstringified]);
    check(raw.replace('/', "\\/"), &[SlashesUnescaped]);
    check(escaped(&raw), &[UnicodeUnescaped]);
    check(
        escaped(&raw.replace('/', "\\/")),
        &[SlashesUnescaped, UnicodeUnescaped],
    );
    check(python(&raw), &[UnicodeUnescaped, Compacted]);
    check(raw.replace('"', "&quot;"), &[HtmlUnescaped]);
    let mut fields: Vec<(String, serde_json::Value)> =
        serde_json::from_str::<serde_json::Map<_, _>>(&raw)
            .unwrap()
            .into_iter()
            .collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    let sorted = serde_json::Value::Object(fields.into_iter().collect()).to_string();
    check(sorted, &[Reordered]);
    let encoded: String = raw
        .bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect();
    check(encoded, &[PercentDecoded]);
}

#[test]
fn a_text_spoilt_beyond_undoing_is_told_from_a_wrong_key() {
    let (case, raw, signature) = signed();
    let spoilt = raw.replace('😀', "?");
    let SignatureFinding::Made {
        changes, differs, ..
    } = look(&case, &spoilt, &signature, None)
    else {
        panic!("not recognised")
    };
    assert_eq!(changes, [RawDataChange::Replaced]);
    assert_eq!(differs, ["nickName"]);
    let other = look(&case, &raw, &"0".repeat(40), None);
    assert_eq!(other, SignatureFinding::ByNobody);
}

#[test]
fn the_believed_key_and_wrong_recipes_are_named() {
    let (case, raw, signature) = signed();
    for (no, want) in [(1, Some(false)), (2, Some(true))] {
        let key = case.key("alice", no);
        let SignatureFinding::Made { believed, .. } = look(&case, &raw, &signature, Some(&key))
        else {
            panic!("k{no}")
        };
        assert_eq!(believed, want, "k{no}");
    }
    let key = crate::SessionKey::from_base64(&case.key("alice", 3)).unwrap();
    let sha1 = |parts: [&[u8]; 2]| {
        use sha1::Digest as _;
        let digest = sha1::Sha1::new()
            .chain_update(parts[0])
            .chain_update(parts[1]);
        hex::encode(digest.finalize())
    };
    let text = key.base64();
    for (signature, want) in [
        (sha1([raw.as_bytes(), key.bytes()]), Recipe::Sha1DecodedKey),
        (
            sha1([text.as_bytes(), raw.as_bytes()]),
            Recipe::Sha1KeyFirst,
        ),
        (crypto::hmac_signature(&key, b""), Recipe::HmacOfNothing),
        (crypto::hmac_signature(&key, raw.as_bytes()), Recipe::Hmac),
        (
            crypto::sign_raw_data(&raw, &key).to_uppercase(),
            Recipe::Sha1,
        ),
    ] {
        match look(&case, &raw, &signature, None) {
            SignatureFinding::Made {
                recipe,
                signer: Opener::Issued { no: KeyNo(3), .. },
                ..
            } => assert_eq!(recipe, want),
            other => panic!("{want:?}: {other:?}"),
        }
    }
}

#[test]
fn what_is_no_signature_is_said_to_be_none() {
    let case = Case::new();
    for (raw, signature, want) in [
        ("x", "undefined", SignatureFinding::NoSignature),
        (
            "undefined",
            "75e81ceda165f4ffa64f4068af58c64b8f54b88c",
            SignatureFinding::NoRawData,
        ),
        (
            "x",
            "r7BXXKkLb8qrSNn05n0qiA==",
            SignatureFinding::NotASignature { characters: 24 },
        ),
        ("x", "é", SignatureFinding::NotASignature { characters: 1 }),
    ] {
        assert_eq!(look(&case, raw, signature, None), want, "{signature}");
    }
}
