//! Reading bodies, never more of them than asked for.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, timeout_at};

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// It paused for too long.
    Paused,
    /// The deadline passed.
    Deadline,
    /// The connection broke.
    Broken,
}

/// The whole body, when it has at most `limit` bytes.
pub(super) async fn read(
    mut response: reqwest::Response,
    limit: usize,
    pause: Duration,
    deadline: Instant,
) -> Result<Bytes, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |announced| announced > limit) {
        return Err(BodyError::TooLarge);
    }
    let mut body = BytesMut::new();
    loop {
        let patience = Instant::now() + pause;
        let chunk = match timeout_at(patience.min(deadline), response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => return Ok(body.freeze()),
            Ok(Err(_)) => return Err(BodyError::Broken),
            Err(_) if deadline <= patience => return Err(BodyError::Deadline),
            Err(_) => return Err(BodyError::Paused),
        };
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
}
