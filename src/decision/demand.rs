//! Whether what was found satisfies one policy, and if not, what is most worth telling.

mod telling;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    authority::Mismatch,
    cause::{Asked, Cause, JudgedAt, Obstacle, Signing},
    evidence::{Candidates, CheckFailure, Checked, ImageEvidence, LookupFailure, Method, TimeUse},
    threshold::{Environments, SignerKey, largest_assignment},
};
use crate::{
    image::{Digest, Reference, Repository},
    policy::{Authority, AuthorityKind, DatedKey, Policy, TrustRootName, Validity},
    verify::{LogRequirement, SignatureError, Signer, VerifiedSignature},
};

/// How an image satisfies a policy.
pub(super) struct Satisfied {
    /// What was verified.
    pub(super) digest: Digest,
    /// Authority name and signature, in policy order.
    pub(super) signatures: Vec<(String, VerifiedSignature)>,
}

/// Why an image does not satisfy a policy.
pub(super) struct Unsatisfied {
    pub(super) cause: Cause,
    /// How many signatures were judged, or else how many attestations.
    pub(super) judged: usize,
}

impl Unsatisfied {
    fn before_judging(cause: impl Into<Cause>) -> Box<Self> {
        Box::new(Self {
            cause: cause.into(),
            judged: 0,
        })
    }
}

/// Judges one policy's demand at this time.
pub(super) fn satisfy(
    policy: &Policy,
    reference: &Reference,
    found: Option<&ImageEvidence>,
    now: Timestamp,
) -> Result<Satisfied, Box<Unsatisfied>> {
    let found = found.ok_or_else(|| Unsatisfied::before_judging(Obstacle::DeadlineExceeded))?;
    let digest = found.digest.as_ref().map_err(|failure| {
        Unsatisfied::before_judging(Cause::of_lookup(failure, Asked::ImageRegistry))
    })?;
    let candidates = candidates(policy, reference, found)?;
    let trials = Trials::of(policy, reference, digest, candidates, now);
    let signatures = trials.counted();
    if signatures.len() >= policy.require.max(1) {
        return Ok(Satisfied {
            digest: digest.clone(),
            signatures,
        });
    }
    let signing = Signing::of(policy, reference, digest);
    let cause = trials.cause(&signatures, found.signed_child.as_ref(), signing);
    Err(Box::new(Unsatisfied {
        judged: trials.judged(),
        cause,
    }))
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
    /// Every way in which a signature of this authority may be verified.
    pub(super) fn methods(&self) -> Vec<Method> {
        self.ways().into_iter().map(|way| way.method).collect()
    }

    fn ways(&self) -> Vec<Way<'_>> {
        match &self.kind {
            AuthorityKind::Keys(keys) => keys.iter().map(|key| self.by_key(key)).collect(),
            AuthorityKind::Keyless { .. } | AuthorityKind::GitLab(_) | AuthorityKind::GitHub(_) => {
                let trust_root = self.trust_root_or_public();
                let method = Method::Certificate { trust_root };
                vec![Way { method, key: None }]
            }
        }
    }

    fn by_key<'a>(&self, key: &'a DatedKey) -> Way<'a> {
        let (log, trust_root) = if self.require_log {
            (LogRequirement::Require, Some(self.trust_root_or_public()))
        } else {
            // Naming no root that is not used lets equal keys share one verification.
            (LogRequirement::Ignore, self.trust_root.clone())
        };
        let is_decided_by_a_token =
            !self.require_log && trust_root.is_some() && !key.validity.is_unbounded();
        let time = if is_decided_by_a_token {
            TimeUse::Decides
        } else {
            TimeUse::Informs
        };
        let method = Method::Key {
            key: key.key.clone(),
            log,
            trust_root,
            time,
        };
        Way {
            method,
            key: Some(key),
        }
    }

    fn trust_root_or_public(&self) -> TrustRootName {
        self.trust_root.clone().unwrap_or(TrustRootName::Public)
    }
}

/// One of the ways in which a signature can count for an authority.
struct Way<'a> {
    method: Method,
    /// The key, where it is one.
    key: Option<&'a DatedKey>,
}

impl Validity {
    /// Holds the verified time of signing against it, or the present time where there is none.
    fn admits(self, signed_at: Option<Timestamp>, now: Timestamp) -> Result<(), JudgedAt> {
        match signed_at {
            _ if self.is_unbounded() => Ok(()),
            Some(signed_at) if self.covers(signed_at) => Ok(()),
            Some(signed_at) => Err(JudgedAt::Signing(signed_at)),
            None if self.covers(now) => Ok(()),
            None => Err(JudgedAt::Present(now)),
        }
    }
}

fn candidates<'a>(
    policy: &Policy,
    reference: &Reference,
    found: &'a ImageEvidence,
) -> Result<&'a Candidates, Box<Unsatisfied>> {
    let asked = || match &policy.signature_repository {
        Some(repository) => Asked::SignatureRepository(repository.clone()),
        None => Asked::ImageRegistry,
    };
    let failure = match found.signatures.get(policy.place_of_signatures(reference)) {
        Some(Ok(candidates)) => return Ok(candidates),
        Some(Err(failure)) => failure,
        None => &LookupFailure::Deadline,
    };
    Err(Unsatisfied::before_judging(Cause::of_lookup(
        failure,
        asked(),
    )))
}

/// Every candidate held against every way to be accepted by one policy.
struct Trials<'a> {
    policy: &'a Policy,
    image_path: &'a str,
    all: Vec<Trial<'a>>,
}

struct Trial<'a> {
    /// The candidate's index.
    candidate: usize,
    /// The authority's index in the policy.
    authority: usize,
    result: Result<&'a VerifiedSignature, Failure<'a>>,
}

/// Why a candidate does not count for an authority.
enum Failure<'a> {
    /// A good signature, but not the authority's.
    Mismatch(&'a VerifiedSignature, Mismatch),
    /// A good signature by the authority's key, but not while that may sign.
    KeyExpired(Validity, JudgedAt),
    /// No good signature.
    Signature(&'a SignatureError),
    /// A good signature of something else.
    OtherImage(&'a Digest),
    /// It cannot be told without this trust root.
    TrustRoot(TrustRootName, &'a str),
    /// It can no longer be told by this trust root.
    TrustRootExpired(TrustRootName, Timestamp),
    /// It was not verified.
    NotVerified,
}

impl<'a> Trials<'a> {
    fn of(
        policy: &'a Policy,
        reference: &'a Reference,
        digest: &Digest,
        candidates: &'a Candidates,
        now: Timestamp,
    ) -> Self {
        let authorities: Vec<(usize, &Authority, Vec<Way<'_>>)> = (policy.authorities.iter())
            .enumerate()
            .map(|(index, authority)| (index, authority, authority.ways()))
            .collect();
        let mut all = Vec::new();
        for (candidate, checked) in candidates.checked.iter().enumerate() {
            for (index, authority, ways) in &authorities {
                all.extend(ways.iter().map(|way| {
                    Trial {
                        candidate,
                        authority: *index,
                        result: attempt(authority, way, checked, digest, reference.repository())
                            .and_then(|signature| way.in_time(signature, now)),
                    }
                }));
            }
        }
        Self {
            policy,
            image_path: reference.repository().path(),
            all,
        }
    }

    /// The signatures that count, each for one authority, in policy order.
    fn counted(&self) -> Vec<(String, VerifiedSignature)> {
        let together = self.counted_with(Environments::Together);
        let apart = self.counted_with(Environments::Apart);
        if apart.len() > together.len() {
            apart
        } else {
            together
        }
    }

    fn counted_with(&self, environments: Environments) -> Vec<(String, VerifiedSignature)> {
        let mut signers: BTreeMap<SignerKey<'_>, BTreeMap<usize, &VerifiedSignature>> =
            BTreeMap::new();
        for trial in &self.all {
            if let Ok(signature) = trial.result
                && let Some(signer) = self.signer(signature, trial.authority, environments)
            {
                signers
                    .entry(signer)
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

    /// As whom the maker of this signature counts for this authority, if at all.
    fn signer<'s>(
        &self,
        signature: &'s VerifiedSignature,
        authority: usize,
        environments: Environments,
    ) -> Option<SignerKey<'s>> {
        let signer = signature.signer();
        let environment = match (environments, signer) {
            (Environments::Together, _) | (_, Signer::Key { .. }) => None,
            (Environments::Apart, Signer::Certificate(identity)) => {
                let presented = identity.deployment_environment.as_deref();
                let mut authorities = self.policy.authorities.iter();
                let is_named = presented.is_some()
                    && authorities.any(|authority| authority.environment() == presented);
                let asked = self.policy.authorities.get(authority)?.environment();
                if is_named && asked.is_none() {
                    return None;
                }
                presented.filter(|_| is_named)
            }
        };
        Some(SignerKey::of(signer, environment))
    }
}

impl Way<'_> {
    /// Passes a signature on that its key made while it may sign.
    fn in_time<'a>(
        &self,
        signature: &'a VerifiedSignature,
        now: Timestamp,
    ) -> Result<&'a VerifiedSignature, Failure<'a>> {
        let Some(key) = self.key else {
            return Ok(signature);
        };
        key.validity
            .admits(signature.signed_at(), now)
            .map(|()| signature)
            .map_err(|judged_at| Failure::KeyExpired(key.validity, judged_at))
    }
}

/// Holds one candidate against one way to be accepted by an authority.
fn attempt<'a>(
    authority: &Authority,
    way: &Way<'_>,
    checked: &'a Checked,
    digest: &Digest,
    repository: &Repository,
) -> Result<&'a VerifiedSignature, Failure<'a>> {
    match checked.results.get(&way.method) {
        Some(Ok(signature)) if signature.image() != digest => {
            Err(Failure::OtherImage(signature.image()))
        }
        Some(Ok(signature)) => authority
            .accepts(signature, repository)
            .map(|()| signature)
            .map_err(|mismatch| Failure::Mismatch(signature, mismatch)),
        Some(Err(CheckFailure::Signature(error))) => Err(Failure::Signature(error)),
        Some(Err(CheckFailure::TrustRoot { reason })) => {
            Err(checked.failure_anyway(&way.method).map_or_else(
                || Failure::TrustRoot(authority.trust_root_or_public(), reason),
                Failure::Signature,
            ))
        }
        Some(Err(CheckFailure::TrustRootExpired { since })) => {
            Err(checked.failure_anyway(&way.method).map_or_else(
                || Failure::TrustRootExpired(authority.trust_root_or_public(), *since),
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
                Err(
                    CheckFailure::Signature(_)
                    | CheckFailure::TrustRoot { .. }
                    | CheckFailure::TrustRootExpired { .. },
                ) => None,
            })
    }
}

impl Method {
    fn is_keyed(&self) -> bool {
        matches!(self, Self::Key { .. })
    }
}

static OF_THE_OTHER_KIND: SignatureError = SignatureError::OtherKind("verified in the other way");
