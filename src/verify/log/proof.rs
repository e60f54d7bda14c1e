//! The path from an entry to a checkpoint that its log signed (RFC 6962 §2.1.1).

use sigstore_types::Sha256Hash;

use super::{checkpoint, entry::Kind, malformed, missing};
use crate::verify::{
    SignatureError,
    material::{Entry, Proof},
    trust_root::Log,
};

/// That the body is in the very tree that the checkpoint signs.
pub(super) fn verify(
    entry: &Entry,
    kind: Kind,
    proof: &Proof,
    log: &Log,
) -> Result<(), SignatureError> {
    let tree = checkpoint::verified(&proof.checkpoint, kind, log)?;
    same_tree(kind, proof, &tree)?;
    let index = index(entry, kind, proof)?;
    let hashes: Vec<Sha256Hash> = proof.hashes.iter().copied().map(Sha256Hash::new).collect();
    sigstore_merkle::verify_inclusion_proof(
        &sigstore_merkle::hash_leaf(&entry.body),
        index,
        tree.tree_size(),
        &hashes,
        tree.root_hash(),
    )
    .map_err(|error| {
        malformed(
            "the inclusion proof does not lead to the checkpoint",
            &error,
        )
    })
}

/// The copies of root and size beside the checkpoint. A second-generation log may leave them out.
fn same_tree(
    kind: Kind,
    proof: &Proof,
    tree: &sigstore_types::Checkpoint,
) -> Result<(), SignatureError> {
    let optional = kind.is_second_generation();
    let root = proof
        .root
        .map_or(optional, |root| root == *tree.root_hash().as_bytes());
    let size = proof.size.map_or(optional, |size| size == tree.tree_size());
    if root && size {
        return Ok(());
    }
    Err(missing(
        "the inclusion proof is for another tree than its checkpoint",
    ))
}

/// Where the entry is in its tree: in the first generation the index in the shard, in the second there is one index.
fn index(entry: &Entry, kind: Kind, proof: &Proof) -> Result<u64, SignatureError> {
    let index = proof.index.unwrap_or_default();
    if !kind.is_second_generation() {
        return Ok(index);
    }
    if proof.index.is_some_and(|index| index != entry.index) {
        return Err(missing(
            "the entry and its inclusion proof name different indexes",
        ));
    }
    Ok(entry.index)
}
