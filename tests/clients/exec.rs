//! One `wxmock exec` whose child runs what it is told with a choice of the variables it was given; and the phone of its user.
//! Knows nothing of languages.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

/// Everything `wxmock exec` sets that can bring a client to the mock or make it trust the mock.
const VARIABLES: [&str; 12] = [
    "HTTPS_PROXY",
    "https_proxy",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "NODE_USE_ENV_PROXY",
    "NODE_OPTIONS",
    "PYTHONPATH",
    "JAVA_TOOL_OPTIONS",
    "PHP_INI_SCAN_DIR",
    "SSL_CERT_DIR",
];

/// Longer than any client's own patience, installation of nothing included.
const PATIENCE: Duration = Duration::from_secs(120);

/// The child of a running `wxmock exec`.
pub(crate) struct Exec {
    process: Child,
    lines: Option<ChildStdin>,
    said: Receiver<String>,
    scratch: tempfile::TempDir,
    url: String,
    appid: String,
    secret: String,
    /// Further variables for every client.
    pub(crate) more: Vec<(&'static str, String)>,
}

/// What one client did.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) worked: bool,
    pub(crate) version: String,
    /// What it learned of WeChat.
    pub(crate) facts: Value,
    /// What WeChat saw of it.
    pub(crate) calls: Vec<Value>,
    /// What it printed, for people.
    pub(crate) told: String,
}

impl Exec {
    /// Starts a mock with a child that waits for lines.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_wxmock"));
        for (name, _) in std::env::vars_os() {
            let known = name
                .to_str()
                .is_some_and(|name| VARIABLES.contains(&name) || name.starts_with("WXMOCK_"));
            if known {
                command.env_remove(name);
            }
        }
        let mut process = command
            .args(["exec", "--quiet", "--ephemeral-ca", "--preload"])
            .args(arguments)
            .args(["--", "sh"])
            .arg(source("child.sh"))
            .current_dir(scratch.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let (lines, out) = (process.stdin.take(), process.stdout.take().expect("a pipe"));
        let (sender, said) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let first = said
            .recv_timeout(PATIENCE)
            .expect("the child says where the mock is");
        let words: Vec<String> = first.split(' ').map(str::to_owned).collect();
        let [url, appid, secret] = words.try_into().expect("three words");
        Self {
            process,
            lines,
            said,
            scratch,
            url,
            appid,
            secret,
            more: Vec::new(),
        }
    }

    /// Runs a client in `folder` with those of the variables that `keep` names, and says what it did.
    pub(crate) fn attempt(
        &mut self,
        folder: &Path,
        command: &[String],
        keep: &[&str],
        java: &str,
    ) -> Attempt {
        let before = self.get("/_mock/v1/calls")["last"].clone();
        let (out, err) = (
            self.scratch.path().join("out"),
            self.scratch.path().join("err"),
        );
        let mut line = String::new();
        for name in VARIABLES.iter().filter(|name| !is_kept(name, keep)) {
            line.push_str(&format!("unset {name}; "));
        }
        for (name, value) in self
            .phone()
            .into_iter()
            .chain(guards(keep, java))
            .chain(self.more.clone())
        {
            line.push_str(&format!("export {name}={}; ", quoted(&value)));
        }
        line.push_str(&format!(
            "cd {} && exec",
            quoted(&folder.display().to_string())
        ));
        for word in command {
            line.push_str(&format!(" {}", quoted(word)));
        }
        line.push_str(&format!(
            " >{} 2>{}\n",
            quoted(&out.display().to_string()),
            quoted(&err.display().to_string())
        ));
        self.lines
            .as_mut()
            .expect("a pipe")
            .write_all(line.as_bytes())
            .expect("the child reads");
        let ended = self
            .said
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("{command:?} does not end"));

        let read = |path: &Path| {
            String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
        };
        let text = read(&out);
        let (version, facts) = text.trim_end().rsplit_once('\n').unwrap_or(("", ""));
        Attempt {
            worked: ended == "ended 0",
            version: version.lines().last().unwrap_or_default().to_owned(),
            facts: serde_json::from_str(facts).unwrap_or_default(),
            calls: self.get(&format!("/_mock/v1/calls?after={before}"))["calls"]
                .as_array()
                .cloned()
                .unwrap_or_default(),
            told: format!("{command:?} with {keep:?}: {ended}\n{text}\n{}", read(&err)),
        }
    }

    /// A fresh login of Alice's, and what her page captures after it, as variables.
    fn phone(&self) -> Vec<(&'static str, String)> {
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let login = self.get("/_mock/wx/login?user=alice");
        let profile = self.get("/_mock/wx/getUserProfile?user=alice");
        let phone = self.get("/_mock/wx/getPhoneNumber?user=alice");
        vec![
            ("WX_APPID", self.appid.clone()),
            ("WX_SECRET", self.secret.clone()),
            ("WX_SCRATCH", self.scratch.path().display().to_string()),
            ("WX_CODE", text(&login, "code")),
            ("WX_PROFILE", text(&profile, "encryptedData")),
            ("WX_PROFILE_IV", text(&profile, "iv")),
            ("WX_PHONE_CODE", text(&phone, "code")),
            ("WX_PHONE", text(&phone, "encryptedData")),
            ("WX_PHONE_IV", text(&phone, "iv")),
        ]
    }

    /// What WeChat knows of Alice.
    pub(crate) fn alice(&self) -> Value {
        self.get(&format!("/_mock/v1/apps/{}/users/alice", self.appid))
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.ask(&format!("GET {path}"), "")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.ask(&format!("POST {path}"), &body.to_string())
    }

    fn ask(&self, what: &str, body: &str) -> Value {
        let address = self.url.trim_start_matches("http://");
        let length = body.len();
        let mut stream = TcpStream::connect(address).expect("the mock accepts");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        write!(
            stream,
            "{what} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .expect("the request is taken");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("an answer and an end");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{what}: {error}: {answer}"))
    }
}

impl Drop for Exec {
    fn drop(&mut self) {
        // The shell ends when there is nothing left to read, and `wxmock exec` with it.
        drop(self.lines.take());
        let _ = self.process.wait();
    }
}

fn is_kept(name: &str, keep: &[&str]) -> bool {
    keep.iter().any(|kept| kept.eq_ignore_ascii_case(name))
}

/// Where a client that goes past the mock must not come to the real WeChat.
fn guards(keep: &[&str], java: &str) -> Vec<(&'static str, String)> {
    let guard = source("guard");
    let mut guards = Vec::new();
    if !is_kept("PYTHONPATH", keep) {
        guards.push(("PYTHONPATH", guard.display().to_string()));
    }
    if !is_kept("NODE_OPTIONS", keep) {
        guards.push((
            "NODE_OPTIONS",
            format!("--require \"{}\"", guard.join("guard.cjs").display()),
        ));
    }
    if !java.is_empty() {
        guards.push(("JDK_JAVA_OPTIONS", java.to_owned()));
    }
    guards
}

/// A file of `tests/clients/`.
pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
