//! The recipes of `docs/recipes/`: every block of a page is a piece of a program in `examples/recipes/`, and each program is built, its
//! own test passes with the fixture of its language, its adapter fits, and what it should withstand it withstands. Also the scripts of
//! `examples/load`.
//!
//! Where a runtime is missing its test says so and passes, unless `REQUIRE_RUNTIMES=1` insists on it.

#[path = "support/npm.rs"]
mod npm;
#[expect(dead_code, reason = "the tests of `serve` use the rest of it")]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// What is forced on each: wrong answers to a login, and two logins of which the older is answered last.
const CASES: [&str; 2] = [
    "LB-1",
    "concurrent-login/slow-reply-overwrites-newer-key/rotation:login/returns:bound/n:2",
];

/// Two builds on two cores would only slow each other down.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A copy below `target/`, where a recipe is beside the packages as in the repository; what is installed there stays.
fn copied(name: &str, package: Option<&str>) -> PathBuf {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recipes");
    if let Some(package) = package {
        let path = Path::new("packages").join(package);
        support::copy(&root().join(&path), &to.join(&path));
    }
    let path = Path::new("examples/recipes").join(name);
    support::copy(&root().join(&path), &to.join(&path));
    to.join(path)
}

fn has(programs: &[(&str, &str)], name: &str) -> bool {
    let what = format!("the recipe {name}");
    programs
        .iter()
        .all(|(program, version)| support::is_installed(program, version, &what))
}

/// Runs something to its end in a folder, with the binary under test and without the variables of whoever runs the tests.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    support::without_variables(&mut command);
    command
        .args(arguments)
        .current_dir(folder)
        .env("WXMOCK_BIN", env!("CARGO_BIN_EXE_wxmock"))
        .env("GOTOOLCHAIN", "local");
    support::succeeds(&mut command)
}

/// The adapter describes the backend, and the cases hold.
fn withstands(folder: &Path) {
    let wxmock = |arguments: &[&str]| {
        let mut command = support::wxmock();
        command
            .args(arguments)
            .args(["--adapter", "wxmock.toml"])
            .current_dir(folder)
            .env("WXMOCK_LANG", "en");
        support::succeeds(&mut command)
    };
    let said = wxmock(&["adapter", "check"]);
    assert!(said.contains("the adapter fits"), "{said}");
    let out = tempfile::tempdir().expect("a scratch folder");
    let out = out.path().display().to_string();
    let check = [&["check", "--level", "must", "--out", &out], &CASES[..]].concat();
    let said = wxmock(&check);
    assert!(said.contains("exit 0: all held"), "{said}");
}

#[test]
fn go_with_silenceper() {
    if !has(&[("go", "version")], "go-silenceper") {
        return;
    }
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = copied("go-silenceper", Some("go"));
    run(&folder, "go", &["vet", "./..."]);
    let said = run(&folder, "go", &["test", "-count=1", "-v", "./..."]);
    assert!(said.contains("--- PASS"), "{said}");
    run(
        &folder,
        "go",
        &["build", "-buildvcs=false", "-o", "shop", "."],
    );
    withstands(&folder);
}

#[test]
fn spring_boot_with_wxjava() {
    if !has(
        &[("java", "--version"), ("mvn", "--version")],
        "spring-wxjava",
    ) {
        return;
    }
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = copied("spring-wxjava", Some("java"));
    // The fixture and the recipe in one build: nothing is installed outside `target/`.
    let both = folder.join("../../..");
    std::fs::write(
        both.join("pom.xml"),
        "<project><modelVersion>4.0.0</modelVersion><groupId>recipes</groupId><artifactId>all</artifactId><version>1</version>\
         <packaging>pom</packaging><modules><module>packages/java</module><module>examples/recipes/spring-wxjava</module></modules></project>",
    )
    .expect("the folder can be written");
    let _ = std::fs::remove_dir_all(folder.join("target/surefire-reports"));
    let only = [
        "-Dtest=LoginTest",
        "-Dsurefire.failIfNoSpecifiedTests=false",
    ];
    run(
        &both,
        "mvn",
        &[&["--quiet", "--batch-mode", "package"], &only[..]].concat(),
    );
    assert!(
        folder
            .join("target/surefire-reports/TEST-shop.LoginTest.xml")
            .exists()
    );
    withstands(&folder);
}

#[test]
fn node_with_express() {
    let packages = root().join("packages/wxmock");
    let api = root().join("mock-server/openapi.json");
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(fixture) = npm::built(&packages, "wxmock-package", &[&api]) else {
        return;
    };
    let folder = npm::installed(
        &root().join("examples/recipes/node-express"),
        "recipes-express",
        "ci",
    );
    let link = folder.join("node_modules/wxmock");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(fixture, link).expect("the folder can be written");
    let said = npm::run(&folder, "npm", &["test"], None);
    assert!(said.contains("a spent code logs nobody in"), "{said}");
    withstands(&folder);
}

/// The Python of an environment with what `requirements.txt` of this folder pins, installed again when that changes.
fn venv(folder: &Path) -> PathBuf {
    let stamp = folder.join(".venv/installed");
    let python = folder.join(".venv/bin/python");
    let wanted = std::fs::read(folder.join("requirements.txt")).expect("what is pinned");
    if std::fs::read(&stamp).is_ok_and(|there| there == wanted) {
        return python;
    }
    run(folder, "python3", &["-m", "venv", "--clear", ".venv"]);
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        "requirements.txt",
    ];
    run(folder, &python.display().to_string(), &pip);
    std::fs::write(stamp, wanted).expect("the folder can be written");
    python
}

#[test]
fn python_with_fastapi() {
    if !has(&[("python3", "--version")], "python-fastapi") {
        return;
    }
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = copied("python-fastapi", Some("python"));
    let python = venv(&folder).display().to_string();
    // What an installed wheel does by its entry point.
    std::fs::write(
        folder.join("conftest.py"),
        "pytest_plugins = ['wxmock.pytest_plugin']\n",
    )
    .expect("the folder can be written");
    let source = "pythonpath=../../../packages/python/src";
    let said = run(&folder, &python, &["-m", "pytest", "-q", "-o", source]);
    assert!(said.contains("1 passed"), "{said}");
    withstands(&folder);
}

/// PHP has no fixture: `wxmock exec` is what starts the mock, and the backend has WeChat's own address in it.
#[test]
fn php_with_curl() {
    let missing =
        "exit((int) array_filter(['curl', 'openssl'], fn ($it) => !extension_loaded($it)));";
    let is_here = Command::new("php").args(["-r", missing]).output();
    if !is_here.is_ok_and(|output| output.status.success()) {
        eprintln!("not run: the recipe php-curl: PHP with curl is not installed");
        return;
    }
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = copied("php-curl", None);
    let mut test = support::wxmock();
    test.args(["exec", "--quiet", "--ephemeral-ca", "--", "php", "test.php"])
        .current_dir(&folder);
    let said = support::succeeds(&mut test);
    assert_eq!(said.matches("ok ").count(), 3, "{said}");
    withstands(&folder);
}

/// The scripts of `examples/load`, each for a moment, against the Express recipe: codes come from the mock, and none is refused.
/// k6 is not run here. Over sixty lines, of which twenty are the shell script that holds it together.
#[test]
fn load_generators_log_in() {
    if !has(
        &[
            ("node", "--version"),
            ("npm", "--version"),
            ("python3", "--version"),
            ("curl", "--version"),
        ],
        "load",
    ) {
        return;
    }
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let root = root();
    let backend = npm::installed(
        &root.join("examples/recipes/node-express"),
        "recipes-express",
        "ci",
    );
    let folder = npm::installed(&root.join("examples/load"), "recipes-load", "ci");
    let python = venv(&folder);
    let wrk = Command::new("wrk").arg("-v").output().is_ok();
    if !wrk {
        eprintln!("not run: examples/load/login.lua: wrk is not installed");
    }
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|it| it.local_addr())
        .expect("a port")
        .port();
    let script = format!(
        "set -eu; url=http://127.0.0.1:{port}
         cd {backend}; PORT={port} WX_API_BASE=$WXMOCK_URL WX_APPID=$WXMOCK_APPID WX_SECRET=$WXMOCK_SECRET node main.js & backend=$!
         trap 'kill $backend' EXIT
         curl --silent --fail --retry 60 --retry-delay 1 --retry-connrefused $url/healthz
         cd {folder}; {python} -m locust --headless --only-summary -u 3 -r 3 -t 2s --host $url 2>&1
         node autocannon.mjs $url 1 5 2>&1
         if {wrk}; then {mint}
           wrk -t2 -c4 -d1s -s login.lua $url -- 2; fi",
        backend = backend.display(),
        folder = folder.display(),
        python = python.display(),
        mint = MINT,
    );
    let mut exec = support::wxmock();
    exec.args([
        "exec",
        "--quiet",
        "--ephemeral-ca",
        "--assert",
        "codes_sent_again == 0",
        "--",
        "sh",
        "-c",
        &script,
    ]);
    let said = support::succeeds(&mut exec);
    assert!(said.contains("POST     /login"), "locust: {said}");
    assert!(
        said.contains("2xx responses") || said.contains("requests in"),
        "autocannon: {said}"
    );
    assert!(
        !wrk || said.contains("Requests/sec:") && !said.contains("Non-2xx"),
        "wrk: {said}"
    );
    for page in ["docs/load.md", "docs/load.zh-CN.md"] {
        let page = std::fs::read_to_string(root.join(page)).expect(page);
        assert!(page.contains(MINT), "how codes are written to a file");
    }
}

/// One code a line, as the page tells it.
const MINT: &str = r#"curl -s "$WXMOCK_URL/_mock/v1/codes" -d '{"user":"alice","count":10000}' | grep -oE '"[0-9A-Za-z]{32}"' | tr -d '"' > codes.txt"#;

/// What a page shows is what runs.
#[test]
fn the_blocks_of_the_pages_are_pieces_of_the_programs() {
    let mut n_blocks = 0;
    for entry in std::fs::read_dir(root().join("docs/recipes"))
        .expect("the pages")
        .flatten()
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let stem = name.trim_end_matches(".md").trim_end_matches(".zh-CN");
        if stem == "README" {
            continue;
        }
        let program = whole(&root().join("examples/recipes").join(stem));
        let page = std::fs::read_to_string(entry.path()).expect("a page");
        for block in page.split("```").skip(1).step_by(2) {
            let (language, shown) = block.split_once('\n').expect("a language");
            if !language.is_empty() {
                assert!(
                    program.contains(&bare(shown)),
                    "{name} shows what is in no file:\n{shown}"
                );
                n_blocks += 1;
            }
        }
    }
    assert!(n_blocks >= 30, "{n_blocks} blocks");
}

/// Every file of a recipe one after the other, but for lock files.
fn whole(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).expect("a recipe").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if [
            "node_modules",
            "target",
            ".venv",
            "__pycache__",
            "package-lock.json",
        ]
        .iter()
        .any(|built| name == *built)
        {
            continue;
        }
        match std::fs::read_to_string(&path) {
            Ok(file) => text.push_str(&bare(&file)),
            Err(_) if path.is_dir() => text.push_str(&whole(&path)),
            // A built program.
            Err(_) => {}
        }
        text.push('\n');
    }
    text
}

/// Without indentation and empty lines.
fn bare(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}
