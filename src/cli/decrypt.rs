//! `wxmock decrypt`: which key opens this payload, what was done to it on its way, and which key made the signature.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;

use serde_json::{Value, json};
use wxmock_server::{foreign, local_time};
use wxmock_world::{
    Evidence, KeyFinding, Lang, Pasted, PastedFrom, SignatureFinding, UnixMs, Wording,
};

use super::ServerArg;
use super::lang::LangArg;
use super::offline::{self, Offline};
use crate::client;
use crate::exit::{Exit, Failure};

/// Say which key opens a payload, and why another does not
///
/// Asks a running mock, which knows every key it ever issued; --state, --run and --session-key work without one. On stdin goes
/// whatever you have: the phone's answer, a HAR entry, a curl line, a form or JSON body, a line of a log. The plaintext goes to
/// stdout, the explanation to stderr; exit 1 means that nothing opens it whole, that the key in --believed does not, or that
/// the signature is not over this rawData.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  curl -s 'http://127.0.0.1:8910/_mock/wx/getUserInfo?user=alice' | wxmock decrypt
  pbpaste | wxmock decrypt                                                a curl line or a HAR entry from the browser
  wxmock decrypt --encrypted-data 'CiyLU1Aw…' --iv 'r7BXXKkLb8qrSNn05n0qiA=='
  wxmock decrypt --believed 'tiihtNczf5v6AKRyjwEUhQ==' < payload.json     why does my key not open it?
  wxmock decrypt --raw-data \"$RAW\" --signature 75e81ced…                  which key signed which text?
  wxmock decrypt --state state.json < payload.json                        without a mock: an exported state
  wxmock decrypt --run wxmock-report/run.ndjson < payload.json             without a mock: people of a failed order
  wxmock decrypt --session-key 'tiihtNczf5v6AKRyjwEUhQ==' < payload.json  without a mock: this key only")]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArg,
    /// encryptedData as your backend received it; otherwise it is looked for in what stdin has
    #[arg(
        long,
        value_name = "BASE64",
        requires = "iv",
        allow_hyphen_values = true
    )]
    encrypted_data: Option<String>,
    /// iv as your backend received it
    #[arg(
        long,
        value_name = "BASE64",
        requires = "encrypted_data",
        allow_hyphen_values = true
    )]
    iv: Option<String>,
    /// rawData as your backend received it
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    raw_data: Option<String>,
    /// signature as your backend received or computed it
    #[arg(long, value_name = "HEX", allow_hyphen_values = true)]
    signature: Option<String>,
    /// Try this key only, without a mock
    #[arg(long, value_name = "BASE64", conflicts_with_all = ["believed", "app", "user", "state", "run"], allow_hyphen_values = true)]
    session_key: Option<String>,
    /// Without a mock: the state GET /_mock/v1/state answered, as a file
    #[arg(long, value_name = "FILE", conflicts_with = "run")]
    state: Option<PathBuf>,
    /// Without a mock: the transcript of a check run; knows the people of the orders that failed
    #[arg(long, value_name = "FILE")]
    run: Option<PathBuf>,
    /// The key your backend used; the answer says why it does not fit
    #[arg(long, value_name = "BASE64", allow_hyphen_values = true)]
    believed: Option<String>,
    /// Appid or name of the app [default: the only one]
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// Whose payload it should be [default: anybody's]
    #[arg(long, short, value_name = "USER")]
    user: Option<String>,
    /// The whole finding as JSON on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lang: LangArg,
}

/// What is to be found out about, and what was seen beside it.
#[derive(Default)]
struct Question {
    encrypted_data: Option<String>,
    iv: Option<String>,
    raw_data: Option<String>,
    signature: Option<String>,
    believed: Option<String>,
    /// The page's `errMsg`, if it was pasted too.
    err_msg: Option<String>,
    n_payloads: usize,
}

impl Question {
    fn evidence(&self) -> Evidence<'_> {
        Evidence {
            encrypted_data: self.encrypted_data.as_deref(),
            iv: self.iv.as_deref(),
            believed: self.believed.as_deref(),
            raw_data: self.raw_data.as_deref(),
            signature: self.signature.as_deref(),
        }
    }

    fn is_empty(&self) -> bool {
        self.encrypted_data.is_none() && self.iv.is_none() && self.signature.is_none()
    }
}

/// What is said around a finding, depending on who was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Mock,
    State,
    Run,
    OneKey,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let question = self.question()?;
        let (asked, finding) = self.ask(&question)?;
        let lines = self.lines(asked, &finding, &question);
        self.show(&finding, &lines)
            .map_err(|error| Failure::internal("writing", &error))?;
        if finding.is_good() {
            Ok(())
        } else {
            Err(Failure::told(Exit::Violated))
        }
    }

    /// What the flags say, and what stdin has if they do not say enough.
    fn question(&self) -> Result<Question, Failure> {
        let mut question = Question {
            encrypted_data: self.encrypted_data.clone(),
            iv: self.iv.clone(),
            raw_data: self.raw_data.clone(),
            signature: self.signature.clone(),
            believed: self.session_key.clone().or_else(|| self.believed.clone()),
            ..Question::default()
        };
        if !question.is_empty() {
            return Ok(question);
        }
        let mut stdin = std::io::stdin();
        if stdin.is_terminal() {
            return Err(Failure::usage(
                "there is no payload",
                "give --encrypted-data and --iv, or paste what you have on stdin",
            ));
        }
        let mut bytes = Vec::new();
        stdin.read_to_end(&mut bytes).map_err(|error| {
            Failure::usage(format!("cannot read stdin: {error}"), "send a text")
        })?;
        let pasted = Pasted::read(&String::from_utf8_lossy(&bytes));
        let was_json = pasted.from == Some(PastedFrom::Json);
        question.encrypted_data = pasted.encrypted_data;
        question.iv = pasted.iv;
        question.raw_data = question.raw_data.or(pasted.raw_data);
        question.signature = question.signature.or(pasted.signature);
        question.err_msg = pasted.err_msg;
        question.n_payloads = pasted.n_payloads;
        // A key beside the payload is the one the backend used; nobody else has it.
        if self.session_key.is_none() {
            question.believed = question.believed.or(pasted.session_key);
        }
        if question.is_empty() && question.err_msg.is_some() {
            // The page's answer to a refusal has no payload at all.
            question.encrypted_data = Some(String::new());
            question.iv = Some(String::new());
        }
        if question.is_empty() {
            let what = if was_json {
                "the JSON on stdin"
            } else {
                "the text on stdin"
            };
            return Err(Failure::usage(
                format!("{what} has no encryptedData, no iv and no signature"),
                "paste the phone's answer, a HAR entry, a curl line, a form or JSON body, or a log line with their names",
            ));
        }
        Ok(question)
    }

    fn ask(&self, question: &Question) -> Result<(Asked, KeyFinding), Failure> {
        let evidence = question.evidence();
        let (asked, place) = if self.session_key.is_some() {
            (Asked::OneKey, Offline::empty()?)
        } else if let Some(path) = &self.state {
            (Asked::State, Offline::of_state(path)?)
        } else if let Some(path) = &self.run {
            (Asked::Run, offline::of_run(path)?)
        } else {
            return Ok((Asked::Mock, client::block_on(self.ask_mock(question))?));
        };
        let finding = place.which_key(self.app.as_deref(), self.user.as_deref(), &evidence)?;
        Ok((asked, finding))
    }

    async fn ask_mock(&self, question: &Question) -> Result<KeyFinding, Failure> {
        let mut body = json!({});
        for (name, value) in [
            ("encryptedData", &question.encrypted_data),
            ("iv", &question.iv),
            ("rawData", &question.raw_data),
            ("signature", &question.signature),
            ("sessionKey", &question.believed),
            ("app", &self.app),
            ("user", &self.user),
        ] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        let document: Value = self
            .server
            .server
            .post("/_mock/v1/which-key", &body)
            .await?
            .json()?;
        serde_json::from_value(document).map_err(|error| {
            Failure::usage(
                format!("the mock's answer cannot be read: {error}"),
                "is it of the same version as this command?",
            )
        })
    }

    fn lines(&self, asked: Asked, finding: &KeyFinding, question: &Question) -> Vec<String> {
        let lang = self.lang.get();
        let say = |en: &str, zh: &str| lang.pick(en, zh).to_owned();
        let moment = |at: UnixMs| local_time(at);
        let wording = Wording {
            lang,
            // A rehearsed world has no moments of its own.
            moment: (asked != Asked::Run).then_some(&moment),
        };
        let mut lines = if asked == Asked::OneKey {
            one_key(finding, wording)
        } else {
            finding.words(wording)
        };
        if asked == Asked::Run && finding.opener.is_none() {
            lines.push(say(
                "A transcript knows the people of the orders that failed and of no others, and of their keys only the numbers it mentions.",
                "运行记录只包含失败顺序里的人，以及其中提到的 key。",
            ));
        }
        if let Some(err_msg) = question
            .err_msg
            .as_deref()
            .filter(|text| text.contains(":fail"))
        {
            let shown: String = err_msg.chars().take(200).collect();
            lines.push(match lang {
                Lang::En => format!("The page heard `{shown}`: there was never a payload, so the backend must not try to decrypt one."),
                Lang::Zh => format!("页面得到的是 `{shown}`：根本没有加密数据，后端不应尝试解密。"),
            });
        }
        if question.n_payloads > 1 {
            lines.push(match lang {
                Lang::En => format!(
                    "There are {} payloads in that text; this is the last.",
                    question.n_payloads
                ),
                Lang::Zh => format!(
                    "这段文本里有 {} 份数据；以上是最后一份。",
                    question.n_payloads
                ),
            });
        }
        lines
    }

    fn show(&self, finding: &KeyFinding, lines: &[String]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            let mut document = json!(finding);
            document["good"] = json!(finding.is_good());
            document["explanation"] = json!(lines.join(" "));
            return writeln!(out, "{}", foreign(&format!("{document:#}")));
        }
        if let Some(plaintext) = &finding.plaintext {
            // Escapes of JSON stand for what they replace, so this is the same document. It is read whole, so nothing is cut.
            let shown: Vec<_> = pieces(plaintext).map(foreign).collect();
            writeln!(out, "{}", shown.concat())?;
        }
        out.flush()?;
        for line in lines {
            eprintln!("{}", foreign(line));
        }
        Ok(())
    }
}

/// A long text in pieces that no line limit cuts.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest
            .char_indices()
            .nth(1024)
            .map_or(rest.len(), |(at, _)| at);
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// What is said when one key is tried: nothing is known of others.
fn one_key(finding: &KeyFinding, wording: Wording<'_>) -> Vec<String> {
    let lang = wording.lang;
    let mut known = finding.clone();
    known.believed = None;
    let is_by_nobody = finding.signature == Some(SignatureFinding::ByNobody);
    if is_by_nobody {
        known.signature = None;
    }
    let mut lines = known.words(wording);
    if finding.has_payload {
        let opens = match finding.opener {
            Some(_) => lang.pick("This key opens it.", "这把 key 能解开。"),
            None => lang.pick(
                "This key does not open it; a running mock (without --session-key) can say which one does.",
                "这把 key 解不开；运行中的 mock（不带 --session-key）可以说出是哪一把。",
            ),
        };
        opens.clone_into(&mut lines[0]);
    }
    if is_by_nobody {
        let text = lang.pick(
            "signature: this key did not make it over this rawData.",
            "signature：不是用这把 key 对这份 rawData 生成的。",
        );
        lines.push(text.to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_plaintext_is_shown_whole() {
        let text = "é\u{202e}".repeat(5000);
        assert_eq!(pieces(&text).collect::<String>(), text);
        let shown: Vec<_> = pieces(&text).map(foreign).collect();
        assert!(!shown.concat().contains('…'));
    }
}
