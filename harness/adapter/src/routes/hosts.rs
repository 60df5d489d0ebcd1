//! The route that somebody else prepared: WeChat's name leads to this machine, and the mock answers on port 443.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wxmock_server::ca::Ca;

/// The name that is tried; the others lie beside it in every recipe.
const NAME: &str = "api.weixin.qq.com";
/// The port of an `https` URL that names none.
const HTTPS_PORT: u16 = 443;
/// Long enough for a busy machine; the other end is this one.
const LIMIT: Duration = Duration::from_secs(5);

/// Why a backend that calls `https://api.weixin.qq.com` would not reach the mock.
#[derive(Debug, thiserror::Error)]
pub enum HostsError {
    /// The name has no address.
    #[error("{NAME} does not resolve: {0}")]
    Unresolved(io::Error),
    /// The name leads to another machine, perhaps to WeChat itself. It was not called.
    #[error("{NAME} leads to {0}, which is not this machine")]
    Elsewhere(IpAddr),
    /// Nobody listens there.
    #[error(
        "nothing answers at {address} for {NAME} (the mock listens on port {mock_port}): {source}"
    )]
    Silent {
        /// Where the name leads.
        address: SocketAddr,
        /// Where the mock is.
        mock_port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// Somebody listens there, but not with a certificate of this mock's.
    #[error("{address} answers for {NAME}, but not with this mock's certificate: {source}")]
    Stranger {
        /// Where the name leads.
        address: SocketAddr,
        /// What TLS says.
        source: io::Error,
    },
}

/// Checks that a backend calling `https://api.weixin.qq.com` arrives at the mock whose authority `ca` is.
///
/// Asks the system's resolver once; calls no address that is not of this machine.
///
/// # Errors
/// The first thing that is in the way.
pub async fn check_hosts(ca: &Ca, mock_port: u16) -> Result<(), HostsError> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((NAME, HTTPS_PORT))
        .await
        .map_err(HostsError::Unresolved)?
        .collect();
    check_addresses(&addresses, ca, mock_port).await
}

/// A client may take any of the addresses, so all must be good.
async fn check_addresses(
    addresses: &[SocketAddr],
    ca: &Ca,
    mock_port: u16,
) -> Result<(), HostsError> {
    if addresses.is_empty() {
        return Err(HostsError::Unresolved(io::ErrorKind::NotFound.into()));
    }
    if let Some(address) = addresses
        .iter()
        .find(|address| !is_of_this_machine(address.ip()))
    {
        return Err(HostsError::Elsewhere(address.ip()));
    }
    for address in addresses {
        let connected = within_limit(TcpStream::connect(address)).await;
        let stream = connected.map_err(|source| HostsError::Silent {
            address: *address,
            mock_port,
            source,
        })?;
        let shaken = within_limit(handshake(stream, ca)).await;
        shaken.map_err(|source| HostsError::Stranger {
            address: *address,
            source,
        })?;
    }
    Ok(())
}

/// Only an address of this machine can be listened on. No packet is sent to find out.
fn is_of_this_machine(ip: IpAddr) -> bool {
    ip.is_loopback() || (!ip.is_unspecified() && TcpListener::bind((ip, 0)).is_ok())
}

async fn handshake(stream: TcpStream, ca: &Ca) -> io::Result<()> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(ca.root_der().to_vec()))
        .map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(NAME).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map(drop)
}

async fn within_limit<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(LIMIT, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use wxmock_server::ca::CaSource;
    use wxmock_server::{MockServer, Settings};

    use super::*;

    async fn mock() -> MockServer {
        MockServer::start(Settings {
            ca: CaSource::Ephemeral,
            ..Settings::default()
        })
        .await
        .unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn our_own_certificate_is_recognised_and_another_is_not() {
        let (ours, theirs) = (mock().await, mock().await);
        let handle = ours.handle();
        let ca = handle.ca().unwrap().unwrap();
        check_addresses(&[ours.addr()], ca, 1).await.unwrap();
        let error = check_addresses(&[ours.addr(), theirs.addr()], ca, 1)
            .await
            .unwrap_err();
        assert!(
            matches!(&error, HostsError::Stranger { address, .. } if *address == theirs.addr()),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_name_that_leads_astray_is_not_followed() {
        let ca = Ca::ephemeral().unwrap();
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 443));
        let error = check_addresses(&[elsewhere], &ca, 1).await.unwrap_err();
        assert!(
            matches!(error, HostsError::Elsewhere(ip) if ip == elsewhere.ip()),
            "{error}"
        );
        assert!(matches!(
            check_addresses(&[], &ca, 1).await,
            Err(HostsError::Unresolved(_))
        ));
    }

    #[tokio::test]
    async fn nobody_there_is_said_with_both_ports() {
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let error = check_addresses(&[free], &Ca::ephemeral().unwrap(), 8910)
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&free.to_string()) && text.contains("8910"),
            "{text}"
        );
    }
}
