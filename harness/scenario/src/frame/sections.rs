//! The tables of a scenario file, one function each.

use indexmap::IndexMap;

use super::parts::{EXPLORE_KEYS, OUTCOMES, PHONE_KEYS, WHEN_KEYS};
use super::parts::{ExpectFrame, ExploreFrame, OrdersFrame, PhoneFrame, WhenFrame};
use super::table::{Table, Value, wrong_type};
use crate::error::Mistake;
use crate::located::Located;
use wxmock_model::history::Outcome;
use wxmock_model::program::names;

pub(super) fn axes(table: &Table<'_>) -> Result<IndexMap<&'static str, Vec<Located>>, Mistake> {
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
        "payload" => names::PAYLOADS,
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

pub(super) fn variants(table: &Table<'_>) -> Result<IndexMap<String, Vec<Located>>, Mistake> {
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

pub(super) fn phone(table: &Table<'_>) -> Result<PhoneFrame, Mistake> {
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

pub(super) fn explore(table: &Table<'_>) -> Result<ExploreFrame, Mistake> {
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

pub(super) fn expect(table: &Table<'_>) -> Result<Vec<ExpectFrame>, Mistake> {
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

pub(super) fn when(table: &Table<'_>) -> Result<WhenFrame, Mistake> {
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

pub(super) fn obligation_names() -> Vec<&'static str> {
    names::OBLIGATIONS
        .iter()
        .map(|obligation| obligation.name)
        .collect()
}
