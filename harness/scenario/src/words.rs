//! Reads one step: a few words, the first of which may say who acts. Every mistake is answered at the word itself, with
//! the words that would do.

use std::ops::Range;
use std::time::Duration;

use super::error::Mistake;
use super::located::Located;
use wxmock_model::program::names;
use wxmock_model::program::{
    CaptureApi, Differs, Extra, FieldOrder, Nick, Seal, SealKey, ShapeChange, TokenChange,
    Transport, Using, Verb, Watermark,
};
use wxmock_model::program::{FaultEffect, FaultWhen};

/// A step as written, before phones are counted.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// The word that says who acts, for steps outside the race.
    pub(crate) actor: Option<Word>,
    pub(crate) verb: Verb,
    /// Where each name of [`Verb::names_mut`] is written; `None` for a name nobody gave.
    pub(crate) places: Vec<Option<NamePlace>>,
    /// The words after the actor.
    pub(crate) words: Vec<Word>,
    /// The whole step in the file.
    pub(crate) span: Range<usize>,
}

/// A name within a step.
#[derive(Debug, Clone)]
pub(crate) struct NamePlace {
    /// Index of its word in [`Written::words`].
    pub(crate) word: usize,
    /// In the file.
    pub(crate) span: Range<usize>,
}

/// One word of a step.
#[derive(Debug, Clone)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// In the file.
    pub(crate) span: Range<usize>,
    pub(crate) part: Part,
}

/// What a word belongs to; decides which words make a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Body,
    /// `as t1`
    As,
    /// `using t1`
    Using,
}

/// Who may act where the step stands.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage<'a> {
    /// In a phone's own list: the phone acts.
    Race,
    /// Before or after the race: the first word names one of these phones, or the verb is the world's.
    Around {
        phones: &'a [String],
        /// `recover` and `probe` are allowed.
        after: bool,
    },
}

pub(crate) fn read(text: &Located, stage: Stage<'_>) -> Result<Written, Mistake> {
    let mut cursor = Cursor::new(text);
    let Some(first) = cursor.words.first().cloned() else {
        return Err(
            Mistake::new(text.span().clone(), "an empty step", "write a verb here")
                .help(accepted_verbs(stage)),
        );
    };
    let mut actor = None;
    if let Stage::Around { phones, .. } = stage {
        if PHONE_VERBS.contains(&first.text.as_str()) {
            let message = format!("nobody is said to `{}`", first.text);
            return Err(
                Mistake::new(first.span, message, "begin with the phone that does it").help(
                    format!(
                        "for example: {} {}; phones: {}",
                        example_phone(phones),
                        text.as_str(),
                        phones.join(", ")
                    ),
                ),
            );
        }
        if !is_world_verb(&first.text) {
            if !phones.contains(&first.text) {
                let known = phones
                    .iter()
                    .map(String::as_str)
                    .chain(WORLD_VERBS.iter().copied());
                return Err(Mistake::unknown(
                    first.span,
                    "phone or verb",
                    &first.text,
                    known,
                ));
            }
            actor = Some(first);
            cursor.words.remove(0);
        }
    }
    let verb = cursor.verb(stage, actor.is_some())?;
    cursor.finish()?;
    Ok(Written {
        actor,
        verb,
        places: cursor.places,
        words: cursor.words,
        span: text.span().clone(),
    })
}

/// A duration such as `10m`, `301s`, `250ms`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let number: u64 = digits.parse().ok()?;
    let unit_ms = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number
        .checked_mul(unit_ms)
        .filter(|&ms| ms > 0)
        .map(Duration::from_millis)
}

fn is_world_verb(word: &str) -> bool {
    WORLD_VERBS.contains(&word) || HARNESS_VERBS.contains(&word)
}

fn example_phone(phones: &[String]) -> &str {
    phones.first().map_or("P1", String::as_str)
}

fn accepted_verbs(stage: Stage<'_>) -> String {
    let harness: &[&str] = if matches!(stage, Stage::Around { after: true, .. }) {
        HARNESS_VERBS
    } else {
        &[]
    };
    let verbs: Vec<&str> = [PHONE_VERBS, WORLD_VERBS, harness].concat();
    format!("accepted: {}", verbs.join(", "))
}

/// Walks the words of one step.
struct Cursor<'t> {
    source: &'t Located,
    /// The words left after the actor.
    words: Vec<Word>,
    /// Index of the word to read next.
    next: usize,
    places: Vec<Option<NamePlace>>,
}

impl<'t> Cursor<'t> {
    fn new(source: &'t Located) -> Self {
        let words = split(source.as_str())
            .into_iter()
            .map(|range| Word {
                text: source.as_str()[range.clone()].to_owned(),
                span: source.place(&range),
                part: Part::Body,
            })
            .collect();
        Self {
            source,
            words,
            next: 0,
            places: Vec::new(),
        }
    }

    /// The place just after the last word, for something that is missing.
    fn end(&self) -> Range<usize> {
        self.words
            .last()
            .map_or_else(|| self.source.span().clone(), |word| word.span.clone())
    }

    fn peek(&self) -> Option<&str> {
        self.words.get(self.next).map(|word| word.text.as_str())
    }

    fn take(&mut self, wanted: &str, example: &str) -> Result<Word, Mistake> {
        let Some(word) = self.words.get(self.next) else {
            return Err(Mistake::new(
                self.end(),
                format!("the step ends where {wanted} should follow"),
                "after this",
            )
            .help(format!("for example: {example}")));
        };
        self.next += 1;
        Ok(word.clone())
    }

    /// The next word as a name of the scenario's own.
    fn name(&mut self, wanted: &str, example: &str) -> Result<String, Mistake> {
        let word = self.take(wanted, example)?;
        self.push_name(&word.text, self.next - 1, word.span, wanted)
    }

    fn push_name(
        &mut self,
        name: &str,
        word: usize,
        span: Range<usize>,
        wanted: &str,
    ) -> Result<String, Mistake> {
        let mut bytes = name.bytes();
        let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
        if !starts
            || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        {
            let message = format!("`{name}` cannot be {wanted}");
            return Err(Mistake::new(
                span,
                message,
                "a name is a letter, then letters, digits, `-` or `_`",
            ));
        }
        if RESERVED.contains(&name) {
            let message = format!("`{name}` is a word of the language and cannot be {wanted}");
            return Err(Mistake::new(span, message, "choose another name")
                .help(format!("reserved: {}", RESERVED.join(", "))));
        }
        self.places.push(Some(NamePlace { word, span }));
        Ok(name.to_owned())
    }

    /// `as t1`, if it is there.
    fn as_name(&mut self, example: &str) -> Result<String, Mistake> {
        if self.peek() != Some("as") {
            self.places.push(None);
            return Ok(String::new());
        }
        self.next += 1;
        let name = self.name("a name", example)?;
        self.mark(Part::As);
        Ok(name)
    }

    /// `as p`, which must be there.
    fn named(&mut self, verb: &str, example: &str) -> Result<String, Mistake> {
        let word = self.take("`as` and a name", example)?;
        if word.text != "as" {
            let message = format!("`{verb}` must give its result a name");
            return Err(
                Mistake::new(word.span, message, "write `as` and a name here")
                    .help(format!("for example: {example}")),
            );
        }
        let name = self.name("a name", example)?;
        self.mark(Part::As);
        Ok(name)
    }

    /// `using t1`, if it is there.
    fn using(&mut self) -> Result<Using, Mistake> {
        if self.peek() != Some("using") {
            return Ok(Using::Last);
        }
        self.next += 1;
        let word = self.take("a token", "send p using newest")?;
        let using = match word.text.as_str() {
            "last" => Using::Last,
            "newest" => Using::Newest,
            "none" => Using::Nothing,
            name => {
                Using::Named(self.push_name(name, self.next - 1, word.span, "a token's name")?)
            }
        };
        self.mark(Part::Using);
        Ok(using)
    }

    /// The last two words belong together.
    fn mark(&mut self, part: Part) {
        for word in &mut self.words[self.next - 2..self.next] {
            word.part = part;
        }
    }

    fn user(&mut self, example: &str) -> Result<String, Mistake> {
        self.name("a user", example)
    }

    /// A word out of a closed set.
    fn choice<T: Copy>(
        &mut self,
        what: &str,
        accepted: &[(&str, T)],
        example: &str,
    ) -> Result<T, Mistake> {
        let word = self.take(&format!("{} {what}", super::error::article(what)), example)?;
        choose(&word.text, word.span, what, accepted)
    }

    /// The options left: `key=value`, `key="some text"` or `key`.
    fn options(&mut self) -> Result<Vec<Setting>, Mistake> {
        let mut settings = Vec::new();
        while let Some(word) = self.words.get(self.next).cloned() {
            let (key, value) = match word.text.split_once('=') {
                Some((key, value)) => (key.to_owned(), Some(unquote(value))),
                None => (word.text.clone(), None),
            };
            if settings.iter().any(|known: &Setting| known.key == key) {
                return Err(Mistake::new(
                    word.span,
                    format!("`{key}` is said twice"),
                    "the second time",
                ));
            }
            settings.push(Setting {
                key,
                value,
                word: self.next,
                span: word.span,
            });
            self.next += 1;
        }
        Ok(settings)
    }

    fn finish(&self) -> Result<(), Mistake> {
        let Some(word) = self.words.get(self.next) else {
            return Ok(());
        };
        let message = format!("the step is complete before `{}`", word.text);
        Err(Mistake::new(
            word.span.clone(),
            message,
            "nothing may follow here",
        ))
    }

    fn verb(&mut self, stage: Stage<'_>, has_actor: bool) -> Result<Verb, Mistake> {
        let word = self.take("a verb", "P1 mint as c1")?;
        let world_allowed = !has_actor;
        let after = matches!(stage, Stage::Around { after: true, .. });
        match word.text.as_str() {
            verb if WORLD_VERBS.contains(&verb) && !world_allowed => Err(Mistake::new(
                word.span,
                format!("no phone can `{verb}`; the world does"),
                "leave the phone's name out",
            )),
            verb if HARNESS_VERBS.contains(&verb) && (!world_allowed || !after) => {
                Err(Mistake::new(
                    word.span,
                    format!("`{verb}` looks at the backend from outside, when all is at rest"),
                    "only in `after`, and without a phone",
                ))
            }
            verb if PHONE_VERBS.contains(&verb) => self.phone_verb(verb),
            verb if is_world_verb(verb) => self.world_verb(verb),
            other => {
                let harness: &[&str] = if after { HARNESS_VERBS } else { &[] };
                let accepted = match (has_actor, stage) {
                    (true, _) => PHONE_VERBS.to_vec(),
                    (false, Stage::Race) => [PHONE_VERBS, WORLD_VERBS].concat(),
                    (false, Stage::Around { .. }) => [WORLD_VERBS, harness].concat(),
                };
                Err(Mistake::unknown(word.span, "verb", other, accepted))
            }
        }
    }

    fn phone_verb(&mut self, verb: &str) -> Result<Verb, Mistake> {
        Ok(match verb {
            "mint" => Verb::Mint {
                code: self.named(verb, "mint as c1")?,
            },
            "alter" => {
                let code = self.name("a code", EXAMPLE_ALTER)?;
                Verb::Alter {
                    code,
                    suffix: self.suffix()?,
                }
            }
            "claim" => Verb::Claim {
                user: self.user("claim B")?,
            },
            "resemble" => {
                const EXAMPLE: &str = "resemble A differs=case";
                let user = self.user(EXAMPLE)?;
                let ways = [("case", Differs::Case), ("end", Differs::End)];
                let mut differs = None;
                for option in self.options()? {
                    match option.key.as_str() {
                        "differs" => differs = Some(option.choose(&ways)?),
                        _ => return Err(option.unknown(&["differs"])),
                    }
                }
                let differs = match differs {
                    Some(differs) => differs,
                    None => self.choice("`differs=case` or `differs=end`", &ways, EXAMPLE)?,
                };
                Verb::Resemble { user, differs }
            }
            "submit" => {
                let code = self.name("a code", "submit c1")?;
                Verb::Submit {
                    code,
                    token: self.as_name("submit c1 as t1")?,
                }
            }
            "login" => {
                self.places.push(None);
                Verb::Login {
                    code: String::new(),
                    token: self.as_name("login as t1")?,
                }
            }
            "submit-profile" => {
                const EXAMPLE: &str = "submit-profile c1 with p1";
                let code = self.name("a code", EXAMPLE)?;
                self.choice("`with`", &[("with", ())], EXAMPLE)?;
                let payload = self.name("a payload", EXAMPLE)?;
                Verb::SubmitProfile {
                    code,
                    payload,
                    token: self.as_name("submit-profile c1 with p1 as t1")?,
                }
            }
            "store" => Verb::Store {
                token: self.name("a token", "store t1")?,
            },
            "check" => Verb::Check,
            "capture" => {
                let api = self.choice("payload kind", CAPTURES, "capture userinfo as p1")?;
                let payload = self.named(verb, "capture userinfo as p1")?;
                Verb::Capture {
                    api,
                    payload,
                    seal: self.seal()?,
                }
            }
            "send" => {
                let payload = self.name("a payload", "send p1")?;
                let using = self.using()?;
                let (extra, transport) = self.send_options()?;
                Verb::Send {
                    payload,
                    using,
                    extra,
                    transport,
                }
            }
            "phonecode" => Verb::PhoneCode {
                phone_code: self.named(verb, "phonecode as f1")?,
            },
            "sendcode" => {
                let phone_code = self.name("a phone code", "sendcode f1")?;
                Verb::SendCode {
                    phone_code,
                    using: self.using()?,
                }
            }
            "swap" => Verb::Swap {
                code: self.name("a code", "swap c1 f1")?,
                phone_code: self.name("a phone code", "swap c1 f1")?,
            },
            "whoami" => Verb::Whoami {
                using: self.using()?,
            },
            _ => Verb::Logout {
                using: self.using()?,
            },
        })
    }

    fn world_verb(&mut self, verb: &str) -> Result<Verb, Mistake> {
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

    fn seal(&mut self) -> Result<Seal, Mistake> {
        let mut seal = Seal::default();
        for option in self.options()? {
            match option.key.as_str() {
                "key" => seal.key = seal_key(&option)?,
                "watermark" => {
                    seal.watermark = option.choose(&[
                        ("other-app", Watermark::OtherApp),
                        ("shorter", Watermark::Shorter),
                        ("longer", Watermark::Longer),
                    ])?;
                }
                "iv" => {
                    let text = option.text("bent or of:B")?;
                    match text.split_once(':') {
                        Some(("of", user)) => {
                            let span = option.span.clone();
                            let user = self.push_name(user, option.word, span, "a user")?;
                            seal.iv_of = Some(user);
                        }
                        None if text == "bent" => seal.bent_iv = true,
                        _ => {
                            let span = option.span.clone();
                            return Err(Mistake::unknown(span, "iv", text, ["bent", "of:B"]));
                        }
                    }
                }
                "nick" => {
                    seal.nick = option.choose(&[
                        ("emoji", Nick::Emoji),
                        ("chinese", Nick::Chinese),
                        ("twelve", Nick::Twelve),
                    ])?;
                }
                "openid" => {
                    let user = option.text("a user, such as openid=B")?;
                    seal.openid_of =
                        Some(self.push_name(user, option.word, option.span.clone(), "a user")?);
                }
                "alphabet" => {
                    option.choose(&[("plus-slash", ())])?;
                    seal.plus_slash = true;
                }
                "twin" => {
                    option.choose(&[("previous", ())])?;
                    seal.padding_twin = true;
                }
                _ => {
                    return Err(option.unknown(&[
                        "key",
                        "watermark",
                        "iv",
                        "openid",
                        "alphabet",
                        "twin",
                        "nick",
                    ]));
                }
            }
        }
        Ok(seal)
    }

    /// The `suffix=…` of `alter`.
    fn suffix(&mut self) -> Result<String, Mistake> {
        let mut suffix = None;
        for option in self.options()? {
            match option.key.as_str() {
                "suffix" => suffix = Some(option.text("what stands behind the code")?.to_owned()),
                _ => return Err(option.unknown(&["suffix"])),
            }
        }
        match suffix {
            Some(suffix) => Ok(suffix),
            None => self
                .take("`suffix=` and a text", EXAMPLE_ALTER)
                .map(|word| word.text),
        }
    }

    fn send_options(&mut self) -> Result<(Option<Extra>, Transport), Mistake> {
        let (mut extra, mut transport) = (None, Transport::Adapter);
        for option in self.options()? {
            match option.key.as_str() {
                "extra" => {
                    let text = option.text("attacker-key or identity-of:B")?;
                    extra = Some(match text.split_once(':') {
                        Some(("identity-of", user)) => Extra::IdentityOf(self.push_name(
                            user,
                            option.word,
                            option.span.clone(),
                            "a user",
                        )?),
                        None if text == "attacker-key" => Extra::AttackerKey,
                        _ => {
                            return Err(Mistake::unknown(
                                option.span.clone(),
                                "extra",
                                text,
                                ["attacker-key", "identity-of:B"],
                            ));
                        }
                    });
                }
                "transport" => {
                    transport = option.choose(&[
                        ("raw-plus", Transport::RawPlus),
                        ("absent", Transport::Absent),
                        ("empty", Transport::Empty),
                        ("undefined", Transport::Undefined),
                        ("short-iv", Transport::ShortIv),
                        ("swapped", Transport::Swapped),
                        ("garbage", Transport::Garbage),
                    ])?;
                }
                _ => return Err(option.unknown(&["extra", "transport", "using"])),
            }
        }
        Ok((extra, transport))
    }

    fn fault(&mut self) -> Result<Verb, Mistake> {
        const EXAMPLE: &str = "fault f1 jscode2session of A: errcode=40029";
        let label = self.name("a name for the fault", EXAMPLE)?;
        let endpoints: Vec<(&str, &str)> =
            names::ENDPOINTS.iter().map(|&name| (name, name)).collect();
        let endpoint = self.choice("endpoint", &endpoints, EXAMPLE)?.to_owned();
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
                _ => return Err(option.unknown(SHAPES)),
            }
        }
        Ok(change)
    }
}

/// `key=value` or `key`.
struct Setting {
    key: String,
    value: Option<String>,
    word: usize,
    span: Range<usize>,
}

impl Setting {
    fn unknown(&self, accepted: &[&str]) -> Mistake {
        Mistake::unknown(
            self.span.clone(),
            "option",
            &self.key,
            accepted.iter().copied(),
        )
    }

    fn text(&self, wanted: &str) -> Result<&str, Mistake> {
        self.value.as_deref().ok_or_else(|| {
            Mistake::new(
                self.span.clone(),
                format!("`{}` needs a value", self.key),
                format!("write {wanted}"),
            )
        })
    }

    fn choose<T: Copy>(&self, accepted: &[(&str, T)]) -> Result<T, Mistake> {
        let words: Vec<&str> = accepted.iter().map(|&(word, _)| word).collect();
        let text = self.text(&words.join(" or "))?;
        choose(
            text,
            self.span.clone(),
            &format!("value of `{}`", self.key),
            accepted,
        )
    }

    fn flag(&self) -> Result<bool, Mistake> {
        if self.value.is_none() {
            Ok(true)
        } else {
            self.choose(&[("true", true), ("false", false)])
        }
    }

    fn number<T: std::str::FromStr + PartialOrd + std::fmt::Display>(
        &self,
        from: T,
        to: T,
        what: &str,
    ) -> Result<T, Mistake> {
        let text = self.text(what)?;
        text.parse()
            .ok()
            .filter(|number| *number >= from && *number <= to)
            .ok_or_else(|| {
                let message = format!(
                    "`{}` must be {what} from {from} to {to}, not `{text}`",
                    self.key
                );
                Mistake::new(self.span.clone(), message, "here")
            })
    }

    fn effect(&self) -> Result<FaultEffect, Mistake> {
        Ok(match self.key.as_str() {
            "errcode" => FaultEffect::Errcode(self.number(-1_000_000, 100_000_000, "a number")?),
            "status" => FaultEffect::Status {
                status: self.number(200, 599, "an HTTP status")?,
                body: String::new(),
            },
            "delay" => {
                let text = self.text("a duration, such as delay=30s")?;
                FaultEffect::Delay(duration(text).ok_or_else(|| {
                    let message = format!("`{text}` is no duration");
                    Mistake::new(
                        self.span.clone(),
                        message,
                        "a number from 1 and ms, s, m, h or d",
                    )
                })?)
            }
            "truncate" => FaultEffect::Truncate(self.number(0, 1_000_000, "a number of bytes")?),
            "content_type" => {
                FaultEffect::ContentType(match self.text("a content type, or none")? {
                    "none" => None,
                    other => Some(other.to_owned()),
                })
            }
            "silent" | "reset" if self.value.is_some() => {
                return Err(Mistake::new(
                    self.span.clone(),
                    format!("`{}` takes no value", self.key),
                    "only the word",
                ));
            }
            "silent" => FaultEffect::Silent,
            "reset" => FaultEffect::Reset,
            _ => return Err(self.unknown(EFFECTS)),
        })
    }
}

fn seal_key(option: &Setting) -> Result<SealKey, Mistake> {
    let text = option.text("previous, never-issued or a number such as k1")?;
    let number = text
        .strip_prefix('k')
        .and_then(|digits| digits.parse().ok())
        .filter(|&number| number > 0);
    match (text, number) {
        ("previous", _) => Ok(SealKey::Previous),
        ("never-issued", _) => Ok(SealKey::NeverIssued),
        (_, Some(number)) => Ok(SealKey::Number(number)),
        _ => Err(Mistake::unknown(
            option.span.clone(),
            "key",
            text,
            ["previous", "never-issued", "k1", "k2"],
        )),
    }
}

fn choose<T: Copy>(
    text: &str,
    span: Range<usize>,
    what: &str,
    accepted: &[(&str, T)],
) -> Result<T, Mistake> {
    let found = accepted.iter().find(|&&(word, _)| word == text);
    found
        .map(|&(_, value)| value)
        .ok_or_else(|| Mistake::unknown(span, what, text, accepted.iter().map(|&(word, _)| word)))
}

/// Words, parted by spaces except within double quotes.
fn split(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let (mut start, mut quoted, mut escaped) = (None, false, false);
    for (place, character) in text.char_indices() {
        if character.is_whitespace() && !quoted {
            words.extend(start.take().map(|start| start..place));
            continue;
        }
        start.get_or_insert(place);
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
    }
    words.extend(start.map(|start| start..text.len()));
    words
}

/// The text within quotes: `\"`, `\\` and `\n` are understood. Without quotes, the text as it is.
fn unquote(text: &str) -> String {
    let Some(inner) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    else {
        return text.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => plain.push('\\'),
            },
            other => plain.push(other),
        }
    }
    plain
}

const EXAMPLE_ALTER: &str = r#"alter c1 suffix="&x=1""#;

pub(crate) const PHONE_VERBS: &[&str] = &[
    "mint",
    "alter",
    "claim",
    "resemble",
    "submit",
    "login",
    "submit-profile",
    "store",
    "check",
    "capture",
    "send",
    "phonecode",
    "sendcode",
    "swap",
    "whoami",
    "logout",
];

pub(crate) const WORLD_VERBS: &[&str] = &[
    "advance",
    "expire-key",
    "reset-key",
    "rotate-key",
    "fault",
    "lift",
    "token",
    "shape",
    "wait-idle",
];

pub(crate) const HARNESS_VERBS: &[&str] = &["recover", "probe"];

const RESERVED: &[&str] = &["as", "using", "with", "of", "last", "newest", "none"];

const CAPTURES: &[(&str, CaptureApi)] = &[
    ("userinfo", CaptureApi::UserInfo),
    ("profile", CaptureApi::Profile),
    ("phone", CaptureApi::Phone),
    ("werun", CaptureApi::WeRun),
];

const TOKEN_CHANGES: &[(&str, TokenChange)] = &[
    ("killed", TokenChange::Killed),
    ("expired", TokenChange::Expired),
    ("fetched", TokenChange::Fetched),
    ("forced", TokenChange::Forced),
];

const EFFECTS: &[&str] = &[
    "errcode",
    "status",
    "delay",
    "silent",
    "reset",
    "truncate",
    "body",
    "content_type",
    "when",
    "times",
];

const SHAPES: &[&str] = &[
    "errcode_zero",
    "extra_fields",
    "field_order",
    "content_type",
    "no_unionid",
    "legacy_expires_in",
    "slash_escape",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in_race(text: &str) -> Result<Written, Mistake> {
        // As if the text were the whole file, between quotes.
        let file = format!("'{text}'");
        read(&Located::new(text, 0..file.len(), &file), Stage::Race)
    }

    fn check(text: &str, expected: Verb) {
        let written =
            read_in_race(text).unwrap_or_else(|mistake| panic!("{text}: {}", mistake.message));
        assert_eq!(written.verb, expected, "{text}");
        let mut verb = written.verb.clone();
        assert_eq!(
            verb.names_mut().len(),
            written.places.len(),
            "{text}: every name has a place"
        );
    }

    /// The message, and the words it points at.
    fn check_mistake(text: &str, message: &str, at: &str) {
        let mistake = read_in_race(text).expect_err(text);
        let file = format!("'{text}'");
        assert_eq!(
            (mistake.message.as_str(), &file[mistake.span]),
            (message, at),
            "{text}"
        );
    }

    fn named(name: &str) -> String {
        name.to_owned()
    }

    #[test]
    fn what_attackers_do() {
        check(
            r#"alter c1 suffix="&x=1""#,
            Verb::Alter {
                code: named("c1"),
                suffix: "&x=1".into(),
            },
        );
        check_mistake(
            "alter c1",
            "the step ends where `suffix=` and a text should follow",
            "c1",
        );
        check("claim B", Verb::Claim { user: named("B") });
        check(
            "resemble B differs=end",
            Verb::Resemble {
                user: named("B"),
                differs: Differs::End,
            },
        );
        check(
            "capture userinfo as p iv=of:B watermark=longer nick=emoji",
            Verb::Capture {
                api: CaptureApi::UserInfo,
                payload: named("p"),
                seal: Seal {
                    iv_of: Some(named("B")),
                    watermark: Watermark::Longer,
                    nick: Nick::Emoji,
                    ..Seal::default()
                },
            },
        );
        check(
            "send p using none transport=short-iv",
            Verb::Send {
                payload: named("p"),
                using: Using::Nothing,
                extra: None,
                transport: Transport::ShortIv,
            },
        );
    }

    #[test]
    fn what_phones_do() {
        check("mint as c1", Verb::Mint { code: named("c1") });
        check(
            "submit c1",
            Verb::Submit {
                code: named("c1"),
                token: String::new(),
            },
        );
        check(
            "  submit   c1 as t1 ",
            Verb::Submit {
                code: named("c1"),
                token: named("t1"),
            },
        );
        check(
            "login",
            Verb::Login {
                code: String::new(),
                token: String::new(),
            },
        );
        check(
            "submit-profile c with p as t",
            Verb::SubmitProfile {
                code: named("c"),
                payload: named("p"),
                token: named("t"),
            },
        );
        check("check", Verb::Check);
        check(
            "phonecode as f",
            Verb::PhoneCode {
                phone_code: named("f"),
            },
        );
        check(
            "swap c f",
            Verb::Swap {
                code: named("c"),
                phone_code: named("f"),
            },
        );
        check(
            "sendcode f using none",
            Verb::SendCode {
                phone_code: named("f"),
                using: Using::Nothing,
            },
        );
        check("store t1", Verb::Store { token: "t1".into() });
        check("whoami", Verb::Whoami { using: Using::Last });
        check(
            "logout using t1",
            Verb::Logout {
                using: Using::Named(named("t1")),
            },
        );
    }

    #[test]
    fn payloads_honest_and_forged() {
        let capture = |api, seal| Verb::Capture {
            api,
            payload: named("p"),
            seal,
        };
        check(
            "capture userinfo as p",
            capture(CaptureApi::UserInfo, Seal::default()),
        );
        check(
            "capture phone as p key=k3",
            capture(
                CaptureApi::Phone,
                Seal {
                    key: SealKey::Number(3),
                    ..Seal::default()
                },
            ),
        );
        check(
            "capture profile as p key=previous iv=bent watermark=other-app openid=B alphabet=plus-slash twin=previous",
            capture(
                CaptureApi::Profile,
                Seal {
                    key: SealKey::Previous,
                    watermark: Watermark::OtherApp,
                    bent_iv: true,
                    openid_of: Some(named("B")),
                    plus_slash: true,
                    padding_twin: true,
                    ..Seal::default()
                },
            ),
        );
        check(
            "send p using newest extra=identity-of:B transport=raw-plus",
            Verb::Send {
                payload: named("p"),
                using: Using::Newest,
                extra: Some(Extra::IdentityOf(named("B"))),
                transport: Transport::RawPlus,
            },
        );
    }

    #[test]
    fn what_the_world_does() {
        check(
            "advance 301s",
            Verb::Advance {
                by: Duration::from_secs(301),
            },
        );
        check("rotate-key A", Verb::RotateKey { user: named("A") });
        check("wait-idle", Verb::WaitIdle);
        check("lift f", Verb::Lift { label: named("f") });
        for (words, change) in [
            ("token killed", TokenChange::Killed),
            ("token expired", TokenChange::Expired),
            ("token fetched", TokenChange::Fetched),
            ("token forced", TokenChange::Forced),
            ("token overlap=none", TokenChange::Overlap(Duration::ZERO)),
            ("token life=60s", TokenChange::Life(Duration::from_secs(60))),
        ] {
            check(words, Verb::AccessToken { change });
        }
        let change = ShapeChange {
            errcode_zero: Some(true),
            no_unionid: Some(false),
            field_order: Some(FieldOrder::Sorted),
            ..ShapeChange::default()
        };
        check(
            "shape A errcode_zero no_unionid=false field_order=sorted",
            Verb::Shape {
                user: named("A"),
                change,
            },
        );
    }

    #[test]
    fn faults() {
        let fault = |effect, when, times| Verb::Fault {
            label: named("f"),
            endpoint: named("jscode2session"),
            user: named("A"),
            effect,
            when,
            times,
        };
        let once = |effect| fault(effect, FaultWhen::BeforeCommit, Some(1));
        check(
            "fault f jscode2session of A: errcode=-1",
            once(FaultEffect::Errcode(-1)),
        );
        check(
            "fault f jscode2session of A: silent times=all",
            fault(FaultEffect::Silent, FaultWhen::BeforeCommit, None),
        );
        check(
            "fault f jscode2session of A: reset when=after",
            fault(FaultEffect::Reset, FaultWhen::AfterCommit, Some(1)),
        );
        check(
            "fault f jscode2session of A: truncate=0 times=3",
            fault(FaultEffect::Truncate(0), FaultWhen::BeforeCommit, Some(3)),
        );
        check(
            "fault f jscode2session of A: delay=30s",
            once(FaultEffect::Delay(Duration::from_secs(30))),
        );
        check(
            "fault f jscode2session of A: content_type=none",
            once(FaultEffect::ContentType(None)),
        );
        check(
            r#"fault f jscode2session of A: status=502 body="<h1>no \"good\" \\</h1>\n""#,
            once(FaultEffect::Status {
                status: 502,
                body: named("<h1>no \"good\" \\</h1>\n"),
            }),
        );
        check(
            r#"fault f jscode2session of A: body="""#,
            once(FaultEffect::Body(String::new())),
        );
    }

    #[test]
    fn mistakes_point_at_the_word() {
        check_mistake("token dead", "unknown change `dead`", "dead");
        check_mistake("token life=long", "`long` is no duration", "life=long");
        check_mistake(
            "submit",
            "the step ends where a code should follow",
            "submit",
        );
        check_mistake("submit 1c", "`1c` cannot be a code", "1c");
        check_mistake("mint c1", "`mint` must give its result a name", "c1");
        check_mistake(
            "send p using",
            "the step ends where a token should follow",
            "using",
        );
        check_mistake(
            "send p extra=identity-of:",
            "`` cannot be a user",
            "extra=identity-of:",
        );
        check_mistake("capture userinfo as p key=k0", "unknown key `k0`", "key=k0");
        check_mistake(
            "capture userinfo as p iv=bent iv=bent",
            "`iv` is said twice",
            "iv=bent",
        );
        check_mistake("advance 0s", "`0s` is no duration", "0s");
        check_mistake(
            "advance 99999999999999999999d",
            "`99999999999999999999d` is no duration",
            "99999999999999999999d",
        );
        check_mistake(
            "fault f jscode2session of A: silent reset",
            "a fault does one thing",
            "reset",
        );
        check_mistake(
            "fault f jscode2session of A: silent=1",
            "`silent` takes no value",
            "silent=1",
        );
        check_mistake(
            "probe A",
            "`probe` looks at the backend from outside, when all is at rest",
            "probe",
        );
    }
}
