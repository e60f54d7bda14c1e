//! What `/metrics` tells of the certificate that is served.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
    registry::{Registry, Unit},
};

/// The gauge, which is not there until there is a certificate: a time of zero would look long expired.
#[derive(Clone, Debug, Default)]
pub(super) struct CertificateGauge(Arc<ArcSwapOption<Timestamp>>);

impl CertificateGauge {
    /// Tells when the certificate expires.
    pub(super) fn set(&self, expiry: Timestamp) {
        self.0.store(Some(Arc::new(expiry)));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }
}

impl Collector for CertificateGauge {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(expiry) = self.0.load_full() else {
            return Ok(());
        };
        let gauge = ConstGauge::new(expiry.as_second());
        let encoder = encoder.encode_descriptor(
            "certificate_expiry_timestamp",
            "When the certificate that is served expires",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        gauge.encode(encoder)
    }
}

#[cfg(test)]
mod tests {
    use crate::telemetry::Metrics;

    fn told(metrics: &Metrics) -> Vec<String> {
        let text = metrics.encode();
        let lines = text.lines().map(str::to_owned);
        lines
            .filter(|line| line.starts_with("assay_certificate"))
            .collect()
    }

    #[test]
    fn the_expiry_is_told_once_there_is_a_certificate() {
        let metrics = Metrics::new();
        assert_eq!(told(&metrics), Vec::<String>::new());
        metrics.set_certificate_expiry("2026-01-01T00:00:00Z".parse().unwrap());
        metrics.set_certificate_expiry("2026-01-02T00:00:00Z".parse().unwrap());
        assert_eq!(
            told(&metrics),
            ["assay_certificate_expiry_timestamp_seconds 1767312000"]
        );
    }
}
