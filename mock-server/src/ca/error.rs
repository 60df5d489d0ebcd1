//! Why there is no certificate authority, each reason with its way out.

use std::io;
use std::path::PathBuf;

use wxmock_world::UnixMs;

/// Why a certificate authority could not be made, read or written.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// The folder or a file in it could not be read, created or written.
    #[error("{act} {path}: {source}", path = path.display())]
    Io {
        /// What was tried: `read`, `create` …
        act: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others may read or write what only its owner may.
    #[error("{path} can be used by others (mode {mode:03o}, should be {wanted:03o})", path = path.display())]
    Permissions {
        /// The file or folder.
        path: PathBuf,
        /// Its mode, lowest nine bits.
        mode: u32,
        /// The mode it should have.
        wanted: u32,
    },
    /// The authority's time is over, or has not begun.
    #[error("the certificate authority in {path} is valid from {from} to {to}, and now is not in between", path = path.display(), from = day(*not_before), to = day(*not_after))]
    Expired {
        /// The file.
        path: PathBuf,
        /// First moment of its validity.
        not_before: UnixMs,
        /// Last moment of its validity.
        not_after: UnixMs,
    },
    /// The file is damaged, or no PEM file of a key and two certificates at all.
    #[error("{path} is damaged: {reason}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file holds an authority that we did not make, so it may vouch for anything.
    #[error("{path} holds a certificate authority that is not wxmock's: {reason}", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How it differs from ours.
        reason: String,
    },
    /// A key or certificate could not be made; the random numbers of the system failed, or a bug of ours.
    #[error("make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// The PKCS#12 file could not be made.
    #[error("make a PKCS#12 trust store: {0}")]
    Pkcs12(String),
    /// TLS could not be set up with the certificate.
    #[error("set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl CaError {
    /// The way out, as a sentence fragment for the reader of the error.
    pub fn help(&self) -> String {
        match self {
            Self::Io { path, .. } => format!(
                "check who owns {} and whether the disk is full, name another folder with --ca-dir, or use --ephemeral-ca",
                path.display()
            ),
            Self::Permissions { path, wanted, .. } => format!(
                "chmod {wanted:03o} {}; if others may have read the key, delete the folder and trust the new root instead",
                path.display()
            ),
            Self::Expired { path, .. } | Self::Unreadable { path, .. } => format!(
                "delete {} to have a new one made, then trust the new root.pem where the old one was trusted",
                path.display()
            ),
            Self::Foreign { .. } => {
                "wxmock uses only authorities it made itself, because those can vouch for WeChat's hosts and loopback only; name an empty folder with --ca-dir".to_owned()
            }
            Self::Make(_) | Self::Pkcs12(_) | Self::Tls(_) => {
                "this is not a mistake in your input; please report it".to_owned()
            }
        }
    }
}

fn day(moment: UnixMs) -> String {
    jiff::Timestamp::from_millisecond(moment.0).map_or_else(
        |_| format!("{} ms since 1970", moment.0),
        |moment| moment.strftime("%Y-%m-%d").to_string(),
    )
}
