//! Why nothing could be run, and the app of a run, without which nothing can.

use super::exit;
use wxmock_adapter::RunVars;
use wxmock_model::lang::Say;
use wxmock_model::verdict::Violation;
use wxmock_server::Handle;
use wxmock_world::{AppId, AppSecret, ControlError, NewApp};

/// Why nothing could be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The mock has no such app, or the appid has the wrong shape. Exit code 3.
    #[error("app {appid}: {why}")]
    App {
        /// The appid asked for.
        appid: String,
        /// The mock's words.
        why: String,
    },
    /// A login without any fault failed, or the harness could not make one. The reason begins as
    /// [`wxmock_model::verdict::Verdict::Error`]'s does.
    #[error("{0}")]
    Baseline(String),
    /// A plain login fails under the usual shape of WeChat's reply and works under another legal one: a finding about the
    /// backend, told before any case could run. Exit code 1.
    #[error("{}", .0.sentence)]
    Shape(Box<Violation>),
    /// An operation does not do what the adapter says of it, or cannot be told from a refusal: nothing could be judged.
    #[error("{}", text.en)]
    Unproved {
        /// Exit code: 3 if the adapter is to be changed, 5 if it is the backend.
        code: i32,
        /// What was asked and answered, the likely repair, the backend's last lines; several lines.
        text: Say,
    },
    /// The run was cancelled. Exit code 130.
    #[error("interrupted")]
    Cancelled,
}

impl RunError {
    /// The exit code this deserves.
    #[must_use]
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::App { .. } => exit::USAGE,
            Self::Baseline(reason) => exit::of_error(reason),
            Self::Shape(_) => exit::VIOLATED,
            Self::Unproved { code, .. } => *code,
            Self::Cancelled => exit::INTERRUPTED,
        }
    }
}

/// Makes the app of a run in the mock, unless it is there: call it before the backend starts, which may ask for an
/// access_token at once. The app belongs to an Open Platform account, so that its people have unionids.
///
/// # Errors
/// The appid or the secret has the wrong shape, or the mock refuses.
pub fn ensure_app(handle: &Handle, vars: &RunVars) -> Result<AppId, RunError> {
    let failed = |why: String| RunError::App {
        appid: vars.appid.clone(),
        why,
    };
    let appid: AppId = vars.appid.parse().map_err(|e| failed(format!("{e}")))?;
    let secret: AppSecret = vars.secret.parse().map_err(|e| failed(format!("{e}")))?;
    let made = handle.with_world(|world, now| match world.app(&appid) {
        Ok(_) => Ok(()),
        Err(_) => {
            let new = NewApp {
                appid: Some(appid.clone()),
                secret: Some(secret),
                open_platform: true,
                ..NewApp::default()
            };
            world.create_app(now, new).map(|_| ())
        }
    });
    made.map_err(|e: ControlError| failed(e.to_string()))?;
    Ok(appid)
}
