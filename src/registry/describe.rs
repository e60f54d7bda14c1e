//! What a manifest says of itself, for people: nothing is decided by it.

use super::{
    Access, OciRegistry, RegistryError,
    manifest::{ANY_MANIFEST, Descriptor},
};
use crate::image::{Digest, Repository};

/// What is known of a manifest or index without reading what it lists.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Description {
    /// The media type it was served as, one of the four that Assay reads.
    pub media_type: &'static str,
    /// The manifests of an index, in its order.
    pub platforms: Vec<PlatformManifest>,
}

/// One manifest of an index, by the index's word.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlatformManifest {
    /// As in `linux/arm64/v8`; `unknown` when the index does not say. Not escaped.
    pub platform: String,
    /// The manifest.
    pub digest: Digest,
}

impl OciRegistry {
    /// What the manifest of this digest says of itself.
    ///
    /// # Errors
    ///
    /// When there is no such manifest, or it cannot be read.
    pub async fn describe(
        &self,
        repository: &Repository,
        digest: &Digest,
        access: &Access,
    ) -> Result<Description, RegistryError> {
        let session = self.open(repository, access)?;
        let manifest = session
            .fetch_manifest(digest.as_str(), ANY_MANIFEST, Some(digest))
            .await?
            .ok_or_else(|| session.no_image(digest))?;
        Ok(Description {
            media_type: manifest.kind.media_type(),
            platforms: manifest
                .manifests
                .iter()
                .filter_map(PlatformManifest::of)
                .collect(),
        })
    }
}

impl PlatformManifest {
    fn of(descriptor: &Descriptor) -> Option<Self> {
        Some(Self {
            platform: descriptor
                .platform()
                .unwrap_or_else(|| "unknown".to_owned()),
            digest: descriptor.digest()?,
        })
    }
}
