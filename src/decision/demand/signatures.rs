//! Whether enough distinct authorities have signed.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Case, Unsatisfied,
    telling::most_telling,
    trial::{Failure, Trial},
};
use crate::{
    decision::{
        cause::{Cause, Rejection, SigningKind},
        evidence::WhyUnsigned,
        threshold::{Environments, SignerKey, largest_assignment},
    },
    verify::{SignatureError, Signer, VerifiedSignature},
};

/// Every candidate held against every way to have signed.
struct Trials<'a> {
    case: Case<'a>,
    all: Vec<Trial<'a, VerifiedSignature>>,
}

impl Case<'_> {
    /// As many signatures as the policy requires, each for one authority, in policy order.
    pub(super) fn signatures(
        &self,
        unsigned: Option<&WhyUnsigned>,
    ) -> Result<Vec<(String, VerifiedSignature)>, Box<Unsatisfied>> {
        let required = self.policy.signers_required();
        if required == 0 {
            return Ok(Vec::new());
        }
        let trials = Trials {
            case: *self,
            all: self.trials(),
        };
        let signatures = trials.counted();
        if signatures.len() >= required {
            return Ok(signatures);
        }
        Err(Box::new(Unsatisfied {
            judged: trials.judged(),
            cause: trials.cause(&signatures, unsigned),
        }))
    }
}

impl Trials<'_> {
    /// The signatures that count, each for one authority, in policy order.
    fn counted(&self) -> Vec<(String, VerifiedSignature)> {
        let together = self.counted_with(Environments::Together);
        let mut authorities = self.case.policy.authorities.iter();
        if authorities.all(|authority| authority.environment().is_none()) {
            return together;
        }
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
                let name = self.case.policy.authorities.get(authority)?.name.clone();
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
                let mut authorities = self.case.policy.authorities.iter();
                let is_named = presented.is_some()
                    && authorities.any(|authority| authority.environment() == presented);
                let asked = self.case.policy.authorities.get(authority)?.environment();
                if is_named && asked.is_none() {
                    return None;
                }
                presented.filter(|_| is_named)
            }
        };
        Some(SignerKey::of(signer, environment))
    }

    /// Why too few signatures count. What could not be looked at comes first: it might have been what is missing.
    fn cause(
        &self,
        counted: &[(String, VerifiedSignature)],
        unsigned: Option<&WhyUnsigned>,
    ) -> Cause {
        let signing = self.case.signing(SigningKind::Signature);
        if let Some(obstacle) = self.failures().find_map(|(_, failure)| failure.obstacle()) {
            return obstacle.into();
        }
        if !counted.is_empty() {
            return self.threshold(counted).into();
        }
        match (most_telling(self.failures()), unsigned) {
            (Some((authority, failure)), _) => self.case.told(authority, failure, signing),
            (None, Some(WhyUnsigned::NoImage)) => Rejection::ImageNotFound.into(),
            (None, Some(WhyUnsigned::SignedChild(child))) => Rejection::SignedChildOnly {
                child: child.clone(),
                signing,
            }
            .into(),
            (None, None) => Rejection::SignatureMissing { signing }.into(),
        }
    }

    /// How many candidates were judged as signatures; where all are attestations, how many of those.
    fn judged(&self) -> usize {
        let candidates = |is_counted: &dyn Fn(&Trial<'_, VerifiedSignature>) -> bool| {
            let counted = self.all.iter().filter(|trial| is_counted(trial));
            counted
                .map(|trial| trial.candidate)
                .collect::<BTreeSet<_>>()
        };
        let attestations = candidates(&|trial| {
            matches!(
                trial.result,
                Err(Failure::Signature(SignatureError::PredicateType { .. }))
            )
        });
        let all = candidates(&|_| true);
        match all.difference(&attestations).count() {
            0 => all.len(),
            signatures => signatures,
        }
    }

    fn failures(&self) -> impl Iterator<Item = (usize, &Failure<'_>)> {
        self.all
            .iter()
            .filter_map(|trial| Some((trial.authority, trial.result.as_ref().err()?)))
    }

    fn threshold(&self, counted: &[(String, VerifiedSignature)]) -> Rejection {
        let signed: Vec<String> = counted.iter().map(|(name, _)| name.clone()).collect();
        let missing = (self.case.policy.authorities.iter())
            .map(|authority| authority.name.clone())
            .filter(|name| !signed.contains(name))
            .collect();
        Rejection::ThresholdNotMet {
            required: self.case.policy.require,
            signed,
            missing,
        }
    }
}
