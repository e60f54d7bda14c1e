//! Having one host answer: its circuit, its rate limit, and what is sent again.

#[cfg(test)]
mod tests;

use std::{future::Future, time::Duration};

use http::StatusCode;
use rand::Rng as _;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::{
    Answer, Hop, Transport,
    circuit::Health,
    failure::{SendError, deadline, rate_limited, unavailable},
    pause::{rate_limit_pause, retry_after},
    throttle::RateLimit,
    turns::{NoTurn, Turns},
};
use crate::{limits, registry::RegistryError};

/// What came of one request, or of all that were sent of a call.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) result: Result<Answer, SendError>,
    /// How long the last one was under way.
    pub(super) took: Duration,
}

/// How long one host is borne with.
#[derive(Debug)]
struct Patience<'a> {
    turns: &'a Turns,
    url: &'a Url,
    since: Instant,
    deadline: Instant,
    /// The pause before the first retry.
    retry_pause: Duration,
}

impl Transport {
    /// Sends to a host that is not left alone just now.
    pub(super) async fn send_patiently(&self, hop: &Hop<'_>) -> Result<Answer, RegistryError> {
        let (call, url) = (hop.call, hop.url);
        let host = self.hosts.of(url, call.registry);
        let entered = self.circuits.enter(url, hop.terms.trust(), call.registry);
        let passage = entered.inspect_err(|_| {
            self.options.requests.count_withheld(call.registry);
        })?;
        let patience = Patience {
            turns: &host.turns,
            url,
            since: call.behalf.since,
            deadline: call.deadline,
            retry_pause: self.options.retry_pause,
        };
        let sent = patience.send(|| self.send_once(hop)).await;
        if let Some(doubt) = passage.end(&sent.health(url)) {
            Box::pin(self.settle(hop, doubt)).await;
        }
        sent.result.map_err(SendError::into_inner)
    }
}

impl Patience<'_> {
    /// Sends again after a rate limit and after failures that may pass, as long as the deadline allows.
    async fn send<F, Sending>(&self, send_once: F) -> Sent
    where
        F: Fn() -> Sending,
        Sending: Future<Output = Sent>,
    {
        let caller = self.turns.enter(self.since, self.deadline);
        let mut retries = 0;
        // What has gone wrong says more than that there was no time to try again.
        let mut before: Option<Box<Sent>> = None;
        loop {
            let turn = match caller.turn().await {
                Ok(turn) => turn,
                Err(NoTurn::Limited(limit)) => return self.limited(limit, Duration::ZERO),
                Err(NoTurn::Deadline) => {
                    return before.map_or_else(|| Sent::nothing(deadline(self.url)), |sent| *sent);
                }
            };
            let sent = send_once().await;
            let wanted = match &sent.result {
                Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                    let asked = rate_limit_pause(&answer.headers);
                    match turn.limited(asked, spread(asked)) {
                        Ok(()) => continue,
                        Err(limit) => return self.limited(limit, sent.took),
                    }
                }
                Ok(answer) if may_pass(answer.status) => retry_after(&answer.headers),
                Err(SendError::MayPass(_)) => None,
                Ok(_) => {
                    turn.answered();
                    return sent;
                }
                Err(SendError::Lasting(RegistryError::Deadline { .. })) => {
                    return before.map_or(sent, |before| *before);
                }
                Err(SendError::Lasting(_) | SendError::Flowing(_)) => return sent,
            };
            drop(turn);
            let pause = retry_pause(self.retry_pause, retries);
            let resume = Instant::now() + pause.max(wanted.unwrap_or_default());
            if retries == limits::RETRIES_PER_REQUEST || resume >= self.deadline {
                return sent;
            }
            retries += 1;
            before = Some(Box::new(sent));
            sleep_until(resume).await;
        }
    }

    fn limited(&self, limit: RateLimit, took: Duration) -> Sent {
        Sent {
            result: Err(rate_limited(self.url, limit).into()),
            took,
        }
    }
}

impl Sent {
    fn nothing(error: RegistryError) -> Self {
        Self {
            result: Err(error.into()),
            took: Duration::ZERO,
        }
    }

    /// What an answer, or the lack of one, says about its host.
    pub(super) fn health(&self, url: &Url) -> Health {
        let error = match &self.result {
            Ok(answer) => return health_of_status(answer.status, url),
            // What comes slowly comes.
            Err(SendError::Flowing(_)) => return Health::Answers,
            Err(SendError::MayPass(error) | SendError::Lasting(error)) => error,
        };
        match error {
            RegistryError::Unavailable { .. }
            | RegistryError::Tls { .. }
            | RegistryError::Timeout { .. } => Health::Fails(error.clone()),
            // A review that had no time left says nothing about the registry.
            RegistryError::Deadline { .. } if self.took >= limits::TELLING_SILENCE => {
                Health::Fails(error.clone())
            }
            RegistryError::Deadline { .. }
            | RegistryError::RateLimited { .. }
            | RegistryError::AddressRefused { .. } => Health::Unknown,
            RegistryError::Limit { .. }
            | RegistryError::Unusable { .. }
            | RegistryError::NotFound { .. }
            | RegistryError::Unauthorized { .. } => Health::Answers,
        }
    }
}

pub(super) fn health_of_status(status: StatusCode, url: &Url) -> Health {
    match status.as_u16() {
        // What is in front of the registry cannot reach it, by the standard's numbers and by Cloudflare's.
        status @ (502..=504 | 520..=530) => {
            Health::Fails(unavailable(url, &format!("answered {status}")))
        }
        // Whoever chooses what is asked for may know one thing that the registry fails at.
        500.. => Health::Unknown,
        _ => Health::Answers,
    }
}

fn may_pass(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Doubled with each retry, give or take a half, so that many callers do not come back together.
fn retry_pause(base: Duration, retries: u32) -> Duration {
    base.saturating_mul(2_u32.saturating_pow(retries))
        .mul_f64(jitter())
}

/// The pause after a 429: a little longer than asked for, so that several replicas do not come back together.
fn spread(asked: Option<Duration>) -> Duration {
    let pause = asked.unwrap_or(limits::RATE_LIMIT_PAUSE);
    let pause = pause.min(limits::MAX_RATE_LIMIT_PAUSE);
    pause.mul_f64(rand::rng().random_range(1.0..1.1))
}

pub(super) fn jitter() -> f64 {
    rand::rng().random_range(0.5..1.5)
}
