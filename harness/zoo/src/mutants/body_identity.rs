//! KEY-01: `const openid = req.body.openid ?? session.openid`. The token is looked at, and then whoever the body names
//! is believed to be asking.

use serde_json::Value;

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Policy, session_of_token};
use crate::request::Request;
use crate::store::Session;

/// The openid in the body is believed.
pub(crate) struct BodyIdentity;

impl Policy for BodyIdentity {
    fn session(&self, backend: &Backend, request: &Request) -> Result<Session, Answer> {
        let mut session = session_of_token(backend, request)?;
        let claimed = request.body.get("openid").and_then(Value::as_str);
        let store = backend.store();
        if let Some(user) = claimed.and_then(|openid| store.find(openid)) {
            session.user = user;
        }
        Ok(session)
    }
}
