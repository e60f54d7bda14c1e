//! The Merkle tree of RFC 6962.

pub(super) type Hash = [u8; 32];

/// §2.1: the hash of a leaf.
pub(super) fn leaf_hash(body: &[u8]) -> Hash {
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

/// §2.1: the Merkle tree hash.
pub(super) fn tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => *sigstore_crypto::sha256(&[]).as_bytes(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(left_size(leaves.len()));
            node_hash(tree_hash(left), tree_hash(right))
        }
    }
}

/// §2.1.1: the siblings from the leaf up to the root.
pub(super) fn audit_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
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
