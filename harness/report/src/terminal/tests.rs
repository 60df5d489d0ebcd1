use super::*;
use crate::sample;
use wxmock_model::event::RunEvent;

fn check(name: &str, events: &[RunEvent], options: &TerminalOptions) {
    let reports = [
        ("json".to_owned(), "out/run.json".to_owned()),
        ("ndjson".to_owned(), "out/run.ndjson".to_owned()),
    ];
    insta::assert_snapshot!(name, render(&RunView::of(events), &reports, options));
}

#[test]
fn a_run_with_every_verdict() {
    check("run", &sample::run(), &TerminalOptions::plain(80));
}

#[test]
fn a_run_with_every_verdict_in_chinese() {
    let options = TerminalOptions {
        lang: Lang::Zh,
        ..TerminalOptions::plain(80)
    };
    check("run_zh", &sample::run(), &options);
    let text = render(&RunView::of(&sample::run()), &[], &options);
    let chinese = |line: &&str| line.chars().any(|c| c >= '\u{4e00}');
    for line in text.lines().filter(chinese) {
        // A replay token is never broken.
        assert!(width::of(line) <= 80 || line.contains("wxs1:"), "{line}");
    }
}

#[test]
fn a_run_told_in_english_only_is_shown_in_english() {
    let mut events = sample::run();
    for event in &mut events {
        if let RunEvent::CaseFinished(case) = event {
            case.title_zh.clear();
            for found in &mut case.violations {
                found.sentence_zh.clear();
                found.because_zh.clear();
            }
        }
    }
    let options = TerminalOptions {
        lang: Lang::Zh,
        ..TerminalOptions::plain(200)
    };
    let text = render(&RunView::of(&events), &[], &options);
    assert!(
        text.contains("A slow reply overwrites") && text.contains("为什么这不可能是对的"),
        "{text}"
    );
    assert!(text.contains("k2 replaced k1 at WeChat"), "{text}");
}

#[test]
fn a_run_without_failures_claims_no_more_than_it_forced() {
    let mut events = sample::run();
    events.retain(|event| match event {
        RunEvent::CaseFinished(case) => case.verdict == Verdict::Pass,
        _ => true,
    });
    let text = render(&RunView::of(&events), &[], &TerminalOptions::plain(80));
    assert!(
        text.contains("held in every forced ordering (5 orders)"),
        "{text}"
    );
    assert!(!text.contains("race-free"), "{text}");
}

#[test]
fn a_control_that_fails_is_said_first_and_again_at_the_end() {
    let mut events = sample::run();
    for event in &mut events {
        if let RunEvent::CaseFinished(case) = event {
            case.control = case.path.ends_with("exchange/n:2");
        }
    }
    let text = render(&RunView::of(&events), &[], &TerminalOptions::plain(100));
    assert!(
        text.starts_with("DO NOT TRUST THE OTHER RESULTS YET: a control fails (CL-1)."),
        "{text}"
    );
    assert_eq!(text.matches("DO NOT TRUST").count(), 2);
    for words in [
        "CL-1: At rest, WeChat's newest key",
        "wxmock adapter check --adapter wxmock.toml",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_cut_run_and_an_empty_one_say_so() {
    let events = sample::run();
    let text = summary(
        &RunView::of(&events[..3]),
        &[],
        &TerminalOptions::plain(200),
    );
    assert!(text.contains("The run was cut short."), "{text}");
    let text = summary(&RunView::of(&[]), &[], &TerminalOptions::plain(80));
    assert!(text.contains("Nothing was run."), "{text}");
}

#[test]
fn colour_only_when_wished() {
    let events = sample::run();
    let run = RunView::of(&events);
    let plain = render(&run, &[], &TerminalOptions::plain(80));
    let coloured = render(
        &run,
        &[],
        &TerminalOptions {
            colour: true,
            ..TerminalOptions::plain(80)
        },
    );
    assert!(!plain.contains('\u{1b}') && coloured.contains('\u{1b}'));
}

#[test]
fn time_that_was_over_in_several_cases_is_one_line() {
    let note = |n: usize| format!("--max-time was over after {n} of 13 orders of this case");
    let told = |cases: usize| {
        let mut events = sample::run();
        let mut left = cases;
        for event in &mut events {
            if let RunEvent::CaseFinished(case) = event
                && left > 0
            {
                case.notes = vec![note(left)];
                case.notes_zh = vec![note(left)];
                case.note_kinds = vec![wxmock_model::event::NoteKind::OutOfTime];
                left -= 1;
            }
        }
        let text = render(&RunView::of(&events), &[], &TerminalOptions::plain(200));
        let summary = text
            .lines()
            .filter(|line| line.trim_start().starts_with("- --max-time"));
        summary
            .map(|line| line.trim().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(told(1), [format!("- {}", note(1))]);
    let many = told(2);
    assert_eq!(many.len(), 1, "{many:?}");
    assert!(many[0].contains("in the middle of 2 cases"), "{many:?}");
}
