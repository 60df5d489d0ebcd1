//! SQL as words: values put in the place of placeholders, one line, and the shape without values.

use sqlparser::{
    dialect::{Dialect as Syntax, MySqlDialect, PostgreSqlDialect},
    tokenizer::{Token, Tokenizer, Word},
};

use super::bound::{Bound, Dialect, Sql};

/// How `dialect` is written.
pub(super) fn syntax(dialect: Dialect) -> &'static dyn Syntax {
    match dialect {
        Dialect::Mysql => &MySqlDialect {},
        Dialect::Postgres => &PostgreSqlDialect {},
    }
}

/// The tokens of `sql` with its bound values in place, without comments; `None` if it is not SQL.
pub(super) fn tokens(dialect: Dialect, sql: &Sql) -> Option<Vec<Token>> {
    let tokens = Tokenizer::new(syntax(dialect), &sql.text).tokenize().ok()?;
    let mut next = 0;
    let mut place = |name: &str| {
        // `?` in turns, `$2` by its number.
        let number = match name.strip_prefix('$') {
            Some(number) => number.parse::<usize>().ok()?.checked_sub(1)?,
            None => {
                next += 1;
                next - 1
            }
        };
        bound(sql.bound.get(number)?)
    };
    let tokens = tokens.into_iter().map(|token| match token {
        Token::Placeholder(name) => match place(&name) {
            Some(value) => value,
            None => Token::Placeholder(name),
        },
        other => other,
    });
    Some(tokens.collect())
}

fn bound(value: &Bound) -> Option<Token> {
    match value {
        Bound::Null => Some(Token::make_keyword("NULL")),
        Bound::Number(number) => Some(Token::Number(number.clone(), false)),
        Bound::Text(text) => Some(Token::SingleQuotedString(text.clone())),
        Bound::Unknown => None,
    }
}

/// On one line, values in place.
pub(super) fn text(tokens: &[Token]) -> String {
    line(tokens, |token| match token {
        Token::Word(word) => name(word),
        other => other.to_string(),
    })
}

/// On one line, `?` for each value.
pub(super) fn shape(tokens: &[Token]) -> String {
    line(tokens, |token| match token {
        Token::Word(word) if word.value.eq_ignore_ascii_case("NULL") => "?".to_owned(),
        Token::Word(word) => name(word),
        other if is_value(other) => "?".to_owned(),
        other => other.to_string(),
    })
}

fn is_value(token: &Token) -> bool {
    matches!(
        token,
        Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::DoubleQuotedByteStringLiteral(_)
            | Token::Placeholder(_)
    )
}

/// A name without the quotes it does not need.
fn name(word: &Word) -> String {
    let plain = |char: char| char.is_alphanumeric() || char == '_';
    if word.quote_style.is_some() && word.value.chars().all(plain) {
        word.value.clone()
    } else {
        word.to_string()
    }
}

fn line(tokens: &[Token], written: impl Fn(&Token) -> String) -> String {
    let mut line = String::new();
    let mut blank = false;
    for token in tokens {
        if matches!(token, Token::Whitespace(_)) {
            blank = true;
            continue;
        }
        // Nothing beyond what is cut off later is made.
        if line.len() > 4096 {
            break;
        }
        if std::mem::take(&mut blank) && !line.is_empty() {
            line.push(' ');
        }
        let written = written(token);
        line.extend(
            written
                .chars()
                .map(|char| if char.is_control() { ' ' } else { char }),
        );
    }
    while line.ends_with([';', ' ']) {
        line.pop();
    }
    line
}
