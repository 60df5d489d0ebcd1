//! One line for every exchange, written by a thread of its own so that no call waits for a terminal.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use wxmock_world::{UnixMs, Wording};

use crate::foreign::foreign_line;
use crate::journal::Exchange;
use crate::local;

/// How exchanges are logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Not at all.
    #[default]
    Off,
    /// One line a person reads.
    Human,
    /// One JSON object a line: the journal's exchange with `at`, the wall time in milliseconds.
    Json,
}

/// Where log lines go.
#[derive(Clone, Default)]
pub enum LogSink {
    /// The process's standard error.
    #[default]
    Stderr,
    /// The process's standard output.
    Stdout,
    /// Anything else; written to from one thread, flushed when no line waits.
    Writer(Arc<Mutex<dyn Write + Send>>),
}

impl fmt::Debug for LogSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stderr => "Stderr",
            Self::Stdout => "Stdout",
            Self::Writer(_) => "Writer",
        })
    }
}

/// Lines waiting for the writer. When it falls this far behind, lines are dropped and counted.
const BACKLOG: usize = 4_096;

/// The end of the log that the server holds.
#[derive(Debug)]
pub(crate) struct Logger {
    lines: Option<SyncSender<Message>>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Message {
    Line(UnixMs, Box<Exchange>),
    /// Answered once every line before it has been written.
    Flush(oneshot::Sender<()>),
}

impl Logger {
    pub(crate) fn start(format: LogFormat, sink: LogSink) -> Self {
        let dropped = Arc::new(AtomicU64::new(0));
        if format == LogFormat::Off {
            return Self {
                lines: None,
                dropped,
            };
        }
        let (lines, queue) = sync_channel(BACKLOG);
        let lost = Arc::clone(&dropped);
        let writer = std::thread::Builder::new().name("wxmock-log".to_owned());
        let started = writer.spawn(move || write_lines(format, &sink, &queue, &lost));
        Self {
            lines: started.ok().map(|_| lines),
            dropped,
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.lines.is_some()
    }

    pub(crate) fn exchange(&self, at: UnixMs, exchange: Exchange) {
        if let Some(lines) = &self.lines
            && let Err(TrySendError::Full(_)) =
                lines.try_send(Message::Line(at, Box::new(exchange)))
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Wait until every line so far has been written.
    pub(crate) async fn flush(&self) {
        let Some(lines) = &self.lines else { return };
        let (done, written) = oneshot::channel();
        if lines.try_send(Message::Flush(done)).is_ok() {
            let _ = written.await;
        }
    }
}

fn write_lines(format: LogFormat, sink: &LogSink, queue: &Receiver<Message>, dropped: &AtomicU64) {
    let mut batch = String::new();
    while let Ok(first) = queue.recv() {
        let mut flushed = Vec::new();
        for message in std::iter::once(first).chain(queue.try_iter().take(BACKLOG)) {
            match message {
                Message::Line(at, exchange) => line(&mut batch, format, at, &exchange),
                Message::Flush(done) => flushed.push(done),
            }
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 && format == LogFormat::Human {
            let _ = writeln!(
                batch,
                "… {lost} exchanges not logged: the log's reader is too slow"
            );
        }
        // A log that cannot be written is no reason to stop serving.
        let _ = emit(sink, batch.as_bytes());
        batch.clear();
        for done in flushed {
            let _ = done.send(());
        }
    }
}

fn emit(sink: &LogSink, bytes: &[u8]) -> io::Result<()> {
    fn all(mut out: impl Write, bytes: &[u8]) -> io::Result<()> {
        out.write_all(bytes)?;
        out.flush()
    }
    match sink {
        LogSink::Stderr => all(io::stderr().lock(), bytes),
        LogSink::Stdout => all(io::stdout().lock(), bytes),
        LogSink::Writer(writer) => all(
            &mut *writer.lock().unwrap_or_else(PoisonError::into_inner),
            bytes,
        ),
    }
}

fn line(out: &mut String, format: LogFormat, at: UnixMs, exchange: &Exchange) {
    match format {
        LogFormat::Off => {}
        LogFormat::Human => human(out, at, exchange),
        LogFormat::Json => {
            #[derive(Serialize)]
            struct Line<'a> {
                at: UnixMs,
                #[serde(flatten)]
                exchange: &'a Exchange,
            }
            out.push_str(&serde_json::to_string(&Line { at, exchange }).unwrap_or_default());
            out.push('\n');
        }
    }
}

/// `10:22:39.123  #12  GET  /sns/jscode2session  alice  …1abc  200  k3  0.4 ms`, in local time.
fn human(out: &mut String, at: UnixMs, exchange: &Exchange) {
    let Exchange {
        call, method, path, ..
    } = exchange;
    let (moment, path) = (local::local_time_of_day(at), foreign_line(path));
    let _ = write!(out, "{moment}  {call:<4} {method:<4} {path:<24}");
    let wording = Wording {
        moment: Some(&local::local_time_of_day),
        ..Wording::default()
    };
    let mut field = |shown: Option<String>| {
        if let Some(shown) = shown {
            out.push_str("  ");
            out.push_str(&shown);
        }
    };
    field(exchange.user.as_ref().map(ToString::to_string));
    field(exchange.code.map(|code| code.to_string()));
    field(Some(exchange.status.map_or_else(
        || "no answer".to_owned(),
        |status| status.to_string(),
    )));
    field(exchange.errcode.map(|errcode| format!("errcode {errcode}")));
    field(
        exchange
            .why
            .as_ref()
            .map(|why| format!("({})", why.words(wording))),
    );
    field(exchange.key_no.map(|key| key.to_string()));
    field(
        exchange
            .fault
            .as_ref()
            .map(|label| format!("fault {}", foreign_line(label))),
    );
    field(exchange.rid.as_ref().map(|rid| format!("rid {rid}")));
    let _ = writeln!(
        out,
        "  {}.{} ms",
        exchange.took_us / 1_000,
        exchange.took_us / 100 % 10
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::{CallId, CallState};
    use crate::net::Via;
    use crate::wechat::Endpoint;
    use wxmock_world::{KeyNo, Refusal, Tail, UserId};

    fn exchange() -> Exchange {
        Exchange {
            call: CallId(1),
            method: "GET".into(),
            path: "/sns/jscode2session".into(),
            endpoint: Endpoint::Jscode2session,
            via: Via::default(),
            appid: Some("wx1".into()),
            user: UserId::parse("alice").ok(),
            code: Some(Tail::of("0123451abc")),
            state: CallState::Answered,
            status: Some(200),
            errcode: None,
            why: None,
            key_no: Some(KeyNo(3)),
            seq: None,
            rid: None,
            fault: None,
            bytes_written: 1,
            took_us: 1_234,
        }
    }

    fn check(format: LogFormat, exchange: &Exchange, expected: &str) {
        let mut out = String::new();
        line(&mut out, format, UnixMs(1_123), exchange);
        assert_eq!(out, expected);
    }

    #[test]
    fn a_person_reads_who_asked_what_and_got_what() {
        let at = local::local_time_of_day(UnixMs(1_123));
        let good =
            &format!("{at}  #1   GET  /sns/jscode2session       alice  …1abc  200  k3  1.2 ms\n");
        check(LogFormat::Human, &exchange(), good);
        let cut = Exchange {
            user: None,
            status: None,
            key_no: None,
            fault: Some("cut".to_owned()),
            ..exchange()
        };
        let bad = &format!(
            "{at}  #1   GET  /sns/jscode2session       …1abc  no answer  fault cut  1.2 ms\n"
        );
        check(LogFormat::Human, &cut, bad);
        let refused = Exchange {
            errcode: Some(40029),
            why: Some(Box::new(Refusal::PhoneCodeAtLogin)),
            key_no: None,
            ..exchange()
        };
        let mut out = String::new();
        line(&mut out, LogFormat::Human, UnixMs(1_123), &refused);
        assert!(
            out.contains("errcode 40029  (this is the code of the phone button (a phone code);"),
            "{out}"
        );
    }

    #[test]
    fn a_program_reads_one_object_a_line() {
        let expected = concat!(
            r#"{"at":1123,"call":1,"method":"GET","path":"/sns/jscode2session","endpoint":"jscode2session","road":"plain","http":"1.1","appid":"wx1","#,
            r#""user":"alice","code":"…1abc","state":"answered","status":200,"key_no":3,"bytes_written":1,"took_us":1234}"#,
            "\n"
        );
        check(LogFormat::Json, &exchange(), expected);
    }
}
