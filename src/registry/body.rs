//! Reading bodies, never more of them than asked for.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, timeout_at};

use super::budget::{Share, Spent};

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// It paused for too long.
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
    let announced = response.content_length().unwrap_or(0);
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(BodyError::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = next_chunk(&mut response, pause, deadline).await? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(BodyError::TooLarge);
        }
        share.grow(chunk.len(), deadline).await?;
        // Not before the first bytes are here: many may be announced and never come.
        body.reserve(announced.saturating_sub(body.len()));
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Reads the rest of what nobody wants, up to `limit`, and keeps nothing of it.
pub(super) async fn drain(
    mut response: reqwest::Response,
    limit: usize,
    pause: Duration,
    deadline: Instant,
) -> Result<(), BodyError> {
    let mut left = limit;
    while let Some(chunk) = next_chunk(&mut response, pause, deadline).await? {
        left = left.checked_sub(chunk.len()).ok_or(BodyError::TooLarge)?;
    }
    Ok(())
}

async fn next_chunk(
    response: &mut reqwest::Response,
    pause: Duration,
    deadline: Instant,
) -> Result<Option<Bytes>, BodyError> {
    let patience = Instant::now() + pause;
    match timeout_at(patience.min(deadline), response.chunk()).await {
        Ok(Ok(chunk)) => Ok(chunk),
        Ok(Err(_)) => Err(BodyError::Broken),
        Err(_) if deadline <= patience => Err(BodyError::Deadline),
        Err(_) => Err(BodyError::Paused),
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
