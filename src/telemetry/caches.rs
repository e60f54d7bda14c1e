//! What `/metrics` tells of caches.

use std::{
    fmt::Debug,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

/// Something that has caches.
pub trait CacheSource: Debug + Send + Sync {
    /// What they hold now.
    fn read_caches(&self) -> Vec<CacheReading>;
}

/// What one cache holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CacheReading {
    /// Its name.
    pub name: &'static str,
    /// How many entries it has, about.
    pub entries: u64,
    /// How many bytes they take, about, and how many they may take; none where the entries are counted instead.
    pub bytes: Option<(u64, u64)>,
    /// How often what was looked for was there.
    pub hits: u64,
    /// How often it was not.
    pub misses: u64,
}

/// Counts how often a cache had what was looked for. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Lookups(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// The families, filled from their sources before each answer.
#[derive(Debug, Default)]
pub(super) struct CacheMetrics {
    sources: Mutex<Vec<Arc<dyn CacheSource>>>,
    entries: Family<CacheLabel, Gauge>,
    bytes: Family<CacheLabel, Gauge>,
    limit: Family<CacheLabel, Gauge>,
    requests: Family<CacheRequestLabels, Counter>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct CacheLabel {
    cache: &'static str,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct CacheRequestLabels {
    cache: &'static str,
    result: &'static str,
}

impl Lookups {
    /// Counts one look, and hands on what it found.
    pub fn count<T>(&self, found: Option<T>) -> Option<T> {
        self.count_found(found.is_some());
        found
    }

    /// Counts one look that found something, or did not.
    pub fn count_found(&self, found: bool) {
        let counter = if found { &self.0.hits } else { &self.0.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// What has been counted, with the rest of a reading.
    pub fn reading(
        &self,
        name: &'static str,
        entries: u64,
        bytes: Option<(u64, u64)>,
    ) -> CacheReading {
        CacheReading {
            name,
            entries,
            bytes,
            hits: self.0.hits.load(Ordering::Relaxed),
            misses: self.0.misses.load(Ordering::Relaxed),
        }
    }
}

impl CacheMetrics {
    pub(super) fn add(&self, source: Arc<dyn CacheSource>) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.push(source);
    }

    pub(super) fn refresh(&self) {
        let sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        for reading in sources.iter().flat_map(|source| source.read_caches()) {
            let label = CacheLabel {
                cache: reading.name,
            };
            self.entries
                .get_or_create(&label)
                .set(whole(reading.entries));
            if let Some((bytes, limit)) = reading.bytes {
                self.bytes.get_or_create(&label).set(whole(bytes));
                self.limit.get_or_create(&label).set(whole(limit));
            }
            for (result, count) in [("hit", reading.hits), ("miss", reading.misses)] {
                let cache = reading.name;
                let labels = CacheRequestLabels { cache, result };
                let counter = self.requests.get_or_create(&labels);
                counter.inner().store(count, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("cache_entries", "Entries by cache", self.entries.clone());
        registry.register_with_unit(
            "cache",
            "About how much memory the entries of a cache take",
            Unit::Bytes,
            self.bytes.clone(),
        );
        registry.register_with_unit(
            "cache_limit",
            "How much memory the entries of a cache may take",
            Unit::Bytes,
            self.limit.clone(),
        );
        registry.register(
            "cache_requests",
            "Looks into a cache, by whether it had what was looked for",
            self.requests.clone(),
        );
    }
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[derive(Debug, Default)]
    struct Source(Lookups);

    impl CacheSource for Source {
        fn read_caches(&self) -> Vec<CacheReading> {
            vec![
                self.0.reading("large", 2, Some((100, 1000))),
                Lookups::default().reading("small", 1, None),
            ]
        }
    }

    #[test]
    fn a_cache_is_told_as_it_is_when_it_is_asked_for() {
        let (metrics, source) = (Metrics::new(), Arc::new(Source::default()));
        metrics.add_caches(Arc::<Source>::clone(&source));
        source.0.count(None::<()>);
        assert_eq!(source.0.count(Some(7)), Some(7));
        metrics.encode();
        source.0.count_found(true);
        let text = metrics.encode();
        let mut told: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("assay_cache"))
            .collect();
        told.sort_unstable();
        assert_eq!(
            told,
            [
                "assay_cache_bytes{cache=\"large\"} 100",
                "assay_cache_entries{cache=\"large\"} 2",
                "assay_cache_entries{cache=\"small\"} 1",
                "assay_cache_limit_bytes{cache=\"large\"} 1000",
                "assay_cache_requests_total{cache=\"large\",result=\"hit\"} 2",
                "assay_cache_requests_total{cache=\"large\",result=\"miss\"} 1",
                "assay_cache_requests_total{cache=\"small\",result=\"hit\"} 0",
                "assay_cache_requests_total{cache=\"small\",result=\"miss\"} 0",
            ]
        );
    }
}
