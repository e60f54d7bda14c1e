//! What is not as it should be.

use super::document::{self, BuildStatement, Warning, WarningKind};
use crate::provenance::{Contradiction, Fact, FactName, Facts, Shape, Source};

impl Warning {
    pub(super) fn new(kind: WarningKind, message: String) -> Self {
        Self { kind, message }
    }
}

/// What of these facts nobody should take at its word. `told` are the same with their signers.
pub(super) fn of_facts(facts: &Facts, told: &[document::Fact]) -> Vec<Warning> {
    let contradictions = facts.contradictions();
    let mut warnings: Vec<Warning> = contradictions
        .iter()
        .filter(|found| !is_told_by_id(found, &contradictions))
        .map(|found| contradiction(found, told))
        .collect();
    warnings.extend(facts.unreadable().iter().map(|it| {
        let (source, path) = (it.source.words(), &it.path);
        Warning::new(
            WarningKind::Unreadable,
            format!("the {source} {path} cannot be read: {}", it.error),
        )
    }));
    warnings.extend(of_labels(facts));
    warnings
}

/// Two facts that cannot both be true.
fn contradiction(found: &Contradiction, told: &[document::Fact]) -> Warning {
    let says = |fact: &Fact| {
        let (source, path, value) = (fact.source.words(), &fact.path, &fact.value);
        let signer = signer_of(found.name, fact, told);
        let of_signer = signer.map_or_else(String::new, |signer| format!(" of {signer}"));
        match fact.source {
            Source::Certificate | Source::Attestation | Source::BuildStatement => {
                format!("the {source}{of_signer} says {value}")
            }
            Source::SignatureAnnotation | Source::ImageAnnotation | Source::Label => {
                format!("the {source} {path}{of_signer} says {value}")
            }
        }
    };
    let (name, trusted, other) = (found.name.words(), says(&found.trusted), says(&found.other));
    Warning::new(
        WarningKind::Contradiction,
        format!("{name}: {trusted}, {other}"),
    )
}

/// Of another job, the link to it is another too.
fn is_told_by_id(link: &Contradiction, all: &[Contradiction]) -> bool {
    let id = match link.name {
        FactName::PipelineUrl => FactName::PipelineId,
        FactName::JobUrl => FactName::JobId,
        FactName::SourceRepository
        | FactName::Ref
        | FactName::Commit
        | FactName::PipelineId
        | FactName::JobId
        | FactName::PipelineSource
        | FactName::Runner
        | FactName::BuilderId
        | FactName::BuildType
        | FactName::StartedOn
        | FactName::FinishedOn
        | FactName::User => return false,
    };
    let sources = |it: &Contradiction| (it.trusted.source, it.other.source);
    all.iter()
        .any(|one| one.name == id && sources(one) == sources(link))
}

/// Who has signed it, where that is not the same for all.
fn signer_of<'a>(name: FactName, fact: &Fact, told: &'a [document::Fact]) -> Option<&'a str> {
    let mut signers = told.iter().filter_map(|it| it.signer.as_deref());
    let first = signers.next()?;
    if signers.all(|signer| signer == first) {
        return None;
    }
    let mut same = told.iter().filter(|it| {
        it.name == name.as_str() && it.source == fact.source.as_str() && it.value == fact.value
    });
    same.find_map(|it| it.signer.as_deref())
}

/// A label is inherited from the base image unless the build sets it.
fn of_labels(facts: &Facts) -> Option<Warning> {
    let names = FactName::ALL.into_iter().filter(|name| {
        let best = facts.best(*name);
        best.is_some_and(|fact| fact.source == Source::Label)
    });
    let names: Vec<&str> = names.map(FactName::words).collect();
    let names = names.join(", ");
    (!names.is_empty()).then(|| {
        Warning::new(
            WarningKind::Labels,
            format!("said by labels alone, which may be those of the base image: {names}"),
        )
    })
}

/// What of the statements in the index has a shape that is not known. What is none is told with the facts.
pub(super) fn of_statements(statements: &[BuildStatement]) -> Option<Warning> {
    let mut shapes = statements.iter().map(|statement| statement.shape);
    shapes
        .any(is_unknown)
        .then(|| unknown_shape("a build statement in the index"))
}

pub(super) fn is_unknown(shape: Option<&str>) -> bool {
    shape == Some(Shape::Unknown.as_str())
}

/// Provenance that no facts are read from.
pub(super) fn unknown_shape(what: &str) -> Warning {
    Warning::new(
        WarningKind::UnknownShape,
        format!("{what} is provenance of a shape that is not known: no facts are read from it"),
    )
}
