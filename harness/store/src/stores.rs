//! The stores of a run: one listener each, and what a schedule does with their statements.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, io,
    net::{self, Ipv4Addr, SocketAddr},
    sync::Arc,
    thread,
};

use tokio::{
    net::{TcpListener, TcpStream},
    runtime::{self, Handle},
    sync::{oneshot, watch},
    task::JoinSet,
};

use crate::{
    connection::{self, Route},
    event::{StoreEvent, Trouble},
    ledger::Ledger,
    probe,
    spec::{StoreError, StoreSpec},
    statement::{Parked, Statement, StatementId},
};

/// The stores of a run. Dropping it closes all listeners and connections.
pub struct Stores {
    ledger: Arc<Ledger>,
    addresses: BTreeMap<String, SocketAddr>,
    specs: Vec<Arc<StoreSpec>>,
    carriers: Carriers,
}

/// A thread that carries all connections. One alone, whatever else the process does: a statement goes in and comes out on the thread
/// that has found it, and what many connections have sent meanwhile is taken in one go.
struct Carriers {
    runtime: Handle,
    /// Dropped, it ends the thread.
    _end: oneshot::Sender<()>,
}

impl Carriers {
    fn start() -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        thread::Builder::new()
            .name("stores".to_owned())
            .spawn(move || runtime.block_on(ended))?;
        Ok(Self {
            runtime: handle,
            _end: end,
        })
    }

    /// Accepts what comes to `listener`.
    fn accept(&self, listener: TcpListener, spec: Arc<StoreSpec>, ledger: Arc<Ledger>) {
        self.runtime.spawn(accept(listener, spec, ledger));
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

impl Stores {
    /// Asks each store whether it is there and speaks its protocol (no data is read or written), and listens for the backend.
    /// Nothing is held at first.
    ///
    /// # Errors
    /// A store is not there or is another one, or its `listen` cannot be had.
    pub async fn start(specs: &[StoreSpec]) -> Result<Self, StoreError> {
        let mut stores = Self {
            ledger: Arc::new(Ledger::new()),
            addresses: BTreeMap::new(),
            specs: Vec::new(),
            carriers: Carriers::start().map_err(StoreError::Thread)?,
        };
        for spec in specs {
            if stores.addresses.contains_key(&spec.name) {
                return Err(StoreError::SameName {
                    name: spec.name.clone(),
                });
            }
            probe::check(spec).await?;
            let listener = stores.listen_for(spec)?;
            let address = listener.local_addr().map_err(|source| StoreError::Listen {
                name: spec.name.clone(),
                listen: spec.listen.unwrap_or(ANY_PORT),
                source,
            })?;
            stores.addresses.insert(spec.name.clone(), address);
            let ledger = Arc::clone(&stores.ledger);
            let spec = Arc::new(spec.clone());
            stores.specs.push(Arc::clone(&spec));
            stores.carriers.accept(listener, spec, ledger);
        }
        Ok(stores)
    }

    /// A listener of the thread that carries connections.
    fn listen_for(&self, spec: &StoreSpec) -> Result<TcpListener, StoreError> {
        let listen = spec.listen.unwrap_or(ANY_PORT);
        if !listen.ip().is_loopback() {
            return Err(StoreError::NotLoopback {
                name: spec.name.clone(),
                listen,
            });
        }
        let of_runtime = self.carriers.runtime.enter();
        let listener = net::TcpListener::bind(listen).and_then(|listener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        });
        drop(of_runtime);
        listener.map_err(|source| StoreError::Listen {
            name: spec.name.clone(),
            listen,
            source,
        })
    }

    /// Where the backend finds the store `name`; `None` if there is none of that name.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<SocketAddr> {
        self.addresses.get(name).copied()
    }

    /// Holds every statement that comes from now on, but those that are never held ([`StatementKind::Passed`](crate::StatementKind)).
    pub fn hold(&self) {
        self.ledger.hold();
    }

    /// Writes down what is said from now on, as it does at first and while something is held.
    pub fn listen(&self) {
        self.ledger.listen();
    }

    /// Writes nothing down from now on, until [`hold`](Self::hold) or [`listen`](Self::listen): statements get no number, and only
    /// their ends are looked for. Does nothing while statements are held.
    pub fn rest(&self) {
        self.ledger.rest();
    }

    /// Releases everything, oldest first on each connection, and holds nothing from now on.
    pub fn pass(&self) {
        self.ledger.pass();
    }

    /// What is held, oldest first.
    #[must_use]
    pub fn parked(&self) -> Vec<Parked> {
        self.ledger.parked()
    }

    /// Lets one held statement go to its store. `false`: it is not held, or an older one of its connection is
    /// ([`Parked::behind`]).
    ///
    /// It is written soon after, not at once: whoever wants two statements in this order at the store releases the second
    /// when the first is no longer [in flight](Self::in_flight), or is known to wait inside the store.
    #[must_use]
    pub fn release(&self, id: StatementId) -> bool {
        self.ledger.release(id)
    }

    /// Statements released (or never held) and not yet answered, oldest first. One that stays here while nothing else moves waits
    /// inside its store; a blocking pop of a background worker stays here too ([`StatementKind::Passed`](crate::StatementKind)).
    #[must_use]
    pub fn in_flight(&self) -> Vec<StatementId> {
        self.ledger.in_flight()
    }

    /// Statements after `after`, oldest first, with the answers so far. The newest 8192 are kept, fewer if they are long.
    #[must_use]
    pub fn log_since(&self, after: StatementId) -> Vec<Statement> {
        self.ledger.log_since(after)
    }

    /// The number of the newest statement; 0 if there was none.
    #[must_use]
    pub fn last(&self) -> StatementId {
        self.ledger.last()
    }

    /// Changes whenever a statement comes, is released or answered, and with each event: await its `changed()`.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.ledger.changes()
    }

    /// The numbers of the connections by which the backend is connected to the store `name`, if it has never had more at once: the whole of
    /// its pool, as far as that has shown. `None` if it has had more, or none.
    #[must_use]
    pub fn all_connections(&self, name: &str) -> Option<BTreeSet<u32>> {
        self.ledger.all_connections(name)
    }

    /// What went wrong and was not [taken](Self::take_events) yet, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<StoreEvent> {
        self.ledger.events()
    }

    /// How often statements of the backend came to nothing because their store was away or closed the connection, and what was told the
    /// last time.
    #[must_use]
    pub fn losses(&self) -> (u64, Option<StoreEvent>) {
        self.ledger.losses()
    }

    /// The same, once it is known of every connection that a store closed whether that has gone away: then that is what is told.
    pub async fn losses_known(&self) -> (u64, Option<StoreEvent>) {
        let mut looking = self.ledger.looking();
        // Its other end lives as long as we do.
        let _ = looking.wait_for(|count| *count == 0).await;
        self.ledger.losses()
    }

    /// The stores that have gone away, by name, with what was told of each ([`Trouble::Gone`], [`Trouble::Unreachable`]): await its
    /// `changed()`. One that has closed a connection is asked at once whether it is there, and so an idle one is missed, too.
    #[must_use]
    pub fn gone(&self) -> watch::Receiver<BTreeMap<Arc<str>, StoreEvent>> {
        self.ledger.gone()
    }

    /// Asks those that have gone away whether they are back; what was told of one that is not.
    pub async fn still_gone(&self) -> Option<StoreEvent> {
        let gone: Vec<StoreEvent> = self.gone().borrow().values().cloned().collect();
        for event in gone {
            let spec = self.specs.iter().find(|spec| *spec.name == *event.store);
            if let Some(spec) = spec
                && probe::check(spec).await.is_err()
            {
                return Some(event);
            }
            self.ledger.is_back(&event.store);
        }
        None
    }

    /// What went wrong since the last call, oldest first.
    #[must_use]
    pub fn take_events(&self) -> Vec<StoreEvent> {
        self.ledger.take_events()
    }
}

const ANY_PORT: SocketAddr = SocketAddr::new(net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Accepts until its thread ends; its connections end with it.
async fn accept(listener: TcpListener, spec: Arc<StoreSpec>, ledger: Arc<Ledger>) {
    let store: Arc<str> = Arc::from(spec.name.as_str());
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // Out of file descriptors, or a client that left at once: the next may come.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            continue;
        };
        number += 1;
        let route = Route {
            store: Arc::clone(&store),
            spec: Arc::clone(&spec),
            connection: number,
            ledger: Arc::clone(&ledger),
        };
        ledger.opened(&store, number);
        connections.spawn(async move {
            let (store, ledger) = (Arc::clone(&route.store), Arc::clone(&route.ledger));
            match TcpStream::connect(&route.spec.address).await {
                Ok(upstream) => connection::carry(route, client, upstream).await,
                Err(error) => route.is_gone(Trouble::Unreachable {
                    address: route.spec.address.clone(),
                    reason: error.to_string(),
                }),
            }
            ledger.closed(&store, number);
        });
        while connections.try_join_next().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Protocol;

    #[tokio::test]
    async fn a_store_that_is_back_has_not_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let spec = StoreSpec {
            name: "db".to_owned(),
            protocol: Protocol::Tcp,
            address: address.clone(),
            listen: None,
        };
        let stores = Stores::start(&[spec]).await.expect("it listens");
        let reason = "refused".to_owned();
        stores
            .ledger
            .is_gone(&Arc::from("db"), Trouble::Gone { address, reason });
        assert_eq!(stores.gone().borrow().len(), 1);
        assert_eq!(stores.still_gone().await, None);
        assert!(stores.gone().borrow().is_empty());
    }
}
