//! Answers that a well-behaved registry does not give.

use std::{convert::Infallible, fmt, sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderName, HeaderValue, StatusCode, header};
use tokio_util::sync::CancellationToken;

use super::log::RequestInfo;
use crate::{image::Digest, limits};

/// What goes wrong with one answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// This answer instead of the true one.
    Status {
        /// The status code.
        status: u16,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// The web page of a proxy that knows no such path.
    Html404,
    /// The head of the true answer, and a body that never ends.
    EndlessBody,
    /// The true answer, one byte a second.
    SlowBody,
    /// The first half of the true body, then the connection breaks.
    BrokenBody,
    /// No answer at all.
    Hang,
    /// 307 to this URL.
    Redirect(String),
    /// The true answer, whose header names another digest.
    WrongDigestHeader,
    /// The true answer without the header that names its digest.
    NoDigestHeader,
    /// The true answer with one byte of its body changed.
    WrongContent,
    /// The true answer, served as this media type.
    MediaType(String),
    /// The true answer where its type is one of these, as an `Accept` header lists them; else 404.
    UnlessAccepted(String),
}

impl Fault {
    /// An empty answer with this status instead of the true one.
    pub fn status(status: u16) -> Self {
        Self::answer(status, &[], "")
    }

    /// This answer instead of the true one.
    pub fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers.iter();
        Self::Status {
            status,
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.into(),
        }
    }
}

type Hook = Arc<dyn Fn(&RequestInfo) -> Option<Fault> + Send + Sync>;

/// Says for each request what goes wrong with it.
#[derive(Default)]
pub(super) struct FaultHook(Option<Hook>);

impl FaultHook {
    pub(super) fn set(
        &mut self,
        hook: impl Fn(&RequestInfo) -> Option<Fault> + Send + Sync + 'static,
    ) {
        self.0 = Some(Arc::new(hook));
    }

    pub(super) fn clear(&mut self) {
        self.0 = None;
    }

    /// The hook itself, to be called without the lock held.
    pub(super) fn current(&self) -> Option<Hook> {
        self.0.clone()
    }
}

impl fmt::Debug for FaultHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "set" } else { "none" })
    }
}

impl Fault {
    /// Spoils the true answer. Never returns for [`Fault::Hang`] until the registry stops.
    pub(super) async fn spoil(self, answer: Response, stop: &CancellationToken) -> Response {
        match self {
            Self::Status {
                status,
                headers,
                body,
            } => instead(status, &headers, body),
            Self::Html404 => instead(
                404,
                &[("content-type".to_owned(), "text/html; charset=utf-8".to_owned())],
                b"<!DOCTYPE html><html><body>The page you are looking for is not here</body></html>".to_vec(),
            ),
            Self::EndlessBody => endless(answer, stop),
            Self::SlowBody => slow(answer, stop).await,
            Self::BrokenBody => broken(answer).await,
            Self::Hang => {
                stop.cancelled().await;
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
            Self::Redirect(url) => instead(307, &[("location".to_owned(), url)], Vec::new()),
            Self::WrongDigestHeader => {
                let other = Digest::of(b"another content");
                with_digest_header(answer, HeaderValue::from_str(other.as_str()).ok())
            }
            Self::NoDigestHeader => with_digest_header(answer, None),
            Self::WrongContent => wrong_content(answer).await,
            Self::MediaType(media_type) => served_as(answer, &media_type),
            Self::UnlessAccepted(accept) => unless_accepted(answer, &accept),
        }
    }
}

fn instead(status: u16, headers: &[(String, String)], body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn with_digest_header(mut answer: Response, value: Option<HeaderValue>) -> Response {
    answer.headers_mut().remove("docker-content-digest");
    if let Some(value) = value {
        answer.headers_mut().insert("docker-content-digest", value);
    }
    answer
}

fn served_as(mut answer: Response, media_type: &str) -> Response {
    if let (true, Ok(value)) = (answer.status().is_success(), media_type.parse()) {
        answer.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    answer
}

fn unless_accepted(answer: Response, accept: &str) -> Response {
    let media_type = answer.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let mut accepted = accept.split(',').map(str::trim);
    if accepted.any(|one| one == "*/*" || Some(one) == media_type) {
        return answer;
    }
    StatusCode::NOT_FOUND.into_response()
}

fn endless(answer: Response, stop: &CancellationToken) -> Response {
    let (mut parts, _) = answer.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    let spaces = Bytes::from_static(&[b' '; 16 * 1024]);
    let body = stream::repeat_with(move || Ok::<_, Infallible>(spaces.clone()))
        .take_until(stop.clone().cancelled_owned());
    Response::from_parts(parts, Body::from_stream(body))
}

async fn slow(answer: Response, stop: &CancellationToken) -> Response {
    let (parts, content) = read(answer).await;
    let bytes: Vec<Bytes> = content.chunks(1).map(Bytes::copy_from_slice).collect();
    let body = stream::iter(bytes)
        .then(|byte| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, Infallible>(byte)
        })
        .take_until(stop.clone().cancelled_owned());
    Response::from_parts(parts, Body::from_stream(body))
}

async fn broken(answer: Response) -> Response {
    let (parts, content) = read(answer).await;
    let half = content.slice(..content.len() / 2);
    let breaking = stream::once(async {
        // The first half has to leave this process before the connection does.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(std::io::Error::other("the connection breaks here"))
    });
    let body = stream::iter([Ok(half)]).chain(breaking);
    Response::from_parts(parts, Body::from_stream(body))
}

async fn wrong_content(answer: Response) -> Response {
    let (parts, content) = read(answer).await;
    let mut content = content.to_vec();
    // The last byte but one: inside the last quotes of a JSON object more often than not, and the length stays.
    if let Some(byte) = content.iter_mut().rev().nth(1) {
        *byte ^= 1;
    }
    Response::from_parts(parts, Body::from(content))
}

async fn read(answer: Response) -> (http::response::Parts, Bytes) {
    let (parts, body) = answer.into_parts();
    let content = to_bytes(body, 2 * limits::ATTACHMENT_BYTES)
        .await
        .unwrap_or_default();
    (parts, content)
}
