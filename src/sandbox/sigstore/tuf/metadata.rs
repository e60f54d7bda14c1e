//! One signed metadata file.

use serde_json::{Value, json};

use super::{TufFault, TufRole};
use crate::sandbox::sigstore::{KeyKind, SandboxError, SigningKeyPair, hex};

/// Metadata with its signatures.
pub(super) struct Signed {
    role: TufRole,
    content: Value,
    signatures: Vec<Value>,
}

impl Signed {
    pub(super) fn new(
        role: TufRole,
        content: Value,
        keys: &[&SigningKeyPair],
        fault: Option<TufFault>,
    ) -> Result<Self, SandboxError> {
        let mut canonical = canonical(&content)?;
        if fault == Some(TufFault::WrongSignature(role)) {
            canonical.push(b' ');
        }
        let another;
        // Of the root the caller takes one signer away instead.
        let foreign = role != TufRole::Root && fault == Some(TufFault::WrongKey(role));
        let keys = if foreign {
            another = SigningKeyPair::generate()?;
            vec![&another]
        } else {
            keys.to_vec()
        };
        let signatures = keys
            .into_iter()
            .map(|key| Ok(json!({ "keyid": key_id(key)?, "sig": hex(&key.sign(&canonical)?) })))
            .collect::<Result<_, SandboxError>>()?;
        Ok(Self {
            role,
            content,
            signatures,
        })
    }

    pub(super) fn encode(&self, fault: Option<TufFault>) -> Vec<u8> {
        let file = json!({ "signatures": self.signatures, "signed": self.content });
        let mut encoded = file.to_string().into_bytes();
        if let Some(TufFault::Padded(role, count)) = fault
            && role == self.role
        {
            encoded.resize(encoded.len() + count, b' ');
        }
        encoded
    }
}

/// As the root names a key.
pub(super) fn key_json(key: &SigningKeyPair) -> Value {
    let raw_ed25519 = || {
        let der = key.public_der();
        hex(der.get(der.len().saturating_sub(32)..).unwrap_or_default())
    };
    let (keytype, scheme, public) = match key.kind() {
        KeyKind::Ed25519 => ("ed25519", "ed25519", raw_ed25519()),
        KeyKind::P384 => ("ecdsa", "ecdsa-sha2-nistp384", key.public_pem()),
        KeyKind::P256 | KeyKind::P521 => ("ecdsa", "ecdsa-sha2-nistp256", key.public_pem()),
        KeyKind::Rsa | KeyKind::Rsa3072 | KeyKind::Rsa4096 => {
            ("rsa", "rsassa-pss-sha256", key.public_pem())
        }
    };
    json!({ "keytype": keytype, "scheme": scheme, "keyval": { "public": public } })
}

pub(super) fn key_id(key: &SigningKeyPair) -> Result<String, SandboxError> {
    Ok(sha256_hex(&canonical(&key_json(key))?))
}

pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex(sigstore_crypto::sha256(bytes).as_bytes())
}

fn canonical(value: &Value) -> Result<Vec<u8>, SandboxError> {
    sigstore_tuf::canonical_json::to_canonical_bytes(value).map_err(|_| SandboxError::Unwritable {
        what: "a number in metadata",
    })
}
