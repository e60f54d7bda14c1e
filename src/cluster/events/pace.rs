//! How often Events are written at most.

use tokio::time::Instant;

use crate::limits;

/// Lets through a burst of [`limits::EVENTS_AT_ONCE`], and one every [`limits::EVENT_INTERVAL`] in the long run.
#[derive(Debug)]
pub(super) struct Pace {
    start: Instant,
    /// When all that was let through would have been, one interval after another.
    caught_up: Instant,
}

impl Pace {
    /// Nothing was let through yet.
    pub(super) fn starting(now: Instant) -> Self {
        Self {
            start: now,
            caught_up: now,
        }
    }

    /// When the next may be written.
    pub(super) fn ready(&self) -> Instant {
        let ahead = limits::EVENT_INTERVAL * limits::EVENTS_AT_ONCE.saturating_sub(1);
        self.caught_up.checked_sub(ahead).unwrap_or(self.start)
    }

    /// One was written now.
    pub(super) fn took(&mut self, now: Instant) {
        self.caught_up = self.caught_up.max(now) + limits::EVENT_INTERVAL;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn after_a_burst_one_is_written_in_each_interval() {
        let start = Instant::now();
        let mut pace = Pace::starting(start);
        let mut now = start;
        let mut times = Vec::new();
        for _ in 0..limits::EVENTS_AT_ONCE + 2 {
            now = now.max(pace.ready());
            pace.took(now);
            times.push(now - start);
        }
        let mut expected = vec![Duration::ZERO; limits::EVENTS_AT_ONCE as usize];
        expected.extend([limits::EVENT_INTERVAL, limits::EVENT_INTERVAL * 2]);
        assert_eq!(times, expected);
    }

    #[test]
    fn quiet_times_do_not_add_up_to_more_than_one_burst() {
        let start = Instant::now();
        let mut pace = Pace::starting(start);
        let later = start + Duration::from_hours(1);
        for _ in 0..limits::EVENTS_AT_ONCE {
            assert!(pace.ready() <= later);
            pace.took(later);
        }
        assert_eq!(pace.ready(), later + limits::EVENT_INTERVAL);
    }
}
