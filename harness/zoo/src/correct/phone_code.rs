//! The reference with plain access_tokens: `cgi-bin/token`, where each fetch displaces the token before.

use crate::policy::Policy;
use crate::wechat::TokenSource;

/// Plain tokens, fetched one at a time.
pub(crate) struct PhoneCode;

impl Policy for PhoneCode {
    fn token_source(&self) -> TokenSource {
        TokenSource::Plain
    }
}
