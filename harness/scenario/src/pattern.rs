//! Words that name cases: an alias, an id, or a pattern of paths.

use globset::{GlobBuilder, GlobMatcher};

/// `CL-1` in any letter case, an id, or a pattern in which `*` is within one segment and `**` any number of segments.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    glob: GlobMatcher,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it, such as a `[` that is not closed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let glob = GlobBuilder::new(text).literal_separator(true).build();
        let glob = glob
            .map_err(|error| error.kind().to_string())?
            .compile_matcher();
        Ok(Self {
            text: text.to_owned(),
            glob,
        })
    }

    /// Whether it names this text with `/` between segments.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.glob.is_match(text)
    }

    /// Whether it names the case with this alias, id and path; a pattern that names an id takes all of its cases.
    #[must_use]
    pub fn takes(&self, alias: &str, id: &str, path: &str) -> bool {
        alias.eq_ignore_ascii_case(&self.text) || self.is_match(id) || self.is_match(path)
    }
}
