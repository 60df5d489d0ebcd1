//! A published session middleware with a hard-coded address of WeChat, through the whole suite by the proxy hook. What the
//! suite finds in it is in the example's README, and compared here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const BEGIN: &str = "<!-- findings: written by `WXMOCK_BLESS=1 cargo test --test clients` -->\n";
const END: &str = "<!-- end of findings -->";

#[test]
fn wafer_node_session_goes_through_the_suite() {
    if crate::runtime("Node", &["node", "--version"], 1, &[20]).is_none() {
        return;
    }
    let example =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/backends/node-wafer-session");
    let folder = crate::install::node(&example, "wafer");
    let out = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_wxmock"))
        .args(["check", "--adapter"])
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/adapters/wafer-node-session.toml"),
        )
        .arg("--out")
        .arg(out.path())
        .env("WXC_BACKEND_CWD", &folder)
        .output()
        .unwrap();
    let told = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let run = std::fs::read(out.path().join("run.json"))
        .unwrap_or_else(|error| panic!("{error}: {told}"));
    let run: serde_json::Value = serde_json::from_slice(&run).unwrap();
    let cases = run["cases"].as_array().unwrap();
    assert!(cases.iter().any(|case| case["verdict"] == "PASS"), "{told}");
    compare(&example.join("README.md"), &findings(cases));
}

/// A line for each family and verdict: `- UF-5 FAIL ERR-05: title`.
fn findings(cases: &[serde_json::Value]) -> String {
    let mut found: BTreeMap<(&str, &str), (&str, BTreeSet<&str>)> = BTreeMap::new();
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap();
        if ["FAIL", "WARN", "ERROR"].contains(&text("verdict")) {
            let rules = case["rules"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|rule| rule.as_str());
            let (_, all) = found
                .entry((text("alias"), text("verdict")))
                .or_insert_with(|| (text("title"), BTreeSet::new()));
            all.extend(rules);
        }
    }
    let mut lines = String::new();
    for ((alias, verdict), (title, rules)) in found {
        let rules: String = rules.iter().map(|rule| format!(" {rule}")).collect();
        lines.push_str(&format!("- {alias} {verdict}{rules}: {title}\n"));
    }
    lines
}

fn compare(readme: &Path, seen: &str) {
    let text = std::fs::read_to_string(readme).unwrap();
    let (before, rest) = text
        .split_once(BEGIN)
        .expect("the README has a place for the findings");
    let (committed, after) = rest.split_once(END).expect("the findings end");
    if std::env::var_os("WXMOCK_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(readme, format!("{before}{BEGIN}{seen}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(
        committed,
        seen,
        "{} says something else than the suite found; WXMOCK_BLESS=1 writes it",
        readme.display()
    );
}
