//! Signatures over bytes or over a digest, with every kind of key that cosign signs with.
//!
//! A signature does not say which hash it was made with, so each hash that cosign has used with a kind of key
//! is tried: the one that goes with the key's strength, then SHA-256, which cosign 2 used whatever the curve.
//! Not read is Ed25519ph, which no library of ours has: cosign uses it where a log asks for the hash of what
//! was signed with an Ed25519 key. Plain Ed25519 is read.

use aws_lc_rs::{
    digest::{Digest as Hashed, SHA256},
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
        ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA512_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
        UnparsedPublicKey, VerificationAlgorithm,
    },
};
use x509_cert::{
    Certificate,
    der::{Decode as _, Encode as _, Error},
    spki::SubjectPublicKeyInfoRef,
};

use super::{
    SignatureError,
    failure::{invalid, text},
    material::Signed,
};
use crate::{
    key::{KeyKind, PssHash},
    limits,
};

/// Whether this key (a `SubjectPublicKeyInfo`) signed this.
///
/// # Errors
/// When the key is malformed or of a kind that nothing is verified with. That the signature is not the key's
/// is no error but `false`.
pub(super) fn is_by(
    spki: &[u8],
    signed: &Signed,
    signature: &[u8],
) -> Result<bool, SignatureError> {
    let key = SubjectPublicKeyInfoRef::from_der(spki)
        .map_err(|error| invalid("the key is malformed", &error))?;
    let kind = KeyKind::of(&key).map_err(|error| invalid("the key cannot be used", &error))?;
    if is_rsa(kind) && signature.len() > limits::RSA_SIGNATURE_BYTES {
        // A signature is as long as its key's modulus.
        return Err(SignatureError::Limit {
            what: "bytes of an RSA signature",
            found: signature.len(),
            limit: limits::RSA_SIGNATURE_BYTES,
        });
    }
    let bytes = key.subject_public_key.raw_bytes();
    Ok(match signed {
        Signed::Bytes(message) => schemes(kind)
            .iter()
            .any(|scheme| scheme.verifies(bytes, message, signature)),
        Signed::Sha256(digest) => schemes(kind)
            .iter()
            .any(|scheme| scheme.verifies_sha256(bytes, digest, signature)),
    })
}

/// The key that a certificate certifies, as a `SubjectPublicKeyInfo`.
pub(super) fn certified_key(leaf: &[u8]) -> Result<Vec<u8>, SignatureError> {
    let unreadable = |error: Error| SignatureError::Certificate {
        detail: text("its key cannot be read", &error),
    };
    let certificate = Certificate::from_der(leaf).map_err(unreadable)?;
    let key = certificate.tbs_certificate.subject_public_key_info;
    key.to_der().map_err(unreadable)
}

/// One way to sign.
struct Scheme {
    algorithm: &'static dyn VerificationAlgorithm,
    hash: Hash,
}

/// What is hashed before it is signed, as far as we must know.
#[derive(Eq, PartialEq)]
enum Hash {
    Sha256,
    Other,
}

impl Scheme {
    const fn sha256(algorithm: &'static dyn VerificationAlgorithm) -> Self {
        let hash = Hash::Sha256;
        Self { algorithm, hash }
    }

    const fn other(algorithm: &'static dyn VerificationAlgorithm) -> Self {
        let hash = Hash::Other;
        Self { algorithm, hash }
    }

    fn verifies(&self, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(self.algorithm, key)
            .verify(message, signature)
            .is_ok()
    }

    /// Where only the SHA-256 of the message is at hand, no other scheme can be tried.
    fn verifies_sha256(&self, key: &[u8], digest: &[u8; 32], signature: &[u8]) -> bool {
        self.hash == Hash::Sha256
            && Hashed::import_less_safe(digest, &SHA256).is_ok_and(|digest| {
                UnparsedPublicKey::new(self.algorithm, key)
                    .verify_digest(&digest, signature)
                    .is_ok()
            })
    }
}

/// What each kind of key may have signed with. Without a hash of its own an RSA key signs with SHA-256.
fn schemes(kind: KeyKind) -> &'static [Scheme] {
    match kind {
        KeyKind::EcdsaP256 => const { &[Scheme::sha256(&ECDSA_P256_SHA256_ASN1)] },
        KeyKind::EcdsaP384 => {
            const {
                &[
                    Scheme::other(&ECDSA_P384_SHA384_ASN1),
                    Scheme::sha256(&ECDSA_P384_SHA256_ASN1),
                ]
            }
        }
        KeyKind::EcdsaP521 => {
            const {
                &[
                    Scheme::other(&ECDSA_P521_SHA512_ASN1),
                    Scheme::sha256(&ECDSA_P521_SHA256_ASN1),
                ]
            }
        }
        KeyKind::Rsa => {
            const {
                &[
                    Scheme::sha256(&RSA_PKCS1_2048_8192_SHA256),
                    Scheme::sha256(&RSA_PSS_2048_8192_SHA256),
                ]
            }
        }
        KeyKind::RsaPss {
            hash: None | Some(PssHash::Sha256),
        } => const { &[Scheme::sha256(&RSA_PSS_2048_8192_SHA256)] },
        KeyKind::RsaPss {
            hash: Some(PssHash::Sha384),
        } => const { &[Scheme::other(&RSA_PSS_2048_8192_SHA384)] },
        KeyKind::RsaPss {
            hash: Some(PssHash::Sha512),
        } => const { &[Scheme::other(&RSA_PSS_2048_8192_SHA512)] },
        KeyKind::Ed25519 => const { &[Scheme::other(&ED25519)] },
    }
}

fn is_rsa(kind: KeyKind) -> bool {
    match kind {
        KeyKind::Rsa | KeyKind::RsaPss { .. } => true,
        KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::EcdsaP521 | KeyKind::Ed25519 => false,
    }
}

#[cfg(test)]
mod tests;
