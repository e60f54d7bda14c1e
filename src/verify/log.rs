//! What a transparency log entry must bring along before the verifier is asked about it (Sigstore client specification §4.4).

use std::collections::HashSet;

use sigstore_types::{Bundle, KindVersion, TransparencyLogEntry};

use super::{SignatureError, failure::within};
use crate::limits;

/// How an entry proves that it is in its log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Inclusion {
    /// A path to a signed checkpoint. Required of every bundle, whatever version it claims: the version is
    /// not signed, and calling a bundle 0.1 must not be a way around the proof.
    Proof,
    /// The log's signed promise: all there is in the older layout.
    Promise,
}

/// Demands at least one entry, each of them provable and none of them twice.
pub(super) fn require(bundle: &Bundle, inclusion: Inclusion) -> Result<(), SignatureError> {
    let entries = &bundle.verification_material.tlog_entries;
    if entries.is_empty() {
        return Err(missing("there is no entry"));
    }
    let mut seen = HashSet::new();
    for entry in entries {
        if !seen.insert((entry.log_id.key_id.as_bytes(), entry.log_index)) {
            return Err(missing("the same entry is there twice"));
        }
        match inclusion {
            Inclusion::Proof => proof(entry)?,
            Inclusion::Promise if entry.inclusion_promise.is_none() => {
                return Err(missing("the entry has no signed entry timestamp"));
            }
            Inclusion::Promise => {}
        }
    }
    Ok(())
}

/// A proof, for the very tree that its checkpoint signs.
///
/// The number of signatures is bounded because each that claims to be the log's costs a verification.
fn proof(entry: &TransparencyLogEntry) -> Result<(), SignatureError> {
    let Some(proof) = &entry.inclusion_proof else {
        return Err(missing("the entry has no inclusion proof"));
    };
    let Some(checkpoint) = proof.checkpoint.checkpoint() else {
        return Err(missing("the inclusion proof has no checkpoint"));
    };
    within(
        "checkpoint signatures",
        checkpoint.signatures().len(),
        limits::SIGNATURES_PER_CHECKPOINT,
    )?;
    // In a second-generation entry the copies beside the checkpoint mean nothing, and nobody reads them.
    let first_generation = entry.kind_version != KindVersion::HashedRekordV002;
    let copied =
        proof.tree_size == checkpoint.tree_size() && proof.root_hash == *checkpoint.root_hash();
    if first_generation && !copied {
        return Err(missing(
            "the inclusion proof is for another tree than its checkpoint",
        ));
    }
    Ok(())
}

/// The global index, of the first entry whose log signed it. In a first-generation entry only the promise
/// covers it; the proof is about the index in the shard.
pub(super) fn signed_index(bundle: &Bundle) -> Option<u64> {
    bundle
        .verification_material
        .tlog_entries
        .iter()
        .find(|entry| {
            entry.inclusion_promise.is_some() || entry.kind_version == KindVersion::HashedRekordV002
        })
        .map(|entry| entry.log_index.get())
}

fn missing(detail: &str) -> SignatureError {
    SignatureError::LogEntry {
        detail: detail.to_owned(),
    }
}
