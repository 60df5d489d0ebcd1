//! The table in `docs/reach.md`: read, compared with what was seen, or written with `WXMOCK_BLESS=1`.
//! Knows nothing of how the rows came about.

use std::sync::{Mutex, PoisonError};

/// One client on one runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) client: String,
    pub(crate) version: String,
    pub(crate) runtime: String,
    pub(crate) route: String,
    pub(crate) enough: String,
    pub(crate) result: String,
}

const BEGIN: &str = "<!-- clients: written by `WXMOCK_BLESS=1 cargo test --test clients` -->\n";
const END: &str = "<!-- end of clients -->";
const HEAD: &str = "| client | version | run by | route | variables that are enough | done |\n|---|---|---|---|---|---|\n";

/// The order of runtimes in the table, by their first word.
const ORDER: [&str; 6] = ["curl", "PHP", "Python", "Node", "Java", "Go"];

/// Tests run in parallel, and all of them write the same file.
static FILE: Mutex<()> = Mutex::new(());

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let cells: Vec<&str> = line
            .trim()
            .trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect();
        let [client, version, runtime, route, enough, result] = cells.try_into().ok()?;
        let [client, version, runtime, route, enough, result] =
            [client, version, runtime, route, enough, result].map(str::to_owned);
        Some(Self {
            client,
            version,
            runtime,
            route,
            enough,
            result,
        })
    }

    fn line(&self) -> String {
        let Self {
            client,
            version,
            runtime,
            route,
            enough,
            result,
        } = self;
        format!("| {client} | {version} | {runtime} | {route} | {enough} | {result} |\n")
    }

    fn place(&self) -> usize {
        let word = self.runtime.split(' ').next().unwrap_or_default();
        ORDER
            .iter()
            .position(|known| *known == word)
            .unwrap_or(ORDER.len())
    }
}

/// Which rows of a runtime were run; the others are left alone.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rows<'a> {
    /// All but those of these clients.
    AllBut(&'a [&'a str]),
    /// Only those of these clients.
    Of(&'a [&'a str]),
}

impl Rows<'_> {
    fn contain(self, row: &Row) -> bool {
        match self {
            Self::AllBut(clients) => !clients.contains(&row.client.as_str()),
            Self::Of(clients) => clients.contains(&row.client.as_str()),
        }
    }
}

/// Compares rows of one runtime with the committed ones, or writes them.
pub(crate) fn compare(runtime: &str, seen: &[Row], run: Rows<'_>) {
    let _turn = FILE.lock().unwrap_or_else(PoisonError::into_inner);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reach.md");
    let text = std::fs::read_to_string(path).expect("docs/reach.md");
    let (before, rest) = text
        .split_once(BEGIN)
        .expect("docs/reach.md has a place for the table");
    let (table, after) = rest.split_once(END).expect("the table ends");
    let all: Vec<Row> = table.lines().skip(2).filter_map(Row::parse).collect();
    let is_ours = |row: &Row| row.runtime == runtime && run.contain(row);

    if std::env::var_os("WXMOCK_BLESS").is_some_and(|value| value == "1") {
        let mut rows: Vec<Row> = all
            .into_iter()
            .filter(|row| !is_ours(row))
            .chain(seen.iter().cloned())
            .collect();
        rows.sort_by_key(|row| (row.place(), row.runtime.clone()));
        let lines: String = rows.iter().map(Row::line).collect();
        std::fs::write(path, format!("{before}{BEGIN}{HEAD}{lines}{END}{after}"))
            .expect("docs/reach.md can be written");
        return;
    }
    let show = |rows: &mut dyn Iterator<Item = &Row>| rows.map(Row::line).collect::<String>();
    let (committed, seen) = (
        show(&mut all.iter().filter(|row| is_ours(row))),
        show(&mut seen.iter()),
    );
    if !all.iter().any(|row| row.runtime == runtime) && !crate::runtimes_are_required() {
        eprintln!("{runtime} is not in the table of docs/reach.md; what was seen of it:\n{seen}");
        return;
    }
    assert_eq!(
        committed, seen,
        "docs/reach.md says something else than what was seen with {runtime}; WXMOCK_BLESS=1 writes what was seen"
    );
}
