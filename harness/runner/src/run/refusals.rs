//! What an operation was seen to answer to a token that is none and to data that does not open: an answer like one of them, and unlike
//! the other, says which of the two was refused.

use wxmock_adapter::RawAnswer;
use wxmock_model::history::ReloginCause;
use wxmock_model::proof::Probe;

/// The refusals of the proving. Empty before it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusals {
    seen: Vec<(String, ReloginCause, Shape)>,
}

/// An answer without what differs from one to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    status: Option<u16>,
    text: String,
}

impl Refusals {
    /// Keeps how operation `op` refused `probe`.
    pub(crate) fn note(&mut self, op: &str, probe: Probe, answer: &RawAnswer) {
        let cause = match probe {
            Probe::UnknownToken | Probe::NoToken => ReloginCause::Token,
            Probe::GarbagePayload | Probe::FalseSignature => ReloginCause::Key,
            _ => return,
        };
        self.seen.push((op.to_owned(), cause, Shape::of(answer)));
    }

    /// What `answer` of operation `op` refuses, if it is like the refusals of one kind only.
    pub(crate) fn refused(&self, op: &str, answer: &RawAnswer) -> Option<ReloginCause> {
        let of_op = |cause| {
            let seen = self.seen.iter();
            seen.filter(move |(of, kind, _)| of == op && *kind == cause)
        };
        let shape = Shape::of(answer);
        let [token, key] = [ReloginCause::Token, ReloginCause::Key].map(|cause| {
            (
                of_op(cause).count() > 0,
                of_op(cause).any(|(_, _, like)| *like == shape),
            )
        });
        match (token, key) {
            // Both kinds were seen, and the answer is like one of them.
            ((true, true), (true, false)) => Some(ReloginCause::Token),
            ((true, false), (true, true)) => Some(ReloginCause::Key),
            _ => None,
        }
    }
}

impl Shape {
    /// Words of eight and more characters that hold a digit are left out: times, ids of a request, hashes.
    fn of(answer: &RawAnswer) -> Self {
        let body = &answer.body[..answer.body.len().min(4096)];
        let body = String::from_utf8_lossy(body);
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | ':' | '.' | '+' | '_');
        let mut text = String::with_capacity(body.len());
        let mut rest: &str = &body;
        while !rest.is_empty() {
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            let varies = word.len() >= 8 && word.bytes().any(|byte| byte.is_ascii_digit());
            text.push_str(if varies { "…" } else { word });
            let mut between = behind.chars();
            text.extend(between.next());
            rest = between.as_str();
        }
        Self {
            status: answer.status,
            text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> RawAnswer {
        RawAnswer {
            status: Some(status),
            body: body.as_bytes().to_vec().into(),
            ..RawAnswer::default()
        }
    }

    #[test]
    fn an_answer_is_told_by_the_one_kind_of_refusal_it_is_like() {
        let mut refusals = Refusals::default();
        let login = answer(
            401,
            r#"{"error":"login first","at":"2026-11-27T18:45:40Z"}"#,
        );
        let data = answer(401, r#"{"error":"cannot open, log in again"}"#);
        assert_eq!(refusals.refused("userinfo", &login), None);
        refusals.note("userinfo", Probe::UnknownToken, &login);
        // The other kind was never seen: what is like the first may be like it, too.
        assert_eq!(refusals.refused("userinfo", &login), None);
        refusals.note("userinfo", Probe::GarbagePayload, &data);
        let later = answer(
            401,
            r#"{"error":"login first","at":"2026-11-27T18:46:41Z"}"#,
        );
        assert_eq!(
            refusals.refused("userinfo", &later),
            Some(ReloginCause::Token)
        );
        assert_eq!(refusals.refused("userinfo", &data), Some(ReloginCause::Key));
        assert_eq!(refusals.refused("phone_cipher", &later), None);
        let other = answer(
            403,
            r#"{"error":"login first","at":"2026-11-27T18:46:41Z"}"#,
        );
        assert_eq!(refusals.refused("userinfo", &other), None);
    }

    #[test]
    fn a_backend_that_says_the_same_to_both_tells_nothing() {
        let mut refusals = Refusals::default();
        let same = answer(401, "{}");
        refusals.note("userinfo", Probe::NoToken, &same);
        refusals.note("userinfo", Probe::GarbagePayload, &same);
        assert_eq!(refusals.refused("userinfo", &same), None);
    }
}
