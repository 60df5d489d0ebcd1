//! What is fuzzed: one function a target. Each takes any bytes, and panics only where the code behind it is wrong. `fuzz/run.sh`
//! feeds them from libFuzzer, `tests/fuzz.rs` from the corpus.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;
use wxmock_adapter::Adapter;
use wxmock_scenario::{ReplayToken, Scenario};
use wxmock_server::{MockServer, Settings};
use wxmock_store::{Protocol, framing};
use wxmock_world::{
    Capture, DeviceId, Evidence, Lang, NewApp, NewUser, OpenDataApi, Pasted, Seed, UnixMs, Who,
    Wording, World, WorldState,
};

/// The moment of every fuzzed world.
const NOW: UnixMs = UnixMs(1_700_000_000_000);
/// A connection that has not ended by then never will.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes as they come to the port: HTTP/1, HTTP/2, TLS or none of them. Whatever they are, the connection ends.
pub fn listener(bytes: &[u8]) {
    // What it is answered is nobody's business here; that it ends is.
    let _ = said_to_the_port(bytes, true);
}

/// A query of jscode2session. Whatever it holds, the answer is one of WeChat's, or HTTP's own 400 or 431.
pub fn query(bytes: &[u8]) {
    let mut request = b"GET /sns/jscode2session?".to_vec();
    request.extend(bytes.iter().filter(|byte| !b" \r\n#".contains(byte)));
    request.extend(b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = said_to_the_port(&request, false);
    let text = String::from_utf8_lossy(&answer);
    let is_refused = text.starts_with("HTTP/1.1 400") || text.starts_with("HTTP/1.1 431");
    let is_answered = text.starts_with("HTTP/1.1 200") && text.contains("\"errcode\":4");
    assert!(is_refused || is_answered, "{text}");
}

/// A text somebody pasted: what is found in it opens, or it is said why not, in both languages.
pub fn decrypt(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let pasted = Pasted::read(&text);
    explained(&Evidence {
        encrypted_data: pasted.encrypted_data.as_deref(),
        iv: pasted.iv.as_deref(),
        believed: None,
        raw_data: pasted.raw_data.as_deref(),
        signature: pasted.signature.as_deref(),
    });
}

/// The texts of `which-key`, a line each: encryptedData, iv, session_key, rawData, signature.
pub fn which_key(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text
        .split('\n')
        .map(|line| Some(line).filter(|line| !line.is_empty()));
    let mut next = || lines.next().flatten();
    explained(&Evidence {
        encrypted_data: next(),
        iv: next(),
        believed: next(),
        raw_data: next(),
        signature: next(),
    });
}

fn explained(evidence: &Evidence<'_>) {
    static PEOPLE: LazyLock<Mutex<World>> = LazyLock::new(|| Mutex::new(world()));
    let people = PEOPLE.lock().unwrap_or_else(PoisonError::into_inner);
    let finding = people.which_key(None, None, evidence);
    let finding = finding.expect("nobody in particular is asked about");
    let _ = finding.is_good();
    for lang in [Lang::En, Lang::Zh] {
        let words = finding.words(Wording { lang, moment: None });
        assert!(words.iter().all(|sentence| !sentence.is_empty()));
    }
}

/// An exported state: loaded or refused; loaded, it can be lived in and comes out as it went in.
pub fn state(bytes: &[u8]) {
    let Ok(state) = serde_json::from_slice::<WorldState>(bytes) else {
        return;
    };
    let Ok(mut world) = World::import(state) else {
        return;
    };
    let written = serde_json::to_string(&world.export()).expect("a state is JSON");
    let read: WorldState = serde_json::from_str(&written).expect("it was just written");
    let mut again = World::import(read).expect("it was loaded before");
    let rewritten = serde_json::to_string(&again.export()).expect("a state is JSON");
    assert_eq!(rewritten, written);
    world.handle_timeout(NOW);
    if let Some(app) = world.apps().into_iter().next() {
        let _ = world.create_user(NOW, &app.appid, NewUser::named(name("zhang")));
        let _ = world.login(NOW, &who(&app.appid, "zhang"));
    }
    let _ = world.take_events();
    world.reset(NOW);
}

/// An adapter: read, or refused with its place.
pub fn adapter(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Adapter::parse("fuzz.toml", &text) {
        Ok(adapter) => drop(adapter),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A case: read, or refused with its place.
pub fn scenario(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Scenario::parse("fuzz.toml", &text) {
        Ok(scenario) => drop(scenario.programs().count()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The name of an order: one that is read is written as it was, white space aside.
pub fn token(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(token) = text.parse::<ReplayToken>() {
        let written = token.to_string();
        let again = written.parse::<ReplayToken>().expect("it was just written");
        assert_eq!(again.to_string(), written);
    }
}

/// What a backend and its store said: the first byte chooses the protocol, the second how the rest is shared out.
pub fn store(bytes: &[u8]) {
    let [protocol, share, rest @ ..] = bytes else {
        return;
    };
    let protocol =
        [Protocol::Redis, Protocol::Mysql, Protocol::Postgres][usize::from(*protocol % 3)];
    let at = rest.len() * usize::from(*share) / 255;
    let (client, store) = rest.split_at(at);
    framing::read(protocol, client, store);
}

/// A world with a person, a key, a code and a capture.
fn world() -> World {
    let mut world = World::new(Seed(1));
    let app = world.create_app(NOW, NewApp::default());
    let app = app.expect("the first app").reply.appid;
    let user = NewUser::named(name("alice"));
    world.create_user(NOW, &app, user).expect("the first user");
    let alice = who(&app, "alice");
    world
        .login(NOW, &alice)
        .reply
        .expect("her switches let her");
    let captured = world.capture(NOW, &alice, &Capture::new(OpenDataApi::GetUserInfo));
    captured.reply.expect("she allows it");
    world
}

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a name")
}

fn who(app: &wxmock_world::AppId, user: &str) -> Who {
    Who {
        app: app.clone(),
        user: name(user),
        device: name::<DeviceId>("phone"),
    }
}

/// Where a mock listens that lives as long as the process.
fn mock() -> SocketAddr {
    static MOCK: OnceLock<SocketAddr> = OnceLock::new();
    *MOCK.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let server = runtime.block_on(MockServer::start(Settings::default()));
        let server = server.expect("a port of loopback");
        let addr = server.addr();
        std::mem::forget((runtime, server));
        addr
    })
}

/// Says something to the port, and hangs up or waits; what came back.
fn said_to_the_port(bytes: &[u8], hangs_up: bool) -> Vec<u8> {
    let mut stream = TcpStream::connect(mock()).expect("it listens");
    let timeouts = stream
        .set_read_timeout(Some(PATIENCE))
        .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    timeouts.expect("a timeout above zero");
    // A refused request may be answered and closed before it is said whole.
    let _ = stream.write_all(bytes);
    if hangs_up {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        use std::io::ErrorKind::{TimedOut, WouldBlock};
        let has_ended = !matches!(error.kind(), TimedOut | WouldBlock);
        assert!(has_ended, "the connection does not end");
    }
    answer
}
