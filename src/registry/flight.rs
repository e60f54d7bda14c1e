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
    /// Tells it from the run that has taken its place, which ends later.
    deadline: Instant,
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
    /// caller who started it: who has much more time than that starts another, which those who come later join.
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
        let mut least_share = LEAST_SHARE;
        loop {
            let worth_waiting_for = earliest_end(deadline, least_share);
            let (outcome, ends) = self.board(&key, deadline, worth_waiting_for, &work);
            match timeout_at(deadline, outcome).await {
                // It may have been too late for that caller only.
                Ok(Ok(Err(RegistryError::Deadline { .. } | RegistryError::RateLimited { .. })))
                    if ends < deadline && Instant::now() < deadline =>
                {
                    least_share = LEAST_SHARE_AGAIN;
                }
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

    /// The run for `key` if it may go on as long as this, or a new one; and when it ends at the latest.
    fn board<F, Work>(
        &self,
        key: &K,
        deadline: Instant,
        worth_waiting_for: Instant,
        work: &F,
    ) -> (Outcome<V>, Instant)
    where
        F: Fn() -> Work,
        Work: Future<Output = Result<V, RegistryError>> + Send + 'static,
    {
        let mut running = lock(&self.running);
        let joined = running.get(key);
        if let Some(flight) = joined.filter(|flight| flight.deadline >= worth_waiting_for) {
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
            deadline,
        };
        // An `async` block would hold the work twice, and hundreds may be under way.
        let run = work().map(move |result| {
            drop(landing);
            // Nobody may be left to hear it.
            let _ = sender.send(result);
        });
        // It is told of with the review that has started it.
        self.tasks.spawn(run.in_current_span());
        (outcome, deadline)
    }
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut running = lock(&self.running);
        let listed = running.get(&self.key);
        if listed.is_some_and(|flight| flight.deadline == self.deadline) {
            running.remove(&self.key);
        }
    }
}

/// How soon a run may end that is worth waiting for by who has time until `deadline`: after this share of that time.
/// Never later than the deadline itself, so that only a run that ends later takes the place of another.
fn earliest_end(deadline: Instant, share: u32) -> Instant {
    let now = Instant::now().min(deadline);
    now + deadline.saturating_duration_since(now) / share
}

/// A run is joined that may take at least a quarter of one's time: those who look in several places give each its share
/// of theirs, and are not to ask beside those who look in one.
const LEAST_SHARE: u32 = 4;

/// Who has waited in vain joins only a run that may take half of the time left: strangers with little time, who begin one
/// run after the other, do not use up the time of others.
const LEAST_SHARE_AGAIN: u32 = 2;

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

    /// Work that takes 300 ms, or the time of whoever began it; and how often it was begun.
    async fn slow(runs: Arc<AtomicUsize>, until: Instant) -> Result<u8, RegistryError> {
        runs.fetch_add(1, Ordering::SeqCst);
        let work = tokio::time::sleep(Duration::from_millis(300));
        timeout_at(until, work).await.map_err(|_| deadline())?;
        Ok(1)
    }

    /// A caller of such work who has this little time.
    async fn call(
        flights: &Flights<&'static str, u8>,
        runs: &Arc<AtomicUsize>,
        millis: u64,
    ) -> Result<u8, RegistryError> {
        let until = Instant::now() + Duration::from_millis(millis);
        let work = || slow(Arc::clone(runs), until);
        flights.join("key", "r.example", until, work).await
    }

    #[tokio::test(start_paused = true)]
    async fn those_with_little_time_do_not_keep_one_with_more_from_its_answer() {
        let flights = Flights::new(TaskTracker::new());
        let runs = Arc::new(AtomicUsize::new(0));
        let call = |millis| call(&flights, &runs, millis);
        let hurried = async {
            loop {
                let _ = call(100).await;
            }
        };
        let patient = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let begun = Instant::now();
            (call(5_000).await.ok(), begun.elapsed().as_millis())
        };
        let answer = tokio::select! {
            biased;
            answer = patient => answer,
            () = hurried => (None, 0),
        };
        assert_eq!(answer, (Some(1), 300));
        // That of the first who was in a hurry, and one that all others have joined.
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waited_in_vain_joins_only_a_run_that_leaves_it_its_chance() {
        let flights = Flights::new(TaskTracker::new());
        let runs = Arc::new(AtomicUsize::new(0));
        let call = |millis| call(&flights, &runs, millis);
        let hurried = async {
            loop {
                let _ = call(250).await;
            }
        };
        let answer = tokio::select! {
            biased;
            () = hurried => None,
            // They have a quarter of its time at first, but less than half of what is left then.
            answer = call(900) => answer.ok(),
        };
        assert_eq!(answer, Some(1));
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
