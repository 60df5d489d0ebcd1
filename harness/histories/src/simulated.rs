//! Histories of model backends under random orders.

use wxmock_model::history::{History, Outcome, Phase};

use crate::Builder;

/// How a model backend keeps keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Every key of the person: always right.
    Candidates,
    /// The key of the reply that came last.
    LastResponse,
}

/// Plays `chains` logins of A in the order `picks` asks for: each pick advances one chain by one of submit, commit and
/// reply. Then the newest key is sent with the newest token and every key is probed; a refusal is `refusal`.
#[must_use]
pub fn play(
    picks: &[usize],
    chains: usize,
    at_login: bool,
    store: Store,
    refusal: Outcome,
) -> (History, bool) {
    let mut b = Builder::new();
    b.phase(Phase::Before);
    for chain in 1..=chains {
        let key = at_login.then_some(u32::try_from(chain).expect("few chains"));
        b.mint(&format!("P{chain}"), &format!("c{chain}"), key);
    }
    b.phase(Phase::Race);
    let mut ops = vec![None; chains];
    let mut calls = vec![None; chains];
    let mut done = vec![false; chains];
    let mut issued = 0;
    let mut keys = vec![0; chains];
    let mut held: Vec<u32> = Vec::new();
    let rounds = picks
        .iter()
        .copied()
        .chain((0..chains).cycle())
        .take(picks.len() + chains * 3);
    for chain in rounds.map(|pick| pick % chains) {
        let name = chain + 1;
        match (ops[chain], calls[chain], done[chain]) {
            (None, _, _) => ops[chain] = Some(b.submit(&format!("P{name}"), &format!("c{name}"))),
            (Some(op), None, _) => {
                issued += 1;
                keys[chain] = if at_login {
                    u32::try_from(name).expect("few chains")
                } else {
                    issued
                };
                calls[chain] = Some(b.commit(op, keys[chain]));
            }
            (Some(op), Some(call), false) => {
                done[chain] = true;
                b.reply(call);
                b.welcome(op, &format!("t{name}"));
                if store == Store::LastResponse {
                    held.clear();
                }
                held.push(keys[chain]);
            }
            _ => {}
        }
    }
    b.phase(Phase::After);
    let newest = u32::try_from(chains).expect("few chains");
    let token = format!(
        "t{}",
        keys.iter()
            .position(|key| *key == newest)
            .expect("the newest key was issued")
            + 1
    );
    let answer = |key: u32| {
        if held.contains(&key) {
            Outcome::Ok
        } else {
            refusal
        }
    };
    let payload = b.capture("P1", "p", newest);
    b.send_gets("P1", payload, &token, answer(newest));
    b.phase(Phase::Probe);
    for key in 1..=newest {
        let probe = b.capture("P1", &format!("probe-{key}"), key);
        b.send_gets("P1", probe, &token, answer(key));
    }
    (b.history, !held.contains(&newest))
}
