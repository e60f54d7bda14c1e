//! Which replica leads: the one whose name is in the Lease.
//!
//! One task tries to hold the Lease for as long as the program runs. No review depends on it: what only one replica
//! is to do, such as writing statuses, is done by whoever leads, and may be done twice for a moment when the lead
//! changes hands, so it is written with optimistic locking or by server-side apply.
//!
//! Nothing here compares two clocks. A leader gives up when its own last renewal is too long ago, and a follower
//! takes over when nothing has changed for longer than that since it looked, each by its own monotonic clock.

mod lease;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{Api, Client, api::PostParams};
use rand::Rng;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::lease::{Holder, held_for, holder, kept_by, released};
use crate::{clock::Clock, limits, telemetry::Causes};

/// Whether this replica does what only one of them is to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// It does.
    Leads,
    /// Another one does, or nobody for now.
    Follows,
}

/// What an election is told at start.
#[derive(Clone, Debug)]
pub struct ElectionSettings {
    /// Where the Lease is: Assay's own namespace.
    pub namespace: String,
    /// The Lease's name.
    pub lease: String,
    /// What this replica is called, for people; need not be unique.
    pub replica: String,
    /// For the times in the Lease, which only people read.
    pub clock: Arc<dyn Clock>,
    /// Says that the program ends: the Lease is given back.
    pub stop: CancellationToken,
}

/// One replica's part in the election.
pub struct Election {
    api: Api<Lease>,
    name: String,
    identity: String,
    clock: Arc<dyn Clock>,
    role: watch::Sender<Role>,
    /// While it leads.
    held: Option<Held>,
    /// While another one leads.
    observed: Option<Observed>,
    /// Why the Lease cannot be had, when that was told last.
    trouble: Option<String>,
}

/// The Lease in our hands.
struct Held {
    /// As the API server has it.
    lease: Lease,
    /// When the last renewal that went through was begun.
    renewed: Instant,
}

/// The Lease in other hands.
struct Observed {
    spec: LeaseSpec,
    /// When we first saw it so.
    since: Instant,
}

/// Why a write of the Lease did not happen.
enum Refusal {
    /// Somebody else has written, made or deleted it since we looked.
    Overtaken,
    /// It may have happened, or may be tried again.
    Trouble(String),
}

impl Election {
    /// Starts to stand for election, with a task on `tasks`. The receiver tells the role from then on; when the
    /// program ends it says [`Role::Follows`], and it is closed once the Lease is given back.
    pub fn start(
        client: Client,
        settings: ElectionSettings,
        tasks: &TaskTracker,
    ) -> watch::Receiver<Role> {
        let (role, roles) = watch::channel(Role::Follows);
        // A container that is started again in its Pod has the same name, and must not take itself for its
        // predecessor, which may still be writing.
        let identity = format!("{}_{:08x}", settings.replica, rand::rng().random::<u32>());
        let election = Self {
            api: Api::namespaced(client, &settings.namespace),
            name: settings.lease,
            identity,
            clock: settings.clock,
            role,
            held: None,
            observed: None,
            trouble: None,
        };
        tasks.spawn(election.run(settings.stop));
        roles
    }

    async fn run(mut self, stop: CancellationToken) {
        // A request under way is never broken off: it might go through unseen.
        while !stop.is_cancelled() {
            let pause = self.turn().await;
            let paused = tokio::time::sleep(pause);
            if stop.run_until_cancelled(paused).await.is_none() {
                break;
            }
        }
        self.give_back().await;
    }

    /// One look at the Lease; tells how long to wait for the next.
    async fn turn(&mut self) -> Duration {
        match self.held.take() {
            Some(held) => self.renew(held).await,
            None => self.stand().await,
        }
    }

    /// Keeps leading, or stops to.
    async fn renew(&mut self, held: Held) -> Duration {
        let deadline = held.renewed + limits::LEASE_RENEWAL_DEADLINE;
        let begun = Instant::now();
        if begun >= deadline {
            self.follow("the lease could not be renewed in time");
            return about(limits::LEASE_RETRY_PAUSE);
        }
        let wanted = kept_by(&held.lease, self.clock.now());
        let outcome = self.replace(&wanted, deadline).await;
        let lease = match outcome {
            Ok(lease) => {
                self.untroubled();
                let renewed = begun;
                self.held = Some(Held { lease, renewed });
                return about(limits::LEASE_RENEWAL_PERIOD);
            }
            Err(Refusal::Overtaken) => self.find(deadline).await,
            Err(Refusal::Trouble(reason)) => Err(Refusal::Trouble(reason)),
        };
        match lease {
            // Something else in it was changed, by a person perhaps: it is still ours.
            Ok(Some(lease)) if holder(&lease) == Holder::Named(&self.identity) => {
                self.held = Some(Held { lease, ..held });
                about(limits::LEASE_REREAD_PAUSE)
            }
            Ok(found) => {
                self.follow("the lease was taken away");
                self.consider(found).await
            }
            Err(Refusal::Overtaken) => {
                self.held = Some(held);
                about(limits::LEASE_REREAD_PAUSE)
            }
            Err(Refusal::Trouble(reason)) => {
                self.troubled(reason);
                self.held = Some(held);
                about(limits::LEASE_RETRY_PAUSE)
                    .min(deadline.saturating_duration_since(Instant::now()))
            }
        }
    }

    /// Looks whether there is a lead to take.
    async fn stand(&mut self) -> Duration {
        let deadline = Instant::now() + limits::KUBERNETES_READ_TIMEOUT;
        match self.find(deadline).await {
            Ok(found) => {
                self.untroubled();
                self.consider(found).await
            }
            Err(Refusal::Overtaken) => about(limits::LEASE_RETRY_PAUSE),
            Err(Refusal::Trouble(reason)) => {
                self.troubled(reason);
                about(limits::LEASE_RETRY_PAUSE)
            }
        }
    }

    /// Takes the lead where nobody has it, or whoever has it has been silent for too long.
    async fn consider(&mut self, found: Option<Lease>) -> Duration {
        let now = Instant::now();
        let free = found
            .as_ref()
            .map_or(now, |lease| self.free_from(lease, now));
        if free > now {
            return about(limits::LEASE_RENEWAL_PERIOD).min(free - now);
        }
        let lease = found.unwrap_or_else(|| self.unmade());
        let wanted = held_for(&lease, &self.identity, self.clock.now());
        let deadline = now + limits::KUBERNETES_READ_TIMEOUT;
        let taken = match lease.metadata.resource_version {
            Some(_) => self.replace(&wanted, deadline).await,
            None => self.create(&wanted, deadline).await,
        };
        match taken {
            Ok(lease) => {
                self.observed = None;
                self.held = Some(Held {
                    lease,
                    renewed: now,
                });
                self.take_role(Role::Leads, "the lease was free");
                about(limits::LEASE_RENEWAL_PERIOD)
            }
            Err(Refusal::Overtaken) => about(limits::LEASE_RETRY_PAUSE),
            Err(Refusal::Trouble(reason)) => {
                self.troubled(reason);
                about(limits::LEASE_RETRY_PAUSE)
            }
        }
    }

    /// From when on the Lease may be taken: at once where nobody holds it, else when it has been the same for as
    /// long as it is good.
    fn free_from(&mut self, lease: &Lease, now: Instant) -> Instant {
        let spec = lease.spec.clone().unwrap_or_default();
        match holder(lease) {
            Holder::Nobody => now,
            Holder::Named(_) => {
                let good_for = lease::duration(&spec);
                let since = match self.observed.take() {
                    Some(observed) if observed.spec == spec => observed.since,
                    Some(_) | None => now,
                };
                self.observed = Some(Observed { spec, since });
                since + good_for
            }
        }
    }

    fn unmade(&self) -> Lease {
        let mut lease = Lease::default();
        lease.metadata.name = Some(self.name.clone());
        lease
    }

    /// Lets another replica lead at once.
    async fn give_back(&mut self) {
        let Some(held) = self.held.take() else {
            return;
        };
        self.follow("the program ends");
        let deadline = Instant::now() + limits::KUBERNETES_READ_TIMEOUT;
        if let Err(Refusal::Trouble(reason)) = self.replace(&released(&held.lease), deadline).await
        {
            tracing::warn!(reason, "the lease is not given back");
        }
    }

    fn follow(&mut self, why: &'static str) {
        self.held = None;
        self.observed = None;
        self.take_role(Role::Follows, why);
    }

    fn take_role(&self, role: Role, why: &'static str) {
        if self.role.send_replace(role) != role {
            tracing::info!(replica = self.identity, ?role, why, "role changed");
        }
    }

    /// Says so once, not at each attempt.
    fn troubled(&mut self, reason: String) {
        if self.trouble.as_ref() != Some(&reason) {
            tracing::warn!(lease = self.name, reason, "the lease cannot be had");
            self.trouble = Some(reason);
        }
    }

    fn untroubled(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!(lease = self.name, "the lease can be had again");
        }
    }

    async fn find(&self, deadline: Instant) -> Result<Option<Lease>, Refusal> {
        until(deadline, self.api.get_opt(&self.name)).await
    }

    async fn replace(&self, wanted: &Lease, deadline: Instant) -> Result<Lease, Refusal> {
        let parameters = parameters();
        until(deadline, self.api.replace(&self.name, &parameters, wanted)).await
    }

    async fn create(&self, wanted: &Lease, deadline: Instant) -> Result<Lease, Refusal> {
        until(deadline, self.api.create(&parameters(), wanted)).await
    }
}

impl Drop for Election {
    /// However the task ends, it does not lead any more.
    fn drop(&mut self) {
        self.role.send_replace(Role::Follows);
    }
}

impl std::fmt::Debug for Election {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Election")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// One request, no longer than the usual and never beyond the deadline.
async fn until<T>(
    deadline: Instant,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, Refusal> {
    let end = deadline.min(Instant::now() + limits::KUBERNETES_READ_TIMEOUT);
    match timeout_at(end, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if [404, 409].contains(&status.code) => {
            Err(Refusal::Overtaken)
        }
        Ok(Err(error)) => Err(Refusal::Trouble(Causes(&error).to_string())),
        Err(_) => {
            let reason = "the API server did not answer in time".to_owned();
            Err(Refusal::Trouble(reason))
        }
    }
}

fn parameters() -> PostParams {
    PostParams {
        field_manager: Some("assay".to_owned()),
        ..PostParams::default()
    }
}

/// Not the same for every replica, so that they do not all come at once.
fn about(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.9..1.1))
}
