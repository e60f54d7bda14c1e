//! The layouts that a signature can take.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Entries, Signing, credential::Credential};
use crate::sandbox::sigstore::{
    Entry, EntryKind, HashAlgorithm, SandboxError,
    transparency_log::{Envelope, LogEntry, Submission},
    x509,
};

/// What a registry stores for a signature: bytes, their media type and the annotations beside them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Attachment {
    /// The media type of the layer (and the artifact type of a bundle's manifest).
    pub media_type: &'static str,
    /// The bundle JSON, the payload or the envelope.
    pub content: Bytes,
    /// Of the layer descriptor in the older layouts; of the manifest for a bundle.
    pub annotations: BTreeMap<String, String>,
}

/// The versions of the bundle format, by the media type in the bundle.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BundleVersion {
    /// v0.3, as it is written since then.
    #[default]
    V03,
    /// v0.3, written with a parameter as the older ones are.
    V03Parameter,
    /// v0.2, with the certificates of the whole chain.
    V02,
    /// v0.1, with the certificates of the whole chain.
    V01,
}

impl Signing<'_> {
    /// Signs, in the layout of cosign 3: a DSSE envelope in a bundle.
    pub fn bundle(self) -> Result<Attachment, SandboxError> {
        let credential = self.credential()?;
        let sealed = self.seal(&credential)?;
        let submission = sealed.submission(&self, &credential);
        let material = self.material(&credential, &submission, EntryKind::Dsse001)?;
        Ok(self.bundled(&material, "dsseEnvelope", &sealed.envelope))
    }

    /// Signs a message in a bundle. The message is the image's manifest, of which only the digest is known
    /// here; with [`Signing::payload`] it is that.
    ///
    /// # Errors
    ///
    /// For keys that must see the message or hash with another than SHA-256, when there is only a digest.
    pub fn message_signature(self) -> Result<Attachment, SandboxError> {
        let credential = self.credential()?;
        let key = credential.key();
        let (hash, hashed, signature) = if let Some(payload) = &self.payload {
            let hash = key.hash();
            (hash, hash.digest(payload), key.sign(payload)?)
        } else {
            let hashed = unhex(self.image.hex());
            let signature = key.sign_hashed(&hashed)?;
            (HashAlgorithm::Sha256, hashed, signature)
        };
        let submission = Submission {
            hashed: hashed.clone(),
            envelope: None,
            signature: &signature,
            key,
            certificate: credential.certificate(),
        };
        let material = self.material(&credential, &submission, EntryKind::HashedRekord001)?;
        let message = json!({
            "messageDigest": {
                "algorithm": hash.bundle_name(),
                "digest": STANDARD.encode(hashed),
            },
            "signature": STANDARD.encode(&signature),
        });
        Ok(self.bundled(&material, "messageSignature", &message))
    }

    /// Signs, in the layout of cosign 2: a simple-signing payload, everything else in annotations.
    pub fn legacy(self) -> Result<Attachment, SandboxError> {
        let payload = self
            .payload
            .clone()
            .unwrap_or_else(|| self.simple_signing());
        let credential = self.credential()?;
        let signature = credential.key().sign(&payload)?;
        let submission = Submission {
            hashed: credential.key().hash().digest(&payload),
            envelope: None,
            signature: &signature,
            key: credential.key(),
            certificate: credential.certificate(),
        };
        let mut annotations =
            self.annotations_of(&credential, &submission, EntryKind::HashedRekord001, None)?;
        annotations.insert(SIGNATURE.to_owned(), STANDARD.encode(&signature));
        Ok(Attachment {
            media_type: "application/vnd.dev.cosign.simplesigning.v1+json",
            content: payload.into(),
            annotations,
        })
    }

    /// Signs a statement, as `cosign attest` did before bundles: a DSSE envelope, everything else in
    /// annotations. It is provenance unless another type was said.
    pub fn legacy_attestation(mut self) -> Result<Attachment, SandboxError> {
        self.predicate_type
            .get_or_insert_with(|| PROVENANCE.to_owned());
        let credential = self.credential()?;
        let sealed = self.seal(&credential)?;
        let submission = sealed.submission(&self, &credential);
        let mut annotations = self.annotations_of(
            &credential,
            &submission,
            EntryKind::Intoto001,
            Some(&sealed.json),
        )?;
        annotations.insert(SIGNATURE.to_owned(), String::new());
        let predicate_type = self.predicate_type_or_default().to_owned();
        annotations.insert("predicateType".to_owned(), predicate_type);
        Ok(Attachment {
            media_type: "application/vnd.dsse.envelope.v1+json",
            content: sealed.json.into(),
            annotations,
        })
    }

    fn seal(&self, credential: &Credential<'_>) -> Result<Sealed, SandboxError> {
        let payload = self.payload.clone().unwrap_or_else(|| self.statement());
        let signed = sigstore_types::pae(&self.payload_type, &payload);
        let signature = credential.key().sign(&signed)?;
        let envelope = json!({
            "payload": STANDARD.encode(&payload),
            "payloadType": self.payload_type,
            "signatures": [{ "sig": STANDARD.encode(&signature) }],
        });
        Ok(Sealed {
            hashed: credential.key().hash().digest(&signed),
            json: envelope.to_string().into_bytes(),
            payload,
            signature,
            envelope,
        })
    }

    /// The bundle's `verificationMaterial`.
    fn material(
        &self,
        credential: &Credential<'_>,
        submission: &Submission<'_>,
        usual: EntryKind,
    ) -> Result<Value, SandboxError> {
        let entries: Vec<_> = self
            .log(submission, usual)?
            .iter()
            .map(LogEntry::bundle_json)
            .collect();
        let tokens = self
            .tokens(submission.signature)?
            .into_iter()
            .map(|token| json!({ "signedTimestamp": token }))
            .collect::<Vec<_>>();
        let timestamps = if tokens.is_empty() {
            json!({})
        } else {
            json!({ "rfc3161Timestamps": tokens })
        };
        let mut material = credential.material(self.version);
        material.insert("tlogEntries".to_owned(), Value::Array(entries));
        material.insert("timestampVerificationData".to_owned(), timestamps);
        Ok(Value::Object(material))
    }

    fn bundled(&self, material: &Value, name: &str, content: &Value) -> Attachment {
        let bundle = json!({
            "mediaType": self.version.media_type(),
            "verificationMaterial": material,
            name: content,
        });
        let kind = match name {
            "dsseEnvelope" => "dsse-envelope",
            _ => "message-signature",
        };
        let mut annotations = BTreeMap::from([
            (
                "org.opencontainers.image.created".to_owned(),
                self.at.to_string(),
            ),
            ("dev.sigstore.bundle.content".to_owned(), kind.to_owned()),
        ]);
        if name == "dsseEnvelope" {
            annotations.insert(
                "dev.sigstore.bundle.predicateType".to_owned(),
                self.predicate_type_or_default().to_owned(),
            );
        }
        Attachment {
            media_type: self.version.media_type(),
            content: bundle.to_string().into(),
            annotations,
        }
    }

    /// The annotations of the older layouts, but for the signature. `envelope` is what a token imprints
    /// instead of the signature.
    fn annotations_of(
        &self,
        credential: &Credential<'_>,
        submission: &Submission<'_>,
        usual: EntryKind,
        envelope: Option<&[u8]>,
    ) -> Result<BTreeMap<String, String>, SandboxError> {
        let mut annotations = BTreeMap::new();
        if let Some((leaf, issuers)) = credential.chain.split_first() {
            let chain: String = issuers.iter().map(x509::pem).collect();
            annotations.insert(
                "dev.sigstore.cosign/certificate".to_owned(),
                x509::pem(leaf),
            );
            annotations.insert("dev.sigstore.cosign/chain".to_owned(), chain);
        }
        if let Some(entry) = self.log(submission, usual)?.first() {
            annotations.insert(
                "dev.sigstore.cosign/bundle".to_owned(),
                entry.annotation_json().to_string(),
            );
        }
        let imprinted = envelope.unwrap_or(submission.signature);
        if let Some(token) = self.tokens(imprinted)?.first() {
            annotations.insert(
                "dev.sigstore.cosign/rfc3161timestamp".to_owned(),
                json!({ "SignedRFC3161Timestamp": token }).to_string(),
            );
        }
        Ok(annotations)
    }

    fn log(
        &self,
        submission: &Submission<'_>,
        usual: EntryKind,
    ) -> Result<Vec<LogEntry>, SandboxError> {
        let log = |entry| {
            self.sigstore
                .transparency_logs
                .log(entry, submission, self.logged_at)
        };
        match &self.entries {
            Entries::Usual => Ok(vec![log(&Entry::of(usual))?]),
            Entries::These(entries) => entries.iter().map(log).collect(),
        }
    }

    /// Each token in base64.
    fn tokens(&self, imprinted: &[u8]) -> Result<Vec<String>, SandboxError> {
        self.tokens
            .iter()
            .map(|token| {
                let response = self.sigstore.timestamp(token, imprinted, self.at)?;
                Ok(STANDARD.encode(response))
            })
            .collect()
    }
}

/// A signed envelope.
struct Sealed {
    payload: Vec<u8>,
    hashed: Vec<u8>,
    signature: Vec<u8>,
    envelope: Value,
    json: Vec<u8>,
}

impl Sealed {
    fn submission<'b>(
        &'b self,
        signing: &'b Signing<'_>,
        credential: &'b Credential<'_>,
    ) -> Submission<'b> {
        Submission {
            hashed: self.hashed.clone(),
            envelope: Some(Envelope {
                json: &self.json,
                payload: &self.payload,
                payload_type: &signing.payload_type,
            }),
            signature: &self.signature,
            key: credential.key(),
            certificate: credential.certificate(),
        }
    }
}

impl BundleVersion {
    fn media_type(self) -> &'static str {
        match self {
            Self::V03 => "application/vnd.dev.sigstore.bundle.v0.3+json",
            Self::V03Parameter => "application/vnd.dev.sigstore.bundle+json;version=0.3",
            Self::V02 => "application/vnd.dev.sigstore.bundle+json;version=0.2",
            Self::V01 => "application/vnd.dev.sigstore.bundle+json;version=0.1",
        }
    }
}

/// The octets of a digest's hexadecimal text.
fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .filter_map(|index| u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok())
        .collect()
}

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
