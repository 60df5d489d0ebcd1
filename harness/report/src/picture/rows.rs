//! Paints one row of the picture in the terminal: what is said in which columns, and the line under it.

use anstyle::{AnsiColor, Style};

use super::columns::{Columns, PHONES, REPLY};
use super::{BOLD, Canvas, DIM, KEY, NOTE, Painter, RED, edge, outcome_style, weight};
use crate::layout::{Act, Called, Lane, Row};
use crate::phrases::{self, answered, asks, failed, lost, reply_word, short, single_word, stated};
use crate::width;
use wxmock_model::history::{Operation, Outcome, StatementRecord, UpstreamCall};

impl Painter<'_> {
    pub(super) fn row(&self, row: &Row<'_>) -> String {
        let mut canvas = self.canvas(&row.held);
        let pointed = row.pointed;
        self.margin(&mut canvas, row);
        match row.act {
            Act::Whole(asked, called) => {
                if let Some((_, op)) = asked {
                    self.exchange(&mut canvas, op, pointed);
                }
                if let Some(called) = called {
                    self.call(&mut canvas, called.call);
                }
            }
            Act::Mint | Act::Capture(_) | Act::PhoneCode => self.phone_to_wechat(&mut canvas, row),
            Act::Ask((_, op)) => self.request(&mut canvas, &asks(self.history, op), pointed),
            Act::Arrival(called) => self.commit(&mut canvas, called, false, row),
            Act::Commit(called, issues) => self.commit(&mut canvas, called, issues, row),
            Act::Reply(called) => self.reply(&mut canvas, called, row.closes, pointed),
            Act::Answer((_, op)) => self.answer(&mut canvas, row, op),
            Act::Statement(said) => self.statement(&mut canvas, row, said),
            Act::Remark => {
                let mark = format!("{} {}", self.glyphs.dash, row.text);
                let style = if pointed { BOLD } else { NOTE };
                canvas.text(self.columns.phones, self.columns.lanes, &mark, style);
            }
        }
        if let Some(key) = &row.key {
            let style = if row.key_changed { KEY } else { DIM };
            canvas.text(self.columns.key, self.width, key, style);
        }
        canvas.finish(self.options.colour)
    }

    fn margin(&self, canvas: &mut Canvas, row: &Row<'_>) {
        if row.pointed {
            canvas.put(0, self.glyphs.point, RED);
        }
        let letter = row.letter.map_or_else(String::new, String::from);
        let label = format!("{:>3}{letter}", row.number);
        canvas.text(1, 5, &label, if row.pointed { BOLD } else { DIM });
        if !matches!(row.act, Act::Whole(..)) {
            canvas.text(6, PHONES, &row.step.name, DIM);
        }
    }

    /// A line from `columns`' start to its end, solid.
    fn line(&self, canvas: &mut Canvas, columns: std::ops::Range<usize>, style: Style) {
        canvas.line(columns, self.glyphs.line, style);
    }

    /// Request and answer of a folded operation: on the left if both fit there, else the answer behind the backend.
    fn exchange(&self, canvas: &mut Canvas, op: &Operation, pointed: bool) {
        let Columns {
            phones,
            backend,
            lanes,
            ..
        } = self.columns;
        let style = outcome_style(op.answer.outcome);
        let asked = format!("{} {} ", asks(self.history, op), self.glyphs.both);
        let said = match (op.answer.token_name.as_deref(), op.answer.outcome) {
            (Some(name), Outcome::Ok) => {
                single_word(name).map_or_else(|| "ok".to_owned(), |name| format!("ok, {name}"))
            }
            _ => answered(&op.answer),
        };
        if phones + width::of(&asked) + width::of(&said) < backend
            || !matches!(op.op.as_str(), "userinfo" | "whoami")
        {
            let at = canvas.text(phones, backend - 1, &asked, weight(pointed));
            canvas.text(at, backend - 1, &said, style);
        } else {
            let asked = asked.trim_end_matches([' ', '⇄', '<', '>']);
            let at = canvas.text(phones, backend - 3, asked, weight(pointed));
            self.line(canvas, at + 1..backend - 3, weight(pointed));
            canvas.text(backend - 3, backend, self.glyphs.both, weight(pointed));
            canvas.text(backend + 2, lanes - 1, &said, style);
        }
    }

    /// The call of a folded operation, and what came back.
    fn call(&self, canvas: &mut Canvas, call: &UpstreamCall) {
        let cut = self.glyphs.cut.to_string();
        let mark = match phrases::arrives(self.history, call) {
            true => self.glyphs.both,
            false => cut.as_str(),
        };
        let asked = format!("{} {mark}", short(call));
        let Columns {
            backend,
            wechat,
            lanes,
            ..
        } = self.columns;
        match self.fault_words(call).filter(|_| lost(self.history, call)) {
            Some(words) => {
                let told = format!("{asked} {words}");
                canvas.text(backend + 2, lanes, &told, AnsiColor::Red.on_default());
            }
            None => {
                let reply = phrases::came_back(self.history, call, REPLY, self.options.lang);
                canvas.text(backend + 2, wechat - 1, &asked, Style::new());
                canvas.text(wechat, lanes, &reply, Style::new());
            }
        }
    }

    /// A statement has no phone and no key: it takes the room from the backend on.
    fn statement(&self, canvas: &mut Canvas, row: &Row<'_>, said: &StatementRecord) {
        let Columns {
            phones,
            backend,
            mark,
            ..
        } = self.columns;
        if let Some(phone) = row.step.phone.as_deref() {
            let phone = format!("{phone} {}", self.glyphs.dash);
            canvas.text(phones, backend - 1, &phone, DIM);
        }
        canvas.put(backend + 1, self.glyphs.right, weight(row.pointed));
        let stated = match self.options.unicode {
            true => stated(said),
            false => stated(said).replace('→', "->").replace('…', "..."),
        };
        let style = match said.failed {
            true => outcome_style(Outcome::ServerError),
            false => weight(row.pointed),
        };
        canvas.text(backend + 3, mark, &stated, style);
    }

    fn phone_to_wechat(&self, canvas: &mut Canvas, row: &Row<'_>) {
        let Columns {
            phones,
            backend,
            wechat,
            lanes,
            ..
        } = self.columns;
        let phone = row.step.phone.as_deref().unwrap_or("?");
        let (act, fruit) = match row.act {
            Act::Mint => ("wx.login".to_owned(), phrases::minted(&row.text)),
            Act::Capture(payload) => {
                let name =
                    single_word(&payload.name).map_or_else(String::new, |name| format!(" {name}"));
                let act = format!("{}{name}", self.say("capture", "取加密数据"));
                let sealed = phrases::sealed_in_few_columns(payload.key_no);
                (act, sealed.in_lang(self.options.lang).to_owned())
            }
            _ => {
                let act = self.say("phone code", "取手机号 code");
                (act.to_owned(), String::new())
            }
        };
        let style = weight(row.pointed);
        let at = canvas.text(phones, backend - 2, &format!("{phone} {act}"), style);
        canvas.line(at + 1..wechat - 2, self.glyphs.dash, DIM);
        canvas.put(wechat - 2, self.glyphs.right, DIM);
        canvas.text(wechat, lanes, &fruit, style);
    }

    fn request(&self, canvas: &mut Canvas, text: &str, pointed: bool) {
        let Columns {
            phones, backend, ..
        } = self.columns;
        let at = canvas.text(phones, backend - 4, text, weight(pointed));
        self.line(canvas, at + 1..backend - 2, weight(pointed));
        canvas.put(backend - 2, self.glyphs.right, weight(pointed));
    }

    fn commit(&self, canvas: &mut Canvas, called: Called<'_>, issues: bool, row: &Row<'_>) {
        let Columns {
            backend,
            wechat,
            lanes,
            ..
        } = self.columns;
        let (call, style) = (called.call, weight(row.pointed));
        let at = canvas.text(backend + 2, wechat - 4, &short(call), style);
        self.line(canvas, at + 1..wechat - 2, style);
        canvas.put(wechat - 2, self.glyphs.right, style);
        let said = match &call.fault {
            _ if issues => format!("{} {}", self.say("issues", "签发"), reply_word(call)),
            _ if call.committed.is_some() || failed(self.history, call) => {
                phrases::came_back(self.history, call, REPLY, self.options.lang)
            }
            Some(label) => match phrases::effect(self.history, call) {
                Some(effect) => phrases::in_few_columns(effect)
                    .in_lang(self.options.lang)
                    .to_owned(),
                None => format!("{} {label}", self.say("fault", "故障")),
            },
            None => self.say("no reply", "无应答").to_owned(),
        };
        let at = canvas.text(wechat, lanes - 1, &said, style);
        if let Some(lane) = row.opens {
            let column = self.columns.lane(lane.lane);
            self.line(canvas, at + 1..column, edge(lane));
            canvas.put(column, self.glyphs.open, edge(lane));
        }
    }

    fn reply(&self, canvas: &mut Canvas, called: Called<'_>, closes: Option<Lane>, pointed: bool) {
        let Columns {
            backend,
            wechat,
            mark,
            ..
        } = self.columns;
        let call = called.call;
        let style = if called.crossed { RED } else { weight(pointed) };
        let end = closes.map_or(wechat, |lane| self.columns.lane(lane.lane));
        if closes.is_some() {
            canvas.put(end, self.glyphs.close, style);
        }
        self.line(canvas, backend + 3..end, style);
        let head = match phrases::arrives(self.history, call) {
            true => self.glyphs.left,
            false => self.glyphs.cut,
        };
        canvas.put(backend + 2, head, style);
        let key = match &call.fault {
            _ if failed(self.history, call) => {
                phrases::came_back(self.history, call, REPLY, self.options.lang)
            }
            Some(_) if lost(self.history, call) => String::new(),
            _ => reply_word(call),
        };
        let key = Some(key).filter(|key| !key.is_empty());
        let key = key.map_or_else(String::new, |key| format!(" {key} "));
        // What a fault did stands where the reply goes in, and what came whole where it leaves.
        if let Some(words) = self.fault_words(call) {
            let room = if key.is_empty() { end } else { wechat - 2 };
            canvas.text(backend + 4, room, &format!(" {words} "), style);
        }
        canvas.text(wechat - 1, end, &key, style);
        if called.crossed {
            canvas.put(mark, self.glyphs.overtaken, RED);
        }
    }

    /// What a fault did to a reply, in full; its name where the history does not say; `None` without a fault.
    fn fault_words(&self, call: &UpstreamCall) -> Option<String> {
        let label = call.fault.as_ref()?;
        let words = phrases::effect(self.history, call).map(phrases::in_full);
        let told = words.map(|words| words.in_lang(self.options.lang).to_owned());
        Some(told.unwrap_or_else(|| label.clone())).filter(|_| !failed(self.history, call))
    }

    fn answer(&self, canvas: &mut Canvas, row: &Row<'_>, op: &Operation) {
        let Columns {
            phones,
            backend,
            lanes,
            ..
        } = self.columns;
        let phone = row.step.phone.as_deref().unwrap_or("?");
        let style = outcome_style(op.answer.outcome);
        let style = if row.pointed { style.bold() } else { style };
        let arrow: String = [self.glyphs.left, self.glyphs.line, self.glyphs.line]
            .iter()
            .collect();
        let text = format!("{phone} {arrow} {}", answered(&op.answer));
        canvas.text(phones, backend - 1, &text, style);
        let detail = match (&op.answer.plaintext, op.answer.outcome) {
            (Some(seen), Outcome::Ok) => format!("{}{seen:?}", self.say("data: ", "数据：")),
            (_, Outcome::Ok) => String::new(),
            _ => op.answer.excerpt.clone(),
        };
        let printable: String = detail
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        canvas.text(backend + 2, lanes - 1, &printable, DIM);
    }
}
