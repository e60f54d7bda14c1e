//! Follows the certificate files as they are exchanged. What an event misses, a slow poll finds.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::certificate::{CertificateError, CertificateFiles, CurrentCertificate, Pair};
use crate::{
    file_watch::{folder_of, watch_folders},
    limits,
    telemetry::Causes,
};

/// Keeps one certificate as new as its files.
#[derive(Debug)]
pub(super) struct Reloader {
    files: CertificateFiles,
    current: Arc<CurrentCertificate>,
    /// What was last looked at, usable or not.
    seen: Pair,
}

/// What came of one look at the files.
#[derive(Debug)]
pub(super) enum Look {
    /// They are as they were.
    Same,
    /// The new pair is in use.
    Replaced,
    /// The new pair cannot be used; the old one stays.
    Refused(CertificateError),
}

impl Reloader {
    /// Loads the files for the first time.
    pub(super) async fn load(
        files: CertificateFiles,
        current: Arc<CurrentCertificate>,
    ) -> Result<Self, CertificateError> {
        let seen = files.read().await?;
        current.replace(files.parse(&seen)?);
        Ok(Self {
            files,
            current,
            seen,
        })
    }

    /// Reloads on every change until `closing`.
    pub(super) async fn run(mut self, closing: CancellationToken) {
        let changed = Arc::new(Notify::new());
        // Kept alive by this binding; the poll goes on alone where the system gives no watch.
        let folders = [&self.files.certificate, &self.files.key].map(|file| folder_of(file));
        let _watcher = watch_folders(&folders.into(), &changed)
            .inspect_err(|error| tracing::warn!(%error, "the certificate's folder cannot be watched, polling it"));
        loop {
            let wait = match self.look().await {
                Look::Same => limits::CERTIFICATE_POLL,
                Look::Replaced => {
                    tracing::info!("the certificate was replaced");
                    limits::CERTIFICATE_POLL
                }
                Look::Refused(error) => {
                    let reason = Causes(&error).to_string();
                    tracing::error!(reason, "the new certificate is refused, the old one stays");
                    RETRY
                }
            };
            tokio::select! {
                () = closing.cancelled() => return,
                () = changed.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Looks at the files once.
    pub(super) async fn look(&mut self) -> Look {
        let pair = match self.files.read().await {
            Ok(pair) => pair,
            Err(error) => return Look::Refused(error),
        };
        if pair == self.seen {
            return Look::Same;
        }
        let parsed = self.files.parse(&pair);
        self.seen = pair;
        match parsed {
            Ok(key) => {
                self.current.replace(key);
                Look::Replaced
            }
            Err(error) => Look::Refused(error),
        }
    }
}

/// The certificate and its key may have been read from different sides of an exchange.
const RETRY: Duration = Duration::from_secs(1);
