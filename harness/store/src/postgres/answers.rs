//! What a server's messages say in few words.

use super::messages::Fields;

/// The tag of a completed command: `1 affected` of `INSERT 0 1`.
pub(super) fn completed(body: &[u8]) -> String {
    let tag = Fields(body).text().unwrap_or_default();
    let count = tag.rsplit(' ').next().unwrap_or_default();
    match tag.split(' ').next().unwrap_or_default() {
        "SELECT" | "FETCH" => {
            format!("{count} row{}", if count == "1" { "" } else { "s" })
        }
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "COPY" => format!("{count} affected"),
        // A COMMIT of a failed transaction says so only here.
        "ROLLBACK" => "ROLLBACK".to_owned(),
        _ => "OK".to_owned(),
    }
}

/// An error: its code, and `error 23505 duplicate key value violates unique constraint user_openid_key`.
pub(super) fn error(body: &[u8]) -> (String, String) {
    let (mut code, mut message, mut constraint) = (String::new(), String::new(), None);
    let mut fields = Fields(body);
    while let Some(&[kind]) = fields.bytes(1).filter(|kind| *kind != [0]) {
        // The last field may be cut: the constraint stands near the end.
        let Some(text) = fields.text() else { break };
        match kind {
            b'C' => code = text,
            b'M' => message = text,
            b'n' => constraint = Some(text),
            _ => {}
        }
    }
    let start = message.split(['"', '\'', '(', ';']).next();
    let mut said = format!("error {code} {}", start.unwrap_or_default().trim());
    if let Some(constraint) = constraint {
        said.push(' ');
        said.push_str(&constraint);
    }
    (code, said)
}

/// Whether an error refuses a user or password.
pub(super) fn is_refusal(code: &str) -> bool {
    matches!(code, "28P01" | "28000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_few_words() {
        for (tag, expected) in [
            ("INSERT 0 1", "1 affected"),
            ("SELECT 0", "0 rows"),
            ("SELECT 1", "1 row"),
            ("BEGIN", "OK"),
            ("ROLLBACK", "ROLLBACK"),
        ] {
            assert_eq!(completed(format!("{tag}\0").as_bytes()), expected);
        }
        let body = b"SERROR\0C23505\0Mduplicate key value violates unique constraint \"k\"\0nuser_openid_key\0\0";
        let (code, said) = error(body);
        assert_eq!(code, "23505");
        assert_eq!(
            said,
            "error 23505 duplicate key value violates unique constraint user_openid_key"
        );
    }
}
