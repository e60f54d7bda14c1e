//! What a log writes down of a signature: the bodies of all kinds of entries.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::EntryKind;
use crate::sandbox::sigstore::{HashAlgorithm, SandboxError, SigningKeyPair, hex, x509};

/// A signature as it is submitted to a log.
#[derive(Clone)]
pub(in crate::sandbox::sigstore) struct Submission<'a> {
    /// The hash of what is signed: of a payload, or of an envelope's PAE.
    pub(in crate::sandbox::sigstore) hashed: Vec<u8>,
    pub(in crate::sandbox::sigstore) envelope: Option<Envelope<'a>>,
    pub(in crate::sandbox::sigstore) signature: &'a [u8],
    pub(in crate::sandbox::sigstore) key: &'a SigningKeyPair,
    pub(in crate::sandbox::sigstore) certificate: Option<&'a [u8]>,
}

/// The envelope around what is signed.
#[derive(Clone, Copy)]
pub(in crate::sandbox::sigstore) struct Envelope<'a> {
    pub(in crate::sandbox::sigstore) json: &'a [u8],
    pub(in crate::sandbox::sigstore) payload: &'a [u8],
    pub(in crate::sandbox::sigstore) payload_type: &'a str,
}

impl Submission<'_> {
    /// The body that such an entry has.
    pub(super) fn body(&self, kind: EntryKind) -> Result<Value, SandboxError> {
        let spec = match kind {
            EntryKind::HashedRekord001 => self.hashedrekord_001(),
            EntryKind::Dsse001 => self.dsse_001()?,
            EntryKind::Intoto001 => self.intoto_001()?,
            EntryKind::Intoto002 => self.intoto_002()?,
            EntryKind::HashedRekord002 => self.hashedrekord_002(),
            EntryKind::Dsse002 => self.dsse_002()?,
        };
        Ok(json!({ "apiVersion": kind.version(), "kind": kind.name(), "spec": spec }))
    }

    fn hashedrekord_001(&self) -> Value {
        let algorithm = self.key.hash().name();
        json!({
            "data": { "hash": { "algorithm": algorithm, "value": hex(&self.hashed) } },
            "signature": {
                "content": STANDARD.encode(self.signature),
                "publicKey": { "content": STANDARD.encode(self.verifier_pem()) },
            },
        })
    }

    fn dsse_001(&self) -> Result<Value, SandboxError> {
        let envelope = self.envelope()?;
        Ok(json!({
            "envelopeHash": sha256(envelope.json),
            "payloadHash": sha256(envelope.payload),
            "signatures": [{
                "signature": STANDARD.encode(self.signature),
                "verifier": STANDARD.encode(self.verifier_pem()),
            }],
        }))
    }

    /// The oldest has no signature in it: the hash of the whole envelope stands for it.
    fn intoto_001(&self) -> Result<Value, SandboxError> {
        let envelope = self.envelope()?;
        Ok(json!({
            "content": {
                "hash": sha256(envelope.json),
                "payloadHash": sha256(envelope.payload),
            },
            "publicKey": STANDARD.encode(self.verifier_pem()),
        }))
    }

    /// The signature is base64 twice.
    fn intoto_002(&self) -> Result<Value, SandboxError> {
        let envelope = self.envelope()?;
        Ok(json!({
            "content": {
                "envelope": {
                    "payloadType": envelope.payload_type,
                    "signatures": [{
                        "publicKey": STANDARD.encode(self.verifier_pem()),
                        "sig": STANDARD.encode(STANDARD.encode(self.signature)),
                    }],
                },
                "hash": sha256(envelope.json),
                "payloadHash": sha256(envelope.payload),
            },
        }))
    }

    fn hashedrekord_002(&self) -> Value {
        json!({ "hashedRekordV002": {
            "data": {
                "algorithm": self.key.hash().bundle_name(),
                "digest": STANDARD.encode(&self.hashed),
            },
            "signature": self.signature_002(),
        }})
    }

    fn dsse_002(&self) -> Result<Value, SandboxError> {
        let hashed = HashAlgorithm::Sha256.digest(self.envelope()?.payload);
        Ok(json!({ "dsseV002": {
            "payloadHash": { "algorithm": "SHA2_256", "digest": STANDARD.encode(hashed) },
            "signatures": [self.signature_002()],
        }}))
    }

    fn signature_002(&self) -> Value {
        let (name, verifier) = match self.certificate {
            Some(der) => ("x509Certificate", der),
            None => ("publicKey", self.key.public_der()),
        };
        json!({
            "content": STANDARD.encode(self.signature),
            "verifier": {
                "keyDetails": self.key.details(),
                name: { "rawBytes": STANDARD.encode(verifier) },
            },
        })
    }

    fn verifier_pem(&self) -> String {
        self.certificate
            .map_or_else(|| self.key.public_pem(), x509::pem)
    }

    fn envelope(&self) -> Result<Envelope<'_>, SandboxError> {
        self.envelope.ok_or(SandboxError::Unwritable {
            what: "an entry about an envelope where there is none",
        })
    }
}

fn sha256(bytes: &[u8]) -> Value {
    let value = hex(sigstore_crypto::sha256(bytes).as_bytes());
    json!({ "algorithm": "sha256", "value": value })
}
