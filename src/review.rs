//! The use case: plan what must be known, gather it under a deadline, decide.

mod allowance;
mod failure;
mod found;
mod gather;
mod memory;
mod objects;
mod observation;
mod verdicts;
mod warm_up;

/// Parts of an [`Observation`].
pub use crate::decision::{Judged, PolicyVerdict};
pub use crate::registry::Asked;
pub use objects::{Remark, Validation};
pub use observation::{
    Counted, Observation, ObservedImage, ObservedObject, ObservedOwner, Observer, Operation, Run,
    Told, UsedVerified, Verdict,
};
pub use warm_up::{PageError, PodPage, RunningPod, RunningPods, WarmUp};

use std::{collections::BTreeMap, fmt::Debug, mem, sync::Arc};

use futures::future::BoxFuture;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use allowance::Allowance;
use gather::Gatherer;
use memory::{Memory, View};
use verdicts::{Verdicts, Verifier};

use crate::{
    clock::{Clock, SystemClock},
    decision::{
        self, Circumstances, Decision, Enforcement, Evidence, ImageEvidence, Inquiry,
        LookupFailure, Plan,
    },
    policy::{ClusterModes, KeySource, Place, PolicySet},
    registry::{Access, Keyring, Registry},
    telemetry::{CacheReading, CacheSource},
    trust::TrustRoots,
    workload::{ImageSlot, PullReferences},
};

/// What one review is judged by: read once when it starts, kept until it ends.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The policies.
    pub policies: Arc<PolicySet>,
    /// The trust roots.
    pub trust_roots: Arc<TrustRoots>,
    /// What failures mean.
    pub modes: ClusterModes,
}

/// Hands out the current snapshot. `None` until the first one is complete: not ready, never "no policies".
pub trait Snapshots: Debug + Send + Sync {
    /// The current snapshot.
    fn current(&self) -> Option<Snapshot>;
    /// What policies and trust roots refer to, as it is now; none where nothing is known of it.
    fn entries(&self) -> Option<Arc<dyn KeySource + Send + Sync>> {
        None
    }
    /// The labels of a namespace, or why they cannot be told.
    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, String>>;
}

/// Finds the pull credentials of a Pod. The keyring ends with Assay's own credentials.
pub trait PullSecrets: Debug + Send + Sync {
    /// The keyring for Pods of this namespace with these references, or why it cannot be had.
    fn keyring<'a>(
        &'a self,
        namespace: &'a str,
        references: &'a PullReferences,
    ) -> BoxFuture<'a, Result<Arc<Keyring>, String>>;
}

/// What is to be judged.
#[derive(Clone, Debug)]
pub struct Request {
    /// The image slots in question (all, or on UPDATE the changed ones).
    pub slots: Vec<ImageSlot>,
    /// Where (the namespace's labels are filled in by the reviewer).
    pub place: Place,
    /// The Pod, or the template of Pods in a workload, with its metadata and spec, for conditions; null where there is none.
    pub pod: Arc<Value>,
    /// Which pull credentials apply.
    pub pull: PullReferences,
    /// Whether a failure can deny.
    pub enforcement: Enforcement,
    /// When the answer must be there.
    pub deadline: Instant,
    /// Is told when a registry has to be asked.
    pub asked: Asked,
}

/// Judges images: the one engine behind the webhook and the command line.
#[derive(Debug)]
pub struct Reviewer {
    registry: Arc<dyn Registry>,
    snapshots: Arc<dyn Snapshots>,
    pull_secrets: Arc<dyn PullSecrets>,
    clock: Arc<dyn Clock>,
    verdicts: Verdicts,
    memory: Option<Memory>,
}

/// A decision with what led to it.
#[derive(Clone, Debug)]
pub struct Examination {
    /// What had to be known.
    pub plan: Plan,
    /// What was found.
    pub evidence: Evidence,
    /// What follows.
    pub decision: Decision,
}

/// Why no decision could be reached at all; the object is refused with this text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReviewError {
    /// The first policy snapshot is not complete.
    #[error("the policies are not loaded yet")]
    NotReady,
    /// The namespace's labels cannot be told.
    #[error("the labels of namespace {namespace:?} cannot be read: {reason}")]
    Namespace {
        /// Which.
        namespace: String,
        /// Why.
        reason: String,
    },
}

impl Reviewer {
    /// A reviewer that asks these three.
    pub fn new(
        registry: Arc<dyn Registry>,
        snapshots: Arc<dyn Snapshots>,
        pull_secrets: Arc<dyn PullSecrets>,
    ) -> Self {
        Self {
            registry,
            snapshots,
            pull_secrets,
            clock: Arc::new(SystemClock),
            verdicts: Verdicts::default(),
            memory: None,
        }
    }

    /// The same with a memory of what was verified, for policies that want that used while a registry does not answer.
    /// Without it such a policy denies as any other.
    #[must_use]
    pub fn remembering(self) -> Self {
        Self {
            memory: Some(Memory::default()),
            ..self
        }
    }

    /// The same with another clock than the machine's. By it keys are in force, and builds and
    /// what was verified before have their age.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Whether there is a policy snapshot to judge by.
    pub fn is_ready(&self) -> bool {
        self.snapshots.current().is_some()
    }

    /// Judges all images of a request. Never takes longer than its deadline by more than the time to decide.
    ///
    /// # Errors
    /// Only when it cannot be told what the images must satisfy. What cannot be found out about an image is part of
    /// the decision.
    pub async fn review(&self, request: Request) -> Result<Decision, ReviewError> {
        Ok(self.examine(request).await?.decision)
    }

    /// As [`Self::review`], with the plan and what was found, for the command line.
    ///
    /// # Errors
    /// As [`Self::review`].
    pub async fn examine(&self, mut request: Request) -> Result<Examination, ReviewError> {
        let snapshot = self.snapshots.current().ok_or(ReviewError::NotReady)?;
        let place = Place {
            namespace_labels: self.namespace_labels(&request).await?,
            ..mem::take(&mut request.place)
        };
        let plan = decision::plan(
            mem::take(&mut request.slots),
            &snapshot.policies,
            &place,
            snapshot.modes,
            request.enforcement,
            |repository| self.registry.signature_places(repository),
        );
        let circumstances = Circumstances {
            now: self.clock.now(),
            place,
            pod: Arc::clone(&request.pod),
            condition_steps: plan.condition_steps(),
        };
        let trust_roots = &snapshot.trust_roots;
        let (images, keyring) = self
            .gather(&plan, &request, &circumstances, trust_roots)
            .instrument(tracing::debug_span!("gather"))
            .await;
        let evidence = Evidence {
            circumstances,
            images,
        };
        let decision = decision::decide(&plan, &evidence);
        if let (Some(memory), Some(keyring)) = (&self.memory, &keyring) {
            let view = View {
                keyring,
                trust_roots,
            };
            memory.note(&plan, &evidence, &decision, view);
        }
        Ok(Examination {
            plan,
            evidence,
            decision,
        })
    }

    async fn namespace_labels(
        &self,
        request: &Request,
    ) -> Result<BTreeMap<String, String>, ReviewError> {
        let namespace = &request.place.namespace;
        timeout_at(request.deadline, self.snapshots.namespace_labels(namespace))
            .await
            .unwrap_or_else(|_| Err("the time for this request ran out".to_owned()))
            .map_err(|reason| ReviewError::Namespace {
                namespace: namespace.clone(),
                reason,
            })
    }

    /// Finds out what the plan asks for: the only place that asks registries. With whose credentials, if with any.
    async fn gather(
        &self,
        plan: &Plan,
        request: &Request,
        circumstances: &Circumstances,
        trust_roots: &TrustRoots,
    ) -> (BTreeMap<String, ImageEvidence>, Option<Arc<Keyring>>) {
        let mut inquiries = plan.inquiries();
        // Where all policies that match are broken, there is nothing to find out.
        inquiries.retain(|inquiry| inquiry.policies().next().is_some());
        if inquiries.is_empty() {
            return (BTreeMap::new(), None);
        }
        let keyring = match self.keyring(&circumstances.place.namespace, request).await {
            Ok(keyring) => keyring,
            Err(failure) => return (not_looked_up(&inquiries, &failure), None),
        };
        let access = Access {
            keyring: Arc::clone(&keyring),
            deadline: request.deadline,
            since: Instant::now(),
            asked: request.asked.clone(),
        };
        let gatherer = Gatherer {
            registry: self.registry.as_ref(),
            verifier: Verifier {
                verdicts: &self.verdicts,
                trust_roots,
            },
            memory: self.memory.as_ref(),
            access,
            allowance: Allowance::default(),
            circumstances,
        };
        (gatherer.gather(&inquiries).await, Some(keyring))
    }

    async fn keyring(
        &self,
        namespace: &str,
        request: &Request,
    ) -> Result<Arc<Keyring>, LookupFailure> {
        let keyring = self
            .pull_secrets
            .keyring(namespace, &request.pull)
            .instrument(tracing::debug_span!("pull secrets"));
        timeout_at(request.deadline, keyring)
            .await
            .map_err(|_| LookupFailure::Deadline)?
            .map_err(|detail| LookupFailure::PullSecret { detail })
    }
}

impl CacheSource for Reviewer {
    fn read_caches(&self) -> Vec<CacheReading> {
        let mut readings = self.verdicts.read_caches();
        readings.extend(self.memory.as_ref().map(Memory::reading));
        readings
    }
}

/// The evidence when no image could be asked for.
fn not_looked_up(
    inquiries: &[&Inquiry],
    failure: &LookupFailure,
) -> BTreeMap<String, ImageEvidence> {
    inquiries
        .iter()
        .map(|inquiry| {
            let found = ImageEvidence::of(Err(failure.clone()));
            (inquiry.reference.written().to_owned(), found)
        })
        .collect()
}

#[cfg(test)]
mod tests;
