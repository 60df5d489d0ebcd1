//! `POST /wxa/msg_sec_check`: whether a text may be shown to others.

use serde::{Deserialize, Serialize};

use super::{World, Wx};
use crate::{
    Command, Span, UnixMs,
    errcode::{
        DATA_FORMAT, EMPTY_POST, INVALID_SCENE_OF_CHECK, OPENID_OF_ANOTHER_APP, VISIT_EXPIRED,
    },
    values,
};

/// Most characters `content` may have. Source: official page.
const LONGEST: usize = 2_500;
/// How long ago the person may have used the app. Source: official page.
const RECENT: Span = Span::h(2);
/// The text with which the official page tries the check. Whatever contains a line of it is risky here; anything else passes,
/// for what WeChat finds risky is not known to anybody. A fault can put any other answer in.
const SAMPLES: [&str; 2] = [
    "特3456书yuuo莞6543李zxcz蒜7782法fgnv级",
    "完2347全dfji试3726测asad感3847知qwez到",
];

/// The request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MsgSecCheck {
    /// `access_token`.
    pub access_token: Option<String>,
    /// `content`, `title`, `nickname` and `signature`, in this order; what was sent of them.
    pub texts: Vec<String>,
    /// Whether `content` was among them.
    pub has_content: bool,
    /// `version`: `2`.
    pub version: Option<String>,
    /// `scene`: 1 profile, 2 comment, 3 forum, 4 social log.
    pub scene: Option<String>,
    /// `openid`.
    pub openid: Option<String>,
}

/// What WeChat advises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suggest {
    /// Show it.
    Pass,
    /// Do not show it.
    Risky,
}

/// The reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecCheckReply {
    /// `suggest`.
    pub suggest: Suggest,
    /// `label`: 100 for a text that passes, 20006 (against the law) for the sample. Source: official page.
    pub label: i64,
    /// `trace_id`, in the shape of a rid.
    pub trace_id: String,
}

impl World {
    /// Checks a text.
    ///
    /// 47001 for a version other than 2 (the older one has no openid and is not played), 40129 for a scene that is none of 1
    /// to 4, 44002 without content, 43104 for an openid of nobody here, 61010 for a person who has not used the app for two
    /// hours. The order of these is unknown; a content that is too long has no published errcode and is 47001.
    pub fn msg_sec_check(&mut self, now: UnixMs, q: &MsgSecCheck) -> Wx<SecCheckReply> {
        self.record(now, || Command::MsgSecCheck(q.clone()));
        self.with_token(now, "msg_sec_check", &q.access_token, |turn| {
            if q.version.as_deref() != Some("2") {
                return Err(DATA_FORMAT);
            }
            let scene = q.scene.as_deref();
            if !scene.is_some_and(|scene| matches!(scene, "1" | "2" | "3" | "4")) {
                return Err(INVALID_SCENE_OF_CHECK);
            }
            if !q.has_content {
                return Err(EMPTY_POST);
            }
            if q.texts.iter().any(|text| text.chars().count() > LONGEST) {
                return Err(DATA_FORMAT);
            }
            let no = turn
                .with_openid(q.openid.as_ref())
                .ok_or(OPENID_OF_ANOTHER_APP)?;
            let visited = turn.user(no).visited_at;
            if visited.is_none_or(|visited| turn.at.since(visited) > RECENT) {
                return Err(VISIT_EXPIRED);
            }
            let is_sample = |text: &String| SAMPLES.iter().any(|sample| text.contains(sample));
            let (suggest, label) = if q.texts.iter().any(is_sample) {
                (Suggest::Risky, 20_006)
            } else {
                (Suggest::Pass, 100)
            };
            turn.app.n_traces += 1;
            let tail = values::trace_tail(turn.seed, &turn.app.id, turn.app.n_traces);
            Ok(SecCheckReply {
                suggest,
                label,
                trace_id: format!("{:08x}-{tail}", turn.at.seconds()),
            })
        })
    }
}
