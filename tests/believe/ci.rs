//! What a pipeline needs beside a run: known failures, shares of a run, two runs compared, own cases, reports that are this
//! run's or absent.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{ADAPTER, Check, Run, TWO_LOGINS};

/// The smallest cases of the catalogue: a race, and a control.
const SMALL: [&str; 2] = [TWO_LOGINS, "N6"];

/// What is looked at beside the listed orders takes time, and none of these tests is about it.
const BRIEF: [&str; 5] = ["--free-runs", "0", "--repeat-failing", "1", "--no-shrink"];

fn check(oddity: &str, arguments: &[&str]) -> Option<Check> {
    let check = Check::of("be.mjs", ADAPTER)?;
    let oddity = format!("M = \"{oddity}\"");
    Some(check.with("M = \"\"", &oddity).args(arguments))
}

/// The same for `wxmock check`.
fn brief(oddity: &str, arguments: &[&str]) -> Option<Check> {
    Some(check(oddity, arguments)?.args(&BRIEF))
}

/// A command that takes no adapter.
fn wxmock(folder: &Path, arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_wxmock"))
        .current_dir(folder)
        .env("WXMOCK_LANG", "en")
        .args(arguments)
        .output()
        .unwrap();
    Run::of(output)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_known_failure_does_not_fail_the_run_and_one_that_passes_does() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (list, out, junit) = (at("known.toml"), at("out"), at("junit.xml"));
    let report = format!("junit={}", text(&junit));
    let turn = |oddity: &str, more: &[&str]| {
        let check = brief(oddity, &SMALL)?;
        let arguments = ["check", "--out", text(&out), "--report", report.as_str()];
        Some(check.command(&arguments[..1], &[&arguments[1..], more].concat()))
    };
    let update = |more: &[&str]| {
        let arguments = [
            "known",
            "update",
            "--from",
            text(&out),
            "--file",
            text(&list),
        ];
        wxmock(folder.path(), &[&arguments[..], more].concat())
    };
    let Some(red) = turn("racy", &[]) else { return };
    assert_eq!(red.code, 1, "{}", red.text);
    let written = update(&["--reason", "a slow reply wins", "--issue", "SHOP-12"]);
    assert_eq!(written.code, 0, "{}", written.text);
    let listed = fs::read_to_string(&list).unwrap();
    assert!(listed.contains("issue = \"SHOP-12\""), "{listed}");
    fs::write(&list, format!("# ours\n{listed}")).unwrap();

    let known = ["--known", text(&list)];
    let green = turn("racy", &known).unwrap();
    assert_eq!(green.code, 0, "{}", green.text);
    assert!(
        green
            .text
            .contains("fails as is known, a slow reply wins, SHOP-12"),
        "{}",
        green.text
    );
    let xml = fs::read_to_string(&junit).unwrap();
    assert!(
        !xml.contains("<failure") && xml.contains("known failure: a slow reply wins"),
        "{xml}"
    );

    let repaired = turn("", &known).unwrap();
    assert_eq!(repaired.code, 1, "{}", repaired.text);
    assert!(
        repaired.text.contains("unexpected pass"),
        "{}",
        repaired.text
    );
    let xml = fs::read_to_string(&junit).unwrap();
    assert!(
        xml.contains("<failure message=\"unexpected pass\""),
        "{xml}"
    );
    let lax = turn("", &[&known[..], &["--known-strict=false"]].concat()).unwrap();
    assert_eq!(lax.code, 0, "{}", lax.text);
    let off = update(&[]);
    assert_eq!(off.code, 0, "{}", off.text);
    assert_eq!(
        fs::read_to_string(&list).unwrap().trim(),
        "# ours",
        "{}",
        off.text
    );
}

#[test]
fn shares_put_together_say_what_the_whole_run_says() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let cases = [
        "concurrent-login/slow-reply-overwrites-newer-key/**/n:2",
        "N3",
        "N4",
        "N6",
    ];
    let Some(whole) = brief("racy", &cases).map(|check| check.run()) else {
        return;
    };
    let mut paths = Vec::new();
    for share in ["1/2", "2/2"] {
        let out = at(&share[..1]);
        let run = brief("racy", &cases).unwrap();
        let run = run.command(&["check"], &["--out", text(&out), "--shard", share]);
        assert!(run.code <= 1, "{}", run.text);
        paths.push(out.join("run.ndjson"));
    }
    let (one, two, all) = (text(&paths[0]), text(&paths[1]), at("all"));
    let junit = at("junit.xml");
    let report = format!("junit={}", text(&junit));
    let arguments = [
        "report",
        "--from",
        one,
        two,
        "--out",
        text(&all),
        "--report",
        &report,
    ];
    let merged = wxmock(folder.path(), &arguments);
    assert_eq!(merged.code, whole.code, "{}", merged.text);
    let json: Value =
        serde_json::from_str(&fs::read_to_string(all.join("run.json")).unwrap()).unwrap();
    let verdicts = |run: &Value| -> Vec<(Value, Value)> {
        let cases = run["cases"].as_array().unwrap().iter();
        cases
            .map(|case| (case["path"].clone(), case["verdict"].clone()))
            .collect()
    };
    assert_eq!(verdicts(&json), verdicts(&whole.json));
    assert_eq!(json["counts"], whole.json["counts"]);
    assert_eq!(json["coverage"]["of"], whole.json["coverage"]["of"]);
    assert!(fs::read_to_string(&junit).unwrap().contains("<failure"));

    let refused = |from: &[&str], why: &str| {
        let run = wxmock(folder.path(), &[&["report", "--from"], from].concat());
        assert_eq!(run.code, 3, "{}", run.text);
        assert!(run.text.contains(why), "{}", run.text);
    };
    refused(&[one, one], "the share 1/2 is there twice");
    refused(
        &[one, text(&all.join("run.ndjson"))],
        "is no share of a run",
    );
}

#[test]
fn two_runs_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, oddity) in [("good", ""), ("bad", "racy")] {
        let Some(check) = check(oddity, &SMALL) else {
            return;
        };
        check.command(&["check"], &["--out", text(&at(name))]);
    }
    let diff = |before: &str, after: &str| wxmock(folder.path(), &["diff", before, after]);
    let worse = diff("good", "bad/run.ndjson");
    assert_eq!(worse.code, 1, "{}", worse.text);
    assert!(worse.text.contains("CL-1   PASS → FAIL"), "{}", worse.text);
    let better = diff("bad", "good");
    assert_eq!(better.code, 0, "{}", better.text);
    assert!(better.text.contains("Gone\n"), "{}", better.text);
    let same = diff("bad", "bad");
    assert_eq!(
        (same.code, same.text.as_str()),
        (0, "the two runs say the same\n")
    );
}

#[test]
fn own_cases_are_checked_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let manual = include_str!("../../docs/scenarios.md");
    let example = manual.split("```toml\n").nth(1).unwrap();
    let example = example.split("```").next().unwrap();
    let file = folder.path().join("mine.toml");
    fs::write(&file, example).unwrap();
    let own = text(&file);
    let checked = wxmock(folder.path(), &["scenario", "check", own]);
    assert_eq!(checked.code, 0, "{}", checked.text);
    assert!(
        checked.text.starts_with("ok: 4 cases, "),
        "{}",
        checked.text
    );
    let one = "concurrent-login/example/rotation:exchange/*";
    let Some(run) = brief("racy", &[one, "!**/n:3", "--scenarios", own, "--fail-fast"]) else {
        return;
    };
    let run = run.run();
    assert_eq!(run.code, 1, "{}", run.text);
    assert_eq!(run.with_verdict("FAIL"), ["CL-9"]);
    let again = run.json["findings"][0]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let replay = check("racy", &["--scenarios", own]).unwrap();
    let replay = replay.command(&["replay", &again], &["--repeat", "1"]);
    assert_eq!(replay.code, 1, "{}", replay.text);

    fs::write(&file, example.replace("P* mint", "P* mnt")).unwrap();
    let wrong = wxmock(folder.path(), &["scenario", "check", own]);
    assert_eq!(wrong.code, 3, "{}", wrong.text);
    assert!(
        wrong.text.contains("did you mean `mint`?"),
        "{}",
        wrong.text
    );
}

#[test]
fn reports_are_this_run_s_or_absent() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (out, junit) = (at("out"), at("j.xml"));
    let report = format!("junit={}", text(&junit));
    let turn = |oddity: &str| {
        let check = brief(oddity, &["N6"])?;
        Some(check.command(&["check"], &["--out", text(&out), "--report", &report]))
    };
    let Some(passed) = turn("") else { return };
    assert_eq!(passed.code, 0, "{}", passed.text);
    let failed = turn("exit0").unwrap();
    assert_eq!(failed.code, 5, "{}", failed.text);
    let xml = fs::read_to_string(&junit).unwrap();
    assert!(
        xml.contains("errors=\"1\"") && xml.contains("<error"),
        "{xml}"
    );
    assert!(!xml.contains("N6"), "{xml}");
    let json: Value =
        serde_json::from_str(&fs::read_to_string(out.join("run.json")).unwrap()).unwrap();
    assert_eq!(json["exit_code"], 5, "{json}");
}

#[test]
fn a_second_run_is_refused_the_folder_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("run.json"), "of the first run").unwrap();
    let first = fs::File::create(out.join("run.ndjson")).unwrap();
    first.lock().unwrap();
    let Some(check) = brief("", &["N6"]) else {
        return;
    };
    let second = check.command(&["check"], &["--out", text(&out)]);
    assert_eq!(second.code, 3, "{}", second.text);
    assert!(
        second.text.contains("another run is writing to"),
        "{}",
        second.text
    );
    let kept = fs::read_to_string(out.join("run.json")).unwrap();
    assert_eq!(kept, "of the first run");
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_the_backend_starts() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "").unwrap();
    fs::create_dir(at("folder")).unwrap();
    let below_a_file = at("file").join("junit.xml");
    for place in [below_a_file, at("folder")] {
        // A backend that would write where it was told to, were it started.
        let Some(check) = brief("", &["N6"]) else {
            return;
        };
        let started = at("started");
        let check = check.with(
            "start = [\"node\", \"BACKEND\"]",
            &format!("start = [\"touch\", \"{}\"]", text(&started)),
        );
        let report = format!("junit={}", text(&place));
        let run = check.command(
            &["check"],
            &["--out", text(&at("out")), "--report", &report],
        );
        assert_eq!(run.code, 3, "{}", run.text);
        assert!(run.text.contains("cannot write"), "{}", run.text);
        assert!(!started.exists(), "{}", run.text);
    }
}

#[test]
fn a_full_disk_loses_the_report_and_not_the_verdict() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let Some(check) = brief("", &["N6"]) else {
        return;
    };
    let run = check.command(
        &["check"],
        &["--out", text(&out), "--report", "junit=/dev/full"],
    );
    assert_eq!(run.code, 3, "{}", run.text);
    assert!(run.text.contains("the disk is full"), "{}", run.text);
    assert!(run.text.contains("exit 0: all held"), "{}", run.text);
    assert!(Path::new("/dev/full").exists(), "a device is not replaced");
}

#[test]
fn a_reader_that_went_away_or_a_full_disk_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let shell = |line: &str| {
        let output = Command::new("sh")
            .args(["-c", line, env!("CARGO_BIN_EXE_wxmock")])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(
            !said.contains("panicked") && !said.contains("please report"),
            "{said}"
        );
        (output.status.code(), said)
    };
    let (code, said) = shell("\"$0\" list >/dev/full");
    assert_eq!(code, Some(3), "{said}");
    let (code, _) = shell("\"$0\" list 2>/dev/full >/dev/full");
    assert_eq!(code, Some(3));
    let (code, said) = shell("\"$0\" list >&- 2>&-");
    assert_eq!(code, Some(0), "{said}");
    shell("\"$0\" list | true");
    let (code, said) = shell("\"$0\" explain NOTHING 2>/dev/full");
    assert_eq!(code, Some(4), "{said}");
    let Some(check) = brief("", &["N6"]) else {
        return;
    };
    let run = check
        .with("[backend]", "[backend]\n")
        .command(&["check"], &["--out", "/dev/null/x"]);
    assert_eq!(run.code, 3, "{}", run.text);
}

/// The lists in the guides are lists that are read, and their commands are commands that run.
#[test]
fn the_guides_show_what_works() {
    let guides = [
        include_str!("../../docs/check.md"),
        include_str!("../../docs/check.zh-CN.md"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("known.toml");
    for guide in guides {
        let example = guide.split("```toml\n").nth(1).unwrap();
        fs::write(&list, example.split("```").next().unwrap()).unwrap();
        let Some(check) = brief("racy", &SMALL) else {
            return;
        };
        let out = folder.path().join("out");
        let run = check.command(&["check"], &["--out", text(&out), "--known", text(&list)]);
        assert!(run.text.contains("Known failures"), "{}", run.text);
        let console = guide.split("```console\n").nth(1).unwrap();
        let lines = console.split("```").next().unwrap().lines();
        for line in lines.filter_map(|line| line.strip_prefix("$ wxmock ")) {
            let words = line.replace('\'', "");
            let words: Vec<&str> = words.split_whitespace().collect();
            let run = wxmock(folder.path(), &words);
            assert_eq!(run.code, 0, "{line}: {}", run.text);
        }
    }
}
