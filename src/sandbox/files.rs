//! Files in memory, served over HTTP on loopback: what a mirror of a TUF repository is.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A server of files by their path. It stops when it is dropped.
#[derive(Debug)]
pub struct FileServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Debug, Default)]
struct Shared {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    asked: Mutex<Vec<String>>,
}

impl FileServer {
    /// Starts a server on a free loopback port.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start(files: BTreeMap<String, Vec<u8>>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            files: Mutex::new(files),
            asked: Mutex::default(),
        });
        let app = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&shared));
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let tasks = TaskTracker::new();
        tasks.spawn(async move {
            let serving = axum::serve(listener, app).with_graceful_shutdown(stopped);
            if let Err(error) = serving.await {
                tracing::error!(%error, "the sandbox file server ended");
            }
        });
        tasks.close();
        Ok(Self {
            address,
            shared,
            stop,
            tasks,
        })
    }

    /// The URL of its root, without a trailing slash.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves these files from now on, and no others.
    pub fn replace(&self, files: BTreeMap<String, Vec<u8>>) {
        *lock(&self.shared.files) = files;
    }

    /// The paths asked for so far, in order and without the leading slash.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.shared.asked).clone()
    }

    /// Stops answering, and waits until the last connection is closed.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    lock(&shared.asked).push(path.to_owned());
    match lock(&shared.files).get(path) {
        Some(content) => content.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Locks, also after a panic in another thread: each change here leaves the value whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_is_served_until_it_is_replaced() {
        let files = BTreeMap::from([("targets/a.json".to_owned(), b"{}".to_vec())]);
        let server = FileServer::start(files).await.unwrap();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::builder()
            .tls_certs_only([])
            .build()
            .unwrap();
        let ask = async |path: &str| {
            let url = format!("{}/{path}", server.base_url());
            client.get(url).send().await.unwrap().status().as_u16()
        };
        assert_eq!(ask("targets/a.json").await, 200);
        assert_eq!(ask("b.json").await, 404);
        server.replace(BTreeMap::from([("b.json".to_owned(), Vec::new())]));
        assert_eq!(ask("targets/a.json").await, 404);
        assert_eq!(ask("b.json").await, 200);
        assert_eq!(
            server.asked(),
            ["targets/a.json", "b.json", "targets/a.json", "b.json"]
        );
        drop(client);
        server.stop().await;
    }
}
