//! What the command line says: help, and the answer to every mistake. `TRYCMD=overwrite cargo test --test cli` rewrites.

#[test]
fn every_shell_gets_a_completion() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_wxmock"))
            .args(["completions", shell])
            .output();
        let output = output.expect("the binary starts");
        assert!(
            output.status.success() && String::from_utf8_lossy(&output.stdout).contains("readyz"),
            "{shell}"
        );
    }
}

#[test]
fn texts() {
    trycmd::TestCases::new()
        // Help is wrapped to the terminal's width, which a pipe takes from here.
        .env("COLUMNS", "100")
        .case("tests/cli/*.trycmd");
}
