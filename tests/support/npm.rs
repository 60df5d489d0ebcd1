//! Packages of npm inside this repository: installed and built in a folder that outlives the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{self, Mock};

/// The sources installed by `npm ci` and built by `npm run build`, with files that the build reads beside them; `None`, said
/// aloud, where there is no Node, unless `REQUIRE_RUNTIMES=1` insists on it.
pub(crate) fn built(from: &Path, name: &str, beside: &[&Path]) -> Option<PathBuf> {
    let what = format!("the tests of {name}");
    let has = |program: &str| support::is_installed(program, "--version", &what);
    if !has("node") || !has("npm") {
        return None;
    }
    let folder = installed(from, name, "ci");
    for file in beside {
        let to = folder.join(file.file_name().expect("a file"));
        std::fs::copy(file, to).expect("the folder can be written");
    }
    run(&folder, "npm", &["run", "--silent", "build"], None);
    Some(folder)
}

/// A copy of sources below `target/`, with what their lock file says; installed again when that changes.
pub(crate) fn installed(from: &Path, name: &str, command: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let lock = std::fs::read(from.join("package-lock.json")).expect("the lock file");
    let stamp = folder.join("node_modules/installed");
    support::copy(from, &folder);
    if std::fs::read(&stamp).is_ok_and(|there| there == lock) {
        return folder;
    }
    let install = [command, "--no-audit", "--no-fund", "--ignore-scripts"];
    run(&folder, "npm", &install, None);
    std::fs::write(stamp, lock).expect("the folder can be written");
    folder
}

/// Runs a program in a folder and gives what it said; with a mock, the program knows where it is.
pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str], mock: Option<&Mock>) -> String {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env("WXMOCK_BIN", env!("CARGO_BIN_EXE_wxmock"))
        .env("NO_COLOR", "1");
    if let Some(mock) = mock {
        command
            .env("WXMOCK_SERVER", mock.url())
            .env("WXMOCK_APPID", mock.app().0);
    }
    support::succeeds(&mut command)
}
