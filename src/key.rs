//! Public keys, as policies write them.

mod pss;

use std::{fmt, sync::Arc};

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use base64::{Engine, engine::general_purpose::STANDARD};
use x509_cert::{
    der::{
        self, Decode,
        asn1::{AnyRef, ObjectIdentifier, UintRef},
    },
    spki::SubjectPublicKeyInfoRef,
};

pub(crate) use pss::PssHash;

use crate::{
    image::Digest,
    limits::{KEY_PEM_BYTES, SHOWN_CHARS},
    untrusted::shown,
};

/// A public key that signatures can be verified with: ECDSA P-256, P-384 or P-521, RSA of 2048 to 4096 bits
/// (PKCS #1 v1.5 or PSS, and PSS alone where the key itself says so), Ed25519. Clones share it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PublicKey {
    der: Arc<[u8]>,
    fingerprint: Arc<str>,
}

/// What a key signs with: this says which algorithms its signatures are verified by.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum KeyKind {
    /// ECDSA over P-256.
    EcdsaP256,
    /// ECDSA over P-384.
    EcdsaP384,
    /// ECDSA over P-521.
    EcdsaP521,
    /// RSA with either padding.
    Rsa,
    /// RSA with PSS padding and a salt as long as the hash: the key may be used with nothing else (RFC 4055).
    RsaPss {
        /// The one hash that the key may be used with; none where it does not say.
        hash: Option<PssHash>,
    },
    /// Ed25519.
    Ed25519,
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
    #[error(
        "expected one PEM block `PUBLIC KEY`, found {found} blocks: list several keys under `keys`"
    )]
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
    #[error(
        "{algorithm} is not supported, expected ECDSA P-256, P-384 or P-521, RSA, RSASSA-PSS or Ed25519"
    )]
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
        require_usable(&der)?;
        Ok(Self {
            fingerprint: Digest::of(&der).hex().into(),
            der: der.into(),
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

impl KeyKind {
    /// The kind that the algorithm of a key says. The key itself is not looked at.
    ///
    /// # Errors
    /// When signatures are not verified with such keys, or the parameters say something else than the algorithm's
    /// standard asks for.
    pub(crate) fn of(spki: &SubjectPublicKeyInfoRef<'_>) -> Result<Self, KeyError> {
        let (oid, parameters) = (spki.algorithm.oid, spki.algorithm.parameters);
        let curve = spki.algorithm.parameters_oid().ok();
        match (oid, curve) {
            (EC, Some(P256)) => Ok(Self::EcdsaP256),
            (EC, Some(P384)) => Ok(Self::EcdsaP384),
            (EC, Some(P521)) => Ok(Self::EcdsaP521),
            (RSA, _) if parameters.is_none_or(AnyRef::is_null) => Ok(Self::Rsa),
            (RSA, _) => Err(malformed("RSA parameters must be NULL or absent")),
            (RSASSA_PSS, _) => match parameters {
                None => Ok(Self::RsaPss { hash: None }),
                Some(parameters) => Ok(Self::RsaPss {
                    hash: Some(pss::hash(parameters)?),
                }),
            },
            // RFC 8410.
            (ED25519, _) if parameters.is_none() => Ok(Self::Ed25519),
            (ED25519, _) => Err(malformed("Ed25519 parameters must be absent")),
            _ => Err(KeyError::Algorithm {
                algorithm: algorithm_name(oid, curve),
            }),
        }
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
fn require_usable(der: &[u8]) -> Result<(), KeyError> {
    let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(malformed)?;
    let kind = KeyKind::of(&spki)?;
    let bits = spki
        .subject_public_key
        .as_bytes()
        .ok_or_else(|| malformed("the BIT STRING has unused bits"))?;
    let verification: &'static dyn VerificationAlgorithm = match kind {
        KeyKind::EcdsaP256 => point(bits, &signature::ECDSA_P256_SHA256_ASN1)?,
        KeyKind::EcdsaP384 => point(bits, &signature::ECDSA_P384_SHA384_ASN1)?,
        KeyKind::EcdsaP521 => point(bits, &signature::ECDSA_P521_SHA512_ASN1)?,
        KeyKind::Ed25519 => &signature::ED25519,
        KeyKind::Rsa => {
            rsa_size(bits)?;
            &signature::RSA_PKCS1_2048_8192_SHA256
        }
        KeyKind::RsaPss { .. } => {
            rsa_size(bits)?;
            &signature::RSA_PSS_2048_8192_SHA256
        }
    };
    match ParsedPublicKey::new(verification, bits) {
        Ok(_) => Ok(()),
        Err(rejected) => Err(malformed(rejected)),
    }
}

/// A compressed point would be verified with by some libraries and refused by others.
fn point(
    bits: &[u8],
    algorithm: &'static dyn VerificationAlgorithm,
) -> Result<&'static dyn VerificationAlgorithm, KeyError> {
    match bits.first() {
        Some(&UNCOMPRESSED) => Ok(algorithm),
        Some(_) | None => Err(malformed("the point must be written uncompressed")),
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
const UNCOMPRESSED: u8 = 4;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Algorithms and curves that people have keys of and that are not supported.
const NAMES: [(ObjectIdentifier, &str); 10] = [
    (ObjectIdentifier::new_unwrap("1.3.132.0.33"), "ECDSA P-224"),
    (
        ObjectIdentifier::new_unwrap("1.3.132.0.10"),
        "ECDSA secp256k1",
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
