//! What the cluster holds of the certificates, as its watches tell.

use kube::{api::DynamicObject, runtime::watcher::Event};
use serde_json::Value;

use super::bundles;
use crate::{
    certificates::Bundle,
    cluster::mirror::{Changed, Mirror},
};

/// What is watched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cluster) enum Source {
    /// The Secret that keeps the certificates.
    Secret,
    /// The configuration of `mutate`.
    Mutating,
    /// The configuration of `validate`.
    Validating,
}

/// The latest of each.
pub(super) struct Mirrors {
    secret: Mirror,
    mutating: Mirror,
    validating: Mirror,
}

impl Mirrors {
    /// Nothing is known yet.
    pub(super) fn new() -> Self {
        let mirror = |source: Source| Mirror::new(source.resource());
        Self {
            secret: mirror(Source::Secret),
            mutating: mirror(Source::Mutating),
            validating: mirror(Source::Validating),
        }
    }

    pub(super) fn apply(&mut self, source: Source, event: Event<DynamicObject>) -> Changed {
        let mirror = match source {
            Source::Secret => &mut self.secret,
            Source::Mutating => &mut self.mutating,
            Source::Validating => &mut self.validating,
        };
        mirror.apply(event)
    }

    pub(super) fn object(&self, source: Source) -> Option<&Value> {
        // The watch is of this one name.
        self.of(source).objects().values().next().map(AsRef::as_ref)
    }

    pub(super) fn version(&self, source: Source) -> String {
        let version = self
            .object(source)
            .and_then(|object| object.pointer("/metadata/resourceVersion")?.as_str());
        version.unwrap_or_default().to_owned()
    }

    /// What every webhook trusts.
    pub(super) fn bundles(&self) -> Vec<(Source, String, Bundle)> {
        CONFIGURATIONS
            .into_iter()
            .flat_map(|source| {
                let found = self.object(source).map(bundles::bundles);
                let found = found.unwrap_or_default().into_iter();
                found.map(move |(name, bundle)| (source, name, bundle))
            })
            .collect()
    }

    /// Whether the certificate comes from elsewhere by now: this replica is one of before the switch, and goes on serving
    /// what it has.
    pub(super) fn is_replaced(&self) -> bool {
        let mut objects = CONFIGURATIONS
            .into_iter()
            .filter_map(|source| self.object(source));
        objects.any(bundles::is_from_elsewhere)
    }

    pub(super) fn is_complete(&self) -> bool {
        Source::ALL
            .into_iter()
            .all(|source| self.of(source).is_complete())
    }

    fn of(&self, source: Source) -> &Mirror {
        match source {
            Source::Secret => &self.secret,
            Source::Mutating => &self.mutating,
            Source::Validating => &self.validating,
        }
    }
}

/// What names whom the API server trusts.
pub(super) const CONFIGURATIONS: [Source; 2] = [Source::Mutating, Source::Validating];
