//! Each mutant shows its bug, in the fewest steps.

use std::pin::pin;

use serde_json::json;

use super::phone::{Answer, login, send, whoami};
use super::*;
use crate::{Correct, Mutant};

#[tokio::test]
async fn global_slot_opens_another_persons_payload() {
    let wechat = world().await;
    let backend = start(Mutant::GlobalSlot, &wechat).await;
    let ta = login(&backend, "c1").await.token();
    login(&backend, "b1").await.token();
    assert_eq!(
        send(&backend, &ta, &capture(KB, "oB")).await.body["profile"]["nickName"],
        "nick of oB"
    );
    assert_eq!(send(&backend, &ta, &capture(K1, "oA")).await.status, 401);
}

#[tokio::test]
async fn unscoped_update_turns_everybody_into_the_last_one() {
    let wechat = world().await;
    let backend = start(Mutant::UnscopedUpdate, &wechat).await;
    let ta = login(&backend, "c1").await.token();
    let tb = login(&backend, "b1").await.token();
    assert_eq!(whoami(&backend, &ta).await, whoami(&backend, &tb).await);
}

#[tokio::test]
async fn shared_await_saves_one_reply_for_two_people() {
    let wechat = world().await;
    let backend = start(Mutant::SharedAwait, &wechat).await;
    // One after the other, nothing is wrong.
    let (ta, tb) = (login(&backend, "c1").await, login(&backend, "b1").await);
    assert_ne!(ta.body["user"], tb.body["user"]);
    wechat.code("b2", "oB", KB);
    wechat.hold("c2");
    wechat.hold("b2");
    let (ta, tb, ()) = tokio::join!(login(&backend, "c2"), login(&backend, "b2"), async {
        wechat.arrival("c2").await;
        wechat.arrival("b2").await;
        wechat.release("c2");
        wechat.release("b2");
    });
    assert_eq!(ta.body["user"], tb.body["user"]);
}

#[tokio::test]
async fn opaque_500_hides_that_a_login_would_help() {
    let wechat = world().await;
    let backend = start(Mutant::Opaque500, &wechat).await;
    let t1 = login(&backend, "c1").await.token();
    assert_eq!(send(&backend, &t1, &capture(K2, "oA")).await.status, 500);
}

#[tokio::test]
async fn first_key_wins_does_not_recover() {
    let wechat = world().await;
    let backend = start(Mutant::FirstKeyWins, &wechat).await;
    login(&backend, "c1").await.token();
    let t2 = login(&backend, "c2").await.token();
    assert_eq!(send(&backend, &t2, &capture(K2, "oA")).await.status, 401);
}

#[tokio::test]
async fn racy_keeps_the_key_of_the_late_reply() {
    let wechat = world().await;
    wechat.hold("c1");
    let backend = start(Mutant::Racy, &wechat).await;
    let (_, t2) = tokio::join!(login(&backend, "c1"), async {
        wechat.arrival("c1").await;
        let t2 = login(&backend, "c2").await;
        wechat.release("c1");
        t2
    });
    let answer = send(&backend, &t2.token(), &capture(K2, "oA")).await;
    assert_eq!(
        answer,
        Answer {
            status: 400,
            body: json!({ "error": "decrypt failed" })
        }
    );
    // In order, nothing is wrong.
    let t3 = login(&backend, "c3").await.token();
    assert_eq!(send(&backend, &t3, &capture(K3, "oA")).await.status, 200);
}

#[tokio::test]
async fn session_per_request_makes_two_of_one_code() {
    let wechat = world().await;
    let backend = start(Mutant::SessionPerRequest, &wechat).await;
    let (first, second) = (
        login(&backend, "c1").await.token(),
        login(&backend, "c1").await.token(),
    );
    assert_ne!(first, second);
    assert_eq!(whoami(&backend, &first).await.status, 200);
    assert_eq!(wechat.n_exchanges("c1"), 1);
}

#[tokio::test]
async fn bad_code_500_is_a_server_fault() {
    let wechat = world().await;
    let backend = start(Mutant::BadCode500, &wechat).await;
    assert_eq!(login(&backend, "unknown").await.status, 500);
}

#[tokio::test]
async fn retries_code_spends_it_again() {
    let wechat = world().await;
    let backend = start(Mutant::RetriesCode, &wechat).await;
    assert_eq!(login(&backend, "unknown").await.status, 401);
    assert_eq!(wechat.n_exchanges("unknown"), 3);
}

#[tokio::test]
async fn shared_context_hands_out_the_other_persons_token() {
    let wechat = world().await;
    wechat.hold("c1");
    let backend = start(Mutant::SharedContext, &wechat).await;
    let (ta, tb) = tokio::join!(login(&backend, "c1"), async {
        wechat.arrival("c1").await;
        let tb = login(&backend, "b1").await;
        wechat.release("c1");
        tb
    });
    assert_eq!(ta.token(), tb.token());
    assert_ne!(ta.body["user"], tb.body["user"]);
}

#[tokio::test]
async fn token_from_key_is_a_hash_anybody_can_make() {
    let wechat = world().await;
    let backend = start(Mutant::TokenFromKey, &wechat).await;
    // printf %s AAAAAAAAAAAAAAAAAAAAAA== | sha256sum
    let expected = "2a76bda1b6807f089cef78d109061cd9";
    let token = login(&backend, "c1").await.token();
    wechat.code("c4", "oA", K1);
    assert_eq!(login(&backend, "c4").await.token(), token);
    assert_eq!(&token[..32], expected);
}

#[tokio::test]
async fn leaks_key_to_the_phone() {
    let wechat = world().await;
    let backend = start(Mutant::LeaksKey, &wechat).await;
    assert_eq!(login(&backend, "c1").await.body["session_key"], K1);
}

#[tokio::test]
async fn check_then_insert_makes_two_people_of_one() {
    let wechat = world().await;
    wechat.hold("c1");
    let backend = start(Mutant::CheckThenInsert, &wechat).await;
    let (first, second) = tokio::join!(login(&backend, "c1"), async {
        wechat.arrival("c1").await;
        let second = login(&backend, "c2").await;
        wechat.release("c1");
        second
    });
    assert_ne!(first.body["user"], second.body["user"]);
    // One after the other, nothing is wrong.
    assert_eq!(
        login(&backend, "c3").await.body["user"],
        second.body["user"]
    );
}

#[tokio::test]
async fn status_only_makes_a_session_of_an_error() {
    let wechat = world().await;
    let backend = start(Mutant::StatusOnly, &wechat).await;
    let (first, second) = (
        login(&backend, "unknown").await,
        login(&backend, "old").await,
    );
    assert_eq!(first.body["user"], second.body["user"]);
    assert_eq!(whoami(&backend, &first.token()).await.status, 200);
}

#[tokio::test]
async fn upstream_text_500_repeats_what_it_could_not_read() {
    let wechat = world().await;
    wechat.script("c1", 200, r#"{"session_key":"O\/YVQPHx"#);
    let backend = start(Mutant::UpstreamText500, &wechat).await;
    let answer = login(&backend, "c1").await;
    assert_eq!(answer.status, 500);
    assert!(
        answer.body["error"].as_str().unwrap().contains("YVQPHx"),
        "{answer:?}"
    );
}

/// Asserts that a login is unanswered when a sound backend has long given up on a WeChat as silent.
async fn check_hangs(login_of_mutant: impl Future<Output = Answer>) {
    let wechat = world().await;
    wechat.hold("c1");
    let sound = start(Correct::CandidateKeys, &wechat).await;
    tokio::select! {
        answer = login_of_mutant => panic!("answered: {answer:?}"),
        answer = login(&sound, "c1") => assert_eq!(answer.status, 503),
    }
}

#[tokio::test]
async fn no_deadline_waits_for_a_silent_wechat() {
    let wechat = world().await;
    wechat.hold("c1");
    let backend = start(Mutant::NoDeadline, &wechat).await;
    let mut waiting = pin!(login(&backend, "c1"));
    check_hangs(&mut waiting).await;
    wechat.release("c1");
    waiting.await.token();
}

#[tokio::test]
async fn turn_never_passed_hangs_after_a_failure() {
    let wechat = world().await;
    let backend = start(Mutant::TurnNeverPassed, &wechat).await;
    login(&backend, "c1").await.token();
    assert_eq!(login(&backend, "unknown").await.status, 401);
    check_hangs(login(&backend, "c2")).await;
    // A hung login does not keep the backend from stopping.
    backend.stop().await;
}

#[tokio::test]
async fn turn_never_passed_applies_replies_in_request_order() {
    let wechat = world().await;
    wechat.hold("c1");
    let backend = start(Mutant::TurnNeverPassed, &wechat).await;
    let (first, second) = tokio::join!(login(&backend, "c1"), async {
        wechat.arrival("c1").await;
        let second = login(&backend, "c2");
        let release = async {
            wechat.arrival("c2").await;
            wechat.release("c1");
        };
        tokio::join!(second, release).0
    });
    first.token();
    second.token();
}

#[tokio::test]
async fn unchecked_watermark_takes_another_persons_data_under_its_own_key() {
    let wechat = world().await;
    let backend = start(Mutant::UncheckedWatermark, &wechat).await;
    let ta = login(&backend, "c1").await.token();
    assert_eq!(send(&backend, &ta, &capture(K1, "oB")).await.status, 200);
}

#[tokio::test]
async fn needs_unionid_to_log_in() {
    let wechat = world().await;
    wechat.script(
        "c1",
        200,
        r#"{"session_key":"tiihtNczf5v6AKRyjwEUhQ==","openid":"oA"}"#,
    );
    wechat.script(
        "c2",
        200,
        r#"{"session_key":"tiihtNczf5v6AKRyjwEUhQ==","openid":"oA","unionid":"oU"}"#,
    );
    let backend = start(Mutant::NeedsUnionid, &wechat).await;
    assert_eq!(login(&backend, "c1").await.status, 503);
    assert_eq!(login(&backend, "c2").await.status, 200);
}

#[tokio::test]
async fn second_resolution_gives_two_logins_one_token() {
    let wechat = world().await;
    let backend = start(Mutant::SecondResolution, &wechat).await;
    let (one, two) = (login(&backend, "c1").await, login(&backend, "c2").await);
    assert_eq!(one.token(), two.token());
    assert_eq!(one.token().split('.').count(), 3);
    assert_ne!(login(&backend, "b1").await.token(), one.token());
}

#[tokio::test]
async fn token_slot_throws_the_first_phone_out() {
    let wechat = world().await;
    let backend = start(Mutant::TokenSlot, &wechat).await;
    let t1 = login(&backend, "c1").await.token();
    let t2 = login(&backend, "c2").await.token();
    assert_eq!(whoami(&backend, &t1).await.status, 400);
    assert_eq!(whoami(&backend, &t2).await.status, 200);
}

#[tokio::test]
async fn missing_key_is_a_login_all_the_same() {
    let wechat = world().await;
    wechat.script("c1", 200, r#"{"openid":"oA"}"#);
    let backend = start(Mutant::MissingKey, &wechat).await;
    assert_eq!(login(&backend, "c1").await.status, 200);
}

#[tokio::test]
async fn late_code_mark_exchanges_a_code_twice() {
    let wechat = world().await;
    wechat.hold("c1");
    let backend = start(Mutant::LateCodeMark, &wechat).await;
    tokio::join!(login(&backend, "c1"), login(&backend, "c1"), async {
        while wechat.n_exchanges("c1") < 2 {
            tokio::task::yield_now().await;
        }
        wechat.release("c1");
    });
    assert_eq!(wechat.n_exchanges("c1"), 2);
    // Once it is marked, it is not exchanged again.
    login(&backend, "c1").await.token();
    assert_eq!(wechat.n_exchanges("c1"), 2);
}

#[tokio::test]
async fn body_identity_becomes_whoever_the_body_names() {
    let wechat = world().await;
    let backend = start(Mutant::BodyIdentity, &wechat).await;
    let ta = login(&backend, "c1").await.token();
    login(&backend, "b1").await.token();
    let mut request = capture(KB, "oB");
    assert_eq!(send(&backend, &ta, &request).await.status, 401);
    request["openid"] = json!("oB");
    assert_eq!(
        send(&backend, &ta, &request).await.body["profile"]["nickName"],
        "nick of oB"
    );
}

/// The statuses of data made a week ago, now, and a minute ahead.
async fn of_other_times(design: impl Into<Design>) -> [u16; 3] {
    let wechat = world().await;
    let backend = start(design, &wechat).await;
    let t1 = login(&backend, "c1").await.token();
    let mut statuses = [0; 3];
    for (status, ahead_s) in statuses.iter_mut().zip([-604_800, 0, 60]) {
        let request = capture_made(ahead_s, APPID, K1, "oA");
        *status = send(&backend, &t1, &request).await.status;
    }
    statuses
}

#[tokio::test]
async fn data_of_another_time_is_refused_taken_or_an_exception() {
    assert_eq!(
        of_other_times(Correct::CandidateKeys).await,
        [400, 200, 200]
    );
    assert_eq!(of_other_times(Mutant::AcceptsOld).await, [200, 200, 200]);
    assert_eq!(of_other_times(Mutant::UnsignedAge).await, [400, 200, 500]);
}

#[tokio::test]
async fn lenient_base64_makes_an_exception_of_escaped_data() {
    let wechat = world().await;
    for (design, expected) in [
        (Design::from(Correct::CandidateKeys), 400),
        (Mutant::LenientBase64.into(), 500),
    ] {
        let backend = start(design, &wechat).await;
        wechat.code("c4", "oA", K1);
        let token = login(&backend, "c4").await.token();
        let mut request = capture(K1, "oA");
        assert_eq!(send(&backend, &token, &request).await.status, 200);
        for name in ["encryptedData", "iv"] {
            let text = request[name].as_str().unwrap().replace('=', "%3D");
            request[name] = json!(text);
        }
        assert_eq!(send(&backend, &token, &request).await.status, expected);
    }
}

#[tokio::test]
async fn unescapes_key_loses_the_plus_of_a_key_with_a_slash() {
    let wechat = world().await;
    let backend = start(Mutant::UnescapesKey, &wechat).await;
    for (code, key, expected) in [
        ("plus", "+BAQEBAQEBAQEBAQEBAQEA==", 200),
        ("slash", "/BAQEBAQEBAQEBAQEBAQEA==", 200),
        ("both", "+/AQEBAQEBAQEBAQEBAQEA==", 401),
    ] {
        let body = json!({ "openid": "oA", "session_key": key }).to_string();
        wechat.script(code, 200, &body.replace('/', "\\/"));
        let token = login(&backend, code).await.token();
        let request = capture(key, "oA");
        assert_eq!(
            send(&backend, &token, &request).await.status,
            expected,
            "{code}"
        );
    }
}

#[tokio::test]
async fn few_workers_have_none_for_a_question_while_logins_wait() {
    for design in [
        Design::from(Correct::CandidateKeys),
        Mutant::FewWorkers.into(),
    ] {
        let wechat = world().await;
        let backend = start(design, &wechat).await;
        wechat.code("b2", "oB", KB);
        let tb = login(&backend, "b2").await.token();
        let codes = ["w1", "w2", "w3", "w4"];
        for code in codes {
            wechat.code(code, "oA", K1);
            wechat.hold(code);
        }
        let logins = codes.map(|code| login(&backend, code));
        let [w1, w2, w3, w4] = logins;
        let meanwhile = async {
            for code in codes {
                wechat.arrival(code).await;
            }
            let status = whoami(&backend, &tb).await.status;
            codes.into_iter().for_each(|code| wechat.release(code));
            status
        };
        let (_, _, _, _, status) = tokio::join!(w1, w2, w3, w4, meanwhile);
        let expected = if design == Mutant::FewWorkers.into() {
            500
        } else {
            200
        };
        assert_eq!(status, expected, "{design}");
        assert_eq!(whoami(&backend, &tb).await.status, 200);
    }
}
