//! The TOML frame of a scenario file: tables, keys and types, read by hand so that every mistake has a place and a
//! suggestion. Steps stay texts here; `words.rs` reads them.

mod check;
pub(crate) mod parts;
mod sections;
mod table;

use indexmap::IndexMap;
use toml::de::DeTable;

use super::error::Mistake;
use super::located::Located;
pub(crate) use parts::{ExpectFrame, ExploreFrame, OrdersFrame, PhoneFrame, WhenFrame};
use sections::{axes, expect, explore, obligation_names, phone, variants, when};
use table::Table;
use wxmock_model::program::names;
use wxmock_model::verdict::{Impact, Level};

/// A whole file.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) id: Located,
    pub(crate) alias: Located,
    pub(crate) title: Located,
    pub(crate) title_zh: Located,
    pub(crate) level: Level,
    pub(crate) impact: Impact,
    pub(crate) rules: Vec<Located>,
    pub(crate) needs: Vec<Located>,
    pub(crate) confirms: Vec<Located>,
    pub(crate) sources: Vec<Located>,
    pub(crate) tags: Vec<Located>,
    pub(crate) why: Located,
    pub(crate) why_zh: Option<Located>,
    pub(crate) control: bool,
    pub(crate) axes: IndexMap<&'static str, Vec<Located>>,
    /// Whether the race may be too large to list: somebody asked for more logins than the file does, and takes a sample.
    pub(crate) may_be_large: bool,
    /// What `{variant}` stands for, by axis value.
    pub(crate) variants: IndexMap<String, Vec<Located>>,
    pub(crate) phones: Vec<PhoneFrame>,
    pub(crate) before: Vec<Located>,
    pub(crate) after: Vec<Located>,
    pub(crate) explore: ExploreFrame,
    pub(crate) expect: Vec<ExpectFrame>,
    pub(crate) obligations: Vec<Located>,
    pub(crate) whens: Vec<WhenFrame>,
}

impl Frame {
    pub(crate) fn read(text: &str) -> Result<Self, Mistake> {
        let document = DeTable::parse(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            Mistake::new(span, format!("not TOML: {}", error.message()), "here")
        })?;
        let top = Table {
            file: text,
            what: "scenario file",
            span: 0..0,
            map: document.get_ref(),
        };
        top.only(KEYS)?;
        let frame = Self {
            id: top.needed("id")?,
            alias: top.needed("alias")?,
            title: top.needed("title")?,
            title_zh: top.needed("title_zh")?,
            level: top
                .word("level", &LEVELS)?
                .ok_or_else(|| top.absent("level"))?,
            impact: top
                .word("impact", &IMPACTS)?
                .ok_or_else(|| top.absent("impact"))?,
            rules: top.words("rules", names::RULES)?,
            needs: top.words("needs", names::OPS)?,
            confirms: top.words("confirms", names::OPS)?,
            sources: top.texts("sources")?.unwrap_or_default(),
            tags: top.texts("tags")?.unwrap_or_default(),
            why: top.needed("why")?,
            why_zh: top.text("why_zh")?,
            control: top.flag("control")?.unwrap_or(false),
            may_be_large: false,
            axes: top
                .table("axes")?
                .map_or_else(|| Ok(IndexMap::new()), |table| axes(&table))?,
            variants: top
                .table("variant")?
                .map_or_else(|| Ok(IndexMap::new()), |table| variants(&table))?,
            phones: top
                .tables("phone")?
                .iter()
                .map(phone)
                .collect::<Result<_, _>>()?,
            before: top.texts("before")?.unwrap_or_default(),
            after: top.texts("after")?.unwrap_or_default(),
            explore: top
                .table("explore")?
                .map_or_else(|| Ok(ExploreFrame::default()), |table| explore(&table))?,
            expect: top
                .table("expect")?
                .map_or_else(|| Ok(Vec::new()), |table| expect(&table))?,
            obligations: match top.table("obligations")? {
                None => Vec::new(),
                Some(table) => {
                    table.only(&["all"])?;
                    table.words("all", &obligation_names())?
                }
            },
            whens: top
                .tables("when")?
                .iter()
                .map(when)
                .collect::<Result<_, _>>()?,
        };
        frame.check_head()?;
        Ok(frame)
    }
}

/// The keys of a file, in the order people are advised to write them.
pub(crate) const KEYS: &[&str] = &[
    "id",
    "alias",
    "title",
    "title_zh",
    "level",
    "impact",
    "rules",
    "needs",
    "confirms",
    "sources",
    "tags",
    "why",
    "why_zh",
    "control",
    "axes",
    "variant",
    "phone",
    "before",
    "after",
    "explore",
    "expect",
    "obligations",
    "when",
];

pub(crate) const LEVELS: [(&str, Level); 3] = [
    ("MUST", Level::Must),
    ("SHOULD", Level::Should),
    ("INFO", Level::Info),
];

pub(crate) const IMPACTS: [(&str, Impact); 5] = [
    ("security", Impact::Security),
    ("data-mix-up", Impact::DataMixUp),
    ("lock-out", Impact::LockOut),
    ("extra-login", Impact::ExtraLogin),
    ("cost", Impact::Cost),
];
