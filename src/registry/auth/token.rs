//! Tokens: one per registry, repository and credential, shared by all who may use it.

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderValue, Method};
use moka::sync::Cache;
use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use url::Url;

use super::{Bearer, basic, refused::RefusedLogins};
use crate::{
    limits,
    registry::{
        Credential, CredentialId, RegistryError, Secret,
        flight::Flights,
        form::encode,
        transport::{Call, Transport},
    },
    telemetry::{CacheReading, Lookups},
};

/// The tokens in use and the logins that were refused.
#[derive(Debug)]
pub(in crate::registry) struct Tokens {
    transport: Arc<Transport>,
    granted: Cache<TokenKey, Arc<Token>>,
    lookups: Lookups,
    refused: RefusedLogins,
    flights: Flights<TokenKey, Grant>,
}

/// What a token service says.
#[derive(Clone, Debug)]
pub(in crate::registry) enum Grant {
    /// A token.
    Token(Arc<Token>),
    /// This status.
    Refused {
        /// The token service.
        host: String,
        /// 401 or 403.
        status: u16,
    },
}

/// A bearer token.
pub(in crate::registry) struct Token {
    /// The whole value of the `Authorization` header.
    pub(in crate::registry) header: HeaderValue,
    /// When it was granted.
    pub(in crate::registry) granted: Instant,
    until: Instant,
}

/// What a token is wanted for.
#[derive(Clone, Debug)]
pub(in crate::registry) struct TokenRequest {
    /// The registry that wants it.
    pub(in crate::registry) registry: Url,
    /// The registry as images name it.
    pub(in crate::registry) registry_name: String,
    /// Where it is to be had.
    pub(in crate::registry) bearer: Bearer,
    /// The path of the repository.
    pub(in crate::registry) repository: String,
    /// Whose it will be; none is anonymous.
    pub(in crate::registry) credential: Option<Credential>,
    /// Whose TLS settings count.
    pub(in crate::registry) client: usize,
    /// When it is no longer needed.
    pub(in crate::registry) deadline: Instant,
}

type TokenKey = (Bearer, Url, String, CredentialId);

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Tokens {
    pub(in crate::registry) fn new(
        transport: Arc<Transport>,
        refused_ttl: Duration,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            transport,
            granted: remembered_tokens(),
            lookups: Lookups::default(),
            refused: RefusedLogins::new(refused_ttl),
            flights: Flights::new(tasks),
        }
    }

    /// A token that is good for now, or the refusal of it.
    pub(in crate::registry) async fn obtain(
        self: &Arc<Self>,
        request: &TokenRequest,
    ) -> Result<Grant, RegistryError> {
        let key = request.key();
        if let Some(grant) = self.lookups.count(self.remembered(&key)) {
            return Ok(grant);
        }
        let host = request.realm_host();
        self.flights
            .join(key.clone(), &host, request.deadline, || {
                let (tokens, key, request) = (Arc::clone(self), key.clone(), request.clone());
                async move {
                    // Another run may have ended between the look and the boarding.
                    match tokens.remembered(&key) {
                        Some(grant) => Ok(grant),
                        None => tokens.fetch(key, &request).await,
                    }
                }
            })
            .await
    }

    /// Takes a token out of use, unless it has been replaced already.
    pub(in crate::registry) fn withdraw(&self, request: &TokenRequest, token: &Token) {
        let key = request.key();
        if self
            .granted
            .get(&key)
            .is_some_and(|current| current.header == token.header)
        {
            self.granted.invalidate(&key);
        }
    }

    /// What is held now.
    pub(in crate::registry) fn reading(&self) -> CacheReading {
        self.granted.run_pending_tasks();
        let bytes = Some((self.granted.weighted_size(), limits::TOKEN_CACHE_BYTES));
        self.lookups
            .reading("tokens", self.granted.entry_count(), bytes)
    }

    /// The logins that were refused, here and by registries themselves.
    pub(in crate::registry) fn refused(&self) -> &RefusedLogins {
        &self.refused
    }

    fn remembered(&self, key: &TokenKey) -> Option<Grant> {
        if let Some(token) = self.granted.get(key)
            && Instant::now() < token.until
        {
            return Some(Grant::Token(token));
        }
        let (bearer, _, repository, credential) = key;
        let status = self.refused.status(bearer, *credential, repository)?;
        let host = authority(&bearer.realm);
        Some(Grant::Refused { host, status })
    }

    async fn fetch(&self, key: TokenKey, request: &TokenRequest) -> Result<Grant, RegistryError> {
        let (bearer, _, repository, credential) = &key;
        let entered = self.refused.enter(bearer, *credential, request.deadline);
        let _pass = entered.await.ok_or_else(|| RegistryError::Deadline {
            host: request.realm_host(),
        })?;
        // Others may have been refused with this login while this one waited.
        if let Some(grant) = self.remembered(&key) {
            return Ok(grant);
        }
        let form = request.form();
        let call = Call {
            method: if form.is_some() {
                Method::POST
            } else {
                Method::GET
            },
            url: request.url(),
            accept: "application/json",
            authorization: request.credential.as_ref().and_then(basic),
            form,
            client: request.client,
            body_limit: limits::TOKEN_BYTES,
            what: "the token",
            registry: &request.registry_name,
            deadline: request.deadline,
        };
        let answer = self.transport.send(&call).await?;
        let host = request.realm_host();
        match answer.status.as_u16() {
            200 => {}
            // 400 is how OAuth services refuse what is exchanged.
            status @ (400 | 401 | 403) if status != 400 || call.form.is_some() => {
                self.refused.keep(bearer, *credential, repository, status);
                return Ok(Grant::Refused { host, status });
            }
            status => {
                let detail = format!("answered {status} instead of a token");
                return Err(if answer.status.is_server_error() {
                    RegistryError::Unavailable { host, detail }
                } else {
                    RegistryError::Unusable { host, detail }
                });
            }
        }
        let Some(token) = Token::parse(&answer.body) else {
            let detail = "answered something else than a token".to_owned();
            return Err(RegistryError::Unusable { host, detail });
        };
        let token = Arc::new(token);
        self.refused.keep_let_in(bearer, *credential, repository);
        self.granted.insert(key, Arc::clone(&token));
        Ok(Grant::Token(token))
    }
}

impl TokenRequest {
    fn key(&self) -> TokenKey {
        let credential = match &self.credential {
            Some(credential) => CredentialId::of(credential),
            None => CredentialId::ANONYMOUS,
        };
        let registry = self.registry.clone();
        (
            self.bearer.clone(),
            registry,
            self.repository.clone(),
            credential,
        )
    }

    fn realm_host(&self) -> String {
        authority(&self.bearer.realm)
    }

    fn scope(&self) -> String {
        format!("repository:{}:pull", self.repository)
    }

    /// The exchange of an identity token, when that is what there is.
    fn form(&self) -> Option<Secret> {
        let token = self.credential.as_ref()?.identity_token()?;
        Some(encode(&[
            ("grant_type", "refresh_token"),
            (
                "service",
                self.bearer.service.as_deref().unwrap_or_default(),
            ),
            ("client_id", "assay"),
            ("scope", &self.scope()),
            ("refresh_token", token.reveal()),
        ]))
    }

    fn url(&self) -> Url {
        let mut url = self.bearer.realm.clone();
        if self
            .credential
            .as_ref()
            .is_some_and(|one| one.identity_token().is_some())
        {
            return url;
        }
        let scope = self.scope();
        let mut query = url.query_pairs_mut();
        if let Some(service) = &self.bearer.service {
            query.append_pair("service", service);
        }
        query.append_pair("scope", &scope);
        drop(query);
        url
    }
}

impl Token {
    fn parse(body: &[u8]) -> Option<Self> {
        let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
        let text = answer
            .token
            .filter(|token| !token.is_empty())
            .or(answer.access_token)?;
        let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let mut header = HeaderValue::try_from(format!("Bearer {text}")).ok()?;
        header.set_sensitive(true);
        let life = answer
            .expires_in
            .map_or(limits::TOKEN_TTL, Duration::from_secs);
        let life = life.min(limits::MAX_TOKEN_TTL);
        let granted = Instant::now();
        is_plain.then(|| Self {
            header,
            granted,
            until: granted + life.saturating_sub(limits::TOKEN_MARGIN.min(life / 2)),
        })
    }
}

/// Bounded in bytes, because a token may have any length up to that of its answer.
fn remembered_tokens() -> Cache<TokenKey, Arc<Token>> {
    Cache::builder()
        .max_capacity(limits::TOKEN_CACHE_BYTES)
        .weigher(
            |(bearer, registry, repository, _): &TokenKey, token: &Arc<Token>| {
                let service = bearer.service.as_deref().unwrap_or_default();
                let texts = [
                    bearer.realm.as_str(),
                    service,
                    registry.as_str(),
                    repository,
                ];
                let texts: usize = texts.iter().map(|text| text.len()).sum();
                let bytes = ENTRY_BYTES + texts + token.header.len();
                u32::try_from(bytes).unwrap_or(u32::MAX)
            },
        )
        .time_to_live(limits::MAX_TOKEN_TTL)
        .build()
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// The host, and the port where it is not the usual one.
pub(in crate::registry) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// About what the cache keeps of an entry beside its texts.
const ENTRY_BYTES: usize = 512;
