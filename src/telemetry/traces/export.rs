//! Sending spans to the collector.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{SpanData, SpanExporter as _},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{
    TraceSettings,
    http::{Client, TraceError, traces_url},
};
use crate::limits;

/// Sends the spans that have ended, a batch at a time.
#[derive(Debug)]
pub struct TraceExport {
    spans: mpsc::Receiver<SpanData>,
    exporter: SpanExporter,
    dropped: Arc<AtomicU64>,
    endpoint: String,
    /// Spans that were not sent since that was told last.
    lost: u64,
    told: Option<Instant>,
}

impl TraceExport {
    pub(super) fn new(
        settings: &TraceSettings,
        resource: &Resource,
        spans: mpsc::Receiver<SpanData>,
        dropped: Arc<AtomicU64>,
    ) -> Result<Self, TraceError> {
        let endpoint = traces_url(&settings.endpoint);
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(&endpoint)?)
            .with_endpoint(endpoint.clone())
            .with_timeout(limits::TRACE_EXPORT_TIMEOUT)
            .with_retry_policy(RetryPolicy::disabled())
            .build()
            .map_err(|error| TraceError::Exporter(error.to_string()))?;
        exporter.set_resource(resource);
        Ok(Self {
            spans,
            exporter,
            dropped,
            endpoint,
            lost: 0,
            told: None,
        })
    }

    /// Sends until `stop`, and then what is left, for no longer than the limit.
    pub async fn run(mut self, stop: CancellationToken) {
        let late = async {
            stop.cancelled().await;
            sleep(limits::TRACE_FLUSH_TIMEOUT).await;
        };
        tokio::select! {
            () = self.send_all(&stop) => {}
            () = late => tracing::warn!("the last traces were not sent in time"),
        }
    }

    async fn send_all(&mut self, stop: &CancellationToken) {
        loop {
            let batch = self.next_batch(stop).await;
            if batch.is_empty() {
                return;
            }
            self.send(batch).await;
        }
    }

    /// As many spans as one request takes, or those of a few seconds; after `stop` what there is at once.
    async fn next_batch(&mut self, stop: &CancellationToken) -> Vec<SpanData> {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            _ = self.spans.recv_many(&mut batch, limits::SPANS_PER_EXPORT) => {}
            () = stop.cancelled() => {}
        }
        let until = Instant::now() + BATCH_PERIOD;
        while !batch.is_empty() && batch.len() < limits::SPANS_PER_EXPORT {
            let room = limits::SPANS_PER_EXPORT - batch.len();
            let more =
                stop.run_until_cancelled(timeout_at(until, self.spans.recv_many(&mut batch, room)));
            match more.await {
                Some(Ok(received)) if received > 0 => {}
                Some(Ok(_) | Err(_)) => break,
                None => {
                    while batch.len() < limits::SPANS_PER_EXPORT
                        && let Ok(span) = self.spans.try_recv()
                    {
                        batch.push(span);
                    }
                    break;
                }
            }
        }
        batch
    }

    async fn send(&mut self, batch: Vec<SpanData>) {
        let count = batch.len() as u64;
        let sent = timeout(limits::TRACE_EXPORT_TIMEOUT, self.exporter.export(batch)).await;
        let reason = match sent {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("it did not answer in time".to_owned()),
        };
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        self.lost += dropped + if reason.is_some() { count } else { 0 };
        if self.lost > 0 {
            self.tell(reason.as_deref().unwrap_or("more were made than it takes"));
        }
    }

    /// A collector that is away is told of once in a while, not with each batch.
    fn tell(&mut self, reason: &str) {
        let now = Instant::now();
        if self.told.is_some_and(|told| now < told + WARNING_PERIOD) {
            return;
        }
        self.told = Some(now);
        let (spans, endpoint) = (std::mem::take(&mut self.lost), &self.endpoint);
        tracing::warn!(spans, endpoint, reason, "traces were not sent");
    }
}

/// How long spans wait for others to go with.
const BATCH_PERIOD: Duration = Duration::from_secs(2);

/// How often it is told that traces are lost.
const WARNING_PERIOD: Duration = Duration::from_mins(5);
