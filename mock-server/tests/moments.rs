//! What happens at one moment: of calls for one code one wins, and what falls due is recorded without anybody asking.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use support::Mock;
use wxmock_server::{Filter, Settings};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_submits_of_one_code_one_succeeds() {
    let mock = Arc::new(Mock::start().await);
    for _ in 0..20 {
        let code = mock.mint("alice");
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let (mock, path) = (Arc::clone(&mock), mock.exchange(&code));
            tasks.push(tokio::spawn(async move { mock.get(&path).await.errcode() }));
        }
        let mut errcodes = Vec::new();
        for task in tasks {
            errcodes.push(task.await.unwrap());
        }
        errcodes.sort_unstable();
        let mut expected = vec![Some(40163); 8];
        expected[0] = None;
        assert_eq!(errcodes, expected);
    }
}

#[tokio::test]
async fn expiries_are_recorded_when_they_fall_due_without_anybody_asking() {
    let mock = Mock::start_with(Settings::default()).await;
    mock.policy(r#"{"code":{"ttl":"5ms"}}"#);
    let mut events = mock.handle.journal().subscribe(Filter::default());
    mock.mint("alice");
    let expired = async {
        loop {
            let line = serde_json::to_string(&events.next().await.unwrap()).unwrap();
            if line.contains(r#""kind":"code_expired""#) {
                return;
            }
        }
    };
    tokio::time::timeout(support::LIMIT, expired)
        .await
        .expect("nobody recorded it");
}
