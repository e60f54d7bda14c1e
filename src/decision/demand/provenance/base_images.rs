//! Whether every base image is one that the policy lists.

use super::{Examined, Ruling, fail};
use crate::{
    decision::cause::{Asked, BaseImageFault, Cause, Obstacle, ProvenanceFault, Stated},
    provenance::{BaseImage, Facts, ProvenanceError, Source, Unreadable},
};

impl Examined<'_> {
    /// All that are named, by the attestation or by BuildKit in the index; only where neither names any, those in the
    /// annotations. Labels may be the base image's own.
    pub(super) fn base_images(&self) -> Ruling {
        if self.demand.base_images.is_empty() {
            return Ok(());
        }
        let attested = self.facts.base_images();
        self.readable(self.facts.unreadable(), Source::Attestation)?;
        self.allow_base_images(attested)?;
        let contents = match self.contents {
            Some(Ok(contents)) => contents,
            Some(Err(failure)) => {
                return Err(Box::new(Cause::of_lookup(failure, Asked::ImageRegistry)));
            }
            None => return Err(Box::new(Obstacle::DeadlineExceeded.into())),
        };
        // Read once, however many attestations are held against it.
        let said = self.said.get_or_init(|| Facts::of_contents(contents));
        let said_by = |source| -> Result<Vec<BaseImage>, Box<Cause>> {
            self.readable(said.unreadable(), source)?;
            let all = said.base_images().iter();
            Ok(all.filter(|base| base.source == source).cloned().collect())
        };
        let built = said_by(Source::BuildStatement)?;
        self.allow_base_images(&built)?;
        if !attested.is_empty() || !built.is_empty() {
            return Ok(());
        }
        let annotated = said_by(Source::ImageAnnotation)?;
        if annotated.is_empty() {
            return self.base_image_fault(BaseImageFault::NoneNamed);
        }
        self.allow_base_images(&annotated)
    }

    fn allow_base_images(&self, bases: &[BaseImage]) -> Ruling {
        let listed = |base: &BaseImage| {
            let mut patterns = self.demand.base_images.iter();
            let repository = base.repository.as_ref();
            repository.is_some_and(|it| patterns.any(|pattern| pattern.matches(it)))
        };
        let refused: Vec<&BaseImage> = bases
            .iter()
            .filter(|base| base.digest.is_none() || !listed(base))
            .collect();
        let Some((first, rest)) = refused.split_first() else {
            return Ok(());
        };
        let base = Stated {
            value: known_as(first),
            place: first.source.words().to_owned(),
        };
        let others = rest.len();
        self.base_image_fault(if listed(first) {
            BaseImageFault::NoDigest { base, others }
        } else {
            BaseImageFault::NotListed { base, others }
        })
    }

    fn base_image_fault(&self, fault: BaseImageFault) -> Ruling {
        let accepted = self.demand.base_images.iter();
        fail(ProvenanceFault::BaseImageNotAllowed {
            fault,
            accepted: accepted.map(|it| it.as_str().to_owned()).collect(),
        })
    }

    /// A part that cannot be read might name more.
    fn readable(&self, unreadable: &[Unreadable], source: Source) -> Ruling {
        let Some(part) = unreadable.iter().find(|part| part.source == source) else {
            return Ok(());
        };
        let detail = part.error.to_string();
        match part.error {
            ProvenanceError::Limit { .. } => {
                Err(Box::new(Obstacle::LimitExceeded { detail }.into()))
            }
            ProvenanceError::NotJson { .. }
            | ProvenanceError::NameTwice { .. }
            | ProvenanceError::Malformed { .. }
            | ProvenanceError::Link(_) => {
                let place = part.source.words();
                self.base_image_fault(BaseImageFault::Unreadable { place, detail })
            }
        }
    }
}

/// As it was written, and what patterns are held against where that is not how it begins: `alpine:3` is
/// `docker.io/library/alpine`.
fn known_as(base: &BaseImage) -> String {
    match base.repository.as_ref().map(ToString::to_string) {
        Some(repository) if !base.name.starts_with(&repository) => {
            format!("{} ({repository})", base.name)
        }
        Some(_) | None => base.name.clone(),
    }
}
