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
        return if error.starts_with("the request cannot be built") {
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
mod tests {
    use super::*;

    const ADAPTER: &str = r#"
name = "a"
[backend]
base = "http://h"
[ops.login]
request = { post = "/login", json = { code = "{{device.code}}" } }
capture = { token = "$.token", user_id = "$.id" }
[ops.userinfo]
request = { post = "/profile", headers = { X-Token = "{{session.token}}" }, json = { d = "{{device.encryptedData}}" } }
capture = { plaintext_nonce = "$.nick" }
[ops.whoami]
request = { get = "/me", headers = { X-Token = "{{session.token}}" } }
capture = { user_id = "$.id" }
[ops.logout]
request = { post = "/logout" }
[[outcome]]
when = { status = 401 }
is = "relogin"
[[outcome]]
when = { status = 503 }
is = "retry_later"
[[outcome]]
when = { status = "2xx" }
is = "ok"
"#;

    fn adapter() -> Adapter {
        Adapter::parse("a.toml", ADAPTER).unwrap()
    }

    fn answer(status: u16, body: &str) -> RawAnswer {
        RawAnswer {
            status: Some(status),
            body: body.to_owned().into(),
            ..RawAnswer::default()
        }
    }

    fn seen(op: &str, answer: RawAnswer) -> Seen {
        let expected = match op {
            "userinfo" => vec![("plaintext_nonce", "mark".to_owned())],
            "whoami" => vec![("user_id", "u1".to_owned())],
            _ => Vec::new(),
        };
        Seen {
            op: op.to_owned(),
            request: "POST /x".to_owned(),
            reading: adapter().read(op, &answer),
            shown: String::from_utf8_lossy(&answer.body).into_owned(),
            answer,
            expected,
            session: None,
        }
    }

    fn decided(op: &str, answer: RawAnswer) -> Honest {
        let login = self::answer(200, r#"{"token":"t","id":"u1"}"#);
        let people = ["u0".to_owned(), "u1".to_owned()];
        honest(&adapter(), &seen(op, answer), Some(&login), &people)
    }

    fn wrong(op: &str, answer: RawAnswer, fault: Fault, parts: &[&str]) {
        let Honest::Wrong(problem) = decided(op, answer.clone()) else {
            panic!("{op} {answer:?} was taken for honest");
        };
        assert_eq!(problem.fault, fault, "{}", problem.text);
        for part in parts.iter().chain(&["POST /x"]) {
            assert!(
                problem.text.contains(part),
                "{part} is not in {}",
                problem.text
            );
        }
    }

    #[test]
    fn an_honest_answer_that_brings_what_it_should_is_fine() {
        let fine = |op: &str, body: &str| {
            assert_eq!(decided(op, answer(200, body)), Honest::Fine, "{body}")
        };
        fine("login", r#"{"token":"t","id":"u1"}"#);
        fine("userinfo", r#"{"nick":"mark"}"#);
        fine("whoami", r#"{"id":"u1"}"#);
        fine("logout", "");
        // Somebody else's data is the backend's mistake: the cases tell it.
        fine("userinfo", r#"{"nick":"nobody"}"#);
        fine("whoami", r#"{"id":"u0"}"#);
    }

    #[test]
    fn whose_fault_a_refusal_of_an_honest_request_is() {
        wrong(
            "userinfo",
            answer(404, "nope"),
            Fault::Adapter,
            &[
                "userinfo answers 404 to an honest payload",
                "nope",
                "the path in [ops.userinfo]",
            ],
        );
        wrong("userinfo", answer(405, ""), Fault::Adapter, &["the method"]);
        wrong(
            "userinfo",
            answer(415, ""),
            Fault::Adapter,
            &["json, form or body"],
        );
        wrong(
            "userinfo",
            answer(401, ""),
            Fault::Adapter,
            &["rule 1 calls relogin"],
        );
        wrong(
            "userinfo",
            answer(400, ""),
            Fault::Adapter,
            &["no [[outcome]] rule matches"],
        );
        wrong("login", answer(302, ""), Fault::Adapter, &["redirect"]);
        wrong(
            "login",
            answer(500, "oops"),
            Fault::Backend,
            &["login answers 500 to an honest login", "oops"],
        );
        wrong(
            "login",
            answer(503, ""),
            Fault::Backend,
            &["try again later"],
        );
        let silent = RawAnswer {
            error: Some("no complete answer within 10 ms".to_owned()),
            ..RawAnswer::default()
        };
        wrong(
            "login",
            silent,
            Fault::Backend,
            &["no complete answer", "hangs"],
        );
        let unreadable = RawAnswer {
            unreadable: Some("its charset is `x`".to_owned()),
            ..answer(200, "")
        };
        wrong(
            "login",
            unreadable,
            Fault::Backend,
            &["cannot be read: its charset is `x`"],
        );
    }

    #[test]
    fn a_capture_in_the_wrong_place_is_shown_the_right_one() {
        wrong(
            "login",
            answer(200, r#"{"tokn":"0123456789","id":"u1"}"#),
            Fault::Adapter,
            &["token = $.token found nothing; the body has $.tokn"],
        );
        wrong(
            "userinfo",
            answer(200, r#"{"data":{"nickName":"mark"}}"#),
            Fault::Adapter,
            &["$.nick found nothing; the body has $.data.nickName"],
        );
        wrong(
            "userinfo",
            answer(200, r#"{"data":{"nickName":"nobody"}}"#),
            Fault::Adapter,
            &["the body has $.data.nickName"],
        );
        wrong(
            "userinfo",
            answer(200, r#"{"nick":"old","new":"mark"}"#),
            Fault::Adapter,
            &["stands at $.new", "plaintext_nonce = \"$.new\""],
        );
        wrong(
            "whoami",
            answer(200, r#"{"id":7}"#),
            Fault::Adapter,
            &["do not name the same thing"],
        );
        wrong(
            "whoami",
            answer(200, r#"{"id":7,"uid":"u1"}"#),
            Fault::Adapter,
            &["stands at $.uid"],
        );
        wrong(
            "login",
            answer(200, "{}"),
            Fault::Adapter,
            &["found nothing"],
        );
    }

    #[test]
    fn a_success_without_data_is_no_mistake_of_the_adapter() {
        let empty = Honest::Empty(vec!["plaintext_nonce".to_owned()]);
        assert_eq!(decided("userinfo", answer(200, "{}")), empty);
        assert_eq!(decided("userinfo", answer(200, r#"{"nick":""}"#)), empty);
        assert_eq!(
            decided("userinfo", answer(200, r#"{"nick":null,"avatar":null}"#)),
            empty
        );
        // An error that only its body tells is a refusal the rules do not see.
        wrong(
            "userinfo",
            answer(200, r#"{"error":"no such path"}"#),
            Fault::Adapter,
            &["found nothing", "no such path"],
        );
    }

    #[test]
    fn an_identity_that_is_nowhere_is_not_judged() {
        let blind = Honest::Blind(vec!["user_id".to_owned()]);
        assert_eq!(decided("whoami", answer(200, r#"{"ok":1}"#)), blind);
        assert_eq!(decided("whoami", answer(200, "<r><ok>1</ok></r>")), blind);
        let adapter = ADAPTER.replace(
            "capture = { user_id = \"$.id\" }",
            "capture = { user_id = { regex = \"<uid>(.+)</uid>\" } }",
        );
        assert_ne!(adapter, ADAPTER);
        let adapter = Adapter::parse("a.toml", &adapter).unwrap();
        assert!(is_text_in_json(
            adapter.capture("whoami", "user_id"),
            &answer(200, r#"{"user":{"id":"u1"}}"#)
        ));
        assert!(!is_text_in_json(
            adapter.capture("whoami", "user_id"),
            &answer(200, "<r><id>u1</id></r>")
        ));
        wrong(
            "whoami",
            answer(200, r#"{"user":{"id":"u1"}}"#),
            Fault::Adapter,
            &["the body has $.user.id"],
        );
    }

    #[test]
    fn refusals_are_told_from_grants() {
        let check = |op: &str, honest: &str, status: u16, body: &str, expected: Refused| {
            let honest = seen(op, answer(200, honest));
            let seen = seen(op, answer(status, body));
            assert_eq!(
                refused(op, &seen, &honest),
                expected,
                "{op} {status} {body}"
            );
        };
        let login = r#"{"token":"t","id":"u1"}"#;
        check("login", login, 401, "{}", Refused::Yes);
        check("login", login, 500, "{}", Refused::Yes);
        check("login", login, 200, r#"{"code":401}"#, Refused::Unseen);
        check(
            "login",
            login,
            200,
            r#"{"token":"x","id":"u2"}"#,
            Refused::Granted,
        );
        check("login", login, 200, r#"{"token":"x"}"#, Refused::Granted);
        check(
            "userinfo",
            r#"{"nick":"a"}"#,
            200,
            r#"{"nick":"a"}"#,
            Refused::Granted,
        );
        check(
            "userinfo",
            r#"{"nick":""}"#,
            200,
            r#"{"nick":""}"#,
            Refused::Untold,
        );
        check(
            "userinfo",
            r#"{"nick":""}"#,
            200,
            r#"{"error":"x"}"#,
            Refused::Unseen,
        );
        check(
            "logout",
            r#"{"code":0}"#,
            200,
            r#"{"code":0}"#,
            Refused::Untold,
        );
        check(
            "logout",
            r#"{"code":0}"#,
            200,
            r#"{"code":401}"#,
            Refused::Unseen,
        );
    }
}
