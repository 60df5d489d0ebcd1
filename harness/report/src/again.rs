//! Commands ready to be pasted into a shell: the one that plays a failing order again, and those that come next.

use crate::findings::Finding;
use wxmock_model::mechanism::Mechanism;

/// `wxmock replay 'TOKEN' --adapter FILE`; without the file where none is known: a built-in backend, an older transcript.
#[must_use]
pub fn command(token: &str, adapter_file: &str) -> String {
    with_adapter(&format!("wxmock replay {}", quoted(token)), adapter_file)
}

/// `wxmock adapter check --adapter FILE`.
#[must_use]
pub fn adapter_check(adapter_file: &str) -> String {
    with_adapter("wxmock adapter check", adapter_file)
}

/// `wxmock check --adapter FILE CL-1 CL-2`; at most a few cases are named.
#[must_use]
pub fn check(adapter_file: &str, aliases: &[&str]) -> String {
    let mut command = with_adapter("wxmock check", adapter_file);
    for alias in aliases.iter().take(MOST_CASES) {
        command.push(' ');
        command.push_str(alias);
    }
    command
}

/// `wxmock explain late-reply-overwrites`, or the rule where the cause is open.
#[must_use]
pub fn explain(finding: &Finding<'_>) -> String {
    let what = match finding.mechanism {
        Mechanism::Open => finding.rule,
        established => established.id(),
    };
    format!("wxmock explain {what}")
}

/// Cases named in a command; the first ones show what there is to show.
const MOST_CASES: usize = 4;

fn with_adapter(command: &str, adapter_file: &str) -> String {
    if adapter_file.is_empty() {
        return command.to_owned();
    }
    let file = if is_plain(adapter_file) {
        adapter_file.to_owned()
    } else {
        quoted(adapter_file)
    };
    format!("{command} --adapter {file}")
}

/// A path no shell reads anything into.
fn is_plain(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    !path.starts_with('-') && path.bytes().all(plain)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        for (file, expected) in [
            (
                "wxmock.toml",
                "wxmock replay 'wxs1:a' --adapter wxmock.toml",
            ),
            (
                "my app/it's.toml",
                r"wxmock replay 'wxs1:a' --adapter 'my app/it'\''s.toml'",
            ),
            ("", "wxmock replay 'wxs1:a'"),
        ] {
            assert_eq!(command("wxs1:a", file), expected);
        }
    }
}
