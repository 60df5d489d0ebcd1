//! The sentences, word for word, in both languages. Moments are written by the shell; here they are seconds after the start.

use super::*;

fn clock(at: UnixMs) -> String {
    format!("T+{}", at.since(T0).whole_seconds())
}

fn check(finding: &KeyFinding, english: &[&str], chinese: &[&str]) {
    for (lang, want) in [(Lang::En, english), (Lang::Zh, chinese)] {
        let words = finding.words(Wording {
            lang,
            moment: Some(&clock),
        });
        assert_eq!(words, want);
    }
}

#[test]
fn the_sentences_of_a_stale_key() {
    let case = Case::new();
    let finding = case.ask(
        &case.data.replace('+', " "),
        &case.iv,
        Some(&case.key("alice", 1)),
    );
    check(
        &finding,
        &[
            "It opens under k2 of alice, which k3 displaced at T+30 because of a wx.login on phone.",
            "encryptedData: every + arrived as a space; send base64 as JSON or percent-encode it.",
            "The key you believe in is k1, superseded by k2 at T+20, before the payload was sealed.",
        ],
        &[
            "能用 alice 的 k2 解开，但它已被 k3 替换（T+30），原因是 phone 上又调用了 wx.login。",
            "encryptedData：每个 + 都变成了空格；请用 JSON 发送，或先做 URL 编码。",
            "你手里的是 k1，在加密这份数据之前已被 k2 替换（T+20）。",
        ],
    );
}

#[test]
fn the_sentences_of_a_cut() {
    let case = Case::new();
    let (whole, bytes) = (case.data.len(), base64_len(&case.data));
    let finding = case.ask(&case.data[..255], &case.iv, None);
    let english = format!(
        "encryptedData: its end is missing: 255 of {whole} characters arrived (191 bytes), {} bytes are gone; 255 is a usual width of a column or a buffer.",
        bytes - 191
    );
    let chinese = format!(
        "encryptedData：末尾被截断：只收到 255 个字符（完整应为 {whole} 个），即 191 字节，缺 {} 字节；255 是常见的字段或缓冲区长度。",
        bytes - 191
    );
    let opened = finding.words(Wording::default()).remove(0);
    assert!(opened.starts_with("It opens under k2 of alice"), "{opened}");
    assert_eq!(
        finding.words(Wording::default())[1..],
        std::slice::from_ref(&english)[..]
    );
    let zh = Wording {
        lang: Lang::Zh,
        moment: None,
    };
    assert_eq!(finding.words(zh)[1..], std::slice::from_ref(&chinese)[..]);
}

#[test]
fn the_sentences_of_a_payload_that_was_never_sent() {
    let finding = Case::new().ask("undefined", "undefined", None);
    let english = "no payload was sent: this is empty, or the text of a value that was not there (`undefined`); the person may have refused, so look at errMsg in the page's callback before sending.";
    let chinese = "没有发送数据：这里是空的，或者是不存在的值变成的文字（`undefined`）；用户可能拒绝了授权，发送前请先看回调里的 errMsg。";
    check(
        &finding,
        &[
            "There is nothing to decrypt.",
            &format!("encryptedData: {english}"),
            "iv: it was not sent: this is empty, or the text of a value that was not there (`undefined`); it comes in the same callback as encryptedData and belongs to it alone.",
        ],
        &[
            "没有可以解密的数据。",
            &format!("encryptedData：{chinese}"),
            "iv：没有发送：这里是空的，或者是不存在的值变成的文字（`undefined`）；它与 encryptedData 来自同一次回调，只属于它。",
        ],
    );
}

#[test]
fn the_sentences_of_a_signature() {
    let mut case = Case::new();
    let what = Capture::new(OpenDataApi::GetUserInfo).with_key(KeyChoice::Number(KeyNo(1)));
    let captured = case.stage.capture("alice", what).unwrap();
    let raw = captured.raw_data.unwrap().replace('/', "\\/");
    let finding = case.examine(&Evidence {
        raw_data: Some(&raw),
        signature: captured.signature.as_deref(),
        ..Evidence::default()
    });
    check(
        &finding,
        &[
            "signature: made with k1 of alice, which k2 displaced at T+20 because of a wx.login on phone, as WeChat does, but not over this text: over it after undoing \\/ (PHP's json_encode without JSON_UNESCAPED_SLASHES); hash the text as the page received it.",
        ],
        &[
            "signature：由 alice 的 k1 生成，但它已被 k2 替换（T+20），原因是 phone 上又调用了 wx.login；做法与微信一致，但签的不是这份文本，而是还原 \\/（PHP 的 json_encode 未加 JSON_UNESCAPED_SLASHES）之后的文本；请对页面收到的原文做哈希。",
        ],
    );
}

#[test]
fn every_damage_has_two_languages() {
    // The last one of the enum ends the table: a new one must be put there, or this does not compile.
    let all = [
        Damage::PlusBecameSpace,
        Damage::UrlEncoded,
        Damage::UrlEncodedTwice,
        Damage::JsonEscaped,
        Damage::HtmlEscaped,
        Damage::Quoted,
        Damage::Whitespace,
        Damage::UrlSafeAlphabet,
        Damage::Base64Twice,
        Damage::Hex,
        Damage::PaddingLost,
        Damage::Truncated,
        Damage::BeginningMissing,
        Damage::NeverSent,
        Damage::Abridged,
        Damage::NotBase64,
        Damage::IvLength,
        Damage::IvOfAnotherPayload,
        Damage::Swapped,
        Damage::IsPhoneCode,
        Damage::IsLoginCode,
        Damage::IsSessionKey,
        Damage::IsClearText,
        Damage::IsSignature,
        Damage::IsOpenid,
        Damage::IsAccessToken,
    ];
    for damage in all {
        let (en, zh) = (damage.words(Lang::En), damage.words(Lang::Zh));
        assert!(en.is_ascii() && !zh.is_ascii(), "{damage:?}");
        assert!(!en.ends_with('.') && !zh.ends_with('。'), "{damage:?}");
    }
}
