//! Events, where there is a cluster to write them into.

use std::sync::Arc;

use kube::Client;
use tokio_util::task::TaskTracker;

use crate::{
    clock::SystemClock, cluster::Events, config::ServeArgs, review::Observer, telemetry::Metrics,
};

/// Who writes Events about reviews.
pub(super) fn observer(
    client: Option<Client>,
    args: &ServeArgs,
    metrics: &Arc<Metrics>,
    tasks: &TaskTracker,
) -> Option<Arc<dyn Observer>> {
    let metrics = Arc::clone(metrics);
    let events = Events::start(
        client?,
        &args.replica(),
        Arc::new(SystemClock),
        metrics,
        tasks,
    );
    Some(events)
}
