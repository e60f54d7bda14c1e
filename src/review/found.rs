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
    /// Whether it could not be looked at when it was looked at last.
    is_lost: bool,
}

/// What was found for one policy's places, as far as they were looked at.
#[derive(Default)]
pub(super) struct Findings(BTreeMap<Repository, PlaceFindings>);

impl Findings {
    /// Whether to look in this place in this way: "nothing" is never old news, but a list of signatures that do not
    /// count may be, and who has not answered is not asked again.
    pub(super) fn is_worth(&self, place: &Repository, search: Search) -> bool {
        let Some(found) = self.0.get(place) else {
            return true;
        };
        match search {
            Search::First | Search::Everywhere => !found.is_lost,
            Search::Afresh => !found.is_lost && found.holds_something,
        }
    }

    /// Takes in what came of a look into this place. One that failed leaves what was found before, which may be enough
    /// for some of the demands.
    pub(super) fn add(&mut self, place: &Repository, looked: Result<PlaceFindings, LookupFailure>) {
        match looked {
            Ok(found) => {
                self.0.insert(place.clone(), found);
            }
            Err(failure) => {
                let found = self.0.entry(place.clone()).or_default();
                found.candidates.unread = Some(failure);
                found.is_lost = true;
            }
        }
    }

    /// Whether another place has this layer of this manifest too.
    pub(super) fn holds(&self, place: &Repository, layer: &(Digest, Digest)) -> bool {
        let mut others = self.0.iter().filter(|(other, _)| *other != place);
        others.any(|(_, found)| found.layers.contains(layer))
    }

    /// What was found with this in this place, as evidence.
    pub(super) fn with(&self, place: &Repository, found: &PlaceFindings) -> FoundByPlace {
        let before = self.0.iter();
        let before = before.map(|(place, found)| (place.clone(), found.candidates.clone()));
        let now = (place.clone(), found.candidates.clone());
        before.chain([now]).collect()
    }

    /// As evidence.
    pub(super) fn into_evidence(self) -> FoundByPlace {
        let places = self.0.into_iter();
        places
            .map(|(place, found)| (place, found.candidates))
            .collect()
    }
}
