//! What is to be done next, from values alone.

use std::time::Duration;

use jiff::Timestamp;

use super::{Bundle, Material, ServingCertificate, SigningAuthority, Wanted};
use crate::limits;

/// What there is.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// What is kept.
    pub material: &'a Material,
    /// The `caBundle` of every webhook.
    pub trusted: &'a [Bundle],
    /// How long every one of them has been seen to name the authority that signs.
    pub trusted_for: Duration,
    /// How long the serving certificate has been seen.
    pub served_for: Duration,
}

/// The next thing to do. After it, what there is has to be looked at again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Make a new authority, and keep these beside it.
    NewAuthority {
        /// Those that are trusted until now.
        keep: Bundle,
        /// Why.
        because: Reason,
    },
    /// Make the `caBundle`s be these, in the order in which they were found.
    Publish(Vec<Bundle>),
    /// Issue a serving certificate.
    NewCertificate {
        /// Why.
        because: Reason,
    },
    /// Trust the authority that signs and no other.
    Retire(Bundle),
    /// Nothing, for so long.
    Wait(Duration),
}

/// Why something is made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// There is none that can be used.
    Missing,
    /// It has expired.
    Expired,
    /// A third of its life is left.
    Due,
    /// It names others than it should.
    OtherNames,
    /// Another authority issued it.
    OtherAuthority,
}

impl Reason {
    /// In a few words, for the log.
    pub fn text(self) -> &'static str {
        match self {
            Self::Missing => "there is none that can be used",
            Self::Expired => "the old one has expired",
            Self::Due => "a third of the old one's life is left",
            Self::OtherNames => "the old one names others",
            Self::OtherAuthority => "another authority issued the old one",
        }
    }
}

/// What is to be done next.
///
/// Followed step by step, nothing is ever served that a `caBundle` of a moment ago does not trust.
pub fn plan(found: &Found<'_>, wanted: &Wanted, now: Timestamp) -> Step {
    let material = found.material;
    let signer = match usable_signer(material, now) {
        Ok(signer) => signer,
        Err(because) => {
            return Step::NewAuthority {
                keep: Bundle::default().with_all(&material.bundle, now),
                because,
            };
        }
    };
    let overlap_left = overlap_left(found, signer, wanted);
    let overlapping = !overlap_left.is_zero();
    let publish: Vec<Bundle> = found
        .trusted
        .iter()
        .map(|bundle| wanted_bundle(bundle, material, overlapping, now))
        .collect();
    if publish.as_slice() != found.trusted {
        return Step::Publish(publish);
    }
    let serving = match usable_serving(material, signer, wanted, now) {
        Ok(serving) => serving,
        Err(because) => {
            let left = settling(found, signer, wanted, now).saturating_sub(found.trusted_for);
            return if left.is_zero() {
                Step::NewCertificate { because }
            } else {
                Step::Wait(left)
            };
        }
    };
    let only = Bundle::default().with(signer.certificate().clone());
    if !overlapping && material.bundle != only {
        return Step::Retire(only);
    }
    let renewal = signer
        .certificate()
        .validity()
        .renewal()
        .min(serving.validity().renewal());
    let until_renewal = Duration::try_from(renewal.duration_since(now)).unwrap_or_default();
    let wait = if overlapping {
        until_renewal.min(overlap_left)
    } else {
        until_renewal
    };
    // A clock can be set, and a machine can sleep: it is looked at from time to time.
    Step::Wait(wait.clamp(SHORTEST_WAIT, limits::CERTIFICATE_LOOK))
}

/// What a `caBundle` has to hold. Until the overlap has passed, nothing that it held is taken away.
fn wanted_bundle(
    current: &Bundle,
    material: &Material,
    overlapping: bool,
    now: Timestamp,
) -> Bundle {
    if !overlapping {
        material.bundle.clone()
    } else if current.contains_all(&material.bundle) {
        current.clone()
    } else {
        material.bundle.clone().with_all(current, now)
    }
}

fn usable_signer(material: &Material, now: Timestamp) -> Result<&SigningAuthority, Reason> {
    let signer = material.signer.as_ref().ok_or(Reason::Missing)?;
    let validity = signer.certificate().validity();
    if validity.is_over(now) {
        Err(Reason::Expired)
    } else if validity.renewal() <= now {
        Err(Reason::Due)
    } else {
        Ok(signer)
    }
}

fn usable_serving<'a>(
    material: &'a Material,
    signer: &SigningAuthority,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<&'a ServingCertificate, Reason> {
    let serving = material.serving.as_ref().ok_or(Reason::Missing)?;
    if serving.validity().is_over(now) {
        Err(Reason::Expired)
    } else if serving.names() != wanted.names.all() {
        Err(Reason::OtherNames)
    } else if !serving.is_issued_by(signer.certificate()) {
        Err(Reason::OtherAuthority)
    } else if serving.validity().renewal() <= now {
        Err(Reason::Due)
    } else {
        Ok(serving)
    }
}

/// How long the authority has to be trusted before it issues.
fn settling(
    found: &Found<'_>,
    signer: &SigningAuthority,
    wanted: &Wanted,
    now: Timestamp,
) -> Duration {
    let old = found.material.serving.as_ref();
    if old.is_some_and(|old| old.is_issued_by(signer.certificate())) {
        // Who believes the old one will believe the new one.
        Duration::ZERO
    } else if still_served(found, now) {
        wanted.lifetimes.settling()
    } else {
        wanted.lifetimes.urgent_settling()
    }
}

/// How long replicas may still serve what the authority that signs has not issued.
fn overlap_left(found: &Found<'_>, signer: &SigningAuthority, wanted: &Wanted) -> Duration {
    let overlap = wanted.lifetimes.overlap();
    let serving = found.material.serving.as_ref();
    if serving.is_some_and(|serving| serving.is_issued_by(signer.certificate())) {
        overlap.saturating_sub(found.served_for)
    } else {
        overlap
    }
}

/// Whether replicas that serve the certificate that is kept are believed.
fn still_served(found: &Found<'_>, now: Timestamp) -> bool {
    let believed = |serving: &ServingCertificate, bundle: &Bundle| {
        bundle
            .iter()
            .any(|authority| !authority.validity().is_over(now) && serving.is_issued_by(authority))
    };
    found.material.serving.as_ref().is_some_and(|serving| {
        let mut trusted = found.trusted.iter();
        !serving.validity().is_over(now) && trusted.all(|bundle| believed(serving, bundle))
    })
}

const SHORTEST_WAIT: Duration = Duration::from_secs(1);
