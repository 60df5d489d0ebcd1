//! The TOML frame of a scenario file: tables, keys and types, read by hand so that every mistake has a place and a
//! suggestion. Steps stay texts here; `words.rs` reads them.

use std::ops::Range;

use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Mistake;
use super::located::Located;
use wxmock_model::history::Outcome;
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

/// A `[[phone]]`.
#[derive(Debug, Clone)]
pub(crate) struct PhoneFrame {
    pub(crate) name: Located,
    pub(crate) user: Located,
    pub(crate) repeat: Option<Located>,
    pub(crate) device: Option<Located>,
    /// What it does in the race: tasks race with each other too.
    pub(crate) tasks: Vec<Vec<Located>>,
}

/// `[explore]`.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExploreFrame {
    pub(crate) orders: OrdersFrame,
    pub(crate) inversions: Option<u32>,
    pub(crate) max_orders: Option<usize>,
    pub(crate) span: Range<usize>,
}

/// `orders = …`.
#[derive(Debug, Clone, Default)]
pub(crate) enum OrdersFrame {
    #[default]
    All,
    Fifo,
    Named(Vec<Located>),
}

/// One line of `[expect]`.
#[derive(Debug, Clone)]
pub(crate) struct ExpectFrame {
    pub(crate) key: Located,
    pub(crate) must: Vec<Outcome>,
    pub(crate) should: Option<Vec<Outcome>>,
    pub(crate) rule: Located,
}

/// A `[[when]]`: what is different for some axis values.
#[derive(Debug, Clone)]
pub(crate) struct WhenFrame {
    /// Axis to the values it applies to; all must fit.
    pub(crate) axes: Vec<(Located, Vec<Located>)>,
    pub(crate) needs: Vec<Located>,
    pub(crate) before: Option<Vec<Located>>,
    pub(crate) after: Option<Vec<Located>>,
    pub(crate) expect: Vec<ExpectFrame>,
    pub(crate) obligations: Option<Vec<Located>>,
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

    /// Whether a value of an axis is one the file lists.
    pub(crate) fn check_value(&self, axis: &Located, value: &Located) -> Result<(), Mistake> {
        let Some(values) = self.axes.get(axis.as_str()) else {
            let known = self.axes.keys().copied();
            return Err(Mistake::unknown(
                axis.span().clone(),
                "axis of this scenario",
                axis.as_str(),
                known,
            ));
        };
        if values.iter().any(|known| known.as_str() == value.as_str()) {
            return Ok(());
        }
        let what = format!("value of `{}` in this scenario", axis.as_str());
        Err(Mistake::unknown(
            value.span().clone(),
            &what,
            value.as_str(),
            values.iter().map(Located::as_str),
        ))
    }

    fn check_head(&self) -> Result<(), Mistake> {
        let is_slug = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        let id = self.id.as_str();
        if id.split('/').count() != 2 || !id.split('/').all(is_slug) {
            let message = format!("`{id}` is no id");
            let label = "an id is suite/slug, in small letters, digits and `-`";
            return Err(Mistake::new(self.id.span().clone(), message, label)
                .help("for example: concurrent-login/slow-reply-overwrites-newer-key"));
        }
        let alias = self.alias.as_str();
        let digits = alias
            .trim_start_matches(|c: char| c.is_ascii_uppercase())
            .trim_start_matches('-');
        if digits.is_empty()
            || digits.len() == alias.len()
            || !digits.bytes().all(|byte| byte.is_ascii_digit())
        {
            let message = format!("`{alias}` is no alias");
            return Err(Mistake::new(
                self.alias.span().clone(),
                message,
                "capital letters and a number, such as CL-1",
            ));
        }
        if let Some(tag) = self.tags.iter().find(|tag| !is_slug(tag.as_str())) {
            let message = format!("`{}` is no tag", tag.as_str());
            let label = "a tag is one word of small letters, digits and `-`";
            return Err(Mistake::new(tag.span().clone(), message, label));
        }
        if self.control && self.level != Level::Must {
            let label = "a control may never be flagged, so its level is MUST";
            return Err(Mistake::new(
                self.id.span().clone(),
                "a control below MUST proves nothing",
                label,
            ));
        }
        self.check_variants()?;
        for when in &self.whens {
            for (axis, values) in &when.axes {
                values
                    .iter()
                    .try_for_each(|value| self.check_value(axis, value))?;
            }
        }
        Ok(())
    }

    fn check_variants(&self) -> Result<(), Mistake> {
        let listed: Vec<&str> = self
            .axes
            .get("variant")
            .into_iter()
            .flatten()
            .map(Located::as_str)
            .collect();
        for (word, texts) in &self.variants {
            if !listed.contains(&word.as_str()) {
                let span = texts.first().map_or(0..0, |text| text.span().clone());
                let message = format!(
                    "[variant] gives a text to `{word}`, which the axis `variant` does not list"
                );
                let label = "no case uses this";
                return Err(Mistake::new(span, message, label)
                    .help(format!("the axis lists: {}", listed.join(", "))));
            }
        }
        Ok(())
    }
}

/// One table, and what to call it.
struct Table<'t> {
    file: &'t str,
    what: &'static str,
    span: Range<usize>,
    map: &'t DeTable<'t>,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl<'t> Table<'t> {
    fn only(&self, accepted: &[&str]) -> Result<(), Mistake> {
        for key in self.map.keys() {
            if !accepted.contains(&key.get_ref().as_ref()) {
                let what = format!("key of a {}", self.what);
                return Err(Mistake::unknown(
                    key.span(),
                    &what,
                    key.get_ref(),
                    accepted.iter().copied(),
                ));
            }
        }
        Ok(())
    }

    fn absent(&self, key: &str) -> Mistake {
        let article = if self.what.starts_with(['a', 'e', 'i', 'o']) {
            "an"
        } else {
            "a"
        };
        let message = format!("{article} {} needs `{key}`", self.what);
        let label = format!("no `{key}` in this {}", self.what);
        Mistake::new(self.span.clone(), message, label)
    }

    fn located(&self, value: &Value<'_>) -> Option<Located> {
        Some(Located::new(
            value.get_ref().as_str()?,
            value.span(),
            self.file,
        ))
    }

    fn text(&self, key: &str) -> Result<Option<Located>, Mistake> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        self.located(value)
            .map(Some)
            .ok_or_else(|| wrong_type(key, "a string", value))
    }

    fn needed(&self, key: &str) -> Result<Located, Mistake> {
        let text = self.text(key)?.ok_or_else(|| self.absent(key))?;
        if text.as_str().trim().is_empty() {
            return Err(Mistake::new(
                text.span().clone(),
                format!("`{key}` is empty"),
                "say something here",
            ));
        }
        Ok(text)
    }

    fn texts(&self, key: &str) -> Result<Option<Vec<Located>>, Mistake> {
        self.map
            .get(key)
            .map(|value| self.list(key, value))
            .transpose()
    }

    fn list(&self, key: &str, value: &Value<'_>) -> Result<Vec<Located>, Mistake> {
        let array = value
            .get_ref()
            .as_array()
            .ok_or_else(|| wrong_type(key, "a list of strings", value))?;
        array
            .iter()
            .map(|item| {
                self.located(item)
                    .ok_or_else(|| wrong_type(key, "a list of strings", item))
            })
            .collect()
    }

    fn words(&self, key: &str, accepted: &[&str]) -> Result<Vec<Located>, Mistake> {
        let words = self.texts(key)?.unwrap_or_default();
        for word in &words {
            if !accepted.contains(&word.as_str()) {
                let what = match key {
                    "rules" => "rule",
                    "needs" | "confirms" => "adapter operation",
                    _ => "obligation",
                };
                return Err(Mistake::unknown(
                    word.span().clone(),
                    what,
                    word.as_str(),
                    accepted.iter().copied(),
                ));
            }
        }
        Ok(words)
    }

    fn word<T: Copy>(&self, key: &str, accepted: &[(&str, T)]) -> Result<Option<T>, Mistake> {
        let Some(word) = self.text(key)? else {
            return Ok(None);
        };
        let found = accepted.iter().find(|(name, _)| *name == word.as_str());
        found.map(|&(_, value)| Some(value)).ok_or_else(|| {
            Mistake::unknown(
                word.span().clone(),
                key,
                word.as_str(),
                accepted.iter().map(|&(name, _)| name),
            )
        })
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, Mistake> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        value
            .get_ref()
            .as_bool()
            .map(Some)
            .ok_or_else(|| wrong_type(key, "true or false", value))
    }

    fn number<T: std::str::FromStr>(&self, key: &str) -> Result<Option<T>, Mistake> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        let number = value
            .get_ref()
            .as_integer()
            .filter(|number| number.radix() == 10);
        let number = number.and_then(|number| number.as_str().parse().ok());
        number
            .map(Some)
            .ok_or_else(|| wrong_type(key, "a whole number from 0", value))
    }

    fn table(&self, key: &'static str) -> Result<Option<Self>, Mistake> {
        let Some(value) = self.map.get(key) else {
            return Ok(None);
        };
        self.as_table(key, value).map(Some)
    }

    fn as_table(&self, what: &'static str, value: &'t Value<'t>) -> Result<Self, Mistake> {
        let map = value
            .get_ref()
            .as_table()
            .ok_or_else(|| wrong_type(what, "a table", value))?;
        Ok(Self {
            file: self.file,
            what,
            span: value.span(),
            map,
        })
    }

    fn tables(&self, key: &'static str) -> Result<Vec<Self>, Mistake> {
        let Some(value) = self.map.get(key) else {
            return Ok(Vec::new());
        };
        let article = format!("a list of tables; write [[{key}]]");
        let array = value
            .get_ref()
            .as_array()
            .ok_or_else(|| wrong_type(key, &article, value))?;
        array.iter().map(|item| self.as_table(key, item)).collect()
    }
}

fn wrong_type(key: &str, wanted: &str, value: &Value<'_>) -> Mistake {
    let found = value.get_ref().type_str();
    let message = format!(
        "`{key}` must be {wanted}, and this is {} {found}",
        super::error::article(found)
    );
    Mistake::new(value.span(), message, format!("not {wanted}"))
}

fn axes(table: &Table<'_>) -> Result<IndexMap<&'static str, Vec<Located>>, Mistake> {
    for key in table.map.keys() {
        if !names::AXES.contains(&key.get_ref().as_ref()) {
            return Err(Mistake::unknown(
                key.span(),
                "axis",
                key.get_ref(),
                names::AXES.iter().copied(),
            ));
        }
    }
    let mut axes = IndexMap::new();
    // In this order in paths, however the file orders them.
    for &axis in names::AXES {
        let Some(value) = table.map.get(axis) else {
            continue;
        };
        let wanted = if axis == "n" {
            "a list of whole numbers"
        } else {
            "a list of strings"
        };
        let array = value
            .get_ref()
            .as_array()
            .ok_or_else(|| wrong_type(axis, wanted, value))?;
        let mut values: Vec<Located> = Vec::new();
        for item in array.iter() {
            let read = axis_value(axis, item, table.file, wanted)?;
            if values.iter().any(|known| known.as_str() == read.as_str()) {
                let message = format!("`{}` stands twice in axis `{axis}`", read.as_str());
                return Err(Mistake::new(item.span(), message, "the second one"));
            }
            values.push(read);
        }
        if values.is_empty() {
            return Err(Mistake::new(
                value.span(),
                format!("axis `{axis}` has no value"),
                "give one, or leave the axis out",
            ));
        }
        axes.insert(axis, values);
    }
    Ok(axes)
}

fn axis_value(axis: &str, item: &Value<'_>, file: &str, wanted: &str) -> Result<Located, Mistake> {
    let what = format!("value of axis `{axis}`");
    if axis == "n" {
        let number = item
            .get_ref()
            .as_integer()
            .ok_or_else(|| wrong_type(axis, wanted, item))?;
        return match number.as_str() {
            digits @ ("1" | "2" | "3" | "4" | "5" | "6" | "7" | "8") => {
                Ok(Located::new(digits, item.span(), file))
            }
            other => Err(Mistake::unknown(
                item.span(),
                &what,
                other,
                ["1", "2", "3", "4", "5", "6", "7", "8"],
            )),
        };
    }
    let text = item
        .get_ref()
        .as_str()
        .ok_or_else(|| wrong_type(axis, wanted, item))?;
    let accepted = match axis {
        "rotation" => names::ROTATIONS,
        "returns" => names::RETURNS,
        _ => &[],
    };
    if !accepted.is_empty() && !accepted.contains(&text) {
        return Err(Mistake::unknown(
            item.span(),
            &what,
            text,
            accepted.iter().copied(),
        ));
    }
    if text.is_empty()
        || !text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
    {
        let message = format!("`{text}` cannot be part of a path");
        return Err(Mistake::new(
            item.span(),
            message,
            "small letters, digits, `-` and `_` only",
        ));
    }
    Ok(Located::new(text, item.span(), file))
}

fn variants(table: &Table<'_>) -> Result<IndexMap<String, Vec<Located>>, Mistake> {
    let mut variants = IndexMap::new();
    for (key, value) in table.map.iter() {
        let texts = match table.located(value) {
            Some(text) => vec![text],
            None => table
                .list("variant", value)
                .map_err(|_| wrong_type(key.get_ref(), "a text or a list of steps", value))?,
        };
        variants.insert(key.get_ref().to_string(), texts);
    }
    Ok(variants)
}

fn phone(table: &Table<'_>) -> Result<PhoneFrame, Mistake> {
    table.only(PHONE_KEYS)?;
    let mut tasks: Vec<Vec<Located>> = Vec::new();
    if let Some(value) = table.map.get("tasks") {
        let array = value
            .get_ref()
            .as_array()
            .ok_or_else(|| wrong_type("tasks", "a list of lists of steps", value))?;
        for task in array.iter() {
            tasks.push(
                table
                    .list("tasks", task)
                    .map_err(|_| wrong_type("tasks", "a list of lists of steps", task))?,
            );
        }
    }
    tasks.extend(table.texts("do")?);
    tasks.retain(|task| !task.is_empty());
    Ok(PhoneFrame {
        name: table.needed("name")?,
        user: table.needed("user")?,
        repeat: table.text("repeat")?,
        device: table
            .text("device")?
            .filter(|device| device.as_str() != "own"),
        tasks,
    })
}

fn explore(table: &Table<'_>) -> Result<ExploreFrame, Mistake> {
    table.only(EXPLORE_KEYS)?;
    let orders = match table.map.get("orders") {
        None => OrdersFrame::All,
        Some(value) if value.get_ref().is_array() => {
            OrdersFrame::Named(table.list("orders", value)?)
        }
        Some(value) => match value.get_ref().as_str() {
            Some("all") => OrdersFrame::All,
            Some("fifo") => OrdersFrame::Fifo,
            Some(other) => {
                let help =
                    r#"accepted: "all", "fifo", or a list of orders such as ["S1 S2 K1 K2 R2 R1"]"#;
                return Err(Mistake::unknown(
                    value.span(),
                    "choice of orders",
                    other,
                    ["all", "fifo"],
                )
                .help(help));
            }
            None => {
                return Err(wrong_type(
                    "orders",
                    r#""all", "fifo" or a list of orders"#,
                    value,
                ));
            }
        },
    };
    let (inversions, max_orders) = (table.number("inversions")?, table.number("max_orders")?);
    if !matches!(orders, OrdersFrame::All) && (inversions.is_some() || max_orders.is_some()) {
        let label = "nothing to bound";
        return Err(Mistake::new(
            table.span.clone(),
            r#"a bound goes with orders = "all""#,
            label,
        ));
    }
    Ok(ExploreFrame {
        orders,
        inversions,
        max_orders,
        span: table.span.clone(),
    })
}

fn expect(table: &Table<'_>) -> Result<Vec<ExpectFrame>, Mistake> {
    let mut lines = Vec::new();
    for (key, value) in table.map.iter() {
        let line = table.as_table("expectation", value)?;
        line.only(&["must", "should", "rule"])?;
        let must = outcomes(&line, "must")?.ok_or_else(|| line.absent("must"))?;
        let should = outcomes(&line, "should")?;
        let stray = should.iter().flatten().find(|wish| !must.contains(wish));
        if let Some(stray) = stray {
            let message = format!(
                "`should` wishes for `{}`, which `must` forbids",
                outcome_word(*stray)
            );
            return Err(Mistake::new(
                value.span(),
                message,
                "`should` narrows `must`",
            ));
        }
        let rule = line.needed("rule")?;
        if !names::RULES.contains(&rule.as_str()) {
            return Err(Mistake::unknown(
                rule.span().clone(),
                "rule",
                rule.as_str(),
                names::RULES.iter().copied(),
            ));
        }
        lines.push(ExpectFrame {
            key: Located::new(key.get_ref(), key.span(), table.file),
            must,
            should,
            rule,
        });
    }
    Ok(lines)
}

fn outcomes(table: &Table<'_>, key: &str) -> Result<Option<Vec<Outcome>>, Mistake> {
    let Some(words) = table.texts(key)? else {
        return Ok(None);
    };
    let mut outcomes = Vec::new();
    for word in &words {
        let found = OUTCOMES.iter().find(|(name, _)| *name == word.as_str());
        let accepted = OUTCOMES.iter().map(|&(name, _)| name);
        let unknown = || Mistake::unknown(word.span().clone(), "outcome", word.as_str(), accepted);
        outcomes.push(found.ok_or_else(unknown)?.1);
    }
    if outcomes.is_empty() {
        return Err(Mistake::new(
            table.span.clone(),
            format!("`{key}` accepts no outcome"),
            "no answer could be right",
        ));
    }
    Ok(Some(outcomes))
}

fn outcome_word(outcome: Outcome) -> &'static str {
    OUTCOMES
        .iter()
        .find(|&&(_, known)| known == outcome)
        .map_or("indefinite", |&(word, _)| word)
}

fn when(table: &Table<'_>) -> Result<WhenFrame, Mistake> {
    table.only(WHEN_KEYS)?;
    let condition = table.table("axes")?.ok_or_else(|| table.absent("axes"))?;
    let mut axes = Vec::new();
    for (key, value) in condition.map.iter() {
        let axis = Located::new(key.get_ref(), key.span(), table.file);
        let one = |item: &Value<'_>| {
            let number = item
                .get_ref()
                .as_integer()
                .map(|number| Located::new(number.as_str(), item.span(), table.file));
            number
                .or_else(|| table.located(item))
                .ok_or_else(|| wrong_type(key.get_ref(), "a value of the axis", item))
        };
        let values = match value.get_ref().as_array() {
            Some(array) => array.iter().map(one).collect::<Result<Vec<_>, _>>()?,
            None => vec![one(value)?],
        };
        axes.push((axis, values));
    }
    if axes.is_empty() {
        let label = "no axis is named";
        return Err(Mistake::new(
            condition.span.clone(),
            "a [[when]] without a condition is no exception",
            label,
        ));
    }
    Ok(WhenFrame {
        axes,
        needs: table.words("needs", names::OPS)?,
        before: table.texts("before")?,
        after: table.texts("after")?,
        expect: table
            .table("expect")?
            .map_or_else(|| Ok(Vec::new()), |table| expect(&table))?,
        obligations: match table.map.contains_key("obligations") {
            true => Some(table.words("obligations", &obligation_names())?),
            false => None,
        },
    })
}

fn obligation_names() -> Vec<&'static str> {
    names::OBLIGATIONS
        .iter()
        .map(|obligation| obligation.name)
        .collect()
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

pub(crate) const PHONE_KEYS: &[&str] = &["name", "user", "repeat", "device", "do", "tasks"];

pub(crate) const EXPLORE_KEYS: &[&str] = &["orders", "inversions", "max_orders"];

pub(crate) const WHEN_KEYS: &[&str] =
    &["axes", "needs", "before", "after", "expect", "obligations"];

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

/// `indefinite` is not among them: it can never be what a case waits for.
pub(crate) const OUTCOMES: [(&str, Outcome); 6] = [
    ("ok", Outcome::Ok),
    ("relogin", Outcome::Relogin),
    ("retry_later", Outcome::RetryLater),
    ("denied", Outcome::Denied),
    ("invalid", Outcome::Invalid),
    ("server_error", Outcome::ServerError),
];
