//! What `/metrics` tells of trust roots.

use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::Readiness;
use crate::limits;

/// What is known of one trust root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustRootReading {
    /// Its name.
    pub name: String,
    /// Whether policies can use it.
    pub ready: Readiness,
    /// When it can no longer be used, if a refresh has to come before.
    pub expires: Option<Timestamp>,
    /// When it was last found to be current.
    pub refreshed: Option<Timestamp>,
}

/// The gauges, one value for each root.
#[derive(Debug, Default)]
pub(super) struct TrustRootGauges {
    ready: Family<RootLabel, Gauge>,
    expiry: Family<RootLabel, Gauge>,
    last_refresh: Family<RootLabel, Gauge>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct RootLabel {
    root: String,
}

impl TrustRootGauges {
    /// Tells of these roots only, and of no more than the limit.
    pub(super) fn set(&self, roots: &[TrustRootReading]) {
        for family in [&self.ready, &self.expiry, &self.last_refresh] {
            family.clear();
        }
        for reading in roots.iter().take(limits::TRUST_ROOTS_MEASURED) {
            let label = RootLabel {
                root: reading.name.clone(),
            };
            let ready = match reading.ready {
                Readiness::Ready => 1,
                Readiness::NotReady => 0,
            };
            self.ready.get_or_create(&label).set(ready);
            for (family, time) in [
                (&self.expiry, reading.expires),
                (&self.last_refresh, reading.refreshed),
            ] {
                if let Some(time) = time {
                    family.get_or_create(&label).set(time.as_second());
                }
            }
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "trust_root_ready",
            "Whether policies can use the trust root",
            self.ready.clone(),
        );
        registry.register_with_unit(
            "trust_root_expiry_timestamp",
            "When the trust root can no longer be used unless it is refreshed",
            Unit::Seconds,
            self.expiry.clone(),
        );
        registry.register_with_unit(
            "trust_root_last_refresh_timestamp",
            "When the trust root was last found to be current",
            Unit::Seconds,
            self.last_refresh.clone(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    fn reading(name: &str) -> TrustRootReading {
        TrustRootReading {
            name: name.to_owned(),
            ready: Readiness::Ready,
            expires: Some("2026-01-02T00:00:00Z".parse().unwrap()),
            refreshed: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        }
    }

    fn told(metrics: &Metrics) -> Vec<String> {
        let text = metrics.encode();
        let lines = text.lines().map(str::to_owned);
        let mut lines: Vec<String> = lines
            .filter(|line| line.starts_with("assay_trust_root"))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_root_is_told_with_its_times_and_forgotten_when_it_is_gone() {
        let metrics = Metrics::new();
        metrics.set_trust_roots(&[reading("gone")]);
        let public = TrustRootReading {
            expires: None,
            refreshed: None,
            ..reading("public")
        };
        let expired = TrustRootReading {
            ready: Readiness::NotReady,
            ..reading("private")
        };
        metrics.set_trust_roots(&[public, expired]);
        assert_eq!(
            told(&metrics),
            [
                "assay_trust_root_expiry_timestamp_seconds{root=\"private\"} 1767312000",
                "assay_trust_root_last_refresh_timestamp_seconds{root=\"private\"} 1767225600",
                "assay_trust_root_ready{root=\"private\"} 0",
                "assay_trust_root_ready{root=\"public\"} 1",
            ]
        );
    }

    #[test]
    fn no_more_roots_are_told_than_the_limit() {
        let metrics = Metrics::new();
        let roots: Vec<TrustRootReading> = (0..=limits::TRUST_ROOTS_MEASURED)
            .map(|number| reading(&number.to_string()))
            .collect();
        metrics.set_trust_roots(&roots);
        assert_eq!(told(&metrics).len(), 3 * limits::TRUST_ROOTS_MEASURED);
    }
}
