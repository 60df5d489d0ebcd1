//! The values bound to a prepared statement.

use std::collections::BTreeSet;

use super::packets::Fields;
use crate::sql::Bound;

const UNSIGNED: u16 = 0x8000;

/// Reads the values of `COM_STMT_EXECUTE` behind its fixed part. `types` are those of the last execution, and are renewed where the
/// packet brings new ones; `long` are the parameters that were sent ahead. Of all `count`, the first `wanted` are read. What cannot be
/// read is [`Bound::Unknown`].
pub(super) fn read(
    fields: &mut Fields<'_>,
    (count, wanted): (usize, usize),
    types: &mut Vec<u16>,
    long: &BTreeSet<u16>,
) -> Vec<Bound> {
    let mut values = Vec::new();
    if count > 0 {
        // Too short a packet leaves the rest unread.
        let _ = read_values(fields, (count, wanted), types, long, &mut values);
        values.resize(wanted, Bound::Unknown);
    }
    values
}

fn read_values(
    fields: &mut Fields<'_>,
    (count, wanted): (usize, usize),
    types: &mut Vec<u16>,
    long: &BTreeSet<u16>,
    values: &mut Vec<Bound>,
) -> Option<()> {
    let nulls = fields.bytes(count.div_ceil(8))?;
    if fields.number(1)? == 1 {
        types.clear();
        for _ in 0..count {
            types.push(u16::try_from(fields.number(2)?).ok()?);
        }
    }
    for number in 0..wanted {
        let is_null = nulls[number / 8] >> (number % 8) & 1 == 1;
        let kind = *types.get(number)?;
        let value = if is_null {
            Bound::Null
        } else if long.contains(&u16::try_from(number).ok()?) {
            Bound::Unknown
        } else {
            value(fields, kind)?
        };
        values.push(value);
    }
    Some(())
}

fn value(fields: &mut Fields<'_>, kind: u16) -> Option<Bound> {
    let unsigned = kind & UNSIGNED != 0;
    let whole = |len: usize, fields: &mut Fields<'_>| {
        let number = fields.number(len)?;
        let shift = 64 - 8 * u32::try_from(len).ok()?;
        Some(Bound::Number(if unsigned {
            number.to_string()
        } else {
            ((number << shift).cast_signed() >> shift).to_string()
        }))
    };
    match kind & 0xff {
        0x01 => whole(1, fields),
        0x02 | 0x0d => whole(2, fields),
        0x03 | 0x09 => whole(4, fields),
        0x08 => whole(8, fields),
        0x04 => {
            let bits = u32::try_from(fields.number(4)?).ok()?;
            Some(Bound::Number(f32::from_bits(bits).to_string()))
        }
        0x05 => Some(Bound::Number(f64::from_bits(fields.number(8)?).to_string())),
        0x06 => Some(Bound::Null),
        0x07 | 0x0a | 0x0c => {
            let len = usize::try_from(fields.number(1)?).ok()?;
            Some(date(&mut Fields(fields.bytes(len)?)))
        }
        0x0b => {
            let len = usize::try_from(fields.number(1)?).ok()?;
            fields.bytes(len)?;
            Some(Bound::Unknown)
        }
        _ => {
            let bytes = fields.string()?;
            Some(match std::str::from_utf8(bytes) {
                Ok(text) => Bound::Text(text.to_owned()),
                Err(_) => Bound::Text(crate::text::readable(bytes)),
            })
        }
    }
}

/// `2026-11-27 10:00:00`, as far as it was sent.
fn date(fields: &mut Fields<'_>) -> Bound {
    let mut next = |len| fields.number(len).unwrap_or(0);
    let (year, month, day) = (next(2), next(1), next(1));
    let (hour, minute, second) = (next(1), next(1), next(1));
    Bound::Text(format!(
        "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_by_their_types() {
        let mut packet = vec![0b10, 1];
        packet.extend([8, 0, 0xfd, 0, 0xfd, 0, 3, 0x80, 5, 0]);
        packet.extend((-7i64).to_le_bytes());
        packet.extend([2, b'o', b'1']);
        packet.extend(4_000_000_000u32.to_le_bytes());
        packet.extend(1.5f64.to_le_bytes());
        let mut types = Vec::new();
        let expected = [
            Bound::Number("-7".into()),
            Bound::Null,
            Bound::Text("o1".into()),
            Bound::Number("4000000000".into()),
            Bound::Number("1.5".into()),
        ];
        let none = BTreeSet::new();
        assert_eq!(
            read(&mut Fields(&packet), (5, 5), &mut types, &none),
            expected
        );
        // A second execution may leave the types out.
        packet.drain(1..12);
        packet.insert(1, 0);
        assert_eq!(
            read(&mut Fields(&packet), (5, 5), &mut types, &none),
            expected
        );
        // Cut anywhere, what is missing is unknown.
        for len in 0..packet.len() {
            let values = read(&mut Fields(&packet[..len]), (5, 5), &mut types, &none);
            assert_eq!(values.len(), 5);
        }
    }
}
