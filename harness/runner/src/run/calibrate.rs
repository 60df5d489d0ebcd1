//! Measures the backend's pace with fault-free logins, one after the other, before anything is judged, and counts what
//! each of them asks of WeChat.

use std::collections::BTreeMap;

use super::exit;
use super::play::{Piece, Played, play};
use super::stage::{RunContext, Sample, Stop};
use wxmock_model::characterisation::CallCount;
use wxmock_model::history::History;
use wxmock_model::order::Order;
use wxmock_model::program::{CaptureApi, Phone, Place, Program, Seal, Step, Verb};
use wxmock_model::program::{Returns, Rotation};

/// Why there is no pace.
pub(crate) enum NoPace {
    Cancelled,
    /// In the words of [`wxmock_model::verdict::Verdict::Error`].
    Failed(String),
}

/// What fault-free logins showed.
#[derive(Debug, Default)]
pub(crate) struct Calibrated {
    /// How long each took, without the first: it pays for connections and warm-up.
    pub(crate) samples: Vec<Sample>,
    /// How many there were, with the first.
    pub(crate) logins: usize,
    /// Calls of one login by endpoint, over all of them: the first may fetch an access token that the others use.
    pub(crate) calls: BTreeMap<String, CallCount>,
}

/// Logs in `logins` times and once more.
pub(crate) async fn calibrate(
    run_context: &RunContext<'_>,
    prefix: &str,
    logins: usize,
) -> Result<Calibrated, NoPace> {
    let two_steps = run_context.adapter.has("login");
    if !two_steps && !run_context.adapter.has("login_profile") {
        // Every case will be skipped; nothing will be waited for.
        return Ok(Calibrated::default());
    }
    let program = Program {
        before: (0..=logins).flat_map(|n| login(n, two_steps)).collect(),
        ..one_phone()
    };
    let piece = Piece {
        program: &program,
        rules: (Rotation::MinInterval, Returns::Bound),
        events: &[],
        order: &Order::default(),
        prefix,
    };
    let Played {
        history,
        cut,
        samples,
        ..
    } = play(run_context, &piece).await;
    match cut {
        Some(Stop::Cancelled) => return Err(NoPace::Cancelled),
        Some(Stop::Baseline(why) | Stop::StoreLost(why)) => {
            return Err(NoPace::Failed(format!("{}: {why}", exit::REASON_BASELINE)));
        }
        Some(Stop::Refused(why)) => {
            let why = why.en;
            return Err(NoPace::Failed(format!("{}: {why}", exit::REASON_BASELINE)));
        }
        Some(Stop::Broken(why)) => {
            return Err(NoPace::Failed(format!("{}: {why}", exit::REASON_INTERNAL)));
        }
        Some(Stop::Ended(_)) | None => {}
    }
    if let wxmock_model::history::Ending::Hung { open, .. } = &history.ending {
        let why = format!(
            "a login without any fault was not answered: {}",
            open.join(", ")
        );
        return Err(NoPace::Failed(format!("{}: {why}", exit::REASON_BASELINE)));
    }
    if history.upstream.is_empty() {
        let why = "logins succeed, but no call has reached the mock; does the backend use the mock's address?";
        return Err(NoPace::Failed(format!("{}: {why}", exit::REASON_BASELINE)));
    }
    let (logins, calls) = count(&history);
    Ok(Calibrated {
        samples: samples.into_iter().skip(1).collect(),
        logins,
        calls,
    })
}

/// How many logins a history holds, and the fewest and the most calls one of them made.
fn count(history: &History) -> (usize, BTreeMap<String, CallCount>) {
    let logins: Vec<usize> = (0..history.operations.len())
        .filter(|at| history.operations[*at].code.is_some())
        .collect();
    let made = |login: usize, endpoint: &str| {
        let calls = history.upstream.iter();
        calls
            .filter(|call| call.operation == Some(login) && call.endpoint == endpoint)
            .count()
    };
    let mut calls: BTreeMap<String, CallCount> = BTreeMap::new();
    for endpoint in history.upstream.iter().map(|call| &call.endpoint) {
        let counts = logins.iter().map(|login| made(*login, endpoint));
        let (least, most) = (counts.clone().min(), counts.max());
        if let (Some(least), Some(most @ 1..)) = (least, most) {
            calls.insert(endpoint.clone(), CallCount { least, most });
        }
    }
    (logins.len(), calls)
}

/// A program of one person with one phone and nothing to do.
pub(crate) fn one_phone() -> Program {
    Program {
        users: vec!["A".to_owned()],
        phones: vec![Phone {
            name: "P1".to_owned(),
            user: "A".to_owned(),
            device: "P1".to_owned(),
        }],
        ..Program::default()
    }
}

/// The steps of login number `n` of phone 1, in the way the adapter describes.
pub(crate) fn login(n: usize, two_steps: bool) -> Vec<Step> {
    let (code, token, payload) = (format!("c{n}"), format!("t{n}"), format!("p{n}"));
    let step = |label: &str, verb: Verb, op: Option<&'static str>| Step {
        phone: Some(0),
        text: label.to_owned(),
        label: label.to_owned(),
        verb,
        op,
        place: Place::default(),
    };
    if two_steps {
        return vec![step("login", Verb::Login { code, token }, Some("login"))];
    }
    let api = CaptureApi::UserInfo;
    vec![
        step("mint", Verb::Mint { code: code.clone() }, None),
        step(
            "capture userinfo",
            Verb::Capture {
                api,
                payload: payload.clone(),
                seal: Seal::default(),
            },
            None,
        ),
        step(
            "submit-profile",
            Verb::SubmitProfile {
                code,
                payload,
                token,
            },
            Some("login_profile"),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_histories::Builder;

    #[test]
    fn calls_are_counted_by_login_and_endpoint() {
        let mut b = Builder::new();
        for (at, code) in ["c1", "c2", "c3"].into_iter().enumerate() {
            let op = b.submit("P1", code);
            let call = b.commit(op, 1);
            b.reply(call);
            if at == 0 {
                let token = wxmock_model::history::UpstreamCall {
                    endpoint: "token".to_owned(),
                    ..b.history.upstream[call].clone()
                };
                b.history.upstream.push(token);
            }
            b.welcome(op, "t");
        }
        let (logins, calls) = count(&b.history);
        assert_eq!(logins, 3);
        assert_eq!(calls["jscode2session"], CallCount { least: 1, most: 1 });
        assert_eq!(calls["token"], CallCount { least: 0, most: 1 });
        assert_eq!(count(&History::default()), (0, BTreeMap::new()));
    }
}
