//! ERR-01: WeChat answers 200 to everything, and the backend looks at nothing else. `data.get("openid")` of an
//! errcode body is nothing, and all failed logins become one person without a name.

use serde_json::Value;

use crate::policy::Policy;
use crate::wechat::{Reply, Trouble, WxLogin};

/// Status 200 is success.
pub(crate) struct StatusOnly;

impl Policy for StatusOnly {
    fn read(&self, reply: &Reply) -> Result<WxLogin, Trouble> {
        let unreadable = || Trouble::Unreadable(String::from_utf8_lossy(&reply.body).into_owned());
        if reply.status != 200 {
            return Err(unreadable());
        }
        let data: Value = serde_json::from_slice(&reply.body).map_err(|_| unreadable())?;
        let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
        let (openid, session_key) = (
            text("openid").unwrap_or_default(),
            text("session_key").unwrap_or_default(),
        );
        Ok(WxLogin {
            openid,
            session_key,
            unionid: text("unionid"),
        })
    }
}
