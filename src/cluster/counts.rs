//! How many images each policy matched and refused, counted by every replica and added up in the policy's status.
//!
//! Each replica keeps what it has seen since it last wrote, and adds it at most once a minute and policy, by optimistic
//! locking: no replica undoes what another has added, and a replica that is killed loses its last minute. Reviews
//! never wait for it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures::{StreamExt, stream};
use jiff::Timestamp;
use kube::{
    Client,
    api::{ApiResource, Patch, PatchParams},
};
use rand::Rng;
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{keeper::Source, status::object_api};
use crate::{
    clock::Clock,
    limits,
    policy::PolicyId,
    review::{Counted, Observation, Observer, PolicyVerdict},
    telemetry::Causes,
};

/// Counts images by policy, and writes the sums into the policies' statuses.
pub(super) struct PolicyCounts {
    clock: Arc<dyn Clock>,
    pending: Mutex<BTreeMap<PolicyId, Tally>>,
}

/// What was seen of one policy.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Tally {
    matched: u64,
    denied: u64,
    warned: u64,
    reported: u64,
    /// When the first of these was counted.
    since: Option<Timestamp>,
}

/// How an addition ended.
enum Outcome {
    /// It is in the status, or there is no such policy any more.
    Done,
    /// It is still to be added.
    Later(Tally),
}

impl PolicyCounts {
    /// Begins to count, with a task on `tasks` that writes until `stop`, and then once more.
    pub(super) fn start(
        client: Client,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
        tasks: &TaskTracker,
    ) -> Arc<Self> {
        let counts = Arc::new(Self {
            clock,
            pending: Mutex::default(),
        });
        let kept = Arc::clone(&counts);
        tasks.spawn(async move {
            loop {
                // Not all replicas at the same moment, and never sooner than a period after the last time.
                let wait = limits::COUNT_PERIOD.mul_f64(rand::rng().random_range(1.0..1.2));
                let paused = tokio::time::sleep(wait);
                let stopped = stop.run_until_cancelled(paused).await.is_none();
                kept.write(&client).await;
                if stopped {
                    return;
                }
            }
        });
        counts
    }

    /// Adds everything that is pending to the statuses; what cannot be added stays pending.
    async fn write(&self, client: &Client) {
        let pending = std::mem::take(&mut *self.lock());
        let mut added = stream::iter(pending)
            .map(|(policy, tally)| async move {
                let outcome = add(client, &policy, tally).await;
                (policy, outcome)
            })
            .buffer_unordered(limits::COUNTS_WRITTEN_AT_ONCE);
        while let Some((policy, outcome)) = added.next().await {
            if let Outcome::Later(tally) = outcome {
                self.count(&policy, tally);
            }
        }
    }

    fn count(&self, policy: &PolicyId, tally: Tally) {
        let mut pending = self.lock();
        // Policies that were seen and deleted since are few; a bound is a bound.
        if pending.len() < limits::COUNTED_POLICIES || pending.contains_key(policy) {
            let sum = pending.entry(policy.clone()).or_default();
            *sum = sum.plus(tally);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PolicyId, Tally>> {
        // Sums are whole at every moment.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for PolicyCounts {
    fn observe(&self, observation: &Observation) {
        let now = self.clock.now();
        for judged in &observation.judged {
            let whole = Tally::of(judged.verdict, now);
            let tally = match observation.counted() {
                Counted::Everything => whole,
                // The image itself was counted before.
                Counted::Refusals => Tally {
                    denied: whole.denied,
                    since: whole.since,
                    ..Tally::default()
                },
                Counted::Nothing => return,
            };
            if tally.is_something() {
                self.count(&judged.policy, tally);
            }
        }
    }
}

impl std::fmt::Debug for PolicyCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicyCounts").finish_non_exhaustive()
    }
}

impl Tally {
    fn of(verdict: PolicyVerdict, now: Timestamp) -> Self {
        let mut tally = Self {
            matched: 1,
            since: Some(now),
            ..Self::default()
        };
        match verdict {
            PolicyVerdict::Satisfied => {}
            PolicyVerdict::Denied => tally.denied = 1,
            PolicyVerdict::Warned => tally.warned = 1,
            PolicyVerdict::Reported => tally.reported = 1,
        }
        tally
    }

    fn is_something(&self) -> bool {
        self.matched + self.denied + self.warned + self.reported > 0
    }

    fn plus(self, other: Self) -> Self {
        let earliest = [self.since, other.since].into_iter().flatten().min();
        Self {
            matched: self.matched.saturating_add(other.matched),
            denied: self.denied.saturating_add(other.denied),
            warned: self.warned.saturating_add(other.warned),
            reported: self.reported.saturating_add(other.reported),
            since: earliest,
        }
    }

    /// What a status says so far; what makes no sense there counts as nothing.
    fn read(images: Option<&Value>) -> Self {
        let field = |name: &str| images.and_then(|images| images.get(name));
        let number = |name: &str| field(name).and_then(Value::as_u64).unwrap_or_default();
        Self {
            matched: number("matched"),
            denied: number("denied"),
            warned: number("warned"),
            reported: number("reported"),
            since: field("since").and_then(|since| since.as_str()?.parse().ok()),
        }
    }

    fn written(self) -> Value {
        // The schema's numbers are signed.
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let since = self.since.map(|since| {
            let second = Timestamp::from_second(since.as_second()).unwrap_or(since);
            second.to_string()
        });
        json!({
            "matched": number(self.matched), "denied": number(self.denied),
            "warned": number(self.warned), "reported": number(self.reported),
            "since": since,
        })
    }
}

/// Adds to the status of one policy. One that is gone needs no counts.
async fn add(client: &Client, policy: &PolicyId, tally: Tally) -> Outcome {
    for _ in 0..limits::COUNT_ATTEMPTS {
        match add_once(client, policy, tally).await {
            Ok(()) | Err(Failure::Gone) => return Outcome::Done,
            // Another replica has added its own meanwhile.
            Err(Failure::Overtaken) => {
                let pause = limits::COUNT_RETRY_PAUSE.mul_f64(rand::rng().random_range(0.5..1.5));
                tokio::time::sleep(pause).await;
            }
            Err(Failure::Other(reason)) => {
                tracing::debug!(%policy, reason, "images not counted in the status yet");
                return Outcome::Later(tally);
            }
        }
    }
    Outcome::Later(tally)
}

enum Failure {
    Gone,
    Overtaken,
    Other(String),
}

async fn add_once(client: &Client, policy: &PolicyId, tally: Tally) -> Result<(), Failure> {
    let key = (policy.namespace.clone(), policy.name.clone());
    let api = object_api(client, &resource(policy), &key);
    let found = in_time(api.get(&policy.name)).await?;
    let status = found.data.get("status");
    let sum = Tally::read(status.and_then(|status| status.get("images"))).plus(tally);
    let patch = json!({
        "metadata": { "resourceVersion": found.metadata.resource_version },
        "status": { "images": sum.written() },
    });
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    in_time(api.patch_status(&policy.name, &parameters, &Patch::Merge(&patch))).await?;
    Ok(())
}

fn resource(policy: &PolicyId) -> ApiResource {
    match policy.namespace {
        None => Source::ClusterPolicies.resource(),
        Some(_) => Source::Policies.resource(),
    }
}

async fn in_time<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(limits::KUBERNETES_READ_TIMEOUT, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Err(Failure::Gone),
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(Failure::Overtaken),
        Ok(Err(error)) => Err(Failure::Other(Causes(&error).to_string())),
        Err(_) => Err(Failure::Other(
            "the API server did not answer in time".to_owned(),
        )),
    }
}

/// Not that of the conditions: neither writer takes away what the other has written.
const FIELD_MANAGER: &str = "assay-counts";

#[cfg(test)]
mod tests;
