//! KEY-01: the column of the openid has a collation that does not tell upper from lower case. Two people whose openids differ
//! in nothing else have one account.

use serde_json::{Map, Value};

use crate::open_data::{is_of_app, is_of_person};
use crate::policy::Policy;
use crate::wechat::{Reply, Trouble, WxLogin, read_login};

/// Upper and lower case are one.
pub(crate) struct FoldedOpenid;

impl Policy for FoldedOpenid {
    fn read(&self, reply: &Reply) -> Result<WxLogin, Trouble> {
        let login = read_login(reply)?;
        Ok(WxLogin {
            openid: login.openid.to_ascii_lowercase(),
            ..login
        })
    }

    fn is_own(&self, data: &Map<String, Value>, appid: &str, openid: &str) -> bool {
        let mut folded = data.clone();
        if let Some(Value::String(text)) = folded.get_mut("openId") {
            text.make_ascii_lowercase();
        }
        is_of_app(data, appid) && is_of_person(&folded, openid)
    }
}
