//! KEY-01: `const openid = req.headers["x-wx-openid"] ?? session.openid`, written for cloud hosting, where the platform sets
//! the header, and served where anybody can.

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Policy, session_of_token};
use crate::request::Request;
use crate::store::Session;

/// The openid in a header is believed.
pub(crate) struct HeaderIdentity;

impl Policy for HeaderIdentity {
    fn session(&self, backend: &Backend, request: &Request) -> Result<Session, Answer> {
        let mut session = session_of_token(backend, request)?;
        let store = backend.store();
        let claimed = request.wx_openid.as_deref();
        if let Some(user) = claimed.and_then(|openid| store.find(openid)) {
            session.user = user;
        }
        Ok(session)
    }
}
