//! Follows a directory as its files change. What an event misses, a slow poll finds.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Files, LoadError, Loaded, Settings, Standalone};
use crate::{
    clock::SystemClock,
    file_watch::watch_folders,
    image::Digest,
    limits::POLICY_POLL,
    trust::{CacheDirectory, CopyKeeper, TufRoots},
};

/// Keeps one [`Standalone`] as new as its directory.
#[derive(Debug)]
pub(super) struct Follower {
    directory: PathBuf,
    standalone: Arc<Standalone>,
    /// What was last seen, usable or not.
    seen: Seen,
    tuf_roots: TufRoots,
}

/// What one look at the directory found there.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Seen {
    Files(Digest),
    Unreadable(LoadError),
}

/// What came of one look.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Look {
    /// Everything is as it was.
    Same,
    /// The new reading is in force.
    Replaced,
    /// The new reading cannot be used; the old one stays in force.
    Refused(LoadError),
}

impl Standalone {
    /// Reads a directory and follows its changes until `closing`, in a task of `tasks`.
    ///
    /// # Errors
    /// Everything that is wrong in any file now. What goes wrong later is logged, and the last good reading stays.
    pub fn follow(
        directory: &Path,
        settings: Settings,
        tasks: &TaskTracker,
        closing: CancellationToken,
    ) -> Result<Arc<Self>, LoadError> {
        let follower = Follower::start(directory, settings, tasks)?;
        let standalone = Arc::clone(&follower.standalone);
        tasks.spawn(follower.run(tasks.clone(), closing));
        Ok(standalone)
    }
}

impl Follower {
    /// Reads the directory for the first time.
    pub(super) fn start(
        directory: &Path,
        settings: Settings,
        tasks: &TaskTracker,
    ) -> Result<Self, LoadError> {
        let files = Files::read(directory)?;
        let loaded = Loaded::from_files(&files)?;
        if loaded.policies.iter().next().is_none() {
            tracing::warn!(directory = %directory.display(), "there are no policies");
        }
        let keeper = settings.cache.clone();
        let keeper = keeper.map(|cache| -> Arc<dyn CopyKeeper> { Arc::new(cache) });
        let mut tuf_roots = TufRoots::new(Arc::new(SystemClock), keeper, tasks.clone());
        let loaded = followed(loaded, &mut tuf_roots, settings.cache.as_ref());
        Ok(Self {
            tuf_roots,
            directory: directory.to_owned(),
            standalone: Arc::new(Standalone::new(loaded, settings)),
            seen: Seen::Files(files.fingerprint()),
        })
    }

    /// What is kept up to date.
    #[cfg(test)]
    pub(super) fn standalone(&self) -> &Standalone {
        &self.standalone
    }

    async fn run(mut self, tasks: TaskTracker, closing: CancellationToken) {
        let changed = Arc::new(Notify::new());
        // Kept alive by this binding; the poll goes on alone where the system gives no watch.
        let folders = [self.directory.as_path()].into();
        let _watcher = watch_folders(&folders, &changed).inspect_err(
            |error| tracing::warn!(%error, "the policies' directory cannot be watched, polling it"),
        );
        // What changed between the first reading and the watch gave no event.
        changed.notify_one();
        loop {
            tokio::select! {
                () = closing.cancelled() => return,
                () = tokio::time::sleep(POLICY_POLL) => {}
                // Writers make several changes in a row: one look after the first of them, one after the rest.
                () = changed.notified() => tokio::time::sleep(SETTLING).await,
            }
            let looked = tasks.spawn_blocking(move || {
                let look = self.look();
                (self, look)
            });
            match looked.await {
                Ok((follower, look)) => {
                    self = follower;
                    look.log();
                }
                Err(error) => {
                    tracing::error!(%error, "the policies are not followed any more");
                    closing.cancel();
                    return;
                }
            }
        }
    }

    /// Looks at the directory once.
    pub(super) fn look(&mut self) -> Look {
        let files = match Files::read(&self.directory) {
            Ok(files) => files,
            Err(error) => {
                return if self.is_new(Seen::Unreadable(error.clone())) {
                    self.refuse(error)
                } else {
                    Look::Same
                };
            }
        };
        if !self.is_new(Seen::Files(files.fingerprint())) {
            return Look::Same;
        }
        match Loaded::from_files(&files) {
            Ok(loaded) => {
                let cache = self.standalone.settings.cache.as_ref();
                let loaded = followed(loaded, &mut self.tuf_roots, cache);
                self.standalone.current.store(Arc::new(loaded));
                Look::Replaced
            }
            Err(error) => self.refuse(error),
        }
    }

    /// What is in force is no longer what the files say, and whoever asks for the state of policies is told.
    fn refuse(&self, error: LoadError) -> Look {
        let loaded = self.standalone.current.load();
        self.standalone.current.store(Arc::new(Loaded {
            policies: Arc::new(loaded.policies.as_last_good(&error.to_string())),
            ..Loaded::clone(&loaded)
        }));
        Look::Refused(error)
    }

    /// Notes what was seen; what was seen already is not reported again.
    fn is_new(&mut self, seen: Seen) -> bool {
        let is_new = seen != self.seen;
        self.seen = seen;
        is_new
    }
}

/// The same with the roots that have to be fetched, each kept fresh by a task.
fn followed(loaded: Loaded, roots: &mut TufRoots, cache: Option<&CacheDirectory>) -> Loaded {
    let kept = |name: &str| cache?.load(name);
    let given = Arc::unwrap_or_clone(loaded.trust_roots);
    Loaded {
        trust_roots: Arc::new(roots.follow(&loaded.from_tuf, kept, given)),
        ..loaded
    }
}

impl Look {
    fn log(&self) {
        match self {
            Self::Same => {}
            Self::Replaced => tracing::info!("the policies were replaced"),
            Self::Refused(error) => {
                for problem in error.problems() {
                    tracing::error!(%problem, "the new policies are refused, the old ones stay");
                }
            }
        }
    }
}

const SETTLING: Duration = Duration::from_millis(100);
