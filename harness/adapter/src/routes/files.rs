//! The files a child's variables point at: certificates in the forms clients read, and the preload scripts.

use std::io;
use std::path::{Path, PathBuf};

use wxmock_server::ca::{Ca, CaError};

/// Password of the PKCS#12 trust store: it holds certificates only, which are no secret, but the JVM wants one.
pub const TRUSTSTORE_PASSWORD: &str = "changeit";

const NODE_PRELOAD: &str = include_str!("preload.cjs");
const PYTHON_PRELOAD: &str = include_str!("sitecustomize.py");

/// Where each file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The root certificate, PEM, with the extra roots the child trusted before.
    pub root: PathBuf,
    /// Every root the system trusts and ours, PEM: most variables replace a client's list instead of adding to it.
    pub bundle: PathBuf,
    /// The same for the JVM, PKCS#12.
    pub truststore: PathBuf,
    /// For `node --require`.
    pub node_preload: PathBuf,
    /// A folder for `PYTHONPATH`.
    pub python_folder: PathBuf,
    /// A folder for `PHP_INI_SCAN_DIR`.
    pub php_folder: PathBuf,
}

/// Why the files could not be provided.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The certificates could not be put into a form clients read.
    #[error(transparent)]
    Authority(#[from] CaError),
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// What a certificate authority gives out.
#[derive(Debug, Clone, Copy)]
struct Certificates<'a> {
    root_pem: &'a str,
    bundle_pem: &'a str,
    pkcs12: &'a [u8],
    /// Further roots the child trusted before.
    extra_pem: &'a str,
}

impl Files {
    /// The files below `folder`, whose names never change.
    #[must_use]
    pub fn below(folder: &Path) -> Self {
        Self {
            root: folder.join("root.pem"),
            bundle: folder.join("bundle.pem"),
            truststore: folder.join("truststore.p12"),
            node_preload: folder.join("preload.cjs"),
            python_folder: folder.join("python"),
            php_folder: folder.join("php"),
        }
    }

    /// Writes all of them, over what is there. `extra_pem` are further roots the child trusted before, PEM; see
    /// [`Inherited::roots`](super::Inherited::roots).
    ///
    /// # Errors
    /// [`FilesError`]: the path and what the system says, or a trust store that cannot be made.
    pub fn write(&self, ca: &Ca, extra_pem: &str) -> Result<(), FilesError> {
        self.write_texts(&Certificates {
            root_pem: ca.root_pem(),
            bundle_pem: &ca.bundle_pem().pem,
            pkcs12: &ca.pkcs12(TRUSTSTORE_PASSWORD)?,
            extra_pem,
        })
    }

    fn write_texts(&self, given: &Certificates<'_>) -> Result<(), FilesError> {
        let with_extra =
            |pem: &str| format!("{}\n{}", pem.trim_end(), given.extra_pem).into_bytes();
        let bundle = self.bundle.display();
        let php = format!(
            "; Written by wxmock: PHP trusts the mock's certificates beside the system's.\n\
             curl.cainfo = \"{bundle}\"\nopenssl.cafile = \"{bundle}\"\n"
        );
        for (path, content) in [
            (self.root.clone(), with_extra(given.root_pem)),
            (self.bundle.clone(), with_extra(given.bundle_pem)),
            (self.truststore.clone(), given.pkcs12.to_vec()),
            (self.node_preload.clone(), NODE_PRELOAD.into()),
            (
                self.python_folder.join("sitecustomize.py"),
                PYTHON_PRELOAD.into(),
            ),
            (self.php_folder.join("wxmock.ini"), php.into_bytes()),
        ] {
            write_whole(&path, &content).map_err(|source| FilesError::Write { path, source })?;
        }
        Ok(())
    }
}

/// Writes a file so that a reader sees all of it or nothing: another run may be reading the same folder.
fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(folder)?;
    if std::fs::read(path).is_ok_and(|there| there == content) {
        return Ok(());
    }
    let draft = folder.join(format!(
        ".{}.{}.part",
        path.file_name().unwrap_or_default().to_string_lossy(),
        std::process::id()
    ));
    std::fs::write(&draft, content)?;
    std::fs::rename(&draft, path).inspect_err(|_| drop(std::fs::remove_file(&draft)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_server::WECHAT_HOSTS;

    #[test]
    fn the_preload_scripts_know_the_same_hosts() {
        let quoted = |script: &str, quote: char| -> Vec<String> {
            let start = script.find("HOSTS = ").unwrap();
            let list = script[start..].split(')').next().unwrap();
            list.split(quote)
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(quoted(NODE_PRELOAD, '\''), WECHAT_HOSTS);
        assert_eq!(quoted(PYTHON_PRELOAD, '"'), WECHAT_HOSTS);
    }

    #[test]
    fn files_hold_ours_and_what_was_trusted_before() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::below(folder.path());
        let given = Certificates {
            root_pem: "ROOT\n",
            bundle_pem: "SYSTEM\nROOT\n",
            pkcs12: b"P12",
            extra_pem: "COMPANY\n",
        };
        files.write_texts(&given).unwrap();
        files.write_texts(&given).unwrap();
        let read = |path: &Path| std::fs::read_to_string(path).unwrap();
        assert_eq!(read(&files.root), "ROOT\nCOMPANY\n");
        assert_eq!(read(&files.bundle), "SYSTEM\nROOT\nCOMPANY\n");
        assert!(
            read(&files.php_folder.join("wxmock.ini"))
                .contains(&format!("curl.cainfo = \"{}\"", files.bundle.display()))
        );
        let left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left.len(), 6, "{left:?}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let given = Certificates {
            root_pem: "",
            bundle_pem: "",
            pkcs12: b"",
            extra_pem: "",
        };
        let error = Files::below(&file).write_texts(&given).unwrap_err();
        assert!(
            matches!(&error, FilesError::Write { path, .. } if *path == file.join("root.pem")),
            "{error}"
        );
    }
}
