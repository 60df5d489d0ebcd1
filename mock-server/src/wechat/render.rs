//! Answers as bytes: the two error dialects, content types, the rid, the head. Knows no endpoint's fields.

use std::cell::RefCell;
use std::fmt::Write;
use std::net::IpAddr;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{
    CONNECTION, CONTENT_DISPOSITION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue,
};
use hyper::http::response::Parts;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use wxmock_world::{AppId, Effect, KeyNo, Refusal, Seq, Shape, UnixMs, World, WxError, errcode};

use super::json::Object;

/// WeCom's page about an errcode, up to the errcode.
const WECOM_PAGE: &str = "https://open.work.weixin.qq.com/devtool/query?e=";

/// How a family of paths words its errors and names its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `/sns/…`: a comma before the rid, `\/`, `text/plain` without a charset.
    Sns,
    /// `/cgi-bin/…`, `/wxa/…` and everything else: no comma, plain slashes, `application/json; encoding=utf-8`.
    Plain,
    /// As `Plain`; only getuserphonenumber's 40029 still carries a hint before the rid.
    Hinted,
    /// WeCom's: no rid, but a hint of 25 digits (the Unix time first), the caller's address and a page about the errcode;
    /// errors are also in two headers. Source: captures of `qyapi.weixin.qq.com`, 2022 to 2026.
    Wecom,
}

impl Dialect {
    /// The dialect of a path that is not played: that of its family.
    pub(super) fn of_prefix(path: &str) -> Self {
        if path.starts_with("/sns/") {
            Self::Sns
        } else {
            Self::Plain
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Sns => "text/plain",
            Self::Plain | Self::Hinted => "application/json; encoding=utf-8",
            Self::Wecom => "application/json; charset=UTF-8",
        }
    }

    fn escapes_slashes(self) -> bool {
        self == Self::Sns
    }

    /// `at` and `from` are the moment and the caller, which only WeCom mentions.
    fn wording(self, error: &WxError, rid: &str, at: UnixMs, from: IpAddr) -> String {
        if self == Self::Wecom {
            let WxError { errcode, errmsg } = error;
            let (seconds, rest) = (at.seconds(), mix(rid) % 1_000_000_000_000_000);
            let from = from.to_canonical();
            return format!(
                "{errmsg}, hint: [{seconds}{rest:015}], from ip: {from}, more info at {WECOM_PAGE}{errcode}"
            );
        }
        let comma = if self == Self::Sns { "," } else { "" };
        let mut text = String::with_capacity(96);
        text.push_str(&error.errmsg);
        // The world gives its own 40029 a hint; one that a fault asks for gets it here.
        if self == Self::Hinted && *error == errcode::INVALID_CODE {
            let _ = write!(text, " hint: [{}]", hint(rid));
        }
        let _ = write!(text, "{comma} rid: {rid}");
        text
    }
}

/// An answer before it becomes a head and a body, with what the call's record says of it.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) status: StatusCode,
    /// `None` sends no such header.
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Bytes,
    /// The moment of the `Date` header and of the rid.
    ///
    /// The app's virtual time: captures show that on the wire both are one clock, so a client that reads either sees one.
    pub(super) date: UnixMs,
    pub(super) rid: Option<String>,
    pub(super) errcode: Option<i64>,
    pub(super) seq: Option<Seq>,
    pub(super) key_no: Option<KeyNo>,
    /// Headers this answer has beside those of every answer.
    pub(super) extra: Vec<(HeaderName, HeaderValue)>,
    /// Why it is a refusal, as far as there is more to say than its errcode does.
    pub(super) why: Option<Box<Refusal>>,
}

impl Rendered {
    /// A success, or an error that carries its own body.
    pub(super) fn new<T>(
        dialect: Dialect,
        effect: &Effect<T>,
        shape: Option<&Shape>,
        object: &Object<'_>,
    ) -> Self {
        let escape = dialect.escapes_slashes() && shape.is_none_or(|shape| shape.slash_escape);
        Self {
            status: StatusCode::OK,
            content_type: content_type(dialect, shape),
            body: object.write(escape).into(),
            date: effect.at,
            rid: None,
            errcode: shape.filter(|shape| shape.errcode_zero).map(|_| 0),
            seq: Some(effect.seq),
            key_no: None,
            extra: Vec::new(),
            why: None,
        }
    }

    /// An empty answer with a status of its own.
    pub(super) fn empty(status: StatusCode, date: UnixMs) -> Self {
        Self {
            status,
            content_type: None,
            body: Bytes::new(),
            date,
            rid: None,
            errcode: None,
            seq: None,
            key_no: None,
            extra: Vec::new(),
            why: None,
        }
    }

    /// `{"errcode":0,"errmsg":"ok"}`.
    pub(super) fn done<T>(dialect: Dialect, effect: &Effect<T>) -> Self {
        let object = Object::new().number("errcode", 0).text("errmsg", "ok");
        Self::new(dialect, effect, None, &object).with_errcode(0)
    }

    /// Raw bytes under a content type and a name of their own.
    pub(super) fn attachment(
        date: UnixMs,
        seq: Seq,
        bytes: Vec<u8>,
        content_type: HeaderValue,
        disposition: HeaderValue,
    ) -> Self {
        Self {
            content_type: Some(content_type),
            body: bytes.into(),
            extra: vec![(CONTENT_DISPOSITION, disposition)],
            seq: Some(seq),
            ..Self::empty(StatusCode::OK, date)
        }
    }

    /// The same answer with the errcode its body carries, for the record.
    pub(super) fn with_errcode(mut self, errcode: i64) -> Self {
        self.errcode = Some(errcode);
        self
    }

    /// The same answer with the key its command revealed, for the record.
    pub(super) fn with_key(mut self, key_no: KeyNo) -> Self {
        self.key_no = Some(key_no);
        self
    }

    /// Head and body. The head is the captured set and no more: no `Server`, no caching headers; names in title case.
    pub(super) fn into_parts(self, keep_alive: bool) -> (Parts, Bytes) {
        let (mut parts, ()) = hyper::Response::new(()).into_parts();
        parts.status = self.status;
        // Room for all that any answer has. One header more, and the map would take a kilobyte, which allocators ask the
        // slow way.
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(
            CONNECTION,
            HeaderValue::from_static(if keep_alive { "keep-alive" } else { "close" }),
        );
        if let Some(content_type) = self.content_type {
            headers.insert(CONTENT_TYPE, content_type);
        }
        headers.insert(DATE, http_date(self.date));
        headers.extend(
            self.extra
                .into_iter()
                .map(|(name, value)| (Some(name), value)),
        );
        // hyper adds Content-Length, which captures show in this last place.
        parts.headers = headers;
        (parts, self.body)
    }
}

/// A refusal in its family's dialect, with a rid of the app's own series.
pub(super) fn refusal(
    world: &mut World,
    at: UnixMs,
    app: Option<&AppId>,
    dialect: Dialect,
    seq: Option<Seq>,
    from: IpAddr,
    error: &WxError,
) -> Rendered {
    let rid = world.rid(app, at);
    let text = dialect.wording(error, &rid, at, from);
    let shape = app
        .and_then(|app| world.policy(app, None).ok())
        .map(|policy| policy.shape);
    let object = Object::new()
        .number("errcode", error.errcode)
        .text("errmsg", &text);
    let effect = Effect {
        seq: seq.unwrap_or(Seq(0)),
        at,
        reply: (),
    };
    let mut rendered =
        Rendered::new(dialect, &effect, shape.as_ref(), &object).with_errcode(error.errcode);
    rendered.seq = seq;
    if dialect == Dialect::Wecom {
        rendered.extra = wecom_headers(error.errcode, &text);
    } else {
        rendered.rid = Some(rid);
    }
    rendered
}

/// The two headers in which WeCom repeats an error. Whether a success has them is unknown; here it has not.
fn wecom_headers(errcode: i64, errmsg: &str) -> Vec<(HeaderName, HeaderValue)> {
    // A text that is not ASCII is left out: whether WeCom would put it into a header, and in which encoding, is unknown.
    let message = Some(errmsg).filter(|errmsg| errmsg.is_ascii());
    let message = message.and_then(|errmsg| HeaderValue::from_str(errmsg).ok());
    let message = message.map(|message| (HeaderName::from_static("error-msg"), message));
    let code = (HeaderName::from_static("error-code"), errcode.into());
    [Some(code), message].into_iter().flatten().collect()
}

fn content_type(dialect: Dialect, shape: Option<&Shape>) -> Option<HeaderValue> {
    let own = || HeaderValue::from_static(dialect.content_type());
    let chosen = shape.and_then(|shape| shape.content_type.as_deref());
    Some(
        chosen
            .and_then(|chosen| HeaderValue::from_str(chosen).ok())
            .unwrap_or_else(own),
    )
}

thread_local! {
    /// The last date written on this thread, by its second: the next answer mostly has the same.
    static WRITTEN: RefCell<(i64, HeaderValue)> =
        const { RefCell::new((i64::MIN, HeaderValue::from_static(""))) };
}

/// `Thu, 22 Aug 2024 01:37:53 GMT`
fn http_date(at: UnixMs) -> HeaderValue {
    let second = at.0.div_euclid(1_000);
    WRITTEN.with_borrow_mut(|written| {
        if written.0 != second {
            *written = (second, write_date(second));
        }
        written.1.clone()
    })
}

fn write_date(second: i64) -> HeaderValue {
    let moment = Timestamp::from_second(second).unwrap_or_default();
    let text = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&moment)
        .unwrap_or_default();
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// Sixteen characters that look random and follow from the rid, so that the same run gives the same bytes.
fn hint(rid: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // A linear congruential step a character: any mixing would do.
    let mut state = mix(rid);
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(ALPHABET[(state >> 58) as usize])
    };
    (0..16).map(next).collect()
}

/// A number that looks random and follows from a text: FNV-1a.
fn mix(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RID: &str = "66c69111-4157f271-729ca238";

    fn check(dialect: Dialect, error: &WxError, expected: &str) {
        let (at, from) = (UnixMs(1_686_402_237_000), IpAddr::from([127, 0, 0, 1]));
        assert_eq!(dialect.wording(error, RID, at, from), expected);
    }

    #[test]
    fn each_family_words_its_errors_its_own_way() {
        let code = &errcode::INVALID_CODE;
        check(
            Dialect::Sns,
            code,
            "invalid code, rid: 66c69111-4157f271-729ca238",
        );
        check(
            Dialect::Plain,
            &errcode::INVALID_APPID,
            "invalid appid rid: 66c69111-4157f271-729ca238",
        );
        check(
            Dialect::of_prefix("/elsewhere"),
            code,
            "invalid code rid: 66c69111-4157f271-729ca238",
        );
        let hinted = format!("invalid code hint: [{}] rid: {RID}", hint(RID));
        check(Dialect::Hinted, code, &hinted);
        check(
            Dialect::Hinted,
            &errcode::INVALID_APPID,
            &format!("invalid appid rid: {RID}"),
        );
    }

    #[test]
    fn wecom_names_the_moment_the_caller_and_a_page() {
        let rest = mix(RID) % 1_000_000_000_000_000;
        let expected = format!(
            "invalid code, hint: [1686402237{rest:015}], from ip: 127.0.0.1, more info at https://open.work.weixin.qq.com/devtool/query?e=40029"
        );
        check(Dialect::Wecom, &errcode::INVALID_CODE, &expected);
    }

    #[test]
    fn hints_have_sixteen_characters_and_follow_the_rid() {
        assert_eq!(hint(RID).len(), 16);
        assert_eq!(hint(RID), hint(RID));
        assert_ne!(hint(RID), hint("66c69111-4157f271-729ca239"));
    }

    #[test]
    fn dates_are_written_as_http_wants_them() {
        // The moment of the capture whose rid begins with 66c69111.
        assert_eq!(
            http_date(UnixMs(0x66c6_9111 * 1_000)),
            "Thu, 22 Aug 2024 01:14:57 GMT"
        );
        assert_eq!(http_date(UnixMs(i64::MAX)), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
