//! How many distinct authorities a set of signatures stands for.

use std::collections::{BTreeMap, BTreeSet};

use crate::verify::Signer;

/// Which signer counts for which authority, so that as many authorities as possible are counted and no signer counts
/// twice: by authority, both by their index.
///
/// `acceptances` has, per signer, the authorities that accept it. Two authorities with the same key are one signer's
/// two hats, and two signatures by one authority are one vote.
pub(super) fn largest_assignment(acceptances: &[BTreeSet<usize>]) -> BTreeMap<usize, usize> {
    let mut assigned = BTreeMap::new();
    for signer in 0..acceptances.len() {
        assign(signer, acceptances, &mut BTreeSet::new(), &mut assigned);
    }
    assigned
}

/// What makes two signers one: the key, or the certificate's OIDC issuer and SAN.
///
/// The commit and the job are left out, so that running a pipeline again does not make a second signer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum SignerKey<'a> {
    Key(&'a str),
    Identity {
        oidc_issuer: &'a str,
        san: &'a str,
        /// Set where environments tell signers apart.
        environment: Option<&'a str>,
    },
}

/// Whether the jobs of one pipeline may count as several signers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Environments {
    /// They are one signer, who counts for any authority that accepts one of them.
    Together,
    /// Those of an environment that an authority names are signers of their own, as GitLab guards it, and count for
    /// such authorities alone, as for an approval stage. All others are one signer.
    Apart,
}

impl<'a> SignerKey<'a> {
    /// Who signed, to be told apart by this environment.
    pub(super) fn of(signer: &'a Signer, environment: Option<&'a str>) -> Self {
        match signer {
            Signer::Key { fingerprint } => Self::Key(fingerprint),
            Signer::Certificate(identity) => Self::Identity {
                oidc_issuer: &identity.oidc_issuer,
                san: identity.san.as_str(),
                environment,
            },
        }
    }
}

/// Finds this signer a free authority, moving earlier signers to other authorities where that makes room.
fn assign(
    signer: usize,
    acceptances: &[BTreeSet<usize>],
    visited: &mut BTreeSet<usize>,
    assigned: &mut BTreeMap<usize, usize>,
) -> bool {
    for &authority in acceptances.get(signer).into_iter().flatten() {
        if !visited.insert(authority) {
            continue;
        }
        let free = match assigned.get(&authority).copied() {
            None => true,
            Some(holder) => assign(holder, acceptances, visited, assigned),
        };
        if free {
            assigned.insert(authority, signer);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(acceptances: &[&[usize]]) -> Vec<(usize, usize)> {
        let acceptances: Vec<BTreeSet<usize>> = acceptances
            .iter()
            .map(|list| list.iter().copied().collect())
            .collect();
        largest_assignment(&acceptances).into_iter().collect()
    }

    #[test]
    fn one_signer_counts_for_one_authority_although_two_accept_it() {
        assert_eq!(assignment(&[&[0, 1]]), [(0, 0)]);
    }

    #[test]
    fn two_signers_of_one_authority_count_once() {
        assert_eq!(assignment(&[&[0], &[0]]), [(0, 0)]);
    }

    #[test]
    fn an_earlier_signer_makes_room_for_one_with_less_choice() {
        assert_eq!(assignment(&[&[0, 1], &[0]]), [(0, 1), (1, 0)]);
        assert_eq!(
            assignment(&[&[0, 1], &[0, 2], &[0]]),
            [(0, 2), (1, 0), (2, 1)]
        );
    }

    #[test]
    fn nobody_counts_where_nobody_is_accepted() {
        assert_eq!(assignment(&[&[], &[]]), []);
    }
}
