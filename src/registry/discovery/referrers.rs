//! Referrers: by the API where there is one, by the fallback tag where there is not.

use std::{collections::BTreeSet, sync::Arc};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, Method, StatusCode, header};
use tokio::{
    sync::MutexGuard,
    time::{Instant, timeout_at},
};
use url::Url;

use super::{
    candidate::{Candidates, is_about, is_bundle},
    tag_of,
};
use crate::{
    image::Digest,
    limits,
    registry::{
        AttachmentPlace, RegistryError, Wanted,
        cache::Looked,
        host::ReferrersApi,
        manifest::{Descriptor, IMAGE_MANIFEST, Kind, Manifest, ManifestError, OCI_INDEX},
        session::{Ask, Session, unexpected},
        transport::Answer,
    },
};

/// One page of the API's answer.
enum Page {
    Listed {
        index: Box<Manifest>,
        next: Option<Url>,
    },
    /// There is no such API.
    NotOffered,
    /// It is said to be on another host, and this went wrong there.
    LeadsNowhere(RegistryError),
}

/// What a probe has found out. Whoever wants to know waits until this is dropped.
#[derive(Debug)]
pub(in crate::registry) struct Probed<'a> {
    api: ReferrersApi,
    _guard: MutexGuard<'a, ()>,
}

impl Session {
    /// Finds out whether there is a referrers API by asking for the referrers of the empty content; none when that is known
    /// or another has found it out. What goes wrong here is no error: the question is asked again with a real digest.
    pub(in crate::registry) async fn probe_referrers_api(&self) -> Option<Probed<'_>> {
        if self.host.referrers_api().is_some() {
            return None;
        }
        let Ok(guard) = self.host.probing.try_lock() else {
            // Whoever holds the lock finds out for us.
            let _ = timeout_at(self.deadline, self.host.probing.lock()).await;
            return None;
        };
        if self.host.referrers_api().is_some() {
            return None;
        }
        let url = self.referrers_url(&Digest::of(b""));
        let api = match self.referrers_page(url).await {
            Ok(Page::Listed { .. }) => ReferrersApi::Offered,
            Ok(Page::NotOffered | Page::LeadsNowhere(_)) => ReferrersApi::Absent,
            Err(error) => {
                tracing::debug!(%error, "the probe for a referrers API failed");
                return None;
            }
        };
        Some(Probed { api, _guard: guard })
    }

    /// Believes a probe of the repository for which a manifest was asked for with this answer.
    ///
    /// A repository that is not there may seem to have no API whatever the registry offers, and any Pod may name such.
    pub(in crate::registry) fn believe(&self, probed: &Probed<'_>, answer: &Answer) {
        match probed.api {
            ReferrersApi::Absent if answer.status != StatusCode::OK => {}
            api @ (ReferrersApi::Absent | ReferrersApi::Offered) => {
                self.host.learn_referrers_api(api);
            }
        }
    }

    /// What is known of the API, once a probe under way has ended. It is not waited for longer than a probe is worth: whose
    /// it is may have an image that the registry takes long for.
    pub(super) async fn known_referrers_api(&self) -> Option<ReferrersApi> {
        if self.host.referrers_api().is_none() {
            let until = self.deadline.min(Instant::now() + limits::PROBE_PATIENCE);
            drop(timeout_at(until, self.host.probing.lock()).await);
        }
        self.host.referrers_api()
    }

    pub(super) async fn referrers_by_api(
        &self,
        digest: &Digest,
        wanted: Wanted,
    ) -> Result<Looked, RegistryError> {
        let mut url = self.referrers_url(digest);
        let (mut listed, mut shares) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for _ in 0..limits::REFERRER_PAGES {
            if !seen.insert(url.clone()) {
                return Err(self.unusable("lists the same page of referrers again and again"));
            }
            let (index, next) = match self.referrers_page(url).await? {
                Page::Listed { index, next } => (*index, next),
                Page::LeadsNowhere(error) => {
                    self.host.learn_referrers_api(ReferrersApi::Absent);
                    return Ok(Looked::LeadsNowhere(Box::new(error)));
                }
                Page::NotOffered => return Ok(Looked::NotOffered),
            };
            listed.extend(index.manifests);
            // Until all that is listed has been fetched.
            shares.extend(index.share);
            let limit = limits::DESCRIPTORS_PER_INDEX;
            if listed.len() > limit {
                return Err(self.limit(format!("more than {limit} referrers are listed")));
            }
            let Some(next) = next else {
                self.host.learn_referrers_api(ReferrersApi::Offered);
                let place = AttachmentPlace::ReferrersApi;
                return self.fetch_referrers(digest, wanted, listed, place).await;
            };
            url = next;
        }
        let limit = limits::REFERRER_PAGES;
        Err(self.limit(format!("the referrers have more than {limit} pages")))
    }

    /// The fallback tag. Some registries answer it with the image itself, so it counts only when it is an index
    /// other than the image.
    pub(super) async fn referrers_by_tag(
        &self,
        digest: &Digest,
        wanted: Wanted,
    ) -> Result<Looked, RegistryError> {
        let tag = tag_of(digest);
        let accept = crate::registry::manifest::ANY_MANIFEST;
        let Some(index) = self.fetch_manifest(&tag, accept, None).await? else {
            return Ok(Looked::none());
        };
        if index.kind != Kind::OciIndex || index.digest == *digest {
            return Ok(Looked::none());
        }
        let place = AttachmentPlace::ReferrersTag;
        self.fetch_referrers(digest, wanted, index.manifests, place)
            .await
    }

    /// What is wanted of the listed manifests. A descriptor's `artifactType` is not to be relied on: it says
    /// only what to fetch first.
    async fn fetch_referrers(
        &self,
        digest: &Digest,
        wanted: Wanted,
        listed: Vec<Descriptor>,
        place: AttachmentPlace,
    ) -> Result<Looked, RegistryError> {
        let mut manifests: Vec<Descriptor> = listed
            .into_iter()
            .filter(|listed| Kind::parse(&listed.media_type).is_some_and(|kind| !kind.is_index()))
            .collect();
        manifests.sort_by_key(|listed| rank(listed, wanted));
        let limit = limits::CANDIDATES_PER_IMAGE;
        let left_out = manifests.split_off(manifests.len().min(limit));
        let mut fetched = stream::iter(manifests)
            .map(|listed| async move { self.fetch_referrer(digest, wanted, &listed).await })
            .buffered(limits::FETCHES_PER_IMAGE);
        let mut candidates = Candidates::new(place);
        let mut is_any = false;
        // One at a time, so that what is too much together is not held together.
        while let Some(manifest) = fetched.try_next().await? {
            if let Some(manifest) = manifest {
                candidates.add_layers(self, &manifest)?;
                is_any = true;
            }
        }
        drop(fetched);
        let may_miss_one = left_out
            .iter()
            .any(|listed| !is_any || rank(listed, wanted) < OTHER);
        if may_miss_one {
            let all = limit + left_out.len();
            return Err(self.limit(format!(
                "{all} referrers are attached, at most {limit} are read"
            )));
        }
        candidates.fetch(self).await
    }

    /// A listed manifest, when it is about this digest and holds what is wanted. One that is listed and gone is none, and
    /// so is one that cannot be read and says that it is something else.
    async fn fetch_referrer(
        &self,
        digest: &Digest,
        wanted: Wanted,
        listed: &Descriptor,
    ) -> Result<Option<Manifest>, RegistryError> {
        let Some(expected) = listed.digest() else {
            return if rank(listed, wanted) < OTHER {
                Err(self.lists_other_digest(listed))
            } else {
                Ok(None)
            };
        };
        let manifest = self
            .fetch_manifest(expected.as_str(), IMAGE_MANIFEST, Some(&expected))
            .await?;
        Ok(manifest.filter(|manifest| is_about(manifest, digest, wanted)))
    }

    /// The error that something cannot be read, so that nobody can say what it is.
    pub(super) fn lists_other_digest(&self, listed: &Descriptor) -> RegistryError {
        let found = listed.shown_digest();
        self.unusable(format!(
            "lists a signature by a digest that is not SHA-256 ({found})"
        ))
    }

    fn referrers_url(&self, digest: &Digest) -> Url {
        self.url(&format!("referrers/{digest}"))
    }

    async fn referrers_page(&self, url: Url) -> Result<Page, RegistryError> {
        let ask = Ask {
            method: Method::GET,
            url,
            accept: OCI_INDEX,
            body_limit: limits::MANIFEST_BYTES,
            what: "the list of referrers".to_owned(),
        };
        let answer = match self.send(&ask).await {
            Ok(answer) => answer,
            Err(failure) if failure.is_redirected && !is_deadline(&failure.error) => {
                return Ok(self.leads_nowhere(failure.error));
            }
            Err(failure) => return Err(failure.into()),
        };
        self.read_page(&ask.url, &answer)
    }

    /// GitHub's registry leads everybody to a host that not everybody reaches, and has no such API anyway.
    fn leads_nowhere(&self, error: RegistryError) -> Page {
        tracing::warn!(registry = %self.host_name(), %error, "the referrers API leads elsewhere and fails there: taken as absent");
        Page::LeadsNowhere(error)
    }

    fn read_page(&self, url: &Url, answer: &Answer) -> Result<Page, RegistryError> {
        match answer.status.as_u16() {
            200 if is_index(answer) => {}
            200 | 400 | 404 | 405 | 406 => return Ok(Page::NotOffered),
            _ if answer.is_redirected => return Ok(self.leads_nowhere(unexpected(answer))),
            _ => return Err(unexpected(answer)),
        }
        let mut index = Manifest::parse(OCI_INDEX, &answer.body).map_err(|error| match error {
            ManifestError::TooMany { .. } => self.limit(error.to_string()),
            ManifestError::Malformed { detail } => {
                self.unusable(format!("answered a malformed list of referrers ({detail})"))
            }
            ManifestError::MediaType { .. } | ManifestError::SchemaOne => {
                self.unusable(error.to_string())
            }
        })?;
        index.share = Some(Arc::clone(&answer.share));
        Ok(Page::Listed {
            index: Box::new(index),
            next: self.next_page(url, &answer.headers)?,
        })
    }

    /// Where the list goes on: never on another host or in another part of the registry.
    ///
    /// A registry behind a proxy may not know its own scheme and port, so only the query of the link is taken.
    fn next_page(&self, url: &Url, headers: &HeaderMap) -> Result<Option<Url>, RegistryError> {
        let Some(link) = next_link(headers) else {
            return Ok(None);
        };
        match url.join(&link) {
            Ok(next) if next.host() == url.host() && next.path() == url.path() => {
                let mut here = url.clone();
                here.set_query(next.query());
                Ok(Some(here))
            }
            Ok(_) | Err(_) => Err(self.unusable("continues its list of referrers elsewhere")),
        }
    }
}

/// Whether it is served as an index, or as nothing in particular and says itself that it is one.
fn is_index(answer: &Answer) -> bool {
    let media_type = answer.media_type().unwrap_or_default();
    let is_own_word = || {
        let document = Manifest::parse_served(&media_type, &answer.body);
        document.is_ok_and(|document| document.kind == Kind::OciIndex)
    };
    media_type == OCI_INDEX || is_own_word()
}

/// The target of `Link: <…>; rel="next"`.
fn next_link(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(",<").flat_map(|part| part.split(", <")))
        .find_map(|link| {
            let link = link.trim_start();
            let (target, parameters) = link.strip_prefix('<').unwrap_or(link).split_once('>')?;
            let is_next = parameters.split(';').any(|parameter| {
                let parameter = parameter.trim().to_ascii_lowercase();
                parameter == "rel=\"next\"" || parameter == "rel=next"
            });
            is_next.then(|| target.to_owned())
        })
}

/// In which order referrers are fetched: what is wanted, what does not say, what says it is something else.
fn rank(listed: &Descriptor, wanted: Wanted) -> u8 {
    match listed.artifact_type.as_deref() {
        Some(artifact_type) if is_bundle(artifact_type) => 0,
        Some(SIGNATURE_ARTIFACT) => 0,
        Some(ATTESTATION_ARTIFACT) if wanted == Wanted::SignaturesAndAttestations => 0,
        // go-containerregistry writes the config's media type here.
        None
        | Some(
            "" | "application/vnd.oci.empty.v1+json" | "application/vnd.oci.image.config.v1+json",
        ) => 1,
        Some(_) => OTHER,
    }
}

fn is_deadline(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Deadline { .. })
}

/// What cosign 2 calls signatures that it stores as referrers.
const SIGNATURE_ARTIFACT: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";

/// What cosign 2 calls attestations that it stores as referrers.
const ATTESTATION_ARTIFACT: &str = "application/vnd.in-toto+json";

/// The rank of a referrer that says it is something else.
const OTHER: u8 = 2;
