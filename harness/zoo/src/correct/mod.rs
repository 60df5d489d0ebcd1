//! Designs that hold every MUST rule, one file each.

mod candidate_keys;
mod per_token;
mod per_user;
mod phone_code;
mod single_session;

pub(crate) use candidate_keys::CandidateKeys;
pub(crate) use per_token::PerToken;
pub(crate) use per_user::PerUser;
pub(crate) use phone_code::PhoneCode;
pub(crate) use single_session::SingleSession;
