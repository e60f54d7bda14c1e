//! The task that sends traces.

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::telemetry::TraceExport;

/// Sends traces until it is ended.
pub(super) struct Traces {
    stop: CancellationToken,
    sending: JoinHandle<()>,
}

impl Traces {
    pub(super) fn start(export: TraceExport, tasks: &TaskTracker) -> Self {
        let stop = CancellationToken::new();
        Self {
            sending: tasks.spawn(export.run(stop.clone())),
            stop,
        }
    }

    /// Sends what is left, which takes no longer than its limit.
    pub(super) async fn end(self) {
        self.stop.cancel();
        // A task that has panicked has nothing left to send.
        let _ = self.sending.await;
    }
}
