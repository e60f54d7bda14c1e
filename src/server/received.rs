//! The body of a review, read within bounds.

use std::sync::Arc;

use axum::{body::Body, extract::Request};
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode, header};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::{cost::Cost, no_review::NoReview};
use crate::limits;

/// A body, and the room it takes until it is answered.
pub(super) struct Received {
    pub(super) content: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

/// Reads the whole body, waiting for room until the deadline.
pub(super) async fn read_review(
    request: Request,
    room: &Arc<Semaphore>,
    deadline: Instant,
) -> Result<Received, NoReview> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(NoReview::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "expected content-type: application/json",
        ));
    }
    let declared = parts
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limits::REVIEW_BYTES) {
        return Err(too_large());
    }
    match timeout_at(deadline, read_body(body, room)).await {
        Ok(result) => result,
        Err(_) => Err(NoReview::new(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        )),
    }
}

async fn read_body(body: Body, room: &Arc<Semaphore>) -> Result<Received, NoReview> {
    let mut chunks = body.into_data_stream();
    let mut content = Vec::new();
    let mut taken: Option<OwnedSemaphorePermit> = None;
    let (mut cost, mut total) = (Cost::default(), 0);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| {
            NoReview::new(StatusCode::BAD_REQUEST, "the body broke off before its end")
        })?;
        if content.len() + chunk.len() > limits::REVIEW_BYTES {
            return Err(too_large());
        }
        let needed = cost.of(&chunk);
        total += needed;
        if total > limits::REVIEW_MEMORY_BYTES {
            return Err(too_many_parts());
        }
        let needed = u32::try_from(needed).map_err(|_| too_many_parts())?;
        // The semaphore is never closed, so this waits for room and does not fail.
        let more = Arc::clone(room).acquire_many_owned(needed).await.ok();
        match (&mut taken, more) {
            (Some(taken), Some(more)) => taken.merge(more),
            (taken, more) => *taken = taken.take().or(more),
        }
        content.extend_from_slice(&chunk);
    }
    Ok(Received {
        content,
        _room: taken,
    })
}

fn too_large() -> NoReview {
    let limit = limits::REVIEW_BYTES;
    NoReview::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("an admission review of more than {limit} bytes is not read"),
    )
}

fn too_many_parts() -> NoReview {
    NoReview::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "an admission review with so many fields and elements is not read",
    )
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(JSON))
}

/// What reviews and their answers are.
pub(super) const JSON: &str = "application/json";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_waits_until_others_have_been_answered() {
        let room = Arc::new(Semaphore::new(30));
        let first = read_body(Body::from("12345678"), &room).await.ok().unwrap();
        let mut second = Box::pin(read_body(Body::from("abcd"), &room));
        assert!(futures::poll!(&mut second).is_pending());
        assert_eq!(first.content, b"12345678");
        drop(first);
        assert_eq!(second.await.ok().unwrap().content, b"abcd");
        assert_eq!(room.available_permits(), 30);
    }
}
