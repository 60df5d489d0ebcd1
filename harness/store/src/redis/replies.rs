//! Replies as a server writes them, found in bytes however they are split. Keeps the first line and word of each, no data.

use crate::conversation::Lost;

/// Bytes of a line that are kept; the rest of a longer one is skipped.
const KEPT: usize = 160;
/// Deepest nesting of replies.
const DEEPEST: usize = 128;

/// One reply of the top level.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reply {
    /// Its type byte: `+`, `-`, `:`, `$`, `*`, `>` …
    pub(crate) kind: u8,
    /// Its first line without the type byte: the message, or a length.
    pub(crate) line: String,
    /// The first element of an array or push, if it is a string.
    pub(crate) word: String,
    /// The last element of the array, if it is a number: how many subscriptions are left.
    pub(crate) last: Option<i64>,
}

impl Reply {
    /// Its length, if it has one; `-1` of a null.
    pub(crate) fn len(&self) -> i64 {
        self.line.parse().unwrap_or(0)
    }
}

/// Finds replies in a stream.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    /// The line that is being read.
    line: Vec<u8>,
    /// Bytes of a bulk string, with its line end, still to come.
    bulk: u64,
    /// Whether the bulk string is the first element, whose text is wanted.
    wanted: bool,
    /// Elements still to come, for each open array.
    open: Vec<u64>,
    reply: Reply,
    /// Whether what is read is an attribute, which precedes its reply.
    attribute: bool,
    elements: u64,
}

/// How many replies at the front of `bytes`, at most `most`, are whole lines or whole values and no errors, and how long they are.
pub(crate) fn simple(bytes: &[u8], most: usize) -> (usize, usize) {
    let (mut at, mut count) = (0, 0);
    while count < most {
        let rest = &bytes[at..];
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            break;
        };
        let len = match rest[0] {
            b'+' | b':' | b'_' | b'#' | b',' | b'(' => end + 1,
            b'$' => {
                let digits = rest[1..end].strip_suffix(b"\r").unwrap_or_default();
                let text = std::str::from_utf8(digits).unwrap_or_default();
                match text.parse::<i64>() {
                    Ok(-1) => end + 1,
                    Ok(len @ 0..) => usize::try_from(len)
                        .unwrap_or(usize::MAX)
                        .saturating_add(end + 3),
                    _ => break,
                }
            }
            _ => break,
        };
        if len > rest.len() {
            break;
        }
        at += len;
        count += 1;
    }
    (at, count)
}

impl Replies {
    /// Whether what was read so far ends with a reply.
    pub(crate) fn is_between(&self) -> bool {
        self.open.is_empty() && self.bulk == 0 && self.line.is_empty() && !self.attribute
    }

    /// Reads on until a reply is complete or nothing is left; pushes the reply.
    pub(crate) fn read_one(
        &mut self,
        bytes: &mut &[u8],
        found: &mut Vec<Reply>,
    ) -> Result<(), Lost> {
        while !bytes.is_empty() && found.is_empty() {
            if self.bulk > 0 {
                let len = bytes
                    .len()
                    .min(usize::try_from(self.bulk).unwrap_or(usize::MAX));
                if self.wanted && self.reply.word.len() < 32 {
                    let word = String::from_utf8_lossy(&bytes[..len.min(32)]);
                    self.reply.word.push_str(word.trim_end());
                }
                self.bulk -= len as u64;
                *bytes = &bytes[len..];
                if self.bulk == 0 {
                    self.wanted = false;
                    self.element(found);
                }
                continue;
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            let room = KEPT.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            *bytes = &bytes[end.map_or(bytes.len(), |end| end + 1)..];
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                self.header(&line, found)?;
            }
        }
        Ok(())
    }

    fn header(&mut self, line: &[u8], found: &mut Vec<Reply>) -> Result<(), Lost> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (kind, rest) = line.split_first().ok_or(Lost::Strange)?;
        let text = String::from_utf8_lossy(rest).into_owned();
        let number = || text.parse::<i64>().map_err(|_| Lost::Strange);
        let top = self.open.is_empty();
        let len = match kind {
            b'$' | b'=' | b'!' | b'*' | b'>' | b'~' => number()?,
            b'%' | b'|' => number()?.saturating_mul(2),
            b':' => {
                let number = number()?;
                if self.open.len() == 1 {
                    self.reply.last = Some(number);
                }
                0
            }
            b'+' | b'-' | b'_' | b'#' | b',' | b'(' => 0,
            _ => return Err(Lost::Strange),
        };
        if top {
            self.reply = Reply {
                kind: *kind,
                line: text,
                ..Reply::default()
            };
            self.attribute = *kind == b'|';
            self.elements = 0;
        } else if self.open.len() == 1 {
            self.elements += 1;
            if self.elements == 1 && *kind == b'+' {
                self.reply.word = text;
            }
        }
        match kind {
            b'$' | b'=' | b'!' if len >= 0 => {
                self.bulk = len.unsigned_abs() + 2;
                self.wanted = self.open.len() == 1 && self.elements == 1;
            }
            b'*' | b'>' | b'~' | b'%' | b'|' if len > 0 => {
                if self.open.len() == DEEPEST {
                    return Err(Lost::Strange);
                }
                self.open.push(len.unsigned_abs());
            }
            _ => self.element(found),
        }
        Ok(())
    }

    /// One element is complete, and with it perhaps the arrays that it ends.
    fn element(&mut self, found: &mut Vec<Reply>) {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
        if !std::mem::take(&mut self.attribute) {
            found.push(std::mem::take(&mut self.reply));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(char, &str, &str)]) {
        for size in [1, 2, 3, 7, text.len()] {
            let (mut replies, mut found) = (Replies::default(), Vec::new());
            for mut chunk in text.as_bytes().chunks(size) {
                while !chunk.is_empty() {
                    let mut one = Vec::new();
                    replies.read_one(&mut chunk, &mut one).expect("replies");
                    found.append(&mut one);
                }
            }
            let seen: Vec<_> = found
                .iter()
                .map(|reply| {
                    (
                        char::from(reply.kind),
                        reply.line.as_str(),
                        reply.word.as_str(),
                    )
                })
                .collect();
            assert_eq!(seen, expected, "{text:?} by {size}");
        }
    }

    #[test]
    fn simple_replies_are_counted_and_nothing_else() {
        for (text, most, expected) in [
            ("+OK\r\n:1\r\n$-1\r\n$2\r\nab\r\n", 9, (22, 4)),
            ("+OK\r\n+OK\r\n", 1, (5, 1)),
            ("$0\r\n\r\n-ERR no\r\n", 9, (6, 1)),
            ("+OK\r\n*1\r\n:1\r\n", 9, (5, 1)),
            ("+OK\r\n$5\r\nab", 9, (5, 1)),
            ("$x\r\n", 9, (0, 0)),
            ("+O", 9, (0, 0)),
            ("", 9, (0, 0)),
        ] {
            assert_eq!(simple(text.as_bytes(), most), expected, "{text:?}");
        }
    }

    #[test]
    fn replies_are_found_however_they_are_split() {
        check("+OK\r\n:12\r\n", &[('+', "OK", ""), (':', "12", "")]);
        check(
            "$-1\r\n$5\r\na\r\nb!\r\n",
            &[('$', "-1", ""), ('$', "5", "")],
        );
        check(
            "*2\r\n*1\r\n:1\r\n$0\r\n\r\n_\r\n",
            &[('*', "2", ""), ('_', "", "")],
        );
        check(
            "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n",
            &[('*', "3", "message")],
        );
        check(
            "|1\r\n+ttl\r\n:3\r\n+OK\r\n*0\r\n*-1\r\n",
            &[('+', "OK", ""), ('*', "0", ""), ('*', "-1", "")],
        );
        check(
            "%1\r\n+a\r\n#t\r\n-ERR no\r\n",
            &[('%', "1", "a"), ('-', "ERR no", "")],
        );
    }
}
