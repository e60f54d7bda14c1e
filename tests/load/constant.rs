//! What TLS and HTTP alone cost: a server that answers every request with the same bytes, built as ours is of axum,
//! hyper and rustls, with the certificate that the replica shows.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use axum::{Router, body::Bytes, routing::post};
use http::header;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use crate::{arguments::CONSTANT_SERVER, certificate, client::Endpoint};

/// The server as a process. It ends when it is dropped.
pub(crate) struct Constant {
    child: Child,
    pub(crate) endpoint: Endpoint,
}

impl Constant {
    /// Starts it with the certificate in this folder.
    pub(crate) fn start(folder: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .arg(CONSTANT_SERVER)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program");
        let mut address = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut address).unwrap();
        let address: SocketAddr = address.trim().parse().expect("an address");
        let tls = certificate::client(folder);
        Self {
            child,
            endpoint: Endpoint { address, tls },
        }
    }
}

impl Constant {
    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Constant {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until whoever has started this has gone.
pub(crate) async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    announce(listener.local_addr().unwrap());
    let answer = |_: Bytes| async { ([(header::CONTENT_TYPE, "application/json")], ANSWER) };
    let router = Router::new()
        .route("/mutate", post(answer))
        .route("/validate", post(answer));
    let tls = TlsAcceptor::from(tls());
    let tasks = TaskTracker::new();
    let gone = tasks.spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    tasks.spawn(async move {
        let connections = TaskTracker::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, router) = (tls.clone(), router.clone());
            connections.spawn(async move {
                stream.set_nodelay(true).unwrap();
                let Ok(stream) = tls.accept(stream).await else {
                    return;
                };
                let service = TowerToHyperService::new(router);
                let builder = Builder::new(TokioExecutor::new()).http1_only();
                // A client that goes away ends its connection.
                let _ = builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    let _ = gone.await;
}

#[expect(
    clippy::print_stdout,
    reason = "it is how the address gets out of this process"
)]
fn announce(address: SocketAddr) {
    println!("{address}");
}

fn tls() -> Arc<ServerConfig> {
    let chain = fs::read("tls.crt").unwrap();
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
    let key = PrivateKeyDer::from_pem_file("tls.key").unwrap();
    let builder = ServerConfig::builder().with_no_client_auth();
    Arc::new(builder.with_single_cert(chain.unwrap(), key).unwrap())
}

/// As long as an admission with a patch.
const ANSWER: &str = concat!(
    r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"5e3b1f0a-0000-4000-8000-000000000001","#,
    r#""allowed":true,"patchType":"JSONPatch","patch":""#,
    "W3sib3AiOiJhZGQiLCJwYXRoIjoiL21ldGFkYXRhL2Fubm90YXRpb25zL2Fzc2F5LmRldn4xaW1hZ2VzIiwidmFsdWUiOiJ7fSJ9XQ==",
    "W3sib3AiOiJhZGQiLCJwYXRoIjoiL21ldGFkYXRhL2Fubm90YXRpb25zL2Fzc2F5LmRldn4xaW1hZ2VzIiwidmFsdWUiOiJ7fSJ9XQ==",
    "W3sib3AiOiJhZGQiLCJwYXRoIjoiL21ldGFkYXRhL2Fubm90YXRpb25zL2Fzc2F5LmRldn4xaW1hZ2VzIiwidmFsdWUiOiJ7fSJ9XQ==",
    r#""}}"#
);
