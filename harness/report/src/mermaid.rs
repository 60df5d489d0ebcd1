//! `mermaid`: the picture of a failing order as a Mermaid sequence diagram, which code hosts draw in Markdown.

use std::fmt::Write as _;

use crate::phrases;
use crate::sequence::{Arrow, Place, Row, Sequence};

/// The diagram, with `title` above it.
#[must_use]
pub(crate) fn render(sequence: &Sequence, title: &str) -> String {
    let mut out = format!("---\ntitle: {}\n---\nsequenceDiagram\n", quoted(title));
    for (at, name) in sequence.phones.iter().enumerate() {
        let _ = writeln!(out, "    participant phone{} as {}", at + 1, words(name));
    }
    if sequence.phones.is_empty() {
        out.push_str("    participant phone1 as phone\n");
    }
    out.push_str("    participant B as backend\n");
    if sequence.store {
        out.push_str("    participant D as store\n");
    }
    out.push_str("    participant W as WeChat\n");
    let mut phase = None;
    for row in &sequence.rows {
        if phase != Some(row.phase) {
            phase = Some(row.phase);
            // Short: a note of Mermaid's is as wide as its text.
            let words = phrases::phase(row.phase).en;
            let words = words.split_once(':').map_or(&*words, |(short, _)| short);
            let _ = writeln!(out, "    Note over phone1,W: {words}");
        }
        line(&mut out, row);
    }
    if !sequence.caption.is_empty() {
        let _ = writeln!(out, "    Note over phone1,W: {}", words(&sequence.caption));
    }
    out
}

fn line(out: &mut String, row: &Row) {
    let label = if row.name.is_empty() {
        row.label.clone()
    } else {
        format!("{} {}", row.label, row.name)
    };
    if row.arrows.is_empty() {
        let _ = writeln!(out, "    Note over phone1,W: {label}. {}", words(&row.text));
    }
    if row.pointed {
        out.push_str("    rect rgba(200, 40, 40, 0.12)\n");
    }
    for arrow in &row.arrows {
        let _ = writeln!(
            out,
            "    {}{}{}: {label}. {}{}",
            place(arrow.from, row),
            stroke(arrow, row),
            place(arrow.to, row),
            words(&arrow.text),
            if arrow.crossed && row.closes.is_some() {
                " (out of order)"
            } else {
                ""
            }
        );
    }
    if row.pointed && row.arrows.is_empty() {
        let _ = writeln!(out, "    Note over W: {label}");
    }
    if row.pointed {
        out.push_str("    end\n");
    }
    if let Some(key) = row.key.as_ref().filter(|_| row.key_changed) {
        let _ = writeln!(out, "    Note right of W: key in force {}", words(key));
    }
}

/// Solid for questions, dashed for answers and replies, a cross for what was lost.
fn stroke(arrow: &Arrow, row: &Row) -> &'static str {
    let back = matches!(
        (arrow.from, arrow.to),
        (Place::Wechat, _) | (_, Place::Phone)
    );
    match (arrow.lost, back) {
        (true, _) => "--x",
        (false, true) => "-->>",
        (false, false) if row.opens.is_some() => "-)",
        (false, false) => "->>",
    }
}

fn place(place: Place, row: &Row) -> String {
    match place {
        Place::Phone => format!("phone{}", row.phone.unwrap_or(0) + 1),
        Place::Backend => "B".to_owned(),
        Place::Wechat => "W".to_owned(),
        Place::Store => "D".to_owned(),
    }
}

/// Text without what Mermaid gives a meaning: `;` and `#` end a statement or begin an entity, a newline ends a line.
fn words(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '#' => out.push_str("#35;"),
            ';' => out.push_str("#59;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A YAML string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn the_diagram_of_two_crossed_replies() {
        let sequence = Sequence::of(&sample::two_phones(), &[3]);
        insta::assert_snapshot!("two_phones", render(&sequence, "CL-1 \"KEY-04\""));
    }

    #[test]
    fn faults_and_remarks_stay_one_statement_a_line() {
        let text = render(&Sequence::of(&sample::faults(), &[]), "UF-1");
        assert!(
            text.lines().skip(4).all(|line| line.starts_with("    ")),
            "{text}"
        );
        assert_eq!(words("a;b#c\nd"), "a#59;b#35;c d");
    }
}
