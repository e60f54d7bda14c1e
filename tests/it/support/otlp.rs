//! A collector of traces that decodes what it is sent, and one that never answers.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use assay::telemetry::{TraceSettings, traces};
use axum::{Router, body::Bytes, extract::State, routing::post};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;
use url::Url;

/// What a collector was sent.
pub(crate) type Received = Arc<Mutex<Vec<Bytes>>>;

/// A field of a message in the protobuf encoding.
enum Field<'a> {
    Number,
    Bytes(&'a [u8]),
}

/// One span as it was sent.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Sent {
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) texts: BTreeMap<String, String>,
}

pub(crate) async fn collector() -> (Url, Received) {
    let received = Received::default();
    let take = |State(received): State<Received>, body: Bytes| async move {
        received.lock().unwrap().push(body);
    };
    let router = Router::new()
        .route("/v1/traces", post(take))
        .with_state(Arc::clone(&received));
    let (listener, url) = listen().await;
    TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
    (url, received)
}

/// Accepts connections and never answers.
pub(crate) async fn hanging_collector() -> Url {
    let (listener, url) = listen().await;
    TaskTracker::new().spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    url
}

async fn listen() -> (TcpListener, Url) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url.parse().unwrap())
}

fn settings(endpoint: &Url, ratio: f64) -> TraceSettings {
    TraceSettings {
        endpoint: endpoint.clone(),
        ratio,
    }
}

/// Makes spans, and sends them all.
pub(crate) async fn sent(endpoint: &Url, ratio: f64, spans: impl FnOnce()) {
    let (tracer, export) = traces(&settings(endpoint, ratio)).unwrap();
    with_default(tracing_subscriber::registry().with(tracer.layer()), spans);
    let stop = CancellationToken::new();
    stop.cancel();
    export.run(stop).await;
}

pub(crate) fn decoded(received: &Received) -> Vec<Sent> {
    let bodies = received.lock().unwrap();
    let mut spans = Vec::new();
    for resource in bodies.iter().flat_map(|body| bytes_of(body, 1)) {
        for scope in bytes_of(resource, 2) {
            spans.extend(bytes_of(scope, 2).into_iter().map(Sent::of));
        }
    }
    spans.sort_by(|a, b| a.name.cmp(&b.name));
    spans
}

impl Sent {
    fn of(span: &[u8]) -> Self {
        let hex = |number| {
            let bytes = bytes_of(span, number);
            let bytes = bytes.first().copied().unwrap_or_default();
            hexadecimal(bytes)
        };
        let text = |of: &[u8], number| {
            let bytes = bytes_of(of, number);
            String::from_utf8(bytes.first().copied().unwrap_or_default().to_vec()).unwrap()
        };
        let attributes = bytes_of(span, 9);
        let texts = attributes.iter().filter_map(|attribute| {
            let value = *bytes_of(attribute, 2).first()?;
            bytes_of(value, 1).first()?;
            Some((text(attribute, 1), text(value, 1)))
        });
        Self {
            trace: hex(1),
            id: hex(2),
            parent: hex(4),
            name: text(span, 5),
            texts: texts.filter(|(name, _)| name != "level").collect(),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The messages and texts that a message has as this field.
fn bytes_of(message: &[u8], number: u64) -> Vec<&[u8]> {
    fields(message)
        .into_iter()
        .filter_map(|(found, field)| match field {
            Field::Bytes(bytes) if found == number => Some(bytes),
            Field::Bytes(_) | Field::Number => None,
        })
        .collect()
}

fn fields(mut message: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = number(&mut message);
        let field = match key & 7 {
            0 => {
                number(&mut message);
                Field::Number
            }
            1 => {
                message = &message[8..];
                Field::Number
            }
            2 => {
                let length = usize::try_from(number(&mut message)).unwrap();
                let (bytes, rest) = message.split_at(length);
                message = rest;
                Field::Bytes(bytes)
            }
            5 => {
                message = &message[4..];
                Field::Number
            }
            other => panic!("wire type {other}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

fn number(message: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = message[0];
        *message = &message[1..];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}
