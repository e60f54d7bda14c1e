//! One candidate held against one way to be accepted by an authority.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Case, way::Way};
use crate::{
    decision::{
        authority::Mismatch,
        cause::JudgedAt,
        evidence::{CheckFailure, Checked, Method},
    },
    image::Digest,
    policy::{Authority, TrustRootName, Validity},
    verify::{SignatureError, Signer, VerifiedAttestation, VerifiedSignature},
};

/// What authorities look at, whether a signature or an attestation was verified.
pub(super) trait Signed: Sized {
    fn image(&self) -> &Digest;
    fn signer(&self) -> &Signer;
    fn signed_at(&self) -> Option<Timestamp>;

    /// What came of verifying this candidate as such.
    fn results(checked: &Checked) -> &Results<Self>;
}

/// What came of verifying one candidate, by method.
type Results<V> = BTreeMap<Method, Result<V, CheckFailure>>;

impl Signed for VerifiedSignature {
    fn image(&self) -> &Digest {
        self.image()
    }
    fn signer(&self) -> &Signer {
        self.signer()
    }
    fn signed_at(&self) -> Option<Timestamp> {
        self.signed_at()
    }
    fn results(checked: &Checked) -> &Results<Self> {
        &checked.results
    }
}

impl Signed for VerifiedAttestation {
    fn image(&self) -> &Digest {
        self.image()
    }
    fn signer(&self) -> &Signer {
        self.signer()
    }
    fn signed_at(&self) -> Option<Timestamp> {
        self.signed_at()
    }
    fn results(checked: &Checked) -> &Results<Self> {
        &checked.attestations
    }
}

/// What came of one candidate in one way.
pub(super) struct Trial<'a, V> {
    /// The candidate's index.
    pub(super) candidate: usize,
    /// The authority's index in the policy.
    pub(super) authority: usize,
    pub(super) result: Result<&'a V, Failure<'a>>,
}

/// Why a candidate does not count for an authority.
pub(super) enum Failure<'a> {
    /// Genuine, but not the authority's.
    Mismatch(&'a Signer, Mismatch),
    /// Genuine and by the authority's key, but not while that may sign.
    KeyExpired(Validity, JudgedAt),
    /// Not genuine.
    Signature(&'a SignatureError),
    /// Genuine, and about something else.
    OtherImage(&'a Digest),
    /// It cannot be told without this trust root.
    TrustRoot(TrustRootName, &'a str),
    /// It can no longer be told by this trust root.
    TrustRootExpired(TrustRootName, Timestamp),
    /// It was not verified.
    NotVerified,
}

impl<'a> Case<'a> {
    /// Every candidate held against every way to be accepted by one of the authorities.
    pub(super) fn trials<V: Signed>(&self) -> Vec<Trial<'a, V>> {
        let authorities: Vec<(usize, &Authority, Vec<Way<'_>>)> = self
            .authorities()
            .map(|(index, authority)| (index, authority, authority.ways()))
            .collect();
        let mut all = Vec::new();
        for (candidate, checked) in self.candidates.iter().enumerate() {
            for (index, authority, ways) in &authorities {
                all.extend(ways.iter().map(|way| {
                    Trial {
                        candidate,
                        authority: *index,
                        result: self
                            .attempt(authority, way, V::results(checked))
                            .and_then(|signed| way.in_time(signed, self.circumstances.now)),
                    }
                }));
            }
        }
        all
    }

    fn attempt<V: Signed>(
        &self,
        authority: &Authority,
        way: &Way<'_>,
        results: &'a Results<V>,
    ) -> Result<&'a V, Failure<'a>> {
        match results.get(&way.method) {
            Some(Ok(signed)) if signed.image() != self.digest => {
                Err(Failure::OtherImage(signed.image()))
            }
            Some(Ok(signed)) => authority
                .accepts(signed.signer(), self.places.source())
                .map(|()| signed)
                .map_err(|mismatch| Failure::Mismatch(signed.signer(), mismatch)),
            Some(Err(CheckFailure::Signature(error))) => Err(Failure::Signature(error)),
            Some(Err(CheckFailure::TrustRoot { reason })) => {
                Err(failure_anyway(results, &way.method).map_or_else(
                    || Failure::TrustRoot(authority.trust_root_or_public(), reason),
                    Failure::Signature,
                ))
            }
            Some(Err(CheckFailure::TrustRootExpired { since })) => {
                Err(failure_anyway(results, &way.method).map_or_else(
                    || Failure::TrustRootExpired(authority.trust_root_or_public(), *since),
                    Failure::Signature,
                ))
            }
            None => Err(Failure::NotVerified),
        }
    }
}

impl Way<'_> {
    /// Passes on what its key signed while it may sign.
    fn in_time<'a, V: Signed>(&self, signed: &'a V, now: Timestamp) -> Result<&'a V, Failure<'a>> {
        let Some(key) = self.key else {
            return Ok(signed);
        };
        key.validity
            .admits(signed.signed_at(), now)
            .map(|()| signed)
            .map_err(|judged_at| Failure::KeyExpired(key.validity, judged_at))
    }
}

/// Why a candidate could not have verified by this method, even had its trust root been there: what was found out
/// about it by the other methods.
fn failure_anyway<'a, V>(results: &'a Results<V>, missed: &Method) -> Option<&'a SignatureError> {
    results.iter().find_map(|(method, result)| match result {
        Ok(_) => (method.is_keyed() != missed.is_keyed()).then_some(&OF_THE_OTHER_KIND),
        Err(CheckFailure::Signature(
            error @ (SignatureError::PredicateType { .. }
            | SignatureError::NotAttestation
            | SignatureError::OtherImage { .. }),
        )) => Some(error),
        Err(
            CheckFailure::Signature(_)
            | CheckFailure::TrustRoot { .. }
            | CheckFailure::TrustRootExpired { .. },
        ) => None,
    })
}

static OF_THE_OTHER_KIND: SignatureError = SignatureError::OtherKind("verified in the other way");
