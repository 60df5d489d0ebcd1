//! Names of the author's own: what is captured, and what names it. A name without a value would leave its field out for ever.
//!
//! Knows nothing of how a value comes about.

use super::{
    findings::Findings,
    names::{self, CAPTURE},
    node::{Name, Node, Place, Value},
    problem::Problem,
    template::{Scope, Template},
};

/// Every name that templates below `node` use, with its place.
pub(crate) fn used(node: &Node) -> Vec<(String, Place)> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect(node: &Node, found: &mut Vec<(String, Place)>) {
    match &node.value {
        Value::Text(text) => {
            let Ok(template) = Template::parse(text, &node.place, Scope::Phone) else {
                return;
            };
            for name in template.names() {
                let at = text.find(name).unwrap_or(0);
                let place = node.place.within(text, at..at + name.len());
                found.push((name.to_owned(), place));
            }
        }
        Value::List(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Table(entries) => entries.iter().for_each(|(_, node)| collect(node, found)),
        _ => {}
    }
}

/// Checks `session.*`, `prepare.*` and `value.*` against what is captured and given; `ops` are the entries of `[ops]`.
pub(crate) fn check(root: &Node, ops: &[(Name, Node)], findings: &mut Findings) {
    let common = root.get("backend").and_then(|node| node.get("headers"));
    let values = root.get("values");
    let everywhere: Vec<(String, Place)> = [common, values]
        .into_iter()
        .flatten()
        .flat_map(used)
        .collect();
    check_captures(ops, &everywhere, findings);
    let captured = captured_by_operations(ops);
    let prepared: Vec<&str> = ops.iter().flat_map(|(_, op)| prepared(op)).collect();
    let given: Vec<&str> = values
        .map_or(&[][..], Node::entries)
        .iter()
        .map(|(name, _)| name.text.as_str())
        .collect();
    for (name, place) in &everywhere {
        let problem = match name.split_once('.') {
            // The login without a token is an error already.
            Some(("session", "token")) => continue,
            Some(("session", own)) if !captured.contains(&own) => never(name, place, &captured),
            Some(("prepare", own)) if !prepared.contains(&own) => {
                unprepared(name, place, &prepared)
            }
            _ => continue,
        };
        findings.error(problem);
    }
    for (op, node) in ops {
        let own = prepared_before(node);
        for (before, part) in own {
            for (name, place) in used(part) {
                let problem = match name.split_once('.') {
                    // The login without a token is an error already.
                    Some(("session", "token")) => continue,
                    Some(("session", own)) if !captured.contains(&own) => {
                        never(&name, &place, &captured)
                    }
                    Some(("prepare", own)) if !before.contains(&own) => {
                        let problem = unprepared(&name, &place, &before);
                        match before.is_empty() {
                            true => problem.help(format!(
                                "[[ops.{}.prepare]]\nrequest = {{ get = \"/path\" }}\ncapture = {{ {own} = \"$.{own}\" }}",
                                op.text
                            )),
                            false => problem,
                        }
                    }
                    Some(("value", own)) if !given.contains(&own) => {
                        let message = format!("`{name}` is not given");
                        let problem = place.error(message, "not in [values]");
                        match given.is_empty() {
                            true => problem.help(format!(
                                "[values]\n{own} = \"{{{{now.s}}}}{{{{request.body}}}}\""
                            )),
                            false => problem.help(names::suggest(own, &given)),
                        }
                    }
                    _ => continue,
                };
                findings.error(problem);
            }
        }
    }
}

/// A capture of the author's own that nothing names is a misspelt one of ours.
fn check_captures(ops: &[(Name, Node)], everywhere: &[(String, Place)], findings: &mut Findings) {
    let known = names::names(CAPTURE);
    let all: Vec<String> = ops
        .iter()
        .flat_map(|(_, op)| used(op))
        .chain(everywhere.iter().cloned())
        .map(|(name, _)| name)
        .collect();
    for (op, node) in ops {
        let entries = node.get("capture").map_or(&[][..], Node::entries);
        for (name, _) in entries {
            let wanted = format!("session.{}", name.text);
            if known.contains(&name.text.as_str()) || all.contains(&wanted) {
                continue;
            }
            let message = format!(
                "`{}` is captured by [ops.{}], and nothing names it",
                name.text, op.text
            );
            let problem = name.place.error(message, "no request sends this");
            findings.error(problem.help(format!(
                "{}; any other name is for {{{{session.{}}}}} in a later request",
                names::suggest(&name.text, &known),
                name.text
            )));
        }
    }
}

/// Each request of an operation, with what was captured before it.
fn prepared_before(op: &Node) -> Vec<(Vec<&str>, &Node)> {
    let mut before: Vec<&str> = Vec::new();
    let mut all = Vec::new();
    if let Some(Value::List(items)) = op.get("prepare").map(|node| &node.value) {
        for item in items {
            all.extend(item.get("request").map(|request| (before.clone(), request)));
            let captures = item.get("capture").map_or(&[][..], Node::entries);
            before.extend(captures.iter().map(|(name, _)| name.text.as_str()));
        }
    }
    all.extend(op.get("request").map(|request| (before, request)));
    all
}

fn prepared(op: &Node) -> Vec<&str> {
    let mut all = prepared_before(op);
    all.pop().map_or_else(Vec::new, |(before, _)| before)
}

fn captured_by_operations(ops: &[(Name, Node)]) -> Vec<&str> {
    let mut all = Vec::new();
    for (_, op) in ops {
        let entries = op.get("capture").map_or(&[][..], Node::entries);
        all.extend(entries.iter().map(|(name, _)| name.text.as_str()));
    }
    all
}

fn never(name: &str, place: &Place, captured: &[&str]) -> Problem {
    let own = name.trim_start_matches("session.");
    let problem = place.error(
        format!("`{name}` is never captured"),
        "no operation captures this",
    );
    let add = format!(
        "add `{own}` to the `capture` of the operation whose answer holds it, such as [ops.login]"
    );
    match wxmock_model::nearest(own, captured.iter().copied()) {
        Some(near) => problem.help(format!("did you mean `session.{near}`? otherwise {add}")),
        None => problem.help(add),
    }
}

fn unprepared(name: &str, place: &Place, before: &[&str]) -> Problem {
    let problem = place.error(
        format!("`{name}` is not captured before this"),
        "no `prepare` that goes before this captures it",
    );
    if before.is_empty() {
        return problem.help("capture it in a [[ops.<name>.prepare]]");
    }
    let own = name.trim_start_matches("prepare.");
    problem.help(names::suggest(own, before))
}
