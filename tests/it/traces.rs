//! Traces: what a collector is sent, and that one which is away holds up nothing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "functions of a test may fail loudly"
)]

use std::collections::{BTreeMap, BTreeSet};

use assay::{
    limits,
    telemetry::{TraceSettings, continue_trace, traces},
};
use http::HeaderMap;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{
    otlp::{collector, decoded, hanging_collector, sent},
    reviews::{creation, pod},
    world::{IMAGE, World},
};

#[tokio::test]
async fn spans_arrive_with_their_parents_and_fields() {
    let (url, received) = collector().await;
    sent(&url, 1.0, || {
        let outer = tracing::info_span!(target: "assay", "outer", uid = "u-1", decision = tracing::field::Empty);
        let inner = tracing::debug_span!(target: "assay", parent: &outer, "inner", host = "registry.example");
        outer.record("decision", "denied");
        inner.in_scope(|| tracing::info!("an event is no span"));
        drop(tracing::trace_span!(target: "assay", parent: &outer, "too fine"));
        drop(tracing::info_span!(target: "hyper", parent: &outer, "another's"));
    })
    .await;
    let spans = decoded(&received);
    let [inner, outer] = &spans[..] else {
        panic!("{spans:#?}")
    };
    assert_eq!(
        (inner.name.as_str(), outer.name.as_str()),
        ("inner", "outer")
    );
    assert_eq!((&inner.parent, &inner.trace), (&outer.id, &outer.trace));
    assert_eq!(outer.parent, "");
    let texts = [("uid", "u-1"), ("decision", "denied")];
    let texts = texts.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(outer.texts, BTreeMap::from(texts));
}

#[tokio::test]
async fn the_callers_trace_is_continued_and_its_sampling_goes_before_ours() {
    let (url, received) = collector().await;
    let mut headers = HeaderMap::new();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    headers.insert("traceparent", parent.parse().unwrap());
    sent(&url, 0.0, || {
        drop(tracing::info_span!(target: "assay", "not sampled"));
        let span = tracing::info_span!(target: "assay", "sampled by the caller");
        continue_trace(&span, &headers);
    })
    .await;
    let spans = decoded(&received);
    let told: Vec<_> = spans
        .iter()
        .map(|span| {
            (
                span.name.as_str(),
                span.trace.as_str(),
                span.parent.as_str(),
            )
        })
        .collect();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    assert_eq!(told, [("sampled by the caller", trace, "00f067aa0ba902b7")]);
}

#[tokio::test]
async fn a_trace_that_nobody_can_read_is_begun_anew() {
    let (url, received) = collector().await;
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", "00-nonsense".parse().unwrap());
    sent(&url, 1.0, || {
        continue_trace(&tracing::info_span!(target: "assay", "alone"), &headers);
    })
    .await;
    let spans = decoded(&received);
    assert_eq!((spans.len(), spans[0].parent.as_str()), (1, ""));
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_hangs_holds_up_the_end_no_longer_than_the_limit() {
    let url = hanging_collector().await;
    let began = Instant::now();
    sent(&url, 1.0, || {
        for _ in 0..3 * limits::SPANS_PER_EXPORT {
            drop(tracing::info_span!(target: "assay", "waiting"));
        }
    })
    .await;
    let (limit, took) = (limits::TRACE_FLUSH_TIMEOUT, began.elapsed());
    assert!((limit..limit * 2).contains(&took), "{took:?}");
}

#[tokio::test]
async fn one_request_holds_no_more_spans_than_the_limit() {
    let (url, received) = collector().await;
    sent(&url, 1.0, || {
        for _ in 0..=limits::SPANS_PER_EXPORT {
            drop(tracing::info_span!(target: "assay", "one of many"));
        }
    })
    .await;
    assert_eq!(received.lock().unwrap().len(), 2);
    assert_eq!(decoded(&received).len(), limits::SPANS_PER_EXPORT + 1);
}

/// Of a review that asks a registry: each span with its parent, and the names of all fields.
#[tokio::test]
async fn a_review_is_one_trace_from_the_request_to_what_registries_were_asked() {
    let (url, received) = collector().await;
    let settings = TraceSettings {
        endpoint: url,
        ratio: 1.0,
    };
    let (tracer, export) = traces(&settings).unwrap();
    let subscriber = tracing_subscriber::registry().with(tracer.layer());
    let world = World::new().await;
    world.demand_key();
    let image = world.push_image();
    world.attach(&image, world.key_signature(&image));
    let guard = tracing::subscriber::set_default(subscriber);
    let deployed = creation(&pod(&world.reference(IMAGE)));
    let answer = world.server.mutate(&deployed).await;
    assert_eq!(answer["allowed"], true, "{answer}");
    drop(guard);
    let stop = CancellationToken::new();
    stop.cancel();
    export.run(stop).await;

    let spans = decoded(&received);
    let names: BTreeMap<&str, &str> = spans
        .iter()
        .map(|span| (span.id.as_str(), span.name.as_str()))
        .collect();
    let edges: BTreeSet<(&str, &str)> = spans
        .iter()
        .map(|span| {
            let parent = names.get(span.parent.as_str()).copied();
            (parent.unwrap_or_default(), span.name.as_str())
        })
        .collect();
    let expected = [
        ("", "request"),
        ("request", "review"),
        ("review", "gather"),
        ("gather", "pull secrets"),
        ("gather", "image"),
        ("image", "resolve"),
        ("image", "signatures"),
        ("signatures", "verify"),
        ("resolve", "registry request"),
        ("signatures", "registry request"),
    ];
    assert_eq!(edges, BTreeSet::from(expected));
    let identities: BTreeSet<&str> = spans.iter().map(|span| span.trace.as_str()).collect();
    assert_eq!(identities.len(), 1);
    let image = spans.iter().find(|span| span.name == "image").unwrap();
    assert_eq!(image.texts.get("image"), Some(&world.reference(IMAGE)));
    let fields: BTreeSet<&str> = spans
        .iter()
        .flat_map(|span| span.texts.keys())
        .map(String::as_str)
        .collect();
    assert_eq!(fields, BTreeSet::from(FIELDS));
}

/// All that traces tell beside names and times.
const FIELDS: [&str; 17] = [
    "candidate",
    "codes",
    "decision",
    "digest",
    "host",
    "image",
    "kind",
    "method",
    "name",
    "namespace",
    "path",
    "repository",
    "resource",
    "status",
    "uid",
    "webhook",
    "what",
];
