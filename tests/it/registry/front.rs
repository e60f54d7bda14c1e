//! What stands between a reader and a registry in these tests: the end of TLS, and a proxy.

#![allow(
    clippy::indexing_slicing,
    reason = "functions of a test may fail loudly"
)]

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

/// Issues certificates, and is trusted by nobody who is not told to.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(super) pem: String,
}

/// A certificate and its key, in PEM.
pub(super) struct Issued {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// Whether a front wants to know its clients.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Clients {
    /// It does not ask.
    Unknown,
    /// It asks, and takes those who do not say.
    Asked,
    /// It turns away who does not say.
    Required,
}

/// Ends TLS in front of a registry.
pub(super) struct Front {
    pub(super) address: SocketAddr,
    seen: Seen,
    shown: Shown,
    frozen: watch::Sender<u64>,
    _tasks: TaskTracker,
}

type Seen = Arc<Mutex<Vec<Accepted>>>;

type Shown = Arc<Mutex<Vec<CertificateDer<'static>>>>;

/// One connection: the protocol that was agreed on, and whether the client showed a certificate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Accepted {
    pub(super) protocol: String,
    pub(super) is_identified: bool,
}

/// A proxy that knows some names, and notes the heads of all requests.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    _tasks: TaskTracker,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        let issuer = Issuer::new(params, key);
        Self { issuer, pem }
    }

    pub(super) fn issue(&self, names: &[&str]) -> Issued {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("names");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        Issued {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    fn server(&self, names: &[&str], protocols: &[&str], clients: Clients) -> ServerConfig {
        let issued = self.issue(names);
        let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions");
        let builder = match clients {
            Clients::Unknown => builder.with_no_client_auth(),
            Clients::Asked | Clients::Required => {
                builder.with_client_cert_verifier(self.client_verifier(clients))
            }
        };
        let mut config = builder
            .with_single_cert(vec![certificate.expect("a certificate")], key)
            .expect("a certificate and its key");
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        config
    }

    fn client_verifier(&self, clients: Clients) -> Arc<dyn ClientCertVerifier> {
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("a certificate");
        roots.add(own).expect("a root");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let builder = match clients {
            Clients::Unknown | Clients::Asked => builder.allow_unauthenticated(),
            Clients::Required => builder,
        };
        builder.build().expect("a verifier")
    }
}

impl Front {
    /// For the registry at `behind`, as these names.
    pub(super) async fn start(
        behind: &str,
        authority: &Authority,
        at: IpAddr,
        names: &[&str],
        protocols: &[&str],
        clients: Clients,
    ) -> Self {
        let behind: SocketAddr = behind.parse().expect("an address");
        let acceptor = TlsAcceptor::from(Arc::new(authority.server(names, protocols, clients)));
        let listener = TcpListener::bind((at, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (seen, shown, tasks) = (Seen::default(), Shown::default(), TaskTracker::new());
        let (frozen, thaw) = watch::channel(0);
        let (noted, connections) = ((Arc::clone(&seen), Arc::clone(&shown)), tasks.clone());
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serve(stream, acceptor.clone(), behind, noted.clone());
                let mut thaw = thaw.clone();
                thaw.mark_unchanged();
                connections.spawn(async move {
                    let serving = std::pin::pin!(serving);
                    tokio::select! {
                        () = serving => {}
                        // The connection stays open, and nothing moves on it any more: what was being served is kept.
                        _ = thaw.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self {
            address,
            seen,
            shown,
            frozen,
            _tasks: tasks,
        }
    }

    /// The connections so far.
    pub(super) fn seen(&self) -> Vec<Accepted> {
        self.seen.lock().expect("whole").clone()
    }

    /// The certificates that clients have shown so far.
    pub(super) fn shown(&self) -> Vec<CertificateDer<'static>> {
        self.shown.lock().expect("whole").clone()
    }

    /// From now on, nothing moves on the connections there are.
    pub(super) fn freeze(&self) {
        self.frozen.send_modify(|times| *times += 1);
    }
}

async fn serve(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    behind: SocketAddr,
    (seen, shown): (Seen, Shown),
) {
    let mut stream = match acceptor.accept(stream).into_fallible().await {
        Ok(stream) => stream,
        Err((_, mut stream)) => {
            // What is closed with something unread in it is reset, and the client may not read the reason.
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
            return;
        }
    };
    let (_, session) = stream.get_ref();
    let protocol = session.alpn_protocol().unwrap_or_default();
    seen.lock().expect("whole").push(Accepted {
        protocol: String::from_utf8_lossy(protocol).into_owned(),
        is_identified: session.peer_certificates().is_some(),
    });
    let client = session.peer_certificates().and_then(<[_]>::first);
    let client = client.map(|certificate| certificate.clone().into_owned());
    shown.lock().expect("whole").extend(client);
    let mut registry = TcpStream::connect(behind).await.expect("a registry");
    let _ = copy_bidirectional(&mut stream, &mut registry).await;
}

impl Proxy {
    /// Leads to these, by `host:port`. With a login, who does not have it is turned away.
    pub(super) async fn start(names: BTreeMap<String, SocketAddr>, login: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (heads, tasks) = (Arc::<Mutex<Vec<String>>>::default(), TaskTracker::new());
        let (names, login) = (Arc::new(names), login.map(str::to_owned));
        let (noted, connections) = (Arc::clone(&heads), tasks.clone());
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (names, login) = (Arc::clone(&names), login.clone());
                let noted = Arc::clone(&noted);
                connections.spawn(async move { relay(stream, &names, login, &noted).await });
            }
        });
        Self {
            address,
            heads,
            _tasks: tasks,
        }
    }

    /// The first lines of all requests, in order.
    pub(super) fn lines(&self) -> Vec<String> {
        let heads = self.heads.lock().expect("whole");
        let lines = heads.iter().filter_map(|head| head.lines().next());
        lines.map(str::to_owned).collect()
    }
}

async fn relay(
    mut stream: TcpStream,
    names: &BTreeMap<String, SocketAddr>,
    login: Option<String>,
    heads: &Mutex<Vec<String>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    heads.lock().expect("whole").push(text.clone());
    let is_known = login.is_none_or(|login| {
        let header = format!("proxy-authorization: {login}");
        text.lines().any(|line| line.eq_ignore_ascii_case(&header))
    });
    if !is_known {
        let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(refusal).await;
        return;
    }
    let mut words = text.split(' ');
    let (method, target) = (
        words.next().expect("a method"),
        words.next().expect("a target"),
    );
    let target = target.trim_start_matches("http://");
    let target = target.split('/').next().expect("a host");
    let Some(behind) = names.get(target) else {
        let _ = stream
            .write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
            .await;
        return;
    };
    let mut registry = TcpStream::connect(behind).await.expect("a registry");
    if method == "CONNECT" {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    } else {
        let _ = registry.write_all(&head).await;
    }
    let _ = copy_bidirectional(&mut stream, &mut registry).await;
}
