//! `adapter check` of a backend with a store: what a login says to it, a store that saw nothing, a store that is not there.

#[expect(dead_code, reason = "the tests of `serve` use the rest of it")]
mod support;

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

use support::{stdout, write, wxmock};

struct Redis {
    child: Child,
    port: u16,
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its number").port()
}

/// A Redis; says so where it is not installed.
fn redis() -> Option<Redis> {
    redis_with(&[])
}

fn redis_with(arguments: &[&str]) -> Option<Redis> {
    let port = free_port();
    let spawned = Command::new("redis-server")
        .args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--port",
            &port.to_string(),
        ])
        .args(arguments)
        .stdout(Stdio::null())
        .spawn();
    let Ok(child) = spawned else {
        eprintln!("passed over: redis-server is not installed");
        return None;
    };
    let mut redis = Redis { child, port };
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let ended = redis.child.try_wait().expect("its state is known");
        assert!(ended.is_none(), "redis-server ended: {ended:?}");
        std::thread::yield_now();
    }
    Some(redis)
}

/// `adapter check` where the backend is told `told` as the address of its Redis.
fn check(store_port: u16, told: &str) -> Output {
    run(&["adapter", "check"], store_port, told)
}

fn run(arguments: &[&str], store_port: u16, told: &str) -> Output {
    let dir = tempfile::tempdir().expect("a folder");
    write(
        dir.path(),
        "backend.py",
        include_str!("adapter_stores/backend.py"),
    );
    let adapter = format!(
        r#"name = "stored"
[backend]
base = "http://127.0.0.1:{{{{run.port}}}}"
start = ["python3", "backend.py"]
env = {{ REDIS = "{told}", PORT = "{{{{run.port}}}}", WECHAT = "{{{{mock.base}}}}", APPID = "{{{{run.appid}}}}", SECRET = "{{{{run.secret}}}}" }}
[[store]]
name = "redis"
protocol = "redis"
address = "127.0.0.1:{store_port}"
[ops.login]
request = {{ post = "/login", json = {{ code = "{{{{device.code}}}}" }} }}
capture = {{ token = "$.token" }}
[[outcome]]
when = {{ status = 401 }}
is = "relogin"
[[outcome]]
when = {{ status = "2xx" }}
is = "ok"
[[outcome]]
when = {{ status = "5xx" }}
is = "server_error"
"#
    );
    write(dir.path(), "wxmock.toml", &adapter);
    wxmock()
        .args(arguments)
        .args(["--adapter", "wxmock.toml"])
        .current_dir(dir.path())
        .output()
        .expect("the binary starts")
}

#[test]
fn a_login_shows_what_it_says_to_its_store() {
    let Some(redis) = redis() else { return };
    let output = check(redis.port, "{{store.redis.address}}");
    let said = stdout(&output);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = "store `redis`: 2 statements\n                 GET\n                 SET\n";
    assert!(said.contains(lines), "{said}");
}

#[test]
fn a_store_that_saw_nothing_is_named() {
    let Some(redis) = redis() else { return };
    let output = check(redis.port, &format!("127.0.0.1:{}", redis.port));
    let said = stdout(&output);
    assert!(
        said.contains("store `redis` saw no statement: what in [backend] leads to it"),
        "{said}"
    );
}

#[test]
fn a_store_that_is_not_there_ends_the_run_before_it_begins() {
    let output = check(free_port(), "{{store.redis.address}}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(
        told.contains("store `redis`: nothing answers at 127.0.0.1:"),
        "{told}"
    );
}

#[test]
fn a_refused_password_is_told_by_whatever_runs() {
    let Some(redis) = redis_with(&["--requirepass", "secret"]) else {
        return;
    };
    for arguments in [&["check", "CL-3"][..], &["adapter", "check"]] {
        let output = run(arguments, redis.port, "{{store.redis.address}}");
        assert_eq!(output.status.code(), Some(5), "{arguments:?}: {output:?}");
        let (out, err) = (&output.stdout, &output.stderr);
        let told = String::from_utf8_lossy(out) + String::from_utf8_lossy(err);
        let expected = "store `redis`: it refused the backend's user or password (NOAUTH)";
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
}
