//! A mock started from the built binary, and the smallest HTTP client that shows every byte.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use serde_json::Value;

/// The built binary, without the variables of whoever runs the tests, in English whatever their locale.
pub(crate) fn wxmock() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wxmock"));
    without_variables(&mut command);
    command.env("WXMOCK_LANG", "en");
    command
}

/// Takes the variables of whoever runs the tests from a command.
pub(crate) fn without_variables(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WXMOCK_") {
            command.env_remove(name);
        }
    }
}

/// A running mock in a folder of its own.
pub(crate) struct Mock {
    child: Child,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) port: u16,
}

/// One answer, its head as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Mock {
    /// Starts `wxmock serve` on a free port and waits until it says it is ready.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a scratch folder"), args)
    }

    /// The same in a folder that exists.
    pub(crate) fn start_in(dir: tempfile::TempDir, args: &[&str]) -> Self {
        let file = |name: &str| {
            std::fs::File::create(dir.path().join(name)).expect("a file in the scratch folder")
        };
        let mut child = wxmock()
            .current_dir(dir.path())
            .args(["serve", "--port", "0", "--port-file", "port"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .expect("the binary starts");
        let ready = wxmock()
            .current_dir(dir.path())
            .args(["readyz", "--wait", "60s", "--port-file", "port", "--quiet"])
            .output()
            .expect("the binary starts");
        if !ready.status.success() {
            let _ = child.kill();
            let said = std::fs::read_to_string(dir.path().join("stderr")).unwrap_or_default();
            panic!(
                "not ready: {}\n{said}",
                String::from_utf8_lossy(&ready.stderr)
            );
        }
        let port = std::fs::read_to_string(dir.path().join("port")).expect("the port file");
        Self {
            child,
            port: port.trim().parse().expect("a port"),
            dir,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Everything the mock has written to `stdout` or `stderr` so far.
    pub(crate) fn said(&self, stream: &str) -> String {
        std::fs::read_to_string(self.path(stream)).expect("the captured stream")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A subcommand that talks to this mock.
    pub(crate) fn client(&self, args: &[&str]) -> Command {
        let mut command = wxmock();
        command
            .args(args)
            .env("WXMOCK_SERVER", self.url())
            .current_dir(self.dir.path());
        command
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn signal(&mut self, signal: rustix::process::Signal) -> ExitStatus {
        self.send(signal);
        self.child.wait().expect("the mock ends")
    }

    pub(crate) fn send(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
            .expect("a process id");
        rustix::process::kill_process(pid, signal).expect("the mock is there");
    }

    /// Stops the mock cleanly and gives its folder back.
    pub(crate) fn stop(mut self) -> tempfile::TempDir {
        let status = self.signal(rustix::process::Signal::TERM);
        assert!(
            status.success(),
            "a stop on purpose is a success: {status}\n{}",
            self.said("stderr")
        );
        std::mem::replace(
            &mut self.dir,
            tempfile::tempdir().expect("a scratch folder"),
        )
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the mock accepts");
        stream
            .set_read_timeout(Some(std::time::Duration::from_secs(60)))
            .expect("a timeout can be set");
        stream
    }

    /// One request on a connection of its own.
    pub(crate) fn send_raw(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream
            .write_all(request.as_bytes())
            .expect("the request is taken");
        let mut bytes = Vec::new();
        stream
            .read_to_end(&mut bytes)
            .expect("an answer and an end");
        Answer::parse(&bytes)
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send_raw(&format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        ))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send_raw(&format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
            self.port
        ))
    }

    /// The JSON of a success.
    pub(crate) fn ok(&self, method: &str, path: &str, body: &str) -> Value {
        let answer = if body.is_empty() && method == "GET" {
            self.get(path)
        } else {
            self.request(method, path, body)
        };
        assert!(
            (200..300).contains(&answer.status),
            "{method} {path}: {answer:?}"
        );
        answer.json()
    }

    /// A login code of a user of the only app.
    pub(crate) fn code(&self, user: &str) -> String {
        let login = self.ok("GET", &format!("/_mock/wx/login?user={user}"), "");
        assert_eq!(login["errMsg"], "login:ok", "{login}");
        login["code"].as_str().expect("a code").to_owned()
    }

    /// The only app.
    pub(crate) fn app(&self) -> (String, String) {
        let apps = self.ok("GET", "/_mock/v1/apps", "");
        let text = |name: &str| apps["apps"][0][name].as_str().expect(name).to_owned();
        (text("appid"), text("secret"))
    }

    /// The path of an exchange of this code by the only app.
    pub(crate) fn exchange_path(&self, code: &str) -> String {
        let (appid, secret) = self.app();
        format!(
            "/sns/jscode2session?appid={appid}&secret={secret}&js_code={code}&grant_type=authorization_code"
        )
    }

    /// A raw exchange, ready to be sent.
    pub(crate) fn exchange(&self, code: &str) -> Value {
        self.get(&self.exchange_path(code)).json()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no end of the head in {text:?}"));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("{head}"));
        let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        let body = if chunked {
            dechunk(body)
        } else {
            body.to_owned()
        };
        Self {
            status,
            head: head.to_owned(),
            body,
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of a header, by its lower-case name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self
            .head
            .lines()
            .find(|line| line.to_lowercase().starts_with(&format!("{name}: ")))?;
        line.split_once(": ").map(|(_, value)| value)
    }
}

fn dechunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk size");
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
        if size == 0 {
            break;
        }
    }
    whole
}

/// stdout of a success.
pub(crate) fn stdout(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Writes a file below a folder.
pub(crate) fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).expect("a file in the scratch folder");
}

/// Whether a runtime is here. Where it is not, its tests say so and pass, unless `REQUIRE_RUNTIMES=1` insists on it.
pub(crate) fn is_installed(program: &str, version: &str, what: &str) -> bool {
    let found = Command::new(program).arg(version).output();
    if found.is_ok_and(|output| output.status.success()) {
        return true;
    }
    let required = std::env::var_os("REQUIRE_RUNTIMES").is_some_and(|value| value == "1");
    assert!(!required, "{program} is required: it is not installed");
    eprintln!("not run: {what}: {program} is not installed");
    false
}

/// Runs something to its end, which must be a success, and gives what it said on both its streams.
pub(crate) fn succeeds(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success(),
        "{command:?}: {}\n{said}",
        output.status
    );
    said
}

/// Copies sources only: what is installed or built stays where it is.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder below target/");
    for entry in std::fs::read_dir(from).expect("the package").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        if ["node_modules", "dist", "target", "__pycache__"]
            .iter()
            .any(|built| name == *built)
        {
            continue;
        }
        if path.is_dir() {
            let _ = std::fs::remove_dir_all(to.join(&name));
            copy(&path, &to.join(&name));
        } else {
            std::fs::copy(&path, to.join(&name)).expect("the folder can be written");
        }
    }
}
