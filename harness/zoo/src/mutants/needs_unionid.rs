//! KEY-03: accounts are filed by unionid, which only apps bound to the Open Platform are sent. Whoever has none cannot
//! log in, however often.

use crate::policy::Policy;
use crate::wechat::{Reply, Trouble, WxLogin, read_login};

/// No unionid, no login.
pub(crate) struct NeedsUnionid;

impl Policy for NeedsUnionid {
    fn read(&self, reply: &Reply) -> Result<WxLogin, Trouble> {
        let login = read_login(reply)?;
        match login.unionid {
            Some(_) => Ok(login),
            None => Err(Trouble::Unreadable("no unionid".to_owned())),
        }
    }
}
