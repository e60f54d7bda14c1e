//! Logins that were refused: one refused too often may get our address banned.

use std::time::Duration;

use moka::sync::Cache;

use super::Bearer;
use crate::{
    limits,
    registry::{
        CredentialId,
        cache::{Timed, keep},
    },
};

/// Which logins were refused lately, and which were let in.
///
/// Every key names the service as the registry named it: a registry that sends us to the token service of another
/// must not be able to spoil what that other one's own images need.
#[derive(Debug)]
pub(in crate::registry) struct RefusedLogins {
    refused: Cache<Key, Timed<u16>>,
    let_in: Cache<Key, ()>,
    ttl: Duration,
}

/// A login at a service, and the repository it was for; none where that makes no difference.
type Key = (Bearer, CredentialId, Option<String>);

impl RefusedLogins {
    pub(super) fn new(ttl: Duration) -> Self {
        Self {
            refused: keep(limits::REFUSED_LOGINS, ttl),
            let_in: keep(limits::REFUSED_LOGINS, limits::MAX_TOKEN_TTL),
            ttl,
        }
    }

    /// The status with which this login was refused a short time ago.
    pub(in crate::registry) fn status(
        &self,
        service: &Bearer,
        credential: CredentialId,
        repository: &str,
    ) -> Option<u16> {
        [None, Some(repository)].into_iter().find_map(|scope| {
            self.refused
                .get(&key(service, credential, scope))?
                .current()
        })
    }

    /// Remembers a refusal: of the login as a whole when it seems to be wrong, else for this repository only.
    ///
    /// 403 from a token service says that the login is wrong, and 401 may be about the repository. But some say 403 to
    /// a good login that asks for a repository of others, which any Pod may name: that must not lock the login out of
    /// its own. So a login that has been let in counts as wrong only when it loses what it had.
    pub(in crate::registry) fn keep(
        &self,
        service: &Bearer,
        credential: CredentialId,
        repository: &str,
        status: u16,
    ) {
        let was_let_in = |scope| self.let_in.contains_key(&key(service, credential, scope));
        let is_general = status == 403
            && credential != CredentialId::ANONYMOUS
            && (!was_let_in(None) || was_let_in(Some(repository)));
        let scope = (!is_general).then_some(repository);
        for scope in [scope, Some(repository)] {
            self.let_in.invalidate(&key(service, credential, scope));
        }
        self.refused.insert(
            key(service, credential, scope),
            Timed::new(status, self.ttl),
        );
    }

    /// Remembers that this login has opened this repository.
    pub(super) fn keep_let_in(&self, service: &Bearer, credential: CredentialId, repository: &str) {
        for scope in [None, Some(repository)] {
            self.let_in.insert(key(service, credential, scope), ());
        }
    }
}

fn key(service: &Bearer, credential: CredentialId, repository: Option<&str>) -> Key {
    (service.clone(), credential, repository.map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::{Credential, Secret};

    fn service() -> Bearer {
        Bearer {
            realm: "https://a.example/t".parse().expect("a URL"),
            service: None,
        }
    }

    fn login() -> CredentialId {
        CredentialId::of(&Credential {
            origin: String::new(),
            username: "a".to_owned(),
            password: Secret::new("b".to_owned()),
        })
    }

    fn logins() -> RefusedLogins {
        RefusedLogins::new(Duration::from_mins(1))
    }

    #[test]
    fn a_login_that_was_never_let_in_is_wrong_everywhere() {
        let logins = logins();
        logins.keep(&service(), login(), "a/one", 403);
        assert_eq!(logins.status(&service(), login(), "a/two"), Some(403));
    }

    #[test]
    fn a_good_login_that_is_refused_a_repository_of_others_keeps_its_own() {
        let logins = logins();
        logins.keep_let_in(&service(), login(), "a/one");
        logins.keep(&service(), login(), "others/x", 403);
        assert_eq!(logins.status(&service(), login(), "others/x"), Some(403));
        assert_eq!(logins.status(&service(), login(), "a/one"), None);
    }

    #[test]
    fn a_login_that_loses_what_it_had_is_wrong_everywhere() {
        let logins = logins();
        logins.keep_let_in(&service(), login(), "a/one");
        logins.keep(&service(), login(), "a/one", 403);
        assert_eq!(logins.status(&service(), login(), "a/two"), Some(403));
    }

    #[test]
    fn nobody_is_refused_as_a_whole() {
        let logins = logins();
        logins.keep(&service(), CredentialId::ANONYMOUS, "a/one", 403);
        let status = |repository| logins.status(&service(), CredentialId::ANONYMOUS, repository);
        assert_eq!([status("a/one"), status("a/two")], [Some(403), None]);
    }
}
