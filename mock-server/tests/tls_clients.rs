//! Clients other people wrote, where this machine has them: curl, openssl, the JVM's keytool. A machine without one of
//! them skips its test and says so.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use support::Mock;
use support::tls::{alerts, with_ca};
use tempfile::TempDir;
use tokio::process::Command;
use wxmock_server::{Passthrough, Route, Settings};

const URL: &str = "https://api.weixin.qq.com/sns/jscode2session?appid=wx1";

/// A mock, its root in a file, and a way to run programs against it.
struct Setup {
    mock: Mock,
    scratch: TempDir,
}

impl Setup {
    async fn open() -> Self {
        let settings = Settings {
            passthrough: Passthrough::Deny,
            ..with_ca()
        };
        let mock = Mock::start_with(settings).await;
        let scratch = tempfile::tempdir().unwrap();
        let ca = mock.handle.ca().unwrap().unwrap();
        std::fs::write(scratch.path().join("root.pem"), ca.root_pem()).unwrap();
        std::fs::write(scratch.path().join("bundle.pem"), ca.bundle_pem().pem).unwrap();
        std::fs::write(
            scratch.path().join("trust.p12"),
            ca.pkcs12("changeit").unwrap(),
        )
        .unwrap();
        Self { mock, scratch }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn port(&self) -> u16 {
        self.mock.server.addr().port()
    }

    /// The route of the newest call.
    fn route(&self) -> Route {
        let calls = self.mock.handle.calls();
        calls.get(calls.last()).unwrap().via.route
    }

    /// What curl writes, asked for `URL` with these arguments and our root; `None` without curl.
    async fn curl(&self, arguments: &[&str]) -> Option<Output> {
        let root = self.file("root.pem");
        let fixed = ["-sS", "-q", "--max-time", "30", "--noproxy", "", "--cacert"];
        let mut command = Command::new("curl");
        command.args(fixed).arg(root).args(arguments);
        run(command).await
    }

    /// curl is answered, and the call came by this route.
    async fn check(&self, route: Route, arguments: &[&str]) {
        let Some(output) = self.curl(arguments).await else {
            return;
        };
        let (out, err) = texts(&output);
        assert!(out.contains("40013"), "{arguments:?}: {out}{err}");
        assert_eq!(self.route(), route, "{arguments:?}");
    }
}

/// Run a program; `None`, and a word about it, when this machine has none.
async fn run(mut command: Command) -> Option<Output> {
    let program = Path::new(command.as_std().get_program())
        .display()
        .to_string();
    command.env_clear().stdin(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    match command.output().await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: this machine has no {program}");
            None
        }
        output => Some(output.unwrap()),
    }
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn curl_arrives_by_every_road() {
    let setup = Setup::open().await;
    let port = setup.port();
    let here = format!("api.weixin.qq.com:443:127.0.0.1:{port}");
    setup.check(Route::Tls, &["--connect-to", &here, URL]).await;
    setup
        .check(Route::Tls, &["--connect-to", &here, "--http1.1", URL])
        .await;
    setup
        .check(Route::Tls, &["--connect-to", &here, "--http2", URL])
        .await;
    setup
        .check(
            Route::Tls,
            &["--connect-to", &here, "--tls-max", "1.2", URL],
        )
        .await;
    let proxy = format!("http://127.0.0.1:{port}");
    setup.check(Route::Connect, &["--proxy", &proxy, URL]).await;
    setup
        .check(Route::Connect, &["--proxy", &proxy, "--http1.1", URL, URL])
        .await;
    let plain = URL.replace("https", "http");
    setup
        .check(Route::AbsoluteForm, &["--proxy", &proxy, &plain])
        .await;
    setup
        .check(
            Route::Connect,
            &["--proxy", &proxy, "--proxytunnel", &plain],
        )
        .await;
    let root = setup.file("root.pem").display().to_string();
    let secure = format!("https://localhost:{port}");
    let proxy = ["--proxy", &secure, "--proxy-cacert", &root];
    setup
        .check(Route::Connect, &[&proxy[..], &[URL]].concat())
        .await;
    setup
        .check(Route::TlsAbsoluteForm, &[&proxy[..], &[&plain]].concat())
        .await;
    let clear = format!("http://127.0.0.1:{port}/sns/jscode2session?appid=wx1");
    setup.check(Route::Plain, &[&clear]).await;
    setup
        .check(Route::Plain, &["--http2-prior-knowledge", &clear])
        .await;
}

#[tokio::test]
async fn curl_tells_us_when_it_does_not_trust_us_and_we_tell_it_what_we_deny() {
    let setup = Setup::open().await;
    let here = format!("api.weixin.qq.com:443:127.0.0.1:{}", setup.port());
    let other = tempfile::NamedTempFile::new().unwrap();
    let stranger = wxmock_server::ca::Ca::ephemeral().unwrap();
    std::fs::write(other.path(), stranger.root_pem()).unwrap();
    let other = other.path().display().to_string();
    let untrusting = ["--connect-to", &here, "--cacert", &other, URL];
    let Some(output) = setup.curl(&untrusting).await else {
        return;
    };
    assert_eq!(output.status.code(), Some(60), "{:?}", texts(&output));
    let seen = alerts(&setup.mock, 1).await;
    assert_eq!(seen[0].sni.as_deref(), Some("api.weixin.qq.com"));
    let proxy = format!("http://127.0.0.1:{}", setup.port());
    let denied = setup
        .curl(&["--proxy", &proxy, "https://example.com/"])
        .await
        .unwrap();
    let (_, err) = texts(&denied);
    assert!(err.contains("403"), "{err}");
}

#[tokio::test]
async fn openssl_verifies_the_chain_we_send() {
    let setup = Setup::open().await;
    for (ca, name) in [
        ("root.pem", "api.weixin.qq.com"),
        ("bundle.pem", "localhost"),
    ] {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-verify_return_error", "-brief", "-connect"]);
        command.arg(format!("127.0.0.1:{}", setup.port()));
        command.args(["-servername", name, "-verify_hostname", name, "-CAfile"]);
        command.arg(setup.file(ca));
        let Some(output) = run(command).await else {
            return;
        };
        let (_, err) = texts(&output);
        assert!(
            output.status.success() && err.contains("Verification: OK"),
            "{name}: {err}"
        );
    }
}

#[tokio::test]
async fn the_jvm_reads_the_trust_store() {
    let setup = Setup::open().await;
    let mut command = Command::new("keytool");
    command.args([
        "-list",
        "-storetype",
        "PKCS12",
        "-storepass",
        "changeit",
        "-keystore",
    ]);
    command.arg(setup.file("trust.p12"));
    let Some(output) = run(command).await else {
        return;
    };
    let (out, err) = texts(&output);
    let ours = out.lines().find(|line| line.starts_with("wxmock,"));
    let is_trusted = ours.is_some_and(|line| line.contains("trustedCertEntry"));
    assert!(is_trusted, "{out}{err}");
}
