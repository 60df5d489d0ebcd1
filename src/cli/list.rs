//! `wxmock list`: the cases, with level, impact and source.

use wxmock_judge::{impact_word, level_word};
use wxmock_model::lang::Lang;
use wxmock_model::verdict::Level;
use wxmock_scenario::Scenario;
use wxmock_scenario::plan::{Case, Selection, SelectionError};

use super::catalogue::{NarrowArgs, ScenarioArgs};
use super::lang::LangArg;
use crate::exit::{Exit, Failure};

/// List the cases with level, impact and source
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock list                    every case family
  wxmock list 'stale-key/**'     one suite
  wxmock list CL-1 --paths       the cases of one family, one path per combination of axes
  wxmock list '!CL-1' --rule KEY-04 --tag userinfo
  wxmock list --scenarios cases/ --only-scenarios   your own")]
pub(crate) struct Args {
    /// Aliases (CL-1), ids or patterns (`*` one segment, `**` any); with `!` in front: not these [default: all]
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
    /// One line per combination of axes instead of one per family
    #[arg(long)]
    paths: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    narrow: NarrowArgs,
    #[command(flatten)]
    scenarios: ScenarioArgs,
    /// The same as --lang zh
    #[arg(long)]
    zh: bool,
    #[command(flatten)]
    lang: LangArg,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let catalogue = self.scenarios.catalogue()?;
        let cases = selected_of(catalogue.scenarios(), &self.patterns, None, &self.narrow)?;
        let lang = if self.zh { Lang::Zh } else { self.lang.get() };
        let text = if self.json {
            serde_json::to_string_pretty(&as_json(&cases))
                .map_err(|error| Failure::internal("rendering", &error))?
                + "\n"
        } else if self.paths {
            cases
                .iter()
                .map(|case| {
                    format!(
                        "{:<5} {:>5} {}  {}\n",
                        case.scenario.alias,
                        case.orders().len(),
                        lang.pick("orders", "种顺序"),
                        case.path
                    )
                })
                .collect()
        } else {
            told(&cases, lang)
        };
        super::print(&text)
    }
}

/// Two lines for each family of cases, by suite.
fn told(cases: &[Case], lang: Lang) -> String {
    let families = families(cases);
    let mut text = String::new();
    let mut suite = "";
    for (scenario, n_cases, n_orders) in &families {
        let this = scenario.id.split('/').next().unwrap_or_default();
        if this != suite {
            suite = this;
            text.push_str(&format!(
                "{}{suite}\n",
                if text.is_empty() { "" } else { "\n" }
            ));
        }
        let cases = if *n_cases == 1 { "case" } else { "cases" };
        let orders = if *n_orders == 1 { "order" } else { "orders" };
        text.push_str(&format!(
            "  {:<5} {:<6} {:<11} {}\n        {n_cases} {} · {n_orders} {} · {} · {}\n",
            scenario.alias,
            level_word(scenario.level),
            impact_word(scenario.impact),
            lang.pick(&scenario.title, &scenario.title_zh),
            lang.pick(cases, "个用例"),
            lang.pick(orders, "种顺序"),
            scenario.rules.join(" "),
            scenario.sources.join(", "),
        ));
    }
    text
}

/// Scenarios in order, each with its number of selected cases and of orders.
fn families(cases: &[Case]) -> Vec<(&Scenario, usize, usize)> {
    let mut families: Vec<(&Scenario, usize, usize)> = Vec::new();
    for case in cases {
        let orders = case.orders().len();
        match families.last_mut() {
            Some((scenario, n_cases, n_orders)) if scenario.id == case.scenario.id => {
                *n_cases += 1;
                *n_orders += orders;
            }
            _ => families.push((&case.scenario, 1, orders)),
        }
    }
    families
}

fn as_json(cases: &[Case]) -> Vec<serde_json::Value> {
    let one = |case: &Case| {
        serde_json::json!({
            "path": case.path,
            "id": case.scenario.id,
            "alias": case.scenario.alias,
            "title": case.scenario.title,
            "title_zh": case.scenario.title_zh,
            "level": case.scenario.level,
            "impact": case.scenario.impact,
            "rules": case.scenario.rules,
            "needs": case.scenario.needs,
            "confirms": case.scenario.confirms,
            "sources": case.scenario.sources,
            "tags": case.scenario.tags().collect::<Vec<_>>(),
            "axes": case.axes,
            "orders": case.orders().len(),
        })
    };
    cases.iter().map(one).collect()
}

/// The cases a person asked for, of these scenarios; one word that selects nothing fails the command, so that a misspelt
/// alias in a CI file cannot quietly shrink the suite.
pub(crate) fn selected_of(
    scenarios: &[Scenario],
    patterns: &[String],
    level: Option<Level>,
    narrow: &NarrowArgs,
) -> Result<Vec<Case>, Failure> {
    let selection = Selection {
        patterns: patterns.to_vec(),
        level,
    };
    let cases = selection.select(scenarios).map_err(|error| {
        let exit = match error {
            SelectionError::Pattern { .. } => Exit::Usage,
            SelectionError::Nothing { .. } => Exit::Nothing,
        };
        Failure::new(
            exit,
            error.to_string(),
            "`wxmock list` shows every alias and id; quote patterns so that the shell leaves `*` alone",
        )
    })?;
    if cases.is_empty() {
        return Err(Failure::new(
            Exit::Nothing,
            "no selected case can fail at this level",
            "leave --level out for all",
        ));
    }
    narrow.apply(scenarios, cases)
}
