//! KEY-02: `Buffer.from(text, 'base64')` and `base64_decode($text)` skip what is no base64 and say nothing. Of `%2B` the `2B` stays,
//! the length is wrong, and the cipher throws.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::open_data::Sealed;
use crate::policy::Policy;

/// What is no base64 is left out of it.
pub(crate) struct LenientBase64;

impl Policy for LenientBase64 {
    fn sealed(&self, body: &Value) -> Result<Sealed, Answer> {
        let skipped = |name: &str| {
            let text = body.get(name).and_then(Value::as_str).unwrap_or_default();
            let known = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | ' ');
            let kept: String = text.chars().filter(known).collect();
            let padding = "=".repeat((4 - kept.len() % 4) % 4);
            format!("{kept}{padding}")
        };
        let body = json!({ "encryptedData": skipped("encryptedData"), "iv": skipped("iv") });
        Sealed::from_request(&body).map_err(|_| Answer::server_error("wrong final block length"))
    }
}
