//! What a push says: the fields of an event in WeChat's order, as JSON and as XML, in clear and around a sealed text.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    seal::{msg_signature, push_signature, seal_push},
    settings::{PushFormat, PushMode, PushSettings},
};
use crate::{AppId, ControlError, OpenId, UnixMs, UserId};

/// The numbers `RevokeInfo` may carry, and what was taken back. Source: official page on security, mini programs.
pub const REVOKE_INFO: &[(u8, &str)] = &[
    (1, "number plate"),
    (2, "address"),
    (3, "invoice"),
    (4, "Bluetooth"),
    (5, "microphone"),
    (6, "nickname and avatar"),
    (7, "camera"),
    (8, "phone number"),
    (12, "WeRun steps"),
    (13, "location"),
    (14, "chosen image or video"),
    (15, "chosen file"),
    (16, "e-mail address"),
    (18, "chosen location"),
    (19, "nickname input"),
    (20, "avatar choice"),
];

/// An event to be pushed.
///
/// The three that touch the login, `user_info_modified`, `user_authorization_revoke` and `user_authorization_cancellation`,
/// are about a user, whose `OpenID` and the `AppID` they name; any other has the fields it is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushEvent {
    /// `Event`: 1 to 64 letters, digits or underscores.
    pub event: String,
    /// The person it is about; the events that touch the login need one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// What `user_authorization_revoke` takes back, from [`REVOKE_INFO`]; with it `RevokeInfo` is sent as text. That several are
    /// joined by commas is unknown: every published sample has one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoke_info: Vec<u8>,
    /// Further fields, at the end and in this order; `PluginID` and `OpenPID` of a plugin, or all of another event's own.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

/// What a push is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushWhat {
    /// The URL check: a GET whose `echostr` the backend says back.
    UrlVerification,
    /// An event.
    Event(PushEvent),
}

impl PushWhat {
    /// A word for people: the event's name, or `url_verification`.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::UrlVerification => "url_verification",
            Self::Event(event) => &event.event,
        }
    }

    /// Whether the backend must confirm it by `ErrCode` and is told again until it does.
    #[must_use]
    pub fn is_xpay(&self) -> bool {
        matches!(self, Self::Event(event) if event.event.starts_with("xpay_"))
    }
}

const LOGIN_EVENTS: [&str; 3] = [
    "user_info_modified",
    "user_authorization_revoke",
    "user_authorization_cancellation",
];

impl PushEvent {
    /// Refuses an event WeChat would not send so.
    ///
    /// # Errors
    /// [`ControlError::Push`].
    pub(crate) fn check(&self) -> Result<(), ControlError> {
        let refuse = |field, why| Err(ControlError::Push { field, why });
        let is_name = |name: &str| {
            (1..=64).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if !is_name(&self.event) {
            return refuse("event", "must be 1 to 64 letters, digits or underscores");
        }
        if self.touches_login() && self.user.is_none() {
            return refuse("user", "must be named: this event is about one");
        }
        if !self.revoke_info.is_empty() && self.event != LOGIN_EVENTS[1] {
            return refuse("revoke_info", "belongs to user_authorization_revoke only");
        }
        let known = |number: &u8| REVOKE_INFO.iter().any(|(known, _)| known == number);
        if !self.revoke_info.iter().all(known) {
            return refuse("revoke_info", "holds a number WeChat does not use");
        }
        if !self.fields.keys().all(|name| is_name(name)) {
            return refuse("fields", "needs names of letters, digits and underscores");
        }
        // What is written as XML is flat, so that both formats say the same.
        if self.fields.values().any(|value| value.is_object()) {
            return refuse("fields", "holds an object; send it as JSON text");
        }
        Ok(())
    }

    fn touches_login(&self) -> bool {
        LOGIN_EVENTS.contains(&self.event.as_str())
    }
}

/// A message and everything its envelope needs.
pub(crate) struct Addressed<'a> {
    pub(crate) app: &'a AppId,
    pub(crate) settings: &'a PushSettings,
    /// `ToUserName`.
    pub(crate) to_user_name: String,
    /// `FromUserName`, also `openid` in the query.
    pub(crate) from_user_name: OpenId,
    /// The openid of the person an event is about.
    pub(crate) openid: Option<OpenId>,
    pub(crate) at: UnixMs,
    pub(crate) nonce: String,
    pub(crate) random: [u8; 16],
    /// What a URL check must be answered with.
    pub(crate) echostr: String,
}

impl Addressed<'_> {
    /// Query and body of a push; no body means GET.
    pub(crate) fn write(&self, what: &PushWhat) -> (String, Option<String>) {
        let timestamp = self.at.seconds().to_string();
        let token = &self.settings.token;
        let signature = push_signature(token, &timestamp, &self.nonce);
        let nonce = &self.nonce;
        let mut query = format!("signature={signature}&timestamp={timestamp}&nonce={nonce}");
        let event = match what {
            PushWhat::UrlVerification => {
                // The official sample has it last; its own order is not part of the contract.
                query.push_str("&echostr=");
                query.push_str(&self.echostr);
                return (query, None);
            }
            PushWhat::Event(event) => event,
        };
        let fields = self.fields(event);
        let format = self.settings.format;
        let key = self
            .settings
            .encoding_aes_key
            .as_ref()
            .filter(|_| self.settings.mode != PushMode::Plaintext);
        let Some(key) = key else {
            return (query, Some(render(format, &fields)));
        };
        let clear = render(format, &fields);
        let encrypt = seal_push(key, &self.random, self.app, clear.as_bytes());
        let signed = msg_signature(token, &timestamp, nonce, &encrypt);
        query.push_str(&format!(
            "&openid={}&encrypt_type=aes&msg_signature={signed}",
            self.from_user_name
        ));
        let mut envelope = match self.settings.mode {
            PushMode::Compatible => fields,
            PushMode::Secure | PushMode::Plaintext => {
                let mut only = Map::new();
                only.insert("ToUserName".to_owned(), self.to_user_name.clone().into());
                only
            }
        };
        envelope.insert("Encrypt".to_owned(), encrypt.into());
        (query, Some(render(format, &envelope)))
    }

    fn fields(&self, event: &PushEvent) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        put("ToUserName", self.to_user_name.clone().into());
        put("FromUserName", self.from_user_name.to_string().into());
        put("CreateTime", self.at.seconds().into());
        put("MsgType", "event".into());
        put("Event", event.event.clone().into());
        if let Some(openid) = self.openid.filter(|_| event.touches_login()) {
            put("OpenID", openid.to_string().into());
            put("AppID", self.app.to_string().into());
        }
        if !event.revoke_info.is_empty() {
            let numbers: Vec<String> = event.revoke_info.iter().map(u8::to_string).collect();
            put("RevokeInfo", numbers.join(",").into());
        }
        for (name, value) in &event.fields {
            put(name, value.clone());
        }
        fields
    }
}

fn render(format: PushFormat, fields: &Map<String, Value>) -> String {
    match format {
        PushFormat::Json => Value::Object(fields.clone()).to_string(),
        PushFormat::Xml => xml(fields),
    }
}

/// One element a line, text in CDATA and numbers bare, as the official samples have it. Their blank lines are the page's; what
/// white space WeChat really sends is unknown.
fn xml(fields: &Map<String, Value>) -> String {
    let mut out = String::from("<xml>\n");
    for (name, value) in fields {
        let texts: &[Value] = match value {
            Value::Array(items) => items,
            one => std::slice::from_ref(one),
        };
        for value in texts {
            let content = match value {
                Value::String(text) => cdata(text),
                Value::Null => String::new(),
                other @ (Value::Bool(_) | Value::Number(_)) => other.to_string(),
                // A list in a list has no form of its own in XML.
                other => cdata(&other.to_string()),
            };
            out.push_str(&format!("<{name}>{content}</{name}>\n"));
        }
    }
    out.push_str("</xml>");
    out
}

/// `]]>` cannot stand inside one section, so it is split over two; what XML cannot carry at all is left out.
fn cdata(text: &str) -> String {
    let legal: String = text
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'))
        .filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect();
    format!("<![CDATA[{}]]>", legal.replace("]]>", "]]]]><![CDATA[>"))
}
