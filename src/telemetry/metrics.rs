//! What `/metrics` tells.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{family::Family, gauge::Gauge, info::Info},
    registry::Registry,
};

use super::{
    caches::{CacheMetrics, CacheSource},
    certificate::CertificateGauge,
    events::{EventCounters, EventResult},
    findings::{Finding, FindingMetrics, PolicyResult},
    lead::{Lead, LeadGauge},
    level::{Held, Level},
    process::ProcessMetrics,
    registries::RequestMetrics,
    registry_settings::{Freshness, RegistrySettingsGauge},
    reviews::{ReviewCount, ReviewMetrics},
    text::Format,
    trust_roots::{TrustRootGauges, TrustRootReading},
    warm_up::WarmUpMetrics,
};

/// Everything that is counted, each counter from zero on. What comes from outside is the value of a label only up to a
/// limit.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reviews: ReviewMetrics,
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
            reviews: ReviewMetrics::default(),
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
        metrics.set_policies(PolicyCounts::default());
        metrics.register();
        metrics
    }

    /// Counts one review.
    pub fn count_review(&self, review: &ReviewCount<'_>) {
        self.reviews.count(review);
        for &code in review.codes {
            self.findings.count_denial(code);
        }
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
        let gauge = self
            .connections
            .get_or_create_owned(&ListenerLabel { listener });
        Level::of(gauge)
    }

    /// Tells how much time the API server gave for a review, as it said last.
    pub fn set_timeout(&self, timeout: Duration) {
        self.reviews.set_timeout(timeout);
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

    fn register(&mut self) {
        self.process.register(&mut self.registry);
        let registry = self.registry.sub_registry_with_prefix("assay");
        registry.register(
            "build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        self.reviews.register(registry);
        registry.register(
            "reviews_in_flight",
            "Reviews that are being answered",
            self.in_flight.gauge(),
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

#[cfg(test)]
mod tests {
    use super::*;

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
