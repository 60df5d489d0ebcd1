use super::*;
use crate::RealClock;
use crate::calls::CallInfo;
use crate::journal::Filter;
use crate::wechat::Endpoint;
use wxmock_world::UnixMs;

struct Fixture {
    gates: Arc<Gates>,
    calls: Arc<Calls>,
    journal: Arc<Journal>,
}

impl Fixture {
    fn new() -> Self {
        let journal = Arc::new(Journal::new(100_000, RealClock::Fixed(UnixMs(0))));
        let calls = Arc::new(Calls::new());
        Self {
            gates: Arc::new(Gates::new(Arc::clone(&calls), Arc::clone(&journal))),
            calls,
            journal,
        }
    }

    fn call(&self, js_code: &str) -> CallId {
        let mut info = CallInfo::new(Endpoint::Jscode2session, UnixMs(0));
        info.js_code = Some(js_code.to_owned());
        self.calls.begin(info)
    }

    fn acts(&self) -> Vec<GateAct> {
        let act = |what: &What| match what {
            What::Gate(record) => Some(record.act),
            _ => None,
        };
        self.journal
            .query(&Filter::default())
            .iter()
            .filter_map(|entry| act(&entry.what))
            .collect()
    }
}

fn rule(label: &str) -> HoldRule {
    HoldRule {
        label: label.to_owned(),
        point: Point::Arrived,
        matching: CallMatch::default(),
        limit: Duration::from_secs(600),
        times: None,
        open_when: None,
    }
}

#[tokio::test]
async fn a_held_call_shows_its_holder_and_goes_when_released() {
    let fixture = Fixture::new();
    let matching = CallMatch {
        js_code: Some("b".to_owned()),
        ..CallMatch::default()
    };
    let gate = fixture.gates.hold(HoldRule {
        matching,
        ..rule("slow")
    });
    let (other, held) = (fixture.call("a"), fixture.call("b"));
    assert!(fixture.gates.enter(Point::Arrived, other).is_none());
    assert!(fixture.gates.enter(Point::Committed, held).is_none());
    let place = fixture.gates.enter(Point::Arrived, held).unwrap();
    let parked = fixture.gates.parked();
    assert_eq!(
        (parked[0].call, parked[0].gate, parked[0].label.as_str()),
        (held, gate, "slow")
    );
    assert_eq!(
        fixture.calls.get(held).unwrap().parked,
        Some(Point::Arrived)
    );
    assert!(fixture.gates.remove(gate), "what is held stays held");
    assert!(fixture.gates.release(held));
    drop(place.wait().await);
    assert!(!fixture.gates.release(held));
    assert_eq!(fixture.calls.get(held).unwrap().parked, None);
    assert_eq!(fixture.acts(), [GateAct::Held, GateAct::Released]);
}

#[tokio::test]
async fn a_hold_ends_by_its_limit_or_with_its_client() {
    let fixture = Fixture::new();
    fixture.gates.hold(HoldRule {
        limit: Duration::ZERO,
        times: Some(1),
        ..rule("short")
    });
    fixture.gates.hold(rule("long"));
    drop(
        fixture
            .gates
            .enter(Point::Arrived, fixture.call("a"))
            .unwrap()
            .wait()
            .await,
    );
    drop(
        fixture
            .gates
            .enter(Point::Arrived, fixture.call("b"))
            .unwrap(),
    );
    assert_eq!(fixture.gates.parked(), []);
    assert_eq!(
        fixture.gates.rules().len(),
        1,
        "a used-up gate is forgotten"
    );
    assert_eq!(
        fixture.acts(),
        [
            GateAct::Held,
            GateAct::LimitReached,
            GateAct::Held,
            GateAct::Gone
        ]
    );
}

#[tokio::test]
async fn a_gate_opens_when_enough_calls_are_there() {
    let fixture = Fixture::new();
    fixture.gates.hold(HoldRule {
        open_when: Some(2),
        ..rule("pair")
    });
    let first = fixture
        .gates
        .enter(Point::Arrived, fixture.call("a"))
        .unwrap();
    assert_eq!(fixture.gates.parked().len(), 1);
    let second = fixture
        .gates
        .enter(Point::Arrived, fixture.call("b"))
        .unwrap();
    assert_eq!(
        (fixture.gates.parked(), fixture.gates.rules()),
        (vec![], vec![])
    );
    drop(first.wait().await);
    drop(second.wait().await);
    assert!(
        fixture
            .gates
            .enter(Point::Arrived, fixture.call("c"))
            .is_none()
    );
}

#[tokio::test]
async fn the_first_few_of_a_label_can_go() {
    let fixture = Fixture::new();
    fixture.gates.hold(rule("slow"));
    let seats: Vec<_> = (0..3)
        .map(|_| {
            fixture
                .gates
                .enter(Point::Arrived, fixture.call("a"))
                .unwrap()
        })
        .collect();
    assert_eq!(fixture.gates.release_first("other", 2), 0);
    assert_eq!(fixture.gates.release_first("slow", 2), 2);
    assert_eq!(fixture.gates.parked()[0].call, CallId(3));
    fixture.gates.open_all();
    assert_eq!(
        (fixture.gates.parked(), fixture.gates.any()),
        (vec![], false)
    );
    drop(seats);
}

#[tokio::test]
async fn the_next_goes_only_when_the_one_before_has_passed_its_turn() {
    let fixture = Fixture::new();
    fixture.gates.hold(rule("slow"));
    let place = || {
        fixture
            .gates
            .enter(Point::Arrived, fixture.call("a"))
            .unwrap()
    };
    let (first, gone, mut last) = (place(), place(), place());
    fixture.gates.release_label("slow");
    let turn = first.wait().await;
    drop(gone);
    assert!(last.turn.try_recv().is_err());
    drop(turn);
    assert!(last.turn.try_recv().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_calls_go_in_the_order_they_came() {
    const N_CALLS: u64 = 10_000;
    let fixture = Fixture::new();
    fixture.gates.hold(rule("flood"));
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for _ in 0..N_CALLS {
        let call = fixture.call("a");
        let place = fixture.gates.enter(Point::Arrived, call).unwrap();
        let order = Arc::clone(&order);
        tasks.push(tokio::spawn(async move {
            let turn = place.wait().await;
            order.lock().unwrap().push(call.0);
            drop(turn);
        }));
    }
    assert_eq!(fixture.gates.release_label("flood") as u64, N_CALLS);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), (1..=N_CALLS).collect::<Vec<_>>());
    assert_eq!(fixture.gates.parked(), []);
}
