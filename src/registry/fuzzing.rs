//! A way in for the fuzz targets, compiled for them alone.

use super::{
    contents,
    manifest::{Descriptor, Manifest},
};
use crate::image::Digest;

/// How long the lists of a manifest are.
#[derive(Clone, Copy, Debug)]
pub struct Lists {
    /// Its layers.
    pub layers: usize,
    /// The manifests it lists, as an index.
    pub manifests: usize,
    /// The most annotations of one of them, or of the manifest itself.
    pub most_annotations: usize,
}

/// Reads a document that was served as `media_type`.
pub fn lists(media_type: &str, body: &[u8]) -> Option<Lists> {
    let manifest = Manifest::parse(media_type, body).ok()?;
    let descriptors = manifest.layers.iter().chain(&manifest.manifests);
    let descriptors = descriptors.chain(&manifest.config);
    let annotations = descriptors.map(read);
    Some(Lists {
        most_annotations: annotations
            .max()
            .unwrap_or_default()
            .max(manifest.annotations.len()),
        layers: manifest.layers.len(),
        manifests: manifest.manifests.len(),
    })
}

/// How many labels this configuration has.
pub fn labels(content: &[u8]) -> Option<usize> {
    contents::fuzzing::labels(content)
}

/// Whether this is a statement about the image of this digest.
pub fn is_statement_about(content: &[u8], image: &Digest) -> bool {
    contents::fuzzing::is_statement_about(content, image)
}

/// Whatever is read of a descriptor later.
fn read(descriptor: &Descriptor) -> usize {
    let _ = (
        descriptor.digest(),
        descriptor.platform(),
        descriptor.role(),
    );
    let annotations = descriptor.annotations();
    assert_eq!(
        descriptor.annotation_bytes() > 0,
        annotations
            .iter()
            .any(|(key, value)| !key.is_empty() || !value.is_empty())
    );
    annotations.len()
}
