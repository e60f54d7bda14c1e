//! Ways in for the fuzz targets, compiled for them alone: to what stands behind a chain of certificates or an
//! authority's signature.

use jiff::Timestamp;

use super::{Identity, SignatureError, TrustRoot, timestamp};

/// What a certificate says of its holder, wherever it comes from.
pub fn identity(der: &[u8]) -> Result<Identity, SignatureError> {
    Identity::from_certificate(der)
}

/// The time in a token over these bytes, by an authority of the root.
pub fn verified_time(
    token: &[u8],
    imprinted: &[u8],
    root: &TrustRoot,
) -> Result<Option<Timestamp>, SignatureError> {
    timestamp::verified_time(token, imprinted, root.timestamp_authorities())
}
