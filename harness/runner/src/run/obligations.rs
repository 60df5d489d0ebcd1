//! Coverage obligations: what an order has brought about, so that its case proves something.
//!
//! Pure: reads a history. Their names and meanings are [`wxmock_model::program::OBLIGATIONS`]. Some cannot be read off a
//! history (an alphabet, a shape of a body); the stage witnesses those while they happen.

use wxmock_model::history::{
    Alteration, History, KeyRecord, Operation, Outcome, Phase, Purpose, StepKind, Tick,
    UpstreamCall,
};

/// Obligations the stage witnesses.
#[cfg(test)]
const WITNESSED: &[&str] = &[
    "code-expired",
    "shape-delivered",
    "strangers-logged-in",
    "wrong-padding-twin-submitted",
    "plus-and-slash-submitted",
    "foreign-identity-submitted",
    "iv-sent-before",
    "spoiled-payload-submitted",
    "codes-swapped",
];

type Check = fn(&History) -> bool;

/// Obligations that can be read off a history.
const READ: &[(&str, Check)] = &[
    ("two-logins-held-together", |h| {
        held_together(h, |a, b| a.user == b.user)
    }),
    ("two-users-held-together", |h| {
        held_together(h, |a, b| a.user != b.user)
    }),
    ("reply-out-of-commit-order", reply_out_of_order),
    ("codes-out-of-mint-order", codes_out_of_order),
    ("superseded-key-submitted", |h| {
        sends(h).any(|send| superseded(h, send))
    }),
    ("undelivered-key-submitted", |h| {
        sends(h).any(|send| undelivered(h, send))
    }),
    ("older-token-used", |h| {
        // What the harness asks before a recovery proves nothing about the case.
        let scenario = |o: &&Operation| o.purpose == Purpose::Scenario;
        let mut own = h.operations.iter().filter(scenario);
        own.any(|o| uses_older_token(h, o))
    }),
    ("same-code-twice", same_code_twice),
    ("fault-delivered", every_fault_struck),
    ("forged-payload-submitted", |h| {
        sends(h).any(|send| {
            send.payload
                .is_some_and(|at| h.payloads[at].forgery.is_some())
        })
    }),
    ("escapable-key-submitted", |h| {
        sends(h).any(|send| sealing_key(h, send).is_some_and(|key| key.escapable))
    }),
    ("escaped-payload-submitted", |h| {
        sends(h).any(|send| send.alterations.contains(&Alteration::EscapedAgain))
    }),
    ("others-waited-at-wechat", |h| {
        let mut own = h.operations.iter();
        own.any(|o| o.purpose == Purpose::Scenario && others_wait(h, o))
    }),
    ("foreign-token-used", |h| {
        let foreign = |send: &Operation, at: usize| {
            send.token_of
                .as_ref()
                .is_some_and(|user| *user != h.payloads[at].user)
        };
        sends(h).any(|send| send.payload.is_some_and(|at| foreign(send, at)))
    }),
    ("forged-token-used", |h| {
        let mut own = h.operations.iter();
        own.any(|o| o.alterations.contains(&Alteration::ForgedToken))
    }),
    ("call-held-over-a-login", |h| {
        let other = |call: &&UpstreamCall| !call.endpoint.ends_with("jscode2session");
        let mut held = h.upstream.iter().filter(other);
        held.any(|call| {
            logins(h).any(|login| {
                Some(&login.user) == call.user.as_ref()
                    && call.arrived < login.called
                    && login.returned.is_some()
                    && login.returned < call.released
            })
        })
    }),
    ("payload-sent-twice", |h| {
        let sends: Vec<&Operation> = sends(h).collect();
        pairs(&sends).any(|(a, b)| a.called < b.called && a.payload == b.payload)
    }),
    ("keys-kept-by-interval", keys_kept),
    ("same-phone-code-twice", |h| {
        let sends: Vec<&Operation> = phone_codes(h).collect();
        let code = |o: &Operation| o.number.as_ref().map(|number| number.code.clone());
        pairs(&sends).any(|(a, b)| a.called < b.called && code(a) == code(b))
    }),
    ("token-needed-again", token_needed_again),
    ("logged-out-token-used", |h| {
        pairs(&h.operations.iter().collect::<Vec<_>>()).any(|(out, later)| {
            out.op == "logout"
                && out.returned.is_some_and(|done| done < later.called)
                && out.token_name.is_some()
                && out.token_name == later.token_name
        })
    }),
    ("token-refreshed", |h| {
        h.operations.iter().any(|o| {
            let given = o.answer.token_name.as_ref();
            o.op == "refresh" && given.is_some() && given != o.token_name.as_ref()
        })
    }),
    ("logout-during-login", |h| {
        let mut logouts = h.operations.iter().filter(|o| o.op == "logout");
        logouts.any(|out| {
            logins(h).any(|login| {
                login.user == out.user
                    && login.called < out.called
                    && login.returned.is_none_or(|done| done > out.called)
            })
        })
    }),
    ("phone-code-aged", |h| {
        phone_codes(h).any(|o| has_aged(h, o))
    }),
    ("foreign-phone-code-sent", |h| {
        let mut sends = phone_codes(h);
        sends.any(|o| {
            let holder = o.token_of.as_ref().unwrap_or(&o.user);
            o.number
                .as_ref()
                .is_some_and(|number| number.user != *holder)
        })
    }),
];

/// The obligations `history` meets by itself, in a fixed order.
pub(crate) fn met(history: &History) -> Vec<String> {
    READ.iter()
        .filter(|(_, is_met)| is_met(history))
        .map(|(name, _)| (*name).to_owned())
        .collect()
}

/// Of two logins of one person that were open at once in the race: whether one was told to try later while the other was
/// let in, for every such pair; `None` if no two were open at once.
pub(crate) fn turned_away(history: &History) -> Option<bool> {
    let racing: Vec<&Operation> = logins(history).filter(|o| o.phase == Phase::Race).collect();
    let open_at_once = pairs(&racing).filter(|(a, b)| {
        a.user == b.user
            && a.called < b.called
            && a.returned.is_none_or(|returned| returned > b.called)
    });
    let gave_way = |(a, b): (&Operation, &Operation)| {
        let outcomes = (a.answer.outcome, b.answer.outcome);
        matches!(
            outcomes,
            (Outcome::Ok, Outcome::RetryLater) | (Outcome::RetryLater, Outcome::Ok)
        )
    };
    let judged: Vec<bool> = open_at_once.map(gave_way).collect();
    (!judged.is_empty()).then(|| judged.into_iter().all(|gave_way| gave_way))
}

/// Code exchanges. Those of the harness's own probes prove nothing about the case.
fn exchanges(history: &History) -> Vec<&UpstreamCall> {
    let probes = |call: &UpstreamCall| {
        let operation = call.operation.and_then(|at| history.operations.get(at));
        operation.is_some_and(|operation| operation.phase == Phase::Probe)
    };
    history
        .upstream
        .iter()
        .filter(|call| call.endpoint == "jscode2session" && !probes(call))
        .collect()
}

/// Requests that carry a code of the phone button.
fn phone_codes(history: &History) -> impl Iterator<Item = &Operation> {
    history.operations.iter().filter(|o| o.number.is_some())
}

/// Whether time passed for its person between the press of the button and this request.
fn has_aged(history: &History, send: &Operation) -> bool {
    let Some(number) = &send.number else {
        return false;
    };
    let pressed = format!("phonecode as {}", number.code);
    let mut steps = history.steps.iter().filter(|step| step.tick < send.called);
    steps.any(|step| step.kind == StepKind::Capture && step.text == pressed)
        && steps.any(|step| step.kind == StepKind::World && step.text.starts_with("advance"))
}

fn token_needed_again(history: &History) -> bool {
    let mut steps = history.steps.iter();
    let changed =
        steps.find(|step| step.kind == StepKind::World && step.text.starts_with("token "));
    let needs = |call: &UpstreamCall| call.endpoint != "jscode2session";
    changed.is_some_and(|step| {
        let mut calls = history.upstream.iter();
        calls.any(|call| needs(call) && call.arrived > step.tick)
    })
}

fn logins(history: &History) -> impl Iterator<Item = &Operation> {
    history.operations.iter().filter(|o| o.code.is_some())
}

/// Requests that carry a payload. The harness's own probes prove nothing about the case.
fn sends(history: &History) -> impl Iterator<Item = &Operation> {
    history
        .operations
        .iter()
        .filter(|o| o.payload.is_some() && o.phase != Phase::Probe)
}

fn pairs<T: Copy>(all: &[T]) -> impl Iterator<Item = (T, T)> {
    all.iter().flat_map(|a| all.iter().map(move |b| (*a, *b)))
}

fn held_together(
    history: &History,
    related: impl Fn(&UpstreamCall, &UpstreamCall) -> bool,
) -> bool {
    let calls = exchanges(history);
    let overlap = |a: &UpstreamCall, b: &UpstreamCall| {
        a.arrived < b.arrived && a.released.is_none_or(|end| end > b.arrived)
    };
    pairs(&calls).any(|(a, b)| overlap(a, b) && related(a, b))
}

fn reply_out_of_order(history: &History) -> bool {
    pairs(&exchanges(history)).any(|(a, b)| {
        let committed = a.committed.zip(b.committed).is_some_and(|(a, b)| a < b);
        let released = a.released.zip(b.released).is_some_and(|(a, b)| a > b);
        a.user == b.user && committed && released
    })
}

fn minted(history: &History, code: &str) -> Option<Tick> {
    let text = mint_text(code);
    history
        .steps
        .iter()
        .find(|s| s.kind == StepKind::Mint && s.text == text)
        .map(|s| s.tick)
}

/// What a mint's step says.
pub(crate) fn mint_text(code: &str) -> String {
    format!("wx.login gives {code}")
}

fn codes_out_of_order(history: &History) -> bool {
    let logins: Vec<&Operation> = logins(history).collect();
    let mint = |o: &Operation| o.code.as_deref().and_then(|code| minted(history, code));
    pairs(&logins).any(|(a, b)| {
        a.user == b.user && a.called < b.called && mint(a).zip(mint(b)).is_some_and(|(a, b)| a > b)
    })
}

/// So many logins that wait for WeChat fill what a backend keeps for them, if that is little.
const WAITING_AT_LEAST: usize = 4;

/// Whether a request was sent while so many logins of other people were open and WeChat held its reply to one of them.
fn others_wait(history: &History, operation: &Operation) -> bool {
    let sent = operation.called;
    let open = |login: &&Operation| {
        login.user != operation.user
            && login.called < sent
            && login.returned.is_none_or(|returned| returned > sent)
    };
    let held = |call: &&UpstreamCall| {
        call.user
            .as_ref()
            .is_some_and(|user| *user != operation.user)
            && call.arrived < sent
            && call.released.is_none_or(|released| released > sent)
    };
    logins(history).filter(open).count() >= WAITING_AT_LEAST && exchanges(history).iter().any(held)
}

fn sealing_key<'a>(history: &'a History, send: &Operation) -> Option<&'a KeyRecord> {
    let payload = &history.payloads[send.payload?];
    history
        .keys
        .iter()
        .find(|key| key.user == payload.user && Some(key.no) == payload.key_no)
}

fn superseded(history: &History, send: &Operation) -> bool {
    sealing_key(history, send)
        .and_then(|key| key.displaced)
        .is_some_and(|displaced| displaced < send.called)
}

fn undelivered(history: &History, send: &Operation) -> bool {
    let key = sealing_key(history, send);
    key.is_some_and(|key| {
        key.delivered
            .is_none_or(|delivered| delivered > send.called)
    })
}

fn uses_older_token(history: &History, operation: &Operation) -> bool {
    let good = || {
        logins(history)
            .filter(|o| o.answer.outcome == Outcome::Ok && o.returned < Some(operation.called))
    };
    let Some(name) = &operation.token_name else {
        return false;
    };
    let Some(own) = good().find(|o| o.answer.token_name.as_ref() == Some(name)) else {
        return false;
    };
    good().any(|later| later.user == own.user && later.called > own.called)
}

fn same_code_twice(history: &History) -> bool {
    let logins: Vec<&Operation> = logins(history).collect();
    pairs(&logins).any(|(a, b)| a.code == b.code && a.called < b.called)
}

fn every_fault_struck(history: &History) -> bool {
    let set: Vec<&str> = history
        .steps
        .iter()
        .filter_map(|s| Some(s.fault.as_ref()?.label.as_str()))
        .collect();
    let struck = |label: &str| {
        history
            .upstream
            .iter()
            .any(|call| call.fault.as_deref() == Some(label))
    };
    !set.is_empty() && set.iter().all(|label| struck(label))
}

fn keys_kept(history: &History) -> bool {
    let mints: Vec<_> = history
        .steps
        .iter()
        .filter(|s| s.kind == StepKind::Mint)
        .collect();
    mints.iter().enumerate().any(|(at, mint)| {
        let next = mints[at + 1..].iter().find(|later| later.user == mint.user);
        mint.key_in_force.is_some()
            && next.is_some_and(|next| next.key_in_force == mint.key_in_force)
    })
}

#[cfg(test)]
mod tests;
