//! What single steps make, send and may show; pure words over [`Step`].

use std::collections::BTreeSet;

use wxmock_model::program::{CaptureApi, Extra, Program, Seal, Step, Transport, Using, Verb};

/// Steps that stand for `step` where a login takes data.
pub(super) fn sealed(step: Step, op: &'static str, submitted: &BTreeSet<String>) -> Vec<Step> {
    let with_data = |code: &str, token: &str| Step {
        verb: Verb::SubmitProfile {
            code: code.to_owned(),
            payload: data_for(code),
            token: token.to_owned(),
        },
        op: Some(op),
        ..step.clone()
    };
    match &step.verb {
        Verb::Mint { code } if submitted.contains(code) => {
            vec![step.clone(), capture_after(&step, data_for(code))]
        }
        Verb::Submit { code, token } => vec![with_data(code, token)],
        Verb::Login { code, token } => vec![
            mint_before(&step, code.clone()),
            capture_after(&step, data_for(code)),
            with_data(code, token),
        ],
        _ => vec![step],
    }
}

pub(super) fn mint_before(step: &Step, code: String) -> Step {
    let text = format!("mint for {}", step.text);
    Step {
        label: text.clone(),
        text,
        verb: Verb::Mint { code },
        op: None,
        ..step.clone()
    }
}

pub(super) fn capture_after(step: &Step, payload: String) -> Step {
    let text = format!("capture userinfo after {}", step.text);
    Step {
        label: text.clone(),
        text,
        verb: Verb::Capture {
            api: CaptureApi::UserInfo,
            payload,
            seal: Seal::default(),
        },
        op: None,
        ..step.clone()
    }
}

/// Names of the file have no spaces, so that these are nobody else's.
pub(super) fn data_for(code: &str) -> String {
    format!("data for {code}")
}

pub(super) fn code_for(payload: &str) -> String {
    format!("code for {payload}")
}

/// Obligations that only a request with a session, after the login, can meet.
pub(super) const NEEDS_A_SESSION: &[&str] = &[
    "superseded-key-submitted",
    "undelivered-key-submitted",
    "wrong-padding-twin-submitted",
    "older-token-used",
    "foreign-token-used",
    "forged-token-used",
    "foreign-identity-submitted",
    "payload-sent-twice",
    "iv-sent-before",
];

/// Whether a step may bring the obligation `name` about.
pub(super) fn may_meet(name: &str, step: &Step) -> bool {
    let with_data = matches!(step.verb, Verb::Send { .. } | Verb::SubmitProfile { .. });
    match name {
        "older-token-used" | "forged-token-used" => matches!(
            step.verb,
            Verb::Send { .. }
                | Verb::SendCode { .. }
                | Verb::Whoami { .. }
                | Verb::Logout { .. }
                | Verb::Refresh { .. }
        ),
        "foreign-identity-submitted" => {
            matches!(
                &step.verb,
                Verb::Send {
                    extra: Some(Extra::IdentityOf(_)),
                    ..
                }
            )
        }
        "superseded-key-submitted"
        | "undelivered-key-submitted"
        | "wrong-padding-twin-submitted"
        | "plus-and-slash-submitted"
        | "escaped-payload-submitted"
        | "escapable-key-submitted"
        | "forged-payload-submitted"
        | "foreign-token-used"
        | "payload-sent-twice"
        | "iv-sent-before" => with_data,
        // The others are met by logins and by the world.
        _ => false,
    }
}

/// How many steps each chain of the race has.
pub(super) fn shape(program: &Program) -> Vec<usize> {
    program.chains.iter().map(Vec::len).collect()
}

/// The operations the steps call.
pub(super) fn used(program: &Program) -> Vec<String> {
    let ops: BTreeSet<&str> = program.steps().filter_map(|step| step.op).collect();
    ops.into_iter().map(str::to_owned).collect()
}

pub(super) fn steps_mut(program: &mut Program) -> impl Iterator<Item = &mut Step> {
    program
        .before
        .iter_mut()
        .chain(program.chains.iter_mut().flatten())
        .chain(&mut program.after)
}

pub(super) fn sealed_with_code(step: &Step) -> Option<String> {
    match &step.verb {
        Verb::SubmitProfile { payload, .. } => Some(payload.clone()),
        _ => None,
    }
}

/// The payload a step sends with a session, to the operation that takes profiles.
pub(super) fn sent_payload(step: &Step) -> Option<String> {
    match (&step.verb, step.op) {
        (Verb::Send { payload, .. }, Some("userinfo")) => Some(payload.clone()),
        _ => None,
    }
}

/// Whether a request with code and data can say the same: nothing is added to it, spoilt or kept back.
pub(super) fn is_plain_send(step: &Step) -> bool {
    match &step.verb {
        Verb::Send {
            using,
            extra: None,
            transport: Transport::Adapter,
            ..
        } => *using != Using::Nothing,
        _ => false,
    }
}

pub(super) fn captures(step: &Step, name: &str) -> bool {
    matches!(&step.verb, Verb::Capture { payload, .. } if payload == name)
}

/// The name of what a step makes only so that it is sent.
pub(super) fn made_to_send(step: &Step) -> Option<String> {
    match &step.verb {
        Verb::Capture { payload, .. } => Some(payload.clone()),
        Verb::PhoneCode { phone_code, .. } => Some(phone_code.clone()),
        _ => None,
    }
}

pub(super) fn sends_it(step: &Step, name: &str) -> bool {
    match &step.verb {
        Verb::Send { payload, .. } | Verb::SubmitProfile { payload, .. } => payload == name,
        Verb::SendCode { phone_code, .. } | Verb::Swap { phone_code, .. } => phone_code == name,
        _ => false,
    }
}
