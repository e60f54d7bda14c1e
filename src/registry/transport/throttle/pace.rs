//! How fast a host may be asked that has said 429, found out from what it answers.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits;

/// How fast requests may start. As fast as can be, to begin with.
#[derive(Debug, Default)]
pub(super) struct Pace {
    found: Option<Found>,
    /// What was answered lately; since the end of the last pause when a pace is kept.
    lately: Option<Count>,
    /// What was answered just before that, when no pace is kept.
    before: Option<Count>,
}

/// A pace that is kept.
#[derive(Debug)]
struct Found {
    per_second: f64,
    origin: Origin,
    /// When the next request may start.
    next: Instant,
    /// When the host complained last.
    complained: Instant,
}

/// How well a pace is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Origin {
    /// One complaint alone: the host may do with much more.
    Guessed,
    /// Complaints about a pace that was kept.
    Measured,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Instant,
    answers: u32,
}

impl Pace {
    /// When the next request may start, as far as the pace goes.
    pub(super) fn due(&self) -> Option<Instant> {
        self.found.as_ref().map(|found| found.next)
    }

    /// When one may hope to start with so many ahead: what was measured was what the host answered at least.
    pub(super) fn hope(&self, ahead: impl FnOnce() -> usize) -> Option<Instant> {
        let found = self.found.as_ref()?;
        let ahead = match found.origin {
            Origin::Guessed => 0,
            Origin::Measured => u32::try_from(ahead()).unwrap_or(u32::MAX),
        };
        Some(found.next + found.spacing().saturating_mul(ahead) / HOPE)
    }

    /// A request starts. Who was woken late is not made to pay for it: a few may follow at once.
    pub(super) fn start(&mut self, now: Instant) {
        if let Some(found) = &mut self.found {
            let least = now.checked_sub(CATCH_UP).unwrap_or(now);
            found.next = found.next.max(least) + found.spacing();
        }
    }

    /// A request was answered.
    pub(super) fn count(&mut self, now: Instant) {
        let nothing = Count {
            since: now,
            answers: 0,
        };
        let mut lately = self.lately.unwrap_or(nothing);
        let age = now - lately.since;
        if self.found.is_none() && age >= limits::PACE_WINDOW {
            self.before = (age < limits::PACE_WINDOW * 2).then_some(lately);
            lately = nothing;
        }
        lately.answers = lately.answers.saturating_add(1);
        self.lately = Some(lately);
    }

    /// A request was answered while others wait for their turn: a little faster from now on.
    pub(super) fn quicken(&mut self) {
        if let Some(found) = &mut self.found {
            found.per_second += match found.origin {
                Origin::Guessed => GUESSED_RISE,
                Origin::Measured => MEASURED_RISE,
            };
        }
    }

    /// The host complained, and is left alone until it `resumes`.
    ///
    /// What it has answered, over the time until then, it will answer again. It may do with more, since the pause may be
    /// longer than need be: so the pace falls to a half at most, and once in a while only.
    pub(super) fn slow(&mut self, now: Instant, resumes: Instant) {
        let measured = self.answered_per_second(resumes);
        let (per_second, origin) = match &mut self.found {
            None => (measured.max(limits::FIRST_PACE), Origin::Guessed),
            Some(found) => {
                found.complained = now;
                let since = self.lately.map_or(now, |lately| lately.since);
                if resumes - since < limits::PACE_WINDOW {
                    return;
                }
                let fast = found.per_second;
                let slower = measured.clamp(fast * MOST_FALL, fast * LEAST_FALL);
                (slower.max(limits::SLOWEST_PACE), Origin::Measured)
            }
        };
        self.found = Some(Found {
            per_second,
            origin,
            next: resumes,
            complained: now,
        });
        self.before = None;
        self.lately = Some(Count {
            since: resumes,
            answers: 0,
        });
    }

    /// Keeps no pace any longer when the host has not complained for a while.
    pub(super) fn forget(&mut self, now: Instant) {
        let is_over = |found: &Found| now - found.complained >= limits::PACE_TTL;
        if self.found.as_ref().is_some_and(is_over) {
            *self = Self::default();
        }
    }

    /// What was answered lately, over the time until then.
    fn answered_per_second(&self, until: Instant) -> f64 {
        let counts = || self.before.iter().chain(&self.lately);
        let Some(first) = counts().next() else {
            return 0.0;
        };
        let answers: f64 = counts().map(|count| f64::from(count.answers)).sum();
        let seconds = (until - first.since).as_secs_f64();
        answers / seconds.max(limits::MIN_RATE_LIMIT_PAUSE.as_secs_f64())
    }
}

impl Found {
    /// The time between the starts of two requests.
    fn spacing(&self) -> Duration {
        Duration::from_secs(1).div_f64(self.per_second)
    }
}

/// How many times the measured pace a host may do with.
const HOPE: u32 = 2;

/// By how much each answer raises a pace that was guessed: it doubles in about 0.7 s.
const GUESSED_RISE: f64 = 1.0;

/// By how much each answer raises a pace that was measured: 2 % in a second.
const MEASURED_RISE: f64 = 0.02;

/// The least part of a pace that is left by a complaint.
const MOST_FALL: f64 = 0.5;

/// The largest part.
const LEAST_FALL: f64 = 0.9;

/// How far requests may be behind the pace and make up for it.
const CATCH_UP: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A pace that is kept since the host has answered so many in half a second and then asked for half a second's pause.
    fn after(answers: u32, began: Instant) -> Pace {
        let mut pace = Pace::default();
        for _ in 0..answers {
            pace.count(began);
        }
        pace.slow(began + SECOND / 2, began + SECOND);
        pace
    }

    fn per_second(pace: &Pace) -> Option<f64> {
        Some(pace.found.as_ref()?.per_second.round())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_pace_is_what_was_answered_until_the_pause_ends() {
        let began = Instant::now();
        assert_eq!(per_second(&after(1000, began)), Some(1000.0));
        // Where next to nothing was, it says nothing.
        assert_eq!(per_second(&after(3, began)), Some(limits::FIRST_PACE));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_answered_long_ago_does_not_count() {
        let (mut pace, began) = (Pace::default(), Instant::now());
        for second in 0..10 {
            pace.count(began + SECOND * second);
        }
        let last = began + limits::PACE_WINDOW * 12;
        for _ in 0..100 {
            pace.count(last);
        }
        pace.slow(last, last + SECOND);
        assert_eq!(per_second(&pace), Some(100.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_complaint_slows_to_what_was_answered_and_to_a_half_at_most() {
        let began = Instant::now();
        let resumes = began + SECOND;
        for (answers, slower) in [(0, 500.0), (1400, 700.0), (10_000, 900.0)] {
            let mut pace = after(1000, began);
            for _ in 0..answers {
                pace.count(resumes);
            }
            pace.slow(resumes + SECOND, resumes + SECOND * 2);
            assert_eq!(per_second(&pace), Some(slower), "{answers}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn several_complaints_in_a_short_time_are_one() {
        let began = Instant::now();
        let mut pace = after(1000, began);
        let brief = limits::PACE_WINDOW / 4;
        let mut resumes = began + SECOND;
        for _ in 0..3 {
            pace.slow(resumes, resumes + brief);
            resumes += brief;
        }
        assert_eq!(per_second(&pace), Some(1000.0));
        pace.slow(resumes, resumes + brief);
        assert_eq!(per_second(&pace), Some(500.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_only_complains_is_asked_slowly_and_not_more_slowly_than_that() {
        let began = Instant::now();
        let mut pace = after(0, began);
        for seconds in 1..20 {
            let now = began + SECOND * seconds;
            pace.slow(now, now + SECOND);
        }
        assert_eq!(per_second(&pace), Some(limits::SLOWEST_PACE));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_quicken_it_much_while_it_is_guessed_and_little_when_it_is_measured() {
        let began = Instant::now();
        let mut pace = after(1000, began);
        for _ in 0..1000 {
            pace.quicken();
        }
        assert_eq!(per_second(&pace), Some(2000.0));
        pace.slow(began + SECOND * 2, began + SECOND * 3);
        for _ in 0..1000 {
            pace.quicken();
        }
        assert_eq!(per_second(&pace), Some(1020.0));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_kept_for_its_time_after_the_last_complaint_and_no_longer() {
        let began = Instant::now();
        let mut pace = after(1000, began);
        let last = began + SECOND / 2 + limits::PACE_TTL;
        pace.forget(last - Duration::from_millis(1));
        assert_eq!(per_second(&pace), Some(1000.0));
        pace.forget(last);
        assert_eq!(per_second(&pace), None);
        assert_eq!(pace.due(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_woken_late_may_make_up_for_it_a_little() {
        let began = Instant::now();
        let mut pace = after(1000, began);
        let late = began + SECOND * 5;
        let mut started = 0;
        while pace.due().is_some_and(|due| due <= late) {
            pace.start(late);
            started += 1;
        }
        // One each millisecond, of the last twenty, and the one that is due now.
        assert_eq!(started, 21);
    }
}
