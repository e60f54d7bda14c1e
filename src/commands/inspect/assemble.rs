//! From what was found to the document.

use super::{
    document::{
        BaseImage, BuildStatement, Claims, Fact, Inspection, Links, Platform, Warning, WarningKind,
    },
    findings::{Findings, Stated},
    look::{Seen, SignedChild},
    warnings,
};
use crate::{
    image::{Contents, Digest},
    provenance::{self, FactName, Facts, Provenance, Source, is_provenance},
};

/// What somebody says: a signer, or the image itself.
#[derive(Clone, Copy, Debug)]
struct Said<'a> {
    signer: Option<&'a str>,
    facts: &'a Facts,
}

impl<'a> Said<'a> {
    fn of(stated: &'a Stated) -> Self {
        Self {
            signer: Some(&stated.signer),
            facts: &stated.facts,
        }
    }
}

impl Inspection {
    /// Puts together what was seen of this image.
    pub(super) fn new(image: String, known_as: Option<String>, seen: Seen) -> Self {
        let findings = seen.findings;
        let by_image = Facts::of_contents(&seen.contents);
        let image_itself = Said {
            signer: None,
            facts: &by_image,
        };
        let mut verified: Vec<Said<'_>> = findings.stated.iter().map(Said::of).collect();
        let mut claimed = Vec::new();
        let is_covered = !verified.is_empty();
        if is_covered {
            verified.push(image_itself);
        } else {
            claimed.push(image_itself);
        }
        let statements = build_statements(&seen.contents, is_covered);
        let together = merged(&verified);
        let facts = told_facts(&verified);
        let claims = Claims {
            facts: told_facts(&claimed),
            base_images: base_images(&claimed),
        };
        let mut warnings: Vec<Warning> = (seen.failures.into_iter())
            .map(|failure| Warning::new(WarningKind::Incomplete, failure))
            .collect();
        if seen.is_listed && !is_covered {
            warnings.push(unverified(&findings));
        }
        warnings.extend(seen.signed_child.as_ref().map(SignedChild::warning));
        warnings.extend(if is_covered {
            warnings::of_facts(&together, &facts)
        } else {
            warnings::of_facts(&by_image, &claims.facts)
        });
        warnings.extend(warnings::of_statements(&statements));
        warnings.extend(of_shapes(&findings));
        Self {
            image,
            known_as,
            platforms: platforms(&seen.contents, &seen.digest),
            digest: seen.digest.to_string(),
            media_type: seen.contents.media_type.clone(),
            build_statements: statements,
            facts,
            base_images: base_images(&verified),
            claims,
            links: Links::of(&together),
            warnings,
            signatures: findings.signatures,
            attestations: findings.attestations,
        }
    }
}

fn merged(said: &[Said<'_>]) -> Facts {
    said.iter()
        .fold(Facts::default(), |all, said| all.merged(said.facts.clone()))
}

/// The images of an index. A single image is no platform of itself.
fn platforms(contents: &Contents, digest: &Digest) -> Vec<Platform> {
    let parts = contents.platforms.iter();
    parts
        .filter(|part| part.digest != *digest)
        .map(|part| Platform {
            platform: part.platform.clone(),
            digest: part.digest.to_string(),
        })
        .collect()
}

fn build_statements(contents: &Contents, covered: bool) -> Vec<BuildStatement> {
    let statements = contents.build_statements.iter();
    statements
        .map(|statement| BuildStatement {
            platform: statement.platform.to_string(),
            predicate_type: statement.predicate_type.clone(),
            shape: shape(&statement.predicate_type, &statement.statement),
            covered,
        })
        .collect()
}

/// What cannot be read has no shape; that it cannot is told with the facts.
fn shape(predicate_type: &str, statement: &[u8]) -> Option<&'static str> {
    if !is_provenance(predicate_type) {
        return None;
    }
    let read = Provenance::parse(predicate_type, statement, Source::BuildStatement).ok()?;
    Some(read.shape.as_str())
}

/// By name, then by source, the most trusted first.
fn told_facts(said: &[Said<'_>]) -> Vec<Fact> {
    let mut facts = Vec::new();
    for name in FactName::ALL {
        let mut of_name: Vec<(Source, Fact)> = Vec::new();
        for Said { signer, facts } in said {
            for fact in facts.all(name) {
                let told = (fact.source, told_fact(name, fact, *signer));
                if !of_name.contains(&told) {
                    of_name.push(told);
                }
            }
        }
        of_name.sort_by_key(|(source, _)| *source);
        facts.extend(of_name.into_iter().map(|(_, fact)| fact));
    }
    facts
}

fn told_fact(name: FactName, fact: &provenance::Fact, signer: Option<&str>) -> Fact {
    Fact {
        name: name.as_str(),
        value: fact.value.clone(),
        source: fact.source.as_str(),
        path: fact.path.clone(),
        signer: signer.map(str::to_owned),
    }
}

fn base_images(said: &[Said<'_>]) -> Vec<BaseImage> {
    let mut images: Vec<(Source, BaseImage)> = Vec::new();
    for Said { signer, facts } in said {
        for image in facts.base_images() {
            let told = BaseImage {
                name: image.name.clone(),
                repository: image.repository.as_ref().map(ToString::to_string),
                digest: image.digest.as_ref().map(ToString::to_string),
                source: image.source.as_str(),
                path: image.path.clone(),
                signer: signer.map(str::to_owned),
            };
            let told = (image.source, told);
            if !images.contains(&told) {
                images.push(told);
            }
        }
    }
    images.sort_by_key(|(source, _)| *source);
    images.into_iter().map(|(_, image)| image).collect()
}

fn unverified(findings: &Findings) -> Warning {
    let message = if findings.signatures.is_empty() && findings.attestations.is_empty() {
        "nobody has signed it"
    } else {
        "nothing that is attached to it is verified"
    };
    Warning::new(WarningKind::Unverified, message.to_owned())
}

fn of_shapes(findings: &Findings) -> Option<Warning> {
    let mut unknown = findings.attestations.iter();
    let is_any = unknown.any(|attestation| warnings::is_unknown(attestation.shape));
    is_any.then(|| warnings::unknown_shape("an attestation"))
}
