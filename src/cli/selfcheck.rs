//! `wxmock selfcheck`: the zoo against the suite, the proof that the suite notices what it says it notices; and the mock
//! against its own sequential model.

use std::io::IsTerminal;
use std::time::Instant;

use wxmock_model::lang::Lang;
use wxmock_runner::linear::{self, Examined, Plan, Rules, Target};
use wxmock_runner::selfcheck;
use wxmock_runner::selfcheck::{Row, SelfcheckError};
use wxmock_server::{MockServer, Settings};
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
  wxmock selfcheck --world            whether the mock under load answers in one order: 100000 operations over HTTP
  wxmock selfcheck --world --operations 10000000

Exit codes: 0 the suite is right about every design · 1 not so, or answers without an order · 3 no such design · 130 interrupted")]
pub(crate) struct Args {
    /// Designs of the zoo [default: all]
    #[arg(value_name = "DESIGN")]
    designs: Vec<String>,
    /// Print the matrix as JSON
    #[arg(long)]
    json: bool,
    /// Examine the mock instead: clients race for the same people's codes, and what they saw must have an order
    #[arg(long, conflicts_with = "designs")]
    world: bool,
    /// Operations of --world
    #[arg(long, value_name = "N", requires = "world", default_value = "100000", value_parser = clap::value_parser!(u64).range(1..))]
    operations: u64,
    /// Seed of everything the mock makes up
    #[arg(long, value_name = "N", env = "WXMOCK_SEED", default_value = "1")]
    seed: Seed,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if self.world {
            return self.examine_world();
        }
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

    /// Half of the operations under each way in which session_keys come about.
    fn examine_world(&self) -> Result<(), Failure> {
        let refused =
            |error: &dyn std::error::Error| Failure::internal("examining the mock", error);
        super::suite::block_on(async {
            let cancel = cancel_on_signal();
            let settings = Settings {
                seed: self.seed,
                ..Settings::default()
            };
            let server = MockServer::start(settings).await;
            let server = server.map_err(|error| refused(&error))?;
            let began = Instant::now();
            let mut n_violations = 0;
            for rules in [Rules::KeyAtLogin, Rules::KeyAtExchange] {
                let plan = Plan {
                    operations: self.operations.div_ceil(2),
                    groups: GROUPS,
                    seed: self.seed.0,
                };
                let target = Target::new_app(&server, rules);
                let found = linear::examine(&target, plan, &cancel).await;
                let found = found.map_err(|error| refused(&error))?;
                n_violations += found.n_violations;
                self.tell(rules, &found, began)?;
            }
            server.stop().await;
            match n_violations {
                _ if cancel.is_cancelled() => Err(Failure::told(Exit::Interrupted)),
                0 => Ok(()),
                _ => Err(Failure::told(Exit::Violated)),
            }
        })
    }

    fn tell(&self, rules: Rules, found: &Examined, began: Instant) -> Result<(), Failure> {
        let rule = match rules {
            Rules::KeyAtLogin => "login",
            Rules::KeyAtExchange => "exchange",
        };
        let Examined {
            operations,
            people,
            side_by_side,
            n_violations,
            violations,
        } = found;
        if self.json {
            let told = serde_json::json!({
                "rotate": rule, "operations": operations, "people": people, "side_by_side": side_by_side,
                "without_order": n_violations,
                "shown": violations.iter().map(|violation| serde_json::json!({ "person": violation.person, "operations": violation.operations })).collect::<Vec<_>>(),
            });
            return super::print(&format!("{told}\n"));
        }
        let mut text = format!(
            "rotate = {rule:<9} {operations} operations about {people} people, {side_by_side} pairs of them side by side: {n_violations} people without an order  ({:.1} s)\n",
            began.elapsed().as_secs_f64()
        );
        for violation in violations {
            text.push_str(&violation.to_string());
        }
        super::print(&text)
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

/// Groups of clients that race at the same time.
const GROUPS: usize = 16;

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
        SelfcheckError::Run(error) => not_run(error, Lang::En),
        other => Failure::internal("running a built-in backend", other),
    }
}
