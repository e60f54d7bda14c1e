//! Sending requests: timeouts, retries, rate limits, redirects, and the classes of failure.

mod failure;
mod redirect;

pub(super) use failure::Failure;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use rand::Rng as _;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::Instrument as _;
use url::Url;

use self::failure::{SendError, deadline, limit, rate_limited, timeout, unavailable};
use super::{
    RegistryError, Secret,
    auth::authority,
    body::{self, BodyError},
    budget::{Budget, Share},
    form::FORM,
    host::{Host, Hosts},
    options::RegistryOptions,
    settings::RegistrySettings,
    tls::Clients,
};
use crate::{limits, telemetry::RequestEnd};

/// The way to all hosts.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) settings: RegistrySettings,
    pub(super) clients: Clients,
    pub(super) hosts: Hosts,
    pub(super) options: RegistryOptions,
    /// What all answers together may take.
    pub(super) budget: Budget,
}

/// One request, whatever it takes to have it answered.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: &'static str,
    /// Sent to the host of `url` only, wherever it redirects to.
    pub(super) authorization: Option<HeaderValue>,
    /// A form to send, which is never sent on to where the host redirects.
    pub(super) form: Option<Secret>,
    /// The TLS settings for the host of `url`.
    pub(super) client: usize,
    /// The longest body that is read.
    pub(super) body_limit: usize,
    /// As in `the token`, for messages.
    pub(super) what: &'a str,
    /// The registry for whose images it is made, as they name it.
    pub(super) registry: &'a str,
    pub(super) deadline: Instant,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    /// Who gave it.
    pub(super) host: String,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Empty when the status is no success.
    pub(super) body: Bytes,
    /// What pays for the body.
    pub(super) share: Arc<Share>,
    /// Whether another URL than the one asked gave it.
    pub(super) is_redirected: bool,
}

impl Transport {
    /// The final answer to a call. An error status is an answer too, but for 429 and what retries did not cure.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let mut url = call.url.clone();
        let mut authorization = call.authorization.clone();
        let mut client = call.client;
        for hop in 0..=limits::REDIRECTS_PER_REQUEST {
            let failed = |error| Failure {
                error,
                is_redirected: hop > 0,
            };
            let sent = self.send_patiently(call, &url, authorization.as_ref(), client);
            let mut answer = sent.await.map_err(failed)?;
            answer.is_redirected = hop > 0;
            if call.form.is_some() {
                return Ok(answer);
            }
            let Some(next) = self.redirect_target(&url, &answer)? else {
                return Ok(answer);
            };
            if next.origin() != url.origin() {
                // Whoever is next was not given these credentials by anybody.
                authorization = None;
                client = self.client_for(&next);
            }
            url = next;
        }
        Err(Failure {
            error: unavailable(&url, "redirects too often"),
            is_redirected: true,
        })
    }

    /// The index of the TLS settings for a host that is known by its URL only.
    pub(super) fn client_for(&self, url: &Url) -> usize {
        let setting = self.settings.find(&authority(url), "");
        setting.map_or(super::tls::PUBLIC, |setting| {
            self.clients.index_of(&setting.prefix())
        })
    }

    /// Sends again after failures that may pass, as long as the deadline allows.
    async fn send_patiently(
        &self,
        call: &Call<'_>,
        url: &Url,
        authorization: Option<&HeaderValue>,
        client: usize,
    ) -> Result<Answer, RegistryError> {
        let host = self.hosts.of(url);
        let mut retries = 0;
        let mut waits = 0;
        loop {
            wait_until_open(&host, url, call.deadline).await?;
            let sent = self
                .send_once(call, &host, url, authorization, client)
                .await;
            match &sent {
                Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                    host.close_for(rate_limit_pause(&answer.headers));
                    if waits == limits::RATE_LIMIT_WAITS {
                        return Err(rate_limited(url));
                    }
                    waits += 1;
                    continue;
                }
                Ok(answer) if may_pass(answer.status) => {}
                Err(SendError::MayPass(_)) => {}
                Ok(_) | Err(SendError::Lasting(_)) => return sent.map_err(SendError::into_inner),
            }
            let resume = Instant::now() + retry_pause(self.options.retry_pause, retries);
            if retries == limits::RETRIES_PER_REQUEST || resume >= call.deadline {
                return sent.map_err(SendError::into_inner);
            }
            retries += 1;
            sleep_until(resume).await;
        }
    }

    /// One attempt, counted.
    async fn send_once(
        &self,
        call: &Call<'_>,
        host: &Arc<Host>,
        url: &Url,
        authorization: Option<&HeaderValue>,
        client: usize,
    ) -> Result<Answer, SendError> {
        let permit = timeout_at(call.deadline, host.permits.acquire());
        let _permit = permit.await.map_err(|_| deadline(url))?;
        let began = Instant::now();
        let span = tracing::debug_span!(
            "registry request",
            otel.kind = "client",
            host = url.host_str(),
            method = call.method.as_str(),
            what = call.what,
            status = tracing::field::Empty,
        );
        let exchange = self.exchange(call, url, authorization, client);
        let sent = exchange.instrument(span.clone()).await;
        let end = match &sent {
            Ok(answer) => RequestEnd::Status(answer.status.as_u16()),
            Err(error) => error.end(),
        };
        span.record("status", end.label());
        let requests = &self.options.requests;
        requests.count(call.registry, end, began.elapsed());
        sent
    }

    async fn exchange(
        &self,
        call: &Call<'_>,
        url: &Url,
        authorization: Option<&HeaderValue>,
        client: usize,
    ) -> Result<Answer, SendError> {
        let Some(client) = self.clients.of(client, url) else {
            return Err(SendError::Lasting(unavailable(url, "has no TLS settings")));
        };
        let mut request = client
            .request(call.method.clone(), url.clone())
            .header(header::ACCEPT, call.accept)
            // What is packed is never unpacked, so that a few bytes cannot turn into many.
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value.clone());
        }
        if let Some(form) = &call.form {
            request = request
                .header(header::CONTENT_TYPE, FORM)
                .body(form.reveal().to_owned());
        }
        let patience = Instant::now() + self.options.answer_timeout;
        let response = match timeout_at(patience.min(call.deadline), request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(SendError::of(&error, url)),
            Err(_) if call.deadline <= patience => return Err(deadline(url).into()),
            Err(_) => return Err(timeout(url).into()),
        };
        self.read(call, url, response).await
    }

    async fn read(
        &self,
        call: &Call<'_>,
        url: &Url,
        mut response: reqwest::Response,
    ) -> Result<Answer, SendError> {
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        // The body's length is not lost with the headers: it was read from them before.
        let pause = self.options.body_pause_timeout;
        let mut share = self.budget.open();
        let body = if status.is_success() && call.method != Method::HEAD {
            let deadline = call.deadline;
            let read = body::read(response, call.body_limit, pause, deadline, &mut share).await;
            read.map_err(|error| body_error(error, url, call))?
        } else {
            // Read only so that the connection can be used again: it does not matter whether that works.
            let brief = Instant::now() + ERROR_BODY_PATIENCE;
            let until = brief.min(call.deadline);
            let _ = body::drain(response, limits::ERROR_BODY_BYTES, pause, until).await;
            Bytes::new()
        };
        Ok(Answer {
            host: authority(url),
            status,
            headers,
            body,
            share: Arc::new(share),
            is_redirected: false,
        })
    }
}

impl Answer {
    /// The media type, without parameters, in lower case.
    pub(super) fn media_type(&self) -> Option<String> {
        let value = self.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let media_type = value.split(';').next()?;
        Some(media_type.trim().to_ascii_lowercase())
    }
}

/// Waits for the end of a rate limit, when that comes before the deadline.
async fn wait_until_open(host: &Host, url: &Url, deadline: Instant) -> Result<(), RegistryError> {
    while let Some(opens) = host.opens() {
        if opens >= deadline {
            return Err(rate_limited(url));
        }
        sleep_until(opens).await;
    }
    Ok(())
}

fn body_error(error: BodyError, url: &Url, call: &Call<'_>) -> SendError {
    match error {
        BodyError::TooLarge => limit(
            url,
            format!("{} is larger than {} bytes", call.what, call.body_limit),
        )
        .into(),
        BodyError::Paused => timeout(url).into(),
        BodyError::Deadline => deadline(url).into(),
        BodyError::Crowded => limit(url, CROWDED.to_owned()).into(),
        BodyError::Broken => SendError::MayPass(unavailable(url, "broke off its answer")),
    }
}

fn may_pass(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

/// What a 429 asks for; a date instead of a number of seconds is not read.
fn rate_limit_pause(headers: &HeaderMap) -> Duration {
    headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map_or(limits::RATE_LIMIT_PAUSE, Duration::from_secs)
}

/// Doubled with each retry, give or take a half, so that many callers do not come back together.
fn retry_pause(base: Duration, retries: u32) -> Duration {
    let jitter = rand::rng().random_range(0.5..1.5);
    base.saturating_mul(2_u32.saturating_pow(retries))
        .mul_f64(jitter)
}

/// What is said when a body cannot be paid for.
pub(super) const CROWDED: &str = "the answers of registries take all the memory there is for them";

/// How long the body of an error is worth waiting for.
const ERROR_BODY_PATIENCE: Duration = Duration::from_millis(200);

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
}
