//! The scenarios of a run: those this binary carries, a user's own, or both.

use crate::{Scenario, ScenarioError};

/// Scenarios, and the texts of those that are somebody's own.
#[derive(Debug, Clone)]
pub struct Catalogue {
    scenarios: Vec<Scenario>,
    /// Name and text of each own file.
    own: Vec<(String, String)>,
}

/// Why own scenarios cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CatalogueError {
    /// A mistake in a file.
    #[error(transparent)]
    Scenario(#[from] Box<ScenarioError>),
    /// An id or an alias that is taken: a replay token or a pattern could mean either.
    #[error("{file}: the {what} `{name}` is already that of {other}")]
    Taken {
        /// The file that comes second.
        file: String,
        /// `id` or `alias`.
        what: &'static str,
        /// The name.
        name: String,
        /// The file that has it.
        other: String,
    },
}

impl Catalogue {
    /// The scenarios this binary carries.
    #[must_use]
    pub fn built_in() -> Self {
        Self {
            scenarios: crate::all().to_vec(),
            own: Vec::new(),
        }
    }

    /// Own scenarios, `beside` the built-in ones or instead of them; each is the name messages call it, and its text.
    ///
    /// # Errors
    /// Every file with a mistake, once, and every name that is taken.
    pub fn with_own(own: Vec<(String, String)>, beside: bool) -> Result<Self, Vec<CatalogueError>> {
        let mut scenarios = match beside {
            true => crate::all().to_vec(),
            false => Vec::new(),
        };
        let mut errors = Vec::new();
        for (name, text) in &own {
            match Scenario::parse(name, text) {
                Ok(scenario) => {
                    errors.extend(taken(&scenarios, &scenario));
                    scenarios.push(scenario);
                }
                Err(error) => errors.push(Box::new(error).into()),
            }
        }
        match errors.is_empty() {
            true => Ok(Self { scenarios, own }),
            false => Err(errors),
        }
    }

    /// All of them, the built-in ones first.
    #[must_use]
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }

    /// All of them, with `n` logins (1 to 8) where a file has an axis `n` and can be had with so many.
    #[must_use]
    pub fn with_logins(&self, n: u8) -> Vec<Scenario> {
        let built_in = crate::with_logins(n);
        let again = |scenario: &Scenario| {
            let own = self.own.iter().find(|(name, _)| *name == scenario.file);
            match own {
                Some((name, text)) => Scenario::parse_with_logins(name, text, n).ok(),
                None => built_in.iter().find(|one| one.id == scenario.id).cloned(),
            }
        };
        let scenarios = self.scenarios.iter();
        scenarios
            .map(|scenario| again(scenario).unwrap_or_else(|| scenario.clone()))
            .collect()
    }

    /// The scenarios a replay token's path may be of: the logins of the run that printed it are the `n` of the path.
    #[must_use]
    pub fn of_path(&self, path: &str) -> Vec<Scenario> {
        let mut segments = path
            .split('/')
            .filter_map(|segment| segment.strip_prefix("n:"));
        let logins = segments.next().and_then(|n| n.parse().ok());
        let Some(n @ 1..=8) = logins else {
            return self.scenarios.clone();
        };
        let written = self.scenarios.iter();
        let written = written.filter(|scenario| path.starts_with(&scenario.id));
        let mut axes = written.filter_map(|scenario| scenario.axes.get("n"));
        match axes.any(|values| values.iter().any(|value| *value == n.to_string())) {
            true => self.scenarios.clone(),
            false => self.with_logins(n),
        }
    }
}

fn taken(scenarios: &[Scenario], new: &Scenario) -> Option<CatalogueError> {
    let taken = |what, name: &str, other: &Scenario| CatalogueError::Taken {
        file: new.file.clone(),
        what,
        name: name.to_owned(),
        other: other.file.clone(),
    };
    let by_id = scenarios.iter().find(|known| known.id == new.id);
    let by_alias = scenarios
        .iter()
        .find(|known| known.alias.eq_ignore_ascii_case(&new.alias));
    by_id
        .map(|other| taken("id", &new.id, other))
        .or_else(|| by_alias.map(|other| taken("alias", &new.alias, other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(id: &str, alias: &str) -> (String, String) {
        let built_in = crate::all()
            .iter()
            .find(|scenario| scenario.alias == "CL-1")
            .unwrap();
        let text = crate::embedded::text_of(&built_in.file)
            .unwrap()
            .replace(&built_in.id, id)
            .replace("\"CL-1\"", &format!("\"{alias}\""));
        (format!("{alias}.toml"), text)
    }

    fn refused(own: Vec<(String, String)>, beside: bool) -> Vec<String> {
        let errors = Catalogue::with_own(own, beside).err().unwrap_or_default();
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn own_cases_come_beside_the_built_in_ones_or_instead_of_them() {
        let mine = || vec![own("shop/mine", "SHOP-1")];
        let beside = Catalogue::with_own(mine(), true).unwrap();
        assert_eq!(beside.scenarios().len(), crate::all().len() + 1);
        let only = Catalogue::with_own(mine(), false).unwrap();
        assert_eq!(only.scenarios().len(), 1);
        let four = only.with_logins(4);
        assert_eq!(four[0].axes["n"], ["4"]);
        assert_eq!(
            only.of_path("shop/mine/rotation:exchange/n:4")[0].axes["n"],
            ["4"]
        );
        assert_eq!(
            only.of_path("shop/mine/rotation:exchange/n:2")[0].axes["n"],
            ["2", "3"]
        );
    }

    #[test]
    fn a_name_that_is_taken_and_a_mistake_are_both_told() {
        let twice = vec![own("shop/mine", "SHOP-1"), own("shop/other", "shop-1")];
        assert!(refused(twice, false)[0].contains("`shop-1` is no alias"));
        let same = vec![own("shop/mine", "SHOP-1"), own("shop/mine", "SHOP-2")];
        assert_eq!(
            refused(same, false),
            ["SHOP-2.toml: the id `shop/mine` is already that of SHOP-1.toml"]
        );
        let built_in = refused(vec![own("shop/mine", "CL-2")], true);
        assert!(
            built_in[0].starts_with("CL-2.toml: the alias `CL-2` is already that of scenarios/")
        );
        assert!(refused(vec![own("shop/mine", "CL-2")], false).is_empty());
    }
}
