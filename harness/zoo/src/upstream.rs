//! Where a backend finds WeChat, which mini program it is, and why it does not start.

/// The WeChat a backend calls, and the mini program it is.
#[derive(Clone)]
pub struct Upstream {
    /// Where WeChat is: a plain HTTP address such as `http://127.0.0.1:8080`, with or without a path prefix.
    pub base: String,
    /// The mini program's appid: `wx` and 16 hex digits.
    pub appid: String,
    /// The mini program's AppSecret: 32 hex digits. Also seeds the session tokens.
    pub secret: String,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("base", &self.base)
            .field("appid", &self.appid)
            .finish_non_exhaustive()
    }
}

/// Why a backend did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No free port of the loopback could be had.
    #[error("bind a free port of 127.0.0.1")]
    Bind(#[from] std::io::Error),
    /// The address of WeChat is not one a built-in backend can call.
    #[error("use {base:?} as WeChat's address: expected plain http, such as http://127.0.0.1:8080")]
    Upstream {
        /// What was given.
        base: String,
    },
}
