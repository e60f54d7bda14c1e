//! When requests to a host may start that has said 429: not before its pause is over, and then not all at once.
//!
//! Values alone: who calls says what time it is.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits;

/// How fast a host may be asked. As fast as can be, to begin with.
#[derive(Debug, Default)]
pub(in crate::registry) struct Throttle {
    /// After a 429: when the next request may start.
    opens: Option<Instant>,
    /// The time between the starts of two requests; nothing when the host has not complained for a while.
    spacing: Duration,
    /// When the next request may start that has not got its turn yet.
    next: Option<Instant>,
}

impl Throttle {
    /// The turn of one more request; none when it comes only at the deadline, and then no turn is taken.
    pub(in crate::registry) fn turn(&mut self, now: Instant, deadline: Instant) -> Option<Instant> {
        let opens = self.opens(now).unwrap_or(now);
        if self.spacing.is_zero() {
            return (opens < deadline || opens == now).then_some(opens);
        }
        let turn = self.next.map_or(opens, |next| next.max(opens));
        if turn >= deadline && turn > now {
            return None;
        }
        self.next = Some(turn + self.spacing);
        Some(turn)
    }

    /// When the next request may start, if not now.
    pub(in crate::registry) fn opens(&self, now: Instant) -> Option<Instant> {
        self.opens.filter(|opens| *opens > now)
    }

    /// After a 429: lets no request start for a while, and fewer than before when that is over. Never shortens what another
    /// answer has asked for.
    pub(in crate::registry) fn limited(&mut self, now: Instant, pause: Duration) {
        // The answers to requests that were under way together are one complaint.
        if self.opens(now).is_none() {
            let slower = self.spacing.saturating_mul(2);
            self.spacing = slower.clamp(limits::MIN_SPACING, limits::MAX_SPACING);
        }
        let until = now + pause.min(limits::MAX_RATE_LIMIT_PAUSE);
        self.opens = Some(self.opens.map_or(until, |before| before.max(until)));
        self.next = None;
    }

    /// After another answer: a little faster again.
    pub(in crate::registry) fn answered(&mut self) {
        self.spacing = self.spacing.mul_f64(FASTER);
        if self.spacing < AT_ONCE {
            self.spacing = Duration::ZERO;
            self.next = None;
        }
    }
}

/// What an answer leaves of the time between two requests.
const FASTER: f64 = 0.9;

/// Less time between requests than this is none.
const AT_ONCE: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn later(now: Instant) -> Instant {
        now + Duration::from_hours(1)
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_without_a_complaint() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..1000 {
            assert_eq!(throttle.turn(now, later(now)), Some(now));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_believed_up_to_the_limit_and_never_made_shorter() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        assert_eq!(throttle.opens(now), None);
        throttle.limited(now, Duration::from_hours(24));
        let longest = now + limits::MAX_RATE_LIMIT_PAUSE;
        assert_eq!(throttle.opens(now), Some(longest));
        throttle.limited(now, Duration::from_secs(1));
        assert_eq!(throttle.opens(now), Some(longest));
        assert_eq!(throttle.opens(longest), None);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_waited_start_one_after_the_other() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let pause = Duration::from_secs(2);
        throttle.limited(now, pause);
        // More of the same burst are no further complaint.
        throttle.limited(now, pause);
        let turns: Vec<_> = (0..4).map(|_| throttle.turn(now, later(now))).collect();
        let at = |count: u32| Some(now + pause + limits::MIN_SPACING * count);
        assert_eq!(turns, [at(0), at(1), at(2), at(3)]);
        let soon = now + pause;
        assert_eq!(throttle.turn(now, soon), None, "only after its deadline");
        assert_eq!(throttle.turn(now, later(now)), at(4), "no turn was taken");
    }

    #[tokio::test(start_paused = true)]
    async fn each_complaint_makes_it_slower_up_to_a_limit_and_answers_make_it_faster() {
        let (mut throttle, mut now) = (Throttle::default(), Instant::now());
        for _ in 0..20 {
            throttle.limited(now, Duration::from_secs(1));
            now += Duration::from_secs(1);
        }
        assert_eq!(throttle.spacing, limits::MAX_SPACING);
        for _ in 0..60 {
            throttle.answered();
        }
        assert_eq!(throttle.turn(now, later(now)), Some(now));
        assert_eq!(throttle.turn(now, later(now)), Some(now));
    }
}
