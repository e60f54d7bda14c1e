//! What the places of an image's signatures held.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    decision::{Candidates, FoundByPlace, ImageEvidence, Inquiry, LookupFailure},
    image::{Digest, Repository, SignaturePlaces},
    registry::Search,
};

/// One place to look in, and what for.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) inquiry: &'a Inquiry,
    /// All places that are looked in for the same demands.
    pub(super) places: &'a SignaturePlaces,
    pub(super) place: &'a Repository,
    pub(super) image: &'a Digest,
}

/// What was found in one place.
#[derive(Default)]
pub(super) struct Find {
    pub(super) candidates: Candidates,
    /// Whether the place holds candidates, be they those of another place.
    pub(super) holds_something: bool,
    /// The manifests and layers that the candidates are.
    pub(super) layers: BTreeSet<(Digest, Digest)>,
    /// Whether the demands on it are satisfied, by all that was found up to then.
    pub(super) is_enough: bool,
    /// Set when there were more candidates than are verified.
    pub(super) left_out: Option<LookupFailure>,
}

/// What was found for one policy's places, as far as they were looked at.
#[derive(Default)]
pub(super) struct Found(pub(super) BTreeMap<Repository, Result<Find, LookupFailure>>);

impl Found {
    /// Whether to look in this place in this way: "nothing" is never old news, but a list of signatures that do not
    /// count may be, and who has not answered is not asked again.
    pub(super) fn is_worth(&self, place: &Repository, search: Search) -> bool {
        match (search, self.0.get(place)) {
            (_, Some(Err(_))) => false,
            (_, None) | (Search::First | Search::Everywhere, Some(Ok(_))) => true,
            (Search::Afresh, Some(Ok(find))) => find.holds_something,
        }
    }

    /// Whether another place has this layer of this manifest too.
    pub(super) fn holds(&self, place: &Repository, layer: &(Digest, Digest)) -> bool {
        let mut others = self.0.iter().filter(|(other, _)| *other != place);
        others.any(|(_, find)| find.as_ref().is_ok_and(|find| find.layers.contains(layer)))
    }

    /// What is known of the image with this in the place of this task.
    pub(super) fn with(
        &self,
        so_far: &ImageEvidence,
        task: Task<'_>,
        find: &Find,
    ) -> ImageEvidence {
        let mut found: FoundByPlace = self
            .0
            .iter()
            .map(|(place, find)| {
                let candidates = find.as_ref().map(|find| find.candidates.clone());
                (place.clone(), candidates.map_err(Clone::clone))
            })
            .collect();
        found.insert(task.place.clone(), Ok(find.candidates.clone()));
        ImageEvidence {
            signatures: BTreeMap::from([(task.places.clone(), found)]),
            ..so_far.clone()
        }
    }

    /// As evidence, where it is enough.
    pub(super) fn into_evidence(self) -> FoundByPlace {
        let places = self.0.into_iter();
        places
            .map(|(place, find)| (place, find.map(|find| find.candidates)))
            .collect()
    }

    /// As evidence, where it is not enough: what was left out might have been.
    pub(super) fn into_evidence_of_too_little(self) -> FoundByPlace {
        let places = self.0.into_iter();
        places
            .map(|(place, find)| {
                let candidates = find.and_then(|find| match find.left_out {
                    Some(limit) => Err(limit),
                    None => Ok(find.candidates),
                });
                (place, candidates)
            })
            .collect()
    }
}
