//! Measures the backend's pace with fault-free logins, one after the other, before anything is judged.

use super::exit;
use super::play::{Piece, Played, play};
use super::stage::{Ground, Sample, Stop};
use crate::plan::{Returns, Rotation};
use crate::scenario::{CaptureApi, Phone, Place, Program, Seal, Step, Verb};
use crate::schedule::Order;

/// Why there is no pace.
pub(crate) enum NoPace {
    Cancelled,
    /// In the words of [`crate::verdict::Verdict::Error`].
    Failed(String),
}

/// Logs in `logins` times and once more, and returns how long each took. The first login is left out: it pays for
/// connections and warm-up.
pub(crate) async fn calibrate(
    ground: &Ground<'_>,
    prefix: &str,
    logins: usize,
) -> Result<Vec<Sample>, NoPace> {
    let two_steps = ground.adapter.has("login");
    if !two_steps && !ground.adapter.has("login_profile") {
        // Every case will be skipped; nothing will be waited for.
        return Ok(Vec::new());
    }
    let program = Program {
        users: vec!["A".to_owned()],
        phones: vec![Phone {
            name: "P1".to_owned(),
            user: "A".to_owned(),
            device: "P1".to_owned(),
        }],
        before: (0..=logins).flat_map(|n| login(n, two_steps)).collect(),
        ..Program::default()
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
    } = play(ground, &piece).await;
    match cut {
        Some(Stop::Cancelled) => return Err(NoPace::Cancelled),
        Some(Stop::Baseline(why)) => {
            return Err(NoPace::Failed(format!("{}: {why}", exit::REASON_BASELINE)));
        }
        Some(Stop::Broken(why)) => {
            return Err(NoPace::Failed(format!("{}: {why}", exit::REASON_INTERNAL)));
        }
        Some(Stop::Ended(_)) | None => {}
    }
    if let crate::history::Ending::Hung { open, .. } = &history.ending {
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
    Ok(samples.into_iter().skip(1).collect())
}

fn login(n: usize, two_steps: bool) -> Vec<Step> {
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
