//! KEY-01: the column of the openid has a collation that does not tell upper from lower case. Two people whose openids differ
//! in nothing else have one account.

use serde_json::{Map, Value};

use crate::open_data::is_of_app;
use crate::policy::{Policy, reference_session};
use crate::store::{Grant, Store, UserNo};
use crate::wechat::WxLogin;

/// Upper and lower case are one.
pub(crate) struct FoldedOpenid;

impl Policy for FoldedOpenid {
    fn open_session(&self, store: &mut Store, user: UserNo, login: &WxLogin) -> Grant {
        let openids = store.openids();
        let alike = openids
            .iter()
            .filter(|known| known.eq_ignore_ascii_case(&login.openid));
        let first = alike.filter_map(|known| store.find(known)).min();
        reference_session(self, store, first.unwrap_or(user), login)
    }

    fn is_own(&self, data: &Map<String, Value>, appid: &str, openid: &str) -> bool {
        let inside = data.get("openId").and_then(Value::as_str);
        is_of_app(data, appid) && inside.is_none_or(|inside| inside.eq_ignore_ascii_case(openid))
    }
}
