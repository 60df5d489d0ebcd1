//! Backends that are wrong on purpose: one file a bug, each overriding the decision it gets wrong.

use crate::design::Mutant;
use crate::policy::Policy;

mod accepts_old;
mod bad_code_500;
mod body_identity;
mod cached_answers;
mod check_then_insert;
mod clears_sessions;
mod empty_number;
mod few_workers;
mod finishes_another;
mod first_key_wins;
mod folded_openid;
mod global_slot;
mod header_identity;
mod keeps_dead_token;
mod keeps_phone_refusal;
mod keeps_token_error;
mod kept_token;
mod late_code_mark;
mod late_token;
mod leaks_key;
mod lenient_base64;
mod login_needs_token;
mod logout_everywhere;
mod logout_stub;
mod merges_by_name;
mod missing_key;
mod needs_unionid;
mod no_deadline;
mod number_as_integer;
mod opaque_500;
mod racy;
mod refresh_keeps_both;
mod refresh_not_stored;
mod refreshes_the_dead;
mod retries_code;
mod second_resolution;
mod session_per_request;
mod shared_await;
mod shared_context;
mod shared_number;
mod spends_codes_anywhere;
mod stale_name;
mod status_only;
mod token_from_key;
mod token_per_call;
mod token_slot;
mod token_stampede;
mod token_storm;
mod turn_never_passed;
mod unbound_number;
mod unchecked_watermark;
mod unescapes_key;
mod unscoped_update;
mod unsigned_age;
mod unverified_token;
mod upstream_text_500;
mod writes_row_back;

/// The decisions of a mutant. One line a mutant, which is what makes this long.
pub(crate) fn policy(mutant: Mutant) -> Box<dyn Policy> {
    match mutant {
        Mutant::KeepsDeadToken => Box::<keeps_dead_token::KeepsDeadToken>::default(),
        Mutant::TokenStorm => Box::new(token_storm::TokenStorm),
        Mutant::KeepsTokenError => Box::<keeps_token_error::KeepsTokenError>::default(),
        Mutant::TokenPerCall => Box::new(token_per_call::TokenPerCall),
        Mutant::TokenStampede => Box::<token_stampede::TokenStampede>::default(),
        Mutant::LateToken => Box::<late_token::LateToken>::default(),
        Mutant::LoginNeedsToken => Box::new(login_needs_token::LoginNeedsToken),
        Mutant::CachedByBody => Box::new(cached_answers::CachedAnswers::by_body()),
        Mutant::CachedByIv => Box::new(cached_answers::CachedAnswers::by_iv()),
        Mutant::FinishesAnother => Box::<finishes_another::FinishesAnother>::default(),
        Mutant::SharedNumber => Box::<shared_number::SharedNumber>::default(),
        Mutant::AcceptsOld => Box::new(accepts_old::AcceptsOld),
        Mutant::UnsignedAge => Box::new(unsigned_age::UnsignedAge),
        Mutant::LenientBase64 => Box::new(lenient_base64::LenientBase64),
        Mutant::UnescapesKey => Box::new(unescapes_key::UnescapesKey),
        Mutant::FewWorkers => Box::new(few_workers::FewWorkers),
        Mutant::UnboundNumber => Box::new(unbound_number::UnboundNumber),
        Mutant::KeepsPhoneRefusal => Box::<keeps_phone_refusal::KeepsPhoneRefusal>::default(),
        Mutant::SpendsCodesAnywhere => Box::<spends_codes_anywhere::SpendsCodesAnywhere>::default(),
        Mutant::LogoutStub => Box::new(logout_stub::LogoutStub),
        Mutant::LogoutEverywhere => Box::new(logout_everywhere::LogoutEverywhere),
        Mutant::RefreshesTheDead => Box::<refreshes_the_dead::RefreshesTheDead>::default(),
        Mutant::RefreshNotStored => Box::new(refresh_not_stored::RefreshNotStored),
        Mutant::RefreshKeepsBoth => Box::new(refresh_keeps_both::RefreshKeepsBoth),
        Mutant::GlobalSlot => Box::<global_slot::GlobalSlot>::default(),
        Mutant::UnscopedUpdate => Box::new(unscoped_update::UnscopedUpdate),
        Mutant::FoldedOpenid => Box::new(folded_openid::FoldedOpenid),
        Mutant::Opaque500 => Box::new(opaque_500::Opaque500),
        Mutant::EmptyNumber => Box::new(empty_number::EmptyNumber),
        Mutant::HeaderIdentity => Box::new(header_identity::HeaderIdentity),
        Mutant::StaleName => Box::new(stale_name::StaleName),
        Mutant::FirstKeyWins => Box::new(first_key_wins::FirstKeyWins),
        Mutant::Racy => Box::new(racy::Racy),
        Mutant::SessionPerRequest => Box::<session_per_request::SessionPerRequest>::default(),
        Mutant::BadCode500 => Box::new(bad_code_500::BadCode500),
        Mutant::RetriesCode => Box::new(retries_code::RetriesCode),
        Mutant::SharedAwait => Box::<shared_await::SharedAwait>::default(),
        Mutant::SharedContext => Box::<shared_context::SharedContext>::default(),
        Mutant::TokenFromKey => Box::new(token_from_key::TokenFromKey),
        Mutant::LeaksKey => Box::new(leaks_key::LeaksKey),
        Mutant::CheckThenInsert => Box::new(check_then_insert::CheckThenInsert),
        Mutant::StatusOnly => Box::new(status_only::StatusOnly),
        Mutant::UpstreamText500 => Box::new(upstream_text_500::UpstreamText500),
        Mutant::NoDeadline => Box::new(no_deadline::NoDeadline),
        Mutant::UncheckedWatermark => Box::new(unchecked_watermark::UncheckedWatermark),
        Mutant::NeedsUnionid => Box::new(needs_unionid::NeedsUnionid),
        Mutant::LateCodeMark => Box::<late_code_mark::LateCodeMark>::default(),
        Mutant::SecondResolution => Box::new(second_resolution::SecondResolution),
        Mutant::TokenSlot => Box::new(token_slot::TokenSlot),
        Mutant::MissingKey => Box::new(missing_key::MissingKey),
        Mutant::BodyIdentity => Box::new(body_identity::BodyIdentity),
        Mutant::ClearsSessions => Box::new(clears_sessions::ClearsSessions),
        Mutant::MergesByName => Box::new(merges_by_name::MergesByName),
        Mutant::NumberAsInteger => Box::new(number_as_integer::NumberAsInteger),
        Mutant::UnverifiedToken => Box::new(unverified_token::UnverifiedToken),
        Mutant::WritesRowBack => Box::new(writes_row_back::WritesRowBack),
        Mutant::TurnNeverPassed => Box::<turn_never_passed::TurnNeverPassed>::default(),
    }
}
