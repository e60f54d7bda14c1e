//! What `/metrics` tells, in the `OpenMetrics` text format.

use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::{Registry, Unit},
};

use super::{
    certificate::CertificateGauge,
    lead::{Lead, LeadGauge},
    trust_roots::{TrustRootGauges, TrustRootReading},
};

/// Everything that is counted. Labels have few values; only the names of trust roots come from outside, and of those
/// there are at most so many.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reviews: Family<ReviewLabels, Counter>,
    denials: Family<CodeLabel, Counter>,
    duration: Family<WebhookLabel, Histogram>,
    policies: Family<StateLabel, Gauge>,
    trust_roots: TrustRootGauges,
    lead: LeadGauge,
    certificate: CertificateGauge,
    ready: Gauge,
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
}

/// Whether reviews can be answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Readiness {
    /// They can.
    Ready,
    /// The policies are not loaded yet, or the program is ending.
    NotReady,
}

/// How many policies are in which state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PolicyCounts {
    /// Compiled from their latest form.
    pub ready: usize,
    /// In force in their last good form.
    pub stale: usize,
    /// Never compiled: what they may cover is refused.
    pub broken: usize,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct ReviewLabels {
    webhook: &'static str,
    result: ReviewResult,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct WebhookLabel {
    webhook: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

impl Metrics {
    /// All counters at zero.
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("assay"),
            reviews: Family::default(),
            denials: Family::default(),
            duration: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(SHORTEST_BUCKET, 3.0, BUCKETS))
            }),
            policies: Family::default(),
            trust_roots: TrustRootGauges::default(),
            lead: LeadGauge::default(),
            certificate: CertificateGauge::default(),
            ready: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    /// Counts one review: the webhook it came to, how it ended, the codes of its denials, and how long it took.
    pub fn count_review(
        &self,
        webhook: &'static str,
        result: ReviewResult,
        codes: &[&'static str],
        took: Duration,
    ) {
        let labels = ReviewLabels { webhook, result };
        self.reviews.get_or_create(&labels).inc();
        for &code in codes {
            self.denials.get_or_create(&CodeLabel { code }).inc();
        }
        let duration = self.duration.get_or_create(&WebhookLabel { webhook });
        duration.observe(took.as_secs_f64());
    }

    /// Tells how many policies are in which state now.
    pub fn set_policies(&self, counts: PolicyCounts) {
        for (state, count) in [
            ("ready", counts.ready),
            ("stale", counts.stale),
            ("broken", counts.broken),
        ] {
            let gauge = self.policies.get_or_create(&StateLabel { state });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Tells of every trust root, and of no other: whether it can be used, and how old it is.
    pub fn set_trust_roots(&self, roots: &[TrustRootReading]) {
        self.trust_roots.set(roots);
    }

    /// Tells whether this replica leads.
    pub fn set_lead(&self, lead: Lead) {
        self.lead.set(lead);
    }

    /// Tells when the certificate that is served expires.
    pub fn set_certificate_expiry(&self, expiry: jiff::Timestamp) {
        self.certificate.set(expiry);
    }

    /// Tells whether reviews are answered now.
    pub fn set_ready(&self, ready: Readiness) {
        self.ready.set(match ready {
            Readiness::Ready => 1,
            Readiness::NotReady => 0,
        });
    }

    /// The whole text of `/metrics`; its content type is [`CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        registry.register(
            "reviews",
            "Admission reviews by webhook and result",
            self.reviews.clone(),
        );
        registry.register("denials", "Denied images by code", self.denials.clone());
        registry.register_with_unit(
            "review_duration",
            "Time from the whole body of a review to its answer",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register("policies", "Policies by state", self.policies.clone());
        self.trust_roots.register(registry);
        self.lead.register(registry);
        self.certificate.register(registry);
        registry.register("ready", "Whether reviews are answered", self.ready.clone());
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bound of the first bucket, in seconds.
const SHORTEST_BUCKET: f64 = 0.0001;

/// From 0.1 ms in steps of three to beyond the longest timeout of the API server.
const BUCKETS: u16 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_is_counted_by_webhook_result_and_code() {
        let metrics = Metrics::new();
        metrics.count_review(
            "mutate",
            ReviewResult::Denied,
            &["SignatureMissing", "SignatureMissing", "KeyMismatch"],
            Duration::from_millis(1),
        );
        metrics.count_review("validate", ReviewResult::Allowed, &[], Duration::ZERO);
        let text = metrics.encode();
        for line in [
            "assay_reviews_total{webhook=\"mutate\",result=\"Denied\"} 1",
            "assay_reviews_total{webhook=\"validate\",result=\"Allowed\"} 1",
            "assay_denials_total{code=\"SignatureMissing\"} 2",
            "assay_denials_total{code=\"KeyMismatch\"} 1",
            "assay_review_duration_seconds_count{webhook=\"mutate\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn the_longest_bucket_covers_the_longest_timeout() {
        let longest = exponential_buckets(SHORTEST_BUCKET, 3.0, BUCKETS).last();
        assert!(
            longest >= Some(crate::limits::MAX_TIMEOUT.as_secs_f64() / 2.0),
            "{longest:?}"
        );
    }

    #[test]
    fn policies_are_told_by_their_latest_state_only() {
        let metrics = Metrics::new();
        let counts = PolicyCounts {
            ready: 3,
            stale: 0,
            broken: 1,
        };
        metrics.set_policies(PolicyCounts { ready: 1, ..counts });
        metrics.set_policies(counts);
        let text = metrics.encode();
        let told: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("assay_policies{"))
            .collect();
        assert_eq!(told.len(), 3);
        assert!(
            told.contains(&"assay_policies{state=\"ready\"} 3"),
            "{text}"
        );
        assert!(
            told.contains(&"assay_policies{state=\"broken\"} 1"),
            "{text}"
        );
    }
}
