//! What `/metrics` tells of hosts that are left alone because they do not answer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{
    bounded::{Bounded, OTHER},
    registries::HostLabel,
};

/// Hosts that are left alone, by the registry for whose images they were asked.
#[derive(Clone, Debug)]
pub(super) struct CircuitMetrics {
    hosts: Arc<Bounded>,
    open: Arc<Mutex<BTreeMap<String, i64>>>,
    told: Family<HostLabel, Gauge>,
    withheld: Family<HostLabel, Counter>,
}

/// One host that is left alone, until this is dropped.
#[derive(Debug)]
pub struct OpenCircuit {
    registry: String,
    open: Arc<Mutex<BTreeMap<String, i64>>>,
}

impl CircuitMetrics {
    pub(super) fn new(hosts: Arc<Bounded>) -> Self {
        Self {
            hosts,
            open: Arc::default(),
            told: Family::default(),
            withheld: Family::default(),
        }
    }

    pub(super) fn hold(&self, registry: &str) -> OpenCircuit {
        *lock(&self.open).entry(registry.to_owned()).or_default() += 1;
        OpenCircuit {
            registry: registry.to_owned(),
            open: Arc::clone(&self.open),
        }
    }

    pub(super) fn count_withheld(&self, registry: &str) {
        let host = self.hosts.value(registry);
        self.withheld.get_or_create_owned(&HostLabel { host }).inc();
    }

    /// Fills the gauge: which names are told apart may have changed since.
    pub(super) fn refresh(&self) {
        let mut counts: BTreeMap<String, i64> = BTreeMap::new();
        for (registry, count) in lock(&self.open).iter() {
            *counts.entry(self.hosts.value(registry)).or_default() += count;
        }
        for host in self.hosts.names().into_iter().chain([OTHER.to_owned()]) {
            let count = counts.get(&host).copied().unwrap_or_default();
            self.told
                .get_or_create_owned(&HostLabel { host })
                .set(count);
        }
    }

    pub(super) fn begin(&self, label: &HostLabel) {
        drop(self.told.get_or_create(label));
        drop(self.withheld.get_or_create(label));
    }

    pub(super) fn end(&self, label: &HostLabel) {
        self.told.remove(label);
        self.withheld.remove(label);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "registry_circuits_open",
            "Hosts that are left alone for a while because they failed several times in a row, by registry",
            self.told.clone(),
        );
        registry.register(
            "registry_withheld_requests",
            "Requests that were not sent because their host is left alone, by registry",
            self.withheld.clone(),
        );
    }
}

impl Drop for OpenCircuit {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        if let Some(count) = open.get_mut(&self.registry) {
            *count -= 1;
            if *count <= 0 {
                open.remove(&self.registry);
            }
        }
    }
}

fn lock(open: &Mutex<BTreeMap<String, i64>>) -> MutexGuard<'_, BTreeMap<String, i64>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use crate::telemetry::Metrics;

    fn told(metrics: &Metrics) -> Vec<String> {
        let text = metrics.encode();
        let lines = text.lines();
        let mut lines: Vec<String> = lines
            .filter(|line| line.starts_with("assay_registry_circuits_open{"))
            .chain(
                text.lines()
                    .filter(|line| line.starts_with("assay_registry_withheld_requests_total{")),
            )
            .map(|line| line.replace("assay_registry_", ""))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_host_is_told_of_while_it_is_left_alone_and_not_by_names_that_pods_choose() {
        let metrics = Metrics::new();
        let requests = metrics.requests();
        requests.know_registries(&["r.example".to_owned()]);
        let known = requests.hold_circuit("r.example");
        let others: Vec<_> = (0..10)
            .map(|number| requests.hold_circuit(&format!("r{number}.attacker.example")))
            .collect();
        requests.count_withheld("r.example");
        requests.count_withheld("r1.attacker.example");
        let lines = |known: i64, other: i64| {
            vec![
                format!("circuits_open{{host=\"other\"}} {other}"),
                format!("circuits_open{{host=\"r.example\"}} {known}"),
                "withheld_requests_total{host=\"other\"} 1".to_owned(),
                "withheld_requests_total{host=\"r.example\"} 1".to_owned(),
            ]
        };
        assert_eq!(told(&metrics), lines(1, 10));
        drop(others);
        assert_eq!(told(&metrics), lines(1, 0));
        requests.know_registries(&[]);
        let other = "circuits_open{host=\"other\"} 1".to_owned();
        assert!(told(&metrics).contains(&other), "known no longer");
        drop(known);
        requests.know_registries(&["r.example".to_owned()]);
        assert!(told(&metrics).contains(&"circuits_open{host=\"r.example\"} 0".to_owned()));
    }
}
