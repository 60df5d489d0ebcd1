//! The session tokens that logins got in this run, for looks that need many of them. They are kept in memory and written nowhere.

use std::sync::{Mutex, PoisonError};

/// More tokens than this show nothing new.
const MOST: usize = 64;

/// Different tokens of logins, the first of the run.
#[derive(Debug, Default)]
pub(crate) struct GivenTokens {
    tokens: Mutex<Vec<String>>,
}

impl GivenTokens {
    /// Notes what a login was given.
    pub(crate) fn note(&self, token: &str) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() < MOST && !tokens.iter().any(|known| known == token) {
            tokens.push(token.to_owned());
        }
    }

    /// Those known so far.
    pub(crate) fn all(&self) -> Vec<String> {
        self.tokens
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
