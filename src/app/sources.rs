//! Where policies and pull secrets come from, followed for as long as the server lives.

use std::{future::Future, path::Path, pin::Pin, sync::Arc};

use kube::Client;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    AppError,
    certificates::{self, Certificates},
};
use crate::{
    clock::SystemClock,
    cluster::{self, Cluster, Role},
    config::{Mode, ServeArgs},
    registry::{Holder, OwnCredentials},
    review::{Observer, PullSecrets, Snapshots},
    server::CertificateSource,
    standalone::{self, CacheDirectory, FixedKeyring, Standalone},
    telemetry::CacheSource,
};

/// The sources of one server.
pub(super) struct Sources {
    /// The policies.
    pub(super) snapshots: Arc<dyn Snapshots>,
    /// The pull secrets.
    pub(super) pull_secrets: Arc<dyn PullSecrets>,
    /// Their caches, where there are any.
    pub(super) caches: Option<Arc<dyn CacheSource>>,
    /// Ends when the policies can no longer be followed, with the reason.
    pub(super) ended: Pin<Box<dyn Future<Output = String> + Send>>,
    /// The certificate that is served.
    pub(super) certificate: CertificateSource,
    /// Whether this replica leads; none where there are no others.
    pub(super) role: Option<watch::Receiver<Role>>,
    /// Who is to be told of reviews.
    pub(super) observers: Vec<Arc<dyn Observer>>,
    /// The way to the API server, where there is a cluster.
    pub(super) client: Option<Client>,
}

impl Sources {
    /// Starts to follow what the flags say, with tasks on `tasks`.
    pub(super) async fn start(
        args: &ServeArgs,
        own: OwnCredentials,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, AppError> {
        match args.mode() {
            Mode::Standalone(directory) => Self::from_directory(args, &directory, own, tasks),
            Mode::Cluster { namespace } => {
                Self::in_cluster(args, namespace, own, tasks, stop).await
            }
        }
    }

    fn from_directory(
        args: &ServeArgs,
        directory: &Path,
        own: OwnCredentials,
        tasks: &TaskTracker,
    ) -> Result<Self, AppError> {
        let settings = standalone::Settings {
            modes: args.modes(),
            cache: args.cache_dir.as_ref().map(CacheDirectory::new),
            ..standalone::Settings::default()
        };
        let lost = CancellationToken::new();
        let standalone = Standalone::follow(directory, settings, tasks, lost.clone())?;
        Ok(Self {
            snapshots: standalone,
            pull_secrets: Arc::new(FixedKeyring::new(own, Holder::Server)),
            caches: None,
            ended: Box::pin(async move {
                lost.cancelled().await;
                "its task has ended".to_owned()
            }),
            certificate: Certificates::standalone(args).source,
            role: None,
            observers: Vec::new(),
            client: None,
        })
    }

    async fn in_cluster(
        args: &ServeArgs,
        namespace: String,
        own: OwnCredentials,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, AppError> {
        let client = cluster::connect()
            .await
            .map_err(|error| AppError::Cluster(Box::new(error)))?;
        let settings = cluster::Settings {
            namespace: namespace.clone(),
            modes: args.modes(),
            keyring: own,
            clock: Arc::new(SystemClock),
            lease: args.lease.clone(),
            replica: args.replica(),
            stop: stop.clone(),
        };
        let (cluster, followed) = Cluster::follow(client.clone(), settings, tasks);
        let Certificates { source, kept } =
            Certificates::in_cluster(args, &namespace, &client, cluster.role(), tasks)?;
        Ok(Self {
            snapshots: Arc::<Cluster>::clone(&cluster),
            certificate: source,
            role: Some(cluster.role()),
            caches: Some(Arc::<Cluster>::clone(&cluster)),
            observers: vec![cluster.observer()],
            client: Some(client),
            pull_secrets: cluster,
            ended: Box::pin(async move {
                let ended = tokio::select! {
                    ended = followed => ended,
                    ended = certificates::ended(kept) => ended,
                };
                match ended {
                    Ok(error) => error.to_string(),
                    Err(error) => error.to_string(),
                }
            }),
        })
    }
}
