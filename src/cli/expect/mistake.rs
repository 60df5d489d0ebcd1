//! An expectation that cannot be read: where it is wrong, and what would be right.

use std::fmt;
use std::ops::Range;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// An expectation that cannot be read, as a caret under the wrong word.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(super) message: String,
    pub(super) help: String,
    pub(super) span: Range<usize>,
    pub(super) source: Box<NamedSource<String>>,
}

impl Mistake {
    pub(super) fn new(text: &str, span: Range<usize>, message: String, help: String) -> Self {
        // A caret needs a place to stand on, also behind the last letter.
        let source = if span.is_empty() && span.end == text.len() {
            format!("{text} ")
        } else {
            text.to_owned()
        };
        Self {
            message,
            help,
            span,
            source: Box::new(NamedSource::new("--assert", source)),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl Diagnostic for Mistake {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(
            Some("here".to_owned()),
            self.span.clone(),
        ))))
    }
}
