//! TOK-08: the old token is not deleted at a refresh, although the backend says that it is. A copied token is refreshed for ever.

use crate::policy::Policy;
use crate::store::Store;

/// Adds a token and takes none away.
pub(crate) struct RefreshKeepsBoth;

impl Policy for RefreshKeepsBoth {
    fn refresh(&self, store: &mut Store, token: &str) -> Option<String> {
        let session = store.sessions.get(token).cloned()?;
        let fresh = store.fresh_token();
        store.sessions.insert(fresh.clone(), session);
        Some(fresh)
    }
}
