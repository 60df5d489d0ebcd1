//! A certificate authority of our own, so that a backend that hard-codes `https://api.weixin.qq.com` can trust the mock.
//!
//! Trusting it endangers nothing else: it can vouch for WeChat's API hosts and loopback only ([`Ca`] says how that is made
//! sure). Nothing here touches the system's trust store, and nothing knows sockets.

mod authority;
mod error;
mod platform;
mod store;
mod trust;

use std::path::PathBuf;

pub use authority::Ca;
pub use error::CaError;
pub(crate) use platform::platform_certificate;
pub use trust::{Bundle, system_roots};

/// Where the certificate authority comes from. It is made or read at the first TLS byte, never at start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CaSource {
    /// There is none: TLS is refused.
    #[default]
    Off,
    /// Made for this process, gone with it.
    Ephemeral,
    /// Kept in this folder, created there the first time.
    Folder(PathBuf),
}

impl CaSource {
    /// Make or read it; `None` when it is off.
    ///
    /// # Errors
    /// [`CaError`], whose `Display` names the place and whose [`CaError::help`] names the fix.
    pub fn open(&self) -> Result<Option<Ca>, CaError> {
        match self {
            Self::Off => Ok(None),
            Self::Ephemeral => Ca::ephemeral().map(Some),
            Self::Folder(folder) => Ca::load_or_create(folder).map(Some),
        }
    }
}
