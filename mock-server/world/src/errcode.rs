//! Every errcode the world answers with: number, text, when, and where we know it from. Knows nothing of how it is rendered.
//!
//! The texts are without the rid; `/sns` appends `, rid: …` and the other paths ` rid: …`, which is the renderer's job.

use std::{borrow::Cow, fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

/// A refusal by WeChat: data of the reply, not an error of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WxError {
    /// The number: negative or five digits.
    pub errcode: i64,
    /// The text without the rid.
    pub errmsg: Cow<'static, str>,
}

impl WxError {
    const fn new(errcode: i64, errmsg: &'static str) -> Self {
        Self {
            errcode,
            errmsg: Cow::Borrowed(errmsg),
        }
    }
}

impl fmt::Display for WxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.errcode, self.errmsg)
    }
}

/// How well a text is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A real answer was pasted in public.
    Captured,
    /// An official page or staff answer only.
    Official,
}

/// One line of [`ERRCODES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ErrcodeInfo {
    /// The number.
    pub errcode: i64,
    /// The text without the rid.
    pub errmsg: &'static str,
    /// When WeChat answers it.
    pub when: &'static str,
    /// How well the text is known.
    pub evidence: Evidence,
    /// A public thread, post or page that shows it. `C:x` is `developers.weixin.qq.com/community/develop/doc/x`.
    pub source: &'static str,
}

macro_rules! errcodes {
    ($( $name:ident, $errcode:literal, $errmsg:literal, $when:literal, $evidence:ident, $source:literal; )*) => {
        $( #[doc = concat!("`", stringify!($errcode), "` `", $errmsg, "`: ", $when, ".")] pub const $name: WxError = WxError::new($errcode, $errmsg); )*

        /// Every errcode the world knows, by number.
        pub const ERRCODES: &[ErrcodeInfo] = &[
            $( ErrcodeInfo { errcode: $errcode, errmsg: $errmsg, when: $when, evidence: Evidence::$evidence, source: $source }, )*
        ];
    };
}

errcodes! {
    SYSTEM_ERROR, -1, "system error", "a transient fault; only scheduled faults send it", Captured, "C:000844a4c6c7581d498b6f7a751c00";
    NO_SUCH_DATA, 1, "data not exit", "no phone payload of the last three days has the hash; spelt so", Official, "official checkEncryptedData page";
    ARGUMENT_REFUSED, 1001, "", "getpluginopenpid without a code; that its text is empty is inferred from 1007's", Official, "official getPluginOpenPId page";
    NO_OPENPID, 1007, "", "the plugin code is unknown, expired, spent or of wx.login; the text is empty", Captured, "C:000ae0670c4f3870e6fdd9f4e51800";
    NOT_JSON, 1022, "", "the body of getpluginopenpid is no JSON; that its text is empty is inferred from 1007's", Official, "official getPluginOpenPId page";
    INVALID_CREDENTIAL, 40001, "invalid credential, access_token is invalid or not latest", "the access_token is unknown, killed or displaced", Captured, "JeffreySu/WeiXinMPSDK#3029";
    INVALID_GRANT_TYPE, 40002, "invalid grant_type", "grant_type is absent or not the one of this endpoint", Captured, "a public login client's log, January 2026";
    INVALID_OPENID, 40003, "invalid openid", "the openid is absent, unknown to the app, or not the one the phone code belongs to", Captured, "getuserphonenumber and checksession threads; the openid check of phone codes is inferred";
    INVALID_APPID, 40013, "invalid appid", "the appid is unknown or malformed, or a token and a phone code are of different apps", Captured, "C:oCJUsw6RxR5ECJxmtoWERCgDiAOU";
    INVALID_ACCESS_TOKEN, 40014, "invalid access_token", "the access_token is malformed", Captured, "official error table and SDK reports";
    INVALID_CODE, 40029, "invalid code", "the code is garbage, expired or of another app; for phone codes also reused", Captured, "C:0002c8f70c84c8c726f166df166c00";
    INVALID_TEMPLATE, 40037, "invalid template_id", "the template_id has not the shape of one", Official, "official subscribe/send page";
    INVALID_URL, 40066, "invalid url", "no such path is played", Captured, "C:00000cff8c43c0efde3d20c1e54400";
    BAD_REQUEST_SOURCE, 40090, "invalid request source (bad client ip)", "the caller's address is not on the third-party platform's list; the text goes on with it", Captured, "community threads on the third-party code2Session";
    INVALID_COMPONENT_CREDENTIAL, 40094, "invalid component credential", "the component_access_token is not a valid one of that platform", Captured, "official third-party code2Session page and community threads";
    INVALID_ARGS, 40097, "invalid args", "an argument is absent or out of range", Official, "official checkEncryptedData and resetusersessionkey pages";
    INVALID_APPSECRET, 40125, "invalid appsecret", "the secret is wrong", Captured, "C:oCJUsw1ZaTLsKtsSQBnKaZpjgzRA";
    INVALID_SCENE_OF_CHECK, 40129, "invalid scene", "the scene is none of the documented ones; the text is unknown", Official, "official msg_sec_check and getUserRiskRank pages";
    CODE_BEEN_USED, 40163, "code been used", "the code was exchanged or burnt before", Captured, "C:oCJUswyXAKS-2WEUfqGYPm42xzjw";
    IP_NOT_LISTED, 40164, "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist", "the caller's address is not on the account's list", Captured, "C:oCJUswzGgzTcSDz4msBSgEKZHJpw";
    INVALID_SCENE, 40169, "invalid length for scene, or the data is not json string", "the scene of a code is absent, too long or of other characters, or the body is not JSON", Captured, "C:oCJUsw2fqWyy9iWs8G1STPNxUH4w";
    CODE_BLOCKED, 40226, "code blocked", "the user has a high risk grade", Official, "official code2Session page";
    API_TIMESTAMP_MISSING, 40231, "API_Missing_Wechatmp_Timestamp", "a signed call without Wechatmp-TimeStamp; the text of the wire is unknown, as of the nine below", Official, "official guide on API signatures";
    API_SIGNATURE_MISSING, 40232, "API_Missing_Wechatmp_Signature", "a signed call without Wechatmp-Signature", Official, "official guide on API signatures";
    API_APPID_MISSING, 40233, "API_Missing_Wechatmp_Appid", "a signed call without Wechatmp-Appid", Official, "official guide on API signatures";
    API_SIGNATURE_INVALID, 40234, "API_Invalid_Signature", "the signature of a signed call is wrong", Official, "official guide on API signatures";
    API_ENCRYPT_INVALID, 40235, "API_Invalid_Encrypt", "the body of a signed call does not open, or says another appid or timestamp", Official, "official guide on API signatures";
    API_APPID_INVALID, 40236, "API_Invalid_Wechatmp_Appid", "Wechatmp-Appid is no app's", Official, "official guide on API signatures";
    API_APPID_MISMATCH, 40237, "API_Invalid_Wechatmp_Appidmatch", "Wechatmp-Appid is not the app of the access_token", Official, "official guide on API signatures";
    API_SYMMETRIC_KEY_UNSET, 40238, "API_NoExist_DevSecretSym", "the app has no symmetric key; only scheduled faults send it", Official, "official guide on API signatures";
    API_PUBLIC_KEY_UNSET, 40239, "API_NoExist_DevSecretAsym", "the app has no keys for signed calls", Official, "official guide on API signatures";
    API_TIMESTAMP_EXPIRED, 40240, "API_Expired_Wechatmp_Timestamp", "the timestamp of a signed call is far from now", Official, "official guide on API signatures";
    ACCESS_TOKEN_MISSING, 41001, "access_token missing", "there is no access_token", Captured, "kuif/xcx#1";
    APPID_MISSING, 41002, "appid missing", "there is no appid", Captured, "C:oCJUsw3SIlg0MVH1D968OWPyeeKs";
    APPSECRET_MISSING, 41004, "appsecret missing", "there is no secret", Captured, "C:oCJUsw_ruqOP5dGTIYrJgSeVl2wo";
    MISSING_CODE, 41008, "missing code", "there is no js_code", Captured, "two public client logs, 2021 and 2024";
    INVALID_PAGE, 41030, "invalid page", "the page of a code begins with a slash or carries a query", Captured, "reports about getwxacodeunlimit";
    ACCESS_TOKEN_EXPIRED, 42001, "access_token expired", "the access_token has outlived its expires_in", Captured, "C:000e22b7860ba0d197021180566000";
    REQUIRE_GET, 43001, "require GET method", "the endpoint wants GET", Captured, "error table of token-protected paths";
    REQUIRE_POST, 43002, "require POST method", "the endpoint wants POST", Captured, "error table of token-protected paths";
    USER_REFUSES, 43101, "user refuse to accept the msg", "the user refuses messages", Captured, "binarywang/WxJava#1387";
    OPENID_OF_ANOTHER_APP, 43104, "The openid does not match the appid", "the openid is of nobody in this app, or the appid is not the token's", Captured, "reports about msg_sec_check";
    EMPTY_POST, 44002, "empty post data", "a POST without a body", Captured, "error table of token-protected paths";
    DAILY_QUOTA, 45009, "reach max api daily quota limit", "the day's calls are spent", Captured, "official quota page and SDK reports";
    MINUTE_QUOTA, 45011, "api minute-quota reach limit, must slower, retry next minute", "the user's exchanges of this minute are spent", Captured, "C:oCJUsw-teX5YIqgjrcPqDzpKoGio";
    DATA_FORMAT, 47001, "data format error", "the body is not the JSON the endpoint wants", Captured, "error table of token-protected paths";
    ARGUMENT_INVALID, 47003, "argument invalid!", "a keyword of a subscribe message breaks its rule; the text goes on with its place", Captured, "reports about subscribe/send";
    API_UNAUTHORIZED, 48001, "api unauthorized", "the account lacks the permission; only scheduled faults send it", Captured, "error table of token-protected paths";
    CLEARS_SPENT, 48006, "forbid to clear quota because of reaching the limit", "the quotas were cleared ten times this month", Official, "official page on clearing the quotas";
    WECOM_IP_NOT_LISTED, 60020, "not allow to access from your ip", "the caller's address is not on the WeCom app's list", Captured, "easychen/wecomchan#62";
    COMPONENT_UNAUTHORIZED, 61003, "component is not authorized by this account", "the mini program has not authorised the third-party platform", Captured, "binarywang/WxJava#1201";
    COMPONENT_IP_NOT_LISTED, 61004, "access clientip is not registered", "the caller's address is not on the third-party platform's list", Official, "official component_access_token page";
    COMPONENT_TICKET_INVALID, 61006, "component ticket is invalid", "the component_verify_ticket is not the platform's", Official, "official component_access_token page";
    VISIT_EXPIRED, 61010, "code is expired", "a text is checked for a person who has not used the app for two hours", Captured, "reports about msg_sec_check";
    INVALID_COMPONENT, 61011, "invalid component", "the component_appid is no third-party platform's", Official, "official component_access_token page";
    REFRESH_TOKEN_INVALID, 61023, "refresh_token is invalid", "the authorizer_refresh_token is not that of the mini program and the platform", Official, "official table of errcodes of third-party platforms";
    COMPONENT_TOKEN_ELSEWHERE, 61024, "must use api(api_component_token) to get token for component acct", "a third-party platform asks for a mini program's access_token", Captured, "error table of token-protected paths";
    PATH_NOT_ALLOWED, 85107, "URL不在白名单内", "a path called with a cloudbase_access_token, or without any token in cloud hosting, is not on the list of the console's page on its permissions", Captured, "logs of backends in cloud hosting; whether a rid follows is unknown";
    SESSION_KEY_GONE, 87007, "session_key is not existd or expired", "the user has no live session_key to reset", Official, "official resetusersessionkey page; spelt so";
    INVALID_SIG_METHOD, 87008, "invalid sig_method", "sig_method is not hmac_sha256", Official, "official resetusersessionkey page";
    INVALID_SIGNATURE, 87009, "invalid signature", "the signature is not of the user's valid session_key", Captured, "C:oCJUsw4EEKIzzT4TnVYIcz6mOw-U";
    STORAGE_PAIR_LONG, 87016, "key-value length exceeds the limit", "key and value are longer than 1024 bytes; the text is unknown", Official, "official setUserStorage page";
    STORAGE_PAIRS_MANY, 87018, "number of key-value pairs exceeds the limit", "the user would have more than 128 pairs; the text is unknown", Official, "official setUserStorage page";
    STORAGE_KEY_LONG, 87019, "key length exceeds the limit", "a key is longer than 128 bytes; the text is unknown", Official, "official setUserStorage page";
    NOT_BOUND, 89002, "open not exists", "the mini program is not bound to an Open Platform account, so there is no unionid", Official, "official getPaidUnionId page";
    INVALID_TRADE, 89300, "invalid trade", "no payment of this person in the last five minutes has the numbers", Official, "official getPaidUnionId page";
    XPAY_OPENID, 268490001, "openid错误", "virtual payment: no user of the app has the openid", Official, "official page on virtual payment";
    XPAY_FIELD, 268490002, "请求参数字段错误", "virtual payment: a field is absent or out of range; the text of the wire is unknown", Official, "official page on virtual payment";
    XPAY_SIGNATURE, 268490003, "签名错误", "virtual payment: pay_sig or signature is wrong", Official, "official page on virtual payment";
    XPAY_SESSION_KEY, 268490009, "用户session_key不存在或已过期，请重新登录", "virtual payment: the user has no valid session_key", Official, "official page on virtual payment";
}

/// 40029 as `/wxa/business/getuserphonenumber` still words it, with a hint of 16 characters before the rid.
#[must_use]
pub fn invalid_code_with_hint(hint: &str) -> WxError {
    WxError {
        errcode: INVALID_CODE.errcode,
        errmsg: Cow::Owned(format!("{} hint: [{hint}]", INVALID_CODE.errmsg)),
    }
}

/// 40164 for a caller. The form of an address that is no IPv4 is unknown; here it stands in both places.
#[must_use]
pub fn ip_not_listed(from: IpAddr) -> WxError {
    let (from, mapped) = match from.to_canonical() {
        IpAddr::V4(from) => (from.to_string(), from.to_ipv6_mapped()),
        IpAddr::V6(from) => (from.to_string(), from),
    };
    WxError {
        errcode: IP_NOT_LISTED.errcode,
        errmsg: Cow::Owned(format!("invalid ip {from} ipv6 {mapped}, not in whitelist")),
    }
}

/// 40090 for a caller, as captured.
#[must_use]
pub fn bad_request_source(from: IpAddr) -> WxError {
    let from = from.to_canonical();
    WxError {
        errcode: BAD_REQUEST_SOURCE.errcode,
        errmsg: Cow::Owned(format!("{}, requestIP: {from}", BAD_REQUEST_SOURCE.errmsg)),
    }
}

/// 47003 with the place of what is wrong: `argument invalid! data.date4.value invalid`, as captured.
#[must_use]
pub fn argument_invalid(place: &str) -> WxError {
    WxError {
        errcode: ARGUMENT_INVALID.errcode,
        errmsg: Cow::Owned(format!("{} {place} invalid", ARGUMENT_INVALID.errmsg)),
    }
}

/// The line of [`ERRCODES`] for a number.
#[must_use]
pub fn info(errcode: i64) -> Option<&'static ErrcodeInfo> {
    ERRCODES.iter().find(|info| info.errcode == errcode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_by_number_without_repeats() {
        let negative_first: Vec<i64> = ERRCODES.iter().map(|info| info.errcode).collect();
        assert!(negative_first.is_sorted() && negative_first.windows(2).all(|w| w[0] != w[1]));
    }

    #[test]
    fn the_texts_sdks_match_on_are_kept() {
        assert_eq!(info(42001).map(|i| i.errmsg), Some("access_token expired"));
        assert_eq!(
            invalid_code_with_hint("hGHa0wYWO-v2pKCa").to_string(),
            "40029 invalid code hint: [hGHa0wYWO-v2pKCa]"
        );
        assert_eq!(info(2), None);
    }

    #[test]
    fn a_refused_address_is_named_as_captured() {
        assert_eq!(
            ip_not_listed(IpAddr::from([127, 0, 0, 1])).errmsg,
            IP_NOT_LISTED.errmsg
        );
        assert_eq!(
            bad_request_source(IpAddr::from([124, 71, 16, 254])).to_string(),
            "40090 invalid request source (bad client ip), requestIP: 124.71.16.254"
        );
    }
}
