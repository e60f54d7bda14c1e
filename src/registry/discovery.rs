//! Finding what is attached to a digest: the referrers API, the fallback tag, cosign's `.sig` tag.

mod candidate;
mod referrers;

use std::{collections::BTreeSet, sync::Arc};

use self::candidate::Candidates;
pub(super) use self::candidate::{is_about, is_signature};
use super::{
    Attachment, AttachmentPlace, RegistryError, Search, cache::Looked, host::ReferrersApi,
    manifest::IMAGE_MANIFEST, session::Session,
};
use crate::{image::Digest, limits};

impl Session {
    /// The attachments of a digest, from as many places as `search` wants.
    pub(super) async fn look(
        self: &Arc<Self>,
        digest: &Digest,
        search: Search,
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        let api = self.known_referrers_api().await?;
        match (search, api) {
            (Search::First, Some(ReferrersApi::Absent)) => self.look_at_tags(digest).await,
            (Search::First, Some(ReferrersApi::Offered) | None) => self.look_at_api(digest).await,
            (Search::Everywhere | Search::Afresh, _) => {
                self.look_everywhere(digest, search, api).await
            }
        }
    }

    /// The API first; the signature tag too when it has no candidate, and the tags when there is no API.
    async fn look_at_api(
        self: &Arc<Self>,
        digest: &Digest,
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        match self
            .look_in(digest, AttachmentPlace::ReferrersApi, Search::First)
            .await?
        {
            Looked::Found(found) if !found.is_empty() => Ok(found),
            Looked::Found(_) => {
                let looked = self
                    .look_in(digest, AttachmentPlace::SignatureTag, Search::First)
                    .await?;
                Ok(looked.found())
            }
            Looked::NotOffered => self.look_at_tags(digest).await,
        }
    }

    /// Both tags at once. One that cannot be read does not hide candidates found by the other: it is an error
    /// again in a search everywhere.
    async fn look_at_tags(
        self: &Arc<Self>,
        digest: &Digest,
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        let (referrers, signatures) = tokio::join!(
            self.look_in(digest, AttachmentPlace::ReferrersTag, Search::First),
            self.look_in(digest, AttachmentPlace::SignatureTag, Search::First),
        );
        match (referrers, signatures) {
            (Ok(one), Ok(other)) => self.together([one, other]),
            (Ok(found), Err(error)) | (Err(error), Ok(found)) => {
                let found = found.found();
                if found.is_empty() {
                    return Err(error);
                }
                Ok(found)
            }
            (Err(error), Err(_)) => Err(error),
        }
    }

    async fn look_everywhere(
        self: &Arc<Self>,
        digest: &Digest,
        search: Search,
        api: Option<ReferrersApi>,
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        let tags = async {
            tokio::try_join!(
                self.look_in(digest, AttachmentPlace::ReferrersTag, search),
                self.look_in(digest, AttachmentPlace::SignatureTag, search),
            )
        };
        let by_api = self.look_in(digest, AttachmentPlace::ReferrersApi, search);
        if api != Some(ReferrersApi::Absent) {
            let (by_api, (referrers, signatures)) = tokio::try_join!(by_api, tags)?;
            return self.together([by_api, referrers, signatures]);
        }
        let (referrers, signatures) = tags.await?;
        let found = self.together([referrers, signatures])?;
        // A probe may have been wrong about this repository, so "none" is not said before it was asked itself. What
        // the tags hold proves nothing: it may be another's.
        let is_enough = match search {
            Search::First | Search::Everywhere => !found.is_empty(),
            Search::Afresh => false,
        };
        if is_enough || self.core.caches.is_without_api(&self.repository_key()) {
            return Ok(found);
        }
        self.together([Looked::Found(found), by_api.await?])
    }

    /// What one place holds, from memory when it was looked at lately; shared with whoever looks now.
    async fn look_in(
        self: &Arc<Self>,
        digest: &Digest,
        place: AttachmentPlace,
        search: Search,
    ) -> Result<Looked, RegistryError> {
        let key = (self.digest_key(digest), place);
        if let Some(looked) = self.core.caches.place(&key, search) {
            return Ok(looked);
        }
        let host = self.host_name();
        let flights = &self.core.place_flights;
        flights
            .join(key.clone(), &host, self.deadline, || {
                let (session, digest, key) = (Arc::clone(self), digest.clone(), key.clone());
                async move {
                    // Another run may have ended between the look and the boarding.
                    if let Some(looked) = session.core.caches.place(&key, search) {
                        return Ok(looked);
                    }
                    let looked = session.ask_place(&digest, place).await?;
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
    ) -> Result<Looked, RegistryError> {
        match place {
            AttachmentPlace::SignatureTag => self.signatures_by_tag(digest).await,
            AttachmentPlace::ReferrersApi => self.referrers_by_api(digest).await,
            AttachmentPlace::ReferrersTag => self.referrers_by_tag(digest).await,
        }
    }

    /// The layers of the manifest tagged `sha256-….sig`.
    async fn signatures_by_tag(&self, digest: &Digest) -> Result<Looked, RegistryError> {
        let tag = format!("{}.sig", tag_of(digest));
        let Some(manifest) = self.fetch_manifest(&tag, IMAGE_MANIFEST, None).await? else {
            return Ok(Looked::none());
        };
        let mut candidates = Candidates::new(AttachmentPlace::SignatureTag);
        candidates.add_layers(self, &manifest)?;
        candidates.fetch(self).await
    }

    /// All that was found, each attachment once, as long as that is not too much.
    fn together<const N: usize>(
        &self,
        looked: [Looked; N],
    ) -> Result<Arc<[Attachment]>, RegistryError> {
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        for found in looked.into_iter().map(Looked::found) {
            for attachment in found.iter() {
                if seen.insert((attachment.manifest.clone(), attachment.digest.clone())) {
                    all.push(attachment.clone());
                }
            }
        }
        let limit = limits::CANDIDATES_PER_IMAGE;
        if all.len() > limit {
            return Err(self.limit(format!(
                "{} signature candidates are attached, at most {limit} are read",
                all.len()
            )));
        }
        Ok(all.into())
    }
}

impl Looked {
    fn none() -> Self {
        Self::Found(Arc::new([]))
    }

    fn found(self) -> Arc<[Attachment]> {
        match self {
            Self::Found(attachments) => attachments,
            Self::NotOffered => Arc::new([]),
        }
    }
}

/// The tag under which things about this digest are kept, without a suffix.
fn tag_of(digest: &Digest) -> String {
    format!("sha256-{}", digest.hex())
}
