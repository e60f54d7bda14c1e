//! What metrics tell of policies, trust roots and what became of images.

mod known;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use self::known::KnownSnapshots;
use crate::{
    decision::{Judged, PolicyVerdict},
    policy::{Action, PolicyId, PolicyState},
    registry::OciRegistry,
    review::{Counted, Observation, Observer, Reviewer, Snapshot, Snapshots},
    telemetry::{
        CacheSource, Finding, Metrics, PolicyCounts, PolicyResult, Readiness, TrustRootReading,
    },
};

/// Counts what reviews came to, and the states of policies and trust roots.
#[derive(Clone)]
pub(super) struct Counting {
    metrics: Arc<Metrics>,
    /// Knows the registries that the settings name, which come first.
    registry: Arc<OciRegistry>,
}

impl Counting {
    pub(super) fn new(metrics: Arc<Metrics>, registry: &Arc<OciRegistry>) -> Self {
        metrics.add_caches(Arc::<OciRegistry>::clone(registry));
        let counting = Self {
            metrics,
            registry: Arc::clone(registry),
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

    /// These snapshots. What is judged by one is counted by the names of its policies from the first image on.
    pub(super) fn known(&self, snapshots: Arc<dyn Snapshots>) -> Arc<dyn Snapshots> {
        Arc::new(KnownSnapshots::new(snapshots, self.clone()))
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
        let mut registries: Vec<String> = self.registry.settings().hosts().into_iter().collect();
        registries.extend(by_policies.map(str::to_owned));
        self.metrics.requests().know_registries(&registries);
    }

    fn count_findings(&self, observation: &Observation) {
        for told in &observation.told {
            match told.action {
                Action::Deny => {}
                Action::Warn => self.metrics.count_finding(Finding::Warned, told.code),
                Action::Audit => self.metrics.count_finding(Finding::Audited, told.code),
            }
        }
    }

    fn count_image(&self, judged: &Judged) {
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

impl Observer for Counting {
    fn observe(&self, observation: &Observation) {
        match observation.counted() {
            Counted::Everything => {
                self.count_findings(observation);
                for judged in &observation.judged {
                    self.count_image(judged);
                }
                for used in &observation.used_verified {
                    let policy = used.policy.to_string();
                    self.metrics.count_used_verified(&policy);
                }
            }
            Counted::Refusals => {
                let judged = observation.judged.iter();
                for judged in judged.filter(|judged| judged.verdict == PolicyVerdict::Denied) {
                    self.count_image(judged);
                }
            }
            Counted::Nothing => {}
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::future::{BoxFuture, FutureExt as _};
    use serde_json::json;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::{
        decision::Outcome,
        policy::{ClusterModes, KeySource, ObjectEntry, PolicyObject, PolicySet},
        registry::{RegistryOptions, RegistrySettings},
        review::{ObservedObject, Operation, Run, Told, UsedVerified, Verdict},
        trust::TrustRoots,
    };

    fn counting(metrics: &Arc<Metrics>) -> Counting {
        let (settings, options) = (RegistrySettings::default(), RegistryOptions::default());
        let registry = OciRegistry::new(settings, options, &TaskTracker::new());
        Counting::new(Arc::clone(metrics), &Arc::new(registry.expect("a reader")))
    }

    /// One image that a policy denies, and one that another only reports.
    fn observation(webhook: &'static str, run: Run, verdict: Verdict) -> Observation {
        let policy = |name: &str| PolicyId {
            namespace: None,
            name: name.to_owned(),
        };
        let judged = [
            ("denies", PolicyVerdict::Denied),
            ("reports", PolicyVerdict::Reported),
        ];
        Observation {
            webhook,
            uid: String::new(),
            operation: Operation::Create,
            user: String::new(),
            object: ObservedObject::default(),
            run,
            verdict,
            told: vec![Told {
                action: Action::Audit,
                code: "SignatureMissing",
                outcome: Outcome::Rejected,
                policy: Some(policy("reports")),
                line: String::new(),
                lowered_by: None,
            }],
            used_verified: Vec::new(),
            images: Vec::new(),
            judged: judged
                .map(|(name, verdict)| Judged {
                    policy: policy(name),
                    verdict,
                })
                .into(),
            labels: Vec::new(),
            took: Duration::ZERO,
        }
    }

    /// What is counted of this review: refused images, reported images, findings.
    fn counted(webhook: &'static str, run: Run, verdict: Verdict) -> [bool; 3] {
        let metrics = Arc::new(Metrics::new());
        let counting = counting(&metrics);
        metrics.know_policies(&["denies", "reports"].map(str::to_owned));
        counting.observe(&observation(webhook, run, verdict));
        let text = metrics.encode();
        [
            "assay_policy_images_total{policy=\"denies\",verdict=\"Denied\"} 1",
            "assay_policy_images_total{policy=\"reports\",verdict=\"Reported\"} 1",
            "assay_findings_total{action=\"Audit\",code=\"SignatureMissing\"} 1",
        ]
        .map(|line| text.lines().any(|found| found == line))
    }

    #[test]
    fn what_the_validating_webhook_sees_again_is_not_counted_again() {
        let real = |webhook, verdict| counted(webhook, Run::Real, verdict);
        assert_eq!(real("mutate", Verdict::Denied), [true, true, true]);
        assert_eq!(real("validate", Verdict::Allowed), [false, false, false]);
        assert_eq!(real("validate", Verdict::Denied), [true, false, false]);
    }

    #[test]
    fn what_was_let_in_as_verified_before_is_counted_once_and_for_its_policy() {
        let metrics = Arc::new(Metrics::new());
        let counting = counting(&metrics);
        metrics.know_policies(&["shop".to_owned()]);
        let policy = PolicyId {
            namespace: None,
            name: "shop".to_owned(),
        };
        let used = UsedVerified {
            container: "api".to_owned(),
            policy,
            code: "RegistryUnavailable",
            verified_at: jiff::Timestamp::UNIX_EPOCH,
            line: String::new(),
        };
        for webhook in ["mutate", "validate"] {
            counting.observe(&Observation {
                used_verified: vec![used.clone()],
                ..observation(webhook, Run::Real, Verdict::Allowed)
            });
        }
        let text = metrics.encode();
        for line in [
            "assay_used_verified_total{policy=\"shop\"} 1",
            "assay_used_verified_total{policy=\"other\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    /// What is judged by, which a test replaces.
    #[derive(Debug, Default)]
    struct Changing(Mutex<Arc<PolicySet>>);

    impl Changing {
        fn apply(&self, name: &str) {
            let object = json!({
                "apiVersion": "assay.dev/v1alpha1",
                "kind": "ClusterImageTrustPolicy",
                "metadata": { "name": name },
                "spec": {
                    "match": { "images": [format!("{name}.example/**")] },
                    "authorities": [
                        { "name": "release", "gitlab": { "project": "acme/shop", "ref": "refs/tags/v*" } },
                    ],
                },
            });
            let object = PolicyObject::from_json(object).expect("a policy");
            let policies = PolicySet::default().update([&object], &NoKeys);
            *self.0.lock().expect("whole") = Arc::new(policies);
        }
    }

    impl Snapshots for Changing {
        fn current(&self) -> Option<Snapshot> {
            Some(Snapshot {
                policies: Arc::clone(&self.0.lock().expect("whole")),
                trust_roots: Arc::new(TrustRoots::public_only()),
                modes: ClusterModes::default(),
            })
        }

        fn namespace_labels<'a>(
            &'a self,
            _: &'a str,
        ) -> BoxFuture<'a, Result<BTreeMap<String, String>, String>> {
            async { Ok(BTreeMap::new()) }.boxed()
        }
    }

    struct NoKeys;

    impl KeySource for NoKeys {
        fn text(&self, entry: &ObjectEntry) -> Result<String, String> {
            Err(format!("{entry:?} is not there"))
        }
    }

    #[test]
    fn a_policy_that_was_just_applied_is_counted_by_its_name_from_its_first_image_on() {
        let metrics = Arc::new(Metrics::new());
        let counting = counting(&metrics);
        let changing = Arc::new(Changing::default());
        let snapshots = counting.known(Arc::<Changing>::clone(&changing));
        for name in ["denies", "reports"] {
            changing.apply(name);
            // As a review does before it judges.
            assert!(snapshots.current().is_some());
            counting.observe(&observation("mutate", Run::Real, Verdict::Denied));
        }
        let text = metrics.encode();
        let lines = text
            .lines()
            .filter(|line| line.starts_with("assay_policy_images_total") && !line.ends_with(" 0"));
        let expected = [
            "assay_policy_images_total{policy=\"other\",verdict=\"Denied\"} 1",
            "assay_policy_images_total{policy=\"other\",verdict=\"Reported\"} 1",
            "assay_policy_images_total{policy=\"reports\",verdict=\"Reported\"} 1",
        ];
        let mut lines: Vec<&str> = lines.collect();
        lines.sort_unstable();
        assert_eq!(lines, expected);
        assert!(text.contains("assay_registry_requests_total{host=\"reports.example\""));
    }

    #[test]
    fn a_dry_run_is_not_counted() {
        let dry = counted("mutate", Run::Dry, Verdict::Denied);
        assert_eq!(dry, [false, false, false]);
    }
}
