//! The values bound by a `Bind` message.

use super::messages::Fields;
use crate::{sql::Bound, text};

/// What a `Bind` says.
pub(super) struct Bind {
    pub(super) portal: String,
    pub(super) statement: String,
    pub(super) values: Vec<Value>,
}

/// One value as it was sent.
pub(super) struct Value {
    pub(super) binary: bool,
    /// `None` of a null.
    pub(super) bytes: Option<Vec<u8>>,
}

/// Bytes of a value that are read.
const LONGEST: usize = 4096;

/// Reads a `Bind`; values that it lacks are left out.
pub(super) fn bind(body: &[u8]) -> Option<Bind> {
    let mut fields = Fields(body);
    let (portal, statement) = (fields.text()?, fields.text()?);
    let mut values = Vec::new();
    let _ = read_values(&mut fields, &mut values);
    Some(Bind {
        portal,
        statement,
        values,
    })
}

fn read_values(fields: &mut Fields<'_>, values: &mut Vec<Value>) -> Option<()> {
    let mut formats = Vec::new();
    for _ in 0..fields.short()? {
        formats.push(fields.short()? == 1);
    }
    for number in 0..usize::from(fields.short()?) {
        let len = fields.long()?;
        let bytes = match usize::try_from(len) {
            Ok(len) if len != 0xffff_ffff => Some(fields.bytes(len)?),
            _ => None,
        };
        let binary = match formats.as_slice() {
            [] => false,
            [one] => *one,
            several => several.get(number).copied().unwrap_or(false),
        };
        values.push(Value {
            binary,
            bytes: bytes.map(|bytes| bytes[..bytes.len().min(LONGEST)].to_vec()),
        });
    }
    Some(())
}

impl Value {
    /// It as SQL would write it, given the type of its parameter (0: not known).
    pub(super) fn bound(&self, kind: u32) -> Bound {
        let Some(bytes) = &self.bytes else {
            return Bound::Null;
        };
        if self.binary {
            return binary(bytes, kind).unwrap_or(Bound::Unknown);
        }
        let text = text::readable(bytes);
        // A number of a type that is not said may be a text of digits, and rows compare alike either way.
        if matches!(kind, 20 | 21 | 23 | 26 | 700 | 701 | 1700) {
            Bound::Number(text)
        } else {
            Bound::Text(text)
        }
    }
}

/// A value in the binary format of its type, by the numbers of `pg_type`.
fn binary(bytes: &[u8], kind: u32) -> Option<Bound> {
    let whole = || {
        let number = match bytes.len() {
            2 => i64::from(i16::from_be_bytes(bytes.try_into().ok()?)),
            4 => i64::from(i32::from_be_bytes(bytes.try_into().ok()?)),
            8 => i64::from_be_bytes(bytes.try_into().ok()?),
            _ => return None,
        };
        Some(Bound::Number(number.to_string()))
    };
    match kind {
        16 => Some(Bound::Text(
            if *bytes.first()? == 0 { "f" } else { "t" }.to_owned(),
        )),
        20 | 21 | 23 => whole(),
        26 => Some(Bound::Number(
            u32::from_be_bytes(bytes.try_into().ok()?).to_string(),
        )),
        700 => Some(Bound::Number(
            f32::from_be_bytes(bytes.try_into().ok()?).to_string(),
        )),
        701 => Some(Bound::Number(
            f64::from_be_bytes(bytes.try_into().ok()?).to_string(),
        )),
        18 | 19 | 25 | 114 | 142 | 705 | 1042 | 1043 => Some(Bound::Text(text::readable(bytes))),
        3802 => Some(Bound::Text(text::readable(bytes.get(1..)?))),
        2950 if bytes.len() == 16 => Some(Bound::Text(uuid(bytes))),
        17 => {
            let hex = bytes.iter().map(|byte| format!("{byte:02x}"));
            Some(Bound::Text(format!("\\x{}", hex.collect::<String>())))
        }
        // Of a type that is not said, what reads as text is text; a number of 4 or 8 bytes may read as one.
        0 if !matches!(bytes.len(), 1 | 2 | 4 | 8) => {
            let text = std::str::from_utf8(bytes).ok()?;
            (!text.chars().any(char::is_control)).then(|| Bound::Text(text.to_owned()))
        }
        _ => None,
    }
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_format_and_type() {
        let mut body = b"\0s1\0".to_vec();
        body.extend([0, 2, 0, 0, 0, 1, 0, 3]);
        body.extend([
            0, 0, 0, 2, b'o', b'1', 0, 0, 0, 4, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff,
        ]);
        body.extend([0, 0]);
        let read = bind(&body).expect("a Bind");
        assert_eq!(read.statement, "s1");
        let values: Vec<Bound> = read
            .values
            .iter()
            .zip([25, 23, 25])
            .map(|(value, kind)| value.bound(kind))
            .collect();
        assert_eq!(
            values,
            [
                Bound::Text("o1".into()),
                Bound::Number("7".into()),
                Bound::Null
            ]
        );
        for len in 0..body.len() {
            let _ = bind(&body[..len]);
        }
    }

    #[test]
    fn binary_values() {
        for (bytes, kind, expected) in [
            (&b"o1"[..], 25, Some(Bound::Text("o1".into()))),
            (&(-5i64).to_be_bytes(), 20, Some(Bound::Number("-5".into()))),
            (
                &1.5f64.to_be_bytes(),
                701,
                Some(Bound::Number("1.5".into())),
            ),
            (b"\x01{}", 3802, Some(Bound::Text("{}".into()))),
            (b"o1abc", 0, Some(Bound::Text("o1abc".into()))),
            (&7i32.to_be_bytes(), 0, None),
            (b"abc", 20, None),
            (b"", 16, None),
        ] {
            assert_eq!(binary(bytes, kind), expected, "{kind}");
        }
    }
}
