//! Keys that sign.

use aws_lc_rs::{
    digest::{self, Digest},
    encoding::{AsDer, PublicKeyX509Der},
    rsa::KeySize,
    signature::{
        self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding,
        RsaKeyPair,
    },
};

use super::SandboxError;

/// A private key with its public half, and how it signs.
#[derive(Debug)]
pub struct SigningKeyPair {
    private: PrivateKey,
    public_der: Vec<u8>,
    kind: KeyKind,
    hash: HashAlgorithm,
    padding: RsaPadding,
}

/// The kinds of key that sign.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyKind {
    /// ECDSA on P-256: what `cosign generate-key-pair` makes.
    P256,
    /// ECDSA on P-384.
    P384,
    /// ECDSA on P-521.
    P521,
    /// Ed25519.
    Ed25519,
    /// RSA of 2048 bits.
    Rsa,
    /// RSA of 3072 bits.
    Rsa3072,
    /// RSA of 4096 bits. Such a key takes seconds to make.
    Rsa4096,
}

/// What is hashed with before a key signs. Ed25519 has no choice and ignores it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HashAlgorithm {
    /// What cosign used for every key once.
    Sha256,
    /// What newer ones use for P-384.
    Sha384,
    /// What newer ones use for P-521.
    Sha512,
}

/// How RSA pads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RsaPadding {
    /// PKCS#1 v1.5: what cosign does.
    Pkcs1,
    /// PSS.
    Pss,
}

#[derive(Debug)]
enum PrivateKey {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKeyPair {
    /// A new key of the kind that cosign makes.
    pub fn generate() -> Result<Self, SandboxError> {
        Self::generate_of(KeyKind::P256)
    }

    /// A new key of this kind. It signs with the hash of its curve's size, and with PKCS#1 v1.5 if it is RSA.
    pub fn generate_of(kind: KeyKind) -> Result<Self, SandboxError> {
        let private = match kind {
            KeyKind::P256 => ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING)?,
            KeyKind::P384 => ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING)?,
            KeyKind::P521 => ecdsa(&signature::ECDSA_P521_SHA512_ASN1_SIGNING)?,
            KeyKind::Ed25519 => PrivateKey::Ed25519(Ed25519KeyPair::generate()?),
            KeyKind::Rsa => PrivateKey::Rsa(RsaKeyPair::generate(KeySize::Rsa2048)?),
            KeyKind::Rsa3072 => PrivateKey::Rsa(RsaKeyPair::generate(KeySize::Rsa3072)?),
            KeyKind::Rsa4096 => PrivateKey::Rsa(RsaKeyPair::generate(KeySize::Rsa4096)?),
        };
        let hash = match kind {
            KeyKind::P384 => HashAlgorithm::Sha384,
            KeyKind::P521 => HashAlgorithm::Sha512,
            KeyKind::P256
            | KeyKind::Ed25519
            | KeyKind::Rsa
            | KeyKind::Rsa3072
            | KeyKind::Rsa4096 => HashAlgorithm::Sha256,
        };
        Ok(Self {
            public_der: private.public_der()?,
            private,
            kind,
            hash,
            padding: RsaPadding::Pkcs1,
        })
    }

    /// Makes it sign with this hash, as in `P384` with `Sha256` of the older cosign.
    #[must_use]
    pub fn with_hash(mut self, hash: HashAlgorithm) -> Self {
        self.hash = hash;
        self
    }

    /// Makes it sign with this padding; only RSA pads.
    #[must_use]
    pub fn with_padding(mut self, padding: RsaPadding) -> Self {
        self.padding = padding;
        self
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

    /// The kind of key.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// What it hashes with.
    pub fn hash(&self) -> HashAlgorithm {
        self.hash
    }

    /// Signs these bytes.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SandboxError> {
        match &self.private {
            PrivateKey::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
            PrivateKey::Ecdsa(_) | PrivateKey::Rsa(_) => {
                self.sign_hashed(&self.hash.digest(message))
            }
        }
    }

    /// Signs something by its hash alone, as [`Self::hash`] made it.
    ///
    /// # Errors
    ///
    /// For Ed25519, which must see the message, and for a hash of another length.
    pub fn sign_hashed(&self, hashed: &[u8]) -> Result<Vec<u8>, SandboxError> {
        match &self.private {
            PrivateKey::Ed25519(_) => Err(SandboxError::Unwritable {
                what: "an Ed25519 signature of a hash",
            }),
            PrivateKey::Ecdsa(pair) => Ok(sign_ecdsa(pair, self.kind, hashed)?),
            PrivateKey::Rsa(pair) => {
                let hashed = Digest::import_less_safe(hashed, self.hash.algorithm())?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign_digest(self.rsa_encoding(), &hashed, &mut signature)?;
                Ok(signature)
            }
        }
    }

    /// How Sigstore's `PublicKeyDetails` names the key and its hash.
    pub(super) fn details(&self) -> String {
        let hash = match self.hash {
            HashAlgorithm::Sha256 => "256",
            HashAlgorithm::Sha384 => "384",
            HashAlgorithm::Sha512 => "512",
        };
        let padding = match self.padding {
            RsaPadding::Pkcs1 => "PKCS1V15",
            RsaPadding::Pss => "PSS",
        };
        match self.kind {
            KeyKind::P256 => format!("PKIX_ECDSA_P256_SHA_{hash}"),
            KeyKind::P384 => format!("PKIX_ECDSA_P384_SHA_{hash}"),
            KeyKind::P521 => format!("PKIX_ECDSA_P521_SHA_{hash}"),
            KeyKind::Ed25519 => "PKIX_ED25519".to_owned(),
            KeyKind::Rsa => format!("PKIX_RSA_{padding}_2048_SHA{hash}"),
            KeyKind::Rsa3072 => format!("PKIX_RSA_{padding}_3072_SHA{hash}"),
            KeyKind::Rsa4096 => format!("PKIX_RSA_{padding}_4096_SHA{hash}"),
        }
    }

    fn rsa_encoding(&self) -> &'static dyn RsaEncoding {
        match (self.padding, self.hash) {
            (RsaPadding::Pkcs1, HashAlgorithm::Sha256) => &signature::RSA_PKCS1_SHA256,
            (RsaPadding::Pkcs1, HashAlgorithm::Sha384) => &signature::RSA_PKCS1_SHA384,
            (RsaPadding::Pkcs1, HashAlgorithm::Sha512) => &signature::RSA_PKCS1_SHA512,
            (RsaPadding::Pss, HashAlgorithm::Sha256) => &signature::RSA_PSS_SHA256,
            (RsaPadding::Pss, HashAlgorithm::Sha384) => &signature::RSA_PSS_SHA384,
            (RsaPadding::Pss, HashAlgorithm::Sha512) => &signature::RSA_PSS_SHA512,
        }
    }
}

impl HashAlgorithm {
    /// The hash of these bytes.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        digest::digest(self.algorithm(), bytes).as_ref().to_vec()
    }

    /// How Rekor v1 writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// How bundles and Rekor v2 write it.
    pub(super) fn bundle_name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA2_256",
            Self::Sha384 => "SHA2_384",
            Self::Sha512 => "SHA2_512",
        }
    }

    fn algorithm(self) -> &'static digest::Algorithm {
        match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        }
    }
}

impl PrivateKey {
    fn public_der(&self) -> Result<Vec<u8>, SandboxError> {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Ecdsa(pair) => pair.public_key().as_der()?,
            Self::Ed25519(pair) => pair.public_key().as_der()?,
            Self::Rsa(pair) => pair.public_key().as_der()?,
        };
        Ok(der.as_ref().to_vec())
    }
}

fn ecdsa(algorithm: &'static EcdsaSigningAlgorithm) -> Result<PrivateKey, SandboxError> {
    Ok(PrivateKey::Ecdsa(EcdsaKeyPair::generate(algorithm)?))
}

/// The library signs with one hash per curve. ECDSA itself takes the leftmost bits of any hash as a number
/// (FIPS 186-5 §6.4.1), so a shorter hash is the same number with zeros in front.
fn sign_ecdsa(
    pair: &EcdsaKeyPair,
    kind: KeyKind,
    hashed: &[u8],
) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
    let native = match kind {
        KeyKind::P384 => &digest::SHA384,
        KeyKind::P521 => &digest::SHA512,
        KeyKind::P256 | KeyKind::Ed25519 | KeyKind::Rsa | KeyKind::Rsa3072 | KeyKind::Rsa4096 => {
            &digest::SHA256
        }
    };
    let length = native.output_len();
    let mut number = vec![0; length.saturating_sub(hashed.len())];
    number.extend(hashed.iter().take(length));
    let signature = pair.sign_digest(&Digest::import_less_safe(&number, native)?)?;
    Ok(signature.as_ref().to_vec())
}
