//! What `/metrics` tells of the replica that leads.

use prometheus_client::{metrics::gauge::Gauge, registry::Registry};

/// Which replica leads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lead {
    /// This one.
    Here,
    /// Another one, or none.
    Elsewhere,
}

/// One where this replica leads, zero elsewhere.
#[derive(Debug, Default)]
pub(super) struct LeadGauge(Gauge);

impl LeadGauge {
    pub(super) fn set(&self, lead: Lead) {
        self.0.set(match lead {
            Lead::Here => 1,
            Lead::Elsewhere => 0,
        });
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "leader",
            "Whether this replica leads: it writes statuses and renews the certificate",
            self.0.clone(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn the_replica_that_leads_says_one_and_the_others_zero() {
        let metrics = Metrics::new();
        let mut told = Vec::new();
        for lead in [Lead::Elsewhere, Lead::Here, Lead::Elsewhere] {
            metrics.set_lead(lead);
            let text = metrics.encode();
            let line = text.lines().find(|line| line.starts_with("assay_leader "));
            told.push(line.map(str::to_owned));
        }
        let expected = ["assay_leader 0", "assay_leader 1", "assay_leader 0"];
        assert_eq!(told, expected.map(|line| Some(line.to_owned())));
    }
}
