//! One request with one credential: meet the challenge, send, and once more when the answer says why not.

use std::sync::Arc;

use http::{HeaderValue, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::{
    Ask, Session,
    candidate::{Candidate, Trust},
};
use crate::{
    image::RegistryHost,
    limits,
    registry::{
        Credential, CredentialId, RegistryError,
        auth::{
            Barred, Bearer, Challenge, Grant, Pass, Presented, Proof, Token, TokenRequest,
            authority, basic, may_receive_credentials,
        },
        cloud::IdentityError,
        credentials::Asker,
        transport::{Answer, Failure},
    },
};

/// What came of one credential.
#[derive(Debug)]
pub(super) enum Attempt {
    /// An answer that has nothing to do with authorisation.
    Answered(Answer),
    /// No access.
    Refused(Refusal),
    /// Nothing was sent: the cloud has no login for Assay.
    Without(IdentityError),
}

/// Who refused access, and how.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) host: String,
    pub(super) status: u16,
    pub(super) sent: Sent,
}

/// Whether a login was presented.
#[derive(Clone, Debug)]
pub(super) enum Sent {
    Yes,
    /// This token service was not trusted with it.
    Withheld {
        from: String,
    },
    /// The registry wants none, or says so in no way that is known.
    NotAsked,
    /// The registry wants a password, which it is not.
    Unfit,
    /// Who was asked has refused too many others.
    Held {
        by: String,
    },
}

/// What goes into the `Authorization` header.
enum Authorization {
    Nothing,
    Password {
        header: HeaderValue,
        credential: CredentialId,
        /// Kept until the answer is there.
        pass: Pass,
    },
    Token {
        token: Arc<Token>,
        request: Box<TokenRequest>,
        sent: Sent,
    },
}

impl Refusal {
    /// By this host, of a login that was sent so when it was refused.
    fn of(why: Barred, host: String, sent: Sent) -> Self {
        match why {
            Barred::Refused(status) => Self { host, status, sent },
            Barred::Held(status) => Self {
                sent: Sent::Held { by: host.clone() },
                host,
                status,
            },
        }
    }

    /// The credential as the message lists it.
    pub(super) fn tried(&self, origin: Option<&str>) -> Option<String> {
        let origin = origin?;
        Some(match &self.sent {
            Sent::Yes => origin.to_owned(),
            Sent::Withheld { from } => {
                format!(
                    "{origin} (not sent to {from}, which is not known to belong to the registry)"
                )
            }
            Sent::NotAsked => {
                format!("{origin} (not sent: the registry asks for no login that Assay knows)")
            }
            Sent::Unfit => {
                format!("{origin} (not sent: the registry takes user name and password only)")
            }
            Sent::Held { by } => {
                let minutes = limits::NEW_LOGINS_WINDOW.as_secs() / 60;
                format!(
                    "{origin} (not sent for up to {minutes} min: {by} has refused too many logins)"
                )
            }
        })
    }
}

impl Session {
    /// Sends a request with this login. Asks for a fresh token once when an old one is
    /// refused, and meets another challenge once when the registry has changed its mind.
    pub(super) async fn attempt(
        &self,
        ask: &Ask,
        candidate: &Candidate,
    ) -> Result<Attempt, Failure> {
        let started = Instant::now();
        let mut is_last = false;
        // Others' images may be met with other challenges, so that the one that was presented is kept here too.
        let mut challenge = self.host.challenge().unwrap_or(Challenge::Open);
        loop {
            let credential = match self.credential_of(candidate, &challenge).await? {
                Ok(credential) => credential,
                Err(error) => return Ok(Attempt::Without(error)),
            };
            let credential = credential.as_deref();
            let authorization = match self.authorize(&challenge, credential, candidate).await? {
                Ok(authorization) => authorization,
                Err(refusal) => {
                    self.doubt(candidate, credential);
                    return Ok(Attempt::Refused(refusal));
                }
            };
            let call = self.call(ask, authorization.header());
            let answer = self.core.transport.send(&call).await?;
            let status = answer.status.as_u16();
            if answer.is_redirected || !matches!(status, 401 | 403) {
                self.keep_let_in_login(&authorization, status);
                return Ok(Attempt::Answered(answer));
            }
            let is_told = status == 401 || challenge == Challenge::Open;
            let presented = if is_told {
                self.challenge_of(&answer).await
            } else {
                None
            };
            let other = presented.filter(|presented| *presented != challenge);
            if is_last || !(other.is_some() || authorization.is_older_than(started)) {
                let sent = authorization.sent();
                self.keep_refused_login(authorization, status).await;
                self.doubt(candidate, credential);
                return Ok(Attempt::Refused(Refusal {
                    host: answer.host,
                    status,
                    sent,
                }));
            }
            is_last = true;
            if let Authorization::Token { token, request, .. } = &authorization {
                self.core.tokens.withdraw(request, token);
            }
            if let Some(other) = other {
                self.host.learn_challenge(other.clone());
                challenge = other;
            }
        }
    }

    async fn authorize(
        &self,
        challenge: &Challenge,
        credential: Option<&Credential>,
        candidate: &Candidate,
    ) -> Result<Result<Authorization, Refusal>, RegistryError> {
        match challenge {
            Challenge::Open => Ok(Ok(Authorization::Nothing)),
            Challenge::Basic => self.authorize_basic(credential, &candidate.asker()).await,
            // What not every request does has a place of its own, so that no request has to have room for it.
            Challenge::Bearer(bearer) => {
                Box::pin(self.authorize_by_token(bearer, credential, candidate)).await
            }
        }
    }

    async fn authorize_basic(
        &self,
        credential: Option<&Credential>,
        asker: &Asker,
    ) -> Result<Result<Authorization, Refusal>, RegistryError> {
        let Some(credential) = credential else {
            return Ok(Ok(Authorization::Nothing));
        };
        let Some(header) = basic(credential) else {
            return Ok(Err(Refusal {
                host: self.host_name(),
                status: 401,
                sent: Sent::Unfit,
            }));
        };
        let (service, credential) = (self.as_service(), CredentialId::of(credential));
        let presented = self.presented(&service, credential);
        let refused_logins = self.core.tokens.refused();
        let entered = refused_logins.enter(&presented, asker, self.deadline);
        let entered = entered.await.ok_or_else(|| self.deadline_error())?;
        Ok(entered
            .map_err(|why| Refusal::of(why, self.host_name(), Sent::Yes))
            .map(|pass| Authorization::Password {
                header,
                credential,
                pass,
            }))
    }

    async fn authorize_by_token(
        &self,
        bearer: &Bearer,
        credential: Option<&Credential>,
        candidate: &Candidate,
    ) -> Result<Result<Authorization, Refusal>, RegistryError> {
        let realm = &bearer.realm;
        if realm.scheme() != "https" && !self.is_plain {
            let service = authority(realm);
            return Err(self.unusable(format!(
                "wants a token from {service} over plain HTTP, which is not allowed"
            )));
        }
        let is_trusted = match candidate.trust() {
            Trust::House => may_receive_credentials(&self.base, realm) || self.is_named(realm),
            Trust::Host => self.base.host() == realm.host(),
        };
        let sent = if credential.is_some() && !is_trusted {
            let from = authority(realm);
            Sent::Withheld { from }
        } else {
            Sent::Yes
        };
        let request = TokenRequest {
            registry: self.base.clone(),
            registry_name: self.repository.host().registry().to_owned(),
            bearer: bearer.clone(),
            repository: self.repository.path().to_owned(),
            credential: credential.filter(|_| is_trusted).cloned(),
            asker: candidate.asker(),
            behalf: self.behalf.clone(),
            terms: if realm.origin() == self.base.origin() {
                self.terms.clone()
            } else if self.is_named(realm) {
                self.terms.of_named_token_service(realm)
            } else {
                self.terms.of_token_service(realm)
            },
            deadline: self.deadline,
        };
        match self.core.tokens.obtain(&request).await? {
            Grant::Token(token) => Ok(Ok(Authorization::Token {
                token,
                request: Box::new(request),
                sent,
            })),
            Grant::Barred { host, why } => Ok(Err(Refusal::of(why, host, sent))),
        }
    }

    /// Whether the settings name this token service for these repositories.
    fn is_named(&self, realm: &Url) -> bool {
        let named = self.token_service.as_ref().map(RegistryHost::registry);
        named.is_some_and(|named| named == authority(realm))
    }

    /// The registry itself, where it takes logins without a token service.
    fn as_service(&self) -> Bearer {
        Bearer {
            realm: self.base.clone(),
            service: None,
        }
    }

    fn presented<'a>(&'a self, service: &'a Bearer, credential: CredentialId) -> Presented<'a> {
        Presented {
            service,
            credential,
            repository: self.repository.path(),
        }
    }

    /// A password that the registry itself has let in.
    fn keep_let_in_login(&self, authorization: &Authorization, status: u16) {
        if let (Authorization::Password { credential, .. }, 200..=399 | 404) =
            (authorization, status)
        {
            let service = self.as_service();
            let presented = self.presented(&service, *credential);
            self.core.tokens.refused().keep_let_in(&presented);
        }
    }

    /// A password refused by the registry itself is not sent again and again. 403 may mean it as well, as ECR does.
    async fn keep_refused_login(&self, authorization: Authorization, status: u16) {
        if let (
            Authorization::Password {
                header,
                credential,
                pass,
            },
            401 | 403,
        ) = (authorization, status)
        {
            let service = self.as_service();
            let presented = self.presented(&service, credential);
            let refused = self.core.tokens.refused();
            let proof = self.prove(header);
            refused
                .keep(&presented, status, pass, self.deadline, proof)
                .await;
        }
    }

    /// Whether the registry lets a password in that it has refused a repository.
    async fn prove(&self, header: HeaderValue) -> Proof {
        match self.ask_root(Some(header)).await {
            Ok(answer) if answer.is_redirected => Proof::Untold,
            Ok(answer) if answer.status.is_success() => Proof::LetIn,
            Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => Proof::Refused,
            Ok(answer) if answer.status == StatusCode::FORBIDDEN => self.prove_forbidden().await,
            Ok(_) | Err(_) => Proof::Untold,
        }
    }

    /// What the root's 403 to a password says of it: it is wrong where who has none is told to bring one. Some shut their
    /// root to all.
    async fn prove_forbidden(&self) -> Proof {
        match self.ask_root(None).await {
            Ok(answer) if answer.is_redirected => Proof::Untold,
            Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => Proof::Refused,
            Ok(_) | Err(_) => Proof::Untold,
        }
    }
}

impl Authorization {
    fn header(&self) -> Option<HeaderValue> {
        match self {
            Self::Nothing => None,
            Self::Password { header, .. } => Some(header.clone()),
            Self::Token { token, .. } => Some(token.header.clone()),
        }
    }

    /// Whether it is a token from before: rights may have changed since.
    fn is_older_than(&self, start: Instant) -> bool {
        match self {
            Self::Nothing | Self::Password { .. } => false,
            Self::Token { token, .. } => token.granted < start,
        }
    }

    fn sent(&self) -> Sent {
        match self {
            Self::Nothing => Sent::NotAsked,
            Self::Password { .. } => Sent::Yes,
            Self::Token { sent, .. } => sent.clone(),
        }
    }
}
