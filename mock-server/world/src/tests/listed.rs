//! The list of commands against the methods that change a world, both read as text.

use std::collections::BTreeSet;

/// The variants of [`Command`], as its records spell them.
pub(super) fn variants() -> BTreeSet<String> {
    let source = include_str!("../command.rs");
    let list = source.split("pub enum Command {").nth(1).unwrap();
    let list = list.split("\n}").next().unwrap();
    let begins = list.lines().filter_map(|line| line.strip_prefix("    "));
    let begins = begins.filter(|line| line.starts_with(|letter: char| letter.is_ascii_uppercase()));
    begins
        .map(|line| snake(line.split(['(', ',']).next().unwrap()))
        .collect()
}

fn snake(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// What takes `&mut self` and is no command: it hands out what was noted, or shares what is there, or is one under another name.
const NO_COMMANDS: &[&str] = &[
    "take_events",
    "drain_events",
    "take_discarded",
    "record_commands",
    "take_recorded",
    "export",
    "keys_as_they_are",
    "login",
    "apply",
];

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a look at the sources; the crate itself reads nothing"
)]
fn every_method_that_changes_a_world_is_a_command() {
    let mut sources = Vec::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    sources.push(root.join("world.rs"));
    let mut folders = vec![root.join("world")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => sources.push(path),
            }
        }
    }
    let mut methods = BTreeSet::new();
    for source in sources {
        let text = std::fs::read_to_string(source).unwrap();
        for part in text.split("\nimpl World {").skip(1) {
            let part = part.split("\n}").next().unwrap();
            for method in part.split("\n    pub fn ").skip(1) {
                let (name, rest) = method.split_once(['(', '<']).unwrap();
                if rest.trim_start().starts_with("&mut self") {
                    methods.insert(name.to_owned());
                }
            }
        }
    }
    for name in NO_COMMANDS {
        assert!(methods.remove(*name), "{name} is no method any more");
    }
    methods.insert("forget_all_departed".to_owned());
    assert_eq!(methods, variants());
}
