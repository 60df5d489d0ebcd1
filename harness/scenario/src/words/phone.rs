//! What phones do, and the options of what they seal and send.

use super::cursor::Cursor;
use super::setting::Setting;
use super::vocabulary::duration;
use crate::error::Mistake;
use wxmock_model::program::{
    CaptureApi, Differs, Extra, MadeAt, Nick, Seal, SealKey, TokenForgery, Transport, Verb,
    Watermark,
};

impl Cursor<'_> {
    pub(super) fn phone_verb(&mut self, verb: &str) -> Result<Verb, Mistake> {
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
            "forge" => {
                const EXAMPLE: &str = "forge t1 as f1 how=middle";
                let token = self.name("a token", EXAMPLE)?;
                let forged = self.named(verb, EXAMPLE)?;
                let how = self.how(EXAMPLE)?;
                Verb::Forge { token, forged, how }
            }
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
            "phonecode" => {
                let phone_code = self.named(verb, "phonecode as f1")?;
                let mut country = None;
                for option in self.options()? {
                    match option.key.as_str() {
                        "country" => country = Some(country_code(&option)?),
                        _ => return Err(option.unknown(&["country"])),
                    }
                }
                Verb::PhoneCode {
                    phone_code,
                    country,
                }
            }
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
            "refresh" => {
                let using = self.using()?;
                Verb::Refresh {
                    using,
                    token: self.as_name("refresh using t1 as t2")?,
                }
            }
            _ => Verb::Logout {
                using: self.using()?,
            },
        })
    }

    /// `how=…`, which must be there.
    fn how(&mut self, example: &str) -> Result<TokenForgery, Mistake> {
        let mut how = None;
        for option in self.options()? {
            if option.key != "how" {
                return Err(option.unknown(&["how"]));
            }
            let text = option.text("a way, such as how=middle")?;
            let span = option.span.clone();
            how = Some(match (text.split_once(':'), text) {
                (Some(("claims-of", user)), _) => {
                    TokenForgery::ClaimsOf(self.push_name(user, option.word, span, "a user")?)
                }
                (None, "first") => TokenForgery::First,
                (None, "middle") => TokenForgery::Middle,
                (None, "end") => TokenForgery::End,
                (None, "signature") => TokenForgery::Signature,
                (None, "unsigned") => TokenForgery::Unsigned,
                _ => return Err(Mistake::unknown(span, "way", text, WAYS)),
            });
        }
        how.ok_or_else(|| {
            Mistake::new(
                self.end(),
                "the step ends where `how=` should follow",
                "after this",
            )
            .help(format!("for example: {example}"))
        })
    }

    /// One arm an option, which is what makes this long.
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
                        ("anonymous", Nick::Anonymous),
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
                "country" => seal.country = Some(country_code(&option)?),
                "made" => seal.made = Some(made_at(&option)?),
                "twin" => {
                    option.choose(&[("previous", ())])?;
                    seal.padding_twin = true;
                }
                _ => {
                    return Err(option.unknown(&[
                        "key",
                        "watermark",
                        "country",
                        "iv",
                        "openid",
                        "alphabet",
                        "twin",
                        "nick",
                        "made",
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
                        ("escaped", Transport::Escaped),
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
}

fn country_code(option: &Setting) -> Result<String, Mistake> {
    let text = option.text("a country code, such as country=39")?;
    let is_code = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_code {
        return Ok(text.to_owned());
    }
    Err(Mistake::new(
        option.span.clone(),
        format!("`{text}` is no country code"),
        "one to three digits",
    )
    .help("for example: country=39"))
}

/// `made=1d-ago`, `made=5m-ahead`.
fn made_at(option: &Setting) -> Result<MadeAt, Mistake> {
    const ASKED: &str = "a time, such as made=1d-ago or made=1h-ahead";
    let text = option.text(ASKED)?;
    let read = text.rsplit_once('-').and_then(|(time, side)| {
        let time = duration(time)?;
        match side {
            "ago" => Some(MadeAt::Ago(time)),
            "ahead" => Some(MadeAt::Ahead(time)),
            _ => None,
        }
    });
    read.ok_or_else(|| {
        let message = format!("`{text}` is no time before or after now");
        let label = "a number from 1, one of ms, s, m, h, d, and -ago or -ahead";
        Mistake::new(option.span.clone(), message, label).help("for example: made=1d-ago")
    })
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

const EXAMPLE_ALTER: &str = r#"alter c1 suffix="&x=1""#;

const WAYS: [&str; 6] = [
    "first",
    "middle",
    "end",
    "signature",
    "unsigned",
    "claims-of:B",
];

const CAPTURES: &[(&str, CaptureApi)] = &[
    ("userinfo", CaptureApi::UserInfo),
    ("profile", CaptureApi::Profile),
    ("phone", CaptureApi::Phone),
    ("werun", CaptureApi::WeRun),
];
