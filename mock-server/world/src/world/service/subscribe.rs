//! `POST /cgi-bin/message/subscribe/send`: a message to a person who allowed it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{World, Wx};
use crate::{
    Command, UnixMs, UserId, WxError,
    errcode::{INVALID_OPENID, INVALID_TEMPLATE, USER_REFUSES, argument_invalid},
    values,
};

/// The request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribeSend {
    /// `access_token`.
    pub access_token: Option<String>,
    /// `touser`, an openid.
    pub touser: Option<String>,
    /// `template_id`.
    pub template_id: Option<String>,
    /// `data`: each keyword with its `value`, in order; `None` where the value is no text and no number.
    pub data: Option<Vec<(String, Option<String>)>>,
    /// `miniprogram_state`: developer, trial or formal (the default).
    pub miniprogram_state: Option<String>,
}

/// The reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeReply {
    /// The person; not on the wire.
    pub user: UserId,
    /// `msgid`: odd and above 2^53, so that a reader who takes it for a double gets another number.
    pub msgid: u64,
}

impl World {
    /// Sends a message.
    ///
    /// 40003 for an openid of nobody here, 40037 for a template_id that is not 43 characters of `[A-Za-z0-9_-]` (which templates
    /// an app has added is its own affair, so any such id is one of them), 47003 for data that breaks the published rules of its
    /// keywords, 43101 for a person who refuses messages. The order is inferred.
    pub fn subscribe_send(&mut self, now: UnixMs, q: &SubscribeSend) -> Wx<SubscribeReply> {
        self.record(now, || Command::SubscribeSend(q.clone()));
        self.with_token(now, "subscribe/send", &q.access_token, |turn| {
            let no = turn.with_openid(q.touser.as_ref()).ok_or(INVALID_OPENID)?;
            if !q.template_id.as_deref().is_some_and(is_template) {
                return Err(INVALID_TEMPLATE);
            }
            let state = q.miniprogram_state.as_deref().unwrap_or("formal");
            if !matches!(state, "developer" | "trial" | "formal") {
                return Err(argument_invalid("miniprogram_state"));
            }
            check_data(q.data.as_deref())?;
            if turn.user(no).switches().refuses_messages {
                return Err(USER_REFUSES);
            }
            turn.app.n_messages += 1;
            Ok(SubscribeReply {
                user: turn.user(no).name.clone(),
                msgid: values::msgid(turn.seed, &turn.app.id, turn.app.n_messages),
            })
        })
    }
}

fn is_template(id: &str) -> bool {
    id.len() == 43
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// 47003 names the first keyword that is wrong, as captured: `data.date4.value invalid`.
fn check_data(data: Option<&[(String, Option<String>)]>) -> Result<(), WxError> {
    let data = data.ok_or_else(|| argument_invalid("data"))?;
    for (keyword, value) in data {
        if !value.as_deref().is_some_and(|value| fits(keyword, value)) {
            let place: Cow<'_, str> = format!("data.{keyword}.value").into();
            return Err(argument_invalid(&place));
        }
    }
    Ok(())
}

/// The rule of a keyword, by the letters its name begins with. Source: official page on subscribe messages, table of parameters.
fn fits(keyword: &str, value: &str) -> bool {
    let length = value.chars().count();
    let kind = keyword.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_number = |text: &str| {
        let digits = text.replacen('.', "", 1);
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let longest = match kind {
        "thing" | "name" => 20,
        "number" | "letter" | "character_string" => 32,
        "symbol" | "phrase" => 5,
        "phone_number" => 17,
        "car_number" => 8,
        _ => usize::MAX,
    };
    (1..=longest).contains(&length)
        && match kind {
            "number" => is_number(value.trim_start_matches('-')),
            "letter" => value.chars().all(char::is_alphabetic),
            "character_string" => value.chars().all(|c| c.is_ascii_graphic() || c == ' '),
            "phrase" => value.chars().all(is_han),
            "date" | "time" => value.bytes().filter(u8::is_ascii_digit).count() >= 3,
            _ => true,
        }
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_have_the_published_rules() {
        for (keyword, value, expected) in [
            ("thing1", "早上好", true),
            ("thing1", "", false),
            ("thing12", &"字".repeat(21), false),
            ("date4", "2019年10月1日 15:01", true),
            ("date4", "tomorrow", false),
            ("time5", "15:01", true),
            ("number2", "12.5", true),
            ("number2", "12元", false),
            ("phrase3", "已发货", true),
            ("phrase3", "sent", false),
            ("phrase3", "已经发货啦了", false),
            ("character_string6", "A-1 b", true),
            ("character_string6", "订单", false),
            ("amount7", "￥10.5元", true),
            ("letter8", "abc", true),
            ("letter8", "a1", false),
            ("unheard_of9", "anything", true),
        ] {
            assert_eq!(fits(keyword, value), expected, "{keyword} {value}");
        }
    }
}
