//! Reads `[[outcome]]` and its conditions. Knows nothing of answers.

use hyper::header::HeaderName;

use super::{
    answer::{self, Condition, Rule, StatusSet, When},
    findings::Findings,
    names::{self, CONDITION},
    node::{Node, Place, Value},
    operations::{literal, parse_regex},
    query::Query,
};
use wxmock_model::history::Outcome;

/// Reads the rules in file order; `root` is the whole file.
pub(crate) fn read(root: &Node, findings: &mut Findings) -> Vec<Rule> {
    let Some(Node {
        value: Value::List(items),
        ..
    }) = root.get("outcome")
    else {
        missing(root, findings);
        return Vec::new();
    };
    let errors_before = findings.errors.len();
    let mut rules = Vec::new();
    let mut places = Vec::new();
    for item in items {
        if let Some(rule) = read_rule(item, findings) {
            rules.push(rule);
            places.push(item.get("when").map_or(&item.place, |when| &when.place));
        }
    }
    if findings.errors.len() > errors_before {
        return rules;
    }
    if !rules.iter().any(|rule| rule.is == Outcome::Ok) {
        missing(root, findings);
    }
    warn_shadowed(&rules, &places, findings);
    rules
}

fn missing(root: &Node, findings: &mut Findings) {
    let place = match root.get("outcome") {
        Some(Node {
            value: Value::List(items),
            place,
        }) => items.last().map_or(place, |item| &item.place).clone(),
        _ => Place {
            source: root.place.source.clone(),
            range: root.place.source.inner().len().saturating_sub(1)
                ..root.place.source.inner().len(),
        },
    };
    let problem = place.error(
        "no [[outcome]] rule says `ok`",
        "no answer would ever count as a success",
    );
    findings.error(problem.help(
        "for a backend whose statuses are honest:\n[[outcome]]\nwhen = { status = 401 }\nis = \"relogin\"\n[[outcome]]\nwhen = { status = \"2xx\" }\nis = \"ok\"",
    ));
}

fn read_rule(node: &Node, findings: &mut Findings) -> Option<Rule> {
    let Some(word) = node.get("is") else {
        let problem = node
            .place
            .error("this outcome rule says no outcome", "`is` is missing");
        findings.error(problem.help(names::suggest("", names::OUTCOMES)));
        return None;
    };
    let is = match findings.text(word)? {
        "ok" => Outcome::Ok,
        "relogin" => Outcome::Relogin,
        "retry_later" => Outcome::RetryLater,
        "denied" => Outcome::Denied,
        "invalid" => Outcome::Invalid,
        _ => Outcome::ServerError,
    };
    let Some(when) = node.get("when") else {
        let problem = node
            .place
            .error("this outcome rule has no condition", "`when` is missing");
        findings.error(
            problem.help("write when = { status = 401 }; an empty when = {} matches every answer"),
        );
        return None;
    };
    let mut conditions = When::default();
    if let Some(status) = when.get("status") {
        conditions.status = read_status(status, findings);
    }
    for (name, node) in when.get("header").map_or(&[][..], Node::entries) {
        let Ok(header) = HeaderName::from_bytes(name.text.as_bytes()) else {
            let message = format!("`{}` is not a header name", name.text);
            findings.error(
                name.place
                    .error(message, "letters, digits and hyphens only"),
            );
            continue;
        };
        conditions
            .header
            .extend(read_condition(node, findings).map(|condition| (header, condition)));
    }
    for (name, node) in when.get("json").map_or(&[][..], Node::entries) {
        match Query::parse(&name.text, &name.place) {
            Ok(query) => conditions
                .json
                .extend(read_condition(node, findings).map(|condition| (query, condition))),
            Err(problem) => findings.error(problem),
        }
    }
    if let Some(body) = when.get("body") {
        conditions.body = read_condition(body, findings);
        check_text(body, conditions.body.as_ref(), findings);
    }
    Some(Rule {
        when: conditions,
        is,
    })
}

/// `401`, `"2xx"`, `"500-599"`, or a list of those.
pub(crate) fn read_status(node: &Node, findings: &mut Findings) -> Option<StatusSet> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut ranges = Vec::new();
    for item in items {
        match status_range(item) {
            Some(range) => ranges.push(range),
            None => {
                let problem = item.place.error(
                    "this is not a status pattern",
                    "no HTTP status looks like this",
                );
                findings.error(problem.help(
                    "accepted: a number from 100 to 599, a class such as \"4xx\", a range such as \"500-503\", or a list of those",
                ));
            }
        }
    }
    if items.is_empty() {
        findings.error(node.place.error(
            "this is not a status pattern",
            "an empty list matches nothing",
        ));
    }
    Some(StatusSet(ranges)).filter(|set| !set.0.is_empty())
}

fn status_range(node: &Node) -> Option<(u16, u16)> {
    let status = |number: i64| {
        u16::try_from(number)
            .ok()
            .filter(|n| (100..=599).contains(n))
    };
    match &node.value {
        Value::Integer(number) => status(*number).map(|number| (number, number)),
        Value::Text(text) => {
            if let Some(class) = text.strip_suffix("xx") {
                let class: u16 = class.parse().ok().filter(|class| (1..=5).contains(class))?;
                return Some((class * 100, class * 100 + 99));
            }
            let (from, to) = text.split_once('-').unwrap_or((text, text));
            let from = status(from.trim().parse().ok()?)?;
            let to = status(to.trim().parse().ok()?)?;
            (from <= to).then_some((from, to))
        }
        _ => None,
    }
}

/// A plain value, a list of them, or exactly one of `matches`, `in`, `present`, `absent`.
fn read_condition(node: &Node, findings: &mut Findings) -> Option<Condition> {
    let entries = match &node.value {
        Value::Table(entries) => entries,
        Value::List(_) => return read_values(node, findings),
        _ => return Some(Condition::In(vec![literal(node, findings)])),
    };
    let [(name, value)] = entries.as_slice() else {
        let problem = node.place.error(
            "a condition is exactly one of four",
            format!("{} are given", entries.len()),
        );
        findings.error(problem.help(names::suggest("", &names::names(CONDITION))));
        return None;
    };
    match (name.text.as_str(), &value.value) {
        ("matches", Value::Text(_)) => match parse_regex(value) {
            Ok(regex) => regex.map(Condition::Matches),
            Err(problem) => {
                findings.error(problem);
                None
            }
        },
        ("in", Value::List(_)) => read_values(value, findings),
        ("present", Value::Bool(true)) | ("absent", Value::Bool(false)) => Some(Condition::Present),
        ("absent", Value::Bool(true)) | ("present", Value::Bool(false)) => Some(Condition::Absent),
        ("matches" | "in" | "present" | "absent", _) => {
            let expected = match name.text.as_str() {
                "matches" => "a regex in quotes",
                "in" => "a list of values",
                _ => "true or false",
            };
            let message = format!("`{}` has to be {expected}", name.text);
            findings.error(
                value
                    .place
                    .error(message, format!("this is {}", value.kind())),
            );
            None
        }
        _ => {
            let problem = name.place.error(
                format!("unknown condition `{}`", name.text),
                "no such condition",
            );
            let problem = problem.help(names::suggest(&name.text, &names::names(CONDITION)));
            findings.error(problem);
            None
        }
    }
}

/// A body is text: a number can never be equal to it.
fn check_text(node: &Node, condition: Option<&Condition>, findings: &mut Findings) {
    let Some(Condition::In(values)) = condition else {
        return;
    };
    if values.iter().any(|value| !value.is_string()) {
        let problem = node.place.error(
            "this condition can never hold",
            "a whole body is text, and this is not",
        );
        findings.error(problem.help(
            "write body = { matches = \"<ok>1</ok>\" }; a member of a JSON body is json = { \"$.code\" = 0 }",
        ));
    }
}

fn read_values(node: &Node, findings: &mut Findings) -> Option<Condition> {
    match literal(node, findings) {
        serde_json::Value::Array(values) if !values.is_empty() => Some(Condition::In(values)),
        _ => {
            findings.error(node.place.error(
                "this condition can never hold",
                "an empty list has no members",
            ));
            None
        }
    }
}

fn warn_shadowed(rules: &[Rule], places: &[&Place], findings: &mut Findings) {
    for (index, by) in answer::shadowed(rules) {
        let message = format!("outcome rule {} can never match", index + 1);
        let mut problem = places[index].error(message, "every such answer is taken earlier");
        for earlier in by {
            let label = format!("by rule {}", earlier + 1);
            problem = problem.label(places[earlier].range.clone(), label);
        }
        findings.warn(
            problem.help("the first rule that matches decides: move this one up, or remove it"),
        );
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::node::{Place, from_toml};

    #[test]
    fn status_patterns() {
        let check = |text: &str, expected: Option<&[(u16, u16)]>| {
            let root = from_toml(&Place::whole("t", &format!("s = {text}")).source).unwrap();
            let mut findings = Findings::default();
            let set = read_status(root.get("s").unwrap(), &mut findings);
            assert_eq!(set.as_ref().map(|set| set.0.as_slice()), expected, "{text}");
            assert_eq!(findings.errors.is_empty(), expected.is_some(), "{text}");
        };
        check("401", Some(&[(401, 401)]));
        check("\"2xx\"", Some(&[(200, 299)]));
        check("\"500-503\"", Some(&[(500, 503)]));
        check("[429, \"5xx\"]", Some(&[(429, 429), (500, 599)]));
        check("42", None);
        check("\"6xx\"", None);
        check("\"503-500\"", None);
        check("\"ok\"", None);
        check("[]", None);
        check("true", None);
    }
}
