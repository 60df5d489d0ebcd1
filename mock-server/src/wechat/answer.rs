//! The way of one call past gates and faults, from request to answer. Knows nothing of what any endpoint means.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use wxmock_world::{Refusal, errcode};

use super::asked::Asked;
use super::cloud::{self, Hosted};
use super::command::Subject;
use super::endpoint::Endpoint;
use super::render::{self, Rendered};
use super::signed::{self, Opening, Sealing};
use super::spoil::{self, Spoilt};
use crate::calls::{CallInfo, CallState};
use crate::faults::{FaultRule, When};
use crate::foreign::kept;
use crate::gates::Point;
use crate::handle::Handle;
use crate::http::Request;
use crate::lint::Signs;
use crate::net::Stranger;
use crate::server::{Answer, Answering, Cut, InFlight, Shaping, Wire, WireBody};

/// Answer one call to a path outside `/_mock/`: at once where no gate and no fault has anything to say, as nearly always.
pub(crate) fn answer(handle: &Handle, wire: Arc<Wire>, request: Request) -> Answering {
    let begun = begin(handle, &wire, request);
    if is_disturbed(handle) {
        return Answering::later(meet(handle.clone(), wire, begun));
    }
    let decided = decide(handle, begun, None);
    // What has come since holds or strikes where it would have.
    if is_disturbed(handle) {
        return Answering::later(leave(handle.clone(), wire, decided));
    }
    let Decided { rendered, sent, .. } = decided;
    Answering::now(Ok(send(handle, wire, rendered, Shaping::Whole, sent)))
}

/// A call that has been read and numbered.
struct Begun {
    asked: Asked,
    sealing: Option<Box<Sealing>>,
    /// Whom it is about, if somebody wanted to know before its command.
    subject: Option<Subject>,
    sent: Sent,
}

/// A call whose answer is decided.
struct Decided {
    asked: Asked,
    subject: Subject,
    rendered: Rendered,
    /// The fault that decided it.
    before: Option<Arc<FaultRule>>,
    sent: Sent,
}

/// What the head of an answer needs of its request.
struct Sent {
    call: InFlight,
    keep_alive: bool,
}

fn is_disturbed(handle: &Handle) -> bool {
    handle.gates().any() || handle.faults().any()
}

/// The way past everything that holds or strikes a call.
async fn meet(handle: Handle, wire: Arc<Wire>, mut begun: Begun) -> Result<Answer, Cut> {
    begun.sent.call.pass(Point::Arrived).await;
    let before = strike(&handle, &mut begun.sent.call, When::BeforeCommit).await;
    let decided = decide(&handle, begun, before);
    leave(handle, wire, decided).await
}

/// Run the command, unless a fault came before it, and write down what the answer is to be.
fn decide(handle: &Handle, begun: Begun, before: Option<Arc<FaultRule>>) -> Decided {
    let Begun {
        asked,
        sealing,
        subject,
        mut sent,
    } = begun;
    let (mut rendered, subject) = match &before {
        Some(_) => stand_in(handle, &asked, subject),
        None => {
            let (rendered, subject) = commit(handle, &asked, subject);
            match &sealing {
                Some(sealing) => (sealing.seal(handle, rendered), subject),
                None => (rendered, subject),
            }
        }
    };
    if let Some(seqid) = &asked.seqid {
        cloud::number(&mut rendered, seqid);
    }
    let call = &mut sent.call;
    name_spender(handle, &asked, &mut rendered, call);
    note_refusal(handle, &asked, &rendered, call);
    let about = Some((&asked, &subject));
    record(handle, call, &rendered, about, before.as_deref());
    call.pass_turn();
    Decided {
        asked,
        subject,
        rendered,
        before,
        sent,
    }
}

/// The second half of that way, between the command and the first byte.
async fn leave(handle: Handle, wire: Arc<Wire>, decided: Decided) -> Result<Answer, Cut> {
    let Decided {
        asked,
        subject,
        rendered,
        before,
        mut sent,
    } = decided;
    let call = &mut sent.call;
    call.pass(Point::Committed).await;
    let rule = match before {
        Some(rule) => Some(rule),
        None => strike(&handle, call, When::AfterCommit).await,
    };
    let Some(rule) = rule else {
        return Ok(send(&handle, wire, rendered, Shaping::Whole, sent));
    };
    // What becomes of this answer must not keep the others of its release waiting.
    call.pass_turn();
    let (app, dialect) = (subject.app.as_ref(), asked.dialect);
    match spoil::spoil(&handle, app, dialect, asked.from, rendered, &rule.effect) {
        Spoilt::Answer(rendered, shaping) => {
            record(&handle, call, &rendered, None, None);
            Ok(send(&handle, wire, rendered, shaping, sent))
        }
        Spoilt::Reset => {
            wire.reset();
            Err(Cut)
        }
        Spoilt::Silent => {
            spoil::silence(&handle).await;
            Err(Cut)
        }
    }
}

/// Head and body on their way.
fn send(
    handle: &Handle,
    wire: Arc<Wire>,
    rendered: Rendered,
    shaping: Shaping,
    sent: Sent,
) -> Answer {
    if !rendered.extra.is_empty() {
        wire.spell();
    }
    let Sent { call, keep_alive } = sent;
    let (parts, body) = rendered.into_parts(keep_alive && handle.is_running());
    let cut_after = shaping.cut_after();
    handle
        .verbatim()
        .answer(call.id(), &parts, &body, cut_after);
    let body = WireBody::answer(body, shaping, wire, call);
    Answer::from_parts(parts, body)
}

/// Read what is asked, find out about whom as far as somebody wants to know now, and open the call's record.
fn begin(handle: &Handle, wire: &Wire, mut request: Request) -> Begun {
    let keep_alive = request.keep_alive;
    let (asked, sealing) = read(handle, &mut request);
    let endpoint = asked.endpoint;
    let mut info = CallInfo::new(endpoint, handle.now());
    info.signs = Signs::of(endpoint, &request, asked.grant_type());
    info.via = std::mem::take(&mut request.via);
    asked.describe(&mut info);
    // Nothing of the request is kept longer: it lies in the connection's read buffer, which hyper wants back.
    let path = match endpoint.path() {
        Some(path) => Cow::Borrowed(path),
        None => Cow::Owned(kept(request.path()).to_owned()),
    };
    // Gates, faults and watchers look for the user before the command runs; without them the look-up waits for the command's lock.
    let subject = is_watched(handle).then(|| handle.with_world(|world, _| asked.attribute(world)));
    if let Some(subject) = &subject {
        asked.attribute_to(subject, &mut info);
    }
    let call = InFlight::begin(handle, info, request.method, path, wire.written());
    if let Some(spoken) = request.spoken {
        handle.verbatim().file(call.id(), *spoken);
    }
    Begun {
        asked,
        sealing,
        subject,
        sent: Sent { call, keep_alive },
    }
}

/// Read what is asked, in whose name a hosted backend asks it, and out of its seal if it has one.
fn read(handle: &Handle, request: &mut Request) -> (Asked, Option<Box<Sealing>>) {
    let endpoint = Endpoint::of(&request.via.host, request.path());
    let hosted = cloud::open(handle, endpoint, request);
    if let Hosted::Refused(error, why) = hosted {
        return (Asked::read(request).refused(error, why), None);
    }
    let (asked, sealing) = unseal(handle, endpoint, request);
    let asked = match hosted {
        Hosted::ByService(seqid) => asked.by_service(seqid),
        Hosted::NotServed(why) if asked.is_readable() => asked.because(why),
        _ => asked,
    };
    (asked, sealing)
}

fn unseal(
    handle: &Handle,
    endpoint: Endpoint,
    request: &mut Request,
) -> (Asked, Option<Box<Sealing>>) {
    match signed::open(handle, endpoint, request) {
        Opening::Plain => (Asked::read(request), None),
        Opening::Opened(sealing) => (Asked::read(request), Some(sealing)),
        Opening::Refused(error, why) => (Asked::read(request).refused(error, why), None),
        Opening::Ignored => (
            Asked::read(request).because(
                ["the call is signed, and this endpoint is not known to take signed calls; it was read as it came", "这个调用带有签名，但不清楚这个接口是否支持；已按原样读取"],
            ),
            None,
        ),
    }
}

fn is_watched(handle: &Handle) -> bool {
    is_disturbed(handle) || handle.calls().is_watched()
}

/// Meet the faults of one side of the command: sit out their delays, return the one that decides the answer.
async fn strike(handle: &Handle, call: &mut InFlight, when: When) -> Option<Arc<FaultRule>> {
    let struck = handle.faults().strike(when, call.id());
    if struck.delay_ms > 0 {
        // A call that waits by itself must not keep the others of its release waiting.
        call.pass_turn();
        tokio::time::sleep(Duration::from_millis(struck.delay_ms)).await;
    }
    struck.decides
}

/// Run the command, and find out whom it is about if nobody asked before.
fn commit(handle: &Handle, asked: &Asked, subject: Option<Subject>) -> (Rendered, Subject) {
    handle.with_world(|world, now| {
        let subject = subject.unwrap_or_else(|| asked.attribute(world));
        let mut rendered = asked.run(world, now, subject.app.as_ref());
        rendered.why = asked.why(world, rendered.errcode).map(Box::new);
        (rendered, subject)
    })
}

/// The answer that a fault before the commit starts from: nothing has happened, so `-1 system error`.
fn stand_in(handle: &Handle, asked: &Asked, subject: Option<Subject>) -> (Rendered, Subject) {
    handle.with_world(|world, now| {
        let subject = subject.unwrap_or_else(|| asked.attribute(world));
        let app = subject.app.as_ref();
        let at = app
            .and_then(|app| world.clock_view(now, app).ok())
            .map_or(now, |clock| clock.now);
        (
            render::refusal(
                world,
                at,
                app,
                asked.dialect,
                None,
                asked.from,
                &errcode::SYSTEM_ERROR,
            ),
            subject,
        )
    })
}

/// Counts why a call was refused. Credentials of another world are worth a warning of their own: a real AppSecret may have
/// leaked into a test. One that only came altered, or is another app's of this mock, has not.
fn note_refusal(handle: &Handle, asked: &Asked, rendered: &Rendered, call: &InFlight) {
    let Some(why) = rendered.why.as_deref() else {
        return;
    };
    let routes = handle.routes();
    match why {
        Refusal::NotPlayed { nearest } => {
            routes.path_not_played(call.path(), nearest, || call.caller());
            return;
        }
        Refusal::AppIdUnknown | Refusal::SecretUnknown => {
            let (appid, secret) = asked.credentials();
            let is_unknown_app = *why == Refusal::AppIdUnknown;
            if let Some(appid) = appid.filter(|_| is_unknown_app) {
                routes.stranger(Stranger::AppId, appid);
            }
            let is_ours = |secret: &str| handle.with_world(|world, _| world.is_credential(secret));
            if let Some(secret) = secret.filter(|secret| !is_ours(secret)) {
                routes.stranger(Stranger::Secret, secret);
            }
        }
        _ => {}
    }
    // A refusal by status carries no errcode.
    let by_status = i64::from(rendered.status.as_u16());
    let errcode = rendered.errcode.unwrap_or(by_status);
    routes.refused(asked.endpoint.as_str(), errcode, why, || call.caller());
}

/// Remembers which call spent a code, and names it where a later one is refused for that.
fn name_spender(handle: &Handle, asked: &Asked, rendered: &mut Rendered, call: &InFlight) {
    let Some(code) = asked.code() else { return };
    let calls = handle.calls();
    let is_refused = rendered.errcode.is_some_and(|errcode| errcode != 0);
    match rendered.why.as_deref_mut() {
        Some(Refusal::CodeSpent { by, .. } | Refusal::CodeBurnt { by, .. }) => {
            *by = calls.spender(code).map(|spender| spender.0);
        }
        // Whether this burns the code is a policy; if it does not, nobody asks.
        Some(Refusal::CodeOfAnotherApp { .. }) => calls.spends(call.id(), code),
        _ if !is_refused && rendered.seq.is_some() => calls.spends(call.id(), code),
        _ => {}
    }
}

/// The call's answer is decided, though `fault` may keep it from ever being sent; by now it is known whom it is about.
fn record(
    handle: &Handle,
    call: &mut InFlight,
    rendered: &Rendered,
    about: Option<(&Asked, &Subject)>,
    fault: Option<&FaultRule>,
) {
    let answers = fault.is_none_or(|rule| rule.effect.answers());
    call.set_rid(rendered.rid.clone().filter(|_| answers));
    handle.calls().update(call.id(), |call| {
        if let Some((asked, subject)) = about {
            asked.attribute_to(subject, call);
        }
        call.state = CallState::Committed;
        call.status = Some(rendered.status.as_u16()).filter(|_| answers);
        call.errcode = rendered.errcode.filter(|_| answers);
        call.seq = rendered.seq;
        call.key_no = rendered.key_no;
        call.why = rendered.why.clone().filter(|_| answers);
    });
}
