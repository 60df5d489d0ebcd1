//! The harness proves its own senses: what it cannot read, or looks for in the wrong place, is said before any verdict.

use super::{ADAPTER, Check};

/// A check of `be.mjs` with this oddity.
fn odd(oddity: &str) -> Option<Check> {
    let set = format!("M = \"{oddity}\"");
    Check::of("be.mjs", ADAPTER).map(|check| check.with("M = \"\"", &set))
}

#[test]
fn compressed_answers_are_read() {
    for coding in ["gzip", "coding=br", "utf16"] {
        let Some(check) = odd(&format!("racy,{coding}")) else {
            return;
        };
        let run = check.args(&["CL-1", "--max-orders", "2"]).run();
        assert_eq!(run.code, 1, "{coding}: {}", run.text);
        assert!(run.text.contains("KEY-04"), "{coding}: {}", run.text);
    }
    let Some(check) = odd("gzip") else { return };
    let run = check.args(&["CL-1"]).run();
    assert_eq!(run.code, 0, "{}", run.text);
}

#[test]
fn a_session_stored_after_the_answer_is_a_finding_and_the_run_goes_on() {
    let Some(check) = odd("save_later=40") else {
        return;
    };
    let run = check.args(&["N5", "SE-8", "--free-runs", "0"]).run();
    assert_eq!(run.code, 1, "{}", run.text);
    assert!(run.text.contains("written-late"), "{}", run.text);
    // Phones wait for their tokens from then on: nothing else is found, and every case is judged.
    let found = run.json["findings"].as_array().map_or(0, Vec::len);
    assert_eq!(found, 1, "{}", run.text);
    for case in ["N5", "SE-8"] {
        assert!(run.with_verdict("PASS").contains(&case), "{}", run.text);
    }
    let Some(check) = odd("") else { return };
    let run = check.args(&["SE-8"]).run();
    assert_eq!(run.code, 0, "{}", run.text);
}

/// What both commands say of an adapter or a backend that cannot be judged: no verdict, this exit code, these words.
fn told(check: Check, code: i32, parts: &[&str]) {
    for run in [
        check.command(&["adapter", "check"], &[]),
        check.args(&["CL-1"]).run(),
    ] {
        assert_eq!(run.code, code, "{}", run.text);
        for part in parts {
            assert!(run.text.contains(part), "{part} is not in {}", run.text);
        }
        assert!(!run.text.contains("PASS"), "{}", run.text);
        // A report of a run that judged nothing says why, and nothing else.
        let judged = |list: &str| run.json[list].as_array().is_some_and(|all| !all.is_empty());
        assert!(!judged("cases") && !judged("findings"), "{}", run.json);
        assert!(run.json.is_null() || run.json["not_run"].is_string());
    }
}

/// The `[[outcome]]` block a run proposes, in place of the adapter's own.
fn repaired(adapter: &str, said: &str) -> String {
    let at = said.find("# In place of the [[outcome]] rules").unwrap();
    let block: Vec<&str> = said[at..]
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .collect();
    let (before, rest) = adapter.split_once("[[outcome]]").unwrap();
    let (_, features) = rest.split_once("[features]").unwrap();
    format!("{before}{}\n[features]{features}", block.join("\n"))
}

/// Pastes what `adapter check` proposes, and expects a correct backend to pass.
fn proposes(adapter: &str, oddity: &str) {
    let adapter = adapter.replace("M = \"\"", &format!("M = \"{oddity}\""));
    let Some(check) = Check::of("be.mjs", &adapter) else {
        return;
    };
    let run = check.command(&["adapter", "check"], &[]);
    assert_eq!(run.code, 3, "{}", run.text);
    assert!(run.text.contains("look the same"), "{}", run.text);
    drop(check);
    let repaired = repaired(&adapter, &run.text);
    let check = Check::of("be.mjs", &repaired).unwrap();
    let run = check.args(&["CL-1", "LB-1", "N6"]).run();
    assert_eq!(run.code, 0, "{repaired}\n{}", run.text);
    assert!(run.with_verdict("PASS").contains(&"CL-1"), "{}", run.text);
}

#[test]
fn a_token_path_with_a_typo_is_named() {
    let Some(check) = odd("racy") else { return };
    let check = check.with("token = \"$.token\"", "token = \"$.tokn\"");
    told(check, 3, &["$.tokn found nothing", "the body has $.token"]);
}

#[test]
fn a_path_nobody_answers_is_named() {
    let Some(check) = odd("") else { return };
    let check = check.with("post = \"/profile\"", "post = \"/profil\"");
    told(
        check,
        3,
        &[
            "userinfo answers 404 to an honest payload",
            "POST /profil",
            "nope",
        ],
    );
}

#[test]
fn a_plaintext_path_with_a_typo_is_given_the_right_one() {
    let adapter = ADAPTER
        .replace("$.token", "$.data.token")
        .replace("$.user.id", "$.data.uid")
        .replace("$.profile.nickName", "$.data.nick");
    let (before, rest) = adapter.split_once("[ops.whoami]").unwrap();
    let (_, rules) = rest.split_once("[[outcome]]").unwrap();
    let adapter = format!("{before}[[outcome]]{rules}");
    let Some(check) = Check::of("mix.mjs", &adapter) else {
        return;
    };
    told(
        check,
        3,
        &["$.data.nick found nothing; the body has $.data.nickName"],
    );
    let check = Check::of("mix.mjs", &adapter).unwrap();
    let check = check.with("$.data.nick", "$.data.nickName");
    let run = check.args(&["CL-1"]).run();
    assert_eq!(run.code, 1, "{}", run.text);
}

#[test]
fn rules_that_cannot_tell_a_refusal_are_given_others() {
    let adapter = ADAPTER
        .replace("$.token", "$.data.token")
        .replace("$.user.id", "$.data.user.id")
        .replace("$.profile", "$.data.profile");
    proposes(&adapter, "kind=code200");
}

#[test]
fn rules_for_xml_are_proposed() {
    let adapter = ADAPTER
        .replace("\"$.token\"", "{ regex = '<token>([^<]*)</token>' }")
        .replace("\"$.profile.nickName\"", "{ regex = '<nick>([^<]*)</nick>' }")
        .replace(", user_id = \"$.user.id\"", ", user_id = { regex = '<uid>([^<]*)</uid>' }")
        .replace("json = { code = \"{{device.code}}\" }", "body = \"<x><code>{{device.code}}</code></x>\"")
        .replace(
            "json = { encryptedData = \"{{device.encryptedData}}\", iv = \"{{device.iv}}\" }",
            "body = \"<x><encryptedData>{{device.encryptedData}}</encryptedData><iv>{{device.iv}}</iv></x>\"",
        );
    proposes(&adapter, "kind=xml");
}

#[test]
fn a_backend_that_ends_is_named_with_its_status() {
    // While an honest request is open, and while a spoilt one is.
    let Some(check) = odd("die_after=2") else {
        return;
    };
    told(check, 5, &["the backend ended by itself (exit status: 7)"]);
    let Some(check) = odd("die_after=4") else {
        return;
    };
    told(check, 5, &["exit status: 7"]);
}

#[test]
fn a_backend_that_hangs_is_named() {
    let Some(check) = odd("hang") else { return };
    let check = check.with("[features]", "[features]\nanswer_within_ms = 300");
    told(
        check,
        5,
        &[
            "login gives no complete answer to an honest login",
            "within 300 ms",
        ],
    );
}

#[test]
fn a_backend_that_never_listens_is_named() {
    let Some(check) = odd("never") else { return };
    let check = check.with("status = 200 }", "status = 200, timeout = \"1s\" }");
    told(check, 5, &["not ready after 1 s", "cannot connect"]);
}

#[test]
fn a_start_that_returns_is_refused_and_leaves_nothing_running() {
    for fork in ["fork", "fork=setsid"] {
        let Some(check) = odd(&format!("{fork},fork_linger=0,late=100")) else {
            return;
        };
        let pids = tempfile::tempdir().unwrap();
        let pid = pids.path().join("pid");
        let set = format!("M = \"{fork},fork_linger=0,late=100\"");
        let check = check.with(&set, &format!("{set}\nPIDFILE = \"{}\"", pid.display()));
        told(check, 5, &["start must stay in the foreground"]);
        let left = std::fs::read_to_string(&pid).unwrap();
        let environment =
            std::fs::read(format!("/proc/{}/environ", left.trim())).unwrap_or_default();
        assert!(environment.is_empty(), "{fork}: process {left} is left");
    }
}
