//! What is remembered, for how long and for whom.

use std::{collections::BTreeSet, hash::Hash, sync::Arc, time::Duration};

use moka::{Expiry, sync::Cache};
use tokio::time::Instant;

use super::{
    Attachment, AttachmentPlace, CredentialId, RegistryError, Search, Wanted,
    options::RegistryOptions,
};
use crate::{
    image::{Contents, Digest, Part, Repository, Tag},
    limits,
    telemetry::{CacheReading, Lookups},
};

/// A value with the time from which it is no longer believed.
#[derive(Clone, Debug)]
pub(super) struct Timed<T> {
    value: T,
    since: Instant,
    until: Instant,
}

/// A tag as one login sees it.
pub(super) type TagKey = (Repository, Tag, CredentialId);

/// A digest as one login sees it.
pub(super) type DigestKey = (Repository, Digest, CredentialId);

/// What was looked for in a place for attachments, as one login sees it.
pub(super) type PlaceKey = (DigestKey, AttachmentPlace, Wanted);

/// These parts of what the image of a digest says about itself, as one login sees it.
pub(super) type ContentsKey = (DigestKey, BTreeSet<Part>);

/// What was found in one place.
#[derive(Clone, Debug)]
pub(super) enum Looked {
    /// These; none when it is empty.
    Found(Arc<[Attachment]>),
    /// There is no such place: the registry has no referrers API.
    NotOffered,
    /// The registry leads to another host for it, and this is what went wrong there: as good as none, but that "none is
    /// attached" is not known by it.
    LeadsNowhere(Box<RegistryError>),
}

/// All that is remembered of contents. Every key names the login, so that no tenant sees what another's
/// secret has opened.
#[derive(Debug)]
pub(super) struct Caches {
    tags: Cache<TagKey, Timed<Digest>>,
    places: Cache<PlaceKey, Timed<Looked>>,
    children: Cache<DigestKey, Arc<[Digest]>>,
    contents: Cache<ContentsKey, Arc<Contents>>,
    /// Which of a repository's credentials was let in last.
    let_in: Cache<(Repository, CredentialId), usize>,
    ttl: RegistryOptions,
    lookups: CacheLookups,
}

/// How often each was of use.
#[derive(Debug, Default)]
struct CacheLookups {
    tags: Lookups,
    places: Lookups,
    children: Lookups,
    contents: Lookups,
    let_in: Lookups,
}

impl<T: Clone> Timed<T> {
    pub(super) fn new(value: T, ttl: Duration) -> Self {
        let since = Instant::now();
        Self {
            value,
            since,
            until: since + ttl,
        }
    }

    /// The value, while it is believed.
    pub(super) fn current(&self) -> Option<T> {
        (Instant::now() < self.until).then(|| self.value.clone())
    }

    /// The value, while it is believed and no older than this.
    fn within(&self, age: Duration) -> Option<T> {
        self.current().filter(|_| self.since.elapsed() < age)
    }
}

/// Drops what is no longer believed.
struct Expires;

impl<K, T> Expiry<K, Timed<T>> for Expires {
    fn expire_after_create(
        &self,
        _: &K,
        entry: &Timed<T>,
        _: std::time::Instant,
    ) -> Option<Duration> {
        Some(entry.until.saturating_duration_since(entry.since))
    }

    fn expire_after_update(
        &self,
        _: &K,
        entry: &Timed<T>,
        _: std::time::Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.until.saturating_duration_since(entry.since))
    }
}

impl Looked {
    fn weight(&self) -> usize {
        match self {
            Self::Found(attachments) => attachments.iter().map(Attachment::weight).sum(),
            Self::NotOffered | Self::LeadsNowhere(_) => 0,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Found(attachments) => attachments.is_empty(),
            Self::NotOffered | Self::LeadsNowhere(_) => true,
        }
    }
}

impl Attachment {
    fn weight(&self) -> usize {
        let annotations = self.annotations.iter();
        let texts: usize = annotations
            .map(|(key, value)| key.len() + value.len() + TEXTS_BYTES)
            .sum();
        self.content.len() + texts + ENTRY_BYTES
    }
}

impl Caches {
    pub(super) fn new(ttl: RegistryOptions) -> Self {
        let places = Cache::builder()
            .max_capacity(limits::ATTACHMENT_CACHE_BYTES)
            .weigher(|_: &PlaceKey, looked: &Timed<Looked>| {
                weight(looked.value.weight().saturating_add(ENTRY_BYTES))
            })
            .expire_after(Expires);
        let children = Cache::builder()
            .max_capacity(limits::CHILDREN_CACHE_BYTES)
            .weigher(|_: &DigestKey, children: &Arc<[Digest]>| {
                weight(
                    children
                        .len()
                        .saturating_mul(DIGEST_BYTES)
                        .saturating_add(ENTRY_BYTES),
                )
            });
        let contents = Cache::builder()
            .max_capacity(limits::CONTENTS_CACHE_BYTES)
            .weigher(|_: &ContentsKey, contents: &Arc<Contents>| {
                weight(contents.bytes().saturating_add(ENTRY_BYTES))
            });
        Self {
            tags: keep_weighed(limits::TAG_CACHE_BYTES, ttl.tag_ttl, |key: &TagKey| {
                text_bytes(&key.0) + key.1.as_str().len() + DIGEST_BYTES
            }),
            places: places.build(),
            children: children.build(),
            contents: contents.build(),
            let_in: keep_weighed(
                limits::REPOSITORY_FACTS_BYTES,
                ttl.registry_facts_ttl,
                |key: &(Repository, CredentialId)| text_bytes(&key.0),
            ),
            ttl,
            lookups: CacheLookups::default(),
        }
    }

    /// What is held now.
    pub(super) fn read(&self) -> Vec<CacheReading> {
        let Self {
            tags,
            places,
            children,
            contents,
            let_in,
            lookups,
            ttl: _,
        } = self;
        vec![
            weighed(tags, &lookups.tags, "tags", limits::TAG_CACHE_BYTES),
            weighed(
                let_in,
                &lookups.let_in,
                "let_in",
                limits::REPOSITORY_FACTS_BYTES,
            ),
            weighed(
                places,
                &lookups.places,
                "attachments",
                limits::ATTACHMENT_CACHE_BYTES,
            ),
            weighed(
                children,
                &lookups.children,
                "children",
                limits::CHILDREN_CACHE_BYTES,
            ),
            weighed(
                contents,
                &lookups.contents,
                "contents",
                limits::CONTENTS_CACHE_BYTES,
            ),
        ]
    }

    pub(super) fn tag(&self, key: &TagKey) -> Option<Digest> {
        self.lookups.tags.count(self.tag_again(key))
    }

    /// The same for who has looked before.
    pub(super) fn tag_again(&self, key: &TagKey) -> Option<Digest> {
        self.tags.get(key)?.current()
    }

    pub(super) fn keep_tag(&self, key: TagKey, digest: Digest) {
        self.tags.insert(key, Timed::new(digest, self.ttl.tag_ttl));
    }

    /// What was found there, as long as this search believes it.
    pub(super) fn place(&self, key: &PlaceKey, search: Search) -> Option<Looked> {
        self.lookups.places.count(self.place_again(key, search))
    }

    /// The same for who has looked before.
    pub(super) fn place_again(&self, key: &PlaceKey, search: Search) -> Option<Looked> {
        let looked = self.places.get(key)?;
        match search {
            Search::First | Search::Everywhere => looked.current(),
            Search::Afresh => looked.within(self.ttl.no_attachments_ttl),
        }
    }

    /// What was found there, if it is anything and still believed.
    pub(super) fn found(&self, key: &PlaceKey) -> Option<Looked> {
        let looked = self.places.get(key)?.current();
        let looked = looked.filter(|looked| !looked.is_empty())?;
        self.lookups.places.count_found(true);
        Some(looked)
    }

    pub(super) fn keep_place(&self, key: PlaceKey, looked: Looked) {
        let ttl = if looked.is_empty() {
            self.ttl.no_attachments_ttl
        } else {
            self.ttl.attachments_ttl
        };
        self.places.insert(key, Timed::new(looked, ttl));
    }

    pub(super) fn children(&self, key: &DigestKey) -> Option<Arc<[Digest]>> {
        self.lookups.children.count(self.children_again(key))
    }

    /// The same for who has looked before.
    pub(super) fn children_again(&self, key: &DigestKey) -> Option<Arc<[Digest]>> {
        self.children.get(key)
    }

    pub(super) fn keep_children(&self, key: DigestKey, children: Arc<[Digest]>) {
        self.children.insert(key, children);
    }

    pub(super) fn contents(&self, key: &ContentsKey) -> Option<Arc<Contents>> {
        self.lookups.contents.count(self.contents_again(key))
    }

    /// The same for who has looked before.
    pub(super) fn contents_again(&self, key: &ContentsKey) -> Option<Arc<Contents>> {
        self.contents.get(key)
    }

    pub(super) fn keep_contents(&self, key: ContentsKey, contents: Arc<Contents>) {
        self.contents.insert(key, contents);
    }

    /// The place in the list of the credential to begin with.
    pub(super) fn let_in(&self, key: &(Repository, CredentialId)) -> usize {
        self.lookups.let_in.count(self.let_in.get(key)).unwrap_or(0)
    }

    pub(super) fn keep_let_in(&self, key: (Repository, CredentialId), index: usize) {
        self.let_in.insert(key, index);
    }
}

fn weighed<K, V>(
    cache: &Cache<K, V>,
    lookups: &Lookups,
    name: &'static str,
    limit: u64,
) -> CacheReading
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    cache.run_pending_tasks();
    let bytes = Some((cache.weighted_size(), limit));
    lookups.reading(name, cache.entry_count(), bytes)
}

/// A cache of what has no size of its own beside its key, bounded in bytes all the same.
pub(super) fn keep_weighed<K, V>(
    bytes: u64,
    ttl: Duration,
    key_bytes: impl Fn(&K) -> usize + Send + Sync + 'static,
) -> Cache<K, V>
where
    K: Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(bytes)
        .weigher(move |key, _| weight(key_bytes(key).saturating_add(ENTRY_BYTES)))
        .time_to_live(ttl)
        .build()
}

fn text_bytes(repository: &Repository) -> usize {
    repository.host().as_str().len() + repository.path().len()
}

pub(super) fn weight(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// About what a key and the cache's own record of an entry take.
const ENTRY_BYTES: usize = 512;

/// About what a name and its text take beside their bytes.
const TEXTS_BYTES: usize = 80;

/// About what a digest takes.
const DIGEST_BYTES: usize = 100;

#[cfg(test)]
mod tests;
