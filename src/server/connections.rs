//! Accepts connections and ends them: time limits against clients that say nothing, and a graceful close.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Patience;
use crate::{limits, telemetry::Level};

/// A listener and what is served on it.
#[derive(Debug)]
pub(super) struct Acceptor {
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    patience: Patience,
    open: Level,
}

/// What one connection needs.
#[derive(Clone)]
struct Service {
    tls: Option<TlsAcceptor>,
    router: Router,
    patience: Patience,
    abandon: CancellationToken,
}

impl Acceptor {
    /// `open` counts its connections.
    pub(super) fn new(listener: TcpListener, router: Router, open: Level) -> Self {
        Self {
            listener,
            tls: None,
            router,
            patience: Patience::default(),
            open,
        }
    }

    pub(super) fn with_tls(mut self, config: Arc<ServerConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    pub(super) fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Accepts until `closing`, then lets open connections finish their requests, for at most `bound`.
    pub(super) async fn serve(self, closing: CancellationToken, bound: Duration) {
        let graceful = GracefulShutdown::new();
        let connections = TaskTracker::new();
        let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
        let service = Service {
            tls: self.tls.map(TlsAcceptor::from),
            router: self.router,
            patience: self.patience,
            abandon: CancellationToken::new(),
        };
        loop {
            let accepting = accept(&self.listener, &places);
            let (stream, place) = tokio::select! {
                biased;
                () = closing.cancelled() => break,
                accepted = accepting => accepted,
            };
            let serving = service.clone().serve(stream, graceful.watcher());
            let held = self.open.hold();
            connections.spawn(async move {
                serving.await;
                drop((place, held));
            });
        }
        // From here on new connections are refused instead of waiting for nobody.
        drop(self.listener);
        connections.close();
        let finished = async {
            graceful.shutdown().await;
            connections.wait().await;
        };
        if tokio::time::timeout(bound, finished).await.is_err() {
            tracing::warn!("connections were still open at the end of the drain");
            service.abandon.cancel();
            connections.wait().await;
        }
    }
}

impl Service {
    async fn serve(self, stream: TcpStream, watcher: Watcher) {
        let abandon = self.abandon.clone();
        let serving = async {
            let Some(tls) = &self.tls else {
                return serve_http(stream, Version::Http1, self.router, self.patience, watcher)
                    .await;
            };
            let handshake = tokio::time::timeout(self.patience.handshake, tls.accept(stream));
            let stream = match handshake.await {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => return tracing::debug!("a TLS handshake took too long"),
            };
            let version = match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => Version::Http2,
                _ => Version::Http1,
            };
            serve_http(stream, version, self.router, self.patience, watcher).await;
        };
        tokio::select! {
            () = serving => {}
            () = abandon.cancelled() => {}
        }
    }
}

/// The version is settled before the first byte: guessing it from the bytes would wait for them without limit.
enum Version {
    Http1,
    Http2,
}

async fn serve_http<S>(
    stream: S,
    version: Version,
    router: Router,
    patience: Patience,
    watcher: Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = match version {
        Version::Http1 => builder.http1_only(),
        Version::Http2 => builder.http2_only(),
    };
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_buf_size(limits::HEADER_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits::KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(patience.head)
        .max_header_list_size(limits::HEADER_LIST_BYTES)
        .max_concurrent_streams(limits::STREAMS_PER_CONNECTION);
    let service = TowerToHyperService::new(router);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error, "a connection ended early");
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<tokio::sync::OwnedSemaphorePermit>) {
    // The semaphore is never closed, so this waits for a place and does not fail.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "a connection ended at once");
                }
                return (stream, place);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Out of file descriptors, most likely: others close theirs meanwhile.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
