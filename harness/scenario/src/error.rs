//! What is wrong with a scenario file, and where.

use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, NamedSource, SourceSpan};
use thiserror::Error;

/// A mistake in a scenario file: renders with file, line, a caret under the very word, and what would be accepted.
#[derive(Debug, Clone, Error, Diagnostic)]
#[error("{message}")]
#[diagnostic(code(wxmock::scenario))]
pub struct ScenarioError {
    message: String,
    #[source_code]
    file: Arc<NamedSource<String>>,
    #[label("{label}")]
    span: SourceSpan,
    label: String,
    #[help]
    help: Option<String>,
}

impl ScenarioError {
    /// The message, the file with the wrong place marked, and the help, without colour, at most 120 columns wide.
    #[must_use]
    pub fn render(&self) -> String {
        let handler =
            GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(120);
        let mut text = String::new();
        match handler.render_report(&mut text, self) {
            Ok(()) => text,
            Err(_) => self.message.clone(),
        }
    }
}

/// A mistake before it knows its file.
#[derive(Debug, Clone)]
pub(crate) struct Mistake {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
    pub(crate) label: String,
    pub(crate) help: Option<String>,
}

impl Mistake {
    pub(crate) fn new(
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            span,
            message: message.into(),
            label: label.into(),
            help: None,
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A word that is none of the accepted ones: lists them, and says which was probably meant.
    pub(crate) fn unknown<'a>(
        span: Range<usize>,
        what: &str,
        word: &str,
        accepted: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let accepted: Vec<&str> = accepted.into_iter().collect();
        let label = match wxmock_model::nearest(word, accepted.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("not {} {what}", article(what)),
        };
        let help = match accepted.as_slice() {
            [] => format!("there is no {what} here"),
            words => format!("accepted: {}", words.join(", ")),
        };
        let message = match what.split_once(" of ") {
            Some((noun, of)) => format!("unknown {noun} `{word}` of {of}"),
            None => format!("unknown {what} `{word}`"),
        };
        Self::new(span, message, label).help(help)
    }

    pub(crate) fn in_file(self, name: &str, text: &str) -> ScenarioError {
        // A place past the end (an empty file) is drawn at the end.
        let start = self.span.start.min(text.len());
        let end = self.span.end.clamp(start, text.len());
        ScenarioError {
            message: self.message,
            file: Arc::new(NamedSource::new(name, text.to_owned()).with_language("TOML")),
            span: (start..end).into(),
            label: self.label,
            help: self.help,
        }
    }
}

pub(crate) fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o']) {
        "an"
    } else {
        "a"
    }
}
