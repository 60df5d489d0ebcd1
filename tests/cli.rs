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

/// The first words `wxmock explain` says about a rule, with these variables and arguments and no other language set.
fn explained(variables: &[(&str, &str)], more: &[&str]) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wxmock"));
    for name in ["WXMOCK_LANG", "LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(name);
    }
    let output = command
        .args(["explain", "LIVE-01"])
        .args(more)
        .envs(variables.iter().copied())
        .output()
        .expect("the binary starts");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_language_is_the_flags_then_the_variables_then_the_locales() {
    let chinese = "任何顺序下都不能挂起";
    let locale = ("LANG", "zh_CN.UTF-8");
    assert!(explained(&[], &["--lang", "zh"]).contains(chinese));
    assert!(explained(&[("WXMOCK_LANG", "zh")], &[]).contains(chinese));
    assert!(explained(&[locale], &[]).contains(chinese));
    assert!(!explained(&[], &[]).contains(chinese));
    assert!(!explained(&[("WXMOCK_LANG", "zh")], &["--lang", "en"]).contains(chinese));
    assert!(!explained(&[locale, ("WXMOCK_LANG", "en")], &[]).contains(chinese));
}

#[test]
fn texts() {
    trycmd::TestCases::new()
        // Help is wrapped to the terminal's width, which a pipe takes from here.
        .env("COLUMNS", "100")
        .env("LC_ALL", "C.UTF-8")
        .case("tests/cli/*.trycmd");
}
