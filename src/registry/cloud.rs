//! The identity that a cloud gives to Assay, with which registries of that cloud are read: ECR, GAR, GCR, ACR.
//!
//! Such a login is good for hours. It is asked for when a registry first wants one, kept in memory and replaced before its
//! end. What it is asked with comes from the environment alone, and it is sent to registries of that cloud alone.

mod aws;
mod azure;
mod error;
mod google;
mod host;
mod http;
mod settings;
mod sigv4;
#[cfg(test)]
mod tests;

pub(super) use error::IdentityError;
pub(super) use host::CloudHost;
pub use settings::CloudSettings;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use ::http::Method;
use moka::sync::Cache;
use rand::Rng as _;
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use url::Url;

use self::http::CloudClient;
use super::{
    ClientError, Credential, RegistryError, Secret,
    behalf::Behalf,
    cache::Timed,
    flight::{Flights, Passenger, lock},
    terms::Terms,
    transport::{Answer, Call, Failure, Transport},
};
use crate::{image::RegistryHost, limits};

/// The identities in use.
#[derive(Debug)]
pub(super) struct Clouds {
    settings: CloudSettings,
    client: CloudClient,
    transport: Arc<Transport>,
    slots: Cache<CloudHost, Arc<Slot>>,
    flights: Flights<CloudHost, Outcome>,
    tasks: TaskTracker,
}

/// How the registry that is read is reached itself, for the cloud whose registries hand out their logins.
#[derive(Clone, Debug)]
pub(super) struct RegistryWay {
    pub(super) base: Url,
    /// The registry as images name it.
    pub(super) name: String,
    /// How it is asked.
    pub(super) terms: Terms,
}

/// What a cloud hands out.
#[derive(Debug)]
struct Granted {
    username: String,
    password: Secret,
    /// How long it is good, where that is said.
    life: Option<Duration>,
}

/// What is known of one login.
#[derive(Debug)]
struct Slot {
    state: Mutex<State>,
    /// One permit: taken by who replaces a login that is still good.
    refresh: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct State {
    login: Option<Held>,
    failure: Option<Timed<IdentityError>>,
}

#[derive(Clone, Debug)]
struct Held {
    credential: Arc<Credential>,
    granted: Instant,
    /// From when on it is to be replaced.
    due: Instant,
    until: Instant,
}

enum Look {
    Good(Arc<Credential>),
    /// Good still, and to be replaced.
    Due(Arc<Credential>),
    Failed(IdentityError),
    Nothing,
}

type Outcome = Result<Arc<Credential>, IdentityError>;

impl Clouds {
    pub(super) fn new(transport: Arc<Transport>, tasks: TaskTracker) -> Result<Self, ClientError> {
        let options = &transport.options;
        Ok(Self {
            settings: options.cloud.clone(),
            client: CloudClient::new(options)?,
            transport,
            slots: remembered(),
            flights: Flights::new(tasks.clone()),
            tasks,
        })
    }

    /// The cloud this registry belongs to, when there may be an identity for it.
    pub(super) fn place_of(&self, host: &RegistryHost) -> Option<CloudHost> {
        let place = CloudHost::of(host)?;
        let is_known = match &place {
            CloudHost::Ecr(_) => self.settings.aws.is_some(),
            CloudHost::Gar | CloudHost::Gcr => self.settings.google.is_some(),
            CloudHost::Acr(_) => self.settings.azure.is_some(),
        };
        is_known.then_some(place)
    }

    /// The login for these registries, or why there is none. Callers who come while it is asked for share the answer.
    pub(super) async fn login(
        self: &Arc<Self>,
        place: &CloudHost,
        way: &RegistryWay,
        deadline: Instant,
    ) -> Result<Outcome, RegistryError> {
        let slot = self.slots.get_with(place.clone(), Arc::default);
        match slot.look() {
            Look::Good(credential) => return Ok(Ok(credential)),
            Look::Due(credential) => {
                self.refresh(place, way, &slot);
                return Ok(Ok(credential));
            }
            Look::Failed(error) => return Ok(Err(error)),
            Look::Nothing => {}
        }
        let passenger = Passenger {
            host: way.name.clone(),
            namespace: None,
            deadline,
        };
        let outcome = self.flights.join(place.clone(), &passenger, || {
            let (clouds, place, way) = (Arc::clone(self), place.clone(), way.clone());
            let slot = Arc::clone(&slot);
            async move {
                // Another run may have ended between the look and the boarding.
                Ok(match slot.look() {
                    Look::Good(credential) | Look::Due(credential) => Ok(credential),
                    Look::Failed(error) => Err(error),
                    Look::Nothing => clouds.fetch(&place, &way, &slot).await,
                })
            }
        });
        outcome.await
    }

    /// Hears that a registry has refused this login: one that is not new is replaced with the next use.
    ///
    /// It goes on until then: most often the repository is one of others, and any Pod may name such.
    pub(super) fn doubt(&self, place: &CloudHost, credential: &Credential) {
        if let Some(slot) = self.slots.get(place)
            && let Some(held) = &mut lock(&slot.state).login
            && *held.credential == *credential
            && held.granted.elapsed() >= limits::DOUBTED_IDENTITY_AGE
        {
            held.due = Instant::now();
        }
    }

    /// Replaces a login that is still good, unless somebody does already. Should that fail, the old one goes on.
    fn refresh(self: &Arc<Self>, place: &CloudHost, way: &RegistryWay, slot: &Arc<Slot>) {
        let Ok(permit) = Arc::clone(&slot.refresh).try_acquire_owned() else {
            return;
        };
        let (clouds, place, way) = (Arc::clone(self), place.clone(), way.clone());
        let slot = Arc::clone(slot);
        let run = async move {
            let _ = clouds.fetch(&place, &way, &slot).await;
            drop(permit);
        };
        self.tasks.spawn(run.in_current_span());
    }

    async fn fetch(&self, place: &CloudHost, way: &RegistryWay, slot: &Slot) -> Outcome {
        let outcome = self.ask(place, way).await;
        if let Err(error) = &outcome {
            let registries = place.name();
            if *error == IdentityError::Absent {
                tracing::debug!(registries, "no workload identity");
            } else {
                tracing::warn!(registries, %error, "the workload identity could not be had");
            }
        }
        slot.keep(place, outcome)
    }

    async fn ask(&self, place: &CloudHost, way: &RegistryWay) -> Result<Granted, IdentityError> {
        let Self {
            settings, client, ..
        } = self;
        match place {
            CloudHost::Ecr(region) => match &settings.aws {
                Some(aws) => aws::login(client, aws, region, settings.clock.now()).await,
                None => Err(IdentityError::Absent),
            },
            CloudHost::Gar | CloudHost::Gcr => match &settings.google {
                Some(google) => google::login(client, google).await,
                None => Err(IdentityError::Absent),
            },
            CloudHost::Acr(registry) => match &settings.azure {
                Some(azure) => {
                    let exchange = |path, form| self.post(way, path, form);
                    azure::login(client, azure, registry, exchange).await
                }
                None => Err(IdentityError::Absent),
            },
        }
    }

    /// Posts a form to the registry itself.
    async fn post(
        &self,
        way: &RegistryWay,
        path: &'static str,
        form: Secret,
    ) -> Result<Answer, Failure> {
        let mut url = way.base.clone();
        url.set_path(path);
        let behalf = Behalf::of_all();
        let call = Call {
            method: Method::POST,
            url,
            accept: "application/json",
            authorization: None,
            form: Some(form),
            terms: way.terms.clone(),
            body_limit: limits::IDENTITY_ANSWER_BYTES,
            what: "the token",
            registry: &way.name,
            behalf: &behalf,
            deadline: Instant::now() + limits::IDENTITY_ANSWER_TIMEOUT,
        };
        self.transport.send(&call).await
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            refresh: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Slot {
    fn look(&self) -> Look {
        let state = lock(&self.state);
        let now = Instant::now();
        let failure = state.failure.as_ref().and_then(Timed::current);
        match (&state.login, failure) {
            (Some(held), None) if now >= held.due && now < held.until => {
                Look::Due(Arc::clone(&held.credential))
            }
            (Some(held), _) if now < held.until => Look::Good(Arc::clone(&held.credential)),
            (_, Some(error)) => Look::Failed(error),
            (_, None) => Look::Nothing,
        }
    }

    fn keep(&self, place: &CloudHost, outcome: Result<Granted, IdentityError>) -> Outcome {
        let mut state = lock(&self.state);
        match outcome {
            Ok(granted) => {
                let held = Held::new(place, granted);
                let credential = Arc::clone(&held.credential);
                *state = State {
                    login: Some(held),
                    failure: None,
                };
                Ok(credential)
            }
            Err(error) => {
                state.failure = Some(Timed::new(error.clone(), error.ttl()));
                Err(error)
            }
        }
    }
}

impl Held {
    fn new(place: &CloudHost, granted: Granted) -> Self {
        let life = granted.life.unwrap_or(limits::IDENTITY_TTL);
        let life = life.min(limits::MAX_IDENTITY_TTL);
        let now = Instant::now();
        // Replicas that started together are not to come back together.
        let share = rand::rng().random_range(0.75..0.85);
        Self {
            credential: Arc::new(Credential {
                origin: place.origin(),
                username: granted.username,
                password: granted.password,
            }),
            granted: now,
            due: now + life.mul_f64(share),
            until: now + life.saturating_sub(limits::IDENTITY_MARGIN.min(life / 10)),
        }
    }
}

/// One slot for each region and each registry that hands out logins of its own: images choose which.
fn remembered() -> Cache<CloudHost, Arc<Slot>> {
    Cache::new(limits::IDENTITIES)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
