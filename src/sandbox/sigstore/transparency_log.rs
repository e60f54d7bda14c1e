//! A Rekor v1 log: entries in a Merkle tree, each with a promise and a proof of inclusion.

use std::sync::{Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{SandboxError, SigningKeyPair};

/// The log, which remembers the leaf hash of every entry.
#[derive(Debug)]
pub(super) struct TransparencyLog {
    key: SigningKeyPair,
    leaves: Mutex<Vec<Hash>>,
}

/// One logged entry, with what the log hands out for it.
#[derive(Clone, Debug)]
pub(super) struct LogEntry {
    kind: &'static str,
    body: String,
    integrated_at: i64,
    log_id: Hash,
    index: u64,
    promise: String,
    root: Hash,
    size: u64,
    path: Vec<Hash>,
    checkpoint: String,
}

type Hash = [u8; 32];

impl TransparencyLog {
    pub(super) fn new() -> Result<Self, SandboxError> {
        Ok(Self {
            key: SigningKeyPair::generate()?,
            leaves: Mutex::new(Vec::new()),
        })
    }

    pub(super) fn key(&self) -> &SigningKeyPair {
        &self.key
    }

    /// Logs a signature over bytes with this hash. `verifier` is the PEM of the certificate or key.
    pub(super) fn log_hashedrekord(
        &self,
        content_hash: Hash,
        signature: &[u8],
        verifier: &str,
        at: Timestamp,
    ) -> Result<LogEntry, SandboxError> {
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": { "hash": { "algorithm": "sha256", "value": hex(&content_hash) } },
                "signature": {
                    "content": STANDARD.encode(signature),
                    "publicKey": { "content": STANDARD.encode(verifier) },
                },
            },
        });
        self.append("hashedrekord", &body, at)
    }

    /// Logs an envelope by the hashes of its JSON and its payload.
    pub(super) fn log_dsse(
        &self,
        envelope_hash: Hash,
        payload_hash: Hash,
        signature: &[u8],
        verifier: &str,
        at: Timestamp,
    ) -> Result<LogEntry, SandboxError> {
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": { "algorithm": "sha256", "value": hex(&envelope_hash) },
                "payloadHash": { "algorithm": "sha256", "value": hex(&payload_hash) },
                "signatures": [{
                    "signature": STANDARD.encode(signature),
                    "verifier": STANDARD.encode(verifier),
                }],
            },
        });
        self.append("dsse", &body, at)
    }

    fn append(
        &self,
        kind: &'static str,
        body: &Value,
        at: Timestamp,
    ) -> Result<LogEntry, SandboxError> {
        let body = body.to_string();
        let leaf = leaf_hash(body.as_bytes());
        let leaves = {
            let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
            leaves.push(leaf);
            leaves.clone()
        };
        let size = leaves.len() as u64;
        let root = tree_hash(&leaves);
        let body = STANDARD.encode(body);
        let index = size - 1;
        let integrated_at = at.as_second();
        let promise = self.promise(&body, integrated_at, index)?;
        Ok(LogEntry {
            kind,
            body,
            integrated_at,
            log_id: self.key.id(),
            index,
            promise: STANDARD.encode(promise),
            root,
            size,
            path: audit_path(leaves.len() - 1, &leaves),
            checkpoint: self.checkpoint(size, &root)?,
        })
    }

    /// The signed entry timestamp: over the canonical JSON (RFC 8785) of these four fields.
    fn promise(&self, body: &str, integrated_at: i64, index: u64) -> Result<Vec<u8>, SandboxError> {
        let log_id = hex(&self.key.id());
        let index = GLOBAL_OFFSET + index;
        let canonical = format!(
            r#"{{"body":"{body}","integratedTime":{integrated_at},"logID":"{log_id}","logIndex":{index}}}"#
        );
        self.key.sign(canonical.as_bytes())
    }

    /// The signed tree head, as a note.
    fn checkpoint(&self, size: u64, root: &Hash) -> Result<String, SandboxError> {
        let text = format!(
            "{HOST} - 2605736670972794746\n{size}\n{}\n",
            STANDARD.encode(root)
        );
        let mut signature: Vec<u8> = self.key.id().into_iter().take(4).collect();
        signature.extend(self.key.sign(text.as_bytes())?);
        Ok(format!(
            "{text}\n\u{2014} {HOST} {}\n",
            STANDARD.encode(signature)
        ))
    }
}

impl LogEntry {
    /// As an element of a bundle's `tlogEntries`.
    pub(super) fn bundle_json(&self) -> Value {
        let path: Vec<_> = self.path.iter().map(|hash| STANDARD.encode(hash)).collect();
        json!({
            "logIndex": (GLOBAL_OFFSET + self.index).to_string(),
            "logId": { "keyId": STANDARD.encode(self.log_id) },
            "kindVersion": { "kind": self.kind, "version": "0.0.1" },
            "integratedTime": self.integrated_at.to_string(),
            "inclusionPromise": { "signedEntryTimestamp": self.promise },
            "inclusionProof": {
                "logIndex": self.index.to_string(),
                "rootHash": STANDARD.encode(self.root),
                "treeSize": self.size.to_string(),
                "hashes": path,
                "checkpoint": { "envelope": self.checkpoint },
            },
            "canonicalizedBody": self.body,
        })
    }

    /// As the `dev.sigstore.cosign/bundle` annotation of the older layout, which has no proof.
    pub(super) fn annotation_json(&self) -> Value {
        json!({
            "SignedEntryTimestamp": self.promise,
            "Payload": {
                "body": self.body,
                "integratedTime": self.integrated_at,
                "logIndex": GLOBAL_OFFSET + self.index,
                "logID": hex(&self.log_id),
            },
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// RFC 6962 §2.1: the hash of a leaf.
fn leaf_hash(body: &[u8]) -> Hash {
    let mut input = vec![0];
    input.extend(body);
    *sigstore_crypto::sha256(&input).as_bytes()
}

fn node_hash(left: Hash, right: Hash) -> Hash {
    let mut input = vec![1];
    input.extend(left);
    input.extend(right);
    *sigstore_crypto::sha256(&input).as_bytes()
}

/// RFC 6962 §2.1: the Merkle tree hash.
fn tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => *sigstore_crypto::sha256(&[]).as_bytes(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(left_size(leaves.len()));
            node_hash(tree_hash(left), tree_hash(right))
        }
    }
}

/// RFC 6962 §2.1.1: the siblings from the leaf up to the root.
fn audit_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(left_size(leaves.len()));
    let (mut path, sibling) = if index < left.len() {
        (audit_path(index, left), tree_hash(right))
    } else {
        (audit_path(index - left.len(), right), tree_hash(left))
    };
    path.push(sibling);
    path
}

/// The largest power of two smaller than `size`.
fn left_size(size: usize) -> usize {
    size.next_power_of_two() / 2
}

/// The log began after older shards, so the index in the shard is not the global index.
const GLOBAL_OFFSET: u64 = 25_000;

const HOST: &str = "rekor.assay.test";
