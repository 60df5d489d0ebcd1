//! `adapter check`: one dry login, and what the adapter made of it. Knows nothing of orders or rules.

use super::{
    adapter::Reading,
    client::{Client, Extra, OpVars, RawAnswer},
    init,
};
use crate::history::Outcome;

/// What a dry login showed.
#[derive(Debug, Clone)]
pub struct DryRun {
    /// What was asked, in order: the login, then `whoami` if it is described and the login gave a token.
    pub calls: Vec<DryCall>,
    /// What does not fit, one sentence each with the fix; empty if all is well.
    pub findings: Vec<String>,
}

/// One call of a dry login.
#[derive(Debug, Clone)]
pub struct DryCall {
    /// The operation.
    pub op: String,
    /// What came back.
    pub answer: RawAnswer,
    /// What the adapter made of it.
    pub reading: Reading,
}

/// Logs in once with the values in `vars` (a fresh `device.code`, and a payload for `login_profile`), then asks `whoami`.
pub async fn dry_run(client: &Client, vars: &OpVars) -> DryRun {
    let adapter = client.adapter();
    let op = if adapter.has("login") {
        "login"
    } else {
        "login_profile"
    };
    let login = call(client, op, vars).await;
    let mut findings = judge_call(&login);
    let mut vars = vars.clone();
    vars.session.extend(login.reading.captures.clone());
    if findings.is_empty() && !login.reading.captures.contains_key("token") {
        let body = String::from_utf8_lossy(&login.answer.body);
        let hint = match init::token_candidates(&body).as_slice() {
            [] => "no field of the answer looks like a token".to_owned(),
            candidates => format!("candidates: {}", candidates.join(", ")),
        };
        findings.push(format!(
            "{op} is `ok`, but its `token` capture found nothing; {hint}"
        ));
    }
    let mut calls = vec![login];
    if findings.is_empty() && adapter.has("whoami") {
        let whoami = call(client, "whoami", &vars).await;
        findings.extend(judge_call(&whoami));
        let users = (
            calls[0].reading.captures.get("user_id"),
            whoami.reading.captures.get("user_id"),
        );
        if let (Some(login), Some(whoami)) = users
            && login != whoami
        {
            findings.push(format!(
                "`user_id` is {login:?} in the login's answer and {whoami:?} in whoami's: the captures do not name the same thing"
            ));
        }
        calls.push(whoami);
    }
    DryRun { calls, findings }
}

async fn call(client: &Client, op: &str, vars: &OpVars) -> DryCall {
    let answer = client.call(op, vars, &Extra::default()).await;
    let reading = client.adapter().read(op, &answer);
    DryCall {
        op: op.to_owned(),
        answer,
        reading,
    }
}

/// What is wrong with one answer that should have been a success.
fn judge_call(call: &DryCall) -> Vec<String> {
    let op = &call.op;
    if let Some(error) = &call.answer.error {
        return vec![format!("{op} got no complete answer: {error}")];
    }
    let status = call.answer.status.unwrap_or_default();
    let body = excerpt(&call.answer.body);
    let mut findings = Vec::new();
    if let Some(why) = &call.answer.unreadable {
        return vec![format!(
            "the body of {op}'s answer could not be read: {why}"
        )];
    }
    match (call.reading.outcome, call.reading.rule) {
        (Outcome::Ok, _) => {}
        _ if !call.reading.missing.is_empty() => {
            for name in call.reading.missing.iter().filter(|name| *name != "token") {
                findings.push(format!("{op} is `ok`, but its `{name}` capture found nothing in: {body}"));
            }
        }
        (_, None) => findings.push(format!(
            "no [[outcome]] rule matches the answer of {op}: status {status}, body {body}"
        )),
        (outcome, Some(rule)) => findings.push(format!(
            "{op} was answered with status {status}, and [[outcome]] rule {rule} calls it {}: {body}",
            word(outcome)
        )),
    }
    findings
}

/// The word an adapter uses for `outcome`.
fn word(outcome: Outcome) -> String {
    serde_json::to_value(outcome)
        .ok()
        .and_then(|word| Some(word.as_str()?.to_owned()))
        .unwrap_or_default()
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut short: String = text.chars().take(200).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    if short.is_empty() {
        short.push_str("(empty)");
    }
    short
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::target::{Adapter, RunVars};

    const ADAPTER: &str = r#"
name = "sample"
[backend]
base = "http://127.0.0.1:{{run.port}}"
[ops.login]
request = { get = "/login", query = { code = "{{device.code}}" } }
capture = { token = "$.token", user_id = "$.id" }
[ops.whoami]
request = { get = "/me", query = { t = "{{session.token}}" } }
capture = { user_id = "$.id" }
[[outcome]]
when = { status = "2xx" }
is = "ok"
[[outcome]]
when = { status = 401 }
is = "relogin"
"#;

    /// A dry login against a backend that gives these answers, one per connection.
    async fn run(answers: &[(u16, &str)]) -> DryRun {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let run = RunVars {
            port: listener.local_addr().unwrap().port(),
            ..RunVars::sample()
        };
        let serve = async {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await.unwrap();
                let length = body.len();
                let reply =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        };
        let client = Client::new(Arc::new(Adapter::parse("a.toml", ADAPTER).unwrap()), run);
        let vars = OpVars {
            device: [("code".to_owned(), "c".to_owned())].into(),
            ..OpVars::default()
        };
        tokio::join!(serve, dry_run(&client, &vars)).1
    }

    #[tokio::test]
    async fn a_right_adapter_has_no_findings() {
        let dry = run(&[(200, r#"{"token":"t1","id":7}"#), (200, r#"{"id":"7"}"#)]).await;
        assert_eq!(dry.findings, Vec::<String>::new());
        let ops: Vec<&str> = dry.calls.iter().map(|call| call.op.as_str()).collect();
        assert_eq!(ops, ["login", "whoami"]);
    }

    #[tokio::test]
    async fn what_does_not_fit_is_said_with_the_fix() {
        let check = async |answers: &[(u16, &str)], part: &str| {
            let findings = run(answers).await.findings;
            assert!(
                findings.len() == 1 && findings[0].contains(part),
                "{findings:?}"
            );
        };
        check(
            &[(404, "nope")],
            "no [[outcome]] rule matches the answer of login: status 404, body nope",
        )
        .await;
        check(&[(401, "")], "rule 2 calls it relogin").await;
        check(
            &[(200, r#"{"id":7,"data":{"skey":"0123456789"}}"#)],
            "candidates: $.data.skey",
        )
        .await;
        check(
            &[(200, r#"{"token":"t","id":7}"#), (200, "{}")],
            "whoami is `ok`, but its `user_id`",
        )
        .await;
        check(
            &[(200, r#"{"token":"t","id":7}"#), (200, r#"{"id":8}"#)],
            "do not name the same thing",
        )
        .await;
    }
}
