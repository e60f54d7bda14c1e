//! Whether what was found satisfies one policy, and if not, what is most worth telling.

mod telling;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    authority::Mismatch,
    cause::{Asked, Cause, Obstacle, Signing},
    evidence::{Candidates, CheckFailure, Checked, ImageEvidence, LookupFailure, Method},
    threshold::{SignerKey, largest_assignment},
};
use crate::{
    image::{Digest, Reference, Repository},
    policy::{Authority, AuthorityKind, Policy, TrustRootName},
    verify::{LogRequirement, SignatureError, VerifiedSignature},
};

/// How an image satisfies a policy.
pub(super) struct Satisfied {
    /// What was verified.
    pub(super) digest: Digest,
    /// Authority name and signature, in policy order.
    pub(super) signatures: Vec<(String, VerifiedSignature)>,
}

/// Judges one policy's demand.
pub(super) fn satisfy(
    policy: &Policy,
    reference: &Reference,
    found: Option<&ImageEvidence>,
) -> Result<Satisfied, Box<Cause>> {
    let found = found.ok_or_else(|| Box::new(Obstacle::DeadlineExceeded.into()))?;
    let digest = (found.digest.as_ref())
        .map_err(|failure| Box::new(Cause::of_lookup(failure, Asked::ImageRegistry)))?;
    let candidates = candidates(policy, reference, found)?;
    let trials = Trials::of(policy, reference, digest, candidates);
    let signatures = trials.counted();
    if signatures.len() >= policy.require.max(1) {
        return Ok(Satisfied {
            digest: digest.clone(),
            signatures,
        });
    }
    let signing = Signing::of(policy, reference, digest);
    Err(Box::new(trials.cause(
        &signatures,
        found.signed_child.as_ref(),
        signing,
    )))
}

impl Policy {
    /// Where the signatures of this image are to be looked for.
    pub(super) fn place_of_signatures<'a>(&'a self, reference: &'a Reference) -> &'a Repository {
        self.signature_repository
            .as_ref()
            .unwrap_or_else(|| reference.repository())
    }
}

impl Authority {
    /// How a signature of this authority is verified.
    pub(super) fn method(&self) -> Method {
        let trust_root = self.trust_root.clone();
        match &self.kind {
            AuthorityKind::Key(key) if self.require_log => Method::Key {
                key: key.clone(),
                log: LogRequirement::Require,
                trust_root,
            },
            // Without a log no trust root is used: naming none of them lets equal keys share one verification.
            AuthorityKind::Key(key) => Method::Key {
                key: key.clone(),
                log: LogRequirement::Ignore,
                trust_root: TrustRootName::Public,
            },
            AuthorityKind::Keyless { .. } | AuthorityKind::GitLab(_) | AuthorityKind::GitHub(_) => {
                Method::Certificate { trust_root }
            }
        }
    }
}

fn candidates<'a>(
    policy: &Policy,
    reference: &Reference,
    found: &'a ImageEvidence,
) -> Result<&'a Candidates, Box<Cause>> {
    let asked = || match &policy.signature_repository {
        Some(repository) => Asked::SignatureRepository(repository.clone()),
        None => Asked::ImageRegistry,
    };
    let failure = match found.signatures.get(policy.place_of_signatures(reference)) {
        Some(Ok(candidates)) => return Ok(candidates),
        Some(Err(failure)) => failure,
        None => &LookupFailure::Deadline,
    };
    Err(Box::new(Cause::of_lookup(failure, asked())))
}

/// Every candidate held against every authority of one policy.
struct Trials<'a> {
    policy: &'a Policy,
    image_path: &'a str,
    all: Vec<Trial<'a>>,
}

struct Trial<'a> {
    /// The authority's index in the policy.
    authority: usize,
    result: Result<&'a VerifiedSignature, Failure<'a>>,
}

/// Why a candidate does not count for an authority.
enum Failure<'a> {
    /// A good signature, but not the authority's.
    Mismatch(&'a VerifiedSignature, Mismatch),
    /// No good signature.
    Signature(&'a SignatureError),
    /// A good signature of something else.
    OtherImage(&'a Digest),
    /// It cannot be told without this trust root.
    TrustRoot(TrustRootName, &'a str),
    /// It was not verified.
    NotVerified,
}

impl<'a> Trials<'a> {
    fn of(
        policy: &'a Policy,
        reference: &'a Reference,
        digest: &Digest,
        candidates: &'a Candidates,
    ) -> Self {
        let repository = reference.repository();
        let all = candidates
            .checked
            .iter()
            .flat_map(|checked| {
                policy
                    .authorities
                    .iter()
                    .enumerate()
                    .map(move |(index, authority)| Trial {
                        authority: index,
                        result: attempt(authority, checked, digest, repository),
                    })
            })
            .collect();
        Self {
            policy,
            image_path: repository.path(),
            all,
        }
    }

    /// The signatures that count, each for one authority, in policy order.
    fn counted(&self) -> Vec<(String, VerifiedSignature)> {
        let mut signers: BTreeMap<SignerKey<'_>, BTreeMap<usize, &VerifiedSignature>> =
            BTreeMap::new();
        for trial in &self.all {
            if let Ok(signature) = trial.result {
                signers
                    .entry(SignerKey::of(signature.signer()))
                    .or_default()
                    .entry(trial.authority)
                    .or_insert(signature);
            }
        }
        let signers: Vec<BTreeMap<usize, &VerifiedSignature>> = signers.into_values().collect();
        let acceptances: Vec<BTreeSet<usize>> = signers
            .iter()
            .map(|accepted| accepted.keys().copied().collect())
            .collect();
        largest_assignment(&acceptances)
            .into_iter()
            .filter_map(|(authority, signer)| {
                let name = self.policy.authorities.get(authority)?.name.clone();
                let signature = *signers.get(signer)?.get(&authority)?;
                Some((name, signature.clone()))
            })
            .collect()
    }
}

/// Holds one candidate against one authority.
fn attempt<'a>(
    authority: &Authority,
    checked: &'a Checked,
    digest: &Digest,
    repository: &Repository,
) -> Result<&'a VerifiedSignature, Failure<'a>> {
    let method = authority.method();
    match checked.results.get(&method) {
        Some(Ok(signature)) if signature.image() != digest => {
            Err(Failure::OtherImage(signature.image()))
        }
        Some(Ok(signature)) => authority
            .accepts(signature, repository)
            .map(|()| signature)
            .map_err(|mismatch| Failure::Mismatch(signature, mismatch)),
        Some(Err(CheckFailure::Signature(error))) => Err(Failure::Signature(error)),
        Some(Err(CheckFailure::TrustRoot { reason })) => {
            Err(checked.failure_anyway(&method).map_or_else(
                || Failure::TrustRoot(authority.trust_root.clone(), reason),
                Failure::Signature,
            ))
        }
        None => Err(Failure::NotVerified),
    }
}

impl Checked {
    /// Why this candidate could not have verified by this method, even had its trust root been there: what was found
    /// out about it by the other methods.
    fn failure_anyway(&self, missed: &Method) -> Option<&SignatureError> {
        self.results
            .iter()
            .find_map(|(method, result)| match result {
                Ok(_) => (method.is_keyed() != missed.is_keyed()).then_some(&OF_THE_OTHER_KIND),
                Err(CheckFailure::Signature(
                    error @ (SignatureError::PredicateType { .. }
                    | SignatureError::OtherImage { .. }),
                )) => Some(error),
                Err(CheckFailure::Signature(_) | CheckFailure::TrustRoot { .. }) => None,
            })
    }
}

impl Method {
    fn is_keyed(&self) -> bool {
        matches!(self, Self::Key { .. })
    }
}

static OF_THE_OTHER_KIND: SignatureError = SignatureError::OtherKind("verified in the other way");
