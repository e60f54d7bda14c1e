//! One registry as one login reads it: every request is authorised as the registry wants it.

mod attempt;
mod candidate;
mod fetch;

pub(super) use fetch::unexpected;

use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode};
use tokio::time::{Instant, timeout_at};
use url::Url;

use self::{
    attempt::{Attempt, Refusal, Sent},
    candidate::{Candidates, with_untried},
};
use super::{
    Access, Asked, Credential, CredentialId, Keyring, RegistryError,
    auth::{Challenge, authority},
    behalf::Behalf,
    budget::{Share, Spent},
    client::Core,
    cloud::{CloudHost, IdentityError},
    flight::Passenger,
    host::Host,
    reach::endpoint,
    terms::Terms,
    transport::{Answer, CROWDED, Call, Failure},
};
use crate::{
    image::{Digest, RegistryHost, Repository},
    limits,
};

/// One repository, as one login reads it until one deadline.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) core: Arc<Core>,
    pub(super) repository: Repository,
    pub(super) host: Arc<Host>,
    login: Login,
    /// Where its credentials are from.
    keyring: Arc<Keyring>,
    pub(super) deadline: Instant,
    behalf: Behalf,
    /// Is told when a registry has to be asked.
    pub(super) asked: Asked,
    /// The registry's root.
    base: Url,
    /// Whether plain HTTP is allowed.
    is_plain: bool,
    /// Which token service the settings allow to see the logins.
    token_service: Option<RegistryHost>,
    terms: Terms,
}

/// Whose logins may be used.
#[derive(Debug)]
pub(super) struct Login {
    /// All credentials; none is anonymous.
    pub(super) credentials: Vec<Arc<Credential>>,
    /// The cloud that may vouch for Assay here, after all credentials.
    pub(super) place: Option<CloudHost>,
    /// Tells these, in this order and by these names, from others: an error that callers share names them.
    pub(super) id: CredentialId,
}

/// What is wanted of the registry.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: &'static str,
    pub(super) body_limit: usize,
    /// As in `manifest 1.8.2`, for messages.
    pub(super) what: String,
}

impl Session {
    pub(super) fn open(
        core: &Arc<Core>,
        repository: &Repository,
        login: Login,
        access: &Access,
    ) -> Result<Arc<Self>, RegistryError> {
        let transport = &core.transport;
        let name = repository.host().as_str();
        let setup = transport.setup.load_full();
        let setting = setup.settings.find(name, repository.path());
        let is_plain = setting.is_some_and(|setting| setting.insecure_http);
        let scheme = if is_plain { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{}/", endpoint(name))).map_err(|_| {
            RegistryError::Unavailable {
                host: name.to_owned(),
                detail: "is no valid host".to_owned(),
            }
        })?;
        Ok(Arc::new(Self {
            core: Arc::clone(core),
            repository: repository.clone(),
            host: transport.hosts.of(&base, repository.host().registry()),
            login,
            keyring: Arc::clone(&access.keyring),
            deadline: access.deadline,
            behalf: Behalf::from(access),
            asked: access.asked.clone(),
            base,
            is_plain,
            token_service: setting.and_then(|setting| setting.token_service.clone()),
            terms: Terms::of(&setup, setting),
        }))
    }

    /// The registry as messages name it.
    pub(super) fn host_name(&self) -> String {
        authority(&self.base)
    }

    /// The URL of something in this repository: `manifests/1.8.2`.
    pub(super) fn url(&self, rest: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v2/{}/{rest}", self.repository.path()));
        url
    }

    pub(super) fn digest_key(&self, digest: &Digest) -> (Repository, Digest, CredentialId) {
        (self.repository.clone(), digest.clone(), self.login.id)
    }

    pub(super) fn repository_key(&self) -> (Repository, CredentialId) {
        (self.repository.clone(), self.login.id)
    }

    /// The answer to a request, authorised as the registry wants it; 401 and 403 are errors.
    pub(super) async fn send(&self, ask: &Ask) -> Result<Answer, Failure> {
        self.asked.note();
        if let Some(answer) = self.introduce(ask).await? {
            return Ok(answer);
        }
        let mut tried = Vec::new();
        let mut last = None;
        let Candidates { first, untried } = self.candidates();
        for (index, candidate) in first {
            match Box::pin(self.attempt(ask, &candidate)).await? {
                Attempt::Answered(answer) => {
                    if index > 0 || last.is_some() {
                        self.core.caches.keep_let_in(self.repository_key(), index);
                    }
                    return Ok(answer);
                }
                Attempt::Refused(refusal) => {
                    tried.extend(refusal.tried(candidate.origin()));
                    let is_asked = !matches!(refusal.sent, Sent::NotAsked);
                    last = Some(refusal);
                    if !is_asked {
                        // Any other login would not be sent either.
                        break;
                    }
                }
                Attempt::Without(IdentityError::Absent) => {}
                Attempt::Without(error) => {
                    tried.extend(
                        candidate
                            .origin()
                            .map(|origin| format!("{origin} ({error})")),
                    );
                }
            }
        }
        Err(RegistryError::Unauthorized {
            host: last
                .as_ref()
                .map_or_else(|| self.host_name(), |refusal| refusal.host.clone()),
            status: last.map_or(401, |refusal| refusal.status),
            tried: with_untried(tried, untried),
        }
        .into())
    }

    /// Sends a request without credentials when nothing is known of the registry, to learn what it wants.
    /// `None` when that is known (now): the request is still to be sent.
    ///
    /// Callers who come while another does this wait for it once.
    pub(super) async fn introduce(&self, ask: &Ask) -> Result<Option<Answer>, Failure> {
        if self.host.challenge().is_some() {
            return Ok(None);
        }
        // Held until it is known, so that nobody who waits for it finds nothing.
        let first = self.host.introducing.try_lock();
        if first.is_err() {
            let waited = timeout_at(self.deadline, self.host.introducing.lock()).await;
            drop(waited.map_err(|_| self.deadline_error())?);
        }
        if self.host.challenge().is_some() {
            return Ok(None);
        }
        let answer = self.core.transport.send(&self.call(ask, None)).await?;
        if answer.is_redirected {
            return Ok(Some(answer));
        }
        match answer.status.as_u16() {
            status @ (401 | 403) => {
                let Some(challenge) = self.challenge_of(&answer).await else {
                    return Err(self.unauthorized(status).into());
                };
                self.host.learn_challenge(challenge);
                Ok(None)
            }
            200..=299 | 404 => {
                self.host.learn_challenge(Challenge::Open);
                Ok(Some(answer))
            }
            _ => Ok(Some(answer)),
        }
    }

    /// What the registry wants, by an answer that refuses a request without a login.
    ///
    /// Some say 403 where 401 is meant, with the challenge or without it. Who wants a login then says so at the root, which
    /// is where docker asks.
    async fn challenge_of(&self, answer: &Answer) -> Option<Challenge> {
        let presented = Challenge::parse(&answer.headers);
        if presented.is_some() || answer.status != StatusCode::FORBIDDEN {
            return presented;
        }
        let root = self.ask_root(None).await.ok()?;
        let is_challenge = root.status == StatusCode::UNAUTHORIZED && !root.is_redirected;
        Challenge::parse(&root.headers).filter(|_| is_challenge)
    }

    /// The answer of the registry's root, which is nobody's repository.
    async fn ask_root(&self, authorization: Option<HeaderValue>) -> Result<Answer, Failure> {
        let mut url = self.base.clone();
        url.set_path("/v2/");
        let ask = Ask {
            method: Method::GET,
            url,
            accept: "*/*",
            body_limit: limits::ERROR_BODY_BYTES,
            what: "its root".to_owned(),
        };
        Box::pin(self.core.transport.send(&self.call(&ask, authorization))).await
    }

    fn call<'a>(&'a self, ask: &'a Ask, authorization: Option<HeaderValue>) -> Call<'a> {
        Call {
            method: ask.method.clone(),
            url: ask.url.clone(),
            accept: ask.accept,
            authorization,
            form: None,
            terms: self.terms.clone(),
            body_limit: ask.body_limit,
            what: &ask.what,
            registry: self.repository.host().registry(),
            behalf: &self.behalf,
            deadline: self.deadline,
        }
    }

    /// The refusal of a registry that does not say which login it wants, so that none is sent.
    fn unauthorized(&self, status: u16) -> RegistryError {
        let refusal = Refusal {
            host: self.host_name(),
            status,
            sent: Sent::NotAsked,
        };
        let first = self.candidates().first.into_iter().next();
        let tried = first.and_then(|(_, candidate)| refusal.tried(candidate.origin()));
        RegistryError::Unauthorized {
            tried: tried.into_iter().collect(),
            host: refusal.host,
            status,
        }
    }

    pub(super) fn deadline_error(&self) -> RegistryError {
        RegistryError::Deadline {
            host: self.host_name(),
        }
    }

    pub(super) fn unusable(&self, detail: impl Into<String>) -> RegistryError {
        RegistryError::Unusable {
            host: self.host_name(),
            detail: detail.into(),
        }
    }

    /// It as one that waits for a run.
    pub(super) fn passenger(&self) -> Passenger {
        Passenger {
            host: self.host_name(),
            namespace: self.behalf.namespace.clone(),
            deadline: self.deadline,
        }
    }

    /// A share for so many bytes that are kept of answers.
    pub(super) async fn pay(&self, bytes: usize) -> Result<Share, RegistryError> {
        let mut share = self
            .core
            .transport
            .budget
            .open(self.repository.host().registry(), &self.behalf);
        match share.grow(bytes, self.deadline).await {
            Ok(()) => Ok(share),
            Err(Spent::ByOthers) => Err(self.limit(CROWDED)),
            Err(Spent::Deadline) => Err(self.deadline_error()),
        }
    }

    pub(super) fn limit(&self, detail: impl Into<String>) -> RegistryError {
        RegistryError::Limit {
            host: self.host_name(),
            detail: detail.into(),
        }
    }
}
