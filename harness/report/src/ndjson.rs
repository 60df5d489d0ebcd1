//! `run.ndjson`: one event a line, the source of every other report.

use std::io;

use wxmock_model::event::{EVENT_SCHEMA, RunEvent};

/// Writes one event and its newline, so that a killed run leaves whole lines.
///
/// # Errors
///
/// What the writer says.
pub fn write(event: &RunEvent, out: &mut impl io::Write) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    out.write_all(&line)?;
    out.flush()
}

/// Why a transcript cannot be read. Lines are one-based.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nothing in it.
    #[error("read the transcript: it is empty")]
    Empty,
    /// It does not begin as a transcript does.
    #[error(
        "read the transcript: line 1 is not the start of a wxmock run ({0}); give the run.ndjson that `wxmock check` wrote"
    )]
    Foreign(String),
    /// Written by a wxmock with another event format.
    #[error(
        "read the transcript: it has event format {found}, this wxmock reads {EVENT_SCHEMA}; render it with the wxmock that wrote it"
    )]
    OtherSchema {
        /// The format found.
        found: u64,
    },
    /// A line in the middle is no event.
    #[error("read the transcript: line {line} is not an event of a run ({why})")]
    BadLine {
        /// Where.
        line: usize,
        /// What the parser says.
        why: String,
    },
    /// The last line is cut, or the end of the run is missing.
    #[error(
        "read the transcript: it stops after line {line} without the end of the run; the run was killed or is still going ({cases} cases are complete)"
    )]
    Truncated {
        /// The last whole line.
        line: usize,
        /// Cases that finished before.
        cases: usize,
    },
}

/// Reads a transcript back.
///
/// # Errors
///
/// [`ReadError`] says whether the file is something else, damaged, or the record of a run that did not end.
pub fn read(text: &str) -> Result<Vec<RunEvent>, ReadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let whole = text.ends_with('\n');
    let lines: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim().is_empty())
        .collect();
    let Some(&(_, first)) = lines.first() else {
        return Err(ReadError::Empty);
    };
    check_start(first, whole || lines.len() > 1)?;
    let mut events = Vec::with_capacity(lines.len());
    for (at, &(number, line)) in lines.iter().enumerate() {
        match serde_json::from_str::<RunEvent>(line) {
            Ok(event) => events.push(event),
            Err(_) if at + 1 == lines.len() && !whole => {
                return Err(truncated(&events, number - 1));
            }
            Err(error) => {
                return Err(ReadError::BadLine {
                    line: number,
                    why: error.to_string(),
                });
            }
        }
    }
    match events.last() {
        Some(RunEvent::RunFinished { .. }) => Ok(events),
        _ => Err(truncated(
            &events,
            lines.last().map_or(0, |(number, _)| *number),
        )),
    }
}

fn check_start(first: &str, whole: bool) -> Result<(), ReadError> {
    let value: serde_json::Value = match serde_json::from_str(first) {
        Ok(value) => value,
        Err(_) if !whole && first.starts_with("{\"event\":\"run_started\"") => {
            return Err(ReadError::Truncated { line: 0, cases: 0 });
        }
        Err(error) => return Err(ReadError::Foreign(format!("not JSON: {error}"))),
    };
    match value.get("event").and_then(serde_json::Value::as_str) {
        Some("run_started") => {}
        Some(other) => return Err(ReadError::Foreign(format!("it is a `{other}` event"))),
        None => return Err(ReadError::Foreign("it has no field `event`".to_owned())),
    }
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(found) if found != u64::from(EVENT_SCHEMA) => Err(ReadError::OtherSchema { found }),
        _ => Ok(()),
    }
}

fn truncated(events: &[RunEvent], line: usize) -> ReadError {
    let cases = events
        .iter()
        .filter(|event| matches!(event, RunEvent::CaseFinished(_)))
        .count();
    ReadError::Truncated { line, cases }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Format, render, sample};

    fn transcript() -> String {
        let mut out = Vec::new();
        for event in sample::run() {
            write(&event, &mut out).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    fn check(text: &str, expected: &str) {
        let error = read(text)
            .map(|events| events.len())
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn reports_made_later_equal_those_made_during_the_run() {
        let events = sample::run();
        let back = read(&transcript()).unwrap();
        for format in Format::NAMES.map(|name| name.parse::<Format>().unwrap()) {
            assert_eq!(render(format, &back), render(format, &events), "{format:?}");
        }
    }

    #[test]
    fn truncated_files_say_where_and_how_much_is_whole() {
        let whole = transcript();
        let lines: Vec<&str> = whole.lines().collect();
        check(
            &(lines[..3].join("\n") + "\n"),
            "it stops after line 3 without the end of the run",
        );
        check(&whole[..whole.len() - 10], "it stops after line 7");
        check(&whole[..whole.len() - 10], "(6 cases are complete)");
        check(&whole[..40], "it stops after line 0");
    }

    #[test]
    fn foreign_files_are_named() {
        check("", "it is empty");
        check("\n\n", "it is empty");
        check(
            "<?xml version=\"1.0\"?>\n",
            "line 1 is not the start of a wxmock run (not JSON",
        );
        check("{\"a\":1}\n", "it has no field `event`");
        check(
            "{\"event\":\"case_finished\"}\n",
            "it is a `case_finished` event",
        );
        check(
            "{\"event\":\"run_started\",\"schema\":99}\n",
            "it has event format 99, this wxmock reads 1",
        );
        let damaged = transcript().replacen(
            "\"event\":\"case_finished\"",
            "\"event\":\"cat_finished\"",
            1,
        );
        check(&damaged, "line 2 is not an event of a run");
    }
}
