//! Logins that were refused: one refused too often may get our address banned.

#[cfg(test)]
mod tests;

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use moka::sync::Cache;
use tokio::{
    sync::OwnedMutexGuard,
    time::{Instant, error::Elapsed, timeout_at},
};

use super::{
    Bearer,
    new_logins::{Counts, Leave, NewLogins, NoLeave, Standing},
};
use crate::{
    limits,
    registry::{
        CredentialId,
        cache::{Timed, keep_weighed, weight},
        credentials::Asker,
        flight::lock,
    },
};

/// Which logins were refused lately, and which were let in.
///
/// Whoever writes a Pod chooses for which repositories a login is presented, for such as are others' or nobody's too. So a
/// refusal is held against that repository alone as long as the service has not refused the login itself.
///
/// Every key names the service as the registry named it: a registry that sends us to the token service of another
/// must not be able to spoil what that other one's own images need.
#[derive(Debug)]
pub(in crate::registry) struct RefusedLogins {
    logins: Cache<LoginKey, Arc<Login>>,
    repositories: Cache<Key, Timed<u16>>,
    new_logins: NewLogins,
    ttl: Duration,
}

/// A login at a service, for one repository.
#[derive(Clone, Copy, Debug)]
pub(in crate::registry) struct Presented<'a> {
    pub(in crate::registry) service: &'a Bearer,
    pub(in crate::registry) credential: CredentialId,
    pub(in crate::registry) repository: &'a str,
}

/// Leave to present a login. Held until its answer has been kept, so that a wrong one is not sent many times at once.
#[derive(Debug)]
pub(in crate::registry) struct Pass {
    alone: Option<OwnedMutexGuard<()>>,
    /// For one that the service has not let in just now.
    leave: Option<Leave>,
    asker: Asker,
}

/// Why a login is not presented.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::registry) enum Barred {
    /// It was refused a short time ago, with this status.
    Refused(u16),
    /// Too many were, the last with this status.
    Held(u16),
}

/// What a service says to a login that asks for no repository.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::registry) enum Proof {
    /// It is good.
    LetIn,
    /// It is wrong.
    Refused,
    /// Nothing that would tell.
    Untold,
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
    refused: Option<Timed<u16>>,
    let_in: Option<Instant>,
    /// Whether the service does not tell by itself what a login is: that one goes ahead spares nothing then.
    is_untold: bool,
}

impl RefusedLogins {
    pub(super) fn new(ttl: Duration) -> Self {
        let (bytes, repository_ttl) = (limits::REFUSED_LOGIN_BYTES, limits::REFUSED_REPOSITORY_TTL);
        Self {
            logins: known_logins(bytes),
            repositories: keep_weighed(bytes, repository_ttl, |(service, _, path): &Key| {
                service.bytes() + path.len()
            }),
            new_logins: NewLogins::new(),
            ttl,
        }
    }

    /// The status with which this login was refused a short time ago, here or as such.
    pub(in crate::registry) fn status(&self, presented: &Presented<'_>) -> Option<u16> {
        let of_login = self.logins.get(&presented.login());
        let of_login = of_login.and_then(|login| lock(&login.state).refused());
        of_login.or_else(|| self.repositories.get(&presented.key())?.current())
    }

    /// Leave to send this login for whoever asks, or why it is not sent. None when the deadline passes.
    ///
    /// As long as it is not known to be good, one request at a time has it: a Pod whose images lie in forty repositories
    /// must not present a wrong password forty times.
    pub(in crate::registry) async fn enter(
        &self,
        presented: &Presented<'_>,
        asker: &Asker,
        deadline: Instant,
    ) -> Option<Result<Pass, Barred>> {
        let pass = |alone, leave| Pass {
            alone,
            leave,
            asker: asker.clone(),
        };
        if !presented.is_somebody() {
            return Some(self.unless_refused(presented).map(|()| pass(None, None)));
        }
        let login = self.login(presented);
        loop {
            let alone = self.go_ahead(presented, &login, deadline).await.ok()?;
            if let Err(barred) = self.unless_refused(presented) {
                return Some(Err(barred));
            }
            let Some(standing) = lock(&login.state).standing() else {
                return Some(Ok(pass(alone, None)));
            };
            let realm = &presented.service.realm;
            match self.new_logins.enter(realm, asker, standing) {
                Ok(leave) => return Some(Ok(pass(alone, leave))),
                Err(NoLeave::Held(status)) => return Some(Err(Barred::Held(status))),
                Err(NoLeave::Later(room)) => {
                    // Another namespace may have room for the same login.
                    drop(alone);
                    timeout_at(deadline, room).await.ok()?;
                }
            }
        }
    }

    /// The turn of who presents this login by itself, unless many may at once.
    async fn go_ahead(
        &self,
        presented: &Presented<'_>,
        login: &Login,
        deadline: Instant,
    ) -> Result<Option<OwnedMutexGuard<()>>, Elapsed> {
        let goes_with_others = || lock(&login.state).goes_with_others();
        if self.status(presented).is_some() || goes_with_others() {
            return Ok(None);
        }
        let alone = login.alone(deadline).await?;
        Ok((!goes_with_others()).then_some(alone))
    }

    fn unless_refused(&self, presented: &Presented<'_>) -> Result<(), Barred> {
        self.status(presented)
            .map_or(Ok(()), |status| Err(Barred::Refused(status)))
    }

    /// Remembers that this login was refused this repository; and as such when that is what it means, which `proof`
    /// finds out. It is asked for by one at a time, and not at all when another has found out meanwhile.
    pub(in crate::registry) async fn keep(
        &self,
        presented: &Presented<'_>,
        status: u16,
        pass: Pass,
        deadline: Instant,
        proof: impl Future<Output = Proof>,
    ) {
        let ttl = if presented.is_somebody() {
            limits::REFUSED_REPOSITORY_TTL
        } else {
            limits::REFUSED_ANONYMOUS_TTL
        };
        let refused = Timed::new(status, self.ttl.min(ttl));
        self.repositories.insert(presented.key(), refused);
        if !presented.is_somebody() {
            return;
        }
        let (login, since) = (self.login(presented), Instant::now());
        let alone = match pass.alone {
            Some(alone) => Some(alone),
            None => login.alone(deadline).await.ok(),
        };
        let is_known = lock(&login.state).is_known_since(since);
        if alone.is_none() || is_known {
            return;
        }
        let proof = proof.await;
        let counts = lock(&login.state).learn(proof, Timed::new(status, self.ttl));
        if let Some(counts) = counts {
            let realm = &presented.service.realm;
            self.new_logins.refused(realm, &pass.asker, status, counts);
        }
        drop(pass.leave);
    }

    /// Remembers that this login is good.
    pub(in crate::registry) fn keep_let_in(&self, presented: &Presented<'_>) {
        if presented.is_somebody() {
            let login = self.login(presented);
            let mut state = lock(&login.state);
            state.refused = None;
            state.let_in = Some(Instant::now());
        }
    }

    fn login(&self, presented: &Presented<'_>) -> Arc<Login> {
        self.logins.get_with(presented.login(), Arc::default)
    }
}

impl Presented<'_> {
    fn is_somebody(&self) -> bool {
        self.credential != CredentialId::ANONYMOUS
    }

    fn login(&self) -> LoginKey {
        (self.service.clone(), self.credential)
    }

    fn key(&self) -> Key {
        let repository = self.repository.to_owned();
        (self.service.clone(), self.credential, repository)
    }
}

impl Login {
    async fn alone(&self, deadline: Instant) -> Result<OwnedMutexGuard<()>, Elapsed> {
        let alone = Arc::clone(&self.alone).lock_owned();
        timeout_at(deadline, alone).await
    }
}

impl State {
    fn refused(&self) -> Option<u16> {
        self.refused.as_ref().and_then(Timed::current)
    }

    /// What its service has shown of it; none where that tells nothing of it but that it was good once.
    fn standing(&self) -> Option<Standing> {
        match self.let_in {
            None => Some(Standing::New),
            Some(_) if self.is_untold => None,
            Some(at) if at.elapsed() < limits::LOGIN_PROVEN_TTL => Some(Standing::Proven),
            Some(_) => Some(Standing::LetIn),
        }
    }

    /// Learns what came of its refusal, and against whom that counts.
    fn learn(&mut self, proof: Proof, refused: Timed<u16>) -> Option<Counts> {
        let was_let_in = self.let_in.is_some();
        self.is_untold = proof == Proof::Untold;
        match proof {
            Proof::LetIn => {
                self.let_in = Some(Instant::now());
                None
            }
            Proof::Refused => {
                self.refused = Some(refused);
                self.let_in = None;
                Some(Counts::All)
            }
            // Most likely it is good, and what was asked for is not its.
            Proof::Untold if was_let_in => Some(Counts::Own),
            Proof::Untold => Some(Counts::All),
        }
    }

    /// Whether many requests may present it at once: it was good just now, or was so once and its service says of none of
    /// its refusals whether they are of the login, so that nobody learns anything from who goes ahead.
    fn goes_with_others(&self) -> bool {
        let goes = |at: Instant| self.is_untold || at.elapsed() < limits::LOGIN_PROVEN_TTL;
        self.refused().is_none() && self.let_in.is_some_and(goes)
    }

    /// Whether it was found out after this moment what it is.
    fn is_known_since(&self, moment: Instant) -> bool {
        self.refused().is_some() || self.let_in.is_some_and(|at| at >= moment)
    }
}

/// For as long as there is room: which logins were let in is to be known when others are refused.
fn known_logins(bytes: u64) -> Cache<LoginKey, Arc<Login>> {
    Cache::builder()
        .max_capacity(bytes)
        .weigher(|(service, _): &LoginKey, _| weight(service.bytes() + LOGIN_BYTES))
        .build()
}

/// About what is remembered of a login beside the texts of its service.
const LOGIN_BYTES: usize = 512;
