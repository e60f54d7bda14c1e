//! Single flight: callers who want the same thing at the same time share one run of the work.

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt as _, future::Shared};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::RegistryError;

/// The runs that are under way, by what they are for.
///
/// Each run is a task of its own, so that a caller who goes away strands nobody. Nothing is kept after a run:
/// what is to be remembered, the work itself puts into a cache.
#[derive(Debug)]
pub(super) struct Flights<K, V> {
    running: Running<K, V>,
    tasks: TaskTracker,
}

type Running<K, V> = Arc<Mutex<HashMap<K, Flight<V>>>>;
type Outcome<V> = Shared<oneshot::Receiver<Result<V, RegistryError>>>;

#[derive(Debug)]
struct Flight<V> {
    deadline: Instant,
    outcome: Outcome<V>,
}

/// Takes a run off the list, also when it panics.
struct Landing<K: Eq + Hash, V> {
    running: Running<K, V>,
    key: K,
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new(tasks: TaskTracker) -> Self {
        Self {
            running: Arc::default(),
            tasks,
        }
    }

    /// The outcome of the run for `key`, which is started when there is none. A run ends by the deadline of the
    /// caller who started it; who has more time than that then starts another.
    pub(super) async fn join<F, Work>(
        &self,
        key: K,
        host: &str,
        deadline: Instant,
        work: F,
    ) -> Result<V, RegistryError>
    where
        F: Fn() -> Work,
        Work: Future<Output = Result<V, RegistryError>> + Send + 'static,
    {
        loop {
            let (outcome, ends) = self.board(&key, deadline, &work);
            match timeout_at(deadline, outcome).await {
                // It may have been too late for that caller only.
                Ok(Ok(Err(RegistryError::Deadline { .. } | RegistryError::RateLimited { .. })))
                    if ends < deadline && Instant::now() < deadline => {}
                Ok(Ok(result)) => return result,
                Ok(Err(_)) => {
                    return Err(RegistryError::Unusable {
                        host: host.to_owned(),
                        detail: "was asked by a task that broke off".to_owned(),
                    });
                }
                Err(_) => {
                    return Err(RegistryError::Deadline {
                        host: host.to_owned(),
                    });
                }
            }
        }
    }

    fn board<F, Work>(&self, key: &K, deadline: Instant, work: &F) -> (Outcome<V>, Instant)
    where
        F: Fn() -> Work,
        Work: Future<Output = Result<V, RegistryError>> + Send + 'static,
    {
        let mut running = lock(&self.running);
        if let Some(flight) = running.get(key) {
            return (flight.outcome.clone(), flight.deadline);
        }
        let (sender, receiver) = oneshot::channel();
        let outcome = receiver.shared();
        let flight = Flight {
            deadline,
            outcome: outcome.clone(),
        };
        running.insert(key.clone(), flight);
        drop(running);
        let landing = Landing {
            running: Arc::clone(&self.running),
            key: key.clone(),
        };
        let work = work();
        let run = async move {
            let result = work.await;
            drop(landing);
            // Nobody may be left to hear it.
            let _ = sender.send(result);
        };
        // It is told of with the review that has started it.
        self.tasks.spawn(run.in_current_span());
        (outcome, deadline)
    }
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        lock(&self.running).remove(&self.key);
    }
}

/// Locks, also after a panic in another task: each change leaves the value whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use tokio::sync::Semaphore;

    use super::*;

    fn deadline() -> RegistryError {
        RegistryError::Deadline {
            host: "r.example".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_hundred_callers_share_one_run() {
        let flights = Flights::new(TaskTracker::new());
        let runs = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Semaphore::new(0));
        let until = Instant::now() + Duration::from_mins(1);
        let callers = (0..100).map(|_| {
            flights.join("key", "r.example", until, || {
                let (runs, gate) = (Arc::clone(&runs), Arc::clone(&gate));
                async move {
                    runs.fetch_add(1, Ordering::SeqCst);
                    let _permit = gate.acquire().await;
                    Ok(42)
                }
            })
        });
        let all = futures::future::join_all(callers);
        let (results, ()) = tokio::join!(all, async { gate.add_permits(1) });
        assert!(
            results
                .into_iter()
                .all(|result| result.is_ok_and(|value| value == 42))
        );
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_strands_nobody() {
        let flights = Flights::new(TaskTracker::new());
        let gate = Arc::new(Semaphore::new(0));
        let until = Instant::now() + Duration::from_mins(1);
        let work = || {
            let gate = Arc::clone(&gate);
            async move {
                let _permit = gate.acquire().await;
                Ok(1)
            }
        };
        {
            let mut first = Box::pin(flights.join("key", "r.example", until, work));
            assert!(futures::poll!(&mut first).is_pending());
        }
        let mut second = Box::pin(flights.join("key", "r.example", until, || async { Ok(2) }));
        assert!(futures::poll!(&mut second).is_pending());
        gate.add_permits(1);
        assert_eq!(second.await.ok(), Some(1));
    }

    #[tokio::test]
    async fn a_later_deadline_outlives_the_run_of_an_earlier_one() {
        let flights = Flights::new(TaskTracker::new());
        let gate = Arc::new(Semaphore::new(0));
        let now = Instant::now();
        let (soon, late) = (now + Duration::from_mins(1), now + Duration::from_secs(90));
        let first = flights.join("key", "r.example", soon, || {
            let gate = Arc::clone(&gate);
            async move {
                let _permit = gate.acquire().await;
                Err(deadline())
            }
        });
        let second = flights.join("key", "r.example", late, || async { Ok(2) });
        let (first, second, ()) = tokio::join!(first, second, async { gate.add_permits(1) });
        assert!(matches!(first, Err(RegistryError::Deadline { .. })));
        assert_eq!(second.ok(), Some(2));
    }

    #[tokio::test]
    async fn a_run_that_panics_fails_its_callers_and_not_the_next() {
        let flights = Flights::new(TaskTracker::new());
        let until = Instant::now() + Duration::from_mins(1);
        let broken: Result<u8, _> = flights
            .join("key", "r.example", until, || async { panic!("on purpose") })
            .await;
        assert!(matches!(broken, Err(RegistryError::Unusable { .. })));
        let next = flights
            .join("key", "r.example", until, || async { Ok(2) })
            .await;
        assert_eq!(next.ok(), Some(2));
    }
}
