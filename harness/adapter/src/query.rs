//! JSONPath, behind one small type so that the crate can be replaced.

use serde_json::Value;
use serde_json_path::JsonPath;

use super::{node::Place, problem::Problem};

/// How deep brackets may be nested: the parser calls itself for each, and no path anybody needs has more than a few.
const DEEPEST: usize = 32;

/// Where brackets are nested too deep, if they are.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Some(at);
        }
    }
    None
}

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
        if let Some(at) = too_deep(text) {
            let what = format!("brackets are nested more than {DEEPEST} deep");
            let problem = place.within(text, at..at + 1);
            let problem = problem.error("the JSONPath is nested too deep", what);
            return Err(problem.help("examples: $.token, $.data.user.id, $['a-b'], $.list[0]"));
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
