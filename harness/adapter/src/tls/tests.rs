use std::time::Duration;

use bytes::Bytes;
use hyper::{HeaderMap, Method};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::{
    client::{RawAnswer, send},
    connection::Peer,
    request::Exchange,
};

/// A certificate for `names` with its key, by an authority of its own or by itself.
struct Made {
    pem: String,
    signer: String,
    shown: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn params(names: &[&str], subject: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    params
}

/// From the third of February of one year to that of another.
fn valid(from: i32, to: i32) -> CertificateParams {
    let mut params = params(&["127.0.0.1"], "me");
    params.not_before = date_time_ymd(from, 2, 3);
    params.not_after = date_time_ymd(to, 2, 3);
    params
}

/// As `openssl req -x509` makes them: an authority, signed by itself.
fn by_itself(mut params: CertificateParams) -> Made {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    Made {
        pem: made.pem(),
        signer: made.pem(),
        shown: vec![made.der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    }
}

fn by_an_authority(params: &CertificateParams) -> Made {
    let mut above = self::params(&[], "our own authority");
    above.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let signing = KeyPair::generate().unwrap();
    let signer = above.self_signed(&signing).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let made = params
        .signed_by(&key, &Issuer::new(above, signing))
        .unwrap();
    Made {
        pem: made.pem(),
        signer,
        shown: vec![made.der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    }
}

/// Asks a server that shows `made` at `https://HOST:port`.
async fn asked_at(host: &str, made: &Made, trust: Trust) -> RawAnswer {
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(made.shown.clone(), made.key.clone_key())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        // A client that does not like the certificate ends the handshake.
        if let Ok(mut stream) = acceptor.accept(stream).await {
            let mut read = [0; 4096];
            let _ = stream.read(&mut read).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    };
    let base = format!("https://{host}:{port}");
    tokio::join!(serve, asked(&base, trust)).1
}

async fn asked(base: &str, trust: Trust) -> RawAnswer {
    let exchange = Exchange {
        method: Method::GET,
        path_and_query: "/".into(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    };
    let peer = Peer::at(base, trust).unwrap();
    send(&peer, exchange, Duration::from_secs(20)).await
}

fn kept(text: &str) -> (tempfile::TempDir, Trust) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, text).unwrap();
    (folder, Trust::File(path))
}

fn refused(answer: &RawAnswer, parts: &[&str]) {
    let error = answer.error.clone().unwrap_or_default();
    for part in parts {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    assert!(answer.untrusted && answer.status.is_none(), "{answer:?}");
}

#[tokio::test]
async fn who_is_named_in_the_file_is_accepted() {
    let itself = by_itself(params(&["127.0.0.1"], "me"));
    let signed = by_an_authority(&params(&["127.0.0.1", "localhost"], "me"));
    // What `openssl req -x509 -subj /CN=localhost` makes has no other name.
    let old = by_itself(params(&[], "localhost"));
    for (made, host) in [
        (&itself, "127.0.0.1"),
        (&signed, "127.0.0.1"),
        (&signed, "localhost"),
        (&old, "localhost"),
    ] {
        let (_folder, trust) = kept(&made.signer);
        let answer = asked_at(host, made, trust).await;
        assert_eq!((answer.status, answer.error), (Some(200), None), "{host}");
    }
}

#[tokio::test]
async fn a_stranger_is_told_from_a_friend() {
    let made = by_itself(params(&["127.0.0.1"], "me"));
    let answer = asked_at("127.0.0.1", &made, Trust::System).await;
    refused(
        &answer,
        &[
            "CN=me",
            "nobody this machine trusts",
            "ca = \"FILE.pem\"",
            "self-signed",
            "insecure = true",
        ],
    );
    let (_folder, other) = kept(&by_itself(params(&["127.0.0.1"], "me")).pem);
    let answer = asked_at("127.0.0.1", &made, other).await;
    refused(&answer, &["is not signed by what `backend.ca` ("]);
    let answer = asked_at("127.0.0.1", &made, Trust::Unchecked).await;
    assert_eq!((answer.status, answer.error), (Some(200), None));
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_day_say_which_would_be_right() {
    for (made, parts) in [
        (
            by_an_authority(&params(&["shop.test", "*.shop.test"], "me")),
            [
                "is for shop.test, *.shop.test, not for 127.0.0.1",
                "subjectAltName=IP:127.0.0.1",
            ],
        ),
        (
            by_itself(params(&["localhost"], "me")),
            [
                "is for localhost, not for 127.0.0.1",
                "write localhost instead of 127.0.0.1 in `base`",
            ],
        ),
        (
            by_an_authority(&params(&[], "127.0.0.1")),
            ["in its subject only", "subjectAltName=IP:127.0.0.1"],
        ),
        (
            by_itself(valid(2019, 2020)),
            ["expired on 2020-02-03", "insecure = true"],
        ),
        (
            by_an_authority(&valid(3999, 4000)),
            ["is not valid before 3999-02-03", "insecure = true"],
        ),
    ] {
        let (_folder, trust) = kept(&made.signer);
        refused(&asked_at("127.0.0.1", &made, trust).await, &parts);
    }
}

#[tokio::test]
async fn a_file_without_a_certificate_says_so() {
    let made = by_itself(params(&["127.0.0.1"], "me"));
    let (_folder, trust) = kept("-----BEGIN PRIVATE KEY-----\n");
    let answer = asked_at("127.0.0.1", &made, trust).await;
    refused(&answer, &["holds no certificate in PEM"]);
    let missing = Trust::File("/nowhere/ca.pem".into());
    let answer = asked_at("127.0.0.1", &made, missing).await;
    refused(&answer, &["`backend.ca` (/nowhere/ca.pem) cannot be read"]);
}

#[tokio::test]
async fn plain_http_is_recognised() {
    for said in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        // A server that closes without a word.
        b"",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = [0; 4096];
            let _ = stream.read(&mut read).await;
            let _ = stream.write_all(said).await;
        };
        let base = format!("https://127.0.0.1:{port}");
        let (_, answer) = tokio::join!(serve, asked(&base, Trust::System));
        refused(&answer, &["write `base` with http:// instead of https://"]);
    }
}

#[test]
fn a_star_is_one_label() {
    let check = |name: &str, host: &str, expected: bool| {
        assert_eq!(covers(name, host), expected, "{name} {host}");
    };
    check("shop.test", "SHOP.test.", true);
    check("*.shop.test", "a.shop.test", true);
    check("*.shop.test", "shop.test", false);
    check("*.shop.test", "a.b.shop.test", false);
    check("*.shop.test", ".shop.test", false);
}
