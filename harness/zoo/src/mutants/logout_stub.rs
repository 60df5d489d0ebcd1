//! TOK-06: the logout answers ok and does nothing. Whoever has a copy of the token stays in.

use crate::policy::Policy;
use crate::store::Store;

/// Forgets nothing.
pub(crate) struct LogoutStub;

impl Policy for LogoutStub {
    fn log_out(&self, _store: &mut Store, _token: &str) {}
}
