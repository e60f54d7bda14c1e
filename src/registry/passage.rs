//! Leave to call a host: not while it is left alone because it fails.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use moka::sync::Cache;
use tokio::time::Instant;
use url::Url;

use super::{
    RegistryError,
    flight::lock,
    tls::TrustId,
    transport::{Change, Circuit, Health, Pass},
};
use crate::{limits, telemetry::OpenCircuit};

/// The circuits of all hosts that were asked lately.
#[derive(Debug)]
pub(super) struct Circuits(Cache<CircuitKey, Arc<Mutex<Watched>>>);

/// Whose failures are counted together: those of one host, asked with the same TLS settings for images of one registry.
///
/// Who asks with the wrong certificate authority fails alone. So does a registry that names another's slow page as its token
/// service, or redirects to it: that shows nothing about the other.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct CircuitKey {
    origin: String,
    trust: TrustId,
    registry: String,
}

#[derive(Debug, Default)]
struct Watched {
    circuit: Circuit,
    /// While it is open: tells of it.
    open: Option<OpenCircuit>,
}

/// Leave to make one call to a host. What is dropped without an end says nothing about the host.
#[derive(Debug)]
pub(super) struct Passage {
    watched: Arc<Mutex<Watched>>,
    pass: Option<Pass>,
}

impl Circuits {
    pub(super) fn new() -> Self {
        Self(Cache::new(limits::CIRCUITS))
    }

    /// Leave for one call to the host of this URL, or what failed last where it is left alone.
    pub(super) fn enter(
        &self,
        url: &Url,
        trust: TrustId,
        registry: &str,
    ) -> Result<Passage, RegistryError> {
        let key = CircuitKey {
            origin: url.origin().ascii_serialization(),
            trust,
            registry: registry.to_owned(),
        };
        let watched = self.0.get_with(key, Arc::default);
        let pass = lock(&watched).circuit.admit(Instant::now())?;
        Ok(Passage {
            watched,
            pass: Some(pass),
        })
    }

    /// Forgets those of TLS settings that are in force no more: nobody asks by them, so nothing would close them.
    pub(super) fn retain(&self, is_in_force: impl Fn(TrustId) -> bool) {
        for (key, watched) in &self.0 {
            if !is_in_force(key.trust) {
                lock(&watched).open = None;
                self.0.invalidate(&*key);
            }
        }
    }
}

/// It is not known whether a host answers nothing, or only not what it was asked for. What is dropped says nothing.
#[derive(Debug)]
pub(super) struct Doubt(Arc<Mutex<Watched>>);

impl Passage {
    /// What the call has shown. A doubt is to be settled before the host is left alone.
    pub(super) fn end(mut self, health: &Health) -> Option<Doubt> {
        let pass = self.pass.take()?;
        let mut watched = lock(&self.watched);
        match watched.circuit.learn(pass, health, Instant::now()) {
            Change::Doubted => return Some(Doubt(Arc::clone(&self.watched))),
            Change::Closed => watched.open = None,
            Change::Opened | Change::Same => {}
        }
        None
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            // Nothing is learnt, so nothing changes but who may probe.
            let _ = lock(&self.watched)
                .circuit
                .learn(pass, &Health::Unknown, Instant::now());
        }
    }
}

impl Doubt {
    /// What the host has shown when it was asked for what nobody has chosen. When it is left alone after that, then for
    /// `pause` at first, and `tell` is called with what failed.
    pub(super) fn settle(
        self,
        health: Health,
        pause: Duration,
        tell: impl FnOnce(&RegistryError) -> OpenCircuit,
    ) {
        let mut watched = lock(&self.0);
        match watched.circuit.settle(health, Instant::now(), pause) {
            Change::Opened => watched.open = watched.circuit.last_failure().map(tell),
            Change::Closed => watched.open = None,
            Change::Doubted | Change::Same => {}
        }
    }
}

impl Drop for Doubt {
    fn drop(&mut self) {
        lock(&self.0).circuit.give_up(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::{
        registry::RegistrySettings,
        telemetry::{Metrics, RequestMetrics},
    };

    fn enter(
        circuits: &Circuits,
        trust: TrustId,
        registry: &str,
    ) -> Result<Passage, RegistryError> {
        let url = Url::parse("https://registry.example/v2/").expect("a URL");
        circuits.enter(&url, trust, registry)
    }

    /// Circuits of which that of these settings and this registry has just opened.
    fn opened(trust: TrustId, registry: &str) -> Circuits {
        opened_as_told(trust, registry, &RequestMetrics::default())
    }

    fn opened_as_told(trust: TrustId, registry: &str, requests: &RequestMetrics) -> Circuits {
        let circuits = Circuits::new();
        for _ in 0..limits::FAILURES_IN_A_ROW {
            let passage = enter(&circuits, trust, registry).expect("closed");
            let error = RegistryError::Timeout {
                host: "registry.example".to_owned(),
            };
            let failed = Health::Fails(error);
            if let Some(doubt) = passage.end(&failed) {
                doubt.settle(failed, limits::CIRCUIT_PAUSE, |_| {
                    requests.hold_circuit(registry)
                });
            }
        }
        circuits
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_other_tls_settings_does_not_fail_with_those_who_have_the_wrong_ones() {
        let circuits = opened(TrustId::PUBLIC, "registry.example");
        let yaml = "registries: [{prefix: registry.example}]";
        let settings = RegistrySettings::from_yaml("r.yaml", yaml).expect("settings");
        let setting = settings.find("registry.example", "").expect("covered");
        let other = TrustId::of(setting);
        assert!(enter(&circuits, TrustId::PUBLIC, "registry.example").is_err());
        assert!(enter(&circuits, other, "registry.example").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_settings_have_failed_at_is_told_no_more_when_they_are_replaced() {
        let metrics = Metrics::new();
        let circuits = opened_as_told(TrustId::PUBLIC, "r.example", &metrics.requests());
        let open = |count| format!("assay_registry_circuits_open{{host=\"other\"}} {count}\n");
        circuits.retain(|id| id == TrustId::PUBLIC);
        assert!(metrics.encode().contains(&open(1)));
        circuits.retain(|id| id != TrustId::PUBLIC);
        assert!(metrics.encode().contains(&open(0)));
        assert!(enter(&circuits, TrustId::PUBLIC, "r.example").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_leads_to_the_slow_page_of_another_does_not_close_it_for_that_one() {
        let circuits = opened(TrustId::PUBLIC, "evil.example");
        assert!(enter(&circuits, TrustId::PUBLIC, "evil.example").is_err());
        assert!(enter(&circuits, TrustId::PUBLIC, "registry.example").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_given_up_does_not_keep_others_from_trying() {
        let circuits = opened(TrustId::PUBLIC, "registry.example");
        advance(limits::CIRCUIT_PAUSE).await;
        let probe = enter(&circuits, TrustId::PUBLIC, "registry.example").expect("one may try");
        assert!(enter(&circuits, TrustId::PUBLIC, "registry.example").is_err());
        drop(probe);
        assert!(enter(&circuits, TrustId::PUBLIC, "registry.example").is_ok());
    }

    #[test]
    fn the_circuits_that_are_remembered_are_bounded_in_number() {
        let circuits = Circuits::new();
        for number in 0..=limits::CIRCUITS {
            assert!(enter(&circuits, TrustId::PUBLIC, &format!("r{number}.example")).is_ok());
        }
        circuits.0.run_pending_tasks();
        assert_eq!(circuits.0.entry_count(), limits::CIRCUITS);
    }
}
