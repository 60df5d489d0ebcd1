//! A history as rows of arrows between phones, backend and WeChat: what the SVG, the Mermaid text and the HTML page
//! all draw. Knows columns and rows, not pixels.

use serde::Serialize;

use crate::phrases;
use crate::phrases::{
    answered, asks, failed, lost, minted, reply_word, sealed, short, single_word,
};
use crate::picture::{lanes, overtaken};
use wxmock_judge::steps;
use wxmock_model::history::{
    Exchange, History, Operation, Outcome, Phase, StepKind, StepRecord, UpstreamCall,
};
use wxmock_model::lang::Say;
use wxmock_model::say;

/// A whole picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sequence {
    /// Names of the phones.
    pub phones: Vec<String>,
    /// How many replies are held at once at most.
    pub lanes: usize,
    /// Whether a store of the backend takes part.
    #[serde(skip_serializing_if = "is_false")]
    pub store: bool,
    /// Rows in the order they took effect.
    pub rows: Vec<Row>,
    /// What of the order was not forced; empty if all of it was.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub caption: String,
    /// The same in Chinese.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub caption_zh: String,
    /// What was said; rows refer to it by position.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Said>,
}

/// One request and its answer, and between whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Who asked: a phone, or the backend.
    pub from: Place,
    /// Who was asked.
    pub to: Place,
    /// The phone's name; empty if the backend asked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub phone: String,
    /// What was said, masked.
    #[serde(flatten)]
    pub exchange: Exchange,
}

/// Which side of an exchange a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The answer is yet to come.
    Request,
    /// Both: the answer is there.
    Whole,
}

/// One row: a step, or an operation of the preparation or the probes that nothing interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its number as the judge's sentences use it: `5`, or `5b` where a row has several steps.
    pub label: String,
    /// Name in a replay token; empty outside the race.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Which part of the scenario.
    pub phase: Phase,
    /// What kind of step its first one is.
    pub kind: StepKind,
    /// The steps' texts.
    pub text: String,
    /// The phone that acts, as an index into [`Sequence::phones`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<usize>,
    /// What is drawn; empty for remarks.
    pub arrows: Vec<Arrow>,
    /// The key in force afterwards: `k2`, `A:k2` with several people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether the key is another than before.
    #[serde(skip_serializing_if = "is_false")]
    pub key_changed: bool,
    /// Replies held while this row happens, opened before it and closed after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Lane>,
    /// The reply whose hold begins here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens: Option<Lane>,
    /// The reply let go here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes: Option<Lane>,
    /// Whether the first violation is about this row.
    #[serde(skip_serializing_if = "is_false")]
    pub pointed: bool,
    /// What the history holds about the steps: (what, value). Never a secret: the history has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<(&'static str, String)>,
    /// What is said here: positions in [`Sequence::exchanges`], and how much of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<(usize, Side)>,
}

/// A held reply's bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// Which bracket, from the left.
    pub lane: usize,
    /// Whether this reply overtook another or was overtaken.
    pub crossed: bool,
}

/// One arrow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arrow {
    /// Where it begins.
    pub from: Place,
    /// Where it ends.
    pub to: Place,
    /// What it carries.
    pub text: String,
    /// The same in Chinese; empty where that is the same.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text_zh: String,
    /// How good the news is.
    pub tone: Tone,
    /// Whether it stands for a question and its answer.
    #[serde(skip_serializing_if = "is_false")]
    pub both: bool,
    /// Whether what it carries never arrived whole.
    #[serde(skip_serializing_if = "is_false")]
    pub lost: bool,
    /// Whether this reply overtook another or was overtaken.
    #[serde(skip_serializing_if = "is_false")]
    pub crossed: bool,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The phones.
    Phone,
    /// The backend under test.
    Backend,
    /// WeChat, that is the mock.
    Wechat,
    /// The backend's store, between the backend and WeChat.
    Store,
}

/// How good the news of an arrow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// A question, or a reply like any other.
    Plain,
    /// Success.
    Good,
    /// Log in again, try later.
    Warn,
    /// Refused, failed, or not understood.
    Bad,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Sequence {
    /// The rows of `history`, with `highlight` (indexes of steps) pointed at.
    #[must_use]
    pub fn of(history: &History, highlight: &[usize]) -> Self {
        let rows = steps::rows(history);
        let lanes = lanes(history, &rows);
        let layout = Layout {
            history,
            highlight,
            crossed: overtaken(history),
            lanes,
        };
        let exchanges = layout.exchanges();
        let caption = history.forced.caption().unwrap_or_default();
        let mut open: Vec<usize> = Vec::new();
        let mut woven = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            layout.weave(number + 1, row, &mut open, &mut woven);
        }
        Self {
            phones: history
                .phones
                .iter()
                .map(|phone| phone.name.clone())
                .collect(),
            lanes: layout
                .lanes
                .iter()
                .flatten()
                .max()
                .map_or(0, |most| most + 1),
            store: !history.statements.is_empty(),
            rows: woven,
            caption: caption.en,
            caption_zh: caption.zh,
            exchanges,
        }
    }

    /// Leaves out what was said; whether there was anything.
    pub fn hush(&mut self) -> bool {
        for row in &mut self.rows {
            row.said.clear();
        }
        !std::mem::take(&mut self.exchanges).is_empty()
    }

    /// Whether some reply overtook another.
    #[must_use]
    pub fn has_crossing(&self) -> bool {
        self.rows
            .iter()
            .any(|row| row.closes.is_some_and(|lane| lane.crossed))
    }
}

struct Layout<'a> {
    history: &'a History,
    highlight: &'a [usize],
    crossed: Vec<usize>,
    /// Bracket lane of every upstream call that has one.
    lanes: Vec<Option<usize>>,
}

impl Layout<'_> {
    /// Everything that was said: by phones first, then by the backend.
    fn exchanges(&self) -> Vec<Said> {
        let phones = self.history.operations.iter().filter_map(|op| {
            Some(Said {
                from: Place::Phone,
                to: Place::Backend,
                phone: op.phone.clone(),
                exchange: op.exchange.as_deref()?.clone(),
            })
        });
        let upstream = self.history.upstream.iter().filter_map(|call| {
            Some(Said {
                from: Place::Backend,
                to: Place::Wechat,
                phone: String::new(),
                exchange: call.exchange.as_deref()?.clone(),
            })
        });
        phones.chain(upstream).collect()
    }

    /// The position of an operation's exchange in [`Layout::exchanges`].
    fn said_to_backend(&self, op: usize) -> Option<usize> {
        let operations = &self.history.operations;
        operations.get(op)?.exchange.as_ref()?;
        Some(spoken(
            operations[..op].iter().map(|op| op.exchange.is_some()),
        ))
    }

    /// The position of a call's exchange in [`Layout::exchanges`].
    fn said_to_wechat(&self, call: usize) -> Option<usize> {
        let (operations, upstream) = (&self.history.operations, &self.history.upstream);
        upstream.get(call)?.exchange.as_ref()?;
        let before = operations.iter().map(|op| op.exchange.is_some());
        Some(spoken(before.chain(
            upstream[..call].iter().map(|call| call.exchange.is_some()),
        )))
    }

    fn weave(&self, number: usize, row: &[usize], open: &mut Vec<usize>, out: &mut Vec<Row>) {
        let first = &self.history.steps[row[0]];
        let folds = matches!(
            first.kind,
            StepKind::Submit | StepKind::Send | StepKind::Capture
        );
        if row.len() > 1 && folds {
            out.push(self.folded(number, row, open));
            return;
        }
        // An arrival is drawn with its commit, which is the last of its row.
        let (arrivals, drawn): (Vec<usize>, Vec<usize>) = row.iter().partition(|step| {
            row.len() > 1 && self.history.steps[**step].kind == StepKind::UpstreamArrived
        });
        for (at, step) in drawn.iter().enumerate() {
            let suffix = if drawn.len() > 1 {
                char::from_u32('a' as u32 + at as u32)
            } else {
                None
            };
            let label = format!("{number}{}", suffix.map_or_else(String::new, String::from));
            let mut row = self.single(label, *step, open);
            row.pointed |= arrivals
                .iter()
                .any(|arrival| self.highlight.contains(arrival));
            out.push(row);
        }
    }

    fn blank(&self, label: String, steps: &[usize], open: &[usize]) -> Row {
        let first = &self.history.steps[steps[0]];
        let records = || steps.iter().map(|step| &self.history.steps[*step]);
        let keyed = records().rev().find(|step| step.key_in_force.is_some());
        let texts: Vec<&str> = records().map(|step| step.text.as_str()).collect();
        Row {
            label,
            name: first.name.clone(),
            phase: first.phase,
            kind: first.kind,
            text: texts.join("; "),
            phone: first.phone.as_ref().and_then(|name| {
                self.history
                    .phones
                    .iter()
                    .position(|phone| phone.name == *name)
            }),
            arrows: Vec::new(),
            key: keyed.and_then(|step| self.key(step)),
            key_changed: keyed
                .is_some_and(|step| self.key_before(first, step) != step.key_in_force),
            held: open.iter().filter_map(|call| self.lane(*call)).collect(),
            opens: None,
            closes: None,
            pointed: steps.iter().any(|step| self.highlight.contains(step)),
            detail: Vec::new(),
            said: Vec::new(),
        }
    }

    fn key(&self, step: &StepRecord) -> Option<String> {
        let no = step
            .key_in_force
            .filter(|_| self.history.is_about_its_people(step))?;
        Some(match &step.user {
            Some(user) if self.history.users.len() > 1 => format!("{user}:k{no}"),
            _ => format!("k{no}"),
        })
    }

    fn key_before(&self, first: &StepRecord, step: &StepRecord) -> Option<u32> {
        let earlier = self
            .history
            .steps
            .iter()
            .filter(|other| other.tick < first.tick && other.user == step.user);
        earlier.filter_map(|other| other.key_in_force).next_back()
    }

    fn lane(&self, call: usize) -> Option<Lane> {
        let lane = self.lanes.get(call).copied().flatten()?;
        Some(Lane {
            lane,
            crossed: self.crossed.contains(&call),
        })
    }

    /// A whole operation in one row.
    fn folded(&self, number: usize, row: &[usize], open: &[usize]) -> Row {
        let mut woven = self.blank(number.to_string(), row, open);
        let records: Vec<&StepRecord> = row.iter().map(|step| &self.history.steps[*step]).collect();
        let op = records
            .iter()
            .find_map(|step| steps::operation_of(self.history, step));
        let said = op.and_then(|op| self.said_to_backend(op));
        woven.said.extend(said.map(|at| (at, Side::Whole)));
        if let Some(op) = op.and_then(|op| self.history.operations.get(op)) {
            woven.arrows.push(Arrow {
                both: true,
                tone: answer_tone(op),
                ..arrow(
                    Place::Phone,
                    Place::Backend,
                    format!("{}: {}", asks(self.history, op), answered(&op.answer)),
                )
            });
            woven.detail.extend(asked(self.history, op));
            woven.detail.extend(told(op));
        }
        let call = records
            .iter()
            .filter(|step| step.kind == StepKind::Commit)
            .find_map(|step| step.upstream);
        let said = call.and_then(|call| self.said_to_wechat(call));
        woven.said.extend(said.map(|at| (at, Side::Whole)));
        if let Some(call) = call.and_then(|call| self.history.upstream.get(call)) {
            let arrives = phrases::arrives(self.history, call);
            let text = Say::join(
                [Say::same(short(call)), self.came_back(call)],
                &Say::same(": "),
            );
            woven.arrows.push(Arrow {
                both: arrives,
                lost: !arrives,
                tone: self.news(call),
                ..spoken_arrow(Place::Backend, Place::Wechat, text)
            });
            woven.detail.extend(called(self.history, call));
        }
        woven
    }

    /// One step in one row.
    fn single(&self, label: String, index: usize, open: &mut Vec<usize>) -> Row {
        let step = &self.history.steps[index];
        let mut row = self.blank(label, &[index], open);
        let op = step
            .operation
            .and_then(|op| self.history.operations.get(op));
        let call = step
            .upstream
            .and_then(|call| Some((call, self.history.upstream.get(call)?)));
        match (step.kind, op, call) {
            (StepKind::Mint | StepKind::Capture, _, _) => self.to_wechat(&mut row, step),
            (StepKind::Submit | StepKind::Send, Some(op), _) => {
                row.said = self.by_operation(step, Side::Request);
                row.arrows
                    .push(arrow(Place::Phone, Place::Backend, asks(self.history, op)));
                row.detail = asked(self.history, op);
            }
            (StepKind::Answer, Some(op), _) => {
                row.said = self.by_operation(step, Side::Whole);
                let phone = step.phone.as_deref().unwrap_or("?");
                let text = format!("{phone}: {}", answered(&op.answer));
                row.arrows.push(Arrow {
                    tone: answer_tone(op),
                    ..arrow(Place::Backend, Place::Phone, text)
                });
                row.detail = told(op);
            }
            (StepKind::UpstreamArrived | StepKind::Commit, _, Some((index, call))) => {
                let arrives = step.kind == StepKind::UpstreamArrived;
                let side = if arrives { Side::Request } else { Side::Whole };
                row.said = self.by_call(index, side);
                row.arrows.push(self.commit(step, index, call));
                row.detail = called(self.history, call);
                if let Some(lane) = self.lane(index).filter(|_| !open.contains(&index)) {
                    row.opens = Some(lane);
                    open.push(index);
                }
            }
            (StepKind::Reply, _, Some((index, call))) => {
                open.retain(|other| *other != index);
                row.held = open.iter().filter_map(|call| self.lane(*call)).collect();
                row.closes = self.lane(index);
                row.said = self.by_call(index, Side::Whole);
                row.arrows.push(self.reply(index, call));
                row.detail = called(self.history, call);
            }
            (StepKind::Statement, ..) => self.to_store(&mut row, step),
            _ => {}
        }
        row
    }

    /// A statement and what the store answered.
    fn to_store(&self, row: &mut Row, step: &StepRecord) {
        let Some(said) = step
            .statement
            .and_then(|at| self.history.statements.get(at))
        else {
            return;
        };
        row.arrows.push(Arrow {
            tone: match said.failed {
                true => Tone::Bad,
                false => Tone::Plain,
            },
            both: !said.answer.is_empty(),
            ..arrow(Place::Backend, Place::Store, phrases::stated(said))
        });
        row.detail.push(("store", said.store.clone()));
    }

    fn by_operation(&self, step: &StepRecord, side: Side) -> Vec<(usize, Side)> {
        let at = step.operation.and_then(|op| self.said_to_backend(op));
        at.map(|at| (at, side)).into_iter().collect()
    }

    fn by_call(&self, call: usize, side: Side) -> Vec<(usize, Side)> {
        let at = self.said_to_wechat(call);
        at.map(|at| (at, side)).into_iter().collect()
    }

    fn to_wechat(&self, row: &mut Row, step: &StepRecord) {
        let phone = step.phone.as_deref().unwrap_or("?");
        let payload = step
            .payload
            .and_then(|payload| self.history.payloads.get(payload));
        let text = match (step.kind, payload) {
            (StepKind::Mint, _) => Say::same(format!("{phone} wx.login: {}", minted(&step.text))),
            (_, Some(payload)) => {
                row.detail = vec![
                    ("payload", payload.name.clone()),
                    ("data", payload.api.clone()),
                    ("sealed", sealed(payload.key_no)),
                    ("mark", payload.mark.clone()),
                ];
                let name =
                    single_word(&payload.name).map_or_else(String::new, |name| format!(" {name}"));
                let key = payload.key_no;
                let zh = match key {
                    Some(no) => format!("用 k{no} 加密"),
                    None => "用自造的 key 加密".to_owned(),
                };
                say!(
                    "{phone} capture{name}: {sealed}",
                    "{phone} 取加密数据{name}：{sealed}",
                    phone = phone,
                    name = name,
                    sealed = Say::fixed(&sealed(key), &zh)
                )
            }
            (_, None) => say!("{phone} phone code", "{phone} 取手机号 code", phone = phone),
        };
        row.arrows
            .push(spoken_arrow(Place::Phone, Place::Wechat, text));
    }

    fn commit(&self, step: &StepRecord, index: usize, call: &UpstreamCall) -> Arrow {
        let issued = self.history.keys.iter().any(|key| key.issued == step.tick);
        let said = if issued {
            say!("issues {key}", "签发 {key}", key = reply_word(call))
        } else if call.committed.is_some() || call.fault.is_some() || failed(self.history, call) {
            self.came_back(call)
        } else {
            say!("no reply", "没有回复")
        };
        let text = Say::join([Say::same(short(call)), said], &Say::same(": "));
        Arrow {
            crossed: self.crossed.contains(&index),
            ..spoken_arrow(Place::Backend, Place::Wechat, text)
        }
    }

    fn reply(&self, index: usize, call: &UpstreamCall) -> Arrow {
        let came_back = self.came_back(call);
        let text = match lost(self.history, call) {
            true => came_back,
            false => say!("reply {key}", "回复 {key}", key = came_back),
        };
        Arrow {
            lost: !phrases::arrives(self.history, call),
            tone: self.news(call),
            crossed: self.crossed.contains(&index),
            ..spoken_arrow(Place::Wechat, Place::Backend, text)
        }
    }

    /// What came back of a call: `k1`, `errcode 40163`, `cut at 24 bytes`, `k1, late by 6 s`.
    fn came_back(&self, call: &UpstreamCall) -> Say {
        let word = reply_word(call);
        if failed(self.history, call) {
            return say!("errcode {code}", "errcode {code}", code = word);
        }
        let told = phrases::effect(self.history, call).map(phrases::in_full);
        let told = told.or_else(|| {
            let label = call.fault.as_ref()?;
            Some(say!("fault {label}", "故障 {label}", label = label))
        });
        match told {
            Some(told) if lost(self.history, call) => told,
            Some(told) => say!("{word}, {told}", "{word}，{told}", word = word, told = told),
            None => Say::same(word),
        }
    }

    fn news(&self, call: &UpstreamCall) -> Tone {
        if lost(self.history, call) || failed(self.history, call) {
            Tone::Bad
        } else if phrases::effect(self.history, call).is_some() {
            Tone::Warn
        } else {
            Tone::Plain
        }
    }
}

/// How many of them have an exchange.
fn spoken(records: impl Iterator<Item = bool>) -> usize {
    records.filter(|has_one| *has_one).count()
}

const fn arrow(from: Place, to: Place, text: String) -> Arrow {
    Arrow {
        from,
        to,
        text,
        text_zh: String::new(),
        tone: Tone::Plain,
        both: false,
        lost: false,
        crossed: false,
    }
}

/// An arrow whose text is another one in Chinese.
fn spoken_arrow(from: Place, to: Place, text: Say) -> Arrow {
    let text_zh = if text.zh == text.en {
        String::new()
    } else {
        text.zh
    };
    Arrow {
        text_zh,
        ..arrow(from, to, text.en)
    }
}

const fn answer_tone(op: &Operation) -> Tone {
    match (op.phase, op.answer.outcome) {
        (_, Outcome::Ok) => Tone::Good,
        // A probe asks which keys still open; no is as good an answer as yes.
        (
            Phase::Probe,
            Outcome::Relogin | Outcome::RetryLater | Outcome::Denied | Outcome::Invalid,
        ) => Tone::Plain,
        (_, Outcome::Relogin | Outcome::RetryLater) => Tone::Warn,
        (_, Outcome::Denied | Outcome::Invalid | Outcome::ServerError | Outcome::Indefinite) => {
            Tone::Bad
        }
    }
}

type Detail = Vec<(&'static str, String)>;

fn asked(history: &History, op: &Operation) -> Detail {
    let mut detail = vec![
        ("operation", op.op.clone()),
        ("phone", format!("{} ({})", op.phone, op.user)),
    ];
    detail.extend(op.code.iter().map(|code| ("code", code.clone())));
    let token = op.token_name.as_deref().or(op.token_of.as_deref());
    detail.extend(token.map(|name| ("token", name.to_owned())));
    if let Some(payload) = op.payload.and_then(|payload| history.payloads.get(payload)) {
        detail.push((
            "payload",
            format!("{} {}", payload.name, sealed(payload.key_no)),
        ));
    }
    detail
}

fn told(op: &Operation) -> Detail {
    let answer = &op.answer;
    let mut detail = vec![("answer", answered(answer))];
    detail.extend(op.took_ms.map(|took| ("took", format!("{took} ms"))));
    detail.extend(answer.user_id.iter().map(|id| ("user", id.clone())));
    detail.extend(
        answer
            .plaintext
            .iter()
            .map(|seen| ("plaintext", seen.clone())),
    );
    detail.extend(
        answer
            .token_hash
            .iter()
            .map(|hash| ("token_hash", hash.clone())),
    );
    detail.extend(Some(("body", answer.excerpt.clone())).filter(|(_, body)| !body.is_empty()));
    detail.extend(
        answer
            .findings
            .iter()
            .map(|(rule, why)| ("finding", format!("{rule}: {why}"))),
    );
    detail
}

fn called(history: &History, call: &UpstreamCall) -> Detail {
    let numbers = steps::numbers(history);
    let row = |tick: wxmock_model::history::Tick| {
        let step = history.steps.iter().position(|step| step.tick == tick)?;
        numbers.get(step).map(ToString::to_string)
    };
    let mut detail = vec![("call", call.endpoint.clone())];
    detail.extend(call.code.iter().map(|code| ("code", code.clone())));
    detail.extend(call.key_no.map(|no| ("key", format!("k{no}"))));
    detail.extend(
        call.errcode
            .filter(|code| *code != 0)
            .map(|code| ("errcode", code.to_string())),
    );
    detail.extend(call.fault.iter().map(|fault| ("fault", fault.clone())));
    if let (Some(from), Some(to)) = (call.committed.and_then(row), call.released.and_then(row)) {
        detail.push(("held", format!("{from} → {to}")));
    }
    if !call.delivered {
        detail.push(("delivered", "no".to_owned()));
    }
    detail
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn crossed_replies_and_their_brackets() {
        let history = sample::two_phones();
        let sequence = Sequence::of(&history, &[1]);
        assert_eq!(sequence.lanes, 2);
        assert!(sequence.has_crossing());
        let opened = sequence
            .rows
            .iter()
            .filter(|row| row.opens.is_some())
            .count();
        let closed = sequence
            .rows
            .iter()
            .filter(|row| row.closes.is_some())
            .count();
        assert!(
            opened >= 2 && opened == closed,
            "{opened} opened, {closed} closed"
        );
        assert!(sequence.rows.iter().any(|row| row.pointed));
    }

    #[test]
    fn rows_point_at_what_was_said_in_them() {
        let history = sample::told(sample::two_phones());
        let sequence = Sequence::of(&history, &[]);
        let said = |row: &Row| {
            let one = |(at, side): &(usize, Side)| (sequence.exchanges[*at].to, *side);
            row.said.iter().map(one).collect::<Vec<_>>()
        };
        for row in &sequence.rows {
            let expected = match row.kind {
                StepKind::Submit if row.arrows.len() == 1 => {
                    vec![(Place::Backend, Side::Request)]
                }
                StepKind::Answer => vec![(Place::Backend, Side::Whole)],
                StepKind::Commit | StepKind::Reply => vec![(Place::Wechat, Side::Whole)],
                _ => continue,
            };
            assert_eq!(said(row), expected, "{row:?}");
        }
        let submit = sequence.rows.iter().find(|row| row.name == "S2").unwrap();
        let exchange = &sequence.exchanges[submit.said[0].0].exchange;
        assert_eq!(exchange.request.body, r#"{"code":"<c2>"}"#);
        let mut hushed = sequence.clone();
        assert!(hushed.hush() && !hushed.hush());
        assert!(hushed.rows.iter().all(|row| row.said.is_empty()));
    }

    #[test]
    fn rows_carry_the_numbers_of_the_judge() {
        for history in [
            sample::two_phones(),
            sample::three_phones(),
            sample::faults(),
        ] {
            let sequence = Sequence::of(&history, &[]);
            let rows = steps::rows(&history).len();
            let last = sequence
                .rows
                .last()
                .unwrap()
                .label
                .trim_end_matches(char::is_alphabetic);
            assert_eq!(last, rows.to_string());
        }
    }
}
