//! With whose login a request is tried, and in which order.

use std::sync::Arc;

use super::{Login, Session};
use crate::{
    limits,
    registry::{
        Credential, CredentialId, RegistryError,
        auth::Challenge,
        cloud::{CloudHost, IdentityError, RegistryWay},
        credentials::Asker,
    },
};

/// Whose login is tried.
#[derive(Clone, Debug)]
pub(super) enum Candidate {
    /// Of a keyring, and who has it presented.
    Credential(Arc<Credential>, Asker),
    /// What the cloud gives Assay, under this name.
    Identity(CloudHost, String),
    /// Nobody's.
    Nobody,
}

/// The logins that are tried for one request.
#[derive(Debug)]
pub(super) struct Candidates {
    /// These, each with its place in the list of all.
    pub(super) first: Vec<(usize, Candidate)>,
    /// How many more there are.
    pub(super) untried: usize,
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
            Self::Credential(..) | Self::Nobody => Trust::House,
            Self::Identity(..) => Trust::Host,
        }
    }

    /// Who has it presented.
    pub(super) fn asker(&self) -> Asker {
        match self {
            Self::Credential(_, asker) => asker.clone(),
            Self::Identity(..) | Self::Nobody => Asker::Assay,
        }
    }

    /// As messages name it.
    pub(super) fn origin(&self) -> Option<&str> {
        match self {
            Self::Credential(credential, _) => Some(&credential.origin),
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
    pub(super) fn candidates(&self) -> Candidates {
        let Login {
            credentials: all,
            place,
            id: _,
        } = &self.login;
        let askers = self.keyring.askers(&self.repository);
        let credentials = presentable(all.iter().cloned().zip(askers));
        let untried = all.len() - credentials.len();
        let credentials = credentials.into_iter();
        let credentials =
            credentials.map(|(credential, asker)| Candidate::Credential(credential, asker));
        let identity = place.iter().cloned();
        let identity = identity.map(|place| {
            let origin = place.origin();
            Candidate::Identity(place, origin)
        });
        let nobody = all.is_empty().then_some(Candidate::Nobody);
        let candidates = credentials.chain(identity).chain(nobody);
        let mut first: Vec<_> = candidates.enumerate().collect();
        if first.len() > 1 {
            let let_in = self.core.caches.let_in(&self.repository_key());
            first.sort_by_key(|(index, _)| *index != let_in);
        }
        Candidates { first, untried }
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
            (Candidate::Credential(credential, _), Challenge::Basic | Challenge::Bearer(_)) => {
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

/// Those of these that are presented for one request: any Pod may name hundreds, and a host that refuses many may ban our
/// address. The same login in several secrets counts once, and Assay's own do not count.
fn presentable(
    credentials: impl Iterator<Item = (Arc<Credential>, Asker)>,
) -> Vec<(Arc<Credential>, Asker)> {
    let mut logins = Vec::new();
    let is_presented = |(credential, asker): &(Arc<Credential>, Asker)| match asker {
        Asker::Assay => true,
        Asker::Namespace(_) => {
            let login = CredentialId::of(credential);
            if !logins.contains(&login) && logins.len() < limits::LOGINS_PER_REQUEST {
                logins.push(login);
            }
            logins.contains(&login)
        }
    };
    credentials.filter(is_presented).collect()
}

/// The logins that were tried, as messages list them, when so many others were not: three names are shown of each list.
pub(super) fn with_untried(mut tried: Vec<String>, untried: usize) -> Vec<String> {
    tried.dedup();
    if untried == 0 {
        return tried;
    }
    let unnamed = tried.split_off(tried.len().min(NAMED_BEFORE_UNTRIED)).len();
    tried.push(match unnamed {
        0 => format!("{untried} more, not tried"),
        _ => format!("{} more ({untried} of them not tried)", unnamed + untried),
    });
    tried
}

/// How many names come before the number of those that were not tried.
const NAMED_BEFORE_UNTRIED: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Secret;

    fn credential(secret: usize, password: usize) -> Arc<Credential> {
        Arc::new(Credential {
            origin: format!("pull secret \"{secret}\""),
            username: "a".to_owned(),
            password: Secret::new(password.to_string()),
        })
    }

    #[test]
    fn no_more_different_logins_are_presented_for_a_request_than_may_be() {
        let most = limits::LOGINS_PER_REQUEST;
        let of_pod = || Asker::Namespace("shop".into());
        let count = |credentials: Vec<_>| presentable(credentials.into_iter()).len();
        let different = |number| (credential(number, number), of_pod());
        assert_eq!(count((0..=most).map(different).collect()), most);
        assert_eq!(count((0..most).map(different).collect()), most);
        let same = |number| (credential(number, 1), of_pod());
        assert_eq!(count((0..3 * most).map(same).collect()), 3 * most);
        let own = |number| (credential(number, number), Asker::Assay);
        let beside = (0..3 * most).map(different).chain((100..103).map(own));
        assert_eq!(count(beside.collect()), most + 3);
    }

    #[test]
    fn what_was_not_tried_is_told_after_two_names() {
        let told = |tried: &[&str], untried| {
            with_untried(tried.iter().map(|&name| name.to_owned()).collect(), untried)
        };
        assert_eq!(told(&["a", "b", "c"], 0), ["a", "b", "c"]);
        assert_eq!(told(&["a", "a", "a"], 0), ["a"]);
        assert_eq!(told(&["a", "a"], 35), ["a", "35 more, not tried"]);
        let several = ["a", "b", "3 more (1 of them not tried)"];
        assert_eq!(told(&["a", "b", "c", "d"], 1), several);
    }
}
