//! How many of something there are at the moment.

use prometheus_client::metrics::gauge::Gauge;

/// How many of something there are now.
#[derive(Clone, Debug, Default)]
pub struct Level(Gauge);

/// One of them, until this is dropped.
#[derive(Debug)]
pub struct Held(Gauge);

impl Level {
    pub(super) fn of(gauge: Gauge) -> Self {
        Self(gauge)
    }

    pub(super) fn gauge(&self) -> Gauge {
        self.0.clone()
    }

    /// Counts one more, until what is answered is dropped.
    pub fn hold(&self) -> Held {
        self.0.inc();
        Held(self.0.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}
