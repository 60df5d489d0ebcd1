//! JUnit XML: first a suite `findings`, one test a cause, then a suite for each area with its cases; class name =
//! `<adapter>.<suite>`. WARN passes with its text in `system-out`.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::run_view::{RunView, area, reason, share};
use crate::terminal::{TerminalOptions, failure, finding, named};
use crate::words;
use wxmock_judge::{impact_word, level_word, rule};
use wxmock_model::event::CaseResult;
use wxmock_model::known::{KnownResults, Standing};
use wxmock_model::verdict::{Level, Verdict};

/// The document.
#[must_use]
pub fn render(run: &RunView<'_>) -> String {
    let mut report = Report::new(format!("wxmock check {}", run.adapter));
    let mut suites: Vec<(&str, TestSuite)> = Vec::new();
    let findings = findings(run);
    if findings.tests > 0 {
        suites.push((FINDINGS, findings));
    }
    suites.extend(run.not_run.map(|reason| (RUN, not_run(run, reason))));
    suites.extend(
        run.known
            .and_then(|known| Some((KNOWN, passing(run, known)?))),
    );
    for case in &run.cases {
        let name = area(case);
        let at = suites
            .iter()
            .position(|(known, _)| *known == name)
            .unwrap_or_else(|| {
                suites.push((name, TestSuite::new(name)));
                suites.len() - 1
            });
        suites[at].1.add_test_case(test_case(run, case));
    }
    report.set_time(Duration::from_millis(
        run.cases.iter().map(|case| case.took_ms).sum(),
    ));
    report.add_test_suites(suites.into_iter().map(|(_, suite)| suite));
    // Invalid XML characters were filtered when the texts were set; what is left cannot fail on a String.
    report
        .to_string()
        .map(without_skipped)
        .unwrap_or_else(|error| format!("<!-- no JUnit report: {error} -->\n"))
}

/// The schema of Jenkins' xUnit plugin (junit-10.xsd) knows `skipped` of a suite, and not of all suites together.
fn without_skipped(xml: String) -> String {
    let Some(root) = xml.find("<testsuites ") else {
        return xml;
    };
    let end = xml[root..].find('>').map_or(xml.len(), |at| root + at);
    let Some(from) = xml[root..end].find(" skipped=\"").map(|at| root + at) else {
        return xml;
    };
    let value = from + " skipped=\"".len();
    let to = xml[value..].find('"').map_or(end, |at| value + at + 1);
    format!("{}{}", &xml[..from], &xml[to..])
}

/// What else is known of a test, a line each: that schema has no properties of a test, and GitLab reads none.
fn facts(test: &mut TestCase, facts: &[(&str, String)], more: &str) {
    let lines = facts.iter().filter(|(_, value)| !value.is_empty());
    let mut text: String = lines
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    text.push_str(more);
    test.set_system_out(text.trim_end());
}

/// The name of the suite that holds the findings.
const FINDINGS: &str = "findings";

/// The name of the suite that says why no case was judged.
const RUN: &str = "run";
/// The name of the suite of known failures that are none any more.
const KNOWN: &str = "known";

/// One test in error, so that a server that reads this does not take the silence for a success.
fn not_run(run: &RunView<'_>, reason: &str) -> TestSuite {
    let mut suite = TestSuite::new(RUN);
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    let first = reason.lines().next().unwrap_or_default();
    status.set_message(first).set_type("not-run");
    status.set_description(reason);
    let mut test = TestCase::new("the backend starts and logs people in", status);
    test.set_classname(format!("{}.{RUN}", run.adapter));
    suite.add_test_case(test);
    suite
}

/// One failing test for each known failure that passes, where that fails the run.
fn passing(run: &RunView<'_>, known: &KnownResults) -> Option<TestSuite> {
    let mut suite = TestSuite::new(KNOWN);
    for result in known.standing(Standing::UnexpectedPass) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message("unexpected pass").set_type("known");
        status.set_description(format!(
            "it is not broken any more: take it off the list\n{}",
            result.known.because()
        ));
        let mut test = TestCase::new(result.known.subject(), status);
        test.set_classname(format!("{}.{KNOWN}", run.adapter));
        suite.add_test_case(test);
    }
    (known.strict && suite.tests > 0).then_some(suite)
}

/// One test a finding; that controls fail is a property of the suite and its first test.
fn findings(run: &RunView<'_>) -> TestSuite {
    let mut suite = TestSuite::new(FINDINGS);
    let name = |test: &mut TestCase| {
        test.set_classname(format!("{}.{FINDINGS}", run.adapter));
    };
    let controls = run.failed_controls();
    if let Some(told) = words::controls(&controls) {
        let aliases: Vec<&str> = controls.iter().map(|case| case.alias.as_str()).collect();
        suite.add_property(("controls_failed", aliases.join(" ").as_str()));
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(told.title.en).set_type("controls");
        let lines: Vec<String> = told.lines.into_iter().map(|line| line.en).collect();
        status.set_description(lines.join("\n"));
        let mut test = TestCase::new("controls", status);
        name(&mut test);
        suite.add_test_case(test);
    }
    let options = options(run.adapter_file);
    for (at, found) in run.findings().iter().enumerate() {
        let told = finding(at + 1, found, &options);
        let fails = found.level == Level::Must;
        let status = if run.is_known(found) {
            let mut status = TestCaseStatus::skipped();
            status.set_message("a known failure");
            status
        } else if fails {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let sentence = found.best.violation.sentence.as_str();
            status.set_message(sentence).set_type(found.rule);
            status.set_description(told.as_str());
            status
        } else {
            TestCaseStatus::success()
        };
        let title = format!("{}: {}", found.id, found.title().en);
        let mut test = TestCase::new(title, status);
        name(&mut test);
        let known = [
            ("id", found.id.clone()),
            ("level", level_word(found.level).to_owned()),
            ("impact", impact_word(found.impact).to_owned()),
            ("cases", found.aliases().join(" ")),
            ("token", found.best.token.unwrap_or_default().to_owned()),
        ];
        facts(&mut test, &known, if fails { "" } else { &told });
        suite.add_test_case(test);
    }
    suite
}

fn test_case(run: &RunView<'_>, case: &CaseResult) -> TestCase {
    let name = case
        .path
        .split_once('/')
        .map_or(case.path.as_str(), |(_, rest)| rest);
    let mut test = TestCase::new(format!("{} {name}", case.alias), status(run, case));
    test.set_classname(format!("{}.{}", run.adapter, area(case)));
    test.set_time(Duration::from_millis(case.took_ms));
    let citations: Vec<String> = case
        .rules
        .iter()
        .filter_map(|id| Some(format!("{id}: {}", rule(id)?.source)))
        .collect();
    let known = [
        ("level", level_word(case.level).to_owned()),
        ("impact", impact_word(case.impact).to_owned()),
        ("citation", citations.join(" | ")),
        ("token", case.token.clone().unwrap_or_default()),
    ];
    let more = match case.verdict {
        Verdict::Warn => failure(case, &options(run.adapter_file)),
        _ => case.notes.join("\n"),
    };
    facts(&mut test, &known, &more);
    test
}

fn options(adapter_file: &str) -> TerminalOptions {
    TerminalOptions {
        adapter_file: adapter_file.to_owned(),
        ..TerminalOptions::plain(100)
    }
}

fn status(run: &RunView<'_>, case: &CaseResult) -> TestCaseStatus {
    if let Some(known) = run.excuse(case) {
        let mut status = TestCaseStatus::skipped();
        status.set_message(format!("known failure: {}", known.because()));
        return status;
    }
    match &case.verdict {
        Verdict::Pass | Verdict::Info | Verdict::Warn => TestCaseStatus::success(),
        Verdict::Skip { .. } | Verdict::Inconclusive { .. } => {
            let mut status = TestCaseStatus::skipped();
            let word = if matches!(case.verdict, Verdict::Skip { .. }) {
                "skipped"
            } else {
                "inconclusive"
            };
            status.set_message(format!(
                "{word}: {}",
                reason(&case.verdict).unwrap_or_default()
            ));
            status
        }
        Verdict::Error { reason } => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_message(reason.as_str()).set_type("error");
            status
        }
        Verdict::Fail => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            if let Some(first) = case.violations.first() {
                status
                    .set_message(format!(
                        "{} in {}: {}",
                        named(first),
                        share(case).en,
                        first.sentence
                    ))
                    .set_type(first.rule.as_str());
            }
            status.set_description(failure(case, &options(run.adapter_file)));
            status
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_document_of_a_run() {
        let events = sample::run();
        let text = render(&RunView::of(&events));
        insta::assert_snapshot!("run", text);
        let back = Report::deserialize_from_str(&text).unwrap();
        let counts: Vec<(usize, usize, usize, usize)> = back
            .test_suites
            .iter()
            .map(|suite| (suite.tests, suite.failures, suite.skipped, suite.errors))
            .collect();
        assert_eq!(
            counts,
            [
                (3, 2, 0, 0),
                (1, 0, 0, 0),
                (3, 1, 1, 0),
                (1, 0, 1, 0),
                (1, 0, 0, 1)
            ]
        );
    }

    /// What junit-10.xsd of Jenkins' xUnit plugin allows: children of a test, attributes of the root.
    #[test]
    fn the_document_is_what_jenkins_schema_allows() {
        let text = render(&RunView::of(&sample::run()));
        let root = &text[text.find("<testsuites ").unwrap()..];
        let root = &root[..root.find('>').unwrap()];
        let attributes: Vec<&str> = root
            .matches(" tests=")
            .chain(root.matches(" skipped="))
            .collect();
        assert_eq!(attributes, [" tests="], "{root}");
        for test in text.split("<testcase ").skip(1) {
            let test = test.split("</testcase>").next().unwrap();
            assert!(!test.contains("<properties>"), "{test}");
        }
    }

    #[test]
    fn a_run_without_a_case_is_a_test_in_error() {
        let reason = "the backend ended (exit status: 3) before it was ready\nboom";
        let events = [wxmock_model::event::RunEvent::NotRun {
            exit_code: 5,
            reason: reason.into(),
        }];
        let text = render(&RunView::of(&events));
        let back = Report::deserialize_from_str(&text).unwrap();
        let suite = &back.test_suites[0];
        assert_eq!((suite.tests, suite.errors), (1, 1), "{text}");
        assert!(text.contains("boom"), "{text}");
    }

    #[test]
    fn control_characters_of_a_backend_do_not_break_the_xml() {
        let mut case = sample::failing("CL-1", "concurrent-login/x", sample::two_phones());
        case.violations[0].sentence = "got \u{0}\u{1b}[31m ]]> & <b>".into();
        let events = [wxmock_model::event::RunEvent::CaseFinished(Box::new(case))];
        assert!(Report::deserialize_from_str(&render(&RunView::of(&events))).is_ok());
    }
}
