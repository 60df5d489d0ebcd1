//! AT-05: a client that adds an access_token to every call fetches one before the exchange as well, which needs none.

use crate::answer::Answer;
use crate::backend::Backend;
use crate::policy::{Pending, Policy};
use crate::wechat::{TokenSource, WxLogin};

/// No token, no login.
pub(crate) struct LoginNeedsToken;

impl Policy for LoginNeedsToken {
    fn exchange<'a>(
        &'a self,
        backend: &'a Backend,
        code: &'a str,
    ) -> Pending<'a, Result<WxLogin, Answer>> {
        Box::pin(async move {
            let token = backend.wechat.fetch_access_token(TokenSource::Stable).await;
            token.map_err(|_| Answer::server_error("no_access_token"))?;
            let patience = self.patience(&backend.behaviour);
            let reply = backend.wechat.jscode2session(code, patience).await;
            reply
                .and_then(|reply| self.read(&reply))
                .map_err(|trouble| self.trouble(&trouble))
        })
    }
}
