//! The Kubernetes API: policies watched into snapshots, pull secrets, policy status.
//!
//! One task owns all watches and publishes an immutable snapshot whenever something has changed; a
//! review reads the latest and never waits. Until every first list is complete there is no snapshot.

mod assemble;
mod certificates;
mod connection;
mod copies;
mod counts;
mod entries;
mod events;
mod installation;
mod keeper;
mod leader;
mod mirror;
mod namespaces;
mod policy_status;
mod pull_secrets;
mod root_status;
mod running_pods;
mod status;
mod watch;

pub use certificates::{CertificateSettings, GivenCertificate, keep_certificates};
pub use connection::connect;
pub use events::Events;
pub use installation::{Found, Installation};
pub use leader::{Election, ElectionSettings, Role};
pub use running_pods::RunningPods;

use std::{collections::BTreeMap, sync::Arc};

use futures::future::BoxFuture;
use kube::Client;
use tokio::{sync::watch as channel, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    assemble::Assembler,
    copies::SecretCopies,
    counts::PolicyCounts,
    keeper::{Keeper, Published, changes},
    namespaces::fetch_labels,
    pull_secrets::PullSecrets,
    status::Writer,
};
use crate::{
    clock::Clock,
    policy::{ClusterModes, KeySource},
    registry::{Keyring, OwnCredentials},
    review::{self, Observer, Snapshot, Snapshots},
    telemetry::{CacheReading, CacheSource},
    trust::TufRoots,
    workload::PullReferences,
};

/// What the cluster side is told at start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Assay's own namespace: the only one whose Secrets and ConfigMaps policies can refer to.
    pub namespace: String,
    /// What failures mean.
    pub modes: ClusterModes,
    /// Assay's own pull credentials, which end every keyring.
    pub keyring: OwnCredentials,
    /// For the times in statuses.
    pub clock: Arc<dyn Clock>,
    /// The name of the Lease by which the replica is chosen that leads.
    pub lease: String,
    /// What this replica is called in the Lease.
    pub replica: String,
    /// Says that the program ends.
    pub stop: CancellationToken,
}

/// Why the cluster cannot be followed any longer.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClusterError {
    /// A watch has ended, which it never does on its own.
    #[error("a watch of the API server has ended")]
    WatchEnded,
}

/// The cluster as reviews see it.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    published: Arc<Published>,
    pull_secrets: PullSecrets,
    role: channel::Receiver<Role>,
    counts: Arc<PolicyCounts>,
}

impl Cluster {
    /// Starts to follow the API server, with tasks on `tasks`. Does not wait for the first lists.
    ///
    /// The handle ends only when the cluster can no longer be followed: [`Snapshots::current`] is `None` from
    /// then on, and the owner is to end the program. It may be aborted to stop.
    pub fn follow(
        client: Client,
        settings: Settings,
        tasks: &TaskTracker,
    ) -> (Arc<Self>, JoinHandle<ClusterError>) {
        let published = Arc::new(Published::default());
        let role = Election::start(client.clone(), settings.election(), tasks);
        let (reports, reported) = channel::channel(Vec::new());
        let namespace = settings.namespace.clone();
        let copies = SecretCopies::new(client.clone(), namespace.clone());
        let tuf_roots = TufRoots::new(
            Arc::clone(&settings.clock),
            Some(Arc::new(copies)),
            tasks.clone(),
        );
        let keeper = Keeper::new(
            Assembler::new(namespace, settings.modes, tuf_roots),
            Arc::clone(&published),
            reports,
        );
        let changes = changes(&client, &settings.namespace);
        let kept = tasks.spawn(keeper.run(changes));
        let clock = Arc::clone(&settings.clock);
        let counts = PolicyCounts::start(client.clone(), clock, settings.stop, tasks);
        // Ends with the keeper, which holds the other end of the channel.
        tasks.spawn(Writer::new(client.clone(), settings.clock).run(reported, role.clone()));
        let cluster = Arc::new(Self {
            pull_secrets: PullSecrets::new(client.clone(), settings.keyring),
            client,
            published,
            role,
            counts,
        });
        (cluster, kept)
    }

    /// Who is to be told of reviews: the counts in the policies' statuses.
    pub fn observer(&self) -> Arc<dyn Observer> {
        Arc::<PolicyCounts>::clone(&self.counts)
    }

    /// Whether this replica leads. Closed once the Lease is given back at the end of the program.
    pub fn role(&self) -> channel::Receiver<Role> {
        self.role.clone()
    }
}

impl Settings {
    fn election(&self) -> ElectionSettings {
        ElectionSettings {
            namespace: self.namespace.clone(),
            lease: self.lease.clone(),
            replica: self.replica.clone(),
            clock: Arc::clone(&self.clock),
            stop: self.stop.clone(),
        }
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

impl Snapshots for Cluster {
    fn entries(&self) -> Option<Arc<dyn KeySource + Send + Sync>> {
        let entries = self.published.entries.load_full()?;
        Some(entries)
    }

    fn current(&self) -> Option<Snapshot> {
        let mut snapshot = self.published.snapshot.load().as_deref().cloned()?;
        snapshot.trust_roots = snapshot.trust_roots.current();
        Some(snapshot)
    }

    fn namespace_labels<'a>(
        &'a self,
        namespace: &'a str,
    ) -> BoxFuture<'a, Result<BTreeMap<String, String>, String>> {
        Box::pin(async move {
            if let Some(labels) = self.published.namespaces.load().get(namespace) {
                return Ok(labels.clone());
            }
            fetch_labels(&self.client, namespace).await
        })
    }
}

impl CacheSource for Cluster {
    fn read_caches(&self) -> Vec<CacheReading> {
        vec![self.pull_secrets.reading()]
    }
}

impl review::PullSecrets for Cluster {
    fn keyring<'a>(
        &'a self,
        namespace: &'a str,
        references: &'a PullReferences,
    ) -> BoxFuture<'a, Result<Arc<Keyring>, String>> {
        self.pull_secrets.keyring(namespace, references)
    }
}

#[cfg(test)]
mod tests;
