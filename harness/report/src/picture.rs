//! The interleaving as a picture: phones, backend and WeChat side by side, one forced step per row, held replies as
//! open brackets, overtaken replies marked.
//!
//! Rows are numbered as the judge's sentences number them ([`steps`]). Time is the order of steps, not a clock.

use anstyle::{AnsiColor, Style};

use crate::phrases;
use crate::phrases::{
    answered, asks, failed, lost, minted, reply_word, sealed, short, single_word, stated,
};
use crate::width;
use wxmock_judge::steps;
use wxmock_model::history::{
    History, Operation, Outcome, Phase, StepKind, StepRecord, UpstreamCall,
};
use wxmock_model::lang::Lang;

/// How to draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureOptions {
    /// Columns available; at least [`NARROWEST`] are used.
    pub width: usize,
    /// Box characters, or plain ASCII for terminals and logs without them.
    pub unicode: bool,
    /// Whether to write ANSI colours.
    pub colour: bool,
    /// Shows every step on a row of its own instead of folding uninterrupted operations of preparation and probes.
    pub unfold: bool,
    /// Indexes of the steps to point at.
    pub highlight: Vec<usize>,
    /// The language of headings and of what the phones do; names of steps and answers are the scenario's own.
    pub lang: Lang,
}

impl PictureOptions {
    /// Unicode without colour.
    #[must_use]
    pub const fn plain(width: usize) -> Self {
        Self {
            width,
            unicode: true,
            colour: false,
            unfold: false,
            highlight: Vec::new(),
            lang: Lang::En,
        }
    }
}

/// Draws `history`; every line ends with a newline. Empty for a history without steps.
#[must_use]
pub fn draw(history: &History, options: &PictureOptions) -> String {
    if history.steps.is_empty() {
        return String::new();
    }
    let mut picture = Artist::new(history, options).draw();
    if let Some(caption) = history.forced.caption() {
        let caption = caption.in_lang(options.lang);
        picture.push_str(&width::wrap(
            caption,
            options.width.max(NARROWEST),
            "  ",
            "  ",
        ));
        picture.push('\n');
    }
    picture
}

struct Glyphs {
    line: char,
    dash: char,
    bar: char,
    cross: char,
    open: char,
    close: char,
    right: char,
    left: char,
    both: &'static str,
    overtaken: char,
    point: char,
    cut: char,
    more: &'static str,
}

const UNICODE: Glyphs = Glyphs {
    line: '─',
    dash: '╌',
    bar: '│',
    cross: '┼',
    open: '┐',
    close: '┘',
    right: '▶',
    left: '◀',
    both: "⇄",
    overtaken: '⤫',
    point: '▸',
    cut: '✗',
    more: "…",
};

const ASCII: Glyphs = Glyphs {
    line: '-',
    dash: '.',
    bar: '|',
    cross: '+',
    open: '.',
    close: '\'',
    right: '>',
    left: '<',
    both: "<>",
    overtaken: 'x',
    point: '>',
    cut: 'x',
    more: "~",
};

/// Columns of the picture.
struct Layout {
    phones: usize,
    backend: usize,
    wechat: usize,
    lanes: usize,
    spacing: usize,
    mark: usize,
    key: usize,
}

/// First column of the phones: after the pointer, the number and the step name.
const PHONES: usize = 10;

impl Layout {
    fn new(width: usize, lanes: usize) -> Self {
        let key = width - 6;
        let mark = key - 2;
        let spacing = if lanes > 3 { 1 } else { 2 };
        let first_lane = mark - spacing * lanes.max(1) - (2 - spacing);
        let room = first_lane - PHONES;
        let backend = PHONES + room * 43 / 100;
        Self {
            phones: PHONES,
            backend,
            wechat: first_lane - 11,
            lanes: first_lane,
            spacing,
            mark,
            key,
        }
    }

    const fn lane(&self, lane: usize) -> usize {
        self.lanes + self.spacing * lane
    }
}

/// One line being painted.
struct Canvas {
    cells: Vec<(String, Style)>,
    more: &'static str,
}

impl Canvas {
    fn new(width: usize, more: &'static str) -> Self {
        Self {
            cells: vec![(" ".to_owned(), Style::new()); width],
            more,
        }
    }

    /// Writes `text` from `column`, cut before `end`; returns the column after it.
    fn text(&mut self, column: usize, end: usize, text: &str, style: Style) -> usize {
        let mut at = column;
        for c in width::clip(text, end.saturating_sub(column), self.more).chars() {
            match width::of_char(c) {
                0 => {
                    if let Some(cell) = at
                        .checked_sub(1)
                        .and_then(|before| self.cells.get_mut(before))
                    {
                        cell.0.push(c);
                    }
                }
                columns => {
                    if at + columns > self.cells.len() {
                        break;
                    }
                    self.cells[at] = (c.to_string(), style);
                    for extra in 1..columns {
                        self.cells[at + extra] = (String::new(), style);
                    }
                    at += columns;
                }
            }
        }
        at
    }

    fn put(&mut self, column: usize, glyph: char, style: Style) {
        if let Some(cell) = self.cells.get_mut(column) {
            *cell = (glyph.to_string(), style);
        }
    }

    /// A line over `columns`; where it meets a bar it crosses it.
    fn line(
        &mut self,
        columns: std::ops::Range<usize>,
        glyph: char,
        bar: char,
        cross: char,
        style: Style,
    ) {
        for column in columns {
            let meets = self
                .cells
                .get(column)
                .is_some_and(|cell| cell.0.starts_with(bar));
            self.put(column, if meets { cross } else { glyph }, style);
        }
    }

    fn finish(&self, colour: bool) -> String {
        let used = self
            .cells
            .iter()
            .rposition(|cell| cell.0 != " ")
            .map_or(0, |last| last + 1);
        let mut out = String::new();
        let mut current = Style::new();
        for (glyph, style) in &self.cells[..used] {
            if colour && *style != current {
                if !current.is_plain() {
                    out.push_str(&current.render_reset().to_string());
                }
                out.push_str(&style.render().to_string());
                current = *style;
            }
            out.push_str(glyph);
        }
        if colour && !current.is_plain() {
            out.push_str(&current.render_reset().to_string());
        }
        out.push('\n');
        out
    }
}

struct Artist<'a> {
    history: &'a History,
    options: &'a PictureOptions,
    width: usize,
    glyphs: Glyphs,
    layout: Layout,
    rows: Vec<Vec<usize>>,
    overtaken: Vec<usize>,
    /// Bracket lane of every upstream call that has one.
    lanes: Vec<Option<usize>>,
}

impl<'a> Artist<'a> {
    fn new(history: &'a History, options: &'a PictureOptions) -> Self {
        let width = options.width.max(NARROWEST);
        let rows = steps::rows(history);
        let lanes = lanes(history, &rows);
        let count = lanes.iter().flatten().max().map_or(1, |most| most + 1);
        Self {
            history,
            options,
            width,
            glyphs: if options.unicode { UNICODE } else { ASCII },
            layout: Layout::new(width, count.min(8)),
            rows,
            overtaken: overtaken(history),
            lanes,
        }
    }

    fn draw(&self) -> String {
        let mut out = self.heading();
        let mut phase = None;
        let mut open: Vec<usize> = Vec::new();
        let phases = self
            .history
            .steps
            .iter()
            .any(|step| step.phase != self.history.steps[0].phase);
        for (number, row) in self.rows.iter().enumerate() {
            let first = &self.history.steps[row[0]];
            if phases && phase != Some(first.phase) {
                phase = Some(first.phase);
                out.push_str(&self.separator(first.phase, &open));
            }
            if row.len() > 1 && self.is_operation(row) && !self.options.unfold {
                out.push_str(&self.folded(number + 1, row, &open));
                continue;
            }
            let visible: Vec<usize> = row
                .iter()
                .copied()
                .filter(|step| self.is_visible(*step))
                .collect();
            for (letter, &step) in visible.iter().enumerate() {
                let suffix = if visible.len() > 1 {
                    char::from_u32('a' as u32 + letter as u32)
                } else {
                    None
                };
                out.push_str(&self.single(number + 1, suffix, step, &mut open));
            }
        }
        out.push_str(&self.legend());
        out
    }

    /// An arrival is drawn with its commit.
    fn is_visible(&self, step: usize) -> bool {
        let record = &self.history.steps[step];
        record.kind != StepKind::UpstreamArrived
            || !self
                .history
                .steps
                .iter()
                .any(|other| other.kind == StepKind::Commit && other.upstream == record.upstream)
    }

    fn is_operation(&self, row: &[usize]) -> bool {
        matches!(
            self.history.steps[row[0]].kind,
            StepKind::Submit | StepKind::Send | StepKind::Capture
        )
    }

    fn canvas(&self, open: &[usize]) -> Canvas {
        let mut canvas = Canvas::new(self.width, self.glyphs.more);
        canvas.put(self.layout.backend, self.glyphs.bar, DIM);
        for call in open {
            if let Some(lane) = self.lanes[*call] {
                canvas.put(self.layout.lane(lane), self.glyphs.bar, self.edge(*call));
            }
        }
        canvas
    }

    /// The text in the picture's language.
    fn say(&self, en: &'static str, zh: &'static str) -> &'static str {
        self.options.lang.pick(en, zh)
    }

    fn heading(&self) -> String {
        let mut canvas = Canvas::new(self.width, self.glyphs.more);
        canvas.text(1, PHONES, self.say("step", "步骤"), DIM);
        let phones = match self.history.phones.len() {
            1 => format!(
                "{} {}",
                self.say("phone", "手机"),
                self.history.phones[0].name
            ),
            _ => self.say("phones", "手机").to_owned(),
        };
        canvas.text(self.layout.phones, self.layout.backend - 1, &phones, BOLD);
        canvas.text(
            self.layout.backend.saturating_sub(3),
            self.layout.wechat,
            self.say("backend", "后端"),
            BOLD,
        );
        if !self.history.statements.is_empty() {
            canvas.text(
                self.layout.backend + 6,
                self.layout.wechat,
                self.say("│ store", "│ 存储"),
                BOLD,
            );
        }
        canvas.text(
            self.layout.wechat,
            self.layout.key,
            self.say("WeChat", "微信"),
            BOLD,
        );
        canvas.text(self.layout.key, self.width, "key", BOLD);
        canvas.finish(self.options.colour)
    }

    fn separator(&self, phase: Phase, open: &[usize]) -> String {
        let text = match phase {
            Phase::Before => self.say("before the race", "并发之前"),
            Phase::Race => self.say("the race, in the forced order", "并发，按强制的顺序"),
            Phase::After => self.say("at rest", "请求全部结束后"),
            Phase::Probe => self.say("probes: what the store opens", "探测：后端还能解开什么"),
        };
        let mut canvas = self.canvas(open);
        canvas.text(
            1,
            self.layout.backend - 1,
            &format!("{0}{0} {text}", self.glyphs.dash),
            DIM,
        );
        canvas.finish(self.options.colour)
    }

    fn margin(
        &self,
        canvas: &mut Canvas,
        number: usize,
        suffix: Option<char>,
        pointed: bool,
        name: &str,
    ) {
        if pointed {
            canvas.put(0, self.glyphs.point, RED);
        }
        let label = format!(
            "{number:>3}{}",
            suffix.map_or_else(String::new, String::from)
        );
        canvas.text(1, 5, &label, if pointed { BOLD } else { DIM });
        canvas.text(6, PHONES, name, DIM);
    }

    fn key(&self, canvas: &mut Canvas, step: &StepRecord) {
        let Some(no) = step
            .key_in_force
            .filter(|_| self.history.is_about_its_people(step))
        else {
            return;
        };
        let before = self
            .history
            .steps
            .iter()
            .filter(|other| other.tick < step.tick && other.user == step.user)
            .filter_map(|other| other.key_in_force)
            .next_back();
        let style = if before == Some(no) { DIM } else { KEY };
        let text = match &step.user {
            Some(user) if self.history.users.len() > 1 => format!("{user}:k{no}"),
            _ => format!("k{no}"),
        };
        canvas.text(self.layout.key, self.width, &text, style);
    }

    /// A whole operation on one row.
    fn folded(&self, number: usize, row: &[usize], open: &[usize]) -> String {
        let mut canvas = self.canvas(open);
        let steps: Vec<&StepRecord> = row.iter().map(|step| &self.history.steps[*step]).collect();
        let pointed = row.iter().any(|step| self.options.highlight.contains(step));
        self.margin(&mut canvas, number, None, pointed, "");
        let operation = steps
            .iter()
            .find_map(|step| steps::operation_of(self.history, step))
            .and_then(|op| self.history.operations.get(op));
        if let Some(op) = operation {
            self.exchange(&mut canvas, op, pointed);
        }
        let calls: Vec<usize> = steps
            .iter()
            .filter(|step| step.kind == StepKind::Commit)
            .filter_map(|step| step.upstream)
            .collect();
        if let Some(call) = calls
            .first()
            .and_then(|call| self.history.upstream.get(*call))
        {
            let cut = self.glyphs.cut.to_string();
            let arrives = phrases::arrives(self.history, call);
            let mark = if arrives {
                self.glyphs.both
            } else {
                cut.as_str()
            };
            let asked = format!("{} {mark}", short(call));
            let (from, wechat, lanes) = (
                self.layout.backend + 2,
                self.layout.wechat,
                self.layout.lanes,
            );
            match self.fault_words(call).filter(|_| lost(self.history, call)) {
                Some(words) => {
                    let told = format!("{asked} {words}");
                    canvas.text(from, lanes, &told, AnsiColor::Red.on_default());
                }
                None => {
                    let reply =
                        phrases::came_back(self.history, call, REPLY_COLUMNS, self.options.lang);
                    canvas.text(from, wechat - 1, &asked, Style::new());
                    canvas.text(wechat, lanes, &reply, Style::new());
                }
            }
        }
        if let Some(step) = steps.iter().rev().find(|step| step.key_in_force.is_some()) {
            self.key(&mut canvas, step);
        }
        canvas.finish(self.options.colour)
    }

    /// Request and answer of a folded operation: on the left if both fit there, else the answer behind the backend.
    fn exchange(&self, canvas: &mut Canvas, op: &Operation, pointed: bool) {
        let Layout {
            phones,
            backend,
            lanes,
            ..
        } = self.layout;
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
            let at = canvas.text(
                phones,
                backend - 3,
                asked.trim_end_matches([' ', '⇄', '<', '>']),
                weight(pointed),
            );
            canvas.line(
                at + 1..backend - 3,
                self.glyphs.line,
                self.glyphs.bar,
                self.glyphs.cross,
                weight(pointed),
            );
            canvas.text(backend - 3, backend, self.glyphs.both, weight(pointed));
            canvas.text(backend + 2, lanes - 1, &said, style);
        }
    }

    /// One step on one row.
    fn single(
        &self,
        number: usize,
        suffix: Option<char>,
        index: usize,
        open: &mut Vec<usize>,
    ) -> String {
        let step = &self.history.steps[index];
        let mut canvas = self.canvas(open);
        let pointed = self.options.highlight.contains(&index);
        self.margin(&mut canvas, number, suffix, pointed, &step.name);
        match step.kind {
            StepKind::Mint | StepKind::Capture => self.phone_to_wechat(&mut canvas, step, pointed),
            StepKind::Submit | StepKind::Send => self.request(&mut canvas, step, pointed),
            StepKind::UpstreamArrived | StepKind::Commit => {
                self.commit(&mut canvas, step, pointed, open)
            }
            StepKind::Reply => self.reply(&mut canvas, step, pointed, open),
            StepKind::Answer => self.answer(&mut canvas, step, pointed),
            StepKind::Statement => self.statement(&mut canvas, step, pointed),
            StepKind::Apply | StepKind::World | StepKind::Note => {
                let mark = format!("{} {}", self.glyphs.dash, step.text);
                canvas.text(
                    self.layout.phones,
                    self.layout.lanes,
                    &mark,
                    if pointed { BOLD } else { NOTE },
                );
            }
        }
        self.key(&mut canvas, step);
        canvas.finish(self.options.colour)
    }

    /// A statement has no phone and no key: it takes the room from the backend on.
    fn statement(&self, canvas: &mut Canvas, step: &StepRecord, pointed: bool) {
        let said = step
            .statement
            .and_then(|at| self.history.statements.get(at));
        let Some(said) = said else { return };
        let Layout {
            phones,
            backend,
            mark,
            ..
        } = self.layout;
        if let Some(phone) = step.phone.as_deref() {
            canvas.text(
                phones,
                backend - 1,
                &format!("{phone} {}", self.glyphs.dash),
                DIM,
            );
        }
        canvas.put(backend + 1, self.glyphs.right, weight(pointed));
        let stated = match self.options.unicode {
            true => stated(said),
            false => stated(said).replace('→', "->").replace('…', "..."),
        };
        let style = match said.failed {
            true => outcome_style(Outcome::ServerError),
            false => weight(pointed),
        };
        canvas.text(backend + 3, mark, &stated, style);
    }

    fn phone_to_wechat(&self, canvas: &mut Canvas, step: &StepRecord, pointed: bool) {
        let Layout {
            phones,
            backend,
            wechat,
            lanes,
            ..
        } = self.layout;
        let phone = step.phone.as_deref().unwrap_or("?");
        let payload = step
            .payload
            .and_then(|payload| self.history.payloads.get(payload));
        let (act, fruit) = match (step.kind, payload) {
            (StepKind::Mint, _) => ("wx.login".to_owned(), minted(&step.text)),
            (_, Some(payload)) => {
                let name =
                    single_word(&payload.name).map_or_else(String::new, |name| format!(" {name}"));
                let act = format!("{}{name}", self.say("capture", "取加密数据"));
                (act, self.sealed(payload.key_no))
            }
            (_, None) => (
                self.say("phone code", "取手机号 code").to_owned(),
                String::new(),
            ),
        };
        let at = canvas.text(
            phones,
            backend - 2,
            &format!("{phone} {act}"),
            weight(pointed),
        );
        let bar = self.glyphs.bar;
        canvas.line(
            at + 1..wechat - 2,
            self.glyphs.dash,
            bar,
            self.glyphs.cross,
            DIM,
        );
        canvas.put(wechat - 2, self.glyphs.right, DIM);
        canvas.text(wechat, lanes, &fruit, weight(pointed));
    }

    fn request(&self, canvas: &mut Canvas, step: &StepRecord, pointed: bool) {
        let Layout {
            phones, backend, ..
        } = self.layout;
        let text = match step
            .operation
            .and_then(|op| self.history.operations.get(op))
        {
            Some(op) => asks(self.history, op),
            None => step.text.clone(),
        };
        let at = canvas.text(phones, backend - 4, &text, weight(pointed));
        canvas.line(
            at + 1..backend - 2,
            self.glyphs.line,
            self.glyphs.bar,
            self.glyphs.cross,
            weight(pointed),
        );
        canvas.put(backend - 2, self.glyphs.right, weight(pointed));
    }

    fn commit(&self, canvas: &mut Canvas, step: &StepRecord, pointed: bool, open: &mut Vec<usize>) {
        let Layout {
            backend,
            wechat,
            lanes,
            ..
        } = self.layout;
        let Some((index, call)) = step
            .upstream
            .and_then(|call| Some((call, self.history.upstream.get(call)?)))
        else {
            canvas.text(backend + 2, lanes, &step.text, weight(pointed));
            return;
        };
        let at = canvas.text(backend + 2, wechat - 4, &short(call), weight(pointed));
        canvas.line(
            at + 1..wechat - 2,
            self.glyphs.line,
            self.glyphs.bar,
            self.glyphs.cross,
            weight(pointed),
        );
        canvas.put(wechat - 2, self.glyphs.right, weight(pointed));
        let issued = self.history.keys.iter().any(|key| key.issued == step.tick);
        let said = match &call.fault {
            _ if issued => format!("{} {}", self.say("issues", "签发"), reply_word(call)),
            _ if call.committed.is_some() || failed(self.history, call) => {
                phrases::came_back(self.history, call, REPLY_COLUMNS, self.options.lang)
            }
            Some(label) => match phrases::effect(self.history, call) {
                Some(effect) => phrases::in_few_columns(effect)
                    .in_lang(self.options.lang)
                    .to_owned(),
                None => format!("{} {label}", self.say("fault", "故障")),
            },
            None => self.say("no reply", "无回复").to_owned(),
        };
        let at = canvas.text(wechat, lanes - 1, &said, weight(pointed));
        if let Some(lane) = self.lanes.get(index).copied().flatten() {
            let column = self.layout.lane(lane);
            canvas.line(
                at + 1..column,
                self.glyphs.line,
                self.glyphs.bar,
                self.glyphs.cross,
                self.edge(index),
            );
            canvas.put(column, self.glyphs.open, self.edge(index));
            open.push(index);
        }
    }

    fn reply(&self, canvas: &mut Canvas, step: &StepRecord, pointed: bool, open: &mut Vec<usize>) {
        let Layout {
            backend,
            wechat,
            mark,
            ..
        } = self.layout;
        let Some((index, call)) = step
            .upstream
            .and_then(|call| Some((call, self.history.upstream.get(call)?)))
        else {
            canvas.text(backend + 2, mark, &step.text, weight(pointed));
            return;
        };
        open.retain(|other| *other != index);
        let style = if self.overtaken.contains(&index) {
            RED
        } else {
            weight(pointed)
        };
        let end = match self.lanes.get(index).copied().flatten() {
            Some(lane) => {
                let column = self.layout.lane(lane);
                canvas.put(column, self.glyphs.close, style);
                column
            }
            None => wechat,
        };
        canvas.line(
            backend + 3..end,
            self.glyphs.line,
            self.glyphs.bar,
            self.glyphs.cross,
            style,
        );
        let head = match phrases::arrives(self.history, call) {
            true => self.glyphs.left,
            false => self.glyphs.cut,
        };
        canvas.put(backend + 2, head, style);
        let key = match &call.fault {
            _ if failed(self.history, call) => {
                phrases::came_back(self.history, call, REPLY_COLUMNS, self.options.lang)
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
        if self.overtaken.contains(&index) {
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

    fn answer(&self, canvas: &mut Canvas, step: &StepRecord, pointed: bool) {
        let Layout {
            phones,
            backend,
            lanes,
            ..
        } = self.layout;
        let phone = step.phone.as_deref().unwrap_or("?");
        let Some(op) = step
            .operation
            .and_then(|op| self.history.operations.get(op))
        else {
            canvas.text(phones, lanes, &step.text, weight(pointed));
            return;
        };
        let style = outcome_style(op.answer.outcome);
        let arrow: String = [self.glyphs.left, self.glyphs.line, self.glyphs.line]
            .iter()
            .collect();
        let text = format!("{phone} {arrow} {}", answered(&op.answer));
        canvas.text(
            phones,
            backend - 1,
            &text,
            if pointed { style.bold() } else { style },
        );
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

    fn sealed(&self, key_no: Option<u32>) -> String {
        match (self.options.lang, key_no) {
            (Lang::En, _) => sealed(key_no),
            (Lang::Zh, Some(no)) => format!("用 k{no} 加密"),
            (Lang::Zh, None) => "用自造的 key".to_owned(),
        }
    }

    fn edge(&self, call: usize) -> Style {
        if self.overtaken.contains(&call) {
            RED
        } else {
            Style::new()
        }
    }

    fn legend(&self) -> String {
        let mut lines = Vec::new();
        if !self.overtaken.is_empty() {
            lines.push(format!(
                "{} {}",
                self.glyphs.overtaken,
                self.say(
                    "these replies overtook each other: the older key arrived last",
                    "这些回复互相超车：旧的 key 最后才到"
                )
            ));
        }
        if !self.options.highlight.is_empty() {
            lines.push(format!(
                "{} {}",
                self.glyphs.point,
                self.say("the steps the finding is about", "与此问题有关的步骤")
            ));
        }
        let mut out = String::new();
        for line in lines {
            let mut canvas = Canvas::new(self.width, self.glyphs.more);
            canvas.text(1, self.width, &line, DIM);
            out.push_str(&canvas.finish(self.options.colour));
        }
        out
    }
}

/// Bracket lanes: a call holds one from its commit to its reply; the lowest free one is taken.
pub(super) fn lanes(history: &History, rows: &[Vec<usize>]) -> Vec<Option<usize>> {
    let mut lanes: Vec<Option<usize>> = vec![None; history.upstream.len()];
    let mut busy: Vec<Option<usize>> = Vec::new();
    for step in rows.iter().flatten().map(|step| &history.steps[*step]) {
        let Some(call) = step.upstream.filter(|call| *call < lanes.len()) else {
            continue;
        };
        match step.kind {
            StepKind::Commit | StepKind::UpstreamArrived if lanes[call].is_none() => {
                let answered = history
                    .steps
                    .iter()
                    .any(|other| other.kind == StepKind::Reply && other.upstream == Some(call));
                if !answered {
                    continue;
                }
                let lane = busy.iter().position(Option::is_none).unwrap_or_else(|| {
                    busy.push(None);
                    busy.len() - 1
                });
                busy[lane] = Some(call);
                lanes[call] = Some(lane);
            }
            StepKind::Reply => busy
                .iter_mut()
                .filter(|held| **held == Some(call))
                .for_each(|held| *held = None),
            _ => {}
        }
    }
    lanes
}

/// Calls whose reply brought an older key after a newer one, and the replies they were overtaken by.
pub(super) fn overtaken(history: &History) -> Vec<usize> {
    let brought = |call: &UpstreamCall| call.delivered && call.key_no.is_some();
    let mut found = Vec::new();
    for (late, a) in history
        .upstream
        .iter()
        .enumerate()
        .filter(|(_, call)| brought(call))
    {
        for (early, b) in history
            .upstream
            .iter()
            .enumerate()
            .filter(|(_, call)| brought(call))
        {
            if a.user == b.user
                && a.key_no < b.key_no
                && a.released > b.released
                && a.arrived < b.released.unwrap_or(b.arrived)
            {
                found.extend([early, late]);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

const fn weight(pointed: bool) -> Style {
    if pointed { BOLD } else { Style::new() }
}

const fn outcome_style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Ok => AnsiColor::Green.on_default(),
        Outcome::Relogin | Outcome::RetryLater => AnsiColor::Yellow.on_default(),
        Outcome::Denied | Outcome::Invalid | Outcome::ServerError | Outcome::Indefinite => {
            AnsiColor::Red.on_default()
        }
    }
}

/// The fewest columns a picture takes.
pub const NARROWEST: usize = 60;
/// Columns a reply has in front of the brackets.
const REPLY_COLUMNS: usize = 10;
const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const NOTE: Style = AnsiColor::Cyan.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
const KEY: Style = AnsiColor::Cyan.on_default().bold();

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wxmock_histories::{Builder, Store, play};
    use wxmock_model::history::Outcome;

    use super::*;
    use crate::sample;
    use wxmock_judge::{JudgeContext, judge};
    use wxmock_model::program::FaultEffect;

    #[test]
    fn the_phone_is_named_once() {
        let mut history = sample::two_phones();
        let op = &mut history.operations[0];
        op.label = format!("{} submit c1", op.phone);
        assert_eq!(asks(&history, &history.operations[0]), "P1 submit c1");
    }

    fn check(name: &str, history: &History, change: impl FnOnce(&mut PictureOptions)) {
        let mut options = PictureOptions::plain(80);
        if let Some(first) = judge(history, &JudgeContext::default()).first() {
            options.highlight.clone_from(&first.steps);
        }
        change(&mut options);
        let picture = draw(history, &options);
        if !options.colour {
            for line in picture.lines() {
                assert!(
                    width::of(line) <= options.width,
                    "{} columns: {line}",
                    width::of(line)
                );
            }
        }
        insta::assert_snapshot!(name, picture);
    }

    #[test]
    fn two_phones_in_80_columns() {
        check("two_phones_80", &sample::two_phones(), |_| {});
    }

    #[test]
    fn two_phones_in_120_columns() {
        check("two_phones_120", &sample::two_phones(), |options| {
            options.width = 120
        });
    }

    #[test]
    fn three_phones_and_two_people() {
        check("three_phones_80", &sample::three_phones(), |_| {});
        check("three_phones_120", &sample::three_phones(), |options| {
            options.width = 120
        });
    }

    #[test]
    fn faults_refusals_and_recovery() {
        check("faults_80", &sample::faults(), |_| {});
    }

    #[test]
    fn a_narrow_terminal_gets_a_narrow_picture() {
        for history in [
            sample::two_phones(),
            sample::three_phones(),
            sample::faults(),
        ] {
            let picture = draw(&history, &PictureOptions::plain(NARROWEST));
            let widest = picture.lines().map(width::of).max();
            assert!(widest <= Some(NARROWEST), "{picture}");
            assert!(picture.contains("P1 submit c"), "{picture}");
        }
    }

    #[test]
    fn what_a_fault_did_is_drawn_as_that() {
        let drawn = |effect: &FaultEffect| {
            let mut b = Builder::new();
            b.phase(Phase::Before);
            let op = b.submit("P1", "c1");
            let call = b.fault(op, "f", effect);
            // A fault before the commit leaves the code alone: what is spoiled is an error of WeChat's.
            b.history.upstream[call].errcode = Some(-1);
            b.reply(call);
            b.answer(op, Outcome::RetryLater);
            let folded = draw(&b.history, &PictureOptions::plain(100));
            for step in &mut b.history.steps {
                step.phase = Phase::Race;
            }
            folded + &draw(&b.history, &PictureOptions::plain(100))
        };
        for (effect, few, full) in [
            (FaultEffect::Silent, "silent", "silent, never answered"),
            (FaultEffect::Truncate(24), "cut at 24B", "cut at 24 bytes"),
            (FaultEffect::Reset, "reset", "connection reset"),
            (
                FaultEffect::Status {
                    status: 502,
                    body: "<html>".into(),
                },
                "502 HTML",
                "HTTP 502, an HTML page",
            ),
            (FaultEffect::Errcode(-1), "errcode -1", "errcode -1"),
        ] {
            let picture = drawn(&effect);
            assert!(picture.contains(few) && picture.contains(full), "{picture}");
            let spoiled = !matches!(effect, FaultEffect::Errcode(_));
            assert!(!spoiled || !picture.contains("errcode"), "{picture}");
        }
    }

    #[test]
    fn ascii_only() {
        let history = sample::two_phones();
        check("ascii", &history, |options| options.unicode = false);
        let options = PictureOptions {
            unicode: false,
            ..PictureOptions::plain(80)
        };
        assert!(draw(&history, &options).is_ascii());
    }

    #[test]
    fn every_step_on_request() {
        check("unfolded", &sample::three_phones(), |options| {
            options.unfold = true
        });
    }

    #[test]
    fn colours() {
        check("colours", &sample::two_phones(), |options| {
            options.colour = true
        });
    }

    #[test]
    fn wide_characters_keep_the_columns() {
        let mut history = sample::two_phones();
        for op in &mut history.operations {
            op.answer.excerpt = "{\"message\":\"解密失败，请稍后再试\"}\n".into();
            op.answer.plaintext = Some("张三".into());
        }
        check("wide", &history, |_| {});
    }

    #[test]
    fn no_steps_no_picture_and_a_broken_index_no_panic() {
        assert_eq!(draw(&History::default(), &PictureOptions::plain(80)), "");
        let mut history = sample::two_phones();
        history.operations.clear();
        history.upstream.clear();
        history.payloads.clear();
        assert!(draw(&history, &PictureOptions::plain(80)).lines().count() > 3);
    }

    proptest! {
        #[test]
        fn a_damaged_history_is_judged_and_drawn_without_a_panic(
            picks in prop::collection::vec(0_usize..4, 0..24), cut in 0_usize..8, width in 0_usize..200, unicode: bool,
        ) {
            let (mut history, _) = play(&picks, 3, false, Store::LastResponse, Outcome::ServerError);
            history.operations.truncate(cut);
            history.upstream.truncate(cut / 2);
            history.payloads.truncate(cut / 3);
            history.keys.truncate(cut % 3);
            let found = judge(&history, &JudgeContext::default());
            let highlight = found.into_iter().flat_map(|violation| violation.steps).collect();
            let options = PictureOptions { highlight, unicode, ..PictureOptions::plain(width) };
            let picture = draw(&history, &options);
            prop_assert!(unicode || picture.is_ascii());
        }
    }
}
