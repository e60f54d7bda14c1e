//! HTTP: TLS with reload, routes, body limits, health, metrics, drain.
//!
//! The webhook is served over TLS, the metrics in plain text on an address of their own. What a review means
//! is not known here.

mod certificate;
mod connections;
mod cost;
mod given;
mod no_review;
mod received;
mod reload;
mod routes;
#[cfg(test)]
mod tests;
mod timeout;

pub use certificate::{CertificateError, CertificateFiles, CertificateSource};

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

use self::{
    certificate::{CurrentCertificate, SelfSigned},
    connections::Acceptor,
    given::Follower,
    reload::Reloader,
    routes::Shared,
};
use crate::{
    limits,
    review::{Observer, Reviewer},
    telemetry::Metrics,
};

/// How the webhook is served.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Where the webhook listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the metrics are served in plain text, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
    /// What it shows to its clients.
    pub certificate: CertificateSource,
    /// Who is told of every review in which an image was judged.
    pub observers: Vec<Arc<dyn Observer>>,
    /// How it ends.
    pub drain: Drain,
}

/// How a server ends without failing a review.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// How long it still serves after it has said that it is not ready, for callers that have not noticed yet.
    pub delay: Duration,
    /// How long reviews under way may take after that.
    pub bound: Duration,
}

/// How long clients may keep a connection waiting.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the head of a request, and for the answer to a keep-alive ping.
    pub head: Duration,
}

/// A server that is bound to its addresses, and answers once it [runs](Server::run).
#[derive(Debug)]
pub struct Server {
    webhook: Acceptor,
    metrics: Option<Acceptor>,
    renewal: Renewal,
    shared: Arc<Shared>,
    certificate: Arc<CurrentCertificate>,
    self_signed_pem: Option<String>,
    drain: Drain,
}

/// What keeps the certificate new.
#[derive(Debug)]
enum Renewal {
    None,
    Files(Reloader),
    Given(Follower),
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl Server {
    /// Takes the addresses and loads the certificate.
    ///
    /// # Errors
    ///
    /// When an address is taken, or the certificate and its key cannot be read or do not belong together.
    pub async fn bind(
        settings: ServerSettings,
        reviewer: Arc<Reviewer>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, ServerError> {
        let certificate = Arc::new(CurrentCertificate::none(Arc::clone(&metrics)));
        let (renewal, self_signed_pem) = obtain(settings.certificate, &certificate).await?;
        let connections = ["webhook", "metrics"].map(|listener| metrics.connections(listener));
        let [webhook_connections, metrics_connections] = connections;
        let shared = Shared::new(reviewer, metrics, settings.observers);
        let shared = Arc::new(shared.with_certificate(Arc::clone(&certificate)));
        let tls = certificate::tls_config(Arc::clone(&certificate))?;
        let listener = listen(settings.listen).await?;
        let router = routes::webhook(&shared);
        let webhook = Acceptor::new(listener, router, webhook_connections).with_tls(tls.into());
        let metrics = match settings.metrics_listen {
            Some(address) => {
                let router = routes::metrics(&shared);
                let listener = listen(address).await?;
                Some(Acceptor::new(listener, router, metrics_connections))
            }
            None => None,
        };
        Ok(Self {
            webhook,
            metrics,
            renewal,
            shared,
            certificate,
            self_signed_pem,
            drain: settings.drain,
        })
    }

    /// Waits for clients as long as this, instead of the default.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.webhook = self.webhook.with_patience(patience);
        self
    }

    /// Where the webhook listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.webhook.address()
    }

    /// Where the metrics are served.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(Acceptor::address)
    }

    /// The certificate in PEM, when it is self-signed: what a client has to trust.
    pub fn self_signed_pem(&self) -> Option<&str> {
        self.self_signed_pem.as_deref()
    }

    /// How many times the certificate was replaced since the start; changes when it changes.
    pub fn certificate_reloads(&self) -> watch::Receiver<u64> {
        self.certificate.reloads()
    }

    /// Serves until `stop`, then drains: not ready at once, still serving for the drain's delay, then no new
    /// connections, and an end when the reviews under way are answered or the drain's bound has passed.
    pub async fn run(self, stop: CancellationToken) {
        let closing = CancellationToken::new();
        let bound = self.drain.bound;
        let metrics = async {
            if let Some(metrics) = self.metrics {
                metrics.serve(closing.clone(), bound).await;
            }
        };
        let reload = async {
            match self.renewal {
                Renewal::None => {}
                Renewal::Files(reloader) => reloader.run(closing.clone()).await,
                Renewal::Given(follower) => follower.run(closing.clone()).await,
            }
        };
        let drain = async {
            stop.cancelled().await;
            self.shared.begin_draining();
            tokio::time::sleep(self.drain.delay).await;
            closing.cancel();
        };
        tokio::join!(
            self.webhook.serve(closing.clone(), bound),
            metrics,
            reload,
            drain
        );
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            delay: limits::DRAIN_DELAY,
            bound: limits::MAX_TIMEOUT,
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            handshake: limits::HANDSHAKE_TIMEOUT,
            head: limits::HEADER_READ_TIMEOUT,
        }
    }
}

impl CertificateFiles {
    /// The certificate (with any issuing ones after it) and its key, each in PEM.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self {
            certificate: certificate.into(),
            key: key.into(),
        }
    }
}

/// Loads the certificate from where it comes from, if there is one yet; its PEM, when it is self-signed.
async fn obtain(
    source: CertificateSource,
    current: &Arc<CurrentCertificate>,
) -> Result<(Renewal, Option<String>), CertificateError> {
    Ok(match source {
        CertificateSource::SelfSigned => {
            let SelfSigned { key, pem } = certificate::self_signed()?;
            current.replace(key);
            (Renewal::None, Some(pem))
        }
        CertificateSource::Files(files) => {
            let reloader = Reloader::load(files, Arc::clone(current)).await?;
            (Renewal::Files(reloader), None)
        }
        CertificateSource::Given(given) => {
            let follower = Follower::new(given, Arc::clone(current));
            (Renewal::Given(follower), None)
        }
    })
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServerError::Listen { address, source })
}
