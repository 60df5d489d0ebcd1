//! How long the backend waits for WeChat: the calls of one login are held until it gives up.
//!
//! This costs as much wall time as the backend has patience, so it is done once a run, and only when it serves: on request,
//! or when an order has shown that the assumed patience is too long. A run whose holds stay short has nothing to gain from
//! five seconds of waiting, and an adapter that says `upstream_timeout_ms` is believed.

use std::time::{Duration, Instant};

use wxmock_server::{CallInfo, CallState, Endpoint};

use super::calibrate::{self, one_phone};
use super::play::{Piece, stage};
use super::settle::Need;
use super::stage::{RunContext, Stage, Stop};
use wxmock_model::characterisation::Patience;
use wxmock_model::history::StepKind;
use wxmock_model::order::{EventName, Order};
use wxmock_model::program::{Place, Program, Step, Verb};
use wxmock_model::program::{Returns, Rotation};

/// The longest wait for a backend to give up, when its patience is asked for.
pub const PATIENCE_CAP: Duration = Duration::from_secs(30);
/// A backend that asks again and again is watched for so many calls.
const MOST_CALLS: usize = 8;

/// What was seen while every call of one login was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    /// From the first call to the first sign that the backend gave up on it: it closed the call, asked again, or answered
    /// its phone.
    gave_up: Option<Duration>,
    /// Calls in all.
    calls: usize,
    /// How long the first call was watched.
    watched: Duration,
}

/// Holds one login until the backend gives up, for `cap` at most. `usual` is how often a login asks WeChat when nothing is
/// held. `None` if the login could not be sent or never asked.
pub(crate) async fn measure(
    run_context: &RunContext<'_>,
    prefix: &str,
    cap: Duration,
    usual: usize,
) -> Option<Patience> {
    let program = program(run_context.adapter.has("login"));
    let piece = Piece {
        program: &program,
        rules: (Rotation::MinInterval, Returns::Bound),
        events: &[],
        order: &Order::default(),
        prefix,
    };
    let held = hold(stage(run_context, &piece).ok()?, cap).await.ok()??;
    Some(patience(held, usual))
}

/// One login that is prepared, then sent while its code is held.
fn program(two_steps: bool) -> Program {
    let mut steps = calibrate::login(0, two_steps);
    if two_steps {
        let step = |verb: Verb, label: &str, op| Step {
            phone: Some(0),
            text: label.to_owned(),
            label: label.to_owned(),
            verb,
            op,
            place: Place::default(),
        };
        let (code, token) = ("c".to_owned(), "t".to_owned());
        steps = vec![
            step(Verb::Mint { code: code.clone() }, "mint", None),
            step(Verb::Submit { code, token }, "submit", Some("login")),
        ];
    }
    Program {
        before: steps,
        ..one_phone()
    }
}

async fn hold(mut stage: Stage<'_>, cap: Duration) -> Result<Option<Held>, Stop> {
    let Some((login, preparation)) = stage.program.before.split_last() else {
        return Ok(None);
    };
    for step in preparation {
        stage.perform(step, None).await?;
        stage.settle(Need::Certainty).await?;
    }
    let submit = EventName {
        kind: StepKind::Submit,
        number: 1,
        repeat: 0,
    };
    stage.perform(login, Some(submit)).await?;
    let code = stage.requests.last().and_then(|r| r.js_code.clone());
    match code {
        Some(code) => watch(stage, &code, cap).await,
        None => Ok(None),
    }
}

/// Watches the calls that carry `code`, all of them held, until the phone is answered or nothing has happened for `cap`.
async fn watch(mut stage: Stage<'_>, code: &str, cap: Duration) -> Result<Option<Held>, Stop> {
    let run_context = stage.run_context;
    let (mut moved, mut answered) = (Instant::now(), false);
    let (mut first, mut gave_up) = (None, None);
    let mut before = (0, 0);
    loop {
        stage.changes.mark_unchanged();
        let calls = run_context.handle.calls().since(stage.cursor);
        let ours = |call: &&CallInfo| {
            call.endpoint == Endpoint::Jscode2session && call.js_code.as_deref() == Some(code)
        };
        let ours: Vec<&CallInfo> = calls.iter().filter(ours).collect();
        let over = ours.iter().filter(|call| call.state != CallState::Arrived);
        let now = (ours.len(), over.count());
        if now != before {
            (moved, before) = (Instant::now(), now);
        }
        if first.is_none() && !ours.is_empty() {
            first = Some(Instant::now());
        }
        if answered || now.1 > 0 || now.0 > 1 {
            gave_up = gave_up.or_else(|| first.map(|first| first.elapsed()));
        }
        if answered || moved.elapsed() >= cap || now.0 >= MOST_CALLS {
            return Ok(first.map(|first| Held {
                gave_up,
                calls: now.0,
                watched: first.elapsed(),
            }));
        }
        tokio::select! {
            biased;
            () = run_context.cancel.cancelled() => return Err(Stop::Cancelled),
            arrival = stage.inbox.recv() => answered = arrival.is_some(),
            changed = stage.changes.changed() => {
                if changed.is_err() {
                    return Ok(None);
                }
            }
            () = tokio::time::sleep(cap.saturating_sub(moved.elapsed())) => {}
        }
    }
}

/// What the held login shows.
fn patience(held: Held, usual: usize) -> Patience {
    let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    match held.gave_up {
        Some(span) => Patience::Measured {
            ms: ms(span).max(1),
            retries: held.calls.saturating_sub(usual.max(1)),
        },
        None => Patience::Endless {
            at_least_ms: ms(held.watched),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(gave_up_ms: Option<u64>, calls: usize, usual: usize, expected: Patience) {
        let held = Held {
            gave_up: gave_up_ms.map(Duration::from_millis),
            calls,
            watched: Duration::from_secs(30),
        };
        assert_eq!(patience(held, usual), expected);
    }

    #[test]
    fn the_first_sign_of_giving_up_is_the_patience_and_what_follows_are_retries() {
        let measured = |ms, retries| Patience::Measured { ms, retries };
        check(Some(3_000), 2, 1, measured(3_000, 1));
        check(Some(3_000), 1, 1, measured(3_000, 0));
        check(Some(0), 1, 0, measured(1, 0));
        // A login that always asks twice has not retried.
        check(Some(200), 2, 2, measured(200, 0));
    }

    #[test]
    fn a_backend_that_never_gives_up_is_known_by_how_long_it_was_watched() {
        check(
            None,
            1,
            1,
            Patience::Endless {
                at_least_ms: 30_000,
            },
        );
    }
}
