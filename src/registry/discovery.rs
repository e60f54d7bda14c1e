//! Finding what is attached to a digest: the referrers API, the fallback tag, cosign's `.sig` and `.att` tags.

mod candidate;
mod referrers;

use std::{collections::BTreeSet, sync::Arc};

use futures::future::{join_all, try_join_all};

use self::candidate::Candidates;
pub(super) use self::{
    candidate::{is_about, is_envelope, is_signature},
    referrers::Probed,
};
use super::{
    Attachment, AttachmentPlace, RegistryError, Search, Wanted, cache::Looked, host::ReferrersApi,
    manifest::IMAGE_MANIFEST, session::Session,
};
use crate::{image::Digest, limits};

impl Session {
    /// The attachments of a digest, from as many places as `search` wants.
    pub(super) async fn look(
        self: &Arc<Self>,
        digest: &Digest,
        wanted: Wanted,
        search: Search,
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        let api = self.known_referrers_api().await;
        match (search, api) {
            (Search::First, Some(ReferrersApi::Absent)) => {
                self.look_at_tags(digest, wanted, wanted.tags()).await
            }
            (Search::First, Some(ReferrersApi::Offered) | None) => {
                self.look_at_api(digest, wanted).await
            }
            (Search::Everywhere | Search::Afresh, api) => {
                self.look_everywhere(digest, wanted, search, api).await
            }
        }
    }

    /// The API first; cosign's tags too when it has no candidate, and all tags when there is no API.
    async fn look_at_api(
        self: &Arc<Self>,
        digest: &Digest,
        wanted: Wanted,
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        let place = AttachmentPlace::ReferrersApi;
        match self.look_in(digest, place, wanted, Search::First).await? {
            Looked::Found(found) if !found.is_empty() => Ok(found),
            Looked::Found(_) => {
                self.look_at_tags(digest, wanted, wanted.cosign_tags())
                    .await
            }
            Looked::NotOffered | Looked::LeadsNowhere(_) => {
                let found = self.look_at_tags(digest, wanted, wanted.tags()).await?;
                // Only what is there can say so of its registry: a repository that is not has no API either.
                if !found.is_empty() {
                    self.host.learn_referrers_api(ReferrersApi::Absent);
                }
                Ok(found)
            }
        }
    }

    /// All these tags at once. One that cannot be read does not hide candidates found by another: it is an error
    /// again in a search everywhere.
    async fn look_at_tags(
        self: &Arc<Self>,
        digest: &Digest,
        wanted: Wanted,
        tags: &[AttachmentPlace],
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        let looks = tags
            .iter()
            .map(|tag| self.look_in(digest, *tag, wanted, Search::First));
        let (mut looked, mut failure) = (Vec::new(), None);
        for answer in join_all(looks).await {
            match answer {
                Ok(found) => looked.push(found),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let found = self.together(looked)?;
        match failure {
            Some(error) if found.is_empty() => Err(error),
            Some(_) | None => Ok(found),
        }
    }

    async fn look_everywhere(
        self: &Arc<Self>,
        digest: &Digest,
        wanted: Wanted,
        search: Search,
        api: Option<ReferrersApi>,
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        let looks = wanted.tags().iter();
        let tags = try_join_all(looks.map(|tag| self.look_in(digest, *tag, wanted, search)));
        let by_api = self.look_in(digest, AttachmentPlace::ReferrersApi, wanted, search);
        if api != Some(ReferrersApi::Absent) {
            let (by_api, by_tags) = tokio::try_join!(by_api, tags)?;
            let found = self.together(by_tags)?;
            return self.with_api(by_api, found);
        }
        let found = self.together(tags.await?)?;
        // What said that there is no API may have been a probe for another repository, or a page in the registry's place
        // while it was away, so "none" is not said before the API was asked for this digest. What the tags hold proves
        // nothing: it may be another's.
        let is_enough = match search {
            Search::First | Search::Everywhere => !found.is_empty(),
            Search::Afresh => false,
        };
        if is_enough {
            return Ok(found);
        }
        self.with_api(by_api.await?, found)
    }

    /// What the API and the tags hold. "None" is not said for an API that was not reached where the registry leads.
    fn with_api(
        &self,
        by_api: Looked,
        by_tags: Arc<[Attachment]>,
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        match by_api {
            Looked::LeadsNowhere(error) if by_tags.is_empty() => Err(as_told_by_tags(*error)),
            by_api => self.together([by_api, Looked::Found(by_tags)]),
        }
    }

    /// What one place holds, from memory when it was looked at lately; shared with whoever looks now.
    async fn look_in(
        self: &Arc<Self>,
        digest: &Digest,
        place: AttachmentPlace,
        wanted: Wanted,
        search: Search,
    ) -> Result<Looked, RegistryError> {
        let wanted = place.holding(wanted);
        let key = (self.digest_key(digest), place, wanted);
        if let Some(looked) = self.core.caches.place(&key, search) {
            return Ok(looked);
        }
        self.asked.note();
        let passenger = self.passenger();
        let flights = &self.core.place_flights;
        flights
            .join(key.clone(), &passenger, || {
                let (session, digest, key) = (Arc::clone(self), digest.clone(), key.clone());
                async move {
                    // Another run may have ended between the look and the boarding.
                    if let Some(looked) = session.core.caches.place_again(&key, search) {
                        return Ok(looked);
                    }
                    let looked = session.ask_place(&digest, place, wanted).await?;
                    session.core.caches.keep_place(key, looked.clone());
                    Ok(looked)
                }
            })
            .await
    }

    async fn ask_place(
        &self,
        digest: &Digest,
        place: AttachmentPlace,
        wanted: Wanted,
    ) -> Result<Looked, RegistryError> {
        match place {
            AttachmentPlace::SignatureTag => self.by_cosign_tag(digest, "sig", place).await,
            AttachmentPlace::AttestationTag => self.by_cosign_tag(digest, "att", place).await,
            AttachmentPlace::ReferrersApi => self.referrers_by_api(digest, wanted).await,
            AttachmentPlace::ReferrersTag => self.referrers_by_tag(digest, wanted).await,
        }
    }

    /// The layers of the manifest tagged `sha256-….sig` or `sha256-….att`.
    async fn by_cosign_tag(
        &self,
        digest: &Digest,
        suffix: &str,
        place: AttachmentPlace,
    ) -> Result<Looked, RegistryError> {
        let tag = format!("{}.{suffix}", tag_of(digest));
        let Some(manifest) = self.fetch_manifest(&tag, IMAGE_MANIFEST, None).await? else {
            return Ok(Looked::none());
        };
        let mut candidates = Candidates::new(place);
        candidates.add_layers(self, &manifest)?;
        // What is wanted of it is paid for anew.
        drop(manifest);
        candidates.fetch(self).await
    }

    /// As [`together`], where too much is an error of the registry's.
    fn together(
        &self,
        looked: impl IntoIterator<Item = Looked>,
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        let looked: Vec<Looked> = looked.into_iter().collect();
        together(&looked).map_err(|TooMany(found)| {
            self.limit(format!(
                "{found} signature candidates are attached, at most {} are read",
                limits::CANDIDATES_PER_IMAGE
            ))
        })
    }
}

/// So many attachments were found, which is more than are read.
#[derive(Debug)]
pub(super) struct TooMany(usize);

/// All that was found, each attachment once, as long as that is not too much.
pub(super) fn together(looked: &[Looked]) -> Result<Arc<[Attachment]>, TooMany> {
    let lists: Vec<_> = looked
        .iter()
        .map(Looked::found)
        .filter(|found| !found.is_empty())
        .collect();
    // Keys sign the same payload in cosign's older layout: only the annotations tell their signatures apart.
    let mut seen = BTreeSet::new();
    let all = lists.iter().flat_map(|found| found.iter());
    let all = all.filter(|one| seen.insert((&one.manifest, &one.digest, &one.annotations)));
    let all: Vec<&Attachment> = all.collect();
    if all.len() > limits::CANDIDATES_PER_IMAGE {
        return Err(TooMany(all.len()));
    }
    Ok(match lists.as_slice() {
        [only] if only.len() == all.len() => Arc::clone(only),
        _ => all.into_iter().cloned().collect(),
    })
}

impl Wanted {
    /// Every tag under which it may lie.
    pub(super) fn tags(self) -> &'static [AttachmentPlace] {
        match self {
            Self::Signatures => &[AttachmentPlace::ReferrersTag, AttachmentPlace::SignatureTag],
            Self::SignaturesAndAttestations => &[
                AttachmentPlace::ReferrersTag,
                AttachmentPlace::SignatureTag,
                AttachmentPlace::AttestationTag,
            ],
        }
    }

    /// Those that cosign writes whatever the registry offers.
    fn cosign_tags(self) -> &'static [AttachmentPlace] {
        match self {
            Self::Signatures => &[AttachmentPlace::SignatureTag],
            Self::SignaturesAndAttestations => &[
                AttachmentPlace::SignatureTag,
                AttachmentPlace::AttestationTag,
            ],
        }
    }
}

impl AttachmentPlace {
    /// What of the wanted this place can hold: what is remembered of cosign's own tags serves whoever asks.
    pub(super) fn holding(self, wanted: Wanted) -> Wanted {
        match self {
            Self::SignatureTag => Wanted::Signatures,
            Self::AttestationTag => Wanted::SignaturesAndAttestations,
            Self::ReferrersApi | Self::ReferrersTag => wanted,
        }
    }

    /// Whether a layer of this media type, in a manifest of this place, may be what is looked for there.
    pub(super) fn may_hold(self, media_type: &str) -> bool {
        match self {
            Self::SignatureTag => is_signature(media_type),
            Self::AttestationTag => is_envelope(media_type),
            // What a referrer holds as a whole has been looked at before.
            Self::ReferrersApi | Self::ReferrersTag => {
                is_signature(media_type) || is_envelope(media_type)
            }
        }
    }
}

impl Looked {
    fn none() -> Self {
        Self::Found(Arc::new([]))
    }

    fn found(&self) -> Arc<[Attachment]> {
        match self {
            Self::Found(attachments) => Arc::clone(attachments),
            Self::NotOffered | Self::LeadsNowhere(_) => Arc::new([]),
        }
    }
}

/// The failure of a host that the registry leads to, where the registry itself has answered that its tags hold nothing: no
/// outage of the registry, which whoever removes a signature would only have to wait for.
fn as_told_by_tags(error: RegistryError) -> RegistryError {
    let unusable = |host, detail: &str| RegistryError::Unusable {
        host,
        detail: detail.to_owned(),
    };
    match error {
        RegistryError::Unavailable { host, detail } => RegistryError::Unusable { host, detail },
        RegistryError::Timeout { host } => unusable(host, "did not answer in time"),
        RegistryError::RateLimited { host, .. } => unusable(host, "limits the rate of requests"),
        error @ (RegistryError::Unusable { .. }
        | RegistryError::Tls { .. }
        | RegistryError::NotFound { .. }
        | RegistryError::Unauthorized { .. }
        | RegistryError::AddressRefused { .. }
        | RegistryError::Deadline { .. }
        | RegistryError::Limit { .. }) => error,
    }
}

/// The tag under which things about this digest are kept, without a suffix.
fn tag_of(digest: &Digest) -> String {
    format!("sha256-{}", digest.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_a_registry_leads_to_makes_no_outage_of_it() {
        let host = || "github.com".to_owned();
        for (error, expected) in [
            (
                RegistryError::Unavailable {
                    host: host(),
                    detail: "answered 503".to_owned(),
                },
                "github.com answered 503",
            ),
            (
                RegistryError::Timeout { host: host() },
                "github.com did not answer in time",
            ),
            (
                RegistryError::RateLimited {
                    host: host(),
                    wait: None,
                },
                "github.com limits the rate of requests",
            ),
        ] {
            let told = as_told_by_tags(error);
            assert!(matches!(told, RegistryError::Unusable { .. }), "{told:?}");
            assert_eq!(told.to_string(), expected);
        }
    }
}
