//! What `/metrics` tells of reviews.

use std::{sync::atomic::AtomicU64, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// Reviews by webhook and result, and how long they take.
#[derive(Debug)]
pub(super) struct ReviewMetrics {
    reviews: Family<ReviewLabels, Counter>,
    duration: Family<DurationLabels, Histogram, fn() -> Histogram>,
    timeout: Gauge<f64, AtomicU64>,
}

/// How one review ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, EncodeLabelValue)]
pub enum ReviewResult {
    /// The object was let in.
    Allowed,
    /// The object was refused.
    Denied,
    /// The body was no admission review.
    Malformed,
    /// The body did not arrive before the deadline.
    Late,
    /// Something went wrong inside Assay.
    Failed,
}

/// One review, as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct ReviewCount<'a> {
    /// The webhook it came to.
    pub webhook: &'static str,
    /// How it ended.
    pub result: ReviewResult,
    /// The codes of its denials.
    pub codes: &'a [&'static str],
    /// Whether caches knew everything.
    pub cache: CacheUse,
    /// How long it took.
    pub took: Duration,
}

/// Whether a review was answered from caches alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CacheUse {
    /// No registry was asked, and none waited for.
    Hit,
    /// One was.
    Miss,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct ReviewLabels {
    webhook: &'static str,
    result: ReviewResult,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct DurationLabels {
    webhook: &'static str,
    cache: &'static str,
}

impl Default for ReviewMetrics {
    /// From nothing to one is an increase only where there was a zero.
    fn default() -> Self {
        let metrics = Self {
            reviews: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            timeout: Gauge::default(),
        };
        for webhook in WEBHOOKS {
            for result in ReviewResult::ALL {
                let labels = ReviewLabels { webhook, result };
                drop(metrics.reviews.get_or_create(&labels));
            }
            for cache in [CacheUse::Hit, CacheUse::Miss].map(CacheUse::label) {
                let labels = DurationLabels { webhook, cache };
                drop(metrics.duration.get_or_create(&labels));
            }
        }
        metrics
    }
}

impl ReviewMetrics {
    pub(super) fn count(&self, review: &ReviewCount<'_>) {
        let (webhook, result) = (review.webhook, review.result);
        let labels = ReviewLabels { webhook, result };
        self.reviews.get_or_create_owned(&labels).inc();
        let cache = review.cache.label();
        self.duration
            .get_or_create_owned(&DurationLabels { webhook, cache })
            .observe(review.took.as_secs_f64());
    }

    pub(super) fn set_timeout(&self, timeout: Duration) {
        self.timeout.set(timeout.as_secs_f64());
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "reviews",
            "Admission reviews by webhook and result",
            self.reviews.clone(),
        );
        registry.register_with_unit(
            "review_duration",
            "Time from the head of a review to its answer, by whether caches knew everything",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register_with_unit(
            "review_timeout",
            "How much time the API server gave for a review, as it said last",
            Unit::Seconds,
            self.timeout.clone(),
        );
    }
}

impl ReviewResult {
    const ALL: [Self; 5] = [
        Self::Allowed,
        Self::Denied,
        Self::Malformed,
        Self::Late,
        Self::Failed,
    ];
}

impl CacheUse {
    fn label(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
        }
    }
}

/// The webhooks that judge images.
const WEBHOOKS: [&str; 2] = ["mutate", "validate"];

/// Upper bounds in seconds: finer where answers out of caches lie, and where timeouts do.
const BUCKETS: [f64; 18] = [
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 7.5, 10.0, 30.0,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn a_review_is_counted_by_webhook_result_and_code() {
        let metrics = Metrics::new();
        let denied = ReviewCount {
            webhook: "mutate",
            result: ReviewResult::Denied,
            codes: &["SignatureMissing", "SignatureMissing", "KeyMismatch"],
            cache: CacheUse::Miss,
            took: Duration::from_millis(1),
        };
        metrics.count_review(&denied);
        metrics.count_review(&ReviewCount {
            webhook: "validate",
            result: ReviewResult::Allowed,
            codes: &[],
            cache: CacheUse::Hit,
            ..denied
        });
        let text = metrics.encode();
        for line in [
            "assay_reviews_total{webhook=\"mutate\",result=\"Denied\"} 1",
            "assay_reviews_total{webhook=\"validate\",result=\"Allowed\"} 1",
            "assay_denials_total{code=\"SignatureMissing\"} 2",
            "assay_denials_total{code=\"KeyMismatch\"} 1",
            "assay_review_duration_seconds_count{webhook=\"mutate\",cache=\"miss\"} 1",
            "assay_review_duration_seconds_count{webhook=\"mutate\",cache=\"hit\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn the_longest_bucket_covers_the_longest_timeout() {
        let longest = BUCKETS.last().copied();
        assert!(longest >= Some(crate::limits::MAX_TIMEOUT.as_secs_f64()));
    }
}
