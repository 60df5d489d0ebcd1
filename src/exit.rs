//! What the process ends with, and how a failure is shown. The numbers, a contract with CI scripts, are the harness's
//! (`wxmock_runner::run::exit`), which also knows which is worse.

use std::io::IsTerminal;
use std::process::ExitCode;

use miette::{Diagnostic, MietteHandlerOpts, Report};
use wxmock_model::verdict::Violation;
use wxmock_runner::run::exit;

use crate::output;

/// Why the process ends, one variant per exit code.
///
/// A server that was stopped on purpose (first SIGINT or SIGTERM, gates released, connections finished) has done its
/// job and ends with [`Held`](Self::Held), not [`Interrupted`](Self::Interrupted): a supervisor must not read a clean
/// stop as a crash. Only a second signal, or a signal during a command that owes an answer, gives 130.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: everything held, or the command did what it was asked.
    Held,
    /// 1: a MUST was violated; for the small commands, the answer is no (not ready, no key opens the payload).
    Violated,
    /// 2: inconclusive.
    Inconclusive,
    /// 3: wrong usage, configuration, scenario or adapter, including an address that cannot be listened on.
    Usage,
    /// 4: nothing was selected, or everything was skipped.
    Nothing,
    /// 5: the backend did not start, or its fault-free baseline failed.
    Baseline,
    /// 6: a replay went another way than its token says.
    Diverged,
    /// 70: our own bug.
    Internal,
    /// 130: interrupted.
    Interrupted,
    /// The code of the command that was run, whatever it means there.
    Child(u8),
}

impl Exit {
    /// The number the shell sees.
    pub(crate) const fn code(self) -> u8 {
        let code = match self {
            Self::Held => exit::OK,
            Self::Violated => exit::VIOLATED,
            Self::Inconclusive => exit::INCONCLUSIVE,
            Self::Usage => exit::USAGE,
            Self::Nothing => exit::NOTHING,
            Self::Baseline => exit::BACKEND,
            Self::Diverged => exit::DIVERGED,
            Self::Internal => exit::INTERNAL,
            Self::Interrupted => exit::INTERRUPTED,
            Self::Child(code) => return code,
        };
        // All of them are below 256, as a shell wants them.
        code as u8
    }

    /// The end of a command whose run already has its exit code and has told its story.
    pub(crate) fn done(code: i32) -> Result<(), Failure> {
        const ALL: [Exit; 9] = [
            Exit::Held,
            Exit::Violated,
            Exit::Inconclusive,
            Exit::Usage,
            Exit::Nothing,
            Exit::Baseline,
            Exit::Diverged,
            Exit::Internal,
            Exit::Interrupted,
        ];
        match ALL
            .into_iter()
            .find(|known| i32::from(known.code()) == code)
        {
            Some(Self::Held) => Ok(()),
            Some(known) => Err(Failure::told(known)),
            None => Err(Failure::new(
                Self::Internal,
                format!("exit code {code} is not in the table"),
                "please report it",
            )),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A command that did not end well: the exit code, and what to tell the reader unless the command already did.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    report: Option<Report>,
    /// What the terminal has already, for reports.
    said: String,
    /// The finding that it is about, if it is about one.
    finding: Option<Box<Violation>>,
}

impl Failure {
    /// A failure with a text, and a hint that names the way out.
    pub(crate) fn new(exit: Exit, message: impl Into<String>, help: impl Into<String>) -> Self {
        let diagnostic = miette::MietteDiagnostic::new(message.into()).with_help(help.into());
        Self {
            exit,
            report: Some(Report::new(diagnostic)),
            said: String::new(),
            finding: None,
        }
    }

    /// A failure that points into a file.
    pub(crate) fn diagnostic(
        exit: Exit,
        diagnostic: impl Diagnostic + Send + Sync + 'static,
    ) -> Self {
        Self {
            exit,
            report: Some(Report::new(diagnostic)),
            said: String::new(),
            finding: None,
        }
    }

    /// The same exit code with a text and a hint.
    pub(crate) fn because(self, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(self.exit, message, help)
    }

    /// A failure whose explanation is on the terminal already.
    pub(crate) const fn told(exit: Exit) -> Self {
        Self {
            exit,
            report: None,
            said: String::new(),
            finding: None,
        }
    }

    /// The same, for reports that say it again.
    pub(crate) const fn told_as(exit: Exit, said: String) -> Self {
        Self {
            exit,
            report: None,
            said,
            finding: None,
        }
    }

    /// Wrong usage: exit code 3.
    pub(crate) fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message, help)
    }

    /// A failure of the machine we run on, such as a pipe that closed or a runtime that does not start: exit code 70.
    pub(crate) fn internal(what: &str, source: &dyn std::fmt::Display) -> Self {
        Self::new(
            Exit::Internal,
            format!("{what}: {source}"),
            "this is not a mistake in your input; please report it",
        )
    }

    /// The same, about a finding of the run: reports lead with it.
    pub(crate) fn about(mut self, finding: Violation) -> Self {
        self.finding = Some(Box::new(finding));
        self
    }

    /// The finding it is about.
    pub(crate) fn finding(&self) -> Option<&Violation> {
        self.finding.as_deref()
    }

    /// The exit code.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// What it says, without colour: the message and its causes, then the hint.
    pub(crate) fn text(&self) -> String {
        let Some(report) = &self.report else {
            return self.said.clone();
        };
        let help = report.help().map(|help| format!("\n{help}"));
        format!("{report}{}", help.unwrap_or_default())
    }

    /// Shows the failure on stderr and gives its exit code.
    pub(crate) fn report(self) -> ExitCode {
        if let Some(report) = self.report {
            eprintln!("{}", format!("{report:?}").trim_end());
        }
        self.exit.into()
    }
}

/// Runs the command. A panic is our own bug: its text is on stderr already, and the exit code says whose mistake it was.
pub(crate) fn run(command: impl FnOnce() -> Result<(), Failure>) -> ExitCode {
    // Nothing is used after the panic, so nothing half-changed can be seen.
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(command)) {
        Ok(Ok(())) if output::is_lost() => Failure::usage(
            "part of what was written to standard output is lost",
            "make room on the disk, or send the output elsewhere",
        )
        .report(),
        Ok(Ok(())) => Exit::Held.into(),
        Ok(Err(failure)) => failure.report(),
        Err(_) => Failure::new(
            Exit::Internal,
            "wxmock failed in a way it should not",
            "this is not a mistake in your input; please report the lines above and what you ran",
        )
        .report(),
    }
}

/// Help and the version are a success; everything else clap refuses is wrong usage (3, where clap says 2).
pub(crate) fn from_clap(is_refusal: bool) -> ExitCode {
    if is_refusal {
        Exit::Usage.into()
    } else {
        Exit::Held.into()
    }
}

/// Carets and box lines as the terminal can show them; plain ASCII in a pipe, so that logs stay greppable.
pub(crate) fn install_reporter() {
    let terminal = std::io::stderr().is_terminal();
    let installed = miette::set_hook(Box::new(move |_| {
        let options = MietteHandlerOpts::new()
            .terminal_links(false)
            .context_lines(1)
            .tab_width(4);
        let options = if terminal {
            options
        } else {
            options.unicode(false).color(false).width(100)
        };
        Box::new(options.build())
    }));
    debug_assert!(
        installed.is_ok(),
        "the reporter is installed once, before anything can fail"
    );
}
