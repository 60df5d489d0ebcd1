//! Starting and stopping a backend of the zoo.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::backend::{Backend, Shared};
use crate::behaviour::Behaviour;
use crate::policy::Policy;
use crate::store::Store;
use crate::turns::Turns;
use crate::wechat::WeChat;
use crate::{Design, adapter, http};

/// Starts backends.
#[derive(Debug)]
pub struct Zoo;

/// The WeChat a backend calls, and the mini program it is.
#[derive(Clone)]
pub struct Upstream {
    /// Where WeChat is: a plain HTTP address such as `http://127.0.0.1:8080`, with or without a path prefix.
    pub base: String,
    /// The mini program's appid: `wx` and 16 hex digits.
    pub appid: String,
    /// The mini program's AppSecret: 32 hex digits. Also seeds the session tokens.
    pub secret: String,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("base", &self.base)
            .field("appid", &self.appid)
            .finish_non_exhaustive()
    }
}

/// Why a backend did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No free port of the loopback could be had.
    #[error("bind a free port of 127.0.0.1")]
    Bind(#[from] std::io::Error),
    /// The address of WeChat is not one a built-in backend can call.
    #[error("use {base:?} as WeChat's address: expected plain http, such as http://127.0.0.1:8080")]
    Upstream {
        /// What was given.
        base: String,
    },
}

/// A backend that runs. Dropping it stops it, too.
#[derive(Debug)]
pub struct Running {
    design: Design,
    behaviour: Behaviour,
    base_url: String,
    upstream: Upstream,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Zoo {
    /// Starts a backend on a free port of 127.0.0.1, inside the current tokio runtime.
    ///
    /// Its data starts empty and lives in memory. Session tokens follow from the AppSecret and the number of the
    /// login, so that two runs with the same logins show the same tokens.
    ///
    /// # Errors
    /// [`StartError::Bind`] if there is no free port; [`StartError::Upstream`] if `upstream.base` is not plain HTTP.
    pub async fn start(design: Design, upstream: Upstream) -> Result<Running, StartError> {
        Self::start_with(design, Behaviour::of(design), upstream).await
    }

    /// As [`Zoo::start`], with other behaviour than the design's own.
    ///
    /// # Errors
    /// As [`Zoo::start`].
    pub async fn start_with(
        design: Design,
        behaviour: Behaviour,
        upstream: Upstream,
    ) -> Result<Running, StartError> {
        let policy: Arc<dyn Policy> = Arc::from(design.policy());
        let token_secret = hex::encode(Sha256::digest(format!(
            "wxmock-zoo {design} {}",
            upstream.secret
        )));
        let shared = Arc::new(Shared {
            store: Mutex::new(Store::new(&token_secret)),
            turns: Turns::new(behaviour.queue),
        });
        let replica = |_| {
            let wechat = WeChat::new(&upstream)?;
            Ok(Arc::new(Backend::new(
                wechat,
                Arc::clone(&policy),
                behaviour,
                Arc::clone(&shared),
            )))
        };
        let replicas = (0..design.n_replicas())
            .map(replica)
            .collect::<Result<Vec<_>, StartError>>()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(http::serve(listener, replicas, stopped));
        Ok(Running {
            design,
            behaviour,
            base_url,
            upstream,
            stop,
            server,
        })
    }
}

impl Running {
    /// Where phones reach it: `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.base_url.clone()
    }

    /// What runs.
    #[must_use]
    pub const fn design(&self) -> Design {
        self.design
    }

    /// The adapter (TOML) that describes this backend to the harness: its address, its app, and whether its logins
    /// wait for each other.
    #[must_use]
    pub fn adapter_toml(&self) -> String {
        adapter::for_design(self.design, self.behaviour, &self.base_url, &self.upstream)
    }

    /// Stops it: no new connections, open requests are dropped, hung ones too. Returns when the port is free.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // It ends by itself; only a panic of the accept loop could be lost here, and there is nothing left to stop.
        let _ = self.server.await;
    }
}
