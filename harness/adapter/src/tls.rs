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
mod tests;
