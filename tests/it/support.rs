//! What integration tests share: our real server on a free port, admission reviews, policies that stand still.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "functions of a test may fail loudly"
)]

pub(crate) mod certificates;
pub(crate) mod otlp;
pub(crate) mod policies;
pub(crate) mod reviews;
#[allow(dead_code, reason = "shared with the tests on a real cluster")]
pub(crate) mod tuf;
pub(crate) mod world;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use assay::{
    review::Reviewer,
    server::{CertificateSource, Drain, Patience, Server, ServerSettings},
    telemetry::Metrics,
};
use reqwest::{Certificate, Client, ClientBuilder, Response, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

/// Our server, in this process. It ends with the test.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) metrics_address: SocketAddr,
    pub(crate) certificate_reloads: watch::Receiver<u64>,
    trusted_pem: String,
    client: Client,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

/// How a test wants its server.
#[derive(Default)]
pub(crate) struct Setup {
    /// Where it comes from, and the certificate that clients trust; none lets the server make its own.
    pub(crate) certificate: Option<(CertificateSource, String)>,
    pub(crate) drain: Option<Drain>,
    pub(crate) patience: Patience,
}

impl TestServer {
    pub(crate) async fn start(reviewer: Reviewer) -> Self {
        Self::start_with(reviewer, Setup::default()).await
    }

    pub(crate) async fn start_with(reviewer: Reviewer, setup: Setup) -> Self {
        let any_port: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let (certificate, trusted) = setup.certificate.unzip();
        let settings = ServerSettings {
            listen: any_port,
            metrics_listen: Some(any_port),
            certificate: certificate.unwrap_or_default(),
            observers: Vec::new(),
            drain: setup.drain.unwrap_or(Drain {
                delay: Duration::ZERO,
                bound: Duration::from_secs(5),
            }),
        };
        let metrics = Arc::new(Metrics::new());
        let server = Server::bind(settings, Arc::new(reviewer), metrics)
            .await
            .unwrap()
            .with_patience(setup.patience);
        let trusted_pem = trusted.unwrap_or_else(|| server.self_signed_pem().unwrap().to_owned());
        let stop = CancellationToken::new();
        Self {
            address: server.address().unwrap(),
            metrics_address: server.metrics_address().unwrap(),
            certificate_reloads: server.certificate_reloads(),
            client: client(&trusted_pem).build().unwrap(),
            trusted_pem,
            #[expect(
                clippy::disallowed_methods,
                reason = "owned here, and ends with the test's runtime"
            )]
            running: tokio::spawn(server.run(stop.clone())),
            stop,
        }
    }

    /// A client that trusts this server and nobody else.
    pub(crate) fn new_client(&self) -> ClientBuilder {
        client(&self.trusted_pem)
    }

    /// The same trust, for connections below HTTP.
    pub(crate) fn tls_connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        let trusted = CertificateDer::from_pem_slice(self.trusted_pem.as_bytes()).unwrap();
        roots.add(trusted).unwrap();
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// Posts a body as an admission review.
    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Response {
        post(&self.client, self.url(path), body).await
    }

    /// Posts a review to `/mutate` and gives its `response`.
    pub(crate) async fn mutate(&self, review: &Value) -> Value {
        self.answer("/mutate?timeout=10s", review).await
    }

    /// Posts a review to `/validate` and gives its `response`.
    pub(crate) async fn validate(&self, review: &Value) -> Value {
        self.answer("/validate?timeout=10s", review).await
    }

    /// The text of `/metrics`.
    pub(crate) async fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.metrics_address);
        text(self.client.get(url).send().await.unwrap()).await
    }

    /// Lets the server begin to drain.
    pub(crate) fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) {
        (&mut self.running).await.unwrap();
    }

    async fn answer(&self, path: &str, review: &Value) -> Value {
        let response = self.post(path, review.to_string()).await;
        assert_eq!(response.status(), StatusCode::OK);
        let mut body: Value = serde_json::from_str(&text(response).await).unwrap();
        assert_eq!(body["response"]["uid"], review["request"]["uid"]);
        body["response"].take()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) async fn post(
    client: &Client,
    url: impl reqwest::IntoUrl,
    body: impl Into<reqwest::Body>,
) -> Response {
    client
        .post(url)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "what our own server answers is small"
)]
pub(crate) async fn text(response: Response) -> String {
    response.text().await.unwrap()
}

fn client(trusted_pem: &str) -> ClientBuilder {
    // Another test of this process may have been first.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let trusted = Certificate::from_pem(trusted_pem.as_bytes()).unwrap();
    Client::builder().tls_certs_only([trusted])
}
