//! No file of a crate imports another that imports it, directly or by way of others: what depends on what has one direction inside
//! crates too, where Cargo proves nothing. Reads `use` lines and paths as text, follows re-exports to the file that defines a name,
//! and leaves out what is compiled for tests only.

mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use text::{Brought, declared, defined, outside_of_use, paths, tokens, used, without_tests};

/// The crates that are read.
const CRATES: [&str; 14] = [
    "",
    "mock-server",
    "mock-server/world",
    "mock-server/words",
    "harness/model",
    "harness/schedule",
    "harness/scenario",
    "harness/judge",
    "harness/adapter",
    "harness/runner",
    "harness/report",
    "harness/histories",
    "harness/store",
    "harness/zoo",
];

/// Circles that are known and not yet mended, each by a file of it, with what would mend it. A circle without such a file is new, and a
/// file that is in no circle any more must be taken off the list.
const KNOWN: [(&str, &str); 7] = [
    (
        "harness/adapter/src/template.rs",
        "what a request is made of apart from what is made of it: OpVars and RawAnswer out of client.rs, the readers of sections out of adapter.rs",
    ),
    (
        "harness/judge/src/finding.rs",
        "a finding knows its mechanism's evidence, and the families of mechanisms build findings: evidence in a file below both",
    ),
    (
        "harness/runner/src/run/stage.rs",
        "Sending, Refused and Waiting out of stage.rs, asks.rs and again.rs into files below them",
    ),
    (
        "mock-server/src/handle.rs",
        "transport below the API: calls, gates, faults and the journal below the handle, endpoints above it",
    ),
    (
        "mock-server/world/src/world.rs",
        "state below the commands: World is one struct with its impl in many files",
    ),
    (
        "mock-server/world/src/ids.rs",
        "draws of ids beside the streams they are drawn from",
    ),
    (
        "mock-server/world/src/preset.rs",
        "presets beside the policy they are bundles of",
    ),
];

#[test]
fn no_file_imports_another_that_imports_it() {
    let mut new = String::new();
    let mut gone: BTreeSet<&str> = KNOWN.iter().map(|(file, _)| *file).collect();
    for folder in CRATES {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let modules =
            Modules::of(&root.join("src")).unwrap_or_else(|| panic!("no crate in {folder}"));
        let imports = modules.imports();
        for circle in circles(&imports) {
            let files: BTreeSet<String> = circle.iter().map(|at| modules.file_of(*at)).collect();
            let known: Vec<&str> = KNOWN.iter().map(|(file, _)| *file).collect();
            let known = known.into_iter().filter(|file| files.contains(*file));
            let known: Vec<&str> = known.collect();
            known.iter().for_each(|file| {
                gone.remove(file);
            });
            if !known.is_empty() {
                continue;
            }
            for from in &circle {
                let within = imports[from].iter().filter(|(to, _)| circle.contains(to));
                for (to, name) in within {
                    let (from, to) = (modules.file_of(*from), modules.file_of(*to));
                    new += &format!("  {from} imports {name} of {to}\n");
                }
            }
            new.push('\n');
        }
    }
    assert!(new.is_empty(), "files that import one another:\n{new}");
    assert!(gone.is_empty(), "in no circle any more: {gone:?}");
}

/// One module, which is one file.
struct Module {
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// Names it defines itself.
    defines: BTreeSet<String>,
    /// Names it brings in: what each stands for, as a path from here.
    brings: BTreeMap<String, Vec<String>>,
    /// Modules of which it brings in everything.
    everything_of: Vec<Vec<String>>,
    /// Every path it writes.
    paths: Vec<Vec<String>>,
}

struct Modules(Vec<Module>);

/// For each module, the modules it imports from, with a name that it imports.
type Imports = BTreeMap<usize, BTreeMap<usize, String>>;

impl Modules {
    fn of(src: &Path) -> Option<Self> {
        let root = ["lib.rs", "main.rs"].map(|name| src.join(name));
        let root = root.into_iter().find(|file| file.exists())?;
        let mut modules = Self(Vec::new());
        modules.read(root, src.to_owned(), None);
        Some(modules)
    }

    /// Reads a file and the files of its modules, which lie in `folder`.
    fn read(&mut self, file: PathBuf, folder: PathBuf, parent: Option<usize>) -> usize {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let tokens = without_tests(&tokens(&text));
        let at = self.0.len();
        self.0.push(Module {
            file,
            parent,
            children: BTreeMap::new(),
            defines: defined(&tokens),
            brings: BTreeMap::new(),
            everything_of: Vec::new(),
            paths: paths(&tokens),
        });
        let words = outside_of_use(&tokens);
        for Brought { name, path, public } in used(&tokens) {
            // What is only handed on is no import.
            if !public || words.contains(&name) {
                self.0[at].paths.push(path.clone());
            }
            if name == "*" {
                self.0[at].everything_of.push(path);
            } else {
                self.0[at].brings.insert(name, path);
            }
        }
        for name in declared(&tokens) {
            let candidates = [
                folder.join(format!("{name}.rs")),
                folder.join(&name).join("mod.rs"),
            ];
            if let Some(child) = candidates.into_iter().find(|file| file.exists()) {
                let child = self.read(child, folder.join(&name), Some(at));
                self.0[at].children.insert(name, child);
            }
        }
        at
    }

    /// The file of a module, from the root of the repository.
    fn file_of(&self, at: usize) -> String {
        let file = self.0[at].file.to_string_lossy().replace('\\', "/");
        let root = format!("{}/", env!("CARGO_MANIFEST_DIR").replace('\\', "/"));
        file.strip_prefix(&root).unwrap_or(&file).to_owned()
    }

    fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (at, module) in self.0.iter().enumerate() {
            for path in &module.paths {
                if let Some(Target::Item(to)) = self.resolve(at, path, 8)
                    && to != at
                {
                    let name = path.last().cloned().unwrap_or_default();
                    imports.entry(at).or_default().entry(to).or_insert(name);
                }
            }
        }
        imports
    }

    /// Where a path written in module `from` leads; `None` if it leads out of the crate.
    fn resolve(&self, from: usize, path: &[String], depth: usize) -> Option<Target> {
        let depth = depth.checked_sub(1)?;
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => 0,
            "self" => from,
            "super" => self.0[from].parent?,
            name => match self.named(from, name, depth)? {
                Target::Module(module) => module,
                item => return Some(item),
            },
        };
        while let Some((name, more)) = rest.split_first() {
            rest = more;
            at = match name.as_str() {
                "self" => at,
                "super" => self.0[at].parent?,
                "*" => break,
                name => match self.named(at, name, depth) {
                    Some(Target::Module(module)) => module,
                    Some(item) => return Some(item),
                    // Made by a macro, or imported from another crate.
                    None => return Some(Target::Item(at)),
                },
            };
        }
        Some(Target::Module(at))
    }

    /// What a name stands for in a module.
    fn named(&self, at: usize, name: &str, depth: usize) -> Option<Target> {
        let module = &self.0[at];
        if let Some(child) = module.children.get(name) {
            return Some(Target::Module(*child));
        }
        if module.defines.contains(name) {
            return Some(Target::Item(at));
        }
        if let Some(path) = module.brings.get(name) {
            let itself = path.len() == 1 && path[0] == name;
            return (!itself).then(|| self.resolve(at, path, depth)).flatten();
        }
        let mut sources = module.everything_of.iter();
        sources.find_map(|path| match self.resolve(at, path, depth)? {
            Target::Module(source) if source != at => {
                self.named(source, name, depth.checked_sub(1)?)
            }
            _ => None,
        })
    }
}

#[derive(Debug, Clone, Copy)]
enum Target {
    Module(usize),
    /// A name defined in that module.
    Item(usize),
}

/// Groups of modules each of which reaches every other.
fn circles(imports: &Imports) -> Vec<BTreeSet<usize>> {
    let reached = |from: usize| {
        let mut seen = BTreeSet::new();
        let mut next = vec![from];
        while let Some(at) = next.pop() {
            for to in imports.get(&at).into_iter().flat_map(BTreeMap::keys) {
                if seen.insert(*to) {
                    next.push(*to);
                }
            }
        }
        seen
    };
    let all: BTreeMap<usize, BTreeSet<usize>> =
        imports.keys().map(|at| (*at, reached(*at))).collect();
    let mut circles: Vec<BTreeSet<usize>> = Vec::new();
    for (at, reached) in &all {
        let known = circles.iter().any(|circle| circle.contains(at));
        if reached.contains(at) && !known {
            let back = |to: &&usize| all.get(to).is_some_and(|reached| reached.contains(at));
            circles.push(reached.iter().filter(back).copied().collect());
        }
    }
    circles
}

#[test]
fn a_path_leads_to_the_file_that_defines_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
        fs::write(file, text).expect("a file");
    };
    // The parent re-exports what one child defines and another uses: that is no circle.
    write(
        "lib.rs",
        "mod one; mod two; pub use one::{Thing, self as first}; const TEXT: &str = \"crate::two::Other\";",
    );
    write(
        "one.rs",
        "pub struct Thing; // use super::two::Other;\n#[cfg(test)]\nmod tests { use crate::two::Other; }",
    );
    write(
        "two/mod.rs",
        "mod deep; use super::{Thing}; pub struct Other; fn f() -> char { '\"' }",
    );
    write("two/deep.rs", "use crate::first; fn f(_: first::Thing) {}");
    let modules = Modules::of(folder.path()).expect("modules");
    assert!(circles(&modules.imports()).is_empty());
    write(
        "one.rs",
        "pub struct Thing; fn f() { let _ = crate::two::Other; }",
    );
    let modules = Modules::of(folder.path()).expect("modules");
    let found = circles(&modules.imports());
    let files: Vec<_> = found
        .iter()
        .flatten()
        .map(|at| modules.0[*at].file.clone())
        .collect();
    assert_eq!(
        files,
        [
            folder.path().join("one.rs"),
            folder.path().join("two/mod.rs")
        ]
    );
}
