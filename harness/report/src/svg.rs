//! `svg`: the picture of a failing order as a file of its own, for documents and tickets. Readable on light and dark.

use std::fmt::Write as _;

use crate::layout::Lane;
use crate::sequence::{Arrow, Place, Row, Sequence, Tone};
use crate::{phrases, width};

const ROW: usize = 30;
const TOP: usize = 70;
const PHONES: usize = 110;
const BACKEND: usize = 400;
const WECHAT: usize = 690;
const LANES: usize = 715;
const LANE: usize = 14;
/// Columns of text that fit between two lifelines, and across both.
const NARROW: usize = 42;
const WIDE: usize = 84;

/// Between backend and WeChat.
const STORE: usize = (BACKEND + WECHAT) / 2;
const STYLE: &str = "\
.f{fill:#1b1f24}.d{fill:#59636e}.b{fill:#b3261e;font-weight:600}.g{fill:#1a6f37}.w{fill:#8a5a00}.k{fill:#0b5cad;font-weight:600}\
.l{stroke:#9aa4af;stroke-dasharray:3 3}.a{stroke:#1b1f24;fill:none}.x{stroke:#b3261e;stroke-width:2;fill:none}.p{fill:#b3261e;fill-opacity:.09}.bg{fill:#fff}.h{fill:#59636e;stroke:#fff;stroke-width:3;paint-order:stroke}\
@media(prefers-color-scheme:dark){.f{fill:#e6edf3}.d{fill:#9aa4af}.b{fill:#ff8a80}.g{fill:#6ddc8c}.w{fill:#f0b95a}.k{fill:#7ab8ff}\
.a{stroke:#e6edf3}.x{stroke:#ff8a80}.bg{fill:#0d1117}.h{fill:#9aa4af;stroke:#0d1117}.p{fill:#ff8a80;fill-opacity:.14}}";

/// The document, with `title` and `sentence` above the picture.
#[must_use]
pub(crate) fn render(sequence: &Sequence, title: &str, sentence: &str) -> String {
    let lanes = LANES + LANE * sequence.lanes;
    let width = lanes + 80;
    let separators = separators(sequence);
    let height = TOP
        + ROW * (sequence.rows.len() + separators + usize::from(!sequence.caption.is_empty()))
        + 40;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" font-family=\"ui-monospace,Menlo,Consolas,monospace\" font-size=\"12\">\n<title>{}</title>\n<desc>{}</desc>\n<style>{STYLE}</style>\n\
         <rect class=\"bg\" width=\"{width}\" height=\"{height}\"/>\n",
        escaped(title),
        escaped(sentence)
    );
    text(
        &mut out,
        12,
        20,
        "f",
        "start",
        &width::clip(title, width / 8, "…"),
    );
    heads(&mut out, sequence.store, lanes, height);
    let mut y = TOP;
    let mut phase = None;
    for row in &sequence.rows {
        if separators > 0 && phase != Some(row.phase) {
            phase = Some(row.phase);
            let words = phrases::phase(row.phase).en;
            text(&mut out, 12, y + 10, "h", "start", &words);
            hold(&mut out, &row.held, y);
            y += ROW;
        }
        line(&mut out, row, y, width, lanes);
        y += ROW;
    }
    if !sequence.caption.is_empty() {
        let caption = width::clip(&sequence.caption, width / 8, "…");
        text(&mut out, 12, y + 10, "b", "start", &caption);
    }
    if sequence.has_crossing() {
        text(
            &mut out,
            12,
            height - 12,
            "b",
            "start",
            &format!("⤫ {}", phrases::overtaken().en),
        );
    }
    out.push_str("</svg>\n");
    out
}

/// The names of the columns, and the lifelines under them.
fn heads(out: &mut String, has_store: bool, lanes: usize, height: usize) {
    let store = has_store.then_some((STORE, "store"));
    let heads = [
        (PHONES, "phones"),
        (BACKEND, "backend"),
        (WECHAT, "WeChat"),
        (lanes + 40, "key"),
    ];
    for (x, name) in heads.into_iter().chain(store) {
        text(out, x, 48, "d", "middle", name);
    }
    let lines = [PHONES, BACKEND, WECHAT].into_iter();
    for x in lines.chain(store.map(|(x, _)| x)) {
        let _ = writeln!(out, "<path class=\"l\" d=\"M{x} 56V{}\"/>", height - 36);
    }
}

/// How many rows say which phase begins; none if there is but one.
fn separators(sequence: &Sequence) -> usize {
    let mut phases: Vec<_> = sequence.rows.iter().map(|row| row.phase).collect();
    phases.dedup();
    if phases.len() > 1 { phases.len() } else { 0 }
}

fn line(out: &mut String, row: &Row, y: usize, width: usize, lanes: usize) {
    if row.pointed {
        let _ = writeln!(
            out,
            "<rect class=\"p\" y=\"{}\" width=\"{width}\" height=\"{ROW}\"/>",
            y - 8
        );
    }
    text(out, 34, y + 14, "d", "end", &row.label);
    text(out, 44, y + 14, "d", "start", &row.name);
    hold(out, &row.held, y);
    if row.arrows.is_empty() {
        text(
            out,
            PHONES + 8,
            y + 10,
            "k",
            "start",
            &width::clip(&row.text, WIDE, "…"),
        );
    }
    for arrow in &row.arrows {
        draw(out, arrow, y);
    }
    for (lane, opens) in row
        .opens
        .iter()
        .map(|lane| (lane, true))
        .chain(row.closes.iter().map(|lane| (lane, false)))
    {
        let class = if lane.crossed { "x" } else { "a" };
        let x = LANES + LANE * lane.lane;
        let (from, to) = if opens {
            (y + 14, y + 22)
        } else {
            (y.saturating_sub(8), y + 14)
        };
        let corner = if opens { from } else { to };
        let _ = writeln!(
            out,
            "<path class=\"{class}\" d=\"M{WECHAT} {corner}H{x}M{x} {from}V{to}\"/>"
        );
    }
    if row.closes.is_some_and(|lane| lane.crossed) {
        text(out, lanes, y + 18, "b", "start", "⤫");
    }
    if let Some(key) = &row.key {
        text(
            out,
            lanes + 40,
            y + 14,
            if row.key_changed { "k" } else { "d" },
            "middle",
            key,
        );
    }
}

fn hold(out: &mut String, held: &[Lane], y: usize) {
    for lane in held {
        let class = if lane.crossed { "x" } else { "a" };
        let _ = writeln!(
            out,
            "<path class=\"{class}\" d=\"M{} {}V{}\"/>",
            LANES + LANE * lane.lane,
            y - 8,
            y + 22
        );
    }
}

fn draw(out: &mut String, arrow: &Arrow, y: usize) {
    let (from, to) = (column(arrow.from), column(arrow.to));
    let class = if arrow.crossed { "x" } else { "a" };
    let y = y + 14;
    let _ = writeln!(out, "<path class=\"{class}\" d=\"M{from} {y}H{to}\"/>");
    let head = |out: &mut String, at: usize, other: usize| {
        let back = if at > other { at - 7 } else { at + 7 };
        let _ = writeln!(
            out,
            "<path class=\"{class}\" d=\"M{back} {}L{at} {y}L{back} {}\"/>",
            y - 4,
            y + 4
        );
    };
    if arrow.lost {
        let _ = writeln!(
            out,
            "<path class=\"x\" d=\"M{0} {1}L{2} {3}M{0} {3}L{2} {1}\"/>",
            to + 6,
            y - 5,
            to + 16,
            y + 5
        );
    } else {
        head(out, to, from);
    }
    if arrow.both {
        head(out, from, to);
    }
    let stored = arrow.to == Place::Store;
    let room = if stored || from.abs_diff(to) > BACKEND - PHONES {
        WIDE
    } else {
        NARROW
    };
    let class = match arrow.tone {
        _ if arrow.crossed => "b",
        Tone::Plain => "f",
        Tone::Good => "g",
        Tone::Warn => "w",
        Tone::Bad => "b",
    };
    // On the side of the actor who speaks, so that a text across all columns does not sit on the middle lifeline.
    let x = from.min(to) + 10;
    text(
        out,
        x,
        y - 5,
        class,
        "start",
        &width::clip(&arrow.text, room - 4, "…"),
    );
}

const fn column(place: Place) -> usize {
    match place {
        Place::Phone => PHONES,
        Place::Backend => BACKEND,
        Place::Wechat => WECHAT,
        Place::Store => STORE,
    }
}

fn text(out: &mut String, x: usize, y: usize, class: &str, anchor: &str, words: &str) {
    if !words.is_empty() {
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>",
            escaped(words)
        );
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_picture_of_two_crossed_replies() {
        let sequence = Sequence::of(&sample::two_phones(), &[3]);
        insta::assert_snapshot!(
            "two_phones",
            render(&sequence, "CL-1 <KEY-04>", "k1 came last")
        );
    }

    #[test]
    fn a_picture_that_was_not_forced_says_so_everywhere() {
        let mut history = sample::two_phones();
        history.forced = wxmock_model::exploration::Forced::Free;
        let sequence = Sequence::of(&history, &[]);
        let drawings = [
            render(&sequence, "CL-1", ""),
            crate::mermaid::render(&sequence, "CL-1"),
        ];
        for drawing in drawings {
            assert!(drawing.contains("nothing was held"), "{drawing}");
        }
        assert!(sequence.caption_zh.contains("没有被强制"));
    }

    #[test]
    fn answers_of_a_backend_cannot_break_the_document() {
        assert_eq!(
            escaped("<b a=\"1\">&\u{1b}\u{0}"),
            "&lt;b a=&quot;1&quot;&gt;&amp;  "
        );
    }
}
