//! What the places of an image's signatures held.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    decision::{Candidates, FoundByPlace, LookupFailure},
    image::{Digest, Repository},
    registry::Search,
};

/// What was found in one place.
#[derive(Default)]
pub(super) struct PlaceFindings {
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
pub(super) struct Findings(pub(super) BTreeMap<Repository, Result<PlaceFindings, LookupFailure>>);

impl Findings {
    /// Whether to look in this place in this way: "nothing" is never old news, but a list of signatures that do not
    /// count may be, and who has not answered is not asked again.
    pub(super) fn is_worth(&self, place: &Repository, search: Search) -> bool {
        match (search, self.0.get(place)) {
            (_, Some(Err(_))) => false,
            (_, None) | (Search::First | Search::Everywhere, Some(Ok(_))) => true,
            (Search::Afresh, Some(Ok(found))) => found.holds_something,
        }
    }

    /// Whether another place has this layer of this manifest too.
    pub(super) fn holds(&self, place: &Repository, layer: &(Digest, Digest)) -> bool {
        let mut others = self.0.iter().filter(|(other, _)| *other != place);
        others.any(|(_, found)| {
            found
                .as_ref()
                .is_ok_and(|found| found.layers.contains(layer))
        })
    }

    /// What was found with this in this place, as evidence.
    pub(super) fn with(&self, place: &Repository, found: &PlaceFindings) -> FoundByPlace {
        let before = self.0.iter().map(|(place, found)| {
            let candidates = found.as_ref().map(|found| found.candidates.clone());
            (place.clone(), candidates.map_err(Clone::clone))
        });
        let now = (place.clone(), Ok(found.candidates.clone()));
        before.chain([now]).collect()
    }

    /// As evidence, where it is enough.
    pub(super) fn into_evidence(self) -> FoundByPlace {
        let places = self.0.into_iter();
        places
            .map(|(place, found)| (place, found.map(|found| found.candidates)))
            .collect()
    }

    /// As evidence, where it is not enough: what was left out might have been.
    pub(super) fn into_evidence_of_too_little(self) -> FoundByPlace {
        let places = self.0.into_iter();
        places
            .map(|(place, found)| {
                let candidates = found.and_then(|found| match found.left_out {
                    Some(limit) => Err(limit),
                    None => Ok(found.candidates),
                });
                (place, candidates)
            })
            .collect()
    }
}
