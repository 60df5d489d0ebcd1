//! The documentation in two languages says the same: the same headings, the same code. Every link leads somewhere, the table of contents
//! of the site is whole, the catalogue of cases is what the scenario files say, and the recordings can be played.

use std::fs;
use std::path::{Path, PathBuf};

/// README, docs/ and the packages' own pages: every Markdown file a reader opens.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> = ["", "docs", "docs/recipes"]
        .into_iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).expect("a folder of the project"))
        .map(|entry| entry.expect("a readable entry").path())
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .collect();
    pages.sort();
    pages
}

/// The level of every heading, and every block of code without its comments, which are translated.
fn outline(text: &str) -> (Vec<usize>, Vec<String>) {
    let (mut levels, mut blocks) = (Vec::new(), Vec::new());
    let mut block: Option<Vec<String>> = None;
    for line in text.lines() {
        match (&mut block, line.trim_start().starts_with("```")) {
            (None, true) => block = Some(vec![line.trim().to_owned()]),
            (None, false) if line.starts_with('#') => {
                levels.push(line.bytes().take_while(|byte| *byte == b'#').count());
            }
            (None, false) => {}
            (Some(lines), true) => {
                blocks.push(lines.join("\n"));
                block = None;
            }
            (Some(lines), false) => lines.push(without_comment(line).to_owned()),
        }
    }
    assert!(block.is_none(), "a block of code that does not end");
    (levels, blocks)
}

/// A line of code up to its comment.
fn without_comment(line: &str) -> &str {
    let starts = ["# ", "// "].map(|mark| match line.trim_start().starts_with(mark) {
        true => Some(0),
        false => line.find(&format!("  {mark}")),
    });
    let end = starts.into_iter().flatten().min().unwrap_or(line.len());
    line[..end].trim_end()
}

/// Whether a line of code holds a sentence for people, in Chinese.
fn is_prose(line: &str) -> bool {
    line.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

#[test]
fn both_languages_have_the_same_headings_and_the_same_code() {
    let mut n_pairs = 0;
    for chinese in pages() {
        let name = chinese
            .file_name()
            .expect("a file")
            .to_string_lossy()
            .into_owned();
        let Some(stem) = name.strip_suffix(".zh-CN.md") else {
            continue;
        };
        let english = chinese.with_file_name(format!("{stem}.md"));
        let read = |path: &Path| outline(&fs::read_to_string(path).expect("a page"));
        let ((levels, code), (levels_zh, code_zh)) = (read(&english), read(&chinese));
        assert_eq!(levels, levels_zh, "headings of {stem}.md and {name}");
        for (page, other) in [(&english, &*name), (&chinese, &format!("{stem}.md"))] {
            let text = fs::read_to_string(page).expect("a page");
            let links = text.contains(&format!("]({other})"));
            assert!(links, "{} does not lead to {other}", page.display());
        }
        for (ours, theirs) in code.iter().zip(&code_zh) {
            let pairs = ours.lines().zip(theirs.lines());
            for (ours, theirs) in pairs.filter(|(_, theirs)| !is_prose(theirs)) {
                assert_eq!(ours, theirs, "code of {stem}.md and {name}");
            }
            let lengths = (ours.lines().count(), theirs.lines().count());
            assert_eq!(
                lengths.0, lengths.1,
                "code of {stem}.md and {name}:\n{theirs}"
            );
        }
        assert_eq!(code.len(), code_zh.len(), "blocks of {stem}.md and {name}");
        n_pairs += 1;
    }
    assert!(n_pairs > 5, "{n_pairs} pages in two languages");
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    for page in pages() {
        let text = fs::read_to_string(&page).expect("a page");
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || link.contains("://") || link.contains(char::is_whitespace) {
                continue;
            }
            let target = page.parent().expect("a folder").join(file);
            assert!(target.exists(), "{}: {link}", page.display());
        }
    }
}

/// Writes a page that is made, where `WXMOCK_BLESS=1` says so; else it must be what was made.
fn is_current(page: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    if std::env::var_os("WXMOCK_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, made).expect("a page can be written");
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == made,
        "{page} is not what the scenarios say now; `WXMOCK_BLESS=1 cargo test --test docs` writes it"
    );
}

/// The built-in cases as `wxmock list --json` tells them, one entry a family, in its order.
fn families() -> Vec<serde_json::Value> {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_wxmock"))
        .args(["list", "--json"])
        .output()
        .expect("the binary starts");
    let cases: Vec<serde_json::Value> =
        serde_json::from_slice(&output.stdout).expect("a list of cases");
    let mut families: Vec<serde_json::Value> = Vec::new();
    for case in cases {
        let orders = case["orders"].as_u64().expect("a count");
        match families.last_mut().filter(|it| it["id"] == case["id"]) {
            Some(family) => {
                family["n_cases"] = (family["n_cases"].as_u64().unwrap_or(0) + 1).into();
                family["orders"] = (family["orders"].as_u64().unwrap_or(0) + orders).into();
            }
            None => {
                families.push(case);
                families.last_mut().expect("the one just added")["n_cases"] = 1.into();
            }
        }
    }
    families
}

/// A page of every case family, made from the scenario files by way of the binary.
fn catalogue(families: &[serde_json::Value], is_chinese: bool) -> String {
    let say = |english, chinese| if is_chinese { chinese } else { english };
    let mut page = format!(
        "# {}\n\n{}\n\n{}\n",
        say("The suite, case by case", "用例一览"),
        say("[中文](catalogue.zh-CN.md)", "[English](catalogue.md)"),
        say(
            "Made from [scenarios/](../scenarios) by `WXMOCK_BLESS=1 cargo test --test docs`. `wxmock explain CL-1` tells a case in prose, `wxmock explain KEY-04` a\n\
             rule. *Needs* are the operations an adapter has to describe ([adapter](adapter.md)).",
            "由 `WXMOCK_BLESS=1 cargo test --test docs` 根据 [scenarios/](../scenarios) 生成。`wxmock explain CL-1` 用文字讲清一个用例，`wxmock explain KEY-04`\n\
             讲清一条规则。“需要”一栏是 adapter 必须描述的操作（见 [adapter](adapter.zh-CN.md)）。"
        )
    );
    let mut suite = "";
    for family in families {
        let text = |name: &str| family[name].as_str().unwrap_or_default();
        let words = |name: &str| {
            let words = family[name].as_array().into_iter().flatten();
            let words: Vec<&str> = words.filter_map(|word| word.as_str()).collect();
            words.join(", ")
        };
        let (of, slug) = text("id").split_once('/').expect("suite and family");
        if of != suite {
            suite = of;
            page.push_str(&format!(
                "\n## {suite}\n\n{}\n|---|---|---|---|---|---|\n",
                say(
                    "| case | level | what happens | rules | needs | cases, orders |",
                    "| 用例 | 级别 | 发生了什么 | 规则 | 需要 | 用例数、顺序数 |"
                )
            ));
        }
        page.push_str(&format!(
            "| [{alias}](../scenarios/{suite}/{alias}-{slug}.toml) | {} | {} | {} | {} | {}, {} |\n",
            text("level"),
            text(say("title", "title_zh")).replace('|', "\\|"),
            words("rules"),
            words("needs"),
            family["n_cases"],
            family["orders"],
            alias = text("alias"),
        ));
    }
    page
}

#[test]
fn the_catalogue_is_what_the_scenario_files_say() {
    let families = families();
    is_current("docs/catalogue.md", &catalogue(&families, false));
    is_current("docs/catalogue.zh-CN.md", &catalogue(&families, true));
}

/// The table of contents of the site names every page once, and nothing that is not there.
#[test]
fn the_site_has_every_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).expect("the table of contents");
    let mut listed: Vec<PathBuf> = summary
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .map(|page| docs.join(page))
        .collect();
    listed.sort();
    let there: Vec<PathBuf> = pages()
        .into_iter()
        .filter(|page| page.starts_with(&docs) && !page.ends_with("SUMMARY.md"))
        .collect();
    assert_eq!(listed, there, "docs/SUMMARY.md and the pages");
}

/// The recordings are what asciinema plays, two minutes at most, and made by nobody's own paths.
#[test]
fn the_recordings_can_be_played() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/recording");
    for name in ["wxmock.cast", "wxmock.zh-CN.cast"] {
        let text = fs::read_to_string(folder.join(name)).expect(name);
        let mut lines = text.lines().map(|line| {
            serde_json::from_str::<serde_json::Value>(line)
                .unwrap_or_else(|error| panic!("{name}: {error}: {line}"))
        });
        let head = lines.next().expect("a head");
        assert_eq!(head["version"], 2, "{name}");
        let (mut now, mut said) = (0.0, String::new());
        for line in lines {
            let at = line[0].as_f64().expect("a time");
            assert!(line[1] == "o" && at >= now, "{name}: {line}");
            now = at;
            said.push_str(line[2].as_str().expect("text"));
        }
        assert!((60.0..=130.0).contains(&now), "{name} ends after {now} s");
        for command in [
            "wxmock serve",
            "jscode2session",
            "wxmock check",
            "wxmock demo",
            "KEY-04",
        ] {
            assert!(said.contains(command), "{name} does not show {command}");
        }
    }
}

#[test]
fn comments_are_cut_and_code_is_kept() {
    for (line, code) in [
        ("wxmock check   # the suite", "wxmock check"),
        ("// vitest.config.ts", ""),
        (
            "curl 'http://127.0.0.1/#x' # y",
            "curl 'http://127.0.0.1/#x' # y",
        ),
        ("  # a comment", ""),
    ] {
        assert_eq!(without_comment(line), code);
    }
}
