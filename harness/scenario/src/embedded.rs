//! The scenarios this binary carries. `build.rs` collects the texts of `scenarios/`.

use std::sync::OnceLock;

use super::Scenario;

include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

/// The scenarios this binary carries, in the order of their ids.
///
/// # Panics
/// Never in a build that passes its tests, which read every file.
#[must_use]
pub fn all() -> &'static [Scenario] {
    static ALL: OnceLock<Vec<Scenario>> = OnceLock::new();
    ALL.get_or_init(|| {
        let read = |(name, text): &(&str, &str)| {
            Scenario::parse(name, text).unwrap_or_else(|error| {
                panic!("an embedded scenario is wrong:\n{}", error.render())
            })
        };
        let mut scenarios: Vec<Scenario> = TEXTS.iter().map(read).collect();
        // By suite, then as the catalogue numbers them.
        let place = |scenario: &Scenario| {
            let suite = scenario.id.split('/').next().unwrap_or_default().to_owned();
            (suite, scenario.alias.clone())
        };
        scenarios.sort_by_key(place);
        scenarios
    })
}

/// The scenarios, with `n` logins (1 to 8) where a file has an axis `n`. A file that cannot be had with so many stays as
/// it is.
#[must_use]
pub fn with_logins(n: u8) -> Vec<Scenario> {
    let again = |scenario: &Scenario| {
        let (_, text) = TEXTS.iter().find(|(name, _)| *name == scenario.file)?;
        Scenario::parse_with_logins(&scenario.file, text, n).ok()
    };
    all()
        .iter()
        .map(|scenario| again(scenario).unwrap_or_else(|| scenario.clone()))
        .collect()
}

/// The text of a built-in file.
#[cfg(test)]
pub(crate) fn text_of(file: &str) -> Option<&'static str> {
    let found = TEXTS.iter().find(|(name, _)| *name == file);
    found.map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use wxmock_model::program::{OBLIGATIONS, RULES};
    use wxmock_model::verdict::Level;

    /// The families the first release promises.
    const FAMILIES: &str = "AT-1 AT-2 AT-3 AT-4 AT-5 AT-6 AT-7 AT-8 CC-1 CC-2 CC-3 CC-4 CC-5 CL-1 CL-2 CL-3 CL-4 CL-5 CL-6 CL-7 KI-1 KI-2 KI-3 KI-5 KI-6 KI-7 KI-8 KI-9 LB-1 LB-2 LB-3 LB-4 LB-5 LB-7 LB-8 MM-1 MM-2 MM-4 MM-5 MM-6 \
        N1 N2 N3 N4 N5 N6 PI-1 PI-2 PI-3 PI-4 PI-5 PI-7 PN-1 PN-2 PN-3 PN-4 PN-5 PN-6 PN-7 RF-1 RF-2 RF-3 RF-4 SE-1 SE-2 SE-3 SE-4 SE-5 SE-6 SE-7 SE-8 SE-9 SK-1 SK-2 SK-3 SK-4 SK-5 SK-6 SK-7 SK-8 UF-1 UF-2 UF-3 UF-4 UF-5 UF-6 UF-7";

    #[test]
    fn every_family_is_there_once() {
        let mut aliases: Vec<&str> = all()
            .iter()
            .map(|scenario| scenario.alias.as_str())
            .collect();
        aliases.sort_unstable();
        assert_eq!(aliases, FAMILIES.split_whitespace().collect::<Vec<_>>());
        let ids: BTreeSet<&str> = all().iter().map(|scenario| scenario.id.as_str()).collect();
        assert_eq!(ids.len(), all().len());
    }

    #[test]
    fn logins_are_counted_anew_only_where_a_file_counts_them() {
        let four = with_logins(4);
        let paths = |scenarios: &[Scenario], alias: &str| {
            let selection = crate::plan::Selection {
                patterns: vec![alias.to_owned()],
                level: None,
            };
            let cases = crate::plan::cases(scenarios, &selection);
            cases.into_iter().map(|case| case.path).collect::<Vec<_>>()
        };
        assert!(
            paths(&four, "CL-1")
                .iter()
                .all(|path| path.ends_with("/n:4"))
        );
        assert_eq!(paths(&four, "SK-1"), paths(all(), "SK-1"));
    }

    #[test]
    fn the_tree_is_the_index() {
        for scenario in all() {
            let (suite, slug) = scenario.id.split_once('/').expect("suite/slug");
            assert_eq!(
                scenario.file,
                format!("scenarios/{suite}/{}-{slug}.toml", scenario.alias)
            );
        }
    }

    #[test]
    fn every_rule_and_every_obligation_is_shown_by_a_case() {
        let rules: BTreeSet<&str> = all()
            .iter()
            .flat_map(|scenario| &scenario.rules)
            .map(String::as_str)
            .collect();
        assert_eq!(rules, RULES.iter().copied().collect());
        let programs = all().iter().flat_map(Scenario::programs);
        let obligations: BTreeSet<&str> = programs
            .flat_map(|(_, program)| &program.obligations)
            .map(String::as_str)
            .collect();
        assert_eq!(
            obligations,
            OBLIGATIONS
                .iter()
                .map(|obligation| obligation.name)
                .collect()
        );
    }

    #[test]
    fn every_text_a_reader_needs_is_there() {
        for scenario in all() {
            let name = &scenario.alias;
            assert!(!scenario.sources.is_empty(), "{name} has no source");
            assert!(scenario.why.lines().count() >= 2, "{name} says too little");
            assert!(
                scenario.why_zh.chars().count() >= 40,
                "{name} says too little"
            );
            for zh in [&scenario.title_zh, &scenario.why_zh] {
                let chinese = zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                assert!(chinese, "{name}: {zh}");
            }
            assert!(
                scenario.title.is_ascii() && !scenario.title.ends_with('.'),
                "{name}"
            );
            assert_eq!(scenario.control, scenario.alias.starts_with('N'));
        }
    }

    #[test]
    fn the_example_of_the_manual_reads() {
        for manual in [
            include_str!("../../../docs/scenarios.md"),
            include_str!("../../../docs/scenarios.zh-CN.md"),
        ] {
            let example = manual
                .split("```toml\n")
                .nth(1)
                .and_then(|rest| rest.split("```").next());
            let scenario = Scenario::parse("docs/scenarios.md", example.expect("a first example"));
            let scenario = scenario.unwrap_or_else(|error| panic!("{}", error.render()));
            assert_eq!(scenario.programs().count(), 4);
            assert!(scenario.tags().any(|tag| tag == "nightly"));
        }
    }

    #[test]
    fn every_case_waits_for_some_answer() {
        for scenario in all() {
            for (point, program) in scenario.programs() {
                assert!(
                    !program.expect.is_empty(),
                    "{} {point:?} expects nothing",
                    scenario.alias
                );
                for rule in program.expect.values().map(|line| &line.rule) {
                    assert!(RULES.contains(&rule.as_str()));
                }
            }
        }
    }

    #[test]
    fn controls_wish_for_nothing_a_conforming_backend_may_leave_out() {
        for scenario in all().iter().filter(|scenario| scenario.control) {
            assert_eq!(scenario.level, Level::Must);
            for (_, program) in scenario.programs() {
                assert!(
                    program.expect.values().all(|line| line.should.is_none()),
                    "{}",
                    scenario.alias
                );
            }
        }
    }
}
