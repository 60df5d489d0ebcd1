//! A table of a TOML file, read key by key: a value of another type is answered at its place.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{self, Mistake};
use crate::located::Located;

/// One table, and what to call it.
pub(super) struct Table<'t> {
    pub(super) file: &'t str,
    pub(super) what: &'static str,
    pub(super) span: Range<usize>,
    pub(super) map: &'t DeTable<'t>,
}

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

impl<'t> Table<'t> {
    pub(super) fn only(&self, accepted: &[&str]) -> Result<(), Mistake> {
        for key in self.map.keys() {
            if !accepted.contains(&key.get_ref().as_ref()) {
                let what = format!("key of a {}", self.what);
                return Err(Mistake::unknown(
                    key.span(),
                    &what,
                    key.get_ref(),
                    accepted.iter().copied(),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn absent(&self, key: &str) -> Mistake {
        let article = if self.what.starts_with(['a', 'e', 'i', 'o']) {
            "an"
        } else {
            "a"
        };
        let message = format!("{article} {} needs `{key}`", self.what);
        let label = format!("no `{key}` in this {}", self.what);
        Mistake::new(self.span.clone(), message, label)
    }

    pub(super) fn located(&self, value: &Value<'_>) -> Option<Located> {
        Some(Located::new(
            value.get_ref().as_str()?,
            value.span(),
            self.file,
        ))
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<Located>, Mistake> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        self.located(value)
            .map(Some)
            .ok_or_else(|| wrong_type(key, "a string", value))
    }

    pub(super) fn needed(&self, key: &str) -> Result<Located, Mistake> {
        let text = self.text(key)?.ok_or_else(|| self.absent(key))?;
        if text.as_str().trim().is_empty() {
            return Err(Mistake::new(
                text.span().clone(),
                format!("`{key}` is empty"),
                "say something here",
            ));
        }
        Ok(text)
    }

    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<Located>>, Mistake> {
        self.map
            .get(key)
            .map(|value| self.list(key, value))
            .transpose()
    }

    pub(super) fn list(&self, key: &str, value: &Value<'_>) -> Result<Vec<Located>, Mistake> {
        let array = value
            .get_ref()
            .as_array()
            .ok_or_else(|| wrong_type(key, "a list of strings", value))?;
        array
            .iter()
            .map(|item| {
                self.located(item)
                    .ok_or_else(|| wrong_type(key, "a list of strings", item))
            })
            .collect()
    }

    pub(super) fn words(&self, key: &str, accepted: &[&str]) -> Result<Vec<Located>, Mistake> {
        let words = self.texts(key)?.unwrap_or_default();
        for word in &words {
            if !accepted.contains(&word.as_str()) {
                let what = match key {
                    "rules" => "rule",
                    "needs" | "confirms" => "adapter operation",
                    _ => "obligation",
                };
                return Err(Mistake::unknown(
                    word.span().clone(),
                    what,
                    word.as_str(),
                    accepted.iter().copied(),
                ));
            }
        }
        Ok(words)
    }

    pub(super) fn word<T: Copy>(
        &self,
        key: &str,
        accepted: &[(&str, T)],
    ) -> Result<Option<T>, Mistake> {
        let Some(word) = self.text(key)? else {
            return Ok(None);
        };
        let found = accepted.iter().find(|(name, _)| *name == word.as_str());
        found.map(|&(_, value)| Some(value)).ok_or_else(|| {
            Mistake::unknown(
                word.span().clone(),
                key,
                word.as_str(),
                accepted.iter().map(|&(name, _)| name),
            )
        })
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, Mistake> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        value
            .get_ref()
            .as_bool()
            .map(Some)
            .ok_or_else(|| wrong_type(key, "true or false", value))
    }

    pub(super) fn number<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>, Mistake> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        let number = value
            .get_ref()
            .as_integer()
            .filter(|number| number.radix() == 10);
        let number = number.and_then(|number| number.as_str().parse().ok());
        number
            .map(Some)
            .ok_or_else(|| wrong_type(key, "a whole number from 0", value))
    }

    pub(super) fn table(&self, key: &'static str) -> Result<Option<Self>, Mistake> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        self.as_table(key, value).map(Some)
    }

    pub(super) fn as_table(
        &self,
        what: &'static str,
        value: &'t Value<'t>,
    ) -> Result<Self, Mistake> {
        let map = value
            .get_ref()
            .as_table()
            .ok_or_else(|| wrong_type(what, "a table", value))?;
        Ok(Self {
            file: self.file,
            what,
            span: value.span(),
            map,
        })
    }

    pub(super) fn tables(&self, key: &'static str) -> Result<Vec<Self>, Mistake> {
        let Some(value) = self.map.get(key) else {
            return Ok(Vec::new());
        };
        let article = format!("a list of tables; write [[{key}]]");
        let array = value
            .get_ref()
            .as_array()
            .ok_or_else(|| wrong_type(key, &article, value))?;
        array.iter().map(|item| self.as_table(key, item)).collect()
    }
}

pub(super) fn wrong_type(key: &str, wanted: &str, value: &Value<'_>) -> Mistake {
    let found = value.get_ref().type_str();
    let message = format!(
        "`{key}` must be {wanted}, and this is {} {found}",
        error::article(found)
    );
    Mistake::new(value.span(), message, format!("not {wanted}"))
}
