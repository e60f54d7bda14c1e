//! Wiring and task ownership: what `assay serve` consists of, from start to drained.

mod certificates;
mod leadership;
mod log_level;
mod reading;
mod signals;
mod sources;

pub use certificates::CertificateFlagError;
pub use reading::{Reading, ReadingError};

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::MissedTickBehavior};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{signals::Signals, sources::Sources};
use crate::{
    config::ServeArgs,
    policy::PolicyState,
    review::{Reviewer, Snapshot, Snapshots},
    server::{CertificateSource, Drain, Server, ServerError, ServerSettings},
    standalone,
    telemetry::{LogLevel, Metrics, PolicyCounts, Readiness, TrustRootReading},
};

/// Why the server did not start, or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A file that says how registries are read cannot be used.
    #[error(transparent)]
    Reading(#[from] ReadingError),
    /// The policies in the directory cannot be used.
    #[error(transparent)]
    Policies(#[from] standalone::LoadError),
    /// There is no way to the API server.
    #[error("no way to the API server is configured")]
    Cluster(#[source] Box<kube::Error>),
    /// No certificate can be made as the flags say.
    #[error(transparent)]
    Certificate(#[from] CertificateFlagError),
    /// An address or a certificate cannot be had.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The system does not tell of signals.
    #[error("signals cannot be received")]
    Signals(#[source] std::io::Error),
    /// What keeps the policies current has ended, so they would grow old unnoticed.
    #[error("the policies are no longer followed: {0}")]
    SourcesEnded(String),
    /// Nothing answers reviews any more.
    #[error("the server has ended by itself")]
    ServerEnded,
}

impl AppError {
    /// Whether the user has to change what was given on the command line.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Reading(_) | Self::Policies(_) | Self::Certificate(_)
        )
    }
}

/// Serves until a signal says to stop and every review under way is answered.
///
/// # Errors
///
/// When it cannot start, or a task that has to live as long as the server has ended.
pub async fn serve(args: ServeArgs, log_level: LogLevel) -> Result<(), AppError> {
    let mut signals = Signals::listen().map_err(AppError::Signals)?;
    let tasks = TaskTracker::new();
    let stop = CancellationToken::new();
    log_level::follow(args.log_level_file.clone(), log_level, &tasks, stop.clone()).await;
    let reading = Reading::for_server(&args.registry, &tasks)?;
    let metrics = Arc::new(Metrics::new());
    let mut sources = Sources::start(&args, &reading, &tasks, &stop).await?;
    let led = tasks.spawn(leadership::tell(sources.role.take(), Arc::clone(&metrics)));
    let snapshots = Arc::clone(&sources.snapshots);
    let reviewer = Reviewer::new(reading.registry, sources.snapshots, sources.pull_secrets);
    let server = Server::bind(
        server_settings(&args, sources.certificate),
        Arc::new(reviewer),
        Arc::clone(&metrics),
    )
    .await?;
    announce(&server);

    tasks.spawn(count_policies(snapshots, metrics, stop.clone()));
    let mut serving = tasks.spawn(server.run(stop.clone()));
    let outcome = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "draining");
            Ok(())
        }
        ended = &mut sources.ended => Err(AppError::SourcesEnded(ended)),
        _ = &mut serving => Err(AppError::ServerEnded),
    };
    stop.cancel();
    if !matches!(outcome, Err(AppError::ServerEnded)) {
        drain(serving, &mut signals).await;
    }
    leadership::given_up(led).await;
    outcome
}

/// Waits for the reviews under way. Whoever sends a second signal does not want to wait.
async fn drain(serving: JoinHandle<()>, signals: &mut Signals) {
    tokio::select! {
        _ = serving => tracing::info!("drained"),
        signal = signals.next() => tracing::warn!(signal, "stopped without draining"),
    }
}

fn server_settings(args: &ServeArgs, certificate: CertificateSource) -> ServerSettings {
    ServerSettings {
        listen: args.listen,
        metrics_listen: Some(args.metrics_listen),
        certificate,
        observers: Vec::new(),
        drain: Drain {
            delay: args.drain_delay(),
            ..Drain::default()
        },
    }
}

fn announce(server: &Server) {
    let metrics = server.metrics_address().map(tracing::field::display);
    let address = server.address().map(tracing::field::display);
    let self_signed = server.self_signed_pem().is_some();
    tracing::info!(address, metrics, self_signed, "serving");
}

/// Keeps the metrics of the policies' and trust roots' states current.
async fn count_policies(
    snapshots: Arc<dyn Snapshots>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let mut ticks = tokio::time::interval(POLICY_COUNT_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Some(snapshot) = snapshots.current() {
            let mut counts = PolicyCounts::default();
            for (_, state) in snapshot.policies.iter() {
                match state {
                    PolicyState::Ready(_) => counts.ready += 1,
                    PolicyState::Stale { .. } => counts.stale += 1,
                    PolicyState::Broken { .. } => counts.broken += 1,
                }
            }
            metrics.set_policies(counts);
            metrics.set_trust_roots(&trust_root_readings(&snapshot));
        }
    }
}

fn trust_root_readings(snapshot: &Snapshot) -> Vec<TrustRootReading> {
    let roots = snapshot.trust_roots.iter();
    roots
        .map(|(name, state)| TrustRootReading {
            name: name.to_string(),
            ready: match &state.usable {
                Ok(_) => Readiness::Ready,
                Err(_) => Readiness::NotReady,
            },
            expires: state.expires,
            refreshed: state.refreshed,
        })
        .collect()
}

/// How often the policies are counted.
const POLICY_COUNT_PERIOD: Duration = Duration::from_secs(5);
