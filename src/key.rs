//! Public keys, as policies write them.

use std::fmt;

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use base64::{Engine, engine::general_purpose::STANDARD};
use sigstore_crypto::{KeyAlgorithm, validate_raw_public_key};
use sigstore_types::DerPublicKey;
use x509_cert::{
    der::{
        self, Decode,
        asn1::{ObjectIdentifier, UintRef},
    },
    spki::SubjectPublicKeyInfoRef,
};

use crate::{
    image::Digest,
    limits::{KEY_PEM_BYTES, SHOWN_CHARS},
    untrusted::shown,
};

/// A public key that signatures can be verified with: ECDSA P-256 or P-384, RSA of 2048 to 4096 bits, Ed25519.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PublicKey {
    der: Vec<u8>,
    fingerprint: String,
}

/// Why a text is no usable public key. Nothing of the text is shown but names of algorithms.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// It is too long.
    #[error("the key has {found} bytes, at most {limit} are read")]
    TooLong {
        /// How long it is.
        found: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Not a PEM block with the label `PUBLIC KEY`.
    #[error("expected a PEM block `PUBLIC KEY`")]
    NotPem,
    /// A PEM block of another kind.
    #[error("expected a PEM block `PUBLIC KEY`, found {0}")]
    OtherBlock(OtherBlock),
    /// More than one PEM block.
    #[error("expected one PEM block `PUBLIC KEY`, found {found} blocks")]
    SeveralBlocks {
        /// How many blocks begin.
        found: usize,
    },
    /// Text before or after the block.
    #[error("expected nothing before or after the PEM block")]
    SurroundingText,
    /// What the block holds is not Base64.
    #[error("the PEM block is not valid Base64")]
    Base64,
    /// What the block holds is not a `SubjectPublicKeyInfo`.
    #[error("the PEM block does not hold a public key: {detail}")]
    Malformed {
        /// What the parser said.
        detail: String,
    },
    /// A key of an algorithm that signatures are not verified with.
    #[error("{algorithm} is not supported, expected ECDSA P-256, ECDSA P-384, RSA or Ed25519")]
    Algorithm {
        /// Its name, or its object identifier.
        algorithm: String,
    },
    /// An RSA key of another size.
    #[error("an RSA key of {found} bits is not supported, expected 2048 to 4096")]
    RsaSize {
        /// The size of the modulus.
        found: usize,
    },
}

/// What stands in a PEM text instead of a public key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum OtherBlock {
    PrivateKey,
    Certificate,
    RsaPublicKey,
    Unknown,
}

impl PublicKey {
    /// Reads the PEM form (PKIX `PUBLIC KEY`): one block, and nothing but white space around it.
    ///
    /// # Errors
    /// When it is something else, or a key that signatures are not verified with.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        if text.len() > KEY_PEM_BYTES {
            return Err(KeyError::TooLong {
                found: text.len(),
                limit: KEY_PEM_BYTES,
            });
        }
        let der = pem_content(text)?;
        usable(&der)?;
        Ok(Self {
            fingerprint: Digest::of(&der).hex().to_owned(),
            der,
        })
    }

    /// The `SubjectPublicKeyInfo` in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SHA-256 of the DER as 64 hex digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl fmt::Display for OtherBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrivateKey => "a private key, which belongs in no policy",
            Self::Certificate => "a certificate",
            Self::RsaPublicKey => {
                "`RSA PUBLIC KEY` (convert it: openssl rsa -RSAPublicKey_in -pubout)"
            }
            Self::Unknown => "a block of another kind",
        })
    }
}

fn pem_content(text: &str) -> Result<Vec<u8>, KeyError> {
    let labels: Vec<&str> = text
        .split(BEGIN)
        .skip(1)
        .map(|block| block.split(DASHES).next().unwrap_or_default())
        .collect();
    let others = labels.iter().filter_map(|label| other_block(label));
    // A private key that stands anywhere is the news, whatever else is wrong.
    if let Some(other) = others.max_by_key(|other| *other == OtherBlock::PrivateKey) {
        return Err(KeyError::OtherBlock(other));
    }
    match labels.len() {
        0 => return Err(KeyError::NotPem),
        1 => {}
        found => return Err(KeyError::SeveralBlocks { found }),
    }
    let body = text
        .trim()
        .strip_prefix(BEGIN_PUBLIC_KEY)
        .and_then(|rest| rest.strip_suffix(END_PUBLIC_KEY))
        .ok_or(KeyError::SurroundingText)?;
    let base64: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(base64).map_err(|_| KeyError::Base64)
}

fn other_block(label: &str) -> Option<OtherBlock> {
    match label {
        "PUBLIC KEY" => None,
        "RSA PUBLIC KEY" => Some(OtherBlock::RsaPublicKey),
        _ if label.contains("PRIVATE KEY") => Some(OtherBlock::PrivateKey),
        _ if label.contains("CERTIFICATE") => Some(OtherBlock::Certificate),
        _ => Some(OtherBlock::Unknown),
    }
}

/// Refuses whatever the verifier could not verify a signature with, now instead of at the first image.
fn usable(der: &[u8]) -> Result<(), KeyError> {
    let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(malformed)?;
    let bits = spki.subject_public_key.raw_bytes();
    let parameters = spki.algorithm.parameters_oid().ok();
    let unsupported = || KeyError::Algorithm {
        algorithm: algorithm_name(spki.algorithm.oid, parameters),
    };
    if !is_supported(spki.algorithm.oid, parameters) {
        return Err(unsupported());
    }
    let algorithm = KeyAlgorithm::from_spki(&DerPublicKey::from_bytes(der)).map_err(malformed)?;
    let verification: &'static dyn VerificationAlgorithm = match algorithm {
        KeyAlgorithm::EcdsaP256 => &signature::ECDSA_P256_SHA256_ASN1,
        KeyAlgorithm::EcdsaP384 => &signature::ECDSA_P384_SHA384_ASN1,
        KeyAlgorithm::Ed25519 => &signature::ED25519,
        KeyAlgorithm::Rsa => {
            rsa_size(bits)?;
            &signature::RSA_PKCS1_2048_8192_SHA256
        }
        _ => return Err(unsupported()),
    };
    validate_raw_public_key(algorithm.default_signing_scheme(), bits).map_err(malformed)?;
    match ParsedPublicKey::new(verification, bits) {
        Ok(_) => Ok(()),
        Err(rejected) => Err(malformed(rejected)),
    }
}

fn rsa_size(key: &[u8]) -> Result<(), KeyError> {
    let modulus = rsa_modulus(key).map_err(malformed)?;
    let found = match modulus.as_bytes() {
        [first, rest @ ..] => rest.len() * 8 + (8 - first.leading_zeros() as usize),
        [] => 0,
    };
    if RSA_BITS.contains(&found) {
        Ok(())
    } else {
        Err(KeyError::RsaSize { found })
    }
}

/// The first of the two integers of a PKCS #1 `RSAPublicKey`.
fn rsa_modulus(key: &[u8]) -> der::Result<UintRef<'_>> {
    let [modulus, _exponent] = <[UintRef<'_>; 2]>::from_der(key)?;
    Ok(modulus)
}

fn is_supported(oid: ObjectIdentifier, parameters: Option<ObjectIdentifier>) -> bool {
    match oid {
        ED25519 | RSA => true,
        EC => matches!(parameters, Some(P256 | P384)),
        _ => false,
    }
}

fn algorithm_name(oid: ObjectIdentifier, parameters: Option<ObjectIdentifier>) -> String {
    let oid = match (oid, parameters) {
        (EC, Some(curve)) => curve,
        _ => oid,
    };
    match NAMES.iter().find(|(known, _)| *known == oid) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("the algorithm {oid}"),
    }
}

fn malformed(error: impl fmt::Display) -> KeyError {
    KeyError::Malformed {
        detail: shown(&error.to_string(), SHOWN_CHARS),
    }
}

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";
const BEGIN_PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----";
const END_PUBLIC_KEY: &str = "-----END PUBLIC KEY-----";
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Algorithms and curves that people have keys of and that are not supported.
const NAMES: [(ObjectIdentifier, &str); 12] = [
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), "ECDSA P-521"),
    (ObjectIdentifier::new_unwrap("1.3.132.0.33"), "ECDSA P-224"),
    (
        ObjectIdentifier::new_unwrap("1.3.132.0.10"),
        "ECDSA secp256k1",
    ),
    (
        ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"),
        "RSASSA-PSS",
    ),
    (ObjectIdentifier::new_unwrap("1.2.840.10040.4.1"), "DSA"),
    (ObjectIdentifier::new_unwrap("1.3.101.110"), "X25519"),
    (ObjectIdentifier::new_unwrap("1.3.101.111"), "X448"),
    (ObjectIdentifier::new_unwrap("1.3.101.113"), "Ed448"),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17"),
        "ML-DSA-44",
    ),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18"),
        "ML-DSA-65",
    ),
    (
        ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19"),
        "ML-DSA-87",
    ),
    (EC, "ECDSA over an unnamed curve"),
];

#[cfg(test)]
mod tests;
