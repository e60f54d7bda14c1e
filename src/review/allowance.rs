//! How much one review may be given by registries.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    decision::LookupFailure,
    image::Digest,
    limits::{CONTENTS_PER_REVIEW, REGISTRY_BYTES_PER_REVIEW},
};

/// What all images of one review may still be given together: each has bounds of its own, and a review may have many
/// images.
#[derive(Debug)]
pub(super) struct Allowance {
    given: Mutex<Given>,
    readings: Semaphore,
}

#[derive(Debug, Default)]
struct Given {
    /// What has been given, each content once: what is looked for again is not fetched again.
    contents: BTreeSet<Digest>,
    bytes: usize,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            given: Mutex::default(),
            readings: Semaphore::new(CONTENTS_PER_REVIEW),
        }
    }
}

impl Allowance {
    /// Waits until what an image says about itself may be read, which is so until the answer is dropped.
    pub(super) async fn reading(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed, so this waits and does not fail.
        self.readings.acquire().await.ok()
    }

    /// Whether anything may still be asked for.
    pub(super) fn still_open(&self) -> Result<(), LookupFailure> {
        self.take([])
    }

    /// Counts these contents with their lengths. Fails when that is too much, and ever after.
    pub(super) fn take<'a>(
        &self,
        contents: impl IntoIterator<Item = (&'a Digest, usize)>,
    ) -> Result<(), LookupFailure> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
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
