//! A test of a backend that logs in with WeChat, against the mock; it says nothing if it passes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use wxmock_server::{Endpoint, Fixture, config::Config};

/// Your backend's, told of `mock.url()`, `mock.appid()` and `mock.secret()`.
fn login(mock: &Fixture, code: &str) -> std::io::Result<String> {
    let (appid, secret, url) = (mock.appid(), mock.secret().as_ref(), mock.url());
    let host = url.trim_start_matches("http://");
    let query =
        format!("appid={appid}&secret={secret}&js_code={code}&grant_type=authorization_code");
    let mut stream = TcpStream::connect(host)?;
    write!(
        stream,
        "GET /sns/jscode2session?{query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::main]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mock = Fixture::start(Config::default()).await?;
    let code = mock.code("alice");
    assert!(login(&mock, &code)?.contains("openid"));
    assert!(login(&mock, &code)?.contains("40163"));
    mock.assert_calls(Endpoint::Jscode2session, 2);
    mock.stop().await;
    Ok(())
}
