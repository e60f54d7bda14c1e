//! The time as the API server has it.
//!
//! It is the API server that holds certificates against a clock, its own. A leader whose clock is wrong would
//! otherwise renew what is good, with certificates that nobody else believes yet, or any more.

use http::{Request, header};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};
use kube::{Client, client::Body};

use crate::{clock::Clock, limits};

/// The time of the API server's answers; our own where it does not say.
pub(super) async fn server_time(client: &Client, clock: &dyn Clock) -> Timestamp {
    let own = clock.now();
    let Some(theirs) = asked(client).await else {
        return own;
    };
    let ahead = own.duration_since(theirs);
    if ahead.abs() > NOTEWORTHY {
        let ahead = ahead.as_secs();
        tracing::warn!(
            ahead,
            "this machine's clock and the API server's differ, in seconds"
        );
    }
    theirs
}

async fn asked(client: &Client) -> Option<Timestamp> {
    let request = Request::get("/version").body(Body::empty()).ok()?;
    let answer = client.send(request);
    let answer = tokio::time::timeout(limits::KUBERNETES_READ_TIMEOUT, answer);
    let answer = answer.await.ok()?.ok()?;
    // Even a refusal has one (RFC 9110 §6.6.1).
    let date = answer.headers().get(header::DATE)?.to_str().ok()?;
    DateTimeParser::new().parse_timestamp(date).ok()
}

/// Half of what certificates are backdated.
const NOTEWORTHY: SignedDuration = SignedDuration::from_mins(30);
