//! Wiring and task ownership: what `assay serve` consists of, from start to drained.

mod certificates;
mod counting;
mod events;
mod leadership;
mod log_level;
mod reading;
mod signals;
mod sources;
mod traces;
mod warm_up;
mod watched;

pub use certificates::CertificateFlagError;
pub use reading::{Reading, ReadingError};

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{counting::Counting, signals::Signals, sources::Sources, traces::Traces};
use crate::{
    config::ServeArgs,
    review::{Observer, Reviewer},
    server::{CertificateSource, Drain, Server, ServerError, ServerSettings},
    standalone,
    telemetry::{LogLevel, Metrics, TraceExport},
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
pub async fn serve(
    args: ServeArgs,
    log_level: LogLevel,
    traces: Option<TraceExport>,
) -> Result<(), AppError> {
    let mut signals = Signals::listen().map_err(AppError::Signals)?;
    let tasks = TaskTracker::new();
    let traces = traces.map(|traces| Traces::start(traces, &tasks));
    let stop = CancellationToken::new();
    log_level::follow(args.log_level_file.clone(), log_level, &tasks, stop.clone()).await;
    let metrics = Arc::new(Metrics::new());
    let reading = Reading::for_server(&args.registry, metrics.requests(), &tasks)?;
    let own = reading.follow(&metrics, &tasks, &stop);
    let mut sources = Sources::start(&args, own, &tasks, &stop).await?;
    let led = tasks.spawn(leadership::tell(sources.role.take(), Arc::clone(&metrics)));
    let counting = Counting::new(Arc::clone(&metrics), &reading.registry);
    let snapshots = counting.known(sources.snapshots);
    let reviewer = Reviewer::new(
        reading.registry,
        Arc::clone(&snapshots),
        sources.pull_secrets,
    );
    let reviewer = Arc::new(reviewer.remembering());
    counting.count_caches(&reviewer, sources.caches);
    let mut settings = server_settings(&args, sources.certificate, sources.observers);
    settings.observers.push(Arc::new(counting.clone()));
    settings.observers.extend(events::observer(
        sources.client.clone(),
        &args,
        &metrics,
        &tasks,
    ));
    warm_up::start(sources.client, &args, &reviewer, &metrics, &tasks, &stop);
    let server = Server::bind(settings, reviewer, metrics).await?;
    announce(&server);

    watched::spawn(&tasks, "counting", counting.run(snapshots, stop.clone()));
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
    if let Some(traces) = traces {
        traces.end().await;
    }
    outcome
}

/// Waits for the reviews under way. Whoever sends a second signal does not want to wait.
async fn drain(serving: JoinHandle<()>, signals: &mut Signals) {
    tokio::select! {
        _ = serving => tracing::info!("drained"),
        signal = signals.next() => tracing::warn!(signal, "stopped without draining"),
    }
}

fn server_settings(
    args: &ServeArgs,
    certificate: CertificateSource,
    observers: Vec<Arc<dyn Observer>>,
) -> ServerSettings {
    ServerSettings {
        listen: args.listen,
        metrics_listen: Some(args.metrics_listen),
        certificate,
        observers,
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
