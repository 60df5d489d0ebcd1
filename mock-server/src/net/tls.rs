//! TLS as the mock speaks it: the authority made or read at the first handshake, one configuration for all of them, and
//! what a handshake that failed says about the client.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::crypto::ring;
use rustls::server::{Acceptor, ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::hosts::{is_played, is_public};
use super::{Alpn, Route, Routes, Stream};
use crate::ca::{Ca, CaError, CaSource};

/// The authority and the configuration made of it, once somebody needed them.
#[derive(Debug)]
pub(crate) struct Tls {
    source: CaSource,
    limit: Duration,
    made: OnceLock<Result<Option<Made>, CaError>>,
}

#[derive(Debug)]
struct Made {
    ca: Arc<Ca>,
    config: Arc<ServerConfig>,
}

/// A connection whose handshake is done.
pub(crate) struct Accepted {
    pub(crate) stream: Stream,
    /// The name the client asked for.
    pub(crate) sni: Option<String>,
    pub(crate) alpn: Option<Alpn>,
}

impl Tls {
    pub(crate) fn new(source: CaSource, limit: Duration) -> Self {
        Self {
            source,
            limit,
            made: OnceLock::new(),
        }
    }

    /// The authority, made or read now if it was not before. Some milliseconds the first time.
    pub(crate) fn ca(&self) -> Result<Option<&Ca>, &CaError> {
        let made = self.made.get_or_init(|| self.make());
        made.as_ref()
            .map(|made| made.as_ref().map(|made| &*made.ca))
    }

    /// Whether there is nobody to vouch for us.
    pub(crate) fn is_off(&self) -> bool {
        self.source == CaSource::Off
    }

    fn make(&self) -> Result<Option<Made>, CaError> {
        let Some(ca) = self.source.open()? else {
            return Ok(None);
        };
        let ca = Arc::new(ca);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Leaves(Arc::clone(&ca))));
        config.alpn_protocols = [Alpn::H2, Alpn::Http11]
            .map(|alpn| alpn.as_str().as_bytes().to_vec())
            .into();
        let config = Arc::new(config);
        Ok(Some(Made { ca, config }))
    }

    /// The configuration; `None` when there is no authority. Files are read and keys made off the runtime's own threads.
    async fn config(tls: &Arc<Self>) -> Option<Arc<ServerConfig>> {
        if tls.made.get().is_none() {
            let tls = Arc::clone(tls);
            // Fails only if making the authority panicked; then the next line tries again and there is no hiding it.
            let _ = tokio::task::spawn_blocking(move || tls.ca().is_ok()).await;
        }
        let made = tls
            .made
            .get_or_init(|| tls.make())
            .as_ref()
            .ok()?
            .as_ref()?;
        Some(Arc::clone(&made.config))
    }

    /// Shake hands. A client that does not get through is counted, with its reason if it gave one.
    pub(crate) async fn accept(
        tls: &Arc<Self>,
        routes: &Routes,
        route: Route,
        stream: Stream,
    ) -> Option<Accepted> {
        let mut sni = None;
        let shaken = tokio::time::timeout(tls.limit, shake(tls, stream, &mut sni)).await;
        let failure = match shaken {
            Ok(Ok(stream)) => {
                let alpn = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Some(Alpn::H2),
                    Some(_) => Some(Alpn::Http11),
                    None => None,
                };
                let stream = Stream::tls(stream);
                return Some(Accepted { stream, sni, alpn });
            }
            Ok(Err(failure)) => failure,
            Err(_) => Failure("timeout".to_owned()),
        };
        routes.alert(failure.0, sni.as_deref());
        // Nothing more will come of this client that could tell for whom it came.
        if let Some(name) = sni.filter(|name| is_public(name) && !is_played(name)) {
            routes.unplayed(&name, route);
        }
        None
    }
}

async fn shake(
    tls: &Arc<Tls>,
    stream: Stream,
    sni: &mut Option<String>,
) -> Result<TlsStream<Stream>, Failure> {
    let mut start = LazyConfigAcceptor::new(Acceptor::default(), stream)
        .await
        .map_err(|error| Failure::of(&error))?;
    *sni = start.client_hello().server_name().map(str::to_owned);
    let Some(config) = Tls::config(tls).await else {
        // The client is going anyway; if the alert does not reach it, it sees the connection close.
        let _ = start.io.write_all(&INTERNAL_ERROR_ALERT).await;
        let _ = start.io.shutdown().await;
        return Err(Failure("no-ca".to_owned()));
    };
    let stream = start.into_stream(config).await;
    stream.map_err(|error| Failure::of(&error))
}

/// A fatal `internal_error` in a record of its own, for clients we cannot shake hands with.
const INTERNAL_ERROR_ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 80];

/// Why a handshake failed, as [`AlertCount::kind`](super::AlertCount::kind) has it.
struct Failure(String);

impl Failure {
    fn of(error: &io::Error) -> Self {
        let inner = error.get_ref().and_then(|error| error.downcast_ref());
        let kind = match (inner, error.kind()) {
            (Some(rustls::Error::AlertReceived(alert)), _) => alert_name(*alert),
            (Some(rustls::Error::InvalidMessage(_)), _) => "not-tls".to_owned(),
            (_, io::ErrorKind::UnexpectedEof) => "closed".to_owned(),
            (_, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) => "reset".to_owned(),
            _ => "failed".to_owned(),
        };
        Self(kind)
    }
}

/// The alert's name in RFC 8446: `UnknownCA` is `unknown_ca`.
fn alert_name(alert: AlertDescription) -> String {
    let mut name = String::new();
    let mut was_lower = false;
    for letter in format!("{alert:?}").chars() {
        if letter.is_ascii_uppercase() && was_lower {
            name.push('_');
        }
        was_lower = letter.is_ascii_lowercase();
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Chooses the leaf a client gets.
struct Leaves(Arc<Ca>);

impl fmt::Debug for Leaves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leaves")
    }
}

impl ResolvesServerCert for Leaves {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.leaf(hello.server_name()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_names_of_the_standard() {
        for (alert, name) in [
            (AlertDescription::UnknownCA, "unknown_ca"),
            (AlertDescription::BadCertificate, "bad_certificate"),
            (AlertDescription::CertificateUnknown, "certificate_unknown"),
            (AlertDescription::CloseNotify, "close_notify"),
            (
                AlertDescription::NoApplicationProtocol,
                "no_application_protocol",
            ),
        ] {
            assert_eq!(alert_name(alert), name);
        }
    }
}
