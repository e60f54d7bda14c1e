//! A way in for the fuzz targets, compiled for them alone.

use bytes::Bytes;

use super::{config::Config, statement::is_statement_about as is_about};
use crate::image::Digest;

/// How many labels this configuration has.
pub(in crate::registry) fn labels(content: &[u8]) -> Option<usize> {
    Some(Config::parse(content).ok()?.labels().len())
}

/// Whether this is a statement about the image of this digest.
pub(in crate::registry) fn is_statement_about(content: &[u8], image: &Digest) -> bool {
    is_about(Bytes::copy_from_slice(content), image)
}
