//! JUnit XML: first a suite `findings`, one test a cause, then a suite for each area with its cases; class name =
//! `<adapter>.<suite>`. WARN passes with its text in `system-out`.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::run_view::{RunView, area, reason, share};
use crate::terminal::{TerminalOptions, failure, finding, named};
use crate::words;
use wxmock_judge::{impact_word, level_word, rule};
use wxmock_model::event::CaseResult;
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
        .unwrap_or_else(|error| format!("<!-- no JUnit report: {error} -->\n"))
}

/// The name of the suite that holds the findings.
const FINDINGS: &str = "findings";

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
        let status = if fails {
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
        test.add_property(("id", found.id.as_str()));
        test.add_property(("level", level_word(found.level)));
        test.add_property(("impact", impact_word(found.impact)));
        test.add_property(("cases", found.aliases().join(" ").as_str()));
        if let Some(token) = found.best.token {
            test.add_property(("token", token));
        }
        if !fails {
            test.set_system_out(told);
        }
        suite.add_test_case(test);
    }
    suite
}

fn test_case(run: &RunView<'_>, case: &CaseResult) -> TestCase {
    let name = case
        .path
        .split_once('/')
        .map_or(case.path.as_str(), |(_, rest)| rest);
    let mut test = TestCase::new(
        format!("{} {name}", case.alias),
        status(case, run.adapter_file),
    );
    test.set_classname(format!("{}.{}", run.adapter, area(case)));
    test.set_time(Duration::from_millis(case.took_ms));
    test.add_property(("level", level_word(case.level)));
    test.add_property(("impact", impact_word(case.impact)));
    let citations: Vec<String> = case
        .rules
        .iter()
        .filter_map(|id| Some(format!("{id}: {}", rule(id)?.source)))
        .collect();
    if !citations.is_empty() {
        test.add_property(("citation", citations.join(" | ").as_str()));
    }
    if let Some(token) = &case.token {
        test.add_property(("token", token.as_str()));
    }
    if matches!(case.verdict, Verdict::Warn) {
        test.set_system_out(failure(case, &options(run.adapter_file)));
    } else if !case.notes.is_empty() {
        test.set_system_out(case.notes.join("\n"));
    }
    test
}

fn options(adapter_file: &str) -> TerminalOptions {
    TerminalOptions {
        adapter_file: adapter_file.to_owned(),
        ..TerminalOptions::plain(100)
    }
}

fn status(case: &CaseResult, adapter_file: &str) -> TestCaseStatus {
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
            status.set_description(failure(case, &options(adapter_file)));
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

    #[test]
    fn control_characters_of_a_backend_do_not_break_the_xml() {
        let mut case = sample::failing("CL-1", "concurrent-login/x", sample::two_phones());
        case.violations[0].sentence = "got \u{0}\u{1b}[31m ]]> & <b>".into();
        let events = [wxmock_model::event::RunEvent::CaseFinished(Box::new(case))];
        assert!(Report::deserialize_from_str(&render(&RunView::of(&events))).is_ok());
    }
}
