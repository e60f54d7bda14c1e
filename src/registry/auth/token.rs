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

use super::{
    Bearer, basic,
    refused::{Barred, Presented, Proof, RefusedLogins},
};
use crate::{
    limits,
    registry::{
        Credential, CredentialId, RegistryError, Secret,
        behalf::Behalf,
        credentials::Asker,
        flight::{Flights, Passenger},
        form::encode,
        terms::Terms,
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
    /// Each for one who asks: whose login is held is no affair of others who have the same.
    flights: Flights<(TokenKey, Asker), Grant>,
}

/// What a token service says.
#[derive(Clone, Debug)]
pub(in crate::registry) enum Grant {
    /// A token.
    Token(Arc<Token>),
    /// None, for this reason.
    Barred {
        /// The token service.
        host: String,
        /// What it has said.
        why: Barred,
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
    /// Who has it presented.
    pub(in crate::registry) asker: Asker,
    pub(in crate::registry) behalf: Behalf,
    /// How the token service is asked.
    pub(in crate::registry) terms: Terms,
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
        let passenger = Passenger {
            host: request.realm_host(),
            namespace: request.behalf.namespace.clone(),
            deadline: request.deadline,
        };
        self.flights
            .join((key.clone(), request.asker.clone()), &passenger, || {
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
        let status = self.refused.status(&presented(key))?;
        let (host, why) = (authority(&key.0.realm), Barred::Refused(status));
        Some(Grant::Barred { host, why })
    }

    async fn fetch(&self, key: TokenKey, request: &TokenRequest) -> Result<Grant, RegistryError> {
        let (presented, host) = (presented(&key), request.realm_host());
        let entered = self
            .refused
            .enter(&presented, &request.asker, request.deadline);
        let pass = match entered.await {
            Some(Ok(pass)) => pass,
            Some(Err(why)) => return Ok(Grant::Barred { host, why }),
            None => return Err(RegistryError::Deadline { host }),
        };
        // Another who asks may have got it by now.
        if let Some(grant) = self.remembered(&key) {
            return Ok(grant);
        }
        let scope = request.scope();
        let answer = self.transport.send(&request.call(Some(&scope))).await?;
        // Who has not seen a login can neither refuse it nor let it in.
        let is_unseen = request.credential.is_some() && answer.is_elsewhere;
        match answer.status.as_u16() {
            200 => {}
            status if request.is_refusal(status) && is_unseen => {
                let detail =
                    format!("answered {status} in place of {host}, whose login is not sent there");
                let host = answer.host;
                return Err(RegistryError::Unusable { host, detail });
            }
            status if request.is_refusal(status) => {
                let proof = self.prove(request);
                let kept = self
                    .refused
                    .keep(&presented, status, pass, request.deadline, proof);
                kept.await;
                let why = Barred::Refused(status);
                return Ok(Grant::Barred { host, why });
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
        if !is_unseen {
            self.refused.keep_let_in(&presented);
        }
        self.granted.insert(key, Arc::clone(&token));
        Ok(Grant::Token(token))
    }

    /// Whether the service lets a login in that it has refused a token: it is asked for one that opens nothing, which is
    /// how `docker login` asks.
    async fn prove(&self, request: &TokenRequest) -> Proof {
        if request.bearer.refuses_logins_alone() {
            return Proof::Refused;
        }
        match self.transport.send(&request.call(None)).await {
            Ok(answer) if answer.is_redirected => Proof::Untold,
            Ok(answer) if answer.status.is_success() => Proof::LetIn,
            // 400 may be about the scope that is not there.
            Ok(answer) if matches!(answer.status.as_u16(), 401 | 403) => Proof::Refused,
            Ok(_) | Err(_) => Proof::Untold,
        }
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

    /// Whether a status refuses the login: 400 is how OAuth services refuse what is exchanged.
    fn is_refusal(&self, status: u16) -> bool {
        matches!(status, 401 | 403) || (status == 400 && self.identity_token().is_some())
    }

    fn identity_token(&self) -> Option<&Secret> {
        self.credential.as_ref()?.identity_token()
    }

    /// The request for a token of this scope; without one it opens nothing.
    fn call(&self, scope: Option<&str>) -> Call<'_> {
        let form = self.identity_token().map(|token| self.form(token, scope));
        let (method, url) = match &form {
            Some(_) => (Method::POST, self.bearer.realm.clone()),
            None => (Method::GET, self.url(scope)),
        };
        Call {
            method,
            url,
            accept: "application/json",
            authorization: self.credential.as_ref().and_then(basic),
            form,
            terms: self.terms.clone(),
            body_limit: limits::TOKEN_BYTES,
            what: "the token",
            registry: &self.registry_name,
            behalf: &self.behalf,
            deadline: self.deadline,
        }
    }

    /// The exchange of an identity token.
    fn form(&self, token: &Secret, scope: Option<&str>) -> Secret {
        let service = self.bearer.service.as_deref().unwrap_or_default();
        let mut fields = vec![
            ("grant_type", "refresh_token"),
            ("service", service),
            ("client_id", "assay"),
            ("refresh_token", token.reveal()),
        ];
        fields.extend(scope.map(|scope| ("scope", scope)));
        encode(&fields)
    }

    fn url(&self, scope: Option<&str>) -> Url {
        let mut url = self.bearer.realm.clone();
        let service = self.bearer.service.as_deref();
        let parameters = [("service", service), ("scope", scope)];
        let parameters = parameters
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        url.query_pairs_mut().extend_pairs(parameters);
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

fn presented((service, _, repository, credential): &TokenKey) -> Presented<'_> {
    Presented {
        service,
        credential: *credential,
        repository,
    }
}

/// Bounded in bytes, because a token may have any length up to that of its answer.
fn remembered_tokens() -> Cache<TokenKey, Arc<Token>> {
    Cache::builder()
        .max_capacity(limits::TOKEN_CACHE_BYTES)
        .weigher(
            |(bearer, registry, repository, _): &TokenKey, token: &Arc<Token>| {
                let texts = bearer.bytes() + registry.as_str().len() + repository.len();
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
