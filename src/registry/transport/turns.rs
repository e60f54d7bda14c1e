//! Waiting for one's turn at a host.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::throttle::{self, Complaint, Place, RateLimit, Throttle};
use crate::registry::flight::lock;

/// The turns at one host.
#[derive(Debug, Default)]
pub(in crate::registry) struct Turns(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    throttle: Throttle,
    /// How each caller is told to look again.
    bells: BTreeMap<Place, Arc<Notify>>,
}

/// One call, which keeps its place as long as this is kept.
#[derive(Debug)]
pub(super) struct Caller<'a> {
    turns: &'a Turns,
    place: Place,
    deadline: Instant,
    bell: Arc<Notify>,
}

/// Leave for one request, which is under way as long as this is kept.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    started: Instant,
}

/// Why there was no turn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NoTurn {
    /// The host limits the rate of requests, and none is left before the deadline.
    Limited(RateLimit),
    /// The deadline passed while others were under way, or comes sooner than any host is waited for.
    Deadline,
}

impl Turns {
    /// A call for a review that began then, and must be done by then.
    pub(super) fn enter(&self, since: Instant, deadline: Instant) -> Caller<'_> {
        let bell = Arc::default();
        let mut waiting = lock(&self.0);
        let place = waiting.throttle.arrive(since, deadline);
        waiting.bells.insert(place, Arc::clone(&bell));
        Caller {
            turns: self,
            place,
            deadline,
            bell,
        }
    }
}

impl<'a> Caller<'a> {
    /// Waits until this call may send a request.
    ///
    /// # Errors
    ///
    /// When that is not before its deadline: at once, where that is known.
    pub(super) async fn turn(&self) -> Result<Turn<'a>, NoTurn> {
        loop {
            let now = Instant::now();
            let again = match self.look(now) {
                throttle::Turn::Now => {
                    return Ok(Turn {
                        turns: self.turns,
                        started: now,
                    });
                }
                throttle::Turn::TooLate(limit) => return Err(NoTurn::Limited(limit)),
                throttle::Turn::Hurried => return Err(NoTurn::Deadline),
                throttle::Turn::Later(again) => again,
            };
            if now >= self.deadline {
                return Err(NoTurn::Deadline);
            }
            let again = again.map_or(self.deadline, |again| again.min(self.deadline));
            // Whether it rang or not, the next look tells.
            let _ = timeout_at(again, self.bell.notified()).await;
        }
    }

    fn look(&self, now: Instant) -> throttle::Turn {
        let mut waiting = lock(&self.turns.0);
        let turn = waiting.throttle.turn(self.place, now);
        match turn {
            throttle::Turn::Now | throttle::Turn::TooLate(_) | throttle::Turn::Hurried => {
                waiting.call_first();
            }
            throttle::Turn::Later(_) => {}
        }
        turn
    }
}

impl Turn<'_> {
    /// It was answered with anything but 429.
    pub(super) fn answered(self) {
        lock(&self.turns.0).throttle.answered(Instant::now());
    }

    /// It was answered with 429. `pause` is how long the host is left alone.
    ///
    /// # Errors
    ///
    /// When it is of no use to wait for that.
    pub(super) fn limited(self, asked: Option<Duration>, pause: Duration) -> Result<(), RateLimit> {
        let mut waiting = lock(&self.turns.0);
        let complaint = Complaint {
            started: self.started,
            asked,
            pause,
        };
        let limited = waiting.throttle.limited(complaint, Instant::now());
        // Whoever cannot wait that long is to know at once.
        waiting.call_all();
        limited
    }
}

impl Waiting {
    fn call_first(&self) {
        let first = self.throttle.first();
        if let Some(bell) = first.and_then(|first| self.bells.get(&first)) {
            bell.notify_one();
        }
    }

    fn call_all(&self) {
        for bell in self.bells.values() {
            bell.notify_one();
        }
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        let mut waiting = lock(&self.turns.0);
        waiting.throttle.leave(self.place);
        waiting.bells.remove(&self.place);
        waiting.call_first();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut waiting = lock(&self.turns.0);
        waiting.throttle.end();
        waiting.call_first();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::limits;

    fn later() -> Instant {
        Instant::now() + Duration::from_hours(1)
    }

    /// A call for a review that begins now.
    fn enter(turns: &Turns, deadline: Instant) -> Caller<'_> {
        turns.enter(Instant::now(), deadline)
    }

    /// As many turns as there are.
    async fn all(turns: &Turns) -> Vec<Turn<'_>> {
        let mut all = Vec::new();
        for _ in 0..limits::REQUESTS_PER_HOST {
            all.push(enter(turns, later()).turn().await.expect("a turn"));
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_ends_is_the_next_callers_and_the_deadline_ends_the_wait_for_it() {
        let turns = Turns::default();
        let mut held = all(&turns).await;
        let soon = Instant::now() + Duration::from_secs(1);
        let (brief, patient) = (enter(&turns, soon), enter(&turns, later()));
        let mut patient = Box::pin(patient.turn());
        assert!(futures::poll!(&mut patient).is_pending());
        assert_eq!(brief.turn().await.err(), Some(NoTurn::Deadline));
        drop(brief);
        assert!(futures::poll!(&mut patient).is_pending());
        held.pop();
        assert!(patient.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_goes_away_keeps_nobody_waiting() {
        let turns = Turns::default();
        let mut held = all(&turns).await;
        let (first, second) = (enter(&turns, later()), enter(&turns, later()));
        let mut gone = Box::pin(first.turn());
        let mut next = Box::pin(second.turn());
        assert!(futures::poll!(&mut gone).is_pending());
        assert!(futures::poll!(&mut next).is_pending());
        // It has just been told that it is its turn.
        held.pop();
        drop(gone);
        drop(first);
        assert!(next.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_are_told_at_once_of_a_pause_that_is_too_long_for_them() {
        let turns = Turns::default();
        let mut held = all(&turns).await;
        let soon = Instant::now() + Duration::from_secs(10);
        let caller = enter(&turns, soon);
        let mut waiting = Box::pin(caller.turn());
        assert!(futures::poll!(&mut waiting).is_pending());
        advance(Duration::from_secs(1)).await;
        let asked = Some(Duration::from_secs(30));
        let turn = held.pop().expect("a turn");
        let limited = turn.limited(asked, Duration::from_secs(31));
        assert_eq!(limited, Ok(()));
        let began = Instant::now();
        let told = waiting.await.err();
        assert_eq!(told, Some(NoTurn::Limited(RateLimit { asked })));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
