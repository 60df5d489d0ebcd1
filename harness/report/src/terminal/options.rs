//! How a report in the terminal is written: width, colours, language, and the paragraphs that keep to them.

use std::fmt::Write as _;

use anstyle::Style;

use crate::progress::style;
use crate::width;
use wxmock_model::lang::{Lang, Say};
use wxmock_model::verdict::{Level, Verdict};

/// How to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminalOptions {
    /// Columns available.
    pub width: usize,
    /// Box characters, or ASCII.
    pub unicode: bool,
    /// Whether to write ANSI colours.
    pub colour: bool,
    /// Shows every step of a picture on a row of its own.
    pub trace: bool,
    /// The adapter file, for commands to paste; [`render`](super::render) takes the run's own.
    pub adapter_file: String,
    /// Lists every case that fails or warns, however many there are.
    pub verbose: bool,
    /// The language; a run told in English only (an older transcript) stays English.
    pub lang: Lang,
}

impl TerminalOptions {
    /// Unicode without colour, for files and pipes.
    #[must_use]
    pub const fn plain(width: usize) -> Self {
        Self {
            width,
            unicode: true,
            colour: false,
            trace: false,
            adapter_file: String::new(),
            verbose: false,
            lang: Lang::En,
        }
    }

    pub(super) fn paint(&self, text: &str, style: Style) -> String {
        if self.colour {
            format!("{}{text}{}", style.render(), style.render_reset())
        } else {
            text.to_owned()
        }
    }
}

/// `text` in lines of at most the width, with a newline at the end.
pub(super) fn wrapped(out: &mut String, options: &TerminalOptions, text: &str, rest: &str) {
    let _ = writeln!(out, "{}", width::wrap(text, options.width, "", rest));
}

/// `FAIL` for a MUST, `WARN` for what is not.
pub(crate) const fn level_verdict(level: Level) -> &'static str {
    match level {
        Level::Must => "FAIL",
        Level::Should | Level::Info => "WARN",
    }
}

pub(super) const fn level_style(level: Level) -> Style {
    match level {
        Level::Must => style(&Verdict::Fail),
        Level::Should | Level::Info => style(&Verdict::Warn),
    }
}

/// A titled list, or nothing if it is empty.
pub(super) fn paragraph<'a>(
    out: &mut String,
    options: &TerminalOptions,
    title: &Say,
    bullet: &str,
    lines: impl Iterator<Item = &'a str>,
) {
    for (at, line) in lines.enumerate() {
        if at == 0 {
            let _ = writeln!(out, " {}", options.paint(title.in_lang(options.lang), BOLD));
        }
        let _ = writeln!(
            out,
            "{}",
            width::wrap(line, options.width, &format!("   {bullet}"), "     ")
        );
    }
}

pub(super) const BOLD: Style = Style::new().bold();

pub(super) const DIM: Style = Style::new().dimmed();

pub(super) const BAD: Style = anstyle::AnsiColor::Red.on_default().bold();
