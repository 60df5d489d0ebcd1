//! How a moment is written for people, in which language. Knows nothing of locales or time zones.

use wxmock_words::Lang;

use crate::UnixMs;

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
mod tests {
    use super::*;

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
