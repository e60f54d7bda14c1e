//! Warming up, where there is a cluster whose Pods can be listed.

use std::sync::Arc;

use kube::Client;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::watched;
use crate::{
    cluster::RunningPods,
    config::ServeArgs,
    review::{Reviewer, WarmUp},
    telemetry::Metrics,
};

/// Judges running Pods in a task of `tasks` until it is told to stop, unless the flags say not to.
pub(super) fn start(
    client: Option<Client>,
    args: &ServeArgs,
    reviewer: &Arc<Reviewer>,
    metrics: &Metrics,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let Some(client) = client.filter(|_| !args.no_warm_up) else {
        return;
    };
    let pods = Arc::new(RunningPods::new(client));
    let namespaces = args.warm_up_namespaces.clone().unwrap_or_default();
    let warm_up = WarmUp::new(Arc::clone(reviewer), pods, metrics.warm_up());
    let running = warm_up.in_namespaces(namespaces).run(stop.clone());
    watched::spawn(tasks, "warm-up", running);
}
