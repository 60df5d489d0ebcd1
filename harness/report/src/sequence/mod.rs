//! The layout of a history as arrows between phones, backend and WeChat, each with its text: what the SVG, the Mermaid text and
//! the HTML page draw. Knows columns and rows, not pixels.

mod arrows;
mod data;
mod detail;

pub(crate) use self::data::{Arrow, Place, Row, Said, Sequence, Tone};
use crate::layout::{Layout, Rows};
use wxmock_model::history::History;

impl Sequence {
    /// The rows of `history`, with `highlight` (indexes of steps) pointed at.
    #[must_use]
    pub(crate) fn of(history: &History, highlight: &[usize]) -> Self {
        let layout = Layout::of(history, highlight, Rows::Folded);
        let caption = history.forced.caption().unwrap_or_default();
        let phones = history.phones.iter().map(|phone| phone.name.clone());
        Self {
            phones: phones.collect(),
            lanes: layout.lanes,
            store: !history.statements.is_empty(),
            rows: layout
                .rows
                .into_iter()
                .map(|row| arrows::row(history, row))
                .collect(),
            caption: caption.en,
            caption_zh: caption.zh,
            exchanges: exchanges(history),
        }
    }
}

/// Everything that was said: by phones first, then by the backend.
fn exchanges(history: &History) -> Vec<Said> {
    let phones = history.operations.iter().filter_map(|op| {
        Some(Said {
            from: Place::Phone,
            to: Place::Backend,
            phone: op.phone.clone(),
            exchange: op.exchange.as_deref()?.clone(),
        })
    });
    let upstream = history.upstream.iter().filter_map(|call| {
        Some(Said {
            from: Place::Backend,
            to: Place::Wechat,
            phone: String::new(),
            exchange: call.exchange.as_deref()?.clone(),
        })
    });
    phones.chain(upstream).collect()
}

#[cfg(test)]
mod tests {
    use super::data::Side;
    use super::*;
    use crate::sample;
    use wxmock_judge::steps;
    use wxmock_model::history::StepKind;

    #[test]
    fn rows_point_at_what_was_said_in_them() {
        let history = sample::told(sample::two_phones());
        let sequence = Sequence::of(&history, &[]);
        let said = |row: &Row| {
            let one = |(at, side): &(usize, Side)| (sequence.exchanges[*at].to, *side);
            row.said.iter().map(one).collect::<Vec<_>>()
        };
        for row in &sequence.rows {
            let expected = match row.kind {
                StepKind::Submit if row.arrows.len() == 1 => {
                    vec![(Place::Backend, Side::Request)]
                }
                StepKind::Answer => vec![(Place::Backend, Side::Whole)],
                StepKind::Commit | StepKind::Reply => vec![(Place::Wechat, Side::Whole)],
                _ => continue,
            };
            assert_eq!(said(row), expected, "{row:?}");
        }
        let submit = sequence.rows.iter().find(|row| row.name == "S2").unwrap();
        let exchange = &sequence.exchanges[submit.said[0].0].exchange;
        assert_eq!(exchange.request.body, r#"{"code":"<c2>"}"#);
        let mut hushed = sequence.clone();
        assert!(hushed.hush() && !hushed.hush());
        assert!(hushed.rows.iter().all(|row| row.said.is_empty()));
    }

    #[test]
    fn rows_carry_the_numbers_of_the_judge() {
        for history in [
            sample::two_phones(),
            sample::three_phones(),
            sample::faults(),
        ] {
            let sequence = Sequence::of(&history, &[]);
            let rows = steps::rows(&history).len();
            let last = sequence
                .rows
                .last()
                .unwrap()
                .label
                .trim_end_matches(char::is_alphabetic);
            assert_eq!(last, rows.to_string());
        }
    }
}
