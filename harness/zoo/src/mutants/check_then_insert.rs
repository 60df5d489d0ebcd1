//! ACC-01: `SELECT … WHERE openid`, and if there is none, `INSERT`, without a unique index. The transaction began
//! with the request and reads from its snapshot (MySQL's default, REPEATABLE READ), so a first login cannot see the
//! account that another one made while both waited for WeChat.

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::store::Grant;

/// Looks in an old snapshot, then inserts.
pub(crate) struct CheckThenInsert;

impl Policy for CheckThenInsert {
    fn login<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<Grant, Answer>> {
        Box::pin(backend.once.run(code, async move {
            let snapshot = backend.store().openids();
            let login = self.exchange(backend, code).await?;
            let mut store = backend.store();
            let seen = store
                .find(&login.openid)
                .filter(|_| snapshot.contains(&login.openid));
            let user = seen.unwrap_or_else(|| store.insert(&login.openid));
            Ok(self.open_session(&mut store, user, &login))
        }))
    }
}
