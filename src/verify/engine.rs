//! The one place that calls the signature verifier, and that believes nothing it did not say.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ED25519,
    RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use jiff::Timestamp;
use sigstore_types::{
    Artifact, Bundle, DerPublicKey, DigestBytes, HashAlgorithm, MessageDigest, SignatureContent,
};
use sigstore_verify::{
    PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult, Verifier,
};
use x509_cert::der::{Decode as _, oid::ObjectIdentifier};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::{
    Identity, Layout, LogRequirement, SignatureError, Signer, TrustRoot, VerifiedSignature,
    failure::{invalid, refused},
    log::{self, Inclusion},
};
use crate::{image::Digest, key::PublicKey};

/// What is to be verified: the bundle, and the bytes or digest it is said to be about.
pub(super) struct Signed<'a> {
    pub(super) bundle: Bundle,
    pub(super) artifact: Artifact<'a>,
}

/// Who signed and when, as far as that is proven.
pub(super) struct Proven {
    signer: Signer,
    signed_at: Option<Timestamp>,
    log_index: Option<u64>,
}

/// The hash a key turned out to have signed with.
#[derive(Clone, Copy)]
pub(super) enum SignatureHash {
    /// SHA-256, whatever the curve, as cosign 2 does.
    Sha256,
    /// The hash that goes with the key's own strength.
    OfKey,
}

impl Proven {
    pub(super) fn by_key_alone(key: &PublicKey) -> Self {
        Self {
            signer: signer(key),
            signed_at: None,
            log_index: None,
        }
    }

    pub(super) fn into_signature(
        self,
        image: &Digest,
        layout: Layout,
        annotations: BTreeMap<String, String>,
    ) -> VerifiedSignature {
        VerifiedSignature {
            image: image.clone(),
            layout,
            signer: self.signer,
            signed_at: self.signed_at,
            log_index: self.log_index,
            annotations,
        }
    }
}

/// §4 of the Sigstore client specification for a certificate: log, times, chain at every time, certificate
/// timestamp, signature, and that the log entry is about this signature.
pub(super) fn by_certificate(
    signed: &Signed<'_>,
    root: &TrustRoot,
) -> Result<Proven, SignatureError> {
    // Any identity: who may sign is decided elsewhere, by our own matching of whole values.
    let policy = VerificationPolicy::any_identity();
    let result = verifier(root)?
        .verify(signed.artifact.clone(), &signed.bundle, &policy)
        .map_err(|error| refused(&error))?;
    nothing_skipped(&result)?;
    let leaf = signed
        .bundle
        .signing_certificate()
        .ok_or(SignatureError::OtherKind(KEYED))?;
    let identity = Identity::from_certificate(leaf.as_bytes())?;
    Ok(Proven {
        signer: Signer::Certificate(Box::new(identity)),
        signed_at: result.verified_timestamps().iter().min().copied(),
        log_index: log::signed_index(&signed.bundle),
    })
}

fn verifier(root: &TrustRoot) -> Result<&Verifier, SignatureError> {
    root.verifier().ok_or_else(|| SignatureError::Certificate {
        detail: "the trust root cannot be used here".to_owned(),
    })
}

/// The verifier says what it did. "Verified" must not mean that there was nothing to verify.
fn nothing_skipped(result: &VerificationResult) -> Result<(), SignatureError> {
    if !result.certificate_verified() {
        return Err(SignatureError::Certificate {
            detail: "the chain was not verified".to_owned(),
        });
    }
    if !result.sct_verified() {
        return Err(SignatureError::Certificate {
            detail: "its timestamp was not verified".to_owned(),
        });
    }
    if !result.tlog_verified() {
        return Err(SignatureError::LogEntry {
            detail: "the entry was not verified".to_owned(),
        });
    }
    if result.verified_timestamps().is_empty() {
        return Err(SignatureError::Timestamp {
            detail: "none was verified".to_owned(),
        });
    }
    Ok(())
}

/// Verifies a signature over these bytes with a key: with the hash that goes with the key, then with SHA-256.
pub(super) fn by_key(
    key: &PublicKey,
    message: &[u8],
    signature: &[u8],
) -> Result<SignatureHash, SignatureError> {
    let info = SubjectPublicKeyInfoRef::from_der(key.der())
        .map_err(|error| invalid("the key is malformed", &error))?;
    let bytes = info.subject_public_key.raw_bytes();
    algorithms(&info)
        .iter()
        .find(|(_, algorithm)| {
            UnparsedPublicKey::new(*algorithm, bytes)
                .verify(message, signature)
                .is_ok()
        })
        .map(|(hash, _)| *hash)
        .ok_or(SignatureError::OtherKey)
}

/// What each kind of key may have signed with. A kind that is not listed verifies nothing.
fn algorithms(
    info: &SubjectPublicKeyInfoRef<'_>,
) -> &'static [(SignatureHash, &'static dyn VerificationAlgorithm)] {
    match (info.algorithm.oid, info.algorithm.parameters_oid().ok()) {
        (EC, Some(P256)) => &[(SignatureHash::OfKey, &ECDSA_P256_SHA256_ASN1)],
        (EC, Some(P384)) => &[
            (SignatureHash::OfKey, &ECDSA_P384_SHA384_ASN1),
            (SignatureHash::Sha256, &ECDSA_P384_SHA256_ASN1),
        ],
        (RSA, _) => &[(SignatureHash::OfKey, &RSA_PKCS1_2048_8192_SHA256)],
        (ED25519_KEY, None) => &[(SignatureHash::OfKey, &ED25519)],
        _ => &[],
    }
}

/// After [`by_key`]: adds the proof of logging where it is required, and drops what the candidate says
/// about logs and times where it is not.
pub(super) fn logged(
    signed: Signed<'_>,
    key: &PublicKey,
    hash: SignatureHash,
    requirement: LogRequirement,
    root: Option<&TrustRoot>,
    inclusion: Inclusion,
) -> Result<Proven, SignatureError> {
    match requirement {
        LogRequirement::Ignore => return Ok(Proven::by_key_alone(key)),
        LogRequirement::Require => {}
    }
    let root = root.ok_or_else(|| SignatureError::LogEntry {
        detail: "there is no trust root that names a log".to_owned(),
    })?;
    log::require(&signed.bundle, inclusion)?;
    let bundle = with_hash(signed.bundle, &signed.artifact, hash);
    let policy = PublicKeyVerificationPolicy::new(DerPublicKey::from_bytes(key.der()));
    let result = verifier(root)?
        .verify(signed.artifact, &bundle, &policy)
        .map_err(|error| refused(&error))?;
    if !result.tlog_verified() {
        return Err(SignatureError::LogEntry {
            detail: "the entry was not verified".to_owned(),
        });
    }
    Ok(Proven {
        signer: signer(key),
        signed_at: result.verified_timestamps().iter().min().copied(),
        log_index: log::signed_index(&bundle),
    })
}

/// Tells the verifier which hash a bare signature was made with; it would assume the key's own.
fn with_hash(mut bundle: Bundle, artifact: &Artifact<'_>, hash: SignatureHash) -> Bundle {
    if let (
        SignatureHash::Sha256,
        SignatureContent::MessageSignature(signature),
        Artifact::Blob(blob),
    ) = (hash, &mut bundle.content, artifact)
    {
        let digest = DigestBytes::from(sigstore_crypto::sha256(blob).as_slice());
        signature.message_digest = Some(MessageDigest::new(HashAlgorithm::Sha2256, digest));
    }
    bundle
}

fn signer(key: &PublicKey) -> Signer {
    Signer::Key {
        fingerprint: key.fingerprint().to_owned(),
    }
}

/// A candidate made with a key, where a certificate is wanted.
pub(super) const KEYED: &str = "signed with a key, not with a certificate";

/// A candidate made with a certificate, where a key is wanted.
pub(super) const CERTIFIED: &str = "signed with a certificate, not with a key";

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ED25519_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
