//! Where the columns of a picture in the terminal stand, and with which characters it is drawn.

/// The characters of a picture.
pub(super) struct Glyphs {
    pub(super) line: char,
    pub(super) dash: char,
    pub(super) bar: char,
    pub(super) cross: char,
    pub(super) open: char,
    pub(super) close: char,
    pub(super) right: char,
    pub(super) left: char,
    pub(super) both: &'static str,
    pub(super) overtaken: char,
    pub(super) point: char,
    pub(super) cut: char,
    pub(super) more: &'static str,
}

pub(super) static UNICODE: Glyphs = Glyphs {
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

pub(super) static ASCII: Glyphs = Glyphs {
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
pub(super) struct Columns {
    pub(super) phones: usize,
    pub(super) backend: usize,
    pub(super) wechat: usize,
    pub(super) lanes: usize,
    pub(super) spacing: usize,
    pub(super) mark: usize,
    pub(super) key: usize,
}

/// First column of the phones: after the pointer, the number and the step name.
pub(super) const PHONES: usize = 10;

impl Columns {
    pub(super) fn new(width: usize, lanes: usize) -> Self {
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

    pub(super) const fn lane(&self, lane: usize) -> usize {
        self.lanes + self.spacing * lane
    }
}

/// The fewest columns a picture takes.
pub(crate) const NARROWEST: usize = 60;
/// Columns a reply has in front of the brackets.
pub(super) const REPLY: usize = 10;
