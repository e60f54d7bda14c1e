//! The trust roots that policies name: where each comes from, whether it can be used, and how old it is.
//!
//! What an object holds itself is parsed when it is read. What a TUF repository holds is fetched in the background:
//! nobody waits for it, and the last good copy stays in force until its metadata expires.

mod copy;
mod disk;
mod mirror;
mod running;
mod tuf;

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use sigstore_tuf::TrustedMetadataSet;

pub use copy::CopyKeeper;
pub use disk::CacheDirectory;
pub use mirror::{MirrorError, Patience};
pub use running::{Pace, TufRoots};
pub use tuf::{RefreshError, TufDefinition, TufRoot};

use tuf::told;

use crate::{
    policy::{
        CertificateTimestampDemand, LogDemand, PemTexts, TrustRootDefinition, TrustRootName,
        TrustRootSource,
    },
    verify::{CertificateTimestamps, PemParts, Switches, Transparency, TrustRoot, TrustRootError},
};

/// Every trust root by name: one immutable snapshot. The public-good root is always there.
#[derive(Clone, Debug)]
pub struct TrustRoots {
    roots: BTreeMap<TrustRootName, RootState>,
    /// Those whose state changes by itself; [`Self::current`] looks at it.
    followed: BTreeMap<TrustRootName, Arc<TufRoot>>,
}

/// What is known about one trust root at one moment.
#[derive(Clone, Debug)]
pub struct RootState {
    /// The root, or why it cannot be used.
    pub usable: Result<Arc<TrustRoot>, Absence>,
    /// Where it comes from.
    pub origin: Origin,
    /// When a root from TUF was last found to be current.
    pub refreshed: Option<Timestamp>,
    /// When a root from TUF can no longer be used: the earliest end of its metadata.
    pub expires: Option<Timestamp>,
    /// Why a root from TUF could not be refreshed the last time.
    pub trouble: Option<String>,
}

/// Where a trust root comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Origin {
    /// It is built in.
    BuiltIn,
    /// An object or a file holds it.
    Given,
    /// A TUF repository hands it out.
    Tuf,
}

/// Why a trust root cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Absence {
    /// It is not there.
    Unavailable {
        /// Why not.
        reason: String,
    },
    /// It could not be refreshed in time.
    Expired {
        /// Since when it is no longer to be trusted.
        since: Timestamp,
    },
}

/// A trust root as its definition makes it.
#[derive(Clone, Debug)]
pub enum Described {
    /// The definition holds it.
    Given(Arc<TrustRoot>),
    /// It has to be fetched.
    Tuf(TufDefinition),
}

/// Why a definition makes no trust root.
#[derive(Debug, thiserror::Error)]
pub enum DescriptionError {
    /// What it holds is no usable trust root.
    #[error(transparent)]
    TrustRoot(#[from] TrustRootError),
    /// What a TUF repository is to be trusted by is no root of one.
    #[error("not the root.json of a TUF repository: {}", told(.0))]
    TufRoot(#[from] sigstore_tuf::Error),
}

impl TrustRoots {
    /// Only the public-good root.
    pub fn public_only() -> Self {
        let public = TrustRoot::public_good()
            .map(Arc::new)
            .map_err(|error| error.to_string());
        let state = RootState::fixed(Origin::BuiltIn, public);
        Self {
            roots: BTreeMap::from([(TrustRootName::Public, state)]),
            followed: BTreeMap::new(),
        }
    }

    /// Adds or replaces a named root, loaded or with the reason why not.
    #[must_use]
    pub fn with(mut self, name: TrustRootName, root: Result<Arc<TrustRoot>, String>) -> Self {
        self.roots
            .insert(name, RootState::fixed(Origin::Given, root));
        self
    }

    /// Adds or replaces a root in a state that does not change.
    #[must_use]
    pub fn with_state(mut self, name: TrustRootName, state: RootState) -> Self {
        self.roots.insert(name, state);
        self
    }

    /// Adds or replaces a root whose state changes by itself.
    #[must_use]
    pub fn with_followed(mut self, name: TrustRootName, root: Arc<TufRoot>) -> Self {
        self.roots.insert(name.clone(), root.state());
        self.followed.insert(name, root);
        self
    }

    /// The roots as they are now, for one review to keep.
    pub fn current(self: &Arc<Self>) -> Arc<Self> {
        if self.followed.is_empty() {
            return Arc::clone(self);
        }
        let mut current = Self {
            roots: self.roots.clone(),
            followed: BTreeMap::new(),
        };
        for (name, root) in &self.followed {
            current.roots.insert(name.clone(), root.state());
        }
        Arc::new(current)
    }

    /// The root of this name, or why there is none.
    pub fn find(&self, name: &TrustRootName) -> Result<&Arc<TrustRoot>, Absence> {
        match self.roots.get(name) {
            Some(state) => state.usable.as_ref().map_err(Clone::clone),
            None => Err(Absence::Unavailable {
                reason: "there is no such ImageTrustRoot".to_owned(),
            }),
        }
    }

    /// Every root, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&TrustRootName, &RootState)> {
        self.roots.iter()
    }
}

impl RootState {
    /// A root that does not change by itself.
    fn fixed(origin: Origin, root: Result<Arc<TrustRoot>, String>) -> Self {
        Self {
            usable: root.map_err(|reason| Absence::Unavailable { reason }),
            origin,
            refreshed: None,
            expires: None,
            trouble: None,
        }
    }

    /// A root from TUF that never was there.
    pub fn never_fetched(reason: String) -> Self {
        Self::fixed(Origin::Tuf, Err(reason))
    }
}

impl Described {
    /// Parses what the definition holds itself. Fetches nothing.
    ///
    /// # Errors
    /// When that cannot be used.
    pub fn new(definition: TrustRootDefinition) -> Result<Self, DescriptionError> {
        let switches = switches(&definition);
        Ok(match definition.source {
            TrustRootSource::Json(text) => {
                Self::Given(Arc::new(TrustRoot::from_json_with(&text, switches)?))
            }
            TrustRootSource::Pem(texts) => Self::Given(Arc::new(from_pem(&texts, switches)?)),
            TrustRootSource::Tuf(repository) => {
                TrustedMetadataSet::from_root(repository.root.as_bytes())?;
                Self::Tuf(TufDefinition {
                    repository,
                    switches,
                })
            }
        })
    }
}

fn switches(definition: &TrustRootDefinition) -> Switches {
    Switches {
        certificate_timestamps: match definition.certificate_timestamps {
            CertificateTimestampDemand::Required => CertificateTimestamps::Required,
            CertificateTimestampDemand::InsecureNone => CertificateTimestamps::InsecureNone,
        },
        transparency: match definition.transparency_log {
            LogDemand::Required => Transparency::Required,
            LogDemand::InsecureNone => Transparency::InsecureNone,
        },
    }
}

fn from_pem(texts: &PemTexts, switches: Switches) -> Result<TrustRoot, TrustRootError> {
    let certificate_authorities = strs(&texts.certificate_authorities);
    let logs = strs(&texts.transparency_logs);
    let certificate_logs = strs(&texts.certificate_logs);
    let timestamp_authorities = strs(&texts.timestamp_authorities);
    let parts = PemParts {
        certificate_authorities: &certificate_authorities,
        logs: &logs,
        certificate_logs: &certificate_logs,
        timestamp_authorities: &timestamp_authorities,
    };
    TrustRoot::from_pem(&parts, switches)
}

fn strs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests;
