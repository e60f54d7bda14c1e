//! Logs: of signatures (Rekor) and of certificates (RFC 6962).

use std::fmt;

use der::{
    Decode as _, Encode as _,
    asn1::{AnyRef, BitString, Null},
    oid::ObjectIdentifier,
};
use sigstore_crypto::{KeyAlgorithm, SigningScheme, VerificationKey};
use sigstore_types::DerPublicKey;
use x509_cert::spki::{AlgorithmIdentifier, SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};

use super::super::encoding::hex;
use super::{TrustRootError, Window};

/// One log.
pub(in crate::verify) struct Log {
    /// What entries and certificate timestamps name it by.
    pub(in crate::verify) id: [u8; 32],
    /// Its key, with the scheme that goes with it.
    pub(in crate::verify) key: VerificationKey,
    /// Its key as a `SubjectPublicKeyInfo`, in DER.
    pub(in crate::verify) spki: Vec<u8>,
    /// When it may be believed.
    pub(in crate::verify) window: Window,
    /// The host of its address: the name under its checkpoints.
    pub(in crate::verify) host: Option<String>,
    /// What its checkpoints name its key by, where that is not the beginning of `id`.
    pub(in crate::verify) checkpoint_hint: Option<[u8; 4]>,
}

/// A log as it is written down.
pub(super) struct Written<'a> {
    /// Where it stands.
    pub(super) part: String,
    /// Its address, where one is given.
    pub(super) base_url: &'a str,
    /// Its key: a `SubjectPublicKeyInfo`, or for RSA the bare key.
    pub(super) key: &'a [u8],
    /// The name of the key's algorithm, where one is given.
    pub(super) key_details: &'a str,
    pub(super) window: Window,
    /// Its id, where one is given.
    pub(super) id: Option<&'a [u8]>,
    /// The id of its checkpoints' key, where one is given.
    pub(super) checkpoint_id: Option<&'a [u8]>,
}

impl Log {
    pub(super) fn read(written: &Written<'_>) -> Result<Self, TrustRootError> {
        let part = &written.part;
        let spki = public_key(written.key)
            .map_err(|error| TrustRootError::unreadable(part, "the key", &error))?;
        let der = DerPublicKey::from_bytes(&spki);
        let algorithm = KeyAlgorithm::from_spki(&der)
            .map_err(|error| TrustRootError::unreadable(part, "the key", &error))?;
        let key = VerificationKey::from_spki_with_scheme(&der, scheme(algorithm, written)?)
            .map_err(|error| TrustRootError::unreadable(part, "the key", &error))?;
        sigstore_crypto::validate_raw_public_key(key.scheme(), key.as_bytes())
            .map_err(|error| TrustRootError::unreadable(part, "the key", &error))?;
        Ok(Self {
            id: id(written, algorithm, &spki)?,
            key,
            spki,
            window: written.window,
            host: host(written.base_url),
            checkpoint_hint: written.checkpoint_id.map(|id| hint(part, id)).transpose()?,
        })
    }

    /// Refuses two logs of one id: which key counts would depend on their order.
    pub(super) fn distinct(part: &str, logs: &[Self]) -> Result<(), TrustRootError> {
        for (index, log) in logs.iter().enumerate() {
            if logs.iter().take(index).any(|other| other.id == log.id) {
                let detail = format!("the log id {} is there twice", hex(&log.id));
                return Err(TrustRootError::unusable(
                    &format!("{part}[{index}]"),
                    detail,
                ));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("id", &hex(&self.id))
            .field("window", &self.window)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// The key as a `SubjectPublicKeyInfo`. Old roots hold bare PKCS #1 keys, which RFC 8017 wraps like this.
fn public_key(bytes: &[u8]) -> Result<Vec<u8>, der::Error> {
    let Err(wrong) = SubjectPublicKeyInfoRef::from_der(bytes) else {
        return Ok(bytes.to_vec());
    };
    if !is_bare_rsa(bytes) {
        return Err(wrong);
    }
    SubjectPublicKeyInfo {
        algorithm: AlgorithmIdentifier {
            oid: RSA,
            parameters: Some(AnyRef::from(Null)),
        },
        subject_public_key: BitString::from_bytes(bytes)?,
    }
    .to_der()
}

fn is_bare_rsa(bytes: &[u8]) -> bool {
    VerificationKey::from_der(
        &DerPublicKey::from_bytes(bytes),
        SigningScheme::RsaPkcs1Sha256,
    )
    .is_ok()
}

/// The scheme of the key, but for what only `keyDetails` can say: that an RSA key signs with PSS.
fn scheme(algorithm: KeyAlgorithm, written: &Written<'_>) -> Result<SigningScheme, TrustRootError> {
    match written.key_details {
        "PKIX_ED25519_PH" => Err(TrustRootError::unusable(
            &written.part,
            "keys of kind PKIX_ED25519_PH are not supported, expected PKIX_ED25519",
        )),
        details if details.contains("RSA_PSS") && algorithm == KeyAlgorithm::Rsa => {
            Ok(SigningScheme::RsaPssSha256)
        }
        _ => Ok(algorithm.default_signing_scheme()),
    }
}

/// The id as it is given, or SHA-256 of the key.
///
/// A Rekor v2 log with an Ed25519 key derives its id from its name and its key, and its name may be any, so there the
/// id is taken as it is: it only says which key to try.
fn id(
    written: &Written<'_>,
    algorithm: KeyAlgorithm,
    spki: &[u8],
) -> Result<[u8; 32], TrustRootError> {
    let own = *sigstore_crypto::sha256(spki).as_bytes();
    // The id of a bare RSA key was made from the bare key.
    let bare = *sigstore_crypto::sha256(written.key).as_bytes();
    let Some(given) = written.id else {
        return Ok(own);
    };
    let id: [u8; 32] = given.try_into().map_err(|_| {
        let detail = format!("expected a log id of 32 bytes, found {}", given.len());
        TrustRootError::unusable(&written.part, detail)
    })?;
    if id == own || id == bare || algorithm == KeyAlgorithm::Ed25519 {
        return Ok(id);
    }
    let detail = format!(
        "the log id is not the SHA-256 of the key: expected {}, found {}",
        hex(&own),
        hex(&id)
    );
    Err(TrustRootError::unusable(&written.part, detail))
}

/// Checkpoints name a key by the first four bytes of its id.
fn hint(part: &str, id: &[u8]) -> Result<[u8; 4], TrustRootError> {
    id.first_chunk().copied().ok_or_else(|| {
        let detail = format!(
            "expected a checkpoint key id of 4 bytes or more, found {}",
            id.len()
        );
        TrustRootError::unusable(part, detail)
    })
}

/// The host of an address, without scheme, port and path.
fn host(base_url: &str) -> Option<String> {
    let url = url::Url::parse(base_url).ok();
    url.and_then(|url| url.host_str().map(str::to_owned))
}

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
