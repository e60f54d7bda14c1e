//! What one round over running Pods has seen, and whom it leaves alone.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use super::RunningPod;
use crate::{
    decision::{AdmittedImage, Asked, Cause, Decision, Denial, Obstacle},
    image::{Reference, RegistryHost, Repository},
    limits,
    telemetry::WarmedUp,
};

/// One round.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// What was judged, so that a thousand Pods of one image cost one look.
    seen: HashSet<u64>,
    /// Registries that do not answer, or limit the rate.
    silent: BTreeMap<RegistryHost, Silent>,
    /// By namespace, the repositories of images that could not be judged because somebody did not answer: whose
    /// signatures lie in a place that only a policy of this namespace names, say. Others are not to wait for that.
    failed: BTreeMap<String, BTreeSet<Repository>>,
    /// Whether anything is to be tried again.
    pub(super) is_partial: bool,
}

/// Whose images of a registry are not worth a try. Whoever may write Pods or policies in one namespace may name what a
/// registry fails at, so that others believe two of them.
#[derive(Debug)]
enum Silent {
    For(String),
    ForAll,
}

impl Course {
    /// Whether there is something that it would wait for in vain.
    pub(super) fn avoids(&self, pod: &RunningPod) -> bool {
        let failed = self.failed.get(&pod.place.namespace);
        if failed.is_some_and(|failed| failed.len() >= limits::WARM_UP_FAILURES) {
            return true;
        }
        let written = pod.slots.iter().map(|slot| slot.written.as_str());
        written.filter_map(repository).any(|repository| {
            let silent = self.silent.get(repository.host());
            silent.is_some_and(|silent| silent.is_for(&pod.place.namespace))
                || failed.is_some_and(|failed| failed.contains(&repository))
        })
    }

    /// Whether no Pod of which a review would be asked the same came before.
    pub(super) fn is_new(&mut self, pod: &RunningPod) -> bool {
        self.seen.insert(pod.fingerprint())
    }

    /// Whether it has seen as many kinds of Pods as it may.
    pub(super) fn is_full(&self) -> bool {
        self.seen.len() >= limits::WARM_UP_PODS
    }

    /// What came of a look at a Pod of this namespace, if anything kept it from being judged.
    pub(super) fn note(&mut self, namespace: &str, decision: &Decision) -> Option<WarmedUp> {
        let mut result = None;
        for denial in undetermined(decision) {
            let Some(repository) = repository(&denial.slot.written) else {
                continue;
            };
            match Failure::of(&denial.cause) {
                Some(Failure::Silence(asked)) => {
                    if let Some(host) = silent_host(asked, &repository) {
                        self.fall_silent(host, namespace);
                    }
                }
                Some(Failure::TooSlow) => {}
                Some(Failure::Own) => {
                    result = result.or(Some(WarmedUp::Failed));
                    continue;
                }
                None => continue,
            }
            result = Some(WarmedUp::Unavailable);
            let failed = self.failed.entry(namespace.to_owned()).or_default();
            failed.insert(repository);
        }
        self.is_partial |= result.is_some();
        result
    }

    /// This registry does not answer for images of this namespace.
    fn fall_silent(&mut self, host: RegistryHost, namespace: &str) {
        let silent = self
            .silent
            .entry(host)
            .or_insert_with(|| Silent::For(namespace.to_owned()));
        if !silent.is_for(namespace) {
            *silent = Silent::ForAll;
        }
    }
}

impl Silent {
    fn is_for(&self, namespace: &str) -> bool {
        match self {
            Self::For(one) => one == namespace,
            Self::ForAll => true,
        }
    }
}

impl RunningPod {
    /// The same for Pods of which a review would be asked the same. Two that differ in it only by chance cost a look at
    /// caches; two that are the same by chance leave the second to its own review.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let images: BTreeSet<&str> = self.slots.iter().map(|it| it.written.as_str()).collect();
        images.hash(&mut hasher);
        self.place.namespace.hash(&mut hasher);
        self.pull.pull_secrets.hash(&mut hasher);
        self.pull.service_account.hash(&mut hasher);
        for (name, value) in &self.place.object_labels {
            // What only tells the Pods of one controller apart selects nothing.
            if !OF_ONE_POD.contains(&name.as_str()) {
                (name, value).hash(&mut hasher);
            }
        }
        hasher.finish()
    }
}

/// What kept an image from being judged, as far as it is worth another try.
enum Failure<'a> {
    /// Somebody does not answer.
    Silence(&'a Asked),
    /// Somebody answers, but not in all the time there is.
    TooSlow,
    /// Assay could not ask.
    Own,
}

impl<'a> Failure<'a> {
    fn of(cause: &'a Cause) -> Option<Self> {
        let obstacle = match cause {
            Cause::Rejected(_) => return None,
            Cause::Undetermined(obstacle) => obstacle,
        };
        match obstacle {
            Obstacle::RegistryRateLimited { asked, wait: _ }
            | Obstacle::RegistryUnavailable { asked, .. }
            | Obstacle::RegistryTimeout { asked } => Some(Self::Silence(asked)),
            Obstacle::DeadlineExceeded => Some(Self::TooSlow),
            Obstacle::PullSecretUnreadable { .. } => Some(Self::Own),
            Obstacle::TrustRootUnavailable { .. }
            | Obstacle::TrustRootExpired { .. }
            | Obstacle::PolicyBroken { .. }
            | Obstacle::RegistryUnauthorized { .. }
            | Obstacle::RegistryUnusable { .. }
            | Obstacle::RegistryAddressRefused { .. }
            | Obstacle::RegistryTlsFailed { .. }
            | Obstacle::LimitExceeded { .. } => None,
        }
    }
}

/// The failures of images that were not let in, or only by what was verified before.
fn undetermined(decision: &Decision) -> impl Iterator<Item = &Denial> {
    let (images, denials, others) = match decision {
        Decision::Admit(it) => (&it.images, [].as_slice(), [&it.warnings, &it.audits]),
        Decision::Deny(it) => (
            &it.images,
            it.denials.as_slice(),
            [&it.warnings, &it.audits],
        ),
    };
    let recalled = images
        .iter()
        .flat_map(|image: &AdmittedImage| &image.recalled);
    let recalled = recalled.map(|recalled| &recalled.failure);
    denials
        .iter()
        .chain(others.into_iter().flatten())
        .chain(recalled)
}

/// The registry whose other images are not worth a try either. None where a registry leads elsewhere: it could make
/// any other seem silent.
fn silent_host(asked: &Asked, image: &Repository) -> Option<RegistryHost> {
    match asked {
        Asked::ImageRegistry => Some(image.host().clone()),
        Asked::SignatureRepository(place) | Asked::Source(place) => Some(place.host().clone()),
        Asked::Elsewhere { .. } => None,
    }
}

fn repository(written: &str) -> Option<Repository> {
    let reference: Reference = written.parse().ok()?;
    Some(reference.repository().clone())
}

/// Labels that controllers put on each of their Pods.
const OF_ONE_POD: [&str; 6] = [
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "statefulset.kubernetes.io/pod-name",
];
