//! Whether a replica leads.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Finding;
use crate::{cluster::Found, limits};

/// Judges by the time of the last renewal; where clocks disagree, by its having changed since `before`.
pub(super) fn judge(name: &str, found: &Found, before: Option<&Value>, now: Timestamp) -> Finding {
    let lease = match found {
        Err(reason) => {
            return Finding::wrong(
                format!("the Lease {name:?} cannot be read: {reason}"),
                "use a kubeconfig that may read it",
            );
        }
        Ok(None) => {
            return Finding::wrong(
                format!("the Lease {name:?} is missing, and no replica makes one"),
                "see that a replica runs: kubectl get pods --all-namespaces --selector app.kubernetes.io/name=assay",
            );
        }
        Ok(Some(lease)) => lease,
    };
    let holder = lease
        .pointer("/spec/holderIdentity")
        .and_then(Value::as_str);
    let Some(holder) = holder.filter(|holder| !holder.is_empty()) else {
        return Finding::wrong(
            format!("no replica leads: nobody holds the Lease {name:?}"),
            "see that a replica runs: kubectl get pods --all-namespaces --selector app.kubernetes.io/name=assay",
        );
    };
    let renewed = renewal(lease);
    let changed = before.is_some_and(|before| renewal(before) != renewed);
    if changed || renewed.is_some_and(|renewed| is_recent(renewed, now)) {
        return Finding::Fine(format!("{holder} leads"));
    }
    Finding::wrong(
        format!("{holder} holds the Lease {name:?} and does not renew it"),
        "see whether it still runs: kubectl get pods --all-namespaces --selector app.kubernetes.io/name=assay",
    )
}

fn renewal(lease: &Value) -> Option<Timestamp> {
    lease.pointer("/spec/renewTime")?.as_str()?.parse().ok()
}

fn is_recent(renewed: Timestamp, now: Timestamp) -> bool {
    let most = SignedDuration::try_from(limits::LEASE_DURATION).unwrap_or(SignedDuration::ZERO);
    now.duration_since(renewed).abs() <= most
}
