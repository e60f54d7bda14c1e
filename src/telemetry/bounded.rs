//! Label values that come from outside: no more than a limit, and one name for all others.

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock},
};

/// The values that a label may have. What is not among them is counted as [`OTHER`], so that nobody who chooses names
/// decides how many series there are.
#[derive(Debug)]
pub(super) struct Bounded {
    known: RwLock<BTreeSet<String>>,
    limit: usize,
}

/// How the values have changed.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Change {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
}

impl Bounded {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            known: RwLock::default(),
            limit,
        }
    }

    /// Knows these from now on, the most important first, and no others. Who is known already keeps the place, so that
    /// no newcomer ends a series.
    pub(super) fn know(&self, names: &[String]) -> Change {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut next: BTreeSet<String> = names
            .iter()
            .filter(|name| known.contains(*name))
            .cloned()
            .collect();
        let mut added = Vec::new();
        for name in names.iter().filter(|name| name.as_str() != OTHER) {
            if next.len() >= self.limit {
                break;
            }
            if next.insert(name.clone()) {
                added.push(name.clone());
            }
        }
        let removed = known.difference(&next).cloned().collect();
        *known = next;
        Change { added, removed }
    }

    /// The names that are told apart.
    pub(super) fn names(&self) -> Vec<String> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().cloned().collect()
    }

    /// The value that stands for this name.
    pub(super) fn value(&self, name: &str) -> String {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let value = if known.contains(name) { name } else { OTHER };
        value.to_owned()
    }
}

/// What every name beyond the limit is counted as.
pub(super) const OTHER: &str = "other";

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_most_important_names_have_a_place_and_the_others_share_one() {
        let bounded = Bounded::new(2);
        bounded.know(&names(&["b", "c", "a"]));
        let values = ["a", "b", "c", "d"].map(|name| bounded.value(name));
        assert_eq!(values, ["other", "b", "c", "other"]);
    }

    #[test]
    fn a_newcomer_drives_nobody_out_who_is_still_named() {
        let bounded = Bounded::new(2);
        bounded.know(&names(&["b", "c"]));
        assert_eq!(bounded.know(&names(&["a", "b", "c"])), Change::default());
        let change = bounded.know(&names(&["a", "c"]));
        assert_eq!(change.added, ["a"]);
        assert_eq!(change.removed, ["b"]);
    }
}
