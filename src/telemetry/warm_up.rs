//! What `/metrics` tells of warming up.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::{Held, Level};

/// How far warming up is. Clones count together.
#[derive(Clone, Debug)]
pub struct WarmUpMetrics {
    images: Family<ResultLabel, Counter>,
    running: Level,
}

/// What came of looking at the images of a running Pod.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WarmedUp {
    /// A registry was asked.
    Asked,
    /// Everything was known.
    Known,
    /// A registry does not answer.
    Unavailable,
    /// What has to be read in the cluster could not be: a namespace's labels, a pull secret.
    Failed,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

impl WarmUpMetrics {
    /// Counts images.
    pub fn count(&self, result: WarmedUp, images: usize) {
        let images = u64::try_from(images).unwrap_or(u64::MAX);
        let label = ResultLabel {
            result: result.label(),
        };
        self.images.get_or_create_owned(&label).inc_by(images);
    }

    /// Tells that a round is under way, until what is answered is dropped.
    pub fn begin_round(&self) -> Held {
        self.running.hold()
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "warm_up_images",
            "Images of running Pods that were looked at so that their next Pods find them known, by what came of it",
            self.images.clone(),
        );
        registry.register(
            "warm_up_running",
            "Whether running Pods are being looked at",
            self.running.gauge(),
        );
    }
}

impl Default for WarmUpMetrics {
    fn default() -> Self {
        let metrics = Self {
            images: Family::default(),
            running: Level::default(),
        };
        for result in [
            WarmedUp::Asked,
            WarmedUp::Known,
            WarmedUp::Unavailable,
            WarmedUp::Failed,
        ] {
            metrics.count(result, 0);
        }
        metrics
    }
}

impl WarmedUp {
    fn label(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Known => "known",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }
}
