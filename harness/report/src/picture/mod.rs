//! The interleaving as a picture in the terminal: phones, backend and WeChat side by side, one forced step per row, held
//! replies as open brackets, overtaken replies marked.
//!
//! What stands in which row is the layout's; this paints it in columns of characters. Time is the order of steps, not a clock.

mod canvas;
mod columns;
mod rows;
#[cfg(test)]
mod tests;

use anstyle::{AnsiColor, Style};

use self::canvas::Canvas;
pub(crate) use self::columns::NARROWEST;
use self::columns::{ASCII, Columns, Glyphs, PHONES, UNICODE};
use crate::layout::{Lane, Layout, Rows};
use crate::{phrases, width};
use wxmock_model::history::{History, Outcome, Phase};
use wxmock_model::lang::Lang;

/// How to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PictureOptions {
    /// Columns available; at least [`NARROWEST`] are used.
    pub(crate) width: usize,
    /// Box characters, or plain ASCII for terminals and logs without them.
    pub(crate) unicode: bool,
    /// Whether to write ANSI colours.
    pub(crate) colour: bool,
    /// Shows every step on a row of its own instead of folding uninterrupted operations of preparation and probes.
    pub(crate) unfold: bool,
    /// Indexes of the steps to point at.
    pub(crate) highlight: Vec<usize>,
    /// The language of headings and of what the phones do; names of steps and answers are the scenario's own.
    pub(crate) lang: Lang,
}

impl PictureOptions {
    /// Unicode without colour.
    #[must_use]
    pub(crate) const fn plain(width: usize) -> Self {
        Self {
            width,
            unicode: true,
            colour: false,
            unfold: false,
            highlight: Vec::new(),
            lang: Lang::En,
        }
    }
}

/// Draws `history`; every line ends with a newline. Empty for a history without steps.
#[must_use]
pub(crate) fn draw(history: &History, options: &PictureOptions) -> String {
    if history.steps.is_empty() {
        return String::new();
    }
    let cut = if options.unfold {
        Rows::Unfolded
    } else {
        Rows::Folded
    };
    let layout = Layout::of(history, &options.highlight, cut);
    let painter = Painter::new(history, options, layout.lanes);
    let mut picture = painter.draw(&layout);
    if let Some(caption) = history.forced.caption() {
        let caption = caption.in_lang(options.lang);
        picture.push_str(&width::wrap(caption, painter.width, "  ", "  "));
        picture.push('\n');
    }
    picture
}

struct Painter<'a> {
    history: &'a History,
    options: &'a PictureOptions,
    width: usize,
    glyphs: &'static Glyphs,
    columns: Columns,
}

impl<'a> Painter<'a> {
    fn new(history: &'a History, options: &'a PictureOptions, lanes: usize) -> Self {
        let width = options.width.max(NARROWEST);
        Self {
            history,
            options,
            width,
            glyphs: if options.unicode { &UNICODE } else { &ASCII },
            columns: Columns::new(width, lanes.clamp(1, 8)),
        }
    }

    fn draw(&self, layout: &Layout<'_>) -> String {
        let mut out = self.heading();
        let mut phase = None;
        for row in &layout.rows {
            if layout.several_phases && phase != Some(row.step.phase) {
                phase = Some(row.step.phase);
                // A reply let go in the first row of a phase was held up to there.
                let held: Vec<Lane> = row.held.iter().copied().chain(row.closes).collect();
                out.push_str(&self.separator(row.step.phase, &held));
            }
            out.push_str(&self.row(row));
        }
        out.push_str(&self.legend(layout));
        out
    }

    fn canvas(&self, held: &[Lane]) -> Canvas {
        let mut canvas = Canvas::new(self.width, self.glyphs);
        canvas.put(self.columns.backend, self.glyphs.bar, DIM);
        for lane in held {
            canvas.put(self.columns.lane(lane.lane), self.glyphs.bar, edge(*lane));
        }
        canvas
    }

    /// The text in the picture's language.
    fn say(&self, en: &'static str, zh: &'static str) -> &'static str {
        self.options.lang.pick(en, zh)
    }

    fn heading(&self) -> String {
        let columns = &self.columns;
        let mut canvas = Canvas::new(self.width, self.glyphs);
        canvas.text(1, PHONES, self.say("step", "步骤"), DIM);
        let phones = match self.history.phones.len() {
            1 => format!(
                "{} {}",
                self.say("phone", "手机"),
                self.history.phones[0].name
            ),
            _ => self.say("phones", "手机").to_owned(),
        };
        canvas.text(columns.phones, columns.backend - 1, &phones, BOLD);
        let backend = self.say("backend", "后端");
        canvas.text(
            columns.backend.saturating_sub(3),
            columns.wechat,
            backend,
            BOLD,
        );
        if !self.history.statements.is_empty() {
            let store = self.say("│ store", "│ 存储");
            canvas.text(columns.backend + 6, columns.wechat, store, BOLD);
        }
        let wechat = self.say("WeChat", "微信");
        canvas.text(columns.wechat, columns.key, wechat, BOLD);
        canvas.text(columns.key, self.width, "key", BOLD);
        canvas.finish(self.options.colour)
    }

    fn separator(&self, phase: Phase, held: &[Lane]) -> String {
        let text = phrases::phase(phase);
        let text = text.in_lang(self.options.lang);
        let mut canvas = self.canvas(held);
        canvas.text(
            1,
            self.columns.backend - 1,
            &format!("{0}{0} {text}", self.glyphs.dash),
            DIM,
        );
        canvas.finish(self.options.colour)
    }

    fn legend(&self, layout: &Layout<'_>) -> String {
        let mut lines = Vec::new();
        if layout.crosses {
            let told = phrases::overtaken();
            let told = told.in_lang(self.options.lang);
            lines.push(format!("{} {told}", self.glyphs.overtaken));
        }
        if !self.options.highlight.is_empty() {
            let told = self.say("the steps the finding is about", "与此问题有关的步骤");
            lines.push(format!("{} {told}", self.glyphs.point));
        }
        let mut out = String::new();
        for line in lines {
            let mut canvas = Canvas::new(self.width, self.glyphs);
            canvas.text(1, self.width, &line, DIM);
            out.push_str(&canvas.finish(self.options.colour));
        }
        out
    }
}

const fn weight(pointed: bool) -> Style {
    if pointed { BOLD } else { Style::new() }
}

const fn edge(lane: Lane) -> Style {
    if lane.crossed { RED } else { Style::new() }
}

const fn outcome_style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Ok => AnsiColor::Green.on_default(),
        Outcome::Relogin | Outcome::RetryLater => AnsiColor::Yellow.on_default(),
        Outcome::Denied | Outcome::Invalid | Outcome::ServerError | Outcome::Indefinite => {
            AnsiColor::Red.on_default()
        }
    }
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const NOTE: Style = AnsiColor::Cyan.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
const KEY: Style = AnsiColor::Cyan.on_default().bold();
