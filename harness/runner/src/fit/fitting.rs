//! One case being fitted: what is sent by another operation, what is left out, and what cannot be said at all.

use std::collections::BTreeSet;

use super::described::{Carrier, Described};
use super::fitted::{Fitted, Unfit};
use super::steps::{
    NEEDS_A_SESSION, captures, code_for, is_plain_send, made_to_send, may_meet, mint_before,
    sealed, sealed_with_code, sends_it, sent_payload, shape, steps_mut, used,
};
use wxmock_model::program::{
    CaptureApi, Explore, Nick, Rotation, Seal, Step, Transport, Verb, Watermark,
};
use wxmock_model::say;
use wxmock_scenario::plan::Case;

pub(super) struct Fitting<'a> {
    described: &'a Described,
    case: Case,
    left_out: BTreeSet<String>,
    carried_by: Option<&'static str>,
    carrier: Option<Carrier>,
}

/// Operations that take what only a session_key opens or vouches for.
const DATA_OPS: [&str; 3] = ["userinfo", "phone_cipher", "login_profile"];

impl<'a> Fitting<'a> {
    pub(super) fn new(case: &Case, described: &'a Described) -> Self {
        Self {
            described,
            case: case.clone(),
            left_out: BTreeSet::new(),
            carried_by: None,
            carrier: described.carrier(),
        }
    }

    pub(super) fn run(mut self) -> Result<Fitted, Unfit> {
        let needs = &self.case.program.needs;
        let absent: Vec<String> = needs
            .iter()
            .filter(|need| !self.described.meets(need))
            .cloned()
            .collect();
        if absent.iter().any(|op| op == "userinfo") && self.described.has_plain_userinfo() {
            return Err(Unfit::NotApplicable(say!(
                "`userinfo` sends neither encryptedData nor a signature, so that no key has a part in it",
                "`userinfo` 既不发 encryptedData 也不发 signature，与 key 无关"
            )));
        }
        if !absent.is_empty() {
            return Err(self.not_described(absent));
        }
        self.carrier = self
            .described
            .carrier_for(self.case.payload())
            .map_err(|absent| self.not_described(absent))?;
        let sealed = self.case.program.steps().find(|step| {
            let with_data = matches!(step.verb, Verb::SubmitProfile { .. });
            with_data && step.op.is_some_and(|op| !self.described.has(op))
        });
        if let Some(op) = sealed.and_then(|step| step.op) {
            return Err(self.not_described(vec![op.to_owned()]));
        }
        self.plus_can_be_lost()?;
        let race = shape(&self.case.program);
        match self.carrier {
            Some(Carrier::UserInfo) | None => {}
            Some(Carrier::PhoneCipher) => self.send_phone_numbers()?,
            Some(Carrier::Login(op)) => self.send_with_a_code(op)?,
        }
        self.leave_out();
        if let Some(op) = self.described.sealed_login() {
            self.seal_logins(op)?;
        }
        self.spoil_what_is_signed()?;
        let program = &mut self.case.program;
        if matches!(program.explore, Explore::Named(_)) && shape(program) != race {
            return Err(Unfit::NotApplicable(say!(
                "its orders are written down, and name steps that are left out",
                "它的顺序是写死的，其中有被略去的步骤"
            )));
        }
        program.chains.retain(|chain| !chain.is_empty());
        program.needs = used(program);
        Ok(Fitted {
            case: self.case,
            left_out: self.left_out,
            carried_by: self.carried_by,
        })
    }

    /// A bare `+` becomes a space where a form or a query is decoded, and nowhere else.
    fn plus_can_be_lost(&self) -> Result<(), Unfit> {
        let op = match self.carrier {
            Some(Carrier::Login(op)) => op,
            Some(Carrier::PhoneCipher) => "phone_cipher",
            Some(Carrier::UserInfo) | None => "userinfo",
        };
        let bare = |step: &Step| {
            matches!(
                step.verb,
                Verb::Send {
                    transport: Transport::RawPlus,
                    ..
                }
            )
        };
        if self.described.keeps_plus(op) && self.case.program.steps().any(bare) {
            return Err(Unfit::NotApplicable(say!(
                "the data travels in no form and no query, so that a + stays a +",
                "数据不在表单或查询串里，加号不会变成空格"
            )));
        }
        Ok(())
    }

    /// Where an operation reads `rawData` and `signature`, what a case changes in sealed data is changed in those instead; what
    /// only sealed data has cannot be asked.
    fn spoil_what_is_signed(&mut self) -> Result<(), Unfit> {
        let described = self.described;
        let signed = |step: &Step| step.op.is_some_and(|op| described.reads_signed(op));
        let program = &mut self.case.program;
        let payloads: BTreeSet<String> = program
            .steps()
            .filter(|step| signed(step))
            .filter_map(|step| match &step.verb {
                Verb::Send { payload, .. } | Verb::SubmitProfile { payload, .. } => {
                    Some(payload.clone())
                }
                _ => None,
            })
            .collect();
        for step in steps_mut(program) {
            let sends = signed(step);
            match &mut step.verb {
                Verb::Capture { api, payload, seal } if payloads.contains(payload.as_str()) => {
                    let has_raw_data = matches!(api, CaptureApi::UserInfo | CaptureApi::Profile);
                    if !has_raw_data || is_about_sealed_data(seal) {
                        return Err(only_signed());
                    }
                    seal.altered_raw_data |= std::mem::take(&mut seal.bent_iv);
                }
                Verb::Send { transport, .. } if sends => match transport {
                    Transport::RawPlus
                    | Transport::Escaped
                    | Transport::ShortIv
                    | Transport::Swapped => {
                        return Err(only_signed());
                    }
                    Transport::Garbage => *transport = Transport::FalseSignature,
                    Transport::Adapter
                    | Transport::Absent
                    | Transport::Empty
                    | Transport::Undefined
                    | Transport::FalseSignature => {}
                },
                _ => {}
            }
        }
        Ok(())
    }

    /// Lets the phone button make what the file captures as a profile.
    fn send_phone_numbers(&mut self) -> Result<(), Unfit> {
        let program = &mut self.case.program;
        let with_code: BTreeSet<String> = program.steps().filter_map(sealed_with_code).collect();
        let mut moved: BTreeSet<String> = BTreeSet::new();
        for step in steps_mut(program) {
            let Verb::Capture { api, payload, seal } = &mut step.verb else {
                continue;
            };
            let profile = matches!(api, CaptureApi::UserInfo | CaptureApi::Profile);
            if !profile || with_code.contains(payload) {
                continue;
            }
            // A phone number says nothing of whose it is, or what that person is called.
            if seal.openid_of.is_some() || seal.bent_iv || seal.nick != Nick::Plain {
                return Err(Unfit::NotApplicable(say!(
                    "it is about the openId or the name inside the data, and a phone number has neither",
                    "它针对的是数据里的 openId 或昵称，手机号数据里都没有"
                )));
            }
            *api = CaptureApi::Phone;
            moved.insert(payload.clone());
        }
        for step in steps_mut(program) {
            if matches!(&step.verb, Verb::Send { payload, .. } if moved.contains(payload)) {
                step.op = Some("phone_cipher");
                self.carried_by = Some("phone_cipher");
            }
        }
        Ok(())
    }

    /// Lets a phone that captures and sends log in with the data instead: mint, capture, code and data in one request.
    fn send_with_a_code(&mut self, op: &'static str) -> Result<(), Unfit> {
        let subject = self
            .case
            .program
            .needs
            .iter()
            .any(|need| need == "userinfo");
        if !subject {
            return Ok(());
        }
        let unmet = || Unfit::NotDescribed(vec!["userinfo".to_owned()]);
        if self.case.rotation() == Rotation::Exchange {
            return Err(key_comes_too_late());
        }
        let program = &mut self.case.program;
        if program
            .obligations
            .iter()
            .any(|name| NEEDS_A_SESSION.contains(&name.as_str()))
        {
            return Err(unmet());
        }
        if program
            .chains
            .iter()
            .flatten()
            .any(|step| sent_payload(step).is_some())
        {
            return Err(unmet());
        }
        let mut sent: BTreeSet<String> = BTreeSet::new();
        for steps in [&mut program.before, &mut program.after] {
            for at in 0..steps.len() {
                let Some(payload) = steps.get(at).and_then(sent_payload) else {
                    continue;
                };
                let made = steps[..at].iter().position(|step| captures(step, &payload));
                let made = made.filter(|made| steps[*made].phone == steps[at].phone);
                if made.is_none() || !is_plain_send(&steps[at]) {
                    return Err(unmet());
                }
                // One code, one login: the same data again would be the same code again.
                if sent.insert(payload.clone()) {
                    steps[at].verb = Verb::SubmitProfile {
                        code: code_for(&payload),
                        token: format!("token for {payload}"),
                        payload,
                    };
                    steps[at].op = Some(op);
                    self.carried_by = Some(op);
                }
            }
            let minted = |step: Step| {
                let payload = match &step.verb {
                    Verb::Capture { payload, .. } if sent.contains(payload) => payload.clone(),
                    _ => return vec![step],
                };
                vec![mint_before(&step, code_for(&payload)), step]
            };
            *steps = std::mem::take(steps).into_iter().flat_map(minted).collect();
        }
        Ok(())
    }

    /// Why a case that needs operations which are not described is skipped.
    fn not_described(&self, absent: Vec<String>) -> Unfit {
        let takes_data = |op: &String| DATA_OPS.contains(&op.as_str());
        if self.described.keeps_no_key() && absent.iter().all(takes_data) {
            return Unfit::NoKeyKept;
        }
        Unfit::NotDescribed(absent)
    }

    /// Drops the steps whose operation is not described, what they alone use, and the obligations nothing else meets.
    fn leave_out(&mut self) {
        let described = self.described;
        let sends = matches!(self.carrier, Some(Carrier::UserInfo | Carrier::PhoneCipher));
        let program = &mut self.case.program;
        let before: Vec<Step> = program.steps().cloned().collect();
        let mut left_out = BTreeSet::new();
        let mut stays = |step: &Step| {
            let absent = match (&step.verb, step.op) {
                (Verb::Probe { .. }, _) => (!sends).then_some("userinfo"),
                (_, Some("login")) => None,
                (_, Some(op)) => (!described.has(op)).then_some(op),
                (_, None) => None,
            };
            left_out.extend(absent.map(str::to_owned));
            absent.is_none()
        };
        program.before.retain(&mut stays);
        program
            .chains
            .iter_mut()
            .for_each(|chain| chain.retain(&mut stays));
        program.after.retain(&mut stays);
        let recovers = before
            .iter()
            .any(|step| matches!(step.verb, Verb::Recover { .. }));
        if recovers && !sends && described.sealed_login().is_none() {
            left_out.insert("userinfo".to_owned());
        }
        self.left_out.append(&mut left_out);
        if before.len() == program.steps().count() {
            return;
        }
        let now: Vec<Step> = program.steps().cloned().collect();
        let useless = |step: &Step| {
            made_to_send(step).is_some_and(|name| {
                let uses = |steps: &[Step]| steps.iter().any(|step| sends_it(step, &name));
                uses(&before) && !uses(&now)
            })
        };
        program.before.retain(|step| !useless(step));
        program
            .chains
            .iter_mut()
            .for_each(|chain| chain.retain(|step| !useless(step)));
        program.after.retain(|step| !useless(step));
        let lost = |name: &String| {
            let able = |steps: &[Step]| steps.iter().any(|step| may_meet(name, step));
            able(&before) && !able(&now)
        };
        program.obligations.retain(|name| !lost(name));
    }

    /// Turns every login into one with data that the phone captures right after its own mint.
    fn seal_logins(&mut self, op: &'static str) -> Result<(), Unfit> {
        let logs_in = |step: &Step| matches!(step.verb, Verb::Submit { .. } | Verb::Login { .. });
        if !self.case.program.steps().any(logs_in) {
            return Ok(());
        }
        if self.case.rotation() == Rotation::Exchange {
            return Err(key_comes_too_late());
        }
        let program = &mut self.case.program;
        let submitted: BTreeSet<String> = program
            .steps()
            .filter_map(|step| match &step.verb {
                Verb::Submit { code, .. } => Some(code.clone()),
                _ => None,
            })
            .collect();
        let seal = |step: Step| sealed(step, op, &submitted);
        let all = |steps: &mut Vec<Step>| {
            *steps = std::mem::take(steps).into_iter().flat_map(&seal).collect();
        };
        all(&mut program.before);
        program.chains.iter_mut().for_each(all);
        all(&mut program.after);
        Ok(())
    }
}

/// Whether a capture is about what signed data does not have: a watermark, an openId, padding, an iv, base64.
fn is_about_sealed_data(seal: &Seal) -> bool {
    seal.watermark != Watermark::Own
        || seal.openid_of.is_some()
        || seal.padding_twin
        || seal.plus_slash
        || seal.made.is_some()
        || seal.iv_of.is_some()
}

fn only_signed() -> Unfit {
    Unfit::NotApplicable(say!(
        "it is about sealed data, and the operation reads rawData and signature",
        "它针对的是加密数据，而这个操作读的是 rawData 和 signature"
    ))
}

fn key_comes_too_late() -> Unfit {
    Unfit::NotApplicable(say!(
        "data captured before the login cannot be sealed under a key that only the exchange makes",
        "key 要到换取时才产生，登录前取到的数据不可能用它加密"
    ))
}
