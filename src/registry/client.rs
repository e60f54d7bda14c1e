//! The one real [`Registry`]: over HTTP, by the OCI distribution specification.

use std::{collections::BTreeSet, pin::pin, sync::Arc};

use arc_swap::ArcSwap;
use futures::future::{BoxFuture, Either, ready, select};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{
    Access, Attachment, Registry, RegistryError, RegistryOptions, RegistrySettings, Search, Wanted,
    auth::Tokens,
    budget::Budget,
    cache::{Caches, ContentsKey, DigestKey, Looked, PlaceKey, TagKey},
    caller::Caller,
    cloud::Clouds,
    contents,
    discovery::Probed,
    flight::Flights,
    host::Hosts,
    manifest::{ANY_MANIFEST, ManifestError, is_schema_one},
    passage::Circuits,
    session::{Ask, Session, unexpected},
    terms::Setup,
    tls::ClientError,
    transport::{Answer, Failure, Transport},
};
use crate::{
    image::{Contents, Digest, Part, Reference, Repository, SignaturePlaces, Tag},
    limits,
    telemetry::{CacheReading, CacheSource},
};

/// Reads registries over HTTP. Cheap to clone; all clones share connections, tokens and caches.
#[derive(Clone, Debug)]
pub struct OciRegistry {
    core: Arc<Core>,
}

/// What all requests share.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) transport: Arc<Transport>,
    pub(super) tokens: Arc<Tokens>,
    pub(super) clouds: Arc<Clouds>,
    pub(super) caches: Caches,
    pub(super) place_flights: Flights<PlaceKey, Looked>,
    tag_flights: Flights<TagKey, Digest>,
    children_flights: Flights<DigestKey, Arc<[Digest]>>,
    contents_flights: Flights<ContentsKey, Arc<Contents>>,
}

impl OciRegistry {
    /// A reader of registries; work that callers share runs on `tasks`.
    ///
    /// # Errors
    ///
    /// When the certificates of the settings cannot be used.
    pub fn new(
        settings: RegistrySettings,
        options: RegistryOptions,
        tasks: &TaskTracker,
    ) -> Result<Self, ClientError> {
        let transport = Arc::new(Transport {
            setup: ArcSwap::from_pointee(Setup::new(settings, &options)?),
            hosts: Hosts::new(options.registry_facts_ttl),
            circuits: Circuits::new(),
            budget: Budget::new(options.held_bytes),
            tasks: tasks.clone(),
            options: options.clone(),
        });
        let refused_ttl = options.refused_login_ttl;
        let tokens = Tokens::new(Arc::clone(&transport), refused_ttl, tasks.clone());
        let clouds = Clouds::new(Arc::clone(&transport), tasks.clone())?;
        Ok(Self {
            core: Arc::new(Core {
                transport,
                tokens: Arc::new(tokens),
                clouds: Arc::new(clouds),
                caches: Caches::new(options),
                place_flights: Flights::new(tasks.clone()),
                tag_flights: Flights::new(tasks.clone()),
                children_flights: Flights::new(tasks.clone()),
                contents_flights: Flights::new(tasks.clone()),
            }),
        })
    }

    /// The settings by which registries are read now.
    pub fn settings(&self) -> Arc<RegistrySettings> {
        Arc::clone(&self.core.transport.setup.load().settings)
    }

    /// Reads registries by other settings from the next look on. What has begun goes on by the old ones; connections stay
    /// where the settings of their registry do, and so does what is known of registries.
    ///
    /// # Errors
    ///
    /// As [`Self::new`]; the old settings stay in force.
    pub fn replace_settings(&self, settings: RegistrySettings) -> Result<(), ClientError> {
        let transport = &self.core.transport;
        let replaced = transport
            .setup
            .load()
            .replaced(settings, &transport.options)?;
        let replaced = Arc::new(replaced);
        transport.setup.store(Arc::clone(&replaced));
        transport.circuits.retain(|id| replaced.trusts(id));
        Ok(())
    }

    fn caller<'a>(&'a self, repository: &'a Repository, access: &'a Access) -> Caller<'a> {
        Caller::new(&self.core, repository, access)
    }

    async fn resolve_tag(&self, caller: Caller<'_>, tag: Tag) -> Result<Digest, RegistryError> {
        let key = caller.tag_key(&tag);
        let session = caller.open()?;
        session.asked.note();
        let passenger = session.passenger();
        self.core
            .tag_flights
            .join(key.clone(), &passenger, || {
                let (session, key, tag) = (Arc::clone(&session), key.clone(), tag.clone());
                async move {
                    // Another run may have ended between the look and the boarding.
                    if let Some(digest) = session.core.caches.tag_again(&key) {
                        return Ok(digest);
                    }
                    let digest = session.resolve(&tag).await?;
                    session.core.caches.keep_tag(key, digest.clone());
                    Ok(digest)
                }
            })
            .await
    }

    async fn list_children(
        &self,
        repository: &Repository,
        digest: &Digest,
        access: &Access,
    ) -> Result<Vec<Digest>, RegistryError> {
        let caller = self.caller(repository, access);
        let key = caller.digest_key(digest);
        if let Some(children) = self.core.caches.children(&key) {
            return Ok(children.to_vec());
        }
        let session = caller.open()?;
        session.asked.note();
        let passenger = session.passenger();
        let children = self
            .core
            .children_flights
            .join(key.clone(), &passenger, || {
                let (session, key, digest) = (Arc::clone(&session), key.clone(), digest.clone());
                async move {
                    // Another run may have ended between the look and the boarding.
                    if let Some(children) = session.core.caches.children_again(&key) {
                        return Ok(children);
                    }
                    let children = session.children(&digest).await?;
                    session
                        .core
                        .caches
                        .keep_children(key, Arc::clone(&children));
                    Ok(children)
                }
            })
            .await?;
        Ok(children.to_vec())
    }

    async fn read_contents(
        &self,
        repository: &Repository,
        digest: &Digest,
        parts: &BTreeSet<Part>,
        access: &Access,
    ) -> Result<Arc<Contents>, RegistryError> {
        let caller = self.caller(repository, access);
        let key = (caller.digest_key(digest), parts.clone());
        if let Some(contents) = self.core.caches.contents(&key) {
            return Ok(contents);
        }
        let session = caller.open()?;
        session.asked.note();
        let passenger = session.passenger();
        self.core
            .contents_flights
            .join(key.clone(), &passenger, || {
                let (session, key) = (Arc::clone(&session), key.clone());
                async move {
                    // Another run may have ended between the look and the boarding.
                    if let Some(contents) = session.core.caches.contents_again(&key) {
                        return Ok(contents);
                    }
                    let ((_, digest, _), parts) = &key;
                    let contents = contents::read(session.as_ref(), digest, parts).await?;
                    let contents = contents.ok_or_else(|| session.no_image(digest))?;
                    let contents = Arc::new(contents);
                    session
                        .core
                        .caches
                        .keep_contents(key, Arc::clone(&contents));
                    Ok(contents)
                }
            })
            .await
    }
}

impl CacheSource for OciRegistry {
    fn read_caches(&self) -> Vec<CacheReading> {
        let mut readings = self.core.caches.read();
        readings.push(self.core.tokens.reading());
        readings
    }
}

impl Registry for OciRegistry {
    fn signature_places(&self, repository: &Repository) -> SignaturePlaces {
        self.settings().signature_places(repository)
    }

    fn resolve<'a>(
        &'a self,
        image: &'a Reference,
        access: &'a Access,
    ) -> BoxFuture<'a, Result<Digest, RegistryError>> {
        // What is known is answered at once: a future that asks a registry is large.
        if let Some(digest) = image.digest() {
            return Box::pin(ready(Ok(digest.clone())));
        }
        let caller = self.caller(image.repository(), access);
        let tag = image.tag_or_latest();
        match self.core.caches.tag(&caller.tag_key(&tag)) {
            Some(digest) => Box::pin(ready(Ok(digest))),
            None => Box::pin(self.resolve_tag(caller, tag)),
        }
    }

    fn attachments<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
        wanted: Wanted,
        search: Search,
        access: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<[Attachment]>, RegistryError>> {
        let caller = self.caller(repository, access);
        match caller.known(digest, wanted, search) {
            Some(known) => Box::pin(ready(Ok(known))),
            None => Box::pin(async move { caller.open()?.look(digest, wanted, search).await }),
        }
    }

    fn children<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
        access: &'a Access,
    ) -> BoxFuture<'a, Result<Vec<Digest>, RegistryError>> {
        Box::pin(self.list_children(repository, digest, access))
    }

    fn contents<'a>(
        &'a self,
        repository: &'a Repository,
        digest: &'a Digest,
        parts: &'a BTreeSet<Part>,
        access: &'a Access,
    ) -> BoxFuture<'a, Result<Arc<Contents>, RegistryError>> {
        Box::pin(self.read_contents(repository, digest, parts, access))
    }
}

impl Session {
    /// Resolves a tag with the cheapest request.
    async fn resolve(&self, tag: &Tag) -> Result<Digest, RegistryError> {
        let ask = self.ask_head(tag.as_str());
        let answer = if let Some(answer) = self.introduce(&ask).await? {
            answer
        } else {
            let (answer, probed) = Box::pin(self.send_and_probe(&ask)).await?;
            if let Some(probed) = probed {
                self.believe(&probed, &answer);
            }
            answer
        };
        let not_found = || RegistryError::NotFound {
            host: self.host_name(),
            what: format!("{}:{}", self.repository.path(), tag.as_str()),
        };
        match answer.status.as_u16() {
            200 => {
                if is_schema_one(&answer.media_type().unwrap_or_default()) {
                    return Err(self.unusable(ManifestError::SchemaOne.to_string()));
                }
                if let Some(digest) = self.announced_digest(&answer.headers)? {
                    return Ok(digest);
                }
            }
            404 => return Err(not_found()),
            // Some registries know no HEAD.
            400 | 405 | 501 => {}
            _ => return Err(unexpected(&answer)),
        }
        let fetching = Box::pin(self.fetch_digest(tag.as_str()));
        fetching.await?.ok_or_else(not_found)
    }

    /// Finds out beside a request whether there is a referrers API, which the next step wants to know. What is asked for
    /// does not wait long for that.
    async fn send_and_probe(&self, ask: &Ask) -> Result<(Answer, Option<Probed<'_>>), Failure> {
        let (sending, probing) = (pin!(self.send(ask)), Box::pin(self.probe_referrers_api()));
        match select(sending, probing).await {
            Either::Left((answer, probing)) => {
                let answer = answer?;
                let probed = timeout(limits::PROBE_PATIENCE, probing).await;
                Ok((answer, probed.unwrap_or(None)))
            }
            Either::Right((probed, sending)) => Ok((sending.await?, probed)),
        }
    }

    /// The digests an index lists, but for buildx's attestations, which are no images.
    async fn children(&self, digest: &Digest) -> Result<Arc<[Digest]>, RegistryError> {
        let manifest = self
            .fetch_manifest(digest.as_str(), ANY_MANIFEST, Some(digest))
            .await?
            .ok_or_else(|| self.no_image(digest))?;
        Ok(manifest.children())
    }

    pub(super) fn no_image(&self, digest: &Digest) -> RegistryError {
        RegistryError::NotFound {
            host: self.host_name(),
            what: format!("{}@{}", self.repository.path(), digest.short()),
        }
    }
}
