//! Sending requests: timeouts, retries, rate limits, redirects, and the classes of failure.

mod circuit;
mod doubted;
mod failure;
mod patience;
mod pause;
mod redirect;
mod throttle;
mod turns;

pub(super) use circuit::{Change, Circuit, Health, Pass};
pub(super) use failure::Failure;
pub(super) use turns::Turns;

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use url::Url;

use self::{
    failure::{SendError, deadline, limit, timeout, unavailable, unusable},
    patience::Sent,
    redirect::redirect_target,
};
use super::{
    Secret,
    auth::authority,
    behalf::Behalf,
    body::{self, BodyError},
    budget::{Budget, Share},
    form::FORM,
    host::Hosts,
    options::RegistryOptions,
    passage::Circuits,
    terms::{Setup, Terms},
};
use crate::{limits, telemetry::RequestEnd};

/// The way to all hosts.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) setup: ArcSwap<Setup>,
    pub(super) hosts: Hosts,
    pub(super) circuits: Circuits,
    pub(super) options: RegistryOptions,
    /// What all answers together may take.
    pub(super) budget: Budget,
    pub(super) tasks: TaskTracker,
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
    /// How the host of `url` is asked.
    pub(super) terms: Terms,
    /// The longest body that is read.
    pub(super) body_limit: usize,
    /// As in `the token`, for messages.
    pub(super) what: &'a str,
    /// The registry for whose images it is made, as they name it.
    pub(super) registry: &'a str,
    pub(super) behalf: &'a Behalf,
    pub(super) deadline: Instant,
}

/// A call on its way: to where it was led, with what may be presented there.
#[derive(Debug)]
struct Hop<'a> {
    call: &'a Call<'a>,
    url: &'a Url,
    authorization: Option<&'a HeaderValue>,
    terms: &'a Terms,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    /// Who gave it.
    pub(super) host: String,
    /// Whether that was over plain HTTP.
    pub(super) is_plain: bool,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Empty when the status is no success.
    pub(super) body: Bytes,
    /// What pays for the body.
    pub(super) share: Arc<Share>,
    /// Whether another URL than the one asked gave it.
    pub(super) is_redirected: bool,
    /// Whether another origin than the one asked gave it, which was shown no login.
    pub(super) is_elsewhere: bool,
}

impl Transport {
    /// The final answer to a call. An error status is an answer too, but for 429 and what retries did not cure.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        let mut url = call.url.clone();
        let mut authorization = call.authorization.clone();
        let mut terms = call.terms.clone();
        let mut is_elsewhere = false;
        for hop in 0..=limits::REDIRECTS_PER_REQUEST {
            let failed = |error| Failure {
                error,
                is_redirected: hop > 0,
            };
            terms.permit(&url).map_err(failed)?;
            let next = Hop {
                call,
                url: &url,
                authorization: authorization.as_ref(),
                terms: &terms,
            };
            let mut answer = self.send_patiently(&next).await.map_err(failed)?;
            answer.is_redirected = hop > 0;
            answer.is_elsewhere = is_elsewhere;
            if call.form.is_some() {
                return Ok(answer);
            }
            let Some(next) = redirect_target(&url, &answer, &terms)? else {
                return Ok(answer);
            };
            if next.origin() != url.origin() {
                // Whoever is next was not given these credentials by anybody.
                authorization = None;
                terms = terms.elsewhere(&next);
                is_elsewhere = true;
            }
            url = next;
        }
        Err(Failure {
            error: unusable(&url, "redirects too often"),
            is_redirected: true,
        })
    }

    /// One attempt, counted.
    async fn send_once(&self, hop: &Hop<'_>) -> Sent {
        let call = hop.call;
        let began = Instant::now();
        let span = tracing::debug_span!(
            "registry request",
            otel.kind = "client",
            host = hop.url.host_str(),
            method = call.method.as_str(),
            what = call.what,
            status = tracing::field::Empty,
        );
        let result = self.exchange(hop).instrument(span.clone()).await;
        let end = match &result {
            Ok(answer) => RequestEnd::Status(answer.status.as_u16()),
            Err(error) => error.end(),
        };
        span.record("status", end.label());
        let took = began.elapsed();
        self.options.requests.count(call.registry, end, took);
        Sent { result, took }
    }

    async fn exchange(&self, hop: &Hop<'_>) -> Result<Answer, SendError> {
        let Hop { call, url, .. } = *hop;
        let route = hop.terms.route(url);
        let mut request = route
            .client
            .request(call.method.clone(), url.clone())
            .header(header::ACCEPT, call.accept)
            // What is packed is never unpacked, so that a few bytes cannot turn into many.
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(value) = hop.authorization {
            request = request.header(header::AUTHORIZATION, value.clone());
        }
        if let Some(form) = &call.form {
            request = request
                .header(header::CONTENT_TYPE, FORM)
                .body(form.reveal().to_owned());
        }
        let patience = self.patience(call.deadline);
        let response = match timeout_at(patience.min(call.deadline), request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(SendError::of(&error, url, route.proxy.as_ref())),
            Err(_) if call.deadline <= patience => return Err(deadline(url).into()),
            Err(_) => return Err(timeout(url).into()),
        };
        self.read(call, url, response).await
    }

    /// How long the head of an answer is waited for. Whoever asks for a review says how long that may take, so silence is
    /// the host's only after a time of ours.
    fn patience(&self, deadline: Instant) -> Instant {
        let now = Instant::now();
        let usual = now + self.options.answer_timeout;
        if usual < deadline {
            usual
        } else {
            now + self.options.brief_answer_timeout
        }
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
        let mut share = self.budget.open(call.registry, call.behalf);
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
            is_plain: url.scheme() == "http",
            status,
            headers,
            body,
            share: Arc::new(share),
            is_redirected: false,
            is_elsewhere: false,
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

fn body_error(error: BodyError, url: &Url, call: &Call<'_>) -> SendError {
    match error {
        BodyError::TooLarge => limit(
            url,
            format!("{} is larger than {} bytes", call.what, call.body_limit),
        )
        .into(),
        BodyError::Paused => timeout(url).into(),
        BodyError::Deadline => SendError::Flowing(deadline(url)),
        BodyError::Crowded => limit(url, CROWDED.to_owned()).into(),
        BodyError::Broken => SendError::MayPass(unavailable(url, "broke off its answer")),
    }
}

/// What is said when a body cannot be paid for.
pub(super) const CROWDED: &str = "the answers of registries take all the memory there is for them";

/// How long the body of an error is worth waiting for.
const ERROR_BODY_PATIENCE: Duration = Duration::from_millis(200);
