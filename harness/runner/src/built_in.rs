//! A built-in backend with a mock and a harness session of its own: for the demo, the kill matrix and benches.

use std::sync::Arc;

use wxmock_world::{NewApp, Seed};
use wxmock_zoo::{Behaviour, Design, Running, StartError, Upstream, Zoo};

use crate::session::{Session, SessionError, Stage};
use wxmock_adapter::{Adapter, AdapterError};

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum BuiltInError {
    /// The mock or the session did not start.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The built-in backend did not start.
    #[error(transparent)]
    Backend(#[from] StartError),
    /// The built-in adapter is wrong, which is a bug of this crate.
    #[error("the built-in adapter: {0}")]
    Adapter(#[from] AdapterError),
}

/// Starts a mock, `design` in front of it, and the session that drives it. Stop the session first, then the backend.
///
/// # Errors
/// No free port on the loopback, or no scratch folder.
pub async fn session(design: Design, seed: Seed) -> Result<(Session, Running), BuiltInError> {
    session_with(design, Behaviour::of(design), seed, |adapter| adapter).await
}

/// As [`session`], for a design with other behaviour than its own. `describe` may say something else about the backend than
/// its own adapter does, which is how a claim is tried that is not true.
///
/// # Errors
/// As [`session`], and an adapter that `describe` made wrong.
pub async fn session_with(
    design: Design,
    behaviour: Behaviour,
    seed: Seed,
    describe: impl FnOnce(String) -> String,
) -> Result<(Session, Running), BuiltInError> {
    let stage = Stage::open(
        seed,
        0,
        NewApp {
            open_platform: true,
            ..NewApp::default()
        },
    )
    .await?;
    let vars = stage.vars();
    let upstream = Upstream {
        base: vars.mock_base.clone(),
        appid: vars.appid.clone(),
        secret: vars.secret.clone(),
    };
    let backend = Zoo::start_with(design, behaviour, upstream).await?;
    let adapter = Adapter::parse(design.id(), &describe(backend.adapter_toml()))?;
    let session = stage.attach(Arc::new(adapter)).await?;
    Ok((session, backend))
}
