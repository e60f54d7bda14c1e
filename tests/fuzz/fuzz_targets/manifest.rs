//! Manifests and indexes: bounded, and never two things at once. What an image says about itself likewise.

#![no_main]

use assay::{
    image::Digest,
    limits,
    registry::fuzzing::{Lists, is_statement_about, labels, lists},
};
use assay_fuzz::mutate_as_json;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let read: Vec<(&str, Lists)> = MEDIA_TYPES
        .into_iter()
        .filter_map(|media_type| Some((media_type, lists(media_type, data)?)))
        .collect();
    for (media_type, found) in &read {
        let is_index = media_type.contains("index") || media_type.contains("list");
        let other = if is_index {
            found.layers
        } else {
            found.manifests
        };
        assert_eq!(other, 0, "{media_type} lists what it cannot hold");
        assert!(found.layers.max(found.manifests) <= limits::DESCRIPTORS_PER_INDEX);
        assert!(found.most_annotations <= limits::ANNOTATIONS_PER_DESCRIPTOR);
    }
    let has = |wanted: fn(&Lists) -> usize| read.iter().any(|(_, found)| wanted(found) > 0);
    assert!(!(has(|found| found.layers) && has(|found| found.manifests)));
    assert!(labels(data).is_none_or(|labels| labels <= limits::LABELS_PER_IMAGE));
    let image = Digest::of(b"an image");
    if is_statement_about(data, &image) {
        assert!(!is_statement_about(data, &Digest::of(data)));
        assert!(String::from_utf8_lossy(data).contains("sha256"));
    }
});

mutate_as_json!();

const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
