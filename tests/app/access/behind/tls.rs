//! A local port that forwards every connection over TLS, as a browser would open it, so that the
//! plain clients of the other tests can talk to a proxy. A connection fails if the proxy's
//! certificate is not the site's.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use actix_web::rt::task::JoinHandle;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A forwarded port, closed on drop.
pub(super) struct Tunnel {
    pub(super) port: u16,
    accepting: JoinHandle<()>,
}

impl Tunnel {
    /// Forwards to `host` at `port` from this client address. `authority` signed the certificate.
    pub(super) async fn new(
        client: Ipv4Addr,
        port: u16,
        host: &'static str,
        authority: &Path,
    ) -> Tunnel {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from(host).unwrap();
        let proxy = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = actix_web::rt::spawn(async move {
            while let Ok((mut inside, _)) = listener.accept().await {
                let (connector, name) = (connector.clone(), name.clone());
                actix_web::rt::spawn(async move {
                    // If nothing listens there, the client's connection is closed.
                    let socket = TcpSocket::new_v4()?;
                    socket.bind((client, 0).into())?;
                    let connected = socket.connect(proxy).await?;
                    let mut outside = connector.connect(name, connected).await?;
                    copy_bidirectional(&mut inside, &mut outside).await
                });
            }
        });
        Tunnel { port, accepting }
    }

    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
