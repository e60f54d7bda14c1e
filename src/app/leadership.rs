//! Whether this replica leads, as metrics tell it, until it has given the lead back.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

use crate::{
    cluster::Role,
    telemetry::{Lead, Metrics},
};

/// Keeps the metric current; ends once the lead is given back, at once where there is nothing to lead.
pub(super) async fn tell(role: Option<watch::Receiver<Role>>, metrics: Arc<Metrics>) {
    let Some(mut role) = role else {
        // Where nobody is elected, there is nobody else to lead.
        metrics.set_lead(Lead::Here);
        return;
    };
    loop {
        let current = *role.borrow_and_update();
        metrics.set_lead(match current {
            Role::Leads => Lead::Here,
            Role::Follows => Lead::Elsewhere,
        });
        if role.changed().await.is_err() {
            metrics.set_lead(Lead::Elsewhere);
            return;
        }
    }
}

/// Waits, not for long, until another replica may lead.
pub(super) async fn given_up(led: JoinHandle<()>) {
    if tokio::time::timeout(PATIENCE, led).await.is_err() {
        tracing::warn!("stopped before the lease was given back");
    }
}

/// One request and a little.
const PATIENCE: Duration = Duration::from_secs(4);
