//! What can be wrong with a directory, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use wxmock_world::ImportError;

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The system says no.
    #[error("cannot {what} {path}: {source}", path = path.display())]
    Io {
        /// What was tried: read, write, lock …
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process writes there.
    #[error("{dir} is in use by {who}", dir = dir.display(), who = pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// Who; `None` if that cannot be read.
        pid: Option<u32>,
    },
    /// There is no state in it.
    #[error("{dir} holds no state", dir = dir.display())]
    Empty {
        /// The directory.
        dir: PathBuf,
    },
    /// It holds something already.
    #[error("{dir} is not empty", dir = dir.display())]
    Occupied {
        /// The directory.
        dir: PathBuf,
        /// Whether what it holds is a state.
        is_state: bool,
    },
    /// A file is not what was written.
    #[error("{file} is damaged at byte {offset}: {why}{before}", file = file.display(), before = whole.map_or_else(String::new, |whole| format!("; the commands up to {whole} are whole")))]
    Damaged {
        /// The snapshot or segment.
        file: PathBuf,
        /// Where in it.
        offset: usize,
        /// What is wrong there.
        why: String,
        /// The last command that can be replayed, if any can.
        whole: Option<u64>,
    },
    /// A snapshot says what no world is.
    #[error("{file} is no state this version reads: {source}", file = file.display())]
    Import {
        /// The snapshot.
        file: PathBuf,
        /// Why.
        #[source]
        source: ImportError,
    },
}

impl LogError {
    pub(crate) fn io<'a>(
        what: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io {
            what,
            path: path.to_path_buf(),
            source,
        }
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                "make room on the disk; nothing that was acknowledged is lost".to_owned()
            }
            Self::Io { .. } => "check --state, and the rights on the directory".to_owned(),
            Self::Locked { pid, .. } => format!(
                "stop it{}, or name another directory with --state; a lock that nobody holds is taken without asking",
                pid.map(|pid| format!(" (kill {pid})")).unwrap_or_default()
            ),
            Self::Empty { .. } => {
                "`wxmock serve --state DIR` begins one, `wxmock state import DIR < state.json` makes one of a saved state".to_owned()
            }
            Self::Occupied { is_state: true, .. } => {
                "name a directory that does not exist yet; this one holds a state already".to_owned()
            }
            Self::Occupied { .. } => {
                "name a directory that is empty or does not exist yet".to_owned()
            }
            Self::Damaged { whole: None, .. } => "put the file back from a copy".to_owned(),
            Self::Damaged { whole: Some(whole), .. } => format!(
                "put the file back from a copy; or go on from before the damage: `wxmock state export DIR --to {whole} > state.json`, \
                 then `wxmock state import NEW < state.json`"
            ),
            Self::Import { .. } => {
                "use the version of wxmock that wrote it, or put the file back from a copy".to_owned()
            }
        }
    }
}
