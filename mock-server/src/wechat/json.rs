//! JSON as WeChat writes it: compact, fields in a fixed order, `/` escaped or not. Knows no field by name.

use wxmock_world::{FieldOrder, Shape};

/// A value of a flat object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A string, escaped when written.
    Text(&'a str),
    /// A number.
    Number(i64),
    /// JSON already.
    Json(&'a str),
}

/// The fields of an object, in WeChat's order.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    fields: Vec<(&'static str, Value<'a>)>,
}

impl<'a> Object<'a> {
    pub(super) fn new() -> Self {
        Self {
            fields: Vec::with_capacity(8),
        }
    }

    pub(super) fn text(mut self, name: &'static str, value: &'a str) -> Self {
        self.fields.push((name, Value::Text(value)));
        self
    }

    pub(super) fn number(mut self, name: &'static str, value: i64) -> Self {
        self.fields.push((name, Value::Number(value)));
        self
    }

    pub(super) fn json(mut self, name: &'static str, value: &'a str) -> Self {
        self.fields.push((name, Value::Json(value)));
        self
    }

    /// The same object with the legal variations a backend must survive.
    pub(super) fn shaped(mut self, shape: &Shape) -> Self {
        if shape.errcode_zero {
            self = self.number("errcode", 0).text("errmsg", "ok");
        }
        if shape.extra_fields {
            // Names WeChat does not use, one of each JSON type, so that a strict reader shows itself.
            self = self
                .text("x_text", "")
                .number("x_number", 1)
                .json("x_list", "[{\"x\":null}]");
        }
        match shape.field_order {
            FieldOrder::Wechat => {}
            FieldOrder::Reversed => self.fields.reverse(),
            FieldOrder::Sorted => self.fields.sort_by_key(|(name, _)| *name),
        }
        self
    }

    /// The text, slashes as they are: for an object inside another.
    pub(super) fn into_text(self) -> String {
        String::from_utf8(self.write(false)).unwrap_or_default()
    }

    /// The bytes, with `/` written as `\/` or not.
    pub(super) fn write(&self, escape_slash: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        out.push(b'{');
        for (idx, (name, value)) in self.fields.iter().enumerate() {
            if idx > 0 {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            match value {
                Value::Text(text) => write_text(&mut out, text, escape_slash),
                Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
                Value::Json(json) => out.extend_from_slice(json.as_bytes()),
            }
        }
        out.push(b'}');
        out
    }
}

/// The bytes that are not always written as they are. Every answer is looked through, so this is a table.
const IS_SPECIAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = true;
        byte += 1;
    }
    table[b'"' as usize] = true;
    table[b'\\' as usize] = true;
    table[b'/' as usize] = true;
    table
};

fn write_text(out: &mut Vec<u8>, text: &str, escape_slash: bool) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    let is_special = |byte: &u8| IS_SPECIAL[usize::from(*byte)] && (*byte != b'/' || escape_slash);
    while let Some(at) = rest.iter().position(is_special) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte @ 0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            byte => out.extend_from_slice(&[b'\\', byte]),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(object: &Object<'_>, escape_slash: bool, expected: &str) {
        assert_eq!(
            String::from_utf8(object.write(escape_slash)).unwrap(),
            expected
        );
    }

    #[test]
    fn strings_are_escaped_and_slashes_on_request() {
        let object = Object::new().text("a", "x/y\"\\\n\u{1}é").number("b", -1);
        check(&object, true, r#"{"a":"x\/y\"\\\n\u0001é","b":-1}"#);
        check(&object, false, r#"{"a":"x/y\"\\\n\u0001é","b":-1}"#);
        check(&Object::new(), true, "{}");
    }

    #[test]
    fn shapes_add_fields_and_reorder() {
        let object = || Object::new().text("session_key", "k").text("openid", "o");
        let mut shape = Shape {
            errcode_zero: true,
            ..Shape::default()
        };
        check(
            &object().shaped(&shape),
            true,
            r#"{"session_key":"k","openid":"o","errcode":0,"errmsg":"ok"}"#,
        );
        shape.field_order = FieldOrder::Sorted;
        check(
            &object().shaped(&shape),
            true,
            r#"{"errcode":0,"errmsg":"ok","openid":"o","session_key":"k"}"#,
        );
        shape = Shape {
            extra_fields: true,
            field_order: FieldOrder::Reversed,
            ..Shape::default()
        };
        let expected =
            r#"{"x_list":[{"x":null}],"x_number":1,"x_text":"","openid":"o","session_key":"k"}"#;
        check(&object().shaped(&shape), true, expected);
    }
}
