//! What must hold between the keys of a file: its id, alias and tags, and the values its axes list.

use super::Frame;
use crate::error::Mistake;
use crate::located::Located;
use wxmock_model::verdict::Level;

impl Frame {
    /// Whether a value of an axis is one the file lists.
    pub(crate) fn check_value(&self, axis: &Located, value: &Located) -> Result<(), Mistake> {
        let Some(values) = self.axes.get(axis.as_str()) else {
            let known = self.axes.keys().copied();
            return Err(Mistake::unknown(
                axis.span().clone(),
                "axis of this scenario",
                axis.as_str(),
                known,
            ));
        };
        if values.iter().any(|known| known.as_str() == value.as_str()) {
            return Ok(());
        }
        let what = format!("value of `{}` in this scenario", axis.as_str());
        Err(Mistake::unknown(
            value.span().clone(),
            &what,
            value.as_str(),
            values.iter().map(Located::as_str),
        ))
    }

    pub(super) fn check_head(&self) -> Result<(), Mistake> {
        let is_slug = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        let id = self.id.as_str();
        if id.split('/').count() != 2 || !id.split('/').all(is_slug) {
            let message = format!("`{id}` is no id");
            let label = "an id is suite/slug, in small letters, digits and `-`";
            return Err(Mistake::new(self.id.span().clone(), message, label)
                .help("for example: concurrent-login/slow-reply-overwrites-newer-key"));
        }
        let alias = self.alias.as_str();
        let digits = alias
            .trim_start_matches(|c: char| c.is_ascii_uppercase())
            .trim_start_matches('-');
        if digits.is_empty()
            || digits.len() == alias.len()
            || !digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            let message = format!("`{alias}` is no alias");
            return Err(Mistake::new(
                self.alias.span().clone(),
                message,
                "capital letters and a number, such as CL-1",
            ));
        }
        if let Some(tag) = self.tags.iter().find(|tag| !is_slug(tag.as_str())) {
            let message = format!("`{}` is no tag", tag.as_str());
            let label = "a tag is one word of small letters, digits and `-`";
            return Err(Mistake::new(tag.span().clone(), message, label));
        }
        if self.control && self.level != Level::Must {
            let label = "a control may never be flagged, so its level is MUST";
            return Err(Mistake::new(
                self.id.span().clone(),
                "a control below MUST proves nothing",
                label,
            ));
        }
        self.check_variants()?;
        for when in &self.whens {
            for (axis, values) in &when.axes {
                values
                    .iter()
                    .try_for_each(|value| self.check_value(axis, value))?;
            }
        }
        Ok(())
    }

    fn check_variants(&self) -> Result<(), Mistake> {
        let listed: Vec<&str> = self
            .axes
            .get("variant")
            .into_iter()
            .flatten()
            .map(Located::as_str)
            .collect();
        for (word, texts) in &self.variants {
            if !listed.contains(&word.as_str()) {
                let span = texts.first().map_or(0..0, |text| text.span().clone());
                let message = format!(
                    "[variant] gives a text to `{word}`, which the axis `variant` does not list"
                );
                let label = "no case uses this";
                return Err(Mistake::new(span, message, label)
                    .help(format!("the axis lists: {}", listed.join(", "))));
            }
        }
        Ok(())
    }
}
