//! `wxmock selfcheck`: the zoo against the suite, the proof that the suite notices what it says it notices.

use std::io::IsTerminal;

use wxmock_runner::selfcheck;
use wxmock_runner::selfcheck::{Row, SelfcheckError};
use wxmock_world::Seed;
use wxmock_zoo::Design;

use super::suite::{cancel_on_signal, not_run};
use crate::exit::{Exit, Failure};

/// Prove the suite: every built-in bug is caught by its own rule, every correct design by none
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock selfcheck                    the whole kill matrix, on every axis
  wxmock selfcheck racy per-token     some designs (`wxmock demo --with list` names the bugs)
  wxmock selfcheck --json             the matrix for machines

Exit codes: 0 the suite is right about every design · 1 not so · 3 no such design · 130 interrupted")]
pub(crate) struct Args {
    /// Designs of the zoo [default: all]
    #[arg(value_name = "DESIGN")]
    designs: Vec<String>,
    /// Print the matrix as JSON
    #[arg(long)]
    json: bool,
    /// Seed of everything the mock makes up
    #[arg(long, value_name = "N", env = "WXMOCK_SEED", default_value = "1")]
    seed: Seed,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let designs = self.designs()?;
        super::suite::block_on(async {
            let cancel = cancel_on_signal();
            let mut rows = Vec::new();
            for (at, design) in designs.iter().enumerate() {
                progress(&format!(
                    "{} ({} of {})",
                    design.id(),
                    at + 1,
                    designs.len()
                ));
                let row = selfcheck::examine(*design, self.seed, &cancel, &mut |_| ()).await;
                progress("");
                let row = row.map_err(|error| failure(&error))?;
                if !self.json {
                    println!("{}", line(&row));
                }
                rows.push(row);
            }
            // Only the whole zoo can be said to leave a rule unproved.
            let unproved = if self.designs.is_empty() {
                selfcheck::unproved_rules()
            } else {
                Vec::new()
            };
            self.conclude(&rows, &unproved)
        })
    }

    fn designs(&self) -> Result<Vec<Design>, Failure> {
        if self.designs.is_empty() {
            return Ok(Design::all().collect());
        }
        let read = |name: &String| {
            name.parse::<Design>().map_err(|error| {
                Failure::usage(error.to_string(), "`wxmock demo --with list` names the bugs; the others are candidate-keys, per-token, per-user, shared-store, serialised")
            })
        };
        self.designs.iter().map(read).collect()
    }

    fn conclude(&self, rows: &[Row], unproved: &[&str]) -> Result<(), Failure> {
        let wrong = rows.iter().filter(|row| !row.holds()).count();
        if self.json {
            let matrix = serde_json::json!({ "designs": rows, "unproved_rules": unproved, "holds": wrong == 0 && unproved.is_empty() });
            super::print(&format!("{matrix:#}\n"))?;
        } else {
            let mutants = rows.iter().filter(|row| row.own_rule.is_some()).count();
            println!(
                "\n{mutants} bugs and {} correct designs; the suite is wrong about {wrong}.",
                rows.len() - mutants
            );
            if !unproved.is_empty() {
                println!("No bug proves {}.", unproved.join(" "));
            }
        }
        if wrong == 0 && unproved.is_empty() {
            Ok(())
        } else {
            Err(Failure::told(Exit::Violated))
        }
    }
}

/// `caught  racy  KEY-04  late-reply-overwrites  also KEY-02  8 cases, 194 orders`.
fn line(row: &Row) -> String {
    let own = row.own_rule.unwrap_or_default();
    let word = match (row.own_rule, row.holds()) {
        (Some(_), true) => "caught",
        (Some(_), false) => "MISSED",
        (None, true) => "spared",
        (None, false) => "FLAGGED",
    };
    let others: Vec<&str> = row
        .broken
        .iter()
        .map(String::as_str)
        .filter(|rule| *rule != own)
        .collect();
    let also = if others.is_empty() {
        String::new()
    } else {
        format!("also {}", others.join(" "))
    };
    let mechanism = row.own_mechanism.unwrap_or_default();
    let mut text = format!(
        "{word:<8} {:<20} {own:<8} {mechanism:<25} {also:<28} {} cases, {} orders",
        row.design, row.cases, row.orders
    );
    for complaint in &row.complaints {
        text.push_str(&format!("\n         {complaint}"));
    }
    text
}

/// What is being run, on a terminal only; an empty text wipes it away.
fn progress(what: &str) {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[2K{what}");
    }
}

fn failure(error: &SelfcheckError) -> Failure {
    match error {
        SelfcheckError::Run(error) => not_run(error),
        other => Failure::internal("running a built-in backend", other),
    }
}
