//! How much one review may be given by registries.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use crate::{decision::LookupFailure, image::Digest, limits::REGISTRY_BYTES_PER_REVIEW};

/// What all images of one review may still be given together: each has bounds of its own, and a review may have many
/// images.
#[derive(Debug, Default)]
pub(super) struct Allowance(Mutex<Given>);

#[derive(Debug, Default)]
struct Given {
    /// What has been given, each content once: what is looked for again is not fetched again.
    contents: BTreeSet<Digest>,
    bytes: usize,
}

impl Allowance {
    /// Counts these contents with their lengths, unless they are too much.
    pub(super) fn take<'a>(
        &self,
        contents: impl IntoIterator<Item = (&'a Digest, usize)>,
    ) -> Result<(), LookupFailure> {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (digest, bytes) in contents {
            if given.contents.insert(digest.clone()) {
                given.bytes = given.bytes.saturating_add(bytes);
            }
        }
        if given.bytes > REGISTRY_BYTES_PER_REVIEW {
            return Err(LookupFailure::Limit {
                detail: format!(
                    "the images of this object have more than {REGISTRY_BYTES_PER_REVIEW} bytes of signatures and metadata"
                ),
            });
        }
        Ok(())
    }
}
