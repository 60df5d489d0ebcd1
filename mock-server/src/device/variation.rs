//! The parameters that make a payload other than a phone would: which key and iv, what it says, and what the page made of it.

use wxmock_world::{
    AppId, Capture, Consent, Handover, IvChoice, KeyChoice, KeyNo, KeyView, MadeAt, NamedPerson,
    RawDataEdit, Span, Variation, WatermarkApp, Who, World,
};

use super::api::Asked;
use crate::control::{ApiError, call};

/// Parameters of every payload.
pub(super) const SEAL: &[&str] = &[
    "key",
    "iv",
    "twin",
    "padding",
    "watermark",
    "timestamp",
    "handover",
    "replay",
];
/// Parameters of a payload that a person can refuse.
pub(super) const ANSWER: &[&str] = &["answer"];
/// Parameters of a payload with a profile.
pub(super) const PROFILE: &[&str] = &[
    "nickName",
    "nick",
    "profile",
    "openid",
    "rawData",
    "signedWith",
];

/// What a person says when asked.
pub(super) const ANSWERS: [(&str, Consent); 6] = [
    ("allow", Consent::Allow),
    ("deny", Consent::Deny),
    ("deny_android", Consent::DenyAndroid),
    ("privacy", Consent::Privacy),
    ("no_permission", Consent::NoPermission),
    ("no_quota", Consent::NoQuota),
];

const HANDOVERS: [(&str, Handover); 12] = [
    ("as-made", Handover::AsMade),
    ("absent", Handover::Absent),
    ("empty", Handover::Empty),
    ("undefined", Handover::Undefined),
    ("null", Handover::Null),
    ("object", Handover::Object),
    ("short-iv", Handover::ShortIv),
    ("swapped", Handover::Swapped),
    ("iv-is-key", Handover::IvIsKey),
    ("plus-became-space", Handover::PlusBecameSpace),
    ("escaped", Handover::Escaped),
    ("garbage", Handover::Garbage),
];

const RAW_DATA_EDITS: [(&str, RawDataEdit); 6] = [
    ("as-signed", RawDataEdit::AsSigned),
    ("tampered", RawDataEdit::Tampered),
    ("reserialised", RawDataEdit::Reserialised),
    ("escaped", RawDataEdit::Escaped),
    ("sorted", RawDataEdit::Sorted),
    ("four-byte-lost", RawDataEdit::FourByteLost),
];

/// Names that columns, charsets and escapers get wrong.
const NICKS: [(&str, &str); 4] = [
    // Characters beyond the basic plane and a family joined by zero-width joiners.
    (
        "emoji",
        "\u{1f600}\u{1f680}\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    ),
    ("chinese", "春江花月夜"),
    // Ideographs that take four bytes in UTF-8.
    ("four-byte", "\u{20bb7}\u{29e3d}\u{2000b}"),
    ("quotes", "\"\\/<&>'\u{7}"),
];

/// What becomes of the payload after it was made.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Edits {
    pub(super) handover: Handover,
    pub(super) raw_data: RawDataEdit,
    pub(super) replay: bool,
}

impl Edits {
    pub(super) fn read(asked: &Asked<'_>) -> Result<Self, ApiError> {
        let said = &asked.arguments;
        Ok(Self {
            handover: said.word("handover", &HANDOVERS)?.unwrap_or_default(),
            raw_data: said.word("rawData", &RAW_DATA_EDITS)?.unwrap_or_default(),
            replay: said.flag("replay")?.unwrap_or(false),
        })
    }
}

/// What is asked for, as far as it can be said without the world's lock.
pub(super) struct Wanted {
    capture: Capture,
    key: Key,
    signed_with: Option<Key>,
    twin: Option<Key>,
}

impl Wanted {
    /// Lays the parameters over what a phone does.
    pub(super) fn read(asked: &Asked<'_>, capture: Capture) -> Result<Self, ApiError> {
        let said = &asked.arguments;
        let iv = said.text("iv")?;
        let twin = said.text("twin")?;
        if let (Some(_), Some(_)) = (&iv, &twin) {
            return Err(ApiError::invalid(
                "twin",
                "a twin is made by its iv, so `iv` cannot be given as well",
            ));
        }
        let nick = said.word("nick", &NICKS)?.map(str::to_owned);
        let variation = Variation {
            consent: said.word("answer", &ANSWERS)?,
            anonymous: said.word("profile", &[("anonymous", true), ("real", false)])?,
            nick_name: said.any_text("nickName")?.or(nick),
            person: person(asked)?,
            watermark: watermark(asked)?,
            made_at: made_at(said.text("timestamp")?.as_deref())?,
            padding: said.number("padding", 1..=16)?,
            signing_key: None,
        };
        let iv = iv_choice(iv.as_deref())?;
        Ok(Self {
            capture: Capture {
                iv,
                variation,
                ..capture
            },
            key: key("key", said.text("key")?.as_deref())?,
            signed_with: match said.text("signedWith")? {
                None => None,
                text => Some(key("signedWith", text.as_deref())?),
            },
            twin: match twin {
                None => None,
                text => Some(key("twin", text.as_deref())?),
            },
        })
    }

    /// The request, its keys looked up. Needs the lock under which the payload is sealed, so that "-1" means one before the key
    /// that is current then.
    pub(super) fn resolve(self, world: &World, who: &Who) -> Result<Capture, ApiError> {
        let Self {
            mut capture,
            key,
            signed_with,
            twin,
        } = self;
        capture.key = key.resolve("key", world, who)?;
        capture.variation.signing_key = signed_with
            .map(|key| key.resolve("signedWith", world, who))
            .transpose()?;
        if let Some(twin) = twin {
            let KeyChoice::Number(number) = twin.resolve("twin", world, who)? else {
                return Err(ApiError::invalid(
                    "twin",
                    "the key under which the payload is to unpad must be an older one",
                )
                .hint("previous, k1 (the first), -1 (one before the current)"));
            };
            capture.iv = IvChoice::ValidPaddingUnder(number);
        }
        Ok(capture)
    }
}

/// Which key is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Choice(KeyChoice),
    /// This one, which must have been issued.
    Number(KeyNo),
    /// So many before the current one.
    Back(u32),
}

impl Key {
    fn resolve(
        self,
        parameter: &'static str,
        world: &World,
        who: &Who,
    ) -> Result<KeyChoice, ApiError> {
        match self {
            Self::Choice(choice) => Ok(choice),
            Self::Number(number) => {
                issued(parameter, &world.user(&who.app, &who.user)?.keys, number)
            }
            Self::Back(steps) => {
                let keys = world.user(&who.app, &who.user)?.keys;
                let current = keys.iter().find(|key| key.current).or_else(|| keys.last());
                earlier(parameter, current.map(|key| key.no), steps)
            }
        }
    }
}

fn key(parameter: &'static str, text: Option<&str>) -> Result<Key, ApiError> {
    let number = |text: &str| text.parse::<u32>().ok().filter(|number| *number > 0);
    let key = match text {
        None | Some("current") => Some(Key::Choice(KeyChoice::Current)),
        Some("previous") => Some(Key::Back(1)),
        Some("never-issued") => Some(Key::Choice(KeyChoice::NeverIssued(1))),
        Some(text) => match text.strip_prefix('-') {
            Some(steps) => number(steps).map(Key::Back),
            None => number(text.strip_prefix('k').unwrap_or(text)).map(|no| Key::Number(KeyNo(no))),
        },
    };
    key.ok_or_else(|| {
        ApiError::invalid(
            parameter,
            format!("`{}` names no key", text.unwrap_or_default()),
        )
        .hint("current, previous, 3 or k3 (the third), -1 (one before the current), never-issued")
    })
}

fn issued(parameter: &'static str, keys: &[KeyView], number: KeyNo) -> Result<KeyChoice, ApiError> {
    if keys.iter().any(|key| key.no == number) {
        return Ok(KeyChoice::Number(number));
    }
    let known: Vec<String> = keys.iter().map(|key| key.no.to_string()).collect();
    let has = if known.is_empty() {
        "none yet".to_owned()
    } else {
        known.join(", ")
    };
    Err(
        ApiError::invalid(parameter, format!("this user never had the key {number}"))
            .hint(format!("issued: {has}; or never-issued")),
    )
}

fn earlier(
    parameter: &'static str,
    current: Option<KeyNo>,
    steps: u32,
) -> Result<KeyChoice, ApiError> {
    let wanted = current
        .and_then(|current| current.0.checked_sub(steps))
        .filter(|number| *number > 0);
    wanted
        .map(|number| KeyChoice::Number(KeyNo(number)))
        .ok_or_else(|| {
            let has = current.map_or_else(
                || "has no key yet".to_owned(),
                |current| format!("is at {current}"),
            );
            ApiError::invalid(
                parameter,
                format!("this user {has}, so there is no key {steps} before it"),
            )
            .hint("log in first, and again after the key may rotate; or POST …/keys/rotate")
        })
}

fn iv_choice(text: Option<&str>) -> Result<IvChoice, ApiError> {
    let under = |text: &str| {
        text.strip_prefix("valid-padding-under-k")
            .and_then(|number| number.parse().ok())
    };
    let choice = match text {
        None | Some("next") => Some(IvChoice::Next),
        Some("plus-slash") => Some(IvChoice::PlusSlash),
        Some("plus-slash-equals") => Some(IvChoice::PlusSlashEquals),
        Some(text) => under(text).map(|number| IvChoice::ValidPaddingUnder(KeyNo(number))),
    };
    choice.ok_or_else(|| {
        ApiError::invalid("iv", format!("`{}` names no iv", text.unwrap_or_default()))
            .hint("next, plus-slash or plus-slash-equals (base64 that transports damage), valid-padding-under-k1 (garbage that unpads)")
    })
}

fn watermark(asked: &Asked<'_>) -> Result<WatermarkApp, ApiError> {
    let Some(text) = asked.arguments.text("watermark")? else {
        return Ok(WatermarkApp::Own);
    };
    Ok(match text.as_str() {
        "own" => WatermarkApp::Own,
        "other" => WatermarkApp::Other,
        "shorter" => WatermarkApp::Shorter,
        "longer" => WatermarkApp::Longer,
        name => match AppId::parse(name) {
            Ok(app) => WatermarkApp::Named(app),
            Err(_) => {
                let app = call::app(asked.handle, Some(name)).map_err(|error| {
                    error.at("watermark").hint(
                        "own, other, shorter, longer, an appid, or the name of an app of this mock",
                    )
                })?;
                WatermarkApp::Named(app.appid)
            }
        },
    })
}

fn person(asked: &Asked<'_>) -> Result<NamedPerson, ApiError> {
    Ok(match asked.arguments.text("openid")?.as_deref() {
        None | Some("by-api") => NamedPerson::ByApi,
        Some("none") => NamedPerson::Nobody,
        Some(name) => {
            let app = call::app(asked.handle, Some(asked.who.app.as_str()))?;
            let user = call::user(asked.handle, &app, Some(name))
                .map_err(|error| error.at("openid").hint("by-api, none, or a user's name"))?;
            let view = asked
                .handle
                .with_world(|world, _| world.user(&app.appid, &user))?;
            NamedPerson::Openid(view.openid)
        }
    })
}

fn made_at(text: Option<&str>) -> Result<Option<MadeAt>, ApiError> {
    let day = Span::d(1);
    let wrong = |text: &str| {
        ApiError::invalid("timestamp", format!("`{text}` names no moment"))
            .hint("now, yesterday, tomorrow, -3h (so long ago), 10m (so far ahead)")
    };
    Ok(match text {
        None | Some("now") => None,
        Some("yesterday") => Some(MadeAt::Ago(day)),
        Some("tomorrow") => Some(MadeAt::Ahead(day)),
        Some(text) => {
            let (ago, span) = match text.strip_prefix('-') {
                Some(span) => (true, span),
                // In a query a plus is a blank.
                None => (false, text.trim_start_matches(['+', ' '])),
            };
            let span = span.parse().map_err(|_| wrong(text))?;
            Some(if ago {
                MadeAt::Ago(span)
            } else {
                MadeAt::Ahead(span)
            })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_by_word_number_and_distance() {
        let check = |text: Option<&str>, expected: Option<Key>| {
            assert_eq!(key("key", text).ok(), expected, "{text:?}")
        };
        check(None, Some(Key::Choice(KeyChoice::Current)));
        check(Some("k3"), Some(Key::Number(KeyNo(3))));
        check(Some("3"), Some(Key::Number(KeyNo(3))));
        check(Some("-2"), Some(Key::Back(2)));
        check(Some("previous"), Some(Key::Back(1)));
        check(
            Some("never-issued"),
            Some(Key::Choice(KeyChoice::NeverIssued(1))),
        );
        for wrong in ["0", "k0", "-0", "k", "newest", "-", "--1", "k-1", "+1x"] {
            check(Some(wrong), None);
        }
    }

    #[test]
    fn moments_by_word_and_distance() {
        let check = |text: Option<&str>, expected: Option<MadeAt>| {
            assert_eq!(made_at(text), Ok(expected), "{text:?}")
        };
        check(None, None);
        check(Some("now"), None);
        check(Some("yesterday"), Some(MadeAt::Ago(Span::d(1))));
        check(Some("-3h"), Some(MadeAt::Ago(Span::h(3))));
        check(Some("10m"), Some(MadeAt::Ahead(Span::m(10))));
        check(Some(" 10m"), Some(MadeAt::Ahead(Span::m(10))));
        assert!(made_at(Some("soon")).is_err());
    }
}
