//! What an RSASSA-PSS key says it may be used with (RFC 4055 §3.1).

use der::{
    AnyRef, Sequence,
    asn1::{ObjectIdentifier, UintRef},
};
use x509_cert::spki::AlgorithmIdentifierRef;

use super::{KeyError, malformed};

/// The hash that an RSASSA-PSS key is restricted to, of those that signatures are verified with.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum PssHash {
    Sha256,
    Sha384,
    Sha512,
}

/// `RSASSA-PSS-params`. What is left out means SHA-1, and a salt of 20 bytes.
#[derive(Sequence)]
struct Parameters<'a> {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierRef<'a>>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt: Option<UintRef<'a>>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<UintRef<'a>>,
}

/// The hash of these parameters, when signatures that fit them can be verified: one hash for message and mask, and a
/// salt as long as the hash, which is at least as long as the parameters ask for.
pub(super) fn hash(parameters: AnyRef<'_>) -> Result<PssHash, KeyError> {
    let parameters: Parameters<'_> = parameters.decode_as().map_err(malformed)?;
    let hash = parameters
        .hash
        .and_then(|hash| known(hash.oid))
        .ok_or_else(|| {
            malformed("RSASSA-PSS with a hash other than SHA-256, SHA-384 or SHA-512")
        })?;
    let mask = parameters
        .mask
        .filter(|mask| mask.oid == MGF1)
        .and_then(|mask| {
            mask.parameters?
                .decode_as::<AlgorithmIdentifierRef<'_>>()
                .ok()
        })
        .and_then(|mask| known(mask.oid));
    if mask != Some(hash) {
        return Err(malformed(
            "RSASSA-PSS with another mask than MGF1 with its own hash",
        ));
    }
    let salt = parameters.salt.map_or(Some(DEFAULT_SALT), number);
    if salt.is_none_or(|salt| salt > hash.bytes()) {
        return Err(malformed(
            "RSASSA-PSS with a salt that is longer than its hash",
        ));
    }
    if parameters.trailer.map_or(Some(DEFAULT_TRAILER), number) != Some(DEFAULT_TRAILER) {
        return Err(malformed("RSASSA-PSS with another trailer than 1"));
    }
    Ok(hash)
}

impl PssHash {
    fn bytes(self) -> u8 {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

fn known(hash: ObjectIdentifier) -> Option<PssHash> {
    match hash {
        SHA256 => Some(PssHash::Sha256),
        SHA384 => Some(PssHash::Sha384),
        SHA512 => Some(PssHash::Sha512),
        _ => None,
    }
}

fn number(integer: UintRef<'_>) -> Option<u8> {
    match integer.as_bytes() {
        [byte] => Some(*byte),
        _ => None,
    }
}

const DEFAULT_SALT: u8 = 20;
const DEFAULT_TRAILER: u8 = 1;
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
