//! `wxmock explain`: one case or one rule in prose.

use std::fmt::Write;

use wxmock_harness::judge::{self, impact_word, level_word};
use wxmock_harness::lang::Lang;
use wxmock_harness::plan::{self, Selection};
use wxmock_harness::scenario::{self, Scenario};

use super::lang::LangArg;
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
    #[command(flatten)]
    lang: LangArg,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let lang = self.lang.get();
        if let Some(text) = judge::explain(&self.id.to_uppercase(), lang) {
            return super::print(&text);
        }
        let wanted = self.id.to_lowercase();
        let found = scenario::all().iter().find(|scenario| {
            scenario.alias.to_lowercase() == wanted
                || scenario.id == wanted
                || wanted.starts_with(&format!("{}/", scenario.id))
        });
        match found {
            Some(scenario) => super::print(&prose(scenario, lang)),
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

fn prose(scenario: &Scenario, lang: Lang) -> String {
    let cases = plan::cases(
        scenario::all(),
        &Selection {
            patterns: vec![scenario.id.clone()],
            level: None,
        },
    );
    let orders: usize = cases.iter().map(|case| case.orders().len()).sum();
    let titles = match lang {
        Lang::En => format!("{}\n{}", scenario.title, scenario.title_zh),
        Lang::Zh => scenario.title_zh.clone(),
    };
    let mut text = format!(
        "{}  {}\n{titles}\n\n{}\n\n",
        scenario.alias,
        scenario.id,
        lang.pick(&scenario.why, &scenario.why_zh).trim()
    );
    let mut line = |en: &str, zh: &str, value: &str| {
        let _ = match lang {
            Lang::En => writeln!(text, "{en:<9} {value}"),
            // Every Chinese name has two characters, four columns.
            Lang::Zh => writeln!(text, "{zh}      {value}"),
        };
    };
    line(
        "level",
        "级别",
        &format!(
            "{} ({})",
            level_word(scenario.level),
            impact_word(scenario.impact)
        ),
    );
    line("rules", "规则", &scenario.rules.join(" "));
    line("needs", "需要", &scenario.needs.join(", "));
    let runs = match lang {
        Lang::En => format!("{} cases, {orders} orders", cases.len()),
        Lang::Zh => format!("{} 个用例，{orders} 种顺序", cases.len()),
    };
    line("runs", "规模", &runs);
    line("sources", "出处", &scenario.sources.join(", "));
    if scenario.control {
        let control = lang.pick(
            "this must not fail: a harness that flags it is wrong",
            "它不该失败：谁报它有错，错的是测试工具",
        );
        line("control", "对照", control);
    }
    let _ = writeln!(
        text,
        "\n{}wxmock check --adapter FILE {}",
        lang.pick("Run it:   ", "运行：     "),
        scenario.alias
    );
    text
}
