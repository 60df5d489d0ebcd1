//! The certificate authority as arguments, and what goes wrong with it as failures.

use std::path::PathBuf;

use wxmock_adapter::routes::{Files, FilesError};
use wxmock_server::ca::{Ca, CaError, CaSource};

use crate::exit::{Exit, Failure};

/// Where the certificate authority is kept.
#[derive(Debug, clap::Args)]
pub(crate) struct CaFolderArg {
    /// Folder of the certificate authority, made there the first time [default: wxmock/ca in your data folder]
    #[arg(long, value_name = "DIR", env = "WXMOCK_CA_DIR")]
    pub(crate) ca_dir: Option<PathBuf>,
}

/// The same, or an authority that nobody has to keep.
#[derive(Debug, clap::Args)]
pub(crate) struct CaArgs {
    #[command(flatten)]
    folder: CaFolderArg,
    /// Make a certificate authority for this run only
    #[arg(long, conflicts_with = "ca_dir")]
    pub(crate) ephemeral_ca: bool,
}

impl CaFolderArg {
    /// The folder that was named, or the default one; `None` if this user has no folder of data.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        self.ca_dir.clone().or_else(Ca::default_folder)
    }
}

impl CaArgs {
    /// Where the authority comes from; for this run only if there is no folder to keep it in.
    pub(crate) fn source(&self) -> CaSource {
        match self.folder.folder() {
            Some(folder) if !self.ephemeral_ca => CaSource::Folder(folder),
            _ => CaSource::Ephemeral,
        }
    }

    /// Why no TLS client will be served, or only for this run; `None` if all is well.
    pub(crate) fn lack(&self) -> Option<String> {
        if self.ephemeral_ca {
            return None;
        }
        let Some(folder) = self.folder.folder() else {
            let why = "there is no folder to keep a certificate authority in, so each run has one of its own that no client trusts yet";
            return Some(format!("{why}; set HOME, or name a folder with --ca-dir"));
        };
        let error = Ca::check_folder(&folder).err()?;
        Some(format!("{error}; {}", error.help()))
    }
}

/// Opens the authority of a folder, made there if it has none.
pub(crate) fn open(folder: &CaFolderArg) -> Result<(Ca, PathBuf), Failure> {
    let Some(path) = folder.folder() else {
        return Err(Failure::usage(
            "there is no folder to keep a certificate authority in",
            "name one with --ca-dir DIR, or set HOME",
        ));
    };
    let ca = Ca::load_or_create(&path).map_err(|error| unusable(&error))?;
    Ok((ca, path))
}

/// An authority that cannot be used: exit code 3, or 70 if it is our own doing.
pub(crate) fn unusable(error: &CaError) -> Failure {
    let exit = match error {
        CaError::Make(_) | CaError::Pkcs12(_) | CaError::Tls(_) => Exit::Internal,
        _ => Exit::Usage,
    };
    Failure::new(
        exit,
        format!("the certificate authority cannot be used: {error}"),
        error.help(),
    )
}

/// Writes what a child's variables point at; `extra_pem` are roots it trusted before.
pub(crate) fn write(files: &Files, ca: &Ca, extra_pem: &str) -> Result<(), Failure> {
    files.write(ca, extra_pem).map_err(|error| match error {
        FilesError::Authority(error) => unusable(&error),
        FilesError::Write { .. } => Failure::usage(
            error.to_string(),
            "check who owns that folder and whether the disk is full",
        ),
    })
}
