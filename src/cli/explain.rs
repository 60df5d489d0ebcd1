//! `wxmock explain`: one case, one rule or one mechanism in prose, or why one call to the mock was refused.

use std::fmt::Write;
use std::path::PathBuf;

use wxmock_judge as judge;
use wxmock_judge::explain_mechanism;
use wxmock_judge::{impact_word, level_word};
use wxmock_model::lang::Lang;
use wxmock_model::mechanism;
use wxmock_scenario::Scenario;
use wxmock_scenario::plan;
use wxmock_scenario::plan::Selection;

use super::catalogue::ScenarioArgs;
use super::lang::LangArg;
use super::{ServerArg, call};
use crate::exit::{Exit, Failure};

/// Say in prose what a case does, what a rule demands, how a mechanism is repaired, or why a call was refused
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  wxmock explain CL-1       a case: what happens, why it matters, where it was seen
  wxmock explain KEY-04     a rule: what it demands, and the repairs that fit
  wxmock explain late-reply-overwrites
                            a mechanism: what happens, and its repair in five languages
  wxmock explain 17         call #17 of the running mock: what it asked, its answer, why, what to do
  wxmock explain 6a1b2c3d-0f1e2d3c-12345678
                            the same by the rid in your backend's log
  wxmock explain 17 --journal wechat.ndjson
                            the same from a file of `wxmock exec --journal`")]
pub(crate) struct Args {
    /// Alias (CL-1), case id, rule id (KEY-04), mechanism, or a call: its number or rid
    #[arg(value_name = "ID|CALL")]
    id: String,
    #[command(flatten)]
    server: ServerArg,
    #[command(flatten)]
    scenarios: ScenarioArgs,
    /// Look for the call in this journal instead of a running mock
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    #[command(flatten)]
    lang: LangArg,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let lang = self.lang.get();
        if let Some(name) = call::Name::read(&self.id) {
            let journal = self.journal.as_deref();
            return super::print(&call::explain(
                &name,
                &self.server.server,
                journal,
                self.lang.get(),
            )?);
        }
        if self.journal.is_some() {
            return Err(Failure::usage(
                format!(
                    "`{}` is not a call, so --journal says nothing of it",
                    self.id
                ),
                "name a call by its number (17) or by the rid in its answer",
            ));
        }
        if let Some(text) = judge::explain(&self.id.to_uppercase(), lang) {
            return super::print(&text);
        }
        let wanted = self.id.to_lowercase();
        if let Some(text) = explain_mechanism(&wanted, lang) {
            return super::print(&text);
        }
        let catalogue = self.scenarios.catalogue()?;
        let found = catalogue.scenarios().iter().find(|scenario| {
            scenario.alias.to_lowercase() == wanted
                || scenario.id == wanted
                || wanted.starts_with(&format!("{}/", scenario.id))
        });
        match found {
            Some(scenario) => super::print(&prose(scenario, lang)),
            None => Err(self.unknown(&wanted, catalogue.scenarios())),
        }
    }

    /// No such name: says the nearest there is.
    fn unknown(&self, wanted: &str, scenarios: &[Scenario]) -> Failure {
        let cases = scenarios
            .iter()
            .flat_map(|scenario| [scenario.alias.as_str(), scenario.id.as_str()]);
        let rules = judge::rules().iter().map(|rule| rule.id);
        let causes = mechanism::mechanisms().map(|info| info.mechanism.id());
        let names: Vec<&str> = cases.chain(rules).chain(causes).collect();
        let near = wxmock_model::nearest(&self.id, names.iter().copied())
            .or_else(|| wxmock_model::nearest(wanted, names.iter().copied()));
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        Failure::new(
            Exit::Nothing,
            format!("no case, rule or mechanism is called `{}`{near}", self.id),
            "`wxmock list` shows every alias and id; `wxmock explain KEY-04` names the causes of a rule, `wxmock explain 17` explains a call",
        )
    }
}

fn prose(scenario: &Scenario, lang: Lang) -> String {
    let cases = plan::cases(std::slice::from_ref(scenario), &Selection::default());
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
    if !scenario.confirms.is_empty() {
        line("confirms", "确认", &scenario.confirms.join(", "));
    }
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
