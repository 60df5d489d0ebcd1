//! A run with one case of each kind, for tests of the reports.

use wxmock_histories::{Builder, lost_update};
use wxmock_judge::{JudgeContext, judge};
use wxmock_model::event::{CaseResult, Counts, EVENT_SCHEMA, NoteKind, RunEvent};
use wxmock_model::history::{Ending, Exchange, History, Message, Outcome, Phase, Tick};
use wxmock_model::program::FaultEffect;
use wxmock_model::verdict::{Impact, Level, Verdict};

/// Two phones, replies crossed, the decryption afterwards answered with 500.
pub(crate) fn two_phones() -> History {
    lost_update(Outcome::ServerError, &[1])
}

/// Three phones of A and one of B; the first reply arrives last.
pub(crate) fn three_phones() -> History {
    let mut b = Builder::new();
    b.phase(Phase::Before);
    b.login("P1", "c0", 1, "t0");
    for (phone, code) in [("P1", "c1"), ("P2", "c2"), ("P3", "c3")] {
        b.mint(phone, code, None);
    }
    b.phase(Phase::Race);
    let ops = [
        b.submit("P1", "c1"),
        b.submit("P2", "c2"),
        b.submit("P3", "c3"),
    ];
    let calls = [
        b.commit(ops[0], 2),
        b.commit(ops[1], 3),
        b.commit(ops[2], 4),
    ];
    let captured = b.capture("P2", "p", 4);
    for at in [2, 0, 1] {
        b.reply(calls[at]);
        b.welcome(ops[at], &format!("t{}", at + 1));
    }
    b.phase(Phase::After);
    b.world("advance 10m");
    b.send_gets("P2", captured, "t3", Outcome::Relogin);
    let other = b.login("Q1", "d1", 1, "u1");
    let _ = other;
    b.history
}

pub(crate) fn case(alias: &str, path: &str, verdict: Verdict) -> CaseResult {
    CaseResult {
        path: path.into(),
        id: path.split('/').take(2).collect::<Vec<_>>().join("/"),
        alias: alias.into(),
        title: "A slow reply overwrites the newer key".into(),
        title_zh: "迟到的应答覆盖了新的 session_key".into(),
        level: Level::Must,
        impact: Impact::LockOut,
        control: false,
        axes: [("rotation".to_owned(), "exchange".to_owned())]
            .into_iter()
            .collect(),
        verdict,
        reason_zh: String::new(),
        rules: vec![],
        orders_run: 5,
        orders_failed: 0,
        infeasible: 0,
        obligations_met: vec!["two-logins-held-together".into()],
        obligations_missing: vec![],
        token: None,
        violations: vec![],
        history: None,
        notes: vec![],
        notes_zh: vec![],
        note_kinds: vec![],
        exploration: Default::default(),
        evidence: Default::default(),
        took_ms: 420,
    }
}

/// A case whose first failing order is `history`.
pub(crate) fn failing(alias: &str, path: &str, history: History) -> CaseResult {
    let violations = judge(&history, &JudgeContext::default());
    let must = violations
        .iter()
        .any(|violation| violation.level == Level::Must);
    let mut rules: Vec<String> = violations
        .iter()
        .map(|violation| violation.rule.clone())
        .collect();
    rules.sort();
    rules.dedup();
    CaseResult {
        rules,
        orders_failed: 2,
        token: Some(format!("wxs1:{path}@7:S1.S2.K1.K2.R2.R1:7f3a")),
        violations,
        history: Some(Box::new(history)),
        ..case(
            alias,
            path,
            if must { Verdict::Fail } else { Verdict::Warn },
        )
    }
}

/// The whole run.
pub(crate) fn run() -> Vec<RunEvent> {
    let mut serialised = case(
        "CL-1",
        "concurrent-login/slow-reply-overwrites-newer-key/rotation:login/n:2",
        Verdict::Inconclusive {
            reason: "serialised: `submit c2` waits for `submit c1` inside the backend".into(),
        },
    );
    serialised.reason_zh = "serialised: `submit c2` 在后端内部排队，等的是 `submit c1`".into();
    serialised.infeasible = 4;
    serialised.notes =
        vec!["logins of one person are serialised: 4 of 5 orders cannot happen".into()];
    serialised.notes_zh = vec!["同一用户的登录互相排队：5 种顺序里有 4 种不可能发生".into()];
    serialised.note_kinds = vec![NoteKind::Lock];
    let cases = vec![
        case(
            "LB-1",
            "login-basic/errcode-taken-as-success",
            Verdict::Pass,
        ),
        failing(
            "CL-1",
            "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2",
            two_phones(),
        ),
        failing(
            "CL-1",
            "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:3",
            three_phones(),
        ),
        serialised,
        case(
            "PI-1",
            "payload-integrity/plus-becomes-space",
            Verdict::Skip {
                reason: "not-described: userinfo".into(),
            },
        ),
        case(
            "UF-1",
            "upstream-faults/no-deadline",
            Verdict::Error {
                reason: "the backend ended during the case: exit 1".into(),
            },
        ),
    ];
    let counts = Counts::of(&cases);
    let mut events = vec![RunEvent::RunStarted {
        schema: EVENT_SCHEMA,
        version: "0.1.0".into(),
        suite: "all".into(),
        adapter: "shop-api".into(),
        adapter_hash: "0123456789abcdef".into(),
        seed: "7".into(),
        at: 1_790_000_000_000,
        backend: "http://127.0.0.1:8080".into(),
        nonce: "4f2a90c1".into(),
        adapter_file: "wxmock.toml".into(),
        cases: cases.len(),
        conditions: Default::default(),
    }];
    events.extend(
        cases
            .into_iter()
            .map(|case| RunEvent::CaseFinished(Box::new(case))),
    );
    events.push(RunEvent::RunFinished {
        counts,
        exit_code: 3,
        interrupted: false,
        learned: Default::default(),
        coverage: Default::default(),
    });
    events
}

/// A login hit by a silent WeChat, a re-login that works, an attacker, and a harness recovery: one phone, faults, notes.
pub(crate) fn faults() -> History {
    let mut b = Builder::new();
    b.phase(Phase::Race);
    b.mint("P1", "c1", None);
    let op = b.submit("P1", "c1");
    let call = b.fault(op, "lost", &FaultEffect::Reset);
    b.reply(call);
    b.answer(op, Outcome::RetryLater);
    let again = b.submit("P1", "c1");
    let burnt = b.refuse(again, 40163);
    b.reply(burnt);
    b.answer(again, Outcome::ServerError).excerpt = "<html>Internal Server Error</html>".into();
    b.phase(Phase::After);
    let healed = b.submit("P1", "recover A code");
    b.history.operations[healed].label = "recover A".into();
    let call = b.commit(healed, 1);
    b.reply(call);
    b.welcome(healed, "recover A token");
    let forged = b.forge("P1", "x", wxmock_model::history::Forgery::NeverIssuedKey);
    b.send_gets("P1", forged, "recover A token", Outcome::Relogin);
    b.whoami("P1", "recover A token", Outcome::Ok, Some("id-A"));
    b.history
}

/// The same history with what was said in it.
pub(crate) fn told(mut history: History) -> History {
    let json = |name: &str| (name.to_owned(), "application/json".to_owned());
    let begin = |tick: Tick| 1_790_000_000_000 + i64::from(tick.0) * 10;
    for op in &mut history.operations {
        let mut asked = vec![json("content-type")];
        let bearer = op.token_name.iter().map(|name| format!("Bearer <{name}>"));
        asked.extend(bearer.map(|value| ("authorization".to_owned(), value)));
        let body = match &op.code {
            Some(code) => format!(r#"{{"code":"<{code}>"}}"#),
            None => r#"{"encryptedData":"<encryptedData of p1, 344 characters>"}"#.to_owned(),
        };
        let cookie = ("set-cookie".to_owned(), "lang=zh; Path=/".to_owned());
        op.exchange = Some(Box::new(Exchange {
            at_ms: begin(op.called),
            took_us: Some(1_500),
            http: "1.1".into(),
            method: "POST".into(),
            origin: "http://127.0.0.1:8080".into(),
            target: format!("/{}?v=2", op.op),
            request: message(asked, &body),
            status: op.answer.status,
            response: message(vec![json("content-type"), cookie], &op.answer.excerpt),
            cut: false,
        }));
    }
    for call in &mut history.upstream {
        let code = call.code.as_deref().unwrap_or("c0");
        let host = ("host".to_owned(), "api.weixin.qq.com".to_owned());
        let key = call.key_no.unwrap_or_default();
        let body = format!(r#"{{"session_key":"<k{key}>","openid":"o-A"}}"#);
        call.exchange = Some(Box::new(Exchange {
            at_ms: begin(call.arrived),
            took_us: Some(900),
            http: "1.1".into(),
            method: "GET".into(),
            origin: "https://api.weixin.qq.com".into(),
            target: format!("/sns/jscode2session?appid=wx1&secret=<AppSecret>&js_code=<{code}>"),
            request: message(vec![host], ""),
            status: Some(200),
            response: message(
                vec![("content-type".to_owned(), "text/plain".to_owned())],
                &body,
            ),
            cut: false,
        }));
    }
    history
}

fn message(headers: Vec<(String, String)>, body: &str) -> Message {
    Message {
        headers,
        body: body.to_owned(),
        bytes: body.len() as u64,
    }
}

/// One case with its five orders: two fail, two hold, and one cannot happen.
pub(crate) fn explored() -> Vec<RunEvent> {
    let path = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2";
    let mut shown = failing("CL-1", path, told(two_phones()));
    shown.orders_run = 4;
    shown.infeasible = 1;
    shown.exploration = wxmock_model::exploration::Exploration {
        total: Some(5),
        counted: 5,
        planned: 5,
        exhaustive: true,
        ..Default::default()
    };
    let orders = [
        "S1.K1.R1.S2.K2.R2",
        "S1.S2.K1.K2.R1.R2",
        "S1.S2.K1.K2.R2.R1",
        "S1.S2.K2.K1.R1.R2",
        "S2.S1.K1.K2.R2.R1",
    ];
    let mut events = vec![
        RunEvent::RunStarted {
            schema: EVENT_SCHEMA,
            version: "0.1.0".into(),
            suite: "CL-1".into(),
            adapter: "shop-api".into(),
            adapter_hash: "0123456789abcdef".into(),
            seed: "7".into(),
            at: 1_790_000_000_000,
            backend: "http://127.0.0.1:8080".into(),
            nonce: "4f2a90c1".into(),
            adapter_file: "wxmock.toml".into(),
            cases: 1,
            conditions: Default::default(),
        },
        RunEvent::CaseStarted {
            path: path.into(),
            alias: "CL-1".into(),
            title: shown.title.clone(),
            title_zh: "迟到的应答覆盖了新的 session_key".into(),
            level: shown.level,
            impact: shown.impact,
            axes: shown.axes.clone(),
            orders: orders.len(),
        },
    ];
    for (at, order) in orders.iter().enumerate() {
        let fails = at == 2 || at == 3;
        events.push(RunEvent::OrderFinished {
            path: path.into(),
            order: (*order).into(),
            index: at + 1,
            of: orders.len(),
            token: if at == 2 {
                shown.token.clone().unwrap_or_default()
            } else {
                format!("wxs1:{path}@7:{order}:0000")
            },
            violations: if fails {
                shown.violations.clone()
            } else {
                vec![]
            },
            ending: match at {
                4 => Ending::Infeasible {
                    waiting: "submit c1".into(),
                    holder: "submit c2".into(),
                },
                _ => Ending::Complete,
            },
            history: fails.then(|| Box::new(told(two_phones()))),
        });
    }
    let counts = Counts::of(std::slice::from_ref(&shown));
    events.push(RunEvent::CaseFinished(Box::new(shown)));
    events.push(RunEvent::RunFinished {
        counts,
        exit_code: 1,
        interrupted: false,
        learned: Default::default(),
        coverage: Default::default(),
    });
    events
}
