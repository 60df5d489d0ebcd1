//! JSONPath, behind one small type so that the crate can be replaced.

use serde_json::Value;
use serde_json_path::JsonPath;

use super::{node::Place, problem::Problem};

/// A parsed JSONPath (RFC 9535).
#[derive(Debug, Clone)]
pub struct Query {
    text: String,
    path: JsonPath,
}

impl Query {
    /// Parses `text`, which was written at `place`.
    pub(crate) fn parse(text: &str, place: &Place) -> Result<Self, Problem> {
        if !text.starts_with('$') {
            let caret = place.error(
                format!("`{text}` is not a JSONPath"),
                "does not start with `$`",
            );
            let name = text.trim_start_matches('.');
            return Err(caret.help(format!("write \"$.{name}\"")));
        }
        match JsonPath::parse(text) {
            Ok(path) => Ok(Self {
                text: text.to_owned(),
                path,
            }),
            Err(error) => {
                let mut at = error.position().min(text.len().saturating_sub(1));
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
                let caret = place.within(text, at..end);
                // Where the crate has nothing better to say it says this.
                let reason = match error.message() {
                    "parser error" => "cannot be read from here on",
                    reason => reason,
                };
                let problem = caret.error(format!("`{text}` is not a JSONPath"), reason);
                Err(problem.help("examples: $.token, $.data.user.id, $['a-b'], $.list[0]"))
            }
        }
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What the path selects in `body`, in document order.
    pub(crate) fn select<'a>(&self, body: &'a Value) -> Vec<&'a Value> {
        self.path.query(body).all()
    }
}
