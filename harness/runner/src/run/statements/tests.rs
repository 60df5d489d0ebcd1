//! Whose a statement is, and who waits for whom, over one connection that two chains share: the pool of one.
//!
//! The store is a listener of this process that answers whatever comes; nothing here depends on how long anything takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wxmock_store::{Protocol, StoreSpec};

use super::*;
use crate::run::settle::{Decision, Need, Pace, Standing, decide};

/// A store that answers, and the one connection of a backend to it.
struct OneConnection {
    stores: Arc<Stores>,
    client: TcpStream,
}

impl OneConnection {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut bytes = [0; 64];
                    while let Ok(1..) = stream.read(&mut bytes).await {
                        stream.write_all(b".").await.unwrap();
                    }
                });
            }
        });
        let spec = StoreSpec {
            name: "db".to_owned(),
            protocol: Protocol::Tcp,
            address,
            listen: None,
        };
        let stores = Stores::start(&[spec]).await.unwrap();
        let client = TcpStream::connect(stores.address("db").unwrap()).await;
        Self {
            client: client.unwrap(),
            stores: Arc::new(stores),
        }
    }

    /// Says something and waits until it is held beside `others` that are.
    async fn says(&mut self, gated: &mut Gated<'_>, text: &str, others: usize) {
        self.client.write_all(text.as_bytes()).await.unwrap();
        self.until(|stores| stores.parked().len() == others + 1)
            .await;
        gated.observe();
    }

    async fn is_answered(&mut self, gated: &mut Gated<'_>) {
        self.client.read_exact(&mut [0]).await.unwrap();
        self.until(|stores| stores.in_flight().is_empty()).await;
        gated.observe();
    }

    async fn until(&self, wanted: impl Fn(&Stores) -> bool) {
        let mut changes = self.stores.changes();
        let waited = async {
            while !wanted(&self.stores) {
                changes.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waited)
            .await
            .expect("it comes");
    }
}

fn owners(gated: &Gated<'_>) -> Vec<Option<(usize, u8)>> {
    gated.seen.iter().map(|seen| seen.owner).collect()
}

/// An order in which the first chain is to stand at its first statement while the second moves; the first one moves.
fn first_moves(stores: &Stores) -> Gated<'_> {
    let mut gated = Gated::hold(stores, &"R1.R2.D1a".parse().unwrap());
    gated.moves(0, 0);
    gated.asks(0);
    gated
}

/// The first chain stands at its first statement; the second one moves.
fn second_moves(gated: &mut Gated<'_>) {
    gated.moves(1, 1);
    gated.asks(1);
}

#[tokio::test]
async fn what_comes_behind_a_statement_that_still_stands_is_of_who_moves() {
    let mut one = OneConnection::open().await;
    let stores = Arc::clone(&one.stores);
    let mut gated = first_moves(&stores);
    one.says(&mut gated, "first of one", 0).await;
    second_moves(&mut gated);
    one.says(&mut gated, "first of two", 1).await;
    assert_eq!(gated.let_next_go(), None, "it is behind one that stands");
    gated.resume("D1a".parse().unwrap(), 2).unwrap();
    assert_eq!(gated.let_next_go(), Some(0));
    one.is_answered(&mut gated).await;
    // Of two requests that share a connection the first goes on, though a statement of the second was the last one on it.
    one.says(&mut gated, "second of one", 1).await;
    assert_eq!(
        owners(&gated),
        [Some((0, 0)), Some((1, 0)), Some((0, 1))],
        "the second has had no answer to go on from"
    );
}

/// A request that is open, neither answered nor held, and needs nothing more of WeChat.
const SILENT: Standing = Standing {
    parked: false,
    reached: true,
    queued: false,
};
/// What stands for any statement that is held.
const HELD: Standing = Standing {
    parked: true,
    ..SILENT
};

#[tokio::test]
async fn nobody_hangs_while_a_statement_of_an_answered_request_is_held() {
    let mut one = OneConnection::open().await;
    let stores = Arc::clone(&one.stores);
    let mut gated = first_moves(&stores);
    one.says(&mut gated, "after its answer", 0).await;
    gated.answered(0);
    // The pool's connection is in use: the second request comes to no statement at all.
    second_moves(&mut gated);
    assert_eq!(gated.let_next_go(), None, "the order wants it to stand");
    assert!(gated.holds_any());
    let pace = Pace {
        quiet: Duration::from_millis(30),
        slack: Duration::ZERO,
        budget: Duration::from_secs(1),
        answer_within: Duration::from_millis(60),
    };
    let long = Duration::from_secs(5);
    let decided = |open: &[Standing]| decide(open, long, long, long, Need::Rest, &pace);
    assert_eq!(decided(&[SILENT]), Decision::Hung, "with nothing held");
    assert_eq!(decided(&[SILENT, HELD]), Decision::Blocked);
    gated.is_blocked(1, None);
    let wait = gated.waiting(1).cloned().unwrap();
    assert_eq!((wait.holder, wait.statement, wait.held), (0, None, Some(0)));
    assert_eq!(gated.waits_for_a_connection(), Some(1));
    // It is let go, and the second one gets its turn.
    gated.resume("D1a".parse().unwrap(), 2).unwrap();
    assert_eq!(gated.let_next_go(), Some(0));
    one.is_answered(&mut gated).await;
    assert!(!gated.holds_any());
}

#[tokio::test]
async fn a_chain_that_sends_while_its_holder_still_stands_was_only_slow() {
    let mut one = OneConnection::open().await;
    let stores = Arc::clone(&one.stores);
    let mut gated = first_moves(&stores);
    one.says(&mut gated, "first of one", 0).await;
    second_moves(&mut gated);
    gated.is_blocked(1, None);
    assert!(gated.waiting(1).is_some());
    // A second connection, on which nobody is: the pool is not what it waits for.
    let address = one.stores.address("db").unwrap();
    let other = TcpStream::connect(address).await.unwrap();
    let both = |stores: &Stores| {
        stores
            .all_connections("db")
            .is_some_and(|all| all.len() == 2)
    };
    while !both(&one.stores) {
        tokio::task::yield_now().await;
    }
    assert_eq!(gated.waits_for_a_connection(), None);
    drop(other);
    one.says(&mut gated, "first of two", 1).await;
    assert_eq!(gated.waiting(1), None);
}
