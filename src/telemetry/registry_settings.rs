//! What `/metrics` tells of the files by which registries are read.

use prometheus_client::{metrics::gauge::Gauge, registry::Registry};

/// Whether what is in force is what the files say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// It is.
    Current,
    /// They cannot be used as they are now, so that it is what they said before.
    Stale,
}

/// One while what is in force is older than the files, else zero.
#[derive(Debug, Default)]
pub(super) struct RegistrySettingsGauge(Gauge);

impl RegistrySettingsGauge {
    pub(super) fn set(&self, freshness: Freshness) {
        self.0.set(match freshness {
            Freshness::Current => 0,
            Freshness::Stale => 1,
        });
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "registry_settings_stale",
            "Whether the registry settings or their files cannot be used as they are, so that what they said before is in force",
            self.0.clone(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn it_is_one_only_while_the_files_cannot_be_used() {
        let metrics = Metrics::new();
        let told = || {
            let text = metrics.encode();
            let mut lines = text.lines().map(str::to_owned);
            lines.find(|line| line.starts_with("assay_registry_settings_stale "))
        };
        let line = |value| Some(format!("assay_registry_settings_stale {value}"));
        assert_eq!(told(), line(0));
        metrics.set_registry_settings(Freshness::Stale);
        assert_eq!(told(), line(1));
        metrics.set_registry_settings(Freshness::Current);
        assert_eq!(told(), line(0));
    }
}
