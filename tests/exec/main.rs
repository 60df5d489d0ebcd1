//! `wxmock exec`, `env`, `ca`, `doctor` and the adapter's proxy hook, with real children that call the unmodified
//! `https://api.weixin.qq.com`. A runtime that is missing is said and passed over, unless `REQUIRE_RUNTIMES=1`
//! insists on it.

mod adapters;
mod endings;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the tests of `serve` use the rest of it")]
mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::{Mock, stdout, wxmock};

/// Mints a code the way a phone would and prints the URL a backend calls to exchange it.
const URL: &str = "CODE=$(curl -sS \"$WXMOCK_URL/_mock/wx/login?user=alice&pick=code\"); \
    URL=\"https://api.weixin.qq.com/sns/jscode2session?appid=$WXMOCK_APPID&secret=$WXMOCK_SECRET&js_code=$CODE&grant_type=authorization_code\"; export URL; ";

/// `wxmock exec` in an empty folder of its own, with nothing to inherit that this machine may have.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a scratch folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = wxmock();
        for name in [
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
            "NODE_OPTIONS",
            "PYTHONPATH",
        ] {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(self.path())
            .env("HOME", self.path())
            .env("TMPDIR", self.path())
            .env_remove("XDG_DATA_HOME")
            .stdin(Stdio::null());
        command
    }

    fn exec(&self, args: &[&str], script: &str) -> Output {
        let mut command = self.command(&["exec", "--ephemeral-ca"]);
        command
            .args(args)
            .args(["--", "sh", "-c", script])
            .output()
            .expect("the binary starts")
    }

    /// Every file below the folder.
    fn files(&self) -> Vec<String> {
        fn visit(folder: &Path, found: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                found.push(path.display().to_string());
                if path.is_dir() {
                    visit(&path, found);
                }
            }
        }
        let mut found = Vec::new();
        visit(self.path(), &mut found);
        found
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether these programs are here.
fn have(programs: &[&str]) -> bool {
    programs.iter().all(|program| {
        let found = Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success());
        if !found {
            assert!(
                std::env::var_os("REQUIRE_RUNTIMES").is_none_or(|value| value != "1"),
                "{program} is required and missing"
            );
            eprintln!("not run: {program} is not installed");
        }
        found
    })
}

/// Runs a client under `exec` and expects a session of each line it prints.
fn reaches(programs: &[&str], args: &[&str], script: &str, answers: usize, route: &str) {
    if !have(programs) {
        return;
    }
    let folder = Folder::new();
    let output = folder.exec(args, script);
    let said = stdout(&output);
    let sessions = said
        .lines()
        .filter(|line| line.contains("session_key"))
        .count();
    assert_eq!(sessions, answers, "{said}\n{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains(route),
        "by {route}: {}",
        text(&output.stderr)
    );
    assert!(
        folder.files().is_empty(),
        "left behind: {:?}",
        folder.files()
    );
}

#[test]
fn curl_arrives_by_connect() {
    reaches(
        &["curl"],
        &[],
        &format!("{URL} curl -sS \"$URL\""),
        1,
        "jscode2session 1 by connect 1",
    );
}

#[test]
fn python_urllib_arrives_by_connect() {
    let script = format!(
        "{URL} python3 -c 'import os, urllib.request; print(urllib.request.urlopen(os.environ[\"URL\"]).read())'"
    );
    reaches(&["curl", "python3"], &[], &script, 1, "connect 1");
}

#[test]
fn python_clients_that_know_no_proxy_arrive_by_the_preload() {
    let script = r#"cat > client.py <<'END'
import asyncio, http.client, os, socket, ssl
path = os.environ["URL"][len("https://api.weixin.qq.com"):]
connection = http.client.HTTPSConnection("api.weixin.qq.com")
connection.request("GET", path)
print(connection.getresponse().read())

async def talk():
    reader, writer = await asyncio.open_connection("api.weixin.qq.com", 443, ssl=True)
    writer.write(f"GET {path} HTTP/1.0\r\nHost: api.weixin.qq.com\r\n\r\n".encode())
    assert b"40163" in await reader.read()

asyncio.run(talk())
plain = ssl.create_default_context().wrap_socket(socket.socket(), server_hostname="api.weixin.qq.com")
plain.connect(("api.weixin.qq.com", 443))
assert socket.getaddrinfo("localhost", 80)
END
env -u HTTPS_PROXY -u https_proxy -u SSL_CERT_FILE python3 client.py && rm client.py"#;
    reaches(
        &["curl", "python3"],
        &["--preload"],
        &format!("{URL}{script}"),
        1,
        "tls 2",
    );
}

#[test]
fn the_python_preload_runs_the_sitecustomize_it_stands_in_front_of() {
    if !have(&["python3"]) {
        return;
    }
    let script = "mkdir mine && echo 'print(\"mine too\")' > mine/sitecustomize.py && PYTHONPATH=\"$PYTHONPATH:mine\" python3 -c 'print(\"program\")'";
    let output = Folder::new().exec(&["--preload"], script);
    assert_eq!(
        stdout(&output),
        "mine too\nprogram\n",
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn every_client_of_node_arrives_by_the_preload() {
    let script = r#"cat > client.cjs <<'END'
const https = require('node:https'), http2 = require('node:http2'), net = require('node:net');
const url = process.env.URL;
const get = (ask) => new Promise((done, fail) => ask((stream) => {
  let text = ''; stream.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => done(text)).on('error', fail);
}, fail));
(async () => {
  console.log(await get((done, fail) => https.get(url, done).on('error', fail)));
  console.log((await (await fetch(url)).text()).includes('40163') ? 'fetch arrived' : 'fetch lost');
  const session = http2.connect('https://api.weixin.qq.com');
  const stream = session.request({ ':path': '/cgi-bin/token' });
  console.log((await get((done) => done(stream))).includes('41002') ? 'http2 arrived' : 'http2 lost');
  session.close();
  const server = net.createServer((socket) => socket.end('untouched')).listen(0, '127.0.0.1', async () => {
    console.log(await get((done) => done(net.connect(server.address().port, 'localhost'))));
    server.close();
  });
})();
END
node client.cjs && rm client.cjs"#;
    if !have(&["curl", "node"]) {
        return;
    }
    // Without the switch, as in Node 20: newer ones would go through the proxy and prove nothing about the preload.
    let output = Folder::new().exec(&[], &format!("{URL}unset NODE_USE_ENV_PROXY; {script}"));
    let said = stdout(&output);
    for line in ["session_key", "fetch arrived", "http2 arrived", "untouched"] {
        assert!(
            said.contains(line),
            "{line}: {said}\n{}",
            text(&output.stderr)
        );
    }
    assert!(
        text(&output.stderr).contains("by tls 3"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn expectations_decide_the_exit_code_of_a_child_that_succeeded() {
    if !have(&["curl"]) {
        return;
    }
    let twice = format!("{URL} curl -sS \"$URL\" >/dev/null; curl -sS \"$URL\" >/dev/null");
    let check = |args: &[&str], script: &str, code: i32, said: &[&str]| {
        let output = Folder::new().exec(args, script);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        for part in said {
            assert!(stderr.contains(part), "{part} in {stderr}");
        }
    };
    check(
        &[
            "--assert",
            "exchanges == 2",
            "--assert",
            "exchanges_failed<2",
            "--assert",
            "unknown_hosts == 0",
        ],
        &twice,
        0,
        &[],
    );
    check(
        &[
            "--quiet",
            "--assert",
            "exchanges_per_code <= 1",
            "--assert",
            "exchanges >= 1",
        ],
        &twice,
        1,
        &[
            "expected exchanges_per_code <= 1, saw 2",
            "#1 jscode2session",
            "alice → ok, by connect",
            "errcode 40163",
        ],
    );
    check(
        &["--assert", "exchanges_per_code <= 1"],
        &format!("{twice}; exit 9"),
        9,
        &["expected exchanges_per_code <= 1, saw 2"],
    );
    check(
        &["--assert", "calls > 0"],
        "true",
        1,
        &["expected calls > 0, saw 0", "no call has arrived"],
    );
    let foreign = "curl -sS 'https://api.weixin.qq.com/cgi-bin/token?grant_type=client_credential&appid='$WXMOCK_APPID'&secret=00000000000000000000000000beef00'";
    check(
        &["--assert", "foreign_secrets == 0"],
        foreign,
        1,
        &["expected foreign_secrets == 0, saw 1", "…ef00"],
    );
    let elsewhere = "curl -sS -o /dev/null https://elsewhere.invalid/; true";
    check(
        &["--passthrough", "deny", "--assert", "unknown_hosts == 0"],
        elsewhere,
        1,
        &["elsewhere.invalid by connect"],
    );
}

#[test]
fn the_journal_is_written_whole() {
    if !have(&["curl"]) {
        return;
    }
    let folder = Folder::new();
    let output = folder.exec(
        &["--journal", "wechat.ndjson", "--journal-capacity", "4"],
        &format!("{URL} for i in 1 2 3 4 5 6; do curl -sS \"$URL\"; done"),
    );
    stdout(&output);
    let journal =
        std::fs::read_to_string(folder.path().join("wechat.ndjson")).expect("the journal");
    let lines: Vec<serde_json::Value> = journal
        .lines()
        .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
        .collect();
    assert_eq!(
        lines
            .iter()
            .filter(|line| line["what"] == "exchange")
            .count(),
        6,
        "{journal}"
    );
    assert!(
        !journal.contains("session_key\""),
        "no secret is in it: {journal}"
    );
}

#[test]
fn what_the_child_had_is_kept() {
    let folder = Folder::new();
    let mut command = folder.command(&[
        "exec",
        "--ephemeral-ca",
        "--quiet",
        "--",
        "sh",
        "-c",
        "echo $NO_PROXY; echo $NODE_OPTIONS; echo ${HTTP_PROXY-unset}; cat $NODE_EXTRA_CA_CERTS",
    ]);
    std::fs::write(folder.path().join("company.pem"), "COMPANY ROOT\n").expect("a file");
    let output = command
        .env("NO_PROXY", "db.internal")
        .env("NODE_OPTIONS", "--trace-warnings")
        .env("NODE_EXTRA_CA_CERTS", "company.pem")
        .env_remove("HTTP_PROXY")
        .output()
        .expect("the binary starts");
    let said = stdout(&output);
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("db.internal,localhost,"), "{said}");
    assert!(
        lines[1].starts_with("--trace-warnings --require /"),
        "{said}"
    );
    assert_eq!(lines[2], "unset");
    assert!(
        said.contains("BEGIN CERTIFICATE") && said.contains("COMPANY ROOT"),
        "{said}"
    );
}

#[test]
fn refusals_name_the_place_and_the_way_out() {
    let check = |args: &[&str], said: &[&str]| {
        let output = Folder::new()
            .command(args)
            .output()
            .expect("the binary starts");
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{args:?}: {stderr}");
        // Long lines are wrapped.
        let flat = stderr
            .split_whitespace()
            .filter(|word| *word != "|")
            .collect::<Vec<_>>()
            .join(" ");
        for part in said {
            assert!(flat.contains(part), "{part} in {flat}");
        }
    };
    check(
        &["exec", "--ephemeral-ca", "--", "no-such-program"],
        &["cannot start `no-such-program`", "PATH"],
    );
    check(
        &["exec", "--ephemeral-ca", "--", "a && b"],
        &["wxmock exec -- sh -c 'a && b'"],
    );
    check(
        &["exec", "--ephemeral-ca", "--", "/"],
        &["cannot start `/`"],
    );
    check(&["exec"], &["required", "CMD"]);
    check(
        &["exec", "--ca-dir", "/proc/no/ca", "--", "true"],
        &["certificate authority", "/proc/no", "--ephemeral-ca"],
    );
    check(
        &["exec", "--assert", "logins <= 1", "--", "true"],
        &[
            "`logins` is nothing that is counted",
            "accepted: calls, exchanges",
        ],
    );
    check(
        &["exec", "--passthrough", "maybe", "--", "true"],
        &["maybe", "tunnel"],
    );
    check(
        &[
            "exec",
            "--journal",
            "no/such/folder",
            "--ephemeral-ca",
            "--",
            "true",
        ],
        &["cannot write the journal"],
    );
    check(
        &["ca", "--ca-dir", "/proc/no/ca"],
        &["certificate authority", "/proc/no"],
    );
    check(&["env", "--for", "cobol"], &["cobol", "docker-compose"]);
    let mock = Mock::start(&["--quiet", "--log", "off"]);
    check(
        &[
            "exec",
            "--ephemeral-ca",
            "--port",
            &mock.port.to_string(),
            "--",
            "true",
        ],
        &["cannot listen", "a wxmock is running there already"],
    );
}

#[test]
fn ca_writes_certificates_and_keeps_its_key() {
    let folder = Folder::new();
    let said = stdout(
        &folder
            .command(&["ca", "--ca-dir", "authority", "--dir", "certs"])
            .output()
            .expect("the binary starts"),
    );
    for name in ["root.pem", "bundle.pem", "truststore.p12"] {
        let path = folder.path().join("certs").join(name);
        assert!(
            std::fs::metadata(&path).is_ok_and(|file| file.len() > 0),
            "{name}"
        );
        assert!(said.contains(&format!("certs/{name}")), "{said}");
    }
    assert!(
        !folder.path().join("certs/authority.pem").exists(),
        "the key stays at home"
    );
    let mode = std::fs::metadata(folder.path().join("authority/authority.pem"))
        .expect("the key")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let root = || std::fs::read(folder.path().join("certs/root.pem")).expect("the root");
    let before = root();
    stdout(
        &folder
            .command(&["ca", "--ca-dir", "authority", "--dir", "certs"])
            .output()
            .expect("the binary starts"),
    );
    assert_eq!(before, root(), "made once");
}

#[test]
fn the_variables_of_a_running_mock_lead_to_it_and_doctor_sees_them() {
    if !have(&["curl"]) {
        return;
    }
    let mock = Mock::start(&["--quiet", "--log", "off", "--ca-dir", "authority"]);
    let doctor = |code: i32| {
        let output = mock
            .client(&["doctor"])
            .output()
            .expect("the binary starts");
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stdout));
        text(&output.stdout)
    };
    assert!(doctor(1).contains("no call has arrived by any route"));
    let variables = mock
        .client(&["env", "--ca-dir", "authority"])
        .output()
        .expect("the binary starts");
    let script = format!("{}{URL} curl -sS \"$URL\"", stdout(&variables));
    let answer = Command::new("sh")
        .args(["-c", &script])
        .output()
        .expect("sh runs");
    assert!(
        stdout(&answer).contains("session_key"),
        "{}",
        text(&answer.stderr)
    );
    let said = doctor(0);
    assert!(
        said.contains("connect") && said.contains("curl/") && said.contains("Calls arrive."),
        "{said}"
    );

    // A client that does not trust us, and a secret that is not ours.
    let name = format!("api.weixin.qq.com:{}", mock.port);
    let refused = Command::new("curl")
        .args([
            "-sS",
            "--resolve",
            &format!("{name}:127.0.0.1"),
            &format!("https://{name}/"),
        ])
        .env_remove("CURL_CA_BUNDLE")
        .env_remove("SSL_CERT_FILE")
        .output();
    assert!(!refused.expect("curl runs").status.success());
    let (appid, _) = mock.app();
    mock.get(&format!("/cgi-bin/token?grant_type=client_credential&appid={appid}&secret=0123456789abcdef0123456789abbeef"));
    let said = doctor(1);
    for part in ["unknown_ca", "REQUESTS_CA_BUNDLE", "the AppSecret …beef"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains("0123456789"), "{said}");
    let output = mock
        .client(&["doctor", "--json"])
        .output()
        .expect("the binary starts");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        document["roads"]["alerts"][0]["kind"], "unknown_ca",
        "{document}"
    );
    assert_eq!(document["findings"][0]["blocks"], true);

    let other = mock
        .client(&["env", "--ca-dir", "another"])
        .output()
        .expect("the binary starts");
    assert!(
        stdout(&other).starts_with("# WARNING: the mock has another certificate authority"),
        "{}",
        text(&other.stdout)
    );
}
