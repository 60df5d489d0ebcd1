//! CODE-03: a retry helper wrapped around the exchange. A code works once, so the same code can only fail again.

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::{Trouble, WxLogin};

/// Exchanges a refused code twice more.
pub(crate) struct RetriesCode;

impl Policy for RetriesCode {
    fn exchange<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<WxLogin, Answer>> {
        Box::pin(async move {
            let mut n_tries = 0;
            loop {
                n_tries += 1;
                let patience = self.patience(&backend.behaviour);
                let reply = backend.wechat.jscode2session(code, patience).await;
                match reply.and_then(|reply| self.read(&reply)) {
                    Err(Trouble::Refused(40029 | 40163)) if n_tries < 3 => {}
                    outcome => return outcome.map_err(|trouble| self.trouble(&trouble)),
                }
            }
        })
    }
}
