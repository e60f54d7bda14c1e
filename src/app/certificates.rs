//! Where the certificate comes from: files, Assay's own in the cluster, or made at the start.

use std::sync::Arc;

use kube::Client;
use tokio::{
    sync::watch,
    task::{JoinError, JoinHandle},
};
use tokio_util::task::TaskTracker;

use super::AppError;
use crate::{
    certificates::{LifetimeError, Lifetimes, NameError, ServiceNames, Wanted},
    clock::SystemClock,
    cluster::{CertificateSettings, ClusterError, Role, keep_certificates},
    config::ServeArgs,
    server::{CertificateFiles, CertificateSource},
};

/// Why no certificate can be made as the flags say.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFlagError {
    /// A name cannot stand in a certificate.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The lifetimes leave no time to renew them.
    #[error(transparent)]
    Lifetime(#[from] LifetimeError),
}

/// The certificate's source, and what keeps it current where that is a task.
pub(super) struct Certificates {
    pub(super) source: CertificateSource,
    pub(super) kept: Option<JoinHandle<ClusterError>>,
}

impl Certificates {
    /// The files that the flags name; without them, one that is made at the start.
    pub(super) fn standalone(args: &ServeArgs) -> Self {
        Self {
            source: files(args).map_or(CertificateSource::SelfSigned, CertificateSource::Files),
            kept: None,
        }
    }

    /// The files that the flags name; without them, Assay's own.
    pub(super) fn in_cluster(
        args: &ServeArgs,
        namespace: &str,
        client: &Client,
        role: watch::Receiver<Role>,
        tasks: &TaskTracker,
    ) -> Result<Self, AppError> {
        if let Some(files) = files(args) {
            return Ok(Self {
                source: CertificateSource::Files(files),
                kept: None,
            });
        }
        let settings = settings(args, namespace)?;
        let (given, kept) = keep_certificates(client, settings, role, tasks);
        Ok(Self {
            source: CertificateSource::Given(given),
            kept: Some(kept),
        })
    }
}

fn files(args: &ServeArgs) -> Option<CertificateFiles> {
    let (chain, key) = args.tls_cert.as_ref().zip(args.tls_key.as_ref())?;
    Some(CertificateFiles::new(chain, key))
}

fn settings(
    args: &ServeArgs,
    namespace: &str,
) -> Result<CertificateSettings, CertificateFlagError> {
    let flags = &args.certificate;
    Ok(CertificateSettings {
        namespace: namespace.to_owned(),
        secret: flags.certificate_secret.clone(),
        configuration: flags.webhook_configuration.clone(),
        wanted: Wanted {
            names: ServiceNames::new(&flags.service, namespace, &flags.certificate_names)?,
            lifetimes: Lifetimes::new(flags.ca_lifetime(), flags.certificate_lifetime())?,
        },
        clock: Arc::new(SystemClock),
    })
}

/// The end of the task that keeps the certificate; never, where there is none.
pub(super) async fn ended(
    kept: Option<JoinHandle<ClusterError>>,
) -> Result<ClusterError, JoinError> {
    match kept {
        Some(kept) => kept.await,
        None => std::future::pending().await,
    }
}
