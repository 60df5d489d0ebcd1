//! What narrows a selection of cases down: a rule, a tag, a share of a run.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::Scenario;
use crate::plan::Case;
use wxmock_model::nearest;
use wxmock_model::program::RULES;
use wxmock_model::shard::Shard;

/// Which of the selected cases are wanted; the default wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrow {
    /// Only cases that exercise one of these rules; empty: any.
    pub rules: Vec<String>,
    /// Only cases with one of these tags ([`Scenario::tags`]); empty: any.
    pub tags: Vec<String>,
    /// Only this share of them.
    pub shard: Option<Shard>,
}

/// A word that can narrow nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NarrowError {
    /// No such rule, or no such tag in any scenario.
    #[error("there is no {what} `{word}`{}", suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
    Unknown {
        /// `rule` or `tag`.
        what: &'static str,
        /// As given.
        word: String,
        /// The nearest there is.
        suggestion: Option<String>,
    },
}

impl Narrow {
    /// The cases that are wanted, in their order; `scenarios` are those the cases were selected from.
    ///
    /// # Errors
    /// [`NarrowError`] for the first rule or tag that does not exist: a misspelt one must not quietly shrink a run.
    pub fn apply(
        &self,
        scenarios: &[Scenario],
        mut cases: Vec<Case>,
    ) -> Result<Vec<Case>, NarrowError> {
        let tags: BTreeSet<&str> = scenarios.iter().flat_map(Scenario::tags).collect();
        let rules: Vec<String> = self.rules.iter().map(|rule| rule.to_uppercase()).collect();
        known("rule", &rules, RULES.iter().copied())?;
        known("tag", &self.tags, tags.iter().copied())?;
        let has_rule = |case: &Case| case.scenario.rules.iter().any(|rule| rules.contains(rule));
        let has_tag = |case: &Case| {
            let mut tags = case.scenario.tags();
            tags.any(|tag| self.tags.iter().any(|wanted| wanted == tag))
        };
        cases.retain(|case| {
            (rules.is_empty() || has_rule(case))
                && (self.tags.is_empty() || has_tag(case))
                && self.shard.is_none_or(|shard| shard.takes(&case.path))
        });
        Ok(cases)
    }
}

fn known<'a>(
    what: &'static str,
    words: &[String],
    accepted: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), NarrowError> {
    let unknown = |word: &&String| !accepted.clone().any(|known| known == word.as_str());
    match words.iter().find(unknown) {
        None => Ok(()),
        Some(word) => Err(NarrowError::Unknown {
            what,
            word: word.clone(),
            suggestion: nearest(word, accepted).map(str::to_owned),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Selection, cases};

    fn narrowed(narrow: &Narrow) -> Result<Vec<Case>, String> {
        let all = cases(crate::all(), &Selection::default());
        narrow
            .apply(crate::all(), all)
            .map_err(|error| error.to_string())
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn rules_and_tags_keep_what_has_one_of_them() {
        let rules = Narrow {
            rules: words(&["key-04"]),
            ..Narrow::default()
        };
        let found = narrowed(&rules).unwrap();
        let exercises = |case: &Case| case.scenario.rules.contains(&"KEY-04".to_owned());
        assert!(!found.is_empty() && found.iter().all(exercises));
        let tags = Narrow {
            tags: words(&["control", "phone-number"]),
            ..Narrow::default()
        };
        let found = narrowed(&tags).unwrap();
        let kept =
            |case: &Case| case.scenario.control || case.scenario.id.starts_with("phone-number/");
        assert!(!found.is_empty() && found.iter().all(kept));
    }

    #[test]
    fn a_misspelt_word_is_an_error_that_names_the_nearest() {
        let rules = Narrow {
            rules: words(&["KEY-4"]),
            ..Narrow::default()
        };
        assert_eq!(
            narrowed(&rules).map(|found| found.len()),
            Err("there is no rule `KEY-4`; did you mean `KEY-04`?".to_owned())
        );
        let tags = Narrow {
            tags: words(&["lock-outs"]),
            ..Narrow::default()
        };
        assert_eq!(
            narrowed(&tags).map(|found| found.len()),
            Err("there is no tag `lock-outs`; did you mean `lock-out`?".to_owned())
        );
    }

    #[test]
    fn shares_are_the_whole_without_overlap() {
        let all = cases(crate::all(), &Selection::default());
        let mut shared: Vec<String> = (1..=3)
            .flat_map(|index| {
                let shard = Some(Shard { index, of: 3 });
                let share = narrowed(&Narrow {
                    shard,
                    ..Narrow::default()
                });
                let share = share.unwrap();
                assert!(
                    share.len() > all.len() / 6,
                    "share {index} has {}",
                    share.len()
                );
                share.into_iter().map(|case| case.path)
            })
            .collect();
        shared.sort();
        let mut every: Vec<String> = all.into_iter().map(|case| case.path).collect();
        every.sort();
        assert_eq!(shared, every);
    }
}
