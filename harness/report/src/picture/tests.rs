use proptest::prelude::*;
use wxmock_histories::{Builder, Store, play};
use wxmock_model::history::Outcome;

use super::*;
use crate::phrases::asks;
use crate::sample;
use wxmock_judge::{JudgeContext, judge};
use wxmock_model::program::FaultEffect;

#[test]
fn the_phone_is_named_once() {
    let mut history = sample::two_phones();
    let op = &mut history.operations[0];
    op.label = format!("{} submit c1", op.phone);
    assert_eq!(asks(&history, &history.operations[0]), "P1 submit c1");
}

fn check(name: &str, history: &History, change: impl FnOnce(&mut PictureOptions)) {
    let mut options = PictureOptions::plain(80);
    if let Some(first) = judge(history, &JudgeContext::default()).first() {
        options.highlight.clone_from(&first.steps);
    }
    change(&mut options);
    let picture = draw(history, &options);
    if !options.colour {
        for line in picture.lines() {
            assert!(
                width::of(line) <= options.width,
                "{} columns: {line}",
                width::of(line)
            );
        }
    }
    insta::assert_snapshot!(name, picture);
}

#[test]
fn two_phones_in_80_columns() {
    check("two_phones_80", &sample::two_phones(), |_| {});
}

#[test]
fn two_phones_in_120_columns() {
    check("two_phones_120", &sample::two_phones(), |options| {
        options.width = 120
    });
}

#[test]
fn three_phones_and_two_people() {
    check("three_phones_80", &sample::three_phones(), |_| {});
    check("three_phones_120", &sample::three_phones(), |options| {
        options.width = 120
    });
}

#[test]
fn faults_refusals_and_recovery() {
    check("faults_80", &sample::faults(), |_| {});
}

#[test]
fn a_narrow_terminal_gets_a_narrow_picture() {
    for history in [
        sample::two_phones(),
        sample::three_phones(),
        sample::faults(),
    ] {
        let picture = draw(&history, &PictureOptions::plain(NARROWEST));
        let widest = picture.lines().map(width::of).max();
        assert!(widest <= Some(NARROWEST), "{picture}");
        assert!(picture.contains("P1 submit c"), "{picture}");
    }
}

#[test]
fn what_a_fault_did_is_drawn_as_that() {
    let drawn = |effect: &FaultEffect| {
        let mut b = Builder::new();
        b.phase(Phase::Before);
        let op = b.submit("P1", "c1");
        let call = b.fault(op, "f", effect);
        // A fault before the commit leaves the code alone: what is spoiled is an error of WeChat's.
        b.history.upstream[call].errcode = Some(-1);
        b.reply(call);
        b.answer(op, Outcome::RetryLater);
        let folded = draw(&b.history, &PictureOptions::plain(100));
        for step in &mut b.history.steps {
            step.phase = Phase::Race;
        }
        folded + &draw(&b.history, &PictureOptions::plain(100))
    };
    for (effect, few, full) in [
        (FaultEffect::Silent, "silent", "silent, never answered"),
        (FaultEffect::Truncate(24), "cut at 24B", "cut at 24 bytes"),
        (FaultEffect::Reset, "reset", "connection reset"),
        (
            FaultEffect::Status {
                status: 502,
                body: "<html>".into(),
            },
            "502 HTML",
            "HTTP 502, an HTML page",
        ),
        (FaultEffect::Errcode(-1), "errcode -1", "errcode -1"),
    ] {
        let picture = drawn(&effect);
        assert!(picture.contains(few) && picture.contains(full), "{picture}");
        let spoiled = !matches!(effect, FaultEffect::Errcode(_));
        assert!(!spoiled || !picture.contains("errcode"), "{picture}");
    }
}

#[test]
fn ascii_only() {
    let history = sample::two_phones();
    check("ascii", &history, |options| options.unicode = false);
    let options = PictureOptions {
        unicode: false,
        ..PictureOptions::plain(80)
    };
    assert!(draw(&history, &options).is_ascii());
}

#[test]
fn every_step_on_request() {
    check("unfolded", &sample::three_phones(), |options| {
        options.unfold = true
    });
}

#[test]
fn colours() {
    check("colours", &sample::two_phones(), |options| {
        options.colour = true
    });
}

#[test]
fn wide_characters_keep_the_columns() {
    let mut history = sample::two_phones();
    for op in &mut history.operations {
        op.answer.excerpt = "{\"message\":\"解密失败，请稍后再试\"}\n".into();
        op.answer.plaintext = Some("张三".into());
    }
    check("wide", &history, |_| {});
}

#[test]
fn no_steps_no_picture_and_a_broken_index_no_panic() {
    assert_eq!(draw(&History::default(), &PictureOptions::plain(80)), "");
    let mut history = sample::two_phones();
    history.operations.clear();
    history.upstream.clear();
    history.payloads.clear();
    assert!(draw(&history, &PictureOptions::plain(80)).lines().count() > 3);
}

proptest! {
    #[test]
    fn a_damaged_history_is_judged_and_drawn_without_a_panic(
        picks in prop::collection::vec(0_usize..4, 0..24), cut in 0_usize..8, width in 0_usize..200, unicode: bool,
    ) {
        let (mut history, _) = play(&picks, 3, false, Store::LastResponse, Outcome::ServerError);
        history.operations.truncate(cut);
        history.upstream.truncate(cut / 2);
        history.payloads.truncate(cut / 3);
        history.keys.truncate(cut % 3);
        let found = judge(&history, &JudgeContext::default());
        let highlight = found.into_iter().flat_map(|violation| violation.steps).collect();
        let options = PictureOptions { highlight, unicode, ..PictureOptions::plain(width) };
        let picture = draw(&history, &options);
        prop_assert!(unicode || picture.is_ascii());
    }
}
