//! The languages people read. Knows nothing of locales.

use std::str::FromStr;

/// A language of what people read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// English, and the language of every format machines read.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Lang {
    /// The accepted names, for messages and help.
    pub const NAMES: [&'static str; 2] = ["en", "zh"];

    /// The Chinese text if that is the language and there is one; else the English one.
    #[must_use]
    pub const fn pick<'a>(self, en: &'a str, zh: &'a str) -> &'a str {
        match self {
            Self::Zh if !zh.is_empty() => zh,
            _ => en,
        }
    }

    /// The Chinese lines if that is the language and there is one for each English line; else the English ones.
    ///
    /// Transcripts of older versions have none.
    #[must_use]
    pub const fn pick_lines<'a>(self, en: &'a [String], zh: &'a [String]) -> &'a [String] {
        match self {
            Self::Zh if zh.len() == en.len() => zh,
            _ => en,
        }
    }
}

impl FromStr for Lang {
    type Err = String;

    /// # Errors
    ///
    /// A sentence with the accepted names.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "en" => Ok(Self::En),
            "zh" => Ok(Self::Zh),
            _ => Err(format!(
                "no language `{name}`; there are {}",
                Self::NAMES.join(", ")
            )),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_chinese_is_told_in_english() {
        assert_eq!(Lang::Zh.pick("a", ""), "a");
        assert_eq!(Lang::En.pick("a", "甲"), "a");
        let (en, zh) = (["a".to_owned()], ["甲".to_owned()]);
        assert_eq!(Lang::Zh.pick_lines(&en, &[]), en);
        assert_eq!(Lang::Zh.pick_lines(&en, &zh), zh);
    }

    #[test]
    fn names_are_read_and_others_are_told_the_names() {
        for name in Lang::NAMES {
            assert!(name.parse::<Lang>().is_ok(), "{name}");
        }
        let error = "fr".parse::<Lang>().unwrap_err();
        assert!(error.contains("en, zh"), "{error}");
    }
}
