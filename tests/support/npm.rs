//! Packages of npm inside this repository: installed and built in a folder that outlives the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Mock;

/// The sources installed by `npm ci` and built by `npm run build`; `None`, said aloud, where there is no Node, unless
/// `REQUIRE_RUNTIMES=1` insists on it.
pub(crate) fn built(from: &Path, name: &str) -> Option<PathBuf> {
    let has = |program: &str| {
        let found = Command::new(program).arg("--version").output();
        found.is_ok_and(|output| output.status.success())
    };
    if !has("node") || !has("npm") {
        let required = std::env::var_os("REQUIRE_RUNTIMES").is_some_and(|value| value == "1");
        assert!(!required, "Node is required: it is not installed");
        eprintln!("not run: the tests of {name}: Node is not installed");
        return None;
    }
    let folder = installed(from, name, "ci");
    run(&folder, "npm", &["run", "--silent", "build"], None);
    Some(folder)
}

/// A copy of sources below `target/`, with what their lock file says; installed again when that changes.
pub(crate) fn installed(from: &Path, name: &str, command: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let lock = std::fs::read(from.join("package-lock.json")).expect("the lock file");
    let stamp = folder.join("node_modules/installed");
    copy(from, &folder);
    if std::fs::read(&stamp).is_ok_and(|there| there == lock) {
        return folder;
    }
    let install = [command, "--no-audit", "--no-fund", "--ignore-scripts"];
    run(&folder, "npm", &install, None);
    std::fs::write(stamp, lock).expect("the folder can be written");
    folder
}

/// Sources only: what is installed or built stays where it is.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder below target/");
    for entry in std::fs::read_dir(from).expect("the package").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if name == "node_modules" || name == "dist" {
            continue;
        }
        if path.is_dir() {
            let _ = std::fs::remove_dir_all(to.join(&name));
            copy(&path, &to.join(&name));
        } else {
            std::fs::copy(&path, to.join(&name)).expect("the folder can be written");
        }
    }
}

/// Runs a program in a folder and gives what it said; with a mock, the program knows where it is.
pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str], mock: Option<&Mock>) -> String {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1");
    if let Some(mock) = mock {
        command
            .env("WXMOCK_SERVER", mock.url())
            .env("WXMOCK_APPID", mock.app().0);
    }
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{said}",
        output.status
    );
    said
}
