//! What `/metrics` tells of the requests to registries.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{
    bounded::{Bounded, OTHER},
    circuits::{CircuitMetrics, OpenCircuit},
};
use crate::limits;

/// Counts requests to registries. Clones count together; one that is on no [`super::Metrics`] counts for nobody.
#[derive(Clone, Debug)]
pub struct RequestMetrics {
    hosts: Arc<Bounded>,
    requests: Family<RequestLabels, Counter>,
    duration: Family<HostLabel, Histogram, fn() -> Histogram>,
    circuits: CircuitMetrics,
}

/// How one request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RequestEnd {
    /// It was answered with this status.
    Status(u16),
    /// There was no connection, or it broke.
    Unreachable,
    /// The TLS handshake failed.
    Tls,
    /// It took longer than one request may.
    Timeout,
    /// The review that wanted it had no more time.
    Deadline,
    /// The answer was larger than what is read.
    TooLarge,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct RequestLabels {
    host: String,
    status: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
pub(super) struct HostLabel {
    pub(super) host: String,
}

impl RequestMetrics {
    /// Counts one request that was made for images of this registry, whoever was asked.
    pub fn count(&self, registry: &str, end: RequestEnd, took: Duration) {
        let host = self.hosts.value(registry);
        self.duration
            .get_or_create_owned(&HostLabel { host: host.clone() })
            .observe(took.as_secs_f64());
        let status = end.label();
        self.requests
            .get_or_create_owned(&RequestLabels { host, status })
            .inc();
    }

    /// Tells of a host that is left alone, as long as what this returns is kept.
    pub fn hold_circuit(&self, registry: &str) -> OpenCircuit {
        self.circuits.hold(registry)
    }

    /// Counts one request that was not sent, because its host is left alone.
    pub fn count_withheld(&self, registry: &str) {
        self.circuits.count_withheld(registry);
    }

    /// Tells these registries apart, the most important first, and counts all others together: which images there are
    /// is chosen by whoever makes Pods.
    pub fn know_registries(&self, hosts: &[String]) {
        let change = self.hosts.know(hosts);
        for host in &change.removed {
            for status in STATUSES {
                let host = host.clone();
                self.requests.remove(&RequestLabels { host, status });
            }
            let label = HostLabel { host: host.clone() };
            self.duration.remove(&label);
            self.circuits.end(&label);
        }
        for host in change.added {
            self.begin(&host);
        }
    }

    /// From nothing to one is an increase only where there was a zero.
    fn begin(&self, host: &str) {
        for status in STATUSES {
            let host = host.to_owned();
            drop(self.requests.get_or_create(&RequestLabels { host, status }));
        }
        let host = host.to_owned();
        let label = HostLabel { host };
        drop(self.duration.get_or_create(&label));
        self.circuits.begin(&label);
    }

    pub(super) fn refresh(&self) {
        self.circuits.refresh();
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "registry_requests",
            "HTTP requests to registries and their token services, by registry and status",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "registry_request_duration",
            "Time from a request to a registry to the end of its answer",
            Unit::Seconds,
            self.duration.clone(),
        );
        self.circuits.register(registry);
    }
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let hosts = Arc::new(Bounded::new(limits::REGISTRIES_MEASURED));
        let metrics = Self {
            circuits: CircuitMetrics::new(Arc::clone(&hosts)),
            hosts,
            requests: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        };
        metrics.begin(OTHER);
        metrics
    }
}

impl RequestEnd {
    /// As the label has it, and traces.
    pub fn label(self) -> &'static str {
        match self {
            Self::Status(401) => "401",
            Self::Status(403) => "403",
            Self::Status(404) => "404",
            Self::Status(429) => "429",
            Self::Status(200..=299) => "2xx",
            Self::Status(300..=399) => "3xx",
            Self::Status(400..=499) => "4xx",
            // What is no status of HTTP is the server's fault too.
            Self::Status(_) => "5xx",
            Self::Unreachable => "Unreachable",
            Self::Tls => "Tls",
            Self::Timeout => "Timeout",
            Self::Deadline => "Deadline",
            Self::TooLarge => "TooLarge",
        }
    }
}

/// Every value of the label `status`.
const STATUSES: [&str; 13] = [
    "2xx",
    "3xx",
    "401",
    "403",
    "404",
    "429",
    "4xx",
    "5xx",
    "Unreachable",
    "Tls",
    "Timeout",
    "Deadline",
    "TooLarge",
];

/// Upper bounds in seconds: a registry is a network away, and one request has its time limit.
const BUCKETS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    fn hosts(text: &str) -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("status=\"429\""));
        let mut hosts: Vec<String> = lines
            .filter_map(|line| Some(line.split('"').nth(1)?.to_owned()))
            .collect();
        hosts.sort();
        hosts
    }

    #[test]
    fn every_end_has_one_of_the_labels_that_are_there_from_the_start() {
        let statuses = (0..=1000).map(RequestEnd::Status);
        let failures = [
            RequestEnd::Unreachable,
            RequestEnd::Tls,
            RequestEnd::Timeout,
            RequestEnd::Deadline,
            RequestEnd::TooLarge,
        ];
        let mut labels: Vec<&str> = statuses.chain(failures).map(RequestEnd::label).collect();
        labels.sort_unstable();
        labels.dedup();
        let mut all = STATUSES;
        all.sort_unstable();
        assert_eq!(labels, all);
    }

    #[test]
    fn ten_thousand_registries_that_pods_choose_are_one_value() {
        let metrics = Metrics::new();
        let requests = metrics.requests();
        requests.know_registries(&["registry.example".to_owned()]);
        for number in 0..10_000 {
            let host = format!("r{number}.attacker.example");
            requests.count(&host, RequestEnd::Status(200), Duration::ZERO);
        }
        requests.count("registry.example", RequestEnd::Timeout, Duration::ZERO);
        let text = metrics.encode();
        assert_eq!(hosts(&text), ["other", "registry.example"]);
        for line in [
            "assay_registry_requests_total{host=\"other\",status=\"2xx\"} 10000",
            "assay_registry_requests_total{host=\"registry.example\",status=\"Timeout\"} 1",
            "assay_registry_request_duration_seconds_count{host=\"other\"} 10000",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn ten_thousand_registries_that_policies_name_are_no_more_than_the_limit() {
        let metrics = Metrics::new();
        let named: Vec<String> = (0..10_000)
            .map(|number| format!("r{number}.example"))
            .collect();
        metrics.requests().know_registries(&named);
        let text = metrics.encode();
        assert_eq!(hosts(&text).len(), limits::REGISTRIES_MEASURED + 1);
        metrics.requests().know_registries(&[]);
        assert_eq!(hosts(&metrics.encode()), ["other"]);
    }
}
