//! Puts what the case expects and what the adapter declares into the judge's words.

use wxmock_adapter::{DuplicateCode, Features, MultiDevice, Refresh};
use wxmock_judge::{Declared, Expectation, JudgeContext, KeyStorage};
use wxmock_scenario::plan::Case;

/// What the judge is told beside a history of `case`.
pub(crate) fn context(case: &Case, features: &Features) -> JudgeContext {
    let expectations = case.program.expect.iter().map(|(label, wish)| {
        let wish = Expectation {
            must: wish.must.clone(),
            should: wish.should.clone(),
            rule: wish.rule.clone(),
        };
        (label.clone(), wish)
    });
    JudgeContext {
        expectations: expectations.collect(),
        declared: declared(features),
        axes: case.axes.clone(),
        subject: case.scenario.rules.clone(),
        control: case.scenario.control,
        tokens_fixed: false,
        own_key_only: false,
    }
}

fn declared(features: &Features) -> Declared {
    Declared {
        key_storage: match features.key_storage {
            wxmock_adapter::KeyStorage::Server => KeyStorage::Server,
            wxmock_adapter::KeyStorage::None => KeyStorage::None,
            wxmock_adapter::KeyStorage::Device => KeyStorage::Device,
        },
        replaces_sessions: features.multi_device == Some(MultiDevice::Replace),
        joins_duplicate_codes: features.duplicate_code == Some(DuplicateCode::SameSession),
        distinct_tokens: features.distinct_tokens,
        answer_within_ms: features.answer_within_ms,
        refresh_keeps: features.refresh.map(|refresh| refresh == Refresh::Keep),
    }
}
