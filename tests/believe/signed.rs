//! What is spoilt to see a refusal is what an operation sends and reads: sealed data, or `rawData` and its signature.

use super::{ADAPTER, Check, Run};

const SEALED: &str = "encryptedData = \"{{device.encryptedData}}\", iv = \"{{device.iv}}\"";
const SIGNED: &str = "rawData = \"{{device.rawData}}\", signature = \"{{device.signature}}\"";

/// Every family whose cases change what a payload is, or ask for one under some key.
const ABOUT_PAYLOADS: [&str; 12] = [
    "SE-2", "SE-3", "SE-4", "PI-1", "PI-3", "PI-4", "N3", "N6", "SK-8", "KI-1", "MM-2", "LB-5",
];

/// The backend that reads what `mode` says, asked with these fields.
fn check(mode: &str, sends: &str) -> Option<Check> {
    let check = Check::of("signed.mjs", ADAPTER)?;
    Some(
        check
            .with("M = \"\"", &format!("M = \"{mode}\""))
            .with(SEALED, sends)
            .with("upstream_timeout_ms = 5000", "upstream_timeout_ms = 2000"),
    )
}

fn reasons(run: &Run) -> String {
    run.json["cases"].to_string()
}

#[test]
fn each_form_of_data_is_judged_by_what_is_sent_and_read() {
    let both = format!("{SEALED}, {SIGNED}");
    for (mode, sends, is_signed) in [
        ("signed", SIGNED, true),
        ("sealed", SEALED, false),
        // The page sends all it got, whatever is read of it.
        ("signed", &both, true),
        ("sealed", &both, false),
        ("both", &both, false),
    ] {
        let Some(check) = check(mode, sends) else {
            return;
        };
        let run = check.args(&ABOUT_PAYLOADS).run();
        assert_eq!(run.code, 0, "{mode} {sends}: {}", run.text);
        for verdict in ["FAIL", "WARN", "INCONCLUSIVE", "ERROR"] {
            assert!(run.with_verdict(verdict).is_empty(), "{mode}: {}", run.text);
        }
        let said = reasons(&run).contains("the operation reads rawData and signature");
        assert_eq!(said, is_signed, "{mode} {sends}: {}", run.text);
        // Something of each of these is judged in either form.
        let judged = run.with_verdict("PASS");
        for case in ["SE-2", "SE-3", "SE-4", "PI-3", "SK-8"] {
            assert!(judged.contains(&case), "{case} {mode}: {}", run.text);
        }
    }
}

#[test]
fn a_signature_that_is_not_checked_whole_is_found_before_any_case_and_by_its_cases() {
    for (mode, failing, said) in [
        (
            "unverified",
            &["PI-3", "SE-4"][..],
            "changed after it was signed",
        ),
        ("beginning", &["PI-3"][..], "signature"),
    ] {
        let Some(check) = check(mode, SIGNED) else {
            return;
        };
        let run = check.args(&["SE-4", "PI-3"]).run();
        assert_eq!(run.code, 1, "{mode}: {}", run.text);
        assert_eq!(run.with_verdict("FAIL"), failing, "{mode}: {}", run.text);
        let findings = run.json["findings"].as_array().unwrap();
        assert_eq!(
            findings[0]["mechanism"], "signature-not-checked",
            "{mode}: {findings:#?}"
        );
        assert!(run.text.contains(said), "{mode}: {}", run.text);
    }
}

#[test]
fn a_profile_that_no_key_has_a_part_in_is_not_judged_by_keys() {
    let Some(check) = check("unverified", "rawData = \"{{device.rawData}}\"") else {
        return;
    };
    let run = check.args(&["SE-4", "N6"]).run();
    assert_eq!(run.code, 4, "{}", run.text);
    assert!(
        reasons(&run).contains("neither encryptedData nor a signature"),
        "{}",
        run.text
    );
}
