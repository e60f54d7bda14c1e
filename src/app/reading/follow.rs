//! Follows the files by which registries are read: certificates and passwords are renewed while the server lives.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::sleep};
use tokio_util::task::TaskTracker;

use super::{
    ReadingError,
    files::{Read, ReadingFiles},
};
use crate::{
    file_watch::watch_folders,
    limits,
    registry::{OciRegistry, OwnCredentials},
    telemetry::{Causes, Freshness, Metrics},
};

/// Keeps a reader of registries and its credentials as new as their files.
pub(super) struct Follower {
    pub(super) files: ReadingFiles,
    pub(super) registry: Arc<OciRegistry>,
    pub(super) own: OwnCredentials,
    pub(super) metrics: Arc<Metrics>,
    pub(super) tasks: TaskTracker,
    /// What was told last to be wrong, so that it is told once.
    pub(super) told: Option<String>,
}

/// What came of one look at the files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Look {
    /// They say what is in force.
    Same,
    /// What they say now is in force.
    Replaced,
    /// They cannot be used; what was in force stays.
    Refused,
}

impl Follower {
    /// Looks at every change. What an event misses, a slow poll finds.
    pub(super) async fn run(mut self) {
        let changed = Arc::new(Notify::new());
        loop {
            // Before the look, so that nothing changes between them unseen; and anew each time, as a folder that was a link
            // is another one after an exchange.
            let settings = self.registry.settings();
            let watcher = watch_folders(&self.files.folders(&settings), &changed);
            if let Err(error) = &watcher {
                tracing::debug!(%error, "the folders of registry settings cannot be watched, polling them");
            }
            if self.look().await == Look::Replaced {
                // There may be other folders to watch.
                continue;
            }
            tokio::select! {
                () = sleep(limits::REGISTRY_FILES_POLL) => {}
                // Writers make several changes in a row: one look after the first of them, one after the rest.
                () = changed.notified() => sleep(SETTLING).await,
            }
        }
    }

    /// Looks at the files once.
    async fn look(&mut self) -> Look {
        let files = self.files.clone();
        let read = self.tasks.spawn_blocking(move || files.read()).await;
        // A task that panicked has told so itself, and the next look comes.
        let Ok(read) = read else {
            return Look::Same;
        };
        match read.and_then(|read| self.put_in_force(read)) {
            Ok(look) => {
                self.metrics.set_registry_settings(Freshness::Current);
                if self.told.take().is_some() || look == Look::Replaced {
                    tracing::info!(
                        "registries are read as their settings, certificates and credentials say now"
                    );
                }
                look
            }
            Err(error) => {
                self.metrics.set_registry_settings(Freshness::Stale);
                self.tell(&error);
                Look::Refused
            }
        }
    }

    fn put_in_force(&self, read: Read) -> Result<Look, ReadingError> {
        let Read { settings, keyring } = read;
        let has_settings = settings == *self.registry.settings();
        let has_keyring = keyring == *self.own.current();
        if !has_settings {
            self.registry.replace_settings(settings)?;
        }
        if !has_keyring {
            self.own.replace(keyring);
        }
        Ok(if has_settings && has_keyring {
            Look::Same
        } else {
            Look::Replaced
        })
    }

    fn tell(&mut self, error: &ReadingError) {
        let text = Causes(error).to_string();
        if self.told.as_ref() != Some(&text) {
            tracing::error!(
                error = text,
                "the new registry settings are refused, the old ones stay"
            );
            self.told = Some(text);
        }
    }
}

/// How long after a change the files are read.
const SETTLING: Duration = Duration::from_millis(100);
