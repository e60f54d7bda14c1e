//! Traces by OTLP, for who asks for them: what each review waited for.
//!
//! A span that has ended goes into a queue of bounded length, from which a task sends batches. Nothing waits for the
//! collector: what finds the queue full is dropped and counted. Nobody's object, secret or token is in a span.

mod export;
mod http;
#[cfg(test)]
mod tests;

pub use export::TraceExport;
pub use http::TraceError;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ::http::HeaderMap;
use opentelemetry::{
    Context,
    propagation::TextMapPropagator as _,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracer, SdkTracerProvider, Span as SdkSpan, SpanData, SpanProcessor},
};
use tokio::sync::mpsc;
use tracing::{Span, Subscriber, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};
use url::Url;

use crate::limits;

/// Where traces are sent, and how many.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSettings {
    /// The collector's base address, as in `http://collector:4318`, or the whole one, which ends in `/v1/traces`.
    pub endpoint: Url,
    /// The share of reviews that is traced, from 0 to 1. What the API server traces is traced here too.
    pub ratio: f64,
}

/// What makes spans of the program's.
#[derive(Clone, Debug)]
pub struct Tracer {
    tracer: SdkTracer,
    /// Ends its processor when it is dropped.
    _provider: SdkTracerProvider,
}

/// Hands spans over, and never waits.
#[derive(Debug)]
struct Queue {
    spans: mpsc::Sender<SpanData>,
    dropped: Arc<AtomicU64>,
}

/// A tracer, and what sends what it traces. Nothing is sent until the latter runs.
///
/// # Errors
///
/// When no client for the collector can be made.
pub fn traces(settings: &TraceSettings) -> Result<(Tracer, TraceExport), TraceError> {
    let (sender, spans) = mpsc::channel(limits::SPANS_WAITING);
    let dropped = Arc::new(AtomicU64::new(0));
    let resource = Resource::builder().with_service_name("assay");
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = resource.with_attribute(version).build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Queue {
            spans: sender,
            dropped: Arc::clone(&dropped),
        })
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(
            settings.ratio,
        ))))
        .with_resource(resource.clone())
        .build();
    let export = TraceExport::new(settings, &resource, spans, dropped)?;
    let tracer = Tracer {
        tracer: provider.tracer("assay"),
        _provider: provider,
    };
    Ok((tracer, export))
}

impl Tracer {
    /// Makes traces of the program's own spans, whatever is logged of them.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync + 'static,
    {
        let ours = filter_fn(|metadata| {
            metadata.is_span()
                && *metadata.level() <= tracing::Level::DEBUG
                && metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
        });
        tracing_opentelemetry::layer()
            .with_tracer(self.tracer.clone())
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(ours.with_max_level_hint(LevelFilter::DEBUG))
    }
}

/// Makes a span part of the trace that a caller's `traceparent` names, if it names one.
pub fn continue_trace(span: &Span, headers: &HeaderMap) {
    if span.is_disabled() || !headers.contains_key("traceparent") {
        return;
    }
    let caller = TraceContextPropagator::new()
        .extract_with_context(&Context::new(), &HeaderExtractor(headers));
    if caller.span().span_context().is_valid() {
        // Without a tracer there is nothing to be part of.
        let _ = span.set_parent(caller);
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut SdkSpan, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.spans.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: std::time::Duration) -> OTelSdkResult {
        Ok(())
    }
}
