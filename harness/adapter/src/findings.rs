//! Collects what is wrong while an adapter is read, so that one run of the tool names every mistake.

use super::{
    names::{self, Key, Shape},
    node::{Name, Node, Value},
    problem::Problem,
    template::{Scope, Template},
};

/// Errors and warnings so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) errors: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    /// Names of the stores that templates may name.
    pub(crate) stores: Vec<String>,
}

impl Findings {
    pub(crate) fn error(&mut self, problem: Problem) {
        self.errors.push(problem);
    }

    pub(crate) fn warn(&mut self, problem: Problem) {
        self.warnings.push(problem.into_warning());
    }

    /// Checks keys and types against the table of names. What passes needs no second look at either.
    pub(crate) fn check_shape(&mut self, node: &Node, shape: Shape, path: &str) {
        let expected = match (shape, &node.value) {
            (Shape::Any, _)
            | (Shape::Text | Shape::TextOr(_), Value::Text(_))
            | (Shape::Number, Value::Integer(_))
            | (Shape::Flag, Value::Bool(_))
            | (Shape::Free, Value::Table(_)) => return,
            (Shape::Open(keys, others), Value::Table(entries)) => {
                for (name, node) in entries {
                    let known = keys.iter().find(|key| key.name == name.text);
                    let shape = known.map_or(Shape::TextOr(others), |key| key.shape);
                    self.check_shape(node, shape, &format!("{path}.{}", name.text));
                }
                return;
            }
            (Shape::Section(keys) | Shape::TextOr(keys), Value::Table(entries)) => {
                return self.check_keys(entries, keys, path);
            }
            (Shape::Sections(keys), Value::List(items)) => {
                for item in items {
                    self.check_shape(item, Shape::Section(keys), path);
                }
                return;
            }
            (Shape::Texts, Value::List(items)) => {
                for item in items {
                    self.check_shape(item, Shape::Text, path);
                }
                return;
            }
            (Shape::Word(words), Value::Text(word)) => {
                return self.check_word(node, word, words, path);
            }
            (Shape::Word(words), Value::Bool(false)) if words.contains(&"false") => return,
            (Shape::Word(words), _) => return self.check_word(node, "", words, path),
            (Shape::Text, _) => "a string",
            (Shape::TextOr(_), _) => "a string or a table",
            (Shape::Number, _) => "a whole number",
            (Shape::Flag, _) => "true or false",
            (Shape::Texts, _) => "a list of strings",
            (Shape::Section(_) | Shape::Free | Shape::Open(..), _) => "a table",
            (Shape::Sections(_), _) => "a list of tables",
        };
        let label = format!("this is {}", node.kind());
        let problem = node
            .place
            .error(format!("`{path}` has to be {expected}"), label);
        self.error(match (shape, path) {
            (Shape::Texts, _) => problem.help("one word per item: [\"python\", \"app.py\"]"),
            (Shape::Sections(_), _) => {
                let each = match path {
                    "store" => "store",
                    "outcome" => "rule",
                    _ => "request",
                };
                problem.help(format!(
                    "write [[{path}]], with two brackets, once per {each}"
                ))
            }
            _ => problem,
        });
    }

    fn check_keys(&mut self, entries: &[(Name, Node)], keys: &'static [Key], path: &str) {
        for (name, node) in entries {
            let inner = match path {
                "" => name.text.clone(),
                path => format!("{path}.{}", name.text),
            };
            if names::RETIRED.contains(&inner.as_str()) {
                let message = format!("`{inner}` is no longer read");
                let problem = name.place.error(message, "changes nothing");
                self.warn(problem.help("remove it"));
                continue;
            }
            let Some(key) = keys.iter().find(|key| key.name == name.text) else {
                self.error(unknown_key(name, keys, path));
                continue;
            };
            self.check_shape(node, key.shape, &inner);
        }
    }

    fn check_word(&mut self, node: &Node, word: &str, words: &'static [&'static str], path: &str) {
        if words.contains(&word) {
            return;
        }
        let message = match (word, &node.value) {
            (_, Value::Text(_)) => format!("`{word}` is not a value of `{path}`"),
            _ => format!("`{path}` has to be a word, and this is {}", node.kind()),
        };
        let problem = node.place.error(message, "not one of the accepted words");
        self.error(problem.help(names::suggest(word, words)));
    }

    /// The text of a string, which the shape check has seen.
    pub(crate) fn text<'n>(&self, node: &'n Node) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A string as a template.
    pub(crate) fn template(&mut self, node: &Node, scope: Scope) -> Option<Template> {
        let text = self.text(node)?;
        match Template::parse(text, &node.place, scope) {
            Ok(template) => {
                let unknown = template
                    .stores()
                    .find(|store| !self.stores.iter().any(|known| known == store));
                let Some(store) = unknown else {
                    return Some(template);
                };
                let problem = self.unknown_store(node, text, store);
                self.error(problem);
                None
            }
            Err(problems) => {
                self.errors.extend(problems);
                None
            }
        }
    }

    /// `store` is named in the template `text`, and there is no `[[store]]` of that name.
    fn unknown_store(&self, node: &Node, text: &str, store: &str) -> Problem {
        let start = text.find(&format!("store.{store}.")).map(|at| at + 6);
        let range = start.map_or(0..text.len(), |start| start..start + store.len());
        let place = node.place.within(text, range);
        let problem = place.error(
            format!("there is no store `{store}`"),
            "no [[store]] has this name",
        );
        if self.stores.is_empty() {
            return problem.help(format!(
                "[[store]]\nname = \"{store}\"\nprotocol = \"redis\"\naddress = \"127.0.0.1:6379\""
            ));
        }
        let known: Vec<&str> = self.stores.iter().map(String::as_str).collect();
        problem.help(names::suggest(store, &known))
    }

    /// A list of strings as templates.
    pub(crate) fn templates(&mut self, node: &Node, scope: Scope) -> Vec<Template> {
        match &node.value {
            Value::List(items) => items
                .iter()
                .filter_map(|item| self.template(item, scope))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// A table of the author's own names, each value a string template, number or boolean.
    pub(crate) fn pairs<'n>(&mut self, node: &'n Node, scope: Scope) -> Vec<(&'n Name, Template)> {
        let mut pairs = Vec::new();
        for (name, value) in node.entries() {
            let template = match &value.value {
                Value::Text(_) => self.template(value, scope),
                Value::Integer(number) => Some(Template::literal(number.to_string())),
                Value::Float(number) => Some(Template::literal(number.to_string())),
                Value::Bool(yes) => Some(Template::literal(yes.to_string())),
                _ => {
                    let message = format!("`{}` has to be a string", name.text);
                    self.error(
                        value
                            .place
                            .error(message, format!("this is {}", value.kind())),
                    );
                    None
                }
            };
            pairs.extend(template.map(|template| (name, template)));
        }
        pairs
    }

    /// A whole number within `range`.
    pub(crate) fn number(
        &mut self,
        node: &Node,
        path: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Option<i64> {
        let Value::Integer(number) = node.value else {
            return None;
        };
        if range.contains(&number) {
            return Some(number);
        }
        let (from, to) = range.into_inner();
        let message = format!("`{path}` is out of range");
        self.error(
            node.place
                .error(message, format!("between {from} and {to}")),
        );
        None
    }
}

fn unknown_key(name: &Name, keys: &'static [Key], path: &str) -> Problem {
    let found = &name.text;
    let accepted = names::names(keys);
    let (message, label) = match path {
        "" => (
            format!("unknown key `{found}` at the top of the file"),
            "no such key".to_owned(),
        ),
        "ops" => (
            format!("unknown operation `{found}`"),
            "no such operation".to_owned(),
        ),
        _ => (
            format!("unknown key `{found}` in `{path}`"),
            format!("not a key of `{path}`"),
        ),
    };
    name.place
        .error(message, label)
        .help(names::suggest(found, &accepted))
}
