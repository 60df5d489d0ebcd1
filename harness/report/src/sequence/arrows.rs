//! One row of the layout as arrows: from where to where, with which text, and how good the news is.

use super::data::{Arrow, Place, Row, Side, Tone};
use super::detail::{asked, called, captured, told};
use crate::layout::{self, Act, Called};
use crate::phrases::{self, answered, asks, failed, lost, minted, reply_word, short, single_word};
use wxmock_model::history::{
    History, Operation, Outcome, PayloadRecord, Phase, StatementRecord, UpstreamCall,
};
use wxmock_model::lang::Say;
use wxmock_model::say;

/// The row with its arrows.
pub(super) fn row(history: &History, row: layout::Row<'_>) -> Row {
    let said_by = |phone: &str| history.phones.iter().position(|known| known.name == phone);
    let mut drawn = Row {
        label: row.label(),
        name: row.step.name.clone(),
        phase: row.step.phase,
        kind: row.step.kind,
        phone: row.step.phone.as_deref().and_then(said_by),
        text: row.text,
        arrows: Vec::new(),
        key: row.key,
        key_changed: row.key_changed,
        held: row.held,
        opens: row.opens,
        closes: row.closes,
        pointed: row.pointed,
        detail: Vec::new(),
        said: Vec::new(),
    };
    let phone = row.step.phone.as_deref().unwrap_or("?");
    Painter {
        history,
        row: &mut drawn,
    }
    .act(row.act, phone);
    drawn
}

struct Painter<'h, 'r> {
    history: &'h History,
    row: &'r mut Row,
}

impl Painter<'_, '_> {
    fn act(&mut self, act: Act<'_>, phone: &str) {
        match act {
            Act::Whole(op, call) => self.whole(op, call),
            Act::Mint => {
                let text = format!("{phone} wx.login: {}", minted(&self.row.text));
                self.draw(Place::Phone, Place::Wechat, Say::same(text));
            }
            Act::Capture(payload) => {
                self.draw(Place::Phone, Place::Wechat, captures(phone, payload));
                self.row.detail = captured(payload);
            }
            Act::PhoneCode => {
                let text = say!("{phone} phone code", "{phone} 取手机号 code", phone = phone);
                self.draw(Place::Phone, Place::Wechat, text);
            }
            Act::Ask((index, op)) => {
                let text = Say::same(asks(self.history, op));
                self.draw(Place::Phone, Place::Backend, text);
                self.row.detail = asked(self.history, op);
                self.says_to_backend(index, Side::Request);
            }
            Act::Answer((index, op)) => {
                let text = Say::same(format!("{phone}: {}", answered(&op.answer)));
                self.draw(Place::Backend, Place::Phone, text).tone = answer_tone(op);
                self.row.detail = told(op);
                self.says_to_backend(index, Side::Whole);
            }
            Act::Arrival(call) => self.commit(call, false, Side::Request),
            Act::Commit(call, issues) => self.commit(call, issues, Side::Whole),
            Act::Reply(call) => self.reply(call),
            Act::Statement(said) => self.statement(said),
            Act::Remark => {}
        }
    }

    /// Adds an arrow with a text that may be another one in Chinese.
    fn draw(&mut self, from: Place, to: Place, text: Say) -> &mut Arrow {
        let text_zh = match text.zh == text.en {
            true => String::new(),
            false => text.zh,
        };
        self.row.arrows.push(Arrow {
            from,
            to,
            text: text.en,
            text_zh,
            tone: Tone::Plain,
            both: false,
            lost: false,
            crossed: false,
        });
        let last = self.row.arrows.len() - 1;
        &mut self.row.arrows[last]
    }

    /// A whole operation, and the first call it made.
    fn whole(&mut self, op: Option<layout::Asked<'_>>, call: Option<Called<'_>>) {
        if let Some((index, op)) = op {
            let text = format!("{}: {}", asks(self.history, op), answered(&op.answer));
            let arrow = self.draw(Place::Phone, Place::Backend, Say::same(text));
            (arrow.both, arrow.tone) = (true, answer_tone(op));
            self.row.detail.extend(asked(self.history, op));
            self.row.detail.extend(told(op));
            self.says_to_backend(index, Side::Whole);
        }
        if let Some(Called { index, call, .. }) = call {
            let arrives = phrases::arrives(self.history, call);
            let tone = self.news(call);
            let text = with(short(call), self.came_back(call));
            let arrow = self.draw(Place::Backend, Place::Wechat, text);
            (arrow.both, arrow.lost, arrow.tone) = (arrives, !arrives, tone);
            self.row.detail.extend(called(self.history, call));
            self.says_to_wechat(index, Side::Whole);
        }
    }

    fn commit(
        &mut self,
        Called {
            index,
            call,
            crossed,
        }: Called<'_>,
        issues: bool,
        side: Side,
    ) {
        let said = if issues {
            say!("issues {key}", "签发 {key}", key = reply_word(call))
        } else if call.committed.is_some() || call.fault.is_some() || failed(self.history, call) {
            self.came_back(call)
        } else {
            say!("no reply", "没有应答")
        };
        let arrow = self.draw(Place::Backend, Place::Wechat, with(short(call), said));
        arrow.crossed = crossed;
        self.row.detail = called(self.history, call);
        self.says_to_wechat(index, side);
    }

    fn reply(
        &mut self,
        Called {
            index,
            call,
            crossed,
        }: Called<'_>,
    ) {
        let came_back = self.came_back(call);
        let text = match lost(self.history, call) {
            true => came_back,
            false => say!("reply {key}", "应答 {key}", key = came_back),
        };
        let (lost, tone) = (!phrases::arrives(self.history, call), self.news(call));
        let arrow = self.draw(Place::Wechat, Place::Backend, text);
        (arrow.lost, arrow.tone, arrow.crossed) = (lost, tone, crossed);
        self.row.detail = called(self.history, call);
        self.says_to_wechat(index, Side::Whole);
    }

    /// A statement and what the store answered.
    fn statement(&mut self, said: &StatementRecord) {
        let text = Say::same(phrases::stated(said));
        let arrow = self.draw(Place::Backend, Place::Store, text);
        arrow.both = !said.answer.is_empty();
        if said.failed {
            arrow.tone = Tone::Bad;
        }
        self.row.detail.push(("store", said.store.clone()));
    }

    /// Refers to an operation's exchange, by its position in [`super::exchanges`].
    fn says_to_backend(&mut self, op: usize, side: Side) {
        let exchanges = self
            .history
            .operations
            .iter()
            .map(|op| op.exchange.is_some());
        self.refer(exchanges, op, side);
    }

    /// Refers to a call's exchange, by its position in [`super::exchanges`].
    fn says_to_wechat(&mut self, call: usize, side: Side) {
        let (operations, upstream) = (&self.history.operations, &self.history.upstream);
        let phones = operations.iter().map(|op| op.exchange.is_some());
        let exchanges = phones.chain(upstream.iter().map(|call| call.exchange.is_some()));
        self.refer(exchanges, operations.len() + call, side);
    }

    /// Of records with and without an exchange, the one at `at`, if it has one.
    fn refer(&mut self, mut have_one: impl Iterator<Item = bool>, at: usize, side: Side) {
        let before = have_one
            .by_ref()
            .take(at)
            .filter(|has_one| *has_one)
            .count();
        if have_one.next() == Some(true) {
            self.row.said.push((before, side));
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

/// `code2session c1: k1`.
fn with(call: String, said: Say) -> Say {
    Say::join([Say::same(call), said], &Say::same(": "))
}

/// `P1 capture p1: under k2`.
fn captures(phone: &str, payload: &PayloadRecord) -> Say {
    let name = single_word(&payload.name).map_or_else(String::new, |name| format!(" {name}"));
    say!(
        "{phone} capture{name}: {sealed}",
        "{phone} 取加密数据{name}：{sealed}",
        phone = phone,
        name = name,
        sealed = phrases::sealed(payload.key_no)
    )
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
