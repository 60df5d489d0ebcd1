//! `check --watch`: when the backend is another one than before. Knows nothing of cases.
//!
//! A backend the harness starts is another one when a file beside its adapter changes; one that runs by itself, when it was
//! gone and is back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use wxmock_adapter::Adapter;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);
/// Files looked at: beyond that a folder is no source any more.
const MOST_FILES: usize = 20_000;
/// Folders of what others wrote.
const PASSED_OVER: [&str; 7] = [
    "node_modules",
    "target",
    "vendor",
    "venv",
    "__pycache__",
    "dist",
    "build",
];

/// What is looked at.
pub(crate) enum Watch {
    /// The files below a folder, as they were last.
    Files {
        folder: PathBuf,
        /// What the run itself writes.
        but: Vec<PathBuf>,
        last: Files,
    },
    /// Whether the backend that runs by itself answers.
    Backend(Box<Adapter>),
}

/// Path, time of the last change, length.
type Files = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

impl Watch {
    /// Begins to look; `but` are files and folders of the run's own.
    pub(crate) fn of(adapter: &Adapter, but: Vec<PathBuf>) -> Self {
        if !adapter.starts_backend() {
            return Self::Backend(Box::new(adapter.clone()));
        }
        let folder = adapter.backend.folder.clone();
        let last = files(&folder, &but);
        Self::Files { folder, but, last }
    }

    /// What is waited for, in words.
    pub(crate) fn awaits(&self) -> String {
        match self {
            Self::Files { folder, .. } => format!("a change below {}", folder.display()),
            Self::Backend(_) => "the backend to go and come back".to_owned(),
        }
    }

    /// Waits until it is another backend.
    pub(crate) async fn changed(self) {
        match self {
            Self::Files { folder, but, last } => {
                let mut seen = last.clone();
                loop {
                    tokio::time::sleep(PAUSE).await;
                    let now = files(&folder, &but);
                    // An editor or a checkout may write for a while: what is the same twice is whole.
                    if now != last && now == seen {
                        return;
                    }
                    seen = now;
                }
            }
            Self::Backend(adapter) => {
                while adapter.is_reached().await {
                    tokio::time::sleep(PAUSE).await;
                }
                while !adapter.is_reached().await {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

fn files(folder: &Path, but: &[PathBuf]) -> Files {
    let mut found = Files::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let own = but.iter().any(|own| path.starts_with(own));
            if own || name.starts_with('.') || PASSED_OVER.contains(&&*name) {
                continue;
            }
            // A link to a folder may lead back here.
            let Ok(about) = entry.metadata() else {
                continue;
            };
            if about.is_dir() {
                folders.push(path);
            } else if found.len() < MOST_FILES {
                found.insert(path, (about.modified().ok(), about.len()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_counts_and_what_is_made_of_it_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let but = [at("wxmock-report")];
        for name in ["node_modules/a", "wxmock-report", "src"] {
            std::fs::create_dir_all(at(name)).expect("a folder");
        }
        let before = files(folder.path(), &but);
        for name in ["node_modules/a/x.js", "wxmock-report/run.json", ".hidden"] {
            std::fs::write(at(name), "1").expect("a file");
        }
        assert_eq!(files(folder.path(), &but), before);
        std::fs::write(at("src/app.py"), "1").expect("a file");
        let one = files(folder.path(), &but);
        assert_ne!(one, before);
        std::fs::write(at("src/app.py"), "22").expect("a file");
        assert_ne!(files(folder.path(), &but), one);
    }
}
