//! Forces one order of a race through the mock's gates, settles after each step, and writes down what happened.
//!
//! The harness owns both ends of the backend, and uses each by the shortest route: phones and gates drive the mock
//! through its in-process handle, so that minting, capturing, holding and releasing cost microseconds and cannot race
//! with the backend's own traffic, and only what a real phone would send to the backend goes over HTTP.
//!
//! In reading order: [`Runner`] (`cases`; verdicts: `tally`), `play` (one order from first step to last), `verbs` with
//! `asks`, `levers` and `questions` (what a step does), `stage` (what is open, and the wait for rest) with `traffic`
//! (calls to WeChat) and `answers` (to phones), `settle` (what rest is), `outlived` (holds the backend did not wait for),
//! `waits` (who waits for whom in a hang), `free` (the race without gates), `lateness` (how loaded the machine is),
//! `calibrate`, `patience` and `locks` (what is learned of the backend), `prove` (whether anything can be seen), `test_users`
//! (people, gates and faults of one order), `record` (the history being written), `captured` with `mask` (what was said,
//! without its secrets), [`leak`] and [`derivation`] (what answers may not contain) with `given_tokens`, [`exit`].
//! Nothing here knows a rule of the judge beyond those two scans.

mod accounts_given;
mod again;
mod answers;
mod asks;
mod calibrate;
mod cancel;
mod captured;
mod cases;
mod context;
pub mod derivation;
mod error;
mod evidence;
pub mod exit;
mod explore;
mod explore_statements;
mod first_failing;
mod forge;
mod free;
mod gating;
mod given_tokens;
mod judged;
mod kept;
mod lanes;
mod lateness;
pub mod leak;
mod levers;
mod locks;
mod looks;
mod mask;
mod meaning;
mod measured;
mod obligations;
mod outlived;
mod patience;
mod payload_store;
mod play;
mod preempt;
mod prove;
mod questions;
mod reason;
mod record;
mod refusals;
mod replay;
mod runner;
mod said_to_stores;
mod settings;
mod settle;
mod shapes;
mod shrink;
mod stage;
mod standing;
mod statements;
mod stop;
mod store;
mod tally;
mod test_users;
mod traffic;
mod verbs;
mod waits;

pub use cancel::Cancel;
pub use error::{RunError, ensure_app};
pub(crate) use given_tokens::GivenTokens;
pub use kept::Kept;
pub use patience::PATIENCE_CAP;
pub use prove::Proof;
pub(crate) use prove::{Senses, prove};
pub use replay::{Replay, Replayed, Strength, playable};
pub use runner::Runner;
pub use settings::{Listener, Settings};
pub use settle::{INSISTENCE, Pace, QUIET_CEILING, QUIET_FLOOR};
