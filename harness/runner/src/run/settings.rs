//! How a run goes, and who hears of it.

use std::sync::Arc;
use std::time::Duration;

use super::cancel::Cancel;
use super::patience::PATIENCE_CAP;
use super::settle::QUIET_FLOOR;
use wxmock_adapter::RunVars;
use wxmock_model::event::RunEvent;
use wxmock_model::shard::Shard;
use wxmock_schedule::Limits;
use wxmock_store::Stores;

/// How to run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Values that hold for the whole run; its `appid` and `secret` are those of the app in the mock, and its `nonce` is part of
    /// everybody's name: two runs with one seed and one nonce meet the same people.
    pub vars: RunVars,
    /// What was selected, in the user's words; goes into the transcript.
    pub suite: String,
    /// How long one call may be held. Longer than any settled step, shorter than a person's patience.
    pub hold_limit: Duration,
    /// Whether the backend's patience with WeChat is measured before the first case, where the adapter does not declare
    /// it. Otherwise it is measured once an order shows that the assumed one is too long.
    pub measure_patience: bool,
    /// How long a measurement waits for the backend to give up.
    pub patience_cap: Duration,
    /// The shortest silence that may count as "blocked"; measured paces only lengthen it. A busy machine wants more.
    pub quiet_floor: Duration,
    /// Fault-free logins to measure the backend's pace with; one more warms it up.
    pub calibration_logins: usize,
    /// Whether every order's history goes into the transcript, not only those of failing ones.
    pub trace: bool,
    /// Whether a violated SHOULD makes the exit code 1.
    pub strict: bool,
    /// Which share of a run this is; the cases are that share already.
    pub shard: Option<Shard>,
    /// Whether a run may end well though every case of some selected suite was skipped.
    pub allow_skipped: bool,
    /// Whether a case ends with its first failing order.
    pub fail_fast: bool,
    /// How many orders of a case are run.
    pub limits: Limits,
    /// How many orders may run side by side, where nothing forbids it. Reports do not depend on it.
    pub jobs: usize,
    /// How often a failing order is run in all; 1 also leaves out the second look at some passing ones.
    pub repeat_failing: usize,
    /// How many rounds of a race are run without gates, where it is one that is ([`Case::runs_free`](wxmock_scenario::plan::Case::runs_free)); 0 leaves them out.
    pub free_rounds: usize,
    /// Whether the first failing order of a case is made smaller.
    pub shrink: bool,
    /// Whether the sequential twin and the nearest passing neighbour of that order are looked for.
    pub explain: bool,
    /// After so long no further order is begun; what is left is said to be left.
    pub max_time: Option<Duration>,
    /// In the orders of the statements, a chain is held at one at most so often.
    pub preemptions: usize,
    /// The stores of the backend that are stood before; `None` if the adapter has none.
    pub stores: Option<Arc<Stores>>,
    /// Throw it to end the run early.
    pub cancel: Cancel,
}

impl Settings {
    /// The defaults: holds up to two minutes, eight calibration logins, histories of failing orders only.
    #[must_use]
    pub fn new(vars: RunVars) -> Self {
        Self {
            vars,
            suite: "all".to_owned(),
            hold_limit: Duration::from_secs(120),
            measure_patience: false,
            patience_cap: PATIENCE_CAP,
            quiet_floor: QUIET_FLOOR,
            calibration_logins: 8,
            trace: false,
            strict: false,
            shard: None,
            allow_skipped: false,
            fail_fast: false,
            limits: Limits::default(),
            jobs: 1,
            repeat_failing: 5,
            free_rounds: FREE_ROUNDS,
            shrink: true,
            explain: true,
            max_time: None,
            preemptions: PREEMPTIONS,
            stores: None,
            cancel: Cancel::new(),
        }
    }
}

/// So many rounds of a race are run without gates unless somebody asks for more.
const FREE_ROUNDS: usize = 30;

/// Most bugs need two preemptions at most (Musuvathi and Qadeer, PLDI 2007).
const PREEMPTIONS: usize = 2;

/// Receives the events of a run.
pub type Listener<'l> = dyn FnMut(RunEvent) + Send + 'l;
