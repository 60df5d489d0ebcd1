//! What a backend asks of WeChat and what it hears: plain values, before and after HTTP.
//!
//! Parameters are as they arrived. A missing one is `None`; an empty one counts as missing. The world answers both in
//! WeChat's own order, so the HTTP layer need not look.

use serde::{Deserialize, Serialize};

use crate::{
    AccessToken, AppId, KeyNo, OpenId, Seq, SessionKey, UnionId, UnixMs, UserId, policy::Shape,
};

/// A reply with its place in the order of things.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect<T> {
    /// The number of the command.
    pub seq: Seq,
    /// The app's virtual time at which it happened; wall time if no app was concerned.
    pub at: UnixMs,
    /// The reply.
    pub reply: T,
}

impl<T> Effect<T> {
    /// The same effect with another reply.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Effect<U> {
        Effect {
            seq: self.seq,
            at: self.at,
            reply: change(self.reply),
        }
    }
}

/// `GET /sns/jscode2session`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jscode2Session {
    /// `appid`.
    pub appid: Option<String>,
    /// `secret`.
    pub secret: Option<String>,
    /// `js_code`.
    pub js_code: Option<String>,
    /// `grant_type`: `authorization_code`.
    pub grant_type: Option<String>,
}

/// A successful exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionReply {
    /// The person; not on the wire.
    pub user: UserId,
    /// `openid`.
    pub openid: OpenId,
    /// `session_key`.
    pub session_key: SessionKey,
    /// The number of that key; not on the wire.
    pub key_no: KeyNo,
    /// `unionid`, already absent where [`Shape::no_unionid`] says so.
    pub unionid: Option<UnionId>,
    /// How to render it.
    pub shape: Shape,
}

/// `GET /sns/component/jscode2session`: a third-party platform exchanges a mini program's code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentJscode2Session {
    /// `appid`, the mini program's.
    pub appid: Option<String>,
    /// `js_code`.
    pub js_code: Option<String>,
    /// `grant_type`: `authorization_code`.
    pub grant_type: Option<String>,
    /// `component_appid`, the platform's.
    pub component_appid: Option<String>,
    /// `component_access_token`.
    pub component_access_token: Option<String>,
}

/// `POST /cgi-bin/component/api_component_token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentTokenRequest {
    /// `component_appid`.
    pub component_appid: Option<String>,
    /// `component_appsecret`.
    pub component_appsecret: Option<String>,
    /// `component_verify_ticket`, as pushed by WeChat; here [`AppView::component_verify_ticket`](crate::AppView).
    pub component_verify_ticket: Option<String>,
}

/// `POST /cgi-bin/component/api_authorizer_token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizerTokenRequest {
    /// `component_access_token`.
    pub component_access_token: Option<String>,
    /// `component_appid`.
    pub component_appid: Option<String>,
    /// `authorizer_appid`.
    pub authorizer_appid: Option<String>,
    /// `authorizer_refresh_token`; here [`Authorizer::authorizer_refresh_token`].
    pub authorizer_refresh_token: Option<String>,
}

/// A mini program that authorised a third-party platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Authorizer {
    /// The mini program.
    pub authorizer_appid: AppId,
    /// With it the platform fetches access_tokens of the mini program. It does not change.
    pub authorizer_refresh_token: String,
}

/// `GET /cgi-bin/gettoken` of WeCom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpTokenRequest {
    /// `corpid`.
    pub corpid: Option<String>,
    /// `corpsecret`.
    pub corpsecret: Option<String>,
}

/// `GET /cgi-bin/miniprogram/jscode2session` of WeCom.
///
/// Its `grant_type` is not looked at: what WeCom says to a wrong one is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpJscode2Session {
    /// `access_token`, from gettoken.
    pub access_token: Option<String>,
    /// `js_code`, from `wx.qy.login`.
    pub js_code: Option<String>,
}

/// `POST /cgi-bin/service/get_suite_token` of WeCom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteTokenRequest {
    /// `suite_id`.
    pub suite_id: Option<String>,
    /// `suite_secret`.
    pub suite_secret: Option<String>,
    /// `suite_ticket`, as pushed by WeCom; here [`AppView::suite_ticket`](crate::AppView).
    pub suite_ticket: Option<String>,
}

/// `GET /cgi-bin/service/miniprogram/jscode2session` of WeCom.
///
/// Its `grant_type` is not looked at, as that of [`CorpJscode2Session`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteJscode2Session {
    /// `suite_access_token`, from get_suite_token.
    pub suite_access_token: Option<String>,
    /// `js_code`, from `wx.qy.login`.
    pub js_code: Option<String>,
}

/// `GET /cgi-bin/token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRequest {
    /// `grant_type`: `client_credential`.
    pub grant_type: Option<String>,
    /// `appid`.
    pub appid: Option<String>,
    /// `secret`.
    pub secret: Option<String>,
}

/// `POST /cgi-bin/stable_token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StableTokenRequest {
    /// `grant_type`: `client_credential`.
    pub grant_type: Option<String>,
    /// `appid`.
    pub appid: Option<String>,
    /// `secret`.
    pub secret: Option<String>,
    /// `force_refresh`; absent is false.
    pub force_refresh: bool,
}

/// An access_token, of either kind.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenReply {
    /// `access_token`.
    pub access_token: AccessToken,
    /// `expires_in`, whole seconds of life left.
    pub expires_in: u64,
    /// How to render it.
    pub shape: Shape,
}

/// `GET /wxa/checksession` and `GET /wxa/resetusersessionkey`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRequest {
    /// `access_token`.
    pub access_token: Option<String>,
    /// `openid`.
    pub openid: Option<String>,
    /// `signature`: hex of HMAC-SHA256 over the empty message, keyed by the *text* of the session_key; letters of either case.
    pub signature: Option<String>,
    /// `sig_method`: `hmac_sha256`.
    pub sig_method: Option<String>,
}

/// A key made by resetusersessionkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetReply {
    /// The person; not on the wire.
    pub user: UserId,
    /// `openid`.
    pub openid: OpenId,
    /// `session_key`, the new one.
    pub session_key: SessionKey,
    /// The number of that key; not on the wire.
    pub key_no: KeyNo,
}

/// `GET /wxa/getpaidunionid`: transaction_id, or mch_id and out_trade_no.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidUnionIdRequest {
    /// `access_token`.
    pub access_token: Option<String>,
    /// `openid`.
    pub openid: Option<String>,
    /// `transaction_id`.
    pub transaction_id: Option<String>,
    /// `mch_id`.
    pub mch_id: Option<String>,
    /// `out_trade_no`.
    pub out_trade_no: Option<String>,
}

/// The unionid of who paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaidUnionId {
    /// `unionid`.
    pub unionid: UnionId,
}

/// A payment to be made; what is `None` comes from the seed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewPayment {
    /// WeChat Pay's number of it.
    pub transaction_id: Option<String>,
    /// The merchant's number.
    pub mch_id: Option<String>,
    /// The merchant's number of the order.
    pub out_trade_no: Option<String>,
}

/// A payment that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// WeChat Pay's number of it: 28 digits unless the caller chose.
    pub transaction_id: String,
    /// The merchant's number: 10 digits unless the caller chose.
    pub mch_id: String,
    /// The merchant's number of the order.
    pub out_trade_no: String,
    /// When, in the app's virtual time. getpaidunionid knows it for five minutes.
    pub paid_at: UnixMs,
}

/// `POST /wxa/getpluginopenpid`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginOpenPidRequest {
    /// `access_token`, from the query.
    pub access_token: Option<String>,
    /// `code`, of `wx.pluginLogin`.
    pub code: Option<String>,
}

/// `POST /wxa/business/checkencryptedmsg`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckEncryptedMsg {
    /// `access_token`, from the query.
    pub access_token: Option<String>,
    /// `encrypted_msg_hash`.
    pub encrypted_msg_hash: Option<String>,
}

/// `POST /wxa/getuserriskrank`. Its optional fields are not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RiskRankRequest {
    /// `access_token`, from the query.
    pub access_token: Option<String>,
    /// `appid`.
    pub appid: Option<String>,
    /// `openid`.
    pub openid: Option<String>,
    /// `scene`: 0 is signing up, 1 is a promotion.
    pub scene: Option<String>,
    /// `client_ip`.
    pub client_ip: Option<String>,
}

/// `POST /wxa/business/getuserphonenumber`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneNumberRequest {
    /// `access_token`, from the query.
    pub access_token: Option<String>,
    /// `code`, from the body.
    pub code: Option<String>,
    /// `openid`, from the body; if given, the code must be this person's.
    pub openid: Option<String>,
}

/// `phone_info` of a successful getuserphonenumber.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneInfo {
    /// The person; not on the wire.
    pub user: UserId,
    /// `phoneNumber`: with country code for numbers outside mainland China.
    pub phone_number: String,
    /// `purePhoneNumber`: without.
    pub pure_phone_number: String,
    /// `countryCode`, a string on the wire: `"86"`.
    pub country_code: String,
    /// `watermark.timestamp`, seconds of virtual time.
    pub timestamp_s: i64,
    /// `watermark.appid`.
    pub appid: AppId,
}
