//! One trust root from a TUF repository: refreshed, held, and judged by its age.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use futures::FutureExt;
use jiff::Timestamp;
use sigstore_tuf::{
    Error, Repository, TrustedMetadataSet, Updater, UpdaterConfig, transport::FetchFuture,
};
use sigstore_types::Sha256Hash;

use super::{
    Absence, MirrorError, Origin, Patience, RootState,
    copy::{CopyError, Files},
    mirror::Mirror,
};
use crate::{
    clock::Clock,
    limits,
    policy::TufRepository,
    untrusted::shown,
    verify::{Switches, TrustRoot, TrustRootError},
};

/// A trust root that a TUF repository hands out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TufDefinition {
    /// The repository, and the root to trust it by.
    pub repository: TufRepository,
    /// What signatures need not have.
    pub switches: Switches,
}

/// One trust root from TUF, as last fetched.
pub struct TufRoot {
    definition: TufDefinition,
    mirror: Arc<dyn Repository>,
    patience: Patience,
    clock: Arc<dyn Clock>,
    /// What was verified so far: no repository may go back behind it.
    files: Files,
    held: ArcSwap<Held>,
}

/// Why a refresh failed. The last good root stays.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The mirror is not reached, or what it hands out does not verify.
    #[error("{}", told(.0))]
    Tuf(#[from] Error),
    /// It took too long.
    #[error("the mirror did not answer in time")]
    Slow,
    /// The target is no text.
    #[error("the target is not text")]
    NotText,
    /// The target is no usable trust root.
    #[error(transparent)]
    TrustRoot(#[from] TrustRootError),
}

/// Why a kept copy is not used.
#[derive(Debug, thiserror::Error)]
enum KeptError {
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Refused(#[from] RefreshError),
}

/// What there is.
#[derive(Clone, Debug, Default)]
struct Held {
    good: Option<Good>,
    /// Since when what the repository or the copy holds is out of date, when nothing better was seen.
    lapsed: Option<Timestamp>,
    /// Why the last refresh failed.
    trouble: Option<String>,
}

/// A root that verified.
#[derive(Clone, Debug)]
struct Good {
    root: Arc<TrustRoot>,
    refreshed: Timestamp,
    expires: Timestamp,
}

impl TufRoot {
    /// A root that was never fetched, to come over HTTP.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(
        definition: TufDefinition,
        patience: Patience,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MirrorError> {
        let mirror = Mirror::new(definition.repository.mirror.clone(), patience)?;
        Ok(Self::over(Arc::new(mirror), definition, patience, clock))
    }

    /// As [`Self::new`], by another way to the repository.
    pub fn over(
        mirror: Arc<dyn Repository>,
        definition: TufDefinition,
        patience: Patience,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            definition,
            mirror,
            patience,
            clock,
            files: Files::default(),
            held: ArcSwap::default(),
        }
    }

    /// What it is.
    pub fn definition(&self) -> &TufDefinition {
        &self.definition
    }

    /// Takes over a kept copy, when every file of it verifies from the pinned root. Asks nobody.
    pub fn adopt(&self, kept: &str) {
        match self.read_kept(kept) {
            Ok(good) => self.held.store(Arc::new(Held {
                good: Some(good),
                ..Held::default()
            })),
            Err(KeptError::Refused(error)) if error.lapsed().is_some() => {
                self.held.store(Arc::new(Held {
                    lapsed: error.lapsed(),
                    ..Held::default()
                }));
            }
            Err(error) => tracing::warn!(%error, "the kept copy of a trust root is refused"),
        }
    }

    fn read_kept(&self, kept: &str) -> Result<Good, KeptError> {
        let (files, refreshed) = Files::read(kept)?;
        let fetched = self.fetch(Arc::new(files.clone()), files.clone());
        // The copy is in memory, so there is nothing to wait for.
        let fetched = fetched.now_or_never().unwrap_or(Err(RefreshError::Slow));
        // Genuine files that are out of date still say behind what nothing may go back.
        if fetched.as_ref().is_ok() || lapsed_of(&fetched).is_some() {
            self.files.replace(&files);
        }
        let (root, expires) = fetched?;
        Ok(Good {
            root,
            refreshed,
            expires,
        })
    }

    /// Fetches what has changed, once. A failure leaves the last good root in force.
    ///
    /// # Errors
    /// When the mirror is not reached in time, or what it hands out does not verify.
    pub async fn refresh(&self) -> Result<(), RefreshError> {
        let fetch = self.fetch(Arc::clone(&self.mirror), self.files.clone());
        let fetched = tokio::time::timeout(self.patience.refresh, fetch).await;
        let fetched = fetched.unwrap_or(Err(RefreshError::Slow));
        let before = self.held.load();
        let (held, outcome) = match fetched {
            Ok((root, expires)) => {
                let good = Good {
                    root,
                    refreshed: self.clock.now(),
                    expires,
                };
                let held = Held {
                    good: Some(good),
                    ..Held::default()
                };
                (held, Ok(()))
            }
            Err(error) => {
                let held = Held {
                    good: before.good.clone(),
                    lapsed: error.lapsed().or(before.lapsed),
                    trouble: Some(error.to_string()),
                };
                (held, Err(error))
            }
        };
        self.held.store(Arc::new(held));
        outcome
    }

    /// What can be said of it now.
    pub fn state(&self) -> RootState {
        let held = self.held.load();
        let good = held.good.as_ref();
        let usable = match (good, held.lapsed) {
            (Some(good), _) if good.expires < self.clock.now() => Err(Absence::Expired {
                since: good.expires,
            }),
            (Some(good), _) => Ok(Arc::clone(&good.root)),
            (None, Some(since)) => Err(Absence::Expired { since }),
            (None, None) => Err(Absence::Unavailable {
                reason: match &held.trouble {
                    Some(trouble) => format!("it could not be fetched: {trouble}"),
                    None => "it has not been fetched yet".to_owned(),
                },
            }),
        };
        RootState {
            usable,
            origin: Origin::Tuf,
            refreshed: good.map(|good| good.refreshed),
            expires: good.map(|good| good.expires).or(held.lapsed),
            trouble: held.trouble.clone(),
        }
    }

    /// The copy to keep; none before the first good one.
    pub fn copy(&self) -> Option<String> {
        let refreshed = self.held.load().good.as_ref()?.refreshed;
        self.files.write(refreshed)
    }

    /// Names the files of the copy: equal files have equal fingerprints.
    pub(super) fn fingerprint(&self) -> Sha256Hash {
        self.files.fingerprint()
    }

    /// When it can no longer be used.
    pub(super) fn expires(&self) -> Option<Timestamp> {
        Some(self.held.load().good.as_ref()?.expires)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The client workflow of the TUF specification (§5), which ends with the target and the earliest end of the
    /// metadata that vouches for it.
    async fn fetch(
        &self,
        repository: Arc<dyn Repository>,
        files: Files,
    ) -> Result<(Arc<TrustRoot>, Timestamp), RefreshError> {
        let now = self.clock.now();
        let TufRepository { root, target, .. } = &self.definition.repository;
        let mut updater = Updater::new(Shared(repository), root.as_bytes())?
            .with_config(bounds())
            .with_store(files);
        updater.refresh(now).await?;
        let bytes = updater.get_target(target, now).await?;
        let text = String::from_utf8(bytes).map_err(|_| RefreshError::NotText)?;
        let root = TrustRoot::from_json_with(&text, self.definition.switches)?;
        Ok((Arc::new(root), earliest_end(updater.trusted())))
    }
}

impl fmt::Debug for TufRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TufRoot")
            .field("mirror", &self.definition.repository.mirror.as_str())
            .finish_non_exhaustive()
    }
}

impl RefreshError {
    /// Since when the metadata is out of date, when that is what is wrong.
    fn lapsed(&self) -> Option<Timestamp> {
        match self {
            Self::Tuf(Error::Expired { expires, .. }) => Some(*expires),
            Self::Tuf(_) | Self::Slow | Self::NotText | Self::TrustRoot(_) => None,
        }
    }
}

fn lapsed_of<T>(fetched: &Result<T, RefreshError>) -> Option<Timestamp> {
    fetched.as_ref().err().and_then(RefreshError::lapsed)
}

/// An error with its causes: parts of it may come from the mirror.
pub(super) fn told(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    let text = text.strip_prefix("transport error: ").unwrap_or(&text);
    shown(text, limits::TUF_ERROR_CHARS)
}

fn bounds() -> UpdaterConfig {
    let mut config = UpdaterConfig::default();
    config.root_max_length = limits::TUF_ROOT_BYTES;
    config.timestamp_max_length = limits::TUF_TIMESTAMP_BYTES;
    config.snapshot_max_length = limits::TUF_LIST_BYTES;
    config.targets_max_length = limits::TUF_LIST_BYTES;
    config.target_max_length = limits::TRUST_ROOT_BYTES as u64;
    config.max_root_rotations = limits::TUF_ROOT_ROTATIONS;
    config.max_delegations = limits::TUF_DELEGATIONS;
    config
}

/// The first moment at which some metadata that was used is out of date.
fn earliest_end(trusted: &TrustedMetadataSet) -> Timestamp {
    let mut ends = vec![trusted.root().expires];
    ends.extend(trusted.timestamp().map(|timestamp| timestamp.expires));
    ends.extend(trusted.snapshot().map(|snapshot| snapshot.expires));
    let mut roles = vec!["targets".to_owned()];
    let mut seen = Vec::new();
    while let Some(role) = roles.pop() {
        let Some(targets) = trusted.targets_role(&role) else {
            continue;
        };
        if seen.contains(&role) {
            continue;
        }
        ends.push(targets.expires);
        let delegations = targets.delegations.iter();
        roles.extend(delegations.flat_map(|d| d.roles.iter().map(|role| role.name.clone())));
        seen.push(role);
    }
    ends.into_iter().min().unwrap_or(Timestamp::MIN)
}

/// One way to a repository for many updaters.
struct Shared(Arc<dyn Repository>);

impl Repository for Shared {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.0.fetch_metadata(name, max_length)
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.0.fetch_target(path, max_length)
    }
}
