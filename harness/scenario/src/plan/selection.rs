//! Which cases a person asked for.

use std::sync::Arc;

use thiserror::Error;

use super::Case;
use crate::{Pattern, Scenario};
use wxmock_model::nearest;
use wxmock_model::verdict::Level;

/// Which cases a person asked for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Aliases (`CL-1`), ids, or patterns of paths: `*` is within one segment, `**` is any number of segments. A
    /// pattern that matches an id takes all of its cases. One that begins with `!` leaves out what it matches, wherever it
    /// stands. Without any other: every case.
    pub patterns: Vec<String>,
    /// Only scenarios of this level or a stricter one; `None`: all.
    pub level: Option<Level>,
}

/// A pattern that selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelectionError {
    /// Not a pattern.
    #[error("`{pattern}` is not a pattern: {reason}")]
    Pattern {
        /// As given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No such case.
    #[error("no case matches `{pattern}`{}", suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Nothing {
        /// As given.
        pattern: String,
        /// The nearest alias or id.
        suggestion: Option<String>,
    },
}

impl Selection {
    /// The selected cases, as [`cases`] gives them.
    ///
    /// # Errors
    /// [`SelectionError`] for the first pattern that is wrong or matches nothing at all; a level that leaves nothing is
    /// an empty list.
    pub fn select(&self, scenarios: &[Scenario]) -> Result<Vec<Case>, SelectionError> {
        let every = cases(scenarios, &Self::default());
        for given in &self.patterns {
            let pattern = given.strip_prefix('!').unwrap_or(given);
            let matcher = Pattern::parse(pattern).map_err(|reason| SelectionError::Pattern {
                pattern: pattern.to_owned(),
                reason,
            })?;
            if !every.iter().any(|case| case.is_named(&matcher)) {
                let names = scenarios
                    .iter()
                    .flat_map(|scenario| [scenario.alias.as_str(), scenario.id.as_str()]);
                let suggestion = nearest(pattern, names).map(str::to_owned);
                return Err(SelectionError::Nothing {
                    pattern: pattern.to_owned(),
                    suggestion,
                });
            }
        }
        Ok(cases(scenarios, self))
    }
}

/// The selected cases, in the order of scenarios and then of axis values as written. Patterns that match nothing, or
/// cannot be read, select nothing; [`Selection::select`] reports them.
#[must_use]
pub fn cases(scenarios: &[Scenario], selection: &Selection) -> Vec<Case> {
    let patterns = |out: bool| -> Vec<Pattern> {
        let given = selection.patterns.iter();
        let of_kind = given.filter(|pattern| pattern.starts_with('!') == out);
        of_kind
            .filter_map(|pattern| Pattern::parse(pattern.trim_start_matches('!')).ok())
            .collect()
    };
    let (taken, left_out) = (patterns(false), patterns(true));
    let takes_all = !selection.patterns.iter().any(|one| !one.starts_with('!'));
    let mut cases = Vec::new();
    for scenario in scenarios {
        // Levels are ordered from strict to lax.
        if selection.level.is_some_and(|level| scenario.level > level) {
            continue;
        }
        let shared = Arc::new(scenario.clone());
        for (axes, program) in scenario.programs() {
            let segments = axes.iter().map(|(axis, value)| format!("/{axis}:{value}"));
            let path = std::iter::once(scenario.id.clone())
                .chain(segments)
                .collect();
            let case = Case {
                scenario: Arc::clone(&shared),
                axes: axes.clone(),
                path,
                program: program.clone(),
            };
            let is_taken = takes_all || taken.iter().any(|pattern| case.is_named(pattern));
            if is_taken && !left_out.iter().any(|pattern| case.is_named(pattern)) {
                cases.push(case);
            }
        }
    }
    cases
}
