//! Backends behind an adapter's hooks, and hosts that are carried on.

use crate::support::{self, stdout};
use crate::{Folder, URL, have, text};

/// A backend with a hard-coded address: the adapter says `hook = "proxy"`, and one login goes through.
#[test]
fn an_adapter_s_proxy_hook_reaches_a_hard_coded_address() {
    if !have(&["python3"]) {
        return;
    }
    let folder = Folder::new();
    support::write(folder.path(), "backend.py", BACKEND);
    support::write(folder.path(), "wxmock.toml", ADAPTER);
    let output = folder
        .command(&["adapter", "check", "--adapter", "wxmock.toml"])
        .output()
        .expect("the binary starts");
    let said = stdout(&output);
    assert!(said.contains("WeChat saw     jscode2session"), "{said}");
}

/// Nobody prepared the name on this machine, or somebody did: either way the harness does not guess.
#[test]
fn an_adapter_s_hosts_hook_explains_what_to_prepare() {
    let folder = Folder::new();
    support::write(folder.path(), "backend.py", BACKEND);
    support::write(
        folder.path(),
        "wxmock.toml",
        &ADAPTER.replace("\"proxy\"", "\"hosts\""),
    );
    let output = folder
        .command(&["adapter", "check", "--adapter", "wxmock.toml"])
        .output()
        .expect("the binary starts");
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("api.weixin.qq.com") && stderr.contains("port = 443"),
        "{stderr}"
    );
}

const BACKEND: &str = r#"
import http.server, json, os, sys, urllib.parse, urllib.request

class Login(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("code", [""])[0]
        query = urllib.parse.urlencode({"appid": os.environ["APPID"], "secret": os.environ["SECRET"], "js_code": code, "grant_type": "authorization_code"})
        answer = json.load(urllib.request.urlopen("https://api.weixin.qq.com/sns/jscode2session?" + query))
        body = json.dumps({"token": answer.get("openid")}).encode()
        self.send_response(200 if "openid" in answer else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Login).serve_forever()
"#;

const ADAPTER: &str = r#"
name = "hard-coded"
[backend]
base = "http://127.0.0.1:{{run.port}}"
start = ["python3", "backend.py", "{{run.port}}"]
env = { APPID = "{{run.appid}}", SECRET = "{{run.secret}}" }
[upstream]
hook = "proxy"
[ops.login]
request = { get = "/login", query = { code = "{{device.code}}" } }
capture = { token = "$.token" }
[[outcome]]
when = { status = 200 }
is = "ok"
[[outcome]]
when = { status = "4xx" }
is = "relogin"
"#;

/// Says its port, then answers every GET over TLS.
const HTTPS: &str = r#"
import http.server, ssl
class Mine(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"mine")
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mine)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// Calls an HTTPS server of this machine that knows nothing of the mock, then WeChat.
const ELSEWHERE: &str = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null; \
    mkfifo up; python3 server.py > up & SERVER=$!; read PORT < up; \
    curl -sS --noproxy '' --cacert cert.pem \"https://localhost:$PORT/\"; echo \" ended $?\"; \
    kill $SERVER; curl -sS \"$URL\"";

/// A host that is not WeChat's has its own certificate and its own answer, or is refused aloud; either way it is said.
#[test]
fn hosts_that_are_not_played_are_carried_on_unread_or_refused_and_named() {
    if !have(&["curl", "python3"]) || !support::is_installed("openssl", "version", "pass-through") {
        return;
    }
    let script = format!("{URL}{ELSEWHERE}");
    for (choice, heard, complaint) in [
        ("tunnel", "mine ended 0", ""),
        ("deny", " ended 56", "response 403"),
    ] {
        let folder = Folder::new();
        std::fs::write(folder.path().join("server.py"), HTTPS).expect("written");
        let output = folder.exec(&["--passthrough", choice], &script);
        let (heard_by_it, told) = (stdout(&output), text(&output.stderr));
        assert!(
            heard_by_it.contains(heard) && heard_by_it.contains("session_key"),
            "{choice}: {heard_by_it}\n{told}"
        );
        assert!(told.contains(complaint), "{choice}: {told}");
        assert!(
            told.contains("calls to hosts the mock does not play: localhost (1, by connect)"),
            "{choice}: {told}"
        );
    }
}
