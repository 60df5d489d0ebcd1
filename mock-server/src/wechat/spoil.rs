//! What a fault makes of an answer. Knows faults and rendered answers, not what either is about.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use wxmock_world::{AppId, Refusal, WxError, errcode};

use super::render::{self, Dialect, Rendered};
use crate::faults::FaultEffect;
use crate::handle::{Handle, Phase};
use crate::server::Shaping;

/// How long [`FaultEffect::Silent`] says nothing. Longer than any client waits, short enough not to pile up for ever.
const SILENCE: Duration = Duration::from_secs(300);

/// What is left of an answer.
pub(super) enum Spoilt {
    /// Bytes, put on the wire so.
    Answer(Rendered, Shaping),
    /// A reset connection.
    Reset,
    /// Nothing, for a long time.
    Silent,
}

/// Apply a fault to an answer. `app` gives the rid of an errcode its series, `from` is the caller.
pub(super) fn spoil(
    handle: &Handle,
    app: Option<&AppId>,
    dialect: Dialect,
    from: IpAddr,
    mut answer: Rendered,
    effect: &FaultEffect,
) -> Spoilt {
    let shaping = match effect {
        FaultEffect::Errcode { errcode, errmsg } => {
            let error = wording(*errcode, errmsg.as_deref());
            let (date, seq, key_no) = (answer.date, answer.seq, answer.key_no);
            answer = handle.with_world(|world, _| {
                render::refusal(world, date, app, dialect, seq, from, &error)
            });
            answer.key_no = key_no;
            answer.why = Some(Box::new(Refusal::Faulted)).filter(|_| *errcode != 0);
            Shaping::Whole
        }
        FaultEffect::Status {
            status,
            body,
            content_type,
        } => {
            answer.replace(body, content_type.as_deref());
            answer.status =
                StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Shaping::Whole
        }
        FaultEffect::Body { body, content_type } => {
            answer.replace(body, content_type.as_deref());
            Shaping::Whole
        }
        FaultEffect::ContentType { content_type } => {
            answer.content_type = content_type
                .as_deref()
                .and_then(|text| HeaderValue::from_str(text).ok());
            Shaping::Whole
        }
        FaultEffect::Truncate { keep_bytes } => Shaping::Truncate(*keep_bytes),
        FaultEffect::Drip { byte_ms } => Shaping::Drip(Duration::from_millis(*byte_ms)),
        FaultEffect::Reset => return Spoilt::Reset,
        FaultEffect::Silent => return Spoilt::Silent,
        FaultEffect::Delay { .. } => Shaping::Whole,
    };
    Spoilt::Answer(answer, shaping)
}

impl Rendered {
    /// Put another body in: it no longer carries what the world answered.
    fn replace(&mut self, body: &str, content_type: Option<&str>) {
        self.body = Bytes::copy_from_slice(body.as_bytes());
        if let Some(content_type) = content_type.and_then(|text| HeaderValue::from_str(text).ok()) {
            self.content_type = Some(content_type);
        }
        self.extra.clear();
        self.rid = None;
        self.errcode = None;
    }
}

/// The text that goes with an errcode: the rule's own, WeChat's, or the one WeChat has for anything.
fn wording(errcode: i64, errmsg: Option<&str>) -> WxError {
    let known =
        || errcode::info(errcode).map_or(errcode::SYSTEM_ERROR.errmsg, |info| info.errmsg.into());
    WxError {
        errcode,
        errmsg: errmsg.map_or_else(known, |errmsg| errmsg.to_owned().into()),
    }
}

/// Say nothing until the silence has lasted or the server stops.
pub(super) async fn silence(handle: &Handle) {
    let mut phase = handle.phase().subscribe();
    // Either way the silence is over; which of the two ended it changes nothing.
    let _ = tokio::time::timeout(SILENCE, phase.wait_for(|phase| *phase > Phase::Running)).await;
}
