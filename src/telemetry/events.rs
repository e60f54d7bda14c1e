//! What `/metrics` tells of Events.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// What came of something that an Event was due to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventResult {
    /// An Event was written.
    Created,
    /// The count of an Event was raised, once for all that was seen meanwhile.
    Updated,
    /// There was no room for it, or its namespace is gone.
    Dropped,
    /// The API server did not take it, once for each try.
    Failed,
}

/// The counters.
#[derive(Debug, Default)]
pub(super) struct EventCounters {
    events: Family<ResultLabel, Counter>,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

impl EventCounters {
    pub(super) fn count(&self, result: EventResult, times: usize) {
        self.of(result).inc_by(times as u64);
    }

    /// All of them are there from the start, so that a rate of the first one can be seen.
    pub(super) fn register(&self, registry: &mut Registry) {
        for result in EventResult::ALL {
            drop(self.of(result));
        }
        registry.register("events", "Events by what came of them", self.events.clone());
    }

    fn of(&self, result: EventResult) -> impl std::ops::Deref<Target = Counter> {
        self.events.get_or_create(&ResultLabel {
            result: result.name(),
        })
    }
}

impl EventResult {
    const ALL: [Self; 4] = [Self::Created, Self::Updated, Self::Dropped, Self::Failed];

    fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn events_are_counted_by_their_result_from_the_start() {
        let metrics = Metrics::new();
        metrics.count_events(EventResult::Updated, 1);
        let text = metrics.encode();
        let mut told: Vec<_> = text
            .lines()
            .filter(|line| line.starts_with("assay_events_total"))
            .collect();
        told.sort_unstable();
        assert_eq!(
            told,
            [
                "assay_events_total{result=\"created\"} 0",
                "assay_events_total{result=\"dropped\"} 0",
                "assay_events_total{result=\"failed\"} 0",
                "assay_events_total{result=\"updated\"} 1",
            ]
        );
    }
}
