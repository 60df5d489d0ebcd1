//! What the world does: clocks and keys, faults of WeChat's, access_tokens, shapes of answers.

use std::time::Duration;

use super::cursor::Cursor;
use super::setting::choose;
use super::vocabulary::{EFFECTS, duration};
use crate::error::Mistake;
use wxmock_model::program::names;
use wxmock_model::program::{
    FaultEffect, FaultWhen, FieldOrder, KeyText, ShapeChange, TokenChange, Verb,
};

impl Cursor<'_> {
    pub(super) fn world_verb(&mut self, verb: &str) -> Result<Verb, Mistake> {
        Ok(match verb {
            "advance" => {
                let word = self.take("a duration", "advance 10m")?;
                let by = duration(&word.text).ok_or_else(|| {
                    let message = format!("`{}` is no duration", word.text);
                    Mistake::new(word.span, message, "a number from 1 and ms, s, m, h or d")
                        .help("for example: advance 301s")
                })?;
                Verb::Advance { by }
            }
            "strangers" => {
                let word = self.take("a number", "strangers 30")?;
                let count = word.text.parse().ok().filter(|count| *count > 0);
                Verb::Strangers {
                    count: count.ok_or_else(|| {
                        let message = format!("`{}` is no number of people", word.text);
                        Mistake::new(word.span, message, "a whole number from 1 to 255")
                            .help("for example: strangers 30")
                    })?,
                }
            }
            "expire-key" => Verb::ExpireKey {
                user: self.user("expire-key A")?,
            },
            "reset-key" => Verb::ResetKey {
                user: self.user("reset-key A")?,
            },
            "rotate-key" => Verb::RotateKey {
                user: self.user("rotate-key A")?,
            },
            "recover" => Verb::Recover {
                user: self.user("recover A")?,
            },
            "probe" => Verb::Probe {
                user: self.user("probe A")?,
            },
            "fault" => self.fault()?,
            "hold" => {
                const EXAMPLE: &str = "hold h1 getuserphonenumber of A";
                let label = self.name("a name for the hold", EXAMPLE)?;
                let endpoint = self.endpoint(EXAMPLE)?;
                self.choice("`of`", &[("of", ())], EXAMPLE)?;
                let user = self.user(EXAMPLE)?;
                Verb::Hold {
                    label,
                    endpoint,
                    user,
                }
            }
            "release" => Verb::Release {
                label: self.name("a hold", "release h1")?,
            },
            "lift" => Verb::Lift {
                label: self.name("a fault", "lift busy")?,
            },
            "token" => Verb::AccessToken {
                change: self.token_change()?,
            },
            "shape" => {
                let user = self.user("shape A errcode_zero")?;
                Verb::Shape {
                    user,
                    change: self.shape()?,
                }
            }
            _ => Verb::WaitIdle,
        })
    }

    /// One of WeChat's endpoints.
    fn endpoint(&mut self, example: &str) -> Result<String, Mistake> {
        let endpoints: Vec<(&str, &str)> =
            names::ENDPOINTS.iter().map(|&name| (name, name)).collect();
        let endpoint = self.choice("endpoint", &endpoints, example)?;
        Ok(endpoint.to_owned())
    }

    fn fault(&mut self) -> Result<Verb, Mistake> {
        const EXAMPLE: &str = "fault f1 jscode2session of A: errcode=40029";
        let label = self.name("a name for the fault", EXAMPLE)?;
        let endpoint = self.endpoint(EXAMPLE)?;
        self.choice("`of`", &[("of", ())], EXAMPLE)?;
        let word = self.take("a user and a colon", EXAMPLE)?;
        let Some(user) = word.text.strip_suffix(':') else {
            let message = "a colon parts whom the fault hits from what it does";
            return Err(Mistake::new(word.span, message, "write a `:` after this")
                .help(format!("for example: {EXAMPLE}")));
        };
        let user = self.push_name(
            user,
            self.next - 1,
            word.span.start..word.span.end.saturating_sub(1),
            "a user",
        )?;
        let (mut effect, mut body, mut when, mut times) =
            (None, None, FaultWhen::default(), Some(1));
        let end = self.end();
        for option in self.options()? {
            match option.key.as_str() {
                "when" => {
                    when = option.choose(&[
                        ("before", FaultWhen::BeforeCommit),
                        ("after", FaultWhen::AfterCommit),
                    ])?
                }
                "times" if option.value.as_deref() == Some("all") => times = None,
                "times" => times = Some(option.number(1, 1_000, "a count, or `all`")?),
                "body" => body = Some(option.text(r#"a text, such as body="<html>""#)?.to_owned()),
                _ => {
                    let read = option.effect()?;
                    if effect.replace(read).is_some() {
                        let message = "a fault does one thing";
                        return Err(Mistake::new(option.span, message, "the second effect"));
                    }
                }
            }
        }
        let effect = match (effect, body) {
            (Some(FaultEffect::Status { status, .. }), Some(body)) => {
                FaultEffect::Status { status, body }
            }
            (Some(effect), None) => effect,
            (None, Some(body)) => FaultEffect::Body(body),
            (Some(_), Some(_)) => {
                return Err(Mistake::new(
                    end,
                    "a body goes alone or with `status`",
                    "this fault does something else too",
                ));
            }
            (None, None) => {
                let help = format!("accepted: {}", EFFECTS.join(", "));
                return Err(Mistake::new(
                    end,
                    "the fault does nothing",
                    "say what happens after this",
                )
                .help(help));
            }
        };
        Ok(Verb::Fault {
            label,
            endpoint,
            user,
            effect,
            when,
            times,
        })
    }

    fn token_change(&mut self) -> Result<TokenChange, Mistake> {
        const EXAMPLE: &str = "token killed";
        let word = self.take("what happens to the access_tokens", EXAMPLE)?;
        let Some((name, value)) = word.text.split_once('=') else {
            return choose(&word.text, word.span.clone(), "change", TOKEN_CHANGES);
        };
        let span = word.span.clone();
        let time = match (name, value) {
            ("overlap", "none") => Some(Duration::ZERO),
            ("overlap" | "life", text) => duration(text),
            _ => {
                let words = TOKEN_CHANGES.iter().map(|(word, _)| *word);
                let accepted = words.chain(["overlap=none", "life=60s"]);
                return Err(Mistake::unknown(span, "change", &word.text, accepted));
            }
        };
        let time = time.ok_or_else(|| {
            let message = format!("`{value}` is no duration");
            Mistake::new(span, message, "a number from 1 and ms, s, m, h or d")
                .help("for example: token life=60s; token overlap=none")
        })?;
        Ok(match name {
            "overlap" => TokenChange::Overlap(time),
            _ => TokenChange::Life(time),
        })
    }

    fn shape(&mut self) -> Result<ShapeChange, Mistake> {
        let mut change = ShapeChange::default();
        let end = self.end();
        let options = self.options()?;
        if options.is_empty() {
            return Err(Mistake::new(
                end,
                "the shape changes nothing",
                "say what changes after this",
            )
            .help(format!("accepted: {}", SHAPES.join(", "))));
        }
        for option in options {
            match option.key.as_str() {
                "errcode_zero" => change.errcode_zero = Some(option.flag()?),
                "extra_fields" => change.extra_fields = Some(option.flag()?),
                "no_unionid" => change.no_unionid = Some(option.flag()?),
                "legacy_expires_in" => change.legacy_expires_in = Some(option.flag()?),
                "slash_escape" => change.slash_escape = Some(option.flag()?),
                "field_order" => {
                    let orders = [
                        ("wechat", FieldOrder::Wechat),
                        ("reversed", FieldOrder::Reversed),
                        ("sorted", FieldOrder::Sorted),
                    ];
                    change.field_order = Some(option.choose(&orders)?);
                }
                "content_type" => {
                    change.content_type = Some(option.text("a content type")?.to_owned())
                }
                "key" => {
                    let texts = [
                        ("plus-slash", KeyText::PlusSlash),
                        ("plain", KeyText::Plain),
                    ];
                    change.key = Some(option.choose(&texts)?);
                }
                _ => return Err(option.unknown(SHAPES)),
            }
        }
        Ok(change)
    }
}

const TOKEN_CHANGES: &[(&str, TokenChange)] = &[
    ("killed", TokenChange::Killed),
    ("expired", TokenChange::Expired),
    ("fetched", TokenChange::Fetched),
    ("forced", TokenChange::Forced),
];

const SHAPES: &[&str] = &[
    "errcode_zero",
    "extra_fields",
    "field_order",
    "content_type",
    "no_unionid",
    "legacy_expires_in",
    "slash_escape",
    "key",
];
