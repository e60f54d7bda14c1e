//! What each path answers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, StatusCode, Version, header};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use tracing::{Instrument as _, Span, field::Empty};

use super::{
    certificate::CurrentCertificate,
    no_review::NoReview,
    received::{JSON, read_review},
    timeout::{review_budget, review_timeout},
};
use crate::{
    admission::{self, Answer, ReviewBodyError, Webhook},
    limits,
    review::{Observer, Reviewer},
    telemetry::{CacheUse, Format, Metrics, Readiness, ReviewCount, ReviewResult, continue_trace},
};

/// What all requests share.
#[derive(Debug)]
pub(super) struct Shared {
    reviewer: Arc<Reviewer>,
    metrics: Arc<Metrics>,
    observers: Vec<Arc<dyn Observer>>,
    certificate: Option<Arc<CurrentCertificate>>,
    draining: AtomicBool,
    /// One permit per byte that a body takes once it is read. Anybody who reaches the port can send bodies.
    room: Arc<Semaphore>,
}

impl Shared {
    pub(super) fn new(
        reviewer: Arc<Reviewer>,
        metrics: Arc<Metrics>,
        observers: Vec<Arc<dyn Observer>>,
    ) -> Self {
        Self {
            reviewer,
            metrics,
            observers,
            certificate: None,
            draining: AtomicBool::new(false),
            room: Arc::new(Semaphore::new(limits::REVIEW_MEMORY_BYTES)),
        }
    }

    /// Without this certificate nobody can send reviews.
    pub(super) fn with_certificate(self, certificate: Arc<CurrentCertificate>) -> Self {
        Self {
            certificate: Some(certificate),
            ..self
        }
    }

    pub(super) fn begin_draining(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Why no review should be sent here, if that is so.
    fn not_ready(&self) -> Option<&'static str> {
        if self.draining.load(Ordering::SeqCst) {
            return Some("shutting down\n");
        }
        if self
            .certificate
            .as_ref()
            .is_some_and(|certificate| !certificate.is_there())
        {
            return Some("there is no serving certificate yet\n");
        }
        (!self.reviewer.is_ready()).then_some("the policies are not loaded yet\n")
    }
}

/// The routes served over TLS.
pub(super) fn webhook(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/mutate", post(mutate))
        .route("/validate", post(validate))
        .route("/validate-policies", post(validate_policies))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .layer(middleware::from_fn_with_state(
            Arc::clone(shared),
            close_while_draining,
        ))
        .with_state(Arc::clone(shared))
}

/// API servers keep HTTP/1.1 connections to a webhook, and send the next review over one of them just when it is closed
/// at the end of the drain. So each is given up with its last answer, which says so. HTTP/2 has a frame for that.
async fn close_while_draining(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let version = request.version();
    let mut response = next.run(request).await;
    if shared.draining.load(Ordering::SeqCst) && version < Version::HTTP_2 {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// The routes served in plain text. Without a certificate nobody could ask the others whether all is well.
pub(super) fn metrics(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readiness))
        .with_state(Arc::clone(shared))
}

async fn mutate(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    review(Webhook::Mutate, &shared, request).await
}

async fn validate(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    review(Webhook::Validate, &shared, request).await
}

async fn validate_policies(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let received = Instant::now();
    let timeout = review_timeout(request.uri().query().unwrap_or_default());
    let deadline = received + review_budget(timeout);
    let result = match read_review(request, &shared.room, deadline).await {
        Ok(body) => judge_policies(&body.content, &shared.reviewer),
        Err(refusal) => Err(refusal),
    };
    let counted = count(admission::POLICIES, &result, received.elapsed());
    shared.metrics.count_review(&counted);
    response(result)
}

async fn readiness(State(shared): State<Arc<Shared>>) -> Response {
    match shared.not_ready() {
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason).into_response(),
        None => "ready\n".into_response(),
    }
}

async fn scrape(State(shared): State<Arc<Shared>>, request: HeaderMap) -> Response {
    shared.metrics.set_ready(match shared.not_ready() {
        None => Readiness::Ready,
        Some(_) => Readiness::NotReady,
    });
    let accept = request.get(header::ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok());
    let format = Format::accepted(accept.unwrap_or_default());
    let headers = [(header::CONTENT_TYPE, format.content_type())];
    (headers, shared.metrics.encode_as(format)).into_response()
}

async fn review(webhook: Webhook, shared: &Shared, request: Request) -> Response {
    let received = Instant::now();
    let _under_way = shared.metrics.begin_review();
    let timeout = review_timeout(request.uri().query().unwrap_or_default());
    shared.metrics.set_timeout(timeout);
    let deadline = received + review_budget(timeout);
    let span = tracing::debug_span!(
        "request",
        otel.kind = "server",
        path = request.uri().path(),
        kind = Empty,
        name = Empty,
        decision = Empty,
        codes = Empty,
    );
    continue_trace(&span, request.headers());
    let answering = async {
        let body = read_review(request, &shared.room, deadline).await?;
        until_ready(&shared.reviewer, deadline).await;
        judge(webhook, &body.content, &shared.reviewer, deadline).await
    };
    let result = answering.instrument(span.clone()).await;
    record(&span, &result);
    drop(span);
    shared
        .metrics
        .count_review(&count(webhook.name(), &result, received.elapsed()));
    if let Some(observation) = result.iter().find_map(|answer| answer.observation.as_ref()) {
        for observer in &shared.observers {
            observer.observe(observation);
        }
    }
    response(result)
}

fn response(result: Result<Answer, NoReview>) -> Response {
    match result {
        Ok(answer) => ([(header::CONTENT_TYPE, JSON)], answer.body).into_response(),
        Err(NoReview { status, reason }) => (status, format!("{reason}\n")).into_response(),
    }
}

/// Tells a trace what the log tells of the answer.
fn record(span: &Span, result: &Result<Answer, NoReview>) {
    if span.is_disabled() {
        return;
    }
    match result {
        Ok(answer) => {
            span.record(
                "decision",
                if answer.allowed { "allowed" } else { "denied" },
            );
            span.record("codes", answer.codes.join(","));
            if let Some(observation) = &answer.observation {
                span.record("kind", &observation.object.kind);
                span.record("name", &observation.object.name);
            }
        }
        Err(refusal) => {
            span.record("decision", refusal.status.as_str());
        }
    }
}

/// A review as the metrics count it.
fn count<'a>(
    webhook: &'static str,
    result: &'a Result<Answer, NoReview>,
    took: Duration,
) -> ReviewCount<'a> {
    let (result, codes, cache): (_, &[&'static str], _) = match result {
        Ok(answer) if answer.allowed => (ReviewResult::Allowed, &[], answer.cache),
        Ok(answer) => (ReviewResult::Denied, &answer.codes, answer.cache),
        Err(refusal) => (refusal.result(), &[], CacheUse::Hit),
    };
    ReviewCount {
        webhook,
        result,
        codes,
        cache,
        took,
    }
}

/// A container that has just been started again may be asked before the API server has learned that it is not ready:
/// what waits for the policies a moment is judged by them, and need not be refused for want of them.
async fn until_ready(reviewer: &Reviewer, deadline: Instant) {
    let ready = async {
        while !reviewer.is_ready() {
            tokio::time::sleep(READINESS_POLL).await;
        }
    };
    let patience = Instant::now() + limits::READINESS_PATIENCE;
    // Whoever has waited in vain is told what is missing by the review itself.
    let _ = timeout_at(deadline.min(patience), ready).await;
}

/// A panic is the failure of one review, never of the others that share its connection or process.
async fn judge(
    webhook: Webhook,
    body: &[u8],
    reviewer: &Reviewer,
    deadline: Instant,
) -> Result<Answer, NoReview> {
    let answering = AssertUnwindSafe(admission::answer(webhook, body, reviewer, deadline));
    let answer = answering.catch_unwind().await;
    survived(webhook.name(), body.len(), answer)
}

fn judge_policies(body: &[u8], reviewer: &Reviewer) -> Result<Answer, NoReview> {
    let answering = AssertUnwindSafe(|| admission::answer_policies(body, reviewer));
    let answer = catch_unwind(answering);
    survived(admission::POLICIES, body.len(), answer)
}

fn survived(
    webhook: &'static str,
    size: usize,
    answer: std::thread::Result<Result<Answer, ReviewBodyError>>,
) -> Result<Answer, NoReview> {
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            // The reason may quote a field of the body: it goes to the caller, who knows the body, only.
            tracing::warn!(size, webhook, "a body is no admission review");
            Err(NoReview::new(StatusCode::BAD_REQUEST, error.to_string()))
        }
        Err(_) => {
            tracing::error!(size, webhook, "a review panicked");
            let reason = "this review failed inside assay";
            Err(NoReview::new(StatusCode::INTERNAL_SERVER_ERROR, reason))
        }
    }
}

/// How often a waiting review looks whether the policies are loaded.
const READINESS_POLL: Duration = Duration::from_millis(20);
