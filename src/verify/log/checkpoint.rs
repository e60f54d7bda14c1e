//! The tree head that a log signs, as a note (`transparency-dev/formats`, "log").

use sigstore_types::{Checkpoint, CheckpointSignature};

use super::{entry::Kind, malformed, mismatch, missing};
use crate::{
    limits,
    verify::{SignatureError, failure::within, trust_root::Log},
};

/// Reads a checkpoint and verifies the log's own signature under it. Witnesses may have signed too.
///
/// The number of signatures is bounded because each that claims to be the log's costs a verification.
pub(super) fn verified(note: &str, kind: Kind, log: &Log) -> Result<Checkpoint, SignatureError> {
    if note.is_empty() {
        return Err(missing("the inclusion proof has no checkpoint"));
    }
    let checkpoint = Checkpoint::from_text(note)
        .map_err(|error| malformed("the checkpoint is malformed", &error))?;
    within(
        "checkpoint signatures",
        checkpoint.signatures().len(),
        limits::SIGNATURES_PER_CHECKPOINT,
    )?;
    let mut own = checkpoint
        .signatures()
        .iter()
        .filter(|signature| names(signature, log))
        .peekable();
    if own.peek().is_none() {
        return Err(missing("the checkpoint is not signed by the entry's log"));
    }
    if !own.any(|signature| signs(signature, &checkpoint, log)) {
        return Err(missing(
            "the checkpoint's signature does not verify with the log's key",
        ));
    }
    named(&checkpoint, kind, log)?;
    Ok(checkpoint)
}

/// Whether the signature says that it is by the log's key.
fn names(signature: &CheckpointSignature, log: &Log) -> bool {
    let hint = signature.key_id.as_slice();
    match &log.checkpoint_hint {
        Some(own) => own == hint,
        None => log.id.starts_with(hint),
    }
}

/// Hints are four bytes and may collide, so each signature with the log's hint is tried.
fn signs(signature: &CheckpointSignature, checkpoint: &Checkpoint, log: &Log) -> bool {
    log.key
        .verify(checkpoint.signed_data(), &signature.signature)
        .is_ok()
}

/// That the checkpoint is of the log at this address, where the trust root states one.
///
/// Of the second generation only, in which a log is its address. A first-generation server signs whatever host name it
/// was set up with, by default the public one, wherever it runs; there the key alone says which log it is.
fn named(checkpoint: &Checkpoint, kind: Kind, log: &Log) -> Result<(), SignatureError> {
    match &log.host {
        Some(host) if kind.is_second_generation() && checkpoint.origin() != host => Err(mismatch(
            "the checkpoint's origin",
            host,
            checkpoint.origin(),
        )),
        Some(_) | None => Ok(()),
    }
}
