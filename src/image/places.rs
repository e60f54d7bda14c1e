//! Where the signatures of an image are looked for.

use super::Repository;

/// Where the signatures and attestations of an image lie, as far as its operator says: beside it, or elsewhere.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SignaturePlaces {
    source: Repository,
    first: Repository,
    then: Vec<Repository>,
}

impl SignaturePlaces {
    /// Beside the image, which is a copy of no other.
    pub fn beside(repository: Repository) -> Self {
        Self {
            first: repository.clone(),
            source: repository,
            then: Vec::new(),
        }
    }

    /// In these repositories, in this order, each once. The image is a copy of one in `source`.
    pub fn new(
        source: Repository,
        first: Repository,
        others: impl IntoIterator<Item = Repository>,
    ) -> Self {
        let mut then = Vec::new();
        for other in others {
            if other != first && !then.contains(&other) {
                then.push(other);
            }
        }
        Self {
            source,
            first,
            then,
        }
    }

    /// The same image with its signatures in this repository alone.
    #[must_use]
    pub fn only_in(&self, repository: Repository) -> Self {
        Self {
            source: self.source.clone(),
            first: repository,
            then: Vec::new(),
        }
    }

    /// Where the image was pushed by whoever made it: what its own repository mirrors, or else that itself.
    pub fn source(&self) -> &Repository {
        &self.source
    }

    /// Where they are looked for first, and where a signature belongs.
    pub fn first(&self) -> &Repository {
        &self.first
    }

    /// Every place, in the order in which they are looked in.
    pub fn all(&self) -> impl Iterator<Item = &Repository> {
        std::iter::once(&self.first).chain(&self.then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_looked_in_once_and_in_order() {
        let repository = |text: &str| text.parse::<Repository>().expect("a repository");
        let [a, b, c] = ["r.example/a", "r.example/b", "r.example/c"].map(repository);
        let others = [b.clone(), a.clone(), b.clone(), c.clone()];
        let places = SignaturePlaces::new(c.clone(), a.clone(), others);
        assert_eq!(places.all().collect::<Vec<_>>(), [&a, &b, &c]);
        assert_eq!((places.source(), places.first()), (&c, &a));
        let only = places.only_in(b.clone());
        assert_eq!(only.all().collect::<Vec<_>>(), [&b]);
        assert_eq!(only.source(), &c);
        let beside = SignaturePlaces::beside(a.clone());
        assert_eq!(beside, SignaturePlaces::new(a.clone(), a, []));
    }
}
