//! What phones do, and the options of what they seal and send.

use super::cursor::Cursor;
use super::setting::Setting;
use crate::error::Mistake;
use wxmock_model::program::{
    CaptureApi, Differs, Extra, Nick, Seal, SealKey, Transport, Verb, Watermark,
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

const CAPTURES: &[(&str, CaptureApi)] = &[
    ("userinfo", CaptureApi::UserInfo),
    ("profile", CaptureApi::Profile),
    ("phone", CaptureApi::Phone),
    ("werun", CaptureApi::WeRun),
];
