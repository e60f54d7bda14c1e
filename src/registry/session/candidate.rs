//! With whose login a request is tried, and in which order.

use std::sync::Arc;

use super::Session;
use crate::registry::{
    Credential, RegistryError,
    auth::Challenge,
    cloud::{CloudHost, IdentityError, RegistryWay},
};

/// Whose login is tried.
#[derive(Clone, Debug)]
pub(super) enum Candidate {
    /// Of a keyring.
    Credential(Arc<Credential>),
    /// What the cloud gives Assay, under this name.
    Identity(CloudHost, String),
    /// Nobody's.
    Nobody,
}

/// Which token services may see a login.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Trust {
    /// Those of the registry's house.
    House,
    /// The registry's own host. Clouds rent hosts of their domains out, and none of them needs another.
    Host,
}

impl Candidate {
    /// Which token services may see it.
    pub(super) fn trust(&self) -> Trust {
        match self {
            Self::Credential(_) | Self::Nobody => Trust::House,
            Self::Identity(..) => Trust::Host,
        }
    }

    /// As messages name it.
    pub(super) fn origin(&self) -> Option<&str> {
        match self {
            Self::Credential(credential) => Some(&credential.origin),
            Self::Identity(_, origin) => Some(origin),
            Self::Nobody => None,
        }
    }
}

impl Session {
    /// The logins to try, the one let in last first.
    ///
    /// As with the kubelet, nothing is tried anonymously when a credential is there. An identity of the cloud is not one
    /// of the kubelet's: what needs no login must not become unreadable by it.
    pub(super) fn candidates(&self) -> Vec<(usize, Candidate)> {
        let credentials = self
            .login
            .credentials
            .iter()
            .cloned()
            .map(Candidate::Credential);
        let identity = self.login.place.iter().cloned();
        let identity = identity.map(|place| {
            let origin = place.origin();
            Candidate::Identity(place, origin)
        });
        let nobody = self
            .login
            .credentials
            .is_empty()
            .then_some(Candidate::Nobody);
        let all = credentials.chain(identity).chain(nobody);
        let mut candidates: Vec<_> = all.enumerate().collect();
        if candidates.len() > 1 {
            let first = self.core.caches.let_in(&self.repository_key());
            candidates.sort_by_key(|(index, _)| *index != first);
        }
        candidates
    }

    /// What is to be sent to meet this challenge. A registry that wants nothing gets nothing: an identity is not even
    /// asked for.
    pub(super) async fn credential_of(
        &self,
        candidate: &Candidate,
        challenge: &Challenge,
    ) -> Result<Result<Option<Arc<Credential>>, IdentityError>, RegistryError> {
        match (candidate, challenge) {
            (_, Challenge::Open) | (Candidate::Nobody, Challenge::Basic | Challenge::Bearer(_)) => {
                Ok(Ok(None))
            }
            (Candidate::Credential(credential), Challenge::Basic | Challenge::Bearer(_)) => {
                Ok(Ok(Some(Arc::clone(credential))))
            }
            (Candidate::Identity(place, _), Challenge::Basic | Challenge::Bearer(_)) => {
                let way = RegistryWay {
                    base: self.base.clone(),
                    name: self.repository.host().registry().to_owned(),
                    terms: self.terms.clone(),
                };
                let clouds = &self.core.clouds;
                let login = Box::pin(clouds.login(place, &way, self.deadline)).await?;
                Ok(login.map(Some))
            }
        }
    }

    /// Hears that this login was refused.
    pub(super) fn doubt(&self, candidate: &Candidate, credential: Option<&Credential>) {
        if let (Candidate::Identity(place, _), Some(credential)) = (candidate, credential) {
            self.core.clouds.doubt(place, credential);
        }
    }
}
