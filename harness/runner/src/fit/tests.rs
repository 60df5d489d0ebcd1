use std::collections::BTreeSet;

use super::*;
use wxmock_adapter::Adapter;
use wxmock_model::program::{Program, Step, Transport, Verb};
use wxmock_scenario as scenario;
use wxmock_scenario::plan;
use wxmock_scenario::plan::Selection;

const WHOLE: &[&str] = wxmock_model::program::OPS;

fn case(path: &str) -> Case {
    let cases = plan::cases(scenario::all(), &Selection::default());
    let found = cases.into_iter().find(|case| {
        case.path == path || (case.scenario.alias == path && case.program.steps().count() > 0)
    });
    found.unwrap_or_else(|| panic!("no case {path}"))
}

fn fit(path: &str, ops: &[&str]) -> Fit {
    let fit = Fit::of(&case(path), &Described::ops(ops));
    if let Fit::Runs(fitted) = &fit {
        let again = Fit::of(&fitted.case, &Described::ops(ops));
        let Fit::Runs(again) = again else {
            panic!("{path} runs once and not twice");
        };
        assert_eq!(again.case.program, fitted.case.program, "{path}");
    }
    fit
}

/// Who does what, phone first; panics if the case does not run.
fn story(path: &str, ops: &[&str]) -> Vec<String> {
    let Fit::Runs(fitted) = fit(path, ops) else {
        panic!("{path} does not run with {ops:?}");
    };
    let program = &fitted.case.program;
    let told = |step: &Step| {
        let phone = step
            .phone
            .map_or("", |phone| program.phones[phone].name.as_str());
        format!("{phone} {}", step.op.unwrap_or(&step.text))
            .trim()
            .to_owned()
    };
    program.steps().map(told).collect()
}

fn reason(path: &str, ops: &[&str]) -> String {
    match fit(path, ops) {
        Fit::Skips(unfit) => unfit.reason().en,
        Fit::Runs(_) => "runs".to_owned(),
    }
}

#[test]
fn a_plus_is_lost_only_where_a_form_or_a_query_is_decoded() {
    let adapter = |body: &str| {
        let text = format!(
            r#"name = "x"
[backend]
base = "http://127.0.0.1:1"
[ops.login]
request = {{ post = "/l", json = {{ code = "{{{{device.code}}}}" }} }}
capture = {{ token = "$.t" }}
[ops.userinfo]
request = {{ post = "/p", {body} }}
[[outcome]]
when = {{ status = 200 }}
is = "ok"
"#
        );
        Adapter::parse("x.toml", &text).unwrap()
    };
    let case = case("payload-integrity/plus-becomes-space/variant:raw-plus");
    let fits = |body: &str| {
        let data = r#"{ d = "{{device.encryptedData}}", iv = "{{device.iv}}" }"#;
        Fit::of(&case, &Described::of(&adapter(&body.replace("DATA", data))))
    };
    let raw = r#"body = "d={{device.encryptedData}}&iv={{device.iv}}""#;
    let form = r#"headers = { Content-Type = "application/x-www-form-urlencoded" }"#;
    for body in ["form = DATA", "query = DATA", &format!("{form}, {raw}")] {
        assert!(matches!(fits(body), Fit::Runs(_)), "{body}");
    }
    let xml = r#"headers = { Content-Type = "text/xml" }"#;
    for body in ["json = DATA", "headers = DATA", &format!("{xml}, {raw}")] {
        let skipped = matches!(fits(body), Fit::Skips(Unfit::NotApplicable(_)));
        assert!(skipped, "{body}");
    }
}

#[test]
fn a_whole_adapter_changes_nothing() {
    for case in plan::cases(scenario::all(), &Selection::default()) {
        let Fit::Runs(fitted) = Fit::of(&case, &Described::ops(WHOLE)) else {
            panic!("{} is skipped", case.path);
        };
        // An axis that names another carrier says so.
        if case.payload().is_some_and(|payload| payload != "userinfo") {
            continue;
        }
        let program = Program {
            needs: case.program.needs.clone(),
            ..fitted.case.program.clone()
        };
        assert_eq!(program, case.program, "{}", case.path);
        assert!(fitted.notes().is_empty(), "{}", case.path);
        assert_eq!(fitted.case.orders(), case.orders(), "{}", case.path);
    }
}

#[test]
fn a_login_alone_keeps_what_a_login_shows() {
    assert_eq!(
        story("CC-1", &["login"]),
        ["P mint as c", "P login", "P login", "recover A"]
    );
    let Fit::Runs(fitted) = fit("CC-1", &["login"]) else {
        panic!("CC-1 runs");
    };
    assert_eq!(fitted.case.program.obligations, ["same-code-twice"]);
    assert_eq!(fitted.left_out, BTreeSet::from(["userinfo".to_owned()]));
    assert_eq!(fitted.notes().len(), 1);
    assert_eq!(reason("SK-1", &["login"]), "not-described: userinfo");
    assert_eq!(reason("CL-4", &["login"]), "not-described: whoami");
}

#[test]
fn the_phone_button_carries_what_a_profile_would() {
    let ops = ["login", "phone_cipher"];
    let story = story("MM-2", &ops);
    assert!(story.contains(&"P phone_cipher".to_owned()), "{story:?}");
    let Fit::Runs(fitted) = fit("MM-2", &ops) else {
        panic!("MM-2 runs");
    };
    assert_eq!(fitted.carried_by, Some("phone_cipher"));
    assert_eq!(
        fitted.case.program.obligations,
        ["superseded-key-submitted"]
    );
    assert_eq!(reason("SE-4", &ops), "not-described: userinfo");
    assert_eq!(reason("SE-9", &ops), "runs");
    assert!(reason("PI-7", &ops).starts_with("not-"));
}

#[test]
fn a_login_with_data_captures_at_its_own_mint() {
    let ops = ["login_profile"];
    assert_eq!(
        story("CC-1", &ops),
        [
            "P mint as c",
            "P capture userinfo after mint as c",
            "P login_profile",
            "P login_profile",
            "recover A"
        ]
    );
    assert_eq!(
        story("N5", &ops)[..4],
        [
            "P mint as c1",
            "P capture userinfo after mint as c1",
            "Q mint as c2",
            "Q capture userinfo after mint as c2",
        ]
    );
    let late = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2";
    assert!(reason(late, &ops).starts_with("not-applicable: "));
    assert_eq!(reason("MM-2", &ops), "not-described: userinfo");
}

#[test]
fn captured_data_is_sent_with_a_code_of_its_own() {
    let story = story("KI-1", &["login_profile"]);
    assert!(
        story.ends_with(&[
            "Q mint for capture userinfo as pb".to_owned(),
            "Q capture userinfo as pb".to_owned(),
            "Q login_profile".to_owned(),
        ]),
        "{story:?}"
    );
}

#[test]
fn every_case_that_runs_can_be_enumerated() {
    let sets: &[&[&str]] = &[
        &["login"],
        &["login", "whoami"],
        &["login", "phone_cipher"],
        &["login", "login_profile"],
        &["login_profile"],
        &["login_profile", "userinfo"],
    ];
    for ops in sets {
        for case in plan::cases(scenario::all(), &Selection::default()) {
            let Fit::Runs(fitted) = Fit::of(&case, &Described::ops(ops)) else {
                continue;
            };
            let lacks = |step: &&Step| step.op.is_some_and(|op| !ops.contains(&op));
            let stray = fitted.case.program.steps().find(lacks);
            assert!(stray.is_none(), "{} {ops:?}: {stray:?}", case.path);
            assert!(!fitted.case.orders().is_empty(), "{} {ops:?}", case.path);
        }
    }
}

/// How `path` runs where `userinfo` reads `rawData` and `signature`; why it does not, if it does not.
fn signed(path: &str) -> Result<Program, String> {
    let described = Described::ops(WHOLE).reading_signed(&BTreeSet::from(["userinfo".to_owned()]));
    match Fit::of(&case(path), &described) {
        Fit::Runs(fitted) => {
            let Fit::Runs(again) = Fit::of(&fitted.case, &described) else {
                panic!("{path} runs once and not twice");
            };
            assert_eq!(again.case.program, fitted.case.program, "{path}");
            Ok(fitted.case.program)
        }
        Fit::Skips(unfit) => Err(unfit.reason().en),
    }
}

#[test]
fn what_is_signed_is_spoilt_in_the_place_of_what_is_sealed() {
    let forged = "security/payload-not-bound-to-app-and-user/variant";
    let bent = signed(&format!("{forged}:bent-iv/payload:userinfo")).unwrap();
    let seals = bent.steps().filter_map(|step| match &step.verb {
        Verb::Capture { seal, .. } => Some((seal.bent_iv, seal.altered_raw_data)),
        _ => None,
    });
    assert_eq!(seals.collect::<Vec<_>>(), [(false, true)]);
    let wrong = "payload-integrity/iv-wrong-or-missing/variant";
    let garbage = signed(&format!("{wrong}:garbage")).unwrap();
    let transports = garbage.steps().filter_map(|step| match step.verb {
        Verb::Send { transport, .. } => Some(transport),
        _ => None,
    });
    assert_eq!(transports.collect::<Vec<_>>(), [Transport::FalseSignature]);
    for path in [
        "SK-8",
        "N6",
        "KI-1",
        "SE-2",
        "LB-5",
        format!("{wrong}:absent").as_str(),
        format!("{wrong}:empty").as_str(),
    ] {
        assert!(signed(path).is_ok(), "{path}");
    }
    for path in [
        format!("{forged}:other-app/payload:userinfo").as_str(),
        format!("{forged}:other-openid/payload:userinfo").as_str(),
        format!("{forged}:longer-appid/payload:userinfo").as_str(),
        format!("{wrong}:short-iv").as_str(),
        format!("{wrong}:swapped").as_str(),
        "security/identity-from-the-request/variant:same-iv",
        "payload-integrity/plus-becomes-space/variant:raw-plus",
        "payload-integrity/plus-becomes-space/variant:as-described",
        "PI-4",
    ] {
        let reason = signed(path).unwrap_err();
        assert!(
            reason.starts_with("not-applicable: it is about sealed data"),
            "{path}: {reason}"
        );
    }
}

#[test]
fn the_axis_payload_says_which_operation_carries_the_data() {
    let path = |variant: &str, payload: &str| {
        format!("security/payload-not-bound-to-app-and-user/variant:{variant}/payload:{payload}")
    };
    let sent = |variant: &str, payload: &str| {
        let ops = ["login", "userinfo", "phone_cipher", "login_profile"];
        let told = story(&path(variant, payload), &ops);
        told[..5.min(told.len())].join(" · ")
    };
    assert!(sent("other-app", "userinfo").contains("P userinfo"));
    assert!(sent("bent-iv", "login_profile").contains("P login_profile"));
    let profile = path("bent-iv", "login_profile");
    assert_eq!(
        reason(&profile, &["login", "userinfo"]),
        "not-described: login_profile"
    );
}
