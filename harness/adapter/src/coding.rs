//! From the bytes of a body to its text: content codings undone, charsets read, marks at the beginning left out.
//!
//! Knows nothing of what a text means. A body that cannot be read is said to be so: what nobody read proves nothing.

use std::io::Read;

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hyper::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};

/// What the harness says it can decode.
pub(crate) const ACCEPTED: &str = "gzip, deflate, br";

/// A body as a phone reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plain {
    /// UTF-8 if the body is text; as far as it could be decoded if it could not be read to its end.
    pub body: Bytes,
    /// Why it could not be read.
    pub(crate) unreadable: Option<String>,
}

/// Decodes `body` as its headers say, to at most `limit` bytes.
pub(crate) fn plain(headers: &HeaderMap, body: &Bytes, limit: usize) -> Plain {
    let (body, damaged) = uncompressed(headers, body, limit);
    if damaged.is_some() {
        return Plain {
            body,
            unreadable: damaged,
        };
    }
    match in_utf8(headers, &body, limit) {
        Ok(None) => Plain {
            body,
            unreadable: None,
        },
        Ok(Some(text)) => Plain {
            body: text.into(),
            unreadable: None,
        },
        Err(why) => Plain {
            body,
            unreadable: Some(why),
        },
    }
}

fn uncompressed(headers: &HeaderMap, body: &Bytes, limit: usize) -> (Bytes, Option<String>) {
    let mut body = body.clone();
    let lines = headers.get_all(CONTENT_ENCODING).iter();
    let codings: Vec<String> = lines
        .flat_map(|line| {
            let line = String::from_utf8_lossy(line.as_bytes()).to_ascii_lowercase();
            line.split(',')
                .map(|coding| coding.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    // The last coding was applied last.
    for coding in codings.iter().rev() {
        if body.is_empty() {
            break;
        }
        let (decoded, error) = match coding.as_str() {
            "" | "identity" | "none" => continue,
            "gzip" | "x-gzip" => read(MultiGzDecoder::new(&body[..]), limit),
            "deflate" => {
                // The name means zlib; some servers send the bare stream inside it.
                let (decoded, error) = read(ZlibDecoder::new(&body[..]), limit);
                match error {
                    Some(_) if decoded.is_empty() => read(DeflateDecoder::new(&body[..]), limit),
                    error => (decoded, error),
                }
            }
            "br" => read(
                brotli_decompressor::Decompressor::new(&body[..], 4096),
                limit,
            ),
            // A misplaced charset ("Content-Encoding: utf-8") is what clients pass over, if text is what came.
            _ if is_text(&body) => continue,
            other => {
                return (
                    body,
                    Some(format!(
                        "its Content-Encoding is `{other}`, which is neither of gzip, deflate and br"
                    )),
                );
            }
        };
        if let Some(error) = error {
            let kept = if decoded.is_empty() {
                body
            } else {
                decoded.into()
            };
            return (
                kept,
                Some(format!("its Content-Encoding is `{coding}`, but {error}")),
            );
        }
        body = decoded.into();
    }
    (body, None)
}

/// Reads to the end, to the limit, or to where the stream is damaged.
fn read(stream: impl Read, limit: usize) -> (Vec<u8>, Option<String>) {
    let mut decoded = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let outcome = stream.take(most).read_to_end(&mut decoded);
    let error = match outcome {
        Err(error) => Some(format!("the stream is damaged ({error})")),
        Ok(_) if decoded.len() > limit => Some(format!("it is larger than {limit} bytes decoded")),
        Ok(_) => None,
    };
    decoded.truncate(limit);
    (decoded, error)
}

fn is_text(body: &[u8]) -> bool {
    std::str::from_utf8(body).is_ok_and(|text| !text.contains('\0'))
}

/// The text in UTF-8 without a mark at its beginning; `None` if the body is that already, or is no text.
fn in_utf8(headers: &HeaderMap, body: &[u8], limit: usize) -> Result<Option<Vec<u8>>, String> {
    if let Some((encoding, mark)) = Encoding::for_bom(body) {
        let rest = &body[mark..];
        return decode(encoding, rest, limit).map_or_else(
            || {
                Err(format!(
                    "it begins with the mark of {}, and is not that",
                    encoding.name()
                ))
            },
            |text| Ok(Some(text)),
        );
    }
    let Some(label) = charset(headers).or_else(|| declared_in_xml(body)) else {
        return Ok(None);
    };
    let Some(encoding) = Encoding::for_label(label.as_bytes()) else {
        return if is_text(body) {
            Ok(None)
        } else {
            Err(format!("its charset is `{label}`, which is not known"))
        };
    };
    let is_utf8 = is_text(body);
    if encoding == UTF_8 || encoding.is_single_byte() && is_utf8 {
        // Servers write ISO-8859-1 by default over JSON in UTF-8, and no other text is valid UTF-8 by chance.
        return Ok(None);
    }
    let encoding = match encoding {
        // Without a mark the name leaves the order of the bytes open; text begins with a letter of ASCII.
        little if little == UTF_16LE && body.first() == Some(&0) => UTF_16BE,
        other => other,
    };
    match decode(encoding, body, limit) {
        Some(text) => Ok(Some(text)),
        // A label that cannot be true, over text in UTF-8.
        None if is_utf8 => Ok(None),
        None => Err(format!("its charset is `{label}`, and it is not that")),
    }
}

/// `None` if the bytes are not text of this encoding, or too many.
fn decode(encoding: &'static Encoding, body: &[u8], limit: usize) -> Option<Vec<u8>> {
    let (text, damaged) = encoding.decode_without_bom_handling(body);
    (!damaged && text.len() <= limit.saturating_mul(3)).then(|| text.into_owned().into_bytes())
}

fn charset(headers: &HeaderMap) -> Option<String> {
    let line = String::from_utf8_lossy(headers.get(CONTENT_TYPE)?.as_bytes()).into_owned();
    line.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (name.trim().eq_ignore_ascii_case("charset") && !value.is_empty()).then(|| value.to_owned())
    })
}

/// `<?xml version="1.0" encoding="GBK"?>`, where the headers say nothing.
fn declared_in_xml(body: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
    let declaration = head
        .trim_start()
        .strip_prefix("<?xml")?
        .split("?>")
        .next()?;
    let after = declaration.split_once("encoding")?.1;
    let quoted = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = quoted.chars().next().filter(|c| ['"', '\''].contains(c))?;
    quoted[1..].split(quote).next().map(str::to_owned)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };

    use super::*;

    const TEXT: &str = r#"{"token":"0123456789abcdef","id":"u1"}"#;
    const LIMIT: usize = 1 << 20;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        pairs.collect()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn bare(text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn reads(pairs: &[(&'static str, &str)], body: &[u8], expected: &str) {
        let found = plain(&headers(pairs), &Bytes::copy_from_slice(body), LIMIT);
        assert_eq!(found.unreadable, None, "{pairs:?}");
        assert_eq!(String::from_utf8_lossy(&found.body), expected, "{pairs:?}");
    }

    fn cannot_read(pairs: &[(&'static str, &str)], body: &[u8], part: &str) {
        let found = plain(&headers(pairs), &Bytes::copy_from_slice(body), LIMIT);
        let why = found.unreadable.unwrap_or_default();
        assert!(why.contains(part) && !part.is_empty(), "{why}");
        assert!(found.body.len() <= LIMIT);
    }

    #[test]
    fn codings_are_undone_in_turn() {
        let coded = |name: &str, body: &[u8]| reads(&[("content-encoding", name)], body, TEXT);
        coded("gzip", &gzip(TEXT.as_bytes()));
        coded("X-GZIP", &gzip(TEXT.as_bytes()));
        coded("deflate", &zlib(TEXT.as_bytes()));
        coded("deflate", &bare(TEXT.as_bytes()));
        coded("deflate, gzip", &gzip(&zlib(TEXT.as_bytes())));
        coded("identity", TEXT.as_bytes());
        coded("utf-8", TEXT.as_bytes());
        let brotli =
            "8b12807b22746f6b656e223a2230313233343536373839616263646566222c226964223a227531227d03";
        coded("br", &hex::decode(brotli).unwrap());
        reads(&[("content-encoding", "gzip")], b"", "");
        let two = [gzip(&TEXT.as_bytes()[..9]), gzip(&TEXT.as_bytes()[9..])].concat();
        coded("gzip", &two);
    }

    #[test]
    fn what_cannot_be_decoded_is_said_and_bounded() {
        let coded = |name: &str, body: &[u8], part: &str| {
            cannot_read(&[("content-encoding", name)], body, part);
        };
        let whole = gzip(TEXT.as_bytes());
        coded("gzip", TEXT.as_bytes(), "`gzip`, but the stream is damaged");
        coded("gzip", &whole[..whole.len() - 9], "damaged");
        coded("br", b"\xff\xff\xff", "damaged");
        coded("zstd", b"\x28\xb5\x2f\xfd\x04", "`zstd`, which is neither");
        coded(
            "gzip",
            &gzip(&vec![b'x'; 64 << 20]),
            "larger than 1048576 bytes",
        );
        coded("gzip, gzip", &gzip(&gzip(&vec![b'x'; 64 << 20])), "larger");
    }

    #[test]
    fn charsets_are_read_as_they_are_named() {
        let said = |kind: &str, body: &[u8]| {
            reads(&[("content-type", kind)], body, "{\"nick\":\"张三\"}");
        };
        let text = "{\"nick\":\"张三\"}";
        let utf16 = |big: bool, mark: bool| -> Vec<u8> {
            let units = mark
                .then_some(0xfeff)
                .into_iter()
                .chain(text.encode_utf16());
            let bytes = units.map(|unit: u16| {
                if big {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            });
            bytes.flatten().collect()
        };
        let gbk = encoding_rs::GBK.encode(text).0;
        said("application/json", text.as_bytes());
        said("application/json; charset=GBK", &gbk);
        said("text/plain;charset=\"gb2312\"", &gbk);
        said("application/json;charset=gb18030", &gbk);
        said("text/html; charset=ISO-8859-1", text.as_bytes());
        said("application/json; charset=utf8mb4", text.as_bytes());
        said("application/json; charset=utf-16", &utf16(false, false));
        said("application/json; charset=utf-16", &utf16(true, false));
        said("application/json", &utf16(false, true));
        said("application/json", &utf16(true, true));
        said(
            "application/json",
            &[b"\xef\xbb\xbf", text.as_bytes()].concat(),
        );
        let big5 = encoding_rs::BIG5.encode("張三").0;
        reads(
            &[("content-type", "text/plain; charset=big5")],
            &big5,
            "張三",
        );
        let sjis = encoding_rs::SHIFT_JIS.encode("山田").0;
        reads(
            &[("content-type", "text/plain; charset=Shift_JIS")],
            &sjis,
            "山田",
        );
        reads(
            &[("content-type", "text/plain; charset=latin1")],
            b"caf\xe9",
            "café",
        );
        let xml = "<?xml version='1.0' encoding='GBK'?><r>张三</r>";
        reads(&[], &encoding_rs::GBK.encode(xml).0, xml);
        let both = [
            ("content-type", "text/plain; charset=gbk"),
            ("content-encoding", "gzip"),
        ];
        reads(&both, &gzip(&gbk), text);
    }

    #[test]
    fn a_wrong_charset_is_said() {
        let said = |kind: &str, body: &[u8], part: &str| {
            cannot_read(&[("content-type", kind)], body, part);
        };
        said(
            "text/plain; charset=gbk",
            b"\xff\xff\xff",
            "`gbk`, and it is not that",
        );
        said(
            "text/plain; charset=klingon",
            b"\xb5\xb5",
            "`klingon`, which is not known",
        );
        said("text/plain", b"\xff\xfe\x00\xd8", "mark of UTF-16LE");
    }

    #[test]
    fn bytes_that_name_no_charset_stay_as_they_are() {
        let found = plain(
            &HeaderMap::new(),
            &Bytes::from_static(b"\x89PNG\xff"),
            LIMIT,
        );
        assert_eq!(found.body, &b"\x89PNG\xff"[..]);
        assert_eq!(found.unreadable, None);
    }
}
