//! The fixtures of `packages/` in Python, Go and Java: each starts the built binary itself, and its own tests and example pass.
//! Those of JavaScript are tested by `wx_js.rs`, that of Rust beside the library.
//!
//! Where a runtime is missing its test says so and passes, unless `REQUIRE_RUNTIMES=1` insists on it.

#[expect(dead_code, reason = "the tests of `serve` use the rest of it")]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of a package below `target/`, which outlives the test: what is installed there stays.
fn package(name: &str) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("packages")
        .join(name);
    let to = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("fixtures")
        .join(name);
    support::copy(&from, &to);
    to
}

/// Runs something to its end, with the binary under test.
fn run(folder: &Path, program: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .env("WXMOCK_BIN", env!("CARGO_BIN_EXE_wxmock"))
        .env("GOTOOLCHAIN", "local");
    support::succeeds(&mut command)
}

#[test]
fn the_pytest_fixture_passes_its_tests() {
    if !support::is_installed("python3", "--version", "the pytest fixture") {
        return;
    }
    let folder = package("python");
    let python = folder.join("venv/bin/python");
    let has_pytest = Command::new(&python).args(["-c", "import pytest"]).output();
    if !has_pytest.is_ok_and(|output| output.status.success()) {
        run(
            &folder,
            Path::new("python3"),
            &["-m", "venv", "--clear", "venv"],
        );
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ];
        run(
            &folder,
            &python,
            &[&install[..], &["pytest==9.2.0"]].concat(),
        );
    }
    // What an installed wheel does by its entry point.
    std::fs::write(
        folder.join("conftest.py"),
        "pytest_plugins = ['wxmock.pytest_plugin']\n",
    )
    .expect("the folder can be written");
    let pytest = ["-m", "pytest", "-q", "-o", "pythonpath=src"];
    let said = run(&folder, &python, &pytest);
    assert!(said.contains(" passed in "), "{said}");
}

#[test]
fn the_go_fixture_passes_its_tests() {
    if !support::is_installed("go", "version", "the Go fixture") {
        return;
    }
    let folder = package("go");
    run(&folder, Path::new("go"), &["vet", "./..."]);
    let said = run(
        &folder,
        Path::new("go"),
        &["test", "-count=1", "-v", "./..."],
    );
    assert!(said.contains("--- PASS: TestACodeWorksOnce"), "{said}");
}

#[test]
fn the_junit_extension_passes_its_tests() {
    let what = "the JUnit extension";
    if !support::is_installed("java", "--version", what)
        || !support::is_installed("mvn", "--version", what)
    {
        return;
    }
    let folder = package("java");
    let said = run(&folder, Path::new("mvn"), &["--batch-mode", "test"]);
    assert!(said.contains("LoginExampleTest"), "{said}");
}

/// What the page shows is what runs: each block is a piece of a program that a test here, in `wx_js.rs` or of the library executes.
#[test]
fn the_blocks_of_the_page_are_pieces_of_programs_that_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect(path);
    let programs = [
        "packages/python/example/test_login.py",
        "packages/wxmock/test/server/login.test.ts",
        "packages/go/wxmocktest/example_login_test.go",
        "packages/java/src/test/java/io/github/wxmock/junit/LoginExampleTest.java",
        "mock-server/examples/login.rs",
        "packages/python/tests/test_fixture.py",
    ];
    let page = read("docs/fixtures.md");
    let blocks: Vec<&str> = page.split("```").skip(1).step_by(2).collect();
    assert_eq!(blocks.len(), programs.len(), "the blocks of the page");
    for (block, path) in blocks.iter().zip(programs) {
        let (_, shown) = block.split_once('\n').expect("a language");
        let bare = |text: &str| {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.collect::<Vec<_>>().join("\n")
        };
        assert!(
            bare(&read(path)).contains(&bare(shown)),
            "not in {path}:\n{shown}"
        );
    }
}

/// A release is one number; every package says it.
#[test]
fn every_package_has_the_version_of_the_binary() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let version = env!("CARGO_PKG_VERSION");
    for (path, line) in [
        (
            "packages/wxmock/package.json",
            format!("\"version\": \"{version}\""),
        ),
        (
            "packages/java/pom.xml",
            format!("<version>{version}</version>"),
        ),
        (
            "packages/docker/compose.yaml",
            format!("wxmock/wxmock:{version}"),
        ),
        ("docs/ci.md", format!("wxmock/wxmock@v{version}")),
        ("docs/recipes/README.md", format!("wxmock/wxmock:{version}")),
        (
            "examples/recipes/spring-wxjava/pom.xml",
            format!("<version>{version}</version>"),
        ),
    ] {
        let text = std::fs::read_to_string(root.join(path)).expect(path);
        assert!(text.contains(&line), "{path} does not say {line}");
    }
}
