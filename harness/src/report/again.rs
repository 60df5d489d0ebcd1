//! The command that plays a failing order again, ready to be pasted into a shell.

/// `wxmock replay 'TOKEN' --adapter FILE`; without the file where none is known: a built-in backend, an older transcript.
#[must_use]
pub fn command(token: &str, adapter_file: &str) -> String {
    let mut command = format!("wxmock replay {}", quoted(token));
    if !adapter_file.is_empty() {
        command.push_str(" --adapter ");
        command.push_str(&if is_plain(adapter_file) {
            adapter_file.to_owned()
        } else {
            quoted(adapter_file)
        });
    }
    command
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
