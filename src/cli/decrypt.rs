//! `wxmock decrypt`: which key opens this payload, and what went wrong in transit.

use std::io::{IsTerminal, Read, Write};

use serde_json::{Value, json};
use wxmock_server::RealClock;
use wxmock_world::{KeyFinding, NewApp, Seed, World};

use super::ServerArg;
use crate::client;
use crate::exit::{Exit, Failure};

/// Say which key opens a payload, and why another does not
///
/// Asks a running mock, which knows every key it ever issued. With --session-key no mock is needed: only that key is
/// tried. The plaintext goes to stdout, the explanation to stderr; exit 1 means that nothing opens it, or that the
/// key in --believed does not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  curl -s 'http://127.0.0.1:8910/_mock/wx/getUserInfo?user=alice' | wxmock decrypt
  wxmock decrypt --encrypted-data 'CiyLU1Aw…' --iv 'r7BXXKkLb8qrSNn05n0qiA=='
  wxmock decrypt --believed 'tiihtNczf5v6AKRyjwEUhQ==' < payload.json     why does my key not open it?
  wxmock decrypt --session-key 'tiihtNczf5v6AKRyjwEUhQ==' < payload.json  without a mock")]
pub(crate) struct Args {
    #[command(flatten)]
    server: ServerArg,
    /// encryptedData as your backend received it; otherwise a JSON object with encryptedData and iv is read from stdin
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
    /// Try this key only, without a mock
    #[arg(long, value_name = "BASE64", conflicts_with_all = ["believed", "app", "user"], allow_hyphen_values = true)]
    session_key: Option<String>,
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
}

/// The two texts a page sends.
struct Payload {
    encrypted_data: String,
    iv: String,
}

/// What the reader is told, wherever it was found out.
struct Verdict {
    finding: Value,
    explanation: String,
    /// Whether the payload opens, and under the believed key if one was named.
    good: bool,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let payload = self.payload()?;
        let verdict = match &self.session_key {
            Some(key) => offline(key, &payload)?,
            None => client::block_on(self.ask(&payload))?,
        };
        self.show(&verdict)
            .map_err(|error| Failure::internal("writing", &error))?;
        if verdict.good {
            Ok(())
        } else {
            Err(Failure::told(Exit::Violated))
        }
    }

    fn payload(&self) -> Result<Payload, Failure> {
        if let (Some(encrypted_data), Some(iv)) = (&self.encrypted_data, &self.iv) {
            return Ok(Payload {
                encrypted_data: encrypted_data.clone(),
                iv: iv.clone(),
            });
        }
        let mut stdin = std::io::stdin();
        if stdin.is_terminal() {
            return Err(Failure::usage(
                "there is no payload",
                "give --encrypted-data and --iv, or a JSON object with both on stdin",
            ));
        }
        let mut text = String::new();
        stdin
            .read_to_string(&mut text)
            .map_err(|error| Failure::usage(format!("cannot read stdin: {error}"), "send JSON"))?;
        read_payload(&text)
    }

    async fn ask(&self, payload: &Payload) -> Result<Verdict, Failure> {
        let mut body = json!({ "encryptedData": payload.encrypted_data, "iv": payload.iv });
        for (name, value) in [
            ("app", &self.app),
            ("user", &self.user),
            ("sessionKey", &self.believed),
        ] {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        let finding = self
            .server
            .server
            .post("/_mock/v1/which-key", &body)
            .await?
            .json()?;
        let believed = &finding["believed"]["is"];
        let good = !finding["opener"].is_null() && (believed.is_null() || believed == "right");
        let explanation = finding["explanation"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        Ok(Verdict {
            finding,
            explanation,
            good,
        })
    }

    fn show(&self, verdict: &Verdict) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            return writeln!(out, "{:#}", verdict.finding);
        }
        if let Some(plaintext) = verdict.finding["plaintext"].as_str() {
            writeln!(out, "{plaintext}")?;
        }
        out.flush()?;
        eprintln!("{}", verdict.explanation);
        Ok(())
    }
}

/// A phone's answer, or the `detail` of a button's event, pasted whole.
fn read_payload(text: &str) -> Result<Payload, Failure> {
    let help = "expected a JSON object with encryptedData and iv, as a page receives it";
    let document: Value = serde_json::from_str(text)
        .map_err(|error| Failure::usage(format!("stdin is not JSON: {error}"), help))?;
    let place = document.get("detail").unwrap_or(&document);
    let field = |camel: &str, snake: &str| {
        place
            .get(camel)
            .or_else(|| place.get(snake))
            .and_then(Value::as_str)
    };
    match (field("encryptedData", "encrypted_data"), field("iv", "iv")) {
        (Some(encrypted_data), Some(iv)) => Ok(Payload {
            encrypted_data: encrypted_data.to_owned(),
            iv: iv.to_owned(),
        }),
        (None, _) => Err(Failure::usage(
            "the JSON on stdin has no encryptedData",
            help,
        )),
        (_, None) => Err(Failure::usage("the JSON on stdin has no iv", help)),
    }
}

/// Asks a world that has issued nothing: it tries the one key and undoes the damage that transports do.
fn offline(session_key: &str, payload: &Payload) -> Result<Verdict, Failure> {
    let mut world = World::new(Seed(0));
    let internal = |error| Failure::internal("the offline world", &error);
    let app = world
        .create_app(RealClock::System.now(), NewApp::default())
        .map_err(internal)?
        .reply
        .appid;
    let finding = world
        .which_key(
            &app,
            None,
            &payload.encrypted_data,
            &payload.iv,
            Some(session_key),
        )
        .map_err(internal)?;
    let good = finding.opener.is_some();
    Ok(Verdict {
        explanation: offline_words(&finding),
        finding: json!(finding),
        good,
    })
}

fn offline_words(finding: &KeyFinding) -> String {
    let mut words = match &finding.opener {
        Some(_) => "this key opens it".to_owned(),
        None => "this key does not open it; a running mock (without --session-key) can say which one does".to_owned(),
    };
    for (what, damage) in [
        ("encryptedData", &finding.data_damage),
        ("iv", &finding.iv_damage),
    ] {
        for damage in damage {
            words.push_str(&format!("\n{what}: {}", damage.words()));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_found_where_phones_put_them() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let read = read_payload(text)
                .ok()
                .map(|payload| (payload.encrypted_data, payload.iv));
            assert_eq!(
                read,
                expected.map(|(data, iv)| (data.to_owned(), iv.to_owned())),
                "{text}"
            );
        };
        check(
            r#"{"errMsg":"getUserInfo:ok","encryptedData":"a","iv":"b"}"#,
            Some(("a", "b")),
        );
        check(
            r#"{"detail":{"code":"c","encryptedData":"a","iv":"b"}}"#,
            Some(("a", "b")),
        );
        check(r#"{"encrypted_data":"a","iv":"b"}"#, Some(("a", "b")));
        check(r#"{"encryptedData":"a"}"#, None);
        check("[]", None);
        check("not json", None);
    }
}
