//! Single flight: callers who want the same thing at the same time share one run of the work.

#[cfg(test)]
mod tests;

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

/// Who waits for a run.
#[derive(Clone, Debug)]
pub(super) struct Passenger {
    /// Who is asked.
    pub(super) host: String,
    /// For whose images; none for what all share.
    pub(super) namespace: Option<Arc<str>>,
    pub(super) deadline: Instant,
}

type Running<K, V> = Arc<Mutex<HashMap<Route<K>, Flight<V>>>>;
type Outcome<V> = Shared<oneshot::Receiver<Result<V, RegistryError>>>;

/// What a run is for, and the only namespace for which it is, if it is not for all.
type Route<K> = (K, Option<Arc<str>>);

#[derive(Clone, Debug)]
struct Flight<V> {
    /// For whom it was begun.
    namespace: Option<Arc<str>>,
    deadline: Instant,
    outcome: Outcome<V>,
}

/// Takes a run off the list, also when it panics.
struct Landing<K: Eq + Hash, V> {
    running: Running<K, V>,
    route: Route<K>,
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
    ///
    /// A run has the share and the logins of the namespace it was begun for: where that may be why it failed, it is begun
    /// once more for those of each other namespace who had joined it.
    pub(super) async fn join<F, Work>(
        &self,
        key: K,
        passenger: &Passenger,
        work: F,
    ) -> Result<V, RegistryError>
    where
        F: Fn() -> Work,
        Work: Future<Output = Result<V, RegistryError>> + Send + 'static,
    {
        let deadline = passenger.deadline;
        let mut route = (key, None);
        let mut least_share = LEAST_SHARE;
        loop {
            let worth_waiting_for = earliest_end(deadline, least_share);
            let flight = self.board(&route, passenger, worth_waiting_for, &work);
            match timeout_at(deadline, flight.outcome).await {
                // It may have been too late for that caller only.
                Ok(Ok(Err(RegistryError::Deadline { .. } | RegistryError::RateLimited { .. })))
                    if flight.deadline < deadline && Instant::now() < deadline =>
                {
                    least_share = LEAST_SHARE_AGAIN;
                }
                Ok(Ok(Err(RegistryError::Limit { .. } | RegistryError::Unauthorized { .. })))
                    if passenger.is_of_another(flight.namespace.as_ref()) =>
                {
                    route.1.clone_from(&passenger.namespace);
                }
                Ok(Ok(result)) => return result,
                Ok(Err(_)) => {
                    return Err(RegistryError::Unusable {
                        host: passenger.host.clone(),
                        detail: "was asked by a task that broke off".to_owned(),
                    });
                }
                Err(_) => {
                    return Err(RegistryError::Deadline {
                        host: passenger.host.clone(),
                    });
                }
            }
        }
    }

    /// The run on this route if it may go on as long as this, or a new one.
    fn board<F, Work>(
        &self,
        route: &Route<K>,
        passenger: &Passenger,
        worth_waiting_for: Instant,
        work: &F,
    ) -> Flight<V>
    where
        F: Fn() -> Work,
        Work: Future<Output = Result<V, RegistryError>> + Send + 'static,
    {
        let mut running = lock(&self.running);
        let joined = running.get(route);
        if let Some(flight) = joined.filter(|flight| flight.deadline >= worth_waiting_for) {
            return flight.clone();
        }
        let (sender, receiver) = oneshot::channel();
        let flight = Flight {
            namespace: passenger.namespace.clone(),
            deadline: passenger.deadline,
            outcome: receiver.shared(),
        };
        running.insert(route.clone(), flight.clone());
        drop(running);
        let landing = Landing {
            running: Arc::clone(&self.running),
            route: route.clone(),
            deadline: passenger.deadline,
        };
        // An `async` block would hold the work twice, and hundreds may be under way.
        let run = work().map(move |result| {
            drop(landing);
            // Nobody may be left to hear it.
            let _ = sender.send(result);
        });
        // It is told of with the review that has started it.
        self.tasks.spawn(run.in_current_span());
        flight
    }
}

impl Passenger {
    /// Whether a run begun for this namespace has the share and the logins of others.
    fn is_of_another(&self, namespace: Option<&Arc<str>>) -> bool {
        self.namespace.is_some() && self.namespace.as_ref() != namespace
    }
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut running = lock(&self.running);
        let listed = running.get(&self.route);
        if listed.is_some_and(|flight| flight.deadline == self.deadline) {
            running.remove(&self.route);
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
