//! Tasks that the server goes on without.

use std::future::Future;

use tokio_util::task::TaskTracker;

/// Runs what no review waits for. A panic in it is told, as nobody else would notice, and ends nothing else: what a
/// tenant's object makes panic is not to take the webhook down.
pub(super) fn spawn(
    tasks: &TaskTracker,
    task: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) {
    let running = tasks.spawn(work);
    tasks.spawn(async move {
        if let Err(error) = running.await {
            tracing::error!(task, %error, "a task has ended that nothing starts again until this replica is");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::captured;

    #[test]
    fn a_panic_is_told_and_ends_nothing_else() {
        let lines = captured(|| {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.build().unwrap();
            runtime.block_on(async {
                let tasks = TaskTracker::new();
                spawn(&tasks, "warm-up", async { panic!("on purpose") });
                spawn(&tasks, "counting", async {});
                tasks.close();
                tasks.wait().await;
            });
        });
        let [line] = lines.as_slice() else {
            panic!("{lines:?}");
        };
        assert!(line.contains("ERROR") && line.contains("warm-up"), "{line}");
    }
}
