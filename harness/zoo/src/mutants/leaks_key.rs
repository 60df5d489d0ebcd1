//! TOK-03: the login answers with the session object as it is stored, key included. The phone can now seal any phone
//! number it likes.

use serde_json::{Value, json};

use crate::policy::Policy;
use crate::store::Grant;

/// Returns the session_key to the phone.
pub(crate) struct LeaksKey;

impl Policy for LeaksKey {
    fn login_body(&self, grant: &Grant) -> Value {
        let user = json!({ "id": grant.user.public_id() });
        json!({ "token": grant.token, "user": user, "session_key": grant.session_key })
    }
}
