//! Transparency logs: entries in a Merkle tree, each with what its generation of Rekor hands out for it.

mod body;
mod entry;
mod tree;

pub(super) use body::{Envelope, Submission};
pub use entry::{Entry, EntryFault, EntryKind, LogName};

use std::sync::{Mutex, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::{entry::Generation, tree::Hash};
use super::{KeyKind, SandboxError, SigningKeyPair, hex};

/// One log, which remembers the leaf hash of every entry.
#[derive(Debug)]
pub(super) struct TransparencyLog {
    host: &'static str,
    generation: Generation,
    key: SigningKeyPair,
    id: Hash,
    leaves: Mutex<Vec<Hash>>,
}

/// All logs of an instance.
#[derive(Debug)]
pub(super) struct TransparencyLogs {
    logs: Vec<(Generation, LogName, TransparencyLog)>,
}

/// One logged entry, with what the log hands out for it.
#[derive(Clone, Debug)]
pub(super) struct LogEntry {
    kind: EntryKind,
    body: String,
    /// Of the first generation only.
    integrated_at: Option<i64>,
    log_id: Hash,
    global_index: u64,
    promise: Option<String>,
    proof: Option<Value>,
}

/// What a log promises: the four fields under its signed entry timestamp.
#[derive(Clone)]
struct Promised<'a> {
    body: &'a str,
    integrated_at: i64,
    global_index: u64,
}

impl TransparencyLogs {
    pub(super) fn new() -> Result<Self, SandboxError> {
        let logs = [
            (Generation::V1, LogName::First, "rekor.assay.test"),
            (Generation::V1, LogName::Second, "rekor-2.assay.test"),
            (Generation::V1, LogName::Unknown, "rekor-3.assay.test"),
            (Generation::V2, LogName::First, "log-1.rekor.assay.test"),
            (Generation::V2, LogName::Second, "log-2.rekor.assay.test"),
            (Generation::V2, LogName::Unknown, "log-3.rekor.assay.test"),
        ]
        .into_iter()
        .map(|(generation, name, host)| {
            let log = TransparencyLog::new(generation, host)?;
            Ok((generation, name, log))
        })
        .collect::<Result<_, SandboxError>>()?;
        Ok(Self { logs })
    }

    /// Logs what is submitted, as this kind of entry in the log that it names.
    pub(super) fn log(
        &self,
        entry: &Entry,
        submission: &Submission<'_>,
        at: Timestamp,
    ) -> Result<LogEntry, SandboxError> {
        let generation = entry.kind.generation();
        self.logs
            .iter()
            .find(|(of, name, _)| *of == generation && *name == entry.log)
            .ok_or(SandboxError::Unwritable {
                what: "an entry in a log that does not exist",
            })
            .and_then(|(_, _, log)| log.append(entry, submission, at))
    }

    /// Those that the trust root names.
    pub(super) fn known(&self) -> impl Iterator<Item = &TransparencyLog> {
        self.logs
            .iter()
            .filter(|(_, name, _)| *name != LogName::Unknown)
            .map(|(_, _, log)| log)
    }
}

impl TransparencyLog {
    fn new(generation: Generation, host: &'static str) -> Result<Self, SandboxError> {
        let key = SigningKeyPair::generate_of(match generation {
            Generation::V1 => KeyKind::P256,
            Generation::V2 => KeyKind::Ed25519,
        })?;
        let id = match generation {
            Generation::V1 => key.id(),
            Generation::V2 => note_key_id(host, &key),
        };
        Ok(Self {
            host,
            generation,
            key,
            id,
            leaves: Mutex::new(vec![
                tree::leaf_hash(b"the first"),
                tree::leaf_hash(b"the second"),
            ]),
        })
    }

    /// As an element of the trust root's `tlogs`.
    pub(super) fn root_json(&self, window: &Value) -> Value {
        super::log_json(
            &format!("https://{}", self.host),
            &self.key,
            &self.id,
            window,
        )
    }

    pub(super) fn key(&self) -> &SigningKeyPair {
        &self.key
    }

    fn append(
        &self,
        entry: &Entry,
        submission: &Submission<'_>,
        at: Timestamp,
    ) -> Result<LogEntry, SandboxError> {
        let body = entry.body(submission)?.to_string();
        let (index, leaves) = self.grow(body.as_bytes());
        let body = STANDARD.encode(body);
        let global_index = match self.generation {
            Generation::V1 => GLOBAL_OFFSET + index as u64,
            Generation::V2 => index as u64,
        };
        let promised = Promised {
            body: &body,
            integrated_at: entry.at.unwrap_or(at).as_second(),
            global_index,
        };
        let (integrated_at, promise) = match self.generation {
            Generation::V1 => {
                let promise = self.promise(entry.fault, &promised)?;
                let late = entry.fault == Some(EntryFault::TimeNotPromised);
                let late = if late {
                    SignedDuration::from_mins(1).as_secs()
                } else {
                    0
                };
                (Some(promised.integrated_at + late), promise)
            }
            Generation::V2 => (None, None),
        };
        let proof = match entry.fault {
            Some(EntryFault::NoProof) => None,
            fault => Some(self.proof(fault, index, &leaves)?),
        };
        Ok(LogEntry {
            kind: entry.kind,
            integrated_at,
            log_id: self.id,
            global_index,
            promise,
            proof,
            body,
        })
    }

    /// Appends a leaf and one of somebody else after it. Gives the leaf's index and all leaves.
    fn grow(&self, body: &[u8]) -> (usize, Vec<Hash>) {
        let mut leaves = self.leaves.lock().unwrap_or_else(PoisonError::into_inner);
        let index = leaves.len();
        leaves.push(tree::leaf_hash(body));
        leaves.push(tree::leaf_hash(&index.to_be_bytes()));
        (index, leaves.clone())
    }

    /// The signed entry timestamp: over the canonical JSON (RFC 8785) of these four fields.
    fn promise(
        &self,
        fault: Option<EntryFault>,
        promised: &Promised<'_>,
    ) -> Result<Option<String>, SandboxError> {
        if fault == Some(EntryFault::NoPromise) {
            return Ok(None);
        }
        let another = self.another_key()?;
        let key = if fault == Some(EntryFault::PromiseOfAnotherKey) {
            &another
        } else {
            &self.key
        };
        let mut promised = promised.clone();
        if fault == Some(EntryFault::PromiseOfAnotherEntry) {
            promised.global_index += 1;
        }
        let Promised {
            body,
            integrated_at,
            global_index,
        } = promised;
        let log_id = hex(&self.id);
        let canonical = format!(
            r#"{{"body":"{body}","integratedTime":{integrated_at},"logID":"{log_id}","logIndex":{global_index}}}"#
        );
        Ok(Some(STANDARD.encode(key.sign(canonical.as_bytes())?)))
    }

    fn another_key(&self) -> Result<SigningKeyPair, SandboxError> {
        SigningKeyPair::generate_of(self.key.kind())
    }

    fn proof(
        &self,
        fault: Option<EntryFault>,
        index: usize,
        leaves: &[Hash],
    ) -> Result<Value, SandboxError> {
        let another = usize::from(fault == Some(EntryFault::ProofOfAnotherLeaf));
        let shown = index + another;
        let path: Vec<_> = tree::audit_path(shown, leaves)
            .iter()
            .map(|hash| STANDARD.encode(hash))
            .collect();
        let mut proof = json!({
            "logIndex": index.to_string(),
            "rootHash": STANDARD.encode(tree::tree_hash(leaves)),
            "treeSize": leaves.len().to_string(),
            "hashes": path,
        });
        if let (false, Some(fields)) = (
            fault == Some(EntryFault::NoCheckpoint),
            proof.as_object_mut(),
        ) {
            let envelope = self.checkpoint(fault, leaves)?;
            fields.insert("checkpoint".to_owned(), json!({ "envelope": envelope }));
        }
        Ok(proof)
    }

    /// The signed tree head, as a note.
    fn checkpoint(
        &self,
        fault: Option<EntryFault>,
        leaves: &[Hash],
    ) -> Result<String, SandboxError> {
        let leaves = match (fault, leaves.split_last()) {
            (Some(EntryFault::CheckpointOfAnotherTree), Some((_, fewer))) => fewer,
            _ => leaves,
        };
        let host = if fault == Some(EntryFault::CheckpointOfAnotherName) {
            "rekor.evil.test"
        } else {
            self.host
        };
        let origin = match self.generation {
            Generation::V1 => format!("{host} - 2605736670972794746"),
            Generation::V2 => host.to_owned(),
        };
        let size = leaves.len();
        let root = STANDARD.encode(tree::tree_hash(leaves));
        let text = format!("{origin}\n{size}\n{root}\n");
        let another = self.another_key()?;
        let key = if fault == Some(EntryFault::CheckpointOfAnotherKey) {
            &another
        } else {
            &self.key
        };
        let mut signature: Vec<u8> = self.id.into_iter().take(4).collect();
        signature.extend(key.sign(text.as_bytes())?);
        let signature = STANDARD.encode(signature);
        Ok(format!("{text}\n\u{2014} {host} {signature}\n"))
    }
}

impl LogEntry {
    /// As an element of a bundle's `tlogEntries`.
    pub(super) fn bundle_json(&self) -> Value {
        let mut json = json!({
            "logIndex": self.global_index.to_string(),
            "logId": { "keyId": STANDARD.encode(self.log_id) },
            "kindVersion": { "kind": self.kind.name(), "version": self.kind.version() },
            "canonicalizedBody": self.body,
        });
        let optional = [
            (
                "integratedTime",
                self.integrated_at.map(|at| json!(at.to_string())),
            ),
            (
                "inclusionPromise",
                self.promise
                    .as_ref()
                    .map(|promise| json!({ "signedEntryTimestamp": promise })),
            ),
            ("inclusionProof", self.proof.clone()),
        ];
        if let Some(fields) = json.as_object_mut() {
            fields.extend(
                optional
                    .into_iter()
                    .filter_map(|(name, value)| Some((name.to_owned(), value?))),
            );
        }
        json
    }

    /// As the `dev.sigstore.cosign/bundle` annotation of the older layouts, which has no proof.
    pub(super) fn annotation_json(&self) -> Value {
        json!({
            "SignedEntryTimestamp": self.promise.as_deref().unwrap_or_default(),
            "Payload": {
                "body": self.body,
                "integratedTime": self.integrated_at.unwrap_or_default(),
                "logIndex": self.global_index,
                "logID": hex(&self.log_id),
            },
        })
    }
}

/// How a signed note names an Ed25519 key; Rekor v2 names its logs by the whole hash.
fn note_key_id(host: &str, key: &SigningKeyPair) -> Hash {
    let der = key.public_der();
    let raw = der.get(der.len().saturating_sub(32)..).unwrap_or_default();
    let mut named = host.as_bytes().to_vec();
    named.extend([b'\n', 1]);
    named.extend(raw);
    *sigstore_crypto::sha256(&named).as_bytes()
}

/// The log began after older shards, so the index in the shard is not the global index.
const GLOBAL_OFFSET: u64 = 25_000;
