//! What is wrong with an adapter, where, and what would be right. Knows nothing of what adapters mean.

use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};

/// A text a problem can point into: the adapter file, an environment variable or a `--set` argument.
pub(crate) type Source = Arc<NamedSource<String>>;

/// One thing wrong (or, as a warning, doubtful) in an adapter, with the place and the fix.
#[derive(Debug, Clone)]
pub struct Problem {
    message: String,
    help: Option<String>,
    labels: Vec<LabeledSpan>,
    severity: Severity,
    source: Source,
}

impl Problem {
    /// An error in `source`.
    pub(crate) fn error(source: Source, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            labels: Vec::new(),
            severity: Severity::Error,
            source,
        }
    }

    /// The same place and text, as a warning.
    pub(crate) fn into_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Adds a caret under `span` (bytes of the source) that says `text`.
    pub(crate) fn label(mut self, span: std::ops::Range<usize>, text: impl Into<String>) -> Self {
        self.labels
            .push(LabeledSpan::new_with_span(Some(text.into()), span));
        self
    }

    /// Adds the sentence that says what to write instead.
    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// What is wrong, one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|text| Box::new(text) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// Everything wrong with one adapter, in file order. Exit code 3.
///
/// As a [`Diagnostic`] it is its first problem, with the others as related ones.
#[derive(Debug, Clone)]
pub struct AdapterError {
    problems: Vec<Problem>,
}

impl AdapterError {
    /// Wraps what was found; `problems` has at least one entry.
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        debug_assert!(
            !problems.is_empty(),
            "an adapter error names at least one problem"
        );
        Self { problems }
    }

    /// The problems, in file order; never empty.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::fmt::Display for AdapterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.problems.first().map_or(Ok(()), |first| first.fmt(f))
    }
}

impl std::error::Error for AdapterError {}

impl Diagnostic for AdapterError {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.problems.first().and_then(Diagnostic::help)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.problems.first().and_then(Diagnostic::source_code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.problems.first().and_then(Diagnostic::labels)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.problems.len() < 2 {
            return None;
        }
        Some(Box::new(
            self.problems
                .iter()
                .skip(1)
                .map(|problem| problem as &dyn Diagnostic),
        ))
    }
}
