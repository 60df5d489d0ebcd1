//! `wxmock explain CALL`: what one call to the mock asked, what it was answered, and why. From a running mock or a saved journal.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use wxmock_server::{foreign_line, local_time};
use wxmock_world::{Lang, Refusal, UnixMs, Wording, errcode};

use super::offline;
use crate::client::{self, Server};
use crate::exit::{Exit, Failure};

/// Which call is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    /// Its number: `17`, `#17`.
    Number(u64),
    /// The rid in its answer: `6a1b2c3d-0f1e2d3c-12345678`.
    Rid(String),
}

impl Name {
    /// Reads the name of a call; `None` if it looks like none.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(number) = text.strip_prefix('#').unwrap_or(text).parse() {
            return Some(Self::Number(number));
        }
        let rid = text.strip_prefix("rid:").unwrap_or(text).trim();
        let groups: Vec<&str> = rid.split('-').collect();
        let is_rid = groups.len() == 3
            && groups
                .iter()
                .all(|group| group.len() == 8 && group.bytes().all(|b| b.is_ascii_hexdigit()));
        is_rid.then(|| Self::Rid(rid.to_ascii_lowercase()))
    }
}

/// The lines of a journal about one call.
#[derive(Debug, Default)]
struct Story {
    /// The call's own line; absent while it is open and once it is forgotten.
    exchange: Option<Value>,
    /// Gates and faults, in order.
    beside: Vec<Value>,
    /// The mock's record of it, which is there while it is open; absent in a file.
    record: Option<Value>,
}

/// Tells the call's story.
pub(crate) fn explain(
    name: &Name,
    server: &Server,
    journal: Option<&Path>,
    lang: Lang,
) -> Result<String, Failure> {
    let story = match journal {
        Some(path) => of_lines(&offline::ndjson(path)?, name),
        None => client::block_on(of_mock(server, name))?,
    };
    story.tell(lang).ok_or_else(|| {
        let (what, place) = match (name, journal) {
            (Name::Number(number), _) => (format!("call #{number}"), journal),
            (Name::Rid(rid), _) => (format!("a call with rid {rid}"), journal),
        };
        match place {
            Some(path) => Failure::new(
                Exit::Nothing,
                format!("{} knows nothing of {what}", path.display()),
                "want a file of `wxmock exec --journal FILE`, or of GET /_mock/v1/journal?format=ndjson",
            ),
            None => Failure::new(
                Exit::Nothing,
                format!("the mock remembers nothing of {what}"),
                "the log shows the numbers; old calls are forgotten, `wxmock exec --journal FILE` keeps all",
            ),
        }
    })
}

fn is_about(line: &Value, name: &Name) -> bool {
    match name {
        Name::Number(number) => line["call"].as_u64() == Some(*number),
        Name::Rid(rid) => line["rid"].as_str() == Some(rid),
    }
}

fn of_lines(lines: &[Value], name: &Name) -> Story {
    let own = lines
        .iter()
        .find(|line| line["what"] == "exchange" && is_about(line, name));
    let number = match (name, own) {
        (Name::Number(number), _) => Some(*number),
        (Name::Rid(_), Some(own)) => own["call"].as_u64(),
        (Name::Rid(_), None) => None,
    };
    let mut story = Story::default();
    let about = lines
        .iter()
        .filter(|line| number.is_some() && line["call"].as_u64() == number);
    for line in about {
        if line["what"] == "exchange" {
            story.exchange = Some(line.clone());
        } else {
            story.beside.push(line.clone());
        }
    }
    story
}

async fn of_mock(server: &Server, name: &Name) -> Result<Story, Failure> {
    let number = match name {
        Name::Number(number) => *number,
        Name::Rid(_) => {
            let page = server
                .get("/_mock/v1/journal?kind=exchange&limit=100000")
                .await?
                .json()?;
            let lines = page["entries"].as_array().cloned().unwrap_or_default();
            let own = lines.iter().find(|line| is_about(line, name));
            match own.and_then(|line| line["call"].as_u64()) {
                Some(number) => number,
                None => return Ok(Story::default()),
            }
        }
    };
    let page = server
        .get(&format!("/_mock/v1/journal?call={number}"))
        .await?
        .json()?;
    let lines = page["entries"].as_array().cloned().unwrap_or_default();
    let record = server.get(&format!("/_mock/v1/calls/{number}")).await?;
    Ok(Story {
        // It may be forgotten there and not here, or the other way round.
        record: record
            .status
            .is_success()
            .then(|| record.json())
            .transpose()?,
        ..of_lines(&lines, &Name::Number(number))
    })
}

/// Why a call was refused, and what to do; each with its name in both languages.
fn why(
    call: &Value,
    text: &dyn Fn(&str) -> Option<String>,
    lang: Lang,
) -> Vec<(&'static str, &'static str, String)> {
    let why: Option<Refusal> = serde_json::from_value(call["why"].clone()).ok();
    let Some(why) = why else {
        let said = without_reason(call, text, lang);
        return said.map(|said| ("why", "原因", said)).into_iter().collect();
    };
    let wording = Wording {
        lang,
        moment: Some(&local_time),
    };
    let said = foreign_line(&why.words(wording)).into_owned();
    let advice = why.advice(lang).to_owned();
    vec![("why", "原因", said), ("to do", "处理", advice)]
}

impl Story {
    fn tell(&self, lang: Lang) -> Option<String> {
        // Both have the same names for the same things; the journal has more.
        let call = self.exchange.as_ref().or(self.record.as_ref())?;
        let text = |name: &str| {
            call[name]
                .as_str()
                .filter(|text| !text.is_empty())
                .map(|text| foreign_line(text).into_owned())
        };
        let number = call["call"].as_u64().or_else(|| call["id"].as_u64())?;
        let mut out = String::new();
        let what = text("path").map_or_else(
            || text("endpoint").unwrap_or_default(),
            |path| format!("{} {path}", text("method").unwrap_or_default()),
        );
        // Writing to a String cannot fail.
        let _ = writeln!(out, "#{number}  {what}");
        let mut line = |en: &str, zh: &str, value: String| {
            let _ = match lang {
                Lang::En => writeln!(out, "  {en:<8} {value}"),
                // Every Chinese name has two characters, four columns.
                Lang::Zh => writeln!(out, "  {zh}     {value}"),
            };
        };
        if let Some(at) = self.at() {
            line("when", "时间", at);
        }
        line("from", "来自", self.came(call, &text, lang));
        let about: Vec<String> = ["user", "appid", "code", "js_code", "phone_code"]
            .into_iter()
            .filter_map(text)
            .collect();
        if !about.is_empty() {
            line("about", "关于", about.join(", "));
        }
        line("answer", "应答", answer(call, &text, lang));
        for beside in &self.beside {
            line("beside", "此外", beside_words(beside, lang));
        }
        for (en, zh, said) in why(call, &text, lang) {
            line(en, zh, said);
        }
        Some(out)
    }

    fn at(&self) -> Option<String> {
        let arrived = self
            .record
            .as_ref()
            .and_then(|record| record["arrived"].as_i64());
        let written = self.exchange.as_ref().and_then(|line| {
            // The line was written when the call ended.
            let took_ms = line["took_us"].as_i64().unwrap_or(0) / 1000;
            Some(line["at"].as_i64()? - took_ms)
        });
        arrived.or(written).map(|ms| local_time(UnixMs(ms)))
    }

    fn came(&self, call: &Value, text: &dyn Fn(&str) -> Option<String>, lang: Lang) -> String {
        let route = text("road").unwrap_or_default();
        let host = text("host").map(|host| match lang {
            Lang::En => format!(" to {host}"),
            Lang::Zh => format!("，主机 {host}"),
        });
        let agent = text("user_agent").map(|agent| format!("{agent}, "));
        format!(
            "{}{route}{}, HTTP/{}",
            agent.unwrap_or_default(),
            host.unwrap_or_default(),
            call["http"].as_str().unwrap_or("?")
        )
    }
}

fn answer(call: &Value, text: &dyn Fn(&str) -> Option<String>, lang: Lang) -> String {
    let Some(status) = call["status"].as_u64() else {
        return match call["state"].as_str() {
            Some("arrived" | "committed") => lang.pick("none yet", "尚未应答"),
            _ => lang.pick(
                "none: the client left, or a fault cut it",
                "没有：客户端已离开，或被故障切断",
            ),
        }
        .to_owned();
    };
    let mut said = status.to_string();
    match call["errcode"].as_i64() {
        Some(errcode) if errcode != 0 => {
            let errmsg = errcode::info(errcode).map_or("", |info| info.errmsg);
            let _ = write!(said, ", errcode {errcode} {errmsg}");
        }
        _ => {
            if let Some(key) = call["key_no"].as_u64() {
                let _ = write!(said, ", k{key}");
            }
        }
    }
    if let Some(rid) = text("rid") {
        let _ = write!(said, ", rid {rid}");
    }
    said
}

fn beside_words(line: &Value, lang: Lang) -> String {
    let text = |name: &str| foreign_line(line[name].as_str().unwrap_or_default()).into_owned();
    if line["what"] == "gate" {
        let (label, act, point) = (text("label"), text("act"), text("point"));
        return match lang {
            Lang::En => format!("gate {label} {act} it at {point}"),
            Lang::Zh => format!("闸门 {label} 在 {point} 处 {act}"),
        };
    }
    let (label, effect, when) = (text("label"), text("effect"), text("when"));
    match lang {
        Lang::En => format!("fault {label} struck it: {effect}, {when}"),
        Lang::Zh => format!("故障 {label} 命中：{effect}，{when}"),
    }
}

/// A call without a reason: it was not refused, or a fault refused it.
fn without_reason(
    call: &Value,
    text: &dyn Fn(&str) -> Option<String>,
    lang: Lang,
) -> Option<String> {
    if let Some(fault) = text("fault") {
        return Some(match lang {
            Lang::En => format!("somebody scheduled it: the fault {fault} decided this answer"),
            Lang::Zh => format!("这是安排好的：由故障 {fault} 决定了应答"),
        });
    }
    let errcode = call["errcode"].as_i64().filter(|errcode| *errcode != 0);
    match errcode {
        Some(errcode) => errcode::info(errcode).map(|info| info.when.to_owned()),
        None if call["status"].as_u64() == Some(200) => {
            Some(lang.pick("it was not refused", "没有被拒绝").to_owned())
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<Value> {
        let why = r#"{"is":"code_spent","user":"alice","at":1700000000000,"by":3}"#;
        [
            r#"{"no":1,"at":1,"what":"world","event":{"seq":1}}"#.to_owned(),
            r#"{"no":2,"at":2,"what":"gate","call":4,"gate":1,"label":"g","point":"arrived","act":"held"}"#.to_owned(),
            format!(r#"{{"no":3,"at":5000,"what":"exchange","call":4,"method":"GET","path":"/sns/jscode2session","endpoint":"jscode2session","road":"connect","host":"api.weixin.qq.com","http":"1.1","user_agent":"axios/1.7","appid":"wx1","user":"alice","code":"…1abc","state":"answered","status":200,"errcode":40163,"why":{why},"rid":"6a1b2c3d-0f1e2d3c-12345678","bytes_written":1,"took_us":2000}}"#),
        ]
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
    }

    #[test]
    fn calls_have_two_names() {
        assert_eq!(Name::read("17"), Some(Name::Number(17)));
        assert_eq!(Name::read("#17"), Some(Name::Number(17)));
        let rid = "6a1b2c3d-0f1e2d3c-12345678";
        assert_eq!(
            Name::read(&format!("rid: {rid}")),
            Some(Name::Rid(rid.to_owned()))
        );
        for other in ["CL-1", "KEY-04", "late-reply-overwrites", "", "#", "é-é-é"] {
            assert_eq!(Name::read(other), None, "{other}");
        }
    }

    #[test]
    fn a_refused_call_is_told_with_its_reason_in_both_languages() {
        for name in [
            Name::Number(4),
            Name::Rid("6a1b2c3d-0f1e2d3c-12345678".to_owned()),
        ] {
            let story = of_lines(&lines(), &name);
            let at = local_time(UnixMs(1_700_000_000_000));
            let english = story.tell(Lang::En).expect("a story");
            for said in [
                "#4  GET /sns/jscode2session\n",
                "from     axios/1.7, connect to api.weixin.qq.com, HTTP/1.1\n",
                "about    alice, wx1, …1abc\n",
                "answer   200, errcode 40163 code been used, rid 6a1b2c3d-0f1e2d3c-12345678\n",
                "beside   gate g held it at arrived\n",
                &format!("why      the code of alice was exchanged before at {at} by call #3\n"),
                "to do    a code works once",
            ] {
                assert!(english.contains(said), "{said} in {english}");
            }
            let chinese = story.tell(Lang::Zh).expect("a story");
            for said in [
                format!("原因     alice 的 code 之前已被换取（{at}），由调用 #3 换取\n"),
                "处理     code 只能用一次".to_owned(),
            ] {
                assert!(chinese.contains(&said), "{said} in {chinese}");
            }
        }
        assert!(
            of_lines(&lines(), &Name::Number(5))
                .tell(Lang::En)
                .is_none()
        );
    }
}
