//! `wxmock explain`: one case or one rule in prose.

use std::fmt::Write;

use wxmock_harness::judge::{self, impact_word, level_word};
use wxmock_harness::lang::Lang;
use wxmock_harness::plan::{self, Selection};
use wxmock_harness::scenario::{self, Scenario};

use crate::exit::Failure;

/// Say in prose what a case does or what a rule demands
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock explain CL-1       a case: what happens, why it matters, where it was seen
  wxmock explain KEY-04     a rule: what it demands, and the repairs that fit")]
pub(crate) struct Args {
    /// Alias (CL-1), case id, or rule id (KEY-04)
    #[arg(value_name = "ID")]
    id: String,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        if let Some(text) = judge::explain(&self.id.to_uppercase(), Lang::En) {
            return super::print(&text);
        }
        let wanted = self.id.to_lowercase();
        let found = scenario::all().iter().find(|scenario| {
            scenario.alias.to_lowercase() == wanted
                || scenario.id == wanted
                || wanted.starts_with(&format!("{}/", scenario.id))
        });
        match found {
            Some(scenario) => super::print(&prose(scenario)),
            None => Err(super::list::selected(&[self.id], None).map_or_else(
                |failure| failure,
                |_| {
                    Failure::usage(
                        "a pattern names several cases",
                        "`wxmock list` shows them; explain takes one alias, id or rule",
                    )
                },
            )),
        }
    }
}

fn prose(scenario: &Scenario) -> String {
    let cases = plan::cases(
        scenario::all(),
        &Selection {
            patterns: vec![scenario.id.clone()],
            level: None,
        },
    );
    let orders: usize = cases.iter().map(|case| case.orders().len()).sum();
    let mut text = format!(
        "{}  {}\n{}\n{}\n\n{}\n\n",
        scenario.alias,
        scenario.id,
        scenario.title,
        scenario.title_zh,
        scenario.why.trim()
    );
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<9} {value}");
    };
    line(
        "level",
        &format!(
            "{} ({})",
            level_word(scenario.level),
            impact_word(scenario.impact)
        ),
    );
    line("rules", &scenario.rules.join(" "));
    line("needs", &scenario.needs.join(", "));
    line("runs", &format!("{} cases, {orders} orders", cases.len()));
    line("sources", &scenario.sources.join(", "));
    if scenario.control {
        line(
            "control",
            "this must not fail: a harness that flags it is wrong",
        );
    }
    let _ = writeln!(
        text,
        "\nRun it:   wxmock check --adapter FILE {}",
        scenario.alias
    );
    text
}
