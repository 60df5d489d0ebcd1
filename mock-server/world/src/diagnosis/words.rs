//! Findings in sentences, in two languages and without a secret.

use super::{Believed, Cut, Damage, KeyFinding, Opener, RawDataChange, Recipe, SignatureFinding};
use crate::{KeyCause, Lang, lang::Wording};

impl KeyFinding {
    /// All of it in sentences, the most important first: what opens the payload, what was done to each text, what is the
    /// matter with the key that was believed in, what the signature tells. No secret is in them.
    #[must_use]
    pub fn words(&self, wording: Wording<'_>) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.has_payload {
            sentences.push(self.opener_words(wording));
            for (name, damage) in [
                ("encryptedData", &self.data_damage),
                ("iv", &self.iv_damage),
            ] {
                sentences.extend(damage.iter().map(|damage| match (damage, self.cut) {
                    (Damage::Truncated, Some(cut)) => cut_words(name, cut, wording),
                    (Damage::NeverSent, _) if name == "iv" => named(
                        name,
                        wording.lang.pick(
                            "it was not sent: this is empty, or the text of a value that was not there (`undefined`); it comes in the same callback as encryptedData and belongs to it alone",
                            "没有发送：这里是空的，或者是不存在的值变成的文字（`undefined`）；它与 encryptedData 来自同一次回调，只属于它",
                        ),
                        wording,
                    ),
                    _ => named(name, damage.words(wording.lang), wording),
                }));
            }
        }
        sentences.extend(
            self.believed
                .as_ref()
                .map(|believed| believed.words(wording)),
        );
        let key = wording.pick(
            || "the key you believe in".to_owned(),
            || "你手里的 key".to_owned(),
        );
        sentences.extend(
            self.believed_damage
                .iter()
                .map(|damage| named(&key, damage.words(wording.lang), wording)),
        );
        if self.believed_unpads {
            sentences.push(wording.pick(
                || "That key ends the payload in valid padding all the same, so a decrypter that checks the padding only takes garbage for success: parse the JSON and compare watermark.appid.".to_owned(),
                || "但用那把 key 解出来的填充恰好合法：只检查填充的解密代码会把乱码当成功。请解析 JSON 并核对 watermark.appid。".to_owned(),
            ));
        }
        sentences.extend(self.signature.as_ref().map(|found| found.words(wording)));
        sentences
    }

    fn opener_words(&self, wording: Wording<'_>) -> String {
        let Some(opener) = &self.opener else {
            let is_something_else = self
                .data_damage
                .iter()
                .any(|damage| damage.is_another_thing());
            return if is_something_else {
                wording.pick(
                    || "There is nothing to decrypt.".to_owned(),
                    || "没有可以解密的数据。".to_owned(),
                )
            } else {
                wording.pick(
                    || "No key of this mock opens it.".to_owned(),
                    || "这个 mock 的任何一把 key 都解不开。".to_owned(),
                )
            };
        };
        let (name, end) = opener.words(wording);
        wording.pick(
            || format!("It opens under {name}{end}."),
            || format!("能用{name}解开{end}。"),
        )
    }
}

fn named(name: &str, what: &str, wording: Wording<'_>) -> String {
    wording.pick(
        || format!("{name}: {what}."),
        || format!("{name}：{what}。"),
    )
}

fn cut_words(name: &str, cut: Cut, wording: Wording<'_>) -> String {
    let Cut {
        characters,
        bytes,
        missing,
        ..
    } = cut;
    let whole = cut.whole_characters();
    wording.pick(
        || {
            let of = whole.map_or_else(String::new, |whole| format!(" of {whole}"));
            let least = if cut.is_exact { "" } else { "at least " };
            let width = if cut.is_usual_width() {
                format!("; {characters} is a usual width of a column or a buffer")
            } else {
                "; look at column widths and body limits".to_owned()
            };
            format!("{name}: its end is missing: {characters}{of} characters arrived ({bytes} bytes), {least}{missing} bytes are gone{width}.")
        },
        || {
            let of = whole.map_or_else(String::new, |whole| format!("（完整应为 {whole} 个）"));
            let least = if cut.is_exact { "" } else { "至少" };
            let width = if cut.is_usual_width() {
                format!("；{characters} 是常见的字段或缓冲区长度")
            } else {
                "；请检查字段长度和请求体大小限制".to_owned()
            };
            format!("{name}：末尾被截断：只收到 {characters} 个字符{of}，即 {bytes} 字节，{least}缺 {missing} 字节{width}。")
        },
    )
}

impl Opener {
    /// `k2 of alice`, and how that key stands: both for the middle of a sentence.
    fn words(&self, wording: Wording<'_>) -> (String, String) {
        match self {
            Self::Issued {
                app,
                user,
                no,
                other_app,
                other_user,
                ..
            } => {
                let name = wording.pick(
                    || match other_app {
                        true => format!("{no} of {user} in another app ({app})"),
                        false if *other_user => format!("{no} of {user}, another person"),
                        false => format!("{no} of {user}"),
                    },
                    || match other_app {
                        true => format!("另一个小程序（{app}）里 {user} 的 {no} "),
                        false if *other_user => format!("另一个人 {user} 的 {no} "),
                        false => format!(" {user} 的 {no} "),
                    },
                );
                (name, self.end_words(wording))
            }
            Self::NeverIssued { user, number } => (
                wording.pick(
                    || {
                        format!(
                            "a key WeChat never issued (number {number} of the phone of {user})"
                        )
                    },
                    || format!("一把微信从未签发过的 key（{user} 的手机上的第 {number} 把）"),
                ),
                String::new(),
            ),
            Self::Stranger => (
                wording.pick(
                    || "the key you named, which this mock never issued".to_owned(),
                    || "你给出的 key（这个 mock 没有签发过它）".to_owned(),
                ),
                String::new(),
            ),
        }
    }

    /// How an issued key stands: in force, displaced by what and when, expired.
    fn end_words(&self, wording: Wording<'_>) -> String {
        match self {
            Self::Issued { current: true, .. } => wording.pick(
                || ", the key in force".to_owned(),
                || "，即当前有效的 key".to_owned(),
            ),
            Self::Issued {
                displaced_by: Some(by),
                displaced_at: Some(at),
                displaced_because,
                displaced_from,
                ..
            } => {
                let at = wording.at(*at);
                let phone = displaced_from.as_ref();
                wording.pick(
                    || {
                        let because = match (displaced_because, phone) {
                            (Some(KeyCause::Login), Some(phone)) => {
                                format!(" because of a wx.login on {phone}")
                            }
                            (Some(KeyCause::Exchange), Some(phone)) => {
                                format!(" because a code of {phone} was exchanged")
                            }
                            (Some(KeyCause::Reset), _) => " by resetusersessionkey".to_owned(),
                            (Some(KeyCause::Rotate), _) => " by hand".to_owned(),
                            _ => String::new(),
                        };
                        format!(", which {by} displaced{at}{because}")
                    },
                    || {
                        let because = match (displaced_because, phone) {
                            (Some(KeyCause::Login), Some(phone)) => {
                                format!("，原因是 {phone} 上又调用了 wx.login")
                            }
                            (Some(KeyCause::Exchange), Some(phone)) => {
                                format!("，原因是 {phone} 的 code 被换取")
                            }
                            (Some(KeyCause::Reset), _) => {
                                "，原因是调用了 resetusersessionkey".to_owned()
                            }
                            (Some(KeyCause::Rotate), _) => "，原因是手动更换".to_owned(),
                            _ => String::new(),
                        };
                        format!("，但它已被 {by} 替换{at}{because}")
                    },
                )
            }
            Self::Issued {
                expired_at: Some(at),
                ..
            } => {
                let at = wording.at(*at);
                wording.pick(
                    || format!(", which expired{at}"),
                    || format!("，但它已过期{at}"),
                )
            }
            Self::Issued { .. } => wording.pick(
                || ", which is not in force".to_owned(),
                || "，但它并未生效".to_owned(),
            ),
            Self::NeverIssued { .. } | Self::Stranger => String::new(),
        }
    }
}

impl Damage {
    /// Whether the text is not a payload at all but something else, or nothing.
    #[must_use]
    pub const fn is_another_thing(self) -> bool {
        matches!(
            self,
            Self::NeverSent
                | Self::IsPhoneCode
                | Self::IsLoginCode
                | Self::IsSessionKey
                | Self::IsClearText
                | Self::IsSignature
                | Self::IsOpenid
                | Self::IsAccessToken
        )
    }

    /// What happened and what to do about it, for the middle of a sentence.
    #[must_use]
    pub const fn words(self, lang: Lang) -> &'static str {
        let (en, zh) = self.both();
        lang.pick(en, zh)
    }

    const fn both(self) -> (&'static str, &'static str) {
        match self {
            Self::PlusBecameSpace => (
                "every + arrived as a space; send base64 as JSON or percent-encode it",
                "每个 + 都变成了空格；请用 JSON 发送，或先做 URL 编码",
            ),
            Self::UrlEncoded => (
                "it is still percent-encoded; decode it once more or encode it once less",
                "仍是 URL 编码；请多解码一次，或少编码一次",
            ),
            Self::UrlEncodedTwice => ("it is percent-encoded twice", "被 URL 编码了两次"),
            Self::JsonEscaped => (
                "it is still escaped as in JSON (\\/ or \\u003d); parse the JSON instead of cutting it out",
                "仍带着 JSON 的转义（\\/ 或 \\u003d）；请解析 JSON，不要直接截取",
            ),
            Self::HtmlEscaped => (
                "it is escaped as in HTML (&#43;, &#x3D;); an XSS filter in front of the backend may have done it",
                "被做了 HTML 转义（&#43;、&#x3D;），可能是后端前面的 XSS 过滤器所为",
            ),
            Self::Quoted => (
                "it has quotation marks around it; parse the JSON instead of cutting it out",
                "前后带着引号；请解析 JSON，不要直接截取",
            ),
            Self::Whitespace => ("white space was put in", "混入了空白或换行"),
            Self::UrlSafeAlphabet => (
                "it uses - and _ instead of + and /",
                "用了 URL 安全的字母表：- 和 _ 代替了 + 和 /",
            ),
            Self::Base64Twice => (
                "it is base64 of base64; encode it once less",
                "被做了两次 base64；请少编码一次",
            ),
            Self::Hex => (
                "it is hexadecimal instead of base64",
                "是十六进制，不是 base64",
            ),
            Self::PaddingLost => ("the = at the end are gone", "末尾的 = 丢了"),
            Self::Truncated => (
                "its end is missing; look at column widths and body limits",
                "末尾被截断；请检查字段长度和请求体大小限制",
            ),
            Self::BeginningMissing => (
                "its beginning is missing: the end opens, the first blocks are not there; look at what cuts the text before it is stored or sent",
                "开头丢失：末尾能解开，前面的数据块不在；请检查存储或发送之前是哪里截掉了它",
            ),
            Self::NeverSent => (
                "no payload was sent: this is empty, or the text of a value that was not there (`undefined`); the person may have refused, so look at errMsg in the page's callback before sending",
                "没有发送数据：这里是空的，或者是不存在的值变成的文字（`undefined`）；用户可能拒绝了授权，发送前请先看回调里的 errMsg",
            ),
            Self::Abridged => (
                "the text was cut at an ellipsis; paste it whole",
                "文本在省略号处被截短；请完整粘贴",
            ),
            Self::NotBase64 => ("it is not base64", "不是 base64"),
            Self::IvLength => ("it does not have 16 bytes", "不是 16 字节"),
            Self::IvOfAnotherPayload => (
                "it belongs to another payload: only the first 16 bytes come out wrong",
                "它属于另一份数据：只有前 16 字节解错",
            ),
            Self::Swapped => (
                "it stands in the place of iv, and iv in its place; swap them",
                "和 iv 放反了位置；请对调",
            ),
            Self::IsPhoneCode => (
                "this is the code of the phone button, not a payload; send it to getuserphonenumber, there is nothing to decrypt",
                "这是手机号按钮的 code，不是加密数据；请用它调用 getuserphonenumber，不需要解密",
            ),
            Self::IsLoginCode => (
                "this is the code of wx.login, not a payload; exchange it at jscode2session",
                "这是 wx.login 的 code，不是加密数据；请用它调用 jscode2session",
            ),
            Self::IsSessionKey => (
                "this is a session_key; each payload comes with an iv of its own, and the key never leaves the backend",
                "这是 session_key；每份数据都自带 iv，而 key 不应离开后端",
            ),
            Self::IsClearText => (
                "this is JSON in clear (rawData?), not a payload; there is nothing to decrypt",
                "这是明文 JSON（rawData？），不是加密数据，不需要解密",
            ),
            Self::IsSignature => (
                "this is a signature (40 hexadecimal digits), not a payload",
                "这是 signature（40 位十六进制），不是加密数据",
            ),
            Self::IsOpenid => ("this is an openid", "这是 openid"),
            Self::IsAccessToken => ("this is an access_token", "这是 access_token"),
        }
    }
}

impl Believed {
    fn words(&self, wording: Wording<'_>) -> String {
        match self {
            Self::Right => wording.pick(
                || "The key you believe in is the right one.".to_owned(),
                || "你手里的 key 是对的。".to_owned(),
            ),
            Self::NotAKey => wording.pick(
                || "What you believe in is not a session_key: want base64 of 16 bytes.".to_owned(),
                || "你手里的不是 session_key：它应是 16 字节的 base64。".to_owned(),
            ),
            Self::IsIv => wording.pick(
                || "The key you believe in is the iv of this payload.".to_owned(),
                || "你手里的 key 其实是这份数据的 iv。".to_owned(),
            ),
            Self::Superseded { no, by, at } => {
                let at = wording.at(*at);
                wording.pick(
                    || format!("The key you believe in is {no}, superseded by {by}{at}, before the payload was sealed."),
                    || format!("你手里的是 {no}，在加密这份数据之前已被 {by} 替换{at}。"),
                )
            }
            Self::Newer { no } => wording.pick(
                || format!("The key you believe in is {no}, newer than the payload: it was captured before that login, so capture again."),
                || format!("你手里的是 {no}，比这份数据新：数据是在那次登录之前取的，请登录后重新获取加密数据。"),
            ),
            Self::OtherUser { user, no } => wording.pick(
                || format!("The key you believe in is {no} of {user}, somebody else's."),
                || format!("你手里的是另一个人 {user} 的 {no}。"),
            ),
            Self::OtherApp { app, user, no } => wording.pick(
                || format!("The key you believe in is {no} of {user} in another app ({app})."),
                || format!("你手里的是另一个小程序（{app}）里 {user} 的 {no}。"),
            ),
            Self::Unknown => wording.pick(
                || "The key you believe in was never issued by this mock.".to_owned(),
                || "你手里的 key 不是这个 mock 签发的。".to_owned(),
            ),
            Self::PayloadBroken { user, no } => wording.pick(
                || format!("The key you believe in is {no} of {user}, but the payload is broken: nothing opens it."),
                || format!("你手里的是 {user} 的 {no}，但数据本身已损坏：哪一把 key 都解不开。"),
            ),
        }
    }
}

impl SignatureFinding {
    fn words(&self, wording: Wording<'_>) -> String {
        match self {
            Self::Made {
                signer,
                recipe,
                changes,
                differs,
                believed,
            } => {
                let (name, end) = signer.words(wording);
                let mut text = wording.pick(
                    || format!("signature: made with {name}{end}, {}", recipe.words(wording.lang)),
                    || format!("signature：由{name}生成{end}；{}", recipe.words(wording.lang)),
                );
                text.push_str(&over_words(*recipe, changes, differs, wording));
                if *believed == Some(false) {
                    text.push_str(&wording.pick(
                        || "; the key you believe in is not the one".to_owned(),
                        || "；不是你手里的那把 key".to_owned(),
                    ));
                }
                text.push_str(wording.lang.pick(".", "。"));
                text
            }
            Self::ByNobody => wording.pick(
                || "signature: no key of this mock made it over this rawData, not even with the usual damage undone; take rawData as the page received it, a text, and do not build it again from userInfo.".to_owned(),
                || "signature：这个 mock 的任何一把 key 都没有对这份 rawData 生成过它，还原常见的改动后也不行；请原样使用页面收到的 rawData 文本，不要用 userInfo 重新拼。".to_owned(),
            ),
            Self::NoRawData => wording.pick(
                || "signature: there is no rawData beside it, and it is rawData that was signed.".to_owned(),
                || "signature：没有 rawData，而签名正是对它做的。".to_owned(),
            ),
            Self::NoSignature => wording.pick(
                || "signature: none was sent: it is empty, or the text of a value that was not there (`undefined`).".to_owned(),
                || "signature：没有发送：这里是空的，或者是不存在的值变成的文字（`undefined`）。".to_owned(),
            ),
            Self::NotASignature { characters } => wording.pick(
                || format!("signature: {characters} characters are none: want 40 hexadecimal digits (SHA-1) or 64 (HMAC-SHA256)."),
                || format!("signature：{characters} 个字符不是签名：应是 40 位（SHA-1）或 64 位（HMAC-SHA256）十六进制。"),
            ),
        }
    }
}

/// Over which text it was made: for the middle of a sentence.
fn over_words(
    recipe: Recipe,
    changes: &[RawDataChange],
    differs: &[String],
    wording: Wording<'_>,
) -> String {
    let lang = wording.lang;
    if recipe == Recipe::HmacOfNothing {
        return String::new();
    }
    if changes.is_empty() {
        return lang
            .pick(", over exactly this rawData", "，签的正是这份 rawData")
            .to_owned();
    }
    if changes.contains(&RawDataChange::Replaced) {
        let fields = if differs.is_empty() {
            String::new()
        } else {
            let between = lang.pick(", ", "、");
            wording.pick(
                || format!(" (different: {})", differs.join(between)),
                || format!("（不同的字段：{}）", differs.join(between)),
            )
        };
        return wording.pick(
            || format!(", over another text than this: the rawData of that phone{fields}; the text was spoilt on its way, often an emoji by a three-byte character set"),
            || format!("，但签的不是这份文本，而是那台手机的 rawData{fields}；文本在途中被改坏了，常见的是 emoji 遇到三字节字符集"),
        );
    }
    let undone: Vec<&str> = changes.iter().map(|change| change.words(lang)).collect();
    wording.pick(
        || {
            format!(
                ", but not over this text: over it after {}; hash the text as the page received it",
                undone.join(", then ")
            )
        },
        || {
            format!(
                "，但签的不是这份文本，而是{}之后的文本；请对页面收到的原文做哈希",
                undone.join("、再")
            )
        },
    )
}

impl RawDataChange {
    const fn words(self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Self::Trimmed => ("taking away white space around it", "去掉首尾空白"),
            Self::Unstringified => (
                "undoing a second JSON.stringify",
                "还原多做的一次 JSON.stringify",
            ),
            Self::PercentDecoded => ("undoing percent-encoding", "还原 URL 编码"),
            Self::HtmlUnescaped => ("undoing HTML escapes (&quot;)", "还原 HTML 转义（&quot;）"),
            Self::SlashesUnescaped => (
                "undoing \\/ (PHP's json_encode without JSON_UNESCAPED_SLASHES)",
                "还原 \\/（PHP 的 json_encode 未加 JSON_UNESCAPED_SLASHES）",
            ),
            Self::UnicodeUnescaped => (
                "undoing \\uXXXX escapes of emoji or Chinese",
                "还原 emoji 或中文的 \\uXXXX 转义",
            ),
            Self::Compacted => (
                "taking away the white space between its tokens: it was serialised again",
                "去掉 JSON 各部分之间的空白（被重新序列化过）",
            ),
            Self::Reordered => (
                "putting its fields back into WeChat's order: it was parsed and serialised again",
                "恢复微信的字段顺序（被解析后重新序列化过）",
            ),
            Self::Replaced => ("replacing it", "整个替换"),
        };
        lang.pick(en, zh)
    }
}

impl Recipe {
    const fn words(self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Self::Sha1 => ("as WeChat does", "做法与微信一致"),
            Self::Sha1DecodedKey => (
                "but with the decoded bytes of the key: use the base64 text as it is",
                "但用了 base64 解码后的 key；请直接使用 base64 文本",
            ),
            Self::Sha1KeyFirst => (
                "but with the key before rawData: it belongs behind it",
                "但把 key 放在了 rawData 前面；应放在后面",
            ),
            Self::HmacOfNothing => (
                "as HMAC-SHA256 of the empty text, which is what calls without a body are signed with",
                "是空文本的 HMAC-SHA256，即没有请求体的接口所用的签名",
            ),
            Self::Hmac => (
                "as HMAC-SHA256, which is what server calls with a body are signed with",
                "是 HMAC-SHA256，即带请求体的接口所用的签名",
            ),
        };
        lang.pick(en, zh)
    }
}
