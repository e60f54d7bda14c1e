//! Signatures that unit tests of other modules take as verified.

use std::collections::BTreeMap;

use super::{Layout, Signer, VerifiedSignature};
use crate::image::Digest;

impl VerifiedSignature {
    /// A signature of this image that nobody verified.
    pub(crate) fn assumed(image: Digest, signer: Signer) -> Self {
        Self {
            image,
            layout: Layout::Bundle,
            signer,
            signed_at: None,
            log_index: None,
            annotations: BTreeMap::new(),
        }
    }
}
