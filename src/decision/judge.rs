//! From verdicts on single demands to what happens to the object.

use std::collections::BTreeMap;

use super::{
    Admission, AdmittedImage, Circumstances, Decision, Enforcement, Evidence, ImageEvidence,
    Inquiry, Judged, Plan, PlannedImage, PolicyVerdict, Question, Refusal,
    cause::{Cause, Denial, Obstacle, Rejection, Unmatched},
    demand::{Satisfied, satisfy},
    recall::{Recalled, recall},
};
use crate::{
    image::Reference,
    policy::{Action, Demand, Meaning, Modes, Policy},
    provenance::Facts,
    workload::ImageSlot,
};

/// Judges every image by what was found.
///
/// An image that is missing from the evidence counts as not looked up: it is never admitted where a policy covers it.
pub fn decide(plan: &Plan, evidence: &Evidence) -> Decision {
    let mut tally = Tally::default();
    // A Pod may have one image in hundreds of slots, and what attests it may take long to read.
    let mut known: BTreeMap<&str, Judgement> = BTreeMap::new();
    for image in &plan.images {
        let judgement = known
            .entry(&image.slot.written)
            .or_insert_with(|| Judgement::of(image, plan, evidence));
        tally.add(judgement.clone().in_slot(&image.slot), plan.enforcement);
    }
    tally.into_decision(&plan.modes)
}

/// What was found out about one image slot.
#[derive(Clone, Default)]
struct Judgement {
    accepted: Option<AdmittedImage>,
    /// In policy order; what no policy covers last.
    failures: Vec<(Action, Denial)>,
}

impl Judgement {
    fn of(image: &PlannedImage, plan: &Plan, evidence: &Evidence) -> Self {
        match &image.question {
            // Nobody's verdict on an image, so no label lowers it.
            Question::Unreadable(reason) => Self::default().failed(
                Meaning::plain(Action::Deny),
                denial(
                    &image.slot,
                    Rejection::ReferenceInvalid {
                        reason: reason.clone(),
                    },
                ),
            ),
            Question::Unmatched(reference) => match plan.modes.of_unmatched() {
                None => Self::default(),
                Some(meaning) => {
                    let denial = unmatched(&image.slot, reference, Unmatched::ByAny);
                    Self::default().failed(meaning, denial)
                }
            },
            Question::Judge(inquiry) => {
                let found = evidence.images.get(inquiry.reference.written());
                let judgement = Self::of_inquiry(
                    &image.slot,
                    inquiry,
                    found,
                    &evidence.circumstances,
                    &plan.modes,
                );
                let uncovered = plan.modes.of_uncovered();
                match uncovered.filter(|_| !inquiry.is_covered()) {
                    None => judgement,
                    Some(meaning) => {
                        let by = Unmatched::ByCluster;
                        judgement.failed(meaning, unmatched(&image.slot, &inquiry.reference, by))
                    }
                }
            }
        }
    }

    fn of_inquiry(
        slot: &ImageSlot,
        inquiry: &Inquiry,
        found: Option<&ImageEvidence>,
        circumstances: &Circumstances,
        modes: &Modes,
    ) -> Self {
        let mut judgement = Self::default();
        let digest = found.and_then(|found| found.digest.as_ref().ok());
        for demand in &inquiry.demands {
            let (meaning, failure) = match demand {
                // Not the policy's verdict, which nobody can know: no label lowers it.
                Demand::Broken { scope, reason } => {
                    let obstacle = Obstacle::PolicyBroken {
                        reason: reason.clone(),
                    };
                    let failure = Denial {
                        policy: Some(scope.id.clone()),
                        ..denial(slot, obstacle)
                    };
                    (Meaning::plain(scope.action), failure)
                }
                Demand::Satisfy(policy) => match satisfy(policy, inquiry, found, circumstances) {
                    Ok(satisfied) => {
                        judgement.accept(slot, &inquiry.reference, policy, satisfied);
                        continue;
                    }
                    Err(unsatisfied) => {
                        let reference = &inquiry.reference;
                        let recalled =
                            recall(policy, inquiry, found, circumstances, &unsatisfied.cause);
                        let failure = Denial {
                            policy: Some(policy.scope.id.clone()),
                            judged: unsatisfied.judged,
                            help: policy.help.clone(),
                            ..denial(slot, unsatisfied.cause)
                        };
                        if let Some((satisfied, verified_at)) = recalled {
                            let digest = Some(satisfied.digest.clone());
                            let failure = Denial { digest, ..failure };
                            let image = judgement.accept(slot, reference, policy, satisfied);
                            image.recalled.push(Recalled {
                                failure,
                                verified_at,
                            });
                            continue;
                        }
                        (modes.of_policy(policy.scope.action), failure)
                    }
                },
            };
            let failure = Denial {
                digest: digest.cloned(),
                ..failure
            };
            judgement = judgement.failed(meaning, failure);
        }
        judgement
    }

    fn accept(
        &mut self,
        slot: &ImageSlot,
        reference: &Reference,
        policy: &Policy,
        satisfied: Satisfied,
    ) -> &mut AdmittedImage {
        let image = self.accepted.get_or_insert_with(|| AdmittedImage {
            slot: slot.clone(),
            reference: reference.clone(),
            digest: satisfied.digest.clone(),
            policies: Vec::new(),
            recalled: Vec::new(),
            signatures: Vec::new(),
            attestations: Vec::new(),
            provenance: Facts::default(),
            pin: false,
            pin_workloads: false,
        });
        image.add(policy, satisfied);
        image
    }

    fn failed(mut self, meaning: Meaning, denial: Denial) -> Self {
        let Meaning { action, lowered_by } = meaning;
        self.failures.push((
            action,
            Denial {
                lowered_by,
                ..denial
            },
        ));
        self
    }

    /// The same of the same image in another slot.
    fn in_slot(mut self, slot: &ImageSlot) -> Self {
        if let Some(image) = &mut self.accepted {
            image.slot = slot.clone();
            for recalled in &mut image.recalled {
                recalled.failure.slot = slot.clone();
            }
        }
        for (_, denial) in &mut self.failures {
            denial.slot = slot.clone();
        }
        self
    }

    /// What each policy that matched made of the image.
    fn judged(&self, enforcement: Enforcement) -> Vec<Judged> {
        let satisfied = self.accepted.iter().flat_map(|image| &image.policies);
        let satisfied = satisfied.map(|policy| (policy.clone(), PolicyVerdict::Satisfied));
        let failed = self.failures.iter().filter_map(|(action, denial)| {
            let verdict = match (enforcement, action) {
                (Enforcement::AsPolicySays, Action::Deny) => PolicyVerdict::Denied,
                (Enforcement::AsPolicySays, Action::Warn) => PolicyVerdict::Warned,
                (Enforcement::AsPolicySays, Action::Audit) | (Enforcement::ReportOnly, _) => {
                    PolicyVerdict::Reported
                }
            };
            Some((denial.policy.clone()?, verdict))
        });
        satisfied
            .chain(failed)
            .map(|(policy, verdict)| Judged { policy, verdict })
            .collect()
    }

    /// The failure to tell of those under this action: what only a label keeps from being refused, then a rejection
    /// before what could not be judged, then the first.
    fn most_telling(&self, action: Action) -> Option<Denial> {
        self.failures
            .iter()
            .filter(|(failed, _)| *failed == action)
            .map(|(_, denial)| denial)
            .min_by_key(|denial| (denial.lowered_by.is_none(), denial.cause.outcome()))
            .cloned()
    }
}

/// What came of all image slots so far.
#[derive(Default)]
struct Tally {
    images: Vec<AdmittedImage>,
    denials: Vec<Denial>,
    warnings: Vec<Denial>,
    audits: Vec<Denial>,
    judged: Vec<Judged>,
}

impl Tally {
    fn add(&mut self, judgement: Judgement, enforcement: Enforcement) {
        self.judged.extend(judgement.judged(enforcement));
        match enforcement {
            Enforcement::AsPolicySays => self.add_enforced(judgement),
            Enforcement::ReportOnly => self.add_reported(judgement),
        }
    }

    fn add_enforced(&mut self, judgement: Judgement) {
        self.denials.extend(judgement.most_telling(Action::Deny));
        self.warnings.extend(judgement.most_telling(Action::Warn));
        let audited = judgement.failures.into_iter();
        self.audits.extend(
            audited
                .filter(|(action, _)| *action == Action::Audit)
                .map(|(_, denial)| denial),
        );
        self.images.extend(judgement.accepted);
    }

    /// The kubelet would recreate a mirror Pod that differs from its file, so such a Pod is not pinned either.
    fn add_reported(&mut self, judgement: Judgement) {
        let reported = judgement.failures.into_iter();
        self.audits.extend(reported.map(|(_, denial)| Denial {
            // It would not have been refused here in any case.
            lowered_by: None,
            ..denial
        }));
        self.images
            .extend(judgement.accepted.map(|image| AdmittedImage {
                pin: false,
                pin_workloads: false,
                ..image
            }));
    }

    fn into_decision(mut self, modes: &Modes) -> Decision {
        let labels = modes.notes().to_vec();
        for list in [&mut self.denials, &mut self.warnings, &mut self.audits] {
            list.sort_by_key(|denial| denial.cause.outcome());
        }
        let Self {
            mut images,
            denials,
            warnings,
            audits,
            judged,
        } = self;
        if denials.is_empty() {
            Decision::Admit(Admission {
                images,
                warnings,
                audits,
                judged,
                labels,
            })
        } else {
            // One policy may have accepted an image that another one denies.
            images.retain(|image| denials.iter().all(|denial| denial.slot != image.slot));
            Decision::Deny(Refusal {
                denials,
                images,
                warnings,
                audits,
                judged,
                labels,
            })
        }
    }
}

fn denial(slot: &ImageSlot, cause: impl Into<Cause>) -> Denial {
    Denial {
        slot: slot.clone(),
        digest: None,
        policy: None,
        cause: cause.into(),
        judged: 0,
        help: None,
        lowered_by: None,
    }
}

fn unmatched(slot: &ImageSlot, reference: &Reference, by: Unmatched) -> Denial {
    let repository = reference.repository().clone();
    denial(slot, Rejection::NoPolicyMatches { repository, by })
}
