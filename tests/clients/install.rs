//! Where each language's clients are installed: below `target/`, once, and again when what is pinned changes.
//! Knows nothing of the clients themselves.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::exec::source;

/// A folder below `target/` that outlives the test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("clients")
        .join(name);
    std::fs::create_dir_all(&folder).expect("a folder below target/");
    folder
}

/// Runs an installer unless what is pinned is what it installed last time.
fn once(folder: &Path, pinned: &Path, install: impl FnOnce()) {
    /// Tests run in parallel, and some share an installation.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let stamp = folder.join("installed");
    let wanted = std::fs::read(pinned).expect("what is pinned");
    if std::fs::read(&stamp).is_ok_and(|there| there == wanted) {
        return;
    }
    install();
    std::fs::write(&stamp, wanted).expect("the folder can be written");
}

fn run(folder: &Path, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env("GOTOOLCHAIN", "local");
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{command:?}: {}\n{out}\n{err}",
        output.status
    );
}

/// A virtual environment with the pinned packages.
pub(crate) fn python() -> PathBuf {
    let folder = folder("python");
    let pinned = source("python/requirements.txt");
    once(&folder, &pinned, || {
        run(&folder, "python3", &["-m", "venv", "--clear", "venv"]);
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
        ];
        let list = pinned.display().to_string();
        run(
            &folder,
            folder.join("venv/bin/python"),
            &[&pip[..], &[&list]].concat(),
        );
    });
    folder
}

/// The packages of a lock file, beside copies of the programs that import them.
pub(crate) fn node(from: &Path, name: &str) -> PathBuf {
    let folder = folder(name);
    for entry in std::fs::read_dir(from).expect("the programs").flatten() {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), folder.join(entry.file_name()))
                .expect("the folder can be written");
        }
    }
    once(&folder, &from.join("package-lock.json"), || {
        run(
            &folder,
            "npm",
            &["ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        )
    });
    folder
}

/// Whether Maven is here; if not, that is said.
pub(crate) fn has_maven() -> bool {
    let found = Command::new("mvn").arg("--version").output();
    let is_here = found.is_ok_and(|output| output.status.success());
    if !is_here {
        crate::passed_over::<()>("Maven", "it is not installed");
    }
    is_here
}

/// The jars that a `pom.xml` names, and what those need, in the folder `name`.
pub(crate) fn jars(name: &str, pinned: &Path) -> PathBuf {
    let folder = folder(name);
    once(&folder, pinned, || {
        // A new version must not lie beside an old one.
        let _ = std::fs::remove_dir_all(folder.join("jars"));
        let pom = pinned.display().to_string();
        let goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
        let jars = format!("-DoutputDirectory={}", folder.join("jars").display());
        run(
            &folder,
            "mvn",
            &["--quiet", "--batch-mode", "--file", &pom, goal, &jars],
        );
    });
    folder
}

/// Go programs, built. Go itself knows what has changed.
pub(crate) fn go(packages: &[&str]) -> PathBuf {
    let folder = folder("go");
    let out = format!("{}/", folder.display());
    run(
        &source("go"),
        "go",
        &[
            &["build", "-mod=readonly", "-buildvcs=false", "-o", &out],
            packages,
        ]
        .concat(),
    );
    folder
}

/// A folder to run programs in that need nothing installed.
pub(crate) fn nothing(name: &str) -> PathBuf {
    folder(name)
}
