//! Reading bodies, never more of them than asked for.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::budget::{Share, Spent};
use crate::limits;

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// It paused for too long, at once or bit by bit.
    Paused,
    /// The deadline passed.
    Deadline,
    /// All that may be held at the same time is held.
    Crowded,
    /// The connection broke.
    Broken,
}

/// The whole body, when it has at most `limit` bytes. Each of them is paid for by `share`.
pub(super) async fn read(
    mut response: reqwest::Response,
    limit: usize,
    pause: Duration,
    deadline: Instant,
    share: &mut Share,
) -> Result<Bytes, BodyError> {
    let expected = response.content_length().map_or(limit, |announced| {
        usize::try_from(announced).unwrap_or(usize::MAX)
    });
    if expected > limit {
        return Err(BodyError::TooLarge);
    }
    let mut body = Vec::new();
    let mut pace = Pace::new(pause);
    while let Some(chunk) = pace.next_chunk(&mut response, deadline).await? {
        let bytes = body.len().saturating_add(chunk.len());
        if bytes > limit {
            return Err(BodyError::TooLarge);
        }
        share.grow(chunk.len(), deadline).await?;
        if bytes > body.capacity() {
            body.reserve_exact(room(bytes, expected) - body.len());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

/// How much room is made for so many bytes that are here, of so many that are expected: never more than twice as much as is
/// paid for, because many may be announced and never come.
fn room(bytes: usize, expected: usize) -> usize {
    expected.min(bytes.saturating_mul(2)).max(bytes)
}

/// Reads the rest of what nobody wants, up to `limit`, and keeps nothing of it.
pub(super) async fn drain(
    mut response: reqwest::Response,
    limit: usize,
    pause: Duration,
    deadline: Instant,
) -> Result<(), BodyError> {
    let mut left = limit;
    let mut pace = Pace::new(pause);
    while let Some(chunk) = pace.next_chunk(&mut response, deadline).await? {
        left = left.checked_sub(chunk.len()).ok_or(BodyError::TooLarge)?;
    }
    Ok(())
}

/// How long the next bytes are waited for. A body that comes byte by byte never pauses for long, and never ends: so all
/// its pauses together are no longer than one may be, but for the time that a slow line takes.
struct Pace {
    pause: Duration,
    until: Instant,
}

impl Pace {
    fn new(pause: Duration) -> Self {
        Self {
            pause,
            until: Instant::now() + pause,
        }
    }

    async fn next_chunk(
        &mut self,
        response: &mut reqwest::Response,
        deadline: Instant,
    ) -> Result<Option<Bytes>, BodyError> {
        let patience = self.patience();
        match timeout_at(patience.min(deadline), response.chunk()).await {
            Ok(Ok(chunk)) => {
                self.came(chunk.as_ref().map_or(0, Bytes::len));
                Ok(chunk)
            }
            Ok(Err(_)) => Err(BodyError::Broken),
            Err(_) if deadline <= patience => Err(BodyError::Deadline),
            Err(_) => Err(BodyError::Paused),
        }
    }

    /// Until when the next bytes have time.
    fn patience(&self) -> Instant {
        self.until.min(Instant::now() + self.pause)
    }

    /// So many bytes came.
    fn came(&mut self, bytes: usize) {
        self.until += Duration::from_secs(bytes as u64) / limits::BODY_BYTES_PER_SECOND;
    }
}

impl From<Spent> for BodyError {
    fn from(spent: Spent) -> Self {
        match spent {
            Spent::ByOthers => Self::Crowded,
            Spent::Deadline => Self::Deadline,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep_until};

    use super::*;

    /// How long a body is read of which so many bytes come each second.
    async fn read_for(bytes_per_second: usize) -> Duration {
        let began = Instant::now();
        let mut pace = Pace::new(limits::BODY_PAUSE_TIMEOUT);
        while began.elapsed() < Duration::from_mins(10) {
            let next = Instant::now() + Duration::from_secs(1);
            if pace.patience() <= next {
                sleep_until(pace.patience()).await;
                break;
            }
            sleep_until(next).await;
            pace.came(bytes_per_second);
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_comes_byte_by_byte_has_the_time_of_one_pause_and_a_slow_line_all_it_takes()
    {
        let rate = limits::BODY_BYTES_PER_SECOND as usize;
        assert_eq!(read_for(1).await.as_secs(), 5);
        assert_eq!(read_for(rate / 2).await, Duration::from_secs(9));
        assert_eq!(read_for(rate).await, Duration::from_mins(10));
    }

    #[tokio::test(start_paused = true)]
    async fn no_pause_is_longer_than_one_may_be_however_much_came_before() {
        let mut pace = Pace::new(limits::BODY_PAUSE_TIMEOUT);
        pace.came(100 * 1024 * 1024);
        advance(Duration::from_secs(1)).await;
        assert_eq!(pace.patience(), Instant::now() + limits::BODY_PAUSE_TIMEOUT);
    }

    #[test]
    fn no_more_room_is_made_than_twice_what_has_come_nor_than_is_expected() {
        assert_eq!(room(1, 4_000_000), 2);
        assert_eq!(room(3_000_000, 4_000_000), 4_000_000);
        assert_eq!(room(3, 2), 3, "more than was announced");
    }
}
