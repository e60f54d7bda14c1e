//! A client that costs as little as it can: what it uses is taken from what is measured.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use futures::future::join_all;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::task::TaskTracker;

/// One kept connection, HTTP/1.1 over TLS, as an API server has them.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

/// How a server is reached.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<ClientConfig>,
}

/// What came of many requests.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// How long each took, in seconds, in no order.
    pub(crate) took: Vec<f64>,
    /// How many were not answered with an admission.
    pub(crate) refused: usize,
    /// One of those answers.
    pub(crate) refusal: Option<String>,
    /// From the first request to the last answer.
    pub(crate) seconds: f64,
}

impl Endpoint {
    pub(crate) async fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).await.expect("a server");
        stream.set_nodelay(true).unwrap();
        let name = ServerName::from(self.address.ip());
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector.connect(name, stream).await.expect("a handshake");
        Connection {
            stream,
            buffer: Vec::with_capacity(16 * 1024),
        }
    }
}

impl Connection {
    /// Sends a whole request and gives the body of its answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> &str {
        self.stream.write_all(request).await.expect("a connection");
        self.buffer.clear();
        loop {
            let read = self.stream.read_buf(&mut self.buffer).await;
            assert_ne!(read.expect("an answer"), 0, "the connection was closed");
            if let Some(body) = whole_body(&self.buffer) {
                return std::str::from_utf8(&self.buffer[body..]).expect("text");
            }
        }
    }
}

/// Where the body begins, once all of it is there.
fn whole_body(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&answer[..head]).expect("a head");
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().expect("a length"))
    });
    let body = head + 4;
    (answer.len() >= body + length.expect("a length")).then_some(body)
}

/// A request for this path.
pub(crate) fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: webhook\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// Whether this answer admits.
pub(crate) fn is_admission(body: &str) -> bool {
    body.contains("\"allowed\":true")
}

/// Sends these lists of requests at the same time, each over a connection of its own, one request after another.
pub(crate) async fn drive(endpoint: &Endpoint, lists: Vec<Vec<Arc<[u8]>>>) -> Load {
    let tasks = TaskTracker::new();
    let connections = join_all(lists.iter().map(|_| endpoint.connect())).await;
    let began = Instant::now();
    let driven = lists
        .into_iter()
        .zip(connections)
        .map(|(list, connection)| tasks.spawn(send_all(connection, list)));
    let driven: Vec<_> = driven.collect();
    let mut load = Load::default();
    for one in join_all(driven).await {
        let one = one.expect("a load");
        load.took.extend(one.took);
        load.refused += one.refused;
        load.refusal = load.refusal.or(one.refusal);
    }
    load.seconds = began.elapsed().as_secs_f64();
    load
}

async fn send_all(mut connection: Connection, requests: Vec<Arc<[u8]>>) -> Load {
    let mut load = Load::default();
    for request in requests {
        let began = Instant::now();
        let body = connection.send(&request).await;
        if !is_admission(body) {
            load.refused += 1;
            load.refusal = Some(body.to_owned());
        }
        load.took.push(began.elapsed().as_secs_f64());
    }
    load
}

/// Shares requests out to so many connections, in turn.
pub(crate) fn share(
    requests: impl IntoIterator<Item = Arc<[u8]>>,
    connections: usize,
) -> Vec<Vec<Arc<[u8]>>> {
    let mut lists = vec![Vec::new(); connections];
    for (number, request) in requests.into_iter().enumerate() {
        lists[number % connections].push(request);
    }
    lists
}
