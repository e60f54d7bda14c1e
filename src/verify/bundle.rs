//! A Sigstore bundle of version 0.1 to 0.3, as cosign 3 writes for an image.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de};
use sigstore_types::DsseEnvelope;

use super::{
    Candidate, SignatureError,
    encoding::{Base64, hex},
    failure::{invalid, presented, within},
    log::Inclusion,
    material::{Claim, Credential, Entry, Material, Proof, Signed},
};
use crate::{image::Digest, limits};

/// Reads a bundle. A bare signature in it is taken for one over the manifest of `image`.
pub(super) fn read(candidate: &Candidate, image: &Digest) -> Result<Material, SignatureError> {
    let bundle: Bundle = serde_json::from_slice(&candidate.content)
        .map_err(|error| invalid(NOT_A_BUNDLE, &error))?;
    let version = Version::of(&bundle.media_type)?;
    let parts = bundle.verification_material;
    let entries = parts.tlog_entries.unwrap_or_default();
    within(
        "transparency log entries",
        entries.len(),
        limits::LOG_ENTRIES_PER_BUNDLE,
    )?;
    let timestamps = parts.timestamp_verification_data.unwrap_or_default();
    let timestamps = timestamps.rfc3161_timestamps.unwrap_or_default();
    within(
        "signed timestamps",
        timestamps.len(),
        limits::TIMESTAMPS_PER_BUNDLE,
    )?;
    let credential = credential(
        version,
        parts.certificate,
        parts.x509_certificate_chain,
        parts.public_key,
    )?;
    let (signed, claim, signature) = match (bundle.dsse_envelope, bundle.message_signature) {
        (Some(envelope), None) => {
            let signature = envelope.signature.sig.as_bytes().to_vec();
            let (signed, claim) = Claim::of_envelope(envelope, None);
            (signed, claim, signature)
        }
        (None, Some(message)) => (message.over(image)?, Claim::Manifest, message.signature.0),
        (Some(_), Some(_)) | (None, None) => {
            return Err(SignatureError::Invalid {
                detail: "the bundle holds more or less than one signature".to_owned(),
            });
        }
    };
    Ok(Material {
        signed,
        claim,
        imprinted: signature.clone().into(),
        signature,
        credential,
        entries: entries.into_iter().map(LogEntry::read).collect(),
        inclusion: Inclusion::Proof,
        tokens: Ok(timestamps
            .into_iter()
            .map(|token| token.signed_timestamp.0)
            .collect()),
    })
}

/// Only whether a chain may stand in it depends on it: the media type is not signed, so no proof may.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Version {
    BeforeV0_3,
    V0_3,
}

impl Version {
    fn of(media_type: &str) -> Result<Self, SignatureError> {
        match media_type {
            "application/vnd.dev.sigstore.bundle+json;version=0.1"
            | "application/vnd.dev.sigstore.bundle+json;version=0.2" => Ok(Self::BeforeV0_3),
            "application/vnd.dev.sigstore.bundle.v0.3+json"
            | "application/vnd.dev.sigstore.bundle+json;version=0.3" => Ok(Self::V0_3),
            other => Err(SignatureError::Invalid {
                detail: format!("{NOT_A_BUNDLE}: \"{}\"", presented(other)),
            }),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    verification_material: Parts,
    dsse_envelope: Option<DsseEnvelope>,
    message_signature: Option<MessageSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parts {
    certificate: Option<Certificate>,
    x509_certificate_chain: Option<Chain>,
    public_key: Option<de::IgnoredAny>,
    tlog_entries: Option<Vec<LogEntry>>,
    timestamp_verification_data: Option<Timestamps>,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<Certificate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    raw_bytes: Base64,
}

/// Only the first certificate is the leaf. From version 0.3 on there is no other.
fn credential(
    version: Version,
    certificate: Option<Certificate>,
    chain: Option<Chain>,
    public_key: Option<de::IgnoredAny>,
) -> Result<Credential, SignatureError> {
    match (certificate, chain, public_key) {
        (None, None, Some(_)) => Ok(Credential::Key),
        (Some(leaf), None, None) => Credential::certificate(leaf.raw_bytes.0, Vec::new()),
        (None, Some(_), None) if version == Version::V0_3 => Err(SignatureError::Certificate {
            detail: "a bundle of version 0.3 holds one certificate and no chain".to_owned(),
        }),
        (None, Some(chain), None) => {
            let mut certificates = chain.certificates.into_iter().map(|one| one.raw_bytes.0);
            let leaf = certificates
                .next()
                .ok_or_else(|| SignatureError::Certificate {
                    detail: "the chain is empty".to_owned(),
                })?;
            Credential::certificate(leaf, certificates.collect())
        }
        _ => Err(SignatureError::Invalid {
            detail: "the bundle names more or less than one key, certificate or chain".to_owned(),
        }),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    message_digest: Option<MessageDigest>,
    signature: Base64,
}

#[derive(Deserialize)]
struct MessageDigest {
    algorithm: String,
    digest: Base64,
}

impl MessageSignature {
    /// The digest in the bundle is a hint: it tells a signature of another image from a forged one.
    fn over(&self, image: &Digest) -> Result<Signed, SignatureError> {
        let manifest = manifest(image)?;
        match &self.message_digest {
            Some(hint) if hint.algorithm != "SHA2_256" => Err(SignatureError::Invalid {
                detail: format!(
                    "the bare signature is over a digest of the algorithm \"{}\", not SHA2_256",
                    presented(&hint.algorithm)
                ),
            }),
            Some(hint) if hint.digest.0 != manifest => Err(SignatureError::OtherImage {
                presented: presented(&format!("sha256:{}", hex(&hint.digest.0))),
            }),
            Some(_) | None => Ok(Signed::Sha256(manifest)),
        }
    }
}

/// The SHA-256 of the image's manifest.
fn manifest(image: &Digest) -> Result<[u8; 32], SignatureError> {
    let digest = sigstore_types::Sha256Hash::from_hex(image.hex())
        .map_err(|error| invalid("the image's digest is malformed", &error))?;
    Ok(*digest.as_bytes())
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    rfc3161_timestamps: Option<Vec<Token>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    signed_timestamp: Base64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogEntry {
    #[serde(default)]
    log_index: Option<Number>,
    log_id: LogId,
    kind_version: KindVersion,
    integrated_time: Option<Number>,
    inclusion_promise: Option<Promise>,
    inclusion_proof: Option<InclusionProof>,
    canonicalized_body: Base64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogId {
    key_id: Base64,
}

#[derive(Deserialize)]
struct KindVersion {
    kind: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: Base64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InclusionProof {
    log_index: Option<Number>,
    root_hash: Option<Base64>,
    tree_size: Option<Number>,
    #[serde(default)]
    hashes: Vec<Base64>,
    checkpoint: Option<Checkpoint>,
}

#[derive(Deserialize)]
struct Checkpoint {
    #[serde(default)]
    envelope: String,
}

impl LogEntry {
    fn read(self) -> Result<Entry, SignatureError> {
        let promise = self
            .inclusion_promise
            .map(|one| one.signed_entry_timestamp.0);
        Ok(Entry {
            // In this JSON a number that is 0 may be left out.
            index: unsigned(self.log_index.as_ref())?.unwrap_or_default(),
            log_id: self.log_id.key_id.0,
            kind: Some((self.kind_version.kind, self.kind_version.version)),
            integrated: self
                .integrated_time
                .filter(|seconds| seconds.0 != 0)
                .map(|seconds| Timestamp::from_second(seconds.0))
                .transpose()
                .map_err(|error| malformed(&error))?,
            promise: promise.filter(|bytes| !bytes.is_empty()),
            proof: self.inclusion_proof.map(InclusionProof::read).transpose()?,
            body: self.canonicalized_body.0,
        })
    }
}

impl InclusionProof {
    fn read(self) -> Result<Proof, SignatureError> {
        let root = self.root_hash.filter(|root| !root.0.is_empty());
        Ok(Proof {
            index: unsigned(self.log_index.as_ref())?,
            root: root.as_ref().map(hash).transpose()?,
            size: unsigned(self.tree_size.as_ref())?,
            hashes: self.hashes.iter().map(hash).collect::<Result<_, _>>()?,
            checkpoint: self.checkpoint.map(|one| one.envelope).unwrap_or_default(),
        })
    }
}

fn hash(bytes: &Base64) -> Result<[u8; 32], SignatureError> {
    <[u8; 32]>::try_from(bytes.0.as_slice()).map_err(|error| malformed(&error))
}

fn unsigned(number: Option<&Number>) -> Result<Option<u64>, SignatureError> {
    number
        .map(|number| u64::try_from(number.0))
        .transpose()
        .map_err(|error| malformed(&error))
}

fn malformed(error: &dyn std::fmt::Display) -> SignatureError {
    SignatureError::LogEntry {
        detail: super::failure::text("the entry is malformed", error),
    }
}

/// A whole number: this JSON writes those of 64 bits as texts, some writers do not.
struct Number(i64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(i64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(Self(number)),
            Written::Text(text) => text.parse().map(Self).map_err(de::Error::custom),
        }
    }
}

const NOT_A_BUNDLE: &str = "not a bundle of version 0.1 to 0.3";
