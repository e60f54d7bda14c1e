//! What metrics tell of policies, trust roots and what became of images.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Reading;
use crate::{
    decision::PolicyVerdict,
    policy::{Action, PolicyId, PolicyState},
    registry::OciRegistry,
    review::{Observation, Observer, Reviewer, Run, Snapshot, Snapshots, Verdict},
    telemetry::{
        CacheSource, Finding, Metrics, PolicyCounts, PolicyResult, Readiness, TrustRootReading,
    },
};

/// Counts what reviews came to, and the states of policies and trust roots.
#[derive(Clone)]
pub(super) struct Counting {
    metrics: Arc<Metrics>,
    /// The registries that the settings name, which come first.
    registries: Arc<BTreeSet<String>>,
}

impl Counting {
    pub(super) fn new(metrics: Arc<Metrics>, reading: &Reading) -> Self {
        metrics.add_caches(Arc::<OciRegistry>::clone(&reading.registry));
        let counting = Self {
            metrics,
            registries: Arc::new(reading.hosts.clone()),
        };
        counting.know(&BTreeMap::new());
        counting
    }

    /// Tells of the caches of these too.
    pub(super) fn count_caches(
        &self,
        reviewer: &Arc<Reviewer>,
        sources: Option<Arc<dyn CacheSource>>,
    ) {
        self.metrics.add_caches(Arc::<Reviewer>::clone(reviewer));
        if let Some(sources) = sources {
            self.metrics.add_caches(sources);
        }
    }

    /// Keeps the states of policies and trust roots current.
    pub(super) async fn run(self, snapshots: Arc<dyn Snapshots>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Some(snapshot) = snapshots.current() {
                self.count(&snapshot);
            }
        }
    }

    fn count(&self, snapshot: &Snapshot) {
        let policies: BTreeMap<_, _> = snapshot.policies.iter().collect();
        let mut counts = PolicyCounts::default();
        for state in policies.values() {
            match state {
                PolicyState::Ready(_) => counts.ready += 1,
                PolicyState::Stale { .. } => counts.stale += 1,
                PolicyState::Broken { .. } => counts.broken += 1,
            }
        }
        self.metrics.set_policies(counts);
        self.metrics.set_trust_roots(&trust_root_readings(snapshot));
        self.know(&policies);
    }

    /// Tells these policies apart, and the registries that they and the settings name. The policies of the cluster come
    /// before those of namespaces, which anybody may write who is let into one.
    fn know(&self, policies: &BTreeMap<&PolicyId, &PolicyState>) {
        let names: Vec<String> = policies.keys().map(ToString::to_string).collect();
        self.metrics.know_policies(&names);
        let patterns = policies.values().flat_map(|state| &state.scope().images);
        let by_policies = patterns.filter_map(|pattern| pattern.registry());
        let mut registries: Vec<String> = self.registries.iter().cloned().collect();
        registries.extend(by_policies.map(str::to_owned));
        self.metrics.requests().know_registries(&registries);
    }
}

impl Observer for Counting {
    fn observe(&self, observation: &Observation) {
        let is_denied = match observation.verdict {
            Verdict::Denied => true,
            Verdict::Allowed => false,
        };
        // The validating webhook judges the same again, unless it denies what was let in before.
        let counts = observation.run == Run::Real && (is_denied || observation.webhook == "mutate");
        if !counts {
            return;
        }
        for told in &observation.told {
            match told.action {
                Action::Deny => {}
                Action::Warn => self.metrics.count_finding(Finding::Warned, told.code),
                Action::Audit => self.metrics.count_finding(Finding::Audited, told.code),
            }
        }
        for judged in &observation.judged {
            let result = match judged.verdict {
                PolicyVerdict::Satisfied => PolicyResult::Satisfied,
                PolicyVerdict::Denied => PolicyResult::Denied,
                PolicyVerdict::Warned => PolicyResult::Warned,
                PolicyVerdict::Reported => PolicyResult::Reported,
            };
            let policy = judged.policy.to_string();
            self.metrics.count_policy_image(&policy, result);
        }
    }
}

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counting").finish_non_exhaustive()
    }
}

fn trust_root_readings(snapshot: &Snapshot) -> Vec<TrustRootReading> {
    let roots = snapshot.trust_roots.iter();
    roots
        .map(|(name, state)| TrustRootReading {
            name: name.to_string(),
            ready: match &state.usable {
                Ok(_) => Readiness::Ready,
                Err(_) => Readiness::NotReady,
            },
            expires: state.expires,
            refreshed: state.refreshed,
        })
        .collect()
}

/// How often policies and trust roots are counted.
const PERIOD: Duration = Duration::from_secs(5);
