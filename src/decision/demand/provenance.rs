//! Whether an attestation says that the image was built as a policy asks.
//!
//! One attestation must satisfy all rules. What its certificate says counts before what its signer wrote, and the two
//! must agree. What only the image says about itself never satisfies a rule, but for its base images: those the signed
//! digest covers, and the rule asks for all that are named anywhere.

mod base_images;

use std::{cell::OnceCell, sync::Arc};

use jiff::Timestamp;

use super::{
    Case, Unsatisfied,
    attestations::Wanted,
    tag,
    trial::{Failure, Trial},
};
use crate::{
    decision::{
        cause::{
            BuildFact, BuildTime, Cause, Obstacle, Outcome, ProvenanceFault, Rejection, Stated,
            TagExpectation, TagFault,
        },
        evidence::LookupFailure,
    },
    image::{Contents, Pattern},
    limits::BUILD_CLOCK_SKEW,
    policy::{ProvenanceDemand, TagMatch},
    provenance::{Fact, FactName, Facts, Provenance, ProvenanceError, Source},
    verify::{Signer, VerifiedAttestation},
};

/// Provenance that is as the policy asks.
#[derive(Clone, Debug)]
pub(in crate::decision) struct AcceptedProvenance {
    /// The authority that attests it.
    pub(in crate::decision) authority: String,
    pub(in crate::decision) attestation: VerifiedAttestation,
    /// What it says, and before that what its certificate says.
    pub(in crate::decision) provenance: Provenance,
}

/// What the image says about itself, if that was asked.
pub(super) type FoundContents = Option<Result<Arc<Contents>, LookupFailure>>;

/// One attestation whose signer counts.
struct Examined<'a> {
    case: Case<'a>,
    demand: &'a ProvenanceDemand,
    attestation: &'a VerifiedAttestation,
    /// What it says, and before that what its certificate says. Nothing else is in here.
    facts: Facts,
    contents: &'a FoundContents,
    /// What can be read of that, once it is asked for.
    said: &'a OnceCell<Facts>,
}

/// Why an attestation is not as the policy asks.
struct Flaw {
    /// How many rules it satisfied before.
    passed: usize,
    cause: Box<Cause>,
}

/// What comes of one rule.
type Ruling = Result<(), Box<Cause>>;

/// One rule over what is examined.
type Rule<E> = fn(&E) -> Ruling;

impl<'a> Case<'a> {
    /// The first attestation that satisfies all rules, if the policy asks for provenance.
    pub(super) fn provenance(
        &self,
        contents: &'a FoundContents,
    ) -> Result<Option<AcceptedProvenance>, Box<Unsatisfied>> {
        let Some(demand) = &self.policy.provenance else {
            return Ok(None);
        };
        let case = Self {
            only: Some(&demand.authorities),
            ..*self
        };
        let mut trials = case.trials();
        let said = OnceCell::new();
        let (mut flaws, mut examined): (Vec<Flaw>, Vec<usize>) = (Vec::new(), Vec::new());
        for trial in &trials {
            let Some(attestation) = verified_provenance(trial) else {
                continue;
            };
            // Whoever else stands for it, it says the same.
            if examined.contains(&trial.candidate) {
                continue;
            }
            examined.push(trial.candidate);
            match case.examine(demand, attestation, contents, &said) {
                Ok(provenance) => {
                    return Ok(Some(AcceptedProvenance {
                        authority: case.name(trial.authority),
                        attestation: attestation.clone(),
                        provenance,
                    }));
                }
                Err(flaw) => flaws.push(flaw),
            }
        }
        trials.retain(|trial| !examined.contains(&trial.candidate));
        Err(Box::new(case.no_provenance(&flaws, &trials)))
    }

    /// Reads one attestation and holds it against every rule.
    fn examine(
        self,
        demand: &'a ProvenanceDemand,
        attestation: &'a VerifiedAttestation,
        contents: &'a FoundContents,
        said: &'a OnceCell<Facts>,
    ) -> Result<Provenance, Flaw> {
        let predicate_type = attestation.predicate_type();
        let read = Provenance::parse(predicate_type, attestation.statement(), Source::Attestation);
        let provenance = read.map_err(|error| Flaw {
            passed: 0,
            cause: Box::new(self.unreadable(predicate_type, &error)),
        })?;
        let facts = match attestation.signer() {
            Signer::Certificate(identity) => Facts::of_certificate(identity),
            Signer::Key { .. } => Facts::default(),
        };
        let examined = Examined {
            case: self,
            demand,
            attestation,
            facts: facts.merged(provenance.facts),
            contents,
            said,
        };
        for (index, rule) in Examined::RULES.iter().enumerate() {
            rule(&examined).map_err(|cause| Flaw {
                passed: index + 1,
                cause,
            })?;
        }
        Ok(Provenance {
            facts: examined.facts,
            ..provenance
        })
    }

    pub(super) fn unreadable(&self, predicate_type: &str, error: &ProvenanceError) -> Cause {
        let detail = error.to_string();
        match error {
            ProvenanceError::Limit { .. } => Obstacle::LimitExceeded { detail }.into(),
            ProvenanceError::NotJson { .. }
            | ProvenanceError::NameTwice { .. }
            | ProvenanceError::Malformed { .. }
            | ProvenanceError::Link(_) => Rejection::AttestationInvalid {
                predicate_type: predicate_type.to_owned(),
                detail,
                signing: self.attesting(predicate_type),
            }
            .into(),
        }
    }

    /// What could not be judged might have been as asked. Else the attestation that came furthest is told of.
    fn no_provenance(
        &self,
        flaws: &[Flaw],
        others: &[Trial<'a, VerifiedAttestation>],
    ) -> Unsatisfied {
        let missing = self.missing(Wanted::Provenance, others);
        let undetermined = |cause: &Cause| cause.outcome() == Outcome::Undetermined;
        let furthest = flaws.iter().reduce(|best, next| {
            let is_further = next.passed > best.passed;
            if is_further { next } else { best }
        });
        let cause = match furthest {
            None => missing.cause,
            Some(_) if undetermined(&missing.cause) => missing.cause,
            Some(furthest) => {
                let open = flaws.iter().find(|flaw| undetermined(&flaw.cause));
                Cause::clone(&open.unwrap_or(furthest).cause)
            }
        };
        Unsatisfied {
            cause,
            judged: missing.judged,
        }
    }
}

impl Examined<'_> {
    /// Each passes where the policy does not ask for it. Agreement first; what may be undetermined last, so that what is
    /// known to be wrong is told.
    const RULES: [Rule<Self>; 8] = [
        Self::agreement,
        Self::source_repository,
        Self::refs,
        Self::tag,
        Self::pipeline_source,
        Self::runner,
        Self::age,
        Self::base_images,
    ];

    /// The certificate and what its holder wrote, and the parts of that, say the same.
    fn agreement(&self) -> Ruling {
        let Some(found) = self.facts.contradictions().into_iter().next() else {
            return Ok(());
        };
        let stated = |fact: &Fact| Stated {
            value: fact.value.clone(),
            place: if found.trusted.source == found.other.source {
                fact.path.clone()
            } else {
                fact.source.words().to_owned()
            },
        };
        fail(ProvenanceFault::Contradicted {
            name: found.name.words(),
            trusted: stated(&found.trusted),
            other: stated(&found.other),
            signing: self.case.attesting(self.attestation.predicate_type()),
        })
    }

    fn source_repository(&self) -> Ruling {
        let accepted = self.demand.source_repository.as_slice();
        let found = self.facts.best(FactName::SourceRepository);
        matching(BuildFact::SourceRepository, found, accepted)
    }

    fn refs(&self) -> Ruling {
        matching(BuildFact::Ref, self.facts.ref_name(), &self.demand.refs)
    }

    /// A tag that is a number may be meant as a commit or as a version: where both are asked for, both are told.
    fn tag(&self) -> Ruling {
        let wanted = &self.demand.tag_matches;
        let Some(tag) = tag::of(self.case.reference).filter(|_| !wanted.is_empty()) else {
            return Ok(());
        };
        let commit = self.facts.best(FactName::Commit);
        let ref_name = self.facts.ref_name();
        let is_named = wanted.iter().any(|wanted| match wanted {
            TagMatch::Ref => ref_name.is_some_and(|it| tag::names_ref(&tag, &it.value)),
            TagMatch::Commit => commit.is_some_and(|it| tag::names_commit(&tag, &it.value)),
        });
        if is_named {
            return Ok(());
        }
        let asks_for = |what| wanted.contains(&what);
        let means_commit =
            asks_for(TagMatch::Commit) && (tag::is_like_commit(&tag) || !asks_for(TagMatch::Ref));
        let mut expected = Vec::new();
        if means_commit {
            expected.push(TagExpectation::Commit(commit.map(stated)));
        }
        if asks_for(TagMatch::Ref) {
            expected.push(TagExpectation::Ref(ref_name.map(stated)));
        }
        fail(ProvenanceFault::OtherTag(TagFault {
            tag: tag.as_str().to_owned(),
            expected,
            means_commit,
        }))
    }

    fn pipeline_source(&self) -> Ruling {
        let accepted = &self.demand.pipeline_sources;
        let found = self.facts.best(FactName::PipelineSource);
        if accepted.is_empty() || found.is_some_and(|it| accepted.contains(&it.value)) {
            return Ok(());
        }
        fail(ProvenanceFault::NotAccepted {
            fact: BuildFact::PipelineSource,
            stated: found.map(stated),
            accepted: accepted.clone(),
        })
    }

    fn runner(&self) -> Ruling {
        let found = self.facts.best(FactName::Runner);
        matching(BuildFact::Runner, found, &self.demand.runners)
    }

    /// The earliest of what is known counts, so that nobody makes a build younger by what they write. A time that is
    /// yet to come would never grow old: where it is all there is, it does not count.
    fn age(&self) -> Ruling {
        let Some(max_age) = self.demand.max_age else {
            return Ok(());
        };
        let now = self.case.circumstances.now;
        let time_of = |name| -> Option<Timestamp> { self.facts.best(name)?.value.parse().ok() };
        let stated = time_of(FactName::FinishedOn).or_else(|| time_of(FactName::StartedOn));
        let built = match (stated, self.attestation.signed_at()) {
            (Some(stated), Some(signed)) if signed < stated => Some(BuildTime::Signed(signed)),
            (Some(stated), _) => Some(BuildTime::Stated(stated)),
            (None, signed) => signed.map(BuildTime::Signed),
        };
        let is_young = |built: BuildTime| {
            let age = now.duration_since(built.time());
            age >= -BUILD_CLOCK_SKEW && age <= max_age
        };
        if built.is_some_and(is_young) {
            return Ok(());
        }
        fail(ProvenanceFault::TooOld {
            built,
            max_age,
            now,
        })
    }
}

impl BuildTime {
    fn time(self) -> Timestamp {
        match self {
            Self::Stated(time) | Self::Signed(time) => time,
        }
    }
}

/// An attestation of provenance whose signer counts.
fn verified_provenance<'a>(
    trial: &Trial<'a, VerifiedAttestation>,
) -> Option<&'a VerifiedAttestation> {
    let attestation: Result<&'a VerifiedAttestation, &Failure<'_>> = trial.result.as_ref().copied();
    attestation
        .ok()
        .filter(|it| Wanted::Provenance.covers(it.predicate_type()))
}

/// Passes where what was found matches any of the patterns, or where there are none.
fn matching(fact: BuildFact, found: Option<&Fact>, accepted: &[Pattern]) -> Ruling {
    let is_accepted = |it: &Fact| accepted.iter().any(|pattern| pattern.matches(&it.value));
    if accepted.is_empty() || found.is_some_and(is_accepted) {
        return Ok(());
    }
    fail(ProvenanceFault::NotAccepted {
        fact,
        stated: found.map(stated),
        accepted: accepted.iter().map(|it| it.as_str().to_owned()).collect(),
    })
}

fn stated(fact: &Fact) -> Stated {
    Stated {
        value: fact.value.clone(),
        place: fact.source.words().to_owned(),
    }
}

fn fail(fault: ProvenanceFault) -> Ruling {
    Err(Box::new(Rejection::Provenance(fault).into()))
}
