//! Accepts connections on loopback, in plain text or over TLS.

use std::{io, net::SocketAddr, sync::Arc};

use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::ServerIdentity;

/// A connection of either kind.
pub(super) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// Handshakes run one after another: enough for a registry whose clients are all ours.
pub(super) struct LoopbackListener {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl LoopbackListener {
    pub(super) fn new(
        listener: TcpListener,
        identity: Option<&ServerIdentity>,
    ) -> io::Result<Self> {
        let tls = identity.map(acceptor).transpose()?;
        Ok(Self { listener, tls })
    }
}

impl axum::serve::Listener for LoopbackListener {
    type Io = Box<dyn Connection>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
            let Some(tls) = &self.tls else {
                return (Box::new(stream), address);
            };
            match tls.accept(stream).await {
                Ok(stream) => return (Box::new(stream), address),
                Err(error) => tracing::debug!(%error, "a client gave up on the handshake"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

fn acceptor(identity: &ServerIdentity) -> io::Result<TlsAcceptor> {
    let certificates = CertificateDer::pem_slice_iter(identity.certificate_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(io::Error::other)?;
    let key =
        PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).map_err(io::Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(certificates, key)
        })
        .map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
