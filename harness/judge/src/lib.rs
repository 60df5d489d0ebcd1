//! The oracle: reads a history and says which rules it breaks. Pure; knows no socket, file or clock.
//!
//! One file per family of rules. Every rule is asked of every history, whatever the scenario was written for; the
//! scenario's `[expect]` lists come on top.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access_token;
mod accounts;
mod codes;
mod context;
mod crossed_statements;
mod crossing;
mod doubt;
mod expectations;
mod explain_mechanism;
mod facts;
mod finding;
mod impact;
mod key_use;
mod liveness;
mod mechanism;
mod own_keys;
mod refresh;
mod rules;
mod sessions;
pub mod steps;
mod token_stampede;
mod tokens;
mod upstream;

#[cfg(test)]
mod judged;
#[cfg(test)]
mod simulated;

pub use access_token::fetched_anew;
pub use context::{Declared, Expectation, JudgeContext, KeyStorage};
pub use explain_mechanism::explain as explain_mechanism;
pub use facts::shows;
pub use own_keys::OwnKeys;
pub use rules::repairs_of_order;
pub use rules::{RuleInfo, explain, impact_at, impact_word, level_word, repairs, rule, rules};

use crate::facts::Facts;
use crate::finding::Finding;
pub use crate::finding::rank;
use wxmock_model::history::History;
use wxmock_model::lang::Say;
use wxmock_model::verdict::{Level, Violation};

/// Every violation of `history`: MUST first, then what the case is about, then what costs most, then the cause before its
/// symptoms. A rule is reported once per operation.
///
/// An order that was not forced to its end (a lock, a divergence, a hold that outlived the backend's patience) is
/// only judged by what no waiting excuses: whose data, which token, which account, which secret.
#[must_use]
pub fn judge(history: &History, context: &JudgeContext) -> Vec<Violation> {
    let facts = Facts::new(history, context);
    let families: [fn(&Facts<'_>) -> Vec<Finding>; 18] = [
        key_use::key_01,
        key_use::key_04,
        key_use::key_02,
        key_use::key_03,
        codes::exchanged_code,
        codes::code_01,
        codes::code_03,
        tokens::tok_01,
        tokens::on_raw_bytes,
        refresh::tok_08,
        accounts::acc_01,
        upstream::err_01,
        upstream::err_05,
        upstream::err_06,
        access_token::at_03,
        access_token::at_01,
        liveness::live_01,
        expectations::expectations,
    ];
    let mut findings: Vec<Finding> = Vec::new();
    for finding in families.iter().flat_map(|family| family(&facts)) {
        let known = findings.iter_mut().find(|other| {
            other.op.is_some()
                && other.op == finding.op
                && other.rule == finding.rule
                && other.level <= finding.level
        });
        let legal_in_a_control = context.control && finding.level != Level::Must;
        match known {
            // What the order breaks by itself needs no other orders to be seen.
            Some(known) => known.over_the_run &= finding.over_the_run,
            None if legal_in_a_control => {}
            None => findings.push(finding),
        }
    }
    let mut violations: Vec<Violation> = findings
        .into_iter()
        .map(|finding| finding.into_violation(&facts))
        .collect();
    violations.sort_by_key(rank);
    violations
}

/// Writes into a history what every `relogin` was about, as far as what else was asked can tell.
pub fn name_relogins(history: &mut History, context: &JudgeContext) {
    sessions::name_relogins(history, context);
}

/// Why this order proves nothing, though no rule is broken; `None` if it does prove something. The text is a reason
/// for [`Verdict::Inconclusive`](wxmock_model::verdict::Verdict::Inconclusive): `indefinite: …`, `diverged: …`; the word before
/// the colon is the same in both languages.
#[must_use]
pub fn doubt(history: &History) -> Option<Say> {
    doubt::doubt(history)
}
