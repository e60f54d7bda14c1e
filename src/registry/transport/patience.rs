//! Having one host answer: its circuit, its rate limit, and what is sent again.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, StatusCode};
use rand::Rng as _;
use tokio::time::{Instant, sleep_until};
use url::Url;

use super::{
    Answer, Call, Transport,
    circuit::Health,
    failure::{SendError, rate_limited, unavailable},
    pause::{rate_limit_pause, retry_after},
};
use crate::{
    limits,
    registry::{RegistryError, host::Host},
};

/// What came of a call, and how long its last request was under way.
type Sent = (Result<Answer, RegistryError>, Duration);

impl Transport {
    /// Sends to a host that is not left alone just now.
    pub(super) async fn send_patiently(
        &self,
        call: &Call<'_>,
        url: &Url,
        authorization: Option<&HeaderValue>,
        client: usize,
    ) -> Result<Answer, RegistryError> {
        let host = self.hosts.of(url, call.registry);
        let entered = self.circuits.enter(url, client, call.registry);
        let passage = entered.inspect_err(|_| {
            self.options.requests.count_withheld(call.registry);
        })?;
        let sent = self.send_again(call, &host, url, authorization, client);
        let (sent, took) = sent.await;
        let requests = &self.options.requests;
        let pause = self.options.circuit_pause.mul_f64(jitter());
        passage.end(health(url, &sent, took), pause, || {
            requests.hold_circuit(call.registry)
        });
        sent
    }

    /// Sends again after failures that may pass, as long as the deadline allows.
    async fn send_again(
        &self,
        call: &Call<'_>,
        host: &Arc<Host>,
        url: &Url,
        authorization: Option<&HeaderValue>,
        client: usize,
    ) -> Sent {
        let mut retries = 0;
        let mut waits = 0;
        loop {
            if let Err(error) = wait_for_turn(host, url, call.deadline).await {
                return (Err(error), Duration::ZERO);
            }
            let (sent, took) = self.send_once(call, host, url, authorization, client).await;
            if let Ok(answer) = &sent
                && answer.status == StatusCode::TOO_MANY_REQUESTS
            {
                host.limited(spread(rate_limit_pause(&answer.headers)));
                if waits == limits::RATE_LIMIT_WAITS {
                    return (Err(rate_limited(url)), took);
                }
                waits += 1;
                continue;
            }
            let wanted = match &sent {
                Ok(answer) if may_pass(answer.status) => retry_after(&answer.headers),
                Err(SendError::MayPass(_)) => None,
                Ok(_) => {
                    host.answered();
                    return (sent.map_err(SendError::into_inner), took);
                }
                Err(SendError::Lasting(_)) => return (sent.map_err(SendError::into_inner), took),
            };
            let pause = retry_pause(self.options.retry_pause, retries);
            let resume = Instant::now() + pause.max(wanted.unwrap_or_default());
            if retries == limits::RETRIES_PER_REQUEST || resume >= call.deadline {
                return (sent.map_err(SendError::into_inner), took);
            }
            retries += 1;
            sleep_until(resume).await;
        }
    }
}

/// Waits for one's turn after a rate limit, when that comes before the deadline.
async fn wait_for_turn(host: &Host, url: &Url, deadline: Instant) -> Result<(), RegistryError> {
    loop {
        let now = Instant::now();
        let turn = host.turn(deadline).ok_or_else(|| rate_limited(url))?;
        if turn <= now {
            return Ok(());
        }
        sleep_until(turn).await;
        // Whoever came first may have met the limit again.
        if host.opens().is_none() {
            return Ok(());
        }
    }
}

/// What an answer, or the lack of one, says about its host.
fn health(url: &Url, sent: &Result<Answer, RegistryError>, took: Duration) -> Health {
    match sent {
        Ok(answer) => match answer.status.as_u16() {
            // What is in front of the registry cannot reach it, by the standard's numbers and by Cloudflare's.
            status @ (502..=504 | 520..=530) => {
                Health::Fails(unavailable(url, &format!("answered {status}")))
            }
            // Whoever chooses what is asked for may know one thing that the registry fails at.
            500.. => Health::Unknown,
            _ => Health::Answers,
        },
        Err(
            error @ (RegistryError::Unavailable { .. }
            | RegistryError::Tls { .. }
            | RegistryError::Timeout { .. }),
        ) => Health::Fails(error.clone()),
        // A review that had no time left says nothing about the registry.
        Err(error @ RegistryError::Deadline { .. }) if took >= limits::TELLING_SILENCE => {
            Health::Fails(error.clone())
        }
        Err(
            RegistryError::Deadline { .. }
            | RegistryError::RateLimited { .. }
            | RegistryError::AddressRefused { .. },
        ) => Health::Unknown,
        Err(
            RegistryError::Limit { .. }
            | RegistryError::Unusable { .. }
            | RegistryError::NotFound { .. }
            | RegistryError::Unauthorized { .. },
        ) => Health::Answers,
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

/// A little longer, so that several replicas do not come back together.
fn spread(pause: Duration) -> Duration {
    let pause = pause.min(limits::MAX_RATE_LIMIT_PAUSE);
    pause.mul_f64(rand::rng().random_range(1.0..1.1))
}

fn jitter() -> f64 {
    rand::rng().random_range(0.5..1.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_before_a_retry_doubles_give_or_take_a_half() {
        for (retries, around) in [(0, 100), (1, 200), (2, 400)] {
            let half = Duration::from_millis(around / 2);
            let pause = retry_pause(limits::RETRY_PAUSE, retries);
            assert!((half..half * 3).contains(&pause), "{retries} {pause:?}");
        }
    }

    #[test]
    fn a_pause_that_a_registry_asks_for_becomes_a_little_longer_and_never_shorter() {
        let asked = Duration::from_secs(10);
        for _ in 0..100 {
            let pause = spread(asked);
            assert!((asked..asked + asked / 10).contains(&pause), "{pause:?}");
        }
    }

    /// What this answer, or failure after this time, says.
    fn said(sent: Result<u16, RegistryError>, took: Duration) -> &'static str {
        let url = Url::parse("https://r.example").expect("a URL");
        let sent = sent.map(|status| Answer {
            host: String::new(),
            status: StatusCode::from_u16(status).expect("a status"),
            headers: http::HeaderMap::new(),
            body: bytes::Bytes::new(),
            share: Arc::new(crate::registry::budget::Budget::new(0, 0).open("")),
            is_redirected: false,
        });
        match health(&url, &sent, took) {
            Health::Answers => "answers",
            Health::Fails(_) => "fails",
            Health::Unknown => "unknown",
        }
    }

    #[test]
    fn what_a_person_can_ask_for_is_no_failure_of_the_registry() {
        for status in [200, 301, 400, 401, 403, 404, 405, 418] {
            assert_eq!(said(Ok(status), Duration::ZERO), "answers", "{status}");
        }
        for status in [500, 501, 505, 599] {
            assert_eq!(said(Ok(status), Duration::ZERO), "unknown", "{status}");
        }
        for status in [502, 503, 504, 522, 530] {
            assert_eq!(said(Ok(status), Duration::ZERO), "fails", "{status}");
        }
    }

    #[test]
    fn silence_and_broken_connections_are() {
        let host = || String::from("r.example");
        let text = || String::from("text");
        for (error, expected) in [
            (RegistryError::Timeout { host: host() }, "fails"),
            (
                RegistryError::Unavailable {
                    host: host(),
                    detail: text(),
                },
                "fails",
            ),
            (
                RegistryError::Tls {
                    host: host(),
                    detail: text(),
                },
                "fails",
            ),
            (RegistryError::RateLimited { host: host() }, "unknown"),
            (
                RegistryError::AddressRefused {
                    host: host(),
                    reason: text(),
                },
                "unknown",
            ),
            (
                RegistryError::Limit {
                    host: host(),
                    detail: text(),
                },
                "answers",
            ),
        ] {
            assert_eq!(
                said(Err(error.clone()), Duration::ZERO),
                expected,
                "{error}"
            );
        }
        let deadline = || Err(RegistryError::Deadline { host: host() });
        let brief = limits::TELLING_SILENCE.saturating_sub(Duration::from_millis(1));
        assert_eq!(said(deadline(), brief), "unknown");
        assert_eq!(said(deadline(), limits::TELLING_SILENCE), "fails");
    }
}
