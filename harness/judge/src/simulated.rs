//! Random orders against model backends: the judge flags a lost update exactly where the model loses one, and nothing
//! anywhere else.

use proptest::prelude::*;

use wxmock_histories::{Store, play};
use wxmock_model::history::Outcome;

use crate::JudgeContext;
use crate::judged::broken;

proptest! {
    #[test]
    fn a_right_backend_is_never_flagged(
        picks in prop::collection::vec(0_usize..4, 0..24), chains in 1_usize..5, at_login: bool,
    ) {
        let (history, lost) = play(&picks, chains, at_login, Store::Candidates, Outcome::Relogin);
        prop_assert!(!lost);
        prop_assert_eq!(broken(&history, &JudgeContext::default()), Vec::<String>::new());
    }

    #[test]
    fn a_lost_update_is_flagged_exactly_where_there_is_one(
        picks in prop::collection::vec(0_usize..4, 0..24), chains in 2_usize..5, at_login: bool, polite: bool,
    ) {
        let refusal = if polite { Outcome::Relogin } else { Outcome::ServerError };
        let (history, lost) = play(&picks, chains, at_login, Store::LastResponse, refusal);
        let expected: &[&str] = match (lost, polite) {
            (false, _) => &[],
            (true, true) => &["KEY-04"],
            (true, false) => &["KEY-04", "KEY-02"],
        };
        prop_assert_eq!(broken(&history, &JudgeContext::default()), expected);
    }
}
