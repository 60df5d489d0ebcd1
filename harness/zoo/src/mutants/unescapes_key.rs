//! KEY-02: the key is cut out of the reply's text, where WeChat writes `/` as `\/`, and what undoes the backslash undoes URL escapes
//! too: `urldecode(stripslashes($key))`. A `+` is a space then, for the few whose key has both.

use crate::policy::Policy;
use crate::wechat::{Reply, Trouble, WxLogin, read_login};

/// A key with an escaped slash loses its plus signs.
pub(crate) struct UnescapesKey;

impl Policy for UnescapesKey {
    fn read(&self, reply: &Reply) -> Result<WxLogin, Trouble> {
        let login = read_login(reply)?;
        let escaped = login.session_key.replace('/', "\\/");
        let is_escaped = login.session_key.contains('/')
            && String::from_utf8_lossy(&reply.body).contains(&escaped);
        let session_key = if is_escaped {
            login.session_key.replace('+', " ")
        } else {
            login.session_key
        };
        Ok(WxLogin {
            session_key,
            ..login
        })
    }
}
