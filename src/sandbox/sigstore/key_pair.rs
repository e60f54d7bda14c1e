//! Keys that sign.

use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};

use super::SandboxError;

/// A private key with its public half.
#[derive(Debug)]
pub struct SigningKeyPair {
    pair: KeyPair,
    public_der: Vec<u8>,
}

/// The kinds of key that sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyKind {
    /// ECDSA on P-256 with SHA-256: what `cosign generate-key-pair` makes.
    P256,
    /// ECDSA on P-384 with SHA-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// RSA of 2048 bits with PKCS#1 v1.5 and SHA-256.
    Rsa,
}

impl SigningKeyPair {
    /// A new key of the kind that cosign makes.
    pub fn generate() -> Result<Self, SandboxError> {
        Self::generate_of(KeyKind::P256)
    }

    /// A new key of this kind.
    pub fn generate_of(kind: KeyKind) -> Result<Self, SandboxError> {
        let pair = KeyPair::generate_for(match kind {
            KeyKind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyKind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyKind::Ed25519 => &rcgen::PKCS_ED25519,
            KeyKind::Rsa => &rcgen::PKCS_RSA_SHA256,
        })?;
        let public_der = pair.subject_public_key_info();
        Ok(Self { pair, public_der })
    }

    /// The public key as policies write it: a PEM block `PUBLIC KEY`.
    pub fn public_pem(&self) -> String {
        sigstore_types::DerPublicKey::from_bytes(&self.public_der).to_pem()
    }

    /// The `SubjectPublicKeyInfo` in DER.
    pub fn public_der(&self) -> &[u8] {
        &self.public_der
    }

    /// SHA-256 of the `SubjectPublicKeyInfo`: how logs and hints name a key.
    pub fn id(&self) -> [u8; 32] {
        *sigstore_crypto::sha256(&self.public_der).as_bytes()
    }

    /// Signs these bytes.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SandboxError> {
        Ok(self.pair.sign(message)?)
    }
}
