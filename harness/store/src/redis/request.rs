//! Commands as a client writes them: arrays of bulk strings, and inline commands.

use std::ops::Range;

use crate::conversation::{LARGEST, Lost};

/// Longest line of an inline command or a length, in bytes (the server's own limit).
const LONGEST_LINE: usize = 64 << 10;
/// Most arguments of a command (the server's own limit).
const MOST_ARGUMENTS: usize = 1 << 20;

/// Finds the first command of `input`: its length, and where its arguments are. `None`: it is not complete.
pub(crate) fn first(
    input: &[u8],
    arguments: &mut Vec<Range<usize>>,
) -> Result<Option<usize>, Lost> {
    arguments.clear();
    match input.first() {
        None => Ok(None),
        Some(b'*') => array(input, arguments),
        Some(0x16) => Err(Lost::Tls),
        Some(_) => inline(input, arguments),
    }
}

fn array(input: &[u8], arguments: &mut Vec<Range<usize>>) -> Result<Option<usize>, Lost> {
    let Some((count, mut at)) = number(input, 1)? else {
        return Ok(None);
    };
    // The server takes `*0` and `*-1` for no command at all.
    let count = usize::try_from(count).unwrap_or(0);
    if count > MOST_ARGUMENTS {
        return Err(Lost::Strange);
    }
    for _ in 0..count {
        match input.get(at) {
            None => return Ok(None),
            Some(b'$') => {}
            Some(_) => return Err(Lost::Strange),
        }
        let Some((len, start)) = number(input, at + 1)? else {
            return Ok(None);
        };
        let len = usize::try_from(len).map_err(|_| Lost::Strange)?;
        if start.saturating_add(len) > LARGEST {
            return Err(Lost::TooLarge);
        }
        let end = start + len;
        match input.get(end..end + 2) {
            None => return Ok(None),
            Some(b"\r\n") => {}
            Some(_) => return Err(Lost::Strange),
        }
        arguments.push(start..end);
        at = end + 2;
    }
    Ok(Some(at))
}

/// A decimal number at `start` that ends in CR LF, and where the next byte is.
fn number(input: &[u8], start: usize) -> Result<Option<(i64, usize)>, Lost> {
    let rest = input.get(start..).unwrap_or_default();
    let window = &rest[..rest.len().min(24)];
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        return if rest.len() < 24 {
            Ok(None)
        } else {
            Err(Lost::Strange)
        };
    };
    let digits = std::str::from_utf8(&window[..end]).map_err(|_| Lost::Strange)?;
    let number = digits.parse().map_err(|_| Lost::Strange)?;
    Ok(Some((number, start + end + 2)))
}

/// A line of words. Quotes are not undone: no client library writes any.
fn inline(input: &[u8], arguments: &mut Vec<Range<usize>>) -> Result<Option<usize>, Lost> {
    let window = &input[..input.len().min(LONGEST_LINE)];
    let Some(end) = window.iter().position(|byte| *byte == b'\n') else {
        let printable = |byte: &u8| matches!(byte, b'\t' | b'\r' | 0x20..);
        return if window.len() == LONGEST_LINE || !window.iter().all(printable) {
            Err(Lost::Strange)
        } else {
            Ok(None)
        };
    };
    let mut start = None;
    for (place, byte) in input[..=end].iter().enumerate() {
        match (byte.is_ascii_whitespace(), start) {
            (false, None) => start = Some(place),
            (true, Some(from)) => {
                arguments.push(from..place);
                start = None;
            }
            _ => {}
        }
    }
    // A word that starts a command starts with a letter; anything else is of another protocol.
    match arguments.first() {
        Some(word) if !input[word.start].is_ascii_alphabetic() => Err(Lost::Strange),
        _ => Ok(Some(end + 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expected: Result<Option<(usize, &[&str])>, Lost>) {
        let mut arguments = Vec::new();
        let found = first(input.as_bytes(), &mut arguments);
        let words: Vec<&str> = arguments
            .iter()
            .map(|range| &input[range.clone()])
            .collect();
        match expected {
            Ok(Some((len, expected))) => {
                assert_eq!(found, Ok(Some(len)), "{input:?}");
                assert_eq!(words, expected, "{input:?}");
            }
            Ok(None) => assert_eq!(found, Ok(None), "{input:?}"),
            Err(lost) => assert_eq!(found, Err(lost), "{input:?}"),
        }
    }

    #[test]
    fn commands_are_found_with_their_arguments() {
        check("", Ok(None));
        check(
            "*2\r\n$3\r\nGET\r\n$1\r\na\r\nnext",
            Ok(Some((20, &["GET", "a"]))),
        );
        check("*2\r\n$3\r\nGET\r\n$1\r\na\r", Ok(None));
        check("*1\r\n$0\r\n\r\n", Ok(Some((10, &[""]))));
        check("*0\r\n", Ok(Some((4, &[]))));
        check("SET a  b\r\nGET", Ok(Some((10, &["SET", "a", "b"]))));
        check("PING\n", Ok(Some((5, &["PING"]))));
        check("\r\n", Ok(Some((2, &[]))));
    }

    #[test]
    fn other_protocols_are_told_apart() {
        check("*2\r\n:3\r\n", Err(Lost::Strange));
        check("*x\r\n", Err(Lost::Strange));
        check("\u{0}\u{0}\u{0}", Err(Lost::Strange));
        check("\u{16}\u{3}\u{1}", Err(Lost::Tls));
        check("{\"a\": 1}\n", Err(Lost::Strange));
        check("*1\r\n$99999999\r\n", Err(Lost::TooLarge));
    }
}
