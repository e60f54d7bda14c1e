//! Follows the certificate as it is given from elsewhere in the program.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::certificate::{CurrentCertificate, usable};
use crate::{certificates::ServingCertificate, telemetry::Causes};

/// Keeps one certificate as new as the latest that was given.
#[derive(Debug)]
pub(super) struct Follower {
    given: watch::Receiver<Option<Arc<ServingCertificate>>>,
    current: Arc<CurrentCertificate>,
}

impl Follower {
    /// Uses what was given so far.
    pub(super) fn new(
        given: watch::Receiver<Option<Arc<ServingCertificate>>>,
        current: Arc<CurrentCertificate>,
    ) -> Self {
        let mut follower = Self { given, current };
        follower.take();
        follower
    }

    /// Uses every further one until `closing`.
    pub(super) async fn run(mut self, closing: CancellationToken) {
        loop {
            let changed = closing.run_until_cancelled(self.given.changed()).await;
            match changed {
                None => return,
                Some(Ok(())) => self.take(),
                // Nothing more will come: what there is goes on serving.
                Some(Err(_)) => return closing.cancelled().await,
            }
        }
    }

    fn take(&mut self) {
        let Some(given) = self.given.borrow_and_update().clone() else {
            return;
        };
        match usable(&given) {
            Ok(key) => {
                self.current.replace(key);
                tracing::info!(expires = %given.validity().end(), "a certificate is served");
            }
            Err(error) => {
                let reason = Causes(&error).to_string();
                tracing::error!(reason, "the new certificate is refused, the old one stays");
            }
        }
    }
}
