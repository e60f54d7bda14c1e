//! Logins that were refused: one refused too often may get our address banned.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use moka::sync::Cache;
use tokio::{
    sync::OwnedMutexGuard,
    time::{Instant, timeout_at},
};

use super::Bearer;
use crate::{
    limits,
    registry::{
        CredentialId,
        cache::{Timed, keep},
        flight::lock,
    },
};

/// Which logins were refused lately, and which were let in.
///
/// Every key names the service as the registry named it: a registry that sends us to the token service of another
/// must not be able to spoil what that other one's own images need.
#[derive(Debug)]
pub(in crate::registry) struct RefusedLogins {
    logins: Cache<LoginKey, Arc<Login>>,
    refused: Cache<Key, Timed<u16>>,
    let_in: Cache<Key, ()>,
    ttl: Duration,
}

/// Leave to send a login. Held until its answer has been kept, so that a wrong one is not sent many times at once.
#[derive(Debug)]
pub(in crate::registry) struct Pass {
    _alone: Option<OwnedMutexGuard<()>>,
}

/// A login at a service.
type LoginKey = (Bearer, CredentialId);

/// The same for one repository.
type Key = (Bearer, CredentialId, String);

/// What is known of one login, whatever it was for.
#[derive(Debug, Default)]
struct Login {
    state: Mutex<State>,
    /// Held by who sends it while nobody knows whether it is good.
    alone: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct State {
    /// It seems to be wrong.
    refused: Option<Timed<u16>>,
    let_in: Option<Instant>,
    /// The last refusals, for whichever repositories.
    refusals: Vec<Timed<u16>>,
}

impl RefusedLogins {
    pub(super) fn new(ttl: Duration) -> Self {
        let logins = Cache::builder()
            .max_capacity(limits::REFUSED_LOGINS)
            .time_to_idle(limits::MAX_TOKEN_TTL);
        Self {
            logins: logins.build(),
            refused: keep(limits::REFUSED_LOGINS, ttl),
            let_in: keep(limits::REFUSED_LOGINS, limits::MAX_TOKEN_TTL),
            ttl,
        }
    }

    /// The status with which this login was refused a short time ago.
    ///
    /// One that was refused several repositories is held back from others too, but not from those it has opened.
    pub(in crate::registry) fn status(
        &self,
        service: &Bearer,
        credential: CredentialId,
        repository: &str,
    ) -> Option<u16> {
        let key = key(service, credential, repository);
        let of_login = || {
            let login = self.logins.get(&(service.clone(), credential))?;
            let state = lock(&login.state);
            let refused = state.refused.as_ref().and_then(Timed::current);
            refused.or_else(|| {
                let held = state.held()?;
                (!self.let_in.contains_key(&key)).then_some(held)
            })
        };
        let of_repository = || self.refused.get(&key)?.current();
        of_login().or_else(of_repository)
    }

    /// Leave to send this login. As long as it is not known to be good, one request at a time has it: a Pod whose images
    /// lie in forty repositories must not present a wrong password forty times. None when the deadline passes.
    ///
    /// Look at [`Self::status`] afterwards: another request may have been refused in the meantime.
    pub(in crate::registry) async fn enter(
        &self,
        service: &Bearer,
        credential: CredentialId,
        deadline: Instant,
    ) -> Option<Pass> {
        if credential == CredentialId::ANONYMOUS {
            return Some(Pass { _alone: None });
        }
        let login = self.login(service, credential);
        if lock(&login.state).is_proven() {
            return Some(Pass { _alone: None });
        }
        let alone = Arc::clone(&login.alone).lock_owned();
        let alone = timeout_at(deadline, alone).await.ok()?;
        let is_proven = lock(&login.state).is_proven();
        Some(Pass {
            _alone: (!is_proven).then_some(alone),
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
        let key = key(service, credential, repository);
        if credential == CredentialId::ANONYMOUS {
            let ttl = self.ttl.min(limits::REFUSED_ANONYMOUS_TTL);
            self.refused.insert(key, Timed::new(status, ttl));
            return;
        }
        let loses = self.let_in.remove(&key).is_some();
        let login = self.login(service, credential);
        let mut state = lock(&login.state);
        let is_wrong = loses || (status == 403 && state.let_in.is_none());
        if is_wrong {
            state.refused = Some(Timed::new(status, self.ttl));
            state.let_in = None;
        }
        state.refusals.retain(|refusal| refusal.current().is_some());
        state.refusals.push(Timed::new(status, self.ttl));
        let excess = state
            .refusals
            .len()
            .saturating_sub(limits::REFUSALS_PER_LOGIN);
        state.refusals.drain(..excess);
        drop(state);
        let ttl = self.ttl.min(limits::REFUSED_REPOSITORY_TTL);
        self.refused.insert(key, Timed::new(status, ttl));
    }

    /// Remembers that this login has opened this repository.
    pub(in crate::registry) fn keep_let_in(
        &self,
        service: &Bearer,
        credential: CredentialId,
        repository: &str,
    ) {
        if credential == CredentialId::ANONYMOUS {
            return;
        }
        let login = self.login(service, credential);
        let mut state = lock(&login.state);
        state.let_in = Some(Instant::now());
        state.refused = None;
        drop(state);
        let key = key(service, credential, repository);
        if !self.let_in.contains_key(&key) {
            self.let_in.insert(key, ());
        }
    }

    fn login(&self, service: &Bearer, credential: CredentialId) -> Arc<Login> {
        self.logins
            .get_with((service.clone(), credential), Arc::default)
    }
}

impl State {
    /// Whether it was good just now.
    fn is_proven(&self) -> bool {
        let proven = |at: Instant| at.elapsed() < limits::LOGIN_PROVEN_TTL;
        self.refused.is_none() && self.let_in.is_some_and(proven)
    }

    /// The last status, when there were so many refusals that no more are risked.
    fn held(&self) -> Option<u16> {
        let lately: Vec<u16> = self.refusals.iter().filter_map(Timed::current).collect();
        lately
            .last()
            .copied()
            .filter(|_| lately.len() >= limits::REFUSALS_PER_LOGIN)
    }
}

fn key(service: &Bearer, credential: CredentialId, repository: &str) -> Key {
    (service.clone(), credential, repository.to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

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
        RefusedLogins::new(limits::REFUSED_LOGIN_TTL)
    }

    impl RefusedLogins {
        fn of(&self, repository: &str) -> Option<u16> {
            self.status(&service(), login(), repository)
        }

        fn refuse(&self, repository: &str, status: u16) {
            self.keep(&service(), login(), repository, status);
        }

        fn open(&self, repository: &str) {
            self.keep_let_in(&service(), login(), repository);
        }
    }

    #[test]
    fn a_login_that_was_never_let_in_is_wrong_everywhere() {
        let logins = logins();
        logins.refuse("a/one", 403);
        assert_eq!(logins.of("a/two"), Some(403));
    }

    #[test]
    fn a_good_login_that_is_refused_a_repository_of_others_keeps_its_own() {
        let logins = logins();
        logins.open("a/one");
        logins.refuse("others/x", 403);
        assert_eq!(logins.of("others/x"), Some(403));
        assert_eq!([logins.of("a/one"), logins.of("a/two")], [None, None]);
    }

    #[test]
    fn a_login_that_loses_what_it_had_is_wrong_everywhere() {
        for status in [401, 403] {
            let logins = logins();
            logins.open("a/one");
            logins.refuse("a/one", status);
            assert_eq!(logins.of("a/two"), Some(status));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_is_refused_too_often_is_held_back_from_all_but_what_it_has_opened() {
        let logins = logins();
        logins.open("a/one");
        for number in 1..limits::REFUSALS_PER_LOGIN {
            logins.refuse(&format!("others/{number}"), 401);
        }
        assert_eq!(logins.of("a/two"), None);
        logins.refuse("others/last", 401);
        assert_eq!([logins.of("a/one"), logins.of("a/two")], [None, Some(401)]);
        advance(limits::REFUSED_LOGIN_TTL).await;
        assert_eq!(logins.of("a/two"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_of_the_login_is_remembered_for_minutes_and_one_of_a_repository_for_less() {
        let logins = logins();
        logins.refuse("a/one", 401);
        advance(limits::REFUSED_REPOSITORY_TTL).await;
        assert_eq!(logins.of("a/one"), None);
        logins.refuse("a/one", 403);
        advance(limits::REFUSED_LOGIN_TTL.saturating_sub(Duration::from_secs(1))).await;
        assert_eq!(logins.of("a/one"), Some(403));
        advance(Duration::from_secs(1)).await;
        assert_eq!(logins.of("a/one"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_refused_as_a_whole_nor_for_long() {
        let logins = logins();
        logins.keep(&service(), CredentialId::ANONYMOUS, "a/one", 403);
        let status = |repository| logins.status(&service(), CredentialId::ANONYMOUS, repository);
        assert_eq!([status("a/one"), status("a/two")], [Some(403), None]);
        advance(limits::REFUSED_ANONYMOUS_TTL).await;
        assert_eq!(status("a/one"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_that_is_not_known_to_be_good_is_sent_by_one_at_a_time() {
        let logins = logins();
        let soon = || Instant::now() + Duration::from_secs(1);
        let enter = async || logins.enter(&service(), login(), soon()).await;
        let first = enter().await;
        assert!(first.is_some() && enter().await.is_none());
        drop(first);
        let again = enter().await;
        assert!(again.is_some());
        logins.open("a/one");
        let others = (enter().await, enter().await);
        assert!(others.0.is_some() && others.1.is_some());
        drop((again, others));
        advance(limits::LOGIN_PROVEN_TTL).await;
        let one = enter().await;
        assert!(one.is_some() && enter().await.is_none());
    }
}
