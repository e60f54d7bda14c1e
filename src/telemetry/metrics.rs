//! What `/metrics` tells.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use super::{
    caches::{CacheMetrics, CacheSource},
    certificate::CertificateGauge,
    events::{EventCounters, EventResult},
    findings::{Finding, FindingMetrics, PolicyResult},
    lead::{Lead, LeadGauge},
    process::ProcessMetrics,
    registries::RequestMetrics,
    registry_settings::{Freshness, RegistrySettingsGauge},
    text::Format,
    trust_roots::{TrustRootGauges, TrustRootReading},
    warm_up::WarmUpMetrics,
};

/// Everything that is counted, each counter from zero on. What comes from outside is the value of a label only up to a
/// limit.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reviews: Family<ReviewLabels, Counter>,
    duration: Family<DurationLabels, Histogram, fn() -> Histogram>,
    timeout: Gauge<f64, std::sync::atomic::AtomicU64>,
    in_flight: Level,
    connections: Family<ListenerLabel, Gauge>,
    findings: FindingMetrics,
    requests: RequestMetrics,
    caches: CacheMetrics,
    policies: Family<StateLabel, Gauge>,
    trust_roots: TrustRootGauges,
    lead: LeadGauge,
    registry_settings: RegistrySettingsGauge,
    certificate: CertificateGauge,
    events: EventCounters,
    warm_up: WarmUpMetrics,
    ready: Gauge,
    process: ProcessMetrics,
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

/// How many of something there are now.
#[derive(Clone, Debug, Default)]
pub struct Level(Gauge);

/// One of them, until this is dropped.
#[derive(Debug)]
pub struct Held(Gauge);

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

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct ListenerLabel {
    listener: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

impl Metrics {
    /// All counters at zero.
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            reviews: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            timeout: Gauge::default(),
            in_flight: Level::default(),
            connections: Family::default(),
            findings: FindingMetrics::default(),
            requests: RequestMetrics::default(),
            caches: CacheMetrics::default(),
            policies: Family::default(),
            trust_roots: TrustRootGauges::default(),
            lead: LeadGauge::default(),
            registry_settings: RegistrySettingsGauge::default(),
            certificate: CertificateGauge::default(),
            events: EventCounters::default(),
            warm_up: WarmUpMetrics::default(),
            ready: Gauge::default(),
            process: ProcessMetrics::default(),
        };
        metrics.begin();
        metrics.register();
        metrics
    }

    /// Counts one review.
    pub fn count_review(&self, review: &ReviewCount<'_>) {
        let (webhook, result) = (review.webhook, review.result);
        let labels = ReviewLabels { webhook, result };
        self.reviews.get_or_create_owned(&labels).inc();
        for &code in review.codes {
            self.findings.count_denial(code);
        }
        let cache = review.cache.label();
        self.duration
            .get_or_create_owned(&DurationLabels { webhook, cache })
            .observe(review.took.as_secs_f64());
    }

    /// Counts one image that was let in although it did not satisfy a policy.
    pub fn count_finding(&self, finding: Finding, code: &'static str) {
        self.findings.count_finding(finding, code);
    }

    /// Counts what a policy made of one image.
    pub fn count_policy_image(&self, policy: &str, result: PolicyResult) {
        self.findings.count_image(policy, result);
    }

    /// Counts one image that satisfied a policy only by what was verified before.
    pub fn count_used_verified(&self, policy: &str) {
        self.findings.count_used_verified(policy);
    }

    /// Tells these policies apart, the most important first, and counts all others together.
    pub fn know_policies(&self, names: &[String]) {
        self.findings.know_policies(names);
    }

    /// Where requests to registries are counted.
    pub fn requests(&self) -> RequestMetrics {
        self.requests.clone()
    }

    /// Where it is counted how far warming up is.
    pub fn warm_up(&self) -> WarmUpMetrics {
        self.warm_up.clone()
    }

    /// Tells of the caches of this source too, from now on.
    pub fn add_caches(&self, source: Arc<dyn CacheSource>) {
        self.caches.add(source);
    }

    /// Counts a review as being under way.
    pub fn begin_review(&self) -> Held {
        self.in_flight.hold()
    }

    /// How many connections one listener has.
    pub fn connections(&self, listener: &'static str) -> Level {
        Level(
            self.connections
                .get_or_create_owned(&ListenerLabel { listener }),
        )
    }

    /// Tells how much time the API server gave for a review, as it said last.
    pub fn set_timeout(&self, timeout: Duration) {
        self.timeout.set(timeout.as_secs_f64());
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

    /// Counts what came of so many things that an Event was due to.
    pub fn count_events(&self, result: EventResult, times: usize) {
        self.events.count(result, times);
    }

    /// Tells whether this replica leads.
    pub fn set_lead(&self, lead: Lead) {
        self.lead.set(lead);
    }

    /// Tells whether registries are read as the files say.
    pub fn set_registry_settings(&self, freshness: Freshness) {
        self.registry_settings.set(freshness);
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

    /// The whole text of `/metrics`, in the `OpenMetrics` format.
    pub fn encode(&self) -> String {
        self.encode_as(Format::OpenMetrics)
    }

    /// The whole text of `/metrics`, in this format.
    pub fn encode_as(&self, format: Format) -> String {
        self.caches.refresh();
        self.requests.refresh();
        self.process.refresh();
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        format.of(text)
    }

    /// From nothing to one is an increase only where there was a zero.
    fn begin(&self) {
        for webhook in WEBHOOKS {
            for result in [
                ReviewResult::Allowed,
                ReviewResult::Denied,
                ReviewResult::Malformed,
                ReviewResult::Late,
                ReviewResult::Failed,
            ] {
                let labels = ReviewLabels { webhook, result };
                drop(self.reviews.get_or_create(&labels));
            }
            for cache in [CacheUse::Hit, CacheUse::Miss].map(CacheUse::label) {
                drop(
                    self.duration
                        .get_or_create(&DurationLabels { webhook, cache }),
                );
            }
        }
        self.set_policies(PolicyCounts::default());
    }

    fn register(&mut self) {
        self.process.register(&mut self.registry);
        let registry = self.registry.sub_registry_with_prefix("assay");
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
        registry.register(
            "reviews_in_flight",
            "Reviews that are being answered",
            self.in_flight.0.clone(),
        );
        registry.register("connections", "Open connections", self.connections.clone());
        self.findings.register(registry);
        self.requests.register(registry);
        self.caches.register(registry);
        registry.register("policies", "Policies by state", self.policies.clone());
        self.trust_roots.register(registry);
        self.lead.register(registry);
        self.registry_settings.register(registry);
        self.certificate.register(registry);
        self.events.register(registry);
        self.warm_up.register(registry);
        registry.register("ready", "Whether reviews are answered", self.ready.clone());
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl CacheUse {
    fn label(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
        }
    }
}

impl Level {
    pub(super) fn gauge(&self) -> Gauge {
        self.0.clone()
    }

    /// Counts one more, until what is answered is dropped.
    pub fn hold(&self) -> Held {
        self.0.inc();
        Held(self.0.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
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

    #[test]
    fn what_is_under_way_is_counted_until_it_ends() {
        let metrics = Metrics::new();
        let (first, second) = (metrics.begin_review(), metrics.begin_review());
        let open = metrics.connections("webhook").hold();
        drop(first);
        let text = metrics.encode();
        for line in [
            "assay_reviews_in_flight 1",
            "assay_connections{listener=\"webhook\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        drop((second, open));
        assert!(metrics.encode().contains("assay_reviews_in_flight 0\n"));
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
