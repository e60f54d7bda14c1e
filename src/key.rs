//! Public keys, as policies write them.

/// A public key that signatures can be verified with.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PublicKey {
    der: Vec<u8>,
    fingerprint: String,
}

/// Why a text is no usable public key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeyError {
    /// Not a PEM block with the label `PUBLIC KEY`.
    #[error("expected a PEM block `PUBLIC KEY`")]
    NotPem,
    // further variants by the implementer
}

impl PublicKey {
    /// Reads the PEM form (PKIX `PUBLIC KEY`).
    pub fn from_pem(_text: &str) -> Result<Self, KeyError> {
        todo!()
    }
    /// The SubjectPublicKeyInfo in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }
    /// SHA-256 of the DER as 64 hex digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}
