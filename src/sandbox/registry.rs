//! An OCI registry in memory, served over HTTP on loopback.
//!
//! The read side speaks the distribution API as strictly as a real registry; the write side is methods of
//! [`MemoryRegistry`], because nothing in this crate pushes. Each oddity of a real registry that Assay must
//! survive can be produced on purpose, with [`RegistrySettings`] or with a [`Fault`] for single requests.

mod api;
mod auth;
mod fault;
mod listener;
mod log;
mod pace;
mod push;
mod store;
#[cfg(test)]
mod tests;

pub use auth::{Access, Login};
pub use fault::Fault;
pub use log::{RequestInfo, RequestRecord, depth};
pub use push::{AttestationLink, DescribedImage, DescribedIndex, Layer};

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    auth::Tokens,
    fault::FaultHook,
    listener::LoopbackListener,
    log::Log,
    pace::{Pace, Rounds},
    store::Store,
};

/// A registry in this process. It stops when it is dropped; what it holds is gone then.
#[derive(Debug)]
pub struct MemoryRegistry {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

/// How a registry behaves, for as long as it lives.
#[derive(Clone, Debug, Default)]
pub struct RegistrySettings {
    /// How it lists the referrers of a manifest.
    pub referrers: Referrers,
    /// The most referrers on one page of the API; none lists all on one.
    pub referrers_page: Option<usize>,
    /// Who may read what.
    pub access: Access,
    /// With a certificate it is served over TLS, else in plain text.
    pub tls: Option<ServerIdentity>,
}

/// How a registry lists the referrers of a manifest.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Referrers {
    /// By the API only.
    #[default]
    Api,
    /// It has no such API: pushers keep the fallback tag `sha256-…` up to date.
    FallbackTag,
    /// By the API, and an older client has kept the fallback tag as well.
    Both,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct ServerIdentity {
    /// The certificate, and any issuing ones after it, in PEM.
    pub certificate_pem: String,
    /// The private key in PEM.
    pub key_pem: String,
}

/// What the tasks of one registry share.
#[derive(Debug)]
struct Shared {
    settings: RegistrySettings,
    base_url: String,
    store: Mutex<Store>,
    tokens: Mutex<Tokens>,
    log: Log,
    faults: Mutex<FaultHook>,
    pace: Mutex<Pace>,
    stop: CancellationToken,
}

impl MemoryRegistry {
    /// Starts an empty registry on a free loopback port.
    ///
    /// # Errors
    ///
    /// When no port can be had, or the certificate and key given do not fit.
    pub async fn start(settings: RegistrySettings) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let scheme = if settings.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let listener = LoopbackListener::new(listener, settings.tls.as_ref())?;
        let shared = Arc::new(Shared {
            settings,
            base_url: format!("{scheme}://{address}"),
            store: Mutex::default(),
            tokens: Mutex::default(),
            log: Log::default(),
            faults: Mutex::default(),
            pace: Mutex::default(),
            stop: CancellationToken::new(),
        });
        let tasks = TaskTracker::new();
        let app = Router::new()
            .fallback(api::answer)
            .with_state(Arc::clone(&shared));
        let stop = shared.stop.clone();
        tasks.spawn(async move {
            let serving = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned());
            if let Err(error) = serving.await {
                tracing::error!(%error, "the sandbox registry ended");
            }
        });
        tasks.close();
        Ok(Self {
            address,
            shared,
            tasks,
        })
    }

    /// The host and port as references name it, as in `127.0.0.1:40123`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// The URL of its root, without a trailing slash.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// Stops answering, and waits until the last connection is closed.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.tasks.wait().await;
    }

    /// Makes every later request wait this long before it is answered.
    pub fn set_delay(&self, delay: Duration) {
        *lock(&self.shared.pace) = Pace::Delayed(delay);
    }

    /// Answers later requests in rounds: none before its client has sent all that it can without an answer.
    ///
    /// So [`depth`] counts round trips, however busy the machine is. It holds for a client on the same thread alone.
    pub fn answer_in_rounds(&self) {
        *lock(&self.shared.pace) = Pace::Rounds(Arc::new(Rounds::default()));
    }

    /// Asks `hook` for a fault at every later request.
    pub fn set_fault(&self, hook: impl Fn(&RequestInfo) -> Option<Fault> + Send + Sync + 'static) {
        lock(&self.shared.faults).set(hook);
    }

    /// Answers every later request without a fault.
    pub fn clear_fault(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Makes every token handed out so far worthless.
    pub fn revoke_tokens(&self) {
        lock(&self.shared.tokens).revoke_all();
    }

    /// All requests so far, in the order in which they arrived.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.log.records()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.log.clear();
    }
}

impl Drop for MemoryRegistry {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

/// Locks, also after a panic in another thread: each change here leaves the value whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
