//! The two languages findings are told in, and [`Say`]: one text in both, made from the same facts.
//!
//! Knows nothing of terminals, environment variables or what is being said. Verdict words, rule ids, outcome words and
//! the keywords that begin a reason (`vacuous`, `serialised`) are names, not language: they are the same in both.

use std::borrow::Cow;

pub use wxmock_words::Lang;

/// One text in both languages. Usually made by `say!`, which puts the same facts into both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Say {
    /// English.
    pub en: String,
    /// Simplified Chinese.
    pub zh: String,
}

impl Say {
    /// A text without facts in it.
    pub fn fixed(en: &str, zh: &str) -> Self {
        Self {
            en: en.to_owned(),
            zh: zh.to_owned(),
        }
    }

    /// What has no translation: a name, a number, a message of another program.
    pub fn same(text: impl Into<String>) -> Self {
        let en = text.into();
        Self { zh: en.clone(), en }
    }

    /// The texts in a row, with `between` between them.
    pub fn join<T: Spoken>(parts: impl IntoIterator<Item = T>, between: &Self) -> Self {
        let mut whole = Self::default();
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                whole.en.push_str(&between.en);
                whole.zh.push_str(&between.zh);
            }
            whole.en.push_str(&part.en());
            whole.zh.push_str(&part.zh());
        }
        whole
    }

    /// The text in one language.
    #[must_use]
    pub fn in_lang(&self, lang: Lang) -> &str {
        lang.pick(&self.en, &self.zh)
    }
}

/// A fact that stands in a sentence of either language.
pub trait Spoken {
    /// How an English sentence says it.
    fn en(&self) -> Cow<'_, str>;
    /// How a Chinese sentence says it.
    fn zh(&self) -> Cow<'_, str>;
}

impl Spoken for Say {
    fn en(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.en)
    }

    fn zh(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.zh)
    }
}

impl Spoken for str {
    fn en(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }

    fn zh(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl Spoken for String {
    fn en(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }

    fn zh(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl<T: Spoken + ?Sized> Spoken for &T {
    fn en(&self) -> Cow<'_, str> {
        (**self).en()
    }

    fn zh(&self) -> Cow<'_, str> {
        (**self).zh()
    }
}

macro_rules! numbers_are_spoken {
    ($($number:ty),*) => {$(
        impl Spoken for $number {
            fn en(&self) -> Cow<'_, str> {
                Cow::Owned(self.to_string())
            }

            fn zh(&self) -> Cow<'_, str> {
                Cow::Owned(self.to_string())
            }
        }
    )*};
}

numbers_are_spoken!(u32, u64, usize, i64);

/// A [`Say`] from an English and a Chinese format and the facts both name: `say!("{who} got {got}.", "{who}得到{got}。",
/// who = facts.who(op), got = said(&op.answer))`.
///
/// A fact left out of either language does not compile, so the two cannot tell different stories.
#[macro_export]
macro_rules! say {
    ($en:literal, $zh:literal $(,)?) => {
        $crate::lang::Say::fixed($en, $zh)
    };
    ($en:literal, $zh:literal, $($name:ident = $fact:expr),+ $(,)?) => {
        match ($(&$fact,)+) {
            ($($name,)+) => $crate::lang::Say {
                en: format!($en, $($name = $crate::lang::Spoken::en($name)),+),
                zh: format!($zh, $($name = $crate::lang::Spoken::zh($name)),+),
            },
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_are_told_the_same_facts() {
        let who = say!("phone {name}", "手机 {name}", name = "P1");
        let said = say!(
            "{who} got {status}.",
            "{who} 得到 {status}。",
            who = who,
            status = 500_u32
        );
        assert_eq!(said.in_lang(Lang::En), "phone P1 got 500.");
        assert_eq!(said.in_lang(Lang::Zh), "手机 P1 得到 500。");
        let or = say!(" or ", " 或 ");
        assert_eq!(Say::join(["ok", "relogin"], &or).zh, "ok 或 relogin");
        assert_eq!(Say::same("x").in_lang(Lang::Zh), "x");
    }
}
