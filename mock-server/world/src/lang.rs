//! The languages people read, and how a moment is written for them. Knows nothing of locales or time zones.
//!
//! The harness has a type of its own for reports: its model depends on nothing, and this crate on nothing of the harness.

use std::str::FromStr;

use crate::UnixMs;

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

/// How something is told: in which language, and how a moment is written.
#[derive(Clone, Copy, Default)]
pub struct Wording<'a> {
    /// The language.
    pub lang: Lang,
    /// Writes a moment for the reader, in local time; `None` leaves moments out.
    pub moment: Option<&'a dyn Fn(UnixMs) -> String>,
}

impl Wording<'_> {
    /// Text in the language.
    pub(crate) fn pick(self, en: impl FnOnce() -> String, zh: impl FnOnce() -> String) -> String {
        match self.lang {
            Lang::En => en(),
            Lang::Zh => zh(),
        }
    }

    /// ` at …` or `（…）`, or nothing.
    pub(crate) fn at(self, at: UnixMs) -> String {
        let Some(moment) = self.moment else {
            return String::new();
        };
        match self.lang {
            Lang::En => format!(" at {}", moment(at)),
            Lang::Zh => format!("（{}）", moment(at)),
        }
    }
}

impl std::fmt::Debug for Wording<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wording")
            .field("lang", &self.lang)
            .field("moment", &self.moment.is_some())
            .finish()
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
    }

    #[test]
    fn names_are_read_and_others_are_told_the_names() {
        for name in Lang::NAMES {
            assert!(name.parse::<Lang>().is_ok(), "{name}");
        }
        let error = "fr".parse::<Lang>().unwrap_err();
        assert!(error.contains("en, zh"), "{error}");
    }

    #[test]
    fn a_moment_is_written_as_the_reader_wants_it_or_not_at_all() {
        let clock = |at: UnixMs| format!("[{at}]");
        let english = Wording {
            moment: Some(&clock),
            ..Wording::default()
        };
        assert_eq!(english.at(UnixMs(7)), " at [7]");
        assert_eq!(
            Wording {
                lang: Lang::Zh,
                ..english
            }
            .at(UnixMs(7)),
            "（[7]）"
        );
        assert_eq!(Wording::default().at(UnixMs(7)), "");
    }
}
