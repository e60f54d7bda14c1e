//! Manifests that lie in a layout without being listed: `cosign save` of version 3 copies bundles in this way.

use super::{
    LayoutError,
    folder::{BLOBS, Folder},
    images::{Contents, Entry},
};
use crate::{
    limits,
    registry::manifest::{Kind, Manifest},
};

impl Contents {
    /// Adds each manifest that says what it is about, as the fallback tag of a registry would list it. What is no such
    /// manifest is passed over, whatever it is: nobody has said that it should be one.
    pub(super) fn add_unlisted(&mut self, folder: &Folder) -> Result<(), LayoutError> {
        let mut bytes = 0_usize;
        for (digest, size) in folder.blobs()? {
            let is_small = size <= limits::UNLISTED_MANIFEST_BYTES as u64;
            if !is_small || self.manifests.contains_key(&digest) {
                continue;
            }
            let limit = limits::UNLISTED_MANIFEST_BYTES;
            let content = folder.listed_blob(&digest, size, limit)?;
            bytes = bytes.saturating_add(content.len());
            let limit = limits::LAYOUT_MANIFEST_BYTES;
            if bytes > limit {
                return Err(LayoutError::Limit {
                    file: folder.path_of(BLOBS),
                    what: format!("more than {limit} bytes of small blobs that nothing lists"),
                    limit,
                });
            }
            let manifest = Manifest::parse(Kind::OciManifest.media_type(), &content).ok();
            let about = manifest.filter(|manifest| manifest.manifest_subject.is_some());
            if let Some(manifest) = about {
                self.entries.push(Entry::unlisted(digest.clone()));
                self.manifests.insert(digest, manifest);
            }
        }
        Ok(())
    }
}
