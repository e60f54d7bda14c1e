//! Keeping trust roots from TUF fresh: one task for each.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use rand::Rng as _;
use sigstore_types::Sha256Hash;
use tokio::sync::Notify;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use super::{CopyKeeper, Patience, RootState, TrustRoots, TufDefinition, TufRoot};
use crate::{clock::Clock, limits, policy::TrustRootName};

/// How often roots are refreshed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pace {
    /// The longest time between two refreshes; the real one is up to a quarter shorter.
    pub interval: Duration,
    /// After the first failure, give or take a half; doubles with each further one.
    pub retry: Duration,
}

/// The roots from TUF that are kept fresh. Their tasks end with this.
#[derive(Debug)]
pub struct TufRoots {
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    keeper: Option<Arc<dyn CopyKeeper>>,
    patience: Patience,
    pace: Pace,
    changed: Arc<Notify>,
    running: BTreeMap<String, Running>,
}

#[derive(Debug)]
struct Running {
    definition: TufDefinition,
    root: Result<Arc<TufRoot>, RootState>,
    _stop: Option<DropGuard>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            interval: limits::TUF_INTERVAL,
            retry: limits::TUF_RETRY_PAUSE,
        }
    }
}

impl TufRoots {
    /// None yet. Copies go to `keeper`, when there is one; tasks run on `tasks`.
    pub fn new(
        clock: Arc<dyn Clock>,
        keeper: Option<Arc<dyn CopyKeeper>>,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            clock,
            tasks,
            keeper,
            patience: Patience::default(),
            pace: Pace::default(),
            changed: Arc::default(),
            running: BTreeMap::new(),
        }
    }

    /// The same at another pace and with other bounds, for tests.
    #[must_use]
    pub fn with_pace(mut self, pace: Pace, patience: Patience) -> Self {
        self.pace = pace;
        self.patience = patience;
        self
    }

    /// Told after every refresh, whether it succeeded or not.
    pub fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// Keeps these roots fresh and no others, and adds them to `roots`. A root that is defined as before goes on as
    /// before; a new one begins with its kept copy, if there is one, and is fetched in a task. Waits for nothing.
    pub fn follow(
        &mut self,
        wanted: &BTreeMap<String, TufDefinition>,
        kept: impl Fn(&str) -> Option<String>,
        mut roots: TrustRoots,
    ) -> TrustRoots {
        self.running
            .retain(|name, running| wanted.get(name) == Some(&running.definition));
        for (name, definition) in wanted {
            if !self.running.contains_key(name) {
                let running = self.start(name, definition, &kept);
                self.running.insert(name.clone(), running);
            }
        }
        for (name, running) in &self.running {
            let name = TrustRootName::Named(name.clone());
            roots = match &running.root {
                Ok(root) => roots.with_followed(name, Arc::clone(root)),
                Err(state) => roots.with_state(name, state.clone()),
            };
        }
        roots
    }

    fn start(
        &self,
        name: &str,
        definition: &TufDefinition,
        kept: impl Fn(&str) -> Option<String>,
    ) -> Running {
        let root = TufRoot::new(definition.clone(), self.patience, Arc::clone(&self.clock));
        let definition = definition.clone();
        let root = match root {
            Ok(root) => Arc::new(root),
            Err(error) => {
                return Running {
                    definition,
                    root: Err(RootState::never_fetched(error.to_string())),
                    _stop: None,
                };
            }
        };
        if let Some(copy) = kept(name) {
            root.adopt(&copy);
        }
        let stop = CancellationToken::new();
        let refresher = Refresher {
            name: name.to_owned(),
            root: Arc::clone(&root),
            keeper: self.keeper.clone(),
            pace: self.pace,
            changed: Arc::clone(&self.changed),
        };
        let stopped = stop.clone();
        self.tasks
            .spawn(async move { stopped.run_until_cancelled(refresher.run()).await });
        Running {
            definition,
            root: Ok(root),
            _stop: Some(stop.drop_guard()),
        }
    }
}

/// The task of one root.
struct Refresher {
    name: String,
    root: Arc<TufRoot>,
    keeper: Option<Arc<dyn CopyKeeper>>,
    pace: Pace,
    changed: Arc<Notify>,
}

impl Refresher {
    async fn run(self) {
        let mut failures = 0_u32;
        let mut last_kept = None;
        loop {
            match self.root.refresh().await {
                Ok(()) => {
                    failures = 0;
                    self.keep(&mut last_kept).await;
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    let name = &self.name;
                    tracing::warn!(name, %error, "a trust root was not refreshed");
                }
            }
            self.changed.notify_one();
            let (expires, now) = (self.root.expires(), self.root.now());
            tokio::time::sleep(self.pace.pause(failures, expires, now)).await;
        }
    }

    /// A copy that differs from the last in nothing but when it was refreshed is not worth a write.
    async fn keep(&self, last_kept: &mut Option<Sha256Hash>) {
        let (Some(keeper), Some(copy)) = (&self.keeper, self.root.copy()) else {
            return;
        };
        let fingerprint = self.root.fingerprint();
        if *last_kept == Some(fingerprint) {
            return;
        }
        match keeper.keep(&self.name, copy).await {
            Ok(()) => *last_kept = Some(fingerprint),
            Err(reason) => {
                let name = &self.name;
                tracing::warn!(name, reason, "the copy of a trust root was not kept");
            }
        }
    }
}

impl Pace {
    /// How long to wait after this many failures in a row, for a root that expires then.
    fn pause(self, failures: u32, expires: Option<Timestamp>, now: Timestamp) -> Duration {
        let pause = match failures.checked_sub(1) {
            None => self.interval.mul_f64(rand::rng().random_range(0.75..1.0)),
            Some(before) => {
                let longest = self.interval.min(limits::MAX_TUF_RETRY_PAUSE);
                let pause = self.retry.saturating_mul(2_u32.saturating_pow(before));
                pause
                    .min(longest)
                    .mul_f64(rand::rng().random_range(0.5..1.5))
            }
        };
        let left = expires.map(|expires| expires.duration_since(now));
        match left.map(Duration::try_from) {
            // Twice before a good root ends, so that one failure is no harm; and again when it has ended, so that this is told.
            Some(Ok(left)) if failures == 0 => pause.min((left / 2).max(self.retry)),
            Some(Ok(left)) => pause.min(left + Duration::from_secs(1)),
            Some(Err(_)) | None => pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pause(failures: u32, hours_left: i64) -> Duration {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let expires = now + jiff::SignedDuration::from_hours(hours_left);
        Pace::default().pause(failures, Some(expires), now)
    }

    #[test]
    fn a_root_is_refreshed_in_time_and_replicas_do_not_come_together() {
        let hours = Duration::from_hours;
        assert!((hours(4)..hours(6)).contains(&pause(0, 240)));
        assert_eq!(pause(0, 4), hours(2));
        assert_eq!(pause(0, 0), limits::TUF_RETRY_PAUSE);
    }

    #[test]
    fn a_mirror_that_fails_is_asked_ever_less_often_but_again_when_the_root_ends() {
        let minutes = Duration::from_mins;
        assert!((minutes(1) / 2..minutes(2)).contains(&pause(1, 240)));
        assert!((minutes(2)..minutes(6)).contains(&pause(3, 240)));
        assert!((minutes(15)..minutes(45)).contains(&pause(50, 240)));
        assert_eq!(pause(50, 0), Duration::from_secs(1));
        assert!((minutes(15)..minutes(45)).contains(&pause(50, -1)));
    }
}
