//! KEY-04: `const row = {...user}; row.phone = await getuserphonenumber(code); await save(row)`. The keys in the row are those of
//! before the call: a login that came in between loses its own.

use serde_json::Value;

use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::store::{Session, Store};
use crate::wechat::Trouble;

/// The whole row is written back, keys and all.
pub(crate) struct WritesRowBack;

impl Policy for WritesRowBack {
    fn candidates(&self, store: &Store, session: &Session) -> Vec<String> {
        store.user(session.user).keys.iter().cloned().collect()
    }

    fn phone_number<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
        openid: &'a str,
    ) -> Pending<'a, Result<Value, Trouble>> {
        Box::pin(async move {
            let row = {
                let store = backend.store();
                let user = store.find(openid);
                user.map(|user| (user, store.user(user).keys.clone()))
            };
            let number = backend
                .wechat
                .phone_number(self.token_source(), code, openid)
                .await?;
            if let Some((user, keys)) = row {
                backend.store().put_keys(user, keys);
            }
            Ok(number)
        })
    }
}
