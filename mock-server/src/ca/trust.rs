//! What clients read: a PEM bundle and a PKCS#12 trust store, each the system's roots and ours.
//!
//! The variables that name such a file (`REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE`, the JVM's trust store) replace the client's
//! roots instead of adding to them, so a file with our root alone would cut the backend off from everything else.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use p12_keystore::{Certificate, KeyStore, KeyStoreEntry};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::{Ca, CaError};

/// The system's roots and ours, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The text of the file; its first lines say where the roots came from.
    pub pem: String,
    /// The file the system's roots came from; `None` when none was found, and then ours is the only root in the bundle.
    pub roots_from: Option<PathBuf>,
    /// How many roots are the system's.
    pub n_system_roots: usize,
}

/// Where systems keep their roots in one file: Debian and Alpine, Fedora, RHEL, openSUSE, macOS and BSD, FreeBSD, Arch.
const PLACES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
];

/// Roots that were found in a file.
struct SystemRoots {
    path: PathBuf,
    text: String,
    certificates: Vec<CertificateDer<'static>>,
}

impl Ca {
    /// The system's roots and ours in one PEM file. `SSL_CERT_FILE` of this process, when it names a file of roots, counts
    /// as the system's: it holds what the user already had to trust.
    pub fn bundle_pem(&self) -> Bundle {
        self.bundle(roots_of_the_system(std::env::var_os("SSL_CERT_FILE")))
    }

    fn bundle(&self, system: Option<SystemRoots>) -> Bundle {
        let ours = self.root_pem();
        match system {
            None => Bundle {
                pem: format!(
                    "# wxmock's root only: no file of system roots was found on this machine\n{ours}"
                ),
                roots_from: None,
                n_system_roots: 0,
            },
            Some(SystemRoots {
                path,
                text,
                certificates,
            }) => Bundle {
                pem: format!(
                    "# wxmock's root, then {} roots from {}\n{ours}{}\n",
                    certificates.len(),
                    path.display(),
                    text.trim_end()
                ),
                roots_from: Some(path),
                n_system_roots: certificates.len(),
            },
        }
    }

    /// The same certificates as a PKCS#12 file that the JVM reads as a trust store (`javax.net.ssl.trustStore`), Java 8u301
    /// and later.
    ///
    /// # Errors
    /// [`CaError::Pkcs12`] when it cannot be encrypted; the system has no random numbers then.
    pub fn pkcs12(&self, password: &str) -> Result<Vec<u8>, CaError> {
        let system = roots_of_the_system(std::env::var_os("SSL_CERT_FILE"));
        let mut store = KeyStore::new();
        let certificates = system.map(|system| system.certificates).unwrap_or_default();
        for (index, root) in certificates.iter().enumerate() {
            // A root that this reader cannot parse would be of no use to the JVM either.
            if let Ok(root) = Certificate::from_der(root) {
                store.add_entry(
                    &format!("system-{index:03}"),
                    KeyStoreEntry::Certificate(root),
                );
            }
        }
        let failed = |error: p12_keystore::error::Error| CaError::Pkcs12(error.to_string());
        let ours = Certificate::from_der(self.root_der()).map_err(failed)?;
        store.add_entry("wxmock", KeyStoreEntry::Certificate(ours));
        store.writer(password).write().map_err(failed)
    }
}

/// The roots this machine trusts, as DER: those of the file `SSL_CERT_FILE` names, else of the first file of a system that is
/// there. Empty if there is none.
#[must_use]
pub fn system_roots() -> Vec<CertificateDer<'static>> {
    roots_of_the_system(std::env::var_os("SSL_CERT_FILE"))
        .map_or_else(Vec::new, |system| system.certificates)
}

fn roots_of_the_system(variable: Option<OsString>) -> Option<SystemRoots> {
    let named = variable.map(PathBuf::from);
    named
        .into_iter()
        .chain(PLACES.into_iter().map(PathBuf::from))
        .find_map(|path| read(&path))
}

/// The roots in a file, if it is there and has any.
fn read(path: &Path) -> Option<SystemRoots> {
    let text = fs::read_to_string(path).ok()?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .flatten()
        .collect();
    let path = path.to_path_buf();
    (!certificates.is_empty()).then_some(SystemRoots {
        path,
        text,
        certificates,
    })
}

#[cfg(test)]
mod tests {
    use p12_keystore::Pkcs12ImportPolicy;

    use super::*;

    fn n_certificates(pem: &str) -> usize {
        CertificateDer::pem_slice_iter(pem.as_bytes())
            .flatten()
            .count()
    }

    #[test]
    fn a_bundle_is_ours_and_the_systems() {
        let ca = Ca::ephemeral().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("roots.pem");
        let other = Ca::ephemeral().unwrap();
        fs::write(&path, format!("# theirs\n{}", other.root_pem())).unwrap();
        let bundle = ca.bundle(read(&path));
        assert_eq!((n_certificates(&bundle.pem), bundle.n_system_roots), (2, 1));
        assert_eq!(bundle.roots_from.as_deref(), Some(&*path));
        let says = format!("# wxmock's root, then 1 roots from {}\n", path.display());
        assert!(bundle.pem.starts_with(&says), "{}", bundle.pem);
        assert!(bundle.pem.contains(ca.root_pem()) && bundle.pem.contains(other.root_pem()));
    }

    #[test]
    fn a_bundle_without_system_roots_says_so() {
        let ca = Ca::ephemeral().unwrap();
        let scratch = tempfile::tempdir().unwrap();
        let empty = scratch.path().join("empty.pem");
        fs::write(&empty, "no certificate here").unwrap();
        let bundle = ca.bundle(read(&empty));
        assert_eq!((bundle.roots_from, bundle.n_system_roots), (None, 0));
        assert!(bundle.pem.contains("no file of system roots was found"));
        assert_eq!(n_certificates(&bundle.pem), 1);
    }

    #[test]
    fn a_trust_store_opens_with_its_password_only() {
        let ca = Ca::ephemeral().unwrap();
        let bytes = ca.pkcs12("changeit").unwrap();
        let open = |password| KeyStore::from_pkcs12(&bytes, password, Pkcs12ImportPolicy::Strict);
        let store = open("changeit").unwrap();
        let Some(KeyStoreEntry::Certificate(ours)) = store.entry("wxmock") else {
            panic!("our root is not in it");
        };
        assert_eq!(ours.as_der(), ca.root_der());
        assert!(open("other").is_err());
    }
}
