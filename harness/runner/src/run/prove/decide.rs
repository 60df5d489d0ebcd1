//! What an answer of the proving shows. Pure: answers in, decisions out; it asks nobody and waits for nothing.

use super::likely::{self, Lookup};
use super::propose;
use wxmock_adapter::{Adapter, Capture, Captures, Origin, RawAnswer, Reading};
use wxmock_model::history::Outcome;
use wxmock_model::lang::Say;
use wxmock_model::proof::subject;
use wxmock_model::say;

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
    /// Several lines: what happened, what was asked and answered, what is likely the reason.
    pub(super) text: Say,
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
    pub(super) fn told(&self) -> Say {
        let answered = match (&self.answer.error, self.answer.status) {
            (Some(error), _) => say!("nothing ({error})", "没有应答（{error}）", error = error),
            (None, Some(status)) => Say::same(format!("{status} {}", self.shown)),
            (None, None) => say!("nothing", "没有应答"),
        };
        say!(
            "  asked     {asked}\n  answered  {answered}",
            "  请求      {asked}\n  应答      {answered}",
            asked = self.request,
            answered = answered
        )
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

/// A problem: what happened, what was asked and answered, and what is likely the reason.
fn problem(fault: Fault, what: &Say, seen: &Seen, likely: &Say) -> Problem {
    let text = say!(
        "{what}\n{told}\n  likely    {likely}",
        "{what}\n{told}\n  可能      {likely}",
        what = what,
        told = seen.told(),
        likely = likely
    );
    Problem { fault, text }
}

/// An honest request that is not `ok`.
fn not_ok(seen: &Seen) -> Problem {
    let op = seen.op.as_str();
    let what = honest_words(op);
    if let Some(error) = &seen.answer.error {
        return unanswered(seen, error);
    }
    let status = seen.answer.status.unwrap_or_default();
    if let Some(why) = &seen.answer.unreadable {
        return problem(
            Fault::Backend,
            &say!(
                "the body of {op}'s answer cannot be read: {why}",
                "{op} 的应答体读不出来：{why}",
                op = op,
                why = why
            ),
            seen,
            &say!(
                "a wrong Content-Encoding or charset, which no phone could read either",
                "Content-Encoding 或字符集不对，手机也读不出来"
            ),
        );
    }
    let text = say!(
        "{op} answers {status} to {what}",
        "{op} 对{what}回答 {status}",
        op = op,
        status = status.to_string(),
        what = what
    );
    if let Some(likely) = wanted(op, status, &seen.shown) {
        return problem(Fault::Adapter, &text, seen, &likely);
    }
    refused_honestly(seen, status, &text)
}

/// An honest request that was answered with a status no request should get; `text` says so.
fn refused_honestly(seen: &Seen, status: u16, text: &Say) -> Problem {
    let op = seen.op.as_str();
    match (status, seen.reading.outcome, seen.reading.rule) {
        (_, Outcome::RetryLater, _) => problem(
            Fault::Backend,
            &say!(
                "{text}, which means \"try again later\"",
                "{text}，意思是“稍后再试”",
                text = text
            ),
            seen,
            &say!(
                "the backend does not reach the mock, or turns everybody away",
                "后端连不上 mock，或者谁来都拒绝"
            ),
        ),
        (500.., ..) | (_, Outcome::ServerError, _) => problem(
            Fault::Backend,
            text,
            seen,
            &say!(
                "an error of the backend; its last lines may say which",
                "后端自己出错了；它最后的输出也许写着是什么错"
            ),
        ),
        (404 | 405 | 415 | 300..=399, ..) => {
            problem(Fault::Adapter, text, seen, &of_the_request(op, status))
        }
        (_, _, None) => problem(
            Fault::Adapter,
            &say!(
                "{text}, and no [[outcome]] rule matches that",
                "{text}，没有一条 [[outcome]] 规则匹配",
                text = text
            ),
            seen,
            &say!(
                "a rule for this answer is missing, or the request is not what the backend expects",
                "缺一条对应的规则，或者请求不是后端想要的样子"
            ),
        ),
        (_, outcome, Some(rule)) => problem(
            Fault::Adapter,
            &say!(
                "{text}, which [[outcome]] rule {rule} calls {word}",
                "{text}，第 {rule} 条 [[outcome]] 规则把它叫作 {word}",
                text = text,
                rule = rule.to_string(),
                word = word(outcome)
            ),
            seen,
            &say!(
                "a field, header or token in [ops.{op}] request that the backend knows by another name, or that rule",
                "[ops.{op}] 的 request 里某个字段、请求头或 token，后端用的是别的名字；或者是那条规则不对",
                op = op
            ),
        ),
    }
}

/// An honest request that brought no whole answer.
fn unanswered(seen: &Seen, error: &str) -> Problem {
    let op = seen.op.as_str();
    let cannot = say!(
        "{op} cannot be asked: {error}",
        "{op} 问不了：{error}",
        op = op,
        error = error
    );
    if seen.answer.unprepared {
        return problem(
            Fault::Adapter,
            &cannot,
            seen,
            &say!(
                "a [[ops.{op}.prepare]]: its request, its `capture`, or its `status`, which says what counts as a success",
                "某个 [[ops.{op}.prepare]]：它的 request、`capture`，或者说明怎样才算成功的 `status`",
                op = op
            ),
        );
    }
    if error.starts_with("the request cannot be built") {
        return problem(
            Fault::Adapter,
            &cannot,
            seen,
            &say!(
                "a template of its request names what no earlier answer brought",
                "request 的模板里用到的东西，前面的应答都没有带来"
            ),
        );
    }
    problem(
        Fault::Backend,
        &say!(
            "{op} gives no complete answer to {what}",
            "{op} 对{what}没有给出完整的应答",
            op = op,
            what = honest_words(op)
        ),
        seen,
        &say!(
            "the backend ended, hangs or broke the answer off; its last lines may say why",
            "后端退出了、卡住了，或者应答到一半断开；它最后的输出也许写着原因"
        ),
    )
}

/// What a status says about the request as the adapter describes it.
fn of_the_request(op: &str, status: u16) -> Say {
    match status {
        404 => say!(
            "the path in [ops.{op}] request: no route answers to it",
            "[ops.{op}] 的 request 里的路径：后端没有这个路由",
            op = op
        ),
        405 => say!(
            "the method in [ops.{op}] request (get, post, put, delete)",
            "[ops.{op}] 的 request 用的方法（get、post、put、delete）",
            op = op
        ),
        415 => say!(
            "the kind of body in [ops.{op}] request: json, form or body",
            "[ops.{op}] 的 request 用的请求体：json、form 还是 body",
            op = op
        ),
        _ => say!(
            "a redirect, which is not followed: write the address it leads to",
            "这是重定向，不会跟过去：请写它指向的地址"
        ),
    }
}

/// What a backend that refuses an honest request says it wants, if it says so.
fn wanted(op: &str, status: u16, shown: &str) -> Option<Say> {
    let said = shown.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if !(400..500).contains(&status) && status != 200 {
        return None;
    }
    // Laravel's word for a token that has expired is a status.
    if status == 419 || says(&["csrf", "xsrf"]) {
        return Some(say!(
            "a CSRF token: fetch it with [[ops.{op}.prepare]] and send it as {{{{prepare.csrf}}}} (docs/adapter.md, \"Before an operation\")",
            "要 CSRF token：用 [[ops.{op}.prepare]] 取到，再作为 {{{{prepare.csrf}}}} 发送（docs/adapter.zh-CN.md 的 `prepare`）",
            op = op
        ));
    }
    if says(&["captcha", "验证码"]) {
        return Some(say!(
            "a captcha: switch it off with [[ops.{op}.prepare]], or in the settings of the backend under test",
            "要验证码：用 [[ops.{op}.prepare]] 关掉，或者在被测后端的配置里关掉",
            op = op
        ));
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
        return Some(say!(
            "a signed request: say what the signature is made of in [values], and send it as {{value.sign}} (docs/adapter.md, \"Computed values\")",
            "请求要签名：在 [values] 里写明签名由什么算出来，再作为 {{value.sign}} 发送（docs/adapter.zh-CN.md 的 `[values]`）"
        ));
    }
    None
}

/// What an honest request of an operation carries, in words.
fn honest_words(op: &str) -> Say {
    match op {
        "login" | "login_profile" => say!("an honest login", "一次正常的登录"),
        "userinfo" | "phone_cipher" => say!("an honest payload", "一份正常的加密数据"),
        "phone_code" => say!("an honest phone code", "一个正常的手机号 code"),
        _ => say!("an honest request", "一次正常的请求"),
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
        lines.push(found_nothing(op, name, &place, found.first()));
        if let Some(others) = found.get(1..).filter(|others| !others.is_empty()) {
            lines.push(say!(
                "  or        {others}",
                "  或        {others}",
                others = others.join(", ")
            ));
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
    lines.push(say!(
        "  likely    the path of that capture in [ops.{op}]; or the answer is a refusal that no [[outcome]] rule recognises",
        "  可能      [ops.{op}] 里这个 capture 的路径不对；或者这其实是拒绝，只是没有 [[outcome]] 规则认出来",
        op = op
    ));
    Honest::Wrong(Problem {
        fault: Fault::Adapter,
        text: Say::join(lines, &Say::same("\n")),
    })
}

/// A capture that found nothing, and the likeliest place it was meant to look at.
fn found_nothing(op: &str, name: &str, place: &str, first: Option<&String>) -> Say {
    let nothing = say!(
        "{op} is ok, but its capture {name} = {place} found nothing",
        "{op} 成功了，但 capture {name} = {place} 什么也没取到",
        op = op,
        name = name,
        place = place
    );
    match first {
        None => nothing,
        Some(first) if first.starts_with('{') => say!(
            "{nothing}; the answer has {first}",
            "{nothing}；应答里有 {first}",
            nothing = nothing,
            first = first
        ),
        Some(first) => say!(
            "{nothing}; the body has {first}",
            "{nothing}；应答体里有 {first}",
            nothing = nothing,
            first = first
        ),
    }
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
                text: say!(
                    "the capture {name} = {place} of {op} finds {captured}, but what this phone sent stands at {path}\n{told}\n  likely    capture = {{ {name} = {written} }} in [ops.{op}]",
                    "{op} 的 capture {name} = {place} 取到 {captured}，而手机发送的内容在 {path}\n{told}\n  可能      [ops.{op}] 里应写 capture = {{ {name} = {written} }}",
                    name = *name,
                    place = lookup.place(),
                    op = seen.op,
                    captured = format!("{captured:?}"),
                    path = path,
                    told = seen.told(),
                    written = likely::written(path)
                ),
            });
        }
        // Another person's id is the backend's mistake, and one for the cases; an id of nobody's is none at all.
        if *name == "user_id" && !people.contains(captured) {
            return Some(Problem {
                fault: Fault::Adapter,
                text: say!(
                    "user_id is {value} in the login's answer and {captured} in that of {op}: the captures do not name the same thing\n{told}",
                    "登录的应答里 user_id 是 {value}，{op} 的应答里是 {captured}：两个 capture 取的不是同一个东西\n{told}",
                    value = format!("{value:?}"),
                    captured = format!("{captured:?}"),
                    op = seen.op,
                    told = seen.told()
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
