//! TLS to a backend: whose certificate is accepted, and what to write when one is not.
//!
//! Knows nothing of what is asked, and nothing of the mock's own certificates.

use std::{
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{self, CryptoProvider},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_rustls::TlsConnector;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName};

use super::connection::Stream;

/// Whose signature makes a backend's certificate a good one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The roots of this machine.
    System,
    /// Those in this PEM file, and every certificate that is itself in there.
    File(PathBuf),
    /// Nobody's: it is not looked at.
    Unchecked,
}

/// How one backend is spoken to over TLS. The certificates are read once, with the first connection: a backend may write
/// its own while it starts.
#[derive(Debug)]
pub(crate) struct Tls {
    trust: Trust,
    config: OnceLock<Arc<ClientConfig>>,
}

impl Tls {
    pub(crate) const fn new(trust: Trust) -> Self {
        Self {
            trust,
            config: OnceLock::new(),
        }
    }

    /// Makes `stream` a TLS connection with `host`; the error is a sentence that says what to write.
    pub(crate) async fn over(
        &self,
        stream: Box<dyn Stream>,
        host: &str,
    ) -> Result<Box<dyn Stream>, String> {
        let config = match self.config.get() {
            Some(config) => Arc::clone(config),
            None => {
                let made = Arc::new(config(&self.trust)?);
                Arc::clone(self.config.get_or_init(|| made))
            }
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| format!("`{host}` is no name a certificate can be for"))?;
        match TlsConnector::from(config).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(handshake_failure(&error)),
        }
    }
}

fn config(trust: &Trust) -> Result<ClientConfig, String> {
    let provider = Arc::new(crypto::ring::default_provider());
    let examiner = Examiner::new(trust, Arc::clone(&provider))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(examiner))
        .with_no_client_auth();
    // What the client speaks; a server that prefers HTTP/2 would choose it otherwise.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Why there is no TLS connection, from what the other end did.
fn handshake_failure(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        // The examiner's own sentence.
        Some(Error::General(sentence)) => sentence.clone(),
        Some(Error::InvalidMessage(_)) => {
            "what listens there does not speak TLS: if it speaks plain http, write `base` with http:// instead of https://"
                .to_owned()
        }
        Some(Error::AlertReceived(alert)) => format!(
            "it ended the TLS handshake ({alert:?}): at least TLS 1.2 is spoken here, and no certificate of ours is shown"
        ),
        Some(Error::PeerIncompatible(what)) => {
            format!("its TLS has nothing in common with ours ({what:?}): TLS 1.2 and 1.3 are spoken here")
        }
        Some(other) => format!("the TLS handshake failed: {other}"),
        None if matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
        ) =>
        {
            "it closed the connection during the TLS handshake: if it speaks plain http, write `base` with http:// instead of https://"
                .to_owned()
        }
        None => format!("the TLS handshake failed: {error}"),
    }
}

/// Looks at the certificate a backend shows.
#[derive(Debug)]
struct Examiner {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    /// The chain, the dates and the name, by those who may sign; `None` if there is nobody.
    signed: Option<Arc<WebPkiServerVerifier>>,
    /// What stands in the file itself: the self-signed certificate of a backend on a developer's machine is an authority's
    /// as OpenSSL makes it, and no chain of WebPKI may end with one.
    own: Vec<CertificateDer<'static>>,
}

impl Examiner {
    fn new(trust: &Trust, provider: Arc<CryptoProvider>) -> Result<Self, String> {
        let (certificates, own) = match trust {
            Trust::Unchecked => (Vec::new(), Vec::new()),
            Trust::System => (wxmock_server::ca::system_roots(), Vec::new()),
            Trust::File(path) => {
                let read = read_file(path)?;
                (read.clone(), read)
            }
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        let signed = if roots.is_empty() {
            None
        } else {
            let verifier =
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
            Some(verifier.build().map_err(|error| error.to_string())?)
        };
        Ok(Self {
            trust: trust.clone(),
            provider,
            signed,
            own,
        })
    }

    /// What is wrong with the certificate, as a sentence.
    fn objection(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<String> {
        let Some(certificate) = Certificate::read(shown) else {
            return Some("its certificate cannot be read".to_owned());
        };
        // Dates and names first: they are wrong whoever signed it.
        if let Some(objection) = certificate.out_of_date(now) {
            return Some(objection);
        }
        if self.own.iter().any(|own| own == shown) {
            return certificate.not_for(name);
        }
        let verdict = self.signed.as_ref().map_or(
            Err(Error::InvalidCertificate(
                rustls::CertificateError::UnknownIssuer,
            )),
            |signed| {
                signed
                    .verify_server_cert(shown, intermediates, name, &[], now)
                    .map(|_| ())
            },
        );
        let error = verdict.err()?;
        Some(match error {
            Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
                self.stranger(&certificate)
            }
            Error::InvalidCertificate(
                rustls::CertificateError::NotValidForName
                | rustls::CertificateError::NotValidForNameContext { .. },
            ) => certificate.not_for(name).unwrap_or_else(|| {
                format!(
                    "{} names {} in its subject only, where nobody looks any more: {}",
                    certificate.said(),
                    name.to_str(),
                    made_for(name)
                )
            }),
            // An authority's own certificate, served as a backend's.
            Error::InvalidCertificate(rustls::CertificateError::Other(_))
                if certificate.is_authority =>
            {
                self.stranger(&certificate)
            }
            other => format!("{} is not accepted: {other}", certificate.said()),
        })
    }

    fn stranger(&self, certificate: &Certificate) -> String {
        let who = match &self.trust {
            Trust::File(path) => format!(
                "is not signed by what `backend.ca` ({}) holds: it has to be the certificate of whoever signed it",
                path.display()
            ),
            Trust::System | Trust::Unchecked => "is signed by nobody this machine trusts: write `ca = \"FILE.pem\"` in [backend], with the certificate of whoever signed it"
                .to_owned(),
        };
        let itself = if certificate.is_self_signed {
            " (it is self-signed, so that is this certificate itself)"
        } else {
            ""
        };
        format!(
            "{} {who}{itself}, or `insecure = true` to leave it unchecked",
            certificate.said()
        )
    }
}

impl ServerCertVerifier for Examiner {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.trust == Trust::Unchecked {
            return Ok(ServerCertVerified::assertion());
        }
        match self.objection(end_entity, intermediates, server_name, now) {
            None => Ok(ServerCertVerified::assertion()),
            Some(sentence) => Err(Error::General(sentence)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn read_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let text = std::fs::read(path)
        .map_err(|error| format!("`backend.ca` ({shown}) cannot be read: {error}"))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text).flatten().collect();
    if certificates.is_empty() {
        return Err(format!(
            "`backend.ca` ({shown}) holds no certificate in PEM (-----BEGIN CERTIFICATE-----); `openssl x509 -inform der -in FILE -out FILE.pem` makes it from the binary form"
        ));
    }
    Ok(certificates)
}

/// What is told and compared of a certificate.
struct Certificate {
    subject: String,
    is_self_signed: bool,
    is_authority: bool,
    not_before: i64,
    not_after: i64,
    hosts: Vec<String>,
    addresses: Vec<IpAddr>,
}

impl Certificate {
    fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, read) = x509_parser::parse_x509_certificate(der).ok()?;
        let (mut hosts, mut addresses) = names(&read);
        if hosts.is_empty() && addresses.is_empty() {
            // The habit of before there were alternative names, and of `openssl req` to this day.
            let common = read.subject().iter_common_name();
            for name in common.filter_map(|name| name.as_str().ok()) {
                match name.parse() {
                    Ok(address) => addresses.push(address),
                    Err(_) => hosts.push(name.to_owned()),
                }
            }
        }
        Some(Self {
            subject: read.subject().to_string(),
            is_self_signed: read.subject() == read.issuer(),
            is_authority: read.is_ca(),
            not_before: read.validity().not_before.timestamp(),
            not_after: read.validity().not_after.timestamp(),
            hosts,
            addresses,
        })
    }

    fn said(&self) -> String {
        match self.subject.as_str() {
            "" => "its certificate".to_owned(),
            subject => format!("its certificate ({})", wxmock_server::foreign_line(subject)),
        }
    }

    fn out_of_date(&self, now: UnixTime) -> Option<String> {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let (what, at) = if now > self.not_after {
            ("expired on", self.not_after)
        } else if now < self.not_before {
            ("is not valid before", self.not_before)
        } else {
            return None;
        };
        Some(format!(
            "{} {what} {}: make a new one, or write `insecure = true` in [backend] to leave it unchecked",
            self.said(),
            day(at)
        ))
    }

    /// The objection to a certificate for others than `name`.
    fn not_for(&self, name: &ServerName<'_>) -> Option<String> {
        let is_for = match name {
            ServerName::IpAddress(address) => self.addresses.contains(&IpAddr::from(*address)),
            name => self.hosts.iter().any(|host| covers(host, &name.to_str())),
        };
        (!is_for).then(|| self.names_nobody(name))
    }

    fn names_nobody(&self, name: &ServerName<'_>) -> String {
        let (wanted, anew) = (name.to_str(), made_for(name));
        let addresses = self.addresses.iter().map(IpAddr::to_string);
        let named: Vec<String> = self.hosts.iter().cloned().chain(addresses).collect();
        let Some(first) = named.iter().find(|name| !name.contains('*')) else {
            return format!("{} is not for {wanted}: {anew}", self.said());
        };
        let shown = named.iter().map(|name| wxmock_server::foreign_line(name));
        let shown = shown.collect::<Vec<_>>().join(", ");
        let first = wxmock_server::foreign_line(first);
        format!(
            "{} is for {shown}, not for {wanted}: write {first} instead of {wanted} in `base` if that leads there, {anew}",
            self.said()
        )
    }
}

/// How to get a certificate for `name`.
fn made_for(name: &ServerName<'_>) -> String {
    let wanted = name.to_str();
    let kind = match name {
        ServerName::IpAddress(_) => "IP",
        _ => "DNS",
    };
    format!(
        "make one for {wanted} (`openssl req … -addext subjectAltName={kind}:{wanted}`), or write `insecure = true` in [backend] to leave it unchecked"
    )
}

/// The alternative names of a certificate.
fn names(read: &X509Certificate<'_>) -> (Vec<String>, Vec<IpAddr>) {
    let (mut hosts, mut addresses) = (Vec::new(), Vec::new());
    let alternative = read.subject_alternative_name().ok().flatten();
    for name in alternative.map_or(&[][..], |names| names.value.general_names.as_slice()) {
        match name {
            GeneralName::DNSName(host) => hosts.push((*host).to_owned()),
            GeneralName::IPAddress(bytes) => {
                let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                let sixteen = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
                addresses.extend(four.or(sixteen));
            }
            _ => {}
        }
    }
    (hosts, addresses)
}

/// Whether a certificate's name is that of `host`; `*` stands for one label at the beginning.
fn covers(name: &str, host: &str) -> bool {
    let plain = |text: &str| text.trim_end_matches('.').to_ascii_lowercase();
    let (name, host) = (plain(name), plain(host));
    match name.strip_prefix("*.") {
        Some(domain) => host
            .split_once('.')
            .is_some_and(|(label, rest)| !label.is_empty() && rest == domain),
        None => name == host,
    }
}

fn day(second: i64) -> String {
    jiff::Timestamp::from_second(second).map_or_else(
        |_| "an unknown day".to_owned(),
        |at| at.strftime("%Y-%m-%d").to_string(),
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
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
}
