//! The JSON of an entry's body (Rekor's `types`, and `rekor-tiles`).

use aws_lc_rs::digest::{self, Algorithm, SHA256, SHA384, SHA512};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use sigstore_types::{DerCertificate, DerPublicKey};

use super::{Kind, malformed, missing};
use crate::verify::{
    SignatureError,
    encoding::{Base64, unhex},
    failure::presented,
};

/// What an entry is about, in the terms of its kind.
pub(super) enum About {
    /// A signature over what hashes to this.
    Signed {
        hash: Hash,
        signature: Vec<u8>,
        verifier: Verifier,
    },
    /// An envelope around a payload that hashes to this.
    Payload {
        hash: Hash,
        signatures: Vec<LoggedSignature>,
    },
    /// The same, with the payload's type.
    PayloadOfType {
        hash: Hash,
        payload_type: String,
        signatures: Vec<LoggedSignature>,
    },
    /// An envelope whose JSON hashes to this, its signature included.
    Envelope { hash: Hash, verifier: Verifier },
}

/// A signature in an envelope.
pub(super) struct LoggedSignature {
    pub(super) signature: Vec<u8>,
    pub(super) verifier: Verifier,
}

/// What the log was told that verifies the signature, in DER.
pub(super) enum Verifier {
    Certificate(Vec<u8>),
    Key(Vec<u8>),
}

/// A digest and how it was made.
pub(super) struct Hash {
    algorithm: String,
    digest: Vec<u8>,
}

/// The kind and version that a body says it is of.
pub(super) fn kind(body: &[u8]) -> Result<(String, String), SignatureError> {
    let head: Head = read(body)?;
    Ok((head.kind, head.api_version))
}

impl About {
    pub(super) fn read(kind: Kind, body: &[u8]) -> Result<Self, SignatureError> {
        match kind {
            Kind::HashedRekord0_0_1 => hashedrekord_0_0_1(&read::<Body<_>>(body)?.spec),
            Kind::HashedRekord0_0_2 => hashedrekord_0_0_2(read::<Body<_>>(body)?.spec),
            Kind::Dsse0_0_1 => dsse_0_0_1(&read::<Body<_>>(body)?.spec),
            Kind::Dsse0_0_2 => dsse_0_0_2(read::<Body<_>>(body)?.spec),
            Kind::Intoto0_0_1 => intoto_0_0_1(&read::<Body<_>>(body)?.spec),
            Kind::Intoto0_0_2 => intoto_0_0_2(&read::<Body<_>>(body)?.spec),
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, SignatureError> {
    serde_json::from_slice(body).map_err(|error| malformed("the entry is malformed", &error))
}

fn hashedrekord_0_0_1(spec: &HashedRekord1) -> Result<About, SignatureError> {
    Ok(About::Signed {
        hash: spec.data.hash.read()?,
        signature: spec.signature.content.0.clone(),
        verifier: Verifier::from_pem(&spec.signature.public_key.content)?,
    })
}

fn hashedrekord_0_0_2(spec: HashedRekord2) -> Result<About, SignatureError> {
    let record = spec.hashed_rekord_v002;
    Ok(About::Signed {
        hash: record.data.into(),
        signature: record.signature.content.0,
        verifier: record.signature.verifier.read()?,
    })
}

/// The hash of the whole envelope is left aside: whoever stores the envelope may spell its JSON in another way, and
/// payload, signature and verifier are all bound on their own. The payload's type is covered by the signature.
fn dsse_0_0_1(spec: &Dsse1) -> Result<About, SignatureError> {
    let signatures = spec.signatures.iter().map(|one| {
        Ok(LoggedSignature {
            signature: one.signature.0.clone(),
            verifier: Verifier::from_pem(&one.verifier)?,
        })
    });
    Ok(About::Payload {
        hash: spec.payload_hash.read()?,
        signatures: signatures.collect::<Result<_, _>>()?,
    })
}

fn dsse_0_0_2(spec: Dsse2) -> Result<About, SignatureError> {
    let record = spec.dsse_v002;
    let signatures = record.signatures.into_iter().map(|one| {
        Ok(LoggedSignature {
            signature: one.content.0,
            verifier: one.verifier.read()?,
        })
    });
    Ok(About::Payload {
        hash: record.payload_hash.into(),
        signatures: signatures.collect::<Result<_, _>>()?,
    })
}

fn intoto_0_0_1(spec: &Intoto1) -> Result<About, SignatureError> {
    Ok(About::Envelope {
        hash: spec.content.hash.read()?,
        verifier: Verifier::from_pem(&spec.public_key)?,
    })
}

/// Here the signature is Base64 of Base64.
fn intoto_0_0_2(spec: &Intoto2) -> Result<About, SignatureError> {
    let envelope = &spec.content.envelope;
    let signatures = envelope.signatures.iter().map(|one| {
        let signature = STANDARD
            .decode(&one.sig.0)
            .map_err(|error| malformed("the entry is malformed", &error))?;
        Ok(LoggedSignature {
            signature,
            verifier: Verifier::from_pem(&one.public_key)?,
        })
    });
    Ok(About::PayloadOfType {
        hash: spec.content.payload_hash.read()?,
        payload_type: envelope.payload_type.clone(),
        signatures: signatures.collect::<Result<_, _>>()?,
    })
}

impl Hash {
    /// Whether this is the hash of `content`.
    pub(super) fn is_of(&self, content: &[u8]) -> Result<bool, SignatureError> {
        let algorithm = self.known()?;
        Ok(digest::digest(algorithm, content).as_ref() == self.digest)
    }

    /// Whether it is this digest.
    pub(super) fn is_sha256(&self, digest: &[u8; 32]) -> bool {
        self.known().is_ok_and(|algorithm| *algorithm == SHA256) && self.digest == digest
    }

    /// The first generation writes the names in one way, the second in another.
    fn known(&self) -> Result<&'static Algorithm, SignatureError> {
        match self.algorithm.as_str() {
            "sha256" | "SHA2_256" => Ok(&SHA256),
            "sha384" | "SHA2_384" => Ok(&SHA384),
            "sha512" | "SHA2_512" => Ok(&SHA512),
            other => Err(SignatureError::LogEntry {
                detail: format!(
                    "the entry holds a digest of the algorithm \"{}\"",
                    presented(other)
                ),
            }),
        }
    }
}

impl Verifier {
    fn from_pem(pem: &Base64) -> Result<Self, SignatureError> {
        let text = std::str::from_utf8(&pem.0)
            .map_err(|error| malformed("the entry is malformed", &error))?;
        if let Ok(certificate) = DerCertificate::from_pem(text) {
            return Ok(Self::Certificate(certificate.as_bytes().to_vec()));
        }
        DerPublicKey::from_pem(text)
            .map(|key| Self::Key(key.as_bytes().to_vec()))
            .map_err(|error| malformed("the entry names no key or certificate", &error))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    api_version: String,
    kind: String,
}

#[derive(Deserialize)]
struct Body<T> {
    spec: T,
}

/// A digest as the first generation writes it.
#[derive(Deserialize)]
struct HexHash {
    algorithm: String,
    value: String,
}

impl HexHash {
    fn read(&self) -> Result<Hash, SignatureError> {
        let digest = unhex(&self.value)
            .ok_or_else(|| missing("the entry holds a digest that is not hexadecimal"))?;
        Ok(Hash {
            algorithm: self.algorithm.clone(),
            digest,
        })
    }
}

/// A digest as the second generation writes it.
#[derive(Deserialize)]
struct Base64Hash {
    algorithm: String,
    digest: Base64,
}

impl From<Base64Hash> for Hash {
    fn from(hash: Base64Hash) -> Self {
        Self {
            algorithm: hash.algorithm,
            digest: hash.digest.0,
        }
    }
}

#[derive(Deserialize)]
struct HashedRekord1 {
    data: HashedData,
    signature: HashedSignature,
}

#[derive(Deserialize)]
struct HashedData {
    hash: HexHash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashedSignature {
    content: Base64,
    public_key: PemContent,
}

#[derive(Deserialize)]
struct PemContent {
    content: Base64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HashedRekord2 {
    hashed_rekord_v002: HashedRecord,
}

#[derive(Deserialize)]
struct HashedRecord {
    data: Base64Hash,
    signature: RecordedSignature,
}

#[derive(Deserialize)]
struct RecordedSignature {
    content: Base64,
    verifier: RecordedVerifier,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecordedVerifier {
    x509_certificate: Option<RawBytes>,
    public_key: Option<RawBytes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: Base64,
}

impl RecordedVerifier {
    fn read(self) -> Result<Verifier, SignatureError> {
        match (self.x509_certificate, self.public_key) {
            (Some(certificate), None) => Ok(Verifier::Certificate(certificate.raw_bytes.0)),
            (None, Some(key)) => Ok(Verifier::Key(key.raw_bytes.0)),
            (Some(_), Some(_)) | (None, None) => Err(missing(
                "the entry names more or less than one key or certificate",
            )),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse1 {
    payload_hash: HexHash,
    signatures: Vec<PemSignature>,
}

#[derive(Deserialize)]
struct PemSignature {
    signature: Base64,
    verifier: Base64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse2 {
    dsse_v002: DsseRecord,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DsseRecord {
    payload_hash: Base64Hash,
    signatures: Vec<RecordedSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intoto1 {
    content: IntotoHash,
    public_key: Base64,
}

#[derive(Deserialize)]
struct IntotoHash {
    hash: HexHash,
}

#[derive(Deserialize)]
struct Intoto2 {
    content: IntotoContent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoContent {
    envelope: IntotoEnvelope,
    payload_hash: HexHash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoEnvelope {
    payload_type: String,
    signatures: Vec<IntotoSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IntotoSignature {
    sig: Base64,
    public_key: Base64,
}
