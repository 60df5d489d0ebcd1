//! Reasons in one sentence each, and what to do about them, in two languages and without a secret.

use super::{Alteration, BodyMistake, Refusal, SigningMistake};
use crate::{AppKind, Lang, TokenEnd, lang::Wording};

impl Alteration {
    const fn words(self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Self::WhiteSpace => ("with white space before or behind it", "前后带着空白"),
            Self::Quoted => ("with quotation marks around it", "外面带着引号"),
            Self::PercentEncoded => ("percent-encoded twice", "被 URL 编码了两次"),
            Self::Invisible => (
                "with characters before or behind it that nobody sees (a byte order mark, a zero-width space)",
                "前后带着看不见的字符（BOM、零宽空格）",
            ),
            Self::InJson => ("inside a JSON object", "外面包着一层 JSON"),
            Self::UpperCase => ("in upper case", "被改成了大写"),
        };
        lang.pick(en, zh)
    }
}

impl BodyMistake {
    const fn words(self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Self::Empty => ("the POST has no body", "POST 没有请求体"),
            Self::Form => (
                "the body is a form; this endpoint wants JSON",
                "请求体是表单；这个接口要 JSON",
            ),
            Self::Xml => (
                "the body is XML; this endpoint wants JSON",
                "请求体是 XML；这个接口要 JSON",
            ),
            Self::Broken => (
                "the body begins like JSON and is not: it breaks off, or something follows its end",
                "请求体开头像 JSON，但不是：中途断开，或末尾还有别的内容",
            ),
            Self::NotAnObject => (
                "the body is JSON, but no object",
                "请求体是 JSON，但不是对象",
            ),
            Self::Twice => (
                "the body is JSON inside a JSON string: it was serialized twice",
                "请求体是 JSON 字符串里的 JSON：被序列化了两次",
            ),
            Self::TokenInside => (
                "the access_token is in the body, and the query has none",
                "access_token 放在了请求体里，而查询参数里没有",
            ),
            Self::Member => (
                "the body is a JSON object, but a member of it has the wrong type (an object or a list where a text belongs)",
                "请求体是 JSON 对象，但其中某个字段的类型不对（该是文本的地方是对象或数组）",
            ),
        };
        lang.pick(en, zh)
    }
}

impl SigningMistake {
    const fn words(self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Self::DecodedKey => (
                "the signature was made with the decoded bytes of the session_key; its base64 text is the key",
                "签名用了 base64 解码后的 session_key；应直接用 base64 文本作密钥",
            ),
            Self::Sha1 => (
                "the signature is SHA-1, which signs rawData; this call wants HMAC-SHA256",
                "这是 SHA-1 签名，它用于 rawData；这个接口要 HMAC-SHA256",
            ),
            Self::EmptyObject => (
                "the signature is over `{}`; a call without a body signs the empty text",
                "签名的内容是 `{}`；没有请求体的接口应对空文本签名",
            ),
        };
        lang.pick(en, zh)
    }
}

impl Refusal {
    /// The reason in one sentence without a full stop: `the code of alice was exchanged before, at … by call #3`. Moments, and
    /// the numbers of calls beside them, are left out if [`Wording::moment`] is `None`: then alike reasons read alike.
    #[must_use]
    pub fn words(&self, wording: Wording<'_>) -> String {
        let lang = wording.lang;
        let say = |en: String, zh: String| match lang {
            Lang::En => en,
            Lang::Zh => zh,
        };
        match self {
            Self::CodeOfAnotherApp { app } => say(
                format!("the code was minted in the app {app}"),
                format!("这个 code 属于小程序 {app}"),
            ),
            Self::CodeExpired {
                user,
                minted_at,
                expired_at,
            } => {
                let (at, life) = (
                    wording.at(*expired_at),
                    expired_at.since(*minted_at).whole_seconds(),
                );
                say(
                    format!("the code of {user} expired{at}, {life} s after it was minted"),
                    format!("{user} 的 code 已过期{at}，距生成 {life} 秒"),
                )
            }
            Self::CodeSpent { user, at, by } => {
                let (at, by) = (wording.at(*at), call_words(*by, wording));
                say(
                    format!("the code of {user} was exchanged before{at}{by}"),
                    format!("{user} 的 code 之前已被换取{at}{by}"),
                )
            }
            Self::CodeBurnt { user, at, by } => {
                let (at, by) = (wording.at(*at), call_words(*by, wording));
                say(
                    format!("the code of {user} was spent by a call with another appid{at}{by}"),
                    format!("{user} 的 code 被一次用了别的 appid 的调用作废{at}{by}"),
                )
            }
            Self::CodeAltered { how } => say(
                format!("the code came {}", how.words(lang)),
                format!("code {}", how.words(lang)),
            ),
            Self::UserBlocked { user } => say(
                format!("{user} is switched to a high risk grade"),
                format!("{user} 被设为高风险用户"),
            ),
            Self::Missing { parameter } => say(
                format!("{parameter} is absent or empty"),
                format!("缺少 {parameter}，或它是空的"),
            ),
            Self::AppIdAltered { app, how } => say(
                format!("the appid is {app} {}", how.words(lang)),
                format!("appid 其实是 {app}，但{}", how.words(lang)),
            ),
            Self::SecretOfAnotherApp { app } => say(
                format!("the AppSecret is that of the app {app}"),
                format!("这个 AppSecret 属于小程序 {app}"),
            ),
            Self::SecretAltered { how } => say(
                format!("the AppSecret is the right one {}", how.words(lang)),
                format!("AppSecret 是对的，但{}", how.words(lang)),
            ),
            Self::TokenEnded { why, at } => {
                let at = at.map(|at| wording.at(at)).unwrap_or_default();
                let (en, zh) = match why {
                    TokenEnd::Expired => ("outlived its expires_in", "超过了 expires_in"),
                    TokenEnd::Displaced => (
                        "was killed by a newer access_token",
                        "被新的 access_token 取代",
                    ),
                    TokenEnd::Killed => ("was killed by hand", "被手动作废"),
                };
                say(
                    format!("the access_token {en}{at}"),
                    format!("access_token 已{zh}{at}"),
                )
            }
            Self::TokenOfAnotherApp { token } => say(
                format!("the access_token is of the app {token}, the code is not"),
                format!("access_token 属于小程序 {token}，code 不是"),
            ),
            Self::TokenOfAnotherComponent { token } => say(
                format!("the component_access_token is of {token}, not of the component_appid"),
                format!("component_access_token 属于 {token}，与 component_appid 不符"),
            ),
            Self::NoKeyInForce { user } => say(
                format!("{user} has no session_key in force"),
                format!("{user} 没有有效的 session_key"),
            ),
            Self::SignedWithOldKey { user, no, by, at } => {
                let at = at.map(|at| wording.at(at)).unwrap_or_default();
                match by {
                    Some(by) => say(
                        format!("the signature is by {no} of {user}, which {by} displaced{at}"),
                        format!("签名用的是 {user} 的 {no}，它已被 {by} 替换{at}"),
                    ),
                    None => say(
                        format!("the signature is by {no} of {user}, which is not in force{at}"),
                        format!("签名用的是 {user} 的 {no}，它并不有效{at}"),
                    ),
                }
            }
            Self::SignedWrongly { how } => how.words(lang).to_owned(),
            Self::SignedByAnother { user } => say(
                format!(
                    "the signature is by a session_key of {user}, and the openid is not theirs"
                ),
                format!("签名用的是 {user} 的 session_key，而 openid 是别人的"),
            ),
            Self::Rule { rule, rule_zh } => say(
                rule.clone().into_owned(),
                if rule_zh.is_empty() {
                    format!("违反了接口的规则：{rule}")
                } else {
                    rule_zh.clone().into_owned()
                },
            ),
            Self::NotFilledIn { parameter, said } => {
                let (said_en, said_zh) = match &**said {
                    "a placeholder" => ("a placeholder".to_owned(), "一个占位符".to_owned()),
                    said => (format!("the text `{said}`"), format!("文本 `{said}`")),
                };
                say(
                    format!("{said_en} came in the place of the {parameter}"),
                    format!("{parameter} 的位置上是{said_zh}"),
                )
            }
            Self::Body { how: Some(how) } => how.words(lang).to_owned(),
            Self::NotPlayed { nearest } => say(
                format!("this mock does not play this path; the nearest it plays is {nearest}"),
                format!("这个 mock 没有实现这个路径；最接近的是 {nearest}"),
            ),
            other => other.plain(lang).to_owned(),
        }
    }

    /// The reasons that need no name and no moment.
    const fn plain(&self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Self::CodeNeverIssued => (
                "no phone of this mock minted this code",
                "这个 mock 没有签发过这个 code",
            ),
            Self::LoginCodeAtPhone => (
                "this is the code of wx.login (a login code); getuserphonenumber wants the code of the phone button",
                "这是 wx.login 的 code；getuserphonenumber 要手机号按钮的 code",
            ),
            Self::PhoneCodeAtLogin => (
                "this is the code of the phone button (a phone code); jscode2session wants the code of wx.login",
                "这是手机号按钮的 code；jscode2session 要 wx.login 的 code",
            ),
            Self::GrantType => (
                "grant_type is not the one of this endpoint",
                "grant_type 不是这个接口要求的值",
            ),
            Self::AppIdUnknown => (
                "no app of this mock has this appid",
                "这个 mock 里没有这个 appid",
            ),
            Self::SecretUnknown => (
                "the AppSecret is not this app's",
                "AppSecret 不是这个小程序的",
            ),
            Self::TokenUnknown => (
                "this mock never handed out this access_token",
                "这个 mock 没有签发过这个 access_token",
            ),
            Self::TokenMalformed => ("this is not an access_token", "这不是 access_token"),
            Self::OpenIdOfAnother => (
                "the code is another person's than the openid",
                "code 与 openid 不是同一个人",
            ),
            Self::OpenIdUnknown => (
                "no user of this app has this openid",
                "这个小程序里没有这个 openid",
            ),
            Self::LoginCodeAtWecom => (
                "this is the code of wx.login; WeCom wants the code of wx.qy.login",
                "这是 wx.login 的 code；企业微信要 wx.qy.login 的 code",
            ),
            Self::WecomCodeAtLogin => (
                "this is the code of wx.qy.login; WeChat wants the code of wx.login",
                "这是 wx.qy.login 的 code；微信要 wx.login 的 code",
            ),
            Self::NotAuthorized => (
                "the mini program or company is not in authorized_by of this third-party platform or app",
                "这个小程序或企业不在该第三方平台或应用的 authorized_by 里",
            ),
            Self::Ticket => (
                "the component_verify_ticket or suite_ticket is not this platform's or app's; GET /_mock/v1/apps shows it",
                "component_verify_ticket 或 suite_ticket 不是该平台或应用的；GET /_mock/v1/apps 可以看到",
            ),
            Self::AccountOfAnotherKind { kind } => match kind {
                AppKind::MiniProgram => {
                    ("this is the appid of a mini program", "这是小程序的 appid")
                }
                AppKind::ThirdParty => (
                    "this is the appid of a third-party platform",
                    "这是第三方平台的 appid",
                ),
                AppKind::Wecom => (
                    "this is a corpid of WeCom, not an appid",
                    "这是企业微信的 corpid，不是 appid",
                ),
                AppKind::WecomSuite => (
                    "this is the suite_id of a third-party app of WeCom",
                    "这是企业微信第三方应用的 suite_id",
                ),
            },
            Self::LoginCodeAtPlugin => (
                "this is the code of wx.login; getpluginopenpid wants the code of wx.pluginLogin",
                "这是 wx.login 的 code；getpluginopenpid 要 wx.pluginLogin 的 code",
            ),
            Self::PayloadUnknown => (
                "no phone payload of the last three days has this hash (SHA-256 of the base64 text)",
                "最近三天没有哪份手机号数据的哈希是这个（base64 文本的 SHA-256）",
            ),
            Self::PaymentUnknown => (
                "this user made no such payment in the last five minutes; POST /_mock/v1/apps/{app}/users/{user}/payments makes one",
                "这个用户最近五分钟没有这笔支付；POST /_mock/v1/apps/{app}/users/{user}/payments 可以生成一笔",
            ),
            Self::NoUnionId => (
                "the user has no unionid: open_platform is off, or unionid is none",
                "这个用户没有 unionid：open_platform 关闭，或 unionid 为 none",
            ),
            Self::AddressNotListed => (
                "the caller's address is not in policy.caller.ip_whitelist",
                "调用方的地址不在 policy.caller.ip_whitelist 里",
            ),
            Self::QuotaSpent => (
                "a limit of policy.quota is reached",
                "达到了 policy.quota 的上限",
            ),
            Self::SigMethod => (
                "sig_method is not hmac_sha256",
                "sig_method 不是 hmac_sha256",
            ),
            Self::SignatureUnknown => (
                "no session_key of this mock made the signature",
                "签名不是用这个 mock 的任何一把 session_key 生成的",
            ),
            Self::Unmeasured => (
                "the POST came with Transfer-Encoding: chunked, which WeChat answers 412 without a body",
                "POST 用了 Transfer-Encoding: chunked，微信对此返回 412 和空内容",
            ),
            Self::Method => (
                "the endpoint wants the other HTTP method",
                "这个接口要用另一种 HTTP 方法",
            ),
            Self::Faulted => (
                "a fault that was set up answered it",
                "这是预设的故障给出的回答",
            ),
            Self::DevtoolsCode => (
                "this is the code the developer tools make when the project has no appid",
                "这是开发者工具在项目没有 appid 时给出的 code",
            ),
            Self::AppIdIsSecret => (
                "an AppSecret was sent as the appid",
                "把 AppSecret 当作 appid 发送了",
            ),
            Self::Body { .. } => (
                "the body is absent, or not the JSON this endpoint wants",
                "请求体为空，或不是这个接口要的 JSON",
            ),
            // Told by `words`, which knows their names.
            _ => ("", ""),
        };
        lang.pick(en, zh)
    }

    /// What to do about it, in one sentence.
    #[must_use]
    pub const fn advice(&self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            Self::CodeNeverIssued => (
                "take the code of this mock's wx.login: `wxmock code --user alice`, or the device API; a code of the real WeChat or of another mock is unknown here",
                "请使用这个 mock 的 wx.login 产生的 code：`wxmock code --user alice` 或设备接口；真实微信或另一个 mock 的 code 在这里不存在",
            ),
            Self::CodeOfAnotherApp { .. } => (
                "the front end and the backend have different appids; make them one",
                "前端和后端配置的 appid 不一致；请统一",
            ),
            Self::CodeExpired { .. } => (
                "exchange the code right after wx.login; do not keep it for a later tap",
                "wx.login 之后立即换取 code；不要留到之后的点击再用",
            ),
            Self::CodeSpent { .. } => (
                "a code works once: look for a retry, a double tap, or two requests that carry the same code, and log in again after any failure",
                "code 只能用一次：检查是否有重试、重复点击，或两个请求带了同一个 code；失败后应重新 wx.login",
            ),
            Self::CodeBurnt { .. } => (
                "mend the appid of the call that spent it, then log in again",
                "修正作废它的那次调用的 appid，然后重新 wx.login",
            ),
            Self::CodeAltered { .. } | Self::AppIdAltered { .. } | Self::SecretAltered { .. } => (
                "take it out of its container (JSON, a .env file, a URL) with a parser, and encode it once",
                "用解析器从 JSON、.env 或 URL 中取值，并且只编码一次",
            ),
            Self::LoginCodeAtPhone
            | Self::PhoneCodeAtLogin
            | Self::LoginCodeAtWecom
            | Self::WecomCodeAtLogin
            | Self::LoginCodeAtPlugin => (
                "the two codes look alike and are not interchangeable; keep them in fields of different names",
                "两种 code 不能互换；请用不同的字段名保存",
            ),
            Self::UserBlocked { .. } => (
                "this is a switch of the test person; tell the person so, and do not retry",
                "这是测试用户的开关；应提示用户，不要重试",
            ),
            Self::Missing { .. } => (
                "send it in the query (GET) or in the JSON body (stable_token), not in a form",
                "GET 请放在查询参数里，stable_token 请放在 JSON 请求体里，不要用表单",
            ),
            Self::GrantType => (
                "jscode2session wants authorization_code; token and stable_token want client_credential",
                "jscode2session 用 authorization_code；token 和 stable_token 用 client_credential",
            ),
            Self::AppIdUnknown | Self::SecretUnknown | Self::SecretOfAnotherApp { .. } => (
                "appid and AppSecret are a pair: give the backend WXMOCK_APPID and WXMOCK_SECRET, or the mock yours in [[app]] of wxmock.toml",
                "appid 和 AppSecret 是一对：把 WXMOCK_APPID 和 WXMOCK_SECRET 交给后端，或在 wxmock.toml 的 [[app]] 里写上你的",
            ),
            Self::TokenUnknown | Self::TokenMalformed => (
                "fetch an access_token from this mock; one of another server or an old run is unknown here",
                "请向这个 mock 获取 access_token；别的服务器或上一次运行的不认识",
            ),
            Self::TokenEnded { .. } => (
                "on 40001, 40014 and 42001 drop the cached access_token, fetch one and repeat the call once; share one cache among processes",
                "遇到 40001、40014、42001 时丢弃缓存、重新获取并只重试一次；多个进程应共用一份缓存",
            ),
            Self::NotAuthorized => (
                "let the mini program authorise the platform: authorized_by of its [[app]]",
                "让小程序授权给该平台：在它的 [[app]] 里写 authorized_by",
            ),
            Self::Ticket => (
                "take the newest ticket WeChat pushed",
                "使用微信最近一次推送的 ticket",
            ),
            Self::AccountOfAnotherKind { .. } => (
                "give each endpoint the account of its own kind",
                "每个接口要用它那一类账号",
            ),
            Self::PayloadUnknown => (
                "hash the base64 text as it came, not the decoded bytes; only phone payloads are known",
                "对收到的 base64 文本做哈希，而不是解码后的字节；只支持手机号数据",
            ),
            Self::PaymentUnknown => (
                "ask within five minutes of the payment, with its own transaction_id or out_trade_no",
                "在支付后五分钟内查询，并使用该笔的 transaction_id 或 out_trade_no",
            ),
            Self::NoUnionId => (
                "expect people without a unionid; bind the app to an Open Platform account where it is needed",
                "要能处理没有 unionid 的用户；需要时把应用绑定到开放平台",
            ),
            Self::AddressNotListed => (
                "add the address of the server that calls to the account's list",
                "把发起调用的服务器地址加入账号的白名单",
            ),
            Self::TokenOfAnotherApp { .. } | Self::TokenOfAnotherComponent { .. } => (
                "keep one cache entry an appid for access_tokens",
                "access_token 的缓存要按 appid 区分",
            ),
            Self::OpenIdOfAnother | Self::OpenIdUnknown => (
                "take the openid out of the session of the person who calls; with several apps, one of the same app",
                "openid 要取自当前用户的会话；有多个小程序时要是同一个小程序的",
            ),
            Self::QuotaSpent => (
                "keep the session or the token instead of asking again; do not retry at once",
                "保存会话或 token，不要反复请求，也不要立刻重试",
            ),
            Self::SigMethod => (
                "send sig_method=hmac_sha256 in the query",
                "在查询参数里加上 sig_method=hmac_sha256",
            ),
            Self::NoKeyInForce { .. } | Self::SignedWithOldKey { .. } => (
                "ask the person to log in again and keep the key that comes with it",
                "让用户重新登录，并保存新的 key",
            ),
            Self::SignedByAnother { .. } => (
                "keep one session_key for each person and app",
                "session_key 要按用户和小程序分别保存",
            ),
            Self::SignedWrongly { .. } | Self::SignatureUnknown => (
                "signature = hex(HMAC-SHA256(key = base64 text of session_key, message = exact body, empty for GET))",
                "signature = hex(HMAC-SHA256(密钥 = session_key 的 base64 文本, 内容 = 原样的请求体，GET 为空))",
            ),
            Self::Unmeasured => (
                "let the client buffer the body and send Content-Length",
                "让客户端先缓冲请求体，发送 Content-Length",
            ),
            Self::Method => (
                "jscode2session, token, checksession and resetusersessionkey are GET; stable_token and getuserphonenumber are POST",
                "jscode2session、token、checksession、resetusersessionkey 用 GET；stable_token、getuserphonenumber 用 POST",
            ),
            Self::NotFilledIn { .. } => (
                "the value was not there when the text was put together: look at the page's res.code, the name of the field, the environment variable",
                "拼接文本时还没有这个值：检查页面的 res.code、字段名和环境变量",
            ),
            Self::DevtoolsCode => (
                "take a code of this mock's phone instead: `wxmock code --user alice`, or the device API",
                "请改用这个 mock 的手机给出的 code：`wxmock code --user alice` 或设备接口",
            ),
            Self::AppIdIsSecret => (
                "the two settings are swapped; appid begins with wx",
                "两个配置填反了；appid 以 wx 开头",
            ),
            Self::Body { .. } => (
                "send JSON, not a form, and leave the access_token in the query",
                "发送 JSON 而不是表单，access_token 留在查询参数里",
            ),
            Self::Faulted => (
                "the backend must cope with it; GET /_mock/v1/faults lists what is set up",
                "后端要能应对它；GET /_mock/v1/faults 列出预设的故障",
            ),
            Self::Rule { .. } => ("mend the call to keep the rule", "请按规则修改这次调用"),
            Self::NotPlayed { .. } => (
                "if that path is what was meant, mend it in the backend; otherwise what depends on this call cannot be tried here",
                "如果本意是那个路径，请修正后端；否则依赖这个接口的功能无法在这里测试",
            ),
        };
        lang.pick(en, zh)
    }
}

/// ` by call #3`, where moments are told.
fn call_words(by: Option<u64>, wording: Wording<'_>) -> String {
    match by.filter(|_| wording.moment.is_some()) {
        None => String::new(),
        Some(call) => wording.pick(
            || format!(" by call #{call}"),
            || format!("，由调用 #{call} 换取"),
        ),
    }
}
