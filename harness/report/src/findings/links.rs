//! What a history shows that links a consequence to its cause. Knows neither.

use wxmock_model::history::{History, Operation, Outcome, Phase, Purpose, Tick, UpstreamCall};

fn is_login(operation: &Operation) -> bool {
    matches!(operation.op.as_str(), "login" | "login_profile")
}

/// Whether somebody was given an account of somebody else.
pub(super) fn has_shared_account(history: &History) -> bool {
    let given =
        |operation: &&Operation| is_login(operation) && operation.answer.outcome == Outcome::Ok;
    let logins = || history.operations.iter().filter(given);
    !history.accounts_elsewhere.is_empty()
        || logins().any(|one| {
            let id = one.answer.user_id.as_ref();
            logins().any(|other| {
                id.is_some() && other.user != one.user && other.answer.user_id.as_ref() == id
            })
        })
}

/// Whether a request without a token, or with one that was logged out, was answered with a success.
pub(super) fn answers_without_a_session(history: &History) -> bool {
    let logged_out = |op: &Operation| {
        let mut before = history.operations.iter();
        before.any(|out| {
            out.op == "logout"
                && out.called < op.called
                && out.token_name.is_some()
                && out.token_name == op.token_name
        })
    };
    history.operations.iter().any(|op| {
        !is_login(op)
            && op.op != "logout"
            && op.answer.outcome == Outcome::Ok
            && (op.token_of.is_none() || logged_out(op))
    })
}

/// Whether a login failed whose call to WeChat did.
pub(super) fn has_failed_login(history: &History) -> bool {
    let failed = |at: usize| {
        let mut calls = history.upstream.iter();
        calls.any(|call| {
            call.operation == Some(at)
                && (call.fault.is_some() || call.errcode.is_some_and(|code| code != 0))
        })
    };
    let operations = history.operations.iter().enumerate();
    operations
        .into_iter()
        .any(|(at, op)| is_login(op) && op.answer.outcome != Outcome::Ok && failed(at))
}

/// Whether, for some person, the exchange that is the last one by `when` brought an older key than another that had arrived.
pub(super) fn brings_an_older_key(
    history: &History,
    when: impl Fn(&History, &UpstreamCall) -> Option<Tick>,
) -> bool {
    let arrived = || {
        let calls = history.upstream.iter();
        calls.filter(|call| call.delivered && call.key_no.is_some() && call.released.is_some())
    };
    history.users.iter().any(|user| {
        let own = || arrived().filter(|call| call.user.as_ref() == Some(&user.name));
        let race = || {
            own().filter(|call| {
                let login = call.operation.and_then(|at| history.operations.get(at));
                login.is_none_or(|login| {
                    login.purpose == Purpose::Scenario && login.phase != Phase::Probe
                })
            })
        };
        let last = race().max_by_key(|call| when(history, call));
        let newest = race().filter_map(|call| call.key_no).max();
        last.is_some_and(|last| last.key_no < newest)
    })
}

/// Whether two logins were given one token.
pub(super) fn has_equal_tokens(history: &History) -> bool {
    let tokens = history.operations.iter().filter_map(|operation| {
        let is_login = matches!(operation.op.as_str(), "login" | "login_profile");
        operation.answer.token_hash.as_ref().filter(|_| is_login)
    });
    let tokens: Vec<&String> = tokens.collect();
    (1..tokens.len()).any(|at| tokens[..at].contains(&tokens[at]))
}

/// Whether a payload that had been refused opened when it was sent again after a pause.
pub(super) fn opens_later(history: &History) -> bool {
    let mut looks = history.operations.iter();
    looks.any(|op| op.purpose == Purpose::LaterLook && op.answer.outcome == Outcome::Ok)
}
