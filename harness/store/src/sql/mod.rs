//! SQL of MySQL and PostgreSQL: text, shape, and what it touches.

mod access;
mod bound;
mod functions;
mod kind;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use bound::{Bound, Dialect, Sql};
pub(crate) use kind::{kind, writes_rows};

use crate::{
    access::Access,
    conversation::{Reading, Said},
    text,
};

/// What a client said in SQL.
pub(crate) struct Spoken {
    pub(crate) dialect: Dialect,
    /// `PREPARE` where the statement is only made ready, else empty.
    pub(crate) verb: &'static str,
    pub(crate) parts: Vec<Sql>,
}

impl Said for Spoken {
    fn read(&self) -> Reading {
        let mut whole = Reading {
            text: String::new(),
            shape: String::new(),
            access: access::nothing(),
        };
        for part in &self.parts {
            let part = read(self.dialect, part);
            for (all, one) in [
                (&mut whole.text, &part.text),
                (&mut whole.shape, &part.shape),
            ] {
                if !all.is_empty() {
                    all.push_str("; ");
                }
                if !self.verb.is_empty() {
                    all.push_str(self.verb);
                    all.push(' ');
                }
                all.push_str(one);
            }
            whole.access = if self.parts.len() == 1 {
                part.access
            } else {
                access::both(whole.access, part.access)
            };
        }
        if self.verb == PREPARE {
            whole.access = access::nothing();
        }
        whole.text = text::cut(whole.text);
        whole.shape = text::cut(whole.shape);
        whole
    }

    fn size(&self) -> usize {
        let parts = self.parts.iter();
        let bound = |bound: &Bound| match bound {
            Bound::Number(text) | Bound::Text(text) => text.len() + 24,
            Bound::Null | Bound::Unknown => 24,
        };
        parts
            .map(|part| part.text.len() + part.bound.iter().map(bound).sum::<usize>())
            .sum()
    }
}

/// The verb of a statement that is only made ready.
pub(crate) const PREPARE: &str = "PREPARE";

/// A command that is no SQL: said by its name.
pub(crate) struct Named {
    pub(crate) name: &'static str,
    pub(crate) access: Access,
}

impl Named {
    /// A command that touches no data.
    pub(crate) fn harmless(name: &'static str) -> Self {
        Self {
            name,
            access: access::nothing(),
        }
    }
}

impl Said for Named {
    fn read(&self) -> Reading {
        Reading {
            text: self.name.to_owned(),
            shape: self.name.to_owned(),
            access: self.access.clone(),
        }
    }

    fn size(&self) -> usize {
        0
    }
}

fn read(dialect: Dialect, sql: &Sql) -> Reading {
    match words::tokens(dialect, sql) {
        Some(tokens) => Reading {
            text: words::text(&tokens),
            shape: words::shape(&tokens),
            access: access::of(dialect, tokens),
        },
        None => Reading {
            text: text::one_line(&sql.text),
            shape: "unread SQL".to_owned(),
            access: Access::Unknown,
        },
    }
}
