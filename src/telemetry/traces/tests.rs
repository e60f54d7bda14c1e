use bytes::Bytes;
use opentelemetry_http::HttpClient as _;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::telemetry::traces::http::{Client, traces_url};

#[tokio::test]
async fn spans_that_find_the_queue_full_are_dropped_and_counted() {
    let (sender, mut spans) = mpsc::channel(limits::SPANS_WAITING);
    let dropped = Arc::new(AtomicU64::new(0));
    let queue = Queue {
        spans: sender,
        dropped: Arc::clone(&dropped),
    };
    let provider = SdkTracerProvider::builder()
        .with_span_processor(queue)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("assay"));
    with_default(tracing_subscriber::registry().with(layer), || {
        for _ in 0..limits::SPANS_WAITING + 2 {
            drop(tracing::info_span!("one of many"));
        }
    });
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
    let mut waiting = 0;
    while spans.try_recv().is_ok() {
        waiting += 1;
    }
    assert_eq!(waiting, limits::SPANS_WAITING);
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router =
        axum::Router::new().fallback(|| async { "x".repeat(limits::TRACE_ANSWER_BYTES + 1) });
    TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
    let request = ::http::Request::post(&url).body(Bytes::new()).unwrap();
    let answer = Client::new(&url).unwrap().send_bytes(request).await;
    assert_eq!(answer.unwrap_err().to_string(), "the answer is too large");
}

#[test]
fn the_path_of_traces_is_added_unless_it_is_there() {
    for (given, used) in [
        ("http://c:4318", "http://c:4318/v1/traces"),
        ("http://c:4318/", "http://c:4318/v1/traces"),
        ("https://c/otlp", "https://c/otlp/v1/traces"),
        ("https://c/v1/traces", "https://c/v1/traces"),
    ] {
        assert_eq!(traces_url(&given.parse().unwrap()), used);
    }
}
