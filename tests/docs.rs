//! The documentation in two languages says the same: the same headings, the same code. And every link leads somewhere.

use std::fs;
use std::path::{Path, PathBuf};

/// README, docs/ and the packages' own pages: every Markdown file a reader opens.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<PathBuf> = ["", "docs"]
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
        let name = chinese.file_name().expect("a file").to_string_lossy();
        let Some(stem) = name.strip_suffix(".zh-CN.md") else {
            continue;
        };
        let english = chinese.with_file_name(format!("{stem}.md"));
        let read = |path: &Path| outline(&fs::read_to_string(path).expect("a page"));
        let ((levels, code), (levels_zh, code_zh)) = (read(&english), read(&chinese));
        assert_eq!(levels, levels_zh, "headings of {stem}.md and {name}");
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
