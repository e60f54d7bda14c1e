//! All policies together: what stays in force when one stops compiling, and which apply to an image.

use std::sync::Arc;

use super::{
    CompileError, Demand, KeySource, Place, Policy, PolicyId, PolicyObject, PolicySet, PolicyState,
    Scope,
};
use crate::image::Repository;

impl PolicySet {
    /// The set that follows this one: every object compiled anew.
    ///
    /// An object that does not compile keeps its last good form from this set; one that never did covers whatever
    /// it may have meant to cover, and refuses it. Objects that are gone are gone.
    #[must_use]
    pub fn update<'a>(
        &self,
        objects: impl IntoIterator<Item = &'a PolicyObject>,
        keys: &dyn KeySource,
    ) -> Self {
        let policies = objects
            .into_iter()
            .map(|object| (object.id().clone(), self.next_state(object, keys)))
            .collect();
        Self { policies }
    }

    /// The set that follows this one where only some objects have changed: the others keep their state from this set,
    /// and are not compiled. An object that is in neither list is gone.
    #[must_use]
    pub fn update_changed<'a>(
        &self,
        changed: impl IntoIterator<Item = &'a PolicyObject>,
        unchanged: impl IntoIterator<Item = &'a PolicyId>,
        keys: &dyn KeySource,
    ) -> Self {
        let mut next = self.update(changed, keys);
        let kept = unchanged
            .into_iter()
            .filter_map(|id| self.policies.get_key_value(id))
            .map(|(id, state)| (id.clone(), state.clone()));
        next.policies.extend(kept);
        next
    }

    /// The state of one object after this set.
    fn next_state(&self, object: &PolicyObject, keys: &dyn KeySource) -> PolicyState {
        let error = match object.compile(keys) {
            Ok(policy) => return PolicyState::Ready(Arc::new(policy)),
            Err(error) => error,
        };
        let reason = error.to_string();
        match self
            .policies
            .get(object.id())
            .and_then(PolicyState::in_force)
        {
            Some(last_good) => PolicyState::Stale {
                last_good: Arc::clone(last_good),
                reason,
                error,
            },
            None => PolicyState::Broken {
                scope: Arc::new(object.widest_scope()),
                reason,
                error,
            },
        }
    }

    /// The same policies, in force only because a newer form of all of them cannot be used, for this reason.
    #[must_use]
    pub fn as_last_good(&self, reason: &str) -> Self {
        let stale = |state: &PolicyState| match state {
            PolicyState::Ready(policy)
            | PolicyState::Stale {
                last_good: policy, ..
            } => PolicyState::Stale {
                last_good: Arc::clone(policy),
                reason: reason.to_owned(),
                // No field of this one is at fault.
                error: CompileError::new(Vec::new()),
            },
            PolicyState::Broken { .. } => state.clone(),
        };
        let policies = self.policies.iter();
        Self {
            policies: policies
                .map(|(id, state)| (id.clone(), stale(state)))
                .collect(),
        }
    }

    /// The demands of all policies that match, in the order of their ids (cluster-wide first).
    pub fn demands(&self, repository: &Repository, place: &Place) -> Vec<Demand> {
        self.policies
            .values()
            .filter(|state| state.scope().covers(repository, place))
            .map(PolicyState::demand)
            .collect()
    }

    /// Every policy with its state.
    pub fn iter(&self) -> impl Iterator<Item = (&PolicyId, &PolicyState)> {
        self.policies.iter()
    }
}

impl PolicyState {
    /// The compiled form that is in force, if any.
    pub fn in_force(&self) -> Option<&Arc<Policy>> {
        match self {
            Self::Ready(policy) => Some(policy),
            Self::Stale { last_good, .. } => Some(last_good),
            Self::Broken { .. } => None,
        }
    }

    /// Why the latest form does not compile, if it does not.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Ready(_) => None,
            Self::Stale { reason, .. } | Self::Broken { reason, .. } => Some(reason),
        }
    }

    /// Where it applies.
    pub fn scope(&self) -> &Scope {
        match self {
            Self::Ready(policy) => &policy.scope,
            Self::Stale { last_good, .. } => &last_good.scope,
            Self::Broken { scope, .. } => scope,
        }
    }

    fn demand(&self) -> Demand {
        match self {
            Self::Ready(policy) => Demand::Satisfy(Arc::clone(policy)),
            Self::Stale { last_good, .. } => Demand::Satisfy(Arc::clone(last_good)),
            Self::Broken { scope, reason, .. } => Demand::Broken {
                scope: Arc::clone(scope),
                reason: reason.clone(),
            },
        }
    }
}

impl Scope {
    /// Whether an image in this place is covered.
    fn covers(&self, repository: &Repository, place: &Place) -> bool {
        let is_here = self
            .id
            .namespace
            .as_ref()
            .is_none_or(|namespace| *namespace == place.namespace);
        let is_included = self.images.is_empty()
            || self
                .images
                .iter()
                .any(|pattern| pattern.matches(repository));
        is_here
            && is_included
            && !self
                .exclude_images
                .iter()
                .any(|pattern| pattern.matches(repository))
            && self.namespace_selector.matches(&place.namespace_labels)
            && self.object_selector.matches(&place.object_labels)
    }
}

#[cfg(test)]
mod tests;
