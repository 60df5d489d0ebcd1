//! Fits a case to what an adapter describes: which operation carries what, and which steps are left out.
//!
//! A case asks for the least it says something with ([`Program::needs`]). What only confirms is left out where the adapter
//! lacks the operation, together with the obligations that nothing could meet any more. `login` is met by `login_profile`
//! too, with data captured at the phone's own mint; `userinfo`, which stands for any operation that takes sealed data, by
//! `phone_cipher` and by a login that takes data.
//!
//! Pure: it knows no backend, and not whether what is described works.

use std::collections::BTreeSet;

use wxmock_adapter::Adapter;
use wxmock_model::lang::Say;
use wxmock_model::program::Rotation;
use wxmock_model::program::{
    CaptureApi, Explore, Extra, Nick, Program, Seal, Step, Transport, Using, Verb,
};
use wxmock_model::say;
use wxmock_scenario::plan::Case;

/// What an adapter describes, as far as cases ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    ops: BTreeSet<String>,
    /// Whether the operation `login` itself takes sealed data.
    seals_login: bool,
    /// Operations that take sealed data where a `+` stays a `+`, such as in JSON.
    plus_stays: BTreeSet<String>,
}

/// What a case comes to under an adapter.
#[derive(Debug, Clone)]
pub enum Fit {
    /// It runs, perhaps without some steps.
    Runs(Box<Fitted>),
    /// It cannot say anything.
    Skips(Unfit),
}

/// A case that runs.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// What is run.
    pub case: Case,
    /// Operations that are not described and whose steps were left out, sorted.
    pub left_out: BTreeSet<String>,
    /// The operation that carries the case's sealed data, where it is not the one the file names.
    pub carried_by: Option<&'static str>,
}

/// Why a case cannot say anything about a backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The adapter does not describe these operations.
    NotDescribed(Vec<String>),
    /// The protocol makes it impossible with the operations that are described.
    NotApplicable(Say),
}

/// How sealed data reaches the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carrier {
    UserInfo,
    PhoneCipher,
    /// With the code of a login: the name of that operation.
    Login(&'static str),
}

impl Described {
    /// What `adapter` describes.
    #[must_use]
    pub fn of(adapter: &Adapter) -> Self {
        Self {
            ops: adapter.ops.keys().cloned().collect(),
            seals_login: adapter.sends("login", "device.encryptedData"),
            plus_stays: adapter
                .ops
                .keys()
                .filter(|op| adapter.sends_plus_as_it_is(op, "device.encryptedData"))
                .cloned()
                .collect(),
        }
    }

    /// Some operations, by name.
    #[must_use]
    pub fn ops(names: &[&str]) -> Self {
        Self {
            ops: names.iter().map(|&name| name.to_owned()).collect(),
            seals_login: false,
            plus_stays: BTreeSet::new(),
        }
    }

    /// The same with one operation more.
    #[must_use]
    pub fn and(&self, op: &str) -> Self {
        let mut more = self.clone();
        more.ops.insert(op.to_owned());
        more
    }

    /// Whether operation `op` is described.
    #[must_use]
    pub fn has(&self, op: &str) -> bool {
        self.ops.contains(op)
    }

    /// The operation a login goes by that cannot do without sealed data.
    fn sealed_login(&self) -> Option<&'static str> {
        match (self.has("login"), self.has("login_profile")) {
            (true, _) => self.seals_login.then_some("login"),
            (false, described) => described.then_some("login_profile"),
        }
    }

    fn carrier(&self) -> Option<Carrier> {
        if self.has("userinfo") {
            return Some(Carrier::UserInfo);
        }
        if self.has("phone_cipher") {
            return Some(Carrier::PhoneCipher);
        }
        let profile = self.has("login_profile").then_some("login_profile");
        profile.or_else(|| self.sealed_login()).map(Carrier::Login)
    }

    fn meets(&self, need: &str) -> bool {
        match need {
            "login" => self.has("login") || self.has("login_profile"),
            "userinfo" => self.carrier().is_some(),
            other => self.has(other),
        }
    }
}

impl Fit {
    /// Fits `case` to what is described. A case that was fitted before stays as it is.
    #[must_use]
    pub fn of(case: &Case, described: &Described) -> Self {
        match Fitting::new(case, described).run() {
            Ok(fitted) => Self::Runs(Box::new(fitted)),
            Err(unfit) => Self::Skips(unfit),
        }
    }
}

impl Fitted {
    /// What is different from the case as its file has it; the same words for every case that lacks the same.
    #[must_use]
    pub fn notes(&self) -> Vec<Say> {
        let carried = self.carried_by.map(|op| {
            say!(
                "sealed data is sent to `{op}`, because `userinfo` is not described",
                "adapter 没有描述 `userinfo`，加密数据改发给 `{op}`",
                op = op
            )
        });
        let left_out = (!self.left_out.is_empty()).then(|| {
            let ops = self.left_out.iter().map(|op| format!("`{op}`"));
            say!(
                "not described: {ops}; steps that only confirm by it were left out",
                "adapter 没有描述 {ops}，只起确认作用的步骤已略去",
                ops = Say::join(ops, &say!(", ", "、"))
            )
        });
        carried.into_iter().chain(left_out).collect()
    }
}

impl Unfit {
    /// The reason of the verdict: its first word is the same in both languages.
    #[must_use]
    pub fn reason(&self) -> Say {
        match self {
            Self::NotDescribed(absent) => say!(
                "not-described: {absent}",
                "not-described: adapter 没有描述 {absent}",
                absent = Say::join(absent, &say!(", ", "、"))
            ),
            Self::NotApplicable(why) => {
                say!("not-applicable: {why}", "not-applicable: {why}", why = why)
            }
        }
    }
}

struct Fitting<'a> {
    described: &'a Described,
    case: Case,
    left_out: BTreeSet<String>,
    carried_by: Option<&'static str>,
}

impl<'a> Fitting<'a> {
    fn new(case: &Case, described: &'a Described) -> Self {
        Self {
            described,
            case: case.clone(),
            left_out: BTreeSet::new(),
            carried_by: None,
        }
    }

    fn run(mut self) -> Result<Fitted, Unfit> {
        let needs = &self.case.program.needs;
        let absent: Vec<String> = needs
            .iter()
            .filter(|need| !self.described.meets(need))
            .cloned()
            .collect();
        if !absent.is_empty() {
            return Err(Unfit::NotDescribed(absent));
        }
        let sealed = self.case.program.steps().find(|step| {
            let with_data = matches!(step.verb, Verb::SubmitProfile { .. });
            with_data && step.op.is_some_and(|op| !self.described.has(op))
        });
        if let Some(op) = sealed.and_then(|step| step.op) {
            return Err(Unfit::NotDescribed(vec![op.to_owned()]));
        }
        self.plus_can_be_lost()?;
        let race = shape(&self.case.program);
        match self.described.carrier() {
            Some(Carrier::UserInfo) | None => {}
            Some(Carrier::PhoneCipher) => self.send_phone_numbers()?,
            Some(Carrier::Login(op)) => self.send_with_a_code(op)?,
        }
        self.leave_out();
        if let Some(op) = self.described.sealed_login() {
            self.seal_logins(op)?;
        }
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
        let op = match self.described.carrier() {
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
        if self.described.plus_stays.contains(op) && self.case.program.steps().any(bare) {
            return Err(Unfit::NotApplicable(say!(
                "the data travels in no form and no query, so that a + stays a +",
                "数据不在表单或查询串里，加号不会变成空格"
            )));
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

    /// Drops the steps whose operation is not described, what they alone use, and the obligations nothing else meets.
    fn leave_out(&mut self) {
        let described = self.described;
        let sends = matches!(
            described.carrier(),
            Some(Carrier::UserInfo | Carrier::PhoneCipher)
        );
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

fn key_comes_too_late() -> Unfit {
    Unfit::NotApplicable(say!(
        "data captured before the login cannot be sealed under a key that only the exchange makes",
        "key 要到换取时才产生，登录前取到的数据不可能用它加密"
    ))
}

/// Steps that stand for `step` where a login takes data.
fn sealed(step: Step, op: &'static str, submitted: &BTreeSet<String>) -> Vec<Step> {
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

fn mint_before(step: &Step, code: String) -> Step {
    let text = format!("mint for {}", step.text);
    Step {
        label: text.clone(),
        text,
        verb: Verb::Mint { code },
        op: None,
        ..step.clone()
    }
}

fn capture_after(step: &Step, payload: String) -> Step {
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
fn data_for(code: &str) -> String {
    format!("data for {code}")
}

fn code_for(payload: &str) -> String {
    format!("code for {payload}")
}

/// Obligations that only a request with a session, after the login, can meet.
const NEEDS_A_SESSION: &[&str] = &[
    "superseded-key-submitted",
    "undelivered-key-submitted",
    "wrong-padding-twin-submitted",
    "older-token-used",
    "foreign-token-used",
    "foreign-identity-submitted",
    "payload-sent-twice",
    "iv-sent-before",
];

/// Whether a step may bring the obligation `name` about.
fn may_meet(name: &str, step: &Step) -> bool {
    let with_data = matches!(step.verb, Verb::Send { .. } | Verb::SubmitProfile { .. });
    match name {
        "older-token-used" => matches!(
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
        | "forged-payload-submitted"
        | "foreign-token-used"
        | "payload-sent-twice"
        | "iv-sent-before" => with_data,
        // The others are met by logins and by the world.
        _ => false,
    }
}

/// How many steps each chain of the race has.
fn shape(program: &Program) -> Vec<usize> {
    program.chains.iter().map(Vec::len).collect()
}

/// The operations the steps call.
fn used(program: &Program) -> Vec<String> {
    let ops: BTreeSet<&str> = program.steps().filter_map(|step| step.op).collect();
    ops.into_iter().map(str::to_owned).collect()
}

fn steps_mut(program: &mut Program) -> impl Iterator<Item = &mut Step> {
    program
        .before
        .iter_mut()
        .chain(program.chains.iter_mut().flatten())
        .chain(&mut program.after)
}

fn sealed_with_code(step: &Step) -> Option<String> {
    match &step.verb {
        Verb::SubmitProfile { payload, .. } => Some(payload.clone()),
        _ => None,
    }
}

/// The payload a step sends with a session, to the operation that takes profiles.
fn sent_payload(step: &Step) -> Option<String> {
    match (&step.verb, step.op) {
        (Verb::Send { payload, .. }, Some("userinfo")) => Some(payload.clone()),
        _ => None,
    }
}

/// Whether a request with code and data can say the same: nothing is added to it, spoilt or kept back.
fn is_plain_send(step: &Step) -> bool {
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

fn captures(step: &Step, name: &str) -> bool {
    matches!(&step.verb, Verb::Capture { payload, .. } if payload == name)
}

/// The name of what a step makes only so that it is sent.
fn made_to_send(step: &Step) -> Option<String> {
    match &step.verb {
        Verb::Capture { payload, .. } => Some(payload.clone()),
        Verb::PhoneCode { phone_code } => Some(phone_code.clone()),
        _ => None,
    }
}

fn sends_it(step: &Step, name: &str) -> bool {
    match &step.verb {
        Verb::Send { payload, .. } | Verb::SubmitProfile { payload, .. } => payload == name,
        Verb::SendCode { phone_code, .. } | Verb::Swap { phone_code, .. } => phone_code == name,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmock_scenario as scenario;
    use wxmock_scenario::plan;
    use wxmock_scenario::plan::Selection;

    const WHOLE: &[&str] = wxmock_model::program::OPS;

    fn case(path: &str) -> Case {
        let cases = plan::cases(scenario::all(), &Selection::default());
        let found = cases.into_iter().find(|case| {
            case.path == path || (case.scenario.alias == path && case.program.steps().count() > 0)
        });
        found.unwrap_or_else(|| panic!("no case {path}"))
    }

    fn fit(path: &str, ops: &[&str]) -> Fit {
        let fit = Fit::of(&case(path), &Described::ops(ops));
        if let Fit::Runs(fitted) = &fit {
            let again = Fit::of(&fitted.case, &Described::ops(ops));
            let Fit::Runs(again) = again else {
                panic!("{path} runs once and not twice");
            };
            assert_eq!(again.case.program, fitted.case.program, "{path}");
        }
        fit
    }

    /// Who does what, phone first; panics if the case does not run.
    fn story(path: &str, ops: &[&str]) -> Vec<String> {
        let Fit::Runs(fitted) = fit(path, ops) else {
            panic!("{path} does not run with {ops:?}");
        };
        let program = &fitted.case.program;
        let told = |step: &Step| {
            let phone = step
                .phone
                .map_or("", |phone| program.phones[phone].name.as_str());
            format!("{phone} {}", step.op.unwrap_or(&step.text))
                .trim()
                .to_owned()
        };
        program.steps().map(told).collect()
    }

    fn reason(path: &str, ops: &[&str]) -> String {
        match fit(path, ops) {
            Fit::Skips(unfit) => unfit.reason().en,
            Fit::Runs(_) => "runs".to_owned(),
        }
    }

    #[test]
    fn a_plus_is_lost_only_where_a_form_or_a_query_is_decoded() {
        let adapter = |body: &str| {
            let text = format!(
                r#"name = "x"
[backend]
base = "http://127.0.0.1:1"
[ops.login]
request = {{ post = "/l", json = {{ code = "{{{{device.code}}}}" }} }}
capture = {{ token = "$.t" }}
[ops.userinfo]
request = {{ post = "/p", {body} }}
[[outcome]]
when = {{ status = 200 }}
is = "ok"
"#
            );
            Adapter::parse("x.toml", &text).unwrap()
        };
        let case = case("payload-integrity/plus-becomes-space/variant:raw-plus");
        let fits = |body: &str| {
            let data = r#"{ d = "{{device.encryptedData}}", iv = "{{device.iv}}" }"#;
            Fit::of(&case, &Described::of(&adapter(&body.replace("DATA", data))))
        };
        let raw = r#"body = "d={{device.encryptedData}}&iv={{device.iv}}""#;
        let form = r#"headers = { Content-Type = "application/x-www-form-urlencoded" }"#;
        for body in ["form = DATA", "query = DATA", &format!("{form}, {raw}")] {
            assert!(matches!(fits(body), Fit::Runs(_)), "{body}");
        }
        let xml = r#"headers = { Content-Type = "text/xml" }"#;
        for body in ["json = DATA", "headers = DATA", &format!("{xml}, {raw}")] {
            let skipped = matches!(fits(body), Fit::Skips(Unfit::NotApplicable(_)));
            assert!(skipped, "{body}");
        }
    }

    #[test]
    fn a_whole_adapter_changes_nothing() {
        for case in plan::cases(scenario::all(), &Selection::default()) {
            let Fit::Runs(fitted) = Fit::of(&case, &Described::ops(WHOLE)) else {
                panic!("{} is skipped", case.path);
            };
            let program = Program {
                needs: case.program.needs.clone(),
                ..fitted.case.program.clone()
            };
            assert_eq!(program, case.program, "{}", case.path);
            assert!(fitted.notes().is_empty(), "{}", case.path);
            assert_eq!(fitted.case.orders(), case.orders(), "{}", case.path);
        }
    }

    #[test]
    fn a_login_alone_keeps_what_a_login_shows() {
        assert_eq!(
            story("CC-1", &["login"]),
            ["P mint as c", "P login", "P login", "recover A"]
        );
        let Fit::Runs(fitted) = fit("CC-1", &["login"]) else {
            panic!("CC-1 runs");
        };
        assert_eq!(fitted.case.program.obligations, ["same-code-twice"]);
        assert_eq!(fitted.left_out, BTreeSet::from(["userinfo".to_owned()]));
        assert_eq!(fitted.notes().len(), 1);
        assert_eq!(reason("SK-1", &["login"]), "not-described: userinfo");
        assert_eq!(reason("CL-4", &["login"]), "not-described: whoami");
    }

    #[test]
    fn the_phone_button_carries_what_a_profile_would() {
        let ops = ["login", "phone_cipher"];
        let story = story("MM-2", &ops);
        assert!(story.contains(&"P phone_cipher".to_owned()), "{story:?}");
        let Fit::Runs(fitted) = fit("MM-2", &ops) else {
            panic!("MM-2 runs");
        };
        assert_eq!(fitted.carried_by, Some("phone_cipher"));
        assert_eq!(
            fitted.case.program.obligations,
            ["superseded-key-submitted"]
        );
        let bent = "security/payload-not-bound-to-app-and-user/variant:bent-iv";
        assert!(reason(bent, &ops).starts_with("not-applicable: "));
        let app = "security/payload-not-bound-to-app-and-user/variant:other-app";
        assert_eq!(reason(app, &ops), "runs");
    }

    #[test]
    fn a_login_with_data_captures_at_its_own_mint() {
        let ops = ["login_profile"];
        assert_eq!(
            story("CC-1", &ops),
            [
                "P mint as c",
                "P capture userinfo after mint as c",
                "P login_profile",
                "P login_profile",
                "recover A"
            ]
        );
        assert_eq!(
            story("N5", &ops)[..4],
            [
                "P mint as c1",
                "P capture userinfo after mint as c1",
                "Q mint as c2",
                "Q capture userinfo after mint as c2",
            ]
        );
        let late = "concurrent-login/slow-reply-overwrites-newer-key/rotation:exchange/n:2";
        assert!(reason(late, &ops).starts_with("not-applicable: "));
        assert_eq!(reason("MM-2", &ops), "not-described: userinfo");
    }

    #[test]
    fn captured_data_is_sent_with_a_code_of_its_own() {
        let story = story("KI-1", &["login_profile"]);
        assert!(
            story.ends_with(&[
                "Q mint for capture userinfo as pb".to_owned(),
                "Q capture userinfo as pb".to_owned(),
                "Q login_profile".to_owned(),
            ]),
            "{story:?}"
        );
    }

    #[test]
    fn every_case_that_runs_can_be_enumerated() {
        let sets: &[&[&str]] = &[
            &["login"],
            &["login", "whoami"],
            &["login", "phone_cipher"],
            &["login", "login_profile"],
            &["login_profile"],
            &["login_profile", "userinfo"],
        ];
        for ops in sets {
            for case in plan::cases(scenario::all(), &Selection::default()) {
                let Fit::Runs(fitted) = Fit::of(&case, &Described::ops(ops)) else {
                    continue;
                };
                let lacks = |step: &&Step| step.op.is_some_and(|op| !ops.contains(&op));
                let stray = fitted.case.program.steps().find(lacks);
                assert!(stray.is_none(), "{} {ops:?}: {stray:?}", case.path);
                assert!(!fitted.case.orders().is_empty(), "{} {ops:?}", case.path);
            }
        }
    }
}
