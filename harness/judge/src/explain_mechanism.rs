//! A mechanism in prose, for `wxmock explain`.

use std::fmt::Write as _;

use crate::repairs_of_order;
use wxmock_model::lang::Lang;
use wxmock_model::mechanism::{Language, Mechanism, sketch};

/// The mechanism called `id` in prose, with its repair sketched in five languages; `None` if there is none of that name.
#[must_use]
pub fn explain(id: &str, lang: Lang) -> Option<String> {
    let mechanism = Mechanism::named(id)?;
    let info = mechanism.info()?;
    let titles = match lang {
        Lang::En => format!("{}\n{}", info.title, info.title_zh),
        Lang::Zh => info.title_zh.to_owned(),
    };
    let what = lang.pick(info.what, info.what_zh);
    let mut text = format!("{id}\n{titles}\n\n{what}\n\n");
    for (heading, lines) in repairs_of_order(mechanism, lang) {
        let _ = writeln!(text, "{heading}\n  {}", lines.join("\n  "));
    }
    let repair = lang.pick(info.repair, info.repair_zh);
    let _ = writeln!(text, "{}{repair}", lang.pick("Repair: ", "修法："));
    let _ = writeln!(text, "{}{}", lang.pick("Source: ", "出处："), info.source);
    for language in Language::ALL {
        if let Some(lines) = sketch(info.means, language) {
            let _ = writeln!(text, "\n{}", language.name());
            for line in lines.lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use wxmock_model::mechanism::{deciding_tests, mechanisms};

    use super::*;
    use crate::{rule, rules};

    #[test]
    fn prose_has_the_repair_and_a_sketch_in_every_language() {
        let text = explain("look-then-insert", Lang::En).unwrap();
        for part in [
            "look-then-insert",
            "unique index",
            "Node",
            "Python",
            "Java",
            "Go",
            "PHP",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(
            explain("late-reply-overwrites", Lang::Zh)
                .unwrap()
                .contains("rotation:exchange")
        );
        assert_eq!(explain("no-such-thing", Lang::En), None);
        assert_eq!(explain("open", Lang::En), None);
    }

    #[test]
    fn every_mechanism_names_rules_that_exist() {
        for info in mechanisms() {
            assert!(!info.breaks.is_empty(), "{}", info.mechanism.id());
            assert!(info.breaks.iter().all(|id| rule(id).is_some()));
        }
    }

    #[test]
    fn every_rule_says_what_would_decide_in_both_languages() {
        for rule in rules() {
            for lang in [Lang::En, Lang::Zh] {
                assert_eq!(deciding_tests(rule.id, lang).len(), 2, "{}", rule.id);
            }
            let zh = deciding_tests(rule.id, Lang::Zh).concat();
            assert!(zh.chars().any(|c| c >= '\u{4e00}'), "{}", rule.id);
        }
        assert!(deciding_tests("KEY-99", Lang::En).is_empty());
    }
}
