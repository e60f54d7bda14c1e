//! One signature in the making, and the two layouts it can take.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    CertificateTimestamp, Claims, PrivateSigstore, SandboxError, SigningKeyPair,
    transparency_log::LogEntry,
};
use crate::image::Digest;

/// A signature about to be made. Every setter changes one thing from what cosign would do.
#[derive(Debug)]
#[must_use = "nothing is signed before `bundle` or `legacy`"]
pub struct Signing<'a> {
    sigstore: &'a PrivateSigstore,
    signer: Signer<'a>,
    image: Digest,
    at: Timestamp,
    logged_at: Timestamp,
    logged: bool,
    timestamp: CertificateTimestamp,
    annotations: BTreeMap<String, String>,
    predicate_type: String,
    payload_type: String,
    critical_type: String,
    payload: Option<Vec<u8>>,
}

/// What a registry stores for a signature: bytes, their media type and the annotations beside them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attachment {
    /// The media type of the layer (and the artifact type of a bundle's manifest).
    pub media_type: &'static str,
    /// The bundle JSON, or the payload of the older layout.
    pub content: Bytes,
    /// Of the layer descriptor in the older layout; of the manifest for a bundle.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug)]
enum Signer<'a> {
    Keyless(Box<Claims>),
    Keyed(&'a SigningKeyPair),
}

/// What signs, once there is a certificate for it.
struct Credential<'a> {
    key: KeyRef<'a>,
    certificate: Option<Vec<u8>>,
}

enum KeyRef<'a> {
    Held(&'a SigningKeyPair),
    Ephemeral(SigningKeyPair),
}

impl<'a> Signing<'a> {
    pub(super) fn keyless(sigstore: &'a PrivateSigstore, claims: Claims, image: &Digest) -> Self {
        Self::new(sigstore, Signer::Keyless(Box::new(claims)), image)
    }

    pub(super) fn keyed(
        sigstore: &'a PrivateSigstore,
        key: &'a SigningKeyPair,
        image: &Digest,
    ) -> Self {
        Self::new(sigstore, Signer::Keyed(key), image)
    }

    fn new(sigstore: &'a PrivateSigstore, signer: Signer<'a>, image: &Digest) -> Self {
        Self {
            sigstore,
            signer,
            image: image.clone(),
            at: sigstore.now,
            logged_at: sigstore.now,
            logged: true,
            timestamp: CertificateTimestamp::Genuine,
            annotations: BTreeMap::new(),
            predicate_type: SIGN_PREDICATE.to_owned(),
            payload_type: "application/vnd.in-toto+json".to_owned(),
            critical_type: "cosign container image signature".to_owned(),
            payload: None,
        }
    }

    /// Signs and logs at this time. The certificate is issued then and lives ten minutes.
    pub fn at(mut self, at: Timestamp) -> Self {
        self.at = at;
        self.logged_at = at;
        self
    }

    /// Logs at this time, which may lie outside the certificate's validity.
    pub fn logged_at(mut self, at: Timestamp) -> Self {
        self.logged_at = at;
        self
    }

    /// Makes no log entry.
    pub fn without_log(mut self) -> Self {
        self.logged = false;
        self
    }

    /// Chooses which certificate timestamp the certificate carries.
    pub fn certificate_timestamp(mut self, timestamp: CertificateTimestamp) -> Self {
        self.timestamp = timestamp;
        self
    }

    /// Adds an annotation, as `cosign sign --annotations` does.
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Replaces the predicate type of the statement.
    pub fn predicate_type(mut self, predicate_type: &str) -> Self {
        predicate_type.clone_into(&mut self.predicate_type);
        self
    }

    /// Replaces the payload type of the envelope.
    pub fn payload_type(mut self, payload_type: &str) -> Self {
        payload_type.clone_into(&mut self.payload_type);
        self
    }

    /// Replaces `critical.type` of the older layout.
    pub fn critical_type(mut self, critical_type: &str) -> Self {
        critical_type.clone_into(&mut self.critical_type);
        self
    }

    /// Signs exactly these bytes instead of the statement or payload.
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = Some(payload.into());
        self
    }

    /// Signs, in the layout of cosign 3: a DSSE envelope in a bundle v0.3.
    pub fn bundle(self) -> Result<Attachment, SandboxError> {
        let payload = self.payload.clone().unwrap_or_else(|| self.statement());
        let credential = self.credential()?;
        let signature = credential.sign(&sigstore_types::pae(&self.payload_type, &payload))?;
        let envelope = json!({
            "payload": STANDARD.encode(&payload),
            "payloadType": self.payload_type,
            "signatures": [{ "sig": STANDARD.encode(&signature) }],
        });
        let entries = if self.logged {
            vec![
                self.log_envelope(&envelope, &payload, &signature, &credential)?
                    .bundle_json(),
            ]
        } else {
            Vec::new()
        };
        let mut material = credential.material();
        material.insert("tlogEntries".to_owned(), Value::Array(entries));
        material.insert("timestampVerificationData".to_owned(), json!({}));
        let bundle = json!({
            "mediaType": BUNDLE_MEDIA_TYPE,
            "verificationMaterial": material,
            "dsseEnvelope": envelope,
        });
        Ok(Attachment {
            media_type: BUNDLE_MEDIA_TYPE,
            content: bundle.to_string().into(),
            annotations: BTreeMap::from([
                (
                    "org.opencontainers.image.created".to_owned(),
                    self.at.to_string(),
                ),
                (
                    "dev.sigstore.bundle.content".to_owned(),
                    "dsse-envelope".to_owned(),
                ),
                (
                    "dev.sigstore.bundle.predicateType".to_owned(),
                    self.predicate_type,
                ),
            ]),
        })
    }

    /// Signs, in the layout of cosign 2: a simple-signing payload, everything else in annotations.
    pub fn legacy(self) -> Result<Attachment, SandboxError> {
        let payload = self
            .payload
            .clone()
            .unwrap_or_else(|| self.simple_signing());
        let credential = self.credential()?;
        let signature = credential.sign(&payload)?;
        let mut annotations = BTreeMap::from([(
            "dev.cosignproject.cosign/signature".to_owned(),
            STANDARD.encode(&signature),
        )]);
        if let Some(leaf) = &credential.certificate {
            let chain = self
                .sigstore
                .authority
                .chain()
                .map(certificate_pem)
                .concat();
            annotations.insert(
                "dev.sigstore.cosign/certificate".to_owned(),
                certificate_pem(leaf),
            );
            annotations.insert("dev.sigstore.cosign/chain".to_owned(), chain);
        }
        if self.logged {
            let hash = *sigstore_crypto::sha256(&payload).as_bytes();
            let log = &self.sigstore.transparency_log;
            let entry =
                log.log_hashedrekord(hash, &signature, &credential.verifier_pem(), self.logged_at)?;
            annotations.insert(
                "dev.sigstore.cosign/bundle".to_owned(),
                entry.annotation_json().to_string(),
            );
        }
        Ok(Attachment {
            media_type: SIMPLE_SIGNING_MEDIA_TYPE,
            content: payload.into(),
            annotations,
        })
    }

    fn statement(&self) -> Vec<u8> {
        let mut subject = json!({ "digest": { "sha256": self.image.hex() } });
        if let (false, Some(fields)) = (self.annotations.is_empty(), subject.as_object_mut()) {
            fields.insert("annotations".to_owned(), json!(self.annotations));
        }
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [subject],
            "predicateType": self.predicate_type,
            "predicate": {},
        })
        .to_string()
        .into_bytes()
    }

    fn simple_signing(&self) -> Vec<u8> {
        let optional = if self.annotations.is_empty() {
            Value::Null
        } else {
            json!(self.annotations)
        };
        json!({
            "critical": {
                "identity": { "docker-reference": "registry.assay.test/signed" },
                "image": { "docker-manifest-digest": self.image.as_str() },
                "type": self.critical_type,
            },
            "optional": optional,
        })
        .to_string()
        .into_bytes()
    }

    fn credential(&self) -> Result<Credential<'a>, SandboxError> {
        match &self.signer {
            Signer::Keyed(key) => Ok(Credential {
                key: KeyRef::Held(key),
                certificate: None,
            }),
            Signer::Keyless(claims) => {
                let key = SigningKeyPair::generate()?;
                let sigstore = self.sigstore;
                let certificate = sigstore.authority.issue(
                    claims,
                    key.public_der(),
                    self.at,
                    &sigstore.certificate_log,
                    self.timestamp,
                )?;
                Ok(Credential {
                    key: KeyRef::Ephemeral(key),
                    certificate: Some(certificate),
                })
            }
        }
    }

    fn log_envelope(
        &self,
        envelope: &Value,
        payload: &[u8],
        signature: &[u8],
        credential: &Credential<'_>,
    ) -> Result<LogEntry, SandboxError> {
        self.sigstore.transparency_log.log_dsse(
            *sigstore_crypto::sha256(envelope.to_string().as_bytes()).as_bytes(),
            *sigstore_crypto::sha256(payload).as_bytes(),
            signature,
            &credential.verifier_pem(),
            self.logged_at,
        )
    }
}

impl Credential<'_> {
    fn key(&self) -> &SigningKeyPair {
        match &self.key {
            KeyRef::Held(key) => key,
            KeyRef::Ephemeral(key) => key,
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SandboxError> {
        self.key().sign(message)
    }

    fn verifier_pem(&self) -> String {
        match &self.certificate {
            Some(der) => certificate_pem(der),
            None => self.key().public_pem(),
        }
    }

    /// The bundle's `verificationMaterial`, without log entries.
    fn material(&self) -> serde_json::Map<String, Value> {
        let (name, value) = match &self.certificate {
            Some(der) => ("certificate", json!({ "rawBytes": STANDARD.encode(der) })),
            None => (
                "publicKey",
                json!({ "hint": STANDARD.encode(self.key().id()) }),
            ),
        };
        serde_json::Map::from_iter([(name.to_owned(), value)])
    }
}

fn certificate_pem(der: &(impl AsRef<[u8]> + ?Sized)) -> String {
    sigstore_types::DerCertificate::from_bytes(der.as_ref()).to_pem()
}

/// The media type of a bundle, its layer and its artifact.
const BUNDLE_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

const SIMPLE_SIGNING_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

const SIGN_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
