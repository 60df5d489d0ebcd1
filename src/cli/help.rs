//! What clap says, help and refusals of the command line, in Chinese.
//!
//! clap writes English only. Its text is taken without line breaks, translated line by line from `help.zh-CN.json` (English
//! sentence to Chinese sentence; `{}` stands for a part that varies), and broken into lines here, where Chinese may be broken.
//! Knows no subcommand.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The widest a line becomes, as in the English help.
const MOST_COLUMNS: usize = 110;

/// Columns where nothing says how many there are; clap assumes the same.
const USUAL_COLUMNS: usize = 100;

/// What clap adds to a sentence in brackets.
const NOTES: [(&str, &str); 5] = [
    ("env: ", "环境变量："),
    ("default: ", "默认："),
    ("possible values: ", "可选值："),
    ("aliases: ", "别名："),
    ("subcommands: ", "子命令："),
];

/// Sentences without a part that varies, and those with one, split there. A test reads the file; if it were no JSON, help would
/// stay English.
struct Sentences {
    fixed: BTreeMap<String, String>,
    varying: Vec<(Vec<String>, Vec<String>)>,
}

static SENTENCES: LazyLock<Sentences> = LazyLock::new(|| {
    let all: BTreeMap<String, String> =
        serde_json::from_str(include_str!("help.zh-CN.json")).unwrap_or_default();
    let (varying, fixed) = all
        .into_iter()
        .partition::<BTreeMap<_, _>, _>(|(english, _)| english.contains("{}"));
    let split = |text: &str| text.split("{}").map(str::to_owned).collect::<Vec<_>>();
    let mut varying: Vec<_> = varying
        .iter()
        .map(|(english, chinese)| (split(english), split(chinese)))
        .collect();
    // The longest first: what fits `… '{}' for '{}': {}` fits the same without an end, too.
    varying.sort_by_key(|(english, _)| std::cmp::Reverse(english.len()));
    Sentences { fixed, varying }
});

/// Columns of the terminal, or what `COLUMNS` says.
pub(crate) fn columns() -> usize {
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    let columns = terminal.or_else(told).filter(|columns| *columns > 0);
    columns.unwrap_or(USUAL_COLUMNS).min(MOST_COLUMNS)
}

/// A text of clap's, rendered without line breaks of its own, in Chinese and in lines of at most so many columns.
pub(crate) fn in_chinese(english: &str, columns: usize) -> String {
    let mut text = String::new();
    for line in english.lines() {
        let line = translated(line.trim_end());
        wrap(&line, columns, &mut text);
        text.push('\n');
    }
    text
}

/// A line in Chinese as far as its sentence is known. What stands before the sentence (blanks, a flag, a subcommand, an example) stays.
fn translated(line: &str) -> String {
    let start = line.len() - line.trim_start().len();
    if let Some(rest) = line.strip_prefix("Usage: ") {
        return format!("用法：{rest}");
    }
    if let Some(chinese) = sentence(&line[start..]) {
        return format!("{}{chinese}", &line[..start]);
    }
    // A value and its meaning: `- shell: Everything, as …`
    let value = line[start..].starts_with("- ").then(|| line.find(": "));
    let gap = line.rfind("  ").filter(|at| at + 2 > start);
    [value.flatten(), gap]
        .into_iter()
        .flatten()
        .find_map(|at| Some(format!("{}{}", &line[..at + 2], sentence(&line[at + 2..])?)))
        .unwrap_or_else(|| line.to_owned())
}

/// A sentence, or notes in brackets, or a sentence with such notes behind it.
fn sentence(english: &str) -> Option<String> {
    if let Some(chinese) = SENTENCES.fixed.get(english) {
        return Some(chinese.clone());
    }
    if let Some(inside) = english.strip_suffix(']') {
        let (before, note) = inside.rsplit_once('[')?;
        let (english, chinese) = NOTES
            .iter()
            .find(|(english, _)| note.starts_with(english))?;
        let note = format!("[{chinese}{}]", &note[english.len()..]);
        return match before.trim_end() {
            "" => Some(note),
            before => Some(format!("{} {note}", sentence(before)?)),
        };
    }
    let varying = &SENTENCES.varying;
    varying.iter().find_map(|(english_parts, chinese_parts)| {
        let values = values(english, english_parts)?;
        let mut text = String::new();
        for (index, part) in chinese_parts.iter().enumerate() {
            text.push_str(part);
            text.push_str(values.get(index).copied().unwrap_or_default());
        }
        Some(text)
    })
}

/// What stands between the parts of a sentence, if it has these parts in this order.
fn values<'t>(text: &'t str, parts: &[String]) -> Option<Vec<&'t str>> {
    let (first, others) = parts.split_first()?;
    let (last, middle) = others.split_last()?;
    let mut rest = text.strip_prefix(first.as_str())?;
    let mut found = Vec::new();
    for part in middle {
        let (value, after) = rest.split_once(part.as_str())?;
        found.push(value);
        rest = after;
    }
    found.push(rest.strip_suffix(last.as_str())?);
    Some(found)
}

/// Appends a line, broken where it is too long: at blanks, and beside Chinese characters, but for those that close what is before
/// them or open what is behind them. What goes on begins under the sentence.
fn wrap(line: &str, columns: usize, text: &mut String) {
    let indent = hanging(line);
    let indent = if indent * 3 > columns * 2 { 0 } else { indent };
    let mut rest = line;
    let mut room = columns;
    loop {
        let end = fitting(rest, room);
        text.push_str(rest[..end].trim_end());
        rest = rest[end..].trim_start();
        if rest.is_empty() {
            return;
        }
        text.push('\n');
        text.push_str(&" ".repeat(indent));
        room = columns - indent;
    }
}

/// The column at which the sentence of a line begins: behind its last run of two blanks or more.
fn hanging(line: &str) -> usize {
    let at = line.rfind("  ").map_or(0, |at| at + 2);
    line[..at].width()
}

/// How many bytes of a text fit into so many columns; all if none can be broken off.
fn fitting(text: &str, columns: usize) -> usize {
    if text.width() <= columns {
        return text.len();
    }
    let is_wide = |c: char| c.width() == Some(2);
    let (mut width, mut best, mut before) = (0, None, None);
    let first = text.len() - text.trim_start().len();
    for (at, c) in text.char_indices() {
        let may_break = before.is_some_and(|before: char| {
            let glued = "（“《「[(".contains(before) || "，。；：、）”》」！？…])".contains(c);
            !glued && (before == ' ' || is_wide(before) || is_wide(c))
        });
        if at > first && may_break {
            best = Some(at);
        }
        width += c.width().unwrap_or(0);
        if width > columns && best.is_some() {
            break;
        }
        before = Some(c);
    }
    best.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    /// Every help text there is, long and short, without line breaks of clap's.
    fn helps() -> Vec<String> {
        fn visit(command: &mut clap::Command, texts: &mut Vec<String>) {
            texts.push(command.render_help().to_string());
            texts.push(command.render_long_help().to_string());
            command
                .get_subcommands_mut()
                .for_each(|inner| visit(inner, texts));
        }
        let mut command = Cli::command().term_width(0);
        command.build();
        let mut texts = Vec::new();
        visit(&mut command, &mut texts);
        texts
    }

    /// Whether a line is for the shell: an example without a comment, or names and values only.
    fn is_command(line: &str) -> bool {
        let line = line.trim_start();
        line.is_empty()
            || line.starts_with("Usage: ")
            || [
                "wxmock ", "WXMOCK_", "curl ", "eval ", "pbpaste ", "docker ", "-",
            ]
            .iter()
            .any(|start| line.starts_with(start))
            || !line.contains(' ')
    }

    #[test]
    fn every_sentence_of_every_help_is_there_in_chinese() {
        let helps = helps();
        assert!(helps.len() > 50, "{} texts", helps.len());
        let missing: BTreeSet<&str> = helps
            .iter()
            .flat_map(|text| text.lines())
            .filter(|line| translated(line) == *line)
            .filter(|line| !is_command(line) || line.trim_start().contains("  "))
            .collect();
        assert!(missing.is_empty(), "help.zh-CN.json lacks {missing:#?}");
    }

    #[test]
    fn every_chinese_sentence_is_said_somewhere() {
        let helps = helps().concat();
        let unused: Vec<&String> = SENTENCES
            .fixed
            .keys()
            .filter(|english| !english.starts_with("error: ") && !helps.contains(english.as_str()))
            .collect();
        assert!(unused.is_empty(), "no help says {unused:#?}");
    }

    #[test]
    fn what_varies_is_kept() {
        for (english, chinese) in [
            (
                "error: unexpected argument '--por' found",
                "错误：不认识的参数 '--por'",
            ),
            (
                "  tip: a similar argument exists: '--port'",
                "  提示：有一个相近的参数 '--port'",
            ),
            (
                "error: invalid value 'x' for '--port <PORT>': invalid digit",
                "错误：'x' 不能用作 '--port <PORT>' 的值：invalid digit",
            ),
            (
                "  -p, --port <PORT>  Port to listen on; 0 lets the system choose [default: 8910] [env: WXMOCK_PORT=]",
                "  -p, --port <PORT>  监听的端口；0 由系统选择 [默认：8910] [环境变量：WXMOCK_PORT=]",
            ),
            (
                "          [default: interval]",
                "          [默认：interval]",
            ),
            (
                "Usage: wxmock serve [OPTIONS]",
                "用法：wxmock serve [OPTIONS]",
            ),
            ("something else", "something else"),
        ] {
            assert_eq!(translated(english), chinese);
        }
    }

    #[test]
    fn lines_are_broken_where_chinese_may_be() {
        for (line, columns, expected) in [
            ("  一二三四五", 8, "  一二三\n  四五"),
            ("一二三，四五", 6, "一二\n三，四\n五"),
            ("  -q  一二三四五六", 12, "  -q  一二三\n      四五六"),
            ("一 wxmock serve 二", 10, "一 wxmock\nserve 二"),
            ("unbreakable", 4, "unbreakable"),
        ] {
            let mut text = String::new();
            wrap(line, columns, &mut text);
            assert_eq!(text, expected, "{line} in {columns}");
        }
    }
}
