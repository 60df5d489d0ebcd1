//! ERR-05: errcode is looked at, the fields are not. A reply without a session_key becomes a login whose key opens
//! nothing.

use serde_json::Value;

use crate::policy::Policy;
use crate::wechat::{Reply, Trouble, WxLogin, read_json};

/// A reply without an error is a login.
pub(crate) struct MissingKey;

impl Policy for MissingKey {
    fn read(&self, reply: &Reply) -> Result<WxLogin, Trouble> {
        let data = read_json(reply)?;
        let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(WxLogin {
            openid: text("openid").unwrap_or_default(),
            session_key: text("session_key").unwrap_or_default(),
            unionid: text("unionid"),
        })
    }
}
