//! The README's first command, as a stranger runs it: the built binary, its words, its files, its exit code.
#![expect(
    clippy::unwrap_used,
    reason = "a step that fails should fail the test where it stands"
)]

use std::process::Command;

#[test]
fn the_demo_passes_the_correct_backend_and_pictures_the_racy_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_wxmock"))
        .arg("demo")
        .env("WXMOCK_LANG", "en")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{told}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for expected in [
        "held in every forced ordering",
        "FAIL  CL-1",
        "KEY-04",
        "Why this cannot be right",
        "wxmock replay 'wxs1:",
    ] {
        assert!(told.contains(expected), "no `{expected}` in\n{told}");
    }
    for (run, verdicts) in [("correct", &["PASS"][..]), ("wrong", &["PASS", "FAIL"])] {
        let folder = folder.path().join("wxmock-report/demo").join(run);
        let json: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(folder.join("run.json")).unwrap())
                .unwrap();
        let cases = json["cases"].as_array().unwrap();
        for case in cases {
            let verdict = case["verdict"].as_str().unwrap();
            let reason = case["reason"].as_str().unwrap_or_default();
            let cannot_apply = verdict == "SKIP" && reason.starts_with("not-applicable: ");
            assert!(
                cannot_apply || verdicts.contains(&verdict),
                "{run}: {} is {verdict} ({})",
                case["path"],
                case["reason"]
            );
        }
        for field in ["id", "alias", "level", "verdict", "rules", "axes", "token"] {
            assert!(
                cases[0].get(field).is_some(),
                "run.json of {run} has no `{field}`"
            );
        }
        let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
        assert!(
            page.starts_with("<!doctype html>") && told.contains(&format!("{run}/report.html")),
            "{run}"
        );
        let transcript = std::fs::read_to_string(folder.join("run.ndjson")).unwrap();
        assert!(transcript.lines().last().unwrap().contains("run_finished"));
    }
}
