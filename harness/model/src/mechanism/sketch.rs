//! The means of a repair in five lines, one file a language: what to write, not a library to import.
//!
//! It does not know the backend's framework: names such as `db` and `redis` stand for what is there already.

/// A language the sketches are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// JavaScript of Node.
    Node,
    /// Python.
    Python,
    /// Java.
    Java,
    /// Go.
    Go,
    /// PHP.
    Php,
}

impl Language {
    /// Every language, in the order they are shown.
    pub const ALL: [Self; 5] = [Self::Node, Self::Python, Self::Java, Self::Go, Self::Php];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "Node",
            Self::Python => "Python",
            Self::Java => "Java",
            Self::Go => "Go",
            Self::Php => "PHP",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Node => include_str!("sketches/node.txt"),
            Self::Python => include_str!("sketches/python.txt"),
            Self::Java => include_str!("sketches/java.txt"),
            Self::Go => include_str!("sketches/go.txt"),
            Self::Php => include_str!("sketches/php.txt"),
        }
    }
}

/// The sketch of `means` (see [`MechanismInfo::means`](super::MechanismInfo::means)) in `language`, without a line break at
/// its end; `None` if there is none.
#[must_use]
pub fn sketch(means: &str, language: Language) -> Option<&'static str> {
    let mut sections = language.text().split("## ").skip(1);
    sections.find_map(|section| {
        let (name, lines) = section.split_once('\n')?;
        (name.trim() == means).then(|| lines.trim_end())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::mechanism::mechanisms;

    #[test]
    fn every_means_is_sketched_in_every_language_in_few_lines() {
        let wanted: BTreeSet<&str> = mechanisms().map(|info| info.means).collect();
        for language in Language::ALL {
            for means in &wanted {
                let lines = sketch(means, language).map(|text| text.lines().count());
                assert!(
                    lines.is_some_and(|lines| (2..=7).contains(&lines)),
                    "{means} in {}: {lines:?}",
                    language.name()
                );
            }
            let headings = language.text().matches("## ").count();
            assert_eq!(headings, wanted.len(), "{}", language.name());
        }
    }
}
