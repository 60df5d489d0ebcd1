//! What a scheduled fault does to a reply, read from the scenario step that set it.

use std::sync::LazyLock;

use regex::Regex;

use crate::history::{History, StepKind};

/// The effects of one fault that rules tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FaultFacts {
    /// The reply is cut short, is no JSON, or lacks what every good reply has.
    pub(crate) garbles: bool,
    /// The reply comes late or never.
    pub(crate) silences: bool,
}

impl FaultFacts {
    /// The fault named `label`; no effect is assumed when the history does not say what it did.
    pub(crate) fn of(history: &History, label: &str) -> Self {
        history
            .steps
            .iter()
            .filter(|step| step.kind == StepKind::World)
            .find(|step| {
                let mut words = step.text.split_whitespace();
                words.next() == Some("fault") && words.next() == Some(label)
            })
            .map_or_else(Self::default, |step| Self::parse(&step.text))
    }

    /// Reads `fault f jscode2session of A: truncate=10 times=2`.
    fn parse(text: &str) -> Self {
        let effects = text.split_once(':').map_or("", |(_, effects)| effects);
        let body = BODY
            .captures(effects)
            .and_then(|found| found.get(1))
            .map(|found| found.as_str());
        let plain = BODY.replace_all(effects, "");
        let has = |word: &str| {
            plain
                .split_whitespace()
                .any(|effect| effect == word || effect.starts_with(&format!("{word}=")))
        };
        let unwell = plain
            .split_whitespace()
            .filter_map(|effect| effect.strip_prefix("status="))
            .any(|status| {
                status
                    .parse::<u16>()
                    .is_ok_and(|status| !(200..300).contains(&status))
            });
        Self {
            garbles: has("truncate") || unwell || body.is_some_and(is_garbled),
            silences: has("silent") || has("delay"),
        }
    }
}

static BODY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"body\s*=\s*("(?:[^"\\]|\\.)*"|'[^']*'|\S+)"#).expect("the pattern is constant")
});

/// Whether a scripted body is neither an error of WeChat nor a usable session or phone number.
fn is_garbled(quoted: &str) -> bool {
    let body = match quoted
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
    {
        Some(raw) => raw.to_owned(),
        None => serde_json::from_str::<String>(quoted).unwrap_or_else(|_| quoted.to_owned()),
    };
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(&body) else {
        return true;
    };
    if fields
        .get("errcode")
        .and_then(serde_json::Value::as_i64)
        .is_some_and(|code| code != 0)
    {
        return false;
    }
    let text = |name: &str| {
        fields
            .get(name)
            .and_then(serde_json::Value::as_str)
            .is_some_and(|value| !value.is_empty())
    };
    let phone = fields
        .get("phone_info")
        .is_some_and(serde_json::Value::is_object);
    !(phone || text("openid") && text("session_key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, garbles: bool, silences: bool) {
        assert_eq!(
            FaultFacts::parse(text),
            FaultFacts { garbles, silences },
            "{text}"
        );
    }

    #[test]
    fn effects_are_read_from_the_scenario_text() {
        check("fault f jscode2session of A: truncate=10", true, false);
        check(
            "fault f jscode2session of A: status=502 times=2",
            true,
            false,
        );
        check("fault f jscode2session of A: silent", false, true);
        check("fault f jscode2session of A: delay=30s", false, true);
        check("fault f jscode2session of A: errcode=40029", false, false);
        check(
            "fault f jscode2session of A: reset when=after",
            false,
            false,
        );
    }

    #[test]
    fn a_scripted_body_is_garbled_unless_it_is_an_error_or_a_session() {
        check(r#"fault f jscode2session of A: body="<html>""#, true, false);
        check(
            r#"fault f jscode2session of A: body="{\"errcode\":45011}""#,
            false,
            false,
        );
        check(
            r#"fault f jscode2session of A: body="{\"session_key\":\"x\"}""#,
            true,
            false,
        );
        check(
            r#"fault f jscode2session of A: body='{"openid":"o","session_key":"k"}'"#,
            false,
            false,
        );
        check(
            r#"fault f jscode2session of A: status=200 body="{\"errcode\":-1}""#,
            false,
            false,
        );
        check(
            r#"fault f jscode2session of A: body="silent status=5" "#,
            true,
            false,
        );
    }
}
