//! What one side writes is what the other reads, to the byte, held or not, however it is split.

use std::sync::{Arc, Mutex};

use proptest::{collection::vec, prelude::*};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use wxmock_store::{Protocol, StoreSpec, Stores};

/// A store that answers `+PONG` to who asks what it is, then says `answer` whatever it hears, and remembers what it heard.
async fn store(answer: Vec<u8>, pieces: Vec<usize>) -> (StoreSpec, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its number").to_string();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    tokio::spawn(async move {
        let (mut asked, _) = listener.accept().await.expect("a question");
        let _ = asked.read(&mut [0; 64]).await;
        let _ = asked.write_all(b"+PONG\r\n").await;
        let (stream, _) = listener.accept().await.expect("a client");
        let (mut from, mut to) = stream.into_split();
        let write = async {
            write_pieces(&mut to, &answer, &pieces).await;
        };
        let read = async {
            let mut chunk = [0; 333];
            while let Ok(len @ 1..) = from.read(&mut chunk).await {
                hears
                    .lock()
                    .expect("nobody panicked")
                    .extend_from_slice(&chunk[..len]);
            }
        };
        tokio::join!(write, read);
    });
    let spec = StoreSpec {
        name: "s".to_owned(),
        protocol: Protocol::Redis,
        address,
        listen: None,
    };
    (spec, heard)
}

async fn write_pieces(to: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8], pieces: &[usize]) {
    let mut rest = bytes;
    for piece in pieces.iter().cycle() {
        if rest.is_empty() {
            return;
        }
        let (first, left) = rest.split_at((*piece).min(rest.len()));
        if to.write_all(first).await.is_err() {
            return;
        }
        rest = left;
        tokio::task::yield_now().await;
    }
}

async fn exchange(protocol: Protocol, said: &[u8], answer: &[u8], pieces: &[usize], held: bool) {
    let (mut spec, heard) = store(answer.to_vec(), pieces.to_vec()).await;
    if protocol == Protocol::Tcp {
        spec.protocol = protocol;
    }
    let stores = Stores::start(std::slice::from_ref(&spec))
        .await
        .expect("it answers");
    if held {
        stores.hold();
    }
    let mut stream = TcpStream::connect(stores.address("s").expect("known"))
        .await
        .expect("accepted");
    let (mut from, mut to) = stream.split();
    let mut got = vec![0; answer.len()];
    let release = async {
        let mut changes = stores.changes();
        loop {
            for parked in stores.parked() {
                let _ = stores.release(parked.statement.id);
            }
            if heard.lock().expect("nobody panicked").len() >= said.len() {
                return;
            }
            tokio::select! {
                changed = changes.changed() => changed.expect("the stores are there"),
                () = tokio::task::yield_now() => {}
            }
        }
    };
    let all = async {
        tokio::join!(
            write_pieces(&mut to, said, pieces),
            from.read_exact(&mut got),
            release
        )
        .1
        .expect("a whole answer");
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), all)
        .await
        .expect("in time");
    assert_eq!(*heard.lock().expect("nobody panicked"), said);
    assert_eq!(got, answer);
}

fn commands() -> impl Strategy<Value = Vec<u8>> {
    let command = vec(vec(any::<u8>(), 0..20), 1..4).prop_map(|words| {
        let mut bytes = format!("*{}\r\n", words.len() + 1).into_bytes();
        for word in [b"SET".to_vec()].iter().chain(&words) {
            bytes.extend(format!("${}\r\n", word.len()).into_bytes());
            bytes.extend(word);
            bytes.extend(b"\r\n");
        }
        bytes
    });
    vec(command, 1..12).prop_map(|commands| commands.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn both_directions_are_exact(
        said in commands(),
        answer in vec(any::<u8>(), 0..4000),
        pieces in vec(1usize..700, 1..6),
        held in any::<bool>(),
        plain in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let protocol = if plain { Protocol::Tcp } else { Protocol::Redis };
        runtime.block_on(exchange(protocol, &said, &answer, &pieces, held));
    }
}
