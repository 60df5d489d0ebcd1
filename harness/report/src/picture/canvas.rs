//! One line of a picture in the terminal, painted cell by cell: wide characters take two cells, lines cross bars.

use std::ops::Range;

use anstyle::Style;

use super::columns::Glyphs;
use crate::width;

/// One line being painted.
pub(super) struct Canvas {
    cells: Vec<(String, Style)>,
    glyphs: &'static Glyphs,
}

impl Canvas {
    pub(super) fn new(width: usize, glyphs: &'static Glyphs) -> Self {
        Self {
            cells: vec![(" ".to_owned(), Style::new()); width],
            glyphs,
        }
    }

    /// Writes `text` from `column`, cut before `end`; returns the column after it.
    pub(super) fn text(&mut self, column: usize, end: usize, text: &str, style: Style) -> usize {
        let mut at = column;
        for c in width::clip(text, end.saturating_sub(column), self.glyphs.more).chars() {
            match width::of_char(c) {
                0 => {
                    if let Some(cell) = at
                        .checked_sub(1)
                        .and_then(|before| self.cells.get_mut(before))
                    {
                        cell.0.push(c);
                    }
                }
                columns => {
                    if at + columns > self.cells.len() {
                        break;
                    }
                    self.cells[at] = (c.to_string(), style);
                    for extra in 1..columns {
                        self.cells[at + extra] = (String::new(), style);
                    }
                    at += columns;
                }
            }
        }
        at
    }

    pub(super) fn put(&mut self, column: usize, glyph: char, style: Style) {
        if let Some(cell) = self.cells.get_mut(column) {
            *cell = (glyph.to_string(), style);
        }
    }

    /// A line over `columns`; where it meets a bar it crosses it.
    pub(super) fn line(&mut self, columns: Range<usize>, glyph: char, style: Style) {
        for column in columns {
            let cell = self.cells.get(column);
            let meets = cell.is_some_and(|cell| cell.0.starts_with(self.glyphs.bar));
            self.put(column, if meets { self.glyphs.cross } else { glyph }, style);
        }
    }

    /// The line as text, with ANSI colours if wanted.
    pub(super) fn finish(&self, colour: bool) -> String {
        let used = self
            .cells
            .iter()
            .rposition(|cell| cell.0 != " ")
            .map_or(0, |last| last + 1);
        let mut out = String::new();
        let mut current = Style::new();
        for (glyph, style) in &self.cells[..used] {
            if colour && *style != current {
                if !current.is_plain() {
                    out.push_str(&current.render_reset().to_string());
                }
                out.push_str(&style.render().to_string());
                current = *style;
            }
            out.push_str(glyph);
        }
        if colour && !current.is_plain() {
            out.push_str(&current.render_reset().to_string());
        }
        out.push('\n');
        out
    }
}
