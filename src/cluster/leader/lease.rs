//! What a Lease says, and what it is to say.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};

use crate::limits;

/// Who holds a Lease.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Holder<'a> {
    /// It was given back, or nobody ever had it: a chart ships it without a `spec`.
    Nobody,
    /// Whoever this is.
    Named(&'a str),
}

/// Who holds it.
pub(super) fn holder(lease: &Lease) -> Holder<'_> {
    let spec = lease.spec.as_ref();
    match spec.and_then(|spec| spec.holder_identity.as_deref()) {
        None | Some("") => Holder::Nobody,
        Some(name) => Holder::Named(name),
    }
}

/// How long it is good after each renewal: what its holder says, within reason. Never shorter than what our own
/// replicas count on.
pub(super) fn duration(spec: &LeaseSpec) -> Duration {
    let seconds = spec.lease_duration_seconds.unwrap_or_default();
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
        .clamp(limits::LEASE_DURATION, limits::MAX_LEASE_DURATION)
}

/// The Lease in new hands.
pub(super) fn held_for(lease: &Lease, identity: &str, now: Timestamp) -> Lease {
    let transitions = lease.spec.as_ref().and_then(|spec| spec.lease_transitions);
    let seconds = i32::try_from(limits::LEASE_DURATION.as_secs()).unwrap_or(i32::MAX);
    let spec = LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: Some(seconds),
        acquire_time: Some(MicroTime(now)),
        renew_time: Some(MicroTime(now)),
        lease_transitions: Some(transitions.map_or(0, |count| count.saturating_add(1).max(0))),
        ..LeaseSpec::default()
    };
    with(lease, spec)
}

/// The same, renewed.
pub(super) fn kept_by(lease: &Lease, now: Timestamp) -> Lease {
    let spec = LeaseSpec {
        renew_time: Some(MicroTime(now)),
        ..lease.spec.clone().unwrap_or_default()
    };
    with(lease, spec)
}

/// The same in nobody's hands; how often it changed hands stays known.
pub(super) fn released(lease: &Lease) -> Lease {
    let spec = LeaseSpec {
        lease_transitions: lease.spec.as_ref().and_then(|spec| spec.lease_transitions),
        ..LeaseSpec::default()
    };
    with(lease, spec)
}

fn with(lease: &Lease, spec: LeaseSpec) -> Lease {
    Lease {
        metadata: lease.metadata.clone(),
        spec: Some(spec),
    }
}
