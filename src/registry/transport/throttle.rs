//! Who may ask a host when: so many at the same time, and after a 429 not before its pause is over, and then one after
//! the other.
//!
//! Whose review began first goes first, and of those the one who came first: who says that it must be done soon wins nothing
//! by that. A call keeps its place whatever becomes of its requests: one that is told to come again later is not sent behind
//! those who came after it.
//!
//! Values alone: who calls says what time it is.

mod pace;

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use self::pace::Pace;
use crate::limits;

/// What is known of how fast one host may be asked, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    pace: Pace,
    pause: Option<Pause>,
    /// When the host last complained of a request that had started after the pause before.
    complained: Option<Instant>,
    /// How many pauses in a row have ended in another complaint, with no answer in between.
    in_vain: u32,
    waiting: BTreeSet<Place>,
    under_way: usize,
    arrived: u64,
}

/// One call's place among those that wait.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Place {
    since: Instant,
    arrival: u64,
    deadline: Instant,
}

/// Whether a call may send a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// It may, and is under way from now on.
    Now,
    /// It is to ask again at this time, if there is one, and when it has become the first.
    Later(Option<Instant>),
    /// Not before its deadline, and it waits no longer.
    TooLate(RateLimit),
    /// Nor this one, of which the limit is not the cause: it has less time than any host is waited for.
    Hurried,
}

/// The limit that keeps a call from being answered in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::registry) struct RateLimit {
    /// How long the host has asked to be left alone, when it has and is.
    pub(in crate::registry) asked: Option<Duration>,
}

/// A 429.
#[derive(Clone, Copy, Debug)]
pub(super) struct Complaint {
    /// When its request started.
    pub(super) started: Instant,
    /// How long the host asks to be left alone.
    pub(super) asked: Option<Duration>,
    /// How long it will be.
    pub(super) pause: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Pause {
    until: Instant,
    asked: Option<Duration>,
}

impl Throttle {
    /// A place for a call of a review that began then and must be done by then.
    pub(super) fn arrive(&mut self, since: Instant, deadline: Instant) -> Place {
        let arrival = self.arrived;
        self.arrived += 1;
        Place {
            since,
            arrival,
            deadline,
        }
    }

    /// Whether this call, which waits from now on, may send a request.
    pub(super) fn turn(&mut self, place: Place, now: Instant) -> Turn {
        self.pace.forget(now);
        self.waiting.insert(place);
        let pause = self.pause.filter(|pause| pause.until > now);
        let opens = pause.map(|pause| pause.until);
        let ahead = || self.waiting.range(..place).count();
        let hope = self.pace.hope(ahead).max(opens);
        if let Some(hope) = hope.filter(|hope| *hope > now && *hope >= place.deadline) {
            self.waiting.remove(&place);
            // Who chose a time in which no answer is sure to come is not told of a registry that cannot be asked: what was
            // verified before would stand in for it.
            if hope < place.since + limits::ANSWER_TIMEOUT {
                return Turn::Hurried;
            }
            let asked = pause.and_then(|pause| pause.asked);
            return Turn::TooLate(RateLimit { asked });
        }
        let is_full = self.under_way >= limits::REQUESTS_PER_HOST;
        if is_full || self.first() != Some(place) {
            return Turn::Later(None);
        }
        let due = self.pace.due().max(opens);
        if due.is_some_and(|due| due > now) {
            return Turn::Later(due);
        }
        self.waiting.remove(&place);
        self.under_way += 1;
        self.pace.start(now);
        Turn::Now
    }

    /// Who is to go next.
    pub(super) fn first(&self) -> Option<Place> {
        self.waiting.first().copied()
    }

    /// This call waits no longer.
    pub(super) fn leave(&mut self, place: Place) {
        self.waiting.remove(&place);
    }

    /// A request is no longer under way, whatever came of it.
    pub(super) fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// A request was answered with anything but 429.
    pub(super) fn answered(&mut self, now: Instant) {
        self.in_vain = 0;
        self.pace.count(now);
        if !self.waiting.is_empty() {
            self.pace.quicken();
        }
    }

    /// A request was answered with 429: lets none start for a while. Never shortens what another answer has asked for.
    ///
    /// # Errors
    ///
    /// When the host has said nothing else for several pauses: it is of no use to wait for another.
    pub(super) fn limited(&mut self, complaint: Complaint, now: Instant) -> Result<(), RateLimit> {
        let Complaint { started, asked, .. } = complaint;
        let shortest = limits::MIN_RATE_LIMIT_PAUSE;
        let until = now
            + complaint
                .pause
                .clamp(shortest, limits::MAX_RATE_LIMIT_PAUSE);
        if self.pause.is_none_or(|pause| pause.until < until) {
            self.pause = Some(Pause { until, asked });
        }
        // The answers to requests that were under way together are one complaint.
        if self.complained.is_none_or(|last| last < started) {
            self.complained = Some(now);
            self.in_vain = self.in_vain.saturating_add(1);
            self.pace.slow(now, until);
        }
        if self.in_vain > limits::RATE_LIMIT_WAITS {
            return Err(RateLimit { asked });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn complaint(started: Instant, pause: Duration) -> Complaint {
        Complaint {
            started,
            asked: Some(pause),
            pause,
        }
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_hours(1)
    }

    /// A call of a review that begins now.
    fn arrive(throttle: &mut Throttle, deadline: Instant) -> Place {
        throttle.arrive(Instant::now(), deadline)
    }

    fn asked(pause: Duration) -> Turn {
        Turn::TooLate(RateLimit { asked: Some(pause) })
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_as_may_be_are_under_way_and_the_next_when_one_has_ended() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..limits::REQUESTS_PER_HOST {
            let place = arrive(&mut throttle, later());
            assert_eq!(throttle.turn(place, now), Turn::Now);
        }
        let next = arrive(&mut throttle, later());
        assert_eq!(throttle.turn(next, now), Turn::Later(None));
        throttle.end();
        assert_eq!(throttle.turn(next, now), Turn::Now);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_believed_within_limits_and_never_made_shorter() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        let place = arrive(&mut throttle, later());
        let mut opens = |pause| {
            throttle.limited(complaint(now, pause), now).expect("waits");
            throttle.turn(place, now)
        };
        let until = |pause| Turn::Later(Some(now + pause));
        assert_eq!(opens(Duration::ZERO), until(limits::MIN_RATE_LIMIT_PAUSE));
        let longest = limits::MAX_RATE_LIMIT_PAUSE;
        assert_eq!(opens(Duration::from_hours(24)), until(longest));
        assert_eq!(opens(SECOND), until(longest));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_ends_after_the_deadline_is_told_at_once() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let pause = SECOND * 30;
        throttle.limited(complaint(now, pause), now).expect("waits");
        let (soon, last) = (
            arrive(&mut throttle, now + pause),
            arrive(&mut throttle, later()),
        );
        assert_eq!(throttle.turn(soon, now), asked(pause));
        assert_eq!(throttle.first(), None, "nobody waits");
        assert_eq!(throttle.turn(last, now), Turn::Later(Some(now + pause)));
        assert_eq!(throttle.turn(last, now + pause), Turn::Now);
    }

    #[tokio::test(start_paused = true)]
    async fn whose_review_began_first_goes_first_and_keeps_the_place_after_a_complaint() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let began = |order| now + Duration::from_millis(order);
        let one = throttle.arrive(began(1), later());
        let brief = throttle.arrive(began(3), now + SECOND * 20);
        let two = throttle.arrive(began(2), later());
        assert_eq!(throttle.turn(one, now), Turn::Now);
        throttle
            .limited(complaint(now, SECOND), now)
            .expect("waits");
        throttle.end();
        for waiting in [brief, two, one] {
            throttle.turn(waiting, now);
        }
        let mut now = now + SECOND;
        for expected in [one, two, brief] {
            assert_eq!(throttle.first(), Some(expected));
            now += SECOND;
            assert_eq!(throttle.turn(expected, now), Turn::Now);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_for_less_time_than_a_host_may_take_is_not_told_of_its_limit() {
        let long = limits::ANSWER_TIMEOUT;
        let brief = long.saturating_sub(Duration::from_millis(1));
        for (waited, pause, expected) in [
            (Duration::ZERO, brief, Turn::Hurried),
            (Duration::ZERO, long, asked(long)),
            (long, brief, asked(brief)),
        ] {
            let (mut throttle, began) = (Throttle::default(), Instant::now());
            let now = began + waited;
            throttle.limited(complaint(now, pause), now).expect("waits");
            let place = throttle.arrive(began, now + SECOND);
            assert_eq!(throttle.turn(place, now), expected, "{waited:?} {pause:?}");
            assert_eq!(throttle.first(), None, "nobody waits");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_waited_start_one_after_the_other() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        throttle
            .limited(complaint(now, SECOND), now)
            .expect("waits");
        let (one, two) = (
            arrive(&mut throttle, later()),
            arrive(&mut throttle, later()),
        );
        throttle.turn(two, now);
        let opens = now + SECOND;
        assert_eq!(throttle.turn(one, opens), Turn::Now);
        let spacing = SECOND.div_f64(limits::FIRST_PACE);
        assert_eq!(
            throttle.turn(two, opens),
            Turn::Later(Some(opens + spacing))
        );
        throttle.leave(two);
        assert_eq!(throttle.first(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_even_twice_the_pace_would_serve_too_late_is_told_at_once() {
        let (mut throttle, mut now) = (Throttle::default(), Instant::now());
        for _ in 0..2 {
            throttle
                .limited(complaint(now, SECOND), now)
                .expect("waits");
            now += SECOND * 2;
            throttle.answered(now);
        }
        let measured = limits::FIRST_PACE / 2.0;
        let end = now + SECOND;
        let turns: Vec<Turn> = (0..100)
            .map(|_| {
                let place = arrive(&mut throttle, end);
                throttle.turn(place, now)
            })
            .collect();
        let fit = turns
            .iter()
            .filter(|turn| !matches!(turn, Turn::TooLate(_)));
        let told = turns.last().copied();
        assert_eq!(told, Some(Turn::TooLate(RateLimit { asked: None })));
        let count = f64::from(u32::try_from(fit.count()).expect("few"));
        assert!((measured * 2.0 - count).abs() <= 2.0, "{count}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_says_nothing_else_is_waited_for_a_few_times_and_no_more() {
        let (mut throttle, mut now) = (Throttle::default(), Instant::now());
        for _ in 0..limits::RATE_LIMIT_WAITS {
            // All of one burst.
            for _ in 0..3 {
                throttle
                    .limited(complaint(now, SECOND), now)
                    .expect("waits");
            }
            now += SECOND;
        }
        let refused = throttle.limited(complaint(now, SECOND), now);
        assert_eq!(
            refused,
            Err(RateLimit {
                asked: Some(SECOND)
            })
        );
        throttle.answered(now);
        now += SECOND;
        assert_eq!(throttle.limited(complaint(now, SECOND), now), Ok(()));
    }
}
