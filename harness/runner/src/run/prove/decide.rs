//! What an answer of the proving shows. Pure: answers in, decisions out; it asks nobody and waits for nothing.

use super::likely::{self, Lookup};
use super::propose;
use wxmock_adapter::{Adapter, Capture, Captures, Origin, RawAnswer, Reading};
use wxmock_model::history::Outcome;
use wxmock_model::proof::subject;

/// One exercised request and its answer.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) op: String,
    /// Method and path, masked.
    pub(super) request: String,
    pub(super) answer: RawAnswer,
    pub(super) reading: Reading,
    /// What the answer has to hold, by capture, as far as the phone knows it.
    pub(super) expected: Vec<(&'static str, String)>,
    /// The body as it may be shown.
    pub(super) shown: String,
    /// What the request carried of an earlier login, if it carried a token.
    pub(super) session: Option<Captures>,
}

/// Why no case is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) fault: Fault,
    pub(super) text: String,
}

/// Whose it is to repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Adapter,
    Backend,
}

/// What an honest request showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Honest {
    /// It succeeded and brought what it should.
    Fine,
    /// A success that brought nothing: these captures' data is nowhere in a body that can be read.
    Empty(Vec<String>),
    /// A success without these captures, nothing like which is in its body: what they were for cannot be judged.
    Blind(Vec<String>),
    Wrong(Problem),
}

/// What a request showed that has to be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Refused, or not answered.
    Yes,
    /// Granted, with what an honest request gets.
    Granted,
    /// `ok` by the rules and without what an honest request gets: the rules do not see the refusal.
    Unseen,
    /// Nothing an answer of this operation holds could tell.
    Untold,
}

impl Seen {
    fn expects(&self, capture: &str) -> Option<&str> {
        let mut known = self.expected.iter();
        known
            .find(|(name, _)| *name == capture)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the answer shows the very name that the data was sealed with.
    pub(super) fn shows_the_sealed_name(&self) -> bool {
        let shown = self.reading.captures.get("plaintext_nonce");
        shown.is_some_and(|shown| Some(shown.trim()) == self.expects("plaintext_nonce"))
    }

    /// Request and answer, as every problem shows them.
    pub(super) fn told(&self) -> String {
        let answered = match (&self.answer.error, self.answer.status) {
            (Some(error), _) => format!("nothing ({error})"),
            (None, Some(status)) => format!("{status} {}", self.shown),
            (None, None) => "nothing".to_owned(),
        };
        format!("  asked     {}\n  answered  {answered}", self.request)
    }
}

/// Decides on an honest request. `login` is an honest login's answer, if this is another operation; `people` are the
/// user ids that other honest logins brought.
pub(super) fn honest(
    adapter: &Adapter,
    seen: &Seen,
    login: Option<&RawAnswer>,
    people: &[String],
) -> Honest {
    if seen.reading.outcome == Outcome::Ok {
        return match misplaced(adapter, seen, people) {
            Some(problem) => Honest::Wrong(problem),
            None => Honest::Fine,
        };
    }
    if seen.reading.missing.is_empty() {
        return Honest::Wrong(not_ok(seen));
    }
    missing(adapter, seen, login)
}

/// An honest request that is not `ok`.
fn not_ok(seen: &Seen) -> Problem {
    let op = &seen.op;
    let what = honest_words(op);
    let told = seen.told();
    let problem = |fault, text: String, likely: &str| Problem {
        fault,
        text: format!("{text}\n{told}\n  likely    {likely}"),
    };
    if let Some(error) = &seen.answer.error {
        return if seen.answer.unprepared {
            problem(
                Fault::Adapter,
                format!("{op} cannot be asked: {error}"),
                &format!(
                    "a [[ops.{op}.prepare]]: its request, its `capture`, or its `status`, which says what counts as a success"
                ),
            )
        } else if error.starts_with("the request cannot be built") {
            problem(
                Fault::Adapter,
                format!("{op} cannot be asked: {error}"),
                "a template of its request names what no earlier answer brought",
            )
        } else {
            problem(
                Fault::Backend,
                format!("{op} gives no complete answer to {what}"),
                "the backend ended, hangs or broke the answer off; its last lines may say why",
            )
        };
    }
    let status = seen.answer.status.unwrap_or_default();
    if let Some(why) = &seen.answer.unreadable {
        return problem(
            Fault::Backend,
            format!("the body of {op}'s answer cannot be read: {why}"),
            "a wrong Content-Encoding or charset, which no phone could read either",
        );
    }
    let text = format!("{op} answers {status} to {what}");
    if let Some(likely) = wanted(op, status, &seen.shown) {
        return problem(Fault::Adapter, text, &likely.replace("OP", op));
    }
    match (status, seen.reading.outcome, seen.reading.rule) {
        (_, Outcome::RetryLater, _) => problem(
            Fault::Backend,
            format!("{text}, which means \"try again later\""),
            "the backend does not reach the mock, or turns everybody away",
        ),
        (500.., ..) | (_, Outcome::ServerError, _) => problem(
            Fault::Backend,
            text,
            "an error of the backend; its last lines may say which",
        ),
        (404, ..) => problem(
            Fault::Adapter,
            text,
            &format!("the path in [ops.{op}] request: no route answers to it"),
        ),
        (405, ..) => problem(
            Fault::Adapter,
            text,
            &format!("the method in [ops.{op}] request (get, post, put, delete)"),
        ),
        (415, ..) => problem(
            Fault::Adapter,
            text,
            &format!("the kind of body in [ops.{op}] request: json, form or body"),
        ),
        (300..=399, ..) => problem(
            Fault::Adapter,
            text,
            "a redirect, which is not followed: write the address it leads to",
        ),
        (_, _, None) => problem(
            Fault::Adapter,
            format!("{text}, and no [[outcome]] rule matches that"),
            "a rule for this answer is missing, or the request is not what the backend expects",
        ),
        (_, outcome, Some(rule)) => problem(
            Fault::Adapter,
            format!(
                "{text}, which [[outcome]] rule {rule} calls {}",
                word(outcome)
            ),
            &format!(
                "a field, header or token in [ops.{op}] request that the backend knows by another name, or that rule"
            ),
        ),
    }
}

/// What a backend that refuses an honest request says it wants, if it says so; `OP` stands for the operation.
fn wanted(op: &str, status: u16, shown: &str) -> Option<&'static str> {
    let said = shown.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if !(400..500).contains(&status) && status != 200 {
        return None;
    }
    // Laravel's word for a token that has expired is a status.
    if status == 419 || says(&["csrf", "xsrf"]) {
        return Some(
            "a CSRF token: fetch it with [[ops.OP.prepare]] and send it as {{prepare.csrf}} (docs/adapter.md, \"Before an operation\")",
        );
    }
    if says(&["captcha", "验证码"]) {
        return Some(
            "a captcha: switch it off with [[ops.OP.prepare]], or in the settings of the backend under test",
        );
    }
    // Where a payload is sent, the signature may be that of its rawData.
    let is_plain = !matches!(op, "userinfo" | "login_profile" | "phone_cipher");
    if is_plain
        && says(&[
            "bad sign",
            "invalid sign",
            "sign error",
            "signature",
            "签名",
        ])
    {
        return Some(
            "a signed request: say what the signature is made of in [values], and send it as {{value.sign}} (docs/adapter.md, \"Computed values\")",
        );
    }
    None
}

/// What an honest request of an operation carries, in words.
fn honest_words(op: &str) -> &'static str {
    match op {
        "login" | "login_profile" => "an honest login",
        "userinfo" | "phone_cipher" => "an honest payload",
        "phone_code" => "an honest phone code",
        _ => "an honest request",
    }
}

/// Whether a capture reads text out of a body that is JSON: a backend that answers some operations in another format than
/// others. For an operation that only confirms who somebody is, that is worth a remark and no end of the run.
fn is_text_in_json(capture: Option<&Capture>, answer: &RawAnswer) -> bool {
    let reads_text = capture.is_some_and(|capture| matches!(capture.from, Origin::Body));
    reads_text && serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body).is_ok()
}

/// A success that lacks declared captures: looked for in the wrong place, or not there.
fn missing(adapter: &Adapter, seen: &Seen, login: Option<&RawAnswer>) -> Honest {
    let op = &seen.op;
    let mut lines = Vec::new();
    let mut is_empty = true;
    let mut is_blind = op == "whoami";
    for name in &seen.reading.missing {
        let lookup = Lookup {
            capture: adapter.capture(op, name),
            name,
            expected: seen.expects(name),
            answer: &seen.answer,
        };
        let found = likely::candidates(&lookup);
        let place = lookup.place();
        is_empty &= found.is_empty() && likely::is_plaintext(name);
        is_blind &= found.is_empty() || is_text_in_json(lookup.capture, &seen.answer);
        lines.push(match found.as_slice() {
            [] => format!("{op} is ok, but its capture {name} = {place} found nothing"),
            [first, ..] => format!(
                "{op} is ok, but its capture {name} = {place} found nothing; the {} has {first}",
                if first.starts_with('{') {
                    "answer"
                } else {
                    "body"
                }
            ),
        });
        if let Some(others) = found.get(1..).filter(|others| !others.is_empty()) {
            lines.push(format!("  or        {}", others.join(", ")));
        }
    }
    // An error that says so in its body is no empty success.
    let differs = login.is_some_and(|login| propose::differs(login, &seen.answer));
    if is_empty && !differs {
        return Honest::Empty(seen.reading.missing.clone());
    }
    if is_blind && !differs {
        return Honest::Blind(seen.reading.missing.clone());
    }
    lines.push(seen.told());
    lines.push(format!("  likely    the path of that capture in [ops.{op}]; or the answer is a refusal that no [[outcome]] rule recognises"));
    Honest::Wrong(Problem {
        fault: Fault::Adapter,
        text: lines.join("\n"),
    })
}

/// A capture that found something, while what it should find stands elsewhere in the body.
fn misplaced(adapter: &Adapter, seen: &Seen, people: &[String]) -> Option<Problem> {
    for (name, value) in &seen.expected {
        let Some(captured) = seen.reading.captures.get(*name) else {
            continue;
        };
        if likely::shows(captured.trim(), value) {
            continue;
        }
        let lookup = Lookup {
            capture: adapter.capture(&seen.op, name),
            name,
            expected: Some(value),
            answer: &seen.answer,
        };
        let elsewhere = likely::where_it_is(&lookup);
        if let Some(path) = elsewhere.first() {
            return Some(Problem {
                fault: Fault::Adapter,
                text: format!(
                    "the capture {name} = {} of {op} finds {captured:?}, but what this phone sent stands at {path}\n{}\n  likely    capture = {{ {name} = {} }} in [ops.{op}]",
                    lookup.place(),
                    seen.told(),
                    likely::written(path),
                    op = seen.op,
                ),
            });
        }
        // Another person's id is the backend's mistake, and one for the cases; an id of nobody's is none at all.
        if *name == "user_id" && !people.contains(captured) {
            return Some(Problem {
                fault: Fault::Adapter,
                text: format!(
                    "user_id is {value:?} in the login's answer and {captured:?} in that of {op}: the captures do not name the same thing\n{}",
                    seen.told(),
                    op = seen.op,
                ),
            });
        }
    }
    None
}

/// Decides on a request that has to be refused. `honest` is the honest one's answer.
pub(super) fn refused(op: &str, seen: &Seen, honest: &Seen) -> Refused {
    let ok = seen.reading.outcome == Outcome::Ok || !seen.reading.missing.is_empty();
    if !ok {
        return Refused::Yes;
    }
    let brought = |name: &&str| honest.reading.captures.contains_key(*name);
    match subject(op).filter(brought) {
        Some(name) if seen.reading.captures.contains_key(name) => Refused::Granted,
        Some(_) => Refused::Unseen,
        None if propose::differs(&honest.answer, &seen.answer) => Refused::Unseen,
        None => Refused::Untold,
    }
}

/// The word an adapter uses for `outcome`.
pub(super) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Relogin => "relogin",
        Outcome::RetryLater => "retry_later",
        Outcome::Denied => "denied",
        Outcome::Invalid => "invalid",
        Outcome::ServerError => "server_error",
        Outcome::Indefinite => "indefinite",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
