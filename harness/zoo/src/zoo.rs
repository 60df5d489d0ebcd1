//! Starting and stopping a backend of the zoo.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::backend::{Backend, Shared};
use crate::behaviour::Behaviour;
use crate::design::{Correct, Design};
use crate::policy::Policy;
use crate::replica::Replica;
use crate::store::Store;
use crate::turns::Turns;
use crate::upstream::{StartError, Upstream};
use crate::wechat::WeChat;
use crate::{adapter, correct, http, mutants};

/// Starts backends.
#[derive(Debug)]
pub struct Zoo;

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
        let policy: Arc<dyn Policy> = Arc::from(policy(design));
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
            Ok(Arc::new(Replica {
                backend: Backend::new(wechat, behaviour, Arc::clone(&shared)),
                policy: Arc::clone(&policy),
            }))
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

/// The decisions of a design.
fn policy(design: Design) -> Box<dyn Policy> {
    match design {
        // What the others have besides, replicas, a queue or less in the adapter, is no decision about sessions or keys.
        Design::Correct(
            Correct::CandidateKeys
            | Correct::SharedStore
            | Correct::Serialised
            | Correct::LoginOnly
            | Correct::PhoneOnly,
        ) => Box::new(correct::CandidateKeys),
        Design::Correct(Correct::SingleSession) => Box::new(correct::SingleSession),
        Design::Correct(Correct::PerToken | Correct::SealedLogin) => Box::new(correct::PerToken),
        Design::Correct(Correct::PerUser) => Box::new(correct::PerUser),
        Design::Correct(Correct::PhoneCode) => Box::new(correct::PhoneCode),
        Design::Mutant(mutant) => mutants::policy(mutant),
    }
}
